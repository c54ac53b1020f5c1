-- mock: --generate 3,120
-- app_id alone: the pages of one ListBackendEnvironments.
\ir ../test/setup.psql
SELECT count(*), count(DISTINCT environment_name), min(app_id), max(app_id)
  FROM backend_environments WHERE app_id = 'd00000000002';
\! mockctl calls
\! mockctl log | grep -o 'maxResults=[0-9]*'
\! mockctl reset

-- a condition on another column doesn't change what is asked
SELECT environment_name FROM backend_environments
  WHERE app_id = 'd00000000002' AND environment_name > 'prod'
  ORDER BY environment_name COLLATE "C";
\! mockctl calls
\! mockctl reset
SELECT count(*) FROM backend_environments
  WHERE app_id = 'd00000000002' AND environment_name <> 'dev';
\! mockctl calls
\! mockctl reset

-- two apps, and all pages of both
SELECT app_id, count(*) FROM backend_environments
  WHERE app_id IN ('d00000000001', 'd00000000003') GROUP BY app_id ORDER BY 1;
\! mockctl calls
