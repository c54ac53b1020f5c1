-- The tables are read only, in PostgreSQL's own words.
\ir ../test/setup.psql
INSERT INTO backend_environments (app_id) VALUES ('d1');
\echo :SQLSTATE
UPDATE backend_environments SET stack_name = 'x' WHERE app_id = 'd1a2b3c4d5';
\echo :SQLSTATE
DELETE FROM backend_environments WHERE app_id = 'd1a2b3c4d5';
\echo :SQLSTATE
TRUNCATE backend_environments;
\echo :SQLSTATE
COPY backend_environments (app_id) FROM stdin;
d1
\.
\echo :SQLSTATE
MERGE INTO backend_environments USING (SELECT 1) AS s ON true WHEN MATCHED THEN DELETE;
\echo :SQLSTATE
SELECT app_id FROM backend_environments WHERE app_id = 'd4d5e6f7g8' FOR UPDATE;
SELECT is_insertable_into FROM information_schema.tables WHERE table_name = 'backend_environments';
\! mockctl calls

-- COPY out, CREATE TABLE AS and a materialized view read them
COPY (SELECT app_id, environment_name FROM backend_environments ORDER BY 1, 2) TO stdout;
CREATE TEMP TABLE copy AS SELECT * FROM backend_environments;
SELECT count(*) FROM copy;
CREATE MATERIALIZED VIEW seen AS SELECT app_id, environment_name FROM backend_environments;
\! mockctl data op=put app=d3c4d5e6f7 env=new
REFRESH MATERIALIZED VIEW seen;
SELECT count(*) FROM seen;
DROP MATERIALIZED VIEW seen;
