/* sql/amplify_fdw--1.1.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION amplify_fdw" to load this file. \quit

CREATE FUNCTION amplify_fdw_handler()
RETURNS fdw_handler
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT;

CREATE FUNCTION amplify_fdw_validator(text[], oid)
RETURNS void
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT;

CREATE FOREIGN DATA WRAPPER amplify_fdw
  HANDLER amplify_fdw_handler
  VALIDATOR amplify_fdw_validator;

CREATE FUNCTION amplify_fdw_version()
RETURNS text
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT PARALLEL SAFE;

-- What the tables can show, and by which calls.
CREATE FUNCTION amplify_fdw_resources(
    OUT resource text,
    OUT parent text,
    OUT get_operation text,
    OUT get_path text,
    OUT get_result text,
    OUT list_operation text,
    OUT list_path text,
    OUT list_result text,
    OUT arn text,
    OUT sensitive boolean,
    OUT meaning text)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT PARALLEL SAFE;

-- What can be set by OPTIONS, and by which statements.
CREATE FUNCTION amplify_fdw_options(
    OUT option text,
    OUT location text,
    OUT superuser boolean,
    OUT secret boolean,
    OUT default_value text,
    OUT meaning text)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT PARALLEL SAFE;

-- What a column of a table can be: the values of its option "field".
CREATE FUNCTION amplify_fdw_fields(
    OUT resource text,
    OUT field text,
    OUT type text,
    OUT member text,
    OUT is_key boolean,
    OUT sensitive boolean,
    OUT meaning text)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT PARALLEL SAFE;

-- What this session has asked of each server so far.
CREATE FUNCTION amplify_fdw_stats(
    OUT server_name text,
    OUT calls bigint,
    OUT by_operation jsonb,
    OUT retries bigint,
    OUT throttled bigint,
    OUT not_found bigint,
    OUT failed bigint,
    OUT bytes bigint,
    OUT connections bigint,
    OUT handles_in_use integer)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT PARALLEL RESTRICTED;

CREATE FUNCTION amplify_fdw_stats_reset()
RETURNS void
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT PARALLEL RESTRICTED;

-- What this session keeps per server and user.  failed_at, aws_code and message
-- tell of a role, or another source of credentials, that could not be had when
-- it was last asked; the message only to who may know the mapping.
CREATE FUNCTION amplify_fdw_connections(
    OUT server_name text,
    OUT user_name text,
    OUT valid boolean,
    OUT in_use boolean,
    OUT failed_at timestamptz,
    OUT aws_code text,
    OUT message text)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT PARALLEL RESTRICTED;

CREATE FUNCTION amplify_fdw_disconnect(text)
RETURNS boolean
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT PARALLEL RESTRICTED;

CREATE FUNCTION amplify_fdw_disconnect_all()
RETURNS boolean
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT PARALLEL RESTRICTED;

-- What somebody has written down for an app, an environment or a branch, as
-- keys; or what is wrong with it, and no key.  Leakproof, so that conditions
-- on it are used before a call.
CREATE FUNCTION amplify_fdw_key(
    identifier text,
    OUT account_id text,
    OUT region text,
    OUT app_id text,
    OUT environment_name text,
    OUT problem text,
    OUT branch_name text)
RETURNS record
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE LEAKPROOF PARALLEL SAFE;

-- The name of an environment or a branch without what people leave around it;
-- null if no name is left.
CREATE FUNCTION amplify_fdw_name(text)
RETURNS text
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

-- What on_error 'warn' has left out in the last statement that asked AWS.
CREATE FUNCTION amplify_fdw_failures(
  OUT server_name text, OUT account_id text, OUT region text, OUT table_name text,
  OUT operation text, OUT keys jsonb, OUT sqlstate text, OUT message text,
  OUT aws_code text, OUT http_status integer, OUT request_id text,
  OUT failed_at timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

-- The calls in amplify_fdw_stats(), a row for each operation.
CREATE FUNCTION amplify_fdw_stats_by_operation(
    OUT server_name text,
    OUT operation text,
    OUT calls bigint)
RETURNS SETOF record
LANGUAGE sql STRICT PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT s.server_name, o.key, o.value::bigint
  FROM amplify_fdw_stats() s, jsonb_each_text(s.by_operation) o;
END;

-- The servers that there are, as the current user has them.  valid tells
-- whether there are credentials: in the user mapping, or in that for the server
-- which this one takes them from.  It is null if those options are hidden from
-- the user, as is the role.
CREATE FUNCTION amplify_fdw_servers(
    OUT server_name text,
    OUT region text,
    OUT account_id text,
    OUT role_arn text,
    OUT valid boolean)
RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED
BEGIN ATOMIC
  WITH mapping AS (
    -- the user's own comes before that of PUBLIC
    SELECT DISTINCT ON (m.srvid) m.srvid AS server,
      (SELECT jsonb_object_agg(o.option_name, o.option_value)
       FROM pg_options_to_table(m.umoptions) o) AS options
    FROM pg_user_mappings m
    WHERE m.umuser IN (SELECT 0 UNION ALL SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user)
    ORDER BY m.srvid, m.umuser DESC
  ),
  server AS (
    SELECT s.oid, s.srvname AS name, m.server IS NOT NULL AS has_mapping, m.options,
      (SELECT jsonb_object_agg(o.option_name, o.option_value)
       FROM pg_options_to_table(s.srvoptions) o) AS server_options
    FROM pg_foreign_server s
    JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
    LEFT JOIN mapping m ON m.server = s.oid
    WHERE w.fdwhandler = 'amplify_fdw_handler'::regproc
  )
  SELECT s.name::text, s.server_options ->> 'region', s.server_options ->> 'account_id',
    coalesce(s.options ->> 'role_arn', source.options ->> 'role_arn'),
    CASE WHEN NOT s.has_mapping THEN false
      WHEN s.options ? 'source_server'
      THEN coalesce(has_server_privilege(source.oid, 'USAGE') AND source.has_mapping, false)
        AND source.options ?| ARRAY['access_key_id', 'profile', 'ambient_credentials']
      ELSE s.options ?| ARRAY['access_key_id', 'profile', 'ambient_credentials'] END
  FROM server s LEFT JOIN server source ON source.name = s.options ->> 'source_server'
  ORDER BY s.name;
END;

-- The code of the AWS region that a text names by a code, even in capitals or
-- with underscores, by that of a zone, or by a name such as 'US East (N.
-- Virginia)'; null if it names none, or several.
CREATE FUNCTION amplify_fdw_region(location text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  WITH written AS (
    SELECT translate(lower(location COLLATE "C"), '_', '-') AS code,
      ARRAY(SELECT DISTINCT m[1]
            FROM regexp_matches(translate(lower(location COLLATE "C"), '_', '-'), '[a-z]{2,4}(?:-[a-z]+)+-[0-9]', 'g') m) AS codes,
      regexp_replace(lower(coalesce(substring(location FROM '\((.*)\)'), location) COLLATE "C"), '[^a-z]', '', 'g') AS name
  )
  SELECT CASE WHEN cardinality(w.codes) < 2 THEN coalesce(
    w.codes[1],
    CASE
      WHEN w.code LIKE '%govcloud%' THEN CASE w.name
        WHEN 'useast' THEN 'us-gov-east-1' WHEN 'uswest' THEN 'us-gov-west-1' END
      WHEN w.name = 'central' THEN CASE substring(w.code FROM '[a-z]+')
        WHEN 'canada' THEN 'ca-central-1' WHEN 'mexico' THEN 'mx-central-1' END
    END,
    (SELECT n.code FROM (VALUES
       ('nvirginia', 'us-east-1'), ('northernvirginia', 'us-east-1'), ('virginia', 'us-east-1'),
       ('ohio', 'us-east-2'), ('oregon', 'us-west-2'), ('ncalifornia', 'us-west-1'),
       ('northerncalifornia', 'us-west-1'), ('california', 'us-west-1'), ('canada', 'ca-central-1'),
       ('calgary', 'ca-west-1'), ('mexico', 'mx-central-1'), ('saopaulo', 'sa-east-1'), ('sopaulo', 'sa-east-1'),
       ('ireland', 'eu-west-1'), ('london', 'eu-west-2'), ('paris', 'eu-west-3'), ('frankfurt', 'eu-central-1'),
       ('zurich', 'eu-central-2'), ('stockholm', 'eu-north-1'), ('milan', 'eu-south-1'), ('spain', 'eu-south-2'),
       ('telaviv', 'il-central-1'), ('bahrain', 'me-south-1'), ('uae', 'me-central-1'), ('capetown', 'af-south-1'),
       ('mumbai', 'ap-south-1'), ('hyderabad', 'ap-south-2'), ('hongkong', 'ap-east-1'), ('taipei', 'ap-east-2'),
       ('singapore', 'ap-southeast-1'), ('sydney', 'ap-southeast-2'), ('jakarta', 'ap-southeast-3'),
       ('melbourne', 'ap-southeast-4'), ('malaysia', 'ap-southeast-5'), ('newzealand', 'ap-southeast-6'),
       ('thailand', 'ap-southeast-7'), ('tokyo', 'ap-northeast-1'), ('seoul', 'ap-northeast-2'),
       ('osaka', 'ap-northeast-3'), ('beijing', 'cn-north-1'), ('ningxia', 'cn-northwest-1')
     ) AS n (name, code)
     WHERE n.name = w.name)) END
  FROM written w;
END;

-- The keys that four columns of an inventory give, or what is wrong with them.
-- What the text of the app says comes before the other three.
CREATE FUNCTION amplify_fdw_key(
    account text,
    location text,
    app text,
    environment text,
    OUT account_id text,
    OUT region text,
    OUT app_id text,
    OUT environment_name text,
    OUT problem text)
RETURNS record
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  WITH written AS (
    SELECT k AS key,
      coalesce(k.account_id, e.account_id,
        substring(account FROM 'arn:[^:]*:[^:]*:[^:]*:([0-9]{12})'),
        -- a spreadsheet adds a fraction
        nullif(regexp_replace(regexp_replace(account, '[^0-9A-Za-z.+]', '', 'g'), '\.0+$', ''), '')) AS account_id,
      coalesce(k.region, e.region, nullif(btrim(location), '')) AS region,
      coalesce(k.environment_name, e.environment_name, e.branch_name,
        CASE WHEN NOT a.is_address THEN amplify_fdw_name(environment) END,
        k.branch_name) AS environment_name,
      CASE WHEN a.is_address THEN e.problem END AS name_problem
    FROM amplify_fdw_key(app) k,
      (SELECT environment ~* 'arn:aws|://|[.]amplifyapp[.]com' AS is_address) a,
      amplify_fdw_key(CASE WHEN a.is_address THEN environment END) e
  ),
  judged AS (
    SELECT w.*,
      coalesce((w.key).problem,
        CASE WHEN w.account_id !~ '^[0-9]{1,12}$' THEN 'not an account'
             WHEN w.region IS NOT NULL AND amplify_fdw_region(w.region) IS NULL THEN 'not a region'
             WHEN w.environment_name IS NULL AND w.name_problem <> 'empty' THEN w.name_problem
             WHEN w.environment_name IS NULL THEN 'no environment name' END) AS problem
    FROM written w
  )
  -- and takes zeros away
  SELECT CASE WHEN j.problem IS NULL THEN lpad(j.account_id, 12, '0') END,
    CASE WHEN j.problem IS NULL THEN amplify_fdw_region(j.region) END,
    CASE WHEN j.problem IS NULL THEN (j.key).app_id END,
    CASE WHEN j.problem IS NULL THEN j.environment_name END,
    j.problem
  FROM judged j;
END;

-- What there is of backends by the tables of a schema: a row for each server
-- that has been asked, with no app; for each app, with no environment; for each
-- environment of generation 1, and each branch of generation 2 that has a
-- backend.  With on_error 'warn' also one for each failure, with a problem, of
-- an app or a whole server; what is null in it, is not known to be well.
CREATE FUNCTION amplify_fdw_backends(
    schema regnamespace,
    OUT account_id text,
    OUT region text,
    OUT app_id text,
    OUT app_name text,
    OUT generation integer,
    OUT environment_name text,
    OUT stack text,
    OUT create_time timestamptz,
    OUT update_time timestamptz,
    OUT problem text)
RETURNS SETOF record
LANGUAGE plpgsql STRICT
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  extension_schema CONSTANT text :=
    (SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'amplify_fdw');
BEGIN
  -- all of this first, then what has failed of it
  RETURN QUERY EXECUTE format($query$
      SELECT a.account_id, a.region, a.app_id, a.name, NULL::integer, NULL::text, NULL::text,
        a.create_time, a.update_time, NULL::text
      FROM %1$s.apps a
      UNION ALL
      SELECT e.account_id, e.region, e.app_id, NULL, 1, e.environment_name, e.stack_name,
        e.create_time, e.update_time, NULL
      FROM %1$s.backend_environments e
      UNION ALL
      SELECT b.account_id, b.region, b.app_id, NULL, 2, b.branch_name, b.backend_stack_arn,
        b.create_time, b.update_time, NULL
      FROM %1$s.branches b
      WHERE b.backend_stack_arn IS NOT NULL
    $query$, schema);
  RETURN QUERY EXECUTE format($query$
      SELECT f.account_id, f.region, f.keys ->> 'app_id', NULL::text, NULL::integer, NULL::text, NULL::text,
        NULL::timestamptz, NULL::timestamptz, f.message
      FROM %1$s.amplify_fdw_failures() f
    $query$, extension_schema);
  RETURN QUERY
      SELECT s.options ->> 'account_id', s.options ->> 'region', NULL::text, NULL::text, NULL::integer,
        NULL::text, NULL::text, NULL::timestamptz, NULL::timestamptz, NULL::text
      FROM (SELECT t.ftserver,
              (SELECT jsonb_object_agg(o.option_name, o.option_value)
               FROM pg_foreign_server f, pg_options_to_table(f.srvoptions) o
               WHERE f.oid = t.ftserver) AS options
            FROM pg_class c,
              LATERAL (SELECT c.oid UNION SELECT p.relid FROM pg_partition_tree(c.oid) p) l (relid)
            JOIN pg_foreign_table t ON t.ftrelid = l.relid
            WHERE c.relnamespace = schema AND c.relname IN ('apps', 'backend_environments', 'branches')
            GROUP BY t.ftserver
            HAVING count(DISTINCT c.relname) = 3) s;
END
$function$;

-- An inventory of backends and what there is, and the state of each.  Of the
-- inventory the columns account_id, region, app_id, environment_name and
-- deployed are used, as they are written, and all are returned as item.
CREATE FUNCTION amplify_fdw_report(
    inventory regclass,
    schema regnamespace,
    OUT state text,
    OUT account_id text,
    OUT region text,
    OUT app_id text,
    OUT environment_name text,
    OUT generation integer,
    OUT update_time timestamptz,
    OUT problem text,
    OUT item jsonb)
RETURNS SETOF record
LANGUAGE plpgsql STRICT
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  extension_schema CONSTANT text :=
    (SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'amplify_fdw');
BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute a
                 WHERE a.attrelid = inventory AND a.attname = 'app_id' AND NOT a.attisdropped) THEN
    RAISE EXCEPTION 'inventory "%" has no column "app_id"', inventory
      USING ERRCODE = 'undefined_column',
            HINT = 'Make a view of it with columns account_id, region, app_id, environment_name and deployed.';
  END IF;
  RETURN QUERY EXECUTE format($query$
      WITH item AS MATERIALIZED (
        SELECT i.n, i.item, nullif(btrim(i.item ->> 'deployed'), '')::timestamptz AS deployed, k.*,
          -- what nobody would name one: two names, a quote within, an encoded name
          k.environment_name ~ '[^A-Za-z0-9._/+@#-]' OR k.environment_name ~* '^(n/a|null)$' AS is_odd
        FROM (SELECT row_number() OVER () AS n, to_jsonb(i.*) AS item FROM %1$s i) i,
          %2$s.amplify_fdw_key(i.item ->> 'account_id', i.item ->> 'region', i.item ->> 'app_id',
                               i.item ->> 'environment_name') k
      ),
      seen AS MATERIALIZED (
        SELECT row_number() OVER () AS n, b.* FROM %2$s.amplify_fdw_backends($1) b
      ),
      -- what is not known of an item, fits all; case, of which any language has
      -- rules of its own, matters where both are there
      match AS MATERIALIZED (
        SELECT i.n AS item, s.*
        FROM item i JOIN seen s ON s.app_id = i.app_id
          AND lower(s.environment_name COLLATE "C") = lower(i.environment_name COLLATE "C")
        WHERE coalesce(s.account_id = i.account_id, true) AND coalesce(s.region = i.region, true)
          AND (s.environment_name = i.environment_name
               OR NOT EXISTS (SELECT FROM seen o
                              WHERE o.app_id = s.app_id AND o.environment_name = i.environment_name))
      ),
      found AS (
        SELECT DISTINCT ON (m.item) m.* FROM match m
        ORDER BY m.item, m.update_time DESC NULLS LAST
      ),
      -- whether the app is there; if it is only elsewhere, where
      place AS MATERIALIZED (
        SELECT i.n AS item, bool_or(t.is_here) AS is_here, min(format('%%s, %%s', s.account_id, s.region)) AS elsewhere
        FROM item i JOIN (SELECT DISTINCT b.account_id, b.region, b.app_id FROM seen b) s ON s.app_id = i.app_id,
          LATERAL (SELECT coalesce(s.account_id = i.account_id, true) AND coalesce(s.region = i.region, true)) t (is_here)
        GROUP BY i.n
      ),
      -- servers that were asked, and what has failed of them
      asked AS MATERIALIZED (
        SELECT s.* FROM seen s
        WHERE s.problem IS NOT NULL OR (s.app_id IS NULL AND s.environment_name IS NULL)
      )
      SELECT CASE
          WHEN i.problem IS NOT NULL THEN 'not a key'
          WHEN f.update_time > i.deployed THEN 'drifted'
          WHEN f.n IS NOT NULL THEN 'as known'
          WHEN NOT a.were_asked OR a.problem IS NOT NULL THEN 'could not be asked'
          WHEN NOT p.is_here THEN 'elsewhere'
          WHEN i.is_odd AND p.is_here THEN 'not a key'
          WHEN p.is_here THEN 'environment gone'
          ELSE 'app gone' END,
        coalesce(f.account_id, i.account_id), coalesce(f.region, i.region), i.app_id,
        coalesce(f.environment_name, i.environment_name), f.generation, f.update_time,
        coalesce(i.problem, CASE
          WHEN f.n IS NOT NULL THEN NULL
          WHEN NOT a.were_asked THEN 'no server for this account and region'
          WHEN a.problem IS NOT NULL THEN a.problem
          WHEN NOT p.is_here THEN format('the app is in %%s', p.elsewhere)
          WHEN i.is_odd AND p.is_here THEN 'not a name' END),
        i.item
      FROM item i LEFT JOIN found f ON f.item = i.n LEFT JOIN place p ON p.item = i.n,
        LATERAL (SELECT count(*) FILTER (WHERE s.problem IS NULL) > 0 AS were_asked, min(s.problem) AS problem
                 FROM asked s
                 WHERE coalesce(s.account_id = i.account_id, true) AND coalesce(s.region = i.region, true)
                   AND coalesce(s.app_id = i.app_id, true)) a
      UNION ALL
      SELECT 'unknown to the inventory', s.account_id, s.region, s.app_id, s.environment_name, s.generation,
        s.update_time, NULL, NULL
      FROM seen s
      WHERE s.environment_name IS NOT NULL AND s.n NOT IN (SELECT m.n FROM match m)
    $query$, inventory, extension_schema)
    USING schema;
END
$function$;

-- A sentence on the table and on each of its columns, as COMMENTs, and how
-- many those are.  Comments that there are stay, unless they shall be replaced.
CREATE FUNCTION amplify_fdw_comment(
    relation regclass,
    replace boolean DEFAULT false)
RETURNS bigint
LANGUAGE plpgsql STRICT
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  extension_schema CONSTANT text :=
    (SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'amplify_fdw');
  shown record;
  command text;
  comments bigint := 0;
BEGIN
  -- the table itself, or a partition of it, says what it shows
  SELECT c.relkind, t.ftrelid AS foreign_table,
      coalesce((SELECT o.option_value FROM pg_options_to_table(t.ftoptions) o
                WHERE o.option_name = 'resource'), l.relname) AS resource
    INTO shown
    FROM pg_class c, pg_foreign_table t
    JOIN pg_class l ON l.oid = t.ftrelid
    JOIN pg_foreign_server s ON s.oid = t.ftserver
    JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
    WHERE c.oid = relation
      AND t.ftrelid IN (SELECT relation UNION ALL SELECT p.relid FROM pg_partition_tree(relation) p)
      AND w.fdwhandler = to_regproc(extension_schema || '.amplify_fdw_handler')
    ORDER BY t.ftrelid LIMIT 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION '"%" is not a table of amplify_fdw', relation
      USING ERRCODE = 'wrong_object_type';
  END IF;

  FOR command IN EXECUTE format($query$
      SELECT format('COMMENT ON %%s %%s IS %%L',
          CASE $2 WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, $1, r.meaning)
      FROM %1$s.amplify_fdw_resources() r
      WHERE r.resource = $4 AND ($5 OR obj_description($1, 'pg_class') IS NULL)
      UNION ALL
      SELECT format('COMMENT ON COLUMN %%s.%%I IS %%L', $1, a.attname, f.meaning)
      FROM pg_attribute a
      LEFT JOIN pg_attribute l ON l.attrelid = $3 AND l.attname = a.attname
      JOIN %1$s.amplify_fdw_fields() f ON f.resource = $4 AND f.field =
        coalesce((SELECT o.option_value FROM pg_options_to_table(l.attfdwoptions) o
                  WHERE o.option_name = 'field'), a.attname)
      WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
        AND ($5 OR col_description($1, a.attnum) IS NULL)
    $query$, extension_schema)
    USING relation, shown.relkind, shown.foreign_table, shown.resource, replace
  LOOP
    EXECUTE command;
    comments := comments + 1;
  END LOOP;
  RETURN comments;
END
$function$;

-- The same for all such tables of a schema.
CREATE FUNCTION amplify_fdw_comment_schema(
    schema regnamespace,
    replace boolean DEFAULT false)
RETURNS bigint
LANGUAGE plpgsql STRICT
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  extension_schema CONSTANT text :=
    (SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'amplify_fdw');
  comments bigint;
BEGIN
  EXECUTE format($query$
      SELECT coalesce(sum(%1$s.amplify_fdw_comment(c.oid, $2)), 0)
      FROM pg_class c
      WHERE c.relnamespace = $1 AND c.relkind IN ('f', 'p')
        AND EXISTS (
          SELECT FROM pg_foreign_table t
          JOIN pg_foreign_server s ON s.oid = t.ftserver
          JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
          WHERE t.ftrelid IN (SELECT c.oid UNION ALL SELECT p.relid FROM pg_partition_tree(c.oid) p)
            AND w.fdwhandler = '%1$s.amplify_fdw_handler'::regproc)
    $query$, extension_schema)
    INTO comments USING schema, replace;
  RETURN comments;
END
$function$;

-- A server for each account and region, with the options of another server
-- and the credentials of its user mappings, and a table of each resource over
-- all of them.  What there is already stays as it is; returned is what this
-- call has made.
--
-- All that it makes is one list: kind, name, whether it is there, whether it
-- is as this call would make it, and how it is made.  There is only what
-- belongs to the current user or a superuser: another owner could let whoever
-- reads the table run code of theirs.  Where anything else has the name, the
-- command says so itself.
CREATE FUNCTION amplify_fdw_create_regions(
    source text,
    regions text[],
    accounts text[],
    schema text DEFAULT current_schema(),
    tables text[] DEFAULT NULL,
    on_error text DEFAULT 'error',
    import_sensitive boolean DEFAULT false,
    OUT kind text,
    OUT name text)
RETURNS SETOF record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_column
DECLARE
  extension_schema CONSTANT text :=
    (SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'amplify_fdw');
  trusted CONSTANT oid[] :=
    ARRAY(SELECT oid FROM pg_roles WHERE rolsuper OR rolname = current_user);
  wrapper text;
  server_options text[];
  definitions jsonb;
  there boolean;
  alike boolean;
  command text;
  tables_made regclass[] := '{}';
  objects_left bigint := 0;
  objects_unlike bigint := 0;
BEGIN
  IF source IS NULL OR schema IS NULL OR on_error IS NULL OR import_sensitive IS NULL
    OR regions IS NULL OR array_position(regions, NULL) > 0
    OR accounts IS NULL OR array_position(accounts, NULL) > 0
    OR array_position(tables, NULL) > 0 THEN
    RAISE EXCEPTION 'only argument "tables" of amplify_fdw_create_regions() may be null'
      USING ERRCODE = 'null_value_not_allowed';
  END IF;

  -- an endpoint is one region's; ANALYZE of all tables would list all there is
  SELECT w.fdwname,
      ARRAY(SELECT o.option_name || '=' || o.option_value
            FROM pg_options_to_table(s.srvoptions || CASE
                   WHEN NOT EXISTS (SELECT FROM pg_options_to_table(s.srvoptions) a
                                    WHERE a.option_name = 'analyze')
                   THEN ARRAY['analyze=false'] END) o
            WHERE o.option_name NOT IN ('region', 'account_id', 'endpoint_url', 'sts_endpoint_url'))
    INTO wrapper, server_options
    FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
    WHERE s.srvname = source;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'server "%" does not exist', source
      USING ERRCODE = 'undefined_object';
  END IF;

  -- who owns a schema may put other tables in the place of ours
  IF EXISTS (SELECT FROM pg_namespace n, pg_database d
             WHERE n.nspname = schema AND d.datname = current_database()
               AND n.nspowner <> ALL (trusted || 'pg_database_owner'::regrole::oid || d.datdba)) THEN
    RAISE EXCEPTION 'schema "%" belongs to another user', schema
      USING ERRCODE = 'insufficient_privilege',
            HINT = 'Choose a schema of your own, of a superuser or of the owner of the database.';
  END IF;

  -- the columns of each table
  EXECUTE format($query$
      SELECT jsonb_object_agg(resource, definition)
      FROM (SELECT f.resource,
              jsonb_build_object('columns',
                  string_agg(format('%%I %%s', f.field, f.type), ', ' ORDER BY f.ordinality),
                'fields', jsonb_agg(f.field)) AS definition
            FROM %1$s.amplify_fdw_fields() WITH ORDINALITY f
            JOIN %1$s.amplify_fdw_resources() r ON r.resource = f.resource
            WHERE CASE WHEN $1 IS NULL THEN $2 OR NOT r.sensitive ELSE r.resource = ANY ($1) END
              AND ($2 OR NOT f.sensitive)
            GROUP BY f.resource) AS definition
    $query$, extension_schema)
    INTO definitions USING tables, import_sensitive;
  FOR name IN SELECT t FROM unnest(tables) t WHERE NOT coalesce(definitions ? t, false) LOOP
    RAISE EXCEPTION 'there is no resource "%"', name
      USING ERRCODE = 'fdw_table_not_found',
            HINT = 'SELECT resource FROM amplify_fdw_resources() lists them.';
  END LOOP;

  FOR kind, name, there, alike, command IN
    WITH location AS (
      SELECT DISTINCT a.id, a.role, r.region,
        format('%s_%s_%s', source, a.id, translate(r.region, '-', '_'))::name::text AS server,
        ARRAY['region=' || r.region, 'account_id=' || a.id] AS identity
      FROM unnest(regions) AS r (region),
        (SELECT CASE WHEN e LIKE 'arn:%' THEN split_part(e, ':', 5) ELSE e END AS id,
           CASE WHEN e LIKE 'arn:%' THEN e END AS role
         FROM unnest(accounts) e) AS a
    ),
    definition AS (
      SELECT d.key AS resource, d.value ->> 'columns' AS columns, d.value -> 'fields' AS fields
      FROM jsonb_each(definitions) d
    ),
    partition AS (
      SELECT d.resource, l.id, l.region, l.server,
        d.resource || '_' || l.id AS parent,
        d.resource || '_' || l.id || '_' || translate(l.region, '-', '_') AS child
      FROM location l, definition d
    ),
    server AS (
      SELECT s.srvname::text AS name, s.srvoptions AS options
      FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
      WHERE w.fdwname = wrapper AND s.srvowner = ANY (trusted)
    ),
    relation AS (
      SELECT c.oid, c.relname::text AS name, p.relname::text AS parent,
        s.srvname::text AS server, t.ftoptions AS options
      FROM pg_class c
      LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
      LEFT JOIN pg_class p ON p.oid = i.inhparent AND p.relnamespace = c.relnamespace
      LEFT JOIN pg_foreign_table t ON t.ftrelid = c.oid
      LEFT JOIN pg_foreign_server s ON s.oid = t.ftserver
      WHERE c.relnamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = schema)
        AND c.relowner = ANY (trusted)
        AND NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
                        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                          AND y.typowner <> ALL (trusted))
    ),
    object (step, kind, name, there, alike, command) AS (
      SELECT 1, 'server', quote_ident(l.server), s.name IS NOT NULL,
        s.options @> server_options,
        format('CREATE SERVER %I FOREIGN DATA WRAPPER %I OPTIONS (region %L, account_id %L%s)',
               l.server, wrapper, l.region, l.id,
               (SELECT string_agg(format(', %I %L', o.option_name, o.option_value), '')
                FROM pg_options_to_table(server_options) o))
      FROM location l LEFT JOIN server s ON s.name = l.server AND s.options @> l.identity
      UNION ALL
      -- everybody comes with the keys that they have for the source
      SELECT 2, 'user mapping', quote_ident(l.server),
        EXISTS (SELECT FROM pg_user_mappings m
                WHERE m.srvname = l.server AND m.umuser = 0
                  AND m.umoptions @> ARRAY['source_server=' || source]
                  AND l.role IS NOT DISTINCT FROM
                    (SELECT o.option_value FROM pg_options_to_table(m.umoptions) o
                     WHERE o.option_name = 'role_arn')),
        true,
        format('CREATE USER MAPPING FOR PUBLIC SERVER %I OPTIONS (source_server %L%s)',
               l.server, source, ', role_arn ' || quote_literal(l.role))
      FROM location l
      UNION ALL
      SELECT 3, 'table', format('%I.%I', schema, d.resource), r.oid IS NOT NULL,
        (SELECT coalesce(jsonb_agg(a.attname), '[]') FROM pg_attribute a
         WHERE a.attrelid = r.oid AND a.attnum > 0) @> d.fields,
        format('CREATE TABLE %I.%I (%s) PARTITION BY LIST (account_id)',
               schema, d.resource, d.columns)
      FROM definition d LEFT JOIN relation r
        ON r.name = d.resource AND pg_get_partkeydef(r.oid) = 'LIST (account_id)'
      UNION ALL
      SELECT DISTINCT 4, 'table', format('%I.%I', schema, p.parent), r.oid IS NOT NULL, true,
        format('CREATE TABLE %1$I.%2$I PARTITION OF %1$I.%3$I FOR VALUES IN (%4$L)'
               || ' PARTITION BY LIST (region)',
               schema, p.parent, p.resource, p.id)
      FROM partition p LEFT JOIN relation r ON r.name = p.parent AND r.parent = p.resource
      UNION ALL
      SELECT 5, 'foreign table', format('%I.%I', schema, p.child), r.oid IS NOT NULL,
        r.server = p.server
          AND r.options @> ARRAY['resource=' || p.resource, 'on_error=' || on_error],
        format('CREATE FOREIGN TABLE %1$I.%2$I PARTITION OF %1$I.%3$I FOR VALUES IN (%4$L)'
               || ' SERVER %5$I OPTIONS (resource %6$L, on_error %7$L)',
               schema, p.child, p.parent, p.region, p.server, p.resource, on_error)
      FROM partition p LEFT JOIN relation r ON r.name = p.child AND r.parent = p.parent
    )
    SELECT o.kind, o.name, o.there, coalesce(o.alike, false), o.command
    FROM object o ORDER BY o.step, o.name
  LOOP
    IF there THEN
      objects_left := objects_left + 1;
      objects_unlike := objects_unlike + (NOT alike)::integer;
      CONTINUE;
    END IF;
    EXECUTE command;
    RETURN NEXT;
    IF command LIKE 'CREATE TABLE % PARTITION BY LIST (account_id)' THEN
      tables_made := tables_made || name::regclass;
    END IF;
  END LOOP;
  EXECUTE format('SELECT %s.amplify_fdw_comment(t) FROM unnest($1) t', extension_schema)
    USING tables_made;

  IF objects_unlike > 0 THEN
    RAISE NOTICE 'objects left as they are: %', objects_left
      USING DETAIL = format('Of these, with other options or columns than asked for: %s', objects_unlike),
            HINT = 'Change them with ALTER SERVER or ALTER FOREIGN TABLE, or drop them and call the function again.';
  ELSIF objects_left > 0 THEN
    RAISE NOTICE 'objects left as they are: %', objects_left;
  END IF;
END
$function$;

COMMENT ON FOREIGN DATA WRAPPER amplify_fdw IS 'AWS Amplify';
COMMENT ON FUNCTION amplify_fdw_handler() IS 'handler of foreign-data wrapper amplify_fdw';
COMMENT ON FUNCTION amplify_fdw_validator(text[], oid) IS 'checks options of foreign-data wrapper amplify_fdw';
COMMENT ON FUNCTION amplify_fdw_version() IS 'version of the library';
COMMENT ON FUNCTION amplify_fdw_resources() IS 'what foreign tables can show, and by which calls';
COMMENT ON FUNCTION amplify_fdw_fields() IS 'what columns of foreign tables can show';
COMMENT ON FUNCTION amplify_fdw_options() IS 'options of servers, user mappings, tables and columns';
COMMENT ON FUNCTION amplify_fdw_key(text) IS 'keys that a text gives for an app, an environment or a branch, or what is wrong with it';
COMMENT ON FUNCTION amplify_fdw_name(text) IS 'name of an environment or a branch, without blanks and quotes around it';
COMMENT ON FUNCTION amplify_fdw_region(text) IS 'code of the AWS region that a text names';
COMMENT ON FUNCTION amplify_fdw_key(text, text, text, text) IS 'keys that columns of an inventory give, or what is wrong with them';
COMMENT ON FUNCTION amplify_fdw_backends(regnamespace) IS 'backends that there are by the tables of a schema, and what could not be asked';
COMMENT ON FUNCTION amplify_fdw_report(regclass, regnamespace) IS 'compares an inventory of backends with what there is';
COMMENT ON FUNCTION amplify_fdw_servers() IS 'servers, as the current user has them';
COMMENT ON FUNCTION amplify_fdw_failures() IS 'what was left out of the last statement that asked AWS';
COMMENT ON FUNCTION amplify_fdw_stats() IS 'what this session has asked of each server';
COMMENT ON FUNCTION amplify_fdw_stats_by_operation() IS 'calls that this session has made, by operation';
COMMENT ON FUNCTION amplify_fdw_stats_reset() IS 'sets the statistics of this session to zero';
COMMENT ON FUNCTION amplify_fdw_connections() IS 'what this session keeps for each server and user';
COMMENT ON FUNCTION amplify_fdw_disconnect(text) IS 'drops what this session keeps for a server';
COMMENT ON FUNCTION amplify_fdw_disconnect_all() IS 'drops what this session keeps for all servers';
COMMENT ON FUNCTION amplify_fdw_comment(regclass, boolean) IS 'writes comments on a table and its columns';
COMMENT ON FUNCTION amplify_fdw_comment_schema(regnamespace, boolean) IS 'writes comments on the tables of a schema and their columns';
COMMENT ON FUNCTION amplify_fdw_create_regions(text, text[], text[], text, text[], text, boolean) IS 'makes servers and tables for many regions and accounts';
