#!/usr/bin/python3
"""Does anybody notice that a join reads ahead?

Called by unseen.t with a server and a mock in the environment.  Statements are
made of an outer side that does something when its rows are computed, or does
not; of keys that fail for a row, or don't; and of something that ends it early:
a LIMIT, a cursor, an EXISTS.  Each runs with read-ahead and without, and must
show the same: rows, errors, values drawn from a sequence, advisory locks, and
rows that another session can't lock.

A statement has to be one in which it would show.  So it prints how many had a
read-ahead node, left rows unread, raised an error and moved the sequence; less
than a fifth of any is a failure.

Prints TAP.  Another SEED draws other statements, and UNSEEN_STATEMENTS says how
many.
"""
import os
import random
import sys

from session import Session

COUNT = int(os.environ.get('UNSEEN_STATEMENTS', '500'))
seed = int(os.environ.get('SEED', '1'))
rng = random.Random(seed)

# Nested loops in the order of the query: another order of joins computes other
# rows, but none ahead
SETTINGS = ('SET jit = off; SET join_collapse_limit = 1; SET from_collapse_limit = 1;'
            ' SET enable_hashjoin = off; SET enable_mergejoin = off;'
            ' SET enable_material = off; SET enable_memoize = off;'
            ' SET max_parallel_workers_per_gather = 0; \\set VERBOSITY terse')
WITHOUT = 'SET amplify_fdw.read_ahead = 0;'
WITH = 'SET amplify_fdw.read_ahead = 200;'

# What somebody can see; nextval three times, for the sequence is to move
EFFECTS = ["nextval('drawn') > 0"] * 3 + ['pg_try_advisory_lock(i.id)']

QUIET_SIDES = [
    'inventory i',
    'inventory i',
    '(SELECT * FROM inventory WHERE id % 2 = 0 OFFSET 0) i',
    '(SELECT * FROM inventory UNION ALL SELECT * FROM inventory) i',
    '(inventory i JOIN groups g ON g.g = i.id % 3)',
    # what does something has done all of it before the first row
    '(SELECT DISTINCT id, app, env FROM inventory) i',
    'WITH i AS MATERIALIZED (SELECT * FROM inventory) | i',
]

LOUD_SIDES = [
    '(SELECT *, {effect} AS x FROM inventory i OFFSET 0) i',
    '(SELECT *, CASE WHEN i.id > 1 THEN {effect} END AS x FROM inventory i OFFSET 0) i',
    '(SELECT * FROM (SELECT *, {effect} AS x FROM inventory i OFFSET 0) i OFFSET 0) i',
    '(SELECT i.* FROM inventory i WHERE {effect} OFFSET 0) i',
    '(SELECT i.* FROM inventory i WHERE {effect}) i',
    '(inventory i JOIN groups g ON g.g = i.id % 3 AND i.id + g.g > 0 AND {effect})',
    '(inventory i CROSS JOIN LATERAL (SELECT {effect} AS x OFFSET 0) l)',
    '(SELECT i.*, l.x FROM inventory i LEFT JOIN LATERAL (SELECT {effect} AS x) l ON true) i',
    "(inventory i CROSS JOIN LATERAL nextval('drawn') AS x)",
    "(SELECT i.*, unnest(ARRAY[nextval('drawn')]) AS x FROM inventory i) i",
    '(SELECT id, app, env FROM inventory UNION ALL'
    ' SELECT i.id, i.app, i.env FROM inventory i WHERE {effect}) i',
    '(SELECT i.id, i.app, i.env, {effect} AS x FROM inventory i UNION ALL'
    ' SELECT id, app, env, true FROM inventory) i',
    '(SELECT i.* FROM inventory i WHERE (SELECT {effect} OR i.id > 0)) i',
    '(SELECT i.*, (SELECT {effect} FROM groups g WHERE g.g = i.id % 3) AS x FROM inventory i OFFSET 0) i',
    'WITH i AS MATERIALIZED (SELECT i.*, {effect} AS x FROM inventory i) | i',
    'WITH w AS MATERIALIZED (SELECT i.* FROM inventory i WHERE {effect})'
    ' | (SELECT * FROM w OFFSET 0) i',
    'WITH w AS MATERIALIZED (SELECT i.*, {effect} AS x FROM inventory i),'
    ' i AS MATERIALIZED (SELECT * FROM w) | i',
    'WITH i AS MATERIALIZED (SELECT * FROM inventory FOR UPDATE SKIP LOCKED) | i',
    '(SELECT * FROM inventory FOR UPDATE) i',
    '(SELECT * FROM (SELECT * FROM inventory FOR SHARE) i OFFSET 0) i',
]

# The name to look up; {bad} is the row for which it can't be had
SAFE_KEYS = ['i.env', 'i.env', 'lower(i.env)', "coalesce(i.env, 'dev')", "split_part(i.env, '/', 1)"]
FAILING_KEYS = ['substr(i.env, 1, 99 / abs(i.id - {bad}))', "fails_at(i.env, i.id, {bad})",
                "split_part(i.env, '/', i.id - {bad})",
                "CASE WHEN i.id = {bad} THEN (i.env::int)::text ELSE i.env END"]

JOINS = [
    'SELECT i.id, e.stack_name FROM {side} JOIN backend_environments e ON {on}',
    'SELECT i.id, e.stack_name FROM {side} LEFT JOIN backend_environments e ON {on}',
    'SELECT i.id, e.stack_name FROM {side} LEFT JOIN backend_environments e ON {on} AND i.id <= 9',
    'SELECT i.id FROM {side} WHERE EXISTS (SELECT FROM backend_environments e WHERE {on})',
    'SELECT i.id FROM {side} WHERE NOT EXISTS (SELECT FROM backend_environments e WHERE {on})',
    'SELECT i.id, x.stack_name FROM {side} LEFT JOIN LATERAL'
    ' (SELECT stack_name FROM backend_environments e WHERE {on} LIMIT 1) x ON true',
    'SELECT i.id, e.stack_name FROM {side} LEFT JOIN'
    ' (backend_environments e JOIN groups h ON h.g = length(e.app_id) - 11) ON {on}',
    'SELECT i.id, x.* FROM {side} LEFT JOIN LATERAL (SELECT DISTINCT e.stack_name, h.g'
    ' FROM backend_environments e JOIN groups h ON h.g < 2 WHERE {on}) x ON i.id <= 9',
    'SELECT i.id, x.* FROM {side} LEFT JOIN LATERAL (SELECT stack_name FROM backend_environments e'
    ' WHERE {on} UNION ALL SELECT name FROM apps a WHERE a.app_id = i.app ORDER BY 1) x ON true',
]

# Where it ends, how many rows it has fetched then
ENDS = [
    lambda query, n: '%s LIMIT %d;' % (query, n),
    lambda query, n: '%s LIMIT %d;' % (query, n),
    lambda query, n: 'DECLARE c CURSOR FOR %s; FETCH %d FROM c; FETCH 1 FROM c;' % (query, n),
    lambda query, n: 'SELECT EXISTS (%s);' % query,
    lambda query, n: 'SELECT g.g FROM groups g WHERE EXISTS (%s OFFSET g.g);' % query,
    lambda query, n: '%s;' % query,
]


def draw():
    """A statement, and its query without its end"""
    side = (rng.choice(QUIET_SIDES) if rng.random() < 0.6 else
            rng.choice(LOUD_SIDES).format(effect=rng.choice(EFFECTS)))
    key = rng.choice(SAFE_KEYS if rng.random() < 0.64 else FAILING_KEYS)
    key = key.format(bad=rng.choice([1, 1, 1, 2, 2, 2, 3, 4, 5, 11]))
    on = 'e.app_id = i.app AND e.environment_name = ' + key
    head, _, side = side.rpartition(' | ')
    query = head + ' ' + rng.choice(JOINS).format(side=side, on=on)
    return rng.choice(ENDS)(query, rng.randint(1, 9)), query


class Comparison:
    def __init__(self):
        self.session = Session()
        self.other = Session()
        self.session.ask(SETTINGS)
        self.counts = dict.fromkeys(
            ['had a read-ahead node', 'left rows unread', 'raised an error', 'moved the sequence'], 0)

    def run(self, statement, way):
        """What the session shows of a statement, and others see of it"""
        self.session.ask("SELECT setval('drawn', 1, false); SELECT pg_advisory_unlock_all(); " + way)
        shown = self.session.ask_only('BEGIN; ' + statement)
        seen = self.other.ask(
            "SELECT 'sequence ' || last_value || is_called FROM drawn;"
            " SELECT 'advisory ' || objid FROM pg_locks WHERE locktype = 'advisory' ORDER BY objid;"
            " BEGIN; SELECT 'free ' || id FROM inventory FOR UPDATE SKIP LOCKED; ROLLBACK;")
        self.session.ask('ROLLBACK;')
        return shown, seen

    def differs(self, statement, query):
        shown, seen = self.run(statement, WITHOUT)
        self.count('raised an error', 'ERROR:' in shown)
        self.count('moved the sequence', 'sequence 1false' not in seen)
        if 'ERROR:' not in shown:
            whole = self.run(query + ';', WITHOUT)[0]
            self.count('left rows unread', shown.count('\n') < whole.count('\n'))
        plan = self.session.ask(WITH + ' EXPLAIN ' + statement.replace('; FETCH', '; --'))
        self.count('had a read-ahead node', 'AmplifyReadAhead' in plan)
        ahead = self.run(statement, WITH)
        if ahead == (shown, seen):
            return ''
        return '%s\nwithout read-ahead:\n%s%swith it:\n%s%s' % ((statement, shown, seen) + ahead)

    def count(self, what, is_so):
        self.counts[what] += is_so


def report(number, passed, name, why=''):
    print('%s %d - %s' % ('ok' if passed else 'not ok', number, name))
    if not passed:
        print(''.join('#   %s\n' % line for line in [name] + why.splitlines()[:60]),
              end='', file=sys.stderr)


comparison = Comparison()
wrong = [why for why in (comparison.differs(*draw()) for _ in range(COUNT)) if why]
report(1, not wrong, '%d statements, seed %d' % (COUNT, seed),
       '%d of them are seen\n%s' % (len(wrong), '\n'.join(wrong[:3])))
for number, (what, times) in enumerate(comparison.counts.items(), 2):
    report(number, times >= COUNT / 5, '%d statements %s' % (times, what))
print('1..%d' % (1 + len(comparison.counts)))
sys.exit(bool(wrong) or min(comparison.counts.values()) < COUNT / 5)
