-- A key is asked once, and no row comes twice.
\ir ../test/setup.psql
CREATE VIEW e AS
  SELECT app_id, environment_name AS env FROM backend_environments;
\pset tuples_only on

SELECT * FROM e WHERE app_id IN ('d1a2b3c4d5', 'd1a2b3c4d5') AND env = 'prod';
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE app_id = ANY (ARRAY['d1a2b3c4d5', 'd1a2b3c4d5'])
  AND env = ANY (ARRAY['prod', 'prod']);
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE (app_id = 'd1a2b3c4d5' AND env = 'prod')
  OR (env = 'prod' AND app_id = 'd1a2b3c4d5');
\! mockctl calls && mockctl reset

-- arms that overlap: the wider one has all
SELECT * FROM e WHERE (app_id = 'd1a2b3c4d5' AND env = 'prod')
  OR app_id = 'd1a2b3c4d5' ORDER BY 2;
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE app_id = 'd2b3c4d5e6' OR app_id IN ('d2b3c4d5e6', 'd4d5e6f7g8')
  ORDER BY 1, 2;
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' OR env = 'prod' ORDER BY 1, 2;
\! mockctl calls && mockctl reset
SELECT * FROM e WHERE (app_id IN ('d1a2b3c4d5', 'd2b3c4d5e6') AND env IN ('prod', 'dev'))
  OR (app_id IN ('d2b3c4d5e6', 'd4d5e6f7g8') AND env IN ('prod')) ORDER BY 1, 2;
\! mockctl calls && mockctl reset
-- arms of a union, of which PostgreSQL leaves one with a condition a subquery
SELECT count(*) FROM (SELECT app_id FROM e UNION ALL SELECT app_id FROM e WHERE env <> 'prod') AS q;
\! mockctl calls && mockctl reset
