-- mock: --generate 3,120
-- Pages are fetched as rows are asked for.
\ir ../test/setup.psql
SELECT environment_name FROM backend_environments
  WHERE app_id = 'd00000000002' LIMIT 1;
\! mockctl calls
\! mockctl reset
SELECT count(*) FROM (SELECT FROM backend_environments
  WHERE app_id = 'd00000000002' LIMIT 50) AS page;
\! mockctl calls
\! mockctl reset
SELECT count(*) FROM (SELECT FROM backend_environments
  WHERE app_id = 'd00000000002' LIMIT 51) AS more;
\! mockctl calls
\! mockctl reset
SELECT environment_name FROM backend_environments
  WHERE app_id = 'd00000000002' OFFSET 119 LIMIT 10;
\! mockctl calls
\! mockctl reset
SELECT EXISTS (SELECT FROM backend_environments WHERE app_id = 'd00000000002');
\! mockctl calls
\! mockctl reset
SELECT FROM backend_environments WHERE app_id = 'd00000000002' LIMIT 0;
\! mockctl total

-- a cursor
BEGIN;
DECLARE c CURSOR FOR SELECT environment_name FROM backend_environments
  WHERE app_id = 'd00000000002';
\! mockctl total
FETCH 2 FROM c;
\! mockctl total
MOVE 48 IN c;
\! mockctl total
FETCH 1 FROM c;
\! mockctl total
CLOSE c;
COMMIT;
\! mockctl total
SELECT handles_in_use FROM amplify_fdw_stats();
