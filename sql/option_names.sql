-- An unknown option, or one in the wrong place, is refused and the hint lists
-- those that are valid there.
\ir ../test/setup.psql
CREATE SERVER s FOREIGN DATA WRAPPER amplify_fdw
  OPTIONS (region 'us-east-1', regionn 'us-east-1');
\echo :SQLSTATE
CREATE SERVER s FOREIGN DATA WRAPPER amplify_fdw
  OPTIONS (region 'us-east-1', page_size '10');
\echo :SQLSTATE
CREATE USER MAPPING FOR PUBLIC SERVER amplify OPTIONS ("user" 'x');
\echo :SQLSTATE
CREATE USER MAPPING FOR PUBLIC SERVER amplify OPTIONS (region 'us-east-1');
\echo :SQLSTATE
CREATE FOREIGN TABLE t (app_id text) SERVER amplify OPTIONS (region 'us-east-1');
\echo :SQLSTATE
CREATE FOREIGN TABLE t (app_id text) SERVER amplify OPTIONS (nonsense '1');
\echo :SQLSTATE
CREATE FOREIGN TABLE t (app_id text OPTIONS (column_name 'x')) SERVER amplify;
\echo :SQLSTATE
CREATE FOREIGN DATA WRAPPER w HANDLER amplify_fdw_handler
  VALIDATOR amplify_fdw_validator OPTIONS (region 'us-east-1');
\echo :SQLSTATE

-- names are compared as they are written
CREATE SERVER s FOREIGN DATA WRAPPER amplify_fdw OPTIONS ("Region" 'us-east-1');
\echo :SQLSTATE

-- ALTER is no way around it
ALTER SERVER amplify OPTIONS (ADD timeout '3');
\echo :SQLSTATE
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD profile 'x');
\echo :SQLSTATE
ALTER FOREIGN TABLE backend_environments
  ALTER COLUMN app_id OPTIONS (ADD "type" 'x');
\echo :SQLSTATE
