/* sql/amplify_fdw--1.0.sql */

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
    OUT sensitive boolean)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT PARALLEL SAFE;

-- What a column of a table can be: the values of its option "field".
CREATE FUNCTION amplify_fdw_options(
    OUT option text,
    OUT place text,
    OUT superuser boolean,
    OUT secret boolean,
    OUT default_value text,
    OUT otherwise text,
    OUT meaning text)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C STRICT PARALLEL SAFE;

CREATE FUNCTION amplify_fdw_fields(
    OUT resource text,
    OUT field text,
    OUT type text,
    OUT member text,
    OUT is_key boolean,
    OUT sensitive boolean)
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
