"""Statements for calls.py, each with what has to be known to answer it.

A demand is (kind, resource, query): the query, over the inventory and the
copies, has a row for each thing that must be known.  Of kind "item", that is
one thing by its key; "list", all things of a parent; "get", one that no List
has; "apps", all apps.  In statements, @ stands for the schema of the foreign
tables and %I for the inventory.
"""
import collections
import re

# What can be the key of a request; what else there is asks for nothing
APP = "i.app <> ALL ('{\"\",.,..}') AND length(i.app) < 256"
ENV = APP + " AND i.env <> ALL ('{\"\",.,..}') AND length(i.env) < 256"

# What is joined with the inventory: a table, the condition, what of it is shown,
# and demands, whose query is of columns and a condition.  "exact" says that the
# planner can tell from statistics of the inventory how many items of each
# parent are wanted.
Unit = collections.namedtuple('Unit', 'table on shown demands exact')


def unit(table, on, shown, *demands, exact=False):
    return Unit(table, on, shown, demands, exact)


ENV_KEY = ('item', 'env', 'i.app, i.env', ENV)
UNITS = [
    unit('backend_environments', 'e.app_id = i.app AND e.environment_name = i.env', 'stack_name', ENV_KEY, exact=True),
    unit('backend_environments', 'e.environment_name = i.env AND i.app = e.app_id', 'stack_name', ENV_KEY, exact=True),
    unit('backend_environments', 'e.app_id = i.app', 'stack_name', ('list', 'env', 'i.app', APP), exact=True),
    unit('backend_environments', "e.app_id = i.app AND e.environment_name = 'prod'", 'stack_name',
         ('item', 'env', "i.app, 'prod'", APP)),
    unit('backend_environments', "e.app_id = i.app AND e.environment_name IN (i.env, 'dev')", 'stack_name',
         ENV_KEY, ('item', 'env', "i.app, 'dev'", APP)),
    unit('backend_environments', "(e.app_id = i.app AND e.environment_name = i.env OR e.app_id = i.app AND"
         " e.environment_name = 'dev')", 'stack_name', ENV_KEY, ('item', 'env', "i.app, 'dev'", APP)),
    unit('backend_environments', "e.app_id = i.app AND e.environment_name LIKE 'd%'", 'stack_name',
         ('list', 'env', 'i.app', APP)),
    unit('backend_environments', 'e.app_id = lower(i.app) AND e.environment_name = i.env', 'stack_name',
         ('item', 'env', 'lower(i.app), i.env', ENV)),
    unit('backend_environments', 'e.backend_environment_arn = i.arn', 'stack_name',
         ('item', 'env', 'i.app, i.env', 'i.arn IS NOT NULL')),
    unit('backend_environments', 'e.app_id = i.app AND e.environment_name = i.env AND i.flag', 'stack_name',
         ('item', 'env', 'i.app, i.env', ENV + ' AND i.flag')),
    unit('backend_environments', "e.app_id = i.app AND e.environment_name = i.env AND e.app_id <> 'd00000000002'",
         'stack_name', ('item', 'env', 'i.app, i.env', ENV + " AND i.app <> 'd00000000002'")),
    unit('apps', 'e.app_id = i.app', 'name', ('item', 'app', 'i.app', APP)),
    unit('branches', 'e.app_id = i.app AND e.branch_name = i.branch', 'stage',
         ('item', 'branch', 'i.app, i.branch', APP), exact=True),
    unit('branches', 'e.app_id = i.app', 'stage', ('list', 'branch', 'i.app', APP), exact=True),
    unit('jobs', 'e.app_id = i.app AND e.branch_name = i.branch AND e.job_id = i.job', 'status',
         ('item', 'job', 'i.app, i.branch, i.job', APP)),
    unit('jobs', 'e.app_id = i.app AND e.branch_name = i.branch', 'status', ('list', 'job', 'i.app, i.branch', APP)),
    unit('jobs', "e.app_id = i.app AND e.branch_name LIKE 'release/%'", 'status', ('list', 'branch', 'i.app', APP),
         ('list', 'job', 'b.app_id, b.branch_name', "b.app_id = i.app AND b.branch_name LIKE 'release/%'")),
    unit('job_steps', 'e.app_id = i.app AND e.branch_name = i.branch AND e.job_id = i.job', 'status',
         ('get', 'step', 'i.app, i.branch, i.job', APP)),
    unit('webhooks', 'e.app_id = i.app', 'branch_name', ('list', 'webhook', 'i.app', APP), exact=True),
    unit('everywhere', 'e.region = i.region AND e.app_id = i.app AND e.environment_name = i.env', 'stack_name',
         ('item', 'env', 'i.app, i.env', ENV + " AND i.region = 'us-east-1'")),
    unit('either', 'e.app_id = i.app', 'name', ('list', 'env', 'i.app', APP), ('list', 'branch', 'i.app', APP)),
]

FILTERS = ['true'] * 4 + ['i.id < 40', 'i.id % 3 = 0', 'i.flag', "i.app > 'd00000000002'"]

# {e} is a table, {on} its condition, {x} what is shown; {f}, {onf}, {y} of
# another; {w} a filter of the inventory.  The ones that read all rows of a
# plain join come first: there, Lists are to come at once.
EXACT = [
    'SELECT i.id, e.{x} FROM %I i JOIN @{e} e ON {on} WHERE {w}',
    'SELECT i.id, e.{x} FROM %I i LEFT JOIN @{e} e ON {on} WHERE {w}',
    'SELECT i.id, e.{x} FROM @{e} e RIGHT JOIN %I i ON {on} WHERE {w}',
    'SELECT i.app, count(e.{x}), count(*) FROM %I i LEFT JOIN @{e} e ON {on} WHERE {w} GROUP BY 1',
    'SELECT i.id, e.{x}, row_number() OVER (PARTITION BY i.app ORDER BY i.id, e.{x}) FROM %I i LEFT JOIN @{e} e ON {on} WHERE {w}',
    'SELECT i.id, e.{x} FROM %I i LEFT JOIN @{e} e ON {on} WHERE {w} ORDER BY e.{x} NULLS LAST, i.id LIMIT 5',
    'WITH w AS MATERIALIZED (SELECT i.id, e.{x} FROM %I i LEFT JOIN @{e} e ON {on} WHERE {w}) SELECT * FROM w',
    'SELECT (SELECT count(e.{x}) FROM %I i LEFT JOIN @{e} e ON {on} WHERE {w})',
    "SELECT ARRAY(SELECT i.id || coalesce(e.{x}, '') FROM %I i LEFT JOIN @{e} e ON {on} WHERE {w} ORDER BY 1)",
    'SELECT i.id, l.* FROM %I i LEFT JOIN LATERAL (SELECT count(*), max(e.{x}) FROM @{e} e WHERE {on}) l ON true WHERE {w}',
]
OTHER = [
    'SELECT i.id FROM %I i WHERE {w} AND EXISTS (SELECT FROM @{e} e WHERE {on})',
    'SELECT i.id FROM %I i WHERE {w} AND NOT EXISTS (SELECT FROM @{e} e WHERE {on})',
    'SELECT i.id FROM %I i WHERE {w} AND (i.id = 7 OR EXISTS (SELECT FROM @{e} e WHERE {on}))',
    'SELECT i.id, EXISTS (SELECT FROM @{e} e WHERE {on}) FROM %I i WHERE {w}',
    'SELECT i.id, (SELECT max(e.{x}) FROM @{e} e WHERE {on}) FROM %I i WHERE {w}',
    'SELECT i.id, l.* FROM %I i, LATERAL (SELECT e.{x} FROM @{e} e WHERE {on} ORDER BY 1 LIMIT 1) l WHERE {w}',
    'SELECT i.id, l.* FROM %I i, LATERAL (SELECT DISTINCT e.{x} FROM @{e} e WHERE {on}) l WHERE {w}',
    'SELECT i.id, l.* FROM %I i, LATERAL (SELECT e.{x}, rank() OVER (ORDER BY e.{x}) FROM @{e} e WHERE {on}) l WHERE {w}',
    'SELECT i.id, e.{x} FROM (SELECT *, row_number() OVER (PARTITION BY app, env ORDER BY id) AS n FROM %I i WHERE {w}) i LEFT JOIN @{e} e ON {on}',
    'WITH i AS MATERIALIZED (SELECT * FROM %I i WHERE {w}) SELECT i.id, e.{x} FROM i LEFT JOIN @{e} e ON {on}',
    'SELECT i.id, random() < 2, e.{x} FROM (SELECT * FROM %I i WHERE {w} AND random() < 2) i LEFT JOIN @{e} e ON {on}',
    'SELECT i.id FROM %I i WHERE {w} EXCEPT SELECT i.id FROM %I i JOIN @{e} e ON {on} WHERE {w}',
]
# of two tables
BOTH = [
    'SELECT i.id, e.{x}, f.{y} FROM %I i LEFT JOIN @{e} e ON {on} LEFT JOIN @{f} f ON {onf} WHERE {w}',
    'SELECT i.id, l.* FROM %I i, LATERAL (SELECT e.{x} FROM @{e} e WHERE {on} UNION ALL SELECT f.{y} FROM @{f} f WHERE {onf}) l WHERE {w}',
    'SELECT i.id, e.{x} FROM %I i JOIN @{e} e ON {on} WHERE {w} UNION ALL SELECT i.id, f.{y} FROM %I i JOIN @{f} f ON {onf} WHERE {w}',
    'SELECT i.id, e.{x}, (SELECT count(*) FROM @{f} f WHERE {onf}) FROM %I i LEFT JOIN @{e} e ON {on} WHERE {w}',
]

ALL_APPS = ('apps', 'app', 'SELECT 1')
OF_ALL = 'SELECT app_id FROM copy.apps'
JOBS_OF_BRANCHES = ('list', 'job', 'SELECT b.app_id, b.branch_name FROM copy.branches b JOIN %I i ON i.branch = b.branch_name')
# Without joins of the inventory, or of several tables
QUESTIONS = [
    ("SELECT app_id, environment_name FROM @backend_environments WHERE app_id LIKE '%3'",
     ALL_APPS, ('list', 'env', OF_ALL + " WHERE app_id LIKE '%3'")),
    ("SELECT app_id, environment_name FROM @backend_environments WHERE environment_name = 'dev'",
     ALL_APPS, ('list', 'env', OF_ALL)),
    ("SELECT app_id, branch_name, job_id FROM @jobs WHERE branch_name LIKE 'release/%'", ALL_APPS,
     ('list', 'branch', OF_ALL),
     ('list', 'job', "SELECT app_id, branch_name FROM copy.branches WHERE branch_name LIKE 'release/%'")),
    ("SELECT app_id, job_id FROM @jobs WHERE branch_name = 'main'", ALL_APPS,
     ('list', 'job', "SELECT app_id, 'main' FROM copy.apps")),
    ("SELECT app_id, branch_name, job_id FROM @jobs WHERE app_id = 'd00000000001'",
     ('list', 'branch', "SELECT 'd00000000001'"),
     ('list', 'job', "SELECT app_id, branch_name FROM copy.branches WHERE app_id = 'd00000000001'")),
    ("SELECT a.name, e.environment_name FROM @apps a JOIN @backend_environments e USING (app_id) WHERE a.name LIKE 'app1%'",
     ALL_APPS, ('list', 'env', OF_ALL + " WHERE name LIKE 'app1%'")),
    ("SELECT a.name, b.branch_name, j.job_id FROM @apps a JOIN @branches b USING (app_id) JOIN @jobs j USING (app_id, branch_name) WHERE a.name LIKE 'app1%'",
     ALL_APPS, ('list', 'branch', OF_ALL + " WHERE name LIKE 'app1%'"),
     ('list', 'job', "SELECT app_id, branch_name FROM copy.branches JOIN copy.apps USING (app_id) WHERE name LIKE 'app1%'")),
    ("SELECT b.app_id, j.status FROM @branches b LEFT JOIN @jobs j ON j.app_id = b.app_id AND j.branch_name = b.branch_name AND j.job_id = b.active_job_id WHERE b.app_id = 'd00000000001'",
     ('list', 'branch', "SELECT 'd00000000001'"),
     ('item', 'job', "SELECT app_id, branch_name, active_job_id FROM copy.branches WHERE app_id = 'd00000000001' AND active_job_id IS NOT NULL")),
    ("SELECT i.id, j.status FROM %I i JOIN @branches b ON b.app_id = i.app AND b.branch_name = i.branch LEFT JOIN @jobs j ON j.app_id = b.app_id AND j.branch_name = b.branch_name AND j.job_id = b.active_job_id",
     ('item', 'branch', 'SELECT i.app, i.branch FROM %I i WHERE ' + APP),
     ('item', 'job', 'SELECT b.app_id, b.branch_name, active_job_id FROM copy.branches b JOIN %I i ON i.app = b.app_id AND i.branch = b.branch_name WHERE active_job_id IS NOT NULL')),
    ("SELECT i.id, e.stack_name, f.stack_name FROM %I i LEFT JOIN @backend_environments e ON e.app_id = i.app AND e.environment_name = i.env LEFT JOIN @backend_environments f ON f.app_id = e.app_id AND f.environment_name = 'prod'",
     ('item', 'env', 'SELECT i.app, i.env FROM %I i WHERE ' + ENV),
     # also of those that the first lookup doesn't find: it is made ahead
     ('item', 'env', "SELECT i.app, 'prod' FROM %I i WHERE " + APP)),
    ("SELECT app_id, environment_name FROM @backend_environments WHERE app_id = ANY (ARRAY(SELECT app FROM %I))",
     ('list', 'env', 'SELECT i.app FROM %I i WHERE ' + APP)),
    ("SELECT app_id, name FROM @apps WHERE app_id = ANY (ARRAY(SELECT app FROM %I))",
     ('item', 'app', 'SELECT i.app FROM %I i WHERE ' + APP)),
    ("SELECT app_id, environment_name FROM @backend_environments WHERE (app_id, environment_name) IN (SELECT app, env FROM %I)",
     ('item', 'env', 'SELECT i.app, i.env FROM %I i WHERE ' + ENV)),
    ("SELECT env, (SELECT count(*) FROM @backend_environments e WHERE e.environment_name = i.env) FROM (SELECT DISTINCT env FROM %I) i",
     ALL_APPS, ('list', 'env', OF_ALL)),
    ("SELECT branch, (SELECT count(*) FROM @jobs j WHERE j.branch_name = i.branch) FROM (SELECT DISTINCT branch FROM %I) i",
     ALL_APPS, ('list', 'branch', OF_ALL), JOBS_OF_BRANCHES),
    ("SELECT i.id, l.* FROM %I i, LATERAL (SELECT j.app_id, j.job_id FROM @jobs j WHERE j.branch_name = i.branch ORDER BY 1, 2 LIMIT 3) l",
     ALL_APPS, ('list', 'branch', OF_ALL), JOBS_OF_BRANCHES),
    ("SELECT i.id, j.status FROM %I i JOIN @jobs j ON j.branch_name = i.branch", ALL_APPS, ('list', 'branch', OF_ALL),
     ('list', 'job', 'SELECT app_id, branch_name FROM copy.branches')),
    ("SELECT app_id FROM @backend_environments WHERE app_id IS NULL OR environment_name IS NULL",),
    ("SELECT app_id FROM @jobs WHERE region <> 'us-east-1' AND branch_name = 'main'",),
    ("SELECT app_id FROM @backend_environments WHERE app_id = 'd00000000001' AND app_id > 'e'",),
]

# sql; demands; is it one for which Lists are to come at once?
Statement = collections.namedtuple('Statement', 'sql demands exact')


def demand_of(part, where):
    """The demands of a unit for the inventory's rows that the filter leaves"""
    for kind, resource, columns, condition in part.demands:
        source = '%I i' + (', copy.branches b' if 'b.' in columns else '')
        yield (kind, resource, 'SELECT DISTINCT %s FROM %s WHERE (%s) AND (%s)'
               % (columns, source, where, condition))


def draw(rng):
    """A random statement"""
    kind = rng.random()
    if kind < 0.2:
        question = rng.choice(QUESTIONS)
        return Statement(question[0], list(question[1:]), False)
    one, other, where = rng.choice(UNITS), rng.choice(UNITS), rng.choice(FILTERS)
    shapes = BOTH if kind < 0.35 else EXACT if kind < 0.7 else OTHER
    if shapes is EXACT and rng.random() < 0.5:
        one = rng.choice([part for part in UNITS if part.exact])
    sql = rng.choice(shapes).format(
        e=one.table, x=one.shown, on=one.on, f=other.table, y=other.shown,
        onf=re.sub(r'\be\.', 'f.', other.on), w=where)
    demands = list(demand_of(one, where))
    if shapes is BOTH:
        demands += demand_of(other, where)
    return Statement(sql, demands, shapes is EXACT and one.exact)
