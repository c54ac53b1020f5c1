-- mock: --generate 60,2
-- Reading ahead keeps to max_concurrency, starts little for a few rows, and
-- fails only for a row that is asked for.
\ir ../test/setup.psql
-- a lost answer is an error, rather than a wait without end
SET statement_timeout = '10min';
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '100000');
CREATE VIEW e AS
  SELECT app_id, environment_name AS env, stack_name FROM backend_environments;
CREATE TEMP TABLE inventory (id int PRIMARY KEY, app text, env text);
INSERT INTO inventory SELECT i, 'd' || lpad((i % 60 + 1)::text, 11, '0'), 'dev' FROM generate_series(1, 120) AS i;
ANALYZE inventory;

-- 120 rows, 60 keys
\! mockctl gather 10
SELECT count(*), count(e.env) FROM inventory i LEFT JOIN e ON app_id = app AND e.env = i.env;
\! mockctl calls
\! mockctl connections | grep max_in_flight
\! mockctl reset
\! mockctl gather 3
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD max_concurrency '3');
SELECT count(*), count(e.env) FROM inventory i LEFT JOIN e ON app_id = app AND e.env = i.env WHERE id <= 30;
\! mockctl calls
\! mockctl connections | grep max_in_flight
\! mockctl reset
ALTER FOREIGN TABLE backend_environments OPTIONS (DROP max_concurrency);

-- nor do rows ahead take more than work_mem, as four of 20 kB do
CREATE FUNCTION pg_temp.ahead(query text) RETURNS TABLE (rows_read text, most_ahead text) LANGUAGE plpgsql AS $$
DECLARE
  plan text;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO plan;
  RETURN QUERY SELECT substring(plan FROM '"Rows Read": (\d+)'), substring(plan FROM '"Rows Ahead": (\d+)');
END $$;
SET work_mem = '64kB';
SELECT * FROM pg_temp.ahead($$SELECT max(length(wide)), count(e.env)
  FROM (SELECT *, repeat('x', 20000) AS wide FROM inventory OFFSET 0) AS i LEFT JOIN e ON app_id = app AND e.env = i.env$$);
RESET work_mem;
\! mockctl calls && mockctl reset

-- a join that nobody reads is asked for all the same if the key isn't unique
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD unique_key 'false');
SELECT count(*), sum(id) FROM inventory i LEFT JOIN e ON app_id = app AND e.env = i.env;
\! mockctl total && mockctl reset
ALTER FOREIGN TABLE backend_environments OPTIONS (DROP unique_key);

-- a cursor starts only a few
SELECT amplify_fdw_stats_reset();
BEGIN;
DECLARE c CURSOR FOR SELECT id, e.env FROM inventory i JOIN e ON app_id = app AND e.env = i.env;
FETCH 1 FROM c;
SELECT calls < 20 AS few FROM amplify_fdw_stats();
MOVE ALL IN c;
COMMIT;
SELECT calls, handles_in_use FROM amplify_fdw_stats();

-- a lookup that fails is an error only if its row is asked for
\! mockctl reset
\! mockctl fault match=d00000000002 status=403 code=AccessDeniedException n=-1
\set VERBOSITY terse
SELECT id, e.env FROM inventory i JOIN e ON app_id = app AND e.env = i.env WHERE id IN (60, 61) ORDER BY id DESC LIMIT 1;
\echo :SQLSTATE
SELECT id, e.env FROM (SELECT * FROM inventory WHERE id IN (59, 60, 61) ORDER BY id LIMIT 3) AS i
  JOIN e ON app_id = app AND e.env = i.env LIMIT 2;
\echo :SQLSTATE

-- calls that nobody waited for are shown as well
\! mockctl reset
CREATE FUNCTION pg_temp.told(query text, OUT told bigint, OUT made bigint) LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  PERFORM amplify_fdw_stats_reset();
  EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO plan;
  SELECT sum((n ->> 'API Calls')::bigint) INTO told FROM jsonb_path_query(plan, 'strict $.** ? (exists (@."API Calls"))') AS n;
  SELECT sum(calls) INTO made FROM amplify_fdw_stats();
END $$;
SELECT query, told = made AS all_of_them, made > 3 AS some_ahead FROM (VALUES
  ('SELECT FROM inventory i JOIN e ON app_id = app AND e.env = i.env LIMIT 3'),
  ('SELECT FROM inventory i LEFT JOIN (e JOIN branches b USING (app_id)) ON e.app_id = app AND e.env = i.env LIMIT 3'),
  ('SELECT FROM inventory i WHERE EXISTS (SELECT FROM e JOIN branches b USING (app_id) WHERE e.app_id = app) LIMIT 3')
  ) AS v (query), pg_temp.told(query);
