"""The AWS CLI and the JavaScript SDK, as processes that response questions.

A question is an operation and its parameters, as the API names them; a response
is a dictionary with the API's members, and "error" where it failed.
"""
import json
import os
import re
import subprocess

from shared import HERE


def kebab(name):
    return re.sub('([a-z0-9])([A-Z])', r'\1-\2', name).lower()


def snake(name):
    return kebab(name).replace('-', '_')


class Client:
    def __init__(self, *command, env=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, env=env,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)

    def ask(self, operation, **parameters):
        self.process.stdin.write(json.dumps(self.question(operation, parameters)) + '\n')
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait()

    def pages(self, operation, size, **parameters):
        """All answers of a List, which has so many items a page"""
        parameters['maxResults'] = size
        while True:
            answer = self.ask(operation, **parameters)
            yield answer
            if not answer.get('nextToken'):
                return
            parameters['nextToken'] = answer['nextToken']


class Cli(Client):
    name = 'the AWS CLI'
    is_newest = False       # it does not know the members in NEWER
    has_microseconds = True

    def __init__(self):
        super().__init__('/usr/bin/python3', os.path.join(HERE, 'cli.py'))

    @staticmethod
    def question(operation, parameters):
        return ['--endpoint-url', os.environ['AMPLIFY_MOCK_URL'], '--output', 'json',
                'amplify', kebab(operation)] + [
                    '--%s=%s' % (kebab(name), value) for name, value in parameters.items()]


class Sdk(Client):
    name = 'the JavaScript SDK'
    is_newest = True
    has_microseconds = False

    def __init__(self, folder, env=None):
        super().__init__('node', os.path.join(HERE, 'sdk.mjs'), folder, env=env)

    @staticmethod
    def question(operation, parameters):
        return [operation, parameters]
