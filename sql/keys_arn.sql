-- An ARN holds both keys: one Get; one of something else costs no call.
\ir ../test/setup.psql
CREATE VIEW e AS SELECT backend_environment_arn AS arn, app_id,
  environment_name AS env FROM backend_environments;
\set arn 'arn:aws:amplify:us-east-1:111122223333:apps/'
\pset tuples_only on

SELECT app_id, env FROM e
  WHERE arn = :'arn' || 'd1a2b3c4d5/backendenvironments/prod';
\! mockctl calls && mockctl reset
SELECT app_id, env FROM e
  WHERE arn IN (:'arn' || 'd1a2b3c4d5/backendenvironments/prod',
                :'arn' || 'd2b3c4d5e6/backendenvironments/dev') ORDER BY 1;
\! mockctl calls && mockctl reset

-- together with other keys
SELECT app_id, env FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod'
  AND arn = :'arn' || 'd1a2b3c4d5/backendenvironments/prod';
\! mockctl calls && mockctl reset
SELECT app_id, env FROM e WHERE app_id = 'd1a2b3c4d5'
  AND arn = :'arn' || 'd1a2b3c4d5/backendenvironments/prod';
\! mockctl calls && mockctl reset
SELECT app_id, env FROM e WHERE app_id = 'd2b3c4d5e6'
  AND arn = :'arn' || 'd1a2b3c4d5/backendenvironments/prod';
SELECT app_id, env FROM e WHERE env = 'dev'
  AND arn = :'arn' || 'd1a2b3c4d5/backendenvironments/prod';
\! mockctl total

-- another region, service, kind or shape
SELECT count(*) FROM e WHERE arn IN
  ('arn:aws:amplify:eu-west-1:111122223333:apps/d1a2b3c4d5/backendenvironments/prod',
   'arn:aws:amplify:us-east-11:111122223333:apps/d1a2b3c4d5/backendenvironments/prod',
   'arn:aws:amplify::111122223333:apps/d1a2b3c4d5/backendenvironments/prod',
   'arn:aws:appsync:us-east-1:111122223333:apps/d1a2b3c4d5/backendenvironments/prod',
   'ARN:aws:amplify:us-east-1:111122223333:apps/d1a2b3c4d5/backendenvironments/prod',
   'arn:aws:amplify:us-east-1:111122223333:apps/d1a2b3c4d5/branches/main',
   'arn:aws:amplify:us-east-1:111122223333:apps/d1a2b3c4d5',
   'arn:aws:amplify:us-east-1:111122223333:apps/d1a2b3c4d5/backendenvironments/',
   'arn:aws:amplify:us-east-1:111122223333:apps//backendenvironments/prod',
   'arn:aws:amplify:us-east-1:111122223333:apps/../backendenvironments/prod',
   'arn:aws:amplify:us-east-1:111122223333:apps/d1a2b3c4d5/backendenvironments/..',
   'arn:aws:amplify:us-east-1', 'apps/d1a2b3c4d5/backendenvironments/prod', 'nonsense', '');
SELECT count(*) FROM e WHERE arn = NULL;
\! mockctl total

-- another account: the service says which one it is, and the row is filtered
SELECT count(*) FROM e WHERE arn =
  'arn:aws:amplify:us-east-1:999999999999:apps/d1a2b3c4d5/backendenvironments/prod';
\! mockctl calls && mockctl reset

-- a name with slashes and colons
\! mockctl data op=put app=d3c4d5e6f7 env=a/b:c backendEnvironmentArn=arn:aws:amplify:us-east-1:111122223333:apps/d3c4d5e6f7/backendenvironments/a/b:c
SELECT app_id, env FROM e WHERE arn = :'arn' || 'd3c4d5e6f7/backendenvironments/a/b:c';
\! mockctl calls && mockctl reset

-- either a key or an ARN
SELECT app_id, env FROM e WHERE app_id = 'd4d5e6f7g8'
  OR arn = :'arn' || 'd1a2b3c4d5/backendenvironments/prod' ORDER BY 1;
\! mockctl calls && mockctl reset
