-- mock: --generate 4,120
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
