-- What the extension says of servers, tables and itself.
\ir ../test/setup.psql
\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS described CASCADE;
DROP ROLE IF EXISTS regress_amplify_reader;
RESET client_min_messages;
CREATE ROLE regress_amplify_reader;
CREATE SCHEMA described;

-- every object has a comment
SELECT pg_describe_object(classid, objid, 0) FROM pg_depend
  WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
    AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'amplify_fdw')
    AND obj_description(objid, classid::regclass::name) IS NULL;
-- and everything that a table can show a sentence
SELECT resource, field, meaning FROM amplify_fdw_fields() WHERE meaning !~ '^[A-Z].*[^.]\.$'
UNION ALL SELECT resource, NULL, meaning FROM amplify_fdw_resources() WHERE meaning !~ '^[A-Z].*[^.]\.$';

-- which becomes comments
SELECT amplify_fdw_comment('backend_environments');
SELECT attname, col_description(attrelid, attnum) FROM pg_attribute
  WHERE attrelid = 'backend_environments'::regclass AND attnum > 0 ORDER BY attnum;
SELECT obj_description('backend_environments'::regclass);
SELECT amplify_fdw_comment('backend_environments'), amplify_fdw_comment('backend_environments', true);
-- those that there are stay, other names and types are no matter
CREATE FOREIGN TABLE described."My envs" ("Name" varchar(20) OPTIONS (field 'environment_name'), region text, gone text)
  SERVER amplify OPTIONS (resource 'backend_environments');
ALTER FOREIGN TABLE described."My envs" DROP COLUMN gone;
COMMENT ON COLUMN described."My envs".region IS 'as I say';
COMMENT ON FOREIGN TABLE described."My envs" IS 'my environments';
SELECT amplify_fdw_comment('described."My envs"');
SELECT attname, col_description(attrelid, attnum) FROM pg_attribute
  WHERE attrelid = 'described."My envs"'::regclass AND attnum > 0 AND NOT attisdropped;
CREATE TABLE described.local (region text);
SELECT amplify_fdw_comment('described.local');
\echo :SQLSTATE
SELECT amplify_fdw_comment(NULL);
-- of many tables, and of those that create_regions makes
SELECT amplify_fdw_comment_schema('public') = sum(relnatts + 1) AS all_others FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind = 'f' AND relname <> 'backend_environments';
SELECT count(*) FROM amplify_fdw_create_regions('amplify', ARRAY['us-east-1'], ARRAY['111122223333'], 'described', ARRAY['apps']);
SELECT obj_description('described.apps'::regclass), amplify_fdw_comment('described.apps');
SELECT amplify_fdw_comment_schema('described');
SELECT amplify_fdw_comment_schema('described');
GRANT USAGE ON SCHEMA described TO regress_amplify_reader;
SET ROLE regress_amplify_reader;
SELECT amplify_fdw_comment('described.apps', true);
RESET ROLE;

-- servers
SELECT count(*) FROM amplify_fdw_create_regions('amplify', ARRAY['eu-west-1'], ARRAY['arn:aws:iam::444455556666:role/reader'], 'described', '{}');
CREATE SERVER bare FOREIGN DATA WRAPPER amplify_fdw OPTIONS (region 'us-east-1');
CREATE SERVER nowhere FOREIGN DATA WRAPPER amplify_fdw OPTIONS (region 'us-east-1');
CREATE USER MAPPING FOR CURRENT_USER SERVER nowhere OPTIONS (source_server 'no such server');
CREATE FOREIGN DATA WRAPPER regress_amplify_stranger;
CREATE SERVER stranger FOREIGN DATA WRAPPER regress_amplify_stranger;
SELECT * FROM amplify_fdw_servers();
-- as somebody else, who sees no options of mappings but their own
SET ROLE regress_amplify_reader;
SELECT * FROM amplify_fdw_servers();
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER amplify, bare, amplify_444455556666_eu_west_1 TO regress_amplify_reader;
CREATE USER MAPPING FOR regress_amplify_reader SERVER bare OPTIONS (source_server 'amplify', role_arn 'arn:aws:iam::444455556666:role/mine');
CREATE USER MAPPING FOR regress_amplify_reader SERVER amplify OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'x');
SET ROLE regress_amplify_reader;
SELECT * FROM amplify_fdw_servers();
RESET ROLE;
\! mockctl total

-- statistics by operation
SELECT count(*) FROM backend_environments;
SELECT * FROM amplify_fdw_stats_by_operation() ORDER BY operation;
SELECT sum(calls) = (SELECT sum(calls) FROM amplify_fdw_stats()) AS all_of_them FROM amplify_fdw_stats_by_operation();

-- what the extension takes along, and what it leaves
CREATE VIEW described.names AS SELECT name FROM described.apps;
DROP EXTENSION amplify_fdw;
\echo :SQLSTATE
SET client_min_messages = warning;
DROP EXTENSION amplify_fdw CASCADE;
RESET client_min_messages;
SELECT oid::regclass, relkind FROM pg_class WHERE relnamespace = 'described'::regnamespace AND relkind IN ('r', 'p', 'f', 'v') ORDER BY 1;
SELECT count(*) FROM described.names;
-- they are filled again
\ir ../test/setup.psql
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['us-east-1'], ARRAY['111122223333'], 'described', ARRAY['apps']);
ALTER SERVER amplify_111122223333_us_east_1 OPTIONS (ADD endpoint_url :'mock');
SELECT count(*) FROM described.names;

SET client_min_messages = warning;
DROP EXTENSION amplify_fdw CASCADE;
DROP SCHEMA described CASCADE;
DROP FOREIGN DATA WRAPPER regress_amplify_stranger CASCADE;
DROP OWNED BY regress_amplify_reader;
DROP ROLE regress_amplify_reader;
