-- Whatever way rows take into something that lasts, under on_error 'warn' the
-- first app that fails is an error, and nothing is written.
\ir ../test/setup.psql
CREATE SCHEMA ways;
\c -reuse-previous=on "options='-c search_path=ways,public'"
ALTER SERVER amplify OPTIONS (ADD max_attempts '1');
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD on_error 'warn');
CREATE VIEW e AS SELECT app_id, environment_name AS env FROM backend_environments;
CREATE TABLE copy (app_id text, env text, UNIQUE (app_id, env));
CREATE TABLE other AS SELECT 'd1a2b3c4d5' AS app_id, 'prod' AS env;
CREATE TEMP TABLE shortlived (LIKE copy);

-- beside SELECT ... INSERT: views, rules, triggers, partitions
CREATE VIEW copy_view AS SELECT * FROM copy;
CREATE VIEW copy_by_trigger AS SELECT * FROM copy;
CREATE FUNCTION insert_copy() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN INSERT INTO copy VALUES (NEW.app_id, NEW.env); RETURN NEW; END';
CREATE TRIGGER t INSTEAD OF INSERT ON copy_by_trigger FOR EACH ROW EXECUTE FUNCTION insert_copy();
CREATE TABLE ruled (app_id text);
CREATE RULE r AS ON INSERT TO ruled DO ALSO INSERT INTO copy SELECT * FROM e;
CREATE TABLE parted (app_id text, env text) PARTITION BY LIST (app_id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN ('d1a2b3c4d5');
CREATE TABLE parted_2 PARTITION OF parted DEFAULT;
CREATE TABLE counted (n bigint);
CREATE FUNCTION count_e() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN NEW.n = (SELECT count(*) FROM e); RETURN NEW; END';
CREATE TRIGGER t BEFORE INSERT ON counted FOR EACH ROW EXECUTE FUNCTION count_e();
CREATE TABLE counted_after (n bigint);
CREATE FUNCTION count_after() RETURNS trigger LANGUAGE plpgsql AS
  'DECLARE c bigint; BEGIN SELECT count(*) INTO c FROM e; UPDATE counted_after SET n = c; RETURN NULL; END';
CREATE TRIGGER t AFTER INSERT ON counted_after FOR EACH ROW EXECUTE FUNCTION count_after();
CREATE TABLE counted_deferred (n bigint);
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON counted_deferred DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION count_after();

-- functions that write what they are handed, or have read
CREATE FUNCTION keep(text, text) RETURNS void LANGUAGE sql VOLATILE AS 'INSERT INTO copy VALUES ($1, $2)';
CREATE FUNCTION count_by_variable() RETURNS bigint LANGUAGE plpgsql AS
  'DECLARE c bigint; BEGIN SELECT count(*) INTO c FROM e; INSERT INTO copy VALUES (c, NULL); RETURN c; END';
CREATE FUNCTION keep_first() RETURNS bigint LANGUAGE plpgsql AS
  'BEGIN INSERT INTO copy VALUES (now(), NULL); RETURN (SELECT count(*) FROM e); END';
CREATE FUNCTION number_of_e() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT count(*) FROM e';
CREATE FUNCTION keep_in_array() RETURNS void LANGUAGE plpgsql AS
  'DECLARE a text[] := ARRAY(SELECT app_id FROM e); BEGIN INSERT INTO copy SELECT unnest(a), NULL; END';
-- it says that it always returns the same, so that the planner calls it
CREATE FUNCTION count_while_planning() RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS
  'BEGIN RETURN (SELECT count(*) FROM e); END';
CREATE PROCEDURE keep_in_loop() LANGUAGE plpgsql AS
  'DECLARE r record; BEGIN FOR r IN SELECT * FROM e LOOP INSERT INTO copy VALUES (r.app_id, r.env); END LOOP; END';
CREATE PROCEDURE keep_by_cursor() LANGUAGE plpgsql AS $$
  DECLARE c CURSOR FOR SELECT * FROM e; r record;
  BEGIN
    OPEN c;
    LOOP
      FETCH c INTO r;
      EXIT WHEN NOT FOUND;
      INSERT INTO copy VALUES (r.app_id, r.env);
    END LOOP;
  END $$;
CREATE PROCEDURE commit_between() LANGUAGE plpgsql AS
  'DECLARE c bigint; BEGIN SELECT count(*) INTO c FROM e; COMMIT; INSERT INTO copy VALUES (c, NULL); END';
CREATE PROCEDURE drop_what_is_gone() LANGUAGE plpgsql AS
  'BEGIN IF NOT EXISTS (SELECT FROM e WHERE app_id = $$d2b3c4d5e6$$) THEN DROP TABLE other; END IF; END';
PREPARE insert_e AS INSERT INTO copy SELECT * FROM e;

\! mockctl fault match=d2b3c4d5e6 status=403 code=AccessDeniedException n=-1
\set VERBOSITY terse
\set ECHO queries
SELECT count(*) FROM e;
INSERT INTO copy SELECT * FROM e ON CONFLICT DO NOTHING;
INSERT INTO copy_view SELECT * FROM e;
INSERT INTO copy_by_trigger SELECT * FROM e;
INSERT INTO ruled VALUES ('x');
INSERT INTO parted SELECT * FROM e;
INSERT INTO shortlived SELECT * FROM e;
INSERT INTO counted DEFAULT VALUES;
INSERT INTO counted_after VALUES (1);
INSERT INTO counted_deferred VALUES (1);
UPDATE other SET env = (SELECT string_agg(env, ' ') FROM e);
UPDATE other o SET env = e.env FROM e WHERE e.app_id > o.app_id;
DELETE FROM other o USING e WHERE e.app_id <> o.app_id;
MERGE INTO other o USING e ON e.app_id = o.app_id WHEN NOT MATCHED THEN INSERT VALUES (e.app_id, e.env);
WITH r AS (SELECT * FROM e), w AS (INSERT INTO copy SELECT * FROM r RETURNING *) SELECT count(*) FROM w;
WITH w AS (INSERT INTO copy VALUES ('x') RETURNING app_id) SELECT count(*) FROM e, w;
EXECUTE insert_e;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) INSERT INTO copy SELECT * FROM e;
CREATE TABLE made AS SELECT * FROM e;
SELECT * INTO made FROM e;
SELECT * INTO TEMP made FROM e;
CREATE MATERIALIZED VIEW made AS SELECT * FROM e;
ALTER TABLE other ADD n bigint DEFAULT number_of_e();
ALTER TABLE other ALTER env TYPE bigint USING number_of_e();
COPY (SELECT * FROM e) TO '/dev/null';
COPY (SELECT * FROM e) TO PROGRAM 'cat > /dev/null';
COPY counted FROM PROGRAM 'echo 1';
SELECT keep(app_id, env) FROM e;
SELECT count_by_variable();
SELECT keep_first();
SELECT keep_in_array();
INSERT INTO copy SELECT count_while_planning();
CALL keep_in_loop();
CALL keep_by_cursor();
CALL commit_between();
CALL drop_what_is_gone();
DO 'DECLARE c bigint; BEGIN SELECT count(*) INTO c FROM e; EXECUTE format($$CREATE TABLE made AS SELECT %s$$, c); END';
DO 'DECLARE c bigint; BEGIN SELECT count(*) INTO c FROM e; UPDATE other SET env = c; END';
DO 'BEGIN PERFORM keep(app_id, env) FROM e; EXCEPTION WHEN insufficient_privilege THEN RAISE; END';
BEGIN;
DECLARE c CURSOR FOR SELECT keep(app_id, env) FROM e;
FETCH ALL FROM c;
ROLLBACK;
-- nothing of it was written
SELECT (SELECT count(*) FROM copy) AS copy, (SELECT count(*) FROM ruled) AS ruled, (SELECT count(*) FROM parted) AS parted,
  (SELECT count(*) FROM shortlived) AS shortlived, (SELECT count(*) FROM counted) AS counted,
  (SELECT count(*) FROM counted_after) AS after, (SELECT count(*) FROM counted_deferred) AS deferred,
  (SELECT string_agg(app_id || env, ' ') FROM other) AS other, to_regclass('made') AS made;

-- in a new session, the library may be loaded in the middle of a statement
CREATE MATERIALIZED VIEW made AS SELECT * FROM e WITH NO DATA;
\c
REFRESH MATERIALIZED VIEW made;
\c
CREATE TABLE made_2 AS SELECT * FROM e;
\c
COPY (SELECT * FROM e) TO '/dev/null';
\c
ALTER TABLE other ALTER env TYPE bigint USING number_of_e();
\c
SELECT keep(app_id, env) FROM e;
\c
SELECT count_by_variable();
\c
SELECT keep_first();
\c
CALL keep_in_loop();
\c
INSERT INTO counted_after VALUES (1);
SELECT number_of_e();
SELECT relispopulated, to_regclass('made_2') AS made_2, (SELECT count(*) FROM copy) AS copy FROM pg_class WHERE relname = 'made';

-- what writes something else beside is no better; the next statement is free
DO 'BEGIN INSERT INTO other VALUES ($$x$$); PERFORM FROM e; END';
SELECT count(*) FROM e;
INSERT INTO other SELECT 'x' FROM amplify_fdw_failures();
SELECT count(*) FROM e \; INSERT INTO other VALUES ('y');
-- and what only reads goes on, in whatever way
DO 'DECLARE r record; BEGIN FOR r IN SELECT * FROM e LOOP PERFORM r.env; END LOOP; END';
COPY (SELECT count(*) FROM e) TO STDOUT;
SET client_min_messages = error;
\set VERBOSITY default
SELECT count_by_variable();
RESET client_min_messages;

-- a cursor remembers, whatever statements fetch from it
\set VERBOSITY terse
BEGIN;
DECLARE c CURSOR FOR SELECT keep('x', 'x')::text UNION ALL SELECT env FROM e WHERE app_id = 'd2b3c4d5e6';
FETCH 1 FROM c;
FETCH 1 FROM c;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT env FROM e WHERE app_id = 'd2b3c4d5e6'
  UNION ALL SELECT 'none' UNION ALL SELECT keep('x', 'x')::text;
FETCH 1 FROM c;
FETCH 1 FROM c;
ROLLBACK;
-- to prepare is not to write
DO 'BEGIN PERFORM FROM e; PREPARE insert_x AS INSERT INTO copy VALUES ($$x$$, $$x$$); END';

-- unless the table says so
ALTER FOREIGN TABLE backend_environments OPTIONS (SET on_error 'warn_always');
CALL keep_in_loop();
SELECT count(*), count_by_variable() FROM copy;

-- partitions that differ: the one that may be missing is
CREATE SERVER far FOREIGN DATA WRAPPER amplify_fdw
  OPTIONS (region 'eu-west-1', endpoint_url 'http://127.0.0.1:1', max_attempts '1');
CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (source_server 'amplify');
CREATE TABLE everywhere (app_id text, region text) PARTITION BY LIST (region);
CREATE FOREIGN TABLE everywhere_us PARTITION OF everywhere FOR VALUES IN ('us-east-1') SERVER amplify
  OPTIONS (resource 'apps', on_error 'warn');
CREATE FOREIGN TABLE everywhere_eu PARTITION OF everywhere FOR VALUES IN ('eu-west-1') SERVER far
  OPTIONS (resource 'apps', on_error 'warn_always');
CREATE TABLE made_1 AS SELECT * FROM everywhere;
SELECT count(*) FROM made_1;
\! mockctl fault op=ListApps status=403 code=AccessDeniedException n=-1
-- either may be told of first
SET client_min_messages = error;
CREATE TABLE made_2 AS SELECT * FROM everywhere;
DROP SCHEMA ways CASCADE;
DROP SERVER far CASCADE;
