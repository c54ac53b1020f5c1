-- mock: --generate 200,5
-- Without app_id: ListApps, and one call for each app.
\ir ../test/setup.psql
-- a lost answer is an error, rather than a wait without end
SET statement_timeout = '10min';
SELECT count(*), count(DISTINCT app_id), count(DISTINCT environment_name)
  FROM backend_environments;
\! mockctl calls
\! mockctl reset

-- the service filters by name
SELECT count(*), min(environment_name), max(environment_name)
  FROM backend_environments WHERE environment_name = 'prod';
\! mockctl calls
\! mockctl log | grep -c 'environmentName=prod'
\! mockctl reset

-- several names are filtered here
SELECT environment_name, count(*) FROM backend_environments
  WHERE environment_name IN ('prod', 'qa') GROUP BY 1 ORDER BY 1;
\! mockctl calls
\! mockctl reset
SELECT environment_name, count(*) FROM backend_environments
  WHERE environment_name = 'prod' OR stack_name LIKE 'amplify-app1-%'
  GROUP BY 1 ORDER BY 1;
\! mockctl calls
\! mockctl reset

-- LIMIT needs one app
SELECT count(*) FROM (SELECT FROM backend_environments LIMIT 1) AS one;
\! mockctl calls
\! mockctl reset

-- no more at a time than max_concurrency
\! mockctl gather 4 op=ListBackendEnvironments
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD max_concurrency '4');
SELECT count(*) FROM backend_environments WHERE environment_name = 'dev';
\! mockctl connections | grep max_in_flight
