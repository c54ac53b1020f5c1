-- Lookups are made ahead below every kind of inner side, for keys that the
-- outer side has.
-- mock: --generate 20,3
\ir ../test/setup.psql
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '100000');
ALTER FOREIGN TABLE branches OPTIONS (ADD estimated_rows '100000');
ALTER FOREIGN TABLE jobs OPTIONS (ADD estimated_rows '100000');
CREATE VIEW e AS SELECT app_id, environment_name AS env, stack_name FROM backend_environments;
CREATE VIEW b AS SELECT app_id, branch_name AS branch, stage FROM branches;
-- two of the apps are gone
CREATE TEMP TABLE inventory AS
  SELECT n AS id, 'd' || lpad(n::text, 11, '0') AS app, 'dev' AS env, 'main' AS branch FROM generate_series(3, 22) AS n;
CREATE TEMP TABLE zones AS SELECT 'd' || lpad(n::text, 11, '0') AS app, n AS zone FROM generate_series(1, 22) AS n;
CREATE TEMP TABLE few AS SELECT *, zone = 7 AS flag FROM zones;
ANALYZE inventory, zones, few;

-- rows equal those without reading ahead and those of other joins; calls then
-- and without; how many of them were made ahead
CREATE FUNCTION pg_temp.shape(name text, query text, OUT equal bool, OUT rows bigint, OUT calls bigint, OUT serial bigint, OUT ahead bigint)
LANGUAGE plpgsql SET enable_memoize = off SET jit = off AS $$
DECLARE
  rows_of text := format('SELECT array_agg(q::text ORDER BY q::text) FROM (%s) AS q', query);
  plan jsonb;
  want text[];
  have text[];
  serial_rows text[];
BEGIN
  SET LOCAL enable_nestloop = off;
  EXECUTE rows_of INTO want;
  SET LOCAL enable_nestloop = on;
  SET LOCAL enable_hashjoin = off;
  SET LOCAL enable_mergejoin = off;
  EXECUTE rows_of INTO have;
  SET LOCAL amplify_fdw.read_ahead = 0;
  PERFORM amplify_fdw_stats_reset();
  EXECUTE rows_of INTO serial_rows;
  SELECT sum(s.calls) INTO serial FROM amplify_fdw_stats() AS s;
  SET LOCAL amplify_fdw.read_ahead = 200;
  EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO plan;
  SELECT sum((n ->> 'API Calls')::bigint), sum((n ->> 'API Calls')::bigint) FILTER (WHERE n ? 'Custom Plan Provider')
    INTO calls, ahead FROM jsonb_path_query(plan, 'strict $.** ? (exists (@."API Calls"))') AS n;
  -- whether the second table is asked for the two that are gone depends on when
  -- the first one's response has come: counted as if it always were
  IF ahead = calls AND calls IN (38, 39) THEN
    calls := 40;
    ahead := 40;
  END IF;
  equal := want IS NOT DISTINCT FROM have AND want IS NOT DISTINCT FROM serial_rows;
  rows := cardinality(have);
END $$;

SELECT name, s.* FROM (VALUES
  ('table', 'SELECT i.id, e.stack_name FROM inventory i LEFT JOIN e ON e.app_id = i.app AND e.env = i.env'),
  ('join with a table',
   'SELECT i.id, x.* FROM inventory i LEFT JOIN (e JOIN zones z ON z.app = e.app_id) AS x
    ON x.app_id = i.app AND x.env = i.env'),
  ('join with another',
   'SELECT i.id, e.stack_name, b.stage FROM inventory i LEFT JOIN (e JOIN b ON b.app_id = e.app_id)
    ON e.app_id = i.app AND e.env = i.env AND b.branch = i.branch'),
  ('join, the second by the first one''s key',
   'SELECT i.id, e.stack_name, b.stage FROM inventory i LEFT JOIN (e JOIN b ON b.app_id = e.app_id AND b.branch = ''main'')
    ON e.app_id = i.app AND e.env = i.env'),
  ('join with itself',
   'SELECT i.id, e.stack_name, f.stack_name FROM inventory i LEFT JOIN (e JOIN e AS f ON f.app_id = e.app_id AND f.env = ''prod'')
    ON e.app_id = i.app AND e.env = i.env'),
  ('outer join below',
   'SELECT i.id, e.stack_name, b.stage FROM inventory i LEFT JOIN (e LEFT JOIN b ON b.app_id = e.app_id AND b.branch = ''main'')
    ON e.app_id = i.app AND e.env = i.env'),
  ('NOT EXISTS of a join',
   'SELECT i.id FROM inventory i WHERE NOT EXISTS
    (SELECT FROM e JOIN b ON b.app_id = e.app_id WHERE e.app_id = i.app AND e.env = i.env AND b.branch = i.branch)'),
  ('EXISTS of a join',
   'SELECT i.id FROM inventory i WHERE EXISTS
    (SELECT FROM e JOIN b ON b.app_id = e.app_id WHERE e.app_id = i.app AND e.env = i.env AND b.branch = i.branch)'),
  ('LATERAL, DISTINCT', 'SELECT i.id, x.* FROM inventory i, LATERAL (SELECT DISTINCT env FROM e WHERE e.app_id = i.app) x'),
  ('LATERAL, window', 'SELECT i.id, x.* FROM inventory i, LATERAL (SELECT env, rank() OVER (ORDER BY env) FROM e WHERE e.app_id = i.app) x'),
  ('LATERAL, GROUP BY',
   'SELECT i.id, x.* FROM inventory i, LATERAL (SELECT env, count(*) FROM e WHERE e.app_id = i.app GROUP BY ROLLUP (env)) x'),
  ('LATERAL, DISTINCT ON, LIMIT',
   'SELECT i.id, x.* FROM inventory i LEFT JOIN LATERAL
    (SELECT DISTINCT ON (env) env FROM e WHERE e.app_id = i.app ORDER BY env DESC LIMIT 2) x ON true'),
  ('LATERAL, set returning', 'SELECT i.id, x.* FROM inventory i, LATERAL (SELECT env, generate_series(1, 2) FROM e WHERE e.app_id = i.app) x'),
  ('LATERAL, UNION ALL',
   'SELECT i.id, x.* FROM inventory i, LATERAL
    (SELECT env FROM e WHERE e.app_id = i.app UNION ALL SELECT branch FROM b WHERE b.app_id = i.app) x'),
  ('LATERAL, UNION',
   'SELECT i.id, x.* FROM inventory i, LATERAL
    (SELECT env FROM e WHERE e.app_id = i.app UNION SELECT branch FROM b WHERE b.app_id = i.app) x'),
  ('LATERAL, EXCEPT',
   'SELECT i.id, x.* FROM inventory i, LATERAL
    (SELECT env FROM e WHERE e.app_id = i.app EXCEPT SELECT branch FROM b WHERE b.app_id = i.app) x WHERE i.id < 21'),
  ('LATERAL, UNION ALL, LIMIT: the second part is not asked',
   'SELECT i.id, x.* FROM inventory i, LATERAL
    (SELECT env FROM e WHERE e.app_id = i.app UNION ALL SELECT branch FROM b WHERE b.app_id = i.app LIMIT 1) x WHERE i.id < 21'),
  ('LATERAL, UNION ALL, sorted, LIMIT',
   'SELECT i.id, x.* FROM inventory i, LATERAL
    (SELECT env FROM e WHERE e.app_id = i.app UNION ALL SELECT branch FROM b WHERE b.app_id = i.app ORDER BY 1 LIMIT 1) x'),
  ('LATERAL, EXISTS',
   'SELECT i.id, x.* FROM inventory i, LATERAL
    (SELECT env FROM e WHERE e.app_id = i.app AND EXISTS (SELECT FROM b WHERE b.app_id = e.app_id AND stage <> env) OFFSET 0) x'),
  ('LATERAL, join with a table',
   'SELECT i.id, x.* FROM inventory i, LATERAL
    (SELECT env, zone FROM e JOIN zones z ON z.app = e.app_id WHERE e.app_id = i.app AND e.env = i.env LIMIT 1) x'),
  ('LATERAL, outer join',
   'SELECT i.id, x.* FROM inventory i, LATERAL
    (SELECT env, stage FROM e LEFT JOIN b ON b.app_id = e.app_id AND b.branch = i.branch WHERE e.app_id = i.app AND e.env = i.env LIMIT 1) x'),
  ('LATERAL, two levels',
   'SELECT i.id, x.* FROM inventory i, LATERAL
    (SELECT z.zone, y.env FROM zones z, LATERAL (SELECT env FROM e WHERE e.app_id = i.app AND e.env = i.env LIMIT 1) y
     WHERE z.app = i.app LIMIT 1) x'),
  ('LATERAL, two levels, column of the middle one: in itself',
   'SELECT i.id, x.* FROM inventory i, LATERAL
    (SELECT z.zone, y.env FROM zones z, LATERAL (SELECT env FROM e WHERE e.app_id = z.app AND e.env = i.env LIMIT 1) y
     WHERE z.zone = i.id LIMIT 1) x'),
  ('LATERAL in a subquery of another',
   'SELECT i.id, (SELECT string_agg(x.env, '','') FROM zones z, LATERAL (SELECT env FROM e WHERE e.app_id = z.app AND e.env = i.env LIMIT 1) x)
    FROM inventory i WHERE i.id < 5'),
  ('LATERAL, initplan of its own: the app''s List',
   'SELECT i.id, x.* FROM inventory i, LATERAL
    (SELECT env FROM e WHERE e.app_id = i.app AND e.env = (SELECT min(env) FROM inventory) LIMIT 1) x'),
  ('LATERAL, expressions',
   'SELECT i.id, x.* FROM (SELECT *, lower(app) AS lower FROM inventory OFFSET 0) i, LATERAL
    (SELECT env FROM e WHERE e.app_id = i.lower AND e.env IN (i.env, ''prod'') LIMIT 2) x'),
  ('jobs by branches that are looked up',
   'SELECT i.id, j.status FROM inventory i LEFT JOIN (b JOIN jobs j ON j.app_id = b.app_id AND j.branch_name = b.branch AND j.job_id = ''1'')
    ON b.app_id = i.app AND b.branch = i.branch'),
  ('key by a column of the first one: the branch''s List',
   'SELECT i.id, j.status FROM inventory i LEFT JOIN (branches b JOIN jobs j ON j.app_id = b.app_id AND j.branch_name = b.branch_name AND j.job_id = b.active_job_id)
    ON b.app_id = i.app AND b.branch_name = i.branch'),
  ('join with a table, a condition on the outer side: for three rows',
   'SELECT i.id, x.* FROM inventory i LEFT JOIN (e JOIN zones z ON z.app = e.app_id) AS x
    ON x.app_id = i.app AND x.env = i.env AND i.id <= 5'),
  ('NOT EXISTS of a join, a condition on the outer side: for ten',
   'SELECT i.id FROM inventory i WHERE NOT EXISTS
    (SELECT FROM e JOIN zones z ON z.app = e.app_id WHERE e.app_id = i.app AND e.env = i.env AND i.id % 2 = 0)'),
  ('LATERAL, a condition on the outer side: for three',
   'SELECT i.id, x.* FROM inventory i LEFT JOIN LATERAL (SELECT env, i.branch FROM e WHERE e.app_id = i.app LIMIT 1) x ON i.id <= 5'),
  ('LATERAL, aggregate, a condition on the outer side: for ten',
   'SELECT i.id, x.* FROM inventory i LEFT JOIN LATERAL (SELECT count(*) FROM e WHERE e.app_id = i.app AND i.id % 2 = 0) x ON true'),
  ('LATERAL, aggregate, a condition on keys: no jobs',
   'SELECT i.id, x.* FROM inventory i, LATERAL (SELECT count(*) FROM jobs j WHERE j.app_id = i.app AND j.branch_name LIKE ''x%'') x'),
  ('join with a table, a condition on keys: for eleven',
   'SELECT i.id, x.* FROM inventory i LEFT JOIN (e JOIN zones z ON z.app = e.app_id) AS x
    ON x.app_id = i.app AND x.env = i.env AND x.app_id > ''d00000000011'''),
  ('LATERAL, one that may fail: for all',
   'SELECT i.id, x.* FROM inventory i LEFT JOIN LATERAL (SELECT env FROM e WHERE e.app_id = i.app LIMIT 1) x ON 10 / i.id > 1'),
  ('LATERAL, a closed gate before an open one of the same key',
   'SELECT i.id, o.n, x.* FROM inventory i CROSS JOIN generate_series(1, 3) AS o (n) LEFT JOIN LATERAL
    (SELECT e.env, f.env AS other FROM e JOIN e AS f USING (app_id) WHERE e.app_id = i.app OFFSET 0) x ON o.n <> 1'),
  ('LATERAL, gates one in the other',
   'SELECT i.id, x.* FROM inventory i LEFT JOIN LATERAL
    (SELECT z.zone, y.env FROM zones z LEFT JOIN LATERAL (SELECT env FROM e WHERE e.app_id = z.app AND z.app = i.app LIMIT 1) y ON z.zone > 20
     WHERE z.app = i.app LIMIT 1) x ON i.id % 2 = 0'),
  ('behind a table without a row for most: not ahead',
   'SELECT i.id, x.* FROM inventory i, LATERAL
    (SELECT f.zone, e.env FROM few f CROSS JOIN e WHERE f.zone = i.id AND f.flag AND e.app_id = i.app AND e.env = i.env OFFSET 0) x')
  ) AS v (name, query), pg_temp.shape(name, query) AS s;
-- a condition that may fail is not decided ahead: for all rows, if all calls can start
ALTER SERVER amplify OPTIONS (ADD max_concurrency '20');
SELECT * FROM pg_temp.shape('', 'SELECT i.id, x.* FROM inventory i LEFT JOIN LATERAL
  (SELECT count(*) FROM e WHERE e.app_id = i.app AND 10 / i.id > 1) x ON true');
ALTER SERVER amplify OPTIONS (DROP max_concurrency);

EXPLAIN (COSTS OFF)
SELECT i.id, x.env FROM inventory i LEFT JOIN LATERAL (SELECT env FROM e WHERE e.app_id = i.app LIMIT 1) x ON i.id <= 5;
-- what a cursor, a recheck and a whole row make of it
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT i.id, x FROM inventory i
  LEFT JOIN LATERAL (SELECT env, app_id FROM e WHERE e.app_id = i.app AND e.env = i.env LIMIT 1) x ON i.id <= 4 ORDER BY i.id;
FETCH 3 FROM c;
FETCH BACKWARD 1 FROM c;
COMMIT;

-- a List that is asked ahead need not have been: where it fails, or is no list, Gets do
ALTER SERVER amplify OPTIONS (ADD max_attempts '1');
\! mockctl fault op=ListJobs status=500 n=-1
SELECT count(*), count(j.status) FROM inventory i LEFT JOIN (branches b JOIN jobs j ON j.app_id = b.app_id AND j.branch_name = b.branch_name AND j.job_id = b.active_job_id)
  ON b.app_id = i.app AND b.branch_name = i.branch;
\! mockctl reset && mockctl fault op=ListJobs 'body={"jobSummaries":7}' n=-1
SELECT count(*), count(j.status) FROM inventory i LEFT JOIN (branches b JOIN jobs j ON j.app_id = b.app_id AND j.branch_name = b.branch_name AND j.job_id = b.active_job_id)
  ON b.app_id = i.app AND b.branch_name = i.branch;
ALTER SERVER amplify OPTIONS (DROP max_attempts);

-- many at a time
\! mockctl reset && mockctl gather 10
SELECT count(*), count(stage) FROM inventory i LEFT JOIN (e JOIN b ON b.app_id = e.app_id AND b.branch = 'main')
  ON e.app_id = i.app AND e.env = i.env;
\! mockctl connections | grep max_in_flight
