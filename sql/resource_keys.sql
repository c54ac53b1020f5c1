-- mock: --data test/mock/everything.json
-- Keys of any shape give the rows that reading everything gives, each once:
-- those of webhooks, whose Get needs no app, and parts of long ones, alone,
-- together and overlapping.
\ir ../test/setup.psql
\pset format unaligned
\pset tuples_only on
\ir ../test/pushed.psql

-- webhooks: those of one app are in its list, each has a name of its own
SELECT * FROM run($$ webhooks t WHERE webhook_id = 'wh-1' $$);
SELECT * FROM run($$ webhooks t WHERE webhook_id IN ('wh-1', 'wh-3', 'wh-9') $$);
SELECT * FROM run($$ webhooks t WHERE app_id = 'd1everything' AND webhook_id IN ('wh-1', 'wh-2') $$);
SELECT * FROM run($$ webhooks t WHERE app_id = 'd1everything' AND webhook_id IN ('wh-1', 'wh-3') $$);
SELECT * FROM run($$ webhooks t WHERE app_id = 'd1everything' AND webhook_id = 'wh-3' $$);
SELECT * FROM run($$ webhooks t WHERE app_id IN ('d1everything', 'd3gen2', 'd2nothing') $$);
-- one webhook under two apps is one call, and at most one row
SELECT * FROM run($$ webhooks t WHERE (app_id, webhook_id) IN
  (('d1everything', 'wh-1'), ('d3gen2', 'wh-1'), ('d3gen2', 'wh-3')) $$);
SELECT * FROM run($$ webhooks t WHERE app_id IN ('d1everything', 'd3gen2', 'd2nothing')
  AND webhook_id IN ('wh-1', 'wh-3') $$);
SELECT * FROM run($$ webhooks t WHERE webhook_id = 'wh-1'
  OR (app_id = 'd1everything' AND webhook_id = 'wh-1') OR (app_id = 'd3gen2' AND webhook_id = 'wh-3') $$);
-- lists and gets that could both have it
SELECT * FROM run($$ webhooks t WHERE app_id = 'd1everything'
  OR (app_id = 'd1everything' AND webhook_id = 'wh-1') $$);
SELECT * FROM run($$ webhooks t WHERE app_id = 'd1everything'
  OR (app_id = 'd3gen2' AND webhook_id IN ('wh-1', 'wh-3')) $$);
SELECT * FROM run($$ webhooks t WHERE app_id = 'd1everything' OR webhook_id = 'wh-1' $$);
SELECT * FROM run($$ webhooks t WHERE app_id = 'd3gen2' OR webhook_id = 'wh-1' $$);
SELECT * FROM run($$ webhooks t WHERE webhook_arn LIKE '%/wh-1' OR webhook_id = 'wh-3' $$);

-- sub_domains: several rows to a key
SELECT * FROM run($$ sub_domains t WHERE app_id = 'd1everything' AND domain_name = 'everything.example.com' $$);
SELECT * FROM run($$ sub_domains t WHERE app_id = 'd1everything'
  AND domain_name IN ('everything.example.com', 'other.example.org') $$);
SELECT * FROM run($$ sub_domains t WHERE app_id = 'd1everything'
  AND domain_name IN ('everything.example.com', 'empty.example.org', 'missing.example.org') $$);
-- the apex has no prefix, and the service leaves it out
SELECT * FROM run($$ sub_domains t WHERE domain_name = 'everything.example.com' AND prefix = '' $$);
SELECT * FROM run($$ sub_domains t WHERE prefix IS NULL $$);
SELECT * FROM run($$ sub_domains t WHERE app_id = 'd1everything'
  OR (app_id = 'd1everything' AND domain_name = 'other.example.org') $$);
-- more of them than fit into one page: the others are got
ALTER FOREIGN TABLE sub_domains OPTIONS (ADD page_size '1');
SELECT * FROM run($$ sub_domains t WHERE app_id = 'd1everything'
  AND domain_name IN ('everything.example.com', 'other.example.org') $$);
SELECT * FROM run($$ sub_domains t $$);
ALTER FOREIGN TABLE sub_domains OPTIONS (DROP page_size);

-- jobs: parts of a key of three
SELECT * FROM run($$ jobs t WHERE app_id = 'd1everything' $$);
SELECT * FROM run($$ jobs t WHERE branch_name = 'main' $$);
SELECT * FROM run($$ jobs t WHERE job_id = '1' $$);
SELECT * FROM run($$ jobs t WHERE app_id = 'd1everything' AND job_id IN ('1', '5') $$);
SELECT * FROM run($$ jobs t WHERE branch_name = 'main' AND job_id = '1' $$);
SELECT * FROM run($$ jobs t WHERE branch_name IN ('main', 'a/jobs/1', 'nowhere') $$);
SELECT * FROM run($$ jobs t WHERE app_id IN ('d1everything', 'd2nothing', 'd3gen2')
  AND branch_name IN ('main', 'nowhere') $$);
-- together with whole ones, and overlapping
SELECT * FROM run($$ jobs t WHERE app_id = 'd1everything' OR branch_name = 'main' $$);
SELECT * FROM run($$ jobs t WHERE app_id = 'd1everything'
  OR (app_id = 'd1everything' AND branch_name = 'main' AND job_id = '1') $$);
SELECT * FROM run($$ jobs t WHERE app_id = 'd3gen2'
  OR (app_id = 'd1everything' AND branch_name = 'main') $$);
SELECT * FROM run($$ jobs t WHERE (app_id = 'd3gen2' AND branch_name = 'main')
  OR (app_id = 'd1everything' AND branch_name = 'main' AND job_id = '1') $$);
SELECT * FROM run($$ jobs t WHERE (app_id = 'd1everything' AND job_id = '1')
  OR (branch_name = 'main' AND job_id = '1') $$);
SELECT * FROM run($$ jobs t WHERE job_arn LIKE '%1' AND (app_id = 'd3gen2' OR job_id = '1') $$);

-- what is below jobs
SELECT * FROM run($$ job_steps t WHERE branch_name IN ('main', 'nowhere') AND job_id IN ('1', '12') $$);
SELECT * FROM run($$ job_steps t WHERE app_id = 'd1everything' AND step_name = 'VERIFY' $$);
SELECT * FROM run($$ artifacts t WHERE branch_name = 'main' $$);
SELECT * FROM run($$ artifacts t WHERE app_id = 'd1everything' AND job_id = '1' $$);
SELECT * FROM run($$ artifacts t WHERE app_id = 'd1everything' AND job_id IN ('1', '5', '7') $$);
SELECT * FROM run($$ artifacts t WHERE artifact_id LIKE '%.zip' $$);

-- many keys: those of one parent are found in its List; the outermost ones are
-- asked for, however many they are
SELECT * FROM run($$ apps t WHERE app_id = ANY (ARRAY(
  SELECT 'd' || i FROM generate_series(1, 100001) i) || '{d3gen2}'::text[]) $$);
SELECT * FROM run($$ webhooks t WHERE webhook_id = ANY (ARRAY(
  SELECT 'wh-' || i FROM generate_series(1, 150) i)) $$);
SELECT * FROM run($$ webhooks t WHERE app_id = 'd1everything' AND webhook_id = ANY (ARRAY(
  SELECT 'wh-' || i FROM generate_series(1, 100001) i)) $$);
SELECT * FROM run($$ jobs t WHERE app_id = 'd1everything' AND branch_name = ANY (ARRAY(
  SELECT 'b' || i FROM generate_series(1, 100001) i) || '{main}'::text[]) $$);

-- a rescan with other keys
SELECT k.app, k.branch, j.n FROM (VALUES ('d1everything', 'main'), ('d3gen2', NULL),
    ('d2nothing', NULL), ('d1everything', 'nowhere'), ('d1everything', NULL)) k(app, branch)
  CROSS JOIN LATERAL (SELECT count(*) AS n FROM jobs
    WHERE app_id = k.app AND (branch_name = k.branch OR k.branch IS NULL)) AS j;
DROP FUNCTION run;
