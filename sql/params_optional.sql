-- Conditions that a parameter may leave open: a plan for all values asks for
-- one key, or for all, as the value says.
-- mock: --generate 6,3
\ir ../test/setup.psql
SET plan_cache_mode = force_generic_plan;

-- rows, and calls by operation, of a generic plan for two parameters
CREATE FUNCTION pg_temp.asked(condition text, a text, b text, OUT rows bigint, OUT calls text)
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE 'PREPARE q (text, text) AS SELECT count(*) FROM backend_environments WHERE ' || condition;
  PERFORM amplify_fdw_stats_reset();
  EXECUTE format('EXECUTE q (%L, %L)', a, b) INTO rows;
  SELECT string_agg(key || ' ' || value, ', ' ORDER BY key) INTO calls
    FROM amplify_fdw_stats(), jsonb_each_text(by_operation);
  DEALLOCATE q;
END $$;

SELECT n, a, b, asked.* FROM (VALUES
  (1, '$1 IS NULL OR app_id = $1'),
  (2, '($1 IS NULL OR app_id = $1) AND ($2 IS NULL OR environment_name = $2)'),
  (3, 'app_id = coalesce($1, app_id) AND environment_name = coalesce(nullif($2, ''''), environment_name)'),
  (4, 'app_id = CASE WHEN $1 = '''' THEN app_id ELSE $1 END AND ($2 <> '''') IS NOT NULL'),
  (5, 'CASE WHEN $1 IS NULL THEN environment_name = $2 ELSE app_id = $1 END'),
  (6, '$1 IS NOT NULL AND app_id = $1 OR $1 IS NULL AND $2 IS NOT NULL AND app_id <= $2'),
  (7, 'cardinality(string_to_array($1, '','')) = 0 OR app_id = ANY (string_to_array($1, '',''))'),
  (8, '$1 = '''' OR (app_id, environment_name) IN (($1, $2), (''d00000000002'', ''dev''))'),
  (9, 'app_id IS NOT DISTINCT FROM $1 AND (environment_name = $2) IS TRUE'),
  -- not before a call: what may fail, and what the rows decide
  (10, '10 / (1 + length($2)) > 9 OR app_id = $1'),
  (11, 'app_id = CASE WHEN environment_name <> $2 THEN app_id ELSE $1 END'),
  (12, '$1 IS NULL OR app_id = $1 OR update_time IS NULL')
  ) AS c (n, condition), (VALUES ('d00000000001', 'dev'), ('d00000000001', NULL), (NULL, 'dev'), (NULL, NULL), ('', '')) AS v (a, b),
  pg_temp.asked(condition, a, b) ORDER BY n, a, b;

-- what may fail is evaluated only if no gate before it is true, as in a filter
SELECT n, a, asked.* FROM (VALUES
  (13, '$1 = '''' OR app_id = $1::jsonb ->> ''app'''),
  (14, 'app_id = $2 OR $1 = '''' OR app_id = $1::jsonb ->> ''app'''),
  (15, 'app_id = CASE WHEN $1 = '''' THEN app_id WHEN $1 = ''-'' THEN $2 ELSE $1::jsonb ->> ''app'' END')
  ) AS c (n, condition), (VALUES (''), ('{"app": "d00000000001"}')) AS v (a),
  pg_temp.asked(condition, a, 'd00000000002') ORDER BY n, a;

PREPARE optional (text) AS SELECT count(*) FROM backend_environments WHERE $1 IS NULL OR app_id = $1;
EXPLAIN (COSTS OFF) EXECUTE optional ('d00000000001');

-- in functions, and below a join
CREATE FUNCTION pg_temp.of_app(text, text DEFAULT NULL) RETURNS SETOF text LANGUAGE sql STABLE AS
  'SELECT environment_name FROM backend_environments WHERE ($1 IS NULL OR app_id = $1) AND ($2 IS NULL OR environment_name = $2) OFFSET 0';
\! mockctl reset
SELECT * FROM pg_temp.of_app('d00000000002', 'dev');
\! mockctl calls && mockctl reset
SELECT count(*) FROM pg_temp.of_app(NULL);
\! mockctl calls && mockctl reset
CREATE TEMP TABLE inventory AS SELECT 'd' || lpad(n::text, 11, '0') AS app FROM generate_series(2, 5) AS n;
ANALYZE inventory;
PREPARE joined (text) AS SELECT i.app, count(*) FROM inventory AS i
  JOIN backend_environments AS e ON e.app_id = i.app AND ($1 IS NULL OR e.environment_name = $1) GROUP BY 1 ORDER BY 1;
EXECUTE joined ('dev');
\! mockctl calls && mockctl reset
EXECUTE joined (NULL);
\! mockctl calls && mockctl reset
-- for each row of another table
SELECT i.app, (SELECT count(*) FROM backend_environments AS e WHERE i.app < 'd00000000004' AND e.app_id = 'd00000000001' OR e.app_id = i.app)
  FROM inventory AS i ORDER BY 1;
\! mockctl calls
