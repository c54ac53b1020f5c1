#!/usr/bin/python3
"""Do the tables of amplify_fdw show all that Amplify's model has?  Prints TAP.

Called by model.t, with a server in the environment.  A member of a response is
named by its path from the response's root, "[]" after an array: job.steps[].logUrl.
It can be reached if a field of some table that the operation fills is that
member, or is of jsonb and holds it.
"""
import json
import re

import botocore
import botocore.session

import shared
from shared import NEWER

# What is left out on purpose, and why
LEFT_OUT = {
    'nextToken': 'paging is not for the user',
    'ListTagsForResource tags': 'apps and branches have their tags themselves',
}
# What nobody should read by accident, besides what the model calls sensitive
SECRET = re.compile('Url$|^environmentVariables$|^screenshots$')
TYPES = {'string': 'text', 'boolean': 'bool', 'timestamp': 'timestamptz'}


def ok(findings, name):
    shared.ok(not findings, name, '\n'.join(findings))


def query(function):
    return json.loads(shared.psql('SELECT json_agg(t) FROM %s() AS t' % function))


def snake(name):
    name = re.sub('([A-Z]+)([A-Z][a-z])', r'\1_\2', name)
    return re.sub('([a-z0-9])([A-Z])', r'\1_\2', name).lower()


def parent(path):
    """of the object that holds the item or the array at this path"""
    return path[:-len('[]')] if path.endswith('[]') else path


def absolute(item, member):
    if not member.startswith('../'):
        return '.'.join(filter(None, (item, member)))
    holder = parent(item).rpartition('.')[0]
    return '.'.join(filter(None, (holder, member[len('../'):])))


def members(shape, path=''):
    """All paths below a shape: (path, shape); an array of scalars is one"""
    if shape.type_name == 'structure':
        for name, member in shape.members.items():
            below = '.'.join(filter(None, (path, name)))
            yield below, member
            yield from members(member, below)
    elif shape.type_name == 'list' and shape.member.type_name == 'structure':
        yield from members(shape.member, path + '[]')


def is_secret(path, shape):
    name = re.split(r'[.\]]+', path)[-1]
    return shape.metadata.get('sensitive', False) or SECRET.search(name) is not None


class Use:
    """An operation as one table uses it"""

    def __init__(self, model, resource, kind):
        self.resource = resource['resource']
        self.operation = model.operation_model(resource[kind + '_operation'])
        self.path = resource[kind + '_path']
        self.item = resource[kind + '_result'] or ''
        self.answer = dict(members(self.operation.output_shape))
        found = self.answer.get(self.item)
        self.found = self.item == '' or found is not None
        if found is not None and found.type_name == 'list':
            self.item += '[]'


model = botocore.session.get_session().get_service_model('amplify')
resources = query('amplify_fdw_resources')
fields = query('amplify_fdw_fields')
uses = [Use(model, r, kind) for r in resources for kind in ('get', 'list')
        if r[kind + '_operation']]
reads = [n for n in model.operation_names if n.startswith(('Get', 'List'))]
print('# botocore %s, %d read operations, %d fields' % (
    botocore.__version__, len(reads), len(fields)))


def fields_of(use):
    """(field, its path in the response) of all that have one"""
    return [(f, absolute(use.item, f['member'])) for f in fields
            if f['resource'] == use.resource and f['member']]


def unreachable():
    for name in reads:
        have = [(f['type'], path) for use in uses if use.operation.name == name
                for f, path in fields_of(use)]
        for path, shape in members(model.operation_model(name).output_shape):
            if path in LEFT_OUT or '%s %s' % (name, path) in LEFT_OUT:
                continue
            below = [p for p, _ in members(shape, path)]
            if below and not any(p == path for _, p in have):
                continue        # its members are looked for one by one
            if not any(p == path or (t == 'jsonb' and path.startswith(p) and
                                     path[len(p):len(p) + 1] in ('.', '['))
                       for t, p in have):
                yield '%s: %s' % (name, path)


def unknown():
    for use in uses:
        for field, path in fields_of(use):
            if path not in use.answer and field['field'] not in NEWER.get(use.resource, ()):
                yield '%s.%s: %s has no %s' % (use.resource, field['field'],
                                               use.operation.name, path)


def wrong_types():
    for use in uses:
        for field, path in fields_of(use):
            shape = use.answer.get(path)
            if shape is not None and TYPES.get(shape.type_name, 'jsonb') != field['type']:
                yield '%s.%s is %s, and %s' % (use.resource, field['field'],
                                               field['type'], shape.type_name)


def wrong_names():
    """A part of an object may have some of the object's name before its own"""
    for field in fields:
        member = re.sub(r'^\.\./(summary\.)?', '', field['member'] or '')
        name, own = field['field'], snake(member.rpartition('.')[2])
        if member and name != own and not ('.' in member and name.endswith('_' + own)):
            yield '%s.%s is %s' % (field['resource'], name, member)


def wrong_paths():
    for use in uses:
        http = use.operation.http
        if http['method'] != 'GET' or re.sub(
                r'{(\w+)}', lambda m: '{%s}' % snake(m[1]), http['requestUri']) != use.path:
            yield '%s: %s %s' % (use.operation.name, http['method'], http['requestUri'])
        if not use.found:
            yield '%s: no %s in %s' % (use.resource, use.item, use.operation.name)


def in_the_open():
    for use in uses:
        for field, path in fields_of(use):
            if field['sensitive'] or path not in use.answer:
                continue
            for p, shape in [(path, use.answer[path]), *members(use.answer[path], path)]:
                if is_secret(p, shape):
                    yield '%s.%s shows %s' % (use.resource, field['field'], p)


def unused():
    used = {use.operation.name for use in uses}
    for name in reads:
        if name not in used and not any(key.startswith(name + ' ') for key in LEFT_OUT):
            yield name


ok(list(unused()), 'every read operation fills a table')
ok(list(unreachable()), 'every member of every response can be reached')
ok(list(unknown()), 'every field is a member, or a newer one')
ok(list(wrong_types()), 'fields have the types of their members')
ok(list(wrong_names()), 'fields have the names of their members')
ok(list(wrong_paths()), 'operations are called by their paths')
ok(list(in_the_open()), 'what is secret is sensitive')
for key, why in LEFT_OUT.items():
    print('# left out: %s (%s)' % (key, why))
for resource, names in NEWER.items():
    print('# newer than Debian 12 has it: %s: %s' % (resource, ', '.join(sorted(names))))
shared.done_testing()
