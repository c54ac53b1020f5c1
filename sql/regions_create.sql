-- amplify_fdw_create_regions(): what it makes, and what it leaves alone.
\ir ../test/setup.psql
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS everywhere CASCADE;
DROP ROLE IF EXISTS regress_amplify_owner;
RESET client_min_messages;
CREATE SCHEMA everywhere;
ALTER SERVER amplify OPTIONS (ADD max_concurrency '3', ADD use_fips 'false');
\set role 'arn:aws:iam::444455556666:role/'
\set reader :role 'reader'
\set writer :role 'writer'

SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['us-east-1'], ARRAY[:'reader', '111122223333'],
  schema => 'everywhere', tables => ARRAY['apps', 'jobs']);
\! mockctl total
SELECT srvname, srvoptions FROM pg_foreign_server WHERE srvname LIKE 'amplify\__%' ORDER BY 1;
SELECT srvname, usename, umoptions FROM pg_user_mappings WHERE srvname LIKE 'amplify\__%' ORDER BY 1;
SELECT relid, parentrelid, pg_get_partkeydef(relid), pg_get_expr(relpartbound, oid)
  FROM pg_partition_tree('everywhere.apps') JOIN pg_class ON oid = relid ORDER BY level, relid::text;
SELECT ftrelid::regclass, ftoptions FROM pg_foreign_table
  WHERE ftrelid::regclass::text LIKE 'everywhere.apps%' ORDER BY ftrelid::regclass::text;
-- the same columns as IMPORT makes
SELECT attname, atttypid::regtype FROM pg_attribute WHERE attrelid = 'everywhere.apps'::regclass AND attnum > 0
EXCEPT
SELECT attname, atttypid::regtype FROM pg_attribute WHERE attrelid = 'public.apps'::regclass AND attnum > 0;
SELECT count(*) FILTER (WHERE attrelid = 'everywhere.apps'::regclass) = count(*) FILTER (WHERE attrelid = 'public.apps'::regclass)
  FROM pg_attribute WHERE attnum > 0;

-- ANALYZE of them lists nothing, unless the source says that it may
ANALYZE everywhere.apps;
\! mockctl total
-- nor does that of all there is, which goes on to its end; warnings are of these tables
CREATE TABLE last_of_all AS SELECT 1 AS one;
SET client_min_messages = error;
ANALYZE;
RESET client_min_messages;
\! mockctl total
SELECT reltuples FROM pg_class WHERE relname = 'last_of_all';
DROP TABLE last_of_all;
CREATE SERVER analyzed FOREIGN DATA WRAPPER amplify_fdw OPTIONS (region 'us-east-1', analyze 'true');
SELECT count(*) FROM amplify_fdw_create_regions('analyzed', ARRAY['us-east-1'], ARRAY['111122223333'], 'everywhere', '{}');
SELECT srvoptions FROM pg_foreign_server WHERE srvname LIKE 'analyzed\__%';

-- again: nothing; one more region, table or account: just that
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['us-east-1', 'us-east-1'], ARRAY['111122223333', :'reader'],
  'everywhere', ARRAY['jobs', 'apps']);
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['eu-west-1', 'us-east-1'], ARRAY['111122223333'],
  'everywhere', ARRAY['jobs'], 'warn');
SELECT kind, count(*) FROM amplify_fdw_create_regions('amplify', ARRAY['us-east-1', 'eu-west-1'],
  ARRAY['111122223333', :'reader', '777788889999'], 'everywhere') GROUP BY 1 ORDER BY 1;
SELECT ftoptions, count(*) FROM pg_foreign_table
  WHERE ftrelid::regclass::text LIKE 'everywhere.jobs%' GROUP BY 1 ORDER BY 1;

-- what is taken away comes back
SET client_min_messages = warning;
DROP SERVER amplify_111122223333_eu_west_1 CASCADE;
RESET client_min_messages;
DROP TABLE everywhere.branches_444455556666, everywhere.apps;
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['us-east-1', 'eu-west-1'],
  ARRAY['111122223333', :'reader', '777788889999'], 'everywhere', ARRAY['apps', 'branches']);

-- options that somebody has added don't matter
ALTER SERVER amplify_111122223333_us_east_1 OPTIONS (SET max_concurrency '5');
ALTER USER MAPPING FOR PUBLIC SERVER amplify_444455556666_us_east_1 OPTIONS (ADD external_id 'one');
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['us-east-1'], ARRAY['111122223333', :'reader'], 'everywhere');
-- but are told, as are columns that are not there
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['us-east-1'], ARRAY['111122223333'], 'everywhere',
  ARRAY['apps'], 'warn', true);

-- a name that stands for something else is no reason to go on
\set VERBOSITY terse
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['us-east-1'], ARRAY[:'writer'], 'everywhere');
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['us-east-1'], ARRAY['444455556666'], 'everywhere');
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['sa-east-1'], ARRAY[:'writer', :'reader'], 'everywhere');
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['us-east-1'], ARRAY['111122223333'], 'public');
ALTER SERVER amplify_111122223333_us_east_1 OPTIONS (SET account_id '123456789012');
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['us-east-1'], ARRAY['111122223333'], 'everywhere');
ALTER SERVER amplify_111122223333_us_east_1 OPTIONS (SET account_id '111122223333');

-- nor is a server of somebody who has only waited for this
CREATE ROLE regress_amplify_owner;
GRANT USAGE ON FOREIGN DATA WRAPPER amplify_fdw TO regress_amplify_owner;
SET ROLE regress_amplify_owner;
CREATE SERVER amplify_111122223333_ap_south_1 FOREIGN DATA WRAPPER amplify_fdw
  OPTIONS (region 'ap-south-1', account_id '111122223333');
CREATE USER MAPPING FOR PUBLIC SERVER amplify_111122223333_ap_south_1 OPTIONS (source_server 'amplify');
RESET ROLE;
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['ap-south-1'], ARRAY['111122223333'], 'everywhere');

-- arguments that are no good leave nothing behind
SELECT * FROM amplify_fdw_create_regions('nowhere', ARRAY['us-east-1'], ARRAY['111122223333']);
\echo :SQLSTATE
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['sa-east-1', 'mars'], ARRAY['111122223333'], 'everywhere');
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['sa-east-1'], ARRAY['1111'], 'everywhere');
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['sa-east-1'], ARRAY['reader'], 'everywhere');
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['sa-east-1'], ARRAY['111122223333'], 'everywhere', ARRAY['apps', 'app']);
\echo :SQLSTATE
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['sa-east-1'], ARRAY['111122223333'], 'everywhere', on_error => 'ignore');
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['sa-east-1'], ARRAY['111122223333'], 'no such schema');
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['sa-east-1', NULL], ARRAY['111122223333']);
\echo :SQLSTATE
SELECT * FROM amplify_fdw_create_regions('amplify', NULL, ARRAY['111122223333']);
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['sa-east-1'], '{}', 'everywhere', '{}');
SELECT count(*) FROM pg_foreign_server WHERE srvname LIKE '%sa\_east\_1';

-- names that need quotes, the schema of the session, and what is sensitive
CREATE SCHEMA "Every where";
CREATE SERVER "my ""Amplify" FOREIGN DATA WRAPPER amplify_fdw OPTIONS (region 'us-east-1');
SET search_path = "Every where";
SELECT * FROM public.amplify_fdw_create_regions('my "Amplify', ARRAY['us-east-1'], ARRAY['111122223333'],
  tables => ARRAY['artifact_urls'], import_sensitive => true);
SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute
  WHERE attrelid = 'artifact_urls'::regclass AND attnum > 0;
RESET search_path;
-- an extension that lives elsewhere
ALTER EXTENSION amplify_fdw SET SCHEMA "Every where";
SELECT * FROM "Every where".amplify_fdw_create_regions('amplify', ARRAY['sa-east-1'], ARRAY['111122223333'],
  'everywhere', ARRAY['apps']);

-- who may make a server may do this, with what is his
GRANT USAGE ON SCHEMA "Every where" TO regress_amplify_owner;
CREATE SCHEMA AUTHORIZATION regress_amplify_owner;
SET ROLE regress_amplify_owner;
SELECT * FROM "Every where".amplify_fdw_create_regions('amplify', ARRAY['ca-west-1'], ARRAY['111122223333'],
  'regress_amplify_owner', ARRAY['apps']);
SELECT * FROM "Every where".amplify_fdw_create_regions('amplify', ARRAY['us-east-1'], ARRAY['111122223333'],
  'regress_amplify_owner', ARRAY['apps']);
SELECT count(*) FROM regress_amplify_owner.apps;
\echo :SQLSTATE
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER amplify TO regress_amplify_owner;
SET ROLE regress_amplify_owner;
SELECT count(*) FROM regress_amplify_owner.apps;
\echo :SQLSTATE
RESET ROLE;

SET client_min_messages = warning;
DROP EXTENSION amplify_fdw CASCADE;
DROP SCHEMA everywhere, "Every where" CASCADE;
DROP OWNED BY regress_amplify_owner CASCADE;
DROP ROLE regress_amplify_owner;
