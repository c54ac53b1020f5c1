/* sql/amplify_fdw--1.0--1.1.sql */

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION amplify_fdw UPDATE TO '1.1'" to load this file. \quit

-- It has other columns.
DROP FUNCTION amplify_fdw_options();

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
