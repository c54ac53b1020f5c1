/*-------------------------------------------------------------------------
 *
 * amplify_aws.h
 *	  What aws/ offers: one request to AWS, made, signed, sent and judged.
 *
 * src/aws/amplify_aws.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef AMPLIFY_AWS_H
#define AMPLIFY_AWS_H

#include "http/amplify_http.h"
#include "utils/timestamp.h"

/* ---------- the extension, as AWS sees it ---------- */

/* The version of the extension; release.t holds it against the others */
#define AMPLIFY_VERSION		"1.1"

/* ---------- xml.c: the little XML that STS answers ---------- */

extern char *amplify_xml_text(const char *body, size_t length,
							  const char *element);

/* ---------- time.c: times as AWS writes them ---------- */

/* What became of a value that the service sent */
typedef enum AmplifyValueStatus
{
	AMPLIFY_VALUE_OK,
	AMPLIFY_VALUE_NULL,
	AMPLIFY_VALUE_WRONG_TYPE,
	AMPLIFY_VALUE_NUL_CHARACTER,
	AMPLIFY_VALUE_OUT_OF_RANGE,
	AMPLIFY_VALUE_MEMORY,
	AMPLIFY_VALUE_NO_KEY
} AmplifyValueStatus;

extern AmplifyValueStatus amplify_time_from_seconds(double seconds,
													TimestampTz *time);
extern AmplifyValueStatus amplify_time_from_iso(const char *text,
												TimestampTz *time);
extern bool amplify_time_from_http(const char *text, int64 *seconds);

/* ---------- response.c: one response, parsed ---------- */

typedef enum AmplifyType
{
	AMPLIFY_TEXT,
	AMPLIFY_JOB_NUMBER,			/* text, read without leading zeros */
	AMPLIFY_PREFIX,				/* text, left out where it is empty */
	AMPLIFY_TIMESTAMP,
	AMPLIFY_BOOLEAN,
	AMPLIFY_JSON
} AmplifyType;

typedef struct AmplifyResponse AmplifyResponse;
typedef struct AmplifyItem AmplifyItem; /* a JSON object inside a page */

typedef enum AmplifyParse
{
	AMPLIFY_PARSE_OK,
	AMPLIFY_PARSE_MALFORMED,	/* not JSON, or JSON that lost something */
	AMPLIFY_PARSE_SHAPE,		/* JSON, but not what the operation returns */
	AMPLIFY_PARSE_DEPTH,
	AMPLIFY_PARSE_TOO_MANY,		/* values */
	AMPLIFY_PARSE_TOKEN,		/* too long for a request */
	AMPLIFY_PARSE_ENCODING,
	AMPLIFY_PARSE_MEMORY
} AmplifyParse;

/* json.c: what is JSON, and how much of it there is */

#define AMPLIFY_JSON_DEPTH	32	/* Amplify's deepest response has 6 levels */
#define AMPLIFY_JSON_PIECE	65536	/* bytes between two looks at interrupts */

typedef struct AmplifyJsonCount
{
	int64		members;		/* colons */
	int64		separators;		/* commas */
	int64		inexact;		/* numbers that 64 bits may be too few for */
	size_t		cost;			/* bytes of a tree, beyond those of the text */
} AmplifyJsonCount;

extern AmplifyParse amplify_json_scan(const char *text, size_t length,
									  bool interruptible,
									  AmplifyJsonCount *count);
extern int	amplify_json_elements(const char *text, size_t length,
								  const char *name, uint32 *begins, int n);
extern const char *amplify_json_next_number(const char *text, size_t length,
											size_t *at, size_t *number_length);

/* One value out of an item; the pointers are into the page */
typedef struct AmplifyValue
{
	const char *text;			/* of all that is text: UTF-8 */
	size_t		length;
	TimestampTz time;			/* AMPLIFY_TIMESTAMP */
	bool		boolean;
	void	   *json;			/* AMPLIFY_JSON, for the two functions below */
} AmplifyValue;

/* What a JSON value is made of, in the order of its text */
typedef enum AmplifyJsonPart
{
	AMPLIFY_PART_OBJECT,
	AMPLIFY_PART_OBJECT_END,
	AMPLIFY_PART_ARRAY,
	AMPLIFY_PART_ARRAY_END,
	AMPLIFY_PART_NAME,			/* of the member whose value is next */
	AMPLIFY_PART_STRING,
	AMPLIFY_PART_NUMBER,
	AMPLIFY_PART_TRUE,
	AMPLIFY_PART_FALSE,
	AMPLIFY_PART_NULL
} AmplifyJsonPart;

/*
 * Takes one part; may throw.  text is of names, strings (UTF-8, NULs and all)
 * and numbers, with a NUL at its end.  Texts of numbers are gone afterwards,
 * all others with the page.
 */
typedef void (*AmplifyJsonVisitor) (void *arg, AmplifyJsonPart part,
									const char *text, size_t length);

/* What the body of an error says, in UTF-8; "" where it is silent */
#define AMPLIFY_ERROR_CODES	4	/* members that may have the code */

typedef struct AmplifyErrorBody
{
	char		codes[AMPLIFY_ERROR_CODES][128];	/* the first counts most */
	char		message[512];
	bool		odd;			/* AWS has no such members, or not so */
} AmplifyErrorBody;

extern AmplifyResponse *amplify_response_create(MemoryContext context);
extern AmplifyParse amplify_response_parse(AmplifyResponse *page,
										   const char *body, size_t length,
										   size_t max_size, const char *result,
										   bool many);
extern void amplify_response_clear(AmplifyResponse *page);
extern int	amplify_response_count(AmplifyResponse *page);
extern AmplifyItem *amplify_response_item(AmplifyResponse *page, int n);
extern int	amplify_response_holder_count(AmplifyResponse *page);
extern AmplifyItem *amplify_response_holder(AmplifyResponse *page, int n);
extern const char *amplify_response_next_token(AmplifyResponse *page);
extern AmplifyValueStatus amplify_response_value(AmplifyItem *item,
												 const char *path,
												 AmplifyType type,
												 AmplifyValue *value);
extern AmplifyValueStatus amplify_response_serialize(AmplifyValue *value);
extern void amplify_response_visit(const AmplifyValue *value,
								   AmplifyJsonVisitor visitor, void *arg);
extern bool amplify_response_error(const char *body, size_t length, bool query,
								   AmplifyErrorBody *error);
extern void amplify_response_cleanse(AmplifyResponse *page);

/* ---------- endpoint.c: where a region's service is ---------- */

/* All palloc'ed in the current context */
typedef struct AmplifyEndpoint
{
	char	   *url;			/* scheme, host and port */
	char	   *host;			/* value of the Host header */
	char	   *path_prefix;	/* "" or "/something" */
	bool		public_only;	/* AWS's own: never at a local address */
} AmplifyEndpoint;

/* Which endpoint of a service it is to be */
typedef struct AmplifyEndpointSpec
{
	const char *service;		/* "amplify", as in the host's name */
	const char *region;
	bool		use_fips;
	bool		use_dualstack;
	const char *explicit_url;	/* set in its place; NULL: none */
} AmplifyEndpointSpec;

extern void amplify_endpoint_resolve(const AmplifyEndpointSpec *spec,
									 AmplifyEndpoint *endpoint);
extern void amplify_endpoint_split(const char *url, AmplifyEndpoint *endpoint);
extern bool amplify_endpoint_same_partition(const char *region,
											const char *other);

/* ---------- outcome.c: what a finished transfer means ---------- */

/* Where credentials come from */
typedef enum AmplifyProvider
{
	AMPLIFY_PROVIDER_NONE,		/* of those that were asked, none had any */
	AMPLIFY_PROVIDER_MAPPING,
	AMPLIFY_PROVIDER_PROFILE,
	AMPLIFY_PROVIDER_ENVIRONMENT,
	AMPLIFY_PROVIDER_SHARED_FILES,
	AMPLIFY_PROVIDER_WEB_IDENTITY,
	AMPLIFY_PROVIDER_CONTAINER,
	AMPLIFY_PROVIDER_INSTANCE,
	AMPLIFY_PROVIDER_ROLE		/* AssumeRole with keys of another one */
} AmplifyProvider;

/* What a finished transfer means; and what becomes of its exchange by that */
typedef enum AmplifyOutcome
{
	AMPLIFY_OUTCOME_OK,			/* a response */
	AMPLIFY_OUTCOME_NOT_FOUND,	/* a response that there is none: no row */
	AMPLIFY_OUTCOME_RETRY,		/* another attempt */
	AMPLIFY_OUTCOME_THROTTLED,	/* likewise, if the owner has the patience */
	AMPLIFY_OUTCOME_RENEW,		/* likewise, with new keys or the right time */
	AMPLIFY_OUTCOME_FAIL
} AmplifyOutcome;

typedef enum AmplifyFailureKind
{
	AMPLIFY_FAILURE_NONE,
	AMPLIFY_FAILURE_CREDENTIALS,
	AMPLIFY_FAILURE_SIGNATURE,	/* the keys or the clock are wrong */
	AMPLIFY_FAILURE_EXPIRED,
	AMPLIFY_FAILURE_DENIED,
	AMPLIFY_FAILURE_BAD_REQUEST,
	AMPLIFY_FAILURE_NOT_FOUND,
	AMPLIFY_FAILURE_FOREIGN,	/* by something else than the service */
	AMPLIFY_FAILURE_UNKNOWN_PATH,
	AMPLIFY_FAILURE_LIST_GONE,
	AMPLIFY_FAILURE_THROTTLED,
	AMPLIFY_FAILURE_SERVICE,
	AMPLIFY_FAILURE_UNEXPECTED,
	AMPLIFY_FAILURE_REDIRECT,
	AMPLIFY_FAILURE_CONNECT,
	AMPLIFY_FAILURE_PROXY,		/* which refuses to go there */
	AMPLIFY_FAILURE_TLS,
	AMPLIFY_FAILURE_TIMEOUT,
	AMPLIFY_FAILURE_SILENT,		/* likewise, as calls before */
	AMPLIFY_FAILURE_BROKEN,
	AMPLIFY_FAILURE_MALFORMED,
	AMPLIFY_FAILURE_SHAPE,
	AMPLIFY_FAILURE_MISMATCH,	/* about something else than was asked for */
	AMPLIFY_FAILURE_ENCODING,
	AMPLIFY_FAILURE_TOO_LARGE,
	AMPLIFY_FAILURE_TOO_DEEP,
	AMPLIFY_FAILURE_TOO_MANY,	/* values in a response */
	AMPLIFY_FAILURE_TOKEN,		/* of the next page, too long */
	AMPLIFY_FAILURE_ENDLESS,
	AMPLIFY_FAILURE_MAX_CALLS,
	AMPLIFY_FAILURE_NO_CREDENTIALS, /* none to ask with */
	AMPLIFY_FAILURE_NOT_ALLOWED,	/* nor may they be lent any */
	AMPLIFY_FAILURE_SIGNING,
	AMPLIFY_FAILURE_UNABLE,		/* libcurl lacks what is needed */
	AMPLIFY_FAILURE_DESCRIPTORS,
	AMPLIFY_FAILURE_MEMORY
} AmplifyFailureKind;

/* All that is said of a failed call; no secret may get in here */
typedef struct AmplifyFailure
{
	AmplifyFailureKind kind;
	int			status;			/* of HTTP; 0 without a response */
	char		code[128];		/* AWS's; "" when there is none */
	char		message[512];	/* the service's or libcurl's, UTF-8 */
	char		request_id[128];
	int			attempts;
	bool		no_retries;		/* there were to be more of them */
	AmplifyProvider provider;	/* of no credentials, */
	const char *reason;			/* and why; a sentence, or NULL */
} AmplifyFailure;

extern AmplifyOutcome amplify_outcome_classify(const AmplifyTransfer *transfer,
											   AmplifyFailure *failure);
extern AmplifyFailureKind amplify_outcome_of_parse(AmplifyParse parse);
extern char *amplify_outcome_detail(const AmplifyFailure *failure);
extern char *amplify_outcome_text(const char *text);
extern char *amplify_outcome_ascii(const char *text);

/* ---------- mask.c: secrets in what others say ---------- */

extern void amplify_mask_secrets(AmplifyFailure *failure,
								 const char *const *secrets, int nsecrets);
extern void amplify_mask_signatures(AmplifyFailure *failure);

/* ---------- sign.c: a request into a signed transfer ---------- */

#define AMPLIFY_NEVER	PG_INT64_MAX

/* Strings of somebody else's */
typedef struct AmplifyCredentials
{
	const char *access_key_id;
	const char *secret_access_key;
	const char *session_token;	/* NULL: none */
	int64		expires;		/* Unix time; AMPLIFY_NEVER: unknown */
	int			generation;		/* tells one set from the next; 0: mapping's */
} AmplifyCredentials;

/* Keys that are derived once a day; of one server as one user sees it */
typedef struct AmplifySigner AmplifySigner;

/* What is signed, and for whom */
typedef struct AmplifySignSpec
{
	const char *service;		/* "amplify" */
	const char *region;
	int64		clock_offset;	/* seconds that the service's clock is ahead */
	AmplifySigner *signer;		/* NULL: the key is derived for this alone */
	const AmplifyEndpoint *endpoint;
	const AmplifyCredentials *credentials;
	const char *path;			/* percent-encoded, as is the query */
	const char *query;			/* "" when there is none */
	const char *form;			/* body of a POST; NULL: GET */
} AmplifySignSpec;

extern AmplifySigner *amplify_sign_create(MemoryContext context);
extern bool amplify_sign_request(const AmplifySignSpec *spec,
								 AmplifyTransfer *transfer);
extern void amplify_sign_forget(AmplifyTransfer *transfer);
extern char *amplify_sign_encode(const char *text);
extern int64 amplify_sign_clock(int64 clock_offset);
extern bool amplify_sign_set_clock(int64 *clock_offset,
								   const AmplifyHttpHeaders *response,
								   int64 offset);

/* ---------- exchange.c: one request, sent and judged ---------- */

/*
 * What is asked, and how the service is reached.  All strings are the
 * owner's; they are the same for all attempts.
 */
typedef struct AmplifyExchangeSpec
{
	AmplifySignSpec request;	/* without endpoint and clock_offset;
								 * credentials NULL: it is not signed */
	const char *method;			/* NULL: GET, or POST with a form */
	const char *headers[3];		/* further ones, up to a NULL */
	const AmplifyEndpoint *endpoint;
	AmplifyHttpWay way;			/* for each attempt */
	int			max_attempts;
	int64		pause;			/* microseconds; 0: none between attempts */
	AmplifyHttpUse *use;		/* where it is counted */
	int64	   *clock_offset;	/* seconds that the service's clock is ahead,
								 * learnt from responses; NULL: unsigned */
} AmplifyExchangeSpec;

/* What is remembered from one attempt to the next; zeroed before the first */
typedef struct AmplifyAttempts
{
	int			sent;
	int			faults;			/* of them, those that may be tried again */
	int64		clock_offset;	/* of the time the last was signed with */
	int64		started;		/* when it was sent */
	int64		wish;			/* how long the service wants us to wait */
	int64		again_at;		/* when to make the next one */
	bool		renewed;		/* tried again with new credentials */
	bool		reclocked;		/* tried again with the service's time */
	bool		fresh;			/* the next one gets a new connection */
} AmplifyAttempts;

extern bool amplify_exchange_start(const AmplifyExchangeSpec *spec,
								   AmplifyAttempts *attempts,
								   AmplifyTransfer *transfer,
								   dlist_head *completed);
extern AmplifyOutcome amplify_exchange_judge(const AmplifyExchangeSpec *spec,
											 AmplifyAttempts *attempts,
											 const AmplifyTransfer *transfer,
											 AmplifyFailure *failure);
extern bool amplify_exchange_postpone(const AmplifyExchangeSpec *spec,
									  AmplifyAttempts *attempts, int64 pause);

#endif							/* AMPLIFY_AWS_H */
