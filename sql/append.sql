-- mock: --generate 30,3
-- An Append over several servers waits for all of them at the same time.
\ir ../test/setup.psql
-- a lost answer is an error, rather than a wait without end
SET statement_timeout = '10min';

-- 20 places: servers like ours, and a table of each
CREATE TABLE everywhere (app_id text, environment_name text, stack_name text);
DO $$
DECLARE
  endpoint text := (SELECT option_value FROM pg_foreign_server, pg_options_to_table(srvoptions)
                    WHERE srvname = 'amplify' AND option_name = 'endpoint_url');
  secret text := (SELECT option_value FROM pg_user_mappings, pg_options_to_table(umoptions)
                  WHERE srvname = 'amplify' AND option_name = 'secret_access_key');
BEGIN
  FOR i IN 1 .. 20 LOOP
    EXECUTE format('CREATE SERVER place_%s FOREIGN DATA WRAPPER amplify_fdw
                    OPTIONS (region ''us-east-1'', endpoint_url %L)', i, endpoint);
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER place_%s
                    OPTIONS (access_key_id ''AKIDEXAMPLE'', secret_access_key %L)', i, secret);
    EXECUTE format('CREATE FOREIGN TABLE place_%s () INHERITS (everywhere) SERVER place_%1$s
                    OPTIONS (resource ''backend_environments'')', i);
  END LOOP;
END $$;

SELECT tableoid::regclass::text AS place, count(*) FROM everywhere
  WHERE app_id = 'd00000000007' AND environment_name = 'dev'
  GROUP BY 1 ORDER BY length(tableoid::regclass::text), 1 LIMIT 3;
\! mockctl calls && mockctl reset
SELECT count(*), count(DISTINCT tableoid) FROM everywhere WHERE app_id = 'd00000000007';
\! mockctl calls && mockctl reset
SELECT count(*), count(DISTINCT tableoid) FROM everywhere;
\! mockctl calls && mockctl reset

-- all requests are sent while the first one is waited for
\! mockctl gather 20 op=GetBackendEnvironment
SELECT count(*) FROM everywhere WHERE app_id = 'd00000000007' AND environment_name = 'dev';
\! mockctl connections | grep max_in_flight
\! mockctl reset

-- as often as it takes for answers to come in another order
DO $$
DECLARE
  n bigint;
BEGIN
  FOR i IN 1 .. 10 LOOP
    SELECT count(*) INTO n FROM everywhere;
    IF n <> 20 * 30 * 3 THEN
      RAISE EXCEPTION 'only % rows', n;
    END IF;
  END LOOP;
END $$;
\! mockctl calls && mockctl reset

-- LIMIT ends it
SELECT count(*) FROM (SELECT FROM everywhere WHERE app_id = 'd00000000007' LIMIT 1) AS x;
SELECT sum(handles_in_use) FROM amplify_fdw_stats();
SET client_min_messages = warning;
DROP TABLE everywhere CASCADE;
