-- mock: --data test/mock/everything.json
-- A server with option account_id is that account's, so a condition on the
-- column is a key as the region is, and items of another one are an error.
\ir ../test/setup.psql
\pset format unaligned
\pset tuples_only on
IMPORT FOREIGN SCHEMA amplify LIMIT TO (artifact_urls) FROM SERVER amplify INTO public OPTIONS (import_sensitive 'true');
\set apps 'arn:aws:amplify:us-east-1:111122223333:apps/'

-- without it, only the items tell
SELECT app_id FROM apps WHERE account_id = '111122223333' ORDER BY 1;
SELECT count(*) FROM apps WHERE account_id = '999900001111';
SELECT app_id FROM apps WHERE account_id = '999900001111' OR app_id = 'd3gen2';
SELECT DISTINCT account_id IS NULL FROM artifacts WHERE app_id = 'd1everything' AND branch_name = 'main' AND job_id = '1';
\! mockctl calls && mockctl reset

-- with it, the others cost no call, in whatever way they are asked for
PREPARE of_account(text) AS SELECT count(*) FROM apps WHERE account_id = $1;
EXECUTE of_account('999900001111');
\! mockctl calls && mockctl reset
ALTER SERVER amplify OPTIONS (ADD account_id '111122223333');
EXECUTE of_account('999900001111');
SET plan_cache_mode = force_generic_plan;
EXECUTE of_account('999900001111');
EXECUTE of_account(NULL);
SELECT count(*) FROM apps WHERE account_id = '999900001111';
SELECT count(*) FROM apps WHERE account_id IN ('999900001111', '');
SELECT count(*) FROM apps WHERE app_arn = replace(:'apps', '111122223333', '999900001111') || 'd3gen2';
SELECT count(*) FROM (VALUES ('d3gen2', '999900001111'), ('d1everything', NULL)) AS i (app, account)
  JOIN apps ON app_id = app AND account_id = account;
\! mockctl total
SELECT app_id FROM apps WHERE account_id = '999900001111' OR app_id = 'd3gen2';
SELECT app_id FROM apps WHERE app_arn = :'apps' || 'd3gen2' AND account_id IN ('111122223333', '999900001111');
EXECUTE of_account('111122223333');
\! mockctl calls && mockctl reset

-- how many values a condition has that binds nothing does not count
EXPLAIN (COSTS OFF, VERBOSE) SELECT app_id FROM apps
  WHERE app_id = 'd3gen2' AND region IN ('us-east-1', 'eu-west-1') AND account_id IN ('111122223333', '1', '2');

-- every row has it, those without an ARN, too
SELECT DISTINCT account_id FROM artifacts WHERE app_id = 'd1everything' AND branch_name = 'main' AND job_id = '1';
SELECT account_id FROM artifact_urls WHERE artifact_id = 'd1everything/main/0000000001/BUILD/site.zip';
\! mockctl data op=put app=d3gen2 appArn=
SELECT account_id FROM apps WHERE app_id = 'd3gen2';

-- the credentials are another account's
ALTER SERVER amplify OPTIONS (SET account_id '999900001111');
SELECT account_id FROM apps WHERE app_id = 'd1everything';
\echo :SQLSTATE
ALTER FOREIGN TABLE apps OPTIONS (ADD on_error 'warn');
SELECT count(*) FROM apps;
\echo :SQLSTATE
SELECT artifact_id FROM artifacts WHERE app_id = 'd1everything' AND branch_name = 'main' AND job_id = '1';
