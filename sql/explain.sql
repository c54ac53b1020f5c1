-- EXPLAIN says which calls a query would make, makes none, and needs no
-- credentials.
\ir ../test/setup.psql
SET amplify_fdw.read_ahead = 0;
DROP USER MAPPING FOR CURRENT_USER SERVER amplify;
CREATE FUNCTION pg_temp.api_properties(query text, options text DEFAULT '')
RETURNS TABLE (property text, value text) LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON' || options || ') ' || query INTO plan;
  RETURN QUERY SELECT k, regexp_replace(v, '\s+', ' ', 'g')
    FROM json_each_text(plan -> 0 -> 'Plan') AS p (k, v)
    WHERE k LIKE '%API%' AND k <> 'API Bytes';
END $$;
-- In no order of the server's
CREATE FUNCTION pg_temp.settings(query text)
RETURNS TABLE (setting text, value text) LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON, SETTINGS) ' || query INTO plan;
  RETURN QUERY SELECT * FROM json_each_text(plan -> 0 -> 'Settings') AS s (k, v)
    WHERE k LIKE 'amplify_fdw.%' ORDER BY k;
END $$;

EXPLAIN (COSTS OFF) SELECT * FROM backend_environments
  WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'prod';
EXPLAIN (COSTS OFF) SELECT * FROM backend_environments WHERE app_id = 'd1a2b3c4d5';
EXPLAIN (COSTS OFF) SELECT * FROM backend_environments WHERE environment_name = 'prod';
EXPLAIN (COSTS OFF) SELECT * FROM backend_environments;
EXPLAIN (COSTS OFF) SELECT * FROM backend_environments
  WHERE app_id IN ('d1a2b3c4d5', 'd2b3c4d5e6') AND environment_name = 'prod' AND stack_name LIKE 'a%';
EXPLAIN (COSTS OFF) SELECT * FROM backend_environments
  WHERE backend_environment_arn = 'arn:aws:amplify:us-east-1:1:apps/d1/backendenvironments/prod';
EXPLAIN (COSTS OFF) SELECT * FROM backend_environments WHERE stack_name = 'x' OR app_id = 'd1';
-- what no call depends on is not shown, and what does is, however deep
EXPLAIN (COSTS OFF) SELECT * FROM backend_environments WHERE environment_name = 'prod' OR app_id = 'd1';
EXPLAIN (COSTS OFF) SELECT * FROM backend_environments
  WHERE (app_id = 'd1' OR (stack_name = 'x' AND (app_id = 'd2' OR app_id = 'd3'))) AND (region = 'x' OR app_id > 'd');
PREPARE q(text) AS SELECT * FROM backend_environments WHERE app_id = $1;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE q('d1a2b3c4d5');
EXPLAIN (COSTS OFF) SELECT * FROM (VALUES ('d1a2b3c4d5')) AS v (a)
  JOIN backend_environments ON app_id = a AND environment_name = 'prod';

-- the estimate goes with the costs
SELECT * FROM pg_temp.api_properties('SELECT * FROM backend_environments WHERE app_id = ''d1'' AND environment_name = ''prod''');
SELECT * FROM pg_temp.api_properties('SELECT * FROM backend_environments WHERE app_id IN (''d1'', ''d2'', ''d3'')');
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '1000');
SELECT * FROM pg_temp.api_properties('SELECT * FROM backend_environments');

-- pushdown off
SET amplify_fdw.pushdown = off;
EXPLAIN (COSTS OFF) SELECT * FROM backend_environments
  WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'prod';
-- which setting it was can be asked for
SET amplify_fdw.read_ahead = 10;
SELECT * FROM pg_temp.settings('SELECT * FROM backend_environments');
RESET amplify_fdw.pushdown;

-- none of that was a call
SELECT * FROM amplify_fdw_stats();
\! mockctl total

-- with ANALYZE the counters are there, each of them in JSON
CREATE USER MAPPING FOR CURRENT_USER SERVER amplify
  OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
\set analyze ', ANALYZE, TIMING OFF, COSTS OFF, SUMMARY OFF'
SELECT * FROM pg_temp.api_properties('SELECT * FROM backend_environments WHERE app_id = ''d1a2b3c4d5'' AND environment_name = ''prod''', :'analyze');
\! mockctl fault status=503
SELECT * FROM pg_temp.api_properties('SELECT * FROM backend_environments WHERE app_id = ''d1a2b3c4d5'' AND environment_name = ''gone''', :'analyze');
\! mockctl fault status=429
SELECT * FROM pg_temp.api_properties('SELECT * FROM backend_environments WHERE app_id = ''d1a2b3c4d5''', :'analyze');
-- by operation, also where the plan is another, and of those on the way
SELECT property, value FROM pg_temp.api_properties($$
  SELECT * FROM backend_environments WHERE app_id = 'd1a2b3c4d5' AND environment_name IN ('prod', 'gone', 'staging') $$, :'analyze')
  WHERE property ~ 'Operation';
SELECT property, value FROM pg_temp.api_properties($$
  SELECT * FROM backend_environments WHERE environment_name = 'prod' $$, :'analyze')
  WHERE property ~ 'Operation';
SELECT property, value FROM pg_temp.api_properties($$
  SELECT * FROM backend_environments WHERE app_id = (SELECT NULL) $$, :'analyze')
  WHERE property ~ 'Operation';
CREATE FUNCTION pg_temp.operations(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF, SUMMARY OFF) ' || query LOOP
    IF line ~ 'Operation' THEN
      RETURN NEXT trim(line);
    END IF;
  END LOOP;
END $$;
SELECT * FROM pg_temp.operations('SELECT * FROM backend_environments WHERE environment_name = ''prod''');
SELECT * FROM pg_temp.operations('SELECT * FROM backend_environments WHERE app_id = (SELECT NULL)');
-- how long it waited, if it did; on a busy machine a response may be there when
-- it is looked for, but not ten times
CREATE FUNCTION pg_temp.waited(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR i IN 1 .. 10 LOOP
    FOR line IN EXECUTE 'EXPLAIN ANALYZE ' || query LOOP
      IF line ~ 'API Wait Time: [0-9.]+ ms' THEN
        RETURN true;
      END IF;
    END LOOP;
  END LOOP;
  RETURN false;
END $$;
\! mockctl latency 50
SELECT pg_temp.waited($$ SELECT * FROM backend_environments WHERE app_id = 'd1a2b3c4d5' $$),
  pg_temp.waited('SELECT * FROM backend_environments WHERE app_id = (SELECT NULL)');
