#!/usr/bin/python3
"""Do the AWS CLI, the JavaScript SDK and SQL tell of the same errors?  Prints TAP.

Called by errors.t, with a server and a mock in the environment and the folder of
the SDK as argument.
"""
import os
import sys

import clients
from shared import done_testing, mockctl, ok, psql, quote, run

MESSAGE = 'no, señor, "100 %" no'

# Status, code, where the code is in the response, and SQLSTATE
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


def aws(*arguments, **options):
    """What the program complains of, run as anybody runs it"""
    return run('aws', '--endpoint-url', os.environ['AMPLIFY_MOCK_URL'], 'amplify',
               *arguments, stderr=-1, **options).stderr


def sdk(folder, operation, env=None, **parameters):
    client = clients.Sdk(folder, env=env)
    answer = client.ask(operation, **parameters)
    client.stop()
    return answer['error']


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


def same_error(folder, code, message, status, state, before, name, env=None):
    """All three tell of this error; SQL also by its SQLSTATE."""
    by_sdk = sdk(folder, 'GetBackendEnvironment', appId='d00000000001',
                 environmentName='dev', env=env)
    by_cli = aws('get-backend-environment', '--app-id', 'd00000000001',
                 '--environment-name', 'dev', env=env)
    by_sql = psql(before + "SELECT count(*) FROM backend_environments WHERE app_id ="
                  " 'd00000000001' AND environment_name = 'dev';")
    ok(by_sdk.startswith('%s: %s' % (code, message)) and
       '(%s) when' % code in by_cli and ': ' + message in by_cli and
       'ERROR:  %s: ' % state in by_sql and
       'DETAIL:  %s, HTTP status %d: %s' % (code, status, message) in by_sql,
       'they agree on %s (%s)' % (code, name), '\n'.join((by_sdk, by_cli, by_sql)))
    total = mockctl('total').strip()
    ok(total == '3', 'each has asked once', total)


# What is not there, the operation that asks for it, its parameters, and SQL's table
NOT_FOUND = (
    ('environment', 'GetBackendEnvironment',
     {'appId': 'd00000000001', 'environmentName': 'gone/é'}, 'backend_environments'),
    ('app', 'ListBackendEnvironments', {'appId': 'd99999999999'}, 'backend_environments'),
    ('app', 'GetApp', {'appId': 'd99999999999'}, 'apps'),
    ('job', 'GetJob', {'appId': 'd00000000001', 'branchName': 'main', 'jobId': '99'}, 'jobs'),
    ('webhook', 'GetWebhook', {'webhookId': 'gone'}, 'webhooks'),
)


def compare_not_found(folder):
    """What is an error for the others is no row for SQL."""
    for name, operation, key, table in NOT_FOUND:
        mockctl('reset')
        by_sdk = sdk(folder, operation, **key)
        by_cli = aws(clients.kebab(operation), *[
            '--%s=%s' % (clients.kebab(member), value) for member, value in key.items()])
        by_sql = psql('SELECT count(*) FROM %s WHERE %s;'
                      ' SELECT calls, not_found FROM amplify_fdw_stats();' % (
                          table, ' AND '.join('%s = %s' % (clients.snake(member), quote(value))
                                              for member, value in key.items())))
        ok(by_sdk.startswith('NotFoundException: ') and '(NotFoundException)' in by_cli and
           by_sql == '0\n1|1\n', 'an unknown %s is not found by %s, and no row' % (name, operation),
           '\n'.join((by_sdk, by_cli, by_sql)))


compare_errors(sys.argv[1])
compare_not_found(sys.argv[1])
done_testing()
