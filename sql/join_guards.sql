-- What keeps a plan from being a wrong one: each query stands for a check of
-- the planner that is the only one in its way.
-- mock: --generate 6,3
\ir ../test/setup.psql
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '100000');
CREATE VIEW e AS SELECT app_id, environment_name AS env, stack_name FROM backend_environments;
CREATE TEMP TABLE inventory AS
  SELECT n AS id, 'd' || lpad(n::text, 11, '0') AS app, 'dev' AS env FROM generate_series(1, 6) AS n;
ANALYZE inventory;
CREATE FUNCTION pg_temp.nodes(query text, provider text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN count(*) FROM jsonb_path_query(plan, 'strict $.** ? (exists (@."Custom Plan Provider"))') AS n
    WHERE n ->> 'Custom Plan Provider' = provider;
END $$;
SET enable_hashjoin = off;
SET enable_mergejoin = off;

-- a row of the outer side stays one, however many match
SELECT id FROM inventory WHERE app IN (SELECT app_id FROM e) ORDER BY id;
SELECT id FROM inventory WHERE id < 3 AND app NOT IN (SELECT app_id FROM e WHERE env = 'none') ORDER BY id;
-- an inner side that does not depend on the row: nothing to read ahead
SELECT pg_temp.nodes('SELECT FROM inventory, e WHERE e.app_id = ''d00000000001''', 'AmplifyReadAhead') AS constant,
  pg_temp.nodes('SELECT FROM inventory i, e WHERE e.app_id = i.app', 'AmplifyReadAhead') AS key;
-- the first row that fits is enough: no second page is read ahead of it
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD page_size '1');
\! mockctl reset
SELECT count(*) FROM inventory i WHERE EXISTS (SELECT FROM e WHERE e.app_id = i.app);
\! mockctl calls && mockctl reset
SELECT count(*) FROM inventory i JOIN e ON e.app_id = i.app;
\! mockctl calls
ALTER FOREIGN TABLE backend_environments OPTIONS (DROP page_size);
-- a key that fails for a row is not computed ahead of it
SELECT i.id, e.env FROM inventory i JOIN e ON e.app_id = i.app AND e.env = split_part(i.env, '/', 4 - i.id) LIMIT 0;
SELECT i.id, e.env FROM inventory i LEFT JOIN e ON e.app_id = i.app AND e.env = split_part(i.env, '/', 4 - i.id) LIMIT 3;
-- a key by a subquery for each row is no key, but the other one is
\! mockctl reset
SELECT i.id, e.env FROM inventory i JOIN e ON e.app_id = i.app
  AND e.env = (SELECT max(j.env) FROM inventory j WHERE j.id = i.id) WHERE i.id < 4 ORDER BY 1;
\! mockctl calls
-- a subquery's subquery is looked into for what it does, but not for ever
SELECT count(*) FROM e JOIN e f USING (app_id) WHERE e.env = (SELECT (SELECT min(env) FROM inventory));
WITH w AS MATERIALIZED (SELECT app FROM inventory WHERE id = (SELECT min(id) FROM inventory))
  SELECT count(*) FROM w JOIN e ON e.app_id = w.app WHERE w.app < (SELECT min(env) FROM inventory);

-- The key is unique in a table, but not in all that inherit from it
CREATE FOREIGN TABLE parent (app_id text, environment_name text) SERVER amplify OPTIONS (resource 'backend_environments');
CREATE TABLE child () INHERITS (parent);
INSERT INTO child VALUES ('d00000000001', 'dev');
SELECT i.id FROM inventory i LEFT JOIN parent p ON p.app_id = i.app AND p.environment_name = i.env WHERE i.id < 3 ORDER BY 1;
-- nor is a part of it
CREATE FOREIGN TABLE part (app_id text, stack_name text) SERVER amplify OPTIONS (resource 'backend_environments');
SELECT i.id FROM inventory i LEFT JOIN part p ON p.app_id = i.app WHERE i.id < 2;
CREATE FOREIGN TABLE keyless (stack_name text) SERVER amplify OPTIONS (resource 'backend_environments');
SELECT count(*) FROM inventory i LEFT JOIN keyless p ON p.stack_name <> i.env WHERE i.id < 2;
-- nor if equal texts may differ
CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE FOREIGN TABLE loosely (app_id text, environment_name text COLLATE loose) SERVER amplify OPTIONS (resource 'backend_environments');
\! mockctl data op=put app=d00000000001 env=DEV stackName=other
SELECT i.id FROM inventory i LEFT JOIN loosely p ON p.app_id = i.app AND p.environment_name = i.env WHERE i.id < 3 ORDER BY 1;
\! mockctl data op=delete app=d00000000001 env=DEV
-- columns that are no key, or nobody knows, don't matter while they are not read
CREATE FOREIGN TABLE odd (app_id text, nonsense text, environment_name text) SERVER amplify OPTIONS (resource 'backend_environments');
\! mockctl reset
SELECT count(*) FROM inventory i LEFT JOIN odd p ON p.app_id = i.app AND p.environment_name = i.env;
\! mockctl total
-- what a Get needs is the key: no call for a join that nobody reads
SELECT count(*) FROM inventory i LEFT JOIN webhooks w ON w.webhook_id = i.env;
\! mockctl total
-- where it is not known how texts compare, that is said when they are
CREATE FOREIGN TABLE posix (app_id text COLLATE "POSIX") SERVER amplify OPTIONS (resource 'apps');
CREATE TEMP TABLE collated AS SELECT 'd00000000001' COLLATE "C" AS app;
\set VERBOSITY terse
SELECT count(*) FROM posix JOIN collated ON app_id = app;
\echo :SQLSTATE
-- a region says where, and makes no key more
EXPLAIN SELECT FROM e JOIN backend_environments b USING (app_id)
  WHERE e.app_id = 'd00000000001' AND e.env = 'dev' AND b.environment_name = 'dev' AND b.region = ANY ('{us-east-1,eu-west-1}')
  \g (format=unaligned) | grep Estimated
DROP TABLE child;
DROP COLLATION loose CASCADE;
