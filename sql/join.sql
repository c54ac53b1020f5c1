-- A join asks only for what the other table names.
\ir ../test/setup.psql
CREATE VIEW e AS
  SELECT app_id, environment_name AS env, stack_name FROM backend_environments;
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '100000');
CREATE TEMP TABLE inventory (id int PRIMARY KEY, app text, env text);
INSERT INTO inventory VALUES
  (1, 'd1a2b3c4d5', 'prod'), (2, 'd1a2b3c4d5', 'gone'), (3, 'd2b3c4d5e6', 'prod'),
  (4, 'd4d5e6f7g8', NULL), (5, NULL, 'prod'), (6, 'dgone', 'dev'), (7, 'nonsense', '..');
ANALYZE inventory;
\pset tuples_only on

SELECT id, app_id, e.env, stack_name FROM inventory i
  JOIN e ON app_id = app AND e.env = i.env ORDER BY id;
\! mockctl calls && mockctl reset
SELECT id, app_id, e.env FROM inventory i
  LEFT JOIN e ON app_id = app AND e.env = i.env ORDER BY id;
\! mockctl calls && mockctl reset

-- one key is in the join, the other is not
SELECT id, app_id, e.env FROM inventory i
  JOIN e ON app_id = app AND e.env = 'prod' ORDER BY id;
\! mockctl calls && mockctl reset
SELECT id, e.env FROM inventory i JOIN e ON app_id = app WHERE id IN (3, 4)
  ORDER BY id, e.env;
\! mockctl calls && mockctl reset

-- the same key in several rows is asked once
SELECT count(*) FROM inventory i JOIN e ON app_id = app AND e.env = i.env,
  generate_series(1, 5) WHERE id = 1;
\! mockctl calls && mockctl reset
SELECT a.id, b.id, stack_name FROM inventory a JOIN inventory b ON a.id IN (1, 3) AND b.id IN (1, 3)
  JOIN e ON app_id = a.app AND e.env = b.env ORDER BY 1, 2;
\! mockctl total && mockctl reset

-- a function's rows, values
SELECT app_id, env FROM (VALUES ('d1a2b3c4d5', 'dev'), ('d2b3c4d5e6', 'dev')) AS k (a, n)
  JOIN e ON app_id = a AND env = n ORDER BY 1;
\! mockctl calls && mockctl reset
SELECT app_id, e.env FROM (SELECT 'd1a2b3c4d5' AS a, n FROM unnest('{dev,prod,gone}'::text[]) AS n) AS k
  LEFT JOIN e ON app_id = a AND e.env = n ORDER BY 1, 2;
\! mockctl total && mockctl reset

-- with nothing to join, nothing is asked
SELECT count(*) FROM inventory i JOIN e ON app_id = app AND e.env = i.env WHERE id > 100;
SELECT count(*) FROM inventory i JOIN e ON app_id = app AND e.env = i.env WHERE id = 5;
\! mockctl total
