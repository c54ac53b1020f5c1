-- Both keys: one GetBackendEnvironment.
\ir ../test/setup.psql
SET timezone = 'UTC';
SET datestyle = 'ISO';
\x on
SELECT * FROM backend_environments
  WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'prod';
\! mockctl calls
\! mockctl log | cut -d ' ' -f 2-
\! mockctl reset

-- members that the service left out are NULL
SELECT * FROM backend_environments
  WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'dev';
\x off

-- columns and conditions more or less change nothing about the call
\! mockctl reset
SELECT stack_name FROM backend_environments
  WHERE environment_name = 'prod' AND 'd1a2b3c4d5' = app_id;
SELECT count(*) FROM backend_environments
  WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'prod';
SELECT 1 AS one FROM backend_environments
  WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'prod'
    AND stack_name LIKE 'amplify%';
SELECT b FROM backend_environments b
  WHERE app_id = 'd2b3c4d5e6' AND environment_name = 'dev';
SELECT tableoid::regclass, environment_name FROM backend_environments
  WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'prod';
\! mockctl calls
