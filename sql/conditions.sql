-- Conditions that can't be sent are decided before a call where what they look
-- at is known: the region, and the keys of the request.
-- mock: --generate 40,3
\ir ../test/setup.psql
\pset format unaligned
\pset tuples_only on
\ir ../test/pushed.psql
-- an app without environments
\! mockctl data op=put app=d00000000099 name=empty
SELECT * FROM run('backend_environments t');

-- each of these conditions on its own
SELECT c, r.* FROM unnest(ARRAY[
  -- no app
  $$app_id IS NULL$$, $$environment_name IS NULL$$, $$region IS NULL$$, $$region <> 'us-east-1'$$,
  $$region LIKE 'eu-%'$$, $$region NOT IN ('us-east-1', 'us-east-2')$$, $$region > 'x'$$, $$NOT region = 'us-east-1'$$,
  $$(region = 'us-east-1') IS NOT TRUE$$, $$coalesce(region, '') = ''$$, $$region || app_id < 'a'$$,
  -- none that fits
  $$app_id > 'e'$$, $$app_id LIKE 'x%'$$, $$app_id LIKE 'x\\'$$, $$app_id < ALL ('{a,b}')$$, $$app_id ~ '^x'$$, $$length(app_id) = 3$$,
  -- some
  $$app_id LIKE 'd0000000000%'$$, $$app_id NOT LIKE 'd0000000000%'$$, $$app_id ILIKE 'D0000000000%'$$,
  $$app_id ^@ 'd0000000000'$$, $$starts_with(app_id, 'd0000000000')$$, $$app_id SIMILAR TO 'd0+[12]'$$,
  $$app_id BETWEEN 'd00000000005' AND 'd00000000007'$$, $$app_id >= 'd00000000039'$$, $$app_id ~ '[12]$'$$, $$app_id ~* 'D.*[12]$'$$,
  $$app_id <> 'd00000000001'$$, $$app_id NOT IN ('d00000000001', 'd00000000002')$$,
  $$lower(app_id) = 'd00000000001'$$, $$upper(app_id) IN ('D00000000001', 'D00000000002')$$,
  $$app_id::bpchar = 'd00000000001'$$, $$app_id::name = 'd00000000001'$$, $$app_id::varchar(12) = 'd00000000001'$$,
  $$app_id::char(2) = 'd1'$$,
  $$lower(app_id) IS NOT DISTINCT FROM 'd00000000001'$$, $$(app_id = 'd00000000001') IS TRUE$$, $$coalesce(lower(app_id), '') = 'd00000000001'$$,
  $$nullif(app_id, 'd00000000001') IS NULL$$, $$right(app_id, 1) = '3'$$, $$substr(app_id, 11) = '03'$$,
  $$split_part(app_id, '1', 1) = 'd0000000000'$$,
  $$CASE WHEN app_id > 'd00000000038' THEN true WHEN app_id < 'd00000000002' THEN true END$$,
  $$CASE right(app_id, 2) WHEN '01' THEN 'a' ELSE 'b' END = 'a'$$,
  $$(app_id, environment_name) >= ('d00000000040', 'prod')$$, $$greatest(app_id, 'd00000000040') > 'd00000000040'$$,
  $$(app_id, environment_name) < ('d00000000002', 'dev')$$, $$('d00000000039', 'x') < (app_id, environment_name)$$,
  $$(app_id, environment_name) <= ('d00000000002', 'dev')$$, $$(region, app_id) > ('us-east-1', 'd00000000039')$$,
  $$app_id = 'd00000000001' COLLATE "C"$$, $$app_id > 'd0000000003' COLLATE "C" AND region = 'us-east-1'$$,
  $$app_id = 'd00000000001' OR app_id LIKE '%2'$$, $$NOT (app_id > 'd00000000001' OR region = 'x')$$,
  -- beside a key, and of what is only known of an item
  $$app_id IN ('d00000000001', 'd00000000002') AND app_id > 'd00000000001'$$,
  $$app_id IN ('d00000000001', 'd00000000002') AND environment_name = 'dev' AND environment_name || app_id LIKE '%2'$$,
  $$environment_name = 'dev' AND app_id LIKE '%3'$$, $$environment_name LIKE 'd%' AND app_id LIKE '%3'$$,
  $$backend_environment_arn = 'arn:aws:amplify:us-east-1:111122223333:apps/d00000000001/backendenvironments/dev' AND app_id > 'e'$$,
  $$app_id LIKE '%3' OR stack_name LIKE '%x%'$$, $$app_id LIKE '%3' AND stack_name IS NULL$$,
  $$account_id = '999999999999'$$,
  -- what may fail, or is known too late, is left to the rows
  $$app_id LIKE environment_name$$, $$app_id NOT LIKE 'x\'$$, $$to_tsvector('simple', app_id) @@ 'd00000000001'$$,
  $$app_id > stack_name OR app_id IS NOT NULL$$
  ]) WITH ORDINALITY AS u (c, i), run('backend_environments t WHERE ' || c) AS r ORDER BY i;

-- at each level below
SELECT c, r.* FROM unnest(ARRAY[
  $$jobs t WHERE branch_name LIKE 'm%'$$, $$jobs t WHERE branch_name LIKE 'x%'$$, $$jobs t WHERE app_id LIKE '%3'$$,
  $$jobs t WHERE app_id LIKE '%3' AND branch_name <> 'main'$$, $$jobs t WHERE app_id || branch_name LIKE '%3main'$$,
  $$jobs t WHERE branch_name = 'main' AND app_id > 'd00000000038'$$,
  $$jobs t WHERE (app_id = 'd00000000001' AND branch_name = 'main') OR app_id = 'd00000000002'$$,
  $$jobs t WHERE job_id <> '1' AND app_id > 'd00000000038'$$, $$jobs t WHERE region IS NULL$$, $$jobs t WHERE branch_name IS NULL$$,
  $$job_steps t WHERE branch_name LIKE 'x%'$$, $$job_steps t WHERE app_id > 'd00000000038' AND job_id > '1'$$,
  $$artifacts t WHERE app_id > 'd00000000038' AND branch_name ~ 'n$' AND job_id > '1'$$,
  $$webhooks t WHERE app_id LIKE '%3'$$, $$webhooks t WHERE app_id IS NULL$$, $$sub_domains t WHERE app_id LIKE '%3'$$,
  $$domain_associations t WHERE app_id LIKE '%3' AND domain_name > 'a'$$,
  $$apps t WHERE region <> 'us-east-1'$$, $$apps t WHERE app_id > 'e'$$, $$apps t WHERE app_id IN ('d00000000001', 'x') AND app_id > 'e'$$
  ]) WITH ORDINALITY AS u (c, i), run(c) AS r ORDER BY i;

-- the account is known if the server says it
ALTER SERVER amplify OPTIONS (ADD account_id '111122223333');
SELECT * FROM run($$ backend_environments t WHERE account_id <> '111122223333' $$);
SELECT * FROM run($$ backend_environments t WHERE account_id LIKE '1%' AND app_id LIKE '%3' $$);
ALTER SERVER amplify OPTIONS (DROP account_id);

-- what others may see: a function of the user's, a cast that has a domain's
-- constraint or a column of such a type, a barrier that must be passed first
CREATE FUNCTION seen(value text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
  RAISE NOTICE 'seen: %', value;
  RETURN true;
END $$;
CREATE DOMAIN watched AS text CHECK (seen(VALUE));
CREATE FOREIGN TABLE strange (app_id watched, environment_name varchar(3), app text OPTIONS (field 'app_id'), region text)
  SERVER amplify OPTIONS (resource 'backend_environments');
\! mockctl reset && mockctl data op=put app=d00000000098 name=empty
SELECT count(*) FROM backend_environments WHERE app_id > 'd00000000098' AND seen(app_id);
\! mockctl calls && mockctl reset
SELECT count(*) FROM backend_environments WHERE app_id IN ('d00000000098', 'd00000000099') AND (app_id > 'e' OR seen(app_id));
\! mockctl calls && mockctl reset
SELECT count(*) FROM backend_environments WHERE app_id::watched > 'd00000000040' AND app_id > 'd00000000098';
\! mockctl calls && mockctl reset
SELECT count(*) FROM strange WHERE app_id > 'd00000000098' AND app > 'd00000000040';
\! mockctl calls && mockctl reset
SELECT count(*) FROM strange WHERE region || app LIKE '%99';
\! mockctl calls && mockctl reset
CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM backend_environments WHERE seen(NULL) AND app_id > 'd00000000039';
-- only what can't leak may come before the view's own condition
SELECT count(*) FROM barrier WHERE app_id LIKE '%9' AND app_id <> 'd00000000098';
\! mockctl calls && mockctl reset
EXPLAIN (COSTS OFF) SELECT * FROM barrier WHERE app_id LIKE '%9' AND app_id <> 'd00000000098';

-- values that are known when the scan starts
SET plan_cache_mode = force_generic_plan;
PREPARE q(text, text) AS SELECT count(*) FROM backend_environments WHERE app_id > $1 AND region <> $2;
EXECUTE q('d00000000038', 'x');
\! mockctl calls && mockctl reset
EXECUTE q('d00000000038', 'us-east-1');
EXECUTE q('d00000000038', NULL);
\! mockctl calls && mockctl reset
EXECUTE q(NULL, 'x');
\! mockctl calls && mockctl reset
SET amplify_fdw.pushdown = off;
EXECUTE q('d00000000040', 'x');
\! mockctl calls && mockctl reset
RESET amplify_fdw.pushdown;
EXPLAIN (COSTS OFF) EXECUTE q('d00000000038', 'x');
-- at each rescan
SELECT v.a, x.n FROM (VALUES ('d00000000039'), ('d00000000040'), (NULL)) AS v (a),
  LATERAL (SELECT count(*) AS n FROM backend_environments WHERE app_id > v.a) AS x;
\! mockctl calls && mockctl reset
SELECT count(*) FROM backend_environments WHERE app_id > (SELECT max('d00000000039') FROM pg_class);
\! mockctl calls && mockctl reset

-- hashed subqueries of one table, unless they do something; PostgreSQL 19 makes
-- joins of those that can't bring a NULL
SELECT count(*) FROM backend_environments WHERE app_id NOT IN (SELECT lower(app_id) FROM apps);
\! mockctl calls && mockctl reset
CREATE TEMP TABLE gone AS SELECT 'd000000000' || n AS app FROM generate_series(11, 99) AS n;
SELECT count(*) FROM backend_environments WHERE app_id NOT IN (SELECT lower(app) FROM gone WHERE app <> 'd00000000012');
\! mockctl calls && mockctl reset
SELECT count(*) FROM jobs WHERE app_id > 'd00000000039' OR (app_id, branch_name) IN (SELECT app, 'main' FROM gone WHERE app < 'd00000000013');
\! mockctl calls && mockctl reset
CREATE SEQUENCE counted;
SELECT count(*) FROM backend_environments WHERE app_id > 'd00000000098' AND app_id NOT IN (SELECT app || nextval('counted') FROM gone);
SELECT is_called FROM counted;
SELECT count(*) FROM backend_environments WHERE app_id > 'd00000000098' AND app_id NOT IN (SELECT app FROM gone WHERE 1 / (length(app) - 12) > 0);
\! mockctl calls && mockctl reset

-- joins: the side that may be missing, and the condition above it
SELECT v.a, b.branch_name, e.environment_name FROM (VALUES ('d00000000001'), ('d00000000002')) AS v (a)
  LEFT JOIN branches AS b ON b.app_id = v.a AND b.branch_name LIKE 'm%'
  LEFT JOIN backend_environments AS e ON e.app_id = v.a AND e.app_id > 'd00000000001' AND e.environment_name = 'dev'
  ORDER BY 1;
\! mockctl calls && mockctl reset
SELECT v.a, e.environment_name FROM (VALUES ('d00000000001'), ('d00000000002')) AS v (a)
  LEFT JOIN backend_environments AS e ON e.app_id = v.a AND e.environment_name = 'dev'
  WHERE coalesce(e.app_id, 'e') > 'd00000000001' ORDER BY 1;
\! mockctl calls && mockctl reset
SELECT count(*) FROM branches JOIN jobs USING (app_id, branch_name) WHERE branch_name LIKE 'm%' AND app_id LIKE '%3';
\! mockctl calls && mockctl reset
-- what is read ahead of a join, but for what only the join's row decides
SET enable_hashjoin = off;
SET enable_mergejoin = off;
CREATE TEMP TABLE inventory AS SELECT 'd' || lpad(n::text, 11, '0') AS app FROM generate_series(1, 20) AS n;
ANALYZE inventory;
SELECT count(*), count(e.app_id) FROM inventory
  LEFT JOIN backend_environments AS e ON e.app_id = app AND e.environment_name = 'dev' AND right(e.app_id, 1) = '3';
\! mockctl calls && mockctl reset
SELECT count(*), count(e.app_id) FROM inventory
  LEFT JOIN backend_environments AS e ON e.app_id = app AND e.environment_name = 'dev' AND e.app_id || e.environment_name > app || 'f';
\! mockctl reset
SELECT count(*), count(j.app_id) FROM inventory LEFT JOIN jobs AS j ON j.app_id = app AND j.branch_name LIKE 'm%';
\! mockctl calls && mockctl reset

-- every column of the table has several conditions
CREATE FOREIGN TABLE pair (app_id text, environment_name text) SERVER amplify OPTIONS (resource 'backend_environments');
SELECT * FROM pair WHERE app_id LIKE '%3' AND app_id > 'd00000000030' AND environment_name LIKE 'd%' AND environment_name <> 'x' AND app_id || environment_name > 'd';
\! mockctl calls && mockctl reset

-- estimates are of what is asked
CREATE FUNCTION calls(condition text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) SELECT * FROM jobs WHERE ' || condition INTO plan;
  RETURN plan -> 0 -> 'Plan' ->> 'Estimated API Calls';
END $$;
SELECT c, calls(c) < calls('true') AS fewer FROM unnest(ARRAY[$$job_id > '1'$$, $$branch_name LIKE 'm%'$$, $$app_id LIKE 'd00000000001%'$$, $$app_id <> 'd1'$$,
  $$app_id > 'd' AND branch_name > 'm'$$, $$app_id = 'd1' AND branch_name LIKE 'm%'$$, $$region <> 'us-east-1'$$]) AS c;
EXPLAIN (COSTS OFF) SELECT * FROM jobs WHERE branch_name LIKE 'm%' AND app_id = 'd1' AND job_id > '1' AND region = 'x' AND region <> 'y';
DROP VIEW barrier;
DROP FOREIGN TABLE strange, pair;
DROP DOMAIN watched;
DROP FUNCTION run, seen, calls;
DROP SEQUENCE counted;
