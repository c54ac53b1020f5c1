#!/usr/bin/python3
"""Do the AWS CLI, the JavaScript SDK and SQL see the same tables?  Prints TAP.

Called by tables.t, with a server in the environment; the arguments are the
folder of the SDK, and for each set of data its name, the items that a page of
it is to have, and the address of the mock that has it.

Nothing below knows a table: the extension tells what calls there are and which
member a column shows, which model.t compares with the service's own model.  The
clients walk from ListApps down and get one by one what they have found.  SQL
then has to give the same rows in every way there is to them, and to make just
those calls on each.
"""
import collections
import json
import os
import re
import sys

import clients
from shared import (NEWER, calls_made, done_testing, microseconds, mockctl, ok, psql,
                    quote, run)

REGION = 'us-east-1'
LONGEST_PAGE = {'ListApps': 100}
LONGEST_OTHER_PAGE = 50
FILTERED = {'ListBackendEnvironments'}  # these take the last key as well

Listing = collections.namedtuple('Listing', 'rows calls')


def camel(name):
    return re.sub('_(.)', lambda m: m[1].upper(), name)


def query(function):
    return json.loads(psql('SELECT json_agg(t) FROM %s() AS t' % function))


def plain(value):
    """What clients agree on: times are numbers, and what is null is not there"""
    if isinstance(value, dict):
        return {name: microseconds(member) if name.endswith('Time') else plain(member)
                for name, member in value.items() if member is not None}
    if isinstance(value, list):
        return [plain(element) for element in value]
    return value


def coarse(value):
    """For a client whose times have milliseconds.  All numbers are times."""
    if isinstance(value, dict):
        return {name: coarse(member) for name, member in value.items()}
    if isinstance(value, list):
        return [coarse(element) for element in value]
    return (value + 500) // 1000 if type(value) is int else value


def follow(item, path):
    for name in path.split('.'):
        item = item.get(name) if item is not None else None
    return item


class Operation:
    def __init__(self, resource, kind):
        self.name = resource[kind + '_operation']
        self.keys = re.findall(r'{(\w+)}', resource[kind + '_path'])
        self.result = resource[kind + '_result']
        self.is_paged = self.name.startswith('List')

    def items(self, answer):
        """(item, the object that holds it or its array) for all in a response"""
        found = [(answer, None)]
        for name in self.result.split('.') if self.result else ():
            found = [(below, item) for item, _ in found
                     for value in [item.get(name.rstrip('[]'))] if value is not None
                     for below in (value if isinstance(value, list) else [value])]
        return found


class Table:
    def __init__(self, resource, fields):
        self.name = resource['resource']
        self.parent = resource['parent']
        self.list = Operation(resource, 'list')
        self.get = Operation(resource, 'get') if resource['get_operation'] else None
        self.fields = fields
        self.arn = next((f['field'] for f in fields
                         if f['is_key'] and f['field'].endswith('_arn')), None)

    def row(self, item, holder, asked):
        """What SQL has to show of it"""
        row = {}
        for field in self.fields:
            name, member = field['field'], field['member'] or ''
            value = (follow(holder, member[len('../'):]) if member.startswith('../') else
                     follow(item, member) if member else None)
            row[name] = asked.get(name) or (
                microseconds(value) if field['type'] == 'timestamptz' else plain(value))
            if name.endswith('job_id') and row[name]:
                row[name] = row[name].lstrip('0') or '0'
            if name == 'prefix' and row['sub_domain_setting'] is not None:
                row[name] = row[name] or ''     # the apex has none
        row['region'] = REGION
        arn = row[self.arn].split(':') if self.arn and row[self.arn] else None
        if 'account_id' in row:
            row['account_id'] = arn and arn[4]
        if arn and not row['app_id']:
            row['app_id'] = arn[5].split('/')[1]
        return row

    def read(self, record):
        """A row as SQL has shown it"""
        return {field['field']: microseconds(record[field['field']])
                if field['type'] == 'timestamptz' else plain(record[field['field']])
                for field in self.fields}


def keys_of(rows, names):
    """The distinct keys in some rows, in their order"""
    return [dict(zip(names, key)) for key in
            dict.fromkeys(tuple(row[name] for name in names) for row in rows)
            if None not in key]


class Walk:
    """All that one client sees, and the calls that it has made for it"""

    def __init__(self, client, tables, page):
        self.client = client
        self.tables = tables
        self.page = page
        self.answers = {}       # job_steps are in the responses that jobs are in
        self.listed = {}
        self.got = {}
        mockctl('reset')
        for table in tables.values():
            parents = self.listed[table.parent].rows if table.parent else [{}]
            self.listed[table.name] = self.ask_all(
                table, table.list, keys_of(parents, table.list.keys))
        for table in tables.values():
            if table.get:
                self.got[table.name] = self.ask_all(
                    table, table.get,
                    keys_of(self.listed[table.name].rows, table.get.keys))
        client.stop()
        made = collections.Counter()
        for (operation, _), answers in self.answers.items():
            made[operation] += len(answers)
        ok(calls_made() == made, '%s has made the calls that the mock has seen' % client.name,
           '%s, %s' % (made, calls_made()))
        self.number = sum(made.values())

    def ask_all(self, table, operation, keys):
        rows, calls = [], 0
        for key in keys:
            answers = self.ask(operation, key)
            calls += len(answers)
            rows += [table.row(item, holder, key) for answer in answers
                     for item, holder in operation.items(answer)]
        return Listing(rows, calls)

    def ask(self, operation, key):
        parameters = {camel(name): value for name, value in key.items()}
        known = (operation.name, json.dumps(parameters))
        if known not in self.answers:
            page = min(self.page, LONGEST_PAGE.get(operation.name, LONGEST_OTHER_PAGE))
            answers = list(
                self.client.pages(operation.name, page, **parameters) if operation.is_paged
                else [self.client.ask(operation.name, **parameters)])
            for answer in answers:
                assert 'error' not in answer, (known, answer)
            self.answers[known] = answers
        return self.answers[known]

    def visible(self, table, rows):
        """of some rows, in a form that can be counted"""
        if not self.client.has_microseconds:
            rows = [coarse(row) for row in rows]
        hidden = set() if self.client.is_newest else NEWER.get(table.name, set())
        return collections.Counter(
            json.dumps({name: value for name, value in row.items() if name not in hidden},
                       sort_keys=True, ensure_ascii=False) for row in rows)


def select(table, wheres):
    """SQL's rows for each of these conditions, and the calls made"""
    mockctl('reset')
    output = psql("SET timezone = 'UTC';" + ''.join(
        'SELECT to_jsonb(t) FROM %s AS t WHERE %s;\n' % (table.name, where)
        for where in wheres))
    try:
        # not splitlines(), which knows more ends of lines than psql does
        return [table.read(json.loads(line)) for line in output.split('\n')[:-1]]
    except ValueError:
        raise SystemExit('psql: ' + output[-2000:]) from None


def same(table, wheres, walks, expected, calls, way):
    """SQL has the rows that each client has found, by so many calls."""
    rows = select(table, wheres)
    made = calls_made()
    ok(made == calls, '%s: SQL makes the same calls, %s' % (table.name, way),
       '%s, not %s' % (made, calls))
    for walk in walks:
        seen = walk.visible(table, rows)
        right = walk.visible(table, expected(walk))
        ok(seen == right and seen, '%s: %d rows as %s sees them, %s' % (
            table.name, len(rows), walk.client.name, way),
           'only SQL: %s\nonly there: %s' % (list(seen - right)[:1], list(right - seen)[:1]))


def where(key):
    return ' AND '.join('%s = %s' % (name, quote(value)) for name, value in key.items())


def ancestors(tables, table):
    while table:
        yield table
        table = tables.get(table.parent)


def compare(table, walks):
    """All ways to the rows of a table"""
    first = walks[0]
    listed = first.listed[table.name]
    everything = {above.list.name: first.listed[above.name].calls
                  for above in ancestors(first.tables, table)}
    same(table, ['true'], walks, lambda walk: walk.listed[table.name].rows,
         everything, 'all of them')
    if table.list.keys:
        parents = keys_of(first.listed[table.parent].rows, table.list.keys)
        same(table, map(where, parents), walks, lambda walk: walk.listed[table.name].rows,
             {table.list.name: listed.calls}, 'by the keys of %s' % table.list.name)
    if table.get:
        keys = keys_of(listed.rows, table.get.keys)
        same(table, map(where, keys), walks, lambda walk: walk.got[table.name].rows,
             {table.get.name: len(keys)}, 'by the keys of %s' % table.get.name)
    if table.arn:
        keys = keys_of(listed.rows, [table.arn])
        same(table, map(where, keys), walks,
             lambda walk: [row for row in walk.listed[table.name].rows if row[table.arn]],
             {(table.get or table.list).name: len(keys)}, 'by ARN')
    if table.get and len(table.list.keys) > 0 and set(table.list.keys) < set(table.get.keys):
        some = keys_of(listed.rows, table.get.keys[-1:])[-3:]
        lists = len(keys_of(first.listed[table.parent].rows, table.list.keys))
        calls = {name: len(some) * (lists if name in FILTERED else n)
                 for name, n in everything.items()}
        same(table, map(where, some), walks,
             lambda walk: [row for row in walk.listed[table.name].rows
                           if {table.get.keys[-1]: row[table.get.keys[-1]]} in some],
             calls, 'by the last key alone')


def compare_program(walk):
    """The program as anybody runs it, which puts the pages together itself"""
    program = run('aws', *clients.Cli.question('ListApps', {'pageSize': walk.page}))
    pages = walk.ask(walk.tables['apps'].list, {})
    ok(json.loads(program.stdout)['apps'] == [app for page in pages for app in page['apps']],
       'the program aws prints the same apps', program.stdout)


def prepare(page, url):
    """Let the clients and SQL's tables ask this mock, for pages of this size."""
    os.environ['AMPLIFY_MOCK_URL'] = url
    mockctl('latency', '0')
    complaints = psql("""
        SET client_min_messages = warning;
        DROP SCHEMA IF EXISTS amplify CASCADE;
        CREATE SCHEMA amplify;
        ALTER SERVER amplify OPTIONS (SET endpoint_url %s);
        IMPORT FOREIGN SCHEMA amplify FROM SERVER amplify INTO amplify
            OPTIONS (import_sensitive 'true');
        ALTER DATABASE postgres SET search_path = amplify, public;
        SELECT format('ALTER FOREIGN TABLE amplify.%%I OPTIONS (ADD page_size %%L)', resource, %d)
            FROM amplify_fdw_resources() \\gexec""" % (quote(url), page))
    assert complaints == '', complaints


def main(sdk_folder, *data):
    fields = query('amplify_fdw_fields')
    tables = {r['resource']: Table(r, [f for f in fields if f['resource'] == r['resource']])
              for r in query('amplify_fdw_resources')}
    for i in range(0, len(data), 3):
        page = int(data[i + 1])
        prepare(page, data[i + 2])
        walks = [Walk(client, tables, page)
                 for client in (clients.Cli(), clients.Sdk(sdk_folder))]
        print('# %s: %s calls, %s' % (data[i], walks[0].number, ', '.join(
            '%d %s' % (len(walks[0].listed[name].rows), name) for name in tables)))
        compare_program(walks[0])
        for table in tables.values():
            compare(table, walks)
    done_testing()


main(*sys.argv[1:])
