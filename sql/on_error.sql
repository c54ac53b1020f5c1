-- With on_error 'warn', what failed is a warning and the other rows go on.
\ir ../test/setup.psql
CREATE VIEW e AS
  SELECT app_id, environment_name AS env FROM backend_environments;
ALTER SERVER amplify OPTIONS (ADD max_attempts '1');
\set VERBOSITY terse

\! mockctl fault match=d2b3c4d5e6 status=403 code=AccessDeniedException n=-1
SELECT * FROM e ORDER BY 1, 2;
\echo :SQLSTATE
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD on_error 'warn');
SELECT * FROM e ORDER BY 1, 2;
\echo :SQLSTATE
SELECT * FROM e WHERE app_id IN ('d1a2b3c4d5', 'd2b3c4d5e6') AND env = 'prod';
SELECT * FROM e WHERE app_id = 'd2b3c4d5e6' AND env = 'prod';
SELECT i.app, e.env FROM (VALUES ('d1a2b3c4d5'), ('d2b3c4d5e6'), ('d4d5e6f7g8')) AS i (app)
  LEFT JOIN e ON app_id = app AND env = 'prod' ORDER BY 1;
\! mockctl reset

-- the list of apps itself
\! mockctl fault op=ListApps status=500 n=-1
SELECT * FROM e ORDER BY 1, 2;
\! mockctl reset

-- a server that can't be asked at all is given up after one warning
\! mockctl fault status=403 code=UnrecognizedClientException n=-1
SET amplify_fdw.read_ahead = 0;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT i.app, e.env FROM (VALUES ('d1a2b3c4d5'), ('d2b3c4d5e6'), ('d4d5e6f7g8')) AS i (app)
  LEFT JOIN e ON app_id = app AND env = 'prod' ORDER BY 1;
\! mockctl calls && mockctl reset
RESET amplify_fdw.read_ahead;
\! mockctl fault status=403 code=UnrecognizedClientException n=-1
SELECT i.app, e.env FROM (VALUES ('d1a2b3c4d5'), ('d2b3c4d5e6'), ('d4d5e6f7g8')) AS i (app)
  LEFT JOIN e ON app_id = app AND env = 'prod' ORDER BY 1;
-- nor are more looked up than had been read ahead by then
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '1000000');
SELECT count(*), count(env) FROM generate_series(1, 300) AS n
  LEFT JOIN e ON app_id = 'd9' || n AND env = 'prod';
ALTER FOREIGN TABLE backend_environments OPTIONS (DROP estimated_rows);
SELECT * FROM e;
-- those in flight say nothing more
SELECT * FROM e WHERE app_id IN ('d1a2b3c4d5', 'd2b3c4d5e6', 'd4d5e6f7g8') AND env = 'prod';
-- by that statement, not by the next
\! mockctl reset
SELECT count(*) FROM e;
\! mockctl reset
RESET enable_hashjoin;
RESET enable_mergejoin;

-- credentials that can't be had, looked for once in a statement
ALTER SERVER amplify OPTIONS (ADD sts_endpoint_url :'mock');
ALTER USER MAPPING FOR CURRENT_USER SERVER amplify OPTIONS (ADD role_arn 'arn:aws:iam::111122223333:role/reader');
\! mockctl fault op=STS.AssumeRole status=403 code=AccessDenied n=-1
SELECT * FROM e ORDER BY 1, 2;
\echo :SQLSTATE
SELECT i.app, e.env FROM (VALUES ('d1a2b3c4d5'), ('d4d5e6f7g8')) AS i (app)
  LEFT JOIN e ON app_id = app AND env = 'prod' ORDER BY 1;
\! mockctl calls && mockctl reset
ALTER FOREIGN TABLE backend_environments OPTIONS (SET on_error 'error');
\! mockctl fault op=STS.AssumeRole status=403 code=AccessDenied n=-1
SELECT * FROM e ORDER BY 1, 2;
\echo :SQLSTATE
\! mockctl reset
ALTER FOREIGN TABLE backend_environments OPTIONS (SET on_error 'warn');
ALTER USER MAPPING FOR CURRENT_USER SERVER amplify OPTIONS (DROP role_arn);
-- but none at all are an error
DROP USER MAPPING FOR CURRENT_USER SERVER amplify;
SELECT * FROM e ORDER BY 1, 2;
\echo :SQLSTATE
CREATE USER MAPPING FOR CURRENT_USER SERVER amplify
  OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');

-- a value that can't be shown, limits and a cancel are errors all the same
\set VERBOSITY terse
\! mockctl data op=put app=d3c4d5e6f7 env=bad createTime=true
SELECT create_time FROM backend_environments WHERE app_id = 'd3c4d5e6f7';
\echo :SQLSTATE
SET statement_timeout = '100ms';
\! mockctl fault stall=request n=-1
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5';
\echo :SQLSTATE
\! mockctl reset
RESET statement_timeout;

-- back again
ALTER FOREIGN TABLE backend_environments OPTIONS (SET on_error 'error');
\! mockctl fault status=500
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5';
\echo :SQLSTATE
