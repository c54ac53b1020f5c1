-- What an inventory has in place of app ids never ends a join with the rest.
-- Behind endpoint_url any id may be an app's, at AWS's own endpoint few can.
\ir ../test/setup.psql
\pset format unaligned
\pset tuples_only on
CREATE TEMP TABLE inventory AS
  SELECT n, id FROM unnest(ARRAY['d1a2b3c4d5', 'n/a', '', ' ', '  d1a2b3c4d5', 'd1a2b3c4d5 ', 'D1A2B3C4D5', '-',
    'arn:aws:amplify:us-east-1:111122223333:apps/d1a2b3c4d5', 'E2QWRUHAPOMQZL', 'i-0abc1234def567890', '.', '..', '../apps',
    '550e8400-e29b-41d4-a716-446655440000', 'my-project-123456.appspot.com', '42', 'NULL', 'd1a2b3c4d5?x=1#y', '%2e%2e',
    E'two\nlines', 'd1a2b3c4d5d1a2b3c4d5x', 'dé日本', repeat('x', 300), 'https://main.d1a2b3c4d5.amplifyapp.com/',
    'k3x9v7q2m1zt', NULL])
    WITH ORDINALITY AS i(id, n);
ANALYZE inventory;
\! mockctl data op=put app=k3x9v7q2m1zt name=emulated && mockctl data op=put app=k3x9v7q2m1zt env=prod
-- the service refuses some, and does not know the others
\! for id in n%2Fa %20 D1A E2Q 550e 42 %25 https dtwo; do mockctl fault match=/apps/$id n=-1 status=400 code=BadRequestException > /dev/null; done

SELECT n, id, environment_name FROM inventory JOIN backend_environments ON app_id = id
  WHERE environment_name = 'prod' ORDER BY n;
SELECT n, count(app_id) FROM inventory LEFT JOIN backend_environments ON app_id = id
  GROUP BY n HAVING count(app_id) > 0 ORDER BY n;
SELECT n, name FROM inventory JOIN apps ON app_id = id ORDER BY n;
SELECT count(*) FROM inventory LEFT JOIN jobs ON app_id = id;
SELECT count(*) FROM inventory LEFT JOIN artifacts ON app_id = id AND branch_name = 'main' AND job_id = '1';
SELECT count(*) FROM inventory LEFT JOIN branches ON branch_arn = id;
SELECT app_id FROM backend_environments WHERE app_id = ANY (ARRAY(SELECT id FROM inventory)) AND environment_name IN ('prod', 'dev')
  ORDER BY environment_name, app_id;
-- what the service itself shows is found, with its environments
SELECT app_id, count(e.app_id) FROM apps LEFT JOIN backend_environments e USING (app_id) WHERE name = 'emulated' GROUP BY 1;
SELECT app_id, environment_name FROM backend_environments WHERE app_id LIKE 'k%';
-- other keys: ids of jobs and names of domains
\! mockctl fault match=/jobs/ n=-1 status=400 code=BadRequestException
\! mockctl fault match=/domains/local n=-1 status=400 code=BadRequestException
SELECT count(*) FROM jobs WHERE app_id = 'd1a2b3c4d5' AND branch_name = 'main' AND job_id = 'latest';
SELECT count(*) FROM job_steps WHERE app_id = 'd1a2b3c4d5' AND branch_name = 'main' AND job_id = 'latest';
SELECT count(*) FROM domain_associations WHERE app_id = 'd1a2b3c4d5' AND domain_name = 'localhost';
-- that a key which AWS may have is refused is an error
\set VERBOSITY terse
SELECT count(*) FROM job_steps WHERE app_id = 'd1a2b3c4d5' AND branch_name = 'main' AND job_id = '1';
\! mockctl reset
\! mockctl fault match=/apps/n%2Fa n=-1 status=400 code=ValidationException
SELECT count(*) FROM apps WHERE app_id = 'n/a';
\! mockctl fault match=/apps/N%2FA n=-1 status=400 code=BadRequestException 'message=Rate exceeded'
ALTER SERVER amplify OPTIONS (ADD throttle_timeout '0');
SELECT count(*) FROM apps WHERE app_id = 'N/A';
-- so is a parent's key that can't be asked for, or that the service refuses
\! mockctl reset
\! mockctl fault op=ListApps status=200 body='{"apps":[{"appId":"d1a2b3c4d5"},{"appId":".."}]}'
SELECT count(*) FROM backend_environments;
\! mockctl fault op=ListApps status=200 body='{"apps":[{"appId":""}]}'
SELECT count(*) FROM branches;
\! mockctl fault op=ListApps status=200 body='{"apps":[{"appId":"n/a"}]}'
\! mockctl fault match=/apps/n%2Fa n=-1 status=400 code=BadRequestException
SELECT count(*) FROM branches;

-- at AWS's own endpoint, none of them costs a call
CREATE SERVER own FOREIGN DATA WRAPPER amplify_fdw OPTIONS (region 'us-east-1');
CREATE USER MAPPING FOR CURRENT_USER SERVER own OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'x');
CREATE SCHEMA own;
IMPORT FOREIGN SCHEMA amplify FROM SERVER own INTO own;
DELETE FROM inventory WHERE n = 1;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT count(*), count(e.app_id) FROM inventory LEFT JOIN own.backend_environments e
  ON app_id = id AND environment_name = 'prod';
SELECT count(*) FROM own.apps WHERE app_id = ANY (ARRAY(SELECT id FROM inventory));
SELECT count(*), count(j.app_id) FROM inventory LEFT JOIN own.jobs j ON app_id = id;
SELECT count(*) FROM own.branches WHERE app_id = ANY (ARRAY(SELECT id FROM inventory));
SELECT count(*) FROM own.jobs WHERE app_id = 'd1a2b3c4d5' AND branch_name = 'main' AND job_id IN ('latest', '01');
SELECT count(*) FROM own.domain_associations WHERE app_id = 'd1a2b3c4d5' AND domain_name = 'localhost';
-- they are not "gone" before somebody has looked at them: EXPLAIN counts them
CREATE FUNCTION pg_temp.impossible(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO plan;
  RETURN substring(plan::text FROM '"API Keys Impossible": (\d+)');
END $$;
SELECT count(id) FROM inventory;
SELECT pg_temp.impossible('SELECT count(a.app_id) FROM inventory LEFT JOIN own.apps AS a ON app_id = id');
SELECT pg_temp.impossible('SELECT FROM own.apps WHERE app_id = ANY (ARRAY(SELECT id FROM inventory))');
SELECT pg_temp.impossible($$SELECT FROM own.jobs WHERE app_id = 'd1a2b3c4d5' AND branch_name IN ('..', 'main') AND region = 'nowhere'$$);
SELECT server_name, calls FROM amplify_fdw_stats() WHERE server_name = 'own' AND calls > 0;
SET client_min_messages = warning;
DROP SCHEMA own CASCADE;
DROP SERVER own CASCADE;
