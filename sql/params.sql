-- Parameters of prepared statements are keys, in custom and in generic plans.
\ir ../test/setup.psql
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '100000');
CREATE VIEW e AS
  SELECT app_id, environment_name AS env FROM backend_environments;
PREPARE both_keys(text, text) AS SELECT * FROM e WHERE app_id = $1 AND env = $2;
PREPARE app(text) AS SELECT * FROM e WHERE app_id = $1 ORDER BY 2;
PREPARE arrays(text[], text[]) AS
  SELECT * FROM e WHERE app_id = ANY ($1) AND env = ANY ($2) ORDER BY 1, 2;
PREPARE name_or_app(text, text) AS
  SELECT * FROM e WHERE app_id = $1 OR (app_id = 'd4d5e6f7g8' AND env = $2) ORDER BY 1, 2;
PREPARE pairs(text[], text[]) AS
  SELECT e.* FROM unnest($1, $2) AS k (a, e) JOIN e ON app_id = a AND env = e ORDER BY 1, 2;
\pset tuples_only on

SET plan_cache_mode = force_custom_plan;
EXECUTE both_keys('d1a2b3c4d5', 'prod');
EXECUTE both_keys('d1a2b3c4d5', 'gone');
\! mockctl calls && mockctl reset
EXECUTE both_keys('d1a2b3c4d5', NULL);
EXECUTE both_keys('nonsense', 'prod');
EXECUTE arrays('{}', '{prod}');
EXECUTE arrays(NULL, '{prod}');
\! mockctl total
EXECUTE app('d2b3c4d5e6');
\! mockctl calls && mockctl reset
EXECUTE arrays('{d1a2b3c4d5,d4d5e6f7g8,NULL,d4d5e6f7g8}', '{prod}');
\! mockctl calls && mockctl reset
EXECUTE name_or_app('d2b3c4d5e6', 'prod');
\! mockctl calls && mockctl reset
EXECUTE pairs('{d1a2b3c4d5,d2b3c4d5e6}', '{staging,prod}');
\! mockctl calls && mockctl reset

SET plan_cache_mode = force_generic_plan;
EXECUTE both_keys('d1a2b3c4d5', 'prod');
EXECUTE both_keys('d1a2b3c4d5', 'gone');
\! mockctl calls && mockctl reset
EXECUTE both_keys('d1a2b3c4d5', NULL);
EXECUTE both_keys('nonsense', 'prod');
EXECUTE arrays('{}', '{prod}');
EXECUTE arrays(NULL, '{prod}');
\! mockctl total
EXECUTE app('d2b3c4d5e6');
\! mockctl calls && mockctl reset
EXECUTE arrays('{d1a2b3c4d5,d4d5e6f7g8,NULL,d4d5e6f7g8}', '{prod}');
\! mockctl calls && mockctl reset
EXECUTE name_or_app('d2b3c4d5e6', 'prod');
\! mockctl calls && mockctl reset
EXECUTE pairs('{d1a2b3c4d5,d2b3c4d5e6}', '{staging,prod}');
\! mockctl calls && mockctl reset

-- a generic plan follows a changed server
\set VERBOSITY terse
ALTER SERVER amplify OPTIONS (SET region 'eu-west-1');
EXECUTE both_keys('d1a2b3c4d5', 'prod');
\echo :SQLSTATE
ALTER SERVER amplify OPTIONS (SET region 'us-east-1');
EXECUTE both_keys('d1a2b3c4d5', 'prod');

-- variables of PL/pgSQL
\! mockctl reset
DO $$
DECLARE
  app text := 'd1a2b3c4d5';
  r record;
BEGIN
  FOR i IN 1 .. 7 LOOP
    FOR r IN SELECT * FROM e WHERE app_id = app AND env = 'prod' LOOP
      NULL;
    END LOOP;
  END LOOP;
  RAISE INFO '%', r;
END $$;
\! mockctl calls
