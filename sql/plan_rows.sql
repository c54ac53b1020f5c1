-- mock: --generate 12,3
-- How many rows the planner expects: before ANALYZE what the keys let expect,
-- after it what there is.
\ir ../test/setup.psql
SET client_min_messages = warning;
IMPORT FOREIGN SCHEMA amplify LIMIT TO (artifact_urls) FROM SERVER amplify
  INTO public OPTIONS (import_sensitive 'true');
RESET client_min_messages;
\pset format unaligned
\pset footer off

CREATE FUNCTION expected(query text, OUT rows bigint) LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  rows := plan->0->'Plan'->>'Plan Rows';
END $$;
CREATE FUNCTION counted(query text, OUT rows bigint) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SELECT count(*) FROM (%s) AS q', query) INTO rows;
END $$;

-- each set of keys of each table: none, parts of them and all
CREATE TEMP TABLE ways AS
  SELECT resource, coalesce(string_agg(key, ', ' ORDER BY n), 'all') AS bound, count(key) AS keys,
         format('SELECT * FROM %I', resource) || coalesce(
           ' WHERE ' || string_agg(format('%I = %L', key, coalesce(value, 'none')), ' AND ' ORDER BY n)
             FILTER (WHERE key IS NOT NULL), '') AS query
    FROM (SELECT resource, array_agg(key[1] ORDER BY n) AS keys
            FROM amplify_fdw_resources(),
                 regexp_matches(coalesce(get_path, list_path), '{([a-z_]+)}', 'g')
                   WITH ORDINALITY AS k(key, n)
           GROUP BY 1) AS r,
         generate_series(0, (1 << cardinality(keys)) - 1) AS set
    LEFT JOIN LATERAL (SELECT * FROM unnest(keys) WITH ORDINALITY AS k(key, n)
                         LEFT JOIN (VALUES ('app_id', 'd00000000001'), ('environment_name', 'dev'),
                                      ('branch_name', 'main'), ('job_id', '1'), ('webhook_id', 'wh-1'),
                                      ('domain_name', 'app1.example.com'),
                                      ('artifact_id', 'd00000000001/main/1/BUILD/log.txt')) AS v(key, value)
                        USING (key)) AS k ON set & (1 << (n::int - 1)) <> 0
   GROUP BY resource, set;
SELECT resource, bound, expected(query) FROM ways ORDER BY resource, keys, bound;

-- lists of keys, ARNs, and conditions on what is no key
SELECT expected('SELECT FROM branches WHERE app_id IN (''d1'', ''d2'', ''d3'')');
SELECT expected('SELECT FROM branches WHERE branch_name IN (''main'', ''develop'')');
SELECT expected('SELECT FROM branches WHERE app_id IN (''d1'', ''d2'') AND branch_name IN (''a'', ''b'', ''c'')');
SELECT expected('SELECT FROM branches WHERE app_id = ''d1'' OR (app_id = ''d2'' AND branch_name = ''a'')');
SELECT expected('SELECT FROM branches WHERE branch_name = ''a'' OR app_id = ''d1''');
SELECT expected('SELECT FROM branches WHERE branch_arn = ''arn:aws:amplify:us-east-1:1:apps/d1/branches/a''');
SELECT expected('SELECT FROM job_steps WHERE job_arn = ''arn:aws:amplify:us-east-1:1:apps/d1/branches/a/jobs/1''');
SELECT expected('SELECT FROM jobs WHERE app_id = ''d1'' AND branch_name = ''a'' AND start_time > now()');
SELECT expected('SELECT FROM jobs WHERE status = ''FAILED''');
-- webhooks of an app
SELECT expected('SELECT FROM webhooks WHERE app_id = ''d1''');
-- inside of a join, for each row outside
CREATE FUNCTION expected_inside(query text, OUT rows bigint) LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  rows := plan->0->'Plan'->'Plans'->1->>'Plan Rows';
END $$;
SELECT expected_inside('SELECT FROM (VALUES (''d1''), (''d2'')) AS v(app)
  LEFT JOIN LATERAL (SELECT FROM jobs WHERE app_id = app OFFSET 0) AS j ON true');
SELECT expected_inside('SELECT FROM (VALUES (''d1'', ''a''), (''d2'', ''b'')) AS v(app, branch)
  JOIN jobs ON app_id = app AND branch_name = branch');
SELECT expected_inside('SELECT FROM (VALUES (''d1'', ''a''), (''d2'', ''b'')) AS v(app, branch)
  JOIN branches ON app_id = app AND branch_name = branch');
-- a join by the whole key has no more rows than the other side
CREATE TEMP TABLE keys AS
  SELECT 'd' || i % 25 AS app, (ARRAY['a', 'b', 'c', 'd'])[1 + i / 25] AS name, 'wh-' || i AS webhook
    FROM generate_series(0, 99) AS i;
ANALYZE keys;
CREATE VIEW pg_temp.joins AS
  SELECT kind, format('SELECT FROM keys %s', clause) AS query FROM (VALUES
    ('environment', 'JOIN backend_environments ON app_id = app AND environment_name = name'),
    ('environment outside', 'LEFT JOIN backend_environments ON app_id = app AND environment_name = name'),
    ('branch', 'JOIN branches ON app_id = app AND branch_name = name'),
    ('app', 'JOIN apps ON app_id = app'),
    ('webhook', 'JOIN webhooks ON webhook_id = webhook'),
    ('two tables', 'LEFT JOIN backend_environments AS e ON e.app_id = app AND e.environment_name = name
                    LEFT JOIN branches AS b ON b.app_id = e.app_id AND b.branch_name = e.environment_name'),
    ('environments of an app', 'JOIN backend_environments ON app_id = app'),
    ('jobs of a branch', 'JOIN jobs ON app_id = app AND branch_name = name')) AS v(kind, clause);
SELECT kind, expected(query) FROM pg_temp.joins;
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '1000000');
SELECT kind, expected(query) FROM pg_temp.joins WHERE kind ~ '^environment|two';
ALTER FOREIGN TABLE backend_environments OPTIONS (DROP estimated_rows);
SELECT expected('SELECT app_id FROM branches GROUP BY 1');
SELECT expected('SELECT region FROM branches GROUP BY 1');
-- without pushdown, what PostgreSQL makes of it
SET amplify_fdw.pushdown = off;
SELECT expected('SELECT FROM jobs WHERE app_id = ''d1''');
RESET amplify_fdw.pushdown;

-- the option says how many there are, the keys how many of those
ALTER FOREIGN TABLE jobs OPTIONS (ADD estimated_rows '1000000');
SELECT bound, expected(query) FROM ways WHERE resource = 'jobs' ORDER BY keys, bound;
ALTER FOREIGN TABLE jobs OPTIONS (SET estimated_rows '3');
SELECT bound, expected(query) FROM ways WHERE resource = 'jobs' ORDER BY keys, bound;
ALTER FOREIGN TABLE jobs OPTIONS (DROP estimated_rows);

-- ANALYZE knows it
SELECT format('ANALYZE %I', resource) FROM amplify_fdw_resources()
\gexec
SELECT resource, bound, e.rows AS expected, c.rows AS counted
  FROM ways, expected(query) AS e, counted(query) AS c
 ORDER BY resource, keys, bound;
SELECT expected('SELECT FROM branches WHERE app_id IN (''d00000000001'', ''d00000000002'')');
SELECT expected_inside('SELECT FROM (VALUES (''d1''), (''d2'')) AS v(app)
  LEFT JOIN LATERAL (SELECT FROM jobs WHERE app_id = app OFFSET 0) AS j ON true');
-- and how many calls it is to list them
CREATE FUNCTION pg_temp.list_calls(resource text, OUT expected bigint, OUT made bigint) LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) SELECT count(*) FROM ' || resource INTO plan;
  expected := plan->0->'Plan'->'Plans'->0->>'Estimated API Calls';
  PERFORM amplify_fdw_stats_reset();
  EXECUTE 'SELECT count(*) FROM ' || resource;
  SELECT sum(calls) INTO made FROM amplify_fdw_stats();
END $$;
SELECT resource, c.* FROM amplify_fdw_resources(), pg_temp.list_calls(resource) AS c ORDER BY 1;
SELECT resource, c.* FROM unnest('{artifacts,branches,jobs}'::text[]) AS resource,
  pg_temp.list_calls(resource || ' WHERE app_id = ''d00000000001''') AS c ORDER BY 1;
DROP FUNCTION expected, expected_inside, counted;
