-- mock: --generate 7,3
-- Joins from apps down: each level reads ahead for the next one, and every key
-- is asked for once.
\ir ../test/setup.psql
\pset format unaligned
\pset footer off
SET enable_hashjoin = off;
SET enable_mergejoin = off;
CREATE FUNCTION nodes(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    IF line ~ 'Loop|Scan|API Operation|Lookup' THEN
      RETURN NEXT line;
    END IF;
  END LOOP;
END $$;

-- Gen 1: the environment of a branch, by its ARN
SELECT nodes('SELECT a.name, b.branch_name, e.stack_name
  FROM apps a JOIN branches b USING (app_id)
  LEFT JOIN backend_environments e USING (backend_environment_arn)');
SELECT a.name, b.branch_name, e.environment_name
  FROM apps a JOIN branches b USING (app_id)
  LEFT JOIN backend_environments e USING (backend_environment_arn)
 ORDER BY 1, 2;
\! mockctl calls && mockctl reset
-- the apps, their branches, the environments of the same app
SELECT count(*), count(DISTINCT (a.app_id, b.branch_name, e.environment_name))
  FROM apps a JOIN branches b USING (app_id)
  JOIN backend_environments e USING (app_id);
\! mockctl calls && mockctl reset
-- down to the artifacts
SELECT nodes('SELECT a.name, artifact_file_name
  FROM apps a JOIN branches b USING (app_id) JOIN jobs j USING (app_id, branch_name)
  JOIN artifacts f USING (app_id, branch_name, job_id)');
SELECT a.name, b.branch_name, j.job_id, s.step_name, f.artifact_file_name
  FROM apps a JOIN branches b USING (app_id) JOIN jobs j USING (app_id, branch_name)
  JOIN job_steps s USING (app_id, branch_name, job_id)
  JOIN artifacts f USING (app_id, branch_name, job_id)
 WHERE a.app_id = 'd00000000002' ORDER BY 1, 2, 3;
\! mockctl calls && mockctl reset
-- a level left out: its lists are read ahead as well
CREATE TEMP TABLE wanted AS SELECT 'd0000000000' || i AS app FROM generate_series(5, 9) AS i;
ANALYZE wanted;
SELECT nodes('SELECT app, job_id FROM wanted LEFT JOIN jobs ON app_id = app');
SELECT app, count(job_id) FROM wanted LEFT JOIN jobs ON app_id = app GROUP BY 1 ORDER BY 1;
\! mockctl calls && mockctl reset
-- which apps have a job that has not succeeded
SELECT count(*) FROM apps a WHERE NOT EXISTS
  (SELECT FROM jobs j WHERE j.app_id = a.app_id AND status <> 'SUCCEED');
\! mockctl calls && mockctl reset
-- a LEFT JOIN of what nobody reads is no call, if the key is unique
SELECT count(*) FROM branches b LEFT JOIN webhooks w ON w.webhook_id = b.branch_name
  WHERE b.app_id = 'd00000000001';
SELECT count(*) FROM branches b LEFT JOIN sub_domains s
    ON s.app_id = b.app_id AND s.domain_name = 'app1.example.com'
  WHERE b.app_id = 'd00000000001';
\! mockctl calls && mockctl reset
DROP FUNCTION nodes;
