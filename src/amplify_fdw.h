/*-------------------------------------------------------------------------
 *
 * amplify_fdw.h
 *	  The one private header of amplify_fdw: what each file offers to the
 *	  files above it, from the bottom layer up.
 *
 * Calls go downwards only; test/layers checks that.  Nothing here is for other
 * extensions, and no third-party header is included here: libcurl is known to
 * http.c alone, json-c to page.c, OpenSSL to sigv4.c.
 *
 * src/amplify_fdw.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef AMPLIFY_FDW_H
#define AMPLIFY_FDW_H

#include "access/htup_details.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "lib/ilist.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"
#include "utils/rel.h"

#define AMPLIFY_VERSION		"1.0"

/* ---------- differences between PostgreSQL versions: only here ---------- */

#if PG_VERSION_NUM < 150000
#error "amplify_fdw needs PostgreSQL 15 or later"
#endif

/* What commands/explain.h offers before */
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif

#if PG_VERSION_NUM >= 180000
#define amplify_create_foreignscan_path(root, rel, rows, startup, total, outer, restrictinfo, private) \
	create_foreignscan_path(root, rel, NULL, rows, 0, startup, total, NIL, \
							outer, NULL, restrictinfo, private)
#elif PG_VERSION_NUM >= 170000
#define amplify_create_foreignscan_path(root, rel, rows, startup, total, outer, restrictinfo, private) \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, NIL, \
							outer, NULL, restrictinfo, private)
#else
#define amplify_create_foreignscan_path(root, rel, rows, startup, total, outer, restrictinfo, private) \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, NIL, \
							outer, NULL, private)
#endif

/* Whose user mapping a scan uses; a view's owner where it runs as him */
#if PG_VERSION_NUM >= 160000
#define amplify_scan_user(node, rte) \
	(OidIsValid(((ForeignScan *) (node)->ss.ps.plan)->checkAsUser) ? \
	 ((ForeignScan *) (node)->ss.ps.plan)->checkAsUser : GetUserId())
#else
#define amplify_scan_user(node, rte) \
	(OidIsValid((rte)->checkAsUser) ? (rte)->checkAsUser : GetUserId())
#endif

#if PG_VERSION_NUM >= 160000
#define amplify_copy_nulling_rels(to, from) \
	((to)->varnullingrels = (from)->varnullingrels)
#define amplify_set_slot_ops(css)	((css)->slotOps = &TTSOpsMinimalTuple)
#else
#define amplify_copy_nulling_rels(to, from)	((void) 0)
#define amplify_set_slot_ops(css)	((void) 0)
#endif

#if PG_VERSION_NUM >= 180000
#define amplify_copy_disabled_nodes(to, from) \
	((to)->disabled_nodes = (from)->disabled_nodes)
#else
#define amplify_copy_disabled_nodes(to, from)	((void) 0)
#endif

#if PG_VERSION_NUM >= 170000
#define amplify_estimate_array_length(root, expr) \
	estimate_array_length(root, expr)
#else
#define amplify_estimate_array_length(root, expr) \
	((double) estimate_array_length(expr))
#endif

/* Name of our waits in pg_stat_activity */
#if PG_VERSION_NUM >= 170000
#define amplify_new_wait_event()	WaitEventExtensionNew("AmplifyHttp")
#else
#define amplify_new_wait_event()	PG_WAIT_EXTENSION
#endif

/* ---------- resource.c: what Amplify has, as data ---------- */

#define AMPLIFY_MAX_KEYS	4	/* key columns of one resource */
#define AMPLIFY_LONGEST_NAME 255	/* characters; of AMPLIFY_NAME */

typedef enum AmplifyType
{
	AMPLIFY_TEXT,
	AMPLIFY_TIMESTAMP,
	AMPLIFY_BOOLEAN,
	AMPLIFY_JSON
} AmplifyType;

/* Where the value of a column comes from */
typedef enum AmplifySource
{
	AMPLIFY_MEMBER,				/* a member of the item in the answer */
	AMPLIFY_KEY,				/* the request's key, else the item's ARN */
	AMPLIFY_REGION,				/* the server's region */
	AMPLIFY_ACCOUNT				/* the item's ARN */
} AmplifySource;

/* What values the service accepts for a key; others are asked for never */
typedef enum AmplifyKeyRule
{
	AMPLIFY_NOT_A_KEY,
	AMPLIFY_APP_ID,				/* d[a-z0-9]+, 20 at most */
	AMPLIFY_NAME,				/* 1 to 255 characters, not "." or ".." */
	AMPLIFY_ARN,				/* holds the other keys */
	AMPLIFY_REGION_NAME			/* the server's, or there is nothing */
} AmplifyKeyRule;

typedef struct AmplifyColumn
{
	const char *name;			/* in SQL */
	const char *path;			/* members from the item down, dotted; NULL
								 * unless source is AMPLIFY_MEMBER */
	AmplifyType type;
	AmplifySource source;
	AmplifyKeyRule key;
} AmplifyColumn;

typedef struct AmplifyOperation
{
	const char *name;			/* in AWS's words */
	const char *path;			/* template; {placeholders} are key columns */
	const char *result;			/* member of the answer with the item(s) */
	int			max_page;		/* greatest maxResults; 0: a single item */
	const char *filter;			/* query parameter that takes the last key;
								 * NULL: none */
} AmplifyOperation;

typedef struct AmplifyResource
{
	const char *name;			/* also the default table name */
	const AmplifyColumn *columns;
	int			ncolumns;
	const char *keys[AMPLIFY_MAX_KEYS]; /* key columns, outermost first */
	const AmplifyOperation *get;
	const AmplifyOperation *list;
	const struct AmplifyResource *parent;	/* has the keys of list; or NULL */
	const char *arn_path;		/* template of the ARN's last part */
	double		default_rows;	/* per parent (or in all): AWS's quota */
	bool		import;			/* made by IMPORT FOREIGN SCHEMA */
} AmplifyResource;

/* Values of a resource's key columns, UTF-8; NULL where not bound */
typedef struct AmplifyKeys
{
	const char *value[AMPLIFY_MAX_KEYS];
} AmplifyKeys;

extern const AmplifyResource *const amplify_resources[];	/* NULL at end */
extern void amplify_resource_check(void);
extern const AmplifyResource *amplify_resource_find(const char *name);
extern const AmplifyColumn *amplify_resource_column(const AmplifyResource *resource,
													const char *name);
extern int	amplify_resource_key(const AmplifyResource *resource,
								 const char *column);
extern int	amplify_resource_last_key(const AmplifyResource *resource);
extern bool amplify_resource_binds(const AmplifyResource *resource,
								   const AmplifyOperation *operation,
								   const bool *bound);
extern bool amplify_resource_valid_key(AmplifyKeyRule rule, const char *value);
extern bool amplify_resource_parse_arn(const AmplifyResource *resource,
									   const char *arn, const char *region,
									   char **account, AmplifyKeys *keys);

/* ---------- option.c: every option, by name, in one table ---------- */

typedef struct AmplifyOptions
{
	/* server */
	char	   *region;
	char	   *endpoint_url;	/* NULL: built from region */
	bool		use_fips;
	bool		use_dualstack;
	char	   *sts_endpoint_url;	/* NULL: built from region */
	char	   *ca_bundle;		/* NULL: the system's */
	char	   *proxy;			/* NULL: none */
	int			connect_timeout;	/* ms */
	int			request_timeout;	/* ms */
	int			max_attempts;
	int			throttle_timeout;	/* ms of patience with throttling */
	int			max_concurrency;
	int			max_response_size;	/* bytes, decoded */
	double		request_cost;	/* planner units for one round trip */
	/* user mapping; secrets */
	char	   *access_key_id;
	char	   *secret_access_key;
	char	   *session_token;
	char	   *role_arn;		/* NULL: none is assumed */
	char	   *external_id;
	char	   *role_session_name;	/* NULL: our own */
	int			role_duration;	/* seconds; 0: STS's default */
	char	   *profile;		/* NULL: none */
	bool		ambient_credentials;
	/* table */
	char	   *resource;		/* NULL: the table's name */
	int			page_size;		/* 0: the operation's maximum */
	double		estimated_rows; /* 0: from ANALYZE or the quotas */
	bool		unique_key;
	bool		warn_on_error;	/* on_error */
	/* column */
	char	   *field;			/* NULL: the column's name */
} AmplifyOptions;

extern void amplify_option_defaults(AmplifyOptions *options);
extern void amplify_option_apply(List *deflist, AmplifyOptions *options);
extern const AmplifyResource *amplify_option_resource(const AmplifyOptions *options,
													  Oid relid);
extern bool amplify_option_valid_url(const char *url);
extern bool amplify_option_valid_header(const char *value);

/* ---------- xml.c: the little XML that STS answers ---------- */

extern char *amplify_xml_text(const char *body, const char *element);

/* ---------- page.c: one answer, parsed ---------- */

typedef struct AmplifyPage AmplifyPage;
typedef struct AmplifyItem AmplifyItem; /* a JSON object inside a page */

typedef enum AmplifyParse
{
	AMPLIFY_PARSE_OK,
	AMPLIFY_PARSE_MALFORMED,	/* not JSON, or JSON that lost something */
	AMPLIFY_PARSE_SHAPE,		/* JSON, but not what the operation returns */
	AMPLIFY_PARSE_DEPTH,
	AMPLIFY_PARSE_ENCODING,
	AMPLIFY_PARSE_MEMORY
} AmplifyParse;

typedef enum AmplifyValueStatus
{
	AMPLIFY_VALUE_OK,
	AMPLIFY_VALUE_NULL,
	AMPLIFY_VALUE_WRONG_TYPE,
	AMPLIFY_VALUE_NUL_CHARACTER,
	AMPLIFY_VALUE_OUT_OF_RANGE,
	AMPLIFY_VALUE_MEMORY
} AmplifyValueStatus;

/* One value out of an item; text points into the page */
typedef struct AmplifyValue
{
	const char *text;			/* AMPLIFY_TEXT and AMPLIFY_JSON: UTF-8 */
	size_t		length;
	TimestampTz time;			/* AMPLIFY_TIMESTAMP */
	bool		boolean;
} AmplifyValue;

extern AmplifyPage *amplify_page_create(MemoryContext context);
extern AmplifyParse amplify_page_parse(AmplifyPage *page,
									   const char *body, size_t length,
									   const char *result, bool many);
extern void amplify_page_clear(AmplifyPage *page);
extern int	amplify_page_count(AmplifyPage *page);
extern AmplifyItem *amplify_page_item(AmplifyPage *page, int n);
extern const char *amplify_page_next_token(AmplifyPage *page);
extern AmplifyValueStatus amplify_page_value(AmplifyItem *item,
											 const char *path,
											 AmplifyType type,
											 AmplifyValue *value);
extern bool amplify_page_error(const char *body, size_t length,
							   char *code, size_t code_size,
							   char *message, size_t message_size);
extern bool amplify_page_time(const char *text, TimestampTz *time);
extern void amplify_page_cleanse(AmplifyPage *page);

/* ---------- loop.c: sockets, time, and the one wait ---------- */

typedef struct AmplifyLoopEvent
{
	int			fd;
	bool		readable;
	bool		writable;
	bool		failed;
} AmplifyLoopEvent;

extern int64 amplify_loop_now(void);
extern bool amplify_loop_start(void);
extern bool amplify_loop_watch(int fd, bool readable, bool writable);
extern int	amplify_loop_poll(AmplifyLoopEvent *ready, int max);
extern void amplify_loop_sleep(int64 deadline);
extern int	amplify_loop_duplicate(void);
extern void amplify_loop_arm(int64 deadline);

/* ---------- http.c: requests ---------- */

/* Headers of an answer that somebody reads; "" when absent */
typedef struct AmplifyHttpHeaders
{
	char		error_type[128];
	char		request_id[128];
	char		retry_after[32];
	char		amz_retry_after[32];
	char		date[64];
	char		age[16];
} AmplifyHttpHeaders;

typedef enum AmplifyHttpResult
{
	AMPLIFY_HTTP_OK,			/* an answer, of any status */
	AMPLIFY_HTTP_CONNECT,		/* no name, no connection */
	AMPLIFY_HTTP_TLS,			/* no agreement, or a bad certificate */
	AMPLIFY_HTTP_TIMEOUT,
	AMPLIFY_HTTP_BROKEN,		/* connection lost or not HTTP */
	AMPLIFY_HTTP_TOO_LARGE,
	AMPLIFY_HTTP_MEMORY
} AmplifyHttpResult;

typedef struct AmplifyHttpUse
{
	int			in_flight;		/* transfers that are under way */
	int64		connections;	/* opened for them so far */
} AmplifyHttpUse;

/*
 * One request.  The first part is the caller's: it fills it and keeps what it
 * points to until the transfer is done or cancelled.  The rest is http.c's and
 * may be read once done is true.  body is malloc'ed; amplify_http_release()
 * or a caller that took it (set it to NULL) frees it.
 */
typedef struct AmplifyTransfer
{
	const char *url;			/* scheme, host and port */
	const char *target;			/* exact bytes of path and query */
	const char *method;			/* NULL: GET, or POST with a post_body */
	const char *post_body;		/* NULL: none */
	const char *headers[8];		/* "Name: value", NULL at end */
	const char *ca_bundle;
	const char *proxy;
	int			connect_timeout;	/* ms */
	int			timeout;		/* ms, for the whole transfer */
	size_t		max_size;		/* bytes of the decoded body */
	bool		public_only;	/* refuse loopback and link-local addresses */
	AmplifyHttpUse *use;		/* where it is counted; never NULL */
	dlist_head *completed;		/* list that a done transfer is put on */

	bool		done;
	AmplifyHttpResult result;
	int			status;			/* of HTTP; 0 without an answer */
	char	   *body;			/* NUL-terminated; NULL when empty */
	size_t		body_length;
	size_t		received;		/* bytes of headers and body on the wire */
	bool		reached;		/* the request may have reached the server */
	AmplifyHttpHeaders answer;
	const char *refusal;		/* why we gave it up; NULL: we didn't */
	char		reason[256];	/* that, or libcurl's words; if result isn't OK */

	dlist_node	node;			/* in http.c's list, then in *completed */
	size_t		body_allocated;
	void	   *easy;			/* CURL *, NULL when not in use */
	void	   *slist;			/* struct curl_slist * */
} AmplifyTransfer;

struct sockaddr;

/* transfer.c: for http.c's callbacks; they don't throw */
extern bool amplify_transfer_body(AmplifyTransfer *transfer,
								  const char *data, size_t bytes);
extern bool amplify_transfer_header(AmplifyTransfer *transfer,
									const char *data, size_t bytes);
extern bool amplify_transfer_is_local(const struct sockaddr *address);

extern void amplify_http_submit(AmplifyTransfer *transfer);
extern AmplifyTransfer *amplify_http_pop(dlist_head *completed);
extern void amplify_http_cancel(AmplifyTransfer *transfer);
extern void amplify_http_release(AmplifyTransfer *transfer);
extern void amplify_http_drive(void);
extern void amplify_http_wait(int64 deadline);
extern void amplify_http_arm(int64 deadline);
extern void amplify_http_close_idle(void);

/* ---------- endpoint.c: where a region's service is ---------- */

/* All palloc'ed in the current context */
typedef struct AmplifyEndpoint
{
	char	   *url;			/* scheme, host and port */
	char	   *host;			/* value of the Host header */
	char	   *path_prefix;	/* "" or "/something" */
	bool		public_only;	/* AWS's own: never at a local address */
} AmplifyEndpoint;

extern void amplify_endpoint_resolve(const AmplifyOptions *options,
									 const char *service,
									 const char *explicit_url,
									 AmplifyEndpoint *endpoint);
extern void amplify_endpoint_split(const char *url, AmplifyEndpoint *endpoint);

/* ---------- connection.c: what a session keeps per server and user ------- */

/* Numbers that stat.c shows; all since the session's start or the reset */
typedef struct AmplifyStats
{
	int64		calls;
	int64		retries;
	int64		throttled;
	int64		not_found;
	int64		failed;
	int64		bytes;
} AmplifyStats;

#define AMPLIFY_MAX_OPERATIONS	16

/* What all connections of one server share; lives as long as the session */
typedef struct AmplifyServer
{
	Oid			serverid;		/* hash key */
	AmplifyHttpUse use;
	AmplifyStats stats;
	struct
	{
		const AmplifyOperation *operation;
		int64		calls;
	}			by_operation[AMPLIFY_MAX_OPERATIONS];
	int64		clock_offset;	/* seconds that the service's clock is ahead */
	/* the rest is limit.c's */
	double		rate;			/* calls a second; 0: not limited */
	int64		next_start;		/* no call starts before this */
	int64		slowed;			/* when rate was last lowered */
	int64		window_start;	/* the interval that is being measured: */
	int			window_accepted;
	int			window_throttled;
	int			refusals;		/* in a row, with nothing accepted between */
} AmplifyServer;

/*
 * One server as one user sees it.  Pinned by each statement that uses it;
 * goes away when no statement does and its catalog rows have changed.
 */
typedef struct AmplifyConnection
{
	MemoryContext context;		/* holds this struct and all it points to */
	int			pins;
	bool		invalid;		/* not for statements that start from now on */
	Oid			userid;
	char	   *servername;
	bool		has_mapping;
	AmplifyServer *shared;
	AmplifyOptions options;		/* of server and mapping */
	AmplifyEndpoint endpoint;
	struct AmplifySigner *signer;	/* sign.c's; NULL until the first call */
	struct AmplifyIdentity *identity;	/* credential.c's; NULL until needed */
	dlist_node	node;
} AmplifyConnection;

extern void amplify_connection_install(void);
extern AmplifyConnection *amplify_connection_pin(Oid serverid, Oid userid);
extern void amplify_connection_unpin(AmplifyConnection *connection);
extern int	amplify_connection_drop(const char *servername);
extern dlist_head *amplify_connection_list(void);
extern List *amplify_connection_servers(void);
extern void amplify_connection_count(AmplifyConnection *connection,
									 const AmplifyOperation *operation);

/* ---------- error.c: what went wrong, and the one place that says it ----- */

typedef enum AmplifyOutcome
{
	AMPLIFY_OUTCOME_OK,
	AMPLIFY_OUTCOME_NOT_FOUND,	/* no row */
	AMPLIFY_OUTCOME_RETRY,
	AMPLIFY_OUTCOME_THROTTLED,
	AMPLIFY_OUTCOME_RENEW,		/* try again with new keys or the right time */
	AMPLIFY_OUTCOME_FAIL
} AmplifyOutcome;

typedef enum AmplifyTrouble
{
	AMPLIFY_TROUBLE_NONE,
	AMPLIFY_TROUBLE_CREDENTIALS,
	AMPLIFY_TROUBLE_SIGNATURE,	/* the keys or the clock are wrong */
	AMPLIFY_TROUBLE_EXPIRED,
	AMPLIFY_TROUBLE_DENIED,
	AMPLIFY_TROUBLE_BAD_REQUEST,
	AMPLIFY_TROUBLE_NOT_FOUND,
	AMPLIFY_TROUBLE_THROTTLED,
	AMPLIFY_TROUBLE_SERVICE,
	AMPLIFY_TROUBLE_UNEXPECTED,
	AMPLIFY_TROUBLE_REDIRECT,
	AMPLIFY_TROUBLE_CONNECT,
	AMPLIFY_TROUBLE_TLS,
	AMPLIFY_TROUBLE_TIMEOUT,
	AMPLIFY_TROUBLE_BROKEN,
	AMPLIFY_TROUBLE_MALFORMED,
	AMPLIFY_TROUBLE_SHAPE,
	AMPLIFY_TROUBLE_ENCODING,
	AMPLIFY_TROUBLE_TOO_LARGE,
	AMPLIFY_TROUBLE_TOO_DEEP,
	AMPLIFY_TROUBLE_ENDLESS,
	AMPLIFY_TROUBLE_MAX_CALLS,
	AMPLIFY_TROUBLE_SIGNING,
	AMPLIFY_TROUBLE_MEMORY
} AmplifyTrouble;

/* All that is said of a failed call; no secret may get in here */
typedef struct AmplifyFailure
{
	AmplifyTrouble trouble;
	int			status;			/* of HTTP; 0 without an answer */
	char		code[128];		/* AWS's; "" when there is none */
	char		message[512];	/* the service's or libcurl's, UTF-8 */
	char		request_id[128];
	int			attempts;
} AmplifyFailure;

extern AmplifyOutcome amplify_error_classify(const AmplifyTransfer *transfer,
											 AmplifyFailure *failure);
extern AmplifyTrouble amplify_error_of_parse(AmplifyParse parse);
extern void amplify_error_report(int elevel, const AmplifyFailure *failure,
								 const char *operation, const char *table,
								 const char *server);
extern void amplify_error_value(AmplifyValueStatus status,
								const char *column, const char *table);

/* Where credentials come from; also the index of error.c's table of hints */
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

extern char *amplify_error_detail(const AmplifyFailure *failure);
extern void amplify_error_credentials(int elevel, AmplifyProvider provider,
									  const char *reason, const char *server);
extern void amplify_error_privilege(const char *option, Oid userid,
									const char *server);

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

/* What is signed, and for whom */
typedef struct AmplifySignSpec
{
	const char *service;		/* "amplify" */
	const AmplifyEndpoint *endpoint;
	const AmplifyCredentials *credentials;
	const char *path;			/* percent-encoded, as is the query */
	const char *query;			/* "" when there is none */
	const char *form;			/* body of a POST; NULL: GET */
} AmplifySignSpec;

extern bool amplify_sign_request(AmplifyConnection *connection,
								 const AmplifySignSpec *spec,
								 AmplifyTransfer *transfer);
extern char *amplify_sign_encode(const char *text);
extern int64 amplify_sign_clock(const AmplifyServer *server);
extern bool amplify_sign_set_clock(AmplifyServer *server,
								   const AmplifyHttpHeaders *answer,
								   int64 offset);

/* ---------- provider.c: what all sources of credentials need ---------- */

typedef enum AmplifyProvision
{
	AMPLIFY_PROVISION_OK,
	AMPLIFY_PROVISION_NONE,		/* not set up here: the next one is asked */
	AMPLIFY_PROVISION_FAILED	/* set up, but it gives none */
} AmplifyProvision;

/*
 * One attempt to find credentials.  Providers run in a context of the lookup's
 * own, which cancels what is under way and overwrites what is secret when it
 * goes away, so that they may be interrupted anywhere.
 */
typedef struct AmplifyLookup
{
	AmplifyConnection *connection;
	MemoryContext context;
	AmplifyProvider provider;	/* the one that is asked */
	AmplifyCredentials keys;	/* OK: what was found */
	bool		refreshable;	/* asking again may give other ones */
	const char *reason;			/* FAILED: a sentence; never a secret in it */
} AmplifyLookup;

extern AmplifyLookup *amplify_provider_start(AmplifyConnection *connection);
extern void amplify_provider_end(AmplifyLookup *lookup);
extern char *amplify_provider_copy(MemoryContext context, const char *text,
								   size_t length);
extern const char *amplify_provider_getenv(const char *name);
extern char *amplify_provider_read_file(AmplifyLookup *lookup,
										const char *path, size_t max_size);
extern AmplifyProvision amplify_provider_fail(AmplifyLookup *lookup,
											  const char *format,...) pg_attribute_printf(2, 3);
extern AmplifyProvision amplify_provider_accept(AmplifyLookup *lookup,
												const char *access_key_id,
												const char *secret_access_key,
												const char *session_token,
												int64 expires);
extern AmplifyProvision amplify_provider_json(AmplifyLookup *lookup,
											  const AmplifyTransfer *transfer,
											  const char *result,
											  const char *token_member);
extern AmplifyProvision amplify_provider_environment(AmplifyLookup *lookup);
extern void amplify_provider_mask(char *text, const char *secret);
extern AmplifyTransfer *amplify_provider_transfer(AmplifyLookup *lookup);
extern AmplifyOutcome amplify_provider_send(AmplifyTransfer *transfer,
											AmplifyFailure *failure);
extern void amplify_provider_pause(int64 microseconds);

/* ---------- sts.c: a role's temporary credentials ---------- */

typedef struct AmplifyRole
{
	const char *arn;
	const char *session_name;	/* NULL: our own */
	const char *external_id;	/* NULL: none */
	const char *duration;		/* seconds; NULL: STS's default */
} AmplifyRole;

extern AmplifyProvision amplify_sts_assume_role(AmplifyLookup *lookup,
												const AmplifyRole *role);
extern AmplifyProvision amplify_sts_web_identity(AmplifyLookup *lookup,
												 const AmplifyRole *role,
												 const char *token_file);

/* ---------- metadata.c: the container's and the instance's role ---------- */

extern AmplifyProvision amplify_metadata_container(AmplifyLookup *lookup);
extern AmplifyProvision amplify_metadata_instance(AmplifyLookup *lookup);

/* ---------- profile.c: the shared configuration and credentials files ----- */

/* What of a profile may be used; in this order */
#define AMPLIFY_PROFILE_ROLE			0x01
#define AMPLIFY_PROFILE_WEB_IDENTITY	0x02
#define AMPLIFY_PROFILE_KEYS			0x04
#define AMPLIFY_PROFILE_ALL				0x07

extern AmplifyProvision amplify_profile_get(AmplifyLookup *lookup,
											const char *name, int parts);

/* ---------- credential.c: who asks ---------- */

extern void amplify_credential_get(AmplifyConnection *connection,
								   AmplifyCredentials *credentials);
extern bool amplify_credential_expired(AmplifyConnection *connection,
									   int generation);
extern void amplify_credential_mask(const AmplifyConnection *connection,
									char *text);

/* ---------- limit.c: how fast a server may be asked ---------- */

extern int64 amplify_limit_next_start(const AmplifyServer *server);
extern void amplify_limit_started(AmplifyServer *server, int64 now);
extern void amplify_limit_accepted(AmplifyServer *server, int64 now);
extern void amplify_limit_throttled(AmplifyServer *server, int64 now,
									int64 started, int64 retry_after);

/* ---------- call.c: one request, from its key to its answer ---------- */

/* Counters of one scan; what EXPLAIN ANALYZE shows */
typedef struct AmplifyCounters
{
	int64		calls;			/* requests sent, retries included */
	int64		retries;
	int64		throttled;
	int64		not_found;
	int64		reused;			/* keys answered by an earlier call */
	int64		bytes;
	int64		rows;			/* handed out, before local filters */
	int64		waited;			/* microseconds */
} AmplifyCounters;

typedef enum AmplifyCallState
{
	AMPLIFY_CALL_QUEUED,		/* to be started after deadline */
	AMPLIFY_CALL_ACTIVE,		/* transfer under way */
	AMPLIFY_CALL_DONE,			/* answered: a body, or not found */
	AMPLIFY_CALL_FAILED
} AmplifyCallState;

/*
 * One call to the API: a Get, or one page of a List.  Shared by all that want
 * the same in one statement; pins says how many hold it.  Everything lives in
 * the statement's context but for the body, which is malloc'ed by http.c.
 */
typedef struct AmplifyCall
{
	/* what is asked; set by who asks first */
	AmplifyConnection *connection;
	const AmplifyResource *resource;
	const AmplifyOperation *operation;
	AmplifyKeys keys;
	const char *token;			/* NULL: first page */
	const char *filter;			/* for operation->filter; NULL: none */
	int			page_size;
	int			concurrency;	/* greatest number in flight for its server */
	AmplifyCounters *counters;

	/* query.c's */
	const char *id;				/* the above as a string: hash key */
	int			pins;
	bool		keep;			/* for others of the statement */
	bool		wanted;			/* somebody waits: it may raise an error */
	bool		used;			/* a scan has read it */
	char	   *loaded;			/* palloc'ed copy of a spilled body */
	off_t		spilled;		/* where that is; -1: nowhere */
	dlist_node	node;			/* in the list of its state */

	/* call.c's */
	AmplifyCallState state;
	bool		not_found;
	int			attempts;		/* requests sent */
	int			faults;			/* of them, those that may be tried again */
	int			generation;		/* of the credentials it was signed with */
	int64		clock_offset;	/* of the time it was signed with */
	bool		refreshed;		/* tried again with new credentials */
	bool		reclocked;		/* tried again with the service's time */
	int64		deadline;		/* QUEUED: not before */
	int64		started;		/* ACTIVE: when */
	int64		patience;		/* throttled: not after; 0: not yet */
	AmplifyTransfer *transfer;	/* NULL unless ACTIVE */
	AmplifyFailure *failure;	/* NULL unless FAILED */
	char	   *body;			/* malloc'ed; NULL when none or spilled */
	size_t		body_length;
} AmplifyCall;

extern bool amplify_call_start(AmplifyCall *call, MemoryContext context,
							   dlist_head *completed);
extern void amplify_call_finish(AmplifyCall *call, MemoryContext context);
extern void amplify_call_fail(AmplifyCall *call, MemoryContext context,
							  AmplifyTrouble trouble);
extern void amplify_call_abandon(AmplifyCall *call);
extern AmplifyCall *amplify_call_of(AmplifyTransfer *transfer);

/* ---------- query.c: what one statement asks and keeps ---------- */

typedef struct AmplifyQuery AmplifyQuery;
typedef struct AmplifySpill AmplifySpill;

/* spill.c: answers in a temporary file */
extern AmplifySpill *amplify_spill_create(MemoryContext context);
extern off_t amplify_spill_write(AmplifySpill *spill, const char *data,
								 size_t length);
extern void amplify_spill_read(AmplifySpill *spill, off_t offset, char *data,
							   size_t length);
extern void amplify_spill_close(AmplifySpill *spill);

extern int	amplify_max_calls;	/* amplify_fdw.max_calls */
extern bool amplify_progress;	/* amplify_fdw.progress */

extern AmplifyQuery *amplify_query_join(EState *estate);
extern void amplify_query_leave(AmplifyQuery *query);
extern AmplifyConnection *amplify_query_connection(AmplifyQuery *query,
												   Oid serverid, Oid userid);
extern AmplifyCounters *amplify_query_counters(AmplifyQuery *query, int id);
extern bool amplify_query_has(AmplifyQuery *query, const AmplifyCall *wanted);
extern AmplifyCall *amplify_query_call(AmplifyQuery *query,
									   const AmplifyCall *wanted);
extern void amplify_query_unpin(AmplifyQuery *query, AmplifyCall *call);
extern bool amplify_query_answered(AmplifyQuery *query, AmplifyCall *call);
extern const char *amplify_query_body(AmplifyQuery *query, AmplifyCall *call);
extern void amplify_query_progress(AmplifyQuery *query);
extern uint64 amplify_query_answers(const AmplifyQuery *query);
extern int64 amplify_query_deadline(AmplifyQuery *query);
extern void amplify_query_wait(AmplifyQuery *query, AmplifyCounters *counters);
extern int	amplify_query_async_fd(AmplifyQuery *query);

/* ---------- stream.c: what is asked for one set of keys ---------- */

/* What a scan tells its fetch once; must outlive it */
typedef struct AmplifyFetchSpec
{
	AmplifyQuery *query;
	AmplifyConnection *connection;
	const AmplifyResource *resource;
	const AmplifyOptions *options;	/* the table's over the server's */
	AmplifyCounters *counters;
	const char *tablename;
	bool		eager;			/* all rows will be read: start many at once */
	bool		keep;			/* others of the statement may ask the same */
} AmplifyFetchSpec;

typedef struct AmplifyStream
{
	const AmplifyOperation *operation;
	AmplifyKeys keys;			/* of the operation */
	const char *filter;			/* for a List that can filter; or NULL */
	const char **wanted;		/* a List that stands for Gets: their last */
	int			nwanted;		/* keys, of which found ones become NULL */
	AmplifyCall *call;			/* the current page, or the one to come */
	AmplifyCall *ahead;			/* the one after it, or NULL */
	int			item;			/* of the page, the one handed out last */
	Bitmapset  *matches;		/* of the page, the wanted items */
	int			pages;
	int			empty_pages;	/* in a row */
	uint32		token_hash;		/* of one token seen before, */
	int			token_page;		/* and in which page that was */
	MemoryContext context;		/* holds all of this */
	dlist_node	node;			/* in fetch.c's list */
} AmplifyStream;

extern void amplify_stream_choose(const AmplifyFetchSpec *spec,
								  const AmplifyKeys *keys, int wanted,
								  AmplifyStream *stream);
extern AmplifyStream *amplify_stream_open(const AmplifyFetchSpec *spec,
										  const AmplifyStream *pattern,
										  MemoryContext parent);
extern void amplify_stream_close(const AmplifyFetchSpec *spec,
								 AmplifyStream *stream);
extern AmplifyCall *amplify_stream_call(const AmplifyFetchSpec *spec,
										const AmplifyStream *stream,
										const char *token, bool wanted);
extern bool amplify_stream_begin_page(const AmplifyFetchSpec *spec,
									  AmplifyStream *stream,
									  AmplifyPage *page,
									  AmplifyFailure *failure);
extern int	amplify_stream_next_item(AmplifyStream *stream, AmplifyPage *page);
extern bool amplify_stream_end_page(const AmplifyFetchSpec *spec,
									AmplifyStream *stream, AmplifyPage *page,
									bool more);

/* ---------- fetch.c: keys into items ---------- */

typedef struct AmplifyFetch AmplifyFetch;

typedef enum AmplifyFetchStatus
{
	AMPLIFY_FETCH_ROW,
	AMPLIFY_FETCH_PENDING,
	AMPLIFY_FETCH_END
} AmplifyFetchStatus;

/* Both point into the fetch: valid until it is asked again */
typedef struct AmplifyRow
{
	AmplifyItem *item;
	const AmplifyKeys *keys;
} AmplifyRow;

extern AmplifyFetch *amplify_fetch_create(const AmplifyFetchSpec *spec);
extern void amplify_fetch_start(AmplifyFetch *fetch,
								const AmplifyKeys *keys, int nkeys);
extern void amplify_fetch_start_all(AmplifyFetch *fetch, const char *filter);
extern void amplify_fetch_ahead(const AmplifyFetchSpec *spec,
								const AmplifyKeys *keys, int nkeys,
								AmplifyCall **calls);
extern AmplifyFetchStatus amplify_fetch_try(AmplifyFetch *fetch,
											AmplifyRow *row);
extern bool amplify_fetch_next(AmplifyFetch *fetch, AmplifyRow *row);
extern void amplify_fetch_stop(AmplifyFetch *fetch);

/* ---------- value.c: an item's member into a Datum ---------- */

typedef struct AmplifyColumnMap AmplifyColumnMap;

extern AmplifyColumnMap *amplify_value_map(Relation rel,
										   const AmplifyResource *resource,
										   Bitmapset *attrs_used);
extern void amplify_value_fill(AmplifyColumnMap *map, const AmplifyRow *row,
							   const AmplifyConnection *connection,
							   TupleTableSlot *slot);
extern const AmplifyColumn *amplify_value_column(Oid relid, AttrNumber attno,
												 const AmplifyResource *resource);

/* ---------- key.c: quals into key expressions ---------- */

/* One condition on a key column: column = expr, or = ANY(expr) */
typedef struct AmplifyKeyTerm
{
	const AmplifyColumn *column;
	Expr	   *expr;			/* no Var of the table in it */
	bool		is_array;
} AmplifyKeyTerm;

extern List *amplify_key_terms(PlannerInfo *root, RelOptInfo *baserel,
							   const AmplifyResource *resource, List *clauses);
extern bool amplify_key_bound(const AmplifyResource *resource, List *disjuncts,
							  const AmplifyOperation *operation);
extern double amplify_key_count(PlannerInfo *root, List *disjuncts);
extern List *amplify_key_serialize(const AmplifyResource *resource,
								   List *disjuncts, List **exprs);

/* ---------- keyset.c: key expressions into keys ---------- */

typedef struct AmplifyKeySet
{
	AmplifyKeys *keys;			/* sorted; no item belongs to two */
	int			nkeys;
	bool		all;			/* not enough bound: every parent is asked */
	const char *filter;			/* all: one value of the last key; or NULL */
} AmplifyKeySet;

extern int	amplify_keyset_compare(const void *a, const void *b);
extern void amplify_keyset_evaluate(const AmplifyResource *resource,
								 List *serialized, List *exprstates,
								 ExprContext *econtext, const char *region,
								 AmplifyKeySet *set);

/* ---------- plan.c and scan.c: the FDW callbacks ---------- */

extern bool amplify_pushdown;	/* amplify_fdw.pushdown */

/* fdw_private of a ForeignScan */
enum AmplifyScanPrivate
{
	AMPLIFY_PRIVATE_KEYS,		/* from amplify_key_serialize() */
	AMPLIFY_PRIVATE_ATTRS,		/* attribute numbers that are read */
	AMPLIFY_PRIVATE_EAGER,		/* Boolean: no LIMIT in sight */
	AMPLIFY_PRIVATE_KEEP,		/* Boolean: may be asked again */
	AMPLIFY_PRIVATE_OPERATION,	/* String: for EXPLAIN */
	AMPLIFY_PRIVATE_KEYS_TEXT,	/* String: for EXPLAIN; "" when none */
	AMPLIFY_PRIVATE_CALLS,		/* Float: estimate for EXPLAIN */
	AMPLIFY_PRIVATE_LOOKUP,		/* Integer: id of the read-ahead; 0: none */
	AMPLIFY_PRIVATE_GATES		/* Integer: how many of fdw_exprs, at the end,
								 * must be true for there to be a row */
};

/* ForeignPath.fdw_private of ours: how the keys are bound, at what cost */
typedef struct AmplifyPathInfo
{
	List	   *disjuncts;		/* see key.c */
	List	   *clauses;		/* RestrictInfos they come from */
	const char *operation;		/* for EXPLAIN */
	double		calls;
	double		round_trips;	/* calls that wait for one another */
	double		rows;
	bool		full_list;		/* of all parents */
	int			lookup;			/* id of the read-ahead; 0: none */
	List	   *gates;			/* outer conditions without which no row is
								 * wanted */
} AmplifyPathInfo;

/* RelOptInfo.fdw_private of ours */
typedef struct AmplifyRelInfo
{
	AmplifyOptions options;		/* of server and table */
	const AmplifyResource *resource;
	Oid			relid;
	Oid			serverid;
} AmplifyRelInfo;

extern void amplifyGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel,
									 Oid foreigntableid);
extern void amplifyGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel,
								   Oid foreigntableid);
extern ForeignScan *amplifyGetForeignPlan(PlannerInfo *root,
										  RelOptInfo *baserel,
										  Oid foreigntableid,
										  ForeignPath *best_path, List *tlist,
										  List *scan_clauses,
										  Plan *outer_plan);
extern void amplifyBeginForeignScan(ForeignScanState *node, int eflags);
extern TupleTableSlot *amplifyIterateForeignScan(ForeignScanState *node);
extern void amplifyReScanForeignScan(ForeignScanState *node);
extern void amplifyEndForeignScan(ForeignScanState *node);
extern bool amplifyIsForeignPathAsyncCapable(ForeignPath *path);
extern void amplifyForeignAsyncRequest(AsyncRequest *areq);
extern void amplifyForeignAsyncConfigureWait(AsyncRequest *areq);
extern void amplifyForeignAsyncNotify(AsyncRequest *areq);
extern const AmplifyCounters *amplify_scan_counters(ForeignScanState *node);
extern bool amplify_plan_is_ours(const RelOptInfo *rel);
extern bool amplify_plan_is_eager(PlannerInfo *root);
extern bool amplify_scan_gate(List *gates, ExprContext *econtext);

/* ---------- explain.c ---------- */

extern void amplifyExplainForeignScan(ForeignScanState *node,
									  struct ExplainState *es);
extern void amplify_explain_counters(const AmplifyCounters *counters,
									 struct ExplainState *es);

/* ---------- join.c, readahead.c: lookups of a join, ahead of need -------- */

extern int	amplify_read_ahead; /* amplify_fdw.read_ahead */

/* custom_private of the read-ahead node; custom_exprs: keys, then gates */
enum AmplifyAheadPrivate
{
	AMPLIFY_AHEAD_TARGETS,		/* List of Lists, see below */
	AMPLIFY_AHEAD_GATES,		/* Integer: how many gates */
	AMPLIFY_AHEAD_ROWS,			/* Integer: most rows ahead */
	AMPLIFY_AHEAD_EAGER			/* Boolean: all rows will be read */
};

/* A table that is looked up: more than one if they are partitions */
enum AmplifyAheadTarget
{
	AMPLIFY_TARGET_KEYS,		/* from amplify_key_serialize() */
	AMPLIFY_TARGET_RELID,		/* Oid list of one: the foreign table */
	AMPLIFY_TARGET_USERID,		/* Oid list of one: who looks it up; or 0 */
	AMPLIFY_TARGET_LOOKUP		/* Integer: AmplifyPathInfo.lookup; 0: the
								 * scan counts its own calls only */
};

extern void amplify_join_install(void);
extern Node *amplify_readahead_create_state(CustomScan *plan);

/* ---------- analyze.c: a sample of a table ---------- */

extern bool amplifyAnalyzeForeignTable(Relation relation,
									   AcquireSampleRowsFunc *func,
									   BlockNumber *totalpages);

/* ---------- unique.c: the key of a table, for the planner ---------- */

extern void amplify_unique_install(void);

#endif							/* AMPLIFY_FDW_H */
