/*-------------------------------------------------------------------------
 *
 * sts.c
 *	  The Security Token Service: temporary credentials of a role, got with
 *	  other credentials or with a token of a web identity.
 *
 * src/session/sts.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "aws/sigv4.h"
#include "common/pg_prng.h"
#include "lib/stringinfo.h"
#include "session/amplify_session.h"
#include "utils/timestamp.h"

#define SESSION_NAME	"amplify_fdw"
#define MAX_TOKEN		20000	/* of a web identity; STS's own limit */
#define TRANSIENT_BASE	(50 * 1000) /* pauses as in call.c, but there is no */
#define THROTTLED_BASE	(1000 * 1000)	/* throttle here */
#define LONGEST_PAUSE	(20 * 1000 * 1000)

static char *role_form(const AmplifyRole *role, const char *action);
static void append_parameter(StringInfo form, const char *name,
							 const char *value);
static AmplifyProvision request_role(AmplifyLookup *lookup,
									 const AmplifyRole *role,
									 const char *action, const char *form,
									 bool is_signed);
static void prepare_transfer(AmplifyLookup *lookup, AmplifyTransfer *transfer,
							 const AmplifyEndpoint *endpoint);
static bool sign_transfer(AmplifyLookup *lookup, AmplifyTransfer *transfer,
						  const AmplifyEndpoint *endpoint, const char *form,
						  bool is_signed);
static bool worth_another(AmplifyLookup *lookup, AmplifyOutcome outcome,
						  const AmplifyTransfer *transfer, int64 clock_offset,
						  int *faults, bool *reclocked);
static AmplifyProvision read_xml(AmplifyLookup *lookup, const AmplifyTransfer *transfer);
static char *read_element(const AmplifyTransfer *transfer,
						  const char *element);
static void mask_keys(const AmplifyCredentials *keys,
					  AmplifyFailure *failure);

/* Change the keys of the lookup for those of a role that they may assume */
AmplifyProvision
amplify_sts_assume_role(AmplifyLookup *lookup, const AmplifyRole *role)
{
	return request_role(lookup, role, "AssumeRole",
						role_form(role, "AssumeRole"), true);
}

/*
 * The keys of a role that trusts the token in that file, which whoever issues
 * it writes anew from time to time.
 */
AmplifyProvision
amplify_sts_web_identity(AmplifyLookup *lookup, const AmplifyRole *role,
						 const char *token_file)
{
	char	   *token = amplify_lookup_read_file(lookup, token_file, MAX_TOKEN);
	char	   *encoded;
	char	   *form;
	size_t		length;

	if (token == NULL)
		return lookup->reason != NULL ? AMPLIFY_PROVISION_FAILED :
			amplify_lookup_fail(lookup, "There is no token file \"%s\".",
								token_file);
	length = strlen(token);
	while (length > 0 && (unsigned char) token[length - 1] <= ' ')
		token[--length] = '\0';
	if (!amplify_option_valid_header(token))
		return amplify_lookup_fail(lookup, "File \"%s\" holds no token.",
								   token_file);

	/* whoever has the token has the role: no copy of it may stay */
	encoded = amplify_sign_encode(token);
	form = psprintf("%s&WebIdentityToken=%s",
					role_form(role, "AssumeRoleWithWebIdentity"), encoded);
	sigv4_cleanse(encoded, strlen(encoded));
	token = amplify_lookup_copy(lookup->context, form, strlen(form));
	sigv4_cleanse(form, strlen(form));
	lookup->refreshable = true;
	return request_role(lookup, role, "AssumeRoleWithWebIdentity", token,
						false);
}

static char *
role_form(const AmplifyRole *role, const char *action)
{
	StringInfoData form;

	initStringInfo(&form);
	appendStringInfo(&form, "Action=%s&Version=2011-06-15", action);
	append_parameter(&form, "RoleArn", role->arn);
	append_parameter(&form, "RoleSessionName",
					 role->session_name ? role->session_name : SESSION_NAME);
	append_parameter(&form, "DurationSeconds", role->duration);
	append_parameter(&form, "ExternalId", role->external_id);
	return form.data;
}

static void
append_parameter(StringInfo form, const char *name, const char *value)
{
	if (value != NULL)
		appendStringInfo(form, "&%s=%s", name, amplify_sign_encode(value));
}

static AmplifyProvision
request_role(AmplifyLookup *lookup, const AmplifyRole *role,
			 const char *action, const char *form, bool is_signed)
{
	AmplifyTransfer *transfer = amplify_lookup_transfer(lookup);
	AmplifyServer *server = lookup->connection->shared;
	const AmplifyOptions *options = &lookup->connection->options;
	AmplifyEndpoint endpoint;
	AmplifyFailure failure;
	AmplifyOutcome outcome;
	int64		clock_offset;
	int			faults = 0;
	bool		reclocked = false;
	AmplifyProvision provision;

	amplify_endpoint_resolve(&(AmplifyEndpointSpec)
							 {
								 .service = "sts",
								 .region = options->region,
								 .use_fips = options->use_fips,
								 .use_dualstack = options->use_dualstack,
								 .explicit_url = options->sts_endpoint_url,
							 }, &endpoint);
	prepare_transfer(lookup, transfer, &endpoint);
	do
	{
		clock_offset = server->clock_offset;
		if (!sign_transfer(lookup, transfer, &endpoint, form, is_signed))
			return amplify_lookup_fail(lookup,
									   "The request to STS could not be signed.");
		outcome = amplify_lookup_send(transfer, &failure);
	} while (outcome != AMPLIFY_OUTCOME_OK &&
			 worth_another(lookup, outcome, transfer, clock_offset, &faults,
						   &reclocked));

	if (outcome != AMPLIFY_OUTCOME_OK)
	{
		mask_keys(&lookup->keys, &failure);
		amplify_lookup_mask(&failure, lookup->connection->options.proxy_user);
		amplify_lookup_mask(&failure,
							lookup->connection->options.proxy_password);
		return amplify_lookup_fail(lookup, "%s of \"%s\" failed: %s", action,
								   role->arn, amplify_outcome_detail(&failure));
	}

	/* keys expire by STS's clock: know how it differs from ours */
	(void) amplify_sign_set_clock(&server->clock_offset, &transfer->response,
								  server->clock_offset);
	if (transfer->body_length > 0 && transfer->body[0] == '<')
		provision = read_xml(lookup, transfer);
	else
		provision = amplify_lookup_json(lookup, transfer,
										psprintf("%sResponse.%sResult.Credentials",
												 action, action),
										"SessionToken");
	if (provision != AMPLIFY_PROVISION_OK)
		return amplify_lookup_fail(lookup, "%s of \"%s\" failed: %s", action,
								   role->arn, lookup->reason);
	return provision;
}

static void
prepare_transfer(AmplifyLookup *lookup, AmplifyTransfer *transfer,
				 const AmplifyEndpoint *endpoint)
{
	const AmplifyOptions *options = &lookup->connection->options;

	transfer->url = endpoint->url;
	transfer->public_only = endpoint->public_only && options->proxy == NULL;
	transfer->ca_bundle = options->ca_bundle;
	transfer->proxy = options->proxy;
	transfer->proxy_user = options->proxy_user;
	transfer->proxy_password = options->proxy_password;
	transfer->connect_timeout = options->connect_timeout;
	transfer->timeout = options->request_timeout;
}

/* A web identity has no key to sign with: its token is the proof */
static bool
sign_transfer(AmplifyLookup *lookup, AmplifyTransfer *transfer,
			  const AmplifyEndpoint *endpoint, const char *form,
			  bool is_signed)
{
	AmplifySignSpec spec = {
		.service = "sts",
		.region = lookup->connection->options.region,
		.clock_offset = lookup->connection->shared->clock_offset,
		.endpoint = endpoint,
		.credentials = &lookup->keys,
		.path = "/",
		.query = "",
		.form = form,
	};
	int			n = 0;

	if (is_signed)
	{
		if (!amplify_sign_request(&spec, transfer))
			return false;
		while (transfer->headers[n] != NULL)
			n++;
	}
	else
	{
		transfer->target = psprintf("%s/", endpoint->path_prefix);
		transfer->post_body = form;
		transfer->headers[n++] = "user-agent: amplify_fdw/" AMPLIFY_VERSION;
	}
	transfer->headers[n++] = "accept: application/json";
	transfer->headers[n] = NULL;
	return true;
}

/* Decide on a failed request, and pause before the next one */
static bool
worth_another(AmplifyLookup *lookup, AmplifyOutcome outcome,
			  const AmplifyTransfer *transfer, int64 clock_offset,
			  int *faults, bool *reclocked)
{
	double		longest;

	if (outcome == AMPLIFY_OUTCOME_RENEW && !*reclocked)
	{
		*reclocked = true;
		return amplify_sign_set_clock(&lookup->connection->shared->clock_offset,
									  &transfer->response, clock_offset);
	}
	if (outcome != AMPLIFY_OUTCOME_RETRY &&
		outcome != AMPLIFY_OUTCOME_THROTTLED)
		return false;
	longest = (outcome == AMPLIFY_OUTCOME_RETRY ? TRANSIENT_BASE : THROTTLED_BASE) *
		(double) (1 << Min(*faults, 20));
	if (++*faults >= lookup->connection->options.max_attempts)
		return false;
	amplify_lookup_pause(pg_prng_double(&pg_global_prng_state) *
						 Min(longest, LONGEST_PAUSE));
	return true;
}

static AmplifyProvision
read_xml(AmplifyLookup *lookup, const AmplifyTransfer *transfer)
{
	char	   *id = read_element(transfer, "AccessKeyId");
	char	   *secret = read_element(transfer, "SecretAccessKey");
	char	   *token = read_element(transfer, "SessionToken");
	char	   *expiration = read_element(transfer, "Expiration");
	TimestampTz time = DT_NOEND;
	AmplifyProvision provision;

	if (expiration != NULL &&
		amplify_time_from_iso(expiration, &time) != AMPLIFY_VALUE_OK)
		provision = amplify_lookup_fail(lookup,
										"Element \"Expiration\" of the response is not a time.");
	else
		provision = amplify_lookup_accept(lookup, id, secret, token,
										  expiration == NULL ? AMPLIFY_NEVER :
										  (int64) timestamptz_to_time_t(time));
	if (secret != NULL)
		sigv4_cleanse(secret, strlen(secret));
	if (token != NULL)
		sigv4_cleanse(token, strlen(token));
	return provision;
}

static char *
read_element(const AmplifyTransfer *transfer, const char *element)
{
	return amplify_xml_text(transfer->body, transfer->body_length, element);
}

/* The response may hold what was sent */
static void
mask_keys(const AmplifyCredentials *keys, AmplifyFailure *failure)
{
	amplify_lookup_mask(failure, keys->secret_access_key);
	amplify_lookup_mask(failure, keys->session_token);
}
