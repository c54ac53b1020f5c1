-- A key may be any expression that doesn't read the row itself.
\ir ../test/setup.psql
CREATE VIEW e AS
  SELECT app_id, environment_name AS env FROM backend_environments;
CREATE FUNCTION pg_temp.stable_key() RETURNS text STABLE LANGUAGE plpgsql
  AS $$ BEGIN RETURN 'd1a2b3c4d5'; END $$;
CREATE FUNCTION pg_temp.volatile_key() RETURNS text VOLATILE LANGUAGE plpgsql
  AS $$ BEGIN RETURN 'd1a2b3c4d5'; END $$;
CREATE TEMP TABLE wanted (app text, env text);
INSERT INTO wanted VALUES ('d1a2b3c4d5', 'prod');
SET amplify.app = 'd1a2b3c4d5';
\pset tuples_only on

SELECT * FROM e WHERE app_id = 'd1a2' || 'b3c4d5' AND env = lower('PROD');
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE app_id = pg_temp.stable_key() AND env = 'prod';
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE app_id = current_setting('amplify.app') AND env = 'prod';
\! mockctl calls && mockctl reset

-- a subquery that is run before
SELECT * FROM e WHERE app_id = (SELECT app FROM wanted) AND env = (SELECT env FROM wanted);
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE app_id = ANY (ARRAY(SELECT app FROM wanted)) AND env = 'prod';
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE app_id = (SELECT app FROM wanted WHERE env = 'none') AND env = 'prod';
\! mockctl total

-- one value against the other key
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = CASE app_id WHEN 'd1a2b3c4d5' THEN 'prod' END;
\! mockctl calls && mockctl reset
SELECT count(*) FROM e WHERE app_id = env;
\! mockctl calls && mockctl reset

-- a volatile function may say something else for each row
SELECT * FROM e WHERE app_id = pg_temp.volatile_key() AND env = 'prod';
\! mockctl calls && mockctl reset

-- an error in a key is an error, before any call
SELECT * FROM e WHERE app_id = (1 / (SELECT 0))::text AND env = 'prod';
\! mockctl total
