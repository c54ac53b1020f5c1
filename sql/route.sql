-- mock: --generate 3,2
-- The route to a resource, for every set of its keys and for one or two values
-- of each: the scan makes the calls that EXPLAIN names, and where a Get is
-- named, perhaps the List in its place.  A generic plan makes those of a
-- custom one.
\ir ../test/setup.psql
IMPORT FOREIGN SCHEMA amplify LIMIT TO (artifact_urls) FROM SERVER amplify
  INTO public OPTIONS (import_sensitive 'true');
CREATE TABLE samples (key text PRIMARY KEY, one text, two text);
INSERT INTO samples VALUES
  ('app_id', 'd00000000001', 'd00000000002'), ('branch_name', 'main', 'develop'),
  ('job_id', '1', '2'), ('environment_name', 'prod', 'dev'),
  ('domain_name', 'app1.example.com', 'app2.example.com');
INSERT INTO samples
  SELECT 'webhook_id', min(webhook_id), max(webhook_id) FROM webhooks;
INSERT INTO samples
  SELECT 'artifact_id', min(artifact_id), max(artifact_id) FROM artifacts
  WHERE app_id = 'd00000000001';

-- the conditions on each set of keys, with as many parameters
CREATE VIEW conditions AS
  WITH RECURSIVE keys AS (
    SELECT resource, field AS key, row_number() OVER (PARTITION BY resource ORDER BY field) AS n
    FROM amplify_fdw_fields() JOIN samples ON field = key
    WHERE is_key),
  sets AS (
    SELECT DISTINCT resource, 0::bigint AS n, '{}'::text[] AS terms, '{}'::text[] AS params FROM keys
    UNION ALL
    SELECT resource, k.n,
      terms || CASE WHEN v > 0 THEN ARRAY[format('%I = ANY ($%s)', key, cardinality(terms) + 1)] END,
      params || CASE WHEN v > 0 THEN ARRAY[quote_literal(CASE v WHEN 1 THEN ARRAY[one] ELSE ARRAY[one, two] END)] END
    FROM sets JOIN keys k USING (resource) JOIN samples USING (key), generate_series(0, 2) v
    WHERE k.n = sets.n + 1)
  SELECT resource, terms, params FROM sets
  WHERE n = (SELECT max(n) FROM keys k WHERE k.resource = sets.resource);
-- a disjunct with NULL is none: what binds too little then does not count
CREATE VIEW disjunctions AS
  SELECT resource, ARRAY[format('(%2$s = $1 OR %1$s = $2 AND %2$s = $3)', outer_key, inner_key)] AS terms,
    ARRAY[n1, n2, n3] AS params
  FROM (VALUES ('backend_environments', 'app_id', 'environment_name'),
               ('jobs', 'app_id', 'branch_name'), ('webhooks', 'app_id', 'webhook_id')) AS r (resource, outer_key, inner_key)
    JOIN samples AS o ON o.key = outer_key JOIN samples AS i ON i.key = inner_key,
    unnest(ARRAY['NULL', quote_literal(i.two)]) AS n1,
    unnest(ARRAY['NULL', quote_literal(o.one)]) AS n2,
    unnest(ARRAY['NULL', quote_literal(i.one)]) AS n3;

-- what a plan names, and the calls that were made
CREATE FUNCTION run(mode text, resource text, terms text[], params text[],
                    OUT planned text[], OUT made jsonb) LANGUAGE plpgsql AS $$
DECLARE
  query text := 'EXECUTE q' || coalesce('(' || nullif(array_to_string(params, ', '), '') || ')', '');
  plan jsonb;
BEGIN
  EXECUTE format('PREPARE q AS SELECT count(*) FROM %I', resource) ||
    coalesce(' WHERE ' || nullif(array_to_string(terms, ' AND '), ''), '');
  PERFORM set_config('plan_cache_mode', mode, false);
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  planned := string_to_array(jsonb_path_query_first(plan, 'strict $.**."API Operation"') #>> '{}', ' + ');
  PERFORM amplify_fdw_stats_reset();
  EXECUTE query;
  SELECT coalesce(jsonb_object_agg(key, value), '{}') INTO made
    FROM amplify_fdw_stats(), jsonb_each(by_operation);
  DEALLOCATE q;
END $$;
CREATE TABLE runs AS
  SELECT resource, terms, params, custom.planned, custom.made,
    generic.planned AS generic_planned, generic.made AS generic_made
  FROM (TABLE conditions UNION ALL TABLE disjunctions) AS c,
    run('force_custom_plan', resource, terms, params) AS custom,
    run('force_generic_plan', resource, terms, params) AS generic;
\pset tuples_only on
\pset format unaligned
SELECT resource, count(*) FROM runs GROUP BY 1 ORDER BY 1;
-- what stands below is wrong: calls that are not named
SELECT resource, terms, params, planned, made FROM runs
  WHERE EXISTS (
    SELECT FROM jsonb_object_keys(made) AS operation
    WHERE operation <> ALL (planned) AND NOT EXISTS (
      SELECT FROM amplify_fdw_resources() r
      WHERE r.resource = runs.resource AND get_operation = ANY (planned)
        AND list_operation = operation));
-- operations that are named and not called
SELECT resource, terms, params, planned, made FROM runs
  WHERE NOT EXISTS (
    SELECT FROM amplify_fdw_resources() r
    WHERE r.resource = runs.resource AND get_operation = ANY (planned))
  AND EXISTS (
    SELECT FROM unnest(planned) AS operation WHERE NOT made ? operation);
-- calls of a generic plan that a custom one does not make
SELECT resource, terms, params, made, generic_made FROM runs
  WHERE made <> generic_made;
DROP TABLE runs;
DROP VIEW conditions, disjunctions;
DROP TABLE samples;
DROP FUNCTION run;
