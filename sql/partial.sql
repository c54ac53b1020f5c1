-- Under on_error 'warn' a query goes on, but nothing partial is written down.
\ir ../test/setup.psql
CREATE VIEW e AS
  SELECT app_id, environment_name AS env FROM backend_environments;
ALTER SERVER amplify OPTIONS (ADD max_attempts '1');
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD on_error 'warn');
\set VERBOSITY terse
SELECT * FROM amplify_fdw_failures();
\echo :SQLSTATE

CREATE TABLE copy AS SELECT * FROM e ORDER BY 1, 2;
CREATE MATERIALIZED VIEW mv AS SELECT * FROM e;
CREATE UNIQUE INDEX ON mv (app_id, env);
CREATE FUNCTION partial_count(text) RETURNS bigint LANGUAGE plpgsql AS
  'BEGIN RETURN (SELECT count(*) FROM e WHERE app_id = $1); END';
CREATE PROCEDURE fill() LANGUAGE plpgsql AS
  'BEGIN INSERT INTO copy SELECT * FROM e; END';
CREATE FUNCTION pg_temp.api_lines(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
  DECLARE line text;
  BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
      IF line LIKE '%API %' AND line NOT LIKE '%API Bytes%' THEN
        RETURN NEXT trim(line);
      END IF;
    END LOOP;
  END $$;
PREPARE all_e AS SELECT * FROM e;

\! mockctl fault match=d2b3c4d5e6 status=403 code=AccessDeniedException n=-1

-- what is read: the others' rows, and in SQL what is missing
SELECT count(*) FROM e;
SELECT server_name, account_id, region, table_name, operation, keys, sqlstate,
  message, aws_code, http_status, request_id IS NOT NULL AS request_id,
  now() - failed_at < interval '1 min' AS failed_at
  FROM amplify_fdw_failures() \gx
-- a statement that asks nothing leaves that as it is
SELECT 1;
SELECT count(*) FROM amplify_fdw_failures();
-- the next one that asks, with nothing missing
SELECT count(*) FROM e WHERE app_id = 'd1a2b3c4d5';
SELECT count(*) FROM amplify_fdw_failures();

-- what is written, in each way
\pset format unaligned
INSERT INTO copy SELECT * FROM e;
DO $$
  DECLARE said text;
  BEGIN
    INSERT INTO copy SELECT * FROM e;
  EXCEPTION WHEN insufficient_privilege THEN
    GET STACKED DIAGNOSTICS said = PG_EXCEPTION_HINT;
    RAISE INFO '%', said;
  END
$$;
INSERT INTO copy SELECT 'x', partial_count('d2b3c4d5e6');
CALL fill();
DO 'BEGIN PERFORM count(*) FROM e; END';
UPDATE copy c SET env = e.env FROM e WHERE e.app_id = c.app_id;
DELETE FROM copy c WHERE NOT EXISTS (SELECT FROM e WHERE e.app_id = c.app_id);
MERGE INTO copy c USING e ON e.app_id = c.app_id WHEN NOT MATCHED THEN INSERT VALUES (e.app_id, e.env);
WITH gone AS (DELETE FROM copy RETURNING *) SELECT count(*) FROM e;
CREATE TABLE copy2 AS SELECT * FROM e;
CREATE TABLE copy2 AS EXECUTE all_e;
SELECT * INTO copy2 FROM e;
CREATE TABLE copy2 AS SELECT partial_count('d2b3c4d5e6');
CREATE MATERIALIZED VIEW mv2 AS SELECT * FROM e;
REFRESH MATERIALIZED VIEW mv;
REFRESH MATERIALIZED VIEW CONCURRENTLY mv;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) CREATE TABLE copy2 AS SELECT * FROM e;
SELECT count(*) FROM amplify_fdw_failures();
-- nothing has changed, and what is read after that goes on again
SELECT count(*) FROM copy;
SELECT count(*) FROM mv;
SELECT count(*) FROM e;

-- unless the table says so
ALTER FOREIGN TABLE backend_environments OPTIONS (SET on_error 'warn_always');
CREATE TABLE copy2 AS SELECT * FROM e;
SELECT count(*) FROM copy2;
REFRESH MATERIALIZED VIEW mv;
SELECT operation, keys FROM amplify_fdw_failures();
ALTER FOREIGN TABLE backend_environments OPTIONS (SET on_error 'warn');
\! mockctl reset

-- functions of one statement add to one list
\! mockctl fault match=d2b3c4d5e6 status=403 code=AccessDeniedException n=-1
SELECT partial_count('d2b3c4d5e6'), partial_count(app) FROM (VALUES ('d1a2b3c4d5'), ('d2b3c4d5e6')) AS i (app);
SELECT operation, keys FROM amplify_fdw_failures();
-- also when the statement has failed after that
SELECT partial_count('d2b3c4d5e6') / 0;
SELECT operation, keys FROM amplify_fdw_failures();
\! mockctl reset

-- a server that can't be asked at all; who may know whose keys they were
\! mockctl fault status=403 code=UnrecognizedClientException n=-1
SELECT count(*) FROM e;
SELECT operation, keys, message, aws_code FROM amplify_fdw_failures();
SELECT pg_temp.api_lines('SELECT app_id FROM e');
CREATE ROLE regress_amplify_reader;
SET SESSION AUTHORIZATION regress_amplify_reader;
SELECT operation, keys, aws_code FROM amplify_fdw_failures();
RESET SESSION AUTHORIZATION;
DROP ROLE regress_amplify_reader;
\! mockctl reset

-- of very many, the last ones are only counted
\! mockctl fault status=403 code=AccessDeniedException n=-1
SET client_min_messages = error;
SELECT count(*) FROM generate_series(1, 1003) AS i, LATERAL (SELECT FROM e WHERE app_id = 'd' || i AND env = 'x' OFFSET 0) AS x;
RESET client_min_messages;
SELECT count(failed_at), count(*), max(message) FILTER (WHERE failed_at IS NULL) FROM amplify_fdw_failures();
\! mockctl reset

DISCARD ALL;
SELECT * FROM amplify_fdw_failures();
