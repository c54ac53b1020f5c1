#!/usr/bin/python3
"""Raw libcurl, boto3 and SQL side by side against one mock; see run.sh.

Every way is repeated in one process or session, so that all but the first
repeat find warm connections; medians of those are shown.  Ratios are to raw
libcurl on the same number of connections.
"""
import argparse
import os
import statistics
import subprocess

here = os.path.dirname(os.path.abspath(__file__))

SQL = {
    'sql any': """SELECT count(*) FROM backend_environments WHERE environment_name = 'dev'
        AND app_id = ANY (ARRAY(SELECT app_id FROM keys WHERE n <= %d))""",
    'sql join': """SELECT count(e.update_time) FROM (SELECT * FROM keys WHERE n <= %d) k
        LEFT JOIN backend_environments e USING (app_id, environment_name)""",
    'sql repeats': """SELECT count(e.update_time) FROM
        (SELECT keys.* FROM generate_series(1, 100), keys WHERE keys.n <= %d) k
        LEFT JOIN backend_environments e USING (app_id, environment_name)""",
    'sql cursor': """SELECT pg_temp.fetch_all($c$
        SELECT e.update_time FROM (SELECT * FROM keys WHERE n <= %d) k
        LEFT JOIN backend_environments e USING (app_id, environment_name) $c$)""",
    'sql parent': """SELECT count(e.update_time) FROM (SELECT * FROM keys WHERE n <= %d) k
        LEFT JOIN everywhere e USING (region, app_id, environment_name)""",
    'sql list': 'SELECT count(update_time) FROM backend_environments -- %d',
}

WAYS = {
    'get': ('sql any', 'sql join', 'sql repeats', 'sql cursor'),
    'parent': ('sql parent',),
    'list': ('sql list',),
}

# The kernel adds up a process's CPU time when it sleeps, else at a tick only,
# which is longer than many of these queries.  Measuring costs some 60 us, and
# what runs after a sleep finds cold caches: for one key, that is most of it.
MEASURE = """
SELECT format('ALTER SERVER %%I OPTIONS (SET max_concurrency %%L)', srvname, %d / count(*) OVER ())
    FROM pg_foreign_server WHERE srvname LIKE '%s'
\\gexec
CREATE FUNCTION pg_temp.cpu() RETURNS float LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.001);
    RETURN split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float / 1000;
END $$;
CREATE FUNCTION pg_temp.fetch_all(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE c refcursor; n bigint := -1; r record;
BEGIN
    OPEN c FOR EXECUTE query;
    LOOP
        n := n + 1;
        FETCH c INTO r;
        EXIT WHEN NOT FOUND;
    END LOOP;
    CLOSE c;
    RETURN n;
END $$;
DO $do$
DECLARE t timestamptz; ms numeric; c float; n bigint; calls bigint; connections bigint;
BEGIN
    SET LOCAL jit = off;        -- it would count as ours
    PERFORM amplify_fdw_disconnect_all();
    FOR i IN 1..%d LOOP
        PERFORM amplify_fdw_stats_reset();
        c := pg_temp.cpu(); t := clock_timestamp();
        EXECUTE $q$%s$q$ INTO n;
        ms := extract(epoch FROM clock_timestamp() - t) * 1000;
        c := pg_temp.cpu() - c;
        ASSERT n = %d, format('%%s rows', n);
        SELECT sum(s.calls), sum(s.connections) INTO calls, connections
            FROM amplify_fdw_stats() s;
        RAISE INFO 'bench %% %% %% %%',
            round(ms, 3), calls, connections, round(c::numeric);
    END LOOP;
END $do$;
SELECT 'peak ' || substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\\s*(\\d+)');
"""


def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=True, **options).stdout


def mockctl(*words):
    run(os.path.join(here, '../mock/mockctl'), *words)


def numbers(lines):
    """Medians of ms, calls and CPU after the first repeat; connections of that"""
    rows = [line.split() for line in lines]
    warm = rows[1:] or rows
    return (statistics.median(float(r[0]) for r in warm), int(warm[-1][1]), rows[0][2],
            statistics.median(float(r[3]) for r in warm))


def sql(way, count, rows, width, repeats):
    query = SQL[way] % count
    # so many in flight in all
    servers = 'amplify_%' if way == 'sql parent' else 'amplify'
    if way == 'sql repeats':
        rows *= 100
    done = run('psql', '-XqAt', '-v', 'ON_ERROR_STOP=1',
               '-c', 'SET client_min_messages = info', '-f', '-',
               input=MEASURE % (width, servers, repeats, query, rows))
    lines = done.splitlines()
    peak = next(line.split()[1] for line in lines if line.startswith('peak'))
    return numbers([line.split('bench ')[1] for line in lines if 'bench ' in line]) + (
        int(peak) / 1024,)


def row(out, what, latency, width, way, result, raw):
    ms, calls, connections, cpu = result[:4]
    peak = '%.0f' % result[4] if len(result) > 4 else '-'
    out('| %-12s | %4d | %3d | %-11s | %10.1f | %7s | %6d | %5s | %8.1f | %5s |' % (
        what, latency, width, way, ms, '%.2f' % (ms / raw), calls, connections,
        cpu / calls, peak))


def compare(out, what, kind, count, rows, latency, width, repeats):
    url = os.environ['AMPLIFY_MOCK_URL']
    arguments = (url, 'list' if kind == 'list' else 'get', str(count), str(width), str(repeats))
    # of many servers' connections, few are kept from one statement to the next
    raw = numbers(run(os.path.join(here, 'raw'), *arguments,
                      *(['anew'] if kind == 'parent' else [])).splitlines())
    row(out, what, latency, width, 'raw', raw, raw[0])
    boto = numbers(run('/usr/bin/python3', os.path.join(here, 'boto.py'),
                       *arguments).splitlines())
    row(out, what, latency, width, 'boto3', boto, raw[0])
    for way in WAYS[kind]:
        row(out, what, latency, width, way, sql(way, count, rows, width, repeats),
            raw[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('kind', choices=sorted(WAYS))
    parser.add_argument('counts', type=int, nargs='+')
    parser.add_argument('--latencies', type=int, nargs='+', default=[0, 20, 100])
    parser.add_argument('--widths', type=int, nargs='+', default=[10, 50])
    parser.add_argument('--repeats', type=int, default=4)
    parser.add_argument('--per-app', type=int, default=1)
    parser.add_argument('-o', '--output')
    args = parser.parse_args()
    file = open(args.output, 'a') if args.output else None

    def out(line):
        print(line, flush=True)
        if file:
            print(line, file=file, flush=True)

    out('| what | latency ms | in flight | way | ms | to raw | calls | connections | CPU us per call | peak MB |')
    out('|---|---|---|---|---|---|---|---|---|---|')
    for count in args.counts:
        rows = count * args.per_app
        what = '%d %s' % (rows, 'rows' if args.kind == 'list' else 'keys')
        for latency in args.latencies:
            mockctl('latency', str(latency))
            for width in args.widths:
                compare(out, what, args.kind, count, rows, latency, width, args.repeats)


main()
