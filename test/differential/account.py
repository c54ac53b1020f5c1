#!/usr/bin/python3
"""An account for calls.py, as a data file of the mock.

account.py APPS MOST prints one of so many apps.  The first one has MOST
environments, the others few; the third one has more branches than a page, and
some branches have been deployed more often than one.
"""
import json
import random
import sys

NAMES = ['dev', 'test', 'prod', 'staging', 'qa'] + ['env%03d' % n for n in range(400)]
BRANCHES = ['main', 'develop', 'release/1', 'release/2'] + ['feature/%d' % n for n in range(60)]


def job(number):
    return {'summary': {'jobId': str(number), 'status': 'SUCCEED'},
            'steps': [{'stepName': step, 'status': 'SUCCEED'} for step in ('BUILD', 'DEPLOY')]}


def branch(name, jobs):
    members = {'branchName': name, 'stage': 'PRODUCTION' if name == 'main' else 'DEVELOPMENT',
               'jobs': [job(number) for number in range(jobs, 0, -1)]}
    if jobs:
        members['activeJobId'] = '%010d' % jobs
    return members


def app(n, most, rng):
    name = 'd%011d' % n
    arn = 'arn:aws:amplify:us-east-1:111122223333:apps/' + name
    environments = most if n == 1 else rng.randint(0, 6)
    branches = 62 if n == 3 else rng.choice([0, 1, 2, 4])
    return {
        'appId': name, 'appArn': arn, 'name': 'app%d' % n,
        'backendEnvironments': [
            {'environmentName': env, 'stackName': '%s-%s' % (name, env),
             'backendEnvironmentArn': '%s/backendenvironments/%s' % (arn, env)} for env in NAMES[:environments]],
        'branches': [branch(b, rng.choice([60, 120]) if n <= 4 and b == 'main' else rng.randint(0, 3))
                     for b in BRANCHES[:branches]],
        'webhooks': [{'webhookId': '%s-%d' % (name, k), 'branchName': 'main'} for k in range(rng.randint(0, 2))],
    }


apps, most = map(int, sys.argv[1:])
chance = random.Random(apps)
account = [app(n, most, chance) for n in range(1, apps + 1)]
chance.shuffle(account)
json.dump({'apps': account}, sys.stdout)
