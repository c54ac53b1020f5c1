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
AS 'MODULE_PATHNAME', 'amplify_fdw_resources_1_1'
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
AS 'MODULE_PATHNAME', 'amplify_fdw_options_1_1'
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
AS 'MODULE_PATHNAME', 'amplify_fdw_fields_1_1'
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

-- What this session keeps per server and user.
CREATE FUNCTION amplify_fdw_connections(
    OUT server_name text,
    OUT user_name text,
    OUT valid boolean,
    OUT in_use boolean)
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

-- A server for each account and region, with the options of another server
-- and the credentials of its user mappings, and a table of each resource over
-- all of them.  What there is already stays as it is; returned is what this
-- call has made.
--
-- All that it makes is one list: kind, name, whether it is there, and how it
-- is made.  Where something else has the name, the command says so itself.
CREATE FUNCTION amplify_fdw_create_regions(
    source text,
    regions text[],
    accounts text[],
    schema text DEFAULT current_schema(),
    tables text[] DEFAULT NULL,
    on_error text DEFAULT 'warn',
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
  wrapper text;
  source_owner oid;
  server_options text;
  definitions jsonb;
  command text;
BEGIN
  IF source IS NULL OR schema IS NULL OR on_error IS NULL OR import_sensitive IS NULL
    OR regions IS NULL OR array_position(regions, NULL) > 0
    OR accounts IS NULL OR array_position(accounts, NULL) > 0
    OR array_position(tables, NULL) > 0 THEN
    RAISE EXCEPTION 'only argument "tables" of amplify_fdw_create_regions() may be null'
      USING ERRCODE = 'null_value_not_allowed';
  END IF;

  -- an endpoint is one region's
  SELECT w.fdwname, s.srvowner,
      (SELECT string_agg(format(', %I %L', o.option_name, o.option_value), '')
       FROM pg_options_to_table(s.srvoptions) o
       WHERE o.option_name NOT IN ('region', 'account_id', 'endpoint_url', 'sts_endpoint_url'))
    INTO wrapper, source_owner, server_options
    FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
    WHERE s.srvname = source;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'server "%" does not exist', source
      USING ERRCODE = 'undefined_object';
  END IF;

  -- the columns of each table
  EXECUTE format($query$
      SELECT jsonb_object_agg(resource, columns)
      FROM (SELECT f.resource,
              string_agg(format('%%I %%s', f.field, f.type), ', ' ORDER BY f.ordinality) AS columns
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

  FOR kind, name, command IN
    WITH place AS (
      SELECT DISTINCT a.id, a.role, r.region,
        format('%s_%s_%s', source, a.id, translate(r.region, '-', '_'))::name::text AS server
      FROM unnest(regions) AS r (region),
        (SELECT CASE WHEN e LIKE 'arn:%' THEN split_part(e, ':', 5) ELSE e END AS id,
           CASE WHEN e LIKE 'arn:%' THEN e END AS role
         FROM unnest(accounts) e) AS a
    ),
    definition AS (
      SELECT d.key AS resource, d.value AS columns FROM jsonb_each_text(definitions) d
    ),
    partition AS (
      SELECT d.resource, p.id, p.region, p.server,
        d.resource || '_' || p.id AS parent,
        d.resource || '_' || p.id || '_' || translate(p.region, '-', '_') AS child
      FROM place p, definition d
    ),
    object (step, kind, name, there, command) AS (
      -- whose owner will say where the credentials of all users go
      SELECT 1, 'server', quote_ident(p.server),
        EXISTS (SELECT FROM pg_foreign_server s JOIN pg_roles r ON r.oid = s.srvowner
                WHERE s.srvname = p.server
                  AND s.srvoptions @> ARRAY['region=' || p.region, 'account_id=' || p.id]
                  AND (r.rolsuper OR r.rolname = current_user OR r.oid = source_owner)),
        format('CREATE SERVER %I FOREIGN DATA WRAPPER %I OPTIONS (region %L, account_id %L%s)',
               p.server, wrapper, p.region, p.id, server_options)
      FROM place p
      UNION ALL
      -- everybody comes with the keys that he has for the source
      SELECT 2, 'user mapping', quote_ident(p.server),
        EXISTS (SELECT FROM pg_user_mappings m
                WHERE m.srvname = p.server AND m.umuser = 0
                  AND m.umoptions @> ARRAY['source_server=' || source]
                  AND p.role IS NOT DISTINCT FROM
                    (SELECT o.option_value FROM pg_options_to_table(m.umoptions) o
                     WHERE o.option_name = 'role_arn')),
        format('CREATE USER MAPPING FOR PUBLIC SERVER %I OPTIONS (source_server %L%s)',
               p.server, source, ', role_arn ' || quote_literal(p.role))
      FROM place p
      UNION ALL
      SELECT 3, 'table', format('%I.%I', schema, d.resource),
        coalesce(pg_get_partkeydef(to_regclass(format('%I.%I', schema, d.resource)))
                 = 'LIST (account_id)', false),
        format('CREATE TABLE %I.%I (%s) PARTITION BY LIST (account_id)',
               schema, d.resource, d.columns)
      FROM definition d
      UNION ALL
      SELECT DISTINCT 4, 'table', format('%I.%I', schema, p.parent),
        EXISTS (SELECT FROM pg_inherits i
                WHERE i.inhrelid = to_regclass(format('%I.%I', schema, p.parent))
                  AND i.inhparent = to_regclass(format('%I.%I', schema, p.resource))),
        format('CREATE TABLE %1$I.%2$I PARTITION OF %1$I.%3$I FOR VALUES IN (%4$L)'
               || ' PARTITION BY LIST (region)',
               schema, p.parent, p.resource, p.id)
      FROM partition p
      UNION ALL
      SELECT 5, 'foreign table', format('%I.%I', schema, p.child),
        EXISTS (SELECT FROM pg_inherits i
                WHERE i.inhrelid = to_regclass(format('%I.%I', schema, p.child))
                  AND i.inhparent = to_regclass(format('%I.%I', schema, p.parent))),
        format('CREATE FOREIGN TABLE %1$I.%2$I PARTITION OF %1$I.%3$I FOR VALUES IN (%4$L)'
               || ' SERVER %5$I OPTIONS (resource %6$L, on_error %7$L)',
               schema, p.child, p.parent, p.region, p.server, p.resource, on_error)
      FROM partition p
    )
    SELECT o.kind, o.name, o.command FROM object o WHERE NOT o.there ORDER BY o.step, o.name
  LOOP
    EXECUTE command;
    RETURN NEXT;
  END LOOP;
END
$function$;
