-- mock: --generate 12,2
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

-- what was asked ahead of a server, which was given up then, is answered while
-- the statement goes on to ask another one
\getenv mock2 AMPLIFY_MOCK_URL_2
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '100000');
SET client_min_messages = error;
CREATE SERVER other FOREIGN DATA WRAPPER amplify_fdw OPTIONS (region 'us-east-1', endpoint_url :'mock2');
CREATE USER MAPPING FOR CURRENT_USER SERVER other
  OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
CREATE SCHEMA other;
IMPORT FOREIGN SCHEMA amplify LIMIT TO (backend_environments) FROM SERVER other INTO other;
RESET client_min_messages;
ALTER FOREIGN TABLE other.backend_environments OPTIONS (ADD estimated_rows '100000');
RESET amplify_fdw.read_ahead;
CREATE TEMP VIEW both_asked AS
  SELECT i.app, i.env, e.env AS here, o.environment_name AS there
  FROM (SELECT 'd' || lpad(n::text, 11, '0') AS app, env
        FROM unnest('{1,2,3,4,5,10,11,12}'::int[]) AS n, unnest('{dev,test}'::text[]) AS env ORDER BY n, env) AS i
  LEFT JOIN e ON e.app_id = app AND e.env = i.env
  LEFT JOIN other.backend_environments AS o ON o.app_id = app AND o.environment_name = i.env;
-- by Gets
\! mockctl fault match=d00000000005 status=403 code=UnrecognizedClientException n=-1
\! mockctl fault match=d0000000001 stall=request n=-1
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM both_asked WHERE env = 'dev';
FETCH 6 FROM c;
\! mockctl wait held=3
\! mockctl reset && mockctl release && mockctl wait held=0
FETCH ALL FROM c;
COMMIT;
\! mockctl each reset
-- by Lists
\! mockctl fault match=d00000000005 status=403 code=UnrecognizedClientException n=-1
\! mockctl fault match=d0000000001 stall=request n=-1
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM both_asked;
FETCH 12 FROM c;
\! mockctl wait held=6
\! mockctl reset && mockctl release && mockctl wait held=0
FETCH ALL FROM c;
COMMIT;
\! mockctl reset

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
