"""Queries that the differential test compares: fixed shapes and random ones.

{e} stands for the foreign table or for the copy of its data, {copy} for the
suffix of what was made of the copy.  Where the order matters for what comes
out, the query has one.  DML changes rows, and is undone.
"""
import re

# of which each call is a statement of its own
CALLS_FUNCTION = re.compile(r'of_app|count_of')

BOTH = 'b.app_id = i.app AND b.environment_name = i.env'

SHAPES = [
    # keys of one scan
    "SELECT * FROM {e}",
    "SELECT * FROM {e} WHERE app_id = 'd00000000001'",
    "SELECT * FROM {e} WHERE app_id = 'd00000000001' AND environment_name = 'dev'",
    "SELECT * FROM {e} WHERE environment_name = 'dev'",
    "SELECT * FROM {e} WHERE environment_name IN ('dev', 'it''s', 'a/b//c')",
    "SELECT * FROM {e} WHERE app_id IN (SELECT DISTINCT app FROM inventory)",
    "SELECT * FROM {e} WHERE app_id = ANY (ARRAY(SELECT app FROM inventory))",
    "SELECT * FROM {e} WHERE (app_id, environment_name) IN (('d00000000001', 'dev'), ('d00000000005', 'it''s'), ('d00000000001', 'nil'))",
    "SELECT * FROM {e} WHERE app_id = ANY ('{{d00000000001,d00000000005,NULL}}') AND environment_name = ANY (ARRAY['dev', 'a/b//c', ''])",
    "SELECT * FROM {e} WHERE app_id = 'd00000000001' AND environment_name = 'dev' OR app_id = 'd00000000002'",
    "SELECT * FROM {e} WHERE app_id = 'd00000000001' OR environment_name = 'dev'",
    "SELECT * FROM {e} WHERE backend_environment_arn IN (SELECT arn FROM inventory WHERE grp = 1)",
    "SELECT * FROM {e} WHERE region = 'us-east-1' AND app_id = 'd00000000003'",
    "SELECT * FROM {e} WHERE region = 'eu-west-1'",
    "SELECT * FROM {e} WHERE app_id = (SELECT max(app) FROM inventory WHERE app ~ '^d0')",
    "SELECT * FROM {e} WHERE app_id = 'd00000000001' AND app_id = 'd00000000002'",
    "SELECT * FROM {e} WHERE app_id LIKE 'd0000000000%' AND environment_name > 'e'",
    "SELECT * FROM {e} WHERE (app_id, environment_name) IN (VALUES ('d00000000001', 'dev'), ('d00000000005', 'it''s'))",
    # joins of all kinds
    "SELECT i.*, b.* FROM inventory i JOIN {e} b ON " + BOTH,
    "SELECT i.*, b.* FROM inventory i LEFT JOIN {e} b ON " + BOTH,
    "SELECT i.id, b.stack_name FROM inventory i RIGHT JOIN {e} b ON " + BOTH,
    "SELECT i.id, b.stack_name FROM inventory i FULL JOIN {e} b ON " + BOTH,
    "SELECT i.* FROM inventory i WHERE EXISTS (SELECT FROM {e} b WHERE " + BOTH + ")",
    "SELECT i.* FROM inventory i WHERE NOT EXISTS (SELECT FROM {e} b WHERE " + BOTH + ")",
    "SELECT i.* FROM inventory i WHERE (app, env) IN (SELECT app_id, environment_name FROM {e})",
    "SELECT i.* FROM inventory i WHERE app IS NOT NULL AND env IS NOT NULL AND (app, env) NOT IN (SELECT app_id, environment_name FROM {e})",
    "SELECT b.* FROM {e} b WHERE (app_id, environment_name) IN (SELECT app, env FROM inventory)",
    "SELECT b.* FROM {e} b WHERE NOT EXISTS (SELECT FROM inventory i WHERE " + BOTH + ")",
    "SELECT i.id, b.update_time FROM inventory i LEFT JOIN {e} b ON " + BOTH + " AND i.kind = 'amplify'",
    "SELECT i.id, b.update_time FROM inventory i LEFT JOIN {e} b ON " + BOTH + " AND i.id % 2 = 0",
    "SELECT i.id FROM inventory i LEFT JOIN {e} b ON " + BOTH,
    "SELECT i.id, b.app_id FROM inventory i JOIN {e} b ON b.backend_environment_arn = i.arn",
    "SELECT i.id, b.environment_name FROM inventory i JOIN {e} b ON b.app_id = i.app",
    "SELECT i.id, b.app_id FROM inventory i JOIN {e} b ON b.environment_name = i.env AND b.app_id = 'd0000000000' || (i.grp + 1)",
    "SELECT g.title, i.id, b.stack_name FROM groups g LEFT JOIN inventory i USING (grp) LEFT JOIN {e} b ON " + BOTH,
    "SELECT g.title, i.id, b.stack_name FROM groups g LEFT JOIN (inventory i JOIN {e} b ON " + BOTH + ") USING (grp)",
    "SELECT g.title, b.app_id, b.environment_name FROM groups g, inventory i, {e} b WHERE b.app_id = g.main_app AND b.environment_name = i.env AND i.id < 6",
    "SELECT a.app_id, b.environment_name FROM {e} a JOIN {e} b USING (backend_environment_arn)",
    "SELECT a.app_id, b.environment_name FROM {e} a JOIN {e} b USING (app_id) WHERE a.environment_name = 'dev'",
    "SELECT i.id, a.stack_name, b.stack_name FROM inventory i JOIN {e} a ON a.app_id = i.app AND a.environment_name = i.env LEFT JOIN {e} b ON b.app_id = a.app_id AND b.environment_name = 'dev'",
    "SELECT i.id, b FROM inventory i LEFT JOIN {e} b ON " + BOTH + " WHERE i.id < 20 AND b IS DISTINCT FROM NULL AND b.update_time IS NOT NULL",
    "SELECT i.id, b.stack_name FROM inventory i JOIN {e} b ON " + BOTH + " ORDER BY i.id LIMIT 7",
    "SELECT i.id, b.stack_name FROM inventory i LEFT JOIN {e} b ON " + BOTH + " ORDER BY i.id DESC OFFSET 3 LIMIT 4",
    "SELECT n.app_name, b.environment_name FROM names n JOIN {e} b ON b.app_id = n.app_name AND b.environment_name = n.env_varchar",
    "SELECT n.app_char, b.environment_name FROM names n JOIN {e} b ON b.app_id = n.app_char",
    # LATERAL, subqueries, functions, views
    "SELECT i.id, x.* FROM inventory i, LATERAL (SELECT environment_name, update_time FROM {e} b WHERE b.app_id = i.app ORDER BY update_time, environment_name LIMIT 1) x",
    "SELECT i.id, x.n FROM inventory i LEFT JOIN LATERAL (SELECT count(*) n FROM {e} b WHERE " + BOTH + ") x ON true",
    "SELECT i.id, x.* FROM inventory i CROSS JOIN LATERAL (SELECT b.app_id FROM {e} b WHERE " + BOTH + " OFFSET 0) x",
    "SELECT i.id, (SELECT b.stack_name FROM {e} b WHERE " + BOTH + ") FROM inventory i",
    "SELECT i.id FROM inventory i WHERE i.grp = 1 OR EXISTS (SELECT FROM {e} b WHERE " + BOTH + ")",
    "WITH w AS MATERIALIZED (SELECT * FROM {e} WHERE app_id < 'd00000000006') SELECT i.id, w.environment_name FROM inventory i JOIN w ON w.app_id = i.app",
    "SELECT i.id, f.environment_name FROM inventory i, of_app{copy}(i.app) f WHERE i.id < 20",
    "SELECT i.id, count_of{copy}(i.app, i.env) FROM inventory i WHERE i.id < 30 OR i.id > 1000",
    "SELECT i.id, b.stack_name FROM inventory i JOIN mine{copy} b ON " + BOTH,
    "SELECT i.id, b.stack_name FROM inventory i LEFT JOIN safe{copy} b ON " + BOTH,
    "SELECT b.app_id FROM everywhere{copy} b JOIN inventory i ON " + BOTH,
    "SELECT i.id, b.environment_name FROM inventory i LEFT JOIN everywhere{copy} b ON " + BOTH + " AND b.region = 'us-east-1'",
    "SELECT * FROM {e} WHERE app_id = 'd00000000001' UNION ALL SELECT * FROM {e} WHERE environment_name = 'dev'",
    "SELECT i.id, u.stack_name FROM inventory i JOIN (SELECT * FROM {e} UNION ALL SELECT * FROM {e}) u ON u.app_id = i.app AND u.environment_name = i.env",
    # above a scan
    "SELECT app_id, count(*), min(update_time) FROM {e} GROUP BY app_id",
    "SELECT app_id, environment_name, rank() OVER (PARTITION BY app_id ORDER BY environment_name) FROM {e}",
    "SELECT DISTINCT app_id FROM {e} WHERE environment_name <> 'dev'",
    "SELECT k.a, b.stack_name FROM unnest(ARRAY['d00000000001', 'd00000000002', NULL], ARRAY['dev', 'nil', 'dev']) k(a, n) LEFT JOIN {e} b ON b.app_id = k.a AND b.environment_name = k.n",
    "SELECT v.n, b.environment_name FROM (VALUES (1, 'd00000000001'), (2, NULL), (3, 'd00000000005')) v(n, a) LEFT JOIN {e} b ON b.app_id = v.a",
    # keys that are expressions, or of other types
    "SELECT i.id, b.stack_name FROM inventory i JOIN {e} b ON b.app_id = i.app AND b.environment_name = ANY (i.envs)",
    "SELECT i.id, b.stack_name FROM inventory i LEFT JOIN {e} b ON b.app_id = ANY (ARRAY[i.app, 'd00000000003']) AND b.environment_name = i.env",
    "SELECT i.id, b.stack_name FROM inventory i JOIN {e} b ON b.app_id = coalesce(i.app, 'd00000000001') AND b.environment_name = coalesce(nullif(i.env, ''), 'dev')",
    "SELECT i.id, b.stack_name FROM inventory i JOIN {e} b ON b.app_id = lower(btrim(i.app)) AND b.environment_name = CASE WHEN i.grp > 1 THEN i.env ELSE 'test' END",
    "SELECT i.id, b.stack_name FROM inventory i JOIN {e} b ON b.app_id = i.app AND b.environment_name = i.env OR b.app_id = i.app AND b.environment_name = 'dev' WHERE i.id < 20",
    "SELECT i.id, b.environment_name FROM inventory i JOIN {e} b ON (b.app_id, b.environment_name) IN ((i.app, 'dev'), ('d00000000001', i.env)) WHERE i.id % 5 = 0",
    "SELECT g, b.environment_name FROM generate_series(1, 14) g JOIN {e} b ON b.app_id = 'd' || lpad(g::text, 11, '0')",
    "SELECT j.app, b.environment_name FROM jsonb_to_recordset('[{{\"app\": \"d00000000001\"}}, {{\"app\": null}}, {{\"app\": \"d00000000002\"}}]') j(app text) LEFT JOIN {e} b ON b.app_id = j.app",
    "SELECT i.id, b.stack_name FROM inventory i JOIN {e} b ON b.app_id = i.app COLLATE \"C\" AND b.environment_name = i.env",
    "SELECT i.id, b.stack_name FROM inventory i JOIN {e} b ON b.app_id = i.app AND b.app_id = 'd00000000005' AND b.environment_name = i.env",
    "SELECT i.id, b.stack_name FROM inventory i JOIN {e} b ON " + BOTH + " AND b.backend_environment_arn = i.arn",
    # more joins
    "SELECT * FROM (SELECT app AS app_id, env AS environment_name, id FROM inventory) i NATURAL JOIN {e} b",
    "SELECT i.id, b.stack_name, c.stack_name FROM inventory i LEFT JOIN {e} b ON " + BOTH + " LEFT JOIN elsewhere{copy} c ON c.app_id = b.app_id AND c.environment_name = b.environment_name",
    "SELECT i.id, j.id, b.stack_name FROM inventory i LEFT JOIN inventory j ON j.id = i.id + 2000 LEFT JOIN {e} b ON b.app_id = j.app AND b.environment_name = j.env",
    "SELECT i.id, b.stack_name FROM inventory i LEFT JOIN {e} b ON " + BOTH + " WHERE b.app_id IS NULL",
    "SELECT i.id, b.stack_name FROM inventory i LEFT JOIN {e} b ON " + BOTH + " AND b.update_time > '2022-06-01' WHERE i.grp IN (1, 2) OR b.stack_name LIKE '%dev%'",
    "SELECT i.id FROM inventory i LEFT JOIN (SELECT b.*, 1 AS one FROM {e} b WHERE app_id > 'd00000000003') b ON " + BOTH + " WHERE b.one IS NULL",
    "SELECT i.id FROM inventory i WHERE EXISTS (SELECT FROM {e} b JOIN {e} c USING (app_id) WHERE " + BOTH + " AND c.environment_name = 'dev')",
    "SELECT i.id FROM inventory i WHERE NOT EXISTS (SELECT FROM {e} b WHERE " + BOTH + " AND i.kind = 'amplify')",
    "SELECT i.id FROM inventory i WHERE i.env IN (SELECT b.environment_name FROM {e} b WHERE b.app_id = i.app) AND i.app NOT IN (SELECT app_id FROM elsewhere{copy})",
    "SELECT i.id FROM inventory i WHERE i.env > ALL (SELECT b.environment_name FROM {e} b WHERE b.app_id = i.app)",
    "SELECT i.id, b.tableoid = '{e}'::regclass AS same FROM inventory i JOIN {e} b ON " + BOTH,
    "SELECT i, b FROM inventory i LEFT JOIN {e} b ON " + BOTH + " WHERE i.id > 1000",
    "SELECT DISTINCT ON (b.app_id) b.app_id, i.id FROM inventory i JOIN {e} b ON " + BOTH + " ORDER BY b.app_id, i.id",
    "SELECT i.grp, count(*), count(b.app_id), min(b.update_time) FROM inventory i LEFT JOIN {e} b ON " + BOTH + " GROUP BY ROLLUP (i.grp) HAVING count(*) > 2",
    "SELECT i.id, lag(b.stack_name) OVER (PARTITION BY i.app ORDER BY i.id) FROM inventory i LEFT JOIN {e} b ON " + BOTH,
    "SELECT app_id, environment_name FROM {e} EXCEPT SELECT app, env FROM inventory WHERE id % 2 = 0",
    "SELECT app, env FROM inventory INTERSECT ALL SELECT app_id, environment_name FROM {e}",
    "WITH RECURSIVE r(n, app) AS (SELECT 1, 'd00000000001' UNION ALL SELECT n + 1, b.app_id FROM r JOIN {e} b ON b.app_id = 'd' || lpad((n + 1)::text, 11, '0') AND b.environment_name = 'dev' WHERE n < 9) SELECT * FROM r",
    "WITH w AS NOT MATERIALIZED (SELECT * FROM {e}) SELECT i.id, w.stack_name FROM inventory i JOIN w ON w.app_id = i.app AND w.environment_name = i.env WHERE EXISTS (SELECT FROM w v WHERE v.app_id = i.app)",
    # as tools write them
    "SELECT CASE WHEN EXISTS (SELECT FROM {e} b WHERE " + BOTH + ") THEN 'yes' ELSE 'no' END, coalesce((SELECT stack_name FROM {e} b WHERE " + BOTH + "), 'none') FROM inventory i",
    "SELECT i.grp, b.environment_name, count(*) FROM inventory i JOIN {e} b ON " + BOTH + " GROUP BY GROUPING SETS ((i.grp), (b.environment_name), ())",
    "SELECT b.stack_name FROM (SELECT app, env, rank() OVER (PARTITION BY app ORDER BY env) FROM inventory) m JOIN {e} b ON b.app_id = m.app AND b.environment_name = m.env WHERE rank = 1",
    "SELECT i.id FROM inventory i WHERE (SELECT count(*) FROM {e} b WHERE b.app_id = i.app) > (SELECT count(*) FROM elsewhere{copy} b WHERE b.app_id = i.app)",
    "SELECT x.region, b.app_id FROM (VALUES ('us-east-1', 'd00000000001'), ('eu-west-1', 'd00000000002')) x (region, app) JOIN everywhere{copy} b ON b.region = x.region AND b.app_id = x.app",
    "WITH w AS (SELECT app, env FROM inventory), x AS (SELECT w.*, b.stack_name FROM w LEFT JOIN {e} b ON b.app_id = w.app AND b.environment_name = w.env) SELECT app, count(stack_name) FROM x GROUP BY 1",
    "SELECT k.app, b.environment_name FROM inventory i, LATERAL (VALUES (i.app), ('d00000000003')) k (app) LEFT JOIN {e} b ON b.app_id = k.app AND (k.app IS NULL OR b.environment_name <> 'dev') WHERE i.id < 9",
    # two regions
    "SELECT * FROM everywhere{copy}",
    "SELECT * FROM everywhere{copy} WHERE app_id IN ('d00000000001', 'd00000000009') AND environment_name IN ('dev', 'prod')",
    "SELECT i.id, b.region, b.stack_name FROM inventory i LEFT JOIN everywhere{copy} b ON " + BOTH,
    "SELECT i.id, b.region FROM inventory i JOIN everywhere{copy} b ON b.backend_environment_arn = i.arn",
    "SELECT i.id FROM inventory i WHERE NOT EXISTS (SELECT FROM everywhere{copy} b WHERE " + BOTH + ")",
    "SELECT i.id, x.* FROM inventory i, LATERAL (SELECT region, environment_name FROM everywhere{copy} b WHERE b.app_id = i.app ORDER BY 1, 2 LIMIT 2) x",
    "SELECT a.stack_name, b.stack_name FROM {e} a JOIN elsewhere{copy} b USING (app_id, environment_name)",
    "SELECT * FROM twice{copy} WHERE environment_name = 'prod'",
    "SELECT i.id, t.region FROM inventory i LEFT JOIN twice{copy} t ON t.app_id = i.app AND t.environment_name = i.env AND t.region = 'eu-west-1'",
    "SELECT region, count(*) FROM everywhere{copy} GROUP BY region",
    "SELECT i.id, b.stack_name FROM stock i JOIN everywhere{copy} b ON b.region = i.region AND " + BOTH,
    "SELECT i.id, b.stack_name FROM stock i LEFT JOIN everywhere{copy} b ON b.region = i.region AND " + BOTH + " AND i.kind = 'amplify'",
    "SELECT i.id FROM stock i WHERE NOT EXISTS (SELECT FROM everywhere{copy} b WHERE b.region = i.region AND " + BOTH + ")",
    "SELECT i.id, x.* FROM stock i, LATERAL (SELECT b.environment_name, i.id + 1 AS n FROM everywhere{copy} b WHERE b.region = i.region AND b.app_id = i.app) x",
    "SELECT i.id, b.stack_name FROM inventory i LEFT JOIN called{copy} b ON " + BOTH,
    "SELECT i.id, x.n FROM inventory i LEFT JOIN LATERAL (SELECT i.id + count(*) AS n FROM {e} b WHERE b.app_id = i.app GROUP BY b.app_id) x ON x.n > 3",
    "SELECT i.id, (SELECT array_agg(b.environment_name ORDER BY b.environment_name) FROM {e} b WHERE b.app_id = i.app), (SELECT count(*) FROM elsewhere{copy} b WHERE b.app_id = i.app) FROM inventory i",
    # what is looked up stands further below
    "SELECT i.id, b.stack_name, g.title FROM inventory i LEFT JOIN ({e} b JOIN groups g ON g.main_app = b.app_id) ON " + BOTH,
    "SELECT i.id, b.stack_name, c.stack_name FROM inventory i LEFT JOIN ({e} b LEFT JOIN {e} c ON c.app_id = b.app_id AND c.environment_name = 'test') ON " + BOTH,
    "SELECT i.id FROM inventory i WHERE NOT EXISTS (SELECT FROM {e} b JOIN {e} c ON c.app_id = b.app_id WHERE " + BOTH + " AND c.environment_name = 'test')",
    "SELECT i.id, b.stack_name FROM inventory i LEFT JOIN ({e} b JOIN groups g ON g.main_app = b.app_id) ON " + BOTH + " AND i.id % 2 = 0",
    "SELECT i.id, x.* FROM inventory i, LATERAL (SELECT DISTINCT left(environment_name, 1) FROM {e} b WHERE b.app_id = i.app) x",
    "SELECT i.id, x.* FROM inventory i, LATERAL (SELECT environment_name, rank() OVER (ORDER BY environment_name) FROM {e} b WHERE b.app_id = i.app) x",
    "SELECT i.id, x.* FROM inventory i LEFT JOIN LATERAL (SELECT environment_name FROM {e} b WHERE " + BOTH + " UNION ALL SELECT environment_name FROM everywhere{copy} b WHERE b.app_id = i.app) x ON i.grp > 1",
    "SELECT i.id, x.* FROM inventory i LEFT JOIN LATERAL (SELECT b.environment_name, g.title, i.env FROM {e} b JOIN groups g ON g.main_app = b.app_id WHERE b.app_id = i.app ORDER BY 1, 2 LIMIT 2) x ON true",
    "SELECT i.id, x.* FROM inventory i LEFT JOIN LATERAL (SELECT y.* FROM groups g, LATERAL (SELECT max(environment_name) AS last FROM {e} b WHERE b.app_id = i.app AND g.grp = i.grp) y OFFSET 0) x ON x.last <> i.env",
    "SELECT i.id, x.* FROM inventory i LEFT JOIN LATERAL (SELECT b.environment_name, c.stack_name FROM {e} b JOIN {e} c USING (app_id) WHERE b.app_id = i.app OFFSET 0) x ON i.id % 3 = 0",
    "SELECT i.id FROM inventory i WHERE NOT EXISTS (SELECT FROM {e} b JOIN groups g ON g.main_app = b.app_id WHERE " + BOTH + " AND i.kind = 'amplify')",
    # changes of local tables
    "DML UPDATE inventory i SET kind = b.stack_name FROM {e} b WHERE " + BOTH + " RETURNING i.id, i.kind",
    "DML DELETE FROM inventory i USING {e} b WHERE " + BOTH + " AND b.update_time > '2023-01-01' RETURNING i.id",
    "DML INSERT INTO inventory (id, app, env) SELECT 1, app_id, environment_name FROM {e} WHERE app_id = 'd00000000002' RETURNING id, app, env",
    "DML UPDATE inventory i SET env = (SELECT max(environment_name) FROM {e} b WHERE b.app_id = i.app) WHERE id < 20 RETURNING id, env",
    "DML DELETE FROM inventory i WHERE NOT EXISTS (SELECT FROM everywhere{copy} b WHERE " + BOTH + ") RETURNING id",
    "DML UPDATE stock i SET kind = b.stack_name FROM {e} b WHERE " + BOTH + " RETURNING i.id, i.region, i.kind",
    "DML UPDATE stock i SET kind = b.stack_name, grp = 7 FROM everywhere{copy} b WHERE b.region = i.region AND " + BOTH + " RETURNING i.*",
    "DML DELETE FROM stock i USING {e} b WHERE " + BOTH + " RETURNING i.tableoid::regclass, i.id",
    "DML UPDATE parent i SET env = b.stack_name FROM {e} b WHERE " + BOTH + " RETURNING i.tableoid::regclass, i.*",
    "DML DELETE FROM parent i USING {e} b WHERE " + BOTH + " RETURNING i.id",
    "SELECT i.id, b.stack_name FROM inventory i JOIN {e} b ON " + BOTH + " WHERE i.id < 30 FOR UPDATE OF i",
    "SELECT i.id, b.stack_name FROM inventory i LEFT JOIN everywhere{copy} b ON " + BOTH + " ORDER BY i.id, b.region LIMIT 9 FOR UPDATE OF i SKIP LOCKED",
]

# of which each needs all keys of the inventory
JOINS = [
    "SELECT i.id, b.stack_name FROM inventory i JOIN {e} b ON " + BOTH,
    "SELECT i.id, b.stack_name FROM inventory i LEFT JOIN {e} b ON " + BOTH,
    "SELECT i.id FROM inventory i WHERE EXISTS (SELECT FROM {e} b WHERE " + BOTH + ")",
    "SELECT i.id FROM inventory i WHERE NOT EXISTS (SELECT FROM {e} b WHERE " + BOTH + ")",
    "SELECT i.id, l.n FROM inventory i LEFT JOIN LATERAL (SELECT count(*) AS n FROM {e} b WHERE " + BOTH + ") l ON true",
    "SELECT i.id, (SELECT b.stack_name FROM {e} b WHERE " + BOTH + ") FROM inventory i",
]


# What no request has, but may be decided before one: {1} is an app, {2} a name
KNOWN = [
    '{0}.app_id > {1}', '{0}.app_id <> {1}', '{0}.app_id NOT IN ({1}, {2})', "{0}.app_id LIKE '%1'",
    "{0}.app_id ~ '[1-5]$'", '{0}.app_id IS NULL', '{0}.app_id IS NOT DISTINCT FROM {1}',
    'upper({0}.app_id) = upper({1})', '{0}.app_id || {0}.environment_name < {1} || {2}',
    "coalesce({0}.environment_name, 'x') <= {2}", '({0}.app_id < {1}) IS NOT TRUE',
    "CASE WHEN {0}.app_id < {1} THEN {0}.environment_name = {2} ELSE {0}.region > 'a' END",
    "{0}.region <> 'us-east-1'", "{0}.region LIKE 'us-%'", '({0}.app_id, {0}.environment_name) >= ({1}, {2})',
    # what a parameter leaves open: a subquery is one
    "((SELECT nullif({2}, 'dev')) IS NULL OR {0}.environment_name = (SELECT {2}))",
    "{0}.app_id = coalesce((SELECT nullif({1}, 'd00000000003')), {0}.app_id)",
    "CASE WHEN (SELECT {1}) < 'd00000000005' THEN {0}.app_id = {1} ELSE {0}.environment_name = {2} END",
    "((SELECT {2}) = 'dev' AND {0}.app_id IN ({1}, 'd00000000005') OR (SELECT {2}) <> 'dev' AND {0}.app_id > {1})",
]


def random_condition(rng, alias, depth=0):
    """A condition on the foreign table, with an alias"""
    app = "'d%011d'" % rng.randint(1, 14)
    name = rng.choice(["'dev'", "'test'", "'it''s'", "'a/b//c'", "'nil'", "''", 'NULL'])
    kind = rng.randrange(13 if depth < 2 else 10)
    if kind == 0:
        return '%s.app_id = %s' % (alias, app)
    if kind == 1:
        return '%s.environment_name = %s' % (alias, name)
    if kind == 2:
        return "%s.app_id IN (%s, 'd%011d')" % (alias, app, rng.randint(1, 14))
    if kind == 3:
        return "%s.environment_name = ANY (ARRAY[%s, 'prod'])" % (alias, name)
    if kind == 4:
        return "(%s.app_id, %s.environment_name) IN ((%s, %s), (%s, 'dev'))" % (
            alias, alias, app, name, app)
    if kind == 5:
        return '%s.stack_name IS %sNULL' % (alias, rng.choice(['', 'NOT ']))
    if kind == 6:
        return "%s.update_time > '2022-06-01'" % alias
    if kind == 7:
        return "%s.region = '%s'" % (alias, rng.choice(['us-east-1'] * 4 + ['eu-west-1']))
    if kind == 8:
        return ("%s.backend_environment_arn = (SELECT arn FROM inventory WHERE id = %d)"
                % (alias, rng.randint(1, 70)))
    if kind == 9:
        return rng.choice(KNOWN).format(alias, app, name)
    left = random_condition(rng, alias, depth + 1)
    right = random_condition(rng, alias, depth + 1)
    if kind == 10:
        return '(%s OR %s)' % (left, right)
    if kind == 11:
        return '(%s AND %s)' % (left, right)
    return 'NOT (%s)' % left


def random_on(rng, alias):
    """A condition that joins the foreign table to inventory i and groups g"""
    parts = [rng.choice(ONS).format(alias)]
    if rng.random() < 0.3:
        parts.append(rng.choice(["i.kind = 'amplify'", 'i.grp <= 2', 'i.id % 3 = 1',
                                 'i.env IS NOT NULL', 'g.grp > 1']))
    if rng.random() < 0.3:
        parts.append(random_condition(rng, alias))
    return ' AND '.join(parts)


ONS = ['{0}.app_id = i.app AND {0}.environment_name = i.env'] * 4 + [
    '{0}.app_id = i.app',
    '{0}.backend_environment_arn = i.arn',
    "{0}.app_id = i.app AND {0}.environment_name IN (i.env, 'dev')",
    '{0}.app_id = g.main_app AND {0}.environment_name = i.env',
    '{0}.app_id = ANY (ARRAY[i.app, g.main_app]) AND {0}.environment_name = i.env',
    '{0}.app_id = i.app AND {0}.environment_name = ANY (i.envs)',
    "{0}.app_id = coalesce(i.app, g.main_app) AND {0}.environment_name = coalesce(i.env, 'dev')",
    "({0}.app_id = i.app AND {0}.environment_name = i.env"
    " OR {0}.app_id = g.main_app AND {0}.environment_name = 'dev')",
]

# Where the rows come from: mostly the table itself
SOURCES = ['{e}'] * 6 + [
    'everywhere{copy}', 'everywhere{copy}', 'elsewhere{copy}', 'twice{copy}', 'mine{copy}',
    'safe{copy}', 'called{copy}', "(SELECT * FROM {e} WHERE app_id < 'd00000000006')",
    '(SELECT * FROM {e} UNION ALL SELECT * FROM {e})',
    '(SELECT * FROM {e} OFFSET 0)',
]


def random_query(rng):
    """A query over inventory i, groups g and one or two foreign tables"""
    columns = ['i.id', 'g.title']
    where = []
    table = rng.choice(['inventory'] * 3 + ['stock'])
    query = 'FROM %s i %s JOIN groups g ON g.grp = i.grp' % (table, rng.choice(['', 'LEFT']))
    for alias in ('b', 'c')[:rng.choice([1, 1, 2])]:
        query += random_use(rng, alias, columns, where, table == 'stock')
    if rng.random() < 0.5:
        where.append(rng.choice(['i.id < 25', 'i.id > 1000', 'i.grp = 2', "i.kind = 'amplify'"]))
    if where:
        query += ' WHERE ' + ' AND '.join(where)
    return random_top(rng, columns, query)


def random_use(rng, alias, columns, where, partitioned):
    """Join one foreign table, or ask it in a subquery"""
    source = rng.choice(SOURCES) + ' ' + alias
    on = random_on(rng, alias)
    if partitioned and rng.random() < 0.8:
        source = 'everywhere{copy} ' + alias
        on += ' AND %s.region = i.region' % alias
    kind = rng.random()
    if kind < 0.55:
        columns += rng.choice([[], [alias + '.stack_name'], [
            alias + '.app_id', alias + '.environment_name', alias + '.update_time']])
        return ' %s JOIN %s ON %s' % (rng.choice(['', 'LEFT', 'LEFT', 'RIGHT']), source, on)
    if kind < 0.75:
        where.append('%sEXISTS (SELECT FROM %s WHERE %s)' % (
            rng.choice(['', 'NOT ']), source, on))
    elif kind < 0.85:
        columns += ['l%s.x' % alias, 'l%s.n' % alias]
        return (' LEFT JOIN LATERAL (SELECT %s.environment_name AS x, count(*) OVER () AS n'
                ' FROM %s WHERE %s ORDER BY 1 LIMIT 2) l%s ON true' % (alias, source, on, alias))
    elif kind < 0.92:
        columns.append('(SELECT count(*) FROM %s WHERE %s)' % (source, on))
    else:
        where.append('(i.app, i.env) %sIN (SELECT app_id, environment_name FROM %s WHERE %s)'
                     % (rng.choice(['', '', 'NOT ']), source, random_condition(rng, alias)))
    return ''


def random_top(rng, columns, query):
    """What is made of the rows"""
    kind = rng.random()
    if kind < 0.1:
        return 'SELECT %s, count(*) %s GROUP BY 1' % (columns[-1], query)
    query = 'SELECT %s %s' % (', '.join(columns), query)
    if kind < 0.25:
        query += ' ORDER BY %s LIMIT %d' % (
            ', '.join(str(n + 1) for n in range(len(columns))), rng.randint(1, 9))
    elif kind < 0.3:
        query = '%s %s SELECT * FROM (%s) q WHERE id %% 2 = 0' % (
            query, rng.choice(['UNION ALL', 'EXCEPT', 'INTERSECT ALL']), query)
    return query
