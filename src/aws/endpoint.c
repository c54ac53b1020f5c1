/*-------------------------------------------------------------------------
 *
 * endpoint.c
 *	  Where a service of AWS is, given a region and what is to be special.
 *
 * The rules are those of the service's endpoint rule set: an explicit
 * endpoint as it is, else a name built from region and partition.  Whether
 * the name may be used, and how, is not decided here.
 *
 * src/aws/endpoint.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "aws/amplify_aws.h"

typedef struct Partition
{
	const char *prefix;			/* of its regions' names */
	const char *suffix;			/* of its hosts */
	const char *dualstack_suffix;
} Partition;

/* The first that fits; the last one fits every region */
static const Partition partitions[] = {
	{"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
	{"us-gov-", "amazonaws.com", "api.aws"},
	{"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
	{"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
	{"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
	{"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
	{"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
	{"", "amazonaws.com", "api.aws"},
};

/*
 * Where the name without "-fips" is that of the FIPS endpoint, not dual-stack
 */
static const struct
{
	const char *service;
	const char *prefix;			/* of its regions' names */
}			plain_fips[] = {
	{"sts", "us-gov-"},
};

static const Partition *find_partition(const char *region);

static bool
has_plain_fips(const char *service, const char *region)
{
	for (int i = 0; i < lengthof(plain_fips); i++)
	{
		if (strcmp(service, plain_fips[i].service) == 0 &&
			strncmp(region, plain_fips[i].prefix,
					strlen(plain_fips[i].prefix)) == 0)
			return true;
	}
	return false;
}

/* The parts of the endpoint are palloc'ed in the current context */
void
amplify_endpoint_resolve(const AmplifyEndpointSpec *spec,
						 AmplifyEndpoint *endpoint)
{
	const Partition *partition = find_partition(spec->region);
	bool		fips = spec->use_fips &&
		(spec->use_dualstack || !has_plain_fips(spec->service, spec->region));

	if (spec->explicit_url != NULL)
	{
		amplify_endpoint_split(spec->explicit_url, endpoint);
		return;
	}

	endpoint->host = psprintf("%s%s.%s.%s", spec->service,
							  fips ? "-fips" : "",
							  spec->region,
							  spec->use_dualstack ?
							  partition->dualstack_suffix : partition->suffix);
	endpoint->url = psprintf("https://%s", endpoint->host);
	endpoint->path_prefix = pstrdup("");
	endpoint->public_only = true;
}

/* The parts of what amplify_option_valid_url() accepts */
void
amplify_endpoint_split(const char *url, AmplifyEndpoint *endpoint)
{
	bool		tls = strncmp(url, "https:", 6) == 0;
	const char *default_port = tls ? ":443" : ":80";
	const char *host = strstr(url, "//") + 2;
	const char *path = host + strcspn(host, "/");
	int			path_length = strlen(path);
	int			port_length = strlen(default_port);
	int			host_length;

	while (path_length > 0 && path[path_length - 1] == '/')
		path_length--;
	endpoint->url = pnstrdup(url, path - url);
	endpoint->path_prefix = pnstrdup(path, path_length);

	/* as clients send it: in lower case, without the scheme's own port */
	endpoint->host = pnstrdup(host, path - host);
	for (char *p = endpoint->host; *p != '\0'; p++)
		*p = pg_ascii_tolower((unsigned char) *p);
	host_length = strlen(endpoint->host);
	if (host_length > port_length &&
		strcmp(endpoint->host + host_length - port_length, default_port) == 0)
		endpoint->host[host_length - port_length] = '\0';
	endpoint->public_only = false;
}

/* Is what one region's STS issues good in the other one? */
bool
amplify_endpoint_same_partition(const char *region, const char *other)
{
	return find_partition(region) == find_partition(other);
}

static const Partition *
find_partition(const char *region)
{
	const Partition *partition = partitions;

	while (strncmp(region, partition->prefix, strlen(partition->prefix)) != 0)
		partition++;
	return partition;
}
