#!/usr/bin/python3
"""Do all ways to run a query give the rows that a local table gives?

Called by differential.t with a server and a mock in the environment.  Each
query runs with pushdown and read-ahead, without read-ahead, without pushdown
(a random one without one of them), and on a local copy of the data, under planner settings drawn at random, so
that nested loops, hash joins and all the rest have their turn.  The rows are
compared as multisets.  Prints TAP, and the seed: give it as argument to see
the same again.
"""
import os
import random
import subprocess
import sys

import shapes

COUNT = int(os.environ.get('DIFFERENTIAL_QUERIES', '2000'))
seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(10 ** 6)
rng = random.Random(seed)
tests = 0

WAYS = (
    ('pushdown and read-ahead', 'SET amplify_fdw.pushdown = on; SET amplify_fdw.read_ahead = %d;'),
    ('no read-ahead', 'SET amplify_fdw.pushdown = on; SET amplify_fdw.read_ahead = 0;'),
    ('no pushdown', 'SET amplify_fdw.pushdown = off; SET amplify_fdw.read_ahead = 200;'),
)


class Session:
    """One psql, asked line by line"""

    def __init__(self):
        self.psql = subprocess.Popen(
            ['psql', '-XqAt'], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def ask(self, sql):
        self.psql.stdin.write(sql + '\n\\echo ====\n')
        self.psql.stdin.flush()
        answer = []
        while True:
            line = self.psql.stdout.readline()
            if not line:
                sys.exit('psql has ended: ' + ''.join(answer))
            if line == '====\n':
                return ''.join(answer)
            answer.append(line)


def ok(passed, name, why=''):
    global tests
    tests += 1
    print(('ok' if passed else 'not ok'), tests, '-', name, flush=True)
    if not passed:
        print(''.join('# %s\n' % line for line in str(why).splitlines()[:40]), flush=True)


def wrap(query):
    """The number of rows and a digest that doesn't depend on their order"""
    digest = ("SELECT count(*), md5(coalesce(string_agg(r, E'\\n' ORDER BY r), ''))"
              " FROM (SELECT %s::text AS r FROM %s) s;")
    if query.startswith('DML '):
        return ('BEGIN; WITH q AS (%s) ' % query[4:]) + digest % ('q', 'q') + ' ROLLBACK;'
    if 'FOR UPDATE' in query:
        return ('BEGIN; WITH q AS (%s) ' % query) + digest % ('q', 'q') + ' ROLLBACK;'
    return digest % ('q', '(%s) q' % query)


def settings():
    """Planner settings and options of the table, drawn at random"""
    sql = ''.join('SET enable_%s = %s;' % (what, rng.choice(['on', 'on', 'off'])) for what in
                  ('hashjoin', 'mergejoin', 'material', 'memoize', 'sort'))
    sql += 'SET geqo_threshold = %d;' % rng.choice([2, 12])
    sql += 'SET join_collapse_limit = %d;' % rng.choice([1, 8])
    sql += 'SET from_collapse_limit = %d;' % rng.choice([1, 8])
    sql += "SET work_mem = '%s';" % rng.choice(['64kB', '4MB'])
    for option, value in (('page_size', rng.choice([1, 2, 3, 50])),
                          ('max_concurrency', rng.choice([1, 2, 10, 50])),
                          ('estimated_rows', rng.choice([60, 1000000]))):
        sql += 'ALTER FOREIGN TABLE backend_environments OPTIONS (SET %s \'%d\');' % (
            option, value)
    return sql


def compare(session, query, planned, ways=WAYS, explain=1.0):
    """'' when all these ways agree, else what differs"""
    foreign = wrap(query.format(e='backend_environments', copy=''))
    expected = session.ask(wrap(query.format(e='environments', copy='_copy')))
    if 'ERROR' in expected:
        return expected
    for name, way in ways:
        set_way = way % rng.choice([1, 3, 20, 200]) if '%d' in way else way
        got = session.ask(set_way + foreign)
        if got != expected:
            return '%s: %s instead of %s\n%s\n%s' % (name, got, expected, query, set_way)
        if name == WAYS[0][0] and not query.startswith('DML') and rng.random() < explain:
            planned.append(session.ask('EXPLAIN ' + foreign))
    return ''


def check_shapes(session, planned):
    for query in shapes.SHAPES:
        why = ''
        for _ in range(3):
            why = why or compare_under(session, query, planned)
        ok(not why, query[:110], why)


def compare_under(session, query, planned):
    drawn = settings()
    session.ask(drawn)
    why = compare(session, query, planned)
    return why and why + '\n' + drawn


def check_random(session, planned):
    wrong = []
    for n in range(COUNT):
        if n % 10 == 0:
            drawn = settings()
            session.ask(drawn)
        query = shapes.random_query(rng)
        why = compare(session, query, planned, (WAYS[0], WAYS[1 + n % 2]), 0.2)
        if why:
            wrong.append(why + '\n' + drawn)
    ok(not wrong, '%d random queries, seed %d' % (COUNT, seed), '\n'.join(wrong[:3]))


def check_cursors(session):
    """FETCH, MOVE and WITH HOLD, row by row, with other queries in between"""
    query = ("SELECT i.id, b.stack_name FROM inventory i LEFT JOIN %s b ON "
             + shapes.BOTH + ' ORDER BY i.id')
    script = ("BEGIN; DECLARE c SCROLL CURSOR FOR {0}; FETCH 5 FROM c; MOVE 3 IN c;"
              " SELECT count(*) FROM {1}; FETCH 4 FROM c; FETCH BACKWARD 2 FROM c; COMMIT;"
              " BEGIN; DECLARE h CURSOR WITH HOLD FOR {0}; FETCH 2 FROM h; COMMIT;"
              " FETCH 3 FROM h; FETCH ALL FROM h; CLOSE h;")
    session.ask('RESET ALL;')
    expected = session.ask(script.format(query % 'environments', 'environments'))
    got = session.ask(script.format(query % 'backend_environments', 'backend_environments'))
    ok(got == expected and 'ERROR' not in got, 'cursors', got)


def check_prepared(session):
    """Custom and generic plans"""
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
        ok(answers[0] == answers[1] and 'ERROR' not in answers[0], 'prepared, ' + mode,
           '\n'.join(answers))


def main():
    session = Session()
    planned = []
    check_shapes(session, planned)
    check_random(session, planned)
    check_cursors(session)
    check_prepared(session)
    ahead = sum('AmplifyReadAhead' in plan for plan in planned)
    ok(ahead * 10 >= len(planned), 'many plans read ahead: %d of %d' % (ahead, len(planned)))
    for operation in ('GetBackendEnvironment', 'API Operation: ListBackendEnvironments',
                      'ListApps + ListBackendEnvironments', 'Hash', 'Async'):
        ok(any(operation in plan for plan in planned), 'some plan has ' + operation)
    stats = session.ask('SELECT DISTINCT handles_in_use, failed FROM amplify_fdw_stats();')
    ok(stats == '0|0\n', 'no request is left, and none has failed', stats)
    print('1..%d' % tests)


main()
