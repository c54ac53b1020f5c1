-- mock: --data test/mock/everything.json
-- Made-up conditions on the keys of all resources, and joins by some of them,
-- give the rows that a local copy of the tables gives.
\ir ../test/setup.psql
SET client_min_messages = warning;
IMPORT FOREIGN SCHEMA amplify LIMIT TO (artifact_urls) FROM SERVER amplify
  INTO public OPTIONS (import_sensitive 'true');
RESET client_min_messages;

-- a copy of each table, and values of each of its keys: those that there are,
-- and some that are not
CREATE TEMP TABLE key_values (resource text, key text, value text, made_up boolean);
DO $$
DECLARE
  r record;
BEGIN
  FOR r IN SELECT resource FROM amplify_fdw_resources() ORDER BY 1 LOOP
    EXECUTE format('CREATE TEMP TABLE copy_of_%1$s AS TABLE %1$I', r.resource);
    EXECUTE format('ANALYZE copy_of_%s', r.resource);
  END LOOP;
  FOR r IN SELECT DISTINCT resource, key[1] AS key
             FROM amplify_fdw_resources(),
                  regexp_matches(coalesce(get_path, '') || list_path, '{([a-z_]+)}', 'g') AS key
            ORDER BY 1, 2 LOOP
    EXECUTE format('INSERT INTO key_values SELECT DISTINCT %L, %L, %I, false FROM copy_of_%s ORDER BY 3',
                   r.resource, r.key, r.key, r.resource);
    INSERT INTO key_values SELECT r.resource, r.key, value, true
      FROM unnest('{dmissing,99,missing.example.com,localhost,..,not one,""}'::text[]) AS value;
  END LOOP;
END $$;

-- one key or several values of it
CREATE FUNCTION random_term(resource text, key text) RETURNS text
LANGUAGE sql AS $$
  SELECT format('t.%I IN (%s)', key, string_agg(quote_literal(value), ', '))
    FROM (SELECT value FROM key_values AS v
           WHERE v.resource = $1 AND v.key = $2
           ORDER BY random() + made_up::int * 0.7 LIMIT ceil(random() * 3)) AS chosen
$$;
-- some keys of the resource
CREATE FUNCTION random_arm(resource text) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(random_term($1, key), ' AND ')
    FROM (SELECT key FROM key_values AS v WHERE v.resource = $1
           GROUP BY key ORDER BY random() LIMIT ceil(random() * 3)) AS chosen
$$;
CREATE FUNCTION random_condition(resource text) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg('(' || random_arm($1) || ')', ' OR ')
    FROM generate_series(1, ceil(random() * 3)::int)
$$;
-- the rows of the table and of the copy; the query has %s in place of either
CREATE FUNCTION differs(resource text, query text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  rows text[];
  expected text[];
BEGIN
  query := 'SELECT array_agg(r ORDER BY r) FROM (' || query || ') AS q(r)';
  EXECUTE format(query, quote_ident(resource)) INTO rows;
  EXECUTE format(query, 'copy_of_' || resource) INTO expected;
  RETURN rows IS DISTINCT FROM expected;
END $$;

SELECT setseed(0.42);
SELECT count(*) / count(DISTINCT resource) AS queries_each, count(DISTINCT query) > 200 AS varied,
       count(query) = count(*) AS all_have_keys
  FROM (SELECT resource, 'SELECT t::text FROM %s AS t WHERE ' ||
               random_condition(resource) AS query
          FROM amplify_fdw_resources(), generate_series(1, 30)
        OFFSET 0) AS q;
SELECT resource, query
  FROM (SELECT resource, 'SELECT t::text FROM %s AS t WHERE ' ||
               random_condition(resource) AS query
          FROM amplify_fdw_resources(), generate_series(1, 30)
        OFFSET 0) AS q
 WHERE differs(resource, query);

-- joins by some of the keys, of every plan that there is
CREATE FUNCTION random_join(resource text) RETURNS text LANGUAGE sql AS $$
  SELECT format('SELECT t::text FROM copy_of_%s AS o %s %%s AS t USING (%s)',
                $1, (ARRAY['JOIN', 'LEFT JOIN'])[ceil(random() * 2)],
                string_agg(quote_ident(key), ', '))
    FROM (SELECT key FROM key_values AS v WHERE v.resource = $1
           GROUP BY key ORDER BY random() LIMIT ceil(random() * 3)) AS chosen
$$;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT resource, query
  FROM (SELECT resource, random_join(resource) AS query
          FROM amplify_fdw_resources(), generate_series(1, 5)
        OFFSET 0) AS q
 WHERE differs(resource, query);
SET amplify_fdw.read_ahead = 0;
SELECT resource, query
  FROM (SELECT resource, random_join(resource) AS query
          FROM amplify_fdw_resources(), generate_series(1, 5)
        OFFSET 0) AS q
 WHERE differs(resource, query);
SELECT handles_in_use FROM amplify_fdw_stats();
DROP FUNCTION random_term, random_arm, random_condition, random_join, differs;
