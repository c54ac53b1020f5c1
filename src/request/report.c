/*-------------------------------------------------------------------------
 *
 * report.c
 *	  What went wrong with a call, whether to try again, and the one function
 *	  that says it to the user.
 *
 * Codes are matched by table, because a code says more than a status: Amplify
 * throttles with 400 as well as with 429.  An answer that no row of the tables
 * knows is an error, never a missing row.
 *
 * src/request/report.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "amplify_fdw.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

/* AWS's codes; the source is Amplify's service model and its front end */
static const struct
{
	const char *code;
	AmplifyFailureKind kind;
	AmplifyOutcome outcome;
}			codes[] = {
	{"NotFoundException", AMPLIFY_FAILURE_NOT_FOUND, AMPLIFY_OUTCOME_NOT_FOUND},
	{"BadRequestException", AMPLIFY_FAILURE_BAD_REQUEST, AMPLIFY_OUTCOME_FAIL},
	{"UnauthorizedException", AMPLIFY_FAILURE_CREDENTIALS, AMPLIFY_OUTCOME_FAIL},
	{"MissingAuthenticationTokenException", AMPLIFY_FAILURE_CREDENTIALS, AMPLIFY_OUTCOME_FAIL},
	{"MissingAuthenticationToken", AMPLIFY_FAILURE_CREDENTIALS, AMPLIFY_OUTCOME_FAIL},
	{"UnrecognizedClientException", AMPLIFY_FAILURE_CREDENTIALS, AMPLIFY_OUTCOME_RENEW},
	{"InvalidClientTokenId", AMPLIFY_FAILURE_CREDENTIALS, AMPLIFY_OUTCOME_RENEW},
	{"IncompleteSignatureException", AMPLIFY_FAILURE_CREDENTIALS, AMPLIFY_OUTCOME_FAIL},
	{"InvalidSignatureException", AMPLIFY_FAILURE_SIGNATURE, AMPLIFY_OUTCOME_RENEW},
	{"SignatureDoesNotMatch", AMPLIFY_FAILURE_SIGNATURE, AMPLIFY_OUTCOME_RENEW},
	{"RequestExpired", AMPLIFY_FAILURE_SIGNATURE, AMPLIFY_OUTCOME_RENEW},
	{"RequestTimeTooSkewed", AMPLIFY_FAILURE_SIGNATURE, AMPLIFY_OUTCOME_RENEW},
	{"RequestInTheFuture", AMPLIFY_FAILURE_SIGNATURE, AMPLIFY_OUTCOME_RENEW},
	{"ExpiredTokenException", AMPLIFY_FAILURE_EXPIRED, AMPLIFY_OUTCOME_RENEW},
	{"ExpiredToken", AMPLIFY_FAILURE_EXPIRED, AMPLIFY_OUTCOME_RENEW},
	{"AccessDeniedException", AMPLIFY_FAILURE_DENIED, AMPLIFY_OUTCOME_FAIL},
	{"AccessDenied", AMPLIFY_FAILURE_DENIED, AMPLIFY_OUTCOME_FAIL},
	{"LimitExceededException", AMPLIFY_FAILURE_THROTTLED, AMPLIFY_OUTCOME_THROTTLED},
	{"TooManyRequestsException", AMPLIFY_FAILURE_THROTTLED, AMPLIFY_OUTCOME_THROTTLED},
	{"Throttling", AMPLIFY_FAILURE_THROTTLED, AMPLIFY_OUTCOME_THROTTLED},
	{"ThrottlingException", AMPLIFY_FAILURE_THROTTLED, AMPLIFY_OUTCOME_THROTTLED},
	{"ThrottledException", AMPLIFY_FAILURE_THROTTLED, AMPLIFY_OUTCOME_THROTTLED},
	{"RequestThrottled", AMPLIFY_FAILURE_THROTTLED, AMPLIFY_OUTCOME_THROTTLED},
	{"RequestThrottledException", AMPLIFY_FAILURE_THROTTLED, AMPLIFY_OUTCOME_THROTTLED},
	{"RequestLimitExceeded", AMPLIFY_FAILURE_THROTTLED, AMPLIFY_OUTCOME_THROTTLED},
	{"SlowDown", AMPLIFY_FAILURE_THROTTLED, AMPLIFY_OUTCOME_THROTTLED},
	{"PriorRequestNotComplete", AMPLIFY_FAILURE_THROTTLED, AMPLIFY_OUTCOME_THROTTLED},
	{"RequestTimeout", AMPLIFY_FAILURE_SERVICE, AMPLIFY_OUTCOME_RETRY},
	{"RequestTimeoutException", AMPLIFY_FAILURE_SERVICE, AMPLIFY_OUTCOME_RETRY},
	{"IDPCommunicationError", AMPLIFY_FAILURE_SERVICE, AMPLIFY_OUTCOME_RETRY},
	{"InternalFailureException", AMPLIFY_FAILURE_SERVICE, AMPLIFY_OUTCOME_RETRY},
	{"DependentServiceFailureException", AMPLIFY_FAILURE_SERVICE, AMPLIFY_OUTCOME_RETRY},
};

/* Of AWS's front end, as an AccessDeniedException: not for want of a policy */
#define UNKNOWN_PATH	"Unable to determine service/operation name"

/*
 * For responses whose code says nothing; the first row that fits, as one does.
 * AWS gives a code with each refusal: a 4xx without one is somebody else's.
 */
typedef struct StatusRule
{
	int			first;
	int			last;
	bool		uncoded;		/* only for responses without a code of AWS */
	AmplifyFailureKind kind;
	AmplifyOutcome outcome;
} StatusRule;

static const StatusRule statuses[] = {
	{300, 399, false, AMPLIFY_FAILURE_REDIRECT, AMPLIFY_OUTCOME_FAIL},
	/* of an idle connection, or for a request that went elsewhere */
	{408, 408, true, AMPLIFY_FAILURE_FOREIGN, AMPLIFY_OUTCOME_RETRY},
	{421, 421, true, AMPLIFY_FAILURE_FOREIGN, AMPLIFY_OUTCOME_RETRY},
	{425, 425, true, AMPLIFY_FAILURE_FOREIGN, AMPLIFY_OUTCOME_RETRY},
	{429, 429, false, AMPLIFY_FAILURE_THROTTLED, AMPLIFY_OUTCOME_THROTTLED},
	{400, 499, true, AMPLIFY_FAILURE_FOREIGN, AMPLIFY_OUTCOME_FAIL},
	{401, 401, false, AMPLIFY_FAILURE_CREDENTIALS, AMPLIFY_OUTCOME_FAIL},
	{403, 403, false, AMPLIFY_FAILURE_DENIED, AMPLIFY_OUTCOME_FAIL},
	{404, 404, false, AMPLIFY_FAILURE_NOT_FOUND, AMPLIFY_OUTCOME_FAIL},
	{400, 499, false, AMPLIFY_FAILURE_BAD_REQUEST, AMPLIFY_OUTCOME_FAIL},
	{501, 501, false, AMPLIFY_FAILURE_SERVICE, AMPLIFY_OUTCOME_FAIL},
	{500, 504, false, AMPLIFY_FAILURE_SERVICE, AMPLIFY_OUTCOME_RETRY},
	{505, 599, false, AMPLIFY_FAILURE_SERVICE, AMPLIFY_OUTCOME_FAIL},
	{0, INT_MAX, false, AMPLIFY_FAILURE_UNEXPECTED, AMPLIFY_OUTCOME_FAIL},
};

/* For transfers without an answer; indexed by AmplifyHttpResult */
static const struct
{
	AmplifyFailureKind kind;
	AmplifyOutcome outcome;
}			results[] = {
	[AMPLIFY_HTTP_OK] = {AMPLIFY_FAILURE_NONE, AMPLIFY_OUTCOME_OK},
	[AMPLIFY_HTTP_CONNECT] = {AMPLIFY_FAILURE_CONNECT, AMPLIFY_OUTCOME_RETRY},
	[AMPLIFY_HTTP_PROXY] = {AMPLIFY_FAILURE_PROXY, AMPLIFY_OUTCOME_FAIL},
	[AMPLIFY_HTTP_TLS] = {AMPLIFY_FAILURE_TLS, AMPLIFY_OUTCOME_FAIL},
	[AMPLIFY_HTTP_TIMEOUT] = {AMPLIFY_FAILURE_TIMEOUT, AMPLIFY_OUTCOME_RETRY},
	[AMPLIFY_HTTP_BROKEN] = {AMPLIFY_FAILURE_BROKEN, AMPLIFY_OUTCOME_RETRY},
	[AMPLIFY_HTTP_TOO_LARGE] = {AMPLIFY_FAILURE_TOO_LARGE, AMPLIFY_OUTCOME_FAIL},
	[AMPLIFY_HTTP_UNABLE] = {AMPLIFY_FAILURE_UNABLE, AMPLIFY_OUTCOME_FAIL},
	[AMPLIFY_HTTP_MEMORY] = {AMPLIFY_FAILURE_MEMORY, AMPLIFY_OUTCOME_FAIL},
};

/* What to look at when it was not Amplify that has responded */
#define HINT_WHO_RESPONDS \
	"Something else may have responded, such as a gateway or a proxy.  Check options \"endpoint_url\" and \"proxy\" of server \"%s\"."

/* What a user is told; indexed by AmplifyFailureKind.  %s in a hint: the server */
static const struct
{
	int			sqlstate;
	const char *what;
	const char *hint;
	bool		of_server;		/* no call to the server would end otherwise */
	const char *hint_keys;		/* to who asks for everything, or if there is
								 * no other; of the table's keys and server */
}			reports[] = {
	[AMPLIFY_FAILURE_CREDENTIALS] = {
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
		"AWS does not accept the credentials",
		"Check the keys in the user mapping for server \"%s\", its region, and the clock of this machine.",
		true
	},
	[AMPLIFY_FAILURE_SIGNATURE] = {
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
		"AWS does not accept the signature",
		"Check the keys in the user mapping for server \"%s\", its region, and the clock of this machine.",
		true
	},
	[AMPLIFY_FAILURE_EXPIRED] = {
		ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
		"the credentials have expired",
		"Set a new session_token and its keys in the user mapping for server \"%s\".",
		true
	},
	[AMPLIFY_FAILURE_DENIED] = {
		ERRCODE_INSUFFICIENT_PRIVILEGE,
		"access denied by AWS",
		"Allow the identity in the user mapping for server \"%s\" this action in its IAM policy."
	},
	[AMPLIFY_FAILURE_BAD_REQUEST] = {
		ERRCODE_INVALID_PARAMETER_VALUE, "AWS rejects the request", NULL
	},
	[AMPLIFY_FAILURE_NOT_FOUND] = {
		ERRCODE_FDW_UNABLE_TO_CREATE_REPLY,
		"the endpoint does not know this operation",
		HINT_WHO_RESPONDS
	},
	[AMPLIFY_FAILURE_FOREIGN] = {
		ERRCODE_FDW_UNABLE_TO_CREATE_REPLY, "not Amplify's response",
		HINT_WHO_RESPONDS
	},
	[AMPLIFY_FAILURE_UNKNOWN_PATH] = {
		ERRCODE_INSUFFICIENT_PRIVILEGE,
		"AWS has no operation at this path",
		"Check option \"endpoint_url\" of server \"%s\"."
	},
	[AMPLIFY_FAILURE_LIST_GONE] = {
		ERRCODE_FDW_UNABLE_TO_CREATE_REPLY,
		"what is listed was gone before the end of the list",
		"Run the statement again."
	},
	[AMPLIFY_FAILURE_THROTTLED] = {
		ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
		"AWS throttles the requests",
		"Ask for fewer keys at a time, lower max_concurrency or raise throttle_timeout of server \"%s\".",
		.hint_keys = "Compare the keys of the table (%s) in the query, so that it needs fewer calls, lower max_concurrency or raise throttle_timeout of server \"%s\"."
	},
	[AMPLIFY_FAILURE_SERVICE] = {
		ERRCODE_SYSTEM_ERROR, "the service failed",
		"Try again later; option \"max_attempts\" of server \"%s\" sets how often that is done for you."
	},
	[AMPLIFY_FAILURE_UNEXPECTED] = {
		ERRCODE_FDW_UNABLE_TO_CREATE_REPLY, "unexpected answer",
		HINT_WHO_RESPONDS
	},
	[AMPLIFY_FAILURE_REDIRECT] = {
		ERRCODE_FDW_UNABLE_TO_CREATE_REPLY,
		"the endpoint redirects to another place",
		"Redirects are never followed.  Check options \"endpoint_url\" and \"proxy\" of server \"%s\"."
	},
	[AMPLIFY_FAILURE_CONNECT] = {
		ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION,
		"could not connect",
		"Check the region or \"endpoint_url\" of server \"%s\", and that this machine reaches it.",
		true
	},
	[AMPLIFY_FAILURE_PROXY] = {
		ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION,
		"the proxy refuses the connection",
		"Check option \"proxy\" of server \"%s\", and options \"proxy_user\" and \"proxy_password\" of the user mapping.",
		true
	},
	[AMPLIFY_FAILURE_TLS] = {
		ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION,
		"could not agree on TLS",
		"The certificate must be valid for the host; option \"ca_bundle\" of server \"%s\" names other authorities.",
		true
	},
	[AMPLIFY_FAILURE_TIMEOUT] = {
		ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION,
		"no answer in time",
		"Options \"connect_timeout\" and \"request_timeout\" of server \"%s\" set the time."
	},
	[AMPLIFY_FAILURE_BROKEN] = {
		ERRCODE_FDW_UNABLE_TO_CREATE_REPLY,
		"the connection broke before the answer was complete",
		"Try again; option \"max_attempts\" of server \"%s\" sets how often that is done for you."
	},
	[AMPLIFY_FAILURE_MALFORMED] = {
		ERRCODE_FDW_UNABLE_TO_CREATE_REPLY, "the answer is not valid JSON",
		HINT_WHO_RESPONDS
	},
	[AMPLIFY_FAILURE_SHAPE] = {
		ERRCODE_FDW_UNABLE_TO_CREATE_REPLY,
		"the answer is not what this operation returns",
		HINT_WHO_RESPONDS
	},
	[AMPLIFY_FAILURE_ENCODING] = {
		ERRCODE_CHARACTER_NOT_IN_REPERTOIRE,
		"the answer is not valid UTF-8", NULL
	},
	[AMPLIFY_FAILURE_TOO_LARGE] = {
		ERRCODE_PROGRAM_LIMIT_EXCEEDED,
		"the answer is larger than max_response_size",
		"Lower page_size of the table, or raise max_response_size of server \"%s\"."
	},
	[AMPLIFY_FAILURE_TOO_DEEP] = {
		ERRCODE_STATEMENT_TOO_COMPLEX, "the answer is nested too deeply", NULL
	},
	[AMPLIFY_FAILURE_TOO_MANY] = {
		ERRCODE_PROGRAM_LIMIT_EXCEEDED,
		"the response has more values than max_response_size allows",
		"Lower page_size of the table, or raise max_response_size of server \"%s\"."
	},
	[AMPLIFY_FAILURE_ENDLESS] = {
		ERRCODE_PROGRAM_LIMIT_EXCEEDED, "the list has no end",
		"The service repeats a page token or sends empty pages only."
	},
	[AMPLIFY_FAILURE_MAX_CALLS] = {
		ERRCODE_PROGRAM_LIMIT_EXCEEDED,
		"the statement needs more calls than amplify_fdw.max_calls allows",
		.hint_keys = "Compare the keys of the table (%s) in the query, or raise amplify_fdw.max_calls."
	},
	/* amplify_report_credentials() has the words */
	[AMPLIFY_FAILURE_NO_CREDENTIALS] = {0, NULL, NULL, true},
	[AMPLIFY_FAILURE_SIGNING] = {
		ERRCODE_FDW_OUT_OF_MEMORY, "could not sign the request",
		"OpenSSL has no memory, or its configuration forbids SHA-256. If it had none when it started, only a new session helps."
	},
	[AMPLIFY_FAILURE_UNABLE] = {
		ERRCODE_FDW_ERROR, "libcurl lacks what the request needs",
		"The extension needs libcurl 7.87 or later, with TLS, as the operating system's packages have it."
	},
	[AMPLIFY_FAILURE_MEMORY] = {
		ERRCODE_FDW_OUT_OF_MEMORY, "out of memory", NULL
	},
};

/* What is said of a value that can't be shown; by AmplifyValueStatus */
static const struct
{
	int			sqlstate;
	const char *what;
}			values[] = {
	[AMPLIFY_VALUE_WRONG_TYPE] = {
		ERRCODE_FDW_UNABLE_TO_CREATE_REPLY, "has an unexpected JSON type"
	},
	[AMPLIFY_VALUE_NUL_CHARACTER] = {
		ERRCODE_UNTRANSLATABLE_CHARACTER, "contains the character U+0000"
	},
	[AMPLIFY_VALUE_OUT_OF_RANGE] = {
		ERRCODE_DATETIME_VALUE_OUT_OF_RANGE, "is a time out of range"
	},
	[AMPLIFY_VALUE_MEMORY] = {
		ERRCODE_FDW_OUT_OF_MEMORY, "does not fit into memory"
	},
	[AMPLIFY_VALUE_NO_KEY] = {
		ERRCODE_FDW_UNABLE_TO_CREATE_REPLY, "cannot be the key of a request"
	},
};

/* For credentials that can't be had; indexed by AmplifyProvider */
static const struct
{
	const char *name;
	const char *hint;
}			providers[] = {
	[AMPLIFY_PROVIDER_NONE] = {
		NULL,
		"Create a user mapping with options \"access_key_id\" and \"secret_access_key\"."
	},
	[AMPLIFY_PROVIDER_MAPPING] = {
		"the user mapping",
		"Check options \"access_key_id\" and \"secret_access_key\" of the user mapping."
	},
	[AMPLIFY_PROVIDER_PROFILE] = {
		"a profile",
		"Option \"profile\" of the user mapping names a profile in the configuration files of the user that PostgreSQL runs as."
	},
	[AMPLIFY_PROVIDER_ENVIRONMENT] = {
		"the environment",
		"What counts is the environment that PostgreSQL was started in."
	},
	[AMPLIFY_PROVIDER_SHARED_FILES] = {
		"the configuration files",
		"They are those of the user that PostgreSQL runs as; AWS_PROFILE chooses the profile."
	},
	[AMPLIFY_PROVIDER_WEB_IDENTITY] = {
		"a web identity",
		"Check that the role trusts the issuer of the token, and that the token file is current."
	},
	[AMPLIFY_PROVIDER_CONTAINER] = {
		"the container's role",
		"Check the role of the task or pod, and the AWS_CONTAINER_ variables that PostgreSQL was started with."
	},
	[AMPLIFY_PROVIDER_INSTANCE] = {
		"the instance's role",
		"Attach a role to the EC2 instance.  In a container on it, the metadata service needs a hop limit of 2."
	},
	[AMPLIFY_PROVIDER_ROLE] = {
		"the role in the user mapping",
		"Check option \"role_arn\", and that the role trusts the identity that assumes it and the external_id."
	},
};

static int	hint(AmplifyFailureKind kind, const AmplifyResource *resource,
				 bool everything, const char *server);
static bool may_know_identity(const AmplifyConnection *connection);
static bool read_answer(const AmplifyTransfer *transfer,
						AmplifyFailure *failure);
static bool is_aws_code(const char *code);
static void trim_code(char *code);
static char *to_server_encoding(const char *text);
static char *to_ascii(const char *text);

/*
 * What a finished transfer means.  failure is filled unless the outcome is
 * AMPLIFY_OUTCOME_OK, also for those that will be tried again.
 */
AmplifyOutcome
amplify_report_classify(const AmplifyTransfer *transfer,
						AmplifyFailure *failure)
{
	const StatusRule *status = statuses;
	bool		has_code;

	memset(failure, 0, sizeof(*failure));
	failure->status = transfer->status;
	if (transfer->result != AMPLIFY_HTTP_OK)
	{
		strlcpy(failure->message, transfer->reason, sizeof(failure->message));
		strlcpy(failure->request_id, transfer->answer.request_id,
				sizeof(failure->request_id));
		failure->kind = results[transfer->result].kind;
		return results[transfer->result].outcome;
	}
	if (transfer->status >= 200 && transfer->status <= 299)
		return AMPLIFY_OUTCOME_OK;

	has_code = read_answer(transfer, failure);
	if (transfer->status == 400 &&
		strncmp(failure->message, "Rate exceeded", 13) == 0)
	{
		failure->kind = AMPLIFY_FAILURE_THROTTLED;
		return AMPLIFY_OUTCOME_THROTTLED;
	}
	for (int i = 0; has_code && i < lengthof(codes); i++)
	{
		if (strcmp(failure->code, codes[i].code) != 0)
			continue;
		/* a row is missing only if all of the response says so */
		if (codes[i].outcome == AMPLIFY_OUTCOME_NOT_FOUND &&
			transfer->status != 404)
		{
			has_code = false;
			break;
		}
		failure->kind = codes[i].kind;
		if (failure->kind == AMPLIFY_FAILURE_DENIED &&
			strncmp(failure->message, UNKNOWN_PATH, strlen(UNKNOWN_PATH)) == 0)
			failure->kind = AMPLIFY_FAILURE_UNKNOWN_PATH;
		return codes[i].outcome;
	}
	while (transfer->status < status->first ||
		   transfer->status > status->last || (status->uncoded && has_code))
		status++;
	failure->kind = status->kind;
	return status->outcome;
}

AmplifyFailureKind
amplify_report_of_parse(AmplifyParse parse)
{
	static const AmplifyFailureKind troubles[] = {
		[AMPLIFY_PARSE_OK] = AMPLIFY_FAILURE_NONE,
		[AMPLIFY_PARSE_MALFORMED] = AMPLIFY_FAILURE_MALFORMED,
		[AMPLIFY_PARSE_SHAPE] = AMPLIFY_FAILURE_SHAPE,
		[AMPLIFY_PARSE_DEPTH] = AMPLIFY_FAILURE_TOO_DEEP,
		[AMPLIFY_PARSE_TOO_MANY] = AMPLIFY_FAILURE_TOO_MANY,
		[AMPLIFY_PARSE_ENCODING] = AMPLIFY_FAILURE_ENCODING,
		[AMPLIFY_PARSE_MEMORY] = AMPLIFY_FAILURE_MEMORY,
	};

	return troubles[parse];
}

/*
 * Say it.  The one place where a failed call becomes an error (or, for tables
 * with on_error 'warn', a warning, if the failure is one of the service).
 * resource is the table's; everything: the query binds too few of its keys.
 * What AWS says names the identity that asks, and keys: the client reads that
 * only if it is the client's own mapping, and the server's log always has it.
 */
void
amplify_report_failure(int elevel, const AmplifyFailure *failure,
					   const char *operation, const char *table,
					   const AmplifyResource *resource, bool everything,
					   const AmplifyConnection *connection)
{
	const char *server = connection->servername;
	char	   *full = amplify_report_detail(failure);
	char	   *detail = full;

	if (failure->kind == AMPLIFY_FAILURE_NO_CREDENTIALS)
	{
		/* who has not set up any is no failing service */
		if (failure->provider == AMPLIFY_PROVIDER_NONE)
			elevel = ERROR;
		amplify_report_credentials(elevel, failure->provider, failure->reason,
								   connection);
		return;
	}
	if (failure->status != 0 && !may_know_identity(connection))
	{
		AmplifyFailure untold = *failure;

		untold.message[0] = '\0';
		detail = amplify_report_detail(&untold);
	}

	/* a limit that the user has set, or a failure of our own, is no app's */
	if (failure->kind == AMPLIFY_FAILURE_MAX_CALLS ||
		failure->kind == AMPLIFY_FAILURE_SIGNING ||
		failure->kind == AMPLIFY_FAILURE_UNABLE ||
		failure->kind == AMPLIFY_FAILURE_MEMORY)
		elevel = ERROR;

	/* a cancel that has come meanwhile is the better answer */
	CHECK_FOR_INTERRUPTS();
	/* a warning stands beside rows of other servers: say whose are missing */
	ereport(elevel,
			(errcode(reports[failure->kind].sqlstate),
			 elevel == ERROR ?
			 errmsg("%s for foreign table \"%s\" failed: %s",
					operation, table, reports[failure->kind].what) :
			 errmsg("%s for foreign table \"%s\" of server \"%s\" failed: %s",
					operation, table, server, reports[failure->kind].what),
			 detail[0] != '\0' ? errdetail("%s", detail) : 0,
			 detail != full ? errdetail_log("%s", full) : 0,
			 hint(failure->kind, resource, everything, server)));
}

/* For ereport(): of the keys where to bind (more of) them would help */
static int
hint(AmplifyFailureKind kind, const AmplifyResource *resource, bool everything,
	 const char *server)
{
	const char *hint = reports[kind].hint;
	const char *hint_keys = reports[kind].hint_keys;
	StringInfoData keys;

	if (hint_keys == NULL || (hint != NULL && !everything))
		return hint != NULL ? errhint(hint, server) : 0;

	initStringInfo(&keys);
	for (int i = 0; i < AMPLIFY_MAX_KEYS && resource->keys[i] != NULL; i++)
		appendStringInfo(&keys, "%s%s", i > 0 ? ", " : "", resource->keys[i]);
	return errhint(hint_keys, keys.data, server);
}

/* Is it about the server, so that all other calls to it would fail, too? */
bool
amplify_report_is_of_server(AmplifyFailureKind kind)
{
	return reports[kind].of_server;
}

/* A member of the answer that the column can't show */
void
amplify_report_value(AmplifyValueStatus status, const char *column,
					 const char *table)
{
	ereport(ERROR,
			(errcode(values[status].sqlstate),
			 errmsg("value for column \"%s\" of foreign table \"%s\" %s",
					column, table, values[status].what)));
}

/* The credentials give what is of another account than the server's option */
void
amplify_report_account(const char *found, const char *expected,
					   const char *server)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 errmsg("credentials for server \"%s\" are of another AWS account",
					server),
			 errdetail("Amplify returns items of account %s, but option \"account_id\" of the server is %s.",
					   found, expected),
			 errhint("Set that option to the account of the keys or the role in the user mapping.")));
}

/*
 * Say why there are no credentials.  reason is a sentence, or NULL; at LOG,
 * older credentials are still good.
 */
void
amplify_report_credentials(int elevel, AmplifyProvider provider,
						   const char *reason,
						   const AmplifyConnection *connection)
{
	const char *server = connection->servername;
	bool		tell = may_know_identity(connection);

	/* it may hold names out of files of any encoding */
	if (reason != NULL &&
		!pg_verifymbstr(reason, strlen(reason), true))
		reason = to_ascii(reason);
	CHECK_FOR_INTERRUPTS();
	ereport(elevel,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 provider == AMPLIFY_PROVIDER_NONE ?
			 errmsg("no AWS credentials for server \"%s\"", server) :
			 errmsg("could not get AWS credentials for server \"%s\" from %s",
					server, providers[provider].name),
			 reason == NULL ? 0 :
			 tell ? errdetail("%s", reason) : errdetail_log("%s", reason),
			 errhint("%s", providers[provider].hint)));
}

/*
 * Who is no superuser needs keys of his own.  option: the one that would let
 * him do without; NULL: none.  source: the server whose mapping is wanted, by
 * option "source_server"; or the server itself.
 */
void
amplify_report_privilege(const char *option, Oid userid, const char *server,
						 const char *source)
{
	const char *user = GetUserNameFromId(userid, false);

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("AWS credentials are required for server \"%s\"", server),
			 option == NULL ?
			 errdetail("User \"%s\" has no access_key_id in a user mapping, and only a superuser's may do without.",
					   user) :
			 errdetail("Option \"%s\" of the user mapping lends the server's own identity, which user \"%s\" may not use, not being a superuser.",
					   option, user),
			 strcmp(server, source) == 0 ?
			 errhint("Create a user mapping for server \"%s\" with options \"access_key_id\" and \"secret_access_key\", or use a view whose owner has one.",
					 server) :
			 errhint("User \"%s\" needs USAGE on server \"%s\" and a user mapping for it with options \"access_key_id\" and \"secret_access_key\", or a view whose owner has both.",
					 user, source)));
}

/*
 * Does the client know the mapping's options anyway?  A view or a function may
 * have borrowed another user's, and nobody is shown PUBLIC's.
 */
static bool
may_know_identity(const AmplifyConnection *connection)
{
	Oid			client = GetOuterUserId();

	return superuser_arg(client) ||
		(connection->userid == client && !connection->of_public);
}

/*
 * Code, message and request id, wherever AWS put them this time.  False if
 * there is no code of AWS.
 */
static bool
read_answer(const AmplifyTransfer *transfer, AmplifyFailure *failure)
{
	bool		in_header = transfer->answer.error_type[0] != '\0';

	strlcpy(failure->request_id, transfer->answer.request_id,
			sizeof(failure->request_id));
	if (!amplify_response_error(transfer->body, transfer->body_length,
								failure->code, sizeof(failure->code),
								failure->message, sizeof(failure->message)) &&
		transfer->body_length > 0)
		strlcpy(failure->message, "The body is not JSON.",
				sizeof(failure->message));
	if (in_header)
		strlcpy(failure->code, transfer->answer.error_type,
				sizeof(failure->code));
	trim_code(failure->code);

	/*
	 * A message about a signature goes on with the request as the service
	 * understood it, session token and all.
	 */
	failure->message[strcspn(failure->message, "\r\n")] = '\0';
	for (int n = strlen(failure->message); n > 0 && failure->message[n - 1] == ' '; n--)
		failure->message[n - 1] = '\0';
	return in_header || is_aws_code(failure->code);
}

/*
 * Gateways have codes as well, in members of the same names.  Those of AWS that
 * are not in the table end as its service model has them.
 */
static bool
is_aws_code(const char *code)
{
	const char *end = strstr(code, "Exception");

	for (int i = 0; i < lengthof(codes); i++)
	{
		if (strcmp(code, codes[i].code) == 0)
			return true;
	}
	return end != NULL && strcmp(end, "Exception") == 0;
}

/* "namespace#Code:http://..." is Code, as in restJson1 */
static void
trim_code(char *code)
{
	char	   *hash;

	code[strcspn(code, ",:")] = '\0';
	hash = strchr(code, '#');
	if (hash != NULL)
		memmove(code, hash + 1, strlen(hash + 1) + 1);
}

/* A sentence or more; "" when nothing is known.  palloc'ed */
char *
amplify_report_detail(const AmplifyFailure *failure)
{
	StringInfoData detail;

	initStringInfo(&detail);
	if (failure->status != 0)
	{
		appendStringInfo(&detail, "%s%sHTTP status %d",
						 to_server_encoding(failure->code),
						 failure->code[0] != '\0' ? ", " : "",
						 failure->status);
	}
	if (failure->message[0] != '\0')
		appendStringInfo(&detail, "%s%s", detail.len > 0 ? ": " : "",
						 to_server_encoding(failure->message));
	if (detail.len > 0 && detail.data[detail.len - 1] != '.')
		appendStringInfoChar(&detail, '.');
	if (failure->request_id[0] != '\0')
		appendStringInfo(&detail, " Request ID: %s.", failure->request_id);
	if (failure->attempts > 1)
		appendStringInfo(&detail, "%sAttempts: %d.",
						 detail.len > 0 ? " " : "", failure->attempts);
	return detail.data;
}

/* Without failing: it is an error message already */
static char *
to_server_encoding(const char *text)
{
	int			length = strlen(text);
	int			valid = pg_encoding_verifymbstr(PG_UTF8, text, length);
	char	   *copy;

	/* libcurl may have cut its reason within a character */
	if (GetDatabaseEncoding() == PG_UTF8 &&
		length - valid < MAX_MULTIBYTE_CHAR_LEN)
		copy = pnstrdup(text, valid);
	else
		copy = to_ascii(text);

	for (char *p = copy; *p != '\0'; p++)
	{
		if ((unsigned char) *p < ' ')
			*p = ' ';
	}
	return copy;
}

static char *
to_ascii(const char *text)
{
	char	   *copy = pstrdup(text);

	for (char *p = copy; *p != '\0'; p++)
	{
		if (IS_HIGHBIT_SET(*p))
			*p = '?';
	}
	return copy;
}
