/*-------------------------------------------------------------------------
 *
 * amplify_request.h
 *	  What request/ offers: the calls of one statement, from keys to items.
 *
 * src/request/amplify_request.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef AMPLIFY_REQUEST_H
#define AMPLIFY_REQUEST_H

#include "session/amplify_session.h"
#include "nodes/execnodes.h"

/* ---------- throttle.c: how fast a server may be asked ---------- */

extern int64 amplify_throttle_next_start(const AmplifyServer *server);
extern void amplify_throttle_started(AmplifyServer *server, int64 now);
extern void amplify_throttle_accepted(AmplifyServer *server, int64 now);
extern void amplify_throttle_throttled(AmplifyServer *server, int64 now,
									   int64 started, int64 retry_after);

/* ---------- call.c: one request, from its key to its response ---------- */

/* Counters of one scan; what EXPLAIN ANALYZE shows */
typedef struct AmplifyCounters
{
	int64		calls;			/* requests sent, retries included */
	int64		retries;
	int64		throttled;
	int64		not_found;
	int64		failed;			/* that were left out, under on_error 'warn' */
	bool		given_up;		/* the server was, so more may be missing */
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

	/* statement.c's */
	const char *id;				/* the above as a string: hash key */
	int			pins;
	bool		keep;			/* for others of the statement */
	bool		wanted;			/* somebody waits: it may raise an error */
	bool		used;			/* a scan has read it */
	char	   *loaded;			/* palloc'ed copy of a spilled body */
	off_t		spilled;		/* where that is; -1: nowhere */
	struct AmplifyQueue *queue; /* where it waits to be started */
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
	int			status;			/* of HTTP, of the response */
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
extern void amplify_call_requeue(AmplifyCall *call);
extern void amplify_call_abandon(AmplifyCall *call);
extern AmplifyCall *amplify_call_of(AmplifyTransfer *transfer);

/* ---------- report.c: the one place that says what went wrong ---------- */

/* Which call has failed, for whom */
typedef struct AmplifyFailedCall
{
	const AmplifyConnection *connection;
	const AmplifyResource *resource;	/* what the operation is one of, */
	const AmplifyResource *target;	/* and what the table shows */
	const AmplifyOperation *operation;
	const AmplifyKeys *keys;	/* of the request */
	const char *table;
	bool		everything;		/* the query binds too few keys of the table */
	bool		writes;			/* the statement writes what it reads */
} AmplifyFailedCall;

extern void amplify_report_failure(bool warn, const AmplifyFailure *failure,
								   const AmplifyFailedCall *call);
extern bool amplify_report_is_of_server(AmplifyFailureKind kind);
extern void amplify_report_value(AmplifyValueStatus status,
								 const char *column, const char *table);
extern void amplify_report_account(const char *found, const char *expected,
								   const char *server);

/* ---------- failures.c: what was left out ---------- */

extern void amplify_failures_begin(void);
extern void amplify_failures_forget(void);
extern void amplify_failures_add(const AmplifyFailure *failure,
								 const AmplifyFailedCall *call, int sqlstate,
								 const char *message);

/* ---------- writes.c: is what is read written down? ---------- */

extern void amplify_writes_install(void);
extern bool amplify_writes_statement(const EState *estate);

/* ---------- statement.c: what one statement asks and keeps ---------- */

/* progress.c: what it tells of itself */
extern bool amplify_progress;	/* amplify_fdw.progress */

extern int64 amplify_progress_report(int64 *next_report,
									 const AmplifyCounters *counters,
									 int in_flight);

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
extern bool amplify_statement_writes(const AmplifyStatement *statement);
extern void amplify_statement_leave(AmplifyStatement *statement);
extern Oid	amplify_statement_user(const AmplifyStatement *statement, Oid check_as_user);
extern AmplifyConnection *amplify_statement_connection(AmplifyStatement *statement,
													   Oid serverid, Oid userid);
extern void amplify_statement_give_up(AmplifyStatement *statement,
									  AmplifyConnection *connection);
extern bool amplify_statement_gave_up(const AmplifyStatement *statement,
									  const AmplifyConnection *connection);
extern AmplifyCounters *amplify_statement_counters(AmplifyStatement *statement, int id);
extern bool amplify_statement_has(AmplifyStatement *statement, const AmplifyCall *wanted);
extern AmplifyCall *amplify_statement_call(AmplifyStatement *statement,
										   const AmplifyCall *wanted);
extern void amplify_statement_unpin(AmplifyStatement *statement, AmplifyCall *call);
extern bool amplify_statement_is_done(AmplifyStatement *statement, AmplifyCall *call);
extern const char *amplify_statement_body(AmplifyStatement *statement, AmplifyCall *call);
extern void amplify_statement_progress(AmplifyStatement *statement);
extern uint64 amplify_statement_responses(const AmplifyStatement *statement);
extern int64 amplify_statement_begin_wait(AmplifyStatement *statement);
extern void amplify_statement_wait(AmplifyStatement *statement, AmplifyCounters *counters);

/* ---------- keyset.c: sets of keys ---------- */

typedef struct AmplifyKeySet
{
	AmplifyKeys *keys;			/* sorted; no item belongs to two */
	int			nkeys;
	bool		from_parents;	/* all keys lack the same that a List needs */
	const char *filter;			/* from_parents: one value of the last key, or
								 * NULL */
} AmplifyKeySet;

extern int	amplify_keyset_compare(const void *a, const void *b);
extern void amplify_keyset_everything(const AmplifyResource *resource,
									  AmplifyKeySet *set);
extern void amplify_keyset_settle(const AmplifyResource *resource,
								  AmplifyKeySet *set);

/* ---------- stream.c: what is asked for one set of keys ---------- */

/* What a scan tells its fetch once; must outlive it */
typedef struct AmplifyFetchSpec
{
	AmplifyStatement *statement;
	AmplifyConnection *connection;
	const AmplifyResource *resource;
	const AmplifyResource *child;	/* the table's, if resource is asked for
									 * its parents; or NULL */
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
	int			nwanted;		/* keys, */
	Bitmapset  *found;			/* and which of them a page has had */
	AmplifyCall *call;			/* the current page, or the one to come */
	AmplifyCall *ahead;			/* the one after it, or NULL */
	int			item;			/* of the page, the one handed out last */
	bool		picks;			/* not all of the page is handed out, but */
	Bitmapset  *matches;		/* these items of it */
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
									  AmplifyResponse *page,
									  AmplifyFailure *failure);
extern int	amplify_stream_next_item(AmplifyStream *stream, AmplifyResponse *page);
extern bool amplify_stream_end_page(const AmplifyFetchSpec *spec,
									AmplifyStream *stream, AmplifyResponse *page,
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
								const AmplifyKeySet *set);
extern void amplify_fetch_ahead(const AmplifyFetchSpec *spec,
								const AmplifyKeys *keys, int nkeys,
								AmplifyCall **calls);
extern bool amplify_fetch_gave_up(const AmplifyFetchSpec *spec);
extern AmplifyFetchStatus amplify_fetch_try(AmplifyFetch *fetch,
											AmplifyRow *row);
extern bool amplify_fetch_next(AmplifyFetch *fetch, AmplifyRow *row);
extern void amplify_fetch_stop(AmplifyFetch *fetch);

#endif							/* AMPLIFY_REQUEST_H */
