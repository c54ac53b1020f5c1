#!/usr/bin/python3
"""The difference between callgrind's counts for few and for more keys, for each
key more; see instructions.sh.
"""
import re
import subprocess
import sys

TOP = 25
# instructions (percent)  file:function [library]; inlined lines have no library
ROW = re.compile(r'^\s*([\d,]+) \([^)]*\)\s+(?:[^ ]*:)?(.+?)(?: \[(?:.*/)?([^]]*)\])?$')
TOTAL = 'PROGRAM TOTALS'


def counts(file, inclusive, libraries):
    """Instructions by function, and of the program"""
    text = subprocess.run(['callgrind_annotate', '--threshold=100', '--auto=no',
                           '--inclusive=' + inclusive, file],
                          check=True, stdout=subprocess.PIPE, text=True).stdout
    result = {}
    for found in filter(None, map(ROW.match, text.splitlines())):
        name = found.group(2)
        n = int(found.group(1).replace(',', ''))
        before = result.get(name, 0)
        # what an inlined line calls is in what the function calls
        result[name] = before + n if inclusive == 'no' else max(before, n)
        if found.group(3):
            libraries[name] = found.group(3)
    return result


def per_key(way, keys, inclusive='no'):
    libraries = {}
    few = counts(way + '.few', inclusive, libraries)
    rows = {name: (n - few.get(name, 0)) / keys
            for name, n in counts(way + '.more', inclusive, libraries).items()}
    return rows, libraries


def top(what, rows):
    print('\n| %s | instructions |\n|---|---|' % what)
    for name, n in sorted(rows.items(), key=lambda row: -row[1])[:TOP]:
        if n >= 1:
            print('| %s | %.0f |' % (name, n))


def main():
    keys = int(sys.argv[1])
    raw = per_key('raw', keys)[0][TOTAL]
    print('| way | instructions a key | to raw |\n|---|---|---|')
    for way in ('raw', 'join', 'listing'):
        total = per_key(way, keys)[0][TOTAL]
        print('| %s | %.0f | %.2f |' % (way, total, total / raw))

    rows, libraries = per_key('join', keys)
    del rows[TOTAL]
    by_library = {}
    for name, n in rows.items():
        library = libraries.get(name, '?')
        by_library[library] = by_library.get(library, 0) + n
    top('library', by_library)
    top('function by itself', {'%s (%s)' % (name, libraries.get(name, '?')): n
                               for name, n in rows.items()})
    rows, libraries = per_key('join', keys, 'yes')
    top('function of ours with all that it calls',
        {name: n for name, n in rows.items() if libraries.get(name) == 'amplify_fdw.so'})


main()
