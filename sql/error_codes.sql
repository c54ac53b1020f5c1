-- The code of an error is found wherever the service puts it.
\ir ../test/setup.psql
CREATE PROCEDURE pg_temp.attempt() LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  PERFORM FROM backend_environments WHERE app_id = 'd1a2b3c4d5' AND environment_name = 'prod';
  RAISE INFO 'no error, %', CASE WHEN FOUND THEN 'a row' ELSE 'no row' END;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RAISE INFO '% %', SQLSTATE, regexp_replace(detail, ' Request ID: .*', '');
END $$;
\! mockctl fault status=403 code=AccessDeniedException where=header message=header
CALL pg_temp.attempt();
\! mockctl fault status=403 code=AccessDeniedException where=body message=body
CALL pg_temp.attempt();
\! mockctl fault status=403 code=AccessDeniedException where=Code message=Code
CALL pg_temp.attempt();
\! mockctl fault status=403 code=AccessDeniedException where=type message=type
CALL pg_temp.attempt();
\! mockctl fault status=403 code=AccessDeniedException where=header messagekey=Message message=Message
CALL pg_temp.attempt();

-- with a namespace, with an address
\! mockctl fault status=400 code=com.amazonaws.amplify#AccessDeniedException where=header message=namespace
CALL pg_temp.attempt();
\! mockctl fault status=400 code=AccessDeniedException:http://internal.amazon.com/coral/ where=header message=address
CALL pg_temp.attempt();
\! mockctl fault status=400 code=ns#AccessDeniedException:http://x/ where=type message=both
CALL pg_temp.attempt();
\! mockctl fault status=404 code=com.amazonaws.amplify#NotFoundException where=type
CALL pg_temp.attempt();
\! mockctl fault status=404 code=NotFoundException:x where=header
CALL pg_temp.attempt();

-- two of them are none: it is not AWS that says so
\! mockctl fault status=400 header=x-amzn-errortype:AccessDeniedException 'body={"__type":"BadRequestException","message":"two"}'
CALL pg_temp.attempt();

-- none at all: the status decides
\! mockctl fault status=403 where=none message=none
CALL pg_temp.attempt();
\! mockctl fault status=403 where=none body=
CALL pg_temp.attempt();
\! mockctl fault status=418 where=none body=teapot
CALL pg_temp.attempt();

-- messages are cut at the line's end, and control characters are no part of them
\! mockctl fault status=400 code=BadRequestException 'body={"message":"first\nsecond"}'
CALL pg_temp.attempt();
\! mockctl fault status=400 code=BadRequestException 'body={"message":"esc\u001b[31m tab\t."}'
CALL pg_temp.attempt();
