#!/usr/bin/python3
"""How many calls joins make, beside the least that would do; see calls.sh.

The least is that of somebody who knows the data and what the API has, which is
a Get for each name, the List of each app (50 a page), and ListApps (100 a page),
and who need not find anything out.  Calls are exact and the same in each run;
milliseconds are those of this machine.
"""
import argparse
import collections
import json
import random

from account import Table, mock_counters, mockctl, sql

LATENCY = 20            # ms, as calls.sh starts the mock
CONCURRENCY = 10        # the default of max_concurrency
NAMES = ['dev', 'test', 'prod', 'staging', 'qa']
GONE_APPS = 5000        # that inventories may name
PAGE = 50
PAGE_OF_APPS = 100
SIZES = [10, 100, 1000, 10000]
KINDS = ['unsorted', 'sorted', 'repeats', 'half gone', 'all gone']
# What has been analyzed
STATISTICS = ['none', 'inventory', 'both']

JOIN = """SELECT count(*), count(e.update_time) FROM inventory i
    LEFT JOIN backend_environments e ON e.app_id = i.app AND e.environment_name = i.env"""
JOBS = {
    'join': """SELECT count(*), count(j.status) FROM inventory i LEFT JOIN jobs j
        ON j.app_id = i.app AND j.branch_name = i.branch AND j.job_id = i.job""",
    '= ANY': """SELECT count(*), count(status) FROM jobs
        WHERE app_id = 'd00000000001' AND branch_name = 'main'
        AND job_id = ANY (ARRAY(SELECT job FROM inventory))""",
}


def pages(items, page=PAGE):
    return max(1, -(-items // page))


def app_id(number):
    return 'd%011d' % number


def inventory(kind, apps, size):
    """Rows of (app's number, name); apps above the number of apps are gone"""
    chance = random.Random('%s %d %d' % (kind, apps, size))

    def key():
        gone = kind == 'all gone' or (kind == 'half gone' and chance.random() < 0.5)
        app = apps + chance.randint(1, GONE_APPS) if gone else chance.randint(1, apps)
        return app, chance.choice(NAMES)

    if kind == 'repeats':
        few = [key() for _ in range(max(1, size // 10))]
        return [chance.choice(few) for _ in range(size)]
    rows = [key() for _ in range(size)]
    return sorted(rows) if kind == 'sorted' else rows


# Of calls, and of round trips one after the other
Needed = collections.namedtuple('Needed', 'least target full rounds')


def solve(rows, apps, lists_at_once):
    """The least calls for these rows, and how many there may be"""
    names = collections.defaultdict(set)
    for app, name in rows:
        names[app].add(name)
    alive = sum(min(len(found), pages(len(NAMES)))
                for app, found in names.items() if app <= apps)
    gone = sum(1 for app in names if app > apps)
    account = pages(apps, PAGE_OF_APPS)
    full = account + apps * pages(len(NAMES))
    least = min(alive + min(gone, account), full)
    factor = 1.1 if lists_at_once else 2
    target = factor * alive + min(gone, 100 + 11 * account)
    return Needed(least, int(target), full, -(-least // CONCURRENCY))


def expects_lists(rows, statistics):
    """With the inventory's statistics, can the planner see several keys a parent?"""
    return statistics != 'none' and len(set(rows)) >= 2 * len({row[0] for row in rows})


def walk(plan, above=()):
    """What is above the first foreign scan, and that"""
    if plan['Node Type'] == 'Foreign Scan':
        return above, plan
    for child in plan.get('Plans', []):
        found = walk(child, above + (plan,))
        if found:
            return found
    return None


def plan_of(query):
    """The plan in a few words, and whether it lists all"""
    text = '\n'.join(sql('EXPLAIN (FORMAT JSON) ' + query))
    top = json.loads(text)[0]['Plan']
    above, scan = walk(top)
    words = [node['Node Type'] for node in above
             if node['Node Type'] in ('Memoize', 'Hash Join', 'Merge Join')]
    if 'AmplifyReadAhead' in text:
        words.append('read-ahead')
    words.append(scan['API Operation'].replace('BackendEnvironment', 'Env'))
    return ', '.join(words), 'API Keys' not in scan


Measured = collections.namedtuple('Measured', 'calls in_flight ms rows')


def measure(query):
    mockctl('reset')
    before = 'SET jit = off; CREATE TEMP TABLE t AS SELECT clock_timestamp() AS t;\n'
    after = ';\nSELECT extract(epoch FROM clock_timestamp() - t) * 1000 FROM t'
    rows, ms = sql(before + query + after)
    counters = mock_counters()
    return Measured(counters['calls'], counters['max_in_flight'], float(ms), rows)


class Report:
    """The table, and the cells that miss what they should have"""

    def __init__(self):
        self.table = Table('what', 'apps', 'rows', 'statistics', 'calls', 'least', 'target',
                           'in flight', 'ms', 'ms at least', 'plan')
        self.missed = []
        self.cells = 0

    def cell(self, what, apps, size, statistics, needed, measured, plan, findings):
        self.cells += 1
        self.table.row(what, apps, size, statistics, measured.calls, needed.least,
                       needed.target, measured.in_flight, round(measured.ms),
                       needed.rounds * LATENCY, plan)
        for finding in findings:
            self.missed.append('%s, %d apps, %d rows, statistics %s: %s'
                               % (what, apps, size, statistics, finding))

    def end(self):
        print('\n%d of %d cells miss their target' % (len(self.missed), self.cells))
        for line in self.missed:
            print('- ' + line)


def judge(needed, measured, expected, lists_all, parallel):
    """What is wrong with a cell"""
    if measured.rows != expected:
        yield 'WRONG ROWS: %s, not %s' % (measured.rows, expected)
    if measured.calls > needed.target:
        yield '%d calls, target %d, least %d' % (measured.calls, needed.target, needed.least)
    if lists_all and needed.least < needed.full - pages(needed.full, PAGE_OF_APPS) - 1:
        yield 'lists all: %d calls, least %d' % (measured.calls, needed.least)
    if parallel and measured.in_flight < 0.9 * CONCURRENCY:
        yield '%d of %d in flight' % (measured.in_flight, CONCURRENCY)


def values(rows):
    return ', '.join('(%d, %s)' % (n, ', '.join("'%s'" % v for v in row))
                     for n, row in enumerate(rows))


def environments(report, apps, statistics, sizes):
    for size in sizes:
        for kind in KINDS:
            rows = inventory(kind, apps, size)
            sql('TRUNCATE inventory; INSERT INTO inventory VALUES '
                + values((app_id(app), name) for app, name in rows)
                + ('; ANALYZE inventory' if statistics != 'none' else ''))
            needed = solve(rows, apps, expects_lists(rows, statistics))
            plan, lists_all = plan_of(JOIN)
            measured = measure(JOIN)
            expected = '%d|%d' % (size, sum(1 for app, _ in rows if app <= apps))
            report.cell(kind, apps, size, statistics, needed, measured, plan,
                        judge(needed, measured, expected,
                              lists_all and statistics == 'none',
                              needed.least >= 2 * CONCURRENCY))


def new_inventory(columns):
    sql("""SET client_min_messages = warning; DROP TABLE IF EXISTS inventory;
        CREATE TABLE inventory (id int, %s)""" % columns)


def of_account(report, apps, sizes, wanted):
    for statistics in STATISTICS:
        if statistics not in wanted:
            continue
        new_inventory('app text, env text')
        if statistics == 'both':
            sql('ANALYZE backend_environments')
        environments(report, apps, statistics, sizes)


def solve_branch(size, jobs, statistics):
    """The same for so many jobs of one branch, whose pages come in turn"""
    all_pages = pages(jobs)
    # that Gets are fewer can be known from statistics of the jobs only
    if statistics == 'both' or (statistics == 'inventory' and size >= all_pages):
        factor = 1.1
    else:
        factor = 2
    least = min(size, all_pages)
    rounds = all_pages if all_pages < size else -(-size // CONCURRENCY)
    return Needed(least, int(factor * least), all_pages, rounds)


def of_branch(report, jobs, wanted):
    for statistics in STATISTICS:
        if statistics not in wanted:
            continue
        if statistics == 'both':
            sql('ANALYZE jobs')
        for size in (1, 10, 100):
            new_inventory('app text, branch text, job text')
            numbers = random.Random(size).sample(range(1, jobs + 1), size)
            sql('INSERT INTO inventory VALUES '
                + values((app_id(1), 'main', str(n)) for n in numbers)
                + ('; ANALYZE inventory' if statistics != 'none' else ''))
            needed = solve_branch(size, jobs, statistics)
            for way, query in JOBS.items():
                plan, _ = plan_of(query)
                measured = measure(query)
                report.cell('jobs of a branch, ' + way, 1, size, statistics, needed,
                            measured, plan,
                            judge(needed, measured, '%d|%d' % (size, size), False, False))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('what', choices=['environments', 'jobs'])
    parser.add_argument('number', type=int, help='of apps, or of jobs')
    parser.add_argument('--sizes', default=','.join(map(str, SIZES)))
    parser.add_argument('--statistics', default=','.join(STATISTICS))
    options = parser.parse_args()
    report = Report()
    wanted = options.statistics.split(',')
    if options.what == 'jobs':
        of_branch(report, options.number, wanted)
    else:
        of_account(report, options.number, [int(n) for n in options.sizes.split(',')], wanted)
    report.end()


if __name__ == '__main__':
    main()
