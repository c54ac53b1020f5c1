-- mock: --generate 3,2 --region us-east-1 --account 111122223333
-- mock: --generate 3,3 --region eu-west-1 --account 111122223333
-- mock: --generate 4,2 --region us-east-1 --account 444455556666
-- mock: --generate 4,3 --region eu-west-1 --account 444455556666
-- Tables over two accounts in two regions: who is asked.
\ir ../test/setup.psql
\ir ../test/regions.psql

-- all, at the same time; each with a role of its own
SELECT account_id, region, count(*) FROM backend_environments GROUP BY 1, 2 ORDER BY 1, 2;
\! mockctl each calls
\! mockctl each reset
EXPLAIN (COSTS OFF) SELECT app_id FROM apps;

-- a region, an account, both, none of ours
SELECT account_id, region, count(*) FROM apps WHERE region = 'eu-west-1' GROUP BY 1, 2 ORDER BY 1;
\! mockctl each calls
\! mockctl each reset
SELECT account_id, region, count(*) FROM apps WHERE account_id = '444455556666' GROUP BY 1, 2 ORDER BY 2;
\! mockctl each calls
\! mockctl each reset
SELECT count(*) FROM apps WHERE account_id = '444455556666' AND region = 'us-east-1';
\! mockctl each calls
\! mockctl each reset
SELECT count(*) FROM apps WHERE account_id = '999900001111' OR region = 'ap-south-1';
SELECT count(*) FROM apps WHERE account_id IS NULL;
\! mockctl each total
EXPLAIN (COSTS OFF) SELECT app_id FROM apps WHERE account_id = '444455556666' AND region = 'us-east-1';

-- an ARN says where it is, without its columns
SELECT region, account_id, environment_name FROM backend_environments
  WHERE backend_environment_arn = 'arn:aws:amplify:eu-west-1:111122223333:apps/d00000000003/backendenvironments/prod';
\! mockctl each calls
\! mockctl each reset
SELECT region, account_id, app_id FROM apps WHERE app_arn IN
  ('arn:aws:amplify:us-east-1:444455556666:apps/d00000000004', 'arn:aws:amplify:us-east-1:111122223333:apps/d00000000001')
  ORDER BY 2;
\! mockctl each calls
\! mockctl each reset

-- without a place, a key is asked everywhere
SELECT region, account_id FROM backend_environments
  WHERE app_id = 'd00000000004' AND environment_name = 'prod' ORDER BY 1, 2;
\! mockctl each calls
\! mockctl each reset

-- parameters of a generic plan
SET plan_cache_mode = force_generic_plan;
PREPARE of_place(text, text) AS
  SELECT count(*) FROM backend_environments WHERE account_id = $1 AND region = $2 AND app_id = 'd00000000001';
EXECUTE of_place('111122223333', 'eu-west-1');
EXECUTE of_place('999900001111', 'eu-west-1');
EXECUTE of_place(NULL, 'eu-west-1');
\! mockctl each calls
\! mockctl each reset
PREPARE of_regions(text[]) AS SELECT account_id, region, count(*) FROM apps WHERE region = ANY ($1) GROUP BY 1, 2 ORDER BY 1;
EXECUTE of_regions('{us-east-1,ap-south-1,NULL}');
\! mockctl each calls
\! mockctl each reset
RESET plan_cache_mode;
SELECT count(*) FROM apps WHERE region = (SELECT max(r) FROM (VALUES ('eu-west-1'), ('eu-central-1')) AS v (r));
\! mockctl each calls
\! mockctl each reset

-- an inventory that knows the places: each is asked for what it has
CREATE TEMP TABLE inventory (account text, region text, app text, env text);
INSERT INTO inventory VALUES
  ('111122223333', 'us-east-1', 'd00000000001', 'dev'),
  ('111122223333', 'us-east-1', 'd00000000002', 'nil'),
  ('111122223333', 'eu-west-1', 'd00000000001', 'prod'),
  ('444455556666', 'eu-west-1', 'd00000000004', 'dev'),
  ('999900001111', 'us-east-1', 'd00000000001', 'dev'),
  (NULL, 'us-east-1', 'd00000000001', 'dev');
ANALYZE inventory;
\set joined 'SELECT i.*, e.account_id, e.region, e.stack_name FROM inventory i LEFT JOIN backend_environments e ON e.app_id = i.app AND e.environment_name = i.env AND e.region = i.region AND e.account_id = i.account ORDER BY 1, 2 DESC, 3, 4'
:joined;
\! mockctl each calls
\! mockctl each reset
-- which side of "=" is left in a partition's conditions depends on the version
EXPLAIN (COSTS OFF) :joined \g (format=unaligned) | grep -v ' = '
SET amplify_fdw.read_ahead = 0;
:joined;
\! mockctl each calls
\! mockctl each reset
RESET amplify_fdw.read_ahead;

-- one that doesn't: a call everywhere for each
SELECT i.app, i.env, count(e.app_id) FROM (SELECT DISTINCT app, env FROM inventory) i
  LEFT JOIN backend_environments e ON e.app_id = i.app AND e.environment_name = i.env
  GROUP BY 1, 2 ORDER BY 1, 2;
\! mockctl each calls
\! mockctl each reset
SELECT i.region, x.n FROM (SELECT DISTINCT region FROM inventory) i,
  LATERAL (SELECT count(*) AS n FROM apps a WHERE a.region = i.region AND a.app_id = 'd00000000004') x
  ORDER BY 1;
\! mockctl each calls
\! mockctl each reset

-- tables of one place joined with each other, over all
SELECT a.account_id, a.region, count(*) FROM apps a
  JOIN branches b ON b.app_id = a.app_id AND b.region = a.region AND b.account_id = a.account_id
  WHERE a.app_id = 'd00000000001' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT DISTINCT account_id, region FROM artifacts
  WHERE app_id = 'd00000000001' AND branch_name = 'main' AND job_id = '1' ORDER BY 1, 2;
SELECT tableoid::regclass::text FROM apps WHERE app_id = 'd00000000004' ORDER BY 1;
\! mockctl each reset

-- an end before all is read, and no way to write
SELECT count(*) FROM (SELECT FROM apps LIMIT 1) x;
INSERT INTO apps (account_id, region) VALUES ('111122223333', 'us-east-1');
SELECT sum(handles_in_use) FROM amplify_fdw_stats();

-- a mapping of another account can't put rows into this one's partition
ALTER SERVER :us_1111 OPTIONS (SET endpoint_url :'mock3', SET sts_endpoint_url :'mock3');
SELECT count(*) FROM apps;
SET client_min_messages = warning;
DROP SCHEMA everywhere CASCADE;
