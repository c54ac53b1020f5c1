-- What may pass is tried again, up to max_attempts; what won't is not.
\ir ../test/setup.psql
CREATE VIEW e AS
  SELECT app_id, environment_name AS env FROM backend_environments;
CREATE VIEW counters AS
  SELECT calls, retries, throttled, not_found, failed, handles_in_use FROM amplify_fdw_stats();
\set VERBOSITY terse

\! mockctl fault status=503 n=2
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\! mockctl calls && mockctl reset
SELECT * FROM counters;

-- a List goes on at the page that failed
SELECT amplify_fdw_stats_reset();
ALTER FOREIGN TABLE backend_environments OPTIONS (ADD page_size '1');
\! mockctl fault op=ListBackendEnvironments status=500 code=InternalFailureException skip=1
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' ORDER BY env;
\! mockctl log | grep -o ' [0-9]* List.*pp.*maxResults=1' && mockctl reset
ALTER FOREIGN TABLE backend_environments OPTIONS (DROP page_size);
SELECT * FROM counters;

-- connections that break, empty and cut answers
SELECT amplify_fdw_stats_reset();
\! mockctl fault reset=body
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\! mockctl fault cut=10
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\! mockctl fault status=502 type=text/html body=
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\! mockctl calls && mockctl reset
SELECT * FROM counters;

-- three attempts, and no more
SELECT amplify_fdw_stats_reset();
\! mockctl fault status=503 n=-1
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\echo :SQLSTATE
\! mockctl calls
SELECT * FROM counters;
SELECT amplify_fdw_stats_reset();
ALTER SERVER amplify OPTIONS (ADD max_attempts '1');
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\echo :SQLSTATE
SELECT * FROM counters;
ALTER SERVER amplify OPTIONS (SET max_attempts '5');
\! mockctl reset && mockctl fault status=503 n=4
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\! mockctl calls && mockctl reset

-- some of many: every one is tried for itself
SELECT amplify_fdw_stats_reset();
\! mockctl fault op=ListBackendEnvironments status=500 every=2 n=4
SELECT count(*) FROM e;
\! mockctl reset
SELECT * FROM counters;

-- these are asked once
SELECT amplify_fdw_stats_reset();
\! mockctl fault status=400 code=BadRequestException n=-1
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\! mockctl reset && mockctl fault status=403 code=AccessDeniedException n=-1
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\! mockctl reset && mockctl fault status=404 code=NotFoundException n=-1
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\! mockctl reset && mockctl fault status=501 n=-1
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\! mockctl reset && mockctl fault status=302 redirect=http://127.0.0.1:1/ n=-1
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\! mockctl reset && mockctl fault 'body={}' n=-1
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\! mockctl reset
SELECT * FROM counters;
