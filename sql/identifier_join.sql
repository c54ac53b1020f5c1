-- mock: --generate 3,2 --region us-east-1 --account 111122223333
-- mock: --generate 3,3 --region eu-west-1 --account 111122223333
-- mock: --generate 4,2 --region us-east-1 --account 444455556666
-- mock: --generate 4,3 --region eu-west-1 --account 444455556666
-- amplify_fdw_key() in a join: keys that it makes are read ahead, and choose
-- the servers that are asked.
\ir ../test/setup.psql
\ir ../test/regions.psql
SET client_min_messages = warning;
DROP TABLE IF EXISTS public.dirty;
RESET client_min_messages;
CREATE TABLE public.dirty (n int, raw text, env text);
INSERT INTO dirty VALUES
  (1, ' "ARN:AWS:AMPLIFY:US-EAST-1:111122223333:APPS/D00000000001/BACKENDENVIRONMENTS/DEV" ', NULL),
  (2, 'arn:aws:amplify:eu-west-1:444455556666:apps/d00000000004/backendenvironments/prod', NULL),
  (3, 'arn:aws:amplify:us-east-1:111122223333:apps/d00000000002/backendenvironments/gone', NULL),
  (4, 'https://111122223333-a1b2.us-east-1.console.aws.amazon.com/amplify/apps/d00000000003/overview', 'dev'),
  (5, 'n/a', 'dev'), (6, NULL, 'dev'),
  (7, 'arn:aws:amplify:sa-east-1:111122223333:apps/d00000000001/backendenvironments/dev', NULL);
ANALYZE dirty;

-- a column of the function in the condition, or the function beside the table
\set columns 'n, e.account_id, e.region, e.app_id, e.environment_name, (amplify_fdw_key(raw)).problem'
\set called 'FROM dirty LEFT JOIN backend_environments e ON e.account_id = (amplify_fdw_key(raw)).account_id AND e.region = (amplify_fdw_key(raw)).region AND e.app_id = (amplify_fdw_key(raw)).app_id AND e.environment_name = coalesce((amplify_fdw_key(raw)).environment_name, env)'
\set beside 'FROM dirty CROSS JOIN amplify_fdw_key(raw) k LEFT JOIN backend_environments e ON e.account_id = k.account_id AND e.region = k.region AND e.app_id = k.app_id AND e.environment_name = coalesce(k.environment_name, env)'
SELECT :columns :called ORDER BY n;
\! mockctl each calls
\! mockctl each reset
SELECT :columns :beside ORDER BY n;
-- the keys that are asked for
\! for n in 1 2 3 4; do mockctl $n log | awk -v n=$n '{ print n, $3, $4 }' | sort -u; done
\! mockctl each reset

-- one region: the whole plan
EXPLAIN (COSTS OFF) SELECT e.stack_name FROM dirty
  LEFT JOIN backend_environments_111122223333_us_east_1 e
    ON e.app_id = (amplify_fdw_key(raw)).app_id AND e.environment_name = (amplify_fdw_key(raw)).environment_name;
EXPLAIN (COSTS OFF) SELECT e.stack_name FROM dirty CROSS JOIN amplify_fdw_key(raw) k
  LEFT JOIN backend_environments_111122223333_us_east_1 e
    ON e.app_id = k.app_id AND e.environment_name = k.environment_name;

-- over all: so many nodes that read ahead
CREATE FUNCTION pg_temp.nodes(query text, node text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
  RETURN count(*) FROM jsonb_path_query(plan, '$.**."Custom Plan Provider"') AS p (name) WHERE name #>> '{}' = node;
END $$;
SELECT pg_temp.nodes($$SELECT 1 $$ || :'called', 'AmplifyReadAhead') > 0 AS called,
  pg_temp.nodes($$SELECT 1 $$ || :'beside', 'AmplifyReadAhead') > 0 AS beside;

SET client_min_messages = warning;
DROP TABLE public.dirty;
