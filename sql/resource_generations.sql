-- mock: --data test/mock/everything.json
-- What deploys a branch's backend: an environment in the first generation, by
-- its ARN, and a stack in the second, which the inventory knows.
\ir ../test/setup.psql
\pset format unaligned
\pset footer off
CREATE TEMP TABLE stacks (stack_arn text, stack_name text, owner text);
INSERT INTO stacks VALUES
  ('arn:aws:cloudformation:us-east-1:111122223333:stack/amplify-gen2-main/2c3d', 'amplify-gen2-main', 'two'),
  ('arn:aws:cloudformation:us-east-1:111122223333:stack/amplify-everything-prod-000001/1',
   'amplify-everything-prod-000001', 'one'),
  ('arn:aws:cloudformation:us-east-1:111122223333:stack/amplify-gone/4e5f', 'amplify-gone', 'nobody');
ANALYZE stacks;
-- the nodes that ask or read ahead, and what they have done
CREATE FUNCTION run(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
    IF line ~ 'Foreign Scan|ReadAhead|Lookup Keys|Rows (Read|Ahead):|API (Operation|Calls|Not Found)' THEN
      RETURN NEXT regexp_replace(line, ' \(actual.*', '');
    END IF;
  END LOOP;
END $$;
SET enable_hashjoin = off;
SET enable_mergejoin = off;

-- apps, branches, environments: each level reads ahead for the next one, and a
-- branch of the second generation has no environment to ask for
SELECT run('SELECT a.name, b.branch_name, e.stack_name
  FROM apps a JOIN branches b USING (app_id)
  LEFT JOIN backend_environments e USING (backend_environment_arn)');
\! mockctl calls && mockctl reset
SELECT a.name, b.branch_name, e.environment_name, s.stack_name, s.owner
  FROM apps a JOIN branches b USING (app_id)
  LEFT JOIN backend_environments e USING (backend_environment_arn)
  LEFT JOIN stacks s ON s.stack_name = e.stack_name OR s.stack_arn = b.backend_stack_arn
 ORDER BY a.name, b.branch_name COLLATE "C";
\! mockctl calls && mockctl reset

-- the second generation alone: apps read ahead for their branches, the stacks are here
SELECT run('SELECT a.name, b.branch_name, s.owner
  FROM apps a JOIN branches b USING (app_id) JOIN stacks s ON s.stack_arn = b.backend_stack_arn');
\! mockctl calls && mockctl reset

-- which stacks no branch has: their ARN is no key of branches, so those are listed once
SET enable_hashjoin = on;
SELECT s.stack_name, s.owner
  FROM stacks s LEFT JOIN branches b ON b.backend_stack_arn = s.stack_arn
  LEFT JOIN backend_environments e ON e.stack_name = s.stack_name
 WHERE b.app_id IS NULL AND e.app_id IS NULL;
\! mockctl calls
DROP FUNCTION run;
