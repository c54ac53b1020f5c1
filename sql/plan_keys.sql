-- Keys that EXPLAIN cannot take from the finished plan, for there is none yet
-- when they are written down: a parameter of the executor, a placeholder.
\ir ../test/setup.psql
\pset tuples_only on
CREATE TEMP TABLE wanted (app text);
INSERT INTO wanted VALUES ('d1a2b3c4d5'), (NULL);
ANALYZE wanted;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
CREATE FUNCTION api_keys(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    IF line LIKE '%API Keys%' THEN
      RETURN NEXT trim(line);
    END IF;
  END LOOP;
END $$;
-- the result of a subquery
SELECT api_keys('SELECT * FROM backend_environments
  WHERE app_id = (SELECT min(app) FROM wanted)');
SELECT count(*) FROM backend_environments
  WHERE app_id = (SELECT min(app) FROM wanted);
-- a column of the query around
SELECT api_keys('SELECT app, (SELECT count(*) FROM backend_environments
  WHERE app_id = app) FROM wanted');
SELECT app, (SELECT count(*) FROM backend_environments WHERE app_id = app)
  FROM wanted ORDER BY 1;
-- what is computed below an outer join, and NULL where that has no row
SELECT api_keys('SELECT w.app, a, environment_name FROM wanted w
  LEFT JOIN (SELECT app, coalesce(app, ''dx'') AS a FROM wanted) s
    ON s.app = w.app
  LEFT JOIN backend_environments ON app_id = a');
SELECT w.app, a, environment_name FROM wanted w
  LEFT JOIN (SELECT app, coalesce(app, 'dx') AS a FROM wanted) s
    ON s.app = w.app
  LEFT JOIN backend_environments ON app_id = a
  ORDER BY 1, 3;
DROP FUNCTION api_keys;
