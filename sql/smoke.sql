-- From nothing to a row: extension, server, import, one call.
\ir ../test/setup.psql
SELECT amplify_fdw_version();
SELECT app_id, environment_name, stack_name FROM backend_environments
  WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'prod';
\! mockctl calls
