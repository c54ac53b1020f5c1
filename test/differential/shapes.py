"""Queries that the differential test compares: fixed shapes and random ones.

{e} stands for the foreign table or for the copy of its data, {copy} for the
suffix of what was made of the copy.  Where the order matters for what comes
out, the query has one.
"""

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
    # changes of local tables; DML: rolled back
    "DML UPDATE inventory i SET kind = b.stack_name FROM {e} b WHERE " + BOTH + " RETURNING i.id, i.kind",
    "DML DELETE FROM inventory i USING {e} b WHERE " + BOTH + " AND b.update_time > '2023-01-01' RETURNING i.id",
    "DML INSERT INTO inventory (id, app, env) SELECT 1, app_id, environment_name FROM {e} WHERE app_id = 'd00000000002' RETURNING id, app, env",
    "SELECT i.id, b.stack_name FROM inventory i JOIN {e} b ON " + BOTH + " WHERE i.id < 30 FOR UPDATE OF i",
]


def random_condition(rng, alias, depth=0):
    """A condition on the foreign table, with an alias"""
    app = "'d%011d'" % rng.randint(1, 14)
    name = rng.choice(["'dev'", "'test'", "'it''s'", "'a/b//c'", "'nil'", "''", 'NULL'])
    kind = rng.randrange(12 if depth < 2 else 9)
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
    left = random_condition(rng, alias, depth + 1)
    right = random_condition(rng, alias, depth + 1)
    if kind == 9:
        return '(%s OR %s)' % (left, right)
    if kind == 10:
        return '(%s AND %s)' % (left, right)
    return 'NOT (%s)' % left


def random_on(rng, alias):
    """A condition that joins the foreign table to inventory i"""
    parts = [rng.choice([
        '{0}.app_id = i.app AND {0}.environment_name = i.env',
        '{0}.app_id = i.app AND {0}.environment_name = i.env',
        '{0}.app_id = i.app',
        '{0}.backend_environment_arn = i.arn',
        "{0}.app_id = i.app AND {0}.environment_name IN (i.env, 'dev')",
        '{0}.app_id = g.main_app AND {0}.environment_name = i.env',
    ]).format(alias)]
    if rng.random() < 0.3:
        parts.append(rng.choice(["i.kind = 'amplify'", 'i.grp <= 2', 'i.id % 3 = 1',
                                 'i.env IS NOT NULL', 'g.grp > 1']))
    if rng.random() < 0.3:
        parts.append(random_condition(rng, alias))
    return ' AND '.join(parts)


def random_query(rng):
    """A query over inventory i, groups g and one or two foreign tables"""
    query = 'FROM inventory i %s JOIN groups g ON g.grp = i.grp' % rng.choice(['', 'LEFT'])
    columns = ['i.id', 'g.title']
    where = []
    for alias in ('b', 'c')[:rng.choice([1, 1, 2])]:
        kind = rng.random()
        on = random_on(rng, alias)
        if kind < 0.55:
            query += ' %s JOIN {e} %s ON %s' % (
                rng.choice(['', 'LEFT', 'LEFT', 'RIGHT']), alias, on)
            columns += rng.choice([[], [alias + '.stack_name'], [alias + '.app_id',
                                   alias + '.environment_name', alias + '.update_time']])
        elif kind < 0.8:
            where.append('%sEXISTS (SELECT FROM {e} %s WHERE %s)' % (
                rng.choice(['', 'NOT ']), alias, on))
        elif kind < 0.9:
            query += (' LEFT JOIN LATERAL (SELECT %s.environment_name AS x, count(*) OVER () AS n'
                      ' FROM {e} %s WHERE %s ORDER BY 1 LIMIT 2) l%s ON true'
                      % (alias, alias, on, alias))
            columns += ['l%s.x' % alias, 'l%s.n' % alias]
        else:
            where.append('(i.app, i.env) IN (SELECT app_id, environment_name FROM {e} %s'
                         ' WHERE %s)' % (alias, random_condition(rng, alias)))
    if rng.random() < 0.5:
        where.append(rng.choice(['i.id < 25', 'i.id > 1000', 'i.grp = 2', "i.kind = 'amplify'"]))
    query = 'SELECT %s %s' % (', '.join(columns), query)
    if where:
        query += ' WHERE ' + ' AND '.join(where)
    if rng.random() < 0.15:
        query += ' ORDER BY %s LIMIT %d' % (
            ', '.join(str(n + 1) for n in range(len(columns))), rng.randint(1, 9))
    return query
