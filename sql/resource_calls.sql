-- mock: --generate 7,3
-- Which calls each resource takes, by what is known of its keys: a Get for a
-- whole key, a List for a parent, and the Lists of the parents else, but only
-- of those that can have the rows.
\ir ../test/setup.psql
IMPORT FOREIGN SCHEMA amplify LIMIT TO (artifact_urls) FROM SERVER amplify
  INTO public OPTIONS (import_sensitive 'true');
\pset format unaligned
\pset tuples_only on
-- rows, and calls by operation
CREATE FUNCTION run(query text, OUT n bigint, OUT calls text) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM amplify_fdw_stats_reset();
  EXECUTE 'SELECT count(*) FROM ' || query INTO n;
  SELECT string_agg(key || ' ' || value, ', ' ORDER BY key) INTO calls
    FROM amplify_fdw_stats(), jsonb_each(by_operation);
END $$;

-- apps
SELECT * FROM run($$ apps WHERE app_id = 'd00000000003' $$);
SELECT * FROM run($$ apps WHERE app_id IN ('d00000000003', 'dmissing') $$);
SELECT * FROM run($$ apps $$);

-- branches
SELECT * FROM run($$ branches WHERE app_id = 'd00000000003' AND branch_name = 'main' $$);
SELECT * FROM run($$ branches WHERE app_id = 'd00000000003' AND branch_name IN ('main', 'develop') $$);
SELECT * FROM run($$ branches WHERE app_id = 'd00000000003' $$);
SELECT * FROM run($$ branches WHERE app_id = 'dmissing' $$);
SELECT * FROM run($$ branches WHERE branch_name = 'main' $$);
SELECT * FROM run($$ branches $$);

-- domain_associations
SELECT * FROM run($$ domain_associations WHERE app_id = 'd00000000003' AND domain_name = 'app3.example.com' $$);
SELECT * FROM run($$ domain_associations WHERE app_id = 'd00000000003' $$);
SELECT * FROM run($$ domain_associations WHERE domain_name = 'app3.example.com' $$);
SELECT * FROM run($$ domain_associations $$);

-- sub_domains: the lists of domains have them
SELECT * FROM run($$ sub_domains WHERE app_id = 'd00000000003' AND domain_name = 'app3.example.com' $$);
SELECT * FROM run($$ sub_domains WHERE app_id = 'd00000000003' AND domain_name IN ('app3.example.com', 'www.example.com') $$);
SELECT * FROM run($$ sub_domains WHERE app_id = 'd00000000003' $$);
SELECT * FROM run($$ sub_domains $$);

-- jobs: what is known of two parents
SELECT * FROM run($$ jobs WHERE app_id = 'd00000000003' AND branch_name = 'main' AND job_id = '2' $$);
SELECT * FROM run($$ jobs WHERE app_id = 'd00000000003' AND branch_name = 'main' AND job_id IN ('1', '2', '3') $$);
SELECT * FROM run($$ jobs WHERE app_id = 'd00000000003' AND branch_name = 'main' $$);
SELECT * FROM run($$ jobs WHERE app_id = 'd00000000003' $$);
SELECT * FROM run($$ jobs WHERE app_id IN ('d00000000003', 'd00000000004', 'dmissing') $$);
SELECT * FROM run($$ jobs WHERE app_id = 'd00000000003' AND job_id = '2' $$);
SELECT * FROM run($$ jobs WHERE branch_name = 'main' $$);
-- of several names, those that are there
SELECT * FROM run($$ jobs WHERE branch_name IN ('main', 'nowhere') $$);
SELECT * FROM run($$ jobs WHERE job_id = '2' $$);
SELECT * FROM run($$ jobs $$);

-- job_steps: there is no list of them, but a job has its own
SELECT * FROM run($$ job_steps WHERE app_id = 'd00000000003' AND branch_name = 'main' AND job_id = '2' $$);
SELECT * FROM run($$ job_steps WHERE app_id = 'd00000000003' AND branch_name = 'main' $$);
SELECT * FROM run($$ job_steps WHERE app_id = 'd00000000003' AND job_id = '2' $$);
SELECT * FROM run($$ job_steps WHERE branch_name = 'main' AND job_id = '2' $$);
SELECT * FROM run($$ job_steps $$);
-- one answer has both
SELECT * FROM run($$ jobs JOIN job_steps USING (app_id, branch_name, job_id)
  WHERE app_id = 'd00000000003' AND branch_name = 'main' AND job_id = '2' $$);

-- artifacts
SELECT * FROM run($$ artifacts WHERE app_id = 'd00000000003' AND branch_name = 'main' AND job_id = '2' $$);
SELECT * FROM run($$ artifacts WHERE app_id = 'd00000000003' AND branch_name = 'main' $$);
SELECT * FROM run($$ artifacts WHERE app_id = 'd00000000003' $$);
SELECT * FROM run($$ artifacts $$);

-- artifact_urls: a call each, for those that are wanted
SELECT * FROM run($$ artifact_urls WHERE artifact_id = 'd00000000003/main/2/BUILD/log.txt' $$);
SELECT * FROM run($$ artifacts JOIN artifact_urls USING (artifact_id)
  WHERE app_id = 'd00000000003' AND branch_name = 'main' $$);
SELECT * FROM run($$ artifact_urls $$);

-- webhooks: their id is enough
SELECT * FROM run($$ webhooks WHERE webhook_id = 'wh-3' $$);
SELECT * FROM run($$ webhooks WHERE app_id = 'd00000000003' AND webhook_id = 'wh-3' $$);
SELECT * FROM run($$ webhooks WHERE app_id = 'd00000000003' $$);
SELECT * FROM run($$ webhooks $$);

-- keys that nothing can have
SELECT * FROM run($$ branches WHERE app_id = 'x' OR (app_id = 'd00000000003' AND branch_name = '..') $$);
SELECT * FROM run($$ domain_associations WHERE app_id = 'd00000000003' AND domain_name IN
  ('', '.', '..', 'localhost', 'a_b.com', '-a.com', 'a-.com', 'a..com', '.com', 'a.b', 'a/b.com', 'é.com',
   'a.com..', repeat('a', 64) || '.com', repeat('a.', 31) || 'com') $$);
SELECT * FROM run($$ jobs WHERE app_id = 'd00000000003' AND branch_name = 'main' AND job_id IN
  ('', '-1', '1a', ' 1', '1 ', '../1', repeat('1', 256)) $$);
SELECT * FROM run($$ webhooks WHERE webhook_id IN ('', '.', '..', repeat('w', 256)) $$);
SELECT * FROM run($$ artifact_urls WHERE artifact_id IN ('', '.', '..', NULL) $$);
-- and some that are odd, but good
SELECT * FROM run($$ domain_associations WHERE app_id = 'd00000000003'
  AND domain_name = 'x--y.1-2.EXAMPLE.co.' $$);
SELECT * FROM run($$ jobs WHERE app_id = 'd00000000003' AND branch_name = 'main' AND job_id = repeat('1', 255) $$);

-- the first row of a list of lists takes no more than it needs
SELECT * FROM run($$ (SELECT FROM jobs LIMIT 1) AS one $$);
SELECT * FROM run($$ (SELECT FROM jobs WHERE app_id = 'd00000000003' LIMIT 3) AS three $$);

-- an app that disappears between two lists has nothing, and that is no error
\! mockctl fault op=ListBranches match=d00000000005 status=404 code=NotFoundException
SELECT * FROM run($$ jobs $$);
\! mockctl fault op=ListJobs match=d00000000005/branches/main status=404 code=NotFoundException
SELECT * FROM run($$ jobs $$);
DROP FUNCTION run;
