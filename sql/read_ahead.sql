-- A join with a local table reads its rows ahead and starts their lookups.
-- mock: --generate 40,5
\ir ../test/setup.psql
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '100000');
CREATE TEMP TABLE inventory AS
  SELECT n AS id, 'd' || lpad(n::text, 11, '0') AS app, 'dev' AS env, n % 2 = 0 AS wanted
  FROM generate_series(1, 30) AS n;
ANALYZE inventory;

-- the node, and no call for a plan
EXPLAIN (COSTS OFF)
SELECT i.id, e.stack_name FROM inventory AS i
  LEFT JOIN backend_environments AS e ON e.app_id = i.app AND e.environment_name = i.env;
\! mockctl total
-- one call for each key, and many at a time
\! mockctl gather 10
SELECT count(*), count(e.app_id) FROM inventory AS i
  LEFT JOIN backend_environments AS e ON e.app_id = i.app AND e.environment_name = i.env
  WHERE e.stack_name IS NULL OR true;
\! mockctl calls && mockctl connections | awk '$1 == "max_in_flight" { print ($2 > 1 ? "several at a time" : "one by one") }' && mockctl reset
-- LIMIT: at most twice the rows that are used, plus one
SELECT i.id, e.environment_name FROM inventory AS i
  JOIN backend_environments AS e ON e.app_id = i.app AND e.environment_name = i.env
  LIMIT 5;
\! test $(mockctl total) -le 11 && echo "at most 11 calls" && mockctl reset
-- a condition on the outer side alone keeps lookups from being made
SELECT count(*), count(e.stack_name) FROM inventory AS i
  LEFT JOIN backend_environments AS e
  ON e.app_id = i.app AND e.environment_name = i.env AND i.wanted;
\! mockctl calls && mockctl reset
-- several environments of one app: one page of its List
SELECT count(e.update_time) FROM inventory AS i
  CROSS JOIN (VALUES ('dev'), ('test'), ('prod'), ('nil')) AS v (name)
  LEFT JOIN backend_environments AS e ON e.app_id = i.app AND e.environment_name = v.name
  WHERE i.id <= 10;
\! mockctl calls && mockctl reset
-- semi and anti joins
SELECT count(*) FROM inventory AS i
  WHERE NOT EXISTS (SELECT FROM backend_environments AS e
                    WHERE e.app_id = i.app AND e.environment_name = i.env);
\! mockctl calls && mockctl reset
-- a LEFT JOIN of which nothing is used
SELECT count(*) FROM inventory AS i
  LEFT JOIN backend_environments AS e ON e.app_id = i.app AND e.environment_name = i.env;
\! mockctl total
-- without it, the rows are the same, and so are the calls
SET amplify_fdw.read_ahead = 0;
EXPLAIN (COSTS OFF)
SELECT i.id, e.stack_name FROM inventory AS i
  LEFT JOIN backend_environments AS e ON e.app_id = i.app AND e.environment_name = i.env;
SELECT count(e.update_time) FROM inventory AS i
  LEFT JOIN backend_environments AS e ON e.app_id = i.app AND e.environment_name = i.env;
\! mockctl calls && mockctl reset
RESET amplify_fdw.read_ahead;

-- below an Append, all partitions are looked up, but not those of other regions
SET client_min_messages = warning;
CREATE SERVER west FOREIGN DATA WRAPPER amplify_fdw
  OPTIONS (region 'us-west-2', endpoint_url :'mock');
RESET client_min_messages;
CREATE USER MAPPING FOR CURRENT_USER SERVER west
  OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'neverused');
CREATE TABLE everywhere (app_id text, environment_name text, stack_name text, region text)
  PARTITION BY LIST (region);
CREATE FOREIGN TABLE everywhere_east PARTITION OF everywhere FOR VALUES IN ('us-east-1')
  SERVER amplify OPTIONS (resource 'backend_environments', estimated_rows '100000');
CREATE FOREIGN TABLE everywhere_west PARTITION OF everywhere FOR VALUES IN ('us-west-2')
  SERVER west OPTIONS (resource 'backend_environments', estimated_rows '100000');
ALTER TABLE inventory ADD region text DEFAULT 'us-east-1';
-- which side of "=" is left in a partition's conditions depends on the version
EXPLAIN (COSTS OFF)
SELECT i.id, e.stack_name FROM inventory AS i
  JOIN everywhere AS e ON e.app_id = i.app AND e.environment_name = i.env AND e.region = i.region
  \g (format=unaligned) | grep -v ' = '
SELECT count(e.stack_name IS NULL) FROM inventory AS i
  JOIN everywhere AS e ON e.app_id = i.app AND e.environment_name = i.env AND e.region = i.region;
\! mockctl calls && mockctl reset
DROP TABLE everywhere;

-- a LATERAL subquery with LIMIT
EXPLAIN (COSTS OFF)
SELECT i.id, x.environment_name FROM inventory AS i
  CROSS JOIN LATERAL (SELECT e.environment_name FROM backend_environments AS e
                      WHERE e.app_id = i.app ORDER BY e.environment_name DESC LIMIT 1) AS x;
SELECT x.environment_name, count(*) FROM inventory AS i
  CROSS JOIN LATERAL (SELECT e.environment_name FROM backend_environments AS e
                      WHERE e.app_id = i.app ORDER BY e.environment_name DESC LIMIT 1) AS x
  GROUP BY 1;
\! mockctl calls
-- that leaves rows behind which were read ahead, and starts anew
SELECT n, x.id, x.stack_name IS NOT NULL AS found FROM generate_series(1, 3) AS n,
  LATERAL (SELECT i.id, e.stack_name FROM inventory AS i
             LEFT JOIN backend_environments AS e ON e.app_id = i.app AND e.environment_name = i.env
           WHERE i.id >= n - n LIMIT 4) AS x;
