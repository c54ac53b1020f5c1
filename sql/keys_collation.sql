-- Under a nondeterministic collation, equal strings may be other strings: the
-- key is not pushed, and all rows that are equal are found.
\ir ../test/setup.psql
SELECT NOT EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') AS no_icu \gset
\if :no_icu
\quit
\endif
CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SELECT environment_name FROM backend_environments
  WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'PROD' COLLATE caseless;
\! mockctl calls && mockctl reset

CREATE FOREIGN TABLE c (app_id text COLLATE caseless, environment_name text COLLATE caseless)
  SERVER amplify OPTIONS (resource 'backend_environments');
SELECT * FROM c WHERE app_id = 'D1A2B3C4D5' AND environment_name IN ('PROD', 'Dev') ORDER BY 2;
\! mockctl calls && mockctl reset

-- unless the query says otherwise
SELECT * FROM c WHERE app_id = 'd1a2b3c4d5' COLLATE "C" AND environment_name = 'prod' COLLATE "C";
\! mockctl calls && mockctl reset
SELECT * FROM c JOIN c AS c2 USING (app_id) WHERE c.app_id = 'd4d5e6f7g8' COLLATE "C";
\! mockctl calls && mockctl reset

SET client_min_messages = warning;
DROP COLLATION caseless CASCADE;
