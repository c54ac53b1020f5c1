-- Conditions of ON that are about the other side alone: where they are not
-- true, nothing is asked, provided that they can't fail.
-- mock: --generate 12,2
\ir ../test/setup.psql
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD estimated_rows '100000');
CREATE COLLATION loose (provider = icu, locale = 'und', deterministic = false);
SET TimeZone = 'UTC';
CREATE TEMP TABLE inventory AS
  SELECT n AS id, 'd' || lpad(n::text, 11, '0') AS app, CASE n WHEN 5 THEN 'gone' ELSE 'dev' END AS env,
         (ARRAY['Shop', 'billing', NULL])[n % 3 + 1] AS owner, n % 4 = 0 AS wanted,
         now() - n * interval '1 day' AS seen, now()::date + 65 - 10 * n AS day, n::numeric AS price, ('s' || n)::varchar(9) AS tag,
         ('n' || n)::name AS name, jsonb_build_object('env', 'e' || n) AS doc, json_build_object('env', 'e' || n) AS text_doc,
         ('l' || n) COLLATE loose AS loose, 'x' COLLATE "C" AS plain, ARRAY['a', 'b'] AS pair, ARRAY['a'] AS single, 0 AS zero, NULL::text AS nothing
  FROM generate_series(1, 12) AS n;
ANALYZE inventory;
CREATE FUNCTION pg_temp.noisy(i int) RETURNS bool LANGUAGE plpgsql AS $$
  BEGIN RAISE NOTICE 'row %', i; RETURN true; END $$;
CREATE FUNCTION pg_temp.draws(i int) RETURNS bool LANGUAGE plpgsql VOLATILE LEAKPROOF AS $$
  BEGIN RETURN i < 4; END $$;
CREATE FUNCTION pg_temp.joined(condition text, OUT matches bigint, OUT asked bigint) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM amplify_fdw_stats_reset();
  EXECUTE 'SELECT count(e.stack_name) FROM inventory AS i LEFT JOIN backend_environments AS e
    ON e.app_id = i.app AND e.environment_name = i.env AND (' || condition || ')' INTO matches;
  SELECT sum(calls) INTO asked FROM amplify_fdw_stats();
END $$;
SET client_min_messages = warning;

-- asked is how many rows there are for which the condition is true
SELECT condition, matches, asked FROM (VALUES
  ('i.id <= 3'), ('i.id % 4 = 1'), ('mod(i.id, 4) = 1'), ('i.id::bigint % 4 = 1'), ('i.id & 3 = 1'),
  ('i.wanted'), ('i.wanted IS NOT TRUE'), ('NOT i.wanted AND i.id > 6'), ('i.owner IS NULL'),
  ('i.owner = ''Shop'''), ('lower(i.owner) = ''shop'''), ('i.owner IN (''Shop'', ''billing'')'),
  ('i.owner <> ALL (''{Shop,x}'')'), ('i.owner IS DISTINCT FROM ''Shop'''), ('i.id = ANY (ARRAY[1, 2])'),
  ('i.owner LIKE ''S%'''), ('i.owner ILIKE ''s%'''), ('i.owner NOT LIKE ''S\\%'''), ('i.owner ~ ''^[A-Z]'''),
  ('i.owner ~* ''^shop$'''), ('i.owner !~ ''p$'''), ('i.owner LIKE ANY (''{S%,b%,NULL}'')'),
  ('i.name LIKE ''n1%'''), ('i.owner ^@ ''S'''), ('starts_with(i.owner, ''b'')'), ('length(i.owner) > 4'),
  ('substr(i.owner, 1, 1) = ''S'''), ('i.tag = ''s3'''), ('coalesce(i.owner, ''none'') = ''none'''),
  ('CASE WHEN i.wanted THEN i.owner IS NULL ELSE i.id < 3 END'), ('i.price > 10.5'), ('i.seen > now() - interval ''3 days 1 hour'''),
  ('i.doc ->> ''env'' = ''e2'''), ('nullif(i.owner, ''Shop'') IS NULL'), ('(i.id::text || ''x'') = ''7x'''),
  ('i.day < now()'), ('i.loose = ''l1''')
  ) AS v (condition), pg_temp.joined(condition);

-- what might fail waits for the match: all twelve are asked
SELECT condition, matches, asked FROM (VALUES
  ('10 / i.id > 3'), ('i.id % (i.id + 1) > 9'), ('i.id + 1 < 4'), ('(i.id || '''')::int < 4'), ('i.price * 2 < 7'),
  ('i.owner LIKE i.tag'), ('i.owner LIKE i.nothing'), ('i.id::text LIKE ANY (i.pair)'), ('i.text_doc ->> ''env'' = ''e2'''), ('substr(i.owner, 1, i.id) = ''S'''),
  ('split_part(i.owner, ''h'', i.id) = ''S'''), ('pg_temp.noisy(i.id)'), ('pg_temp.draws(i.id)'), ('random() < 2'),
  ('i.seen > now() - interval ''1500 years'''), ('i.seen - interval ''1 day'' < now()'),
  ('EXISTS (SELECT FROM pg_class WHERE oid = i.id::oid)'), ('i.id IN (SELECT 1 FROM pg_class)')
  ) AS v (condition), pg_temp.joined(condition);
-- the same without reading ahead
SET amplify_fdw.read_ahead = 0;
SELECT condition, matches, asked FROM (VALUES ('i.id <= 3'), ('i.wanted'), ('10 / i.id > 3'), ('random() < 2')
  ) AS v (condition), pg_temp.joined(condition);
RESET amplify_fdw.read_ahead;
RESET client_min_messages;

-- that row has no match, so nothing fails
SELECT condition, matches, asked FROM (VALUES
  ('10 / (i.id - 5) > 3'), ('i.env LIKE CASE i.id WHEN 5 THEN E''gone\\'' ELSE ''%'' END'),
  ('(CASE i.id WHEN 5 THEN ''x'' ELSE ''7'' END)::int = 7'),
  ('split_part(i.env, ''/'', i.id - 5) = '''''), ('i.id % (i.id - 5) = 1')
  ) AS v (condition), pg_temp.joined(condition);
-- nor where no row has one: each of these would fail for any that has
CREATE FUNCTION pg_temp.unmatched(condition text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
BEGIN
  EXECUTE 'SELECT count(i.id) FROM inventory AS i LEFT JOIN backend_environments AS e
    ON e.app_id = i.app AND e.environment_name = ''gone'' AND (' || condition || ')
    WHERE e.stack_name IS NULL' INTO n;
  RETURN n;
END $$;
SELECT condition, pg_temp.unmatched(condition) FROM (VALUES
  ('i.env LIKE E''dev\\'''), ('i.loose = i.plain'),
  ('replace(i.loose, ''l'', '''') = ''x'''), ('i.id % i.zero = 1'), ('mod(i.id, i.zero) = 1'), ('ARRAY[i.pair, i.single] IS NULL'),
  ('split_part(i.env, ''/'', i.zero) = ''x'''), ('substr(i.env, 1, i.zero - 1) = ''x''')
  ) AS v (condition);
-- what is refused as it stands is refused
\set VERBOSITY terse
SELECT * FROM pg_temp.joined('i.owner LIKE E''S\\''');
SELECT * FROM pg_temp.joined('i.owner ~ ''(''');
SELECT * FROM pg_temp.joined('i.loose < i.plain');
SELECT i.id, e.stack_name FROM inventory AS i LEFT JOIN backend_environments AS e
  ON e.app_id = i.app AND e.environment_name = i.env AND i.loose < i.plain WHERE i.id = 5;

-- the condition of an inner join is below it, and one of WHERE above
SELECT count(*) FROM inventory AS i JOIN backend_environments AS e
  ON e.app_id = i.app AND e.environment_name = i.env AND i.id <= 3;
\! mockctl reset
SELECT count(*) FROM inventory AS i
  WHERE NOT EXISTS (SELECT FROM backend_environments AS e WHERE e.app_id = i.app AND e.environment_name = i.env AND i.id % 4 = 0);
\! mockctl calls
SELECT count(*), count(e.stack_name) FROM inventory AS i LEFT JOIN backend_environments AS e
  ON e.app_id = i.app AND e.environment_name = i.env WHERE e.app_id IS NULL OR i.id <= 3;
DROP COLLATION loose CASCADE;
