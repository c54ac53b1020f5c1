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
#include "lib/stringinfo.h"
#include "session/amplify_session.h"

#define SESSION_NAME	"amplify_fdw"
#define MAX_TOKEN		20000	/* of a web identity; STS's own limit */
#define MAX_RESPONSE	(128 * 1024)

static char *role_form(const AmplifyRole *role, const char *action);
static void append_parameter(StringInfo form, const char *name,
							 const char *value);
static AmplifyProvision send_request(AmplifyLookup *lookup,
									 const AmplifyRole *role,
									 const char *action, const char *form,
									 bool is_signed);
static AmplifyProvision answered(AmplifyInquiry *inquiry, bool failed);
static AmplifyProvision read_keys(AmplifyLookup *lookup,
								  const AmplifyTransfer *transfer);
static AmplifyProvision read_xml(AmplifyLookup *lookup, const AmplifyTransfer *transfer);
static char *read_element(const AmplifyTransfer *transfer,
						  const char *element);

/*
 * Change the keys of the lookup for those of a role that they may assume.
 * role's strings are needed until that is done.
 */
AmplifyProvision
amplify_sts_assume_role(AmplifyLookup *lookup, const AmplifyRole *role)
{
	return send_request(lookup, role, "AssumeRole",
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
	token = amplify_lookup_copy(lookup->context, form);
	sigv4_cleanse(form, strlen(form));
	lookup->refreshable = true;
	return send_request(lookup, role, "AssumeRoleWithWebIdentity", token,
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

/* A web identity has no key to sign with: its token is the proof */
static AmplifyProvision
send_request(AmplifyLookup *lookup, const AmplifyRole *role,
			 const char *action, const char *form, bool is_signed)
{
	const AmplifyOptions *options = &lookup->connection->options;
	AmplifyInquiry *inquiry = amplify_lookup_inquire(lookup);
	AmplifyEndpoint *endpoint = palloc0(sizeof(AmplifyEndpoint));
	AmplifyExchangeSpec *spec = &inquiry->spec;
	int			n = 0;

	amplify_connection_endpoint(options, "sts", options->sts_endpoint_url,
								endpoint);
	amplify_connection_exchange(lookup->connection, spec);
	spec->endpoint = endpoint;
	spec->way.max_size = MAX_RESPONSE;
	spec->request.service = "sts";
	spec->request.path = "/";
	spec->request.query = "";
	spec->request.form = form;
	if (is_signed)
		spec->request.credentials = &lookup->keys;
	else
		spec->headers[n++] = "user-agent: amplify_fdw/" AMPLIFY_VERSION;
	spec->headers[n++] = "accept: application/json";
	lookup->action = action;
	lookup->role = role->arn;
	return amplify_lookup_send(inquiry, answered);
}

static AmplifyProvision
answered(AmplifyInquiry *inquiry, bool failed)
{
	AmplifyLookup *lookup = inquiry->lookup;

	if (!failed)
	{
		/* keys expire by STS's clock: know how it differs from ours */
		(void) amplify_sign_set_clock(inquiry->spec.clock_offset,
									  &inquiry->transfer.response,
									  *inquiry->spec.clock_offset);
		if (read_keys(lookup, &inquiry->transfer) == AMPLIFY_PROVISION_OK)
			return AMPLIFY_PROVISION_OK;
	}
	else
		lookup->of_region = inquiry->failure.kind == AMPLIFY_FAILURE_SIGNATURE;
	return amplify_lookup_fail(lookup, "%s of \"%s\" failed: %s",
							   lookup->action, lookup->role,
							   failed ? amplify_outcome_detail(&inquiry->failure) :
							   lookup->reason);
}

static AmplifyProvision
read_keys(AmplifyLookup *lookup, const AmplifyTransfer *transfer)
{
	if (transfer->body_length > 0 && transfer->body[0] == '<')
		return read_xml(lookup, transfer);
	return amplify_lookup_json(lookup, transfer,
							   psprintf("%sResponse.%sResult.Credentials",
										lookup->action, lookup->action),
							   "SessionToken");
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
