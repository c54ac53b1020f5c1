-- Sets of keys of any size: sorted, each once, and intersected.
-- mock: --generate 60,3
\ir ../test/setup.psql
\pset tuples_only on
\pset format unaligned
CREATE FUNCTION app(n int) RETURNS text IMMUTABLE LANGUAGE sql AS
  $$ SELECT 'd' || lpad(n::text, 11, '0') $$;
CREATE FUNCTION arn(app text, env text) RETURNS text IMMUTABLE LANGUAGE sql AS
  $$ SELECT 'arn:aws:amplify:us-east-1:111122223333:apps/' || app || '/backendenvironments/' || env $$;

-- duplicates are no keys of their own, however many they are
SELECT count(*) FROM backend_environments
  WHERE app_id = ANY (ARRAY(SELECT app(1 + n % 3) FROM generate_series(1, 100001) AS n));
\! mockctl calls && mockctl reset
SELECT count(*) FROM backend_environments WHERE environment_name = 'dev'
  AND app_id = ANY (ARRAY(SELECT app(1 + n % 3) FROM generate_series(1, 100001) AS n));
\! mockctl calls && mockctl reset
SELECT count(*) FROM backend_environments
  WHERE backend_environment_arn = ANY (ARRAY(SELECT arn(app(1 + n % 3), 'dev') FROM generate_series(1, 100001) AS n));
\! mockctl calls && mockctl reset

-- two conditions on one column: what fulfils both is asked for
SELECT count(*) FROM backend_environments
  WHERE app_id = ANY (ARRAY(SELECT app(n) FROM generate_series(1, 60000) AS n))
    AND app_id = ANY (ARRAY(SELECT app(n) FROM generate_series(59, 60058) AS n WHERE n NOT BETWEEN 61 AND 60000));
\! mockctl calls && mockctl reset
SELECT count(*) FROM backend_environments
  WHERE app_id = ANY (ARRAY(SELECT app(n) FROM generate_series(1, 60000) AS n))
    AND app_id = ANY (ARRAY(SELECT app(n) FROM generate_series(60001, 120000) AS n));
\! mockctl calls && mockctl reset
-- an ARN is taken apart, and then so are the keys in it
SELECT count(*) FROM backend_environments
  WHERE app_id = ANY (ARRAY(SELECT app(n) FROM generate_series(1, 60000) AS n))
    AND backend_environment_arn = ANY (ARRAY(SELECT arn(app(n), 'dev') FROM generate_series(60, 60059) AS n
                                             WHERE n NOT BETWEEN 62 AND 60000));
\! mockctl calls && mockctl reset
SELECT count(*) FROM backend_environments
  WHERE region = ANY (ARRAY(SELECT 'r' || n FROM generate_series(1, 60000) AS n) || '{us-east-1}'::text[])
    AND app_id = 'd00000000001';
\! mockctl calls && mockctl reset

-- more than 100,000 keys are asked for as 100,000 are
SET amplify_fdw.max_calls = 100;
SELECT count(*) FROM backend_environments WHERE environment_name = 'dev'
  AND app_id = ANY (ARRAY(SELECT app(n) FROM generate_series(1, 100001) AS n));
\! mockctl calls | grep -v Get; mockctl reset
RESET amplify_fdw.max_calls;

-- each parent has its own of many keys
SELECT count(*) FROM jobs
  WHERE app_id = ANY (ARRAY(SELECT app(n) FROM generate_series(1, 60) AS n));
\! mockctl calls && mockctl reset
DROP FUNCTION app, arn;
