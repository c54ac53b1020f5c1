#!/usr/bin/python3
"""How the cost of a statement grows with its size; see growth.sh.

Each row is a session of its own, which has asked once before.  Calls and
connections are the mock's count, descriptors those of the backend at the end of
the statement, memory is the growth of its largest resident size, shared buffers
aside, CPU what the kernel gave the backend.  A cost is linear if that of one more
is not 1.5 times what it was in the row above.  The descriptors of one server must
not grow.
"""
import argparse
import concurrent.futures
import os
import time

from account import Table, mock_counters, mockctl, sql

STEADY = 1.5
MORE = 1.1              # than the least number of calls is still right
ENVIRONMENTS = 50       # of each app, one page, as growth.sh starts the mock
SIZES = [1, 10, 100, 1000, 10000, 100000]
PARTITIONS = [2, 17, 100, 340, 1000]
# What one row may cost more than the row above without being called growth
NOISE = {'calls': 5, 'kB': 2048, 'CPU ms': 10}
MORE_FDS = 12           # than in the row above: max_concurrency of one server, and some
THROTTLED_KEYS = 200
GRANTED = 100           # calls a second, and so many at once
MOST_FDS = 350          # of any number of servers: what PostgreSQL grants by default
MOST_KB = 24 * 1024     # for any number of keys, with work_mem of 4 MB

WARM = """SET client_min_messages = error; SET jit = off;
SELECT count(*) FROM backend_environments
    WHERE app_id = 'd00000000001' AND environment_name = 'dev';
"""
# Then shared buffers that it reads are no growth
SEEN = 'SELECT count(*) FROM keys;'
PROBE = """CREATE FUNCTION pg_temp.status(field text) RETURNS bigint LANGUAGE sql AS $$
    SELECT substring(pg_read_file('/proc/self/status') FROM field || E':\\\\s*(\\\\d+)')::bigint $$;
DO $do$
DECLARE hwm bigint; cpu bigint; fds bigint; rows text;
BEGIN
    hwm := pg_temp.status('VmHWM');
    PERFORM pg_sleep(0.001);
    cpu := split_part(pg_read_file('/proc/self/schedstat'), ' ', 1);
    EXECUTE $q$SELECT row(count(*), count(app_id)) FROM (%s) AS q$q$ INTO rows;
    PERFORM pg_sleep(0.001);
    cpu := split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::bigint - cpu;
    SELECT count(*) INTO fds FROM pg_ls_dir('/proc/self/fd');
    CREATE TEMP TABLE probed AS SELECT cpu / 1000000.0 AS cpu,
        pg_temp.status('VmHWM') - hwm AS kb, fds AS fds, rows AS rows;
END $do$;
SELECT rows, kb, fds, round(cpu, 1) FROM probed;
"""


def measure(query, before=''):
    """One statement in a fresh session"""
    sql(WARM)
    mockctl('reset')
    if 'FROM keys' in query:
        before += SEEN
    line = sql(WARM + before + PROBE % query)[-1]
    rows, kb, fds, cpu = line.split('|')
    counters = mock_counters()
    return {'found': rows, 'calls': counters['calls'] - 1, 'kB': int(kb), 'fds': int(fds),
            'CPU ms': float(cpu), 'connections': counters['accepted'],
            'in flight': counters['max_in_flight']}


class Growth:
    """One area: a table whose last column says what is not linear, or a test a row"""

    missed = []
    tap = False
    tests = 0

    def __init__(self, area, size, short, costs=('calls', 'kB', 'CPU ms'), flat=False,
                 more_fds=MORE_FDS):
        clocked = [] if not short else ['CPU ms', 'in flight']
        self.area = area
        self.flat = flat        # is each row of the same size?
        self.costs = [cost for cost in costs if cost not in clocked]
        self.shown = [name for name in ('found', 'calls', 'in flight', 'connections', 'fds',
                                        'kB', 'CPU ms') if name not in clocked]
        self.size = size
        self.more_fds = more_fds
        if not Growth.tap:
            print('\n## ' + area)
            self.table = Table(size, *self.shown, 'linear')
        self.above = None

    def _bend(self, cost, size, measured):
        """How much more one more costs than in the row above"""
        above_size, above = self.above
        if measured[cost] <= above[cost] + NOISE[cost]:
            return 1
        if self.flat:
            return measured[cost] / max(above[cost], NOISE[cost])
        each = (measured[cost] - above[cost]) / (size - above_size)
        return each / (max(above[cost], NOISE[cost]) / above_size)

    def row(self, size, measured, found, most, most_kb=None):
        """found is what the rows must be, most and most_kb what they may cost"""
        findings = []
        if self.above is not None:
            bends = [(cost, self._bend(cost, size, measured)) for cost in self.costs]
            findings = ['%s x %.1f' % bend for bend in bends if bend[1] > STEADY]
            if measured['fds'] > self.above[1]['fds'] + self.more_fds:
                findings.append('more descriptors')
        if measured['found'] != found:
            findings.append('WRONG ROWS, not ' + found)
        if measured['calls'] > most:
            findings.append('more than %d calls' % most)
        if most_kb and measured['kB'] > most_kb:
            findings.append('more than %d kB' % most_kb)
        if Growth.tap:
            Growth.tests += 1
            print('%sok %d - %s, %s: %d' % ('not ' if findings else '', Growth.tests, self.area,
                                            self.size, size))
            print('# %s%s' % (measured, ''.join('\n# ' + finding for finding in findings)),
                  flush=True)
        else:
            self.table.row(size, *(measured[name] for name in self.shown),
                           ', '.join(findings) or 'yes')
        Growth.missed += ['%s, %s: %s' % (self.area, size, finding) for finding in findings]
        self.above = (size, measured)


def keys(number, per_app=1):
    """A table of so many keys, of apps 1, 2, ..., so many names of each"""
    sql("""SET client_min_messages = warning; DROP TABLE IF EXISTS keys;
        CREATE TABLE keys AS SELECT 'd' || lpad((1 + n / %d)::text, 11, '0') AS app,
            (ARRAY['dev', 'test', 'prod', 'staging', 'qa'] || ARRAY(
                SELECT 'env' || lpad(k::text, 2, '0') FROM generate_series(6, %d) AS k))
                [1 + n %% %d] AS env
        FROM generate_series(0, %d - 1) AS n ORDER BY md5(n::text); ANALYZE keys"""
        % (per_app, max(6, per_app), per_app, number))


JOIN = """SELECT e.app_id FROM keys AS k LEFT JOIN backend_environments AS e
    ON e.app_id = k.app AND e.environment_name = k.env"""
ANY = """SELECT app_id FROM backend_environments WHERE environment_name = 'dev'
    AND app_id = ANY (ARRAY(SELECT app FROM keys))"""


def of_keys(short, apps):
    for area, query in (('Keys, joined', JOIN), ('Keys, = ANY (array)', ANY)):
        growth = Growth(area, 'keys', short)
        for number in SIZES:
            if number <= apps:
                keys(number)
                growth.row(number, measure(query), '(%d,%d)' % (number, number), MORE * number,
                           MOST_KB)


def of_gone(short, apps, numbers):
    listed = -(-apps // 100)    # pages of ListApps
    growth = Growth('Keys of apps that are gone, joined', 'keys', short,
                    ('kB', 'CPU ms'))
    for number in numbers:
        keys(number)
        sql("UPDATE keys SET app = 'dx' || app; ANALYZE keys")
        # a page that takes longer than a second is not waited for
        most = number if short else min(number, 100 + 11 * listed)
        growth.row(number, measure(JOIN), '(%d,0)' % number, most, MOST_KB)
    growth = Growth('Keys that are gone of apps that are there, joined', 'keys', short,
                    ('kB', 'CPU ms'))
    for number in numbers:
        keys(number, -(-number // apps))
        sql("UPDATE keys SET env = 'dx' || env; ANALYZE keys")
        growth.row(number, measure(JOIN), '(%d,0)' % number, MORE * number, MOST_KB)


def of_parents(short, apps):
    """The same number of keys, of fewer and fewer apps: no cost may grow"""
    growth = Growth('Keys of one parent, %d keys joined' % apps, 'keys an app', short,
                    ('CPU ms',), True)
    for per_app in (2, 5, 10, 25, 50):     # each a page of fifty
        keys(apps, per_app)
        growth.row(per_app, measure(JOIN), '(%d,%d)' % (apps, apps),
                   MORE * apps / per_app, MOST_KB)


def of_read_ahead(short, apps):
    growth = Growth('amplify_fdw.read_ahead, %d keys joined' % apps, 'read_ahead',
                    short, ('kB', 'CPU ms'), True)
    keys(apps)
    for rows in (10, 50, 200, 1000, 10000):
        growth.row(rows, measure(JOIN, 'SET amplify_fdw.read_ahead = %d;' % rows),
                   '(%d,%d)' % (apps, apps), MORE * apps)


def of_partitions(short, apps, numbers):
    growth = Growth('Partitions, each a server', 'partitions', short, more_fds=MOST_FDS)
    sql("""CREATE TABLE environments (account integer, app_id text, environment_name text)
        PARTITION BY LIST (account)""")
    there = 0
    for number in numbers:
        sql("""DO $$ BEGIN FOR n IN %d .. %d LOOP
            EXECUTE format('CREATE SERVER s%%s FOREIGN DATA WRAPPER amplify_fdw
                OPTIONS (region ''us-east-1'', endpoint_url %%L)', n, '%s');
            EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER s%%s
                OPTIONS (source_server ''amplify'')', n);
            EXECUTE format('CREATE FOREIGN TABLE part_%%s PARTITION OF environments
                FOR VALUES IN (%%s) SERVER s%%s
                OPTIONS (resource ''backend_environments'')', n, n, n);
            END LOOP; END $$""" % (there + 1, number, os.environ['AMPLIFY_MOCK_URL']))
        there = number
        query = "SELECT app_id FROM environments WHERE app_id IN ('d00000000001', 'd00000000002')"
        each = min(apps, 2)
        growth.row(number, measure(query), '(%d,%d)' % ((ENVIRONMENTS * each * number,) * 2),
                   each * number)
    measured = measure('SELECT app_id FROM environments LIMIT 10')
    print('# LIMIT 10 of %d partitions: %d calls' % (there, measured['calls']))


def of_sessions():
    """100 keys each; the clock says how long all took"""
    keys(100)
    print('\n## Sessions, 100 keys each, joined')
    table = Table('sessions', 'calls', 'connections', 'ms', 'calls a second')
    query = 'SET jit = off; SELECT count(app_id) FROM (%s) AS q' % JOIN
    for number in (1, 2, 4, 8, 16, 32, 64):
        mockctl('reset')
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(number) as pool:
            list(pool.map(sql, [query] * number))
        seconds = time.monotonic() - start
        counters = mock_counters()
        table.row(number, counters['calls'], counters['accepted'], round(seconds * 1000),
                  round(counters['calls'] / seconds))


def of_throttled():
    """As many calls as the keys of each session, of which AWS grants 100 a second"""
    keys(THROTTLED_KEYS)
    print('\n## Sessions that are throttled, %d keys each, joined' % THROTTLED_KEYS)
    table = Table('sessions', 'least s', 'last done, of that', 'first done, of that', 'rows',
                  'refused %')
    for number in (1, 8, 32, 64):
        # all have asked once, and begin at one moment
        start = time.time() + 2 + number / 10
        query = WARM + """SELECT pg_sleep(%f - extract(epoch FROM clock_timestamp()));
            SELECT count(app_id) FROM (%s) AS q""" % (start, JOIN)

        def session(_, query=query, start=start):
            rows = sql(query)[-1]
            return rows, time.time() - start

        mockctl('reset')
        with concurrent.futures.ThreadPoolExecutor(number) as pool:
            sessions = [pool.submit(session, n) for n in range(number)]
            time.sleep(max(start - 0.5 - time.time(), 0))
            mockctl('reset')
            mockctl('latency', 'ms=20')
            mockctl('rate', 'rps=%d' % GRANTED, 'burst=%d' % GRANTED)
            done = [one.result() for one in sessions]
        calls = number * THROTTLED_KEYS
        least = (calls - GRANTED) / GRANTED
        table.row(number, least, '%.2f' % (max(seconds for _, seconds in done) / least),
                  '%.2f' % (min(seconds for _, seconds in done) / least),
                  ' '.join({rows for rows, _ in done}),
                  '%.1f' % (100 * (mock_counters()['calls'] / calls - 1)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('apps', type=int, help='that the mock has')
    parser.add_argument('areas', nargs='*',
                        default=['keys', 'gone', 'parents', 'read_ahead', 'partitions', 'sessions',
                                 'throttled'])
    parser.add_argument('--short', action='store_true')
    parser.add_argument('--tap', action='store_true', help='short, as a test')
    options = parser.parse_args()
    short = options.short or options.tap
    Growth.tap = options.tap
    few = min(options.apps, 1000 if short else 2000)
    areas = {
        'keys': lambda: of_keys(short, options.apps),
        'gone': lambda: of_gone(short, options.apps, SIZES[2:5 if short else 6]),
        'parents': lambda: of_parents(short, few),
        'read_ahead': lambda: of_read_ahead(short, few),
        'partitions': lambda: of_partitions(short, options.apps,
                                            PARTITIONS[:3 if short else 5]),
        'sessions': lambda: None if short else of_sessions(),
        'throttled': lambda: None if short else of_throttled(),
    }
    for area in options.areas:
        areas[area]()
    if Growth.tap:
        print('1..%d' % Growth.tests)
        return
    print('\n%d rows are not linear or take more calls' % len(Growth.missed))
    for line in Growth.missed:
        print('- ' + line)


if __name__ == '__main__':
    main()
