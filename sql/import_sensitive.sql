-- What holds a secret or opens a door is imported only if asked for.
\ir ../test/setup.psql
\pset format unaligned
\pset footer off
CREATE VIEW columns AS
  SELECT table_schema AS schema, table_name AS table, count(*) AS n,
         string_agg(column_name || ' ' || data_type, ', '
                    ORDER BY ordinal_position) AS columns
    FROM information_schema.columns
    JOIN information_schema.foreign_tables
      ON foreign_table_schema = table_schema AND foreign_table_name = table_name
   GROUP BY 1, 2;
SELECT "table", columns FROM columns ORDER BY 1;

-- what is missing, and may be had by hand or by the option
SELECT resource, string_agg(field, ', ') AS sensitive
  FROM amplify_fdw_fields() WHERE sensitive GROUP BY 1 ORDER BY 1;
SELECT resource FROM amplify_fdw_resources() WHERE sensitive;
SELECT count(*) AS imported_and_sensitive
  FROM information_schema.columns JOIN amplify_fdw_fields()
    ON table_name = resource AND column_name = field
 WHERE table_schema = 'public' AND sensitive;

CREATE SCHEMA whole;
IMPORT FOREIGN SCHEMA amplify FROM SERVER amplify INTO whole
  OPTIONS (import_sensitive 'true');
SELECT count(*) AS fields,
       count(*) FILTER (WHERE column_name IS NULL) AS not_imported
  FROM amplify_fdw_fields() LEFT JOIN information_schema.columns
    ON table_schema = 'whole' AND table_name = resource
   AND column_name = field AND udt_name = type;
SELECT columns FROM columns
  WHERE schema = 'whole' AND "table" = 'artifact_urls';

CREATE SCHEMA part;
IMPORT FOREIGN SCHEMA amplify LIMIT TO (webhooks, artifact_urls)
  FROM SERVER amplify INTO part OPTIONS (import_sensitive 'false');
IMPORT FOREIGN SCHEMA amplify LIMIT TO (artifact_urls)
  FROM SERVER amplify INTO part OPTIONS (import_sensitive 'on');
SELECT "table", columns FROM columns WHERE schema = 'part' ORDER BY 1;

IMPORT FOREIGN SCHEMA amplify FROM SERVER amplify INTO part
  OPTIONS (import_sensitive 'perhaps');
\echo :SQLSTATE
IMPORT FOREIGN SCHEMA amplify FROM SERVER amplify INTO part
  OPTIONS (sensitive 'true');
\echo :SQLSTATE
-- it is nothing that can be stored
ALTER SERVER amplify OPTIONS (ADD import_sensitive 'true');
\echo :SQLSTATE
\! mockctl total

SET client_min_messages = warning;
DROP SCHEMA whole, part CASCADE;
DROP VIEW columns;
