-- amplify_fdw_stats() counts what the session has asked of each server.
\ir ../test/setup.psql
SELECT * FROM amplify_fdw_stats();
SELECT amplify_fdw_version();
SELECT count(*) FROM backend_environments;
SELECT count(*) FROM backend_environments WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'gone';
SELECT server_name, calls, by_operation, retries, throttled, not_found, failed, bytes > 1000 AS bytes,
    connections BETWEEN 1 AND 10 AS connections, handles_in_use
  FROM amplify_fdw_stats();

-- as the service has counted
\! mockctl calls

-- while a cursor is open
BEGIN;
DECLARE c CURSOR FOR SELECT environment_name FROM backend_environments;
FETCH 1 FROM c;
SELECT server_name, user_name = current_user AS own, valid, in_use FROM amplify_fdw_connections();
CLOSE c;
SELECT server_name, user_name = current_user AS own, valid, in_use FROM amplify_fdw_connections();
COMMIT;

-- zero again, but the connection stays
SELECT amplify_fdw_stats_reset();
SELECT server_name, calls, by_operation, bytes, connections, handles_in_use FROM amplify_fdw_stats();
SELECT count(*) FROM backend_environments WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'prod';
SELECT server_name, calls, by_operation, connections FROM amplify_fdw_stats();

-- disconnected: nothing is kept, and the next query connects anew
SELECT amplify_fdw_disconnect('amplify'), amplify_fdw_disconnect('amplify');
SELECT count(*) FROM amplify_fdw_connections();
SELECT count(*) FROM backend_environments WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'prod';
SELECT server_name, calls, connections FROM amplify_fdw_stats();
SELECT amplify_fdw_disconnect_all(), amplify_fdw_disconnect_all();
SELECT amplify_fdw_disconnect('no_such_server');
\echo :SQLSTATE

-- whoever gets the session next sees nothing of it
SELECT count(*) > 0 AS used FROM amplify_fdw_stats();
DISCARD ALL;
SELECT count(*) FROM amplify_fdw_stats();
SELECT count(*) FROM backend_environments WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'prod';
SELECT server_name, calls, by_operation FROM amplify_fdw_stats();

-- in use: marked, and dropped after the statement
BEGIN;
DECLARE c CURSOR FOR SELECT environment_name FROM backend_environments WHERE app_id = 'd1a2b3c4d5' ORDER BY 1;
FETCH 1 FROM c;
SELECT amplify_fdw_disconnect('amplify');
SELECT server_name, valid, in_use FROM amplify_fdw_connections();
FETCH 5 FROM c;
COMMIT;
SELECT count(*) FROM amplify_fdw_connections();

-- a server that is gone is no row
CREATE SERVER other FOREIGN DATA WRAPPER amplify_fdw OPTIONS (region 'us-east-1', endpoint_url :'mock');
CREATE FOREIGN TABLE others (app_id text) SERVER other OPTIONS (resource 'backend_environments');
\set VERBOSITY terse
SELECT FROM others WHERE app_id = 'd1a2b3c4d5';
\echo :SQLSTATE
SELECT server_name, calls, failed FROM amplify_fdw_stats() ORDER BY 1;
SET client_min_messages = warning;
DROP SERVER other CASCADE;
SELECT server_name, calls > 0 AS calls FROM amplify_fdw_stats() ORDER BY 1;
