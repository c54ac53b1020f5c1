"""What the tests of this folder share: TAP, and the ways to SQL and the mock."""
import datetime
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))

# Fields that are newer than the model of Debian 12
NEWER = {
    'apps': {'cache_config', 'cache_config_type', 'compute_role_arn', 'job_config',
             'job_config_build_compute_type', 'waf_configuration', 'waf_status',
             'waf_web_acl_arn', 'webhook_create_time'},
    'branches': {'backend', 'backend_stack_arn', 'compute_role_arn',
                 'enable_skew_protection'},
    'domain_associations': {'certificate', 'certificate_type', 'update_status',
                            'certificate_custom_certificate_arn'},
    'jobs': {'source_url', 'source_url_type'},
    'webhooks': {'app_id'},
}

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


def done_testing():
    print('1..%d' % tests)
    raise SystemExit(failed > 0)


def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, check=False, text=True,
                          **options)


def psql(script):
    """What a session prints, errors and all; it stops at the first one"""
    return run('psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose',
               input=script, stderr=subprocess.STDOUT).stdout


def quote(text):
    return "'" + text.replace("'", "''") + "'"


def mockctl(*words):
    return subprocess.run((os.path.join(HERE, '../mock/mockctl'),) + words, check=True,
                          stdout=subprocess.PIPE, text=True).stdout


def calls_made():
    """How many of each operation the mock has answered since its reset"""
    return {operation: int(n) for operation, n in
            (line.split() for line in mockctl('calls').splitlines())}


def microseconds(text):  # or a number of seconds
    if text is None:
        return None
    if isinstance(text, (int, float)):  # as it came; ISO 8601 in other set-ups
        return int(text // 1) * 1000000 + round(text % 1 * 1e6)
    when = datetime.datetime.fromisoformat(text.replace('Z', '+00:00'))
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (when - epoch) // datetime.timedelta(microseconds=1)
