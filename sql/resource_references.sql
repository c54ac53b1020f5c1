-- mock: --data test/mock/everything.json
-- Columns that hold another table's key find its rows, whichever way the join
-- is done.  The service fills active_job_id up with zeros, but no job_id.
\ir ../test/setup.psql
\pset format unaligned
\pset footer off
-- how many rows of a column have one, by lookups and by comparing all
CREATE FUNCTION joined(child text, child_keys text, parent text, parent_keys text,
                       OUT looked_up bigint, OUT compared bigint)
LANGUAGE plpgsql AS $$
DECLARE
  query text := format('SELECT count(*) FROM %1$I AS c JOIN %3$I AS p ON (%2$s) = (%4$s)',
                       child, 'c.' || replace(child_keys, ', ', ', c.'),
                       parent, 'p.' || replace(parent_keys, ', ', ', p.'));
BEGIN
  SET enable_hashjoin = off;
  SET enable_mergejoin = off;
  EXECUTE query INTO looked_up;
  SET amplify_fdw.pushdown = off;
  RESET enable_hashjoin;
  EXECUTE query INTO compared;
  RESET amplify_fdw.pushdown;
  RESET enable_mergejoin;
END $$;

SELECT r.*, j.* FROM (VALUES
    ('apps', 'app_id, production_branch_name', 'branches', 'app_id, branch_name'),
    ('branches', 'app_id, branch_name, active_job_id', 'jobs', 'app_id, branch_name, job_id'),
    ('branches', 'app_id, branch_name, active_job_id', 'job_steps', 'app_id, branch_name, job_id'),
    ('branches', 'app_id, branch_name, active_job_id', 'artifacts', 'app_id, branch_name, job_id'),
    ('branches', 'backend_environment_arn', 'backend_environments', 'backend_environment_arn'),
    ('branches', 'app_id, pull_request_environment_name', 'backend_environments', 'app_id, environment_name'),
    ('branches', 'app_id, source_branch', 'branches', 'app_id, branch_name'),
    ('branches', 'app_id, destination_branch', 'branches', 'app_id, branch_name'),
    ('sub_domains', 'app_id, branch_name', 'branches', 'app_id, branch_name'),
    ('sub_domains', 'app_id, domain_name', 'domain_associations', 'app_id, domain_name'),
    ('sub_domains', 'domain_association_arn', 'domain_associations', 'domain_association_arn'),
    ('job_steps', 'app_id, branch_name, job_id', 'jobs', 'app_id, branch_name, job_id'),
    ('job_steps', 'job_arn', 'jobs', 'job_arn'),
    ('artifacts', 'app_id, branch_name, job_id', 'jobs', 'app_id, branch_name, job_id'),
    ('webhooks', 'app_id, branch_name', 'branches', 'app_id, branch_name')
  ) AS r(child, child_keys, parent, parent_keys), joined(child, child_keys, parent, parent_keys) AS j;
-- which job is on the air
SELECT b.app_id, b.branch_name, b.active_job_id, j.status, s.step_name, f.artifact_file_name
  FROM branches b JOIN jobs j ON (j.app_id, j.branch_name, j.job_id) = (b.app_id, b.branch_name, b.active_job_id)
  LEFT JOIN job_steps s ON (s.app_id, s.branch_name, s.job_id) = (b.app_id, b.branch_name, b.active_job_id)
  LEFT JOIN artifacts f ON (f.app_id, f.branch_name, f.job_id) = (b.app_id, b.branch_name, b.active_job_id)
 ORDER BY 1, 2, 5, 6;
CREATE FOREIGN TABLE artifact_urls (artifact_id text, artifact_url text) SERVER amplify;
SELECT * FROM joined('artifacts', 'artifact_id', 'artifact_urls', 'artifact_id');
DROP FUNCTION joined;
