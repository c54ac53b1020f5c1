-- A credential belongs to a user mapping: elsewhere it is refused, and no
-- message shows its value.
\ir ../test/setup.psql
CREATE SERVER s FOREIGN DATA WRAPPER amplify_fdw
  OPTIONS (region 'us-east-1', secret_access_key 'canary');
\echo :SQLSTATE
ALTER SERVER amplify OPTIONS (ADD access_key_id 'canary');
\echo :SQLSTATE
CREATE FOREIGN TABLE t (app_id text) SERVER amplify
  OPTIONS (session_token 'canary');
\echo :SQLSTATE

-- bad values of them are not repeated
CREATE USER MAPPING FOR PUBLIC SERVER amplify
  OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'canary canary');
\echo :SQLSTATE
CREATE USER MAPPING FOR PUBLIC SERVER amplify
  OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key '');
\echo :SQLSTATE
CREATE USER MAPPING FOR PUBLIC SERVER amplify
  OPTIONS (access_key_id 'canary', secret_access_key 'canary',
           session_token E'canary\r\nHost: canary');
\echo :SQLSTATE

-- nor are those that are longer than any of AWS, which could not be signed with
SELECT repeat('A', 129) AS id, repeat('s', 257) AS secret, repeat('t', 16385) AS token \gset
CREATE USER MAPPING FOR PUBLIC SERVER amplify OPTIONS (access_key_id :'id', secret_access_key 'canary');
\echo :SQLSTATE
CREATE USER MAPPING FOR PUBLIC SERVER amplify OPTIONS (access_key_id 'canary', secret_access_key :'secret');
\echo :SQLSTATE
CREATE USER MAPPING FOR PUBLIC SERVER amplify
  OPTIONS (access_key_id 'canary', secret_access_key 'canary', session_token :'token');
\echo :SQLSTATE

-- half a credential is none
CREATE USER MAPPING FOR PUBLIC SERVER amplify OPTIONS (access_key_id 'canary');
\echo :SQLSTATE
CREATE USER MAPPING FOR PUBLIC SERVER amplify
  OPTIONS (secret_access_key 'canary');
\echo :SQLSTATE
CREATE USER MAPPING FOR PUBLIC SERVER amplify OPTIONS (session_token 'canary');
\echo :SQLSTATE
ALTER USER MAPPING FOR CURRENT_USER SERVER amplify
  OPTIONS (DROP secret_access_key);
\echo :SQLSTATE

-- a mapping may be empty, and one with a token is complete
CREATE USER MAPPING FOR PUBLIC SERVER amplify;
\echo :SQLSTATE
ALTER USER MAPPING FOR PUBLIC SERVER amplify
  OPTIONS (access_key_id 'canary', secret_access_key 'canary',
           session_token 'FwoGZXIvYXdzEBYaD+/=');
\echo :SQLSTATE
