-- What is pushed never decides rows: with amplify_fdw.pushdown off, and
-- without reading ahead, each query gives the same ones.
\ir ../test/setup.psql
SET jit = off;
\! mockctl data op=put app=d3c4d5e6f7 env=prod stackName=
\! mockctl data op=put app=d3c4d5e6f7 env=PROD
\! mockctl data op=put app=d3c4d5e6f7 "env=prod "
\! mockctl data op=put app=d3c4d5e6f7 env=a/b
CREATE VIEW e AS SELECT * FROM backend_environments;
CREATE TEMP TABLE local AS SELECT * FROM backend_environments;
CREATE TEMP TABLE inventory (app text, env text);
INSERT INTO inventory SELECT app_id, environment_name FROM local WHERE environment_name <> 'staging';
INSERT INTO inventory VALUES ('d1a2b3c4d5', 'gone'), (NULL, 'prod'), ('d2b3c4d5e6', NULL),
  ('nonsense', '..'), ('d1a2b3c4d5', 'prod'), ('dgone', 'prod');
ANALYZE inventory;

-- Conditions on e; and whole queries, in which E stands for the table.
CREATE TEMP TABLE queries (id serial, query text);
INSERT INTO queries (query) SELECT 'SELECT * FROM E WHERE ' || c FROM (VALUES
  ('true'), ('false'), ('NULL'),
  ('app_id = ''d1a2b3c4d5'''), ('app_id = ''d1a2b3c4d5'' AND environment_name = ''prod'''),
  ('environment_name = ''prod'''), ('environment_name = ''a/b'''), ('environment_name IN (''prod'', ''PROD'')'),
  ('app_id <> ''d1a2b3c4d5'''), ('app_id = ''D1A2B3C4D5'''), ('app_id > ''d2'''), ('NOT app_id = ''d1a2b3c4d5'''),
  ('app_id IN (''d1a2b3c4d5'', ''d3c4d5e6f7'', NULL)'), ('app_id NOT IN (''d1a2b3c4d5'', ''d3c4d5e6f7'')'),
  ('app_id = ANY (''{d1a2b3c4d5,d3c4d5e6f7,..}'') AND environment_name = ANY (''{prod,dev,gone,.}'')'),
  ('(app_id, environment_name) IN ((''d1a2b3c4d5'', ''prod''), (''d3c4d5e6f7'', ''a/b''))'),
  ('(app_id = ''d1a2b3c4d5'' AND environment_name = ''prod'') OR app_id = ''d2b3c4d5e6'''),
  ('app_id = ''d1a2b3c4d5'' OR environment_name = ''prod'''), ('app_id = ''d1a2b3c4d5'' OR stack_name IS NULL'),
  ('app_id = ''d1a2b3c4d5'' AND (environment_name = ''prod'' OR stack_name IS NULL)'),
  ('app_id = ''d1a2b3c4d5'' AND app_id = ''d2b3c4d5e6'''), ('app_id = environment_name'),
  ('app_id = lower(app_id)'), ('environment_name = trim(environment_name)'),
  ('environment_name = ''prod''::char(10)'), ('environment_name::char(10) = ''prod'''),
  ('environment_name = ''prod''::name'), ('environment_name::varchar(3) = ''pro'''),
  ('backend_environment_arn LIKE ''%/prod'''), ('backend_environment_arn = ''nonsense'''),
  ('backend_environment_arn = ''arn:aws:amplify:us-east-1:111122223333:apps/d1a2b3c4d5/backendenvironments/prod'''),
  ('backend_environment_arn = ''arn:aws:amplify:us-east-1:999999999999:apps/d1a2b3c4d5/backendenvironments/prod'''),
  ('region = ''us-east-1'''), ('region = ''eu-west-1'''), ('region IN (''us-east-1'', ''eu-west-1'') AND app_id = ''d1a2b3c4d5'''),
  ('account_id = ''111122223333'' AND environment_name = ''dev'''), ('account_id = ''1'''),
  ('create_time > ''2021-03-01'' AND app_id = ''d2b3c4d5e6'''), ('create_time = update_time'),
  ('app_id IS NULL'), ('app_id IS NOT NULL AND stack_name IS NULL'), ('(app_id = ''d1a2b3c4d5'') IS NOT TRUE'),
  ('app_id = (SELECT min(app) FROM inventory)'), ('app_id IN (SELECT app FROM inventory)'),
  ('app_id NOT IN (SELECT app FROM inventory WHERE app IS NOT NULL)'),
  ('(app_id, environment_name) IN (SELECT app, env FROM inventory)'),
  ('EXISTS (SELECT FROM inventory WHERE app = app_id AND env = environment_name)'),
  ('NOT EXISTS (SELECT FROM inventory WHERE app = app_id AND env = environment_name)'),
  ('app_id = ANY (SELECT app FROM inventory) OR environment_name = ''staging''')) AS v (c);
INSERT INTO queries (query) VALUES
  ('SELECT * FROM inventory JOIN E ON app = app_id AND env = environment_name'),
  ('SELECT * FROM inventory LEFT JOIN E ON app = app_id AND env = environment_name'),
  ('SELECT * FROM inventory LEFT JOIN E ON app = app_id AND env = environment_name AND env <> ''dev'''),
  ('SELECT * FROM inventory RIGHT JOIN E ON app = app_id AND env = environment_name'),
  ('SELECT * FROM inventory FULL JOIN E ON app = app_id AND env = environment_name'),
  ('SELECT * FROM inventory JOIN E ON app = app_id WHERE environment_name = ''prod'''),
  ('SELECT * FROM inventory i JOIN E ON app = app_id AND env = environment_name OR stack_name IS NULL'),
  ('SELECT a.*, b.stack_name AS b FROM E AS a JOIN E AS b USING (app_id)'),
  ('SELECT a.*, b.stack_name AS b FROM E AS a JOIN E AS b USING (environment_name) WHERE a.app_id = ''d1a2b3c4d5'''),
  ('SELECT i.*, x.* FROM inventory i, LATERAL (SELECT count(*) AS n, max(stack_name) AS s FROM E WHERE app_id = app) x'),
  ('SELECT i.*, (SELECT stack_name FROM E WHERE app_id = app AND environment_name = env) AS s FROM inventory i'),
  ('SELECT app_id, count(*) AS n FROM E GROUP BY app_id HAVING app_id = ''d1a2b3c4d5'' OR count(*) = 1'),
  ('SELECT DISTINCT environment_name AS n FROM E WHERE app_id = ''d1a2b3c4d5'' UNION SELECT app_id FROM E');

-- The number of rows that one way has and the other has not, as multisets.
CREATE FUNCTION pg_temp.rows_of(query text, source text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE 'SELECT q::text FROM (' || regexp_replace(query, '\mE\M', source, 'g') || ') AS q';
END $$;
CREATE FUNCTION pg_temp.differences(query text) RETURNS bigint LANGUAGE sql AS $$
  SELECT (SELECT count(*) FROM (SELECT pg_temp.rows_of(query, 'e') EXCEPT ALL SELECT pg_temp.rows_of(query, 'local')) AS d) +
         (SELECT count(*) FROM (SELECT pg_temp.rows_of(query, 'local') EXCEPT ALL SELECT pg_temp.rows_of(query, 'e')) AS d)
$$;
SELECT count(*) AS queries FROM queries;
SELECT id, query FROM queries WHERE pg_temp.differences(query) <> 0;
SET amplify_fdw.pushdown = off;
SELECT id, query FROM queries WHERE pg_temp.differences(query) <> 0;
RESET amplify_fdw.pushdown;
SET amplify_fdw.read_ahead = 0;
SELECT id, query FROM queries WHERE pg_temp.differences(query) <> 0;
RESET amplify_fdw.read_ahead;
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '1000000');
SELECT id, query FROM queries WHERE pg_temp.differences(query) <> 0;
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD page_size '1', ADD max_concurrency '2');
SELECT id, query FROM queries WHERE pg_temp.differences(query) <> 0;
SET enable_nestloop = off;
SELECT id, query FROM queries WHERE pg_temp.differences(query) <> 0;

-- a plan made before is held to the setting
RESET enable_nestloop;
SET plan_cache_mode = force_generic_plan;
PREPARE q(text) AS SELECT count(*) FROM e WHERE app_id = $1;
EXECUTE q('d1a2b3c4d5');
\! mockctl reset
SET amplify_fdw.pushdown = off;
EXECUTE q('d1a2b3c4d5');
\! mockctl calls | grep ListApps
