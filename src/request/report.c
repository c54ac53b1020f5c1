/*-------------------------------------------------------------------------
 *
 * report.c
 *	  The one place where a failed call becomes an error, or a warning.
 *
 * src/request/report.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "miscadmin.h"
#include "request/amplify_request.h"
#include "utils/guc.h"

/* What to look at when it was not Amplify that has responded */
#define HINT_WHO_RESPONDS \
	"Something else may have responded, such as a gateway or a proxy.  Check options \"endpoint_url\" and \"proxy\" of server \"%s\"."

/*
 * What a user is told; indexed by AmplifyFailureKind.  %s in a hint: the
 * server
 */
static const struct
{
	int			sqlstate;
	const char *what;
	const char *hint;
	bool		of_server;		/* no call to the server would end otherwise */
	bool		of_session;		/* a limit or a shortage here, of no app */
	const char *hint_keys;		/* for a query that binds no keys, or if there
								 * is no other; of the keys and the server */
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
		ERRCODE_FDW_UNABLE_TO_CREATE_REPLY, "unexpected response",
		HINT_WHO_RESPONDS
	},
	[AMPLIFY_FAILURE_REDIRECT] = {
		ERRCODE_FDW_UNABLE_TO_CREATE_REPLY,
		"the endpoint redirects to another location",
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
		"could not establish a TLS connection",
		"The certificate must be valid for the host; option \"ca_bundle\" of server \"%s\" names other authorities.",
		true
	},
	[AMPLIFY_FAILURE_TIMEOUT] = {
		ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION,
		"no response in time",
		"Options \"connect_timeout\" and \"request_timeout\" of server \"%s\" set the time."
	},
	[AMPLIFY_FAILURE_SILENT] = {
		ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION,
		"no response in time, as to the calls before",
		"The statement does not ask the server again.  Options \"connect_timeout\" and \"request_timeout\" of server \"%s\" set the time.",
		true
	},
	[AMPLIFY_FAILURE_BROKEN] = {
		ERRCODE_FDW_UNABLE_TO_CREATE_REPLY,
		"the connection broke before the response was complete",
		"Try again; option \"max_attempts\" of server \"%s\" sets how often that is done for you."
	},
	[AMPLIFY_FAILURE_MALFORMED] = {
		ERRCODE_FDW_UNABLE_TO_CREATE_REPLY, "the response is not valid JSON",
		HINT_WHO_RESPONDS
	},
	[AMPLIFY_FAILURE_SHAPE] = {
		ERRCODE_FDW_UNABLE_TO_CREATE_REPLY,
		"the response is not what this operation returns",
		HINT_WHO_RESPONDS
	},
	[AMPLIFY_FAILURE_MISMATCH] = {
		ERRCODE_FDW_UNABLE_TO_CREATE_REPLY,
		"the response is about something else than was asked for",
		HINT_WHO_RESPONDS
	},
	[AMPLIFY_FAILURE_ENCODING] = {
		ERRCODE_CHARACTER_NOT_IN_REPERTOIRE,
		"the response is not valid UTF-8", NULL
	},
	[AMPLIFY_FAILURE_TOO_LARGE] = {
		ERRCODE_PROGRAM_LIMIT_EXCEEDED,
		"the response is larger than max_response_size",
		"Lower page_size of the table, or raise max_response_size of server \"%s\"."
	},
	[AMPLIFY_FAILURE_TOO_DEEP] = {
		ERRCODE_STATEMENT_TOO_COMPLEX, "the response is nested too deeply", NULL
	},
	[AMPLIFY_FAILURE_TOO_MANY] = {
		ERRCODE_PROGRAM_LIMIT_EXCEEDED,
		"the response has more values than max_response_size allows",
		"Lower page_size of the table, or raise max_response_size of server \"%s\"."
	},
	[AMPLIFY_FAILURE_TOKEN] = {
		ERRCODE_PROGRAM_LIMIT_EXCEEDED,
		"the token of the next page is too long for a request",
		HINT_WHO_RESPONDS
	},
	[AMPLIFY_FAILURE_ENDLESS] = {
		ERRCODE_PROGRAM_LIMIT_EXCEEDED, "endless list",
		"The service repeats a page token or sends empty pages only."
	},
	[AMPLIFY_FAILURE_MAX_CALLS] = {
		ERRCODE_PROGRAM_LIMIT_EXCEEDED,
		"the statement needs more calls than amplify_fdw.max_calls allows",
		.hint_keys = "Compare the keys of the table (%s) in the query, or raise amplify_fdw.max_calls.",
		.of_session = true
	},
	/* credential.c has the words of these two */
	[AMPLIFY_FAILURE_NO_CREDENTIALS] = {0, NULL, NULL, true},
	[AMPLIFY_FAILURE_NOT_ALLOWED] = {
		0, NULL, NULL, true,
		.of_session = true
	},
	[AMPLIFY_FAILURE_SIGNING] = {
		ERRCODE_FDW_OUT_OF_MEMORY, "could not sign the request",
		"OpenSSL has no memory, or its configuration forbids SHA-256. If it had none when it started, only a new session helps.",
		.of_session = true
	},
	[AMPLIFY_FAILURE_UNABLE] = {
		ERRCODE_FDW_ERROR, "libcurl lacks what the request needs",
		"The extension needs libcurl 7.87 or later, with TLS, as the operating system's packages have it.",
		.of_session = true
	},
	[AMPLIFY_FAILURE_DESCRIPTORS] = {
		ERRCODE_INSUFFICIENT_RESOURCES,
		"no descriptor is left for a connection",
		"Close cursors and connections of other extensions, or increase max_files_per_process.",
		.of_session = true
	},
	[AMPLIFY_FAILURE_MEMORY] = {
		ERRCODE_FDW_OUT_OF_MEMORY, "out of memory", NULL,
		.of_session = true
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

static char *with_keys(const char *detail, const AmplifyFailedCall *call);
static char *list_keys(AmplifyKeyMask mask, const AmplifyKeys *values);
static int	hint(AmplifyFailureKind kind, const AmplifyFailedCall *call);

/*
 * Say it.  The one place where a failed call becomes an error; or a warning,
 * if the table wants that (warn) and the failure is one of the service.  What
 * AWS says names the identity that asks, and the keys of a request may be what
 * a view hides: the client reads that only if it is the client's own mapping,
 * and the server's log always has it.
 */
void
amplify_report_failure(bool warn, const AmplifyFailure *failure,
					   const AmplifyFailedCall *call)
{
	const AmplifyConnection *connection = call->connection;
	const char *what = reports[failure->kind].what;
	bool		tell = amplify_credential_may_know(connection->userid,
												   connection->of_public);
	char	   *full = amplify_outcome_detail(failure);
	char	   *detail;
	const char *message;

	/* a limit of the user's or a local failure is not limited to an app */
	if (reports[failure->kind].of_session ||
		(failure->kind == AMPLIFY_FAILURE_NO_CREDENTIALS &&
		 failure->provider == AMPLIFY_PROVIDER_NONE))
		warn = false;
	if (!reports[failure->kind].of_session)
		full = with_keys(full, call);
	detail = full;

	/* a cancel that has come meanwhile is what to say */
	CHECK_FOR_INTERRUPTS();
	if (failure->kind == AMPLIFY_FAILURE_NOT_ALLOWED)
		amplify_credential_refuse(connection);
	if (failure->kind == AMPLIFY_FAILURE_NO_CREDENTIALS)
	{
		if (warn)
			amplify_failures_add(failure, call,
								 ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
								 "could not get AWS credentials");
		amplify_credential_report(warn ? WARNING : ERROR, failure->provider,
								  failure->reason, connection);
		return;
	}
	if (!tell)
	{
		AmplifyFailure untold = *failure;

		if (failure->status != 0)
			untold.message[0] = '\0';
		detail = amplify_outcome_detail(&untold);
	}

	/* a warning stands beside rows of other servers: say whose are missing */
	message = warn ?
		psprintf(_("%s for foreign table \"%s\" of server \"%s\" failed: %s"),
				 call->operation->name, call->table, connection->servername,
				 what) :
		psprintf(_("%s for foreign table \"%s\" failed: %s"),
				 call->operation->name, call->table, what);
	if (warn)
		amplify_failures_add(failure, call, reports[failure->kind].sqlstate,
							 message);
	ereport(warn ? WARNING : ERROR,
			(errcode(reports[failure->kind].sqlstate),
			 errmsg_internal("%s", message),
			 detail[0] != '\0' ? errdetail("%s", detail) : 0,
			 detail != full ? errdetail_log("%s", full) : 0,
			 hint(failure->kind, call)));
}

/*
 * A detail, and behind it the keys that the request had, as PostgreSQL shows
 * those of a constraint.
 */
static char *
with_keys(const char *detail, const AmplifyFailedCall *call)
{
	AmplifyKeyMask mask = call->operation->needs &
		amplify_resource_mask(call->keys);

	if (mask == 0)
		return pstrdup(detail);
	return psprintf(_("%s%sKey of the request: (%s)=(%s)."), detail,
					detail[0] != '\0' ? " " : "", list_keys(mask, NULL),
					list_keys(mask, call->keys));
}

/* The names of the keys in the mask, or their values, palloc'ed */
static char *
list_keys(AmplifyKeyMask mask, const AmplifyKeys *values)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < AMPLIFY_NKEYS; i++)
	{
		if ((mask & 1 << i) != 0)
			appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
							 values == NULL ? amplify_key_names[i] :
							 amplify_outcome_text(values->value[i]));
	}
	return list.data;
}

/*
 * For ereport(): why it is an error, where the table wants a warning; or of
 * the keys, where to bind (more of) them would help.
 */
static int
hint(AmplifyFailureKind kind, const AmplifyFailedCall *call)
{
	const char *hint = reports[kind].hint;
	const char *hint_keys = reports[kind].hint_keys;
	const char *server = call->connection->servername;

	if (call->writes && !reports[kind].of_session)
		return errhint("The statement writes down what it reads.  Option \"on_error\" of the foreign table, 'warn', holds for what is only read; 'warn_always' holds for this, too.");
	if (hint_keys == NULL || (hint != NULL && !call->everything))
		return hint != NULL ? errhint(hint, server) : 0;
	return errhint(hint_keys, list_keys(call->target->keys, NULL), server);
}

/*
 * One line at DEBUG1 for each attempt, for debugging: the operation, its
 * result, and AWS's id of the request; neither keys nor anything else that was
 * sent.  A client who may not know the mapping does not get it: it goes to the
 * server's log only.  May throw, so it must be called before anything is done
 * with the transfer.
 */
void
amplify_report_attempt(const AmplifyCall *call)
{
	const AmplifyConnection *connection = call->connection;
	const AmplifyTransfer *transfer = call->transfer;
	AmplifyFailure said = {AMPLIFY_FAILURE_NONE};
	const char *status;
	int			elevel = DEBUG1;

	if (!message_level_is_interesting(DEBUG1))
		return;
	if (!amplify_credential_may_know(connection->userid, connection->of_public))
	{
		if (amplify_log_min_messages > DEBUG1)
			return;
		elevel = LOG_SERVER_ONLY;
	}
	strlcpy(said.request_id, transfer->response.request_id,
			sizeof(said.request_id));
	amplify_credential_mask(connection, &said);
	status = transfer->result != AMPLIFY_HTTP_OK ? "no response" :
		psprintf("HTTP status %d", transfer->status);
	ereport(elevel,
			(errmsg_internal("amplify_fdw: %s of %s at server \"%s\", attempt %d: %s, %zu bytes, %.1f ms, request ID \"%s\"",
							 call->operation->name, call->resource->name,
							 connection->servername, call->attempts.sent, status,
							 transfer->received,
							 (amplify_loop_now() - call->attempts.started) / 1000.0,
							 said.request_id),
			 errhidestmt(true), errhidecontext(true)));
}

/* Is it about the server, so that all other calls to it would fail, too? */
bool
amplify_report_is_of_server(AmplifyFailureKind kind)
{
	return reports[kind].of_server;
}

/* A member of the response that the column can't show */
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
