-- A user mapping that takes the credentials of the user's mapping for another
-- server: keys are in one place, whatever number of regions they are for.
\ir ../test/setup.psql
\set VERBOSITY terse
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_amplify_reader, regress_amplify_group;
RESET client_min_messages;
CREATE ROLE regress_amplify_reader;
CREATE SERVER other FOREIGN DATA WRAPPER amplify_fdw
  OPTIONS (region 'us-east-1', endpoint_url :'mock', sts_endpoint_url :'mock');
CREATE FOREIGN TABLE other_apps (app_id text) SERVER other OPTIONS (resource 'apps');
\set one 'SELECT app_id FROM other_apps WHERE app_id = ''d1a2b3c4d5'''

CREATE USER MAPPING FOR PUBLIC SERVER other OPTIONS (source_server 'amplify');
:one;
\! mockctl calls && mockctl log | cut -d ' ' -f 5 && mockctl reset

-- a change there counts at once
ALTER USER MAPPING FOR CURRENT_USER SERVER amplify OPTIONS (SET access_key_id 'AKIDNOBODY');
:one;
\echo :SQLSTATE
ALTER USER MAPPING FOR CURRENT_USER SERVER amplify OPTIONS (SET access_key_id 'AKIDEXAMPLE');
:one;
\! mockctl reset

-- roles: one of its own takes the place of the source's, with all that belongs to it
\set role 'arn:aws:iam::111122223333:role/'
\set source_role :role 'source'
\set own_role :role 'own'
ALTER USER MAPPING FOR CURRENT_USER SERVER amplify
  OPTIONS (ADD role_arn :'source_role', ADD external_id 'sources', ADD role_session_name 'sources');
\! mockctl keys external_id=sources
:one;
\! mockctl log | sed -n 's/.*RoleArn=[^&]*role%2F/role /p' && mockctl reset
ALTER USER MAPPING FOR PUBLIC SERVER other OPTIONS (ADD role_arn :'own_role');
:one;
\! mockctl log | sed -n 's/.*RoleArn=[^&]*role%2F/role /p' && mockctl reset
ALTER USER MAPPING FOR CURRENT_USER SERVER amplify
  OPTIONS (DROP role_arn, DROP external_id, DROP role_session_name);
:one;
\! mockctl log | sed -n 's/.*RoleArn=[^&]*role%2F/role /p' && mockctl reset
ALTER USER MAPPING FOR PUBLIC SERVER other OPTIONS (DROP role_arn);

-- everybody comes with his own, and only where he may
GRANT SELECT ON other_apps TO regress_amplify_reader;
CREATE USER MAPPING FOR PUBLIC SERVER amplify
  OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
SET ROLE regress_amplify_reader;
\set VERBOSITY default
:one;
\echo :SQLSTATE
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER amplify TO regress_amplify_reader;
SET ROLE regress_amplify_reader;
:one;
RESET ROLE;
-- a privilege that he has by way of another role, and no more
CREATE ROLE regress_amplify_group;
REVOKE USAGE ON FOREIGN SERVER amplify FROM regress_amplify_reader;
GRANT USAGE ON FOREIGN SERVER amplify TO regress_amplify_group;
GRANT regress_amplify_group TO regress_amplify_reader;
SET ROLE regress_amplify_reader;
:one;
RESET ROLE;
REVOKE regress_amplify_group FROM regress_amplify_reader;
SET ROLE regress_amplify_reader;
:one;
\echo :SQLSTATE
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER amplify TO regress_amplify_reader;
CREATE USER MAPPING FOR regress_amplify_reader SERVER amplify;
SET ROLE regress_amplify_reader;
:one;
\echo :SQLSTATE
\set VERBOSITY terse
RESET ROLE;
DROP USER MAPPING FOR regress_amplify_reader SERVER amplify;
DROP USER MAPPING FOR PUBLIC SERVER amplify;
SET ROLE regress_amplify_reader;
:one;
\echo :SQLSTATE
RESET ROLE;
\! mockctl reset

-- what it can't name
ALTER USER MAPPING FOR PUBLIC SERVER other OPTIONS (SET source_server 'nowhere');
:one;
\echo :SQLSTATE
ALTER USER MAPPING FOR PUBLIC SERVER other OPTIONS (SET source_server 'other');
:one;
\echo :SQLSTATE
CREATE FOREIGN DATA WRAPPER regress_amplify_stranger;
CREATE SERVER stranger FOREIGN DATA WRAPPER regress_amplify_stranger;
ALTER USER MAPPING FOR PUBLIC SERVER other OPTIONS (SET source_server 'stranger');
:one;
\echo :SQLSTATE
ALTER USER MAPPING FOR PUBLIC SERVER other OPTIONS (SET source_server '');
\echo :SQLSTATE
ALTER USER MAPPING FOR PUBLIC SERVER other OPTIONS (SET source_server 'amplify', ADD ambient_credentials 'true');
\echo :SQLSTATE
\! mockctl total
DROP FOREIGN DATA WRAPPER regress_amplify_stranger CASCADE;

SET client_min_messages = warning;
DROP EXTENSION amplify_fdw CASCADE;
DROP OWNED BY regress_amplify_reader;
DROP ROLE regress_amplify_reader, regress_amplify_group;
