-- The data of the differential test: what two regions have, as foreign tables
-- and as copies, and an inventory with keys that match, don't match, can't
-- match, and are not there.
\getenv other AMPLIFY_OTHER_URL
CREATE SERVER other FOREIGN DATA WRAPPER amplify_fdw
    OPTIONS (region 'eu-west-1', endpoint_url :'other');
CREATE USER MAPPING FOR CURRENT_USER SERVER other
    OPTIONS (access_key_id 'AKIDEXAMPLE',
             secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');
CREATE TABLE everywhere (LIKE backend_environments) PARTITION BY LIST (region);
CREATE FOREIGN TABLE here PARTITION OF everywhere FOR VALUES IN ('us-east-1')
    SERVER amplify OPTIONS (resource 'backend_environments');
CREATE FOREIGN TABLE elsewhere PARTITION OF everywhere FOR VALUES IN ('eu-west-1')
    SERVER other OPTIONS (resource 'backend_environments');

-- options that the test changes all the time
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['backend_environments', 'here', 'elsewhere'] LOOP
        EXECUTE format($f$ALTER FOREIGN TABLE %I OPTIONS (
            ADD page_size '50', ADD max_concurrency '10',
            ADD estimated_rows '60')$f$, t);
    END LOOP;
END $$;

CREATE TABLE environments AS SELECT * FROM backend_environments;
CREATE TABLE elsewhere_copy AS SELECT * FROM elsewhere;
CREATE TABLE everywhere_copy AS
    SELECT * FROM environments UNION ALL SELECT * FROM elsewhere_copy;

-- the plans are to depend on the seed only
CREATE TABLE inventory WITH (autovacuum_enabled = off) AS
    SELECT row_number() OVER (ORDER BY app_id, environment_name)::int AS id,
           app_id AS app, environment_name AS env, backend_environment_arn AS arn,
           CASE WHEN hash % 3 = 0 THEN 'amplify' ELSE 'other' END AS kind,
           hash % 4 AS grp, ARRAY[environment_name, 'dev', NULL] AS envs
    FROM (SELECT *, hashtext(backend_environment_arn) & 1023 AS hash
          FROM environments) e;
INSERT INTO inventory (id, app, env, arn, kind, grp, envs) VALUES
    (1001, 'd00000000001', 'missing', NULL, 'amplify', 0, '{}'),
    (1002, 'd99999999999', 'dev', NULL, 'amplify', 1, '{dev}'),
    (1003, NULL, 'dev', NULL, 'amplify', 2, NULL),
    (1004, 'd00000000002', NULL, NULL, 'other', 3, '{NULL}'),
    (1005, NULL, NULL, NULL, NULL, NULL, NULL),
    (1006, 'not an app', 'dev', 'arn:aws:amplify:us-east-1:1:apps/x', 'amplify', 0, '{dev}'),
    (1007, 'd00000000003', '..', NULL, 'amplify', 1, '{.,..,dev}'),
    (1008, 'd00000000003', '', NULL, 'amplify', 2, '{"",test}'),
    (1009, '', '', '', '', 3, '{""}'),
    (1010, 'D00000000001', 'DEV', NULL, 'amplify', 0, '{DEV}'),
    (1011, 'd00000000001 ', 'dev ', NULL, 'amplify', 1, '{"dev "}'),
    (1012, 'd00000000004', 'dev',
     'arn:aws:amplify:eu-west-1:111122223333:apps/d00000000004/backendenvironments/dev',
     'amplify', 2, '{dev,test,prod,staging,qa}');
INSERT INTO inventory SELECT id + 2000, app, env, arn, kind, grp + 4, envs
    FROM inventory WHERE id % 3 = 0;

-- partitions like those of "everywhere", for joins of one with the other; one
-- has its columns in another order
CREATE TABLE stock (LIKE inventory, region text) PARTITION BY LIST (region);
CREATE TABLE stock_here PARTITION OF stock FOR VALUES IN ('us-east-1');
CREATE TABLE stock_elsewhere (region text, envs text[], env text, app text, id int,
    arn text, kind text, grp int);
ALTER TABLE stock ATTACH PARTITION stock_elsewhere FOR VALUES IN ('eu-west-1');
INSERT INTO stock SELECT *, CASE WHEN id % 2 = 0 THEN 'us-east-1' ELSE 'eu-west-1' END
    FROM inventory;

CREATE TABLE parent AS SELECT * FROM inventory WHERE id < 30;
CREATE TABLE child (more int) INHERITS (parent);
INSERT INTO child SELECT *, id FROM inventory WHERE id >= 30;

CREATE TABLE groups AS SELECT grp, 'group ' || grp AS title,
    'd' || lpad((grp + 1)::text, 11, '0') AS main_app FROM generate_series(0, 9) grp;
CREATE TABLE names AS SELECT app::name AS app_name, env::varchar(300) AS env_varchar,
    rpad(app, 20)::char(20) AS app_char FROM inventory WHERE id < 40;

CREATE FUNCTION of_app(text) RETURNS SETOF environments LANGUAGE sql STABLE
    AS 'SELECT * FROM backend_environments WHERE app_id = $1';
CREATE FUNCTION of_app_copy(text) RETURNS SETOF environments LANGUAGE sql STABLE
    AS 'SELECT * FROM environments WHERE app_id = $1';
CREATE FUNCTION count_of(text, text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
    BEGIN RETURN (SELECT count(*) FROM backend_environments
                  WHERE app_id = $1 AND environment_name = $2); END $$;
CREATE FUNCTION count_of_copy(text, text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
    BEGIN RETURN (SELECT count(*) FROM environments
                  WHERE app_id = $1 AND environment_name = $2); END $$;
-- the rows of any query, one by one
CREATE FUNCTION rows_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
    DECLARE r record;
    BEGIN FOR r IN EXECUTE query LOOP RETURN NEXT r::text; END LOOP; END $$;

CREATE VIEW mine AS SELECT * FROM backend_environments WHERE app_id <> 'd00000000007';
CREATE VIEW mine_copy AS SELECT * FROM environments WHERE app_id <> 'd00000000007';
CREATE VIEW safe WITH (security_barrier) AS
    SELECT * FROM backend_environments WHERE app_id <> 'd00000000008';
CREATE VIEW safe_copy WITH (security_barrier) AS
    SELECT * FROM environments WHERE app_id <> 'd00000000008';
CREATE VIEW twice AS SELECT * FROM backend_environments
    UNION ALL SELECT * FROM elsewhere;
CREATE VIEW twice_copy AS SELECT * FROM environments
    UNION ALL SELECT * FROM elsewhere_copy;
-- views that run as their caller came with PostgreSQL 15
SELECT current_setting('server_version_num')::int >= 150000 AS has_invoker \gset
\if :has_invoker
CREATE VIEW called WITH (security_invoker) AS SELECT * FROM backend_environments;
\else
CREATE VIEW called AS SELECT * FROM backend_environments;
\endif
CREATE VIEW called_copy AS SELECT * FROM environments;
ANALYZE inventory, stock, parent, child, groups, names, environments, elsewhere_copy, everywhere_copy;
