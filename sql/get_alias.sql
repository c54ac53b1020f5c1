-- mock: --generate 2,2
-- A service may know an item by more than one name, as it writes the number of
-- a job in an ARN: it is one row, and that of its own name, all the same.
\ir ../test/setup.psql
ALTER FOREIGN TABLE jobs OPTIONS (ADD page_size '1');
\set branch 'app_id = ''d00000000001'' AND branch_name = ''main'''
\set arn 'arn:aws:amplify:us-east-1:111122223333:apps/d00000000001/branches/main/jobs/0000000001'
\! mockctl fault op=GetJob match=/jobs/0000000001 n=-1 status=200 body='{"job":{"summary":{"jobId":"1"},"steps":[]}}'
SELECT job_id FROM jobs WHERE :branch AND job_id = '0000000001';
SELECT job_id FROM jobs WHERE :branch AND job_id IN ('0000000001', '1');
SELECT job_id FROM jobs WHERE job_arn = :'arn';
\! mockctl calls
SET amplify_fdw.pushdown = off;
SELECT job_id FROM jobs WHERE :branch AND job_id IN ('0000000001', '1');
RESET amplify_fdw.pushdown;

-- an item without its name is shown as it is
\! mockctl fault op=GetJob n=-1 status=200 body='{"job":{"summary":{"jobArn":"arn:aws:amplify:us-east-1:111122223333:apps/d00000000001/branches/main/jobs/0000000001"},"steps":[]}}'
SELECT job_id, branch_name FROM jobs WHERE job_arn = :'arn';
