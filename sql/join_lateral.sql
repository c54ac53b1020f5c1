-- LATERAL, and subqueries that refer to the row outside.
\ir ../test/setup.psql
CREATE VIEW e AS
  SELECT app_id, environment_name AS env, stack_name FROM backend_environments;
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '100000');
CREATE TEMP TABLE inventory (id int PRIMARY KEY, app text, env text);
INSERT INTO inventory VALUES
  (1, 'd1a2b3c4d5', 'prod'), (2, 'd1a2b3c4d5', 'gone'), (3, 'd2b3c4d5e6', 'prod'), (4, 'd1a2b3c4d5', 'prod');
ANALYZE inventory;
\pset tuples_only on

SELECT id, x.env FROM inventory,
  LATERAL (SELECT env FROM e WHERE app_id = app AND e.env = inventory.env) AS x ORDER BY id;
\! mockctl calls && mockctl reset
SELECT id, x.n FROM inventory,
  LATERAL (SELECT count(*) AS n FROM e WHERE app_id = app) AS x ORDER BY id;
\! mockctl calls && mockctl reset
SELECT id, x.env FROM inventory
  LEFT JOIN LATERAL (SELECT env FROM e WHERE app_id = app AND e.env = inventory.env LIMIT 1) AS x
  ON true ORDER BY id;
\! mockctl calls && mockctl reset
SELECT id, x.env FROM inventory
  CROSS JOIN LATERAL (SELECT lower(upper(app)) AS a) AS l
  JOIN e AS x ON x.app_id = l.a AND x.env = inventory.env ORDER BY id;
\! mockctl calls && mockctl reset

-- in the select list
SELECT id, (SELECT stack_name FROM e WHERE app_id = app AND e.env = inventory.env)
  FROM inventory ORDER BY id;
\! mockctl calls && mockctl reset
SELECT id, ARRAY(SELECT env FROM e WHERE app_id = app ORDER BY env)
  FROM inventory ORDER BY id;
\! mockctl calls && mockctl reset
