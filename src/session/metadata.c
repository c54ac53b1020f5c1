/*-------------------------------------------------------------------------
 *
 * metadata.c
 *	  The role of the container or of the EC2 instance that the server runs
 *	  in, from the services that AWS puts beside them.
 *
 * Only the second version of the instance's service is spoken: the first one
 * answers whoever makes this machine send a GET.  Neither service is ever
 * reached through a proxy.
 *
 * src/session/metadata.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "aws/sigv4.h"
#include "session/amplify_session.h"

#define CONTAINER_HOST		"http://169.254.170.2"
#define CONTAINER_TIMEOUT	2000	/* ms, as the AWS CLI has it */
#define CONTAINER_ATTEMPTS	3
#define CONTAINER_PAUSE		USECS_PER_SEC
#define MAX_TOKEN			20000
#define MAX_RESPONSE		(128 * 1024)

#define INSTANCE_IPV4		"http://169.254.169.254"
#define INSTANCE_IPV6		"http://[fd00:ec2::254]"
#define INSTANCE_TIMEOUT	1	/* s, likewise */
#define TOKEN_PATH			"/latest/api/token"
#define TOKEN_LIFE			"x-aws-ec2-metadata-token-ttl-seconds: 21600"
#define ROLE_PATH			"/latest/meta-data/iam/security-credentials/"

static AmplifyProvision container_url(AmplifyLookup *lookup, char **url,
									  const char **target);
static bool container_host_allowed(const char *host);
static AmplifyProvision container_token(AmplifyLookup *lookup,
										const char **header);
static AmplifyProvision instance_url(AmplifyLookup *lookup,
									 AmplifyEndpoint *endpoint);
static AmplifyProvision container_answered(AmplifyInquiry *inquiry,
										   bool failed);
static AmplifyProvision token_answered(AmplifyInquiry *inquiry, bool failed);
static AmplifyProvision role_answered(AmplifyInquiry *inquiry, bool failed);
static AmplifyProvision keys_answered(AmplifyInquiry *inquiry, bool failed);
static AmplifyInquiry *inquire(AmplifyLookup *lookup,
							   const AmplifyEndpoint *endpoint, int timeout,
							   int attempts, int64 pause);
static AmplifyProvision fail_request(const AmplifyInquiry *inquiry,
									 const char *what);
static int	environment_number(const char *name, int fallback, int max);

/* ECS, EKS Pod Identity and those that do as they do */
AmplifyProvision
amplify_metadata_container(AmplifyLookup *lookup)
{
	AmplifyInquiry *inquiry;
	AmplifyEndpoint *endpoint = palloc0(sizeof(AmplifyEndpoint));
	const char *token = NULL;
	const char *target = NULL;
	AmplifyProvision provision = container_url(lookup, &endpoint->url, &target);

	if (provision == AMPLIFY_PROVISION_OK)
		provision = container_token(lookup, &token);
	if (provision != AMPLIFY_PROVISION_OK)
		return provision;

	endpoint->path_prefix = "";
	inquiry = inquire(lookup, endpoint, CONTAINER_TIMEOUT, CONTAINER_ATTEMPTS,
					  CONTAINER_PAUSE);
	inquiry->spec.request.path = target;
	inquiry->spec.headers[0] = "accept: application/json";
	inquiry->spec.headers[1] = token;
	lookup->refreshable = true;
	return amplify_lookup_send(inquiry, container_answered);
}

/* The role of the EC2 instance: a session token first */
AmplifyProvision
amplify_metadata_instance(AmplifyLookup *lookup)
{
	const char *disabled = amplify_lookup_getenv("AWS_EC2_METADATA_DISABLED");
	int			timeout = environment_number("AWS_METADATA_SERVICE_TIMEOUT",
											 INSTANCE_TIMEOUT, 600);
	AmplifyInquiry *inquiry;
	AmplifyEndpoint *endpoint = palloc0(sizeof(AmplifyEndpoint));
	AmplifyProvision provision;

	if (disabled != NULL && pg_strcasecmp(disabled, "true") == 0)
		return AMPLIFY_PROVISION_NONE;
	provision = instance_url(lookup, endpoint);
	if (provision != AMPLIFY_PROVISION_OK)
		return provision;

	inquiry = inquire(lookup, endpoint, timeout * 1000,
					  environment_number("AWS_METADATA_SERVICE_NUM_ATTEMPTS",
										 1, 100), 0);
	inquiry->spec.method = "PUT";
	inquiry->spec.request.path = TOKEN_PATH;
	inquiry->spec.headers[0] = TOKEN_LIFE;
	lookup->refreshable = true;
	return amplify_lookup_send(inquiry, token_answered);
}

/* NONE when no variable says that this is a container */
static AmplifyProvision
container_url(AmplifyLookup *lookup, char **url, const char **target)
{
	const char *relative =
		amplify_lookup_getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full =
		amplify_lookup_getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	const char *end;

	if (relative == NULL && full == NULL)
		return AMPLIFY_PROVISION_NONE;
	if (relative != NULL)
	{
		if (relative[0] != '/' || !amplify_option_valid_header(relative))
			return amplify_lookup_fail(lookup,
									   "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not a path.");
		*url = pstrdup(CONTAINER_HOST);
		*target = relative;
		return AMPLIFY_PROVISION_OK;
	}

	end = strstr(full, "://");
	end = end == NULL ? full : end + 3 + strcspn(end + 3, "/?#");
	*url = pnstrdup(full, end - full);
	if (!amplify_option_valid_header(full) || *end == '#' ||
		!amplify_option_valid_url(*url))
		return amplify_lookup_fail(lookup,
								   "AWS_CONTAINER_CREDENTIALS_FULL_URI is not an http or https URL.");
	if (strncmp(*url, "https://", 8) != 0 && !container_host_allowed(*url + 7))
		return amplify_lookup_fail(lookup,
								   "AWS_CONTAINER_CREDENTIALS_FULL_URI has another host than this machine or the container services of AWS, and is not https.");
	*target = *end == '/' ? end : psprintf("/%s", end);
	return AMPLIFY_PROVISION_OK;
}

/* Without TLS only where nobody can listen; host[:port] */
static bool
container_host_allowed(const char *host)
{
	static const char *const allowed[] = {
		"localhost", "169.254.170.2", "169.254.170.23", "[::1]",
		"[fd00:ec2::23]",
	};
	int			length = host[0] == '[' ? strcspn(host, "]") + 1 :
		strcspn(host, ":");
	char	   *name = pnstrdup(host, length);
	struct in_addr address;

	for (int i = 0; i < lengthof(allowed); i++)
	{
		if (pg_strcasecmp(name, allowed[i]) == 0)
			return true;
	}
	return inet_pton(AF_INET, name, &address) == 1 &&
		(ntohl(address.s_addr) >> 24) == 127;
}

/* *header stays NULL when none is wanted.  The file changes: read it anew. */
static AmplifyProvision
container_token(AmplifyLookup *lookup, const char **header)
{
	const char *path =
		amplify_lookup_getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *token =
		amplify_lookup_getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	char	   *line;

	if (path != NULL)
	{
		token = amplify_lookup_read_file(lookup, path, MAX_TOKEN);
		if (token == NULL)
			return lookup->reason != NULL ? AMPLIFY_PROVISION_FAILED :
				amplify_lookup_fail(lookup, "There is no token file \"%s\".",
									path);
	}
	if (token == NULL)
		return AMPLIFY_PROVISION_OK;
	for (const char *p = token; *p != '\0'; p++)
	{
		if ((unsigned char) *p < ' ' || *p > '~')
			return amplify_lookup_fail(lookup,
									   "The container's authorization token holds characters that cannot be sent.");
	}
	line = psprintf("authorization: %s", token);
	*header = amplify_lookup_copy(lookup->context, line);
	sigv4_cleanse(line, strlen(line));
	return AMPLIFY_PROVISION_OK;
}

static AmplifyProvision
instance_url(AmplifyLookup *lookup, AmplifyEndpoint *endpoint)
{
	const char *url =
		amplify_lookup_getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *mode =
		amplify_lookup_getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");

	if (url == NULL)
		url = mode != NULL && pg_strcasecmp(mode, "ipv6") == 0 ?
			INSTANCE_IPV6 : INSTANCE_IPV4;
	if (!amplify_option_valid_url(url))
		return amplify_lookup_fail(lookup,
								   "AWS_EC2_METADATA_SERVICE_ENDPOINT is not an http or https URL.");
	amplify_endpoint_split(url, endpoint);
	return AMPLIFY_PROVISION_OK;
}

static AmplifyProvision
container_answered(AmplifyInquiry *inquiry, bool failed)
{
	if (failed)
		return fail_request(inquiry, "credentials");
	return amplify_lookup_json(inquiry->lookup, &inquiry->transfer, NULL,
							   "Token");
}

/* Put the session token into the headers, and ask for the role's name */
static AmplifyProvision
token_answered(AmplifyInquiry *inquiry, bool failed)
{
	AmplifyExchangeSpec *spec = &inquiry->spec;
	const char *token = inquiry->transfer.body;
	char	   *line;

	if (failed)
		return fail_request(inquiry, "session token");
	if (token == NULL || !amplify_option_valid_header(token))
	{
		strlcpy(inquiry->failure.message, "It holds no token",
				sizeof(inquiry->failure.message));
		return fail_request(inquiry, "session token");
	}
	line = psprintf("x-aws-ec2-metadata-token: %s", token);
	spec->method = NULL;
	spec->headers[0] = amplify_lookup_copy(inquiry->lookup->context, line);
	sigv4_cleanse(line, strlen(line));
	spec->request.path = ROLE_PATH;
	return amplify_lookup_send(inquiry, role_answered);
}

/* Ask for the keys of the role of that name */
static AmplifyProvision
role_answered(AmplifyInquiry *inquiry, bool failed)
{
	const AmplifyTransfer *transfer = &inquiry->transfer;
	char	   *role;

	if (failed)
		return fail_request(inquiry, "role");
	role = transfer->body == NULL ? "" :
		pnstrdup(transfer->body, strcspn(transfer->body, "\r\n"));
	if (!amplify_option_valid_header(role) || strlen(role) > 64)
		return amplify_lookup_fail(inquiry->lookup,
								   "The instance names no role.");
	inquiry->spec.request.path = psprintf(ROLE_PATH "%s",
										  amplify_sign_encode(role));
	return amplify_lookup_send(inquiry, keys_answered);
}

static AmplifyProvision
keys_answered(AmplifyInquiry *inquiry, bool failed)
{
	AmplifyLookup *lookup = inquiry->lookup;
	const AmplifyTransfer *transfer = &inquiry->transfer;
	AmplifyErrorBody error;

	if (failed)
		return fail_request(inquiry, "credentials");
	if (amplify_response_error(transfer->body, transfer->body_length, false,
							   &error))
	{
		for (int i = 0; i < AMPLIFY_ERROR_CODES; i++)
		{
			if (error.codes[i][0] != '\0' &&
				strcmp(error.codes[i], "Success") != 0)
				return amplify_lookup_fail(lookup,
										   "The metadata service has no credentials: it says \"%s\".",
										   error.codes[i]);
		}
	}
	return amplify_lookup_json(lookup, transfer, NULL, "Token");
}

/* These services are beside this machine: no proxy, no CA, no signature */
static AmplifyInquiry *
inquire(AmplifyLookup *lookup, const AmplifyEndpoint *endpoint, int timeout,
		int attempts, int64 pause)
{
	AmplifyInquiry *inquiry = amplify_lookup_inquire(lookup);
	AmplifyExchangeSpec *spec = &inquiry->spec;

	spec->endpoint = endpoint;
	spec->way.connect_timeout = spec->way.timeout = timeout;
	spec->way.max_size = MAX_RESPONSE;
	spec->max_attempts = attempts;
	spec->pause = pause;
	spec->use = &lookup->connection->shared->use;
	return inquiry;
}

static AmplifyProvision
fail_request(const AmplifyInquiry *inquiry, const char *what)
{
	return amplify_lookup_fail(inquiry->lookup,
							   "Asking %s for the %s failed: %s",
							   inquiry->spec.endpoint->url, what,
							   amplify_outcome_detail(&inquiry->failure));
}

static int
environment_number(const char *name, int fallback, int max)
{
	const char *text = amplify_lookup_getenv(name);
	char	   *end;
	long		number;

	if (text == NULL)
		return fallback;
	number = strtol(text, &end, 10);
	return *end == '\0' && number >= 1 && number <= max ? (int) number : fallback;
}
