-- mock: --generate 200,5 --any-region
-- mock: --generate 2000,5
-- mock: --generate 20,5
-- Joins are priced by the different parents that their keys name: they look
-- these up, many at a time, unless a full list is known to be less.
\ir ../test/setup.psql
\pset format unaligned
\pset footer off
\set ECHO none
SET client_min_messages = warning;
\getenv mock2 AMPLIFY_MOCK_URL_2
\getenv mock3 AMPLIFY_MOCK_URL_3
SELECT format($$
  CREATE SERVER amplify%1$s FOREIGN DATA WRAPPER amplify_fdw OPTIONS (region 'us-east-1', endpoint_url %2$L);
  CREATE USER MAPPING FOR CURRENT_USER SERVER amplify%1$s
    OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
  DROP SCHEMA IF EXISTS apps%1$s CASCADE;
  CREATE SCHEMA apps%1$s;
  IMPORT FOREIGN SCHEMA amplify LIMIT TO (apps, backend_environments) FROM SERVER amplify%1$s INTO apps%1$s
  $$, apps, url) FROM (VALUES (20, :'mock3'), (200, :'mock'), (2000, :'mock2')) AS m (apps, url)
\gexec
RESET client_min_messages;
\set ECHO all
-- so many rows, in no order, over so many apps
CREATE TEMP TABLE inventory ();
CREATE FUNCTION pg_temp.make_inventory(apps int, n int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DROP TABLE inventory;
  CREATE TEMP TABLE inventory AS
    SELECT i AS id, 'd' || lpad((1 + abs(hashint4(i)::int8) % apps)::text, 11, '0') AS app,
           (ARRAY['dev', 'test', 'prod', 'nil'])[1 + abs(hashint4(-i)::int8) % 4] AS env
      FROM generate_series(1, n) AS i;
END $$;
-- How it is planned, and the calls that it makes
CREATE FUNCTION pg_temp.run(query text, OUT plan text, OUT calls bigint, OUT result text) LANGUAGE plpgsql AS $$
DECLARE
  explained text;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO explained;
  plan := concat_ws(' + ', CASE WHEN explained ~ 'ListApps' THEN 'full list' END,
                    CASE WHEN explained ~ 'AmplifyReadAhead' THEN 'read-ahead' END,
                    CASE WHEN explained ~ 'Memoize' THEN 'Memoize' END);
  PERFORM amplify_fdw_stats_reset();
  EXECUTE query INTO result;
  SELECT sum(s.calls) INTO calls FROM amplify_fdw_stats() AS s;
END $$;
CREATE FUNCTION pg_temp.joined(apps int) RETURNS text LANGUAGE sql AS $$
  SELECT format('SELECT (count(*), count(e.stack_name)) FROM inventory AS i
    LEFT JOIN apps%s.backend_environments AS e ON e.app_id = i.app AND e.environment_name = i.env', apps)
$$;
CREATE FUNCTION pg_temp.cells(analyzed bool) RETURNS TABLE
  (apps int, n int, plan text, in_bounds bool) LANGUAGE plpgsql AS $$
DECLARE
  ran record;
BEGIN
  FOR apps, n IN SELECT a, r FROM unnest(ARRAY[20, 200, 2000]) AS a, unnest(ARRAY[10, 100, 1000, 10000]) AS r LOOP
    PERFORM pg_temp.make_inventory(apps, n);
    IF analyzed THEN
      ANALYZE inventory;
    END IF;
    ran := pg_temp.run(pg_temp.joined(apps));
    plan := ran.plan;
    -- and the pages of ListApps
    SELECT ran.calls <= 1.2 * count(DISTINCT app) + apps / 100.0 INTO in_bounds FROM inventory;
    RETURN NEXT;
  END LOOP;
END $$;

-- without any statistics of the account, and with none at all
SELECT * FROM pg_temp.cells(true);
SELECT * FROM pg_temp.cells(false);
-- nor is the account listed for very many keys, whatever the join
CREATE TEMP TABLE many AS
  SELECT 'd9' || lpad(i::text, 11, '0') AS app, 'dev' AS env FROM generate_series(1, 100000) AS i;
ANALYZE many;
CREATE FUNCTION pg_temp.planned(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  explained text;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO explained;
  RETURN concat_ws(' + ', CASE WHEN explained ~ 'ListApps' THEN 'full list' END,
                   CASE WHEN explained ~ 'AmplifyReadAhead' THEN 'read-ahead' END);
END $$;
SELECT pg_temp.planned('SELECT FROM many AS m ' || joined) AS plan, joined FROM unnest(ARRAY[
  'LEFT JOIN backend_environments AS e ON e.app_id = m.app',
  'LEFT JOIN backend_environments AS e ON e.app_id = m.app AND e.environment_name = m.env WHERE e.stack_name IS NULL',
  'JOIN backend_environments AS e ON e.app_id = m.app',
  'JOIN backend_environments AS e ON e.app_id = m.app AND e.environment_name = m.env',
  'WHERE EXISTS (SELECT FROM backend_environments AS e WHERE e.app_id = m.app)',
  'WHERE NOT EXISTS (SELECT FROM backend_environments AS e WHERE e.app_id = m.app)',
  'LEFT JOIN jobs AS j ON j.app_id = m.app',
  'LEFT JOIN jobs AS j ON j.app_id = m.app AND j.branch_name = ''main''',
  'LEFT JOIN LATERAL (SELECT DISTINCT stack_name FROM backend_environments WHERE app_id = m.app) AS e ON true'
  ]) AS joined;
-- but it is listed once rather than for each name of a branch, whose app is not known
SELECT pg_temp.planned('SELECT FROM (SELECT app AS name FROM many LIMIT 100) AS m ' || joined) AS plan, joined FROM unnest(ARRAY[
  'JOIN jobs AS j ON j.branch_name = m.name',
  'LEFT JOIN jobs AS j ON j.branch_name = m.name AND j.job_id = ''1''',
  'WHERE EXISTS (SELECT FROM jobs AS j WHERE j.branch_name = m.name)',
  'WHERE random() < 2 AND NOT EXISTS (SELECT FROM jobs AS j WHERE j.branch_name = m.name)'
  ]) AS joined;
-- nor where nothing can be read ahead: by a setting, because of what the rows
-- do or the keys may, and where they are those of a partitioned table that change
CREATE TEMP TABLE change (LIKE many) PARTITION BY LIST (env);
CREATE TEMP TABLE change_dev PARTITION OF change DEFAULT;
INSERT INTO change TABLE many;
ANALYZE change;
CREATE TEMP VIEW either AS SELECT app_id, environment_name AS name FROM backend_environments
  UNION ALL SELECT app_id, branch_name FROM branches;
SELECT pg_temp.planned(query) AS plan, query FROM unnest(ARRAY[
  'SELECT FROM (SELECT * FROM many WHERE app <> random()::text) AS m LEFT JOIN backend_environments AS e ON e.app_id = m.app',
  'SELECT FROM (SELECT * FROM many WHERE app <> random()::text) AS m JOIN either AS e ON e.app_id = m.app AND e.name = m.env',
  'SELECT FROM many AS m JOIN backend_environments AS e ON e.app_id = m.app::jsonb ->> 0 AND e.environment_name = m.env',
  'UPDATE change AS m SET app = e.stack_name FROM backend_environments AS e WHERE e.app_id = m.app AND e.environment_name = m.env',
  'DELETE FROM change AS m WHERE NOT EXISTS (SELECT FROM backend_environments AS e WHERE e.app_id = m.app)',
  -- EXISTS that is no join
  'SELECT FROM many AS m WHERE m.env = ''x'' OR EXISTS (SELECT FROM backend_environments AS e WHERE e.app_id = m.app AND e.environment_name = m.env)',
  'SELECT EXISTS (SELECT FROM branches AS b WHERE b.app_id = m.app) FROM many AS m',
  'SELECT EXISTS (SELECT FROM jobs AS j WHERE j.app_id = m.app AND j.branch_name = ''main'') FROM many AS m',
  'SELECT EXISTS (SELECT FROM backend_environments AS e WHERE e.backend_environment_arn = m.app) FROM many AS m',
  'SELECT EXISTS (SELECT FROM either AS e WHERE e.app_id = m.app AND e.name = m.env) FROM many AS m',
  'SELECT EXISTS (SELECT FROM backend_environments AS e JOIN branches AS b USING (app_id) WHERE b.app_id = m.app) FROM many AS m',
  -- all, for there are no keys
  'SELECT EXISTS (SELECT FROM backend_environments AS e WHERE e.stack_name = m.app) FROM many AS m'
  ]) AS query;
SET amplify_fdw.read_ahead = 0;
SELECT pg_temp.planned('SELECT FROM many AS m LEFT JOIN ' || joined) AS plan, joined FROM unnest(ARRAY[
  'backend_environments AS e ON e.app_id = m.app',
  '(backend_environments AS e JOIN branches AS b ON b.app_id = e.app_id AND b.branch_name = ''main'')
   ON e.app_id = m.app AND e.environment_name = m.env']) AS joined;
RESET amplify_fdw.read_ahead;
-- or for those that a join below looks up in two tables, by a key of the first one's row, too
SELECT pg_temp.planned(format('SELECT FROM (SELECT * FROM many LIMIT %s) AS m
  LEFT JOIN (backend_environments AS e JOIN branches AS b ON b.app_id = e.app_id%s) ON e.app_id = m.app', n, further)) AS plan, n, further
  FROM unnest('{"", " AND b.branch_name = e.environment_name"}'::text[]) AS further, unnest(ARRAY[100, 100000]) AS n;
-- one row is read ahead, too, for it may be many: also where its call leads to others
SELECT n, pg_temp.planned(format('SELECT x.* FROM (SELECT * FROM many LIMIT %s) AS m LEFT JOIN ', n) || joined) AS plan, joined FROM unnest(ARRAY[
  'backend_environments AS x ON x.app_id = m.app',
  'jobs AS x ON x.app_id = m.app',
  'artifacts AS x ON x.app_id = m.app',
  'LATERAL (SELECT count(*) FROM jobs WHERE app_id = m.app) AS x ON true',
  'LATERAL (SELECT rank() OVER (ORDER BY job_id) FROM jobs WHERE app_id = m.app) AS x ON true'
  ]) AS joined, generate_series(1, 2) AS n;
-- many at a time, however often the keys repeat
SELECT pg_temp.make_inventory(200, 10000);
ANALYZE inventory;
\! mockctl gather 10
SELECT plan, result FROM pg_temp.run(pg_temp.joined(200) || ' WHERE i.app < ''d00000000031''');
\! mockctl connections | grep max_in_flight
\! mockctl reset
-- the halves of the keys from two tables
CREATE TEMP TABLE envs AS SELECT name FROM unnest('{dev,test,nil}'::text[]) AS name;
ANALYZE envs;
SELECT plan, calls BETWEEN 200 AND 202 AS in_bounds, result FROM pg_temp.run('SELECT (count(*), count(e.stack_name))
  FROM (SELECT DISTINCT app FROM inventory) AS i CROSS JOIN envs AS v
  LEFT JOIN apps200.backend_environments AS e ON e.app_id = i.app AND e.environment_name = v.name');
-- all environments of each app, and its apps
SELECT plan, calls, result FROM pg_temp.run('SELECT (count(*), count(e.stack_name)) FROM inventory AS i
  LEFT JOIN apps200.backend_environments AS e ON e.app_id = i.app WHERE i.id <= 100');
SELECT count(DISTINCT app) FROM inventory WHERE id <= 100;
-- below the parent of 17 regions
\set ECHO none
SET client_min_messages = warning;
CREATE TABLE everywhere (LIKE apps200.backend_environments) PARTITION BY LIST (region);
SELECT format($$
  CREATE SERVER amplify_%1$s FOREIGN DATA WRAPPER amplify_fdw OPTIONS (region 'us-east-%1$s', endpoint_url %2$L);
  CREATE USER MAPPING FOR CURRENT_USER SERVER amplify_%1$s
    OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
  CREATE FOREIGN TABLE everywhere_%1$s PARTITION OF everywhere FOR VALUES IN ('us-east-%1$s')
    SERVER amplify_%1$s OPTIONS (resource 'backend_environments')
  $$, i, :'mock') FROM generate_series(1, 17) AS i
\gexec
RESET client_min_messages;
\set ECHO all
ALTER TABLE inventory ADD region text;
UPDATE inventory SET region = 'us-east-' || 1 + id % 17;
ANALYZE inventory;
SELECT plan, calls, result FROM pg_temp.run('SELECT (count(*), count(e.stack_name)) FROM inventory AS i
  LEFT JOIN everywhere AS e ON e.region = i.region AND e.app_id = i.app AND e.environment_name = i.env
  WHERE i.id <= 100');
SELECT plan, calls BETWEEN 3231 AND 3265 AS in_bounds, result FROM pg_temp.run('SELECT (count(*), count(e.stack_name)) FROM inventory AS i
  LEFT JOIN everywhere AS e ON e.region = i.region AND e.app_id = i.app AND e.environment_name = i.env');
SELECT count(DISTINCT (app, region)) FROM inventory;
SELECT pg_temp.planned('SELECT FROM many AS m LEFT JOIN everywhere AS e ON e.app_id = m.app') AS plan;
DROP TABLE everywhere;
-- where the account is known, a list is taken if it is less
ANALYZE apps20.backend_environments;
ANALYZE apps200.backend_environments;
ANALYZE apps2000.backend_environments;
-- one of them costs about as much in either way
SELECT apps, n, CASE WHEN (apps, n) = (2000, 1000) THEN 'any' ELSE plan END AS plan, in_bounds FROM pg_temp.cells(true);
-- where some keys have a parent of others, a page of its List is no more than a Get
SELECT pg_temp.make_inventory(200, 120);
ANALYZE inventory;
SET amplify_fdw.read_ahead = 10;
SELECT plan, calls, result FROM pg_temp.run(pg_temp.joined(200));
RESET amplify_fdw.read_ahead;
SELECT count(DISTINCT app) FROM inventory;
-- where more apps are named than there are, it is found out at once which are gone
CREATE TEMP TABLE gone AS SELECT * FROM many LIMIT 5000;
ANALYZE gone;
SELECT apps, pg_temp.planned(format('SELECT FROM gone AS g LEFT JOIN apps%s.backend_environments AS e ON e.app_id = g.app', apps)) AS by_app,
       pg_temp.planned(format('SELECT FROM gone AS g JOIN apps%s.backend_environments AS e ON e.app_id = g.app AND e.environment_name = g.env', apps)) AS by_key
  FROM unnest(ARRAY[20, 200, 2000]) AS apps;
