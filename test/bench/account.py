"""What the benchmarks calls.py and growth.py share: the mock's words, a fresh
session of psql for each measurement, and tables in markdown.
"""
import os
import subprocess

here = os.path.dirname(os.path.abspath(__file__))


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False, **options)
    if done.returncode != 0:
        raise SystemExit('%s failed: %s' % (command[0], done.stderr))
    return done.stdout


def mockctl(*words):
    return run(os.path.join(here, '../mock/mockctl'), *words)


def mock_counters():
    """Calls since the last reset, the connections, how many at most in flight"""
    lines = [line.split() for line in mockctl('connections').splitlines()]
    counters = {name: int(value) for name, value in lines}
    counters['calls'] = int(mockctl('total'))
    return counters


def sql(text):
    """In a session of its own; what it has printed, a line a row"""
    return run('psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-f', '-', input=text).splitlines()


class Table:
    """Prints each row when it is there, for some take long."""

    def __init__(self, *columns):
        self.columns = columns
        print('\n| ' + ' | '.join(columns) + ' |')
        print('|' + '---|' * len(columns), flush=True)

    def row(self, *values):
        assert len(values) == len(self.columns)
        print('| ' + ' | '.join(str(value) for value in values) + ' |', flush=True)
