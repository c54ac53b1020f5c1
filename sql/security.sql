-- A condition that might leak a row goes to AWS no sooner than PostgreSQL
-- itself would look at it.
\ir ../test/setup.psql
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_amplify_reader;
RESET client_min_messages;
CREATE ROLE regress_amplify_reader;
CREATE FUNCTION leak(text) RETURNS text STABLE COST 0.0001 LANGUAGE plpgsql AS $$
BEGIN
  RAISE INFO 'leak: %', $1;
  RETURN $1;
END $$;

-- a security-barrier view: a leakproof equality is pushed, nothing else
CREATE VIEW prod_only WITH (security_barrier) AS
  SELECT app_id, environment_name FROM backend_environments WHERE environment_name = 'prod';
GRANT SELECT ON prod_only TO regress_amplify_reader;
SET ROLE regress_amplify_reader;
SELECT * FROM prod_only WHERE app_id = 'd1a2b3c4d5';
\! mockctl calls && mockctl reset
SELECT * FROM prod_only WHERE app_id = 'd2b3c4d5e6' AND leak(environment_name) = 'prod';
\! mockctl calls && mockctl reset
SELECT * FROM prod_only WHERE app_id = 'd2b3c4d5e6' AND environment_name = 'dev';
SELECT * FROM backend_environments;
\echo :SQLSTATE
RESET ROLE;
\! mockctl reset

-- a policy of a partitioned parent holds for a foreign partition: a condition
-- that isn't leakproof, keys or not, comes after the policy
CREATE TABLE parent (app_id text, environment_name text, stack_name text) PARTITION BY LIST (app_id);
CREATE FOREIGN TABLE part PARTITION OF parent DEFAULT SERVER amplify
  OPTIONS (resource 'backend_environments');
CREATE USER MAPPING FOR regress_amplify_reader SERVER amplify
  OPTIONS (access_key_id 'AKIDEXAMPLE', secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
CREATE POLICY no_dev ON parent TO regress_amplify_reader USING (environment_name <> 'dev');
GRANT SELECT ON parent TO regress_amplify_reader;
\set leaky 'SELECT app_id, environment_name FROM parent WHERE (app_id = ''d2b3c4d5e6'' AND leak(environment_name) <> '''') OR app_id = ''d4d5e6f7g8'' ORDER BY 1, 2'

SET ROLE regress_amplify_reader;
:leaky;
\! mockctl calls && mockctl reset
RESET ROLE;
ALTER TABLE parent ENABLE ROW LEVEL SECURITY;
SET ROLE regress_amplify_reader;
:leaky;
\! mockctl calls && mockctl reset

-- one that is leakproof is pushed, and one that has only constants leaks none
SELECT * FROM parent WHERE app_id = 'd2b3c4d5e6' AND environment_name = 'prod';
SELECT * FROM parent WHERE app_id = 'd2b3c4d5e6' AND environment_name = 'dev';
SET client_min_messages = error;
SELECT * FROM parent WHERE app_id = 'd2b3c4d5e6' AND environment_name = leak('dev');
RESET client_min_messages;
\! mockctl calls && mockctl reset

-- a division by zero would tell that there is a dev
SELECT environment_name FROM parent WHERE app_id = 'd2b3c4d5e6' AND 1 / (length(environment_name) - 3) > 0;
RESET ROLE;

SET client_min_messages = warning;
DROP TABLE parent;
DROP VIEW prod_only;
DROP FUNCTION leak(text) CASCADE;
DROP USER MAPPING FOR regress_amplify_reader SERVER amplify;
DROP ROLE regress_amplify_reader;
