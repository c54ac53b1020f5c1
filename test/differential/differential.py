#!/usr/bin/python3
"""Do all ways to run a query give the rows that a local table gives?

Called by differential.t with a server and two mocks in the environment.  Each
query runs with pushdown and read-ahead, and without one of them or the other,
and on a local copy of the data, under planner settings drawn at random, so
that nested loops, hash joins and all the rest have their turn.  The rows are
compared as multisets.  The mocks' logs show that no statement has asked the
same twice.

Prints TAP.  Another SEED draws other queries and settings.
"""
import os
import random
import re
import sys

import shapes
from session import Mock, Session

COUNT = int(os.environ.get('DIFFERENTIAL_QUERIES', '2000'))
seed = int(os.environ.get('SEED', '1'))
rng = random.Random(seed)
tests = 0
failed = 0

PUSHDOWN = 'SET amplify_fdw.pushdown = %s; SET amplify_fdw.read_ahead = %d;'
BOTH = 'pushdown and read-ahead'
WAYS = (
    (BOTH, lambda: PUSHDOWN % ('on', rng.choice([1, 3, 20, 200, 200]))),
    ('no read-ahead', lambda: PUSHDOWN % ('on', 0)),
    ('no pushdown', lambda: PUSHDOWN % ('off', 200)),
)

# What a request that any key may lead to looks like
GOOD_TARGET = re.compile(
    r'/apps(/(?!\.{1,2}/)[^/?]+/backendenvironments(/(?!\.{1,2}$)[^/?]+)?)?(\?[^/]*)?$')
NONE_IN_USE = 'handles in use: 0\n'
IN_USE = (" SELECT 'handles in use: ' || coalesce(sum(handles_in_use), 0)"
          ' FROM amplify_fdw_stats();')


def ok(passed, name, why=''):
    global tests, failed
    tests += 1
    failed += not passed
    print(('ok' if passed else 'not ok'), tests, '-', name, flush=True)
    if not passed:
        print(''.join('#   %s\n' % line for line in [name] + str(why).splitlines()[:40]),
              end='', file=sys.stderr, flush=True)


# ---------- manners: how a client may run a query ----------

def digest(query):
    """The number of rows and a digest that doesn't depend on their order"""
    return ("SELECT count(*), md5(coalesce(string_agg(r, E'\\n' ORDER BY r), ''))"
            ' FROM (SELECT q::text AS r FROM (%s) q) s' % query)


def plain(query, _):
    return digest(query) + ';'


def in_transaction(query, _):
    """What locks or changes rows is undone"""
    return ('BEGIN; WITH q AS (%s) ' % query
            + digest('SELECT * FROM q') + '; ROLLBACK;')


def generic(query, _):
    """A prepared statement, twice"""
    return ('SET plan_cache_mode = force_generic_plan; PREPARE p AS %s;'
            ' EXECUTE p; EXECUTE p; DEALLOCATE p; RESET plan_cache_mode;'
            % digest(query))


def cursor(query, table):
    """A cursor that waits while the session does something else"""
    return ('BEGIN; DECLARE c CURSOR FOR %s; FETCH 2 FROM c;'
            ' SELECT count(*) FROM %s; FETCH 3 FROM c; FETCH ALL FROM c; COMMIT;'
            % (query, table))


def held(query, _):
    """A cursor that outlives its transaction"""
    return ('BEGIN; DECLARE h CURSOR WITH HOLD FOR %s; FETCH 2 FROM h; COMMIT;'
            ' FETCH ALL FROM h; CLOSE h;' % query)


def undone(query, table):
    """A cursor abandoned with its subtransaction, and the query again"""
    return ('BEGIN; SAVEPOINT s; DECLARE c CURSOR FOR %s; MOVE 2 IN c;'
            ' ROLLBACK TO s; SELECT count(*) FROM %s; %s; COMMIT;'
            % (query, table, digest(query)))


def loop(query, _):
    return digest("SELECT * FROM rows_of(%s)" % quote(query)) + ';'


def stored(query, _):
    """CREATE TABLE AS"""
    return ('BEGIN; CREATE TEMP TABLE stored (r) AS SELECT q::text FROM (%s) q; %s;'
            ' ROLLBACK;' % (query, digest('SELECT r FROM stored')))


def some(query, _):
    """No more than some of the rows: how many is known, which ones is not"""
    return ('SELECT count(*) FROM (SELECT * FROM (%s) q LIMIT 3) q;'
            ' SELECT EXISTS (%s);' % (query, query))


def quote(text):
    return "'" + text.replace("'", "''") + "'"


OTHER_MANNERS = (generic, cursor, held, undone, loop, stored, some)


def the_manner(query):
    """The one that a fixed shape wants, and the query itself"""
    if query.startswith('DML '):
        return in_transaction, query[4:]
    if 'FOR UPDATE' in query:
        return in_transaction, query
    return plain, query


# ---------- settings ----------

def settings():
    """Planner settings and options of the tables, drawn at random"""
    lookups = rng.random() < 0.7
    sql = 'SET jit = off;'
    for what in ('hashjoin', 'mergejoin', 'material', 'memoize', 'sort'):
        off = lookups and what in ('hashjoin', 'mergejoin') or rng.random() < 0.3
        sql += ' SET enable_%s = %s;' % (what, 'off' if off else 'on')
    for name, values in (('geqo_threshold', (2, 12)),
                         ('join_collapse_limit', (1, 8)),
                         ('from_collapse_limit', (1, 8)),
                         ('enable_async_append', ('on', 'on', 'off')),
                         ('enable_partitionwise_join', ('on', 'off')),
                         ('cursor_tuple_fraction', (0.01, 0.1, 1)),
                         ('work_mem', ("'64kB'", "'4MB'"))):
        sql += ' SET %s = %s;' % (name, rng.choice(values))
    for table in ('backend_environments', 'here', 'elsewhere'):
        sql += (" ALTER FOREIGN TABLE %s OPTIONS (SET page_size '%d',"
                " SET max_concurrency '%d', SET estimated_rows '%d');"
                % (table, rng.choice([1, 2, 3, 50]), rng.choice([1, 2, 10, 10, 50]),
                   1000000 if lookups else rng.choice([60, 1000000])))
    return sql


# ---------- comparing ----------

class Comparison:
    def __init__(self):
        self.session = Session()
        self.mocks = [Mock(os.environ[name])
                      for name in ('AMPLIFY_MOCK_URL', 'AMPLIFY_OTHER_URL')]
        self.drawn = ''
        self.plans = []

    def draw(self):
        self.drawn = settings()
        answer = self.session.ask(self.drawn)
        if answer:
            sys.exit(answer)

    def differs(self, query, manner, ways=WAYS, explain=1.0):
        """'' when all these ways agree, else what differs"""
        expected = self.run(query, manner, 'environments', '_copy')
        if 'ERROR:' in expected or NONE_IN_USE not in expected:
            return expected + query
        for name, way in ways:
            why = self.differs_in(query, manner, way(), expected)
            if why:
                return '%s, %s: %s\n%s\n%s' % (name, manner.__name__, why, query, self.drawn)
            if name == BOTH and manner is plain and rng.random() < explain:
                self.plans.append(self.session.ask(
                    'EXPLAIN ' + plain(fill(query, 'backend_environments', ''), '')))
        return ''

    def differs_in(self, query, manner, way, expected):
        for mock in self.mocks:
            mock.say('POST', 'reset')
        got = self.run(query, manner, 'backend_environments', '', way)
        if got != expected:
            return '%s\n%s instead of\n%s' % (way, got, expected)
        for mock in self.mocks:
            why = bad_requests(mock.targets(), manner is plain
                               and not shapes.CALLS_FUNCTION.search(query))
            if why:
                return way + why
        return ''

    def run(self, query, manner, table, suffix, way=''):
        answer = self.session.ask(way + manner(fill(query, table, suffix), table) + IN_USE)
        return ''.join(sorted(answer.splitlines(True)))


def fill(query, table, suffix):
    return query.format(e=table, copy=suffix)


def bad_requests(targets, once):
    """A request that no key may lead to; or the same one twice in a statement"""
    for target in targets:
        if not GOOD_TARGET.match(target):
            return 'request for ' + target
        if once and targets.count(target) > 1:
            return '%d times %s' % (targets.count(target), target)
    return ''


# ---------- the tests ----------

def check_shapes(comparison):
    for query in shapes.SHAPES:
        manner, query = the_manner(query)
        why = ''
        for _ in range(3):
            comparison.draw()
            why = why or comparison.differs(query, manner)
        if manner is plain:
            why = why or comparison.differs(query, rng.choice(OTHER_MANNERS), WAYS[:1])
        ok(not why, query[:110], why)


def check_random(comparison):
    wrong = []
    for n in range(COUNT):
        if n % 10 == 0:
            comparison.draw()
        manner = plain if rng.random() < 0.7 else rng.choice(OTHER_MANNERS)
        query = shapes.random_query(rng)
        why = comparison.differs(query, manner, (WAYS[0], WAYS[1 + n % 2]), 0.2)
        if why:
            wrong.append(why)
    ok(not wrong, '%d random queries, seed %d' % (COUNT, seed), '\n'.join(wrong[:3]))
    if wrong:
        print('# %d of them are wrong' % len(wrong))


def check_parallel(comparison):
    """Read-ahead above what workers scan; few, for workers start slowly"""
    for query in shapes.JOINS[:4]:
        comparison.draw()
        comparison.session.ask(
            'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;'
            ' SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;')
        why = comparison.differs(query, plain)
        ok(not why, 'workers: ' + query[:90], why)


def check_calls(comparison):
    """A join reads no more pages than it makes Gets, and none if one is enough"""
    session = comparison.session
    session.ask('RESET ALL; SET enable_hashjoin = off; SET enable_mergejoin = off;')
    pairs, apps = map(int, session.ask(
        'SELECT count(DISTINCT (app, env)), count(DISTINCT app) FROM inventory'
        " WHERE app ~ '^d[a-z0-9]+$' AND env NOT IN ('', '.', '..');").split('|'))
    for query in shapes.JOINS:
        counts = []
        for page_size in (1, 2, 50):
            for read_ahead in (0, 3, 200):
                session.ask("ALTER FOREIGN TABLE backend_environments OPTIONS ("
                            "SET page_size '%d', SET max_concurrency '10',"
                            " SET estimated_rows '1000000');" % page_size)
                why = comparison.differs_in(
                    query, plain, PUSHDOWN % ('on', read_ahead),
                    comparison.run(query, plain, 'environments', '_copy'))
                calls = int(comparison.mocks[0].say('GET', 'total'))
                limit = pairs * 2
                if why or calls > limit:
                    counts.append('%s page_size %d, read_ahead %d: %d calls for %d keys of %d apps'
                                  % (why, page_size, read_ahead, calls, pairs, apps))
        ok(not counts, 'calls: ' + query[:90], '\n'.join(counts))


def check_scroll(session):
    """Forth and back in a cursor, row by row"""
    query = ("SELECT i.id, b.stack_name FROM inventory i LEFT JOIN %s b ON "
             + shapes.BOTH + ' ORDER BY i.id')
    script = ("BEGIN; DECLARE c SCROLL CURSOR FOR {0}; FETCH 5 FROM c; MOVE 3 IN c;"
              " SELECT count(*) FROM {1}; FETCH 4 FROM c; FETCH BACKWARD 2 FROM c;"
              " FETCH LAST FROM c; FETCH ABSOLUTE 7 FROM c; COMMIT;")
    session.ask('RESET ALL;')
    expected = session.ask(script.format(query % 'environments', 'environments'))
    got = session.ask(script.format(query % 'backend_environments', 'backend_environments'))
    ok(got == expected and 'ERROR:' not in got, 'a cursor that scrolls', got)


def check_prepared(session):
    """Custom and generic plans with parameters"""
    for mode in ('force_custom_plan', 'force_generic_plan'):
        session.ask('DISCARD PLANS; SET plan_cache_mode = %s;' % mode)
        answers = []
        for table in ('environments', 'backend_environments'):
            sql = ('PREPARE p (text, text[]) AS SELECT i.id, b.environment_name FROM inventory i'
                   ' JOIN %s b ON b.app_id = i.app AND b.environment_name = ANY ($2)'
                   ' WHERE i.app = $1 ORDER BY 1, 2;' % table)
            for app in ("'d00000000001'", 'NULL', "'d00000000005'", "'x'"):
                for names in ("'{dev,test}'", 'NULL', "'{}'", "'{it''s,NULL}'"):
                    sql += 'EXECUTE p (%s, %s);' % (app, names)
            answers.append(session.ask(sql + 'DEALLOCATE p;'))
        ok(answers[0] == answers[1] and 'ERROR:' not in answers[0], 'prepared, ' + mode,
           '\n'.join(answers))


def check_plans(plans):
    """Were the ways to run a query really different ones?"""
    ahead = sum('AmplifyReadAhead' in plan for plan in plans)
    ok(ahead * 4 >= len(plans), 'many plans read ahead: %d of %d' % (ahead, len(plans)))
    for what in ('API Operation: GetBackendEnvironment',
                 'API Operation: ListBackendEnvironments',
                 'API Operation: ListApps + ListBackendEnvironments',
                 'Nested Loop Left Join', 'Nested Loop Semi Join', 'Nested Loop Anti Join',
                 'Hash Join', 'Merge', 'Memoize', 'Materialize', 'Async Foreign Scan',
                 'Gather'):
        ok(any(what in plan for plan in plans), 'some plan has ' + what)


# Each plan is shown whole, if not to anybody; contrib may not be installed
EXPLAIN_ALL = (
    "DO $$ BEGIN LOAD 'auto_explain'; EXCEPTION WHEN undefined_file THEN NULL; END $$;"
    " SET auto_explain.log_min_duration = 0; SET auto_explain.log_level = 'debug5';"
    " SET auto_explain.log_verbose = on; SET auto_explain.log_nested_statements = on;")


def main():
    comparison = Comparison()
    comparison.session.ask(EXPLAIN_ALL)
    check_shapes(comparison)
    check_random(comparison)
    check_parallel(comparison)
    check_calls(comparison)
    check_scroll(comparison.session)
    check_prepared(comparison.session)
    check_plans(comparison.plans)
    stats = comparison.session.ask(
        'SELECT DISTINCT handles_in_use, failed FROM amplify_fdw_stats();')
    ok(stats == '0|0\n', 'no request is left, and none has failed', stats)
    print('1..%d' % tests)
    sys.exit(failed > 0)


main()
