-- A hand-written table may have any subset of the columns, in any order, under
-- other names and of other types.
\ir ../test/setup.psql
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE FOREIGN TABLE backend (
    stack varchar(64) OPTIONS (field 'stack_name'),
    made timestamp OPTIONS (field 'create_time'),
    made_s timestamptz(0) OPTIONS (field 'create_time'),
    day date OPTIONS (field 'create_time'),
    clock time OPTIONS (field 'create_time'),
    made_text text OPTIONS (field 'create_time'),
    environment_name name,
    account numeric OPTIONS (field 'account_id'),
    account8 bigint OPTIONS (field 'account_id'),
    app_id char(12),
    region varchar)
  SERVER amplify OPTIONS (resource 'backend_environments');
\x on
SELECT * FROM backend WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'prod';
\x off

-- the same field twice, a column that was dropped
\! mockctl reset
CREATE FOREIGN TABLE backend_environments_2 (a text OPTIONS (field 'app_id'),
    gone int, app_id text, environment_name text)
  SERVER amplify OPTIONS (resource 'backend_environments');
ALTER FOREIGN TABLE backend_environments_2 DROP COLUMN gone;
SELECT * FROM backend_environments_2 WHERE a = 'd2b3c4d5e6' AND environment_name = 'dev';
\! mockctl calls && mockctl reset
SELECT * FROM backend_environments_2 WHERE a = 'd2b3c4d5e6' AND app_id = 'd1a2b3c4d5';
\! mockctl calls && mockctl reset
ALTER FOREIGN TABLE backend_environments_2 RENAME COLUMN app_id TO nonsense;
SELECT * FROM backend_environments_2 WHERE a = 'd2b3c4d5e6';
\echo :SQLSTATE

-- no columns at all
CREATE FOREIGN TABLE none () SERVER amplify OPTIONS (resource 'backend_environments');
SELECT count(*) FROM none;

-- a value that doesn't fit
CREATE FOREIGN TABLE misfit (app_id text, environment_name varchar(3), stack_name int)
  SERVER amplify OPTIONS (resource 'backend_environments');
SELECT app_id, environment_name FROM misfit WHERE app_id = 'd1a2b3c4d5';
\echo :SQLSTATE
SELECT stack_name FROM misfit WHERE app_id = 'd1a2b3c4d5';
\echo :SQLSTATE

-- a column that isn't read does no harm
SELECT DISTINCT app_id FROM misfit WHERE app_id = 'd1a2b3c4d5';
\! mockctl reset

-- types that cannot work, names that are none: before any call
CREATE FOREIGN TABLE wrong (app_id text, create_time int, update_time text[],
    region interval)
  SERVER amplify OPTIONS (resource 'backend_environments');
SELECT create_time FROM wrong WHERE app_id = 'd1a2b3c4d5';
\echo :SQLSTATE
SELECT update_time FROM wrong WHERE app_id = 'd1a2b3c4d5';
\echo :SQLSTATE
CREATE FOREIGN TABLE nowhere (app_id text, environment text OPTIONS (field 'environment'))
  SERVER amplify OPTIONS (resource 'backend_environments');
SELECT * FROM nowhere WHERE app_id = 'd1a2b3c4d5';
\echo :SQLSTATE
CREATE FOREIGN TABLE unknown_resource (app_id text) SERVER amplify;
SELECT * FROM unknown_resource;
\echo :SQLSTATE
CREATE FOREIGN TABLE known (app_id text) SERVER amplify OPTIONS (resource 'Backend_Environments');
SELECT * FROM known;
\echo :SQLSTATE
\! mockctl total
SELECT region FROM wrong WHERE app_id = 'd1a2b3c4d5';
\echo :SQLSTATE
