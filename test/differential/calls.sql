-- The tables of calls.py: those of a schema without statistics, and of one with.
SET client_min_messages = warning;
ALTER SERVER amplify OPTIONS (ADD max_concurrency '10');
CREATE FUNCTION make_schema(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE SCHEMA %I', name);
    EXECUTE format('IMPORT FOREIGN SCHEMA amplify FROM SERVER amplify INTO %I', name);
    EXECUTE format('SET search_path = %I', name);
    CREATE TABLE everywhere (LIKE backend_environments) PARTITION BY LIST (region);
    CREATE FOREIGN TABLE here PARTITION OF everywhere FOR VALUES IN ('us-east-1')
        SERVER amplify OPTIONS (resource 'backend_environments');
    CREATE VIEW either AS SELECT app_id, environment_name AS name FROM backend_environments
        UNION ALL SELECT app_id, branch_name FROM branches;
    RESET search_path;
END $$;
SELECT make_schema('fresh'), make_schema('known');
CREATE TABLE inventory (id int, app text, env text, branch text, job text, arn text, flag bool, region text)
    WITH (autovacuum_enabled = off);
CREATE TABLE inventory_known (LIKE inventory) WITH (autovacuum_enabled = off);
-- the rows of any query, one by one
CREATE FUNCTION rows_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
    DECLARE r record;
    BEGIN FOR r IN EXECUTE query LOOP RETURN NEXT r::text; END LOOP; END $$;
