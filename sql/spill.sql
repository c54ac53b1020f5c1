-- mock: --generate 4,120
-- mock: --generate 60,40
-- Answers that a statement needs again are in memory up to work_mem and in a
-- temporary file beyond it; they are asked for once all the same.
\ir ../test/setup.psql
CREATE FUNCTION pg_temp.temporary(query text, OUT written bool, OUT read bool)
LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ' || query INTO plan;
  written := (plan->0->'Plan'->>'Temp Written Blocks')::int > 0;
  read := (plan->0->'Plan'->>'Temp Read Blocks')::int > 0;
END $$;
-- what depends on n is not read once for all
CREATE TEMP VIEW three_times AS
  SELECT n, e.* FROM generate_series(1, 3) AS n,
    LATERAL (SELECT app_id, environment_name, create_time
               FROM backend_environments OFFSET n - n) AS e;

-- enough memory
SET work_mem = '4MB';
SELECT * FROM pg_temp.temporary('SELECT count(*) FROM three_times');
\! mockctl calls && mockctl reset

-- not enough: some are written down, and read again in each round
SET work_mem = '64kB';
SELECT * FROM pg_temp.temporary('SELECT count(*) FROM three_times');
\! mockctl calls && mockctl reset
SELECT n, count(*), count(DISTINCT (app_id, environment_name, create_time))
  FROM three_times GROUP BY n ORDER BY n;
\! mockctl calls && mockctl reset

-- an app that is not there has nothing to write down
SELECT count(*) FROM generate_series(1, 3) AS n, LATERAL
  (SELECT app_id FROM backend_environments
    WHERE app_id = ANY (ARRAY(SELECT 'd0000000000' || i FROM generate_series(0, 4) AS i))
    OFFSET n - n) AS e;
\! mockctl calls && mockctl reset

-- no room on the disk either
SET temp_file_limit = '64kB';
\set VERBOSITY sqlstate
SELECT count(*) FROM three_times;
\set VERBOSITY default
SELECT handles_in_use FROM amplify_fdw_stats();
RESET temp_file_limit;
SELECT count(*) FROM three_times;

-- A verdict stays for the statement, also when it is no longer in memory and the
-- other end would say something else by then.
\getenv mock AMPLIFY_MOCK_URL_2
ALTER SERVER amplify OPTIONS (SET endpoint_url :'mock');
SET amplify_fdw.read_ahead = 0;
SET enable_memoize = off;
-- of the one half of the apps by a Get, of the other by their Lists as well
CREATE TEMP TABLE inventory AS
  SELECT 'd' || lpad(n::text, 11, '0') AS app, env
    FROM generate_series(1, 60) AS n, unnest(ARRAY['dev', 'test', 'new']) WITH ORDINALITY AS k (env, i)
    WHERE n % 2 = 0 OR i = 1 + n / 2 % 2 * 2;
ANALYZE inventory;
CREATE TEMP VIEW turns AS
  SELECT turn, i.*, e.name IS NOT NULL AS found
    FROM generate_series(1, 2) AS turn, inventory AS i,
      LATERAL (SELECT max(environment_name) AS name FROM backend_environments
                 WHERE app_id = app AND environment_name = env OFFSET turn - turn) AS e;
SELECT * FROM pg_temp.temporary('SELECT count(*) FILTER (WHERE found) FROM turns');
\! mockctl 2 reset
BEGIN;
DECLARE c CURSOR FOR SELECT env, found FROM turns;
FETCH 120 FROM c \g (format=unaligned) | sort | uniq -c
\! mockctl 2 calls && mockctl 2 reset
\! for n in $(seq -w 1 60); do mockctl 2 data op=delete app=d000000000$n env=dev && mockctl 2 data op=put app=d000000000$n env=new; done > /dev/null
FETCH 120 FROM c \g (format=unaligned) | sort | uniq -c
\! mockctl 2 calls
COMMIT;
-- the next statement hears of it
SELECT count(*) FILTER (WHERE env = 'dev' AND found) AS dev, count(*) FILTER (WHERE env = 'new' AND found) AS new FROM turns;
