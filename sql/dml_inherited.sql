-- Changes of partitioned and inherited tables, by what a join with a foreign
-- table finds, while all there is to be told of a plan is told.
-- mock: --generate 12,3
\ir ../test/setup.psql
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '100000');
-- contrib may not be installed
DO $$ BEGIN LOAD 'auto_explain'; EXCEPTION WHEN undefined_file THEN NULL; END $$;
SET auto_explain.log_min_duration = 0;
SET auto_explain.log_verbose = on;
SET auto_explain.log_analyze = on;
SET auto_explain.log_buffers = on;
SET auto_explain.log_triggers = on;
SET auto_explain.log_settings = on;
SET auto_explain.log_nested_statements = on;

CREATE TABLE parted (id int, app text, env text, stack text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (1) TO (5);
CREATE TABLE parted_2 (stack text, env text, app text, id int);
ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (5) TO (100);
CREATE TABLE parent (id int, app text, env text, stack text);
CREATE TABLE child (more int) INHERITS (parent);
CREATE TABLE alone (id int, app text, env text, stack text);
INSERT INTO parted
  SELECT n, 'd' || lpad(n::text, 11, '0'), CASE WHEN n % 3 = 0 THEN 'gone' ELSE 'dev' END
  FROM generate_series(1, 9) AS n;
INSERT INTO parent SELECT * FROM parted WHERE id < 4;
INSERT INTO child SELECT * FROM parted WHERE id >= 4;
INSERT INTO alone SELECT * FROM parted;
ANALYZE parted, parent, child, alone;
SET enable_hashjoin = off;
SET enable_mergejoin = off;

-- a plan can be shown whole, and done
CREATE PROCEDURE change(statement text) LANGUAGE plpgsql AS $$
DECLARE
  line text;
  plan text = '';
  n bigint;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || statement LOOP
    plan := plan || line;
  END LOOP;
  EXECUTE statement;
  GET DIAGNOSTICS n = ROW_COUNT;
  RAISE NOTICE '% rows, API Operation %, rows %', n,
    substring(plan from 'API Operation: (\w+)'),
    CASE WHEN plan LIKE '%AmplifyReadAhead%' THEN 'ahead' ELSE 'one by one' END;
END $$;
DO $$
DECLARE
  target text;
  what text;
BEGIN
  FOREACH target IN ARRAY ARRAY['parted', 'parent', 'alone'] LOOP
    FOREACH what IN ARRAY ARRAY[
      'UPDATE %s AS t SET stack = e.stack_name FROM backend_environments AS e
         WHERE e.app_id = t.app AND e.environment_name = t.env',
      'UPDATE %s AS t SET stack = t.stack FROM alone AS a
         LEFT JOIN backend_environments AS e ON e.app_id = a.app AND e.environment_name = a.env
         WHERE a.id = t.id AND e.stack_name IS NULL',
      'MERGE INTO %s AS t USING backend_environments AS e
         ON e.app_id = t.app AND e.environment_name = t.env
         WHEN MATCHED AND t.id < 3 THEN UPDATE SET id = t.id + 5
         WHEN MATCHED AND t.id < 6 THEN DELETE',
      'DELETE FROM %s AS t USING backend_environments AS e
         WHERE e.app_id = t.app AND e.environment_name = t.env AND t.id <> 8']
    LOOP
      RAISE NOTICE '% %', split_part(what, ' ', 1), target;
      CALL change(format(what, target));
    END LOOP;
  END LOOP;
END $$;
SELECT tableoid::regclass, id, app, env, stack FROM parted ORDER BY 2, 3;
SELECT tableoid::regclass, id, app, env, stack FROM parent ORDER BY 2, 3;
SELECT id, app, env, stack FROM alone ORDER BY 1, 2;
DROP TABLE parted, parent, child, alone;
DROP PROCEDURE change;
