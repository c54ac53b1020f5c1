-- mock: --generate 30,5
-- Reading ahead goes by calls, not by rows: where keys repeat, it reads on
-- until max_concurrency is busy, within work_mem.
\ir ../test/setup.psql
\pset format unaligned
\pset footer off
CREATE TEMP TABLE inventory AS
  SELECT i AS id, 'd' || lpad((1 + i / 500)::text, 11, '0') AS app,
         (ARRAY['dev', 'test', 'prod', 'nil'])[1 + i % 4] AS env
    FROM generate_series(0, 14999) AS i;
ANALYZE inventory;
CREATE TEMP VIEW joined AS
  SELECT i.*, e.stack_name FROM inventory AS i
    LEFT JOIN backend_environments AS e ON e.app_id = i.app AND e.environment_name = i.env;
SET enable_memoize = off;
CREATE FUNCTION pg_temp.rows_ahead(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  plan text;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ' || query INTO plan;
  RETURN substring(plan FROM '"Rows Ahead": (\d+)');
END $$;

-- 500 rows have one call
\! mockctl gather 10
SELECT count(*), count(stack_name) FROM joined;
\! mockctl calls && mockctl connections | awk '$1 == "max_in_flight" { print ($2 > 5 ? "many at a time" : "few at a time") }'
\! mockctl reset
-- as well below Memoize, which keeps repeated keys from the scan
RESET enable_memoize;
\! mockctl gather 10
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) SELECT id, stack_name FROM joined
  \g (format=unaligned) | grep -o 'Nested.*\|Custom.*\|Foreign.*\|Memoize.*\|Hits.*\|API Calls:.*' | sed -e 's/\.00 / /' -e 's/=0\.75 /=1 /' -e 's/  Evictions.*//'
\! mockctl connections | awk '$1 == "max_in_flight" { print ($2 > 5 ? "many at a time" : "few at a time") }'
\! mockctl reset
-- not where a condition of ON decides, too
SELECT count(*), count(e.stack_name), (SELECT count(stack_name) FROM joined WHERE id % 3 = 0) AS wanted
  FROM inventory AS i LEFT JOIN backend_environments AS e
    ON e.app_id = i.app AND e.environment_name = i.env AND i.id % 3 = 0;
-- nor is it of use where one side of a condition has columns of both tables
EXPLAIN (COSTS OFF) SELECT i.id, e.stack_name
  FROM inventory AS i LEFT JOIN backend_environments AS e
    ON e.app_id = i.app AND e.environment_name = i.env AND e.environment_name || i.id % 2 = i.env || '0'
  \g (format=unaligned) | grep -c Memoize
SET enable_memoize = off;
-- far enough, but not farther than memory allows
\! mockctl gather 10
SELECT n > 2000 AS far FROM pg_temp.rows_ahead('TABLE joined') AS n;
SET work_mem = '64kB';
SELECT n >= 200 AND n < 1000 AS near FROM pg_temp.rows_ahead('TABLE joined') AS n;
RESET work_mem;
-- whatever the setting says
SET amplify_fdw.read_ahead = 6000;
SET work_mem = '64kB';
SELECT n >= 200 AND n < 1000 AS near FROM pg_temp.rows_ahead('TABLE joined') AS n;
RESET work_mem;
RESET amplify_fdw.read_ahead;
-- nor are more responses kept than the setting says, however slowly the rows are used
SET amplify_fdw.read_ahead = 5;
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD max_concurrency '2');
SELECT n <= 14 AS near FROM pg_temp.rows_ahead('SELECT (SELECT max(g + id) FROM generate_series(1, 5000) AS g), e.stack_name
  FROM (SELECT min(id) AS id, app FROM inventory GROUP BY app) AS i
  LEFT JOIN backend_environments AS e ON e.app_id = i.app AND e.environment_name = ''dev''') AS n;
ALTER FOREIGN TABLE backend_environments OPTIONS (DROP max_concurrency);
RESET amplify_fdw.read_ahead;
-- keys that are not there, and none at all
SELECT count(*), count(stack_name) FROM joined WHERE env = 'nil';
UPDATE inventory SET app = NULL;
SELECT count(*), count(stack_name) FROM joined;

-- a cursor goes on carefully
UPDATE inventory SET app = 'd' || lpad((1 + id / 500)::text, 11, '0');
\! mockctl reset && mockctl latency 200
BEGIN;
DECLARE c CURSOR FOR TABLE joined;
MOVE 100 FROM c;
\! test $(mockctl total) -le 4 && echo "no more than a few"
\! mockctl gather 6 skip=14
MOVE ALL FROM c;
COMMIT;
\! test $(mockctl total) -le 60 && echo "at most two for each app"
\! mockctl connections | awk '$1 == "max_in_flight" { print ($2 > 5 ? "many at a time" : "few at a time") }'
\! mockctl reset
