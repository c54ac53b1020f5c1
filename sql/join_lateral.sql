-- LATERAL, and subqueries that refer to the row outside.
\ir ../test/setup.psql
CREATE VIEW e AS
  SELECT app_id, environment_name AS env, stack_name FROM backend_environments;
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '100000');
CREATE TEMP TABLE inventory (id int PRIMARY KEY, app text, env text);
INSERT INTO inventory VALUES
  (1, 'd1a2b3c4d5', 'prod'), (2, 'd1a2b3c4d5', 'gone'), (3, 'd2b3c4d5e6', 'prod'), (4, 'd1a2b3c4d5', 'prod');
ANALYZE inventory;
CREATE FUNCTION pg_temp.counters(query text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) ' || query LOOP
    IF line ~ 'API (Calls|Keys Reused)|Rows (Read|Ahead):' THEN
      RETURN NEXT ltrim(line);
    END IF;
  END LOOP;
END $$;
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
EXPLAIN (COSTS OFF) SELECT id, x.env FROM inventory
  LEFT JOIN LATERAL (SELECT env FROM e WHERE app_id = app AND e.env = inventory.env LIMIT 1) AS x
  ON true;
SELECT * FROM pg_temp.counters('SELECT id, x.env FROM inventory
  LEFT JOIN LATERAL (SELECT env FROM e WHERE app_id = app AND e.env = inventory.env LIMIT 1) AS x
  ON true');
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

-- a join that reads ahead, once more for each row outside
SELECT o.n, string_agg(x.env, ',') FROM generate_series(1, 3) AS o(n),
    LATERAL (SELECT e.env FROM inventory AS i
      JOIN e ON e.app_id = i.app AND e.env = i.env OFFSET o.n - 1) AS x
  GROUP BY o.n ORDER BY o.n;
\! mockctl calls && mockctl reset
SELECT o.n, string_agg(x.env, ',') FROM generate_series(1, 3) AS o(n),
    LATERAL (SELECT e.env FROM inventory AS i
      JOIN e ON e.app_id = i.app AND e.env = i.env
      WHERE i.id <> o.n OFFSET 0) AS x
  GROUP BY o.n ORDER BY o.n;
\! mockctl calls && mockctl reset

-- keys of two levels: what is outside both is not known ahead
SELECT o.id, (SELECT string_agg(x.env, ',') FROM inventory AS i,
    LATERAL (SELECT env FROM e WHERE app_id = i.app AND e.env = o.env LIMIT 1) AS x)
  FROM inventory AS o ORDER BY o.id;
\! mockctl calls && mockctl reset

-- a value of the row outside beside the table's own
SELECT id, x.a, x.env FROM inventory
  LEFT JOIN LATERAL (SELECT e.env, upper(inventory.app) AS a FROM e
                      WHERE e.app_id = 'd2b3c4d5e6') AS x ON x.env = inventory.env
  ORDER BY id;
\! mockctl calls && mockctl reset

-- no row is read ahead of one that does something
CREATE FUNCTION pg_temp.reads_ahead(i text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE format('EXPLAIN (FORMAT JSON) SELECT * FROM (%s) AS i
                  JOIN e ON e.app_id = i.app AND e.env = i.env', i) INTO plan;
  RETURN plan::text ~ 'AmplifyReadAhead';
END $$;
SELECT i, pg_temp.reads_ahead(i) FROM (VALUES
  ('SELECT app, env FROM inventory OFFSET 0'),
  ('SELECT app, env, random() FROM inventory OFFSET 0'),
  ('SELECT app, env FROM inventory FOR UPDATE'),
  ('SELECT app, env FROM inventory UNION ALL SELECT app, env FROM inventory'),
  ('SELECT app, env FROM inventory UNION ALL SELECT app, env FROM inventory WHERE random() < 2')) AS v(i);
