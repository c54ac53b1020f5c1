-- mock: --generate 3,2 --region us-east-1 --account 111122223333
-- mock: --generate 3,3 --region eu-west-1 --account 111122223333
-- mock: --generate 4,2 --region us-east-1 --account 444455556666
-- mock: --generate 4,3 --region eu-west-1 --account 444455556666
-- Where one region fails, its tables say so, and the others' rows come.
\ir ../test/setup.psql
ALTER SERVER amplify OPTIONS (ADD max_attempts '1', ADD throttle_timeout '0');
\ir ../test/regions.psql
SET statement_timeout = '10min';
\set VERBOSITY terse
\set counts 'SELECT account_id, region, count(*) FROM apps GROUP BY 1, 2 ORDER BY 1, 2'
CREATE TEMP TABLE inventory AS
  SELECT account, region, 'd00000000001' AS app, 'dev' AS env
  FROM (VALUES ('111122223333'), ('444455556666')) AS a (account), (VALUES ('us-east-1'), ('eu-west-1')) AS r (region);
ANALYZE inventory;
\set joined 'SELECT i.account, i.region, e.stack_name FROM inventory i LEFT JOIN backend_environments e ON e.app_id = i.app AND e.environment_name = i.env AND e.region = i.region AND e.account_id = i.account ORDER BY 1, 2'

-- access denied
\! mockctl 2 fault op=ListApps status=403 code=AccessDeniedException n=-1
:counts;
\echo :SQLSTATE
\set VERBOSITY default
SELECT count(*) FROM apps WHERE region = 'eu-west-1';
\set VERBOSITY terse
-- who is not asked does not fail
SELECT count(*) FROM apps WHERE region = 'us-east-1';
\! mockctl 2 reset
\! mockctl 3 fault op=GetBackendEnvironment status=403 code=AccessDeniedException n=-1
:joined;
SET amplify_fdw.read_ahead = 0;
:joined;
RESET amplify_fdw.read_ahead;
\! mockctl 3 reset

-- throttled for ever, and a service that fails
\! mockctl 4 fault status=429 code=TooManyRequestsException n=-1
:counts;
\! mockctl 4 reset
\! mockctl 4 fault status=500 n=-1
:counts;
:joined;
\! mockctl 4 reset

-- refused, and a name that can't be resolved
ALTER SERVER :us_1111 OPTIONS (SET endpoint_url 'http://127.0.0.1:1');
:counts;
:joined;
SELECT repeat('a', 64) AS long \gset
\set nowhere 'http://' :long '.invalid'
ALTER SERVER :us_1111 OPTIONS (SET endpoint_url :'nowhere');
:counts;
ALTER SERVER :us_1111 OPTIONS (SET endpoint_url :'mock');

-- a role that can't be assumed, which is tried once in a statement
\! mockctl 2 reset
\! mockctl 2 fault op=STS.AssumeRole status=403 code=AccessDenied n=-1
SELECT amplify_fdw_disconnect(:'eu_1111');
:counts;
SELECT b.account_id, b.region, e.stack_name FROM inventory i
  JOIN branches b ON b.app_id = i.app AND b.branch_name = 'main'
  LEFT JOIN backend_environments e ON e.app_id = i.app AND e.environment_name IN ('dev', 'test')
    AND e.region = b.region AND e.account_id = b.account_id
  WHERE i.region = 'eu-west-1' AND i.account = '111122223333' AND b.region = 'eu-west-1' ORDER BY 1, 2, 3;
\! mockctl 2 calls && mockctl 2 reset
SELECT table_name, operation, sqlstate, message, aws_code, http_status FROM amplify_fdw_failures();
SELECT server_name, failed > 0 AS failed FROM amplify_fdw_stats() WHERE server_name LIKE '%eu_west_1' ORDER BY 1;
\set roles 'SELECT server_name, valid, failed_at > now() - interval $$1 min$$ AS failed, aws_code, left(message, 87) AS message FROM amplify_fdw_connections() WHERE server_name LIKE $$%eu_west_1$$ ORDER BY 1'
:roles;
-- nothing of it stays
:counts;
:roles;
\! mockctl 2 reset
-- or credentials that a server doesn't take
CREATE USER MAPPING FOR CURRENT_USER SERVER :eu_4444
  OPTIONS (access_key_id 'AKIDNOBODY', secret_access_key 'wJalrXUtnFEMI');
:counts;
DROP USER MAPPING FOR CURRENT_USER SERVER :eu_4444;

-- two at once, each by its name; who knows in which order
\! mockctl 1 fault op=ListApps status=500 n=-1
\! mockctl 4 fault op=ListApps status=403 n=-1
SET client_min_messages = error;
:counts;
RESET client_min_messages;
\! mockctl each reset

-- where nothing may be missing
ALTER FOREIGN TABLE apps_111122223333_eu_west_1 OPTIONS (SET on_error 'error');
\! mockctl 2 fault op=ListApps status=403 code=AccessDeniedException n=-1
:counts;
\echo :SQLSTATE
\! mockctl 2 reset
\! mockctl 4 fault op=ListApps status=403 code=AccessDeniedException n=-1
:counts;
SELECT sum(handles_in_use) FROM amplify_fdw_stats();
SET client_min_messages = warning;
DROP SCHEMA everywhere CASCADE;
