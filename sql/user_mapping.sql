-- Whose keys a query uses: the mapping of who asks, of a view's owner, of a
-- function's; and no keys of the server's own for anybody.
\ir ../test/setup.psql
\set VERBOSITY terse
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_amplify_owner, regress_amplify_reader;
RESET client_min_messages;
CREATE ROLE regress_amplify_owner;
CREATE ROLE regress_amplify_reader;
GRANT USAGE ON FOREIGN SERVER amplify TO regress_amplify_owner;
GRANT CREATE ON SCHEMA public TO regress_amplify_owner;
GRANT SELECT ON backend_environments TO regress_amplify_owner, regress_amplify_reader;
\set one 'SELECT environment_name FROM backend_environments WHERE app_id = ''d1a2b3c4d5'' AND environment_name = ''prod'''

-- no mapping: an error before any call
SET ROLE regress_amplify_reader;
\set VERBOSITY default
:one;
\set VERBOSITY terse
\echo :SQLSTATE
RESET ROLE;

-- an empty mapping is none
CREATE USER MAPPING FOR regress_amplify_reader SERVER amplify;
SET ROLE regress_amplify_reader;
:one;
\echo :SQLSTATE
RESET ROLE;
DROP USER MAPPING FOR regress_amplify_reader SERVER amplify;
\! mockctl total

-- one's own, wrong and right
CREATE USER MAPPING FOR regress_amplify_reader SERVER amplify
  OPTIONS (access_key_id 'AKIDNOBODY', secret_access_key 'x');
SET ROLE regress_amplify_reader;
:one;
\echo :SQLSTATE
RESET ROLE;
ALTER USER MAPPING FOR regress_amplify_reader SERVER amplify
  OPTIONS (SET access_key_id 'AKIDEXAMPLE', SET secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
SET ROLE regress_amplify_reader;
:one;
RESET ROLE;
DROP USER MAPPING FOR regress_amplify_reader SERVER amplify;
SET ROLE regress_amplify_reader;
:one;
\echo :SQLSTATE
RESET ROLE;

-- a view runs with its owner's, one with security_invoker does not
CREATE USER MAPPING FOR regress_amplify_owner SERVER amplify
  OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
SET ROLE regress_amplify_owner;
CREATE VIEW owners AS :one;
CREATE VIEW invokers WITH (security_invoker) AS :one;
CREATE FUNCTION definers() RETURNS text SECURITY DEFINER LANGUAGE sql AS :'one';
GRANT SELECT ON owners, invokers TO regress_amplify_reader;
SET ROLE regress_amplify_reader;
SELECT * FROM owners;
SELECT * FROM invokers;
\echo :SQLSTATE
SELECT definers();
SELECT count(*) FROM (VALUES ('d1a2b3c4d5'), ('d2b3c4d5e6')) AS v (a) JOIN owners ON a > '';
RESET ROLE;

-- both identities in one statement: each asks for itself
SELECT o.environment_name, b.environment_name FROM owners AS o JOIN backend_environments AS b
  ON b.app_id = 'd1a2b3c4d5' AND b.environment_name = 'prod';

-- a mapping for PUBLIC is for all who have none of their own
CREATE USER MAPPING FOR PUBLIC SERVER amplify
  OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
SET ROLE regress_amplify_reader;
:one;

-- nobody else reads the options
SELECT usename, umoptions FROM pg_user_mappings WHERE srvname = 'amplify' AND umoptions IS NOT NULL;
RESET ROLE;

SET client_min_messages = warning;
DROP EXTENSION amplify_fdw CASCADE;
DROP OWNED BY regress_amplify_owner, regress_amplify_reader CASCADE;
DROP ROLE regress_amplify_owner, regress_amplify_reader;
