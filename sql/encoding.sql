-- mock: --generate 5,14 --odd-names
-- Names go there and come back as they are, whatever is in them.
\ir ../test/setup.psql
CREATE VIEW e AS SELECT app_id, environment_name AS env,
    backend_environment_arn AS arn FROM backend_environments;
SELECT env, to_json(env) AS json, right(arn, -length('arn:aws:amplify:us-east-1:111122223333:apps/')) = app_id || '/backendenvironments/' || env AS arn
  FROM e WHERE app_id = 'd00000000005' ORDER BY env COLLATE "C";
\! mockctl calls && mockctl reset

-- each of them is found again by its name and by its ARN
CREATE FUNCTION pg_temp.found(name text) RETURNS bool
BEGIN ATOMIC SELECT count(*) = 1 FROM e WHERE app_id = 'd00000000005' AND env = name; END;
CREATE FUNCTION pg_temp.found_arn(name text) RETURNS bool
BEGIN ATOMIC SELECT count(*) = 1 FROM e WHERE arn = name; END;
SELECT count(*), count(*) FILTER (WHERE pg_temp.found(env)) AS by_name,
    count(*) FILTER (WHERE pg_temp.found_arn(arn)) AS by_arn
  FROM e WHERE app_id = 'd00000000005';
\! mockctl calls && mockctl reset
SELECT count(*), count(b.env) FROM e AS a LEFT JOIN e AS b USING (app_id, env)
  WHERE app_id = 'd00000000005';

-- and by the filter of the service
SELECT count(*), bool_and(app_id = 'd00000000005') FROM e WHERE env = 'a/b//c';
SELECT count(*), bool_and(app_id = 'd00000000005') FROM e WHERE env = '100%25 %2F %';
SELECT count(*), bool_and(app_id = 'd00000000005') FROM e WHERE env = E'line\nbreak\ttab';
SELECT count(*), bool_and(app_id = 'd00000000005') FROM e WHERE env = 'dév 日本 🚀';
\! mockctl calls && mockctl reset

-- a path of another thing is not reachable through a name
SELECT count(*) FROM e WHERE app_id = 'd00000000005' AND env = '../../apps';
SELECT count(*) FROM e WHERE app_id = 'd00000000005' AND env = 'x?maxResults=1#y';
SELECT count(*) FROM e WHERE app_id = 'd00000000005' AND env = E'x HTTP/1.1\r\nHost: evil';
\! mockctl log | cut -d ' ' -f 2- && mockctl reset

-- what JSON can say and text can't
\! mockctl data op=put app=d00000000001 env=nul 'stackName=json:"a\u0000b"'
SELECT stack_name FROM backend_environments WHERE app_id = 'd00000000001' AND environment_name = 'nul';
\echo :SQLSTATE
\! mockctl data op=put app=d00000000001 env=nul 'stackName=json:"caf\u00e9 \ud83d\ude80 \/ \\ \t"'
SELECT stack_name FROM backend_environments WHERE app_id = 'd00000000001' AND environment_name = 'nul';
\! mockctl data op=put app=d00000000001 env=nul 'stackName=json:7'
SELECT stack_name FROM backend_environments WHERE app_id = 'd00000000001' AND environment_name = 'nul';
\echo :SQLSTATE
\! mockctl data op=put app=d00000000001 env=nul 'stackName=json:""'
SELECT stack_name IS NULL, length(stack_name) FROM backend_environments WHERE app_id = 'd00000000001' AND environment_name = 'nul';
