-- What the service answers is an error with the SQLSTATE, the words and the
-- hint of the interface, and the session goes on.
\ir ../test/setup.psql
CREATE PROCEDURE pg_temp.attempt(query text) LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
  detail text;
  hint text;
BEGIN
  BEGIN
    EXECUTE 'SELECT count(*) FROM backend_environments WHERE ' || query INTO n;
    RAISE INFO '% rows', n;
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    detail := regexp_replace(detail, 'Request ID: [-0-9a-f]+', 'Request ID: (some)');
    -- what libcurl says differs from version to version
    IF SQLSTATE IN ('HV00M', 'HV00N') AND detail <> '' AND detail !~ '^HTTP status 200. Req|HTTP status [3-5]' THEN
      detail := '(words of libcurl)';
    END IF;
    RAISE INFO E'% %\n%\n%', SQLSTATE, SQLERRM, detail, hint;
  END;
END $$;
\set get 'app_id = ''d1a2b3c4d5'' AND environment_name = ''prod'''
\set list 'app_id = ''d1a2b3c4d5'''
-- one attempt, where more would only be waited for
ALTER SERVER amplify OPTIONS (ADD max_attempts '1', ADD throttle_timeout '0');

-- credentials
\! mockctl fault status=403 code=ExpiredTokenException 'message=The security token included in the request is expired'
CALL pg_temp.attempt(:'get');
\! mockctl fault status=403 code=InvalidSignatureException 'message=The request signature we calculated does not match'
CALL pg_temp.attempt(:'get');
\! mockctl fault status=403 code=UnrecognizedClientException 'message=The security token included in the request is invalid.'
CALL pg_temp.attempt(:'get');
\! mockctl fault status=403 code=MissingAuthenticationTokenException 'message=Missing Authentication Token'
CALL pg_temp.attempt(:'list');
\! mockctl fault status=401 code=UnauthorizedException 'message=Not authorized'
CALL pg_temp.attempt('true');

-- permissions
\! mockctl fault status=403 code=AccessDeniedException 'message=User: x is not authorized to perform: amplify:GetBackendEnvironment'
CALL pg_temp.attempt(:'get');
\! mockctl fault op=ListApps status=403 code=AccessDeniedException messagekey=Message 'message=User: x is not authorized to perform: amplify:ListApps'
CALL pg_temp.attempt('true');
\! mockctl fault op=ListBackendEnvironments status=403 code=AccessDeniedException
CALL pg_temp.attempt('true');

-- the request
\! mockctl fault status=400 code=BadRequestException 'message=Something in it is wrong'
CALL pg_temp.attempt(:'list');
\! mockctl fault status=409 code=none where=none
CALL pg_temp.attempt(:'list');

-- too many requests
\! mockctl fault status=429 code=TooManyRequestsException 'message=Rate exceeded'
CALL pg_temp.attempt(:'get');
\! mockctl fault status=400 code=BadRequestException 'message=Rate exceeded'
CALL pg_temp.attempt(:'get');
\! mockctl fault status=429 code=LimitExceededException 'message=Too many'
CALL pg_temp.attempt(:'get');

-- the service
\! mockctl fault status=500 code=InternalFailureException
CALL pg_temp.attempt(:'get');
\! mockctl fault status=503 code=DependentServiceFailureException
CALL pg_temp.attempt(:'get');
\! mockctl fault status=502 type=text/html 'body=<html><h1>Bad gateway</h1></html>'
CALL pg_temp.attempt(:'get');
\! mockctl fault status=504 type=text/html body=
CALL pg_temp.attempt(:'get');
\! mockctl fault status=501 code=none where=none
CALL pg_temp.attempt(:'get');

-- not found: no row, but only if it is the service that says so
\! mockctl fault status=404 code=NotFoundException
CALL pg_temp.attempt(:'get');
\! mockctl fault status=404 code=ResourceNotFoundException
CALL pg_temp.attempt(:'list');
\! mockctl fault op=ListApps status=404 code=NotFoundException
CALL pg_temp.attempt('true');
\! mockctl fault status=404 type=text/html 'body=<html>nginx</html>'
CALL pg_temp.attempt(:'get');
\! mockctl fault status=404 code=UnknownOperationException
CALL pg_temp.attempt(:'get');

-- an endpoint that is none
\! mockctl fault status=302 redirect=http://127.0.0.1:1/
CALL pg_temp.attempt(:'get');
\! mockctl fault status=200 type=text/html 'body=<html>Welcome</html>'
CALL pg_temp.attempt(:'get');
\! mockctl fault status=200 'body={"apps":[]}'
CALL pg_temp.attempt(:'get');
\! mockctl fault status=200 'body={"backendEnvironments":{}}'
CALL pg_temp.attempt(:'list');
\! mockctl fault status=200 'body=[1]'
CALL pg_temp.attempt(:'get');
\! mockctl fault cut=20
CALL pg_temp.attempt(:'get');
\! mockctl fault reset=headers n=-1
CALL pg_temp.attempt(:'get');
\! mockctl reset
\! mockctl fault badstatus=1
CALL pg_temp.attempt(:'get');
ALTER SERVER amplify OPTIONS (SET endpoint_url 'http://127.0.0.1:1');
CALL pg_temp.attempt(:'get');
ALTER SERVER amplify OPTIONS (SET endpoint_url :'mock');

-- too large, too deep, endless
\! mockctl fault repeat=1
ALTER SERVER amplify OPTIONS (ADD max_response_size '100kB');
CALL pg_temp.attempt(:'get');
ALTER SERVER amplify OPTIONS (DROP max_response_size);
\! mockctl fault nest=2000
CALL pg_temp.attempt(:'get');
\! mockctl fault op=ListBackendEnvironments token=same n=-1
CALL pg_temp.attempt(:'list');
\! mockctl reset
\! mockctl fault op=ListBackendEnvironments token=cycle n=-1
CALL pg_temp.attempt(:'list');
\! mockctl reset
\! mockctl fault op=ListBackendEnvironments token=new n=-1
CALL pg_temp.attempt(:'list');
\! mockctl reset

-- time
\! mockctl fault stall=headers
ALTER SERVER amplify OPTIONS (ADD request_timeout '100ms');
CALL pg_temp.attempt(:'get');
ALTER SERVER amplify OPTIONS (DROP request_timeout);

-- wrong keys, known to the mock
ALTER USER MAPPING FOR CURRENT_USER SERVER amplify OPTIONS (SET secret_access_key 'wrong');
CALL pg_temp.attempt(:'get');
ALTER USER MAPPING FOR CURRENT_USER SERVER amplify OPTIONS (SET access_key_id 'AKIDNOBODY');
CALL pg_temp.attempt(:'get');
ALTER USER MAPPING FOR CURRENT_USER SERVER amplify
  OPTIONS (SET access_key_id 'AKIDEXAMPLE', SET secret_access_key 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY');

-- and on
CALL pg_temp.attempt(:'get');
CALL pg_temp.attempt(:'list');
SELECT handles_in_use FROM amplify_fdw_stats();
