-- amplify_fdw_key() makes keys of what people have written down, or says what
-- is wrong with it.
\ir ../test/setup.psql
\pset null -
CREATE TABLE forms (n int GENERATED ALWAYS AS IDENTITY, raw text);
INSERT INTO forms (raw) VALUES
  -- app ids, as they are and as spreadsheets and people leave them
  ('d1a2b3c4d5'), (' d1a2b3c4d5'), (E'd1a2b3c4d5\t\r\n'), ('D1A2B3C4D5'), ('"d1a2b3c4d5"'), ('''d1a2b3c4d5'''),
  (U&'\201Cd1a2b3c4d5\201D'), (U&'\00A0d1a2b3c4d5\200B'), (U&'\FEFF\00ABd1a2b3c4d5\00BB'), ('<d1a2b3c4d5>,'), ('d1a2b3c4d5/'),
  (U&'\2009\00ADd1a2b3c4d5\200C\200D\2060'), (U&'\200E\200Fd1a2b3c4d5\2028'), ('="d1a2b3c4d5"'), ('["d1a2b3c4d5"],'),
  -- ARNs
  ('arn:aws:amplify:us-east-1:111122223333:apps/d1a2b3c4d5'),
  (' "arn:aws:amplify:us-east-1:111122223333:apps/d1a2b3c4d5/backendenvironments/prod" '),
  ('ARN:AWS:AMPLIFY:US-EAST-1:111122223333:APPS/D1A2B3C4D5'),
  ('ARN:AWS:AMPLIFY:US-EAST-1:111122223333:APPS/D1A2B3C4D5/BACKENDENVIRONMENTS/PROD'),
  ('arn:aws:amplify:us-east-1:111122223333:apps/d1a2b3c4d5/backendenvironments/Prod'),
  ('arn:aws:amplify:us-east-1:111122223333:apps/d1a2b3c4d5/branches/feature/One'),
  ('ARN:AWS:AMPLIFY:US-EAST-1:111122223333:APPS/D1A2B3C4D5/BRANCHES/MAIN'),
  ('arn:aws:amplify:us-east-1:111122223333:apps/d1a2b3c4d5/branches/main/jobs/0000000007'),
  ('arn:aws:amplify:us-east-1:111122223333:apps/d1a2b3c4d5/domains/example.com'),
  ('arn:aws-cn:amplify:cn-north-1:111122223333:apps/d1a2b3c4d5'),
  ('arn:aws-us-gov:amplify:us-gov-west-1:111122223333:apps/d1a2b3c4d5'),
  -- addresses
  ('https://us-east-1.console.aws.amazon.com/amplify/apps/d1a2b3c4d5/overview'),
  ('https://us-east-1.console.aws.amazon.com/amplify/apps/d1a2b3c4d5'),
  ('us-east-1.console.aws.amazon.com/amplify/apps/d1a2b3c4d5/branches/feature%2Fone/deployments'),
  ('https://us-east-1.console.aws.amazon.com/amplify/home?region=us-east-1#/d1a2b3c4d5/main/12'),
  ('https://console.aws.amazon.com/amplify/home?region=eu-west-1#/d1a2b3c4d5'),
  ('https://eu-west-1.console.aws.amazon.com/amplify/home#/d1a2b3c4d5?a=b'),
  ('https://111122223333-ab12cd34.us-east-1.console.aws.amazon.com/amplify/apps/d1a2b3c4d5?region=us-east-1'),
  ('HTTPS://US-EAST-1.CONSOLE.AWS.AMAZON.COM/AMPLIFY/APPS/D1A2B3C4D5/OVERVIEW'),
  ('https://cn-north-1.console.amazonaws.cn/amplify/apps/d1a2b3c4d5/overview'),
  ('https://main.d1a2b3c4d5.amplifyapp.com'), ('https://main.d1a2b3c4d5.amplifyapp.com/path?q#f'),
  ('main.d1a2b3c4d5.amplifyapp.com'), ('https://feature-one.d1a2b3c4d5.amplifyapp.com:443/'),
  ('d1a2b3c4d5.amplifyapp.com'), ('Main.D1A2B3C4D5.AmplifyApp.com.');
SELECT n, account_id, region, app_id, environment_name, branch_name, problem FROM forms, amplify_fdw_key(raw) ORDER BY n;

TRUNCATE forms;
INSERT INTO forms (raw) VALUES
  (NULL), (''), (E' \n'), ('""'), ('n/a'), ('x1a2b3c4d5'), ('d1a2 b3c4d5'), ('d1a2b3c4d5a2b3c4d5a2b'), ('us-east-1'), ('N. Virginia'),
  ('111122223333'), (repeat('d', 5000)), ('d1a2b3c4d5/prod'), (U&'d1a2b3c4d5\00E9'),
  ('arn:aws:amplify:us-east-1:111122223333'), ('arn:aws:s3:::bucket'), ('arn:awful:amplify:us-east-1:111122223333:apps/d1'),
  ('arn:aws:amplify:virginia:111122223333:apps/d1a2b3c4d5'), ('arn:aws:amplify:us-east-1:11112222333:apps/d1a2b3c4d5'),
  ('arn:aws:amplify::111122223333:apps/d1a2b3c4d5'), ('arn:aws:amplify:us-east-1:111122223333:apps/x1'),
  ('arn:aws:amplify:us-east-1:111122223333:apps/*'), ('arn:aws:amplify:us-east-1:111122223333:app/d1a2b3c4d5'),
  ('arn:aws:amplify:us-east-1:111122223333:apps/d1a2b3c4d5/backendenvironments'), ('arn:::::'), ('arn:aws:amplify:us-east-1:111122223333:'),
  ('https://example.com/amplify/apps/d1a2b3c4d5'), ('ftp://main.d1a2b3c4d5.amplifyapp.com'), ('https://amplifyapp.com'),
  ('https://evilconsole.aws.amazon.com/amplify/apps/d1a2b3c4d5'), ('https://us-east-1.console.aws.amazon.com/s3/apps/d1a2b3c4d5'),
  ('https://virginia.console.aws.amazon.com/amplify/apps/d1a2b3c4d5'), ('https://console.aws.amazon.com/amplify/home?region=virginia#/d1'),
  ('https://us-east-1.console.aws.amazon.com/amplify/home'), ('https://us-east-1.console.aws.amazon.com/amplify/apps/1'),
  ('https://us-east-1.console.aws.amazon.com/amplify/apps/d1/branches/%00'), ('https://us-east-1.console.aws.amazon.com/amplify/apps/d1/branches/%FF'),
  ('https://us-east-1.console.aws.amazon.com/amplify/apps/d1/branches/%4'), ('https://us-east-1.console.aws.amazon.com/amplify/apps/d1/BRANCHES/MAIN'),
  ('https://a.b.d1a2b3c4d5.amplifyapp.com'), ('https://.d1a2b3c4d5.amplifyapp.com'), ('https://'), ('://'), ('.amplifyapp.com');
SELECT left(raw, 90) AS raw, problem, num_nonnulls(account_id, region, app_id, environment_name, branch_name) AS keys
  FROM forms, amplify_fdw_key(raw) ORDER BY n;

-- no text makes it fail, and whatever gives a key gives one that it gives again
SELECT setseed(0.5);
SELECT count(*) AS texts, count(*) FILTER (WHERE (problem IS NULL) = (app_id IS NULL)) AS wrong,
    count(*) FILTER (WHERE app_id <> (amplify_fdw_key(app_id)).app_id) AS different
  FROM (SELECT string_agg((ARRAY['arn:', 'aws:', 'amplify:', 'us-east-1:', '111122223333:', 'apps/', 'd1a2b3c4d5', '/', 'branches/',
      'BRANCHES/', 'main', 'backendenvironments/', 'jobs/', '1', 'https://', 'us-east-1.', 'console.aws.amazon.com', '/amplify/', 'home',
      '?region=', '#/', '.amplifyapp.com', '%2F', '%', ':', '.', ' ', '"', U&'\00A0', '&'])[1 + random() * 29.99], '')
      FROM generate_series(1, 20000) AS n GROUP BY n / (1 + n % 9)) AS t (raw), amplify_fdw_key(raw);
