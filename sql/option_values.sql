-- A bad value names the option, the value and what would be acceptable.
\ir ../test/setup.psql

-- Try values for one option; show what becomes of each, and the words of the
-- first refusal.
CREATE FUNCTION pg_temp.try_values(command text, VARIADIC candidates text[])
RETURNS TABLE (outcome text, value text) LANGUAGE plpgsql AS $$
DECLARE
  explained bool := false;
  message text;
  detail text;
BEGIN
  FOREACH value IN ARRAY candidates LOOP
    BEGIN
      EXECUTE format(command, quote_literal(value));
      outcome := 'good';
      RAISE EXCEPTION 'undo' USING ERRCODE = 'ZZZZZ';
    EXCEPTION
      WHEN SQLSTATE 'ZZZZZ' THEN NULL;
      WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
        outcome := SQLSTATE;
    END;
    RETURN NEXT;
    IF outcome <> 'good' AND NOT explained THEN
      explained := true;
      outcome := message;
      value := detail;
      RETURN NEXT;
    END IF;
  END LOOP;
END $$;
\pset format unaligned
\pset tuples_only on
\pset fieldsep ': '

-- server
\set server 'CREATE SERVER s FOREIGN DATA WRAPPER amplify_fdw OPTIONS (region ''us-east-1'', '
SELECT * FROM pg_temp.try_values('CREATE SERVER s FOREIGN DATA WRAPPER amplify_fdw OPTIONS (region %s)',
  'us-east-1', 'eu-central-1', 'cn-north-1', 'us-gov-west-1', 'eusc-de-east-1',
  '', 'US-EAST-1', 'us', 'us-', '-us-east-1', 'us--east-1', 'us_east_1', 'us-east-1 ',
  'us-east-1.evil.example', 'us-east-1/x', 'us-east-1#', 'u1-east-1', 'us-b-c-d-e-f',
  'us-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-1');
SELECT * FROM pg_temp.try_values(:'server' || 'endpoint_url %s)',
  'http://127.0.0.1:8080', 'https://amplify.example.com', 'https://h/base/path', 'https://[::1]:443/',
  '', 'amplify.example.com', 'ftp://h', 'file:///etc/passwd', 'http://', 'http:///x', 'http://:80',
  'http://user@h', 'http://u:p@h', 'http://h?x=1', 'http://h#f', 'http://h/%2e', E'http://h\r\nX: y', 'HTTP://h',
  'http://h:1', 'http://h:65535/x', 'http://H.Example:080', 'http://h:0', 'http://h:65536', 'http://h:99999', 'http://h:',
  'http://h:80:81', 'http://a:1:2', 'http://h:x', 'http://h:-1', 'http://h:+80', 'http://h:8 0',
  'http://[::1', 'http://::1', 'http://[::1]x', 'http://[::1]:', 'http://[::1]:0', 'http://[fe80::1%25eth0]', 'http://[h]',
  'http://[fd00:ec2::23]:8080/x', 'http://[0:0:0:0:0:0:0:1]', 'http://127.1', 'http://2130706433', 'http://0x7f.0.0.1',
  'http://0177.0.0.1', 'http://h;x', 'http://h,x', 'http://a|b', 'http://a b', 'http://h!', 'http://h*',
  'http://$h', 'http://a&b', 'http://(h)', 'http://{h}', 'http://h^', 'http://h`', E'http://h\t', 'http://hé', 'http://h。x',
  'http://h@x', 'http://@h', 'http://:@h', 'http://u@h:80', 'http://h\x', 'http:/h', 'http:h', 'https:///h', 'https:// h',
  'http://h_h', 'http://h-h.x', 'http://h.', 'http://xn--h-cfa');
SELECT * FROM pg_temp.try_values(:'server' || 'proxy %s)', 'http://127.0.0.1:3128', 'socks5://h', '');
SELECT * FROM pg_temp.try_values(:'server' || 'ca_bundle %s)', '/etc/ssl/certs/ca.pem', '');
SELECT * FROM pg_temp.try_values(:'server' || 'use_fips %s)', 'on', 'false', '1', 'maybe', '');
SELECT * FROM pg_temp.try_values(:'server' || 'account_id %s)',
  '111122223333', '000000000000', '', '11112222333', '1111222233334', '1111-2222-3333', 'arn:aws:iam::111122223333:role/r');
SELECT * FROM pg_temp.try_values(:'server' || 'use_dualstack %s)', 'yes', 'no', '2');
SELECT * FROM pg_temp.try_values(:'server' || 'connect_timeout %s)',
  '1', '3100', '5s', '10min', '0', '-1', '600001', '1h', '5 parsecs', 'x', '', '99999999999');
SELECT * FROM pg_temp.try_values(:'server' || 'request_timeout %s)', '1', '600000', '0', '600001');
SELECT * FROM pg_temp.try_values(:'server' || 'throttle_timeout %s)', '0', '1d', '-1', '2d');
SELECT * FROM pg_temp.try_values(:'server' || 'max_attempts %s)', '1', '100', '0', '101', '1 ms', 'three');
SELECT * FROM pg_temp.try_values(:'server' || 'max_concurrency %s)', '1', '1000', '0', '1001');
SELECT * FROM pg_temp.try_values(:'server' || 'max_rate %s)', '0', '0.1', '25', '1e6', '-1', '1000001', 'NaN', '5/s', '10ms');
SELECT * FROM pg_temp.try_values(:'server' || 'max_response_size %s)', '1024', '10MB', '1kB', '1023', '1GB', '10 apples');
SELECT * FROM pg_temp.try_values(:'server' || 'request_cost %s)', '0', '12.5', '1e10', '-1', '1e11', 'NaN', 'infinity', 'x');

-- user mapping
\set mapping 'CREATE USER MAPPING FOR PUBLIC SERVER amplify OPTIONS (secret_access_key ''s'', '
SELECT * FROM pg_temp.try_values(:'mapping' || 'access_key_id %s)', 'AKIDEXAMPLE', '', 'AKID EXAMPLE', E'AKID\nX', 'ÄKID');

-- table and column
\set table 'CREATE FOREIGN TABLE t (app_id text) SERVER amplify OPTIONS ('
SELECT * FROM pg_temp.try_values(:'table' || 'resource %s)', 'backend_environments', '');
SELECT * FROM pg_temp.try_values(:'table' || 'page_size %s)', '1', '100', '0', '101', 'all');
SELECT * FROM pg_temp.try_values(:'table' || 'estimated_rows %s)', '1', '1e6', '0', '-5', '1e13');
SELECT * FROM pg_temp.try_values(:'table' || 'request_cost %s)', '0', '-0.1');
SELECT * FROM pg_temp.try_values(:'table' || 'max_concurrency %s)', '50', '0');
SELECT * FROM pg_temp.try_values(:'table' || 'unique_key %s)', 'false', 'perhaps');
SELECT * FROM pg_temp.try_values(:'table' || 'on_error %s)', 'error', 'warn', 'ignore', 'WARN', '');
SELECT * FROM pg_temp.try_values('CREATE FOREIGN TABLE t (app_id text OPTIONS (field %s)) SERVER amplify', 'app_id', '');
