/*-------------------------------------------------------------------------
 *
 * amplify_call.h
 *	  What the files in the middle offer: who asks whom, a call from its key
 *	  to its answer, and what one statement asks and keeps.
 *
 * Included by way of amplify_fdw.h, which says more.
 *
 * src/amplify_call.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef AMPLIFY_CALL_H
#define AMPLIFY_CALL_H

#include "amplify_base.h"

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
	bool		used;			/* since the session's start or DISCARD ALL */
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
	bool		of_public;		/* it is PUBLIC's, whose options only its
								 * server's owner may see */
	Oid			sourceid;		/* the server whose mapping has the
								 * credentials; 0: this one's own has */
	AmplifyServer *shared;
	AmplifyOptions options;		/* of server and mapping */
	AmplifyEndpoint endpoint;
	struct AmplifySigner *signer;	/* sign.c's; NULL until the first call */
	struct AmplifyIdentity *identity;	/* credential.c's; NULL until needed */
	TimestampTz unidentified;	/* when the client's statement began in which
								 * a lookup has failed; 0: none has */
	AmplifyProvider lacking;	/* by whom, */
	const char *reason;			/* and a sentence, or NULL */
	dlist_node	node;
} AmplifyConnection;

extern void amplify_connection_install(void);
extern AmplifyConnection *amplify_connection_pin(Oid serverid, Oid userid);
extern void amplify_connection_unpin(AmplifyConnection *connection);
extern int	amplify_connection_drop(const char *servername);
extern dlist_head *amplify_connection_list(void);
extern List *amplify_connection_servers(void);
extern void amplify_connection_reset_stats(void);
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
	AMPLIFY_FAILURE_BROKEN,
	AMPLIFY_FAILURE_MALFORMED,
	AMPLIFY_FAILURE_SHAPE,
	AMPLIFY_FAILURE_ENCODING,
	AMPLIFY_FAILURE_TOO_LARGE,
	AMPLIFY_FAILURE_TOO_DEEP,
	AMPLIFY_FAILURE_TOO_MANY,	/* values in a response */
	AMPLIFY_FAILURE_ENDLESS,
	AMPLIFY_FAILURE_MAX_CALLS,
	AMPLIFY_FAILURE_NO_CREDENTIALS, /* none to ask with */
	AMPLIFY_FAILURE_SIGNING,
	AMPLIFY_FAILURE_UNABLE,		/* libcurl lacks what is needed */
	AMPLIFY_FAILURE_MEMORY
} AmplifyFailureKind;

/* All that is said of a failed call; no secret may get in here */
typedef struct AmplifyFailure
{
	AmplifyFailureKind kind;
	int			status;			/* of HTTP; 0 without an answer */
	char		code[128];		/* AWS's; "" when there is none */
	char		message[512];	/* the service's or libcurl's, UTF-8 */
	char		request_id[128];
	int			attempts;
	AmplifyProvider provider;	/* of no credentials, */
	const char *reason;			/* and why; a sentence, or NULL */
} AmplifyFailure;

extern AmplifyOutcome amplify_report_classify(const AmplifyTransfer *transfer,
											  AmplifyFailure *failure);
extern AmplifyFailureKind amplify_report_of_parse(AmplifyParse parse);
extern void amplify_report_failure(int elevel, const AmplifyFailure *failure,
								   const char *operation, const char *table,
								   const AmplifyResource *resource,
								   bool everything,
								   const AmplifyConnection *connection);
extern bool amplify_report_is_of_server(AmplifyFailureKind kind);
extern void amplify_report_value(AmplifyValueStatus status,
								 const char *column, const char *table);
extern void amplify_report_account(const char *found, const char *expected,
								   const char *server);
extern char *amplify_report_detail(const AmplifyFailure *failure);
extern void amplify_report_credentials(int elevel, AmplifyProvider provider,
									   const char *reason,
									   const AmplifyConnection *connection);
extern void amplify_report_privilege(const char *option, Oid userid,
									 const char *server, const char *source);

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
extern void amplify_sign_forget(AmplifyTransfer *transfer);
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

extern AmplifyLookup *amplify_lookup_start(AmplifyConnection *connection);
extern void amplify_lookup_end(AmplifyLookup *lookup);
extern char *amplify_lookup_copy(MemoryContext context, const char *text,
								 size_t length);
extern const char *amplify_lookup_getenv(const char *name);
extern char *amplify_lookup_read_file(AmplifyLookup *lookup,
									  const char *path, size_t max_size);
extern AmplifyProvision amplify_lookup_fail(AmplifyLookup *lookup,
											const char *format,...) pg_attribute_printf(2, 3);
extern AmplifyProvision amplify_lookup_accept(AmplifyLookup *lookup,
											  const char *access_key_id,
											  const char *secret_access_key,
											  const char *session_token,
											  int64 expires);
extern AmplifyProvision amplify_lookup_json(AmplifyLookup *lookup,
											const AmplifyTransfer *transfer,
											const char *result,
											const char *token_member);
extern AmplifyProvision amplify_lookup_environment(AmplifyLookup *lookup);
extern void amplify_lookup_mask(AmplifyFailure *failure, const char *secret);
extern AmplifyTransfer *amplify_lookup_transfer(AmplifyLookup *lookup);
extern AmplifyOutcome amplify_lookup_send(AmplifyTransfer *transfer,
										  AmplifyFailure *failure);
extern void amplify_lookup_pause(int64 microseconds);

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

/* ---------- profile.c: the shared configuration files ---------- */

/* What of a profile may be used; in this order */
#define AMPLIFY_PROFILE_ROLE			0x01
#define AMPLIFY_PROFILE_WEB_IDENTITY	0x02
#define AMPLIFY_PROFILE_KEYS			0x04
#define AMPLIFY_PROFILE_ALL				0x07

extern AmplifyProvision amplify_profile_get(AmplifyLookup *lookup,
											const char *name, int parts);

/* ---------- credential.c: who asks ---------- */

extern bool amplify_credential_get(AmplifyConnection *connection,
								   AmplifyCredentials *credentials);
extern bool amplify_credential_expired(AmplifyConnection *connection,
									   int generation);
extern void amplify_credential_mask(const AmplifyConnection *connection,
									AmplifyFailure *failure);

/* ---------- limit.c: how fast a server may be asked ---------- */

extern int64 amplify_throttle_next_start(const AmplifyServer *server);
extern void amplify_throttle_started(AmplifyServer *server, int64 now);
extern void amplify_throttle_accepted(AmplifyServer *server, int64 now);
extern void amplify_throttle_throttled(AmplifyServer *server, int64 now,
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
	bool		fresh;			/* the next attempt gets a new connection */
	bool		reclocked;		/* tried again with the service's time */
	int64		deadline;		/* QUEUED: not before */
	int64		started;		/* ACTIVE: when */
	int64		patience;		/* throttled: not after; 0: not yet */
	AmplifyTransfer *transfer;	/* NULL unless ACTIVE */
	AmplifyFailure *failure;	/* NULL unless FAILED */
	int			status;			/* of HTTP, of the answer */
	char		request_id[64]; /* AWS's; "" when it had none */
	char	   *body;			/* malloc'ed; NULL when none or spilled */
	size_t		body_length;
} AmplifyCall;

extern const char *amplify_call_id(const AmplifyCall *call);
extern bool amplify_call_start(AmplifyCall *call, MemoryContext context,
							   dlist_head *completed);
extern void amplify_call_finish(AmplifyCall *call, MemoryContext context);
extern void amplify_call_fail(AmplifyCall *call, MemoryContext context,
							  AmplifyFailureKind kind);
extern void amplify_call_abandon(AmplifyCall *call);
extern AmplifyCall *amplify_call_of(AmplifyTransfer *transfer);

/* ---------- query.c: what one statement asks and keeps ---------- */

/* progress.c: what it tells of itself */
typedef struct AmplifyProgress
{
	int64		next_report;	/* 0: it has not waited yet */
	bool		is_long;		/* it waits for some time already */
	char	   *statement;		/* as it is without our words in
								 * pg_stat_activity; NULL: none are there */
} AmplifyProgress;

extern bool amplify_progress;	/* amplify_fdw.progress */

extern int64 amplify_progress_begin(AmplifyProgress *progress,
									const AmplifyCounters *counters,
									int in_flight, MemoryContext context);
extern void amplify_progress_end(AmplifyProgress *progress);

typedef struct AmplifyStatement AmplifyStatement;
typedef struct AmplifySpill AmplifySpill;

/* spill.c: answers in a temporary file */
extern AmplifySpill *amplify_spill_create(MemoryContext context);
extern off_t amplify_spill_write(AmplifySpill *spill, const char *data,
								 size_t length);
extern void amplify_spill_read(AmplifySpill *spill, off_t offset, char *data,
							   size_t length);
extern void amplify_spill_close(AmplifySpill *spill);

extern int	amplify_max_calls;	/* amplify_fdw.max_calls */

extern AmplifyStatement *amplify_statement_join(EState *estate);
extern void amplify_statement_leave(AmplifyStatement *query);
extern Oid	amplify_statement_user(const AmplifyStatement *query, Oid check_as_user);
extern AmplifyConnection *amplify_statement_connection(AmplifyStatement *query,
													   Oid serverid, Oid userid);
extern void amplify_statement_give_up(AmplifyStatement *query,
									  AmplifyConnection *connection);
extern bool amplify_statement_gave_up(const AmplifyStatement *query,
									  const AmplifyConnection *connection);
extern AmplifyCounters *amplify_statement_counters(AmplifyStatement *query, int id);
extern bool amplify_statement_has(AmplifyStatement *query, const AmplifyCall *wanted);
extern AmplifyCall *amplify_statement_call(AmplifyStatement *query,
										   const AmplifyCall *wanted);
extern void amplify_statement_unpin(AmplifyStatement *query, AmplifyCall *call);
extern bool amplify_statement_answered(AmplifyStatement *query, AmplifyCall *call);
extern const char *amplify_statement_body(AmplifyStatement *query, AmplifyCall *call);
extern void amplify_statement_progress(AmplifyStatement *query);
extern uint64 amplify_statement_answers(const AmplifyStatement *query);
extern int64 amplify_statement_begin_wait(AmplifyStatement *query);
extern void amplify_statement_wait(AmplifyStatement *query, AmplifyCounters *counters);
extern int	amplify_statement_async_fd(AmplifyStatement *query);

#endif							/* AMPLIFY_CALL_H */
