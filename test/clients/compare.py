#!/usr/bin/python3
"""Do the AWS CLI, the JavaScript SDK and SQL see the same?  Prints TAP.

Called by clients.t, with a server and a mock in the environment and the folder
of the SDK as argument.  What is compared is a dictionary from (app, name) to
all other members, with times in microseconds; the SDK's times are Dates, which
have milliseconds.  Of SQL's ways to the rows, the calls are counted, too: each
must have gone its own way.
"""
import concurrent.futures
import datetime
import json
import os
import subprocess
import sys

MEMBERS = ('backendEnvironmentArn', 'stackName', 'deploymentArtifacts')
TIMES = ('createTime', 'updateTime')
IN_ARN = {'region': 3, 'account': 4}  # columns of SQL, parts of the ARN
COLUMNS = """
    json_build_object(
        'appId', app_id, 'environmentName', environment_name,
        'backendEnvironmentArn', backend_environment_arn,
        'stackName', stack_name, 'deploymentArtifacts', deployment_artifacts,
        'createTime', create_time, 'updateTime', update_time,
        'region', region, 'account', account_id)"""
MESSAGE = 'no, señor, "100 %" no'

HERE = os.path.dirname(os.path.abspath(__file__))

tests = 0
failed = 0


def ok(passed, name, why=''):
    global tests, failed
    tests += 1
    failed += not passed
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
              tuple(microseconds(item.get(t)) for t in TIMES) +
              tuple(item.get(column, item['backendEnvironmentArn'].split(':')[part])
                    for column, part in IN_ARN.items())
              for item in items}
    assert len(result) == len(items), 'an environment came twice'
    return result


def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True,
                          **options)


def psql(script):
    done = run('psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose',
               input=script, stderr=subprocess.STDOUT)
    return done.stdout


def sql(*wheres):
    """The rows of a statement for each of these conditions, in one session"""
    return [json.loads(line) for line in psql(''.join(
        'SELECT %s FROM backend_environments WHERE %s;\n' % (COLUMNS, where)
        for where in wheres)).splitlines()]


def quote(text):
    return "'" + text.replace("'", "''") + "'"


def aws(*arguments, **options):
    return run('aws', '--endpoint-url', os.environ['AMPLIFY_MOCK_URL'],
               '--output', 'json', 'amplify', *arguments, stderr=subprocess.PIPE, **options)


def aws_apps():
    """By pages of 7, which the CLI itself puts together"""
    done = aws('list-apps', '--page-size', '7')
    return [app['appId'] for app in json.loads(done.stdout)['apps']]


def aws_list(app):
    """By hand, for want of a paginator; of some apps in three pages"""
    size = '50' if int(app[1:]) % 10 else '5'
    items, more = [], []
    while True:
        page = json.loads(aws('list-backend-environments', '--app-id', app,
                              '--max-results', size, *more).stdout)
        items += [dict(item, appId=app) for item in page['backendEnvironments']]
        if not page.get('nextToken'):
            return items
        more = ['--next-token=' + page['nextToken']]


def aws_get(key):
    done = aws('get-backend-environment', '--app-id', key[0],
               '--environment-name=' + key[1])
    return dict(json.loads(done.stdout)['backendEnvironment'], appId=key[0])


def sdk(folder, *arguments, **options):
    return run('node', os.path.join(HERE, 'sdk.mjs'), folder, *arguments, **options).stdout


def mockctl(*words):
    return subprocess.run((os.path.join(HERE, '../mock/mockctl'),) + words, check=True,
                          stdout=subprocess.PIPE, text=True).stdout


def same_by(wheres, expected, calls, name):
    """SQL with these conditions sees what is expected, by just these calls."""
    mockctl('reset')
    same(dictionary(sql(*wheres)), expected, 'SQL agrees, ' + name)
    made = dict(line.split() for line in mockctl('calls').splitlines())
    ok(made == {operation: str(n) for operation, n in calls.items()},
       'SQL has made the right calls, ' + name, made)


def compare_sql(everything):
    """All ways to the rows, against what the others have seen"""
    apps = sorted({key[0] for key in everything})
    names = sorted({key[1] for key in everything})
    same_by(['true'], everything,
            {'ListApps': 1, 'ListBackendEnvironments': len(apps)}, 'by the full list')
    same_by(['app_id = ' + quote(app) for app in apps], everything,
            {'ListBackendEnvironments': len(apps)}, 'by the Lists of the apps')
    same_by(['app_id = %s AND environment_name = %s' % tuple(map(quote, key))
             for key in everything], everything,
            {'GetBackendEnvironment': len(everything)}, 'by Gets')
    same_by(['backend_environment_arn = ' + quote(value[0])
             for value in everything.values()], everything,
            {'GetBackendEnvironment': len(everything)}, 'by Gets of ARNs')
    same_by(['environment_name = ' + quote(name) for name in names], everything,
            {'ListApps': len(names), 'ListBackendEnvironments': len(names) * len(apps)},
            'by the name alone')


def compare_environments(folder):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        listed = [item for items in pool.map(aws_list, aws_apps()) for item in items]
        everything = dictionary(listed)
        ok(len(everything) >= 200, 'the AWS CLI lists at least 200 environments')
        odd = [key for key in everything if not key[1].isalnum()]
        letters = ''.join(key[1] for key in odd)
        ok(len(odd) >= 20 and all(c in letters for c in ' /\'"%é日'),
           'with spaces, slashes, quotes, percent signs and letters beyond ASCII',
           odd)
        some = odd[:20]
        got = dictionary(list(pool.map(aws_get, some)))
        same(got, {key: everything[key] for key in some}, 'and gets odd ones')

    seen = json.loads(sdk(folder))
    for path in ('list', 'get'):
        same(milliseconds(dictionary(seen[path])), milliseconds(everything),
             'the JavaScript SDK agrees, by ' + path)
    compare_sql(everything)


# Status, code, where the code is in the answer, and SQLSTATE
ERRORS = (
    (403, 'AccessDeniedException', 'header', '42501'),
    (403, 'AccessDeniedException', 'type', '42501'),
    (400, 'BadRequestException', 'header', '22023'),
    (400, 'BadRequestException', 'body', '22023'),
    (401, 'UnauthorizedException', 'header', '28000'),
    (403, 'ExpiredTokenException', 'header', '28000'),
    (500, 'InternalFailureException', 'header', '58000'),
    (503, 'DependentServiceFailureException', 'type', '58000'),
)


def compare_errors(folder):
    for status, code, where, state in ERRORS:
        mockctl('reset')
        mockctl('fault', 'status=%d' % status, 'code=' + code, 'where=' + where,
                'n=-1', 'message=' + MESSAGE)
        same_error(folder, code, MESSAGE, status, state, '', where)
    mockctl('reset')
    wrong = dict(os.environ, AWS_SECRET_ACCESS_KEY='wrong')
    same_error(folder, 'InvalidSignatureException', '', 403, '28000',
               "BEGIN; ALTER USER MAPPING FOR CURRENT_USER SERVER amplify"
               " OPTIONS (SET secret_access_key 'wrong');", 'a wrong secret', env=wrong)


def same_error(folder, code, message, status, state, before, name, **options):
    """All three tell of this error; SQL also by its SQLSTATE."""
    by_sdk = sdk(folder, 'd00000000001', 'dev', **options)
    by_cli = aws('get-backend-environment', '--app-id', 'd00000000001',
                 '--environment-name', 'dev', **options).stderr
    by_sql = psql(before + "SELECT count(*) FROM backend_environments WHERE app_id ="
                  " 'd00000000001' AND environment_name = 'dev';")
    ok(by_sdk.startswith('%s: %s' % (code, message)) and
       '(%s) when' % code in by_cli and ': ' + message in by_cli and
       'ERROR:  %s: ' % state in by_sql and
       'DETAIL:  %s, HTTP status %d: %s' % (code, status, message) in by_sql,
       'they agree on %s (%s)' % (code, name), '\n'.join((by_sdk, by_cli, by_sql)))
    total = mockctl('total').strip()
    ok(total == '3', 'each has asked once', total)


def compare_not_found(folder):
    """What is an error for the others is no row for SQL."""
    for name, operation, key in (
            ('environment', 'get-backend-environment', ('d00000000001', 'gone/é')),
            ('app', 'list-backend-environments', ('d99999999999',))):
        mockctl('reset')
        by_sdk = sdk(folder, *key)
        by_cli = aws(operation, '--app-id', key[0],
                     *['--environment-name=' + name for name in key[1:]]).stderr
        by_sql = psql('SELECT count(*) FROM backend_environments WHERE %s;'
                      ' SELECT calls, not_found FROM amplify_fdw_stats();' %
                      ' AND '.join('%s = %s' % (column, quote(value)) for column, value in
                                   zip(('app_id', 'environment_name'), key)))
        ok(by_sdk.startswith('NotFoundException: ') and '(NotFoundException)' in by_cli and
           by_sql == '0\n1|1\n', 'an unknown %s is not found, and no row' % name,
           '\n'.join((by_sdk, by_cli, by_sql)))


compare_environments(sys.argv[1])
compare_errors(sys.argv[1])
compare_not_found(sys.argv[1])
print('1..%d' % tests)
sys.exit(failed > 0)
