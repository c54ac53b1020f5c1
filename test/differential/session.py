"""A psql that is asked line by line."""
import subprocess
import sys


class Session:
    """One psql, asked line by line"""

    def __init__(self):
        self.psql = subprocess.Popen(
            ['psql', '-XqAt'], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def ask(self, sql):
        answer = self.ask_only(sql)
        if 'ERROR:' in answer:
            self.ask_only('ROLLBACK;')
        return answer

    def ask_only(self, sql):
        """Without the end of a transaction that has failed"""
        self.psql.stdin.write(sql + '\n\\echo ====\n')
        self.psql.stdin.flush()
        answer = []
        while True:
            line = self.psql.stdout.readline()
            if not line:
                sys.exit('psql has ended: ' + ''.join(answer))
            if line == '====\n':
                return ''.join(answer)
            answer.append(line)
