#!/usr/bin/python3
"""The same calls by boto3 and a pool of threads.

boto.py URL get|list COUNT WIDTH REPEATS prints what raw.c prints.
"""
import concurrent.futures
import resource
import sys
import time

import boto3
import botocore.config

url, what, count, width, repeats = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
client = boto3.client(
    'amplify', region_name='us-east-1', endpoint_url=url,
    aws_access_key_id='AKIDEXAMPLE',
    aws_secret_access_key='wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    config=botocore.config.Config(max_pool_connections=width, proxies={}))


def get(i):
    client.get_backend_environment(appId='d%011d' % i, environmentName='dev')


def list_app(app):
    client.list_backend_environments(appId=app['appId'], maxResults=50)


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime) * 1e6


def run(pool):
    if what == 'get':
        list(pool.map(get, range(1, count + 1)))
        return count
    pages = list(client.get_paginator('list_apps').paginate(
        PaginationConfig={'PageSize': 100}))
    list(pool.map(list_app, [app for page in pages for app in page['apps']]))
    return len(pages) + count


with concurrent.futures.ThreadPoolExecutor(width) as pool:
    for _ in range(repeats):
        t, c = time.monotonic(), cpu()
        calls = run(pool)
        print('%.3f %d - %.0f' % ((time.monotonic() - t) * 1e3, calls, cpu() - c),
              flush=True)
