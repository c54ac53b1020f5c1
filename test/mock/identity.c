/*
 * identity.c
 *	  The services that issue temporary credentials: STS, the container's
 *	  credentials and the instance metadata service, version 2 only.
 *
 * They are on the mock's own port, each under its usual path.  What they
 * issue is good for the API until it expires.  An access key id depends on
 * nothing but who asks for what, so that two clients with the same
 * configuration end with the same one; the secret access key and the session
 * token are always new, as AWS's are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mock.h"

#define ROLE_PATH	"/latest/meta-data/iam/security-credentials/"
#define VALUE_SIZE	2048

/* Rows of api_ops by name, and how to know their requests. */
typedef struct IdentityOp
{
	const char *name;
	const char *method;
	const char *path;
	bool		prefix;			/* more may follow the path */
	const char *action;			/* of a form; NULL: no form */
	bool		is_signed;
	bool		(*run) (const Request *req, const Params *form, Reply *r);
} IdentityOp;

/* What the word "keys" has set. */
static struct
{
	long		lifetime;
	long		uses;
	long		xml;
	long		latency;		/* ms; -1: as of all others */
	char		role[VALUE_SIZE];
	char		container_token[VALUE_SIZE];
	char		web_token[VALUE_SIZE];
	char		external_id[VALUE_SIZE];
}			wanted;

static char instance_token[64];
static uint64_t serial;

static void
format_id(const char *prefix, uint64_t hash, char *id)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	size_t		n = strlen(prefix);

	memcpy(id, prefix, n);
	for (; n < 20; n++, hash = mix64(hash))
		id[n] = digits[hash & 31];
	id[n] = '\0';
}

typedef struct Issued
{
	char		id[24];
	char		secret[48];
	char		token[400];
	time_t		expires;
} Issued;

static void
issue(const char *prefix, const char *who, Issued *out)
{
	uint64_t	hash = hash_bytes(1, who, strlen(who));

	serial++;
	format_id(prefix, hash, out->id);
	snprintf(out->secret, sizeof(out->secret), "secret/%016llx+%016llx",
			 (unsigned long long) mix64(hash ^ serial),
			 (unsigned long long) mix64(hash + serial));
	snprintf(out->token, sizeof(out->token), "token/%llu/%0300d/+==",
			 (unsigned long long) serial, 0);
	out->expires = (time_t) mock_time() + wanted.lifetime;
	credential_issue(out->id, out->secret, out->token, out->expires, wanted.uses);
}

static const char *
iso_time(time_t t)
{
	static char text[32];
	struct tm	tm;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	return text;
}

/* As the container and instance services show them. */
static void
put_plain_keys(const Issued *keys, const char *more, Reply *r)
{
	buf_printf(&r->body,
			   "{%s\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"%s\","
			   "\"Token\":\"%s\",\"Expiration\":\"%s\"}",
			   more, keys->id, keys->secret, keys->token, iso_time(keys->expires));
}

static void
put_sts_keys(const char *action, const Issued *keys, Reply *r)
{
	if (r->query == QUERY_JSON)
	{
		buf_printf(&r->body,
				   "{\"%sResponse\":{\"%sResult\":{\"Credentials\":{"
				   "\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"%s\","
				   "\"SessionToken\":\"%s\",\"Expiration\":%.9E}},"
				   "\"ResponseMetadata\":{\"RequestId\":\"00000000-mock\"}}}",
				   action, action, keys->id, keys->secret, keys->token,
				   (double) keys->expires);
		return;
	}
	r->type = "text/xml";
	buf_printf(&r->body,
			   "<%sResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
			   "  <%sResult>\n    <Credentials>\n"
			   "      <AccessKeyId>%s</AccessKeyId>\n"
			   "      <SecretAccessKey>%s</SecretAccessKey>\n"
			   "      <SessionToken>%s</SessionToken>\n"
			   "      <Expiration>%s</Expiration>\n"
			   "    </Credentials>\n  </%sResult>\n"
			   "  <ResponseMetadata><RequestId>00000000-mock</RequestId>"
			   "</ResponseMetadata>\n</%sResponse>\n",
			   action, action, keys->id, keys->secret, keys->token,
			   iso_time(keys->expires), action, action);
}

/* ---- STS ---- */

static bool
check_role(const Params *form, Reply *r)
{
	const char *version = param(form, "Version");
	const char *arn = param(form, "RoleArn");
	const char *session = param(form, "RoleSessionName");
	const char *duration = param(form, "DurationSeconds");
	size_t		n = session ? strlen(session) : 0;
	long		seconds;

	if (version == NULL || strcmp(version, "2011-06-15") != 0)
		reply_error(r, 400, "InvalidAction", "Could not find this version.");
	else if (arn == NULL || strncmp(arn, "arn:aws", 7) != 0)
		reply_error(r, 400, "ValidationError", "%s is invalid", arn ? arn : "The ARN");
	else if (n < 2 || n > 64 ||
			 session[strspn(session, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
							"abcdefghijklmnopqrstuvwxyz0123456789_+=,.@-")] != '\0')
		reply_error(r, 400, "ValidationError",
					"1 validation error detected: Value at 'roleSessionName' "
					"failed to satisfy constraint");
	else if (duration != NULL && !parse_long(duration, 900, 43200, &seconds))
		reply_error(r, 400, "ValidationError",
					"The requested DurationSeconds exceeds the limit");
	return !r->failed;
}

static bool
run_assume_role(const Request *req, const Params *form, Reply *r)
{
	const char *external_id = param(form, "ExternalId");
	Slice		id = signature_key_id(req);
	Issued		keys;
	Buf			who = {0};

	if (!check_role(form, r))
		return false;
	if (external_id == NULL)
		external_id = "";
	if (strcmp(external_id, wanted.external_id) != 0)
	{
		reply_error(r, 403, "AccessDenied",
					"User: arn:aws:iam::%s:user/mock is not authorized to "
					"perform: sts:AssumeRole on resource: %s",
					options.account, param(form, "RoleArn"));
		return false;
	}
	buf_printf(&who, "%s %.*s %s", param(form, "RoleArn"), (int) id.n, id.p,
			   external_id);
	issue("ASIAROLE", who.p, &keys);
	buf_free(&who);
	put_sts_keys("AssumeRole", &keys, r);
	return true;
}

static bool
run_web_identity(const Request *req, const Params *form, Reply *r)
{
	const char *token = param(form, "WebIdentityToken");
	Issued		keys;

	(void) req;
	if (!check_role(form, r))
		return false;
	if (token == NULL || strcmp(token, wanted.web_token) != 0)
	{
		reply_error(r, 400, "InvalidIdentityToken",
					"The ID Token provided is not a valid JWT.");
		return false;
	}
	issue("ASIAWEB", param(form, "RoleArn"), &keys);
	put_sts_keys("AssumeRoleWithWebIdentity", &keys, r);
	return true;
}

static bool
run_caller(const Request *req, const Params *form, Reply *r)
{
	Slice		id = signature_key_id(req);

	(void) form;
	r->type = "text/xml";
	buf_printf(&r->body,
			   "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
			   "<GetCallerIdentityResult><Arn>arn:aws:iam::%s:user/%.*s</Arn>"
			   "<UserId>%.*s</UserId><Account>%s</Account></GetCallerIdentityResult>"
			   "<ResponseMetadata><RequestId>00000000-mock</RequestId></ResponseMetadata>"
			   "</GetCallerIdentityResponse>",
			   options.account, (int) id.n, id.p, (int) id.n, id.p, options.account);
	return true;
}

/* ---- container and instance ---- */

static bool
run_container(const Request *req, const Params *form, Reply *r)
{
	Slice		token = request_header(req, "authorization");
	Issued		keys;

	(void) form;
	if (!slice_is(token, wanted.container_token) &&
		(token.p != NULL || wanted.container_token[0] != '\0'))
	{
		reply_error(r, 401, "Unauthorized", "The authorization token is wrong.");
		return false;
	}
	issue("ASIACONTAINER", "container", &keys);
	put_plain_keys(&keys, "\"RoleArn\":\"arn:aws:iam::111122223333:role/task\",", r);
	return true;
}

static bool
run_instance_token(const Request *req, const Params *form, Reply *r)
{
	Slice		ttl = request_header(req, "x-aws-ec2-metadata-token-ttl-seconds");
	long		seconds;
	char		text[16];

	(void) form;
	snprintf(text, sizeof(text), "%.*s", (int) (ttl.n < 15 ? ttl.n : 15),
			 ttl.p ? ttl.p : "");
	if (!parse_long(text, 1, 21600, &seconds))
	{
		reply_error(r, 400, "BadRequest", "A token has a life of 1 to 21600 seconds.");
		return false;
	}
	snprintf(instance_token, sizeof(instance_token), "instance-token-%llu==",
			 (unsigned long long) ++serial);
	r->type = "text/plain";
	buf_puts(&r->body, instance_token);
	return true;
}

/* The first version of the service is a request without a token. */
static bool
check_instance_token(const Request *req, Reply *r)
{
	Slice		token = request_header(req, "x-aws-ec2-metadata-token");

	if (instance_token[0] != '\0' && slice_is(token, instance_token))
		return true;
	reply_error(r, 401, "Unauthorized", "There is no such token.");
	return false;
}

static bool
run_instance_role(const Request *req, const Params *form, Reply *r)
{
	(void) form;
	if (!check_instance_token(req, r))
		return false;
	if (wanted.role[0] == '\0')
	{
		reply_error(r, 404, "NotFound", "Not Found");
		return false;
	}
	r->type = "text/plain";
	buf_puts(&r->body, wanted.role);
	return true;
}

static bool
run_instance_keys(const Request *req, const Params *form, Reply *r)
{
	Slice		role = {req->path.p + strlen(ROLE_PATH),
		req->path.n - strlen(ROLE_PATH)};
	Issued		keys;

	(void) form;
	if (!check_instance_token(req, r))
		return false;
	if (!slice_is(role, wanted.role))
	{
		reply_error(r, 404, "NotFound", "Not Found");
		return false;
	}
	issue("ASIAINSTANCE", wanted.role, &keys);
	put_plain_keys(&keys, "\"Code\":\"Success\",\"Type\":\"AWS-HMAC\",", r);
	return true;
}

/* A path that another begins with comes before it. */
static const IdentityOp ops[] = {
	{"IMDS.token", "PUT", "/latest/api/token", false, NULL, false, run_instance_token},
	{"IMDS.role", "GET", ROLE_PATH, false, NULL, false, run_instance_role},
	{"IMDS.credentials", "GET", ROLE_PATH, true, NULL, false, run_instance_keys},
	{"Container.credentials", "GET", "/container/", true, NULL, false, run_container},
	{"STS.AssumeRole", "POST", "/", false, "AssumeRole", true, run_assume_role},
	{"STS.AssumeRoleWithWebIdentity", "POST", "/", false,
	"AssumeRoleWithWebIdentity", false, run_web_identity},
	{"STS.GetCallerIdentity", "POST", "/", false, "GetCallerIdentity", true, run_caller},
};

static Params form;

static bool
is_request_of(const IdentityOp *op, const Request *req)
{
	size_t		n = strlen(op->path);
	const char *action;

	if (!slice_is(req->method, op->method) || req->path.n < n ||
		memcmp(req->path.p, op->path, n) != 0 || (!op->prefix && req->path.n != n))
		return false;
	if (op->action == NULL)
		return true;
	action = param(&form, "Action");
	return action != NULL && strcmp(action, op->action) == 0;
}

/* The operation by its number from 0, or -1 if it is none of these. */
int
identity_route(const Request *req, const Op **op)
{
	form.n = 0;
	if (slice_is(req->method, "POST") && !params_parse(&form, req->body, true))
		return -1;
	for (size_t i = 0; i < lengthof(ops); i++)
	{
		if (!is_request_of(&ops[i], req))
			continue;
		for (int j = 0; j < api_nops; j++)
			if (strcmp(api_ops[j].name, ops[i].name) == 0)
				*op = &api_ops[j];
		return (int) i;
	}
	return -1;
}

/* False, with an error in the reply, if the request is not to be believed. */
bool
identity_check(int number, const Request *req, Reply *r)
{
	if (ops[number].action != NULL)
		r->query = !wanted.xml &&
			slice_is(request_header(req, "accept"), "application/json") ?
			QUERY_JSON : QUERY_XML;
	return !ops[number].is_signed || signature_check(req, "sts", r);
}

void
identity_run(int number, const Request *req, Reply *r)
{
	ops[number].run(req, &form, r);
}

/* For the log: a form stands in its body. */
Slice
identity_target(int number, const Request *req)
{
	static Buf	text;

	if (ops[number].action == NULL)
		return req->target;
	text.n = 0;
	buf_puts(&text, "/?");
	buf_slice(&text, req->body);
	return buf_view(&text);
}

/* Their latency in ms; -1: that of all others. */
long
identity_latency(void)
{
	return wanted.latency;
}

void
identity_reset(void)
{
	memset(&wanted, 0, sizeof(wanted));
	wanted.lifetime = 3600;
	wanted.uses = -1;
	wanted.latency = -1;
	strcpy(wanted.role, "mock-role");
	strcpy(wanted.web_token, "web-identity-token");
}

/* The word "keys"; returns what is wrong with it, or NULL. */
const char *
identity_set(const Params *ps)
{
	const struct
	{
		const char *name;
		char	   *text;
		long	   *number;
	}			settings[] = {
		{"lifetime", NULL, &wanted.lifetime},
		{"uses", NULL, &wanted.uses},
		{"xml", NULL, &wanted.xml},
		{"latency", NULL, &wanted.latency},
		{"role", wanted.role, NULL},
		{"container_token", wanted.container_token, NULL},
		{"web_token", wanted.web_token, NULL},
		{"external_id", wanted.external_id, NULL},
	};

	if (param(ps, "expire") != NULL)
		credentials_expire();
	for (size_t i = 0; i < lengthof(settings); i++)
	{
		const char *value = param(ps, settings[i].name);

		if (value == NULL)
			continue;
		if (settings[i].number != NULL &&
			!parse_long(value, -86400, 1000000, settings[i].number))
			return "the value of a setting is no number";
		if (settings[i].text != NULL)
			snprintf(settings[i].text, VALUE_SIZE, "%s", value);
	}
	return NULL;
}
