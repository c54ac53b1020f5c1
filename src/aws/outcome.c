/*-------------------------------------------------------------------------
 *
 * outcome.c
 *	  What a finished transfer means: a row, no row, another try, a failure.
 *
 * Codes are matched by table, because a code says more than a status: Amplify
 * throttles with 400 as well as with 429.  A response that no row of the
 * tables knows is a failure, never a missing row.
 *
 * src/aws/outcome.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>
#include <limits.h>

#include "aws/amplify_aws.h"
#include "aws/sigv4.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

/* Of AWS's front end, as an AccessDeniedException: not for want of a policy */
#define UNKNOWN_PATH	"Unable to determine service/operation name"

/*
 * AWS's codes; the source is Amplify's service model and its front end.  Those
 * that may tell of a row that is not there count only with their status.
 */
static const struct
{
	const char *code;
	AmplifyFailureKind kind;
	AmplifyOutcome outcome;
	int			status;			/* 0: any */
}			codes[] = {
	{"NotFoundException", AMPLIFY_FAILURE_NOT_FOUND, AMPLIFY_OUTCOME_NOT_FOUND, 404},
	{"BadRequestException", AMPLIFY_FAILURE_BAD_REQUEST, AMPLIFY_OUTCOME_FAIL, 400},
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

/*
 * For responses whose code says nothing; the first row that fits, as one does.
 * AWS gives a code with each refusal: a 4xx without one is somebody else's.
 * So is a 2xx other than the 200 that all of its operations here succeed with:
 * 203 says that a proxy has changed it, 206 that it is a part.  And so is a
 * 200 with the header of an error, which contradicts itself.
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
	/* the final response has not come */
	{100, 199, false, AMPLIFY_FAILURE_BROKEN, AMPLIFY_OUTCOME_RETRY},
	{200, 299, false, AMPLIFY_FAILURE_FOREIGN, AMPLIFY_OUTCOME_FAIL},
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

/* For transfers without a response; indexed by AmplifyHttpResult */
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
	[AMPLIFY_HTTP_DESCRIPTORS] = {AMPLIFY_FAILURE_DESCRIPTORS, AMPLIFY_OUTCOME_FAIL},
	[AMPLIFY_HTTP_MEMORY] = {AMPLIFY_FAILURE_MEMORY, AMPLIFY_OUTCOME_FAIL},
};

static bool is_cut(const AmplifyTransfer *transfer);
static bool read_response(const AmplifyTransfer *transfer,
						  AmplifyFailure *failure);
static bool is_of_others(const char *code);
static bool is_aws_code(const char *code);
static void trim_code(char *code);

/*
 * What a finished transfer means.  failure is filled unless the outcome is
 * AMPLIFY_OUTCOME_OK, also for those that will be tried again.
 */
AmplifyOutcome
amplify_outcome_classify(const AmplifyTransfer *transfer,
						 AmplifyFailure *failure)
{
	const StatusRule *status = statuses;
	bool		has_code;

	memset(failure, 0, sizeof(*failure));
	failure->status = transfer->status;
	if (transfer->result != AMPLIFY_HTTP_OK)
	{
		strlcpy(failure->message, transfer->reason, sizeof(failure->message));
		strlcpy(failure->request_id, transfer->response.request_id,
				sizeof(failure->request_id));
		failure->kind = results[transfer->result].kind;
		return results[transfer->result].outcome;
	}
	if (is_cut(transfer))
	{
		strlcpy(failure->message, "The compressed body has no end.",
				sizeof(failure->message));
		failure->kind = AMPLIFY_FAILURE_BROKEN;
		return AMPLIFY_OUTCOME_RETRY;
	}
	if (transfer->status == 200 && transfer->response.error_type[0] == '\0')
		return AMPLIFY_OUTCOME_OK;

	has_code = read_response(transfer, failure) && transfer->status / 100 != 2;
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
		if (codes[i].status != 0 && codes[i].status != transfer->status)
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

/* What a body that can't be parsed is as a failure; NONE if it can */
AmplifyFailureKind
amplify_outcome_of_parse(AmplifyParse parse)
{
	static const AmplifyFailureKind kinds[] = {
		[AMPLIFY_PARSE_OK] = AMPLIFY_FAILURE_NONE,
		[AMPLIFY_PARSE_MALFORMED] = AMPLIFY_FAILURE_MALFORMED,
		[AMPLIFY_PARSE_SHAPE] = AMPLIFY_FAILURE_SHAPE,
		[AMPLIFY_PARSE_DEPTH] = AMPLIFY_FAILURE_TOO_DEEP,
		[AMPLIFY_PARSE_TOO_MANY] = AMPLIFY_FAILURE_TOO_MANY,
		[AMPLIFY_PARSE_TOKEN] = AMPLIFY_FAILURE_TOKEN,
		[AMPLIFY_PARSE_ENCODING] = AMPLIFY_FAILURE_ENCODING,
		[AMPLIFY_PARSE_MEMORY] = AMPLIFY_FAILURE_MEMORY,
	};

	return kinds[parse];
}

/* A sentence or more; "" when nothing is known.  palloc'ed */
char *
amplify_outcome_detail(const AmplifyFailure *failure)
{
	StringInfoData detail;

	initStringInfo(&detail);
	if (failure->status != 0)
	{
		appendStringInfo(&detail, "%s%sHTTP status %d",
						 amplify_outcome_text(failure->code),
						 failure->code[0] != '\0' ? ", " : "",
						 failure->status);
	}
	if (failure->message[0] != '\0')
		appendStringInfo(&detail, "%s%s", detail.len > 0 ? ": " : "",
						 amplify_outcome_text(failure->message));
	if (detail.len > 0 && detail.data[detail.len - 1] != '.')
		appendStringInfoChar(&detail, '.');
	if (failure->request_id[0] != '\0')
		appendStringInfo(&detail, " Request ID: %s.", failure->request_id);
	if (failure->attempts > 1)
		appendStringInfo(&detail, "%sAttempts: %d.",
						 detail.len > 0 ? " " : "", failure->attempts);
	if (failure->no_retries)
		appendStringInfo(&detail, "%sThe statement has no retries left for this server.",
						 detail.len > 0 ? " " : "");
	return detail.data;
}

/*
 * Is there an object that does not end, in a compressed body?  libcurl takes
 * what it can decompress of one that was cut for all of it.
 */
static bool
is_cut(const AmplifyTransfer *transfer)
{
	size_t		n = transfer->body_length;

	if (transfer->response.encoding[0] == '\0' || n == 0 ||
		transfer->body[0] != '{')
		return false;
	while (strchr(" \t\r\n", transfer->body[n - 1]) != NULL)
		n--;
	return transfer->body[n - 1] != '}';
}

/*
 * Code, message and request id, wherever AWS put them this time.  False if
 * there is no code of AWS: it stands there once, or more than once and alike,
 * and nothing around it is as AWS would not have it.
 */
static bool
read_response(const AmplifyTransfer *transfer, AmplifyFailure *failure)
{
	AmplifyErrorBody body;
	const char *said[AMPLIFY_ERROR_CODES + 1];
	bool		is_aws = true;

	strlcpy(failure->request_id, transfer->response.request_id,
			sizeof(failure->request_id));
	if (!amplify_response_error(transfer->body, transfer->body_length,
								transfer->post_body != NULL,	/* STS */
								&body) &&
		transfer->body_length > 0)
	{
		strlcpy(body.message, "The body is not JSON.", sizeof(body.message));
		is_aws = false;
	}
	strlcpy(failure->message, body.message, sizeof(failure->message));

	/* the first that is a code counts, but the others must not gainsay it */
	said[0] = transfer->response.error_type;
	for (int i = 0; i < AMPLIFY_ERROR_CODES; i++)
		said[i + 1] = body.codes[i];
	for (int i = 0; i < lengthof(said) && failure->code[0] == '\0'; i++)
	{
		strlcpy(failure->code, said[i], sizeof(failure->code));
		trim_code(failure->code);
	}
	for (int i = 0; i < lengthof(said); i++)
	{
		char		code[sizeof(failure->code)];

		strlcpy(code, said[i], sizeof(code));
		trim_code(code);
		if (said[i][0] != '\0' && (strcmp(code, failure->code) != 0 ||
								   is_of_others(said[i])))
			is_aws = false;
	}
	if (body.odd || strchr(said[0], ',') != NULL)
		is_aws = false;
	sigv4_cleanse(&body, sizeof(body));

	/*
	 * A message about a signature goes on with the request as the service
	 * understood it, session token and all.
	 */
	failure->message[strcspn(failure->message, "\r\n")] = '\0';
	for (int n = strlen(failure->message); n > 0 && failure->message[n - 1] == ' '; n--)
		failure->message[n - 1] = '\0';
	return is_aws && failure->code[0] != '\0' &&
		(said[0][0] != '\0' || is_aws_code(failure->code));
}

/* "com.amazonaws.lambda#Code": what another service says, of whatever it is */
static bool
is_of_others(const char *code)
{
	static const char aws[] = "com.amazonaws.";
	static const char own[] = "com.amazonaws.amplify";

	return strchr(code, '#') != NULL &&
		strncmp(code, aws, strlen(aws)) == 0 &&
		(strncmp(code, own, strlen(own)) != 0 ||
		 isalnum((unsigned char) code[strlen(own)]));	/* amplifybackend */
}

/*
 * "namespace#Code:http://..." is Code, as in restJson1.  What is no identifier
 * is none: half of whatever it is must not be told.
 */
static void
trim_code(char *code)
{
	char	   *hash;

	code[strcspn(code, ",:")] = '\0';
	hash = strchr(code, '#');
	if (hash != NULL)
		memmove(code, hash + 1, strlen(hash + 1) + 1);
	for (const char *p = code; *p != '\0'; p++)
	{
		if (!isalnum((unsigned char) *p) && strchr("._-", *p) == NULL)
		{
			code[0] = '\0';
			break;
		}
	}
}

/*
 * UTF-8 in the database's encoding, for people; palloc'ed.  Never fails, for
 * it is used where something has failed already.
 */
char *
amplify_outcome_text(const char *text)
{
	int			length = strlen(text);
	int			valid = pg_encoding_verifymbstr(PG_UTF8, text, length);
	char	   *copy;

	/* libcurl may have cut its reason within a character */
	if (GetDatabaseEncoding() == PG_UTF8 &&
		length - valid < MAX_MULTIBYTE_CHAR_LEN)
		copy = pnstrdup(text, valid);
	else
		copy = amplify_outcome_ascii(text);

	for (char *p = copy; *p != '\0'; p++)
	{
		if ((unsigned char) *p < ' ')
			*p = ' ';
	}
	return copy;
}

/* For text of unknown encoding; palloc'ed */
char *
amplify_outcome_ascii(const char *text)
{
	char	   *copy = pstrdup(text);

	for (char *p = copy; *p != '\0'; p++)
	{
		if (IS_HIGHBIT_SET(*p))
			*p = '?';
	}
	return copy;
}

/*
 * Gateways have codes as well, in members of the same names.  Those of AWS
 * that are not in the table end as its service model has them.
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
