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

/* ---------- names.c: a set of names ---------- */

typedef struct names_hash AmplifyNames;

extern AmplifyNames *amplify_names_create(MemoryContext context);
extern const char *amplify_names_find(AmplifyNames *names, const char *text);
extern void amplify_names_put(AmplifyNames *names, const char *name);
extern void amplify_names_remove(AmplifyNames *names, const char *name);
extern size_t amplify_names_size(const AmplifyNames *names);
extern void amplify_names_free(AmplifyNames *names);

/* ---------- throttle.c: how fast a server may be asked ---------- */

extern void amplify_throttle_open(AmplifyRate *rate, int64 now);
extern int64 amplify_throttle_take(AmplifyRate *rate, AmplifyTurn *turn,
								   int64 now);
extern int64 amplify_throttle_own_start(int64 own_start, double max_rate,
										int64 now);
extern void amplify_throttle_accepted(AmplifyRate *rate, int64 now);
extern int64 amplify_throttle_throttled(AmplifyRate *rate, int64 now,
										int64 started, int64 retry_after);

/* ---------- budget.c: how often a server is asked again ---------- */

/* Of one statement and server; zeroed at its start */
typedef struct AmplifyBudget
{
	int			spent;			/* tokens */
	int			silent;			/* calls in a row that ran out of time */
} AmplifyBudget;

extern bool amplify_budget_take(AmplifyBudget *budget,
								AmplifyFailureKind kind, int *cost);
extern void amplify_budget_give_back(AmplifyBudget *budget, int cost);
extern void amplify_budget_heard(AmplifyBudget *budget);
extern bool amplify_budget_unheard(AmplifyBudget *budget);
extern bool amplify_budget_is_silent(const AmplifyBudget *budget);

/* ---------- call.c: one request, from its key to its response ---------- */

/* Counters of one scan; what EXPLAIN ANALYZE shows */
typedef struct AmplifyCounters
{
	int64		calls;			/* requests sent, retries included */
	AmplifyOperationCalls by_operation[AMPLIFY_MAX_OPERATIONS];
	int64		retries;
	int64		throttled;
	int64		not_found;
	int64		failed;			/* that were left out, under on_error 'warn' */
	bool		given_up;		/* the server was, so more may be missing */
	int64		reused;			/* keys answered by an earlier call */
	int64		impossible;		/* values that can't be the key of an item */
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
 * The calls of one connection that wait to be started, of one statement.
 * Limits are a connection's or its server's: one that may not be asked now is
 * passed over whole, however many wait for it.
 */
typedef struct AmplifyQueue
{
	AmplifyConnection *connection;
	bool		lacks_keys;		/* that are on their way */
	int			concurrency;	/* greatest of its calls so far */
	AmplifyBudget budget;		/* of attempts */
	dlist_head	calls;			/* AmplifyCall.node */
	dlist_head	postponed;		/* AmplifyWatcher.node: until there is room */
} AmplifyQueue;

/* What becomes of a call that could be started */
typedef enum AmplifyAdmission
{
	AMPLIFY_ADMIT,				/* it is */
	AMPLIFY_ADMIT_LATER,		/* when there is news, or the guard opens */
	AMPLIFY_ADMIT_ABSENT		/* never: what it asks for is not there */
} AmplifyAdmission;

struct AmplifyCall;

/* Looks at the calls of a connection before they are started */
typedef struct AmplifyGuard
{
	AmplifyConnection *connection;
	AmplifyAdmission (*admit) (struct AmplifyGuard *guard,
							   const struct AmplifyCall *call);
	/* of a call that was admitted: it is done */
	void		(*answered) (struct AmplifyGuard *guard,
							 const struct AmplifyCall *call);
	int64		closed_until;	/* calls may have to wait for that; 0: none */
	dlist_node	node;			/* statement.c's */
} AmplifyGuard;

/*
 * What is remembered of a call.  While nobody holds it, and its body is not in
 * memory, that is all there is of it.
 */
typedef struct AmplifyRecord
{
	union
	{
		struct AmplifyCall *call;	/* if held */
		off_t		spilled;	/* as the call's */
	}			u;
	uint32		body_length;	/* what follows is the call's, unless held */
	uint16		status;
	uint16		attempts;
	bool		not_found;
	bool		used;
	bool		held;			/* there is a call */
	bool		settled;		/* see amplify_record_settle() */
	char		id[FLEXIBLE_ARRAY_MEMBER];	/* amplify_call_id() */
} AmplifyRecord;

/*
 * One call to the API: a Get, or one page of a List.  Shared by all that want
 * the same in one statement; pins says how many hold it.  Everything lives in
 * the statement's context but for the body, which is malloc'ed by http.c.
 */
typedef struct AmplifyCall
{
	/* what is requested; set by the first caller */
	AmplifyConnection *connection;
	const AmplifyResource *resource;
	const AmplifyOperation *operation;
	AmplifyKeys keys;
	const char *token;			/* NULL: first page */
	const char *filter;			/* for operation->filter; NULL: none */
	int			page_size;
	int			concurrency;	/* greatest number in flight for its server */
	bool		sure;			/* made ahead: somebody will come to want it */
	bool		listed;			/* its parent is an item of some response */
	AmplifyCounters *counters;

	/* statement.c's */
	AmplifyRecord *record;		/* that is found by the above */
	int			pins;
	bool		keep;			/* for others of the statement */
	bool		wanted;			/* somebody waits: it may raise an error */
	bool		used;			/* a scan has read it */
	const AmplifyResource *followed;	/* prefetch.c's; or NULL */
	AmplifyGuard *guard;		/* says whether it is started; or NULL */
	bool		admitted;		/* it has said so, once for all attempts */
	dlist_head	watchers;		/* AmplifyWatcher.node: who wait for it */
	char	   *loaded;			/* palloc'ed copy of a spilled body */
	off_t		spilled;		/* where that is; -1: nowhere */
	AmplifyQueue *queue;		/* where it waits to be started */
	int64		turn;			/* how many requests there were when it was
								 * first sent; 0: it was not yet */
	dlist_node	node;			/* in the list of its state */

	/* call.c's */
	AmplifyCallState state;
	bool		not_found;
	AmplifyAttempts attempts;
	int			retry_cost;		/* of the last attempt, from the budget */
	int			generation;		/* of the credentials it was signed with */
	int64		deadline;		/* QUEUED: not before */
	int64		patience;		/* throttled: not after; 0: not yet */
	AmplifyTransfer *transfer;	/* NULL unless ACTIVE */
	AmplifyFailure *failure;	/* NULL unless FAILED */
	int			status;			/* of HTTP, of the response */
	char		request_id[64]; /* AWS's; "" when it had none */
	AmplifySocketId carrier;	/* of the response; for http.c only */
	bool		repeated;		/* the response before was another item's */
	char	   *body;			/* malloc'ed; NULL when none or spilled */
	size_t		body_length;
} AmplifyCall;

/* Is told when a call has been answered, or has failed */
typedef struct AmplifyWatcher
{
	void		(*answered) (struct AmplifyWatcher *watcher);
	AmplifyCall *call;			/* NULL: it waits for none */
	dlist_node	node;			/* statement.c's */
} AmplifyWatcher;

extern const char *amplify_call_id(const AmplifyCall *call);
extern void amplify_call_start(AmplifyCall *call, MemoryContext context,
							   dlist_head *completed);
extern void amplify_call_finish(AmplifyCall *call, MemoryContext context);
extern void amplify_call_fail(AmplifyCall *call, MemoryContext context,
							  AmplifyFailureKind kind);
extern bool amplify_call_is_too_early(const AmplifyCall *call, int64 now);
extern void amplify_call_requeue(AmplifyCall *call);
extern void amplify_call_revive(AmplifyCall *call);
extern bool amplify_call_repeat(AmplifyCall *call);
extern void amplify_call_abandon(AmplifyCall *call);
extern AmplifyCall *amplify_call_of(AmplifyTransfer *transfer);
extern void amplify_call_bad_response(const AmplifyCall *call,
									  AmplifyFailureKind kind,
									  AmplifyFailure *failure);

/* ---------- pace.c: when a connection may make its next call ---------- */

extern int64 amplify_pace_next_start(const AmplifyConnection *connection);
extern bool amplify_pace_start(AmplifyConnection *connection);
extern void amplify_pace_accepted(AmplifyConnection *connection, int64 now);
extern int64 amplify_pace_throttled(AmplifyConnection *connection, int64 now,
									int64 started, int64 retry_after);
extern void amplify_pace_learn(const AmplifyCall *call,
							   AmplifyResponse *page);

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
extern void amplify_report_attempt(const AmplifyCall *call);
extern bool amplify_report_is_of_server(AmplifyFailureKind kind);
extern void amplify_report_value(AmplifyValueStatus status,
								 const char *column, const char *table);
extern void amplify_report_account(const char *found, const char *expected,
								   const char *server);

/* ---------- match.c: is a response about its request? ---------- */

extern bool amplify_match_response(const AmplifyCall *call,
								   AmplifyResponse *page);
extern bool amplify_match_names(const AmplifyCall *call,
								const AmplifyResource *resource,
								AmplifyResponse *page);

/* ---------- failures.c: what was left out ---------- */

extern void amplify_failures_begin(void);
extern void amplify_failures_forget(void);
extern void amplify_failures_add(const AmplifyFailure *failure,
								 const AmplifyFailedCall *call, int sqlstate,
								 const char *message);

/* ---------- writes.c: is what is read written down? ---------- */

/* What is remembered of a query that reads our tables, while it is open */
typedef struct AmplifyWrites
{
	const EState *estate;		/* whose query this is */
	bool		writes;			/* what it reads is written down */
	bool		partial;		/* something has been left out of it */
	dlist_node	node;			/* writes.c's */
} AmplifyWrites;

extern void amplify_writes_install(void);
extern void amplify_writes_begin(AmplifyWrites *query, const EState *estate);
extern bool amplify_writes_now(const AmplifyWrites *query);
extern void amplify_writes_leave_out(AmplifyWrites *query);
extern void amplify_writes_end(AmplifyWrites *query);

/* ---------- statement.c: what one statement asks and keeps ---------- */

/* progress.c: what it tells of itself */
extern bool amplify_progress;	/* amplify_fdw.progress */

extern int64 amplify_progress_report(int64 *next_report,
									 const AmplifyCounters *counters,
									 int in_flight);

/*
 * Of a context that may hold some megabytes in small chunks: half a block of
 * the default's last size would be as much again
 */
#define AMPLIFY_MANY_SMALL_SIZES \
	ALLOCSET_DEFAULT_MINSIZE, ALLOCSET_DEFAULT_INITSIZE, 128 * 1024

typedef struct AmplifyStatement AmplifyStatement;
typedef struct AmplifySpill AmplifySpill;
typedef struct AmplifyParents AmplifyParents;
typedef struct AmplifyRecords AmplifyRecords;

/* record.c: which calls were made, and what is left of their responses */
extern AmplifyRecords *amplify_record_create(void);
extern AmplifyRecord *amplify_record_find(AmplifyRecords *records,
										  const char *id);
extern AmplifyRecord *amplify_record_add(AmplifyRecords *records,
										 const char *id);
extern void amplify_record_remove(AmplifyRecords *records,
								  AmplifyRecord *record);
extern AmplifyRecord *amplify_record_settle(AmplifyRecords *records,
											AmplifyRecord *record);
extern size_t amplify_record_size(const AmplifyRecords *records);

/* spill.c: responses in a temporary file */
extern AmplifySpill *amplify_spill_create(MemoryContext context);
extern off_t amplify_spill_write(AmplifySpill *spill, const char *data,
								 size_t length);
extern void amplify_spill_read(AmplifySpill *spill, off_t offset, char *data,
							   size_t length);
extern void amplify_spill_close(AmplifySpill *spill);

extern int	amplify_max_calls;	/* amplify_fdw.max_calls */

extern AmplifyStatement *amplify_statement_join(EState *estate);
extern AmplifyWrites *amplify_statement_writes(AmplifyStatement *statement);
extern void amplify_statement_leave(AmplifyStatement *statement);
extern Oid	amplify_statement_user(const AmplifyStatement *statement, Oid check_as_user);
extern AmplifyConnection *amplify_statement_connection(AmplifyStatement *statement,
													   Oid serverid, Oid userid);
extern void amplify_statement_give_up(AmplifyStatement *statement,
									  AmplifyConnection *connection);
extern bool amplify_statement_gave_up(const AmplifyStatement *statement,
									  const AmplifyConnection *connection);
extern AmplifyCounters *amplify_statement_counters(AmplifyStatement *statement, int id);
extern void **amplify_statement_known(AmplifyStatement *statement, int id);
extern bool amplify_statement_has(AmplifyStatement *statement, const AmplifyCall *wanted);
extern AmplifyCall *amplify_statement_call(AmplifyStatement *statement,
										   const AmplifyCall *wanted);
extern void amplify_statement_unpin(AmplifyStatement *statement, AmplifyCall *call);
extern bool amplify_statement_is_done(AmplifyStatement *statement, AmplifyCall *call);
extern const char *amplify_statement_body(AmplifyStatement *statement, AmplifyCall *call);
extern bool amplify_statement_repeat(AmplifyStatement *statement, AmplifyCall *call);
extern void amplify_statement_watch(AmplifyCall *call, AmplifyWatcher *watcher);
extern void amplify_statement_unwatch(AmplifyWatcher *watcher);
extern bool amplify_statement_has_room(const AmplifyQueue *queue);
extern void amplify_statement_postpone(AmplifyCall *call, AmplifyWatcher *watcher);
extern void amplify_statement_advance(AmplifyCall *call);
extern AmplifyGuard *amplify_statement_guard(const AmplifyStatement *statement,
											 const AmplifyConnection *connection);
extern void amplify_statement_add_guard(AmplifyStatement *statement,
										AmplifyGuard *guard);
extern AmplifyResponse *amplify_statement_page(AmplifyStatement *statement);
extern AmplifyParents **amplify_statement_parents(AmplifyStatement *statement);
extern MemoryContext amplify_statement_context(const AmplifyStatement *statement);
extern void amplify_statement_count(AmplifyStatement *statement, ssize_t bytes);
extern void amplify_statement_progress(AmplifyStatement *statement);
extern uint64 amplify_statement_responses(const AmplifyStatement *statement);
extern int64 amplify_statement_pending(const AmplifyStatement *statement);
extern int64 amplify_statement_begin_wait(AmplifyStatement *statement);
extern void amplify_statement_wait(AmplifyStatement *statement, AmplifyCounters *counters);

/* ---------- keyset.c: sets of keys ---------- */

typedef struct AmplifyKeySet
{
	AmplifyKeys *keys;			/* sorted; no item belongs to two */
	int			nkeys;
	int			size;			/* allocated by amplify_keyset_add() */
	bool		from_parents;	/* all keys lack the same that a List needs */
	const char *filter;			/* from_parents: one value of the last key, or
								 * NULL */
	int64		impossible;		/* values that are no key, and so not here */
} AmplifyKeySet;

/* An item, and the keys of the call that brought it; neither is a copy */
typedef struct AmplifyRow
{
	AmplifyItem *item;
	const AmplifyKeys *keys;
} AmplifyRow;

extern int	amplify_keyset_compare(const void *a, const void *b, void *arg);
extern void amplify_keyset_add(AmplifyKeySet *set, const AmplifyKeys *keys);
extern void amplify_keyset_everything(const AmplifyResource *resource,
									  AmplifyKeySet *set);
extern void amplify_keyset_settle(const AmplifyResource *resource,
								  AmplifyKeySet *set);
extern double amplify_keyset_count(AmplifyKeyMask mask, void *arg);
extern AmplifyValueStatus amplify_keyset_of_item(const AmplifyResource *resource,
												 const AmplifyRow *row,
												 AmplifyKeyMask mask,
												 AmplifyKeys *keys,
												 const AmplifyColumn **column);

/* ---------- spec.c: what goes for all that one scan asks ---------- */

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
	bool		sure;			/* ahead: a scan will ask for each key */
	bool		keep;			/* others of the statement may ask the same */
	bool		list_first;		/* several items of each parent are expected */
	bool		apps_first;		/* keys of apps that are gone are expected */
	bool		listed;			/* the keys are from items of responses */
	int			list_pages;		/* that its List is expected to have; 0: not
								 * known */

	/* can items under these keys be wanted?  NULL: all are */
	bool		(*allows) (void *arg, const AmplifyKeys *keys);
	void	   *allows_arg;
} AmplifyFetchSpec;

extern void amplify_spec_describe(const AmplifyFetchSpec *spec,
								  const AmplifyOperation *operation,
								  const AmplifyKeys *keys, const char *token,
								  AmplifyCall *call);
extern bool amplify_spec_has(const AmplifyFetchSpec *spec,
							 const AmplifyOperation *operation,
							 const AmplifyKeys *keys, const char *token);
extern AmplifyCall *amplify_spec_ask(const AmplifyFetchSpec *spec,
									 const AmplifyOperation *operation,
									 const AmplifyKeys *keys,
									 const char *token, bool wanted);
extern bool amplify_spec_goes_on(const AmplifyFetchSpec *spec);
extern bool amplify_spec_gave_up(const AmplifyFetchSpec *spec);
extern bool amplify_spec_allows(const AmplifyFetchSpec *spec,
								const AmplifyKeys *keys);

/* ---------- page.c: pages of Lists ---------- */

/* Of a List that is read page by page: see amplify_page_is_endless() */
typedef struct AmplifyPaging
{
	int			pages;
	int			empty_pages;	/* in a row */
	uint32		token_hash;		/* of one token seen before, */
	int			token_page;		/* and in which page that was */
} AmplifyPaging;

typedef struct AmplifyPage AmplifyPage;

/* Where an item of that name is; goes away with its page */
typedef struct AmplifyLocation
{
	AmplifyPage *page;
	int			item;			/* the first of that name */
	char		name[FLEXIBLE_ARRAY_MEMBER];
} AmplifyLocation;

/* A List, as far as it has been read */
typedef struct AmplifyList
{
	AmplifyFetchSpec spec;		/* of those who have asked, a copy */
	AmplifyKeys keys;			/* of the List */
	MemoryContext context;		/* lives as long as the statement */
	AmplifyNames *names;		/* of AmplifyLocation; NULL: none yet */
	int			npages;			/* read so far */
	AmplifyPage *last_page;		/* NULL, or the one read last */
	const char *token;			/* of the next page; NULL: the first */
	AmplifyPaging paging;
	bool		whole;			/* it has been read to its end */
} AmplifyList;

extern AmplifyFailureKind amplify_page_parse(AmplifyStatement *statement,
											 AmplifyCall *call,
											 const AmplifyOperation *operation,
											 AmplifyResponse *response);
extern bool amplify_page_take(const AmplifyFetchSpec *spec, AmplifyCall *call,
							  const AmplifyOperation *operation,
							  AmplifyResponse *response,
							  AmplifyFailure *failure);
extern bool amplify_page_is_endless(AmplifyPaging *paging,
									AmplifyResponse *page, const char *token);
extern AmplifyPage *amplify_page_read(AmplifyList *list, AmplifyCall *call,
									  AmplifyResponse *response,
									  AmplifyFailure *failure);
extern void amplify_page_index(AmplifyPage *page, AmplifyResponse *response,
							   bool (*is_wanted) (AmplifyList *list,
												  AmplifyLocation *location));
extern AmplifyLocation *amplify_page_find(const AmplifyList *list,
										  const char *name);
extern void amplify_page_pin(AmplifyPage *page);
extern void amplify_page_unpin(AmplifyPage *page);
extern bool amplify_page_open(const AmplifyLocation *location,
							  AmplifyResponse *response, int *item,
							  AmplifyFailure *failure);
extern int	amplify_page_next_item(const AmplifyPage *page, int item);
extern bool amplify_page_use(AmplifyPage *page);
extern size_t amplify_page_list_size(const AmplifyList *list);
extern void amplify_page_free_list(AmplifyList *list);

/* ---------- parent.c: Get, List or next page ---------- */

typedef struct AmplifyParent AmplifyParent;
typedef struct AmplifyChild AmplifyChild;

/* Somebody wants what a parent has of some name */
typedef struct AmplifyWant
{
	AmplifyChild *lookup;
	dlist_head *ready;			/* gets it once it is known; or NULL */
	bool		known;
	dlist_node	node;			/* in *ready, or among those that wait */
} AmplifyWant;

/* What a known want is of: the first of these that is set, or nothing */
typedef struct AmplifyFound
{
	const AmplifyFailure *failure;	/* of its List, shared by all who waited */
	AmplifyCall *get;			/* its Get decides; pinned */
	AmplifyLocation *location;	/* on a page of the List, which is pinned */
} AmplifyFound;

extern AmplifyParent *amplify_parent_find(const AmplifyFetchSpec *spec,
										  const AmplifyKeys *keys);
extern void amplify_parent_want(AmplifyParent *parent, const char *name,
								bool wanted, dlist_head *ready,
								AmplifyWant *want);
extern void amplify_parent_hurry(AmplifyWant *want);
extern void amplify_parent_ask(AmplifyParent *parent);
extern void amplify_parent_release(AmplifyWant *want);
extern const AmplifyFound *amplify_parent_found(const AmplifyWant *want);
extern bool amplify_parent_awaits_get(AmplifyWant *want, dlist_head *ready);
extern bool amplify_parent_is_reuse(const AmplifyWant *want,
									const void **last);

/* ---------- apps.c: which apps are not there ---------- */

extern void amplify_apps_guard(const AmplifyFetchSpec *spec);
extern double amplify_apps_calls(double apps, int concurrency);

/* ---------- stream.c: what is asked for one set of keys ---------- */

typedef struct AmplifyStream
{
	const AmplifyOperation *operation;
	AmplifyKeys keys;			/* of the operation */
	const char *filter;			/* for a List that can filter; or NULL */
	bool		listed;			/* the keys are from an item of a response */
	const char **names;			/* what is wanted of one parent, found by
								 * parent.c; NULL: all that is asked for */
	int			nnames;
	const AmplifyFetchSpec *spec;	/* of the scan */
	MemoryContext context;		/* holds all of this */
	dlist_node	node;			/* in fetch.c's list */

	/* without names: a Get, or a List page by page */
	AmplifyCall *call;			/* the current page, or the one to come */
	AmplifyCall *ahead;			/* the one after it, or NULL */
	AmplifyPaging paging;

	/* with names */
	AmplifyParent *parent;		/* as long as there is a want */
	AmplifyKeys list_keys;		/* of its List */
	AmplifyWant *wants;
	dlist_head	ready;			/* AmplifyWant.node, of those that are known */
	AmplifyWant *current;		/* whose item is handed out */
	const AmplifyLocation *location;	/* where that is; NULL: on no page */
	int			nhurried;		/* of wants, in their order */
	int			nread;			/* of wants, in any order */
	const void *told;			/* see amplify_parent_is_reuse() */

	/* the page, or the item of a name, that is handed out */
	AmplifyResponse *response;
	int			item;			/* of it, the one handed out last */
	int			next_item;		/* with a location: the one to hand out next */
	bool		picks;			/* not all of the page is handed out, but */
	Bitmapset  *matches;		/* these items of it */
} AmplifyStream;

extern AmplifyStream *amplify_stream_open(const AmplifyFetchSpec *spec,
										  const AmplifyStream *pattern,
										  int window, MemoryContext parent);
extern void amplify_stream_close(AmplifyStream *stream);
extern bool amplify_stream_is_ready(AmplifyStream *stream, int window);
extern bool amplify_stream_begin_page(AmplifyStream *stream,
									  AmplifyResponse *page,
									  AmplifyFailure *failure);
extern bool amplify_stream_goes_on(const AmplifyStream *stream);
extern AmplifyItem *amplify_stream_next_item(AmplifyStream *stream);
extern bool amplify_stream_end_page(AmplifyStream *stream,
									AmplifyResponse *page);

/* ---------- prefetch.c: Lists to their end, ahead of need ---------- */

/* What goes on by itself behind a call that was made for a row ahead */
typedef struct AmplifyPrefetch
{
	const AmplifyFetchSpec *spec;
	const AmplifyResource *target;	/* the last whose Lists are asked */
	AmplifyCall *first;			/* NULL: nothing goes on */
	MemoryContext context;		/* as long as the row */
	dlist_head	lists;			/* PrefetchList.node */
} AmplifyPrefetch;

extern void amplify_prefetch_begin(AmplifyPrefetch *prefetch,
								   const AmplifyFetchSpec *spec,
								   const AmplifyRoute *route,
								   AmplifyCall *call);
extern void amplify_prefetch_end(AmplifyPrefetch *prefetch);

/* ---------- fetch.c: keys into items ---------- */

typedef struct AmplifyFetch AmplifyFetch;
typedef struct AmplifyAhead AmplifyAhead;

typedef enum AmplifyFetchStatus
{
	AMPLIFY_FETCH_ROW,
	AMPLIFY_FETCH_PENDING,
	AMPLIFY_FETCH_END
} AmplifyFetchStatus;

extern AmplifyFetch *amplify_fetch_create(const AmplifyFetchSpec *spec);
extern void amplify_fetch_start(AmplifyFetch *fetch,
								const AmplifyKeySet *set);
extern void amplify_fetch_ahead(const AmplifyFetchSpec *spec,
								const AmplifyKeys *keys, int nkeys,
								AmplifyAhead **ahead);
extern void amplify_fetch_release(AmplifyStatement *statement,
								  AmplifyAhead *ahead);
extern AmplifyFetchStatus amplify_fetch_try(AmplifyFetch *fetch,
											AmplifyRow *row);
extern bool amplify_fetch_next(AmplifyFetch *fetch, AmplifyRow *row);
extern void amplify_fetch_stop(AmplifyFetch *fetch);

#endif							/* AMPLIFY_REQUEST_H */
