-- mock: --data test/mock/everything.json
-- Every field of every resource shows its member, in a row got by key and in
-- one listed; a member that the service left out is NULL.
\ir ../test/setup.psql
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE SCHEMA whole;
IMPORT FOREIGN SCHEMA amplify FROM SERVER amplify INTO whole
  OPTIONS (import_sensitive 'true');
SET search_path = whole, public;
\pset format unaligned
\pset fieldsep ' | '
\x on
SELECT * FROM apps WHERE app_id = 'd1everything';
SELECT * FROM apps WHERE app_id = 'd2nothing';
SELECT * FROM backend_environments
  WHERE app_id = 'd1everything' AND environment_name = 'prod';
SELECT * FROM branches
  WHERE app_id = 'd1everything' AND branch_name = 'main';
SELECT * FROM branches
  WHERE app_id = 'd1everything' AND branch_name = 'a/jobs/1';
SELECT * FROM domain_associations
  WHERE app_id = 'd1everything' AND domain_name = 'everything.example.com';
SELECT * FROM domain_associations
  WHERE app_id = 'd1everything' AND domain_name = 'empty.example.org';
SELECT * FROM sub_domains
  WHERE app_id = 'd1everything' AND domain_name = 'everything.example.com';
SELECT * FROM jobs
  WHERE app_id = 'd1everything' AND branch_name = 'main' AND job_id = '1';
SELECT * FROM job_steps
  WHERE app_id = 'd1everything' AND branch_name = 'main' AND job_id = '1';
SELECT * FROM artifacts
  WHERE app_id = 'd1everything' AND branch_name = 'main' AND job_id = '1';
SELECT * FROM artifact_urls
  WHERE artifact_id = 'd1everything/main/0000000001/BUILD/site.zip';
SELECT * FROM webhooks WHERE webhook_id = 'wh-1';
-- its app_id is in its ARN only
SELECT * FROM webhooks WHERE webhook_id = 'wh-2';
-- but if it is there, it must be one
\! mockctl fault op=GetWebhook body='{"webhook":{"webhookId":"wh-2","appId":7,"webhookArn":"arn:aws:amplify:us-east-1:111122223333:apps/d3gen2/webhooks/wh-2"}}'
SELECT * FROM webhooks WHERE webhook_id = 'wh-2';
-- a switch as text
CREATE FOREIGN TABLE switches (app_id text,
    build text OPTIONS (field 'enable_branch_auto_build'),
    auth varchar(5) OPTIONS (field 'enable_basic_auth'))
  SERVER amplify OPTIONS (resource 'apps');
SELECT * FROM switches WHERE app_id = 'd1everything';
\x off
\pset footer off

-- Each table as it is listed, against what the keys in it get, one by one
SET amplify_fdw.read_ahead = 0;
CREATE FUNCTION compare(resource text, OUT listed bigint, OUT got bigint,
                        OUT different bigint)
LANGUAGE plpgsql AS $$
DECLARE
  keys text;
BEGIN
  SELECT string_agg(name[1], ', ') INTO keys
    FROM amplify_fdw_resources() AS r, regexp_matches(
           coalesce(get_path, list_path), '{([a-z_]+)}', 'g') AS name
   WHERE r.resource = compare.resource;
  EXECUTE format('CREATE TEMP TABLE listed AS
                  SELECT %1$s, t::text AS whole FROM %2$I AS t', keys, resource);
  EXECUTE format('CREATE TEMP TABLE got AS
                  SELECT found.* FROM (SELECT DISTINCT %1$s FROM listed) AS k,
                    LATERAL (SELECT %1$s, t::text FROM %2$I AS t
                              WHERE (%3$s) = (%4$s)) AS found',
                 keys, resource, 't.' || replace(keys, ', ', ', t.'),
                 'k.' || replace(keys, ', ', ', k.'));
  SELECT count(*) INTO listed FROM listed;
  SELECT count(*) INTO got FROM got;
  SELECT count(*) INTO different
    FROM (TABLE got EXCEPT ALL TABLE listed) AS difference;
  DROP TABLE listed, got;
END $$;
SELECT resource, c.* FROM amplify_fdw_resources(), compare(resource) AS c;
-- an app that neither the request nor the response names
\! mockctl fault op=GetWebhook status=200 'body={"webhook":{"webhookId":"w1"}}'
SELECT app_id, webhook_id, webhook_arn FROM webhooks WHERE webhook_id = 'w1';
DROP FUNCTION compare;
DROP SCHEMA whole CASCADE;
