-- mock: --generate 25,4
-- Table option page_size sets maxResults of a page, up to what the API allows.
\ir ../test/setup.psql
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD page_size '3');
SELECT count(*) FROM backend_environments WHERE app_id = 'd00000000001';
\! mockctl calls
\! mockctl log | grep -o 'maxResults=[0-9]*' | sort | uniq -c
\! mockctl reset
SELECT count(*) FROM backend_environments;
\! mockctl calls
\! mockctl reset

-- ListApps has a greater maximum
ALTER FOREIGN TABLE backend_environments OPTIONS (SET page_size '100');
SELECT count(*) FROM backend_environments;
\! mockctl calls
\! mockctl log | grep -o 'maxResults=[0-9]*' | sort | uniq -c
