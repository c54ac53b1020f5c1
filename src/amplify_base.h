/*-------------------------------------------------------------------------
 *
 * amplify_base.h
 *	  What the lowest files offer: the differences between PostgreSQL
 *	  versions, the tables of resources and options, one answer, one request.
 *
 * Included by way of amplify_fdw.h, which says more.
 *
 * src/amplify_base.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef AMPLIFY_BASE_H
#define AMPLIFY_BASE_H

#include "access/htup_details.h"
#include "catalog/pg_namespace.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "lib/ilist.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"
#include "utils/rel.h"

#define AMPLIFY_VERSION		"1.1"

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

/* The view's owner that a scan runs as; 0: the statement's user */
#if PG_VERSION_NUM >= 160000
#define amplify_scan_check_as_user(plan, estate) ((plan)->checkAsUser)
#else
#define amplify_scan_check_as_user(plan, estate) \
	(exec_rt_fetch((plan)->scan.scanrelid, estate)->checkAsUser)
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

/* Vars of partitioned tables become those of a child join's partitions */
#if PG_VERSION_NUM >= 160000
#define amplify_adjust_child_attrs(root, node, child_rel) \
	adjust_appendrel_attrs_multilevel(root, (Node *) (node), child_rel, \
									  (child_rel)->top_parent)
#else
#define amplify_adjust_child_attrs(root, node, child_rel) \
	adjust_appendrel_attrs_multilevel(root, (Node *) (node), \
									  (child_rel)->relids, \
									  (child_rel)->top_parent_relids)
#endif

#if PG_VERSION_NUM >= 170000
#define amplify_estimate_array_length(root, expr) \
	estimate_array_length(root, expr)
#else
#define amplify_estimate_array_length(root, expr) \
	((double) estimate_array_length(expr))
#endif

#if PG_VERSION_NUM >= 160000
#define amplify_server_aclcheck(server, user) \
	object_aclcheck(ForeignServerRelationId, server, user, ACL_USAGE)
#else
#define amplify_server_aclcheck(server, user) \
	pg_foreign_server_aclcheck(server, user, ACL_USAGE)
#endif

/* Name of a wait in pg_stat_activity */
#if PG_VERSION_NUM >= 170000
#define amplify_new_wait_event(name)	WaitEventExtensionNew(name)
#else
#define amplify_new_wait_event(name)	((void) (name), PG_WAIT_EXTENSION)
#endif

/* Report an activity that is the same plan's */
#if PG_VERSION_NUM >= 180000
#define amplify_keep_plan_id(report) \
	do { \
		int64		plan_id = pgstat_get_my_plan_id(); \
		\
		report; \
		pgstat_report_plan_id(plan_id, true); \
	} while (0)
#else
#define amplify_keep_plan_id(report)	report
#endif

/* ---------- resource_data.c, resource.c: what Amplify has ---------- */

#define AMPLIFY_MAX_KEYS	4	/* key columns of one resource */
#define AMPLIFY_LONGEST_NAME 255	/* characters; of AMPLIFY_NAME */

typedef enum AmplifyType
{
	AMPLIFY_TEXT,
	AMPLIFY_JOB_NUMBER,			/* text, read without leading zeros */
	AMPLIFY_PREFIX,				/* text, left out where it is empty */
	AMPLIFY_TIMESTAMP,
	AMPLIFY_BOOLEAN,
	AMPLIFY_JSON
} AmplifyType;

/* Where the value of a column comes from */
typedef enum AmplifySource
{
	AMPLIFY_MEMBER,				/* a member of the item in the answer */
	AMPLIFY_KEY,				/* the request's key, else a member if there
								 * is a path, else the item's ARN */
	AMPLIFY_REGION,				/* the server's region */
	AMPLIFY_ACCOUNT				/* the server's account, else the item's ARN */
} AmplifySource;

/* What values AWS's model has for a key */
typedef enum AmplifyKeyRule
{
	AMPLIFY_NOT_A_KEY,
	AMPLIFY_APP_ID,				/* d[a-z0-9]+, 20 at most */
	AMPLIFY_NAME,				/* 1 to 255 characters, not "." or ".." */
	AMPLIFY_DOMAIN,				/* a domain name, 64 at most */
	AMPLIFY_JOB_ID,				/* [0-9]+ without leading zeros, 255 at most */
	AMPLIFY_ARN,				/* holds the other keys */
	AMPLIFY_REGION_NAME,		/* the server's, or there is nothing */
	AMPLIFY_ACCOUNT_ID			/* likewise, if the server has one */
} AmplifyKeyRule;

typedef struct AmplifyColumn
{
	const char *name;			/* in SQL */
	const char *path;			/* members from the item down, dotted; after
								 * "../", from the object that holds it */
	AmplifyType type;
	AmplifySource source;
	AmplifyKeyRule key;
	bool		sensitive;		/* IMPORT makes it only if asked to */
	const char *meaning;		/* a sentence for people */
} AmplifyColumn;

typedef struct AmplifyOperation
{
	const char *name;			/* in AWS's words */
	const char *path;			/* template; {placeholders} are key columns */
	const char *result;			/* members of the answer down to the item(s),
								 * dotted, "[]" after an array of objects that
								 * hold them; NULL: the answer itself */
	bool		many;			/* an array of items, not one */
	int			max_page;		/* greatest maxResults; 0: no pages */
	const char *filter;			/* query parameter that takes the last key;
								 * NULL: none */
} AmplifyOperation;

/*
 * Keys are what operations need, no more.  A Get may do without keys that the
 * List needs (webhooks), may bring several items (sub_domains), and need not
 * be there; the List may need all that the Get does (artifact_urls).
 */
typedef struct AmplifyResource
{
	const char *name;			/* also the default table name */
	const AmplifyColumn *columns;
	int			ncolumns;
	const char *keys[AMPLIFY_MAX_KEYS]; /* key columns, outermost first */
	const AmplifyOperation *get;	/* of the narrowest key; or NULL */
	const AmplifyOperation *list;	/* of one parent, or of all there is */
	const struct AmplifyResource *parent;	/* has the keys of list; or NULL */
	const char *arn_path;		/* template of the ARN's last part; or NULL */
	double		default_rows;	/* per parent (or in all): a guess */
	bool		sensitive;		/* IMPORT makes it only if asked to */
	const char *meaning;		/* a sentence for people */
} AmplifyResource;

/* Values of a resource's key columns, UTF-8; NULL where not bound */
typedef struct AmplifyKeys
{
	const char *value[AMPLIFY_MAX_KEYS];
} AmplifyKeys;

/* What a text says as the ARN of an item of some resource */
typedef enum AmplifyArnKind
{
	AMPLIFY_ARN_OWN,			/* all its keys */
	AMPLIFY_ARN_OTHER,			/* that it is none, or something else's */
	AMPLIFY_ARN_UNREADABLE		/* Amplify's, in a form that we don't know */
} AmplifyArnKind;

extern const AmplifyResource *const amplify_resources[];	/* NULL at end */
extern void amplify_resource_check(void);
extern const AmplifyResource *amplify_resource_find(const char *name);
extern const AmplifyColumn *amplify_resource_column(const AmplifyResource *resource,
													const char *name);
extern const char *amplify_resource_type(const AmplifyColumn *column);
extern int	amplify_resource_key(const AmplifyResource *resource,
								 const char *column);
extern int	amplify_resource_last_key(const AmplifyResource *resource);
extern bool amplify_resource_is_unique(const AmplifyResource *resource);
extern bool amplify_resource_needs(const AmplifyResource *resource,
								   const AmplifyOperation *operation,
								   int key);
extern bool amplify_resource_binds(const AmplifyResource *resource,
								   const AmplifyOperation *operation,
								   const AmplifyKeys *keys);
extern AmplifyKeys amplify_resource_restrict(const AmplifyResource *resource,
											 const AmplifyOperation *operation,
											 const AmplifyKeys *keys);
extern const AmplifyResource *amplify_resource_ancestor(const AmplifyResource *resource,
														const AmplifyKeys *keys);
extern AmplifyKeys amplify_resource_inherit(const AmplifyResource *resource,
											const AmplifyResource *ancestor,
											const AmplifyKeys *keys);
extern bool amplify_resource_is_place(const AmplifyColumn *column);
extern bool amplify_resource_can_ask(AmplifyKeyRule rule, const char *value);
extern bool amplify_resource_valid_key(AmplifyKeyRule rule, const char *value);
extern AmplifyArnKind amplify_resource_parse_arn(const AmplifyResource *resource,
												 const char *arn,
												 const char *region,
												 char **account,
												 AmplifyKeys *keys);

/* ---------- option_data.c: the options that there are ---------- */

/* What a value must look like, and so how it is stored in AmplifyOptions */
typedef enum AmplifyOptionKind
{
	AMPLIFY_OPTION_BOOL,
	AMPLIFY_OPTION_COUNT,		/* int */
	AMPLIFY_OPTION_MS,			/* int; a unit may follow the number */
	AMPLIFY_OPTION_SECONDS,		/* int; likewise */
	AMPLIFY_OPTION_BYTES,		/* int; likewise */
	AMPLIFY_OPTION_REAL,		/* double */
	AMPLIFY_OPTION_ON_ERROR,	/* bool */
	AMPLIFY_OPTION_REGION,		/* the rest are char * */
	AMPLIFY_OPTION_ACCOUNT,
	AMPLIFY_OPTION_URL,
	AMPLIFY_OPTION_TEXT,		/* anything but an empty string */
	AMPLIFY_OPTION_HEADER,		/* goes into a header: printable ASCII; min
								 * and max are lengths, */
	AMPLIFY_OPTION_ARN,			/* of a role; here, too */
	AMPLIFY_OPTION_EXTERNAL_ID,
	AMPLIFY_OPTION_SESSION_NAME
} AmplifyOptionKind;

/* Bytes of credentials; what AWS issues is far shorter */
#define AMPLIFY_LONGEST_KEY_ID	128
#define AMPLIFY_LONGEST_SECRET	256 /* sigv4.c's limit */
#define AMPLIFY_LONGEST_TOKEN	16384

#define AMPLIFY_OPTION_SUPERUSER	0x01	/* only a superuser may set it */
#define AMPLIFY_OPTION_SECRET		0x02	/* the value is never shown */

/* Options of IMPORT FOREIGN SCHEMA are stored nowhere: it stands for them */
#define AMPLIFY_IMPORT_CATALOG		NamespaceRelationId

typedef struct AmplifyOption
{
	const char *name;
	Oid			catalog;
	AmplifyOptionKind kind;
	size_t		offset;			/* in AmplifyOptions */
	double		min;			/* of a number; of some texts' length */
	double		max;
	int			flags;
	const char *default_value;	/* as it could be set; NULL: there is none */
	const char *otherwise;		/* what is used then, in words; or NULL */
	const char *meaning;		/* for people, as the former is */
} AmplifyOption;

extern const AmplifyOption amplify_options[];	/* name is NULL at the end */

/* ---------- option.c: every option by its name ---------- */

typedef struct AmplifyOptions
{
	/* server */
	char	   *region;
	char	   *account_id;		/* NULL: whose the items turn out to be */
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
	bool		analyze;		/* may ANALYZE list the table? */
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
	char	   *proxy_user;		/* NULL: the proxy asks for none */
	char	   *proxy_password;
	char	   *source_server;	/* NULL: the mapping stands for itself */
	/* table */
	char	   *resource;		/* NULL: the table's name */
	int			page_size;		/* 0: the operation's maximum */
	double		estimated_rows; /* 0: from ANALYZE or the quotas */
	bool		unique_key;
	bool		warn_on_error;	/* on_error */
	/* column */
	char	   *field;			/* NULL: the column's name */
	/* IMPORT FOREIGN SCHEMA */
	bool		import_sensitive;
} AmplifyOptions;

extern void amplify_option_defaults(AmplifyOptions *options);
extern void amplify_option_apply(List *deflist, AmplifyOptions *options);
extern void amplify_option_import(List *deflist, AmplifyOptions *options);
extern const AmplifyResource *amplify_option_resource(const AmplifyOptions *options,
													  Oid relid);
extern bool amplify_option_valid_url(const char *url);
extern bool amplify_option_valid_header(const char *value);

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

/* ---------- page.c: one answer, parsed ---------- */

typedef struct AmplifyResponse AmplifyResponse;
typedef struct AmplifyItem AmplifyItem; /* a JSON object inside a page */

typedef enum AmplifyParse
{
	AMPLIFY_PARSE_OK,
	AMPLIFY_PARSE_MALFORMED,	/* not JSON, or JSON that lost something */
	AMPLIFY_PARSE_SHAPE,		/* JSON, but not what the operation returns */
	AMPLIFY_PARSE_DEPTH,
	AMPLIFY_PARSE_TOO_MANY,		/* values */
	AMPLIFY_PARSE_ENCODING,
	AMPLIFY_PARSE_MEMORY
} AmplifyParse;

/* json.c: what is JSON, and how much of it there is */

#define AMPLIFY_JSON_DEPTH	32	/* Amplify's deepest answer has 6 levels */
#define AMPLIFY_JSON_PIECE	65536	/* bytes between two looks at interrupts */

typedef struct AmplifyJsonCount
{
	int64		members;		/* colons */
	int64		separators;		/* commas */
	size_t		cost;			/* bytes of a tree, beyond those of the text */
} AmplifyJsonCount;

extern AmplifyParse amplify_json_scan(const char *text, size_t length,
									  bool interruptible,
									  AmplifyJsonCount *count);
extern const char *amplify_json_next_number(const char *text, size_t length,
											size_t *at, size_t *number_length);

/* One value out of an item; text points into the page */
typedef struct AmplifyValue
{
	const char *text;			/* of all that is text, or JSON: UTF-8 */
	size_t		length;
	TimestampTz time;			/* AMPLIFY_TIMESTAMP */
	bool		boolean;
} AmplifyValue;

extern AmplifyResponse *amplify_response_create(MemoryContext context);
extern AmplifyParse amplify_response_parse(AmplifyResponse *page,
										   const char *body, size_t length,
										   size_t max_size, const char *result,
										   bool many);
extern void amplify_response_clear(AmplifyResponse *page);
extern int	amplify_response_count(AmplifyResponse *page);
extern AmplifyItem *amplify_response_item(AmplifyResponse *page, int n);
extern const char *amplify_response_next_token(AmplifyResponse *page);
extern AmplifyValueStatus amplify_response_value(AmplifyItem *item,
												 const char *path,
												 AmplifyType type,
												 AmplifyValue *value);
extern bool amplify_response_error(const char *body, size_t length,
								   char *code, size_t code_size,
								   char *message, size_t message_size);
extern void amplify_response_cleanse(AmplifyResponse *page);

/* ---------- memory.c: for libcurl ---------- */

extern void amplify_memory_free(void *pointer);
extern void *amplify_memory_realloc(void *pointer, size_t size);

/* ---------- loop.c: sockets, time, and the one wait ---------- */

typedef struct AmplifyLoopEvent
{
	int			fd;
	bool		readable;
	bool		writable;
	bool		failed;
} AmplifyLoopEvent;

/* What a wait is for */
typedef enum AmplifyWait
{
	AMPLIFY_WAIT_ANSWER,		/* to a call */
	AMPLIFY_WAIT_PAUSE,			/* until a call may be made (again) */
	AMPLIFY_WAIT_CREDENTIALS
} AmplifyWait;

extern int64 amplify_loop_now(void);
extern bool amplify_loop_start(void);
extern bool amplify_loop_watch(int fd, bool readable, bool writable);
extern int	amplify_loop_poll(AmplifyLoopEvent *ready, int max);
extern void amplify_loop_sleep(int64 deadline, AmplifyWait wait);
extern int	amplify_loop_duplicate(void);
extern void amplify_loop_arm(int64 deadline);
extern bool amplify_loop_armed(void);

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
	AMPLIFY_HTTP_PROXY,			/* the proxy refuses */
	AMPLIFY_HTTP_TLS,			/* no agreement, or a bad certificate */
	AMPLIFY_HTTP_TIMEOUT,
	AMPLIFY_HTTP_BROKEN,		/* connection lost or not HTTP */
	AMPLIFY_HTTP_TOO_LARGE,
	AMPLIFY_HTTP_UNABLE,		/* libcurl lacks what is needed */
	AMPLIFY_HTTP_MEMORY
} AmplifyHttpResult;

/* A socket of libcurl: its descriptor, and a number that is used once */
typedef uint64 AmplifySocketId;

/* Where in the lines before, between and after bodies a transfer is */
typedef enum AmplifyHttpHead
{
	AMPLIFY_HEAD_STATUS,		/* a status line is next */
	AMPLIFY_HEAD_INTERIM,		/* headers of a 1xx response */
	AMPLIFY_HEAD_FINAL,			/* headers of the response */
	AMPLIFY_HEAD_OVER			/* from here on: body and trailers */
} AmplifyHttpHead;

typedef struct AmplifyHttpUse
{
	int			in_flight;		/* transfers that are under way */
	int64		connections;	/* opened for them so far */
} AmplifyHttpUse;

/*
 * One request.  The first part is the caller's: it fills it and keeps what it
 * points to until the transfer is done or cancelled, but for the headers, of
 * which amplify_http_submit() makes copies.  The rest is http.c's and may be
 * read once done is true.  body is malloc'ed; amplify_http_release()
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
	const char *proxy;			/* NULL: none; so are the next two */
	const char *proxy_user;
	const char *proxy_password;
	int			connect_timeout;	/* ms */
	int			timeout;		/* ms, for the whole transfer */
	size_t		max_size;		/* bytes of the decoded body */
	bool		fresh;			/* on a connection of its own */
	bool		public_only;	/* refuse loopback and link-local addresses */
	AmplifyHttpUse *use;		/* where it is counted; never NULL */
	dlist_head *completed;		/* list that a done transfer is put on */

	bool		done;
	AmplifyHttpResult result;
	int			status;			/* of HTTP; 0 without an answer */
	char	   *body;			/* NUL-terminated; NULL when empty */
	size_t		body_length;
	size_t		received;		/* bytes of headers and body on the wire */
	size_t		header_bytes;	/* of headers and trailers alone */
	AmplifyHttpHead head;		/* what the next header line is */
	bool		reached;		/* the request may have reached the server */
	AmplifyHttpHeaders answer;
	bool		connecting;		/* a connection was opened for it */
	bool		begun;			/* libcurl has it */
	AmplifySocketId socket;		/* that has the request; 0: none yet */
	int64		sent;			/* when it got it */
	const char *refusal;		/* why we gave it up; NULL: we didn't */
	char		reason[256];	/* that, or libcurl's words */

	dlist_node	node;			/* in http.c's list, then in *completed */
	size_t		body_allocated;
	void	   *easy;			/* CURL *, NULL when not in use */
	void	   *slist;			/* struct curl_slist * */
} AmplifyTransfer;

struct sockaddr;

/* socket.c: for request.c's callbacks and http.c; they don't throw */
extern int	amplify_socket_open(int family, int type, int protocol,
								const AmplifyHttpUse *use);
extern int	amplify_socket_close(int fd);
extern AmplifySocketId amplify_socket_by_address(const char *ip, int port);
extern bool amplify_socket_begin(AmplifySocketId id);
extern void amplify_socket_end(AmplifySocketId id, bool sequential);
extern void amplify_socket_heard(int fd);
extern void amplify_socket_drop_unread(void);
extern void amplify_socket_drop_silent(AmplifySocketId id,
									   const AmplifyHttpUse *use,
									   int64 since);

/* transfer.c: for request.c's callbacks; they don't throw */
extern bool amplify_transfer_body(AmplifyTransfer *transfer,
								  const char *data, size_t bytes);
extern bool amplify_transfer_header(AmplifyTransfer *transfer,
									const char *data, size_t bytes);
extern bool amplify_transfer_is_local(const struct sockaddr *address);

/* request.c: for http.c.  A CURLcode, and a CURLSH * */
extern int	amplify_easy_options(AmplifyTransfer *transfer, void *share);

extern void amplify_http_submit(AmplifyTransfer *transfer);
extern AmplifyTransfer *amplify_http_pop(dlist_head *completed);
extern void amplify_http_cancel(AmplifyTransfer *transfer);
extern void amplify_http_release(AmplifyTransfer *transfer);
extern bool amplify_http_is_suspect(const AmplifyTransfer *transfer);
extern void amplify_http_drive(void);
extern void amplify_http_wait(int64 deadline, AmplifyWait wait);
extern void amplify_http_arm(int64 deadline);
extern void amplify_http_close_idle(void);

#endif							/* AMPLIFY_BASE_H */
