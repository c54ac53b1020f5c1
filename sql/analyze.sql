-- mock: --generate 3,400
-- mock: --generate 0,0
-- ANALYZE of a small account reads every row once and keeps a sample for the
-- planner; of others, see test/t/sample.t.
\ir ../test/setup.psql
SET default_statistics_target = 1;
ANALYZE backend_environments;
\! mockctl calls && mockctl reset
SELECT reltuples FROM pg_class WHERE relname = 'backend_environments';
SELECT attname, null_frac, n_distinct FROM pg_stats
  WHERE tablename = 'backend_environments' AND attname IN ('app_id', 'region', 'account_id')
  ORDER BY attname COLLATE "C";

-- as many as there are, which the planner knows of from now on
SELECT count(*) FROM backend_environments;
CREATE FUNCTION pg_temp.estimate(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  EXECUTE 'EXPLAIN ' || query INTO line;
  RETURN substring(line FROM 'rows=\d+');
END $$;
SELECT pg_temp.estimate('SELECT * FROM backend_environments');

\set VERBOSITY terse
-- what fails is an error, and the statistics stay
\! mockctl fault status=403 code=AccessDeniedException match=d00000000002
ANALYZE backend_environments;
\echo :SQLSTATE
SELECT reltuples FROM pg_class WHERE relname = 'backend_environments';

-- as well with on_error 'warn': a part of the rows is no sample
ALTER SERVER amplify OPTIONS (ADD max_attempts '1');
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD on_error 'warn');
\! mockctl fault op=ListBackendEnvironments status=500
ANALYZE backend_environments;
\echo :SQLSTATE
SELECT reltuples FROM pg_class WHERE relname = 'backend_environments';

-- unless it may not list the table, or those of the server
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD analyze 'false');
\! mockctl reset
ANALYZE backend_environments;
ALTER FOREIGN TABLE backend_environments OPTIONS (DROP analyze);
ALTER SERVER amplify OPTIONS (ADD analyze 'off');
ANALYZE backend_environments;
\! mockctl total
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD analyze 'on');
ANALYZE backend_environments;
\! mockctl total
ALTER FOREIGN TABLE backend_environments OPTIONS (SET analyze 'seldom');

-- an account that is empty is known as well
\getenv mock AMPLIFY_MOCK_URL_2
ALTER SERVER amplify OPTIONS (SET endpoint_url :'mock', SET analyze 'on');
SELECT pg_temp.estimate('SELECT * FROM apps');
ANALYZE apps;
SELECT reltuples FROM pg_class WHERE relname = 'apps';
SELECT pg_temp.estimate('SELECT * FROM apps');
