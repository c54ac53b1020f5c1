-- Options that lead requests elsewhere, or read files, are a superuser's.
\ir ../test/setup.psql
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_amplify_user;
RESET client_min_messages;
CREATE ROLE regress_amplify_user;
GRANT USAGE ON FOREIGN DATA WRAPPER amplify_fdw TO regress_amplify_user;
SET ROLE regress_amplify_user;

CREATE SERVER own FOREIGN DATA WRAPPER amplify_fdw
  OPTIONS (region 'us-east-1', endpoint_url 'http://127.0.0.1:1');
\echo :SQLSTATE
CREATE SERVER own FOREIGN DATA WRAPPER amplify_fdw
  OPTIONS (region 'us-east-1', ca_bundle '/etc/passwd');
\echo :SQLSTATE
CREATE SERVER own FOREIGN DATA WRAPPER amplify_fdw
  OPTIONS (region 'us-east-1', proxy 'http://127.0.0.1:1');
\echo :SQLSTATE

-- a server without them is his to make and to change
CREATE SERVER own FOREIGN DATA WRAPPER amplify_fdw
  OPTIONS (region 'us-east-1', use_dualstack 'on', max_concurrency '5');
\echo :SQLSTATE
ALTER SERVER own OPTIONS (SET max_concurrency '6', ADD request_timeout '5s');
\echo :SQLSTATE
ALTER SERVER own OPTIONS (DROP use_dualstack, ADD endpoint_url 'http://127.0.0.1:1');
\echo :SQLSTATE
CREATE USER MAPPING FOR CURRENT_USER SERVER own
  OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'x');
\echo :SQLSTATE

-- where a superuser has set one, its owner may drop it, but change nothing else
RESET ROLE;
ALTER SERVER own OPTIONS (DROP use_dualstack, ADD endpoint_url 'http://127.0.0.1:1');
\echo :SQLSTATE
SET ROLE regress_amplify_user;
ALTER SERVER own OPTIONS (SET max_concurrency '7');
\echo :SQLSTATE
ALTER SERVER own OPTIONS (DROP endpoint_url);
\echo :SQLSTATE

RESET ROLE;
DROP OWNED BY regress_amplify_user CASCADE;
DROP ROLE regress_amplify_user;
