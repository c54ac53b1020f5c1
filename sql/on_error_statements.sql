-- mock: --generate 12,2
-- What one statement has given up, another one still asks: each warns of what
-- it leaves out itself, once.
\ir ../test/setup.psql
CREATE VIEW e AS SELECT app_id, environment_name AS env FROM backend_environments;
ALTER SERVER amplify OPTIONS (ADD max_attempts '1');
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD on_error 'warn');
\set VERBOSITY terse

-- two cursors over one server, of which one meets trouble
BEGIN;
DECLARE a CURSOR FOR SELECT * FROM e;
DECLARE b CURSOR FOR SELECT count(*) FROM e;
FETCH 1 FROM a;
\! mockctl fault status=403 code=UnrecognizedClientException n=-1
FETCH b;
\! mockctl reset
MOVE ALL IN a;
\echo :ROW_COUNT
COMMIT;
\! mockctl reset

-- statements inside another one, which can ask what that one can't
CREATE FUNCTION environments(text) RETURNS bigint LANGUAGE plpgsql AS
  'BEGIN RETURN (SELECT count(*) FROM e WHERE app_id = $1); END';
SET amplify_fdw.read_ahead = 0;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
\! mockctl fault op=GetBackendEnvironment status=403 code=UnrecognizedClientException n=-1
SELECT i.app, e.env, environments(i.app)
  FROM (VALUES ('d00000000001'), ('d00000000002'), ('d00000000003')) AS i (app)
  LEFT JOIN e ON app_id = app AND env = 'test';
\! mockctl calls && mockctl reset

-- credentials that one statement could not get
ALTER SERVER amplify OPTIONS (ADD sts_endpoint_url :'mock');
ALTER USER MAPPING FOR CURRENT_USER SERVER amplify OPTIONS (ADD role_arn 'arn:aws:iam::111122223333:role/reader');
BEGIN;
DECLARE a CURSOR FOR SELECT * FROM e;
FETCH 1 FROM a;
\! mockctl keys expire=1
\! mockctl fault op=STS.AssumeRole status=403 code=AccessDenied
SELECT count(*) FROM e;
MOVE ALL IN a;
\echo :ROW_COUNT
COMMIT;
\! mockctl calls
