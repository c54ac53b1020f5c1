-- The second key of a parent takes its List, however the keys come.
-- mock: --generate 8,6
-- mock: --generate 1,300
\ir ../test/setup.psql
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '100000');
-- by name, so that each app's keys are far from each other; one is not there
CREATE TEMP TABLE inventory AS
  SELECT row_number() OVER (ORDER BY name, n) AS id, 'd' || lpad(n::text, 11, '0') AS app, name AS env
  FROM generate_series(1, 8) AS n, (VALUES ('dev'), ('test'), ('prod'), ('nil')) AS v (name);
ANALYZE inventory;
CREATE TEMP VIEW looked_up AS
  SELECT i.id, e.stack_name FROM inventory AS i
  LEFT JOIN backend_environments AS e ON e.app_id = i.app AND e.environment_name = i.env
  ORDER BY i.id;
SET enable_sort = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_memoize = off;
\pset tuples_only on

-- rows far apart, in small batches and in none
SET amplify_fdw.read_ahead = 3;
SELECT count(*), count(stack_name) FROM looked_up;
\! mockctl calls && mockctl reset
SET amplify_fdw.read_ahead = 0;
SELECT count(*), count(stack_name) FROM looked_up;
\! mockctl calls && mockctl reset
RESET amplify_fdw.read_ahead;
-- a cursor
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM looked_up;
FETCH 1 FROM c;
MOVE ALL IN c;
COMMIT;
\! mockctl calls && mockctl reset
-- a subquery for each row
SELECT count((SELECT stack_name FROM backend_environments AS e
              WHERE e.app_id = i.app AND e.environment_name = i.env)) FROM inventory AS i;
\! mockctl calls && mockctl reset
SELECT count(x.stack_name) FROM inventory AS i
  LEFT JOIN LATERAL (SELECT e.stack_name FROM backend_environments AS e
                     WHERE e.app_id = i.app AND e.environment_name = i.env
                     ORDER BY e.update_time LIMIT 1) AS x ON true;
\! mockctl calls && mockctl reset
-- many keys of one name: the Lists of all apps are shared
SELECT env, (SELECT count(*) FROM backend_environments AS e WHERE e.environment_name = i.env)
  FROM (SELECT DISTINCT env FROM inventory) AS i ORDER BY 1;
\! mockctl calls && mockctl reset
-- so are those of several scans, each with a name
SELECT count(*) FROM backend_environments AS a JOIN backend_environments AS b USING (app_id)
  WHERE a.environment_name = 'dev' AND b.environment_name = 'test';
\! mockctl calls && mockctl reset
SELECT count(*) FROM (SELECT app_id FROM backend_environments WHERE environment_name = 'dev'
  UNION ALL SELECT app_id FROM backend_environments WHERE environment_name = 'test') AS u;
\! mockctl calls && mockctl reset
-- names whose apps are not known, one after the other: from the second on, it
-- is asked where they are
SELECT sum(x.n) FROM generate_series(0, 29) AS i,
  LATERAL (SELECT count(*) AS n FROM jobs AS j
           WHERE j.branch_name = CASE i % 10 WHEN 3 THEN 'main' WHEN 6 THEN 'develop' ELSE 'release/' || i END OFFSET 0) AS x;
\! mockctl calls && mockctl reset
SELECT sum((SELECT count(*) FROM artifacts AS a WHERE a.branch_name = v.name AND a.job_id = '1'))
  FROM (VALUES ('main'), ('release/1'), ('develop'), ('release/2'), (NULL), ('release/3')) AS v (name);
\! mockctl calls && mockctl reset
-- one name: where it is
SELECT sum((SELECT count(*) FROM jobs AS j WHERE j.branch_name = left('main', 4 + i))) FROM generate_series(1, 5) AS i;
\! mockctl calls && mockctl reset

-- a List that is denied is asked once, and Gets do
\! mockctl fault op=ListBackendEnvironments status=403 code=AccessDeniedException n=-1
SELECT count(*), count(stack_name) FROM looked_up;
\! mockctl calls && mockctl reset
\! mockctl fault op=ListBackendEnvironments status=403 code=AccessDeniedException n=-1
SELECT count(*) FROM backend_environments
  WHERE app_id = 'd00000000001' AND environment_name IN ('dev', 'test', 'nil');
\! mockctl calls
-- one key is a Get anyway
SELECT count(*) FROM backend_environments WHERE app_id = 'd00000000002' AND environment_name = 'dev';
\! mockctl calls && mockctl reset

-- names of many pages: pages and Gets keep pace
\! mockctl reset && mockctl 2 reset
\getenv mock AMPLIFY_MOCK_URL_2
ALTER SERVER amplify OPTIONS (SET endpoint_url :'mock');
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD page_size '15');
CREATE TEMP TABLE names AS
  SELECT row_number() OVER (ORDER BY environment_name) AS n, environment_name AS name
  FROM backend_environments WHERE app_id = 'd00000000001';
ANALYZE names;
\! mockctl 2 calls && mockctl 2 reset
SELECT count(*) FROM backend_environments WHERE app_id = 'd00000000001'
  AND environment_name = ANY (ARRAY(SELECT name FROM names WHERE n % 100 = 0));
\! mockctl 2 calls && mockctl 2 reset
SELECT count(*) FROM backend_environments WHERE app_id = 'd00000000001'
  AND environment_name = ANY (ARRAY(SELECT name FROM names WHERE n % 2 = 0));
\! mockctl 2 calls && mockctl 2 reset
SELECT count(*), count(e.stack_name) FROM names AS i
  LEFT JOIN backend_environments AS e ON e.app_id = 'd00000000001' AND e.environment_name = i.name;
\! mockctl 2 calls && mockctl 2 reset
-- one after the other, without reading ahead
SELECT count((SELECT stack_name FROM backend_environments AS e
              WHERE e.app_id = 'd00000000001' AND e.environment_name = i.name)) FROM names AS i;
\! mockctl 2 calls && mockctl 2 reset
SELECT count((SELECT stack_name FROM backend_environments AS e
              WHERE e.app_id = 'd00000000001' AND e.environment_name = i.name)) FROM names AS i WHERE n % 60 = 0;
\! mockctl 2 calls && mockctl 2 reset
-- with statistics: where the List has more pages than names are wanted, one
-- page and Gets, which need not wait for one another; else all pages
ALTER FOREIGN TABLE backend_environments OPTIONS (DROP estimated_rows);
ANALYZE backend_environments;
\! mockctl 2 calls && mockctl 2 reset
SELECT count(*), count(e.stack_name) FROM (SELECT * FROM names WHERE n % 30 = 0 OFFSET 0) AS i
  LEFT JOIN backend_environments AS e ON e.app_id = 'd00000000001' AND e.environment_name = i.name;
\! mockctl 2 calls && mockctl 2 reset
SELECT count(*) FROM backend_environments WHERE app_id = 'd00000000001'
  AND environment_name = ANY (ARRAY(SELECT name FROM names WHERE n % 30 = 0));
\! mockctl 2 calls && mockctl 2 reset
SELECT count(*) FROM backend_environments WHERE app_id = 'd00000000001'
  AND environment_name = ANY (ARRAY(SELECT name FROM names WHERE n % 10 = 0));
\! mockctl 2 calls && mockctl 2 reset
SELECT count((SELECT stack_name FROM backend_environments AS e
              WHERE e.app_id = 'd00000000001' AND e.environment_name = i.name)) FROM names AS i;
\! mockctl 2 calls && mockctl 2 reset

-- so that is how a join is priced: pages of a List wait for one another, Gets
-- don't, and nothing overlaps that is not made ahead
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD request_cost '1000000');
CREATE FUNCTION pg_temp.round_trips(query text, ahead int, OUT trips int) LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  PERFORM set_config('amplify_fdw.read_ahead', ahead::text, false);
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  trips := (plan -> 0 -> 'Plan' ->> 'Total Cost')::float8 / 1000000;
END $$;
SELECT names, max(trips) FILTER (WHERE ahead > 0) AS ahead, max(trips) FILTER (WHERE ahead = 0) AS not_ahead
  FROM (VALUES ('n <= 40'), ('n <= 10'), ('n <= 1')) AS v (names), (VALUES (0), (200)) AS a (ahead),
    pg_temp.round_trips('SELECT e.stack_name FROM names AS i LEFT JOIN backend_environments AS e
      ON e.app_id = ''d00000000001'' AND e.environment_name = i.name WHERE ' || names, ahead) GROUP BY 1 ORDER BY 1;
SET client_min_messages = warning;
DROP TABLE inventory CASCADE;
RESET client_min_messages;
CREATE TEMP TABLE inventory AS SELECT 'd' || i AS app FROM generate_series(1, 40) AS i;
ANALYZE inventory;
ALTER FOREIGN TABLE branches OPTIONS (ADD request_cost '1000000', ADD estimated_rows '1000000');
SELECT max(trips) FILTER (WHERE ahead > 0) AS ahead, max(trips) FILTER (WHERE ahead = 0) AS not_ahead
  FROM (VALUES (0), (200)) AS a (ahead),
    pg_temp.round_trips('SELECT b.stage FROM inventory AS i
      LEFT JOIN branches AS b ON b.app_id = i.app AND b.branch_name = $$main$$', ahead);
RESET amplify_fdw.read_ahead;
