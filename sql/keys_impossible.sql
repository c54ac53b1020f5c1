-- What no row can have costs no call.
\ir ../test/setup.psql
CREATE VIEW e AS
  SELECT app_id, environment_name AS env FROM backend_environments;
\pset tuples_only on

-- NULL
SELECT count(*) FROM e WHERE app_id = NULL;
SELECT count(*) FROM e WHERE app_id = NULL::text AND env = 'prod';
SELECT count(*) FROM e WHERE app_id = ANY (NULL::text[]);
SELECT count(*) FROM e WHERE app_id = ANY ('{NULL,NULL}') AND env = 'prod';
SELECT count(*) FROM e WHERE app_id = ANY ('{}') AND env = 'prod';
SELECT count(*) FROM e WHERE app_id = 'd1a2b3c4d5' AND env = (SELECT NULL::text);

-- contradictions
SELECT count(*) FROM e WHERE app_id = 'd1a2b3c4d5' AND app_id = 'd2b3c4d5e6';
SELECT count(*) FROM e WHERE app_id IN ('d1a2b3c4d5', 'dx') AND app_id IN ('dy', 'd2b3c4d5e6');
SELECT count(*) FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod' AND env = 'dev';
SELECT count(*) FROM e WHERE app_id = 'd1a2b3c4d5' AND false;

-- values that AWS has for no app: whoever else is asked may (see keys_junk)
SELECT count(*) FROM e WHERE app_id IN
  ('', 'd', 'x1a2b3c4d5', 'D1A2B3C4D5', 'd1a2b3c4d5 ', ' d1a2b3c4d5', 'd1a2-b3c4', 'd1a2b3c4d5/',
   'd1a2b3c4d5%2f', '../d1a2b3c4d5', 'd1a2b3c4d5?x', E'd1a2b3c4d5\n', 'dé', '.', '..',
   'd12345678901234567890') AND env = 'prod';
SELECT count(*) FROM e WHERE app_id IN ('', '.', '..', 'D1', 'd1a2b3c4d5?maxResults=1');

\! mockctl calls && mockctl reset

-- names that would be another path
SELECT count(*) FROM e WHERE app_id = 'd1a2b3c4d5' AND env IN ('', '.', '..');
SELECT count(*) FROM e WHERE app_id = 'd1a2b3c4d5' AND env = repeat('x', 256);
SELECT count(*) FROM e WHERE app_id = 'd1a2b3c4d5' AND env = repeat('é', 256);
\! mockctl total

-- 255 characters and '...' are names
SELECT count(*) FROM e WHERE app_id = 'd1a2b3c4d5' AND env = repeat('é', 255);
SELECT count(*) FROM e WHERE app_id = 'd1a2b3c4d5' AND env = '...';
SELECT count(*) FROM e WHERE app_id = 'd2345678901234567890' AND env = 'x';
\! mockctl calls && mockctl reset

-- what is possible beside what is not
SELECT env FROM e WHERE app_id = 'd1a2b3c4d5' AND env = ANY ('{NULL,prod,.,""}');
\! mockctl calls && mockctl reset
SELECT app_id FROM e WHERE (app_id = 'nonsense' OR app_id = 'd1a2b3c4d5') AND env = 'prod';
\! mockctl calls && mockctl reset
SELECT app_id FROM e WHERE app_id IN ('d1a2b3c4d5', 'd2b3c4d5e6')
  AND app_id IN ('d2b3c4d5e6', 'd4d5e6f7g8') AND env = 'prod';
\! mockctl calls && mockctl reset

-- a key is never NULL, nor is the region
SELECT count(*) FROM backend_environments WHERE app_id IS NULL;
SELECT count(*) FROM backend_environments WHERE environment_name IS NULL;
SELECT count(*) FROM backend_environments WHERE region IS NULL OR app_id IS NULL;
SELECT count(*) FROM backend_environments WHERE app_id = 'd1a2b3c4d5' AND environment_name IS NULL;
\! mockctl calls
SELECT count(*) FROM backend_environments WHERE app_id IS NULL OR app_id = 'd1a2b3c4d5';
\! mockctl calls && mockctl reset
