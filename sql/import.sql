-- IMPORT FOREIGN SCHEMA makes the tables of interface and documentation, and
-- knows LIMIT TO, EXCEPT and no other schema or option.
\ir ../test/setup.psql
\d backend_environments

CREATE SCHEMA target;
IMPORT FOREIGN SCHEMA amplify LIMIT TO (backend_environments)
  FROM SERVER amplify INTO target;
SELECT foreign_table_schema, foreign_table_name
  FROM information_schema.foreign_tables ORDER BY 1, 2;
IMPORT FOREIGN SCHEMA amplify FROM SERVER amplify INTO target;
\echo :SQLSTATE
DROP FOREIGN TABLE target.backend_environments;

IMPORT FOREIGN SCHEMA amplify EXCEPT (backend_environments)
  FROM SERVER amplify INTO target;
IMPORT FOREIGN SCHEMA amplify LIMIT TO (nonsense)
  FROM SERVER amplify INTO target;
SELECT count(*) FROM information_schema.foreign_tables
  WHERE foreign_table_schema = 'target';

IMPORT FOREIGN SCHEMA "Amplify" FROM SERVER amplify INTO target;
\echo :SQLSTATE
IMPORT FOREIGN SCHEMA public FROM SERVER amplify INTO target;
\echo :SQLSTATE
IMPORT FOREIGN SCHEMA amplify FROM SERVER amplify INTO target
  OPTIONS (import_default 'true');
\echo :SQLSTATE

-- a server's name is quoted
CREATE SERVER "Two ""words""" FOREIGN DATA WRAPPER amplify_fdw
  OPTIONS (region 'eu-west-1');
IMPORT FOREIGN SCHEMA amplify LIMIT TO (backend_environments)
  FROM SERVER "Two ""words""" INTO target;
SELECT foreign_table_name, foreign_server_name
  FROM information_schema.foreign_tables
 WHERE foreign_table_schema = 'target' AND foreign_server_name <> 'amplify';

-- keys are not null, and each table says what it shows
SELECT relname, ftoptions, string_agg(attname, ', ' ORDER BY attnum) AS not_null
  FROM pg_foreign_table JOIN pg_class ON pg_class.oid = ftrelid
  JOIN pg_attribute ON attrelid = ftrelid AND attnum > 0 AND attnotnull
  WHERE relnamespace = 'public'::regnamespace GROUP BY 1, 2 ORDER BY 1;

-- nothing was asked of AWS
\! mockctl total
SET client_min_messages = warning;
DROP SCHEMA target CASCADE;
