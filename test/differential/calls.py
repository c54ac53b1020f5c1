#!/usr/bin/python3
"""Are there more calls than the least that would do?

Called by calls.t with a server, and the files and mocks of some accounts.
Random statements over random inventories, run in many ways, must have the rows
of a local copy, and make no more calls than doc/calls.md says: the least, for
somebody who knows the data, is one List (50 a page) of each parent or a Get of
each thing, whatever is fewer; a statement may make twice that, or a tenth more
where the planner knows what is asked for and Lists are of one page, and as
many as there are apps that are gone, up to a bound.  Without statistics of the account, it is not listed
where that is more than it takes.  The same is never asked twice, EXPLAIN
ANALYZE counts what the mock has counted, and amplify_fdw.max_calls and
max_concurrency are kept.

Prints TAP.  Another SEED draws other statements, and CALLS_STATEMENTS says how
many for each account.
"""
import collections
import json
import os
import random
import re
import sys

import demands
from session import Mock, Session

COUNT = int(os.environ.get('CALLS_STATEMENTS', '200'))
seed = int(os.environ.get('SEED', '1'))
rng = random.Random(seed)

PAGE = 50
PAGE_OF_APPS = 100
TABLES = ('apps', 'backend_environments', 'branches', 'jobs', 'job_steps', 'webhooks', 'everywhere', 'either')
# that no request can have as its key, or that nothing has
ODD = ['', '.', '..', 'not an app', 'D00000000001', 'd00000000001 ', 'd' * 300, None]


# ---------- the least ----------

def pages(items, page=PAGE):
    return max(1, -(-items // page))


class Account:
    """What a mock has, by parents"""

    def __init__(self, file):
        with open(file) as data:
            self.apps = {app['appId']: app for app in json.load(data)['apps']}
        self.pages_of_apps = pages(len(self.apps), PAGE_OF_APPS)
        self.items = collections.Counter()
        self.all_calls = self.pages_of_apps
        for name, app in self.apps.items():
            self.items['env', name] = len(app['backendEnvironments'])
            self.items['webhook', name] = len(app['webhooks'])
            self.items['branch', name] = len(app['branches'])
            for branch in app['branches']:
                self.items['job', name, branch['branchName']] = len(branch['jobs'])
        for (resource, *_), items in self.items.items():
            self.all_calls += pages(items) + (items if resource == 'job' else 0)

    def pages(self, resource, parent):
        return pages(self.items[(resource,) + parent])


Needed = collections.namedtuple('Needed', 'least gone apps keys parents listed long')


def solve(account, wanted):
    """The least calls for what is wanted: sets of rows, by kind and resource"""
    least = 0
    long = 0                    # those of Lists of several pages
    gone = set()
    names = set()
    items = collections.defaultdict(set)
    lists = {(resource,) + row for (kind, resource), rows in wanted.items() if kind == 'list' for row in rows}
    for (kind, resource), rows in wanted.items():
        for row in rows:
            names.add(row[0])
            if kind == 'apps':
                continue
            if row[0] not in account.apps:
                gone.add((resource,) + (row if kind == 'get' else row[:1]))
            elif kind == 'get':
                least += 1
            elif kind == 'list':
                least += account.pages(resource, row)
            else:
                items[(resource,) + row[:-1]].add(row[-1])
    for parent, found in items.items():
        if parent == ('app',):
            least += min(len(found), account.pages_of_apps)
        elif parent not in lists:
            of_list = account.pages(parent[0], parent[1:])
            least += min(len(found), of_list)
            long += min(len(found), of_list) if of_list > 1 else 0
    listed = ('apps', 'app') in wanted
    if listed:
        least += account.pages_of_apps
    return Needed(least, len(gone), len(names), sum(len(found) for found in items.values()), len(items), listed,
                  long)


def limit(account, needed, once, known):
    """How many calls there may be"""
    # twice, too: a Get, and a List
    gone = min(2 * needed.gone, 200 + 11 * account.pages_of_apps)
    # apps that are there are looked for as well, if there are many, or many
    # lookups in them have found nothing
    beside = account.pages_of_apps + 1 if needed.apps > 45 or known else 0
    # without statistics of the account, nothing tells which Lists are long
    most = int(1.1 * needed.least + 0.9 * needed.long if once else 2 * needed.least) + gone + beside
    # with statistics, all may be listed if that takes less time
    return max(most, account.all_calls) if known else most


# ---------- inventories ----------

def text(value):
    return 'NULL' if value is None else "'%s'" % value.replace("'", "''")


def inventory_row(account, pool, kind):
    app = rng.choice(pool)
    if rng.random() < {'gone': 0.9, 'mixed': 0.2}.get(kind, 0):
        app = 'd9%010d' % rng.randint(1, 2000)
    found = account.apps.get(app)

    def name(collection, member, other):
        things = found[collection] if found else []
        return rng.choice(things)[member] if things and rng.random() < 0.9 else other
    branch = name('branches', 'branchName', 'main')
    env = name('backendEnvironments', 'environmentName', rng.choice(['dev', 'nil']))
    arn = 'arn:aws:amplify:us-east-1:111122223333:apps/%s/backendenvironments/%s' % (app, env)
    job = str(rng.randint(1, max(1, account.items['job', app, branch])))
    row = [app, env, branch, job, arn]
    if kind == 'odd' and rng.random() < 0.4:
        row[rng.randrange(2)] = rng.choice(ODD)
        row[4] = None
    return [text(value) for value in row]


def inventory(account):
    """SQL that makes one; inventory_known has statistics"""
    kind = rng.choice(['mixed', 'mixed', 'there', 'few', 'gone', 'odd'])
    pool = sorted(account.apps)
    if kind == 'few':
        pool = rng.sample(pool, min(len(pool), rng.choice([1, 5])))
    rows = [inventory_row(account, pool, kind) for _ in range(rng.choice([3, 12, 60, 200, 600]))]
    order = rng.choice(['unsorted', 'sorted', 'repeats'])
    if order == 'sorted':
        rows.sort()
    elif order == 'repeats':
        rows = [rng.choice(rows[:len(rows) // 10 + 1]) for _ in rows]
    values = ', '.join("(%d, %s, %s, '%s')" % (n, ', '.join(row), n % 3 == 0, 'us-east-1' if n % 2 else 'eu-west-1')
                       for n, row in enumerate(rows))
    return ''.join('TRUNCATE %s; INSERT INTO %s VALUES %s;' % (table, table, values)
                   for table in ('inventory', 'inventory_known')) + 'ANALYZE inventory_known;'


# ---------- how a statement is run ----------

def digest(sql):
    return ("SELECT count(*), md5(coalesce(string_agg(r, E'\\n' ORDER BY r), ''))"
            ' FROM (SELECT q::text AS r FROM (%s) q) s' % sql)


# that read all rows, and others
WHOLE = {
    'plain': lambda sql: digest(sql) + ';',
    'copy': lambda sql: 'COPY (%s) TO STDOUT;' % sql,
    'generic': lambda sql: ('SET plan_cache_mode = force_generic_plan; PREPARE p AS %s; EXECUTE p; DEALLOCATE p;'
                            ' RESET plan_cache_mode;' % digest(sql)),
    'stored': lambda sql: ('BEGIN; CREATE TEMP TABLE stored (r) AS SELECT q::text FROM (%s) q; TABLE stored;'
                           ' ROLLBACK;' % sql),
}
IN_PARTS = {
    'cursor': lambda sql: ('BEGIN; DECLARE c CURSOR FOR %s; FETCH 2 FROM c; FETCH 7 FROM c; FETCH ALL FROM c; COMMIT;'
                           % sql),
    'loop': lambda sql: digest('SELECT * FROM rows_of($q$%s$q$)' % sql) + ';',
}


Run = collections.namedtuple('Run', 'schema inventory manner concurrency read_ahead')


def draw_run(statement):
    if statement.exact and rng.random() < 0.6:
        return Run('fresh', 'inventory_known', rng.choice(list(WHOLE)), rng.choice([2, 10, 25]), 200)
    return Run(rng.choice(['fresh', 'fresh', 'known']), rng.choice(['inventory', 'inventory_known']),
               rng.choice(list(WHOLE) * 2 + list(IN_PARTS)), rng.choice([2, 10, 10, 25]), rng.choice([200, 200, 200, 20, 0]))


class Tester:
    def __init__(self, account, mock):
        self.session = Session()
        self.account = account
        self.mock = mock
        self.reached = collections.Counter()

    def sql(self, text):
        answer = self.session.ask(text)
        if 'ERROR' in answer:
            sys.exit(answer + text)
        return answer

    def asked(self):
        """What the mock has been asked since the last time"""
        targets = [line.split()[3] for line in self.mock.say('GET', 'log').splitlines()]
        most = dict(line.split() for line in self.mock.say('GET', 'connections').splitlines())['max_in_flight']
        total = int(self.mock.say('GET', 'total'))
        calls = self.mock.say('GET', 'calls').replace('\n', ', ')
        self.mock.say('POST', 'reset')
        return targets, total, int(most), calls

    def needed(self, statement, run):
        wanted = collections.defaultdict(set)
        for kind, resource, query in statement.demands:
            answer = self.sql("\\pset fieldsep '\\x01'\n" + query.replace('%I', run.inventory)
                              + ";\n\\pset fieldsep '|'")
            wanted[kind, resource] |= {tuple(line.split('\x01')) for line in answer.splitlines()}
        return solve(self.account, wanted)

    def check(self, statement, run):
        """What is wrong, a line each"""
        sql = statement.sql.replace('%I', run.inventory)
        ours, copies = sql.replace('@', run.schema + '.'), sql.replace('@', 'copy.')
        manner = {**WHOLE, **IN_PARTS}[run.manner]
        expected = self.sql(manner(copies))
        self.sql("ALTER SERVER amplify OPTIONS (SET max_concurrency '%d'); SET amplify_fdw.read_ahead = %d;"
                 % (run.concurrency, run.read_ahead))
        self.asked()
        got = self.session.ask(manner(ours))
        targets, calls, in_flight, operations = self.asked()
        if sorted(got.splitlines()) != sorted(expected.splitlines()):
            yield 'rows: %s instead of %s' % (got[:300], expected[:300])
            return
        if in_flight > run.concurrency and self.is_crowded(manner(ours), run):
            yield '%d in flight' % in_flight
        if run.manner != 'loop' and len(set(targets)) < len(targets):
            yield 'asked twice: ' + collections.Counter(targets).most_common(1)[0][0]
        needed = self.needed(statement, run)
        once = (statement.exact and run.manner in WHOLE and run.read_ahead == 200 and run.schema == 'fresh'
                and run.inventory == 'inventory_known' and needed.keys >= 3 * needed.parents)
        most = limit(self.account, needed, once, run.schema == 'known')
        self.reached['made calls'] += calls > 0
        self.reached['may make a tenth more than the least'] += once and calls > 0
        self.reached['of the account without statistics'] += run.schema == 'fresh' and calls > 0
        if calls > most:
            yield '%d calls, least %d, at most %d: %s' % (calls, needed.least, most, operations)
        yield from self.check_plan(ours, run, needed, calls)
        if run.manner == 'plain' and calls > 1:
            yield from self.check_bound(manner(ours), expected, calls)

    def is_crowded(self, script, run):
        """Are there too many again?  The mock may have had some of a statement before, which had given them up"""
        self.session.ask(script)
        return self.asked()[2] > run.concurrency

    def check_plan(self, sql, run, needed, calls):
        if 'random()' in sql:
            return
        if run.manner == 'copy':
            plan = self.sql('EXPLAIN (ANALYZE, TIMING OFF) %s;' % sql)
            counted = sum(int(n) for n in re.findall(r'^\s*API Calls: (\d+)', plan, re.M))
            targets, calls, _, operations = self.asked()
            self.reached['compared with EXPLAIN ANALYZE'] += calls > 0
            if counted != calls:
                yield 'EXPLAIN ANALYZE counts %d of %d calls: %s' % (counted, calls, operations)
        else:
            plan = self.sql('EXPLAIN %s;' % sql)
        if run.schema == 'fresh' and not needed.listed and 'ListApps +' in plan and calls > needed.least + needed.gone:
            yield '%d calls, least %d, and all is listed:\n%s' % (calls, needed.least, plan)

    def check_bound(self, script, expected, calls):
        """amplify_fdw.max_calls: fewer are an error, and those made are no more"""
        bound = rng.randint(1, calls)
        got = self.session.ask('SET amplify_fdw.max_calls = %d; %s' % (bound, script))
        self.sql('RESET amplify_fdw.max_calls;')
        made = self.asked()[1]
        self.reached['ended by max_calls'] += 'ERROR' in got
        if made > bound or ('ERROR' not in got and got != expected):
            yield 'max_calls %d: %d calls, %s' % (bound, made, got[:300])


# ---------- the tests ----------

# Of how many statements that must be so at least, or nothing has been tried
REACHED = {
    'made calls': 0.5,
    'of the account without statistics': 0.3,
    'may make a tenth more than the least': 0.02,
    'compared with EXPLAIN ANALYZE': 0.05,
    'ended by max_calls': 0.05,
}

SETUP = """
SET client_min_messages = warning; SET jit = off;
ALTER SERVER amplify OPTIONS (SET endpoint_url '%s');
DROP SCHEMA IF EXISTS copy CASCADE; CREATE SCHEMA copy;
"""


def test_account(file, url):
    account = Account(file)
    tester = Tester(account, Mock(url))
    tester.sql(SETUP % url
               + ''.join('CREATE TABLE copy.%s AS SELECT * FROM fresh.%s; ANALYZE copy.%s;' % (t, t, t) for t in TABLES)
               + 'ANALYZE ' + ', '.join('known.' + t for t in TABLES if t not in ('everywhere', 'either')) + ', known.here;')
    wrong = []
    for n in range(COUNT):
        if n % 10 == 0:
            tester.sql(inventory(account))
        statement = demands.draw(rng)
        run = draw_run(statement)
        for why in tester.check(statement, run):
            wrong.append('%s\n%s\n%s' % (why, statement.sql, run))
    for what in REACHED:
        print('# %s: %d' % (what, tester.reached[what]))
        if COUNT >= 100 and tester.reached[what] < REACHED[what] * COUNT:
            wrong.append('too few are %s: %d' % (what, tester.reached[what]))
    print('%s - %d statements about an account of %d apps, seed %d'
          % ('not ok' if wrong else 'ok', COUNT, len(account.apps), seed), flush=True)
    for why in wrong[:5]:
        print(''.join('#   %s\n' % line for line in why.splitlines()[:30]), end='', file=sys.stderr)
    if wrong:
        print('# %d of them are wrong' % len(wrong))
    return not wrong


def main():
    accounts = [argument.rsplit('=', 1) for argument in sys.argv[1:]]
    print('1..%d' % len(accounts))
    passed = [test_account(file, url) for file, url in accounts]
    sys.exit(not all(passed))


main()
