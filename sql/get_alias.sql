-- mock: --generate 2,2
-- A service may know an item by more than one name, as it writes the number of
-- a job in an ARN: it is one row, and that of its own name, all the same.  A
-- number that is filled up with zeros is no job's.
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
\! mockctl reset

-- what has no name of its own in the response has that of the request
\! mockctl fault op=GetJob match=/jobs/0000000001 n=-1 status=200 body='{"job":{"summary":{"jobId":"1"},"steps":[{"stepName":"BUILD"}]}}'
\! mockctl fault op=GetJob match=/jobs/1 n=-1 status=200 body='{"job":{"summary":{"jobId":"1"},"steps":[{"stepName":"BUILD"}]}}'
\! mockctl fault op=ListArtifacts n=-1 status=200 body='{"artifacts":[{"artifactId":"Zz="}]}'
SELECT job_id, step_name FROM job_steps WHERE :branch AND job_id IN ('0000000001', '1');
SELECT job_id, step_name FROM job_steps WHERE job_arn = :'arn' OR (:branch AND job_id = '0000000001');
SELECT b.active_job_id, s.job_id, s.step_name FROM branches b JOIN job_steps s USING (app_id, branch_name)
  WHERE :branch AND s.job_id IN (lpad(b.active_job_id, 10, '0'), '01', '1');
SELECT job_id, artifact_id FROM artifacts WHERE :branch AND job_id = '0000000001';
SELECT job_id, artifact_id FROM artifacts WHERE :branch AND job_id IN ('0000000001', '1', '001');
\! mockctl log | cut -d ' ' -f 2-
-- a list may fill them up, too
\! mockctl fault op=ListJobs n=-1 status=200 body='{"jobSummaries":[{"jobId":"0000000001"},{"jobId":"0000000000"},{"jobId":"00x"}]}'
SELECT job_id FROM jobs WHERE :branch;
SELECT job_id, step_name FROM job_steps WHERE :branch AND step_name = 'BUILD';
\! mockctl reset

-- an item without its name has that of the request
\! mockctl fault op=GetJob n=-1 status=200 body='{"job":{"summary":{"jobArn":"arn:aws:amplify:us-east-1:111122223333:apps/d00000000001/branches/main/jobs/0000000001"},"steps":[]}}'
SELECT job_id, branch_name FROM jobs WHERE job_arn = :'arn';
