#!/usr/bin/python3
"""Compare src/aws/endpoint.c with botocore's rule sets.

Each service in each region that botocore knows, and in one of each partition
that it does not, by FIPS and dual-stack.  Left out are pseudo-regions such as
aws-global, and what this botocore says a partition does not have yet.
"""
import itertools
import re
import subprocess
import sys

try:
    import botocore.session
    from botocore.endpoint_provider import EndpointProvider
    from botocore.exceptions import EndpointProviderError
except ImportError:
    print('1..0 # SKIP botocore is not installed')
    sys.exit(0)

SERVICES = ('amplify', 'sts')
UNKNOWN = ('us-east-9', 'cn-east-9', 'us-gov-north-9')

loader = botocore.session.get_session().get_component('data_loader')
partitions = loader.load_data('partitions')
regions = sorted({region for partition in partitions['partitions']
                  for region in partition['regions']
                  if re.match(partition['regionRegex'], region)}.union(UNKNOWN))
expected = []
for service in SERVICES:
    rules = EndpointProvider(
        loader.load_service_model(service, 'endpoint-rule-set-1'), partitions)
    for region, fips, dualstack in itertools.product(regions, (0, 1), (0, 1)):
        parameters = {'Region': region, 'UseFIPS': bool(fips),
                      'UseDualStack': bool(dualstack)}
        if service == 'sts':
            parameters['UseGlobalEndpoint'] = False
        try:
            url = rules.resolve_endpoint(**parameters).url
        except EndpointProviderError:
            continue
        expected.append(('%s %s %d %d' % (service, region, fips, dualstack), url))
found = subprocess.run(['./endpoint_driver'], check=True, text=True, capture_output=True,
                       input=''.join(case + '\n' for case, _ in expected)).stdout.split()
different = [(case, url, ours) for (case, url), ours in zip(expected, found) if url != ours]
for line in different:
    print('# %s: botocore has %s, ours is %s' % line)
good = not different and len(found) == len(expected)
print('%s 1 - %d endpoints are botocore\'s' % ('ok' if good else 'not ok', len(expected)))
enough = len(expected) > 200
print('%s 2 - enough of them' % ('ok' if enough else 'not ok'))
print('1..2')
sys.exit(not (good and enough))
