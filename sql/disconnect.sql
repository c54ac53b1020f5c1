-- A session gives up what it keeps of one server, and keeps the rest.
\ir ../test/setup.psql
-- what has not been used yet can be given up as well
SELECT count(*) FROM backend_environments WHERE app_id = '.';
SELECT amplify_fdw_disconnect_all();
CREATE SERVER other FOREIGN DATA WRAPPER amplify_fdw
  OPTIONS (region 'us-east-1', endpoint_url :'mock');
CREATE USER MAPPING FOR CURRENT_USER SERVER other
  OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
CREATE FOREIGN TABLE others (app_id text, environment_name text)
  SERVER other OPTIONS (resource 'backend_environments');
SELECT count(*) FROM backend_environments WHERE app_id = 'd1a2b3c4d5';
SELECT count(*) FROM others WHERE app_id = 'd1a2b3c4d5';
SELECT server_name, valid FROM amplify_fdw_connections() ORDER BY 1;
SELECT amplify_fdw_disconnect('other');
SELECT server_name, valid FROM amplify_fdw_connections() ORDER BY 1;
SELECT amplify_fdw_disconnect('other');
SELECT amplify_fdw_disconnect('amplify');
SELECT server_name, valid FROM amplify_fdw_connections() ORDER BY 1;
SELECT count(*) FROM others WHERE app_id = 'd1a2b3c4d5';
