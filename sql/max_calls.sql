-- amplify_fdw.max_calls ends a statement before the call over the limit.
\ir ../test/setup.psql
SET amplify_fdw.max_calls = 3;
SELECT count(*) FROM backend_environments;
\echo :SQLSTATE
\! mockctl total && mockctl reset
SELECT count(*) FROM backend_environments WHERE app_id IN ('d1a2b3c4d5', 'd2b3c4d5e6', 'd4d5e6f7g8');
\! mockctl total && mockctl reset
SELECT count(*) FROM backend_environments
  WHERE app_id IN ('d1a2b3c4d5', 'd2b3c4d5e6', 'd4d5e6f7g8', 'd5') AND environment_name = 'prod';
\echo :SQLSTATE
\! mockctl total && mockctl reset

-- each statement has its own
SELECT count(*) FROM backend_environments WHERE app_id = 'd1a2b3c4d5';
SELECT count(*) FROM backend_environments WHERE app_id = 'd1a2b3c4d5';
SELECT count(*) FROM backend_environments WHERE app_id = 'd1a2b3c4d5';
SELECT count(*) FROM backend_environments WHERE app_id = 'd1a2b3c4d5';
\! mockctl total && mockctl reset

-- what is asked twice counts once, attempts count each
SELECT count(*) FROM backend_environments AS a JOIN backend_environments AS b USING (app_id)
  WHERE app_id IN ('d1a2b3c4d5', 'd2b3c4d5e6', 'd4d5e6f7g8');
\! mockctl total && mockctl reset
SET amplify_fdw.max_calls = 2;
\! mockctl fault status=503 n=2
SELECT count(*) FROM backend_environments WHERE app_id = 'd1a2b3c4d5';
\echo :SQLSTATE
\! mockctl total && mockctl reset

-- the hint names the keys of the table
CREATE FOREIGN TABLE builds (app_id text, branch text OPTIONS (field 'branch_name'), status text)
  SERVER amplify OPTIONS (resource 'jobs');
SELECT count(*) FROM builds;
SELECT count(*) FROM apps WHERE app_id IN ('d1a2b3c4d5', 'd2b3c4d5e6', 'd3c4d5e6f7', 'd4d5e6f7g8');
\! mockctl reset

-- on_error is no way around it
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD on_error 'warn');
SELECT count(*) FROM backend_environments;
\echo :SQLSTATE
ALTER FOREIGN TABLE backend_environments OPTIONS (DROP on_error);

SET amplify_fdw.max_calls = -1;
SET amplify_fdw.max_calls = 0;
SELECT count(*) FROM backend_environments;
SET amplify_fdw.nonsense = 1;
\echo :SQLSTATE
