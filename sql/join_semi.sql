-- EXISTS, IN, and their negations.
\ir ../test/setup.psql
CREATE VIEW e AS
  SELECT app_id, environment_name AS env, stack_name FROM backend_environments;
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '100000');
CREATE TEMP TABLE inventory (id int PRIMARY KEY, app text, env text);
INSERT INTO inventory VALUES
  (1, 'd1a2b3c4d5', 'prod'), (2, 'd1a2b3c4d5', 'gone'), (3, 'd2b3c4d5e6', 'prod'),
  (4, 'd4d5e6f7g8', NULL), (5, 'dgone', 'dev'), (6, 'd1a2b3c4d5', 'prod');
ANALYZE inventory;
\pset tuples_only on

SELECT id FROM inventory i
  WHERE EXISTS (SELECT FROM e WHERE app_id = app AND e.env = i.env) ORDER BY id;
\! mockctl calls && mockctl reset
SELECT id FROM inventory i
  WHERE NOT EXISTS (SELECT FROM e WHERE app_id = app AND e.env = i.env) ORDER BY id;
\! mockctl calls && mockctl reset
SELECT id FROM inventory i
  WHERE (app, env) IN (SELECT app_id, env FROM e) ORDER BY id;
\! mockctl calls && mockctl reset
SELECT app_id, env FROM e
  WHERE (app_id, env) IN (SELECT app, env FROM inventory) ORDER BY 1, 2;
\! mockctl calls && mockctl reset
SELECT app_id, env FROM e
  WHERE EXISTS (SELECT FROM inventory i WHERE app = app_id AND i.env = e.env AND id < 3) ORDER BY 1;
\! mockctl calls && mockctl reset
SELECT app_id, env FROM e WHERE app_id IN (VALUES ('d1a2b3c4d5'), ('d4d5e6f7g8'))
  AND env = 'prod' ORDER BY 1;
\! mockctl calls && mockctl reset

-- each of these needs the whole list
SELECT app_id, env FROM e
  WHERE NOT EXISTS (SELECT FROM inventory i WHERE app = app_id AND i.env = e.env) ORDER BY 1, 2;
\! mockctl calls && mockctl reset
SELECT app_id, e.env, id FROM e FULL JOIN inventory i ON app_id = app AND e.env = i.env
  ORDER BY 1, 2, 3;
\! mockctl calls && mockctl reset
