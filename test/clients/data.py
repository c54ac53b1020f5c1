#!/usr/bin/python3
"""data.py FILE SEED: made-up data for the mock, of the shapes that FILE has.

FILE has every member of every kind of thing.  Here are more such things, each
with some of those members, their values varied; the same ones for the same
seed.  Nothing below knows a member but those that name a thing.
"""
import json
import random
import sys

ACCOUNT = 'arn:aws:amplify:us-east-1:111122223333:'
MAPS = ('tags', 'environmentVariables', 'screenshots')  # their keys are data, too
MANY = range(51, 60)    # more than a page
PAGE_OF_APPS = 100


def random_app(n):
    return 'd' + ''.join(random.choices('0123456789abcdefghijklmnopqrstuvwxyz', k=13)) + str(n)


def random_name(n):
    return random.choice((
        'n%d', 'two words %d', 'a/b//%d', "it's %d", 'say "hi" %d', '%d%%25 %%2F %%',
        'a+b&c=d?e#f%d', 'back\\slash%d', 'line\nbreak\ttab%d', 'dév 日本 🚀 %d',
        '%%2e%%2e%d', ' lead %d and trail ', "~!*'();:@$,[]{}|^`<>%d", '-%d', '%d' + 'é' * 250,
        'x/jobs/%d', '../%d')) % n


def random_domain(n):
    return random.choice(('app%d.example.com', 'a-%d.b.c.example.org', 'XN--%d.Example.Net')) % n


def random_artifact(n):
    return 'app/%s/%010d/BUILD/log.txt' % (random_name(n)[:200], n)


def random_job(n):
    return str(n)


# Collection: what has its names ("": itself), the member with its id, how that is
# made up, the member with its ARN, and what an ARN adds to that of its parent
KINDS = {
    'apps': ('', 'appId', random_app, 'appArn', 'apps/%s'),
    'branches': ('', 'branchName', random_name, 'branchArn', '/branches/%s'),
    'backendEnvironments': ('', 'environmentName', random_name, 'backendEnvironmentArn',
                            '/backendenvironments/%s'),
    'domainAssociations': ('', 'domainName', random_domain, 'domainAssociationArn',
                           '/domains/%s'),
    'webhooks': ('', 'webhookId', random_name, 'webhookArn', '/webhooks/%s'),
    'jobs': ('summary', 'jobId', random_job, 'jobArn', '/jobs/%010d'),
    'artifacts': ('', 'artifactId', random_artifact, None, None),
}

examples = {kind: {} for kind in KINDS}     # member: values
children = {kind: [] for kind in KINDS}     # collections below it
made = 0


def learn(kind, things):
    for thing in things:
        for member, value in thing.items():
            if member in KINDS and isinstance(value, list):
                if member not in children[kind]:
                    children[kind].append(member)
                learn(member, value)
            else:
                examples[kind].setdefault(member, []).append(value)


def time():
    """Of these days with parts of a second, which a double has no bits for later;
    but no half of a millisecond, for the SDK rounds to those"""
    seconds = random.randrange(1500000000, 1900000000)
    return random.choice((0, 1, 253402300799, seconds,
                          seconds + random.choice((1, 125, 499, 501, 999)) / 1e6,
                          seconds + random.randrange(1000) / 1e3))


def text(example):
    return random.choice((example, '', ' ', 'é日🚀', 'a "quoted"\\ one', "it's\n\ttwo lines\r\n",
                          'null', '{"json": [1]}', '</script>&amp;', '\x7f\u2028\ufeff', 'x' * 3000))


def mapping():
    keys = random.sample(('', 'KEY', 'two words', 'é日🚀', 'a"b\\c', 'a.b[0]', '$x', 'null',
                          'constructor'), random.randrange(5))
    return {key: text('value') for key in keys}


def vary(member, example):
    if example is None:
        return None
    if isinstance(example, bool):
        return random.random() < 0.5
    if isinstance(example, (int, float)):
        return time()
    if isinstance(example, str):
        return text(example)
    if isinstance(example, list):
        return [vary('', random.choice(example)) for _ in range(random.randrange(4) if example else 0)]
    if member in MAPS:
        return mapping()
    return some({name: [value] for name, value in example.items()})


def some(members):
    """An object with some of these; what is null is not there, either"""
    return {name: None if random.random() < 0.05 else vary(name, random.choice(values))
            for name, values in members.items() if random.random() < 0.7}


def make(kind, above):
    global made
    part, member, random_id, arn_member, arn = KINDS[kind]
    thing = some(examples[kind])
    made += 1
    name = random_id(made)
    if part:
        thing[part] = some({n: [v] for value in examples[kind][part] for n, v in value.items()})
    named = thing[part] if part else thing
    named[member] = name
    if kind != 'apps' and 'appId' in named:
        named['appId'] = above.split('/')[1]
    if arn is not None:
        above += arn % (int(name) if '%010d' in arn else name)
        named.pop(arn_member, None)
        if random.random() < 0.9:
            named[arn_member] = above
    return thing, above


def make_all(kind, above, count, first):
    """The first of a kind has many children of each kind, the others few"""
    result = []
    for i in range(count):
        thing, arn = make(kind, above)
        is_first = first and i == 0
        for child in children[kind]:
            below = random.choice(MANY) if is_first else random.choice((0, 0, 1, 2))
            thing[child] = make_all(child, arn, below, is_first)
        result.append(thing)
    return result


random.seed(int(sys.argv[2]))
with open(sys.argv[1], encoding='utf-8') as file:
    learn('apps', json.load(file)['apps'])
json.dump({'apps': make_all('apps', ACCOUNT, PAGE_OF_APPS + 4, True)}, sys.stdout)
