-- amplify_fdw_create_regions() adopts nothing of somebody who has waited for
-- it: their code would run as whoever reads the tables.
\ir ../test/setup.psql
\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS shared, planted, elsewhere CASCADE;
DROP ROLE IF EXISTS regress_amplify_planter, regress_amplify_other;
CREATE ROLE regress_amplify_planter;
CREATE ROLE regress_amplify_other;
CREATE SCHEMA shared;
CREATE SCHEMA elsewhere AUTHORIZATION regress_amplify_planter;
GRANT CREATE, USAGE ON SCHEMA shared TO regress_amplify_planter;
GRANT USAGE ON FOREIGN DATA WRAPPER amplify_fdw TO regress_amplify_planter;
RESET client_min_messages;
\set call 'SELECT * FROM amplify_fdw_create_regions(''amplify'', ARRAY[''us-east-1''], ARRAY[''111122223333''], ''shared'', ARRAY[''artifacts''])'
\set columns 'app_id text, branch_name text, job_id text, artifact_id text, region text, account_id text'

-- a function that tells whom it runs as, in a type
SET ROLE regress_amplify_planter;
CREATE FUNCTION shared.gotcha(text) RETURNS boolean LANGUAGE plpgsql AS
  $$ BEGIN RAISE WARNING 'planted code runs as %', current_user; RETURN true; END $$;
CREATE DOMAIN shared.trap AS text CHECK (shared.gotcha(VALUE));

-- a table, with such a type and without
CREATE TABLE shared.artifacts (:columns, artifact_file_name shared.trap) PARTITION BY LIST (account_id);
RESET ROLE;
:call;
\echo :SQLSTATE
DROP TABLE shared.artifacts;
SET ROLE regress_amplify_planter;
CREATE TABLE shared.artifacts (:columns, artifact_file_name text) PARTITION BY LIST (account_id);
RESET ROLE;
:call;
-- such a type in a table of one's own, and in an array
DROP TABLE shared.artifacts;
CREATE TABLE shared.artifacts (:columns, artifact_file_name shared.trap) PARTITION BY LIST (account_id);
:call;
DROP TABLE shared.artifacts;
CREATE TABLE shared.artifacts (:columns, artifact_file_name shared.trap[]) PARTITION BY LIST (account_id);
:call;
-- a type of one's own will do
DROP TABLE shared.artifacts;
CREATE DOMAIN shared.name AS text;
CREATE TABLE shared.artifacts (:columns, artifact_file_name shared.name) PARTITION BY LIST (account_id);
:call;

-- partitions, attached or not
SET client_min_messages = warning;
DROP TABLE shared.artifacts_111122223333;
SET ROLE regress_amplify_planter;
CREATE TABLE shared.artifacts_111122223333 (:columns, artifact_file_name shared.name) PARTITION BY LIST (region);
RESET ROLE;
:call;
ALTER TABLE shared.artifacts ATTACH PARTITION shared.artifacts_111122223333 FOR VALUES IN ('111122223333');
:call;
ALTER TABLE shared.artifacts_111122223333 OWNER TO CURRENT_USER;
SET ROLE regress_amplify_planter;
CREATE SERVER planted FOREIGN DATA WRAPPER amplify_fdw OPTIONS (region 'us-east-1');
CREATE FOREIGN TABLE shared.artifacts_111122223333_us_east_1 (:columns, artifact_file_name shared.name) SERVER planted;
RESET ROLE;
:call;
ALTER TABLE shared.artifacts_111122223333 ATTACH PARTITION shared.artifacts_111122223333_us_east_1 FOR VALUES IN ('us-east-1');
:call;
DROP FOREIGN TABLE shared.artifacts_111122223333_us_east_1;
:call;
RESET client_min_messages;

-- a server, whoever owns the source
DROP SERVER amplify_111122223333_us_east_1 CASCADE;
SET ROLE regress_amplify_planter;
CREATE SERVER amplify_111122223333_us_east_1 FOREIGN DATA WRAPPER amplify_fdw
  OPTIONS (region 'us-east-1', account_id '111122223333');
CREATE USER MAPPING FOR PUBLIC SERVER amplify_111122223333_us_east_1 OPTIONS (source_server 'amplify');
RESET ROLE;
:call;
ALTER SERVER amplify OWNER TO regress_amplify_planter;
:call;
ALTER SERVER amplify OWNER TO CURRENT_USER;
SET client_min_messages = warning;
DROP SERVER amplify_111122223333_us_east_1 CASCADE;
RESET client_min_messages;

-- a schema, unless its owner has the database
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['us-east-1'], ARRAY['111122223333'], 'elsewhere');
\echo :SQLSTATE
SELECT count(*) FROM amplify_fdw_create_regions('amplify', ARRAY['us-east-1'], ARRAY['111122223333'], 'shared');

-- who is no superuser is as safe
GRANT USAGE ON FOREIGN DATA WRAPPER amplify_fdw TO regress_amplify_other;
CREATE SCHEMA planted AUTHORIZATION regress_amplify_other;
GRANT CREATE, USAGE ON SCHEMA planted TO regress_amplify_planter;
SET ROLE regress_amplify_planter;
CREATE TABLE planted.artifacts (:columns, artifact_file_name text) PARTITION BY LIST (account_id);
SET ROLE regress_amplify_other;
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['eu-west-1'], ARRAY['111122223333'], 'planted', ARRAY['artifacts']);
RESET ROLE;
ALTER TABLE planted.artifacts OWNER TO regress_amplify_other;
SET ROLE regress_amplify_other;
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['eu-west-1'], ARRAY['111122223333'], 'planted', ARRAY['artifacts']);
SELECT * FROM amplify_fdw_create_regions('amplify', ARRAY['eu-west-1'], ARRAY['111122223333'], 'planted', ARRAY['artifacts']);
RESET ROLE;

SET client_min_messages = warning;
DROP EXTENSION amplify_fdw CASCADE;
DROP SCHEMA shared, planted, elsewhere CASCADE;
DROP OWNED BY regress_amplify_planter, regress_amplify_other CASCADE;
DROP ROLE regress_amplify_planter, regress_amplify_other;
