-- mock: --generate 40,5
-- A join whose rows will all be read asks for them as early as it can: also in
-- CTEs and subqueries, and below what sorts or aggregates. What may be read in
-- part only is asked for with care.
\ir ../test/setup.psql
\pset format unaligned
\pset footer off
CREATE TEMP TABLE inventory AS
  SELECT i AS id, 'd' || lpad((1 + i * 7 % 40)::text, 11, '0') AS app,
         (ARRAY['dev', 'test', 'prod', 'staging', 'nil'])[1 + i / 40] AS env
    FROM generate_series(0, 199) AS i ORDER BY hashint4(i);
CREATE INDEX ON inventory (id);
ANALYZE inventory;
CREATE TEMP VIEW joined AS
  SELECT i.*, e.stack_name FROM inventory AS i
    LEFT JOIN backend_environments AS e ON e.app_id = i.app AND e.environment_name = i.env;
-- the least calls are 40, one for each app
CREATE FUNCTION pg_temp.calls(query text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  PERFORM amplify_fdw_stats_reset();
  EXECUTE query;
  RETURN (SELECT s.calls FROM amplify_fdw_stats() AS s);
END $$;
CREATE TEMP TABLE queries (id int GENERATED ALWAYS AS IDENTITY, query text);

-- all rows are read
INSERT INTO queries (query) VALUES
  ('TABLE joined'),
  ('SELECT * FROM (SELECT * FROM joined OFFSET 0) AS q'),
  ('WITH w AS (TABLE joined) TABLE w'),
  ('WITH w AS MATERIALIZED (TABLE joined) TABLE w'),
  ('WITH w AS MATERIALIZED (TABLE joined) SELECT count(*) FROM w LIMIT 1'),
  ('WITH w AS MATERIALIZED (TABLE joined) SELECT * FROM w ORDER BY stack_name LIMIT 1'),
  ('WITH w AS (TABLE joined) SELECT * FROM w AS a JOIN w AS b USING (id)'),
  ('WITH v AS MATERIALIZED (WITH w AS MATERIALIZED (TABLE joined) TABLE w) TABLE v'),
  ('SELECT (SELECT count(stack_name) FROM joined)'),
  ('SELECT ARRAY(SELECT stack_name FROM joined)'),
  ('SELECT 1 WHERE (SELECT max(stack_name) FROM joined) <> '''' LIMIT 1'),
  ('SELECT * FROM inventory WHERE id = ANY (ARRAY(SELECT id FROM joined WHERE stack_name IS NULL)) LIMIT 1'),
  ('SELECT count(stack_name) FROM joined LIMIT 1'),
  ('SELECT env, count(stack_name) FROM joined GROUP BY env ORDER BY 2 DESC LIMIT 2'),
  ('SELECT env, count(stack_name) FROM joined GROUP BY env LIMIT 1'),
  ('SELECT * FROM joined ORDER BY stack_name LIMIT 10'),
  ('SELECT * FROM (SELECT * FROM joined ORDER BY stack_name) AS q LIMIT 10'),
  ('SELECT * FROM (SELECT * FROM joined OFFSET 0) AS q ORDER BY stack_name LIMIT 10'),
  ('SELECT DISTINCT stack_name FROM joined LIMIT 10'),
  ('SELECT row_number() OVER (ORDER BY stack_name) FROM joined LIMIT 10'),
  ('SELECT id, stack_name FROM joined UNION SELECT id, app FROM inventory'),
  ('SELECT id, stack_name FROM joined EXCEPT SELECT id, app FROM inventory'),
  ('(SELECT id, env FROM inventory WHERE id < 5) UNION ALL (SELECT id, stack_name FROM joined ORDER BY 2) ORDER BY 2 LIMIT 5'),
  ('CREATE TEMP TABLE copied AS TABLE joined');
SELECT query, pg_temp.calls(query) FROM queries ORDER BY id;

-- not all may be
TRUNCATE queries;
INSERT INTO queries (query) VALUES
  ('SELECT * FROM joined LIMIT 2'),
  ('SELECT * FROM joined ORDER BY id LIMIT 2'),
  ('SELECT id, count(stack_name) FROM joined GROUP BY id ORDER BY id LIMIT 2'),
  ('SELECT * FROM (SELECT * FROM joined OFFSET 0) AS q LIMIT 2'),
  ('WITH w AS MATERIALIZED (TABLE joined) SELECT * FROM w LIMIT 2'),
  ('SELECT EXISTS (SELECT FROM joined WHERE stack_name IS NOT NULL)'),
  ('SELECT EXISTS (WITH w AS MATERIALIZED (TABLE joined) SELECT FROM w WHERE stack_name IS NOT NULL)'),
  ('SELECT (SELECT stack_name FROM joined LIMIT 1)'),
  ('SELECT 1 WHERE 5 = ANY (SELECT length(stack_name) FROM joined WHERE id < random())');
SET enable_seqscan = off;
SET enable_sort = off;
SET enable_hashagg = off;
SELECT query, pg_temp.calls(query) < 8 AS few FROM queries ORDER BY id;
RESET enable_seqscan;
RESET enable_sort;
RESET enable_hashagg;
SELECT amplify_fdw_stats_reset();
BEGIN;
DECLARE c CURSOR FOR TABLE joined;
MOVE 2 FROM c;
SELECT calls < 8 AS few FROM amplify_fdw_stats();
COMMIT;
