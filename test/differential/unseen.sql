-- The data of unseen.py: an inventory, and what shows that a row of it was
-- computed.
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '1000000');
CREATE TABLE inventory WITH (autovacuum_enabled = off) AS
    SELECT n AS id, 'd' || lpad((n % 12 + 1)::text, 11, '0') AS app,
           (ARRAY['dev', 'test', 'prod', 'gone'])[n % 4 + 1] AS env
    FROM generate_series(1, 40) AS n;
CREATE TABLE groups AS SELECT g FROM generate_series(0, 2) AS g;
CREATE SEQUENCE drawn;
CREATE FUNCTION fails_at(name text, id int, bad int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN
        IF id = bad THEN
            RAISE EXCEPTION 'row %', id;
        END IF;
        RETURN name;
    END $$;
ANALYZE inventory, groups;
