-- Every form of a condition on the keys is one call per key, nothing more.
\ir ../test/setup.psql
CREATE VIEW e AS
  SELECT app_id, environment_name AS env FROM backend_environments;
\pset tuples_only on

SELECT * FROM e WHERE 'prod' = env AND 'd1a2b3c4d5' = app_id;
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE (app_id, env) = ('d1a2b3c4d5', 'prod');
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE (app_id, env) = ROW('d1a2b3c4d5', 'prod');
\! mockctl calls && mockctl reset

-- several apps
SELECT * FROM e WHERE app_id IN ('d1a2b3c4d5', 'd2b3c4d5e6', 'd4d5e6f7g8')
  AND env = 'prod' ORDER BY 1;
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE app_id = ANY ('{d1a2b3c4d5,d2b3c4d5e6}') AND env = 'dev'
  ORDER BY 1;
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE app_id = SOME (ARRAY['d2b3c4d5e6', 'd4d5e6f7g8'])
  ORDER BY 1, 2;
\! mockctl calls && mockctl reset

-- OR of ANDs
SELECT * FROM e WHERE (app_id = 'd1a2b3c4d5' AND env = 'staging')
  OR (app_id = 'd2b3c4d5e6' AND env = 'dev') ORDER BY 1;
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE (app_id, env) IN
  (('d1a2b3c4d5', 'staging'), ('d2b3c4d5e6', 'dev'), ('d4d5e6f7g8', 'gone'))
  ORDER BY 1;
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE (app_id = 'd1a2b3c4d5' OR app_id = 'd4d5e6f7g8')
  AND env = 'prod' ORDER BY 1;
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE (app_id = 'd2b3c4d5e6' OR (app_id = 'd1a2b3c4d5' AND env = 'dev'))
  ORDER BY 1, 2;
\! mockctl calls && mockctl reset

-- ORs and ANDs to any depth
SELECT * FROM e WHERE app_id = 'd4d5e6f7g8' OR (env = 'dev' AND (app_id = 'd1a2b3c4d5' OR app_id = 'd2b3c4d5e6'))
  ORDER BY 1, 2;
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE (app_id = 'd1a2b3c4d5' AND (env = 'prod' OR (env = 'dev' AND (app_id = 'd1a2b3c4d5' OR app_id = 'dgone'))))
  OR ((app_id = 'd2b3c4d5e6' OR app_id = 'd4d5e6f7g8') AND (env = 'prod' OR (env = 'test' AND app_id > 'd2')))
  ORDER BY 1, 2;
\! mockctl calls && mockctl reset
-- what is true of any key in one arm says nothing in the other
SELECT * FROM e WHERE (app_id = 'd1a2b3c4d5' OR (app_id > 'd4' AND (env = 'prod' OR env LIKE 'x%'))) AND env = 'prod'
  ORDER BY 1, 2;
\! mockctl calls && mockctl reset
-- more than can be held: what is left is asked for
CREATE FUNCTION pg_temp.matching(conditions text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  result bigint;
BEGIN
  EXECUTE 'SELECT count(*) FROM e WHERE ' || conditions INTO result;
  RETURN result;
END $$;
SELECT pg_temp.matching(string_agg(format('(app_id, env) = (%L, %L)', 'd' || n, 'dev'), ' OR ') ||
  $$ OR (app_id, env) = ('d1a2b3c4d5', 'dev') $$) FROM generate_series(1, 30) AS n;
\! mockctl calls && mockctl reset
SELECT pg_temp.matching(format($$(%s) AND (%s) AND app_id = 'd1a2b3c4d5'$$,
  string_agg(format('(app_id, env) = (%L, %L)', 'd' || n, 'dev'), ' OR ') || $$ OR env = 'dev'$$,
  string_agg(format('(app_id, env) = (%L, %L)', 'd' || n, 'prod'), ' OR ') || $$ OR env = 'dev'$$))
  FROM generate_series(1, 150) AS n;
\! mockctl calls && mockctl reset

-- an arm that binds nothing: all apps, and the rows are right
SELECT * FROM e WHERE app_id = 'd4d5e6f7g8' OR env LIKE 'st%' ORDER BY 1;
\! mockctl calls && mockctl reset

-- one page of an app for several of its environments
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env IN ('prod', 'dev', 'gone')
  ORDER BY 2;
\! mockctl calls && mockctl reset

-- negations bind nothing
SELECT count(*) FROM e WHERE NOT (app_id = 'd1a2b3c4d5');
\! mockctl calls && mockctl reset
SELECT count(*) FROM e WHERE app_id <> ALL ('{d1a2b3c4d5,d2b3c4d5e6}');
\! mockctl calls && mockctl reset
SELECT count(*) FROM e WHERE app_id = ALL ('{d1a2b3c4d5,d1a2b3c4d5}');
\! mockctl calls && mockctl reset
SELECT count(*) FROM e WHERE app_id IS NOT NULL AND env IS NULL;
\! mockctl calls && mockctl reset

-- many
\! mockctl reset
SELECT count(*) FROM backend_environments
  WHERE app_id = ANY (ARRAY(SELECT 'd' || n FROM generate_series(1, 40) AS n))
    AND environment_name = 'dev';
\! mockctl calls
