-- The data of the differential test: what the service has, as a table, and an
-- inventory with keys that match, don't match, can't match, and are not there.
CREATE TABLE environments AS SELECT * FROM backend_environments;
CREATE TABLE inventory AS
    SELECT row_number() OVER (ORDER BY app_id, environment_name)::int AS id,
           app_id AS app, environment_name AS env, backend_environment_arn AS arn,
           CASE WHEN random_number % 3 = 0 THEN 'amplify' ELSE 'other' END AS kind,
           random_number % 4 AS grp
    FROM (SELECT *, (hashtext(backend_environment_arn) & 1023) AS random_number
          FROM environments) e;
INSERT INTO inventory (id, app, env, arn, kind, grp) VALUES
    (1001, 'd00000000001', 'missing', NULL, 'amplify', 0),
    (1002, 'd99999999999', 'dev', NULL, 'amplify', 1),
    (1003, NULL, 'dev', NULL, 'amplify', 2),
    (1004, 'd00000000002', NULL, NULL, 'other', 3),
    (1005, NULL, NULL, NULL, NULL, NULL),
    (1006, 'not an app', 'dev', 'arn:aws:amplify:us-east-1:1:apps/x', 'amplify', 0),
    (1007, 'd00000000003', '..', NULL, 'amplify', 1),
    (1008, 'd00000000003', '', NULL, 'amplify', 2),
    (1009, '', '', '', '', 3),
    (1010, 'D00000000001', 'DEV', NULL, 'amplify', 0),
    (1011, 'd00000000001 ', 'dev ', NULL, 'amplify', 1),
    (1012, 'd00000000004', 'dev',
     'arn:aws:amplify:eu-west-1:111122223333:apps/d00000000004/backendenvironments/dev',
     'amplify', 2);
INSERT INTO inventory SELECT id + 2000, app, env, arn, kind, grp + 4 FROM inventory
    WHERE id % 3 = 0;
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
CREATE VIEW mine AS SELECT * FROM backend_environments WHERE app_id <> 'd00000000007';
CREATE VIEW mine_copy AS SELECT * FROM environments WHERE app_id <> 'd00000000007';
CREATE VIEW safe WITH (security_barrier) AS
    SELECT * FROM backend_environments WHERE app_id <> 'd00000000008';
CREATE VIEW safe_copy WITH (security_barrier) AS
    SELECT * FROM environments WHERE app_id <> 'd00000000008';
CREATE TABLE everywhere (LIKE environments) PARTITION BY LIST (region);
CREATE TABLE everywhere_copy AS SELECT * FROM environments;
ANALYZE;
