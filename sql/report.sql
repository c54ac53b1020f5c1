-- The report on an inventory: what its keys are read as, and its errors; what
-- it says is test/t/report.t's.
\ir ../test/setup.psql
SELECT name, amplify_fdw_region(name) FROM (VALUES
  ('us-east-1'), (' US-EAST-1 '), ('us_east_1'), ('us-east-1a'), ('us-gov-west-1'),
  ('N. Virginia'), ('US East (N. Virginia)'), ('US East (N. Virginia) us-east-1'),
  ('AWS GovCloud (US-West)'), ('Canada (Central)'), ('Mexico (Central)'), ('Europe (Ireland)'),
  ('US East'), ('(Central)'), ('Atlantis'), ('us-east-1, eu-west-1'), ('eu-west-1 (was us-east-1)'), (''), (NULL)) AS n (name);
SELECT account, k.* FROM (VALUES
  ('12345678901'), ('012345678901'), ('''012345678901'), ('1111-2222-3333'), ('111122223333.0'),
  ('arn:aws:iam::111122223333:root'), (' '), (NULL),
  ('1.23457E+11'), ('1111222233334'), ('production')) AS a (account),
  amplify_fdw_key(account, 'Ireland', ' D1A2B3C4D5', ' prod ') AS k;
-- the text of the app before the other columns
SELECT k.* FROM (VALUES
  ('d1a2b3c4d5', NULL), ('d1a2b3c4d5', ' '), ('storefront', 'prod'), (NULL, 'prod'),
  ('arn:aws:amplify:us-east-1:444455556666:apps/d1a2b3c4d5', 'prod'),
  ('arn:aws:amplify:us-east-1:444455556666:apps/d1a2b3c4d5/backendenvironments/dev', NULL),
  ('d1a2b3c4d5', 'arn:aws:amplify:us-east-1:444455556666:apps/d1a2b3c4d5/backendenvironments/dev'),
  ('https://eu-west-1.console.aws.amazon.com/amplify/apps/d1a2b3c4d5/branches/main/deployments', NULL)) AS a (app, name),
  amplify_fdw_key('111122223333', 'eu-west-2', app, name) AS k;
SELECT * FROM amplify_fdw_key('111122223333', 'Atlantis', 'd1a2b3c4d5', 'prod');
-- what people leave around a name, and what is none
SELECT to_json(raw) AS raw, amplify_fdw_name(raw) AS name, k.environment_name, k.problem FROM (VALUES
  ('prod'), (' prod,'), (E'prod\r\n'), (U&'\00A0prod\200B'), (U&'\201Cprod\201D'), ('="prod"'), ('["prod"]'), ('`feature/one`/'),
  ('refs/heads/main'), ('https://main.d1a2b3c4d5.amplifyapp.com/'), ('https://example.com/prod'), ('main (prod)'), ('(prod)'), (')'), (U&'Gr\00F6\00DFe'),
  ('-'), ('?'), (''), (NULL)) AS n (raw),
  amplify_fdw_key('111122223333', 'us-east-1', 'd1a2b3c4d5', raw) AS k \g (format=unaligned)

-- tables of one server; of an inventory only app_id is needed
CREATE TABLE known (app_id text, environment_name text);
INSERT INTO known VALUES ('d1a2b3c4d5', 'prod'), ('d1a2b3c4d5', 'PROD'), ('d1a2b3c4d5', 'none'), ('d9', 'prod'),
  ('d1a2b3c4d5', 'prod, dev'), ('d1a2b3c4d5', 'n/a'), ('d9', 'prod, dev');
SELECT state, app_id, environment_name, generation, problem FROM amplify_fdw_report('known', 'public')
  ORDER BY 1, 2, 3;
SELECT app_id, environment_name, generation, app_name, problem FROM amplify_fdw_backends('public')
  WHERE app_id = 'd1a2b3c4d5' OR app_id IS NULL ORDER BY environment_name;
-- an empty time is none, and a column may have any name
CREATE TABLE sheet AS SELECT app_id, environment_name, ' ' AS deployed, 1 AS i FROM known WHERE environment_name = 'prod';
SELECT state, app_id FROM amplify_fdw_report('sheet', 'public') WHERE item IS NOT NULL ORDER BY 1;
CREATE TABLE no_apps (app text);
\set VERBOSITY terse
SELECT * FROM amplify_fdw_report('no_apps', 'public');
-- where nothing can be asked, nothing is gone
CREATE SCHEMA nothing;
CREATE TABLE nothing.apps (LIKE apps) PARTITION BY LIST (account_id);
CREATE TABLE nothing.backend_environments (LIKE backend_environments) PARTITION BY LIST (account_id);
CREATE TABLE nothing.branches (LIKE branches) PARTITION BY LIST (account_id);
SELECT state, problem FROM amplify_fdw_report('known', 'nothing') WHERE app_id = 'd9';
DROP SCHEMA nothing CASCADE;
DROP TABLE known, sheet, no_apps;
