-- Options are checked when they are set.  What another version has stored, or
-- somebody wrote into the catalog, is an error where it is used.
\ir ../test/setup.psql
UPDATE pg_foreign_server SET srvoptions = array_append(srvoptions, 'colour=red')
  WHERE srvname = 'amplify';
SELECT count(*) FROM backend_environments WHERE app_id = 'd1a2b3c4d5';
\echo :SQLSTATE
UPDATE pg_foreign_server SET srvoptions[3] = 'max_attempts=many'
  WHERE srvname = 'amplify';
SELECT count(*) FROM backend_environments WHERE app_id = 'd1a2b3c4d5';
\echo :SQLSTATE
UPDATE pg_foreign_server SET srvoptions = srvoptions[2:2]
  WHERE srvname = 'amplify';
SELECT count(*) FROM backend_environments WHERE app_id = 'd1a2b3c4d5';
\echo :SQLSTATE
\! mockctl total
