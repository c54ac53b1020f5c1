-- What options require of one another.
\ir ../test/setup.psql

-- region is required, and stays so
CREATE SERVER s FOREIGN DATA WRAPPER amplify_fdw;
\echo :SQLSTATE
CREATE SERVER s FOREIGN DATA WRAPPER amplify_fdw
  OPTIONS (endpoint_url 'http://127.0.0.1:1');
\echo :SQLSTATE
ALTER SERVER amplify OPTIONS (DROP region);
\echo :SQLSTATE

-- an endpoint is given or built, not both
CREATE SERVER s FOREIGN DATA WRAPPER amplify_fdw
  OPTIONS (region 'us-east-1', endpoint_url 'http://127.0.0.1:1', use_fips 'on');
\echo :SQLSTATE
ALTER SERVER amplify OPTIONS (ADD use_dualstack 'true');
\echo :SQLSTATE
CREATE SERVER s FOREIGN DATA WRAPPER amplify_fdw
  OPTIONS (region 'us-east-1', use_fips 'on', use_dualstack 'on');
\echo :SQLSTATE
ALTER SERVER s OPTIONS (ADD endpoint_url 'http://127.0.0.1:1');
\echo :SQLSTATE

-- an option that is off is no contradiction
ALTER SERVER s OPTIONS (SET use_fips 'off', SET use_dualstack 'off',
                        ADD endpoint_url 'http://127.0.0.1:1');
\echo :SQLSTATE
