#!/usr/bin/python3
"""The AWS CLI, many times in one process: it takes most of its time to start.

Each line of standard input is what follows "aws", as a JSON array; each line
of standard output is the response, or {"error": ...}.
"""
import contextlib
import io
import json
import sys

from awscli.clidriver import create_clidriver

driver = create_clidriver()
for line in sys.stdin:
    answer, complaint = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(answer), contextlib.redirect_stderr(complaint):
        status = driver.main(json.loads(line))
    print(json.dumps({'error': complaint.getvalue()} if status else
                     json.loads(answer.getvalue())), flush=True)
