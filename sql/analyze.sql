-- mock: --generate 3,400
-- mock: --generate 0,0
-- ANALYZE of a small account reads every row once and keeps a sample for the
-- planner; of others, see test/t/sample.t.
\ir ../test/setup.psql
SET default_statistics_target = 1;
ANALYZE backend_environments;
\! mockctl calls && mockctl reset
SELECT reltuples FROM pg_class WHERE relname = 'backend_environments';
SELECT attname, null_frac, n_distinct FROM pg_stats
  WHERE tablename = 'backend_environments' AND attname IN ('app_id', 'region', 'account_id')
  ORDER BY attname COLLATE "C";

-- as many as there are, which the planner knows of from now on
SELECT count(*) FROM backend_environments;
CREATE FUNCTION pg_temp.estimate(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  EXECUTE 'EXPLAIN ' || query INTO line;
  RETURN substring(line FROM 'rows=\d+');
END $$;
SELECT pg_temp.estimate('SELECT * FROM backend_environments');
-- of one app, too, in whatever order the columns are
CREATE FOREIGN TABLE reordered (stack_name text, environment_name text, app_id text)
  SERVER amplify OPTIONS (resource 'backend_environments');
ANALYZE reordered;
EXPLAIN SELECT * FROM reordered WHERE app_id = 'd00000000001'
  \g (format=unaligned) | grep Estimated
DROP FOREIGN TABLE reordered;
\! mockctl reset

\set VERBOSITY terse
-- what fails is an error, and the statistics stay
\! mockctl fault status=403 code=AccessDeniedException match=d00000000002
ANALYZE backend_environments;
\echo :SQLSTATE
SELECT reltuples FROM pg_class WHERE relname = 'backend_environments';

-- as well with on_error 'warn': a part of the rows is no sample
ALTER SERVER amplify OPTIONS (ADD max_attempts '1');
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD on_error 'warn');
\! mockctl fault op=ListBackendEnvironments status=500
ANALYZE backend_environments;
\echo :SQLSTATE
SELECT reltuples FROM pg_class WHERE relname = 'backend_environments';

-- unless it may not list the table, or those of the server
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD analyze 'false');
\! mockctl reset
ANALYZE backend_environments;
ALTER FOREIGN TABLE backend_environments OPTIONS (DROP analyze);
ALTER SERVER amplify OPTIONS (ADD analyze 'off');
ANALYZE backend_environments;
\! mockctl total
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD analyze 'on');
ANALYZE backend_environments;
\! mockctl total
ALTER FOREIGN TABLE backend_environments OPTIONS (SET analyze 'seldom');

-- below partitioned tables it is listed once by a command, and by the next one again
CREATE TABLE everywhere (LIKE backend_environments) PARTITION BY LIST (account_id);
CREATE TABLE account PARTITION OF everywhere DEFAULT PARTITION BY LIST (region);
CREATE FOREIGN TABLE place PARTITION OF account DEFAULT SERVER amplify
  OPTIONS (resource 'backend_environments', analyze 'true');
CREATE TEMP VIEW known AS
  SELECT relname, reltuples, (SELECT sum(n_distinct) FROM pg_stats
    WHERE tablename = relname AND attname = 'app_id') AS apps
  FROM pg_class WHERE relname IN ('everywhere', 'account', 'place') ORDER BY relname COLLATE "C";
\! mockctl reset
ANALYZE everywhere;
\! mockctl calls
SELECT * FROM known;
BEGIN;
ANALYZE account, place;
COMMIT;
\! mockctl calls && mockctl reset
-- in a function, each has its own
DO $$ BEGIN ANALYZE everywhere; ANALYZE everywhere; END $$;
\! mockctl calls && mockctl reset
-- no more than was asked for above is no sample for it
ALTER FOREIGN TABLE place ALTER app_id SET STATISTICS 2;
ANALYZE everywhere;
\! mockctl calls && mockctl reset
-- nor is one that takes too much memory kept
SET maintenance_work_mem = '1MB';
SET default_statistics_target = 1000;
ANALYZE everywhere;
\! mockctl calls && mockctl reset
RESET maintenance_work_mem;
SET default_statistics_target = 1;
-- what fails is forgotten
\! mockctl fault skip=25 n=-1 status=403 code=AccessDeniedException
ALTER FOREIGN TABLE place ALTER app_id SET STATISTICS 3;
ANALYZE everywhere;
ANALYZE everywhere;
\! mockctl reset
DROP TABLE everywhere CASCADE;

-- an account that is empty is known as well
\getenv mock AMPLIFY_MOCK_URL_2
ALTER SERVER amplify OPTIONS (SET endpoint_url :'mock', SET analyze 'on');
SELECT pg_temp.estimate('SELECT * FROM apps');
ANALYZE apps;
SELECT reltuples FROM pg_class WHERE relname = 'apps';
SELECT pg_temp.estimate('SELECT * FROM apps');
