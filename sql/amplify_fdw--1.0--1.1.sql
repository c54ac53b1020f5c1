/* sql/amplify_fdw--1.0--1.1.sql */

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION amplify_fdw UPDATE TO '1.1'" to load this file. \quit

-- They have other columns.
DROP FUNCTION amplify_fdw_resources();
DROP FUNCTION amplify_fdw_options();
DROP FUNCTION amplify_fdw_fields();

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
