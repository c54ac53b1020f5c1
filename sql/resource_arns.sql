-- mock: --data test/mock/everything.json
-- The ARN of each resource holds all its keys: one Get, whatever the names in
-- it look like; one of another kind costs no call.
\ir ../test/setup.psql
\pset format unaligned
\pset tuples_only on
\set apps 'arn:aws:amplify:us-east-1:111122223333:apps/'
SELECT app_id FROM apps WHERE app_arn = :'apps' || 'd1everything';
\! mockctl calls && mockctl reset
SELECT branch_name FROM branches WHERE branch_arn = :'apps' || 'd1everything/branches/main';
\! mockctl calls && mockctl reset
SELECT domain_name FROM domain_associations
  WHERE domain_association_arn = :'apps' || 'd1everything/domains/other.example.org';
\! mockctl calls && mockctl reset
SELECT domain_name, prefix FROM sub_domains
  WHERE domain_association_arn = :'apps' || 'd1everything/domains/everything.example.com';
\! mockctl calls && mockctl reset
SELECT webhook_id, app_id FROM webhooks WHERE webhook_arn = :'apps' || 'd1everything/webhooks/wh-2';
\! mockctl calls && mockctl reset

-- an ARN fills the number of a job up with zeros, its key does not
SELECT app_id, branch_name, job_id FROM jobs
  WHERE job_arn = :'apps' || 'd1everything/branches/main/jobs/0000000012';
\! mockctl log | cut -d ' ' -f 2-
\! mockctl reset
SELECT job_id, step_name FROM job_steps
  WHERE job_arn = :'apps' || 'd3gen2/branches/main/jobs/0000000001' ORDER BY start_time;
\! mockctl calls && mockctl reset
SELECT count(*) FROM jobs WHERE job_arn IN
  (:'apps' || 'd3gen2/branches/main/jobs/1', :'apps' || 'd3gen2/branches/main/jobs/0');
\! mockctl calls && mockctl reset

-- a branch whose name could be the rest of an ARN
SELECT app_id, branch_name FROM branches WHERE branch_arn = :'apps' || 'd1everything/branches/a/jobs/1';
SELECT app_id, branch_name, job_id, commit_id FROM jobs
  WHERE job_arn = :'apps' || 'd1everything/branches/a/jobs/1/jobs/0000000005';
\! mockctl log | cut -d ' ' -f 2-
\! mockctl reset

-- several of one app are in its list
SELECT branch_name FROM branches WHERE branch_arn IN
  (:'apps' || 'd1everything/branches/main', :'apps' || 'd1everything/branches/a/jobs/1',
   :'apps' || 'd1everything/branches/missing') ORDER BY 1;
\! mockctl calls && mockctl reset
-- with a key that fits, and one that doesn't
SELECT webhook_id FROM webhooks WHERE app_id = 'd1everything'
  AND webhook_arn = :'apps' || 'd1everything/webhooks/wh-1';
\! mockctl calls && mockctl reset
SELECT webhook_id FROM webhooks WHERE app_id = 'd3gen2'
  AND webhook_arn = :'apps' || 'd1everything/webhooks/wh-1';
SELECT job_id FROM jobs WHERE job_id = '1'
  AND job_arn = :'apps' || 'd1everything/branches/main/jobs/0000000012';

-- of another kind; that of "one" and "localhost" is asked for behind endpoint_url
SELECT count(*) FROM apps WHERE app_arn IN (:'apps' || 'd1everything/branches/main', :'apps', 'apps/d1everything');
SELECT count(*) FROM branches WHERE branch_arn IN
  (:'apps' || 'd1everything', :'apps' || 'd1everything/branches/',
   :'apps' || 'd1everything/domains/other.example.org');
SELECT count(*) FROM jobs WHERE job_arn IN
  (:'apps' || 'd1everything/branches/main', :'apps' || 'd1everything/branches/main/jobs/',
   :'apps' || 'd1everything/branches/main/jobs/one', :'apps' || 'd1everything/branches//jobs/1');
SELECT count(*) FROM domain_associations WHERE domain_association_arn IN
  (:'apps' || 'd1everything/domains/localhost',
   replace(:'apps', 'us-east-1', 'us-east-2') || 'd1everything/domains/other.example.org');
SELECT count(*) FROM webhooks WHERE webhook_arn = :'apps' || 'd1everything/webhooks/..';
\! mockctl total

-- one that can't be read: what else is known is asked for, and what has it is
-- a row, with the account that the ARN says
\! mockctl fault op=ListJobs n=-1 status=200 body='{"jobSummaries":[{"jobId":"270","jobArn":"arn:aws:amplify:us-east-1:111122223333:apps/d1everything/main/jobs/0000000270"}]}'
\! mockctl fault op=GetJob match=/270 n=-1 status=200 body='{"job":{"summary":{"jobId":"270","jobArn":"arn:aws:amplify:us-east-1:111122223333:apps/d1everything/main/jobs/0000000270"},"steps":[]}}'
\set arn :apps 'd1everything/main/jobs/0000000270'
SELECT job_id, account_id FROM jobs WHERE app_id = 'd1everything' AND branch_name = 'main' AND job_id = '270';
SELECT job_id, branch_name FROM jobs WHERE job_arn = :'arn' ORDER BY branch_name;
SELECT job_id FROM jobs WHERE job_arn = :'arn' AND app_id = 'd1everything' AND branch_name = 'main';
SELECT job_id FROM jobs WHERE job_arn = :'arn' AND app_id = 'd1everything' AND branch_name = 'main' AND job_id = '270';
SELECT job_id FROM jobs WHERE job_arn IN (:'arn', :'apps' || 'd1everything/branches/main/jobs/0000000012')
  AND app_id = 'd1everything' AND branch_name = 'main';
SELECT k.arn IS NOT NULL, j.job_id FROM (VALUES (:'arn'), (NULL)) k(arn)
  LEFT JOIN jobs j ON j.job_arn = k.arn AND app_id = 'd1everything' AND branch_name = 'main' ORDER BY 2;
\! mockctl calls && mockctl reset
SELECT count(*) FROM branches WHERE branch_arn IN
  (:'apps' || 'd1everything/branches', :'apps' || 'd1everything/x/branches/main');
SELECT count(*) FROM webhooks WHERE webhook_arn = 'arn:aws:amplify:us-east-1:111122223333:webhooks/wh-1';
\! mockctl calls
