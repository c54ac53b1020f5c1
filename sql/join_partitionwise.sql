-- Joins of partitions, one pair after the other, with enable_partitionwise_join.
-- mock: --generate 12,3
-- mock: --generate 6,3 --region eu-west-1
\ir ../test/setup.psql
SET client_min_messages = warning;
\getenv west AMPLIFY_MOCK_URL_2
CREATE SERVER west FOREIGN DATA WRAPPER amplify_fdw
  OPTIONS (region 'eu-west-1', endpoint_url :'west');
RESET client_min_messages;
CREATE USER MAPPING FOR CURRENT_USER SERVER west
  OPTIONS (access_key_id 'AKIDEXAMPLE',
           secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
CREATE TABLE everywhere (region text, app_id text, environment_name text, stack_name text)
  PARTITION BY LIST (region);
CREATE FOREIGN TABLE everywhere_us PARTITION OF everywhere FOR VALUES IN ('us-east-1')
  SERVER amplify OPTIONS (resource 'backend_environments', estimated_rows '100000');
CREATE FOREIGN TABLE everywhere_eu PARTITION OF everywhere FOR VALUES IN ('eu-west-1')
  SERVER west OPTIONS (resource 'backend_environments', estimated_rows '100000');
-- the columns of one partition are in another order than those of its parent
CREATE TABLE inventory (id int, region text, app text, env text) PARTITION BY LIST (region);
CREATE TABLE inventory_us PARTITION OF inventory FOR VALUES IN ('us-east-1');
CREATE TABLE inventory_eu (env text, app text, region text, id int);
ALTER TABLE inventory ATTACH PARTITION inventory_eu FOR VALUES IN ('eu-west-1');
INSERT INTO inventory
  SELECT n, r, 'd' || lpad(n::text, 11, '0'), CASE WHEN n % 4 = 0 THEN 'gone' ELSE 'dev' END
  FROM generate_series(1, 8) AS n, unnest(ARRAY['us-east-1', 'eu-west-1']) AS r;
CREATE TABLE zones AS SELECT 'd' || lpad(n::text, 11, '0') AS app, n AS zone FROM generate_series(1, 20) AS n;
ANALYZE inventory, zones;
CREATE FUNCTION pg_temp.ahead(name text, OUT rows_ahead text, OUT keys jsonb) LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE ' || quote_ident(name) INTO plan;
  SELECT string_agg(n ->> 'Rows Ahead', ', '), min((n -> 'Lookup Keys')::text)::jsonb INTO rows_ahead, keys
    FROM jsonb_path_query(plan, 'strict $.** ? (@."Custom Plan Provider" == "AmplifyReadAhead")') AS n;
END $$;
SET enable_partitionwise_join = on;
SET enable_hashjoin = off;
SET enable_mergejoin = off;

PREPARE joined AS SELECT i.region, i.id, e.stack_name FROM inventory AS i
  JOIN everywhere AS e ON e.region = i.region AND e.app_id = i.app AND e.environment_name = i.env
  WHERE i.id < 7 ORDER BY 1, 2;
\! mockctl each reset
EXECUTE joined;
\! mockctl each calls
PREPARE lost AS SELECT i.region, count(*), count(e.stack_name) FROM inventory AS i
  LEFT JOIN everywhere AS e ON e.region = i.region AND e.app_id = i.app AND e.environment_name = i.env AND i.id > 2
  GROUP BY 1 ORDER BY 1;
EXECUTE lost;
PREPARE lateral_list AS SELECT i.region, i.id, x.environment_name FROM inventory AS i
  LEFT JOIN LATERAL (SELECT e.environment_name FROM everywhere AS e
                     WHERE e.region = i.region AND e.app_id = i.app) AS x ON x.environment_name <> i.env
  WHERE i.id IN (1, 8) ORDER BY 1, 2, 3;
EXECUTE lateral_list;
PREPARE semi AS SELECT i.region, i.id FROM inventory AS i
  WHERE NOT EXISTS (SELECT FROM everywhere AS e
                    WHERE e.region = i.region AND e.app_id = i.app AND e.environment_name = coalesce(i.env, 'dev'))
  ORDER BY 1, 2;
EXECUTE semi;
-- a key by an array, and by an OR
PREPARE forms AS SELECT i.region, i.id, e.environment_name FROM inventory AS i
  JOIN everywhere AS e ON e.region = i.region AND
    (e.app_id = i.app AND e.environment_name = ANY (ARRAY[i.env, 'prod']) OR
     e.app_id = 'd00000000002' AND e.environment_name = i.env)
  WHERE i.id < 3 ORDER BY 1, 2, 3;
EXECUTE forms;
-- below a join of the inner side
PREPARE below AS SELECT i.region, i.id, e.stack_name, z.zone FROM inventory AS i
  LEFT JOIN (everywhere AS e JOIN zones AS z ON z.app = e.app_id)
    ON e.region = i.region AND e.app_id = i.app AND e.environment_name = i.env
  WHERE i.id < 5 ORDER BY 1, 2;
EXECUTE below;
-- each pair reads its rows ahead
SELECT n, a.* FROM unnest('{joined,lost,lateral_list,semi,below}'::text[]) AS n, pg_temp.ahead(n) AS a;
-- without read-ahead
DISCARD PLANS;
SET amplify_fdw.read_ahead = 0;
EXECUTE joined;
EXECUTE lost;
EXECUTE lateral_list;
EXECUTE semi;
EXECUTE forms;
EXECUTE below;
RESET amplify_fdw.read_ahead;

-- which side of "=" is left depends on the version
DISCARD PLANS;
EXPLAIN (COSTS OFF) EXECUTE joined \g (format=unaligned) | grep -v ' = '

DROP TABLE everywhere, inventory, zones;
