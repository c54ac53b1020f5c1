-- Keys of other types than text are pushed where they compare as text.
\ir ../test/setup.psql
CREATE VIEW e AS
  SELECT app_id, environment_name AS env FROM backend_environments;
\pset tuples_only on

SELECT * FROM e WHERE app_id = 'd1a2b3c4d5'::varchar(20) AND env = 'prod'::varchar;
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5'::name AND env = 'prod'::name;
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE app_id = ANY ('{d1a2b3c4d5}'::varchar[]) AND env = ANY ('{prod}'::name[]);
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5'::char(10) AND env = 'prod'::char(4);
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5'::char(20)::text AND env = 'prod'::char(40)::text;
\! mockctl calls && mockctl reset

-- columns of other types
CREATE FOREIGN TABLE v (app_id varchar(20), environment_name varchar(255))
  SERVER amplify OPTIONS (resource 'backend_environments');
SELECT * FROM v WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'prod';
\! mockctl calls && mockctl reset
CREATE DOMAIN app AS text CHECK (VALUE ~ '^d');
CREATE DOMAIN env AS varchar;
CREATE FOREIGN TABLE d (app_id app, environment_name env)
  SERVER amplify OPTIONS (resource 'backend_environments');
SELECT * FROM d WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'prod';
\! mockctl calls && mockctl reset
CREATE FOREIGN TABLE n (app_id name, environment_name char(30))
  SERVER amplify OPTIONS (resource 'backend_environments');
SELECT * FROM n WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'prod';
\! mockctl calls && mockctl reset

-- a column that cuts trailing blanks off holds another value than the service
CREATE DOMAIN four AS varchar(4);
CREATE FOREIGN TABLE cut (app_id text, four varchar(4) OPTIONS (field 'environment_name'),
    domain four OPTIONS (field 'environment_name'))
  SERVER amplify OPTIONS (resource 'backend_environments');
\! mockctl data op=put app=d3c4d5e6f7 "env=prod  "
SELECT * FROM cut WHERE app_id = 'd3c4d5e6f7' AND four = 'prod';
SELECT * FROM cut WHERE app_id = 'd3c4d5e6f7' AND domain = 'prod';
\! mockctl calls && mockctl reset

-- collations in which equal strings are equal bytes
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' COLLATE "C" AND env = 'prod' COLLATE "POSIX";
\! mockctl calls && mockctl reset

-- other operators find the rows too, by asking for all
SELECT * FROM e WHERE app_id LIKE 'd2%' AND env ~ '^d';
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE lower(app_id) = 'd1a2b3c4d5' AND upper(env) = 'PROD';
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE app_id IS NOT DISTINCT FROM (SELECT 'd1a2b3c4d5') AND env >= 'prod' AND env <= 'prod';
\! mockctl calls && mockctl reset

SET client_min_messages = warning;
DROP DOMAIN app, env, four CASCADE;
