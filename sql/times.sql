-- Times are exact to the microsecond, in every form that a service may write.
\ir ../test/setup.psql
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE VIEW t AS SELECT environment_name AS form, create_time AS "time",
    extract(epoch FROM create_time) AS seconds
  FROM backend_environments WHERE app_id = 'd3c4d5e6f7' ORDER BY environment_name COLLATE "C";

-- numbers
\! mockctl data op=put app=d3c4d5e6f7 env='0' createTime=0 >/dev/null
\! for t in 1613753573 1613753573.1 1613753573.15 1613753573.153 1613753573.153000; do mockctl data op=put app=d3c4d5e6f7 env=$t createTime=$t; done | uniq
\! for t in 1613753573.123456 1613753573.000001 1613753573.999999 1613753573.9999996; do mockctl data op=put app=d3c4d5e6f7 env=$t createTime=$t; done | uniq
\! for t in 1.613753573153E9 1.613753573E9 1613753573153E-3 1.6137535731534567e+9 -1 -0.000001 4102444800.999999 -62135596800 253402300799; do mockctl data op=put app=d3c4d5e6f7 env=$t createTime=$t; done | uniq
SELECT * FROM t;

-- ISO 8601
\! mockctl data op=delete app=d3c4d5e6f7 && mockctl data op=put app=d3c4d5e6f7
\! for t in 2021-02-19T16:52:53Z 2021-02-19T16:52:53.153Z 2021-02-19T16:52:53.123456Z 2021-02-19T16:52:53.1234567Z 2021-02-19T16:52:53+01:00 2021-02-19T16:52:53.5-0530 2020-02-29T23:59:60Z 0001-01-01T00:00:00Z; do mockctl data op=put app=d3c4d5e6f7 env=$t createTime=\"$t\"; done | uniq
SELECT * FROM t;

-- null, absent
\! mockctl data op=delete app=d3c4d5e6f7 && mockctl data op=put app=d3c4d5e6f7
\! mockctl data op=put app=d3c4d5e6f7 env=null createTime=null
\! mockctl data op=put app=d3c4d5e6f7 env=absent createTime=
SELECT * FROM t;

-- what is no time
\! mockctl data op=delete app=d3c4d5e6f7 && mockctl data op=put app=d3c4d5e6f7
\! for t in true '"yesterday"' '""' '"2021-02-19"' '"2021-02-19T16:52:53"' '"2021-02-19 16:52:53Z"' '"2021-02-19T16:52:53.Zx"' '[1]' '{"s":1}' '"1613753573"' 1e300 -1e300 1e13 -1e12 '"2021-02-30T00:00:00Z"' '"2021-13-01T00:00:00Z"' '"2021-02-19T24:00:00Z"' '"0000-01-01T00:00:00Z"' 123456789012345678901234567890; do mockctl data op=put app=d3c4d5e6f7 env="$t" createTime="$t"; done | uniq
CREATE FUNCTION pg_temp.attempt(name text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN create_time FROM backend_environments WHERE app_id = 'd3c4d5e6f7' AND environment_name = name;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT environment_name AS form, pg_temp.attempt(environment_name)
  FROM backend_environments WHERE app_id = 'd3c4d5e6f7' ORDER BY environment_name COLLATE "C";
SELECT create_time FROM backend_environments WHERE app_id = 'd3c4d5e6f7' AND environment_name = '1e300';
\echo :SQLSTATE

-- a time that nobody reads does no harm
SELECT count(*) FROM backend_environments WHERE app_id = 'd3c4d5e6f7';
