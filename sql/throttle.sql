-- mock: --data test/mock/demo.json
-- mock: --data test/mock/demo.json
-- Throttling slows a query down and doesn't fail it, while patience lasts.
\ir ../test/setup.psql
CREATE VIEW e AS
  SELECT app_id, environment_name AS env FROM backend_environments;
CREATE VIEW counters AS
  SELECT calls, retries, throttled, failed, handles_in_use FROM amplify_fdw_stats();
\set VERBOSITY terse
-- patience without an end is an error here
SET statement_timeout = '10min';

\! mockctl fault status=429 code=TooManyRequestsException n=3
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\! mockctl calls && mockctl reset
SELECT * FROM counters;

-- in all of its forms; no attempt is counted, so one is enough
ALTER SERVER amplify OPTIONS (ADD max_attempts '1');
\! mockctl fault status=400 code=BadRequestException 'message=Rate exceeded' n=2
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\! mockctl calls && mockctl reset
\! mockctl fault status=400 code=ThrottlingException n=2
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\! mockctl calls && mockctl reset
\! mockctl fault status=503 code=SlowDown
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\! mockctl calls && mockctl reset
\! mockctl fault status=429 where=none body=
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\! mockctl calls && mockctl reset
\! mockctl fault status=429 code=LimitExceededException
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\! mockctl calls && mockctl reset

-- the whole list under a rate limit: every row, and more calls than needed
\! mockctl rate rps=200 burst=2
SELECT count(*) FROM e;
\! mockctl reset
SELECT failed, handles_in_use FROM counters;

-- a bound of one's own is kept before there is a refusal: nothing is asked twice
ALTER SERVER amplify OPTIONS (ADD max_rate '20');
\! mockctl rate rps=40 burst=5
SELECT count(*) FROM e WHERE app_id = ANY (ARRAY(SELECT 'd' || n FROM generate_series(1, 20) AS n)) AND env = 'prod';
\! mockctl calls && mockctl reset
ALTER SERVER amplify OPTIONS (DROP max_rate);

-- who was refused first is asked again first, by a session that knows no rate yet
\c -
SET statement_timeout = '10min';
ALTER SERVER amplify OPTIONS (ADD max_concurrency '4');
\! mockctl fault status=429 code=TooManyRequestsException n=4 header=Retry-After:1
SELECT count(*) FROM e WHERE app_id = ANY ('{d1,d2,d3,d4,d5,d6,d7,d8,d9}') AND env = 'prod';
\! mockctl log | awk 'NR > 4 && !($4 ~ "/d[1-4]/" && ++again) && ++others > again && again < 4 { print "too early:", $4 } END { print NR }' && mockctl reset
ALTER SERVER amplify OPTIONS (DROP max_concurrency);

-- the end of patience
ALTER SERVER amplify OPTIONS (ADD throttle_timeout '200ms');
\! mockctl fault status=429 code=TooManyRequestsException n=-1
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\echo :SQLSTATE
\! mockctl reset

-- the hint fits a query that asks for all there is, for it can't ask for fewer keys
\! mockctl fault status=429 code=TooManyRequestsException n=-1
\set VERBOSITY default
DO $$ BEGIN PERFORM FROM e WHERE env = 'prod'; EXCEPTION WHEN OTHERS THEN
  DECLARE hint text; BEGIN GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT; RAISE INFO '%', hint; END; END $$;
\set VERBOSITY terse
\! mockctl reset

-- a server that asks for more time than that is not waited for
\! mockctl fault status=429 code=TooManyRequestsException header=Retry-After:60 n=-1
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\echo :SQLSTATE
\! mockctl calls && mockctl reset
-- nor asked meanwhile
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\echo :SQLSTATE
SELECT count(*) FROM e WHERE app_id = ANY (ARRAY(SELECT 'd' || n FROM generate_series(1, 20) AS n)) AND env = 'prod';
\! mockctl calls
-- nor one that says until when
\getenv mock AMPLIFY_MOCK_URL_2
ALTER SERVER amplify OPTIONS (SET endpoint_url :'mock');
\! mockctl 2 fault status=429 code=TooManyRequestsException 'header=Retry-After:Thu, 31 Dec 2099 23:59:59 GMT' n=-1
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
SELECT * FROM e WHERE app_id = 'd1a2b3c4d5' AND env = 'prod';
\! mockctl 2 calls && mockctl 2 reset
