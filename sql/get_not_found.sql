-- What isn't there is no row and no error.
\ir ../test/setup.psql
SELECT app_id FROM backend_environments
  WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'gone';
\! mockctl calls
\! mockctl reset
SELECT app_id FROM backend_environments
  WHERE app_id = 'dgone' AND environment_name = 'prod';
\! mockctl calls
\! mockctl reset
SELECT app_id FROM backend_environments WHERE app_id = 'dgone';
\! mockctl calls
\! mockctl reset

-- names differ in case
SELECT app_id FROM backend_environments
  WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'Prod';
\! mockctl calls
\! mockctl reset

-- an app without environments
SELECT app_id FROM backend_environments WHERE app_id = 'd3c4d5e6f7';
\! mockctl calls
SELECT server_name, calls, not_found, failed, handles_in_use
  FROM amplify_fdw_stats();

-- it is there again when it is there again
\! mockctl data op=put app=d3c4d5e6f7 env=late stackName=late
SELECT environment_name, stack_name FROM backend_environments
  WHERE app_id = 'd3c4d5e6f7' AND environment_name = 'late';
\! mockctl data op=delete app=d3c4d5e6f7 env=late
SELECT environment_name, stack_name FROM backend_environments
  WHERE app_id = 'd3c4d5e6f7' AND environment_name = 'late';
