#!/usr/bin/python3
"""Do the AWS CLI, the JavaScript SDK and SQL see the same?  Prints TAP.

Called by clients.t, with a server and a mock in the environment and the folder
of the SDK as argument.  What is compared is a dictionary from (app, name) to
all other members, with times in microseconds; the SDK's times are Dates, which
have milliseconds.
"""
import concurrent.futures
import datetime
import json
import os
import subprocess
import sys

MEMBERS = ('backendEnvironmentArn', 'stackName', 'deploymentArtifacts')
TIMES = ('createTime', 'updateTime')
COLUMNS = """
    json_build_object(
        'appId', app_id, 'environmentName', environment_name,
        'backendEnvironmentArn', backend_environment_arn,
        'stackName', stack_name, 'deploymentArtifacts', deployment_artifacts,
        'createTime', create_time, 'updateTime', update_time)"""

tests = 0


def ok(passed, name, why=''):
    global tests
    tests += 1
    print(('ok' if passed else 'not ok'), tests, '-', name, flush=True)
    if not passed:
        print(''.join('# %s\n' % line for line in str(why).splitlines()[:20]))
    return passed


def same(got, expected, name):
    wrong = sorted(key for key in got.keys() | expected.keys()
                   if got.get(key) != expected.get(key))
    ok(not wrong and got, name, '%d environments, %d differ, such as %s' % (
        len(got), len(wrong), [(k, got.get(k), expected.get(k)) for k in wrong[:2]]))


def microseconds(text):  # or a number of seconds
    if text is None:
        return None
    if isinstance(text, (int, float)):  # as it came; ISO 8601 in other set-ups
        return round(text * 1e6)
    when = datetime.datetime.fromisoformat(text.replace('Z', '+00:00'))
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (when - epoch) // datetime.timedelta(microseconds=1)


def milliseconds(environments):
    """As a client sees them whose times have no microseconds"""
    return {key: tuple((m + 500) // 1000 if isinstance(m, int) else m for m in value)
            for key, value in environments.items()}


def dictionary(items):
    result = {(item['appId'], item['environmentName']):
              tuple(item.get(m) for m in MEMBERS) +
              tuple(microseconds(item.get(t)) for t in TIMES)
              for item in items}
    assert len(result) == len(items), 'an environment came twice'
    return result


def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True,
                          **options)


def psql(script):
    done = run('psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', input=script,
               stderr=subprocess.STDOUT)
    return done.stdout


def sql(where):
    return [json.loads(line) for line in
            psql('SELECT %s FROM backend_environments %s;' % (COLUMNS, where)).splitlines()]


def quote(text):
    return "'" + text.replace("'", "''") + "'"


def aws(*arguments):
    return run('aws', '--endpoint-url', os.environ['AMPLIFY_MOCK_URL'],
               '--output', 'json', 'amplify', *arguments, stderr=subprocess.PIPE)


def aws_list(app):
    items, more = [], []
    while True:
        page = json.loads(aws('list-backend-environments', '--app-id', app,
                              '--max-results', '50', *more).stdout)
        items += [dict(item, appId=app) for item in page['backendEnvironments']]
        if not page.get('nextToken'):
            return items
        more = ['--next-token', page['nextToken']]


def aws_get(key):
    done = aws('get-backend-environment', '--app-id', key[0],
               '--environment-name=' + key[1])
    return dict(json.loads(done.stdout)['backendEnvironment'], appId=key[0])


def mockctl(*words):
    subprocess.run((os.path.join(os.path.dirname(__file__), '../mock/mockctl'),) + words,
                   check=True, stdout=subprocess.DEVNULL)


def compare_environments(sdk):
    everything = dictionary(sql(''))
    ok(len(everything) >= 200, 'there are at least 200 environments')
    odd = [key for key in everything if not key[1].isalnum()]
    letters = ''.join(key[1] for key in odd)
    ok(len(odd) >= 20 and all(c in letters for c in ' /\'"%é'),
       'with spaces, slashes, quotes, percent signs and letters beyond ASCII',
       odd)
    apps = sorted({key[0] for key in everything})

    same(dictionary(sql('WHERE app_id IN (%s)' % ', '.join(map(quote, apps)))),
         everything, 'SQL: the Lists of the apps are the full list')
    script = ''.join('SELECT %s FROM backend_environments WHERE app_id = %s'
                     ' AND environment_name = %s;\n' %
                     (COLUMNS, quote(app), quote(name)) for app, name in everything)
    mockctl('reset')
    same(dictionary([json.loads(line) for line in psql(script).splitlines()]),
         everything, 'SQL: the Gets are the full list')

    seen = json.loads(run('node', 'sdk.mjs', cwd=sdk).stdout)
    for path in ('list', 'get'):
        same(milliseconds(dictionary(seen[path])), milliseconds(everything),
             'the JavaScript SDK agrees, by ' + path)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        listed = [item for items in pool.map(aws_list, apps) for item in items]
        same(dictionary(listed), everything, 'the AWS CLI agrees, by list')
        some = odd[:20]
        got = dictionary(list(pool.map(aws_get, some)))
        same(got, {key: everything[key] for key in some}, 'the AWS CLI agrees, by get')


def compare_errors(sdk):
    for status, code in ((404, 'NotFoundException'), (403, 'AccessDeniedException'),
                         (400, 'BadRequestException'), (401, 'UnauthorizedException'),
                         (403, 'ExpiredTokenException')):
        mockctl('reset')
        mockctl('fault', 'status=%d' % status, 'code=' + code, 'n=3', 'message=no')
        by_sdk = run('node', 'sdk.mjs', 'd00000000001', 'dev', cwd=sdk).stdout.strip()
        by_cli = aws('get-backend-environment', '--app-id', 'd00000000001',
                     '--environment-name', 'dev').stderr
        by_sql = psql("SELECT count(*) FROM backend_environments WHERE app_id ="
                      " 'd00000000001' AND environment_name = 'dev';")
        expected = '0\n' if status == 404 else code + ', HTTP status %d: no.' % status
        ok(by_sdk == code and '(%s)' % code in by_cli and expected in by_sql,
           'they agree on ' + code, '\n'.join((by_sdk, by_cli, by_sql)))


compare_environments(sys.argv[1])
compare_errors(sys.argv[1])
print('1..%d' % tests)
