-- What one statement asks twice is asked once, and answers the same.
\ir ../test/setup.psql
CREATE VIEW e AS
  SELECT app_id, environment_name AS env, stack_name FROM backend_environments;
\pset tuples_only on

SELECT a.env, b.env FROM e AS a JOIN e AS b USING (app_id)
  WHERE app_id = 'd2b3c4d5e6' ORDER BY 1, 2;
\! mockctl calls && mockctl reset
SELECT a.env, b.env FROM e AS a, e AS b
  WHERE a.app_id = 'd1a2b3c4d5' AND a.env = 'prod' AND b.app_id = 'd1a2b3c4d5' AND b.env = 'prod';
\! mockctl calls && mockctl reset
SELECT env FROM e WHERE app_id = 'd1a2b3c4d5'
UNION ALL
SELECT env FROM e WHERE app_id = 'd1a2b3c4d5' ORDER BY 1;
\! mockctl calls && mockctl reset
-- also when the second scan begins after the end of the first one
SET enable_async_append = off;
SELECT count(*) FROM (SELECT * FROM e UNION ALL SELECT * FROM e) AS u;
\! mockctl calls && mockctl reset
RESET enable_async_append;
SELECT count(*), (SELECT count(*) FROM e), (SELECT min(env) FROM e) FROM e;
\! mockctl calls && mockctl reset
WITH w AS MATERIALIZED (SELECT * FROM e WHERE app_id = 'd1a2b3c4d5')
  SELECT w.env FROM w JOIN e USING (app_id, env) ORDER BY 1;
\! mockctl calls && mockctl reset

-- a failed lookup is a failure of the statement, once
\set VERBOSITY terse
\! mockctl fault op=GetBackendEnvironment status=403 code=AccessDeniedException n=-1
SELECT a.env, b.env FROM e AS a, e AS b
  WHERE a.app_id = 'd1a2b3c4d5' AND a.env = 'prod' AND b.app_id = 'd1a2b3c4d5' AND b.env = 'prod';
\echo :SQLSTATE
\! mockctl calls && mockctl reset

-- the next statement asks again
SELECT env FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\! mockctl calls && mockctl reset
