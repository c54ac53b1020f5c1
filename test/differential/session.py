"""A psql that is asked line by line, and what a mock has been asked."""
import http.client
import subprocess
import sys
import urllib.parse


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


class Mock:
    """What a mock has been asked"""

    def __init__(self, url):
        self.http = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)

    def say(self, method, word):
        self.http.request(method, '/_mock/' + word)
        return self.http.getresponse().read().decode()

    def targets(self):
        return [line.split()[3] for line in self.say('GET', 'log').splitlines()]
