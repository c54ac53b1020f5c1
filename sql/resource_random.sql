-- mock: --data test/mock/everything.json
-- Made-up conditions on the keys of all resources, and joins by some of them,
-- give the rows that a local copy of the tables gives.
\ir ../test/setup.psql
SET client_min_messages = warning;
IMPORT FOREIGN SCHEMA amplify LIMIT TO (artifact_urls) FROM SERVER amplify
  INTO public OPTIONS (import_sensitive 'true');
RESET client_min_messages;

CREATE TEMP TABLE key_values (resource text, key text, value text);
INSERT INTO key_values
  SELECT resource, key, value
    FROM amplify_fdw_resources(),
         regexp_matches(coalesce(get_path, '') || list_path, '{([a-z_]+)}', 'g') AS m(names),
         unnest(names) AS key,
         (VALUES ('app_id', '{d1everything,d2nothing,d3gen2,dmissing,"not one"}'),
                 ('environment_name', '{prod,dev,missing}'),
                 ('branch_name', '{main,a/jobs/1,missing,..}'),
                 ('domain_name', '{everything.example.com,other.example.org,empty.example.org,localhost}'),
                 ('job_id', '{1,5,12,99,x}'),
                 ('artifact_id', '{d1everything/main/0000000001/BUILD/site.zip,missing}'),
                 ('webhook_id', '{wh-1,wh-2,wh-3,wh-9,""}')) AS v(of, texts),
         unnest(texts::text[]) AS value
   WHERE of = key
   GROUP BY 1, 2, 3;

-- one key or several values of it
CREATE FUNCTION random_term(resource text, key text) RETURNS text
LANGUAGE sql AS $$
  SELECT format('t.%I IN (%s)', key, string_agg(quote_literal(value), ', '))
    FROM (SELECT value FROM key_values AS v
           WHERE v.resource = $1 AND v.key = $2
           ORDER BY random() LIMIT ceil(random() * 3)) AS chosen
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
SELECT format('CREATE TEMP TABLE copy_of_%1$s AS TABLE %1$I', resource),
       format('ANALYZE copy_of_%s', resource)
  FROM amplify_fdw_resources()
\gexec

SELECT count(*) AS queries, count(DISTINCT resource) AS resources,
       count(DISTINCT query) > 200 AS varied
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
