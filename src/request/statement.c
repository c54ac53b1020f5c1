/*-------------------------------------------------------------------------
 *
 * statement.c
 *	  What one statement asks and keeps: its calls, started as the limits
 *	  allow, and their responses, so that a key is asked once and serves the
 *	  same everywhere in the statement.
 *
 * All scans of one executor state share one AmplifyStatement.  It lives in the
 * executor's statement context and goes away with it, however that happens: a
 * reset callback cancels what is under way, so there is nothing to clean up by
 * hand before an error.
 *
 * Responses that nobody holds are kept in memory up to work_mem, then in a
 * temporary file.  Those that nobody else can ask for (keep is false) are
 * freed at once, so that a long list needs no more memory than a page.
 *
 * Failing paths: a cancel or an ERROR while calls are under way (cancel.t,
 * leak.t), a subtransaction that ends then, and portals that are left open
 * (transactions.t); no descriptor for a call (fd_limit.t).
 *
 * src/request/statement.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "request/amplify_request.h"

typedef struct ScanCounters
{
	int			id;				/* 0: nobody else makes calls for that scan */
	AmplifyCounters counters;
	void	   *known;			/* the scan's AmplifyKnown; or NULL */
} ScanCounters;

struct AmplifyStatement
{
	EState	   *estate;			/* of which statement this is */
	uint64		number;			/* in this session */
	Oid			userid;			/* whose it is, views aside */
	AmplifyWrites writes;		/* is what it reads written down? */
	MemoryContext context;		/* below the executor's statement context */
	int			scans;			/* between begin and end */
	AmplifyRecords *records;	/* of all calls */
	List	   *queues;			/* AmplifyQueues: QUEUED, by connection */
	dlist_head	active;			/* AmplifyCall.node, by state */
	dlist_head	held;			/* answered or failed, pinned */
	dlist_head	kept;			/* answered, not pinned, oldest first */
	dlist_head	spilled;		/* the same with the body in the file: those
								 * of which a record is not enough */
	dlist_head	completed;		/* AmplifyTransfer.node */
	dlist_head	told;			/* AmplifyWatcher.node, of those to be told */
	size_t		kept_bytes;		/* of the calls of kept */
	size_t		list_bytes;		/* of what parent.c knows of some */
	AmplifyParents *parents;	/* parent.c's; NULL: none yet */
	AmplifyResponse *page;		/* what is being read ahead; NULL: none yet */
	dlist_head	guards;			/* AmplifyGuard.node */
	int64		sent;			/* requests; for amplify_fdw.max_calls */
	uint64		nanswered;		/* calls that became done, or failed */
	int64		npending;		/* QUEUED or ACTIVE */
	int64		next_report;	/* of its progress; 0: it has not waited yet */
	List	   *counters;		/* of ScanCounters */
	List	   *connections;	/* pinned AmplifyConnections */
	List	   *given_up;		/* those of them that can't be asked */
	AmplifySpill *spill;		/* bodies that memory has no room for */
	dlist_node	node;
	MemoryContextCallback callback;
};

int			amplify_max_calls = 0;

static dlist_head statements = DLIST_STATIC_INIT(statements);

static ScanCounters *find_scan(AmplifyStatement *statement, int id);
static bool lacks_keys(const AmplifyStatement *statement);
static AmplifyStatement *find_statement(const EState *estate);
static Oid	statement_user(const EState *estate);
static void forget_statement(void *arg);
static void abandon_calls(dlist_head *list);
static void move_call(AmplifyCall *call, dlist_head *list);
static void queue_call(AmplifyCall *call);
static void hold_call(AmplifyStatement *statement, AmplifyCall *call);
static void tell_watchers(AmplifyStatement *statement);
static AmplifyCall *make_call(AmplifyStatement *statement,
							  const AmplifyCall *wanted,
							  AmplifyRecord *record);
static AmplifyCall *restore_call(AmplifyStatement *statement,
								 const AmplifyCall *wanted,
								 AmplifyRecord *record);
static void let_go(AmplifyStatement *statement, AmplifyCall *call);
static void evict_call(AmplifyStatement *statement, AmplifyCall *call);
static void discard_call(AmplifyStatement *statement, AmplifyCall *call);
static void free_call(AmplifyCall *call);
static bool is_absent(const AmplifyCall *call);
static size_t call_bytes(const AmplifyCall *call);
static void finish_completed(AmplifyStatement *statement);
static void start_queued(AmplifyStatement *statement);
static void start_connection(AmplifyStatement *statement, AmplifyQueue *queue,
							 int64 now);
static bool admit(AmplifyStatement *statement, AmplifyCall *call);
static AmplifyQueue *connection_queue(AmplifyStatement *statement,
									  const AmplifyCall *call);
static int64 queue_start(const AmplifyStatement *statement,
						 AmplifyQueue *queue);
static void warn_of_concurrency(const AmplifyCall *call);
static int64 call_start(const AmplifyStatement *statement,
						const AmplifyCall *call);
static void spill_kept(AmplifyStatement *statement);

/*
 * The statement of that executor state, for one more scan.  To be called
 * while the executor starts: the user of that moment is the statement's.
 */
AmplifyStatement *
amplify_statement_join(EState *estate)
{
	static uint64 number = 0;
	AmplifyStatement *statement = find_statement(estate);
	MemoryContext context;
	MemoryContext oldcontext;

	if (statement != NULL)
	{
		statement->scans++;
		return statement;
	}

	context = AllocSetContextCreate(estate->es_query_cxt, "amplify_fdw statement",
									AMPLIFY_MANY_SMALL_SIZES);
	statement = MemoryContextAllocZero(context, sizeof(AmplifyStatement));
	statement->estate = estate;
	statement->number = ++number;
	statement->userid = statement_user(estate);
	statement->context = context;
	statement->scans = 1;
	dlist_init(&statement->active);
	dlist_init(&statement->held);
	dlist_init(&statement->kept);
	dlist_init(&statement->spilled);
	dlist_init(&statement->completed);
	dlist_init(&statement->told);
	dlist_init(&statement->guards);
	statement->spill = amplify_spill_create(context);
	oldcontext = MemoryContextSwitchTo(context);
	statement->records = amplify_record_create();
	MemoryContextSwitchTo(oldcontext);
	statement->callback.func = forget_statement;
	statement->callback.arg = statement;
	amplify_writes_begin(&statement->writes, estate);
	dlist_push_tail(&statements, &statement->node);
	MemoryContextRegisterResetCallback(context, &statement->callback);
	return statement;
}

/* Is what it reads written down?  writes.c says so, and wants to know */
AmplifyWrites *
amplify_statement_writes(AmplifyStatement *statement)
{
	return &statement->writes;
}

/* A scan has ended in good order.  The last one closes the statement. */
void
amplify_statement_leave(AmplifyStatement *statement)
{
	statement->scans--;
	if (statement->scans > 0)
		return;
	amplify_spill_close(statement->spill);
	MemoryContextDelete(statement->context);
}

/*
 * On whose behalf a table is read: of the owner of the view that it is read
 * through, or, if check_as_user is 0, of the statement's user.
 */
Oid
amplify_statement_user(const AmplifyStatement *statement, Oid check_as_user)
{
	return OidIsValid(check_as_user) ? check_as_user : statement->userid;
}

/* Pinned until the end of the statement */
AmplifyConnection *
amplify_statement_connection(AmplifyStatement *statement, Oid serverid, Oid userid)
{
	MemoryContext oldcontext;
	AmplifyConnection *connection;
	ListCell   *lc;

	foreach(lc, statement->connections)
	{
		connection = lfirst(lc);
		if (connection->shared->serverid == serverid &&
			connection->userid == userid)
			return connection;
	}
	oldcontext = MemoryContextSwitchTo(statement->context);
	statement->connections = lappend(statement->connections, NULL);
	connection = amplify_connection_pin(serverid, userid, statement->number);
	llast(statement->connections) = connection;
	MemoryContextSwitchTo(oldcontext);
	return connection;
}

/* The statement has warned that this server can't be asked */
void
amplify_statement_give_up(AmplifyStatement *statement, AmplifyConnection *connection)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(statement->context);

	statement->given_up = list_append_unique_ptr(statement->given_up, connection);
	MemoryContextSwitchTo(oldcontext);
}

/* Has amplify_statement_give_up() been called for it? */
bool
amplify_statement_gave_up(const AmplifyStatement *statement,
						  const AmplifyConnection *connection)
{
	return list_member_ptr(statement->given_up, connection);
}

/*
 * The counters of the scan of that id, wherever its calls are made, or new
 * ones for 0; in the statement's context.
 */
AmplifyCounters *
amplify_statement_counters(AmplifyStatement *statement, int id)
{
	return &find_scan(statement, id)->counters;
}

/*
 * What a scan lets those know who read ahead for it by that id: set by the
 * scan, NULL before.
 */
void **
amplify_statement_known(AmplifyStatement *statement, int id)
{
	return &find_scan(statement, id)->known;
}

static ScanCounters *
find_scan(AmplifyStatement *statement, int id)
{
	MemoryContext oldcontext;
	ScanCounters *scan;
	ListCell   *lc;

	foreach(lc, statement->counters)
	{
		scan = lfirst(lc);
		if (id != 0 && scan->id == id)
			return scan;
	}
	oldcontext = MemoryContextSwitchTo(statement->context);
	scan = palloc0(sizeof(ScanCounters));
	scan->id = id;
	statement->counters = lappend(statement->counters, scan);
	MemoryContextSwitchTo(oldcontext);
	return scan;
}

/* Has the statement asked for this already? */
bool
amplify_statement_has(AmplifyStatement *statement, const AmplifyCall *wanted)
{
	/* in the caller's context, the id might not be freed for long */
	MemoryContext oldcontext = MemoryContextSwitchTo(statement->context);
	const char *id = amplify_call_id(wanted);
	bool		found = amplify_record_find(statement->records, id) != NULL;

	pfree(unconstify(char *, id));
	MemoryContextSwitchTo(oldcontext);
	return found;
}

/*
 * The call for what wanted describes (its first part), pinned for the caller:
 * one that the statement has made already, or a new one in the queue.
 */
AmplifyCall *
amplify_statement_call(AmplifyStatement *statement, const AmplifyCall *wanted)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(statement->context);
	const char *id = amplify_call_id(wanted);
	AmplifyRecord *record = amplify_record_find(statement->records, id);
	AmplifyCall *call;

	amplify_failures_begin();
	warn_of_concurrency(wanted);
	if (record == NULL)
	{
		record = amplify_record_add(statement->records, id);
		call = make_call(statement, wanted, record);
		call->guard = call->listed || call->token != NULL ? NULL :
			amplify_statement_guard(statement, call->connection);
		dlist_push_tail(&call->queue->calls, &call->node);
		statement->npending++;
	}
	else if (!record->held)
		call = restore_call(statement, wanted, record);
	else
	{
		call = record->u.call;
		call->keep |= wanted->keep;
		call->sure |= wanted->sure;
		if (wanted->listed)
			call->guard = NULL;
		if (call->pins == 0 && call->state == AMPLIFY_CALL_DONE)
		{
			if (call->body != NULL)
				statement->kept_bytes -= call_bytes(call);
			move_call(call, &statement->held);
		}
	}
	pfree(unconstify(char *, id));
	call->pins++;
	MemoryContextSwitchTo(oldcontext);
	return call;
}

/* Give a call back.  A page read out of its body must not be used any more. */
void
amplify_statement_unpin(AmplifyStatement *statement, AmplifyCall *call)
{
	Assert(call->pins > 0);
	if (--call->pins == 0)
		let_go(statement, call);
}

/* Nobody holds the call: keep it if it may be asked for again */
static void
let_go(AmplifyStatement *statement, AmplifyCall *call)
{
	call->wanted = false;
	if (call->loaded != NULL)
		pfree(call->loaded);
	call->loaded = NULL;
	if (!call->keep || call->state == AMPLIFY_CALL_FAILED ||
		call->state == AMPLIFY_CALL_QUEUED || is_absent(call))
		discard_call(statement, call);
	else if (call->state == AMPLIFY_CALL_DONE)
	{
		if (call->body == NULL)
			evict_call(statement, call);
		else
		{
			move_call(call, &statement->kept);
			statement->kept_bytes += call_bytes(call);
			spill_kept(statement);
		}
	}
}

/*
 * Has the call a response, or failed for good?  To ask is to want it: a call
 * that failed while nobody waited for it gets another chance if the retry
 * budget has one, and one that waits in the queue comes first.
 */
bool
amplify_statement_is_done(AmplifyStatement *statement, AmplifyCall *call)
{
	if (!call->wanted)
	{
		call->wanted = true;
		if (call->state == AMPLIFY_CALL_FAILED)
		{
			amplify_call_revive(call);
			statement->npending += call->state == AMPLIFY_CALL_QUEUED;
		}
		if (call->state == AMPLIFY_CALL_QUEUED)
			queue_call(call);
	}
	return call->state == AMPLIFY_CALL_DONE || call->state == AMPLIFY_CALL_FAILED;
}

/*
 * The body of an answered call, call->body_length bytes; valid while it is
 * pinned.  NULL when it was empty.
 */
const char *
amplify_statement_body(AmplifyStatement *statement, AmplifyCall *call)
{
	if (call->spilled < 0)
		return call->body;
	if (call->loaded == NULL)
	{
		call->loaded = MemoryContextAlloc(statement->context, call->body_length);
		amplify_spill_read(statement->spill, call->spilled, call->loaded,
						   call->body_length);
	}
	return call->loaded;
}

/*
 * A call that the caller has pinned has brought what was not asked for.  It is
 * queued once more, as if it had not been answered yet; false if there is no
 * other chance.
 */
bool
amplify_statement_repeat(AmplifyStatement *statement, AmplifyCall *call)
{
	Assert(call->pins > 0);
	if (!amplify_call_repeat(call))
		return false;
	if (call->loaded != NULL)
		pfree(call->loaded);
	call->loaded = NULL;
	call->spilled = -1;
	call->used = false;
	statement->npending++;
	queue_call(call);
	return true;
}

/* Do all that can be done without waiting */
void
amplify_statement_progress(AmplifyStatement *statement)
{
	int64		sent;

	/* what has been started is sent when libcurl runs next */
	do
	{
		sent = statement->sent;
		amplify_http_drive();
		finish_completed(statement);
		tell_watchers(statement);
		start_queued(statement);
	} while (statement->sent != sent ||
			 !dlist_is_empty(&statement->completed) ||
			 !dlist_is_empty(&statement->told));
}

/*
 * Have the watcher told, once, of the call's response or failure; the caller
 * has it pinned, and it is not done yet.  It is told by
 * amplify_statement_progress(), and may itself ask for calls and give some
 * back.  It may throw, and is forgotten then.
 */
void
amplify_statement_watch(AmplifyCall *call, AmplifyWatcher *watcher)
{
	Assert(call->pins > 0 && watcher->call == NULL);
	watcher->call = call;
	dlist_push_tail(&call->watchers, &watcher->node);
}

/* Nothing is told any more to a watcher that still waits */
void
amplify_statement_unwatch(AmplifyWatcher *watcher)
{
	if (watcher->call != NULL)
		dlist_delete(&watcher->node);
	watcher->call = NULL;
}

/* Are fewer calls queued for a server than may be in flight? */
bool
amplify_statement_has_room(const AmplifyQueue *queue)
{
	int			room = queue->concurrency;
	dlist_iter	iter;

	dlist_foreach(iter, unconstify(dlist_head *, &queue->calls))
	{
		if (--room == 0)
			return false;
	}
	return true;
}

/*
 * As amplify_statement_watch(), of a pinned call in any state: have the
 * watcher told as soon as there is room behind the calls of its server.
 */
void
amplify_statement_postpone(AmplifyCall *call, AmplifyWatcher *watcher)
{
	Assert(call->pins > 0 && watcher->call == NULL);
	watcher->call = call;
	dlist_push_tail(&call->queue->postponed, &watcher->node);
}

/* Have it started before others, if it is queued */
void
amplify_statement_advance(AmplifyCall *call)
{
	if (call->state == AMPLIFY_CALL_QUEUED)
		dlist_move_head(&call->queue->calls, &call->node);
}

/* Who looks at the calls of a connection before they start; or NULL */
AmplifyGuard *
amplify_statement_guard(const AmplifyStatement *statement,
						const AmplifyConnection *connection)
{
	dlist_iter	iter;

	dlist_foreach(iter, unconstify(dlist_head *, &statement->guards))
	{
		AmplifyGuard *guard = dlist_container(AmplifyGuard, node, iter.cur);

		if (guard->connection == connection)
			return guard;
	}
	return NULL;
}

/*
 * Ask the guard of each call of its connection that is made from now on, when
 * it is about to be started, unless its parent has been seen (listed) or it is
 * no first page.  The guard may ask for further calls.  It is in the
 * statement's context.
 */
void
amplify_statement_add_guard(AmplifyStatement *statement, AmplifyGuard *guard)
{
	dlist_push_tail(&statement->guards, &guard->node);
}

/* To read a page and clear it at once; for one at a time */
AmplifyResponse *
amplify_statement_page(AmplifyStatement *statement)
{
	if (statement->page == NULL)
		statement->page = amplify_response_create(statement->context);
	return statement->page;
}

/* What the statement knows of parents: parent.c's, in the context below */
AmplifyParents **
amplify_statement_parents(AmplifyStatement *statement)
{
	return &statement->parents;
}

/* Goes away with the statement */
MemoryContext
amplify_statement_context(const AmplifyStatement *statement)
{
	return statement->context;
}

/*
 * So many bytes more (less, if negative) are held of what Lists have said.
 * They count as bodies do.
 */
void
amplify_statement_count(AmplifyStatement *statement, ssize_t bytes)
{
	statement->list_bytes += bytes;
	spill_kept(statement);
}

/*
 * How many calls have been answered so far.  Any progress may bring the
 * response to a call that was looked at before: who looks at several and then
 * waits must look again if this number has changed.
 */
uint64
amplify_statement_responses(const AmplifyStatement *statement)
{
	return statement->nanswered;
}

/* How many calls are under way, or wait for their turn */
int64
amplify_statement_pending(const AmplifyStatement *statement)
{
	return statement->npending;
}

/*
 * To be called before every wait: tells of it, and returns when there will be
 * something to do although the network is silent.
 */
int64
amplify_statement_begin_wait(AmplifyStatement *statement)
{
	AmplifyCounters total = {0};
	int			in_flight = 0;
	int64		deadline = PG_INT64_MAX;
	dlist_iter	iter;
	ListCell   *lc;

	foreach(lc, statement->queues)
		deadline = Min(deadline, queue_start(statement, lfirst(lc)));
	dlist_foreach(iter, &statement->active)
		in_flight++;
	foreach(lc, statement->counters)
	{
		const AmplifyCounters *counters = &((ScanCounters *) lfirst(lc))->counters;

		total.calls += counters->calls;
		total.rows += counters->rows;
		total.throttled += counters->throttled;
	}
	return Min(deadline,
			   amplify_progress_report(&statement->next_report, &total,
									   in_flight));
}

/* Wait until there is something new, and take it in */
void
amplify_statement_wait(AmplifyStatement *statement, AmplifyCounters *counters)
{
	int64		before = amplify_loop_now();

	amplify_http_wait(amplify_statement_begin_wait(statement),
					  !dlist_is_empty(&statement->active) ?
					  AMPLIFY_WAIT_RESPONSE :
					  lacks_keys(statement) ? AMPLIFY_WAIT_CREDENTIALS :
					  AMPLIFY_WAIT_PAUSE);
	counters->waited += amplify_loop_now() - before;
	amplify_statement_progress(statement);
}

/* Are credentials on their way that a call of the statement waits for? */
static bool
lacks_keys(const AmplifyStatement *statement)
{
	ListCell   *lc;

	foreach(lc, statement->queues)
	{
		AmplifyQueue *queue = lfirst(lc);

		if (queue->lacks_keys && !dlist_is_empty(&queue->calls))
			return true;
	}
	return false;
}

/* NULL if none of its scans has begun */
static AmplifyStatement *
find_statement(const EState *estate)
{
	dlist_iter	iter;

	dlist_foreach(iter, &statements)
	{
		AmplifyStatement *statement = dlist_container(AmplifyStatement, node, iter.cur);

		if (statement->estate == estate)
			return statement;
	}
	return NULL;
}

/*
 * EvalPlanQual starts the plan once more in the middle of the statement, when
 * another user may be the current one: it goes on as the statement began.
 */
static Oid
statement_user(const EState *estate)
{
	const AmplifyStatement *outer = NULL;

	if (estate->es_epq_active != NULL)
		outer = find_statement(estate->es_epq_active->parentestate);
	return outer != NULL ? outer->userid : GetUserId();
}

/* The statement's memory goes away.  Contexts below are gone already. */
static void
forget_statement(void *arg)
{
	AmplifyStatement *statement = arg;
	ListCell   *lc;

	foreach(lc, statement->queues)
		abandon_calls(&((AmplifyQueue *) lfirst(lc))->calls);
	abandon_calls(&statement->active);
	abandon_calls(&statement->held);
	abandon_calls(&statement->kept);
	foreach(lc, statement->connections)
	{
		if (lfirst(lc) != NULL)
			amplify_connection_unpin(lfirst(lc));
	}
	amplify_identity_rest();
	amplify_writes_end(&statement->writes);
	dlist_delete(&statement->node);
}

static void
abandon_calls(dlist_head *list)
{
	dlist_iter	iter;

	dlist_foreach(iter, list)
		amplify_call_abandon(dlist_container(AmplifyCall, node, iter.cur));
}

static void
move_call(AmplifyCall *call, dlist_head *list)
{
	dlist_delete(&call->node);
	dlist_push_tail(list, &call->node);
}

/*
 * Put a call that somebody wants, or that is to be tried again, where it
 * belongs in its queue.  Calls that were sent before come first, the oldest at
 * the head: while a server throttles, their time is running, and none of them
 * may lose its turns to younger ones.
 */
static void
queue_call(AmplifyCall *call)
{
	dlist_iter	iter;
	dlist_node *before = NULL;

	dlist_delete(&call->node);
	dlist_foreach(iter, &call->queue->calls)
	{
		const AmplifyCall *other = dlist_container(AmplifyCall, node, iter.cur);

		if (other->turn == 0 || (call->turn != 0 && call->turn < other->turn))
		{
			before = iter.cur;
			break;
		}
	}
	if (before != NULL)
		dlist_insert_before(before, &call->node);
	else
		dlist_push_tail(&call->queue->calls, &call->node);
}

/* A new call for what wanted describes, in no list yet */
static AmplifyCall *
make_call(AmplifyStatement *statement, const AmplifyCall *wanted,
		  AmplifyRecord *record)
{
	AmplifyCall *call = palloc(sizeof(AmplifyCall));

	*call = *wanted;
	amplify_resource_copy_keys(&call->keys, statement->context);
	call->token = wanted->token ? pstrdup(wanted->token) : NULL;
	call->filter = wanted->filter ? pstrdup(wanted->filter) : NULL;
	call->state = AMPLIFY_CALL_QUEUED;
	call->spilled = -1;
	call->pins = 0;
	dlist_init(&call->watchers);
	call->queue = connection_queue(statement, call);
	call->record = record;
	record->u.call = call;
	record->held = true;
	return call;
}

/* A call that has been evicted: it has been answered as its record says */
static AmplifyCall *
restore_call(AmplifyStatement *statement, const AmplifyCall *wanted,
			 AmplifyRecord *record)
{
	off_t		spilled = record->u.spilled;
	AmplifyCall *call = make_call(statement, wanted, record);

	call->keep = true;
	call->state = AMPLIFY_CALL_DONE;
	call->spilled = spilled;
	call->body_length = record->body_length;
	call->status = record->status;
	call->attempts.sent = record->attempts;
	call->not_found = record->not_found;
	call->used = record->used;
	dlist_push_tail(&statement->held, &call->node);
	return call;
}

/*
 * Nobody holds an answered call, and its body is in the file, or there is
 * none: all that is needed of it is its record.  A mark of prefetch.c isn't in
 * there; of few Lists it is worth more than their memory.
 */
static void
evict_call(AmplifyStatement *statement, AmplifyCall *call)
{
	AmplifyRecord *record;

	Assert(call->pins == 0 && call->state == AMPLIFY_CALL_DONE &&
		   call->body == NULL);
	if (call->followed != NULL)
	{
		move_call(call, &statement->spilled);
		return;
	}
	record = amplify_record_settle(statement->records, call->record);
	record->held = false;
	record->u.spilled = call->spilled;
	record->body_length = call->body_length;
	record->status = call->status;
	record->attempts = Min(call->attempts.sent, PG_UINT16_MAX);
	record->not_found = call->not_found;
	record->used = call->used;
	free_call(call);
}

static void
discard_call(AmplifyStatement *statement, AmplifyCall *call)
{
	if (call->state == AMPLIFY_CALL_QUEUED || call->state == AMPLIFY_CALL_ACTIVE)
		statement->npending--;
	amplify_call_abandon(call);
	amplify_record_remove(statement->records, call->record);
	free_call(call);
}

static void
free_call(AmplifyCall *call)
{
	dlist_delete(&call->node);
	amplify_resource_free_keys(&call->keys);
	if (call->token != NULL)
		pfree(unconstify(char *, call->token));
	if (call->filter != NULL)
		pfree(unconstify(char *, call->filter));
	if (call->failure != NULL)
		pfree(call->failure);
	pfree(call);
}

/*
 * A Get that its guard has answered, and would answer so again.  A List may be
 * asked without its guard (listed), so its verdict is kept.
 */
static bool
is_absent(const AmplifyCall *call)
{
	return call->state == AMPLIFY_CALL_DONE && call->attempts.sent == 0 &&
		call->operation->max_page == 0;
}

/* What an answered call takes while its body is in memory, roughly */
static size_t
call_bytes(const AmplifyCall *call)
{
	return sizeof(AmplifyCall) + call->body_length;
}

/* A call that is done, or has failed */
static void
hold_call(AmplifyStatement *statement, AmplifyCall *call)
{
	move_call(call, &statement->held);
	statement->nanswered++;
	statement->npending--;
	Assert(statement->npending >= 0);
	if (call->admitted && call->guard != NULL &&
		call->state == AMPLIFY_CALL_DONE)
		call->guard->answered(call->guard, call);
	while (!dlist_is_empty(&call->watchers))
		dlist_push_tail(&statement->told, dlist_pop_head_node(&call->watchers));
}

/* Those whose call has been answered, and whom they ask for in turn */
static void
tell_watchers(AmplifyStatement *statement)
{
	while (!dlist_is_empty(&statement->told))
	{
		AmplifyWatcher *watcher =
			dlist_container(AmplifyWatcher, node, dlist_pop_head_node(&statement->told));

		watcher->call = NULL;
		watcher->answered(watcher);
	}
}

/* Take in the responses that have come */
static void
finish_completed(AmplifyStatement *statement)
{
	AmplifyTransfer *transfer;

	while ((transfer = amplify_http_pop(&statement->completed)) != NULL)
	{
		AmplifyCall *call = amplify_call_of(transfer);

		if (transfer->result == AMPLIFY_HTTP_DESCRIPTORS &&
			amplify_http_make_room())
			amplify_call_requeue(call);
		else
			amplify_call_finish(call, statement->context);
		if (call->state == AMPLIFY_CALL_QUEUED)
			queue_call(call);
		else
			hold_call(statement, call);
		if (call->pins == 0)
			let_go(statement, call);
	}
}

/* Start what the concurrency, the rate and the pauses allow now */
static void
start_queued(AmplifyStatement *statement)
{
	int64		now = amplify_loop_now();
	ListCell   *lc;

	foreach(lc, statement->queues)
	{
		AmplifyQueue *queue = lfirst(lc);

		if (!dlist_is_empty(&queue->calls) &&
			queue->connection->shared->use.in_flight < queue->concurrency)
			start_connection(statement, queue, now);
		if (!dlist_is_empty(&queue->postponed) &&
			amplify_statement_has_room(queue))
			dlist_push_tail(&statement->told,
							dlist_pop_head_node(&queue->postponed));
	}
}

static void
start_connection(AmplifyStatement *statement, AmplifyQueue *queue, int64 now)
{
	AmplifyConnection *connection = queue->connection;
	dlist_mutable_iter iter;

	queue->lacks_keys = false;
	dlist_foreach_modify(iter, &queue->calls)
	{
		AmplifyCall *call = dlist_container(AmplifyCall, node, iter.cur);

		if (amplify_call_is_too_early(call, now))
		{
			amplify_call_fail(call, statement->context, AMPLIFY_FAILURE_THROTTLED);
			hold_call(statement, call);
			continue;
		}
		if (connection->shared->use.in_flight >= queue->concurrency ||
			amplify_pace_next_start(connection) > now ||
			!amplify_http_has_room())
			break;
		if (amplify_budget_is_silent(&queue->budget))
		{
			amplify_call_fail(call, statement->context, AMPLIFY_FAILURE_SILENT);
			hold_call(statement, call);
			continue;
		}
		if (call_start(statement, call) > now || !admit(statement, call))
			continue;
		if (amplify_max_calls > 0 && statement->sent >= amplify_max_calls)
		{
			amplify_call_fail(call, statement->context, AMPLIFY_FAILURE_MAX_CALLS);
			hold_call(statement, call);
			continue;
		}
		amplify_call_start(call, statement->context, &statement->completed);
		if (call->state == AMPLIFY_CALL_QUEUED)
		{
			/* it is not its turn, or its credentials are on their way */
			queue->lacks_keys = amplify_pace_next_start(connection) <= now;
			break;
		}
		if (call->state == AMPLIFY_CALL_ACTIVE)
		{
			statement->sent++;
			if (call->turn == 0)
				call->turn = statement->sent;
			move_call(call, &statement->active);
		}
		else
			hold_call(statement, call);
	}
}

/* False: it has to wait, or has its response without being started */
static bool
admit(AmplifyStatement *statement, AmplifyCall *call)
{
	AmplifyAdmission admission;

	if (call->guard == NULL || call->admitted)
		return true;
	admission = call->guard->admit(call->guard, call);
	call->admitted = admission == AMPLIFY_ADMIT;
	if (admission == AMPLIFY_ADMIT_ABSENT)
	{
		call->state = AMPLIFY_CALL_DONE;
		call->not_found = true;
		/* some other call has told that */
		call->used = true;
		hold_call(statement, call);
	}
	return call->admitted;
}

/* The queue for a new call */
static AmplifyQueue *
connection_queue(AmplifyStatement *statement, const AmplifyCall *call)
{
	AmplifyQueue *queue;
	ListCell   *lc;

	foreach(lc, statement->queues)
	{
		queue = lfirst(lc);
		if (queue->connection == call->connection)
		{
			queue->concurrency = Max(queue->concurrency, call->concurrency);
			return queue;
		}
	}
	queue = MemoryContextAllocZero(statement->context, sizeof(AmplifyQueue));
	queue->connection = call->connection;
	queue->concurrency = call->concurrency;
	dlist_init(&queue->calls);
	dlist_init(&queue->postponed);
	statement->queues = lappend(statement->queues, queue);
	return queue;
}

/*
 * Not before that time has a call of the queue to be started; PG_INT64_MAX:
 * when another one has ended, or there is none
 */
static int64
queue_start(const AmplifyStatement *statement, AmplifyQueue *queue)
{
	int64		start = PG_INT64_MAX;
	int64		next = amplify_pace_next_start(queue->connection);
	int64		ready = 0;
	dlist_iter	iter;

	if (dlist_is_empty(&queue->calls) ||
		queue->connection->shared->use.in_flight >= queue->concurrency ||
		!amplify_http_has_room())
		return start;
	if (next > amplify_loop_now())
		return next;
	if (queue->lacks_keys)
		ready = amplify_identity_ready_at(queue->connection);
	dlist_foreach(iter, &queue->calls)
	{
		const AmplifyCall *call = dlist_container(AmplifyCall, node, iter.cur);
		int64		this_start = call_start(statement, call);

		if (call->guard != NULL && !call->admitted)
			this_start = Max(this_start, call->guard->closed_until);
		start = Min(start, this_start);
	}
	return Max(start, ready);
}

/*
 * Once per session and server, tell that not as many can be had as are wanted
 */
static void
warn_of_concurrency(const AmplifyCall *call)
{
	AmplifyServer *server = call->connection->shared;
	int			most = amplify_socket_most();

	if (call->concurrency <= most || server->concurrency_told)
		return;
	server->concurrency_told = true;
	ereport(NOTICE,
			(errmsg("at most %d requests are in flight, not %d as \"max_concurrency\" allows",
					most, call->concurrency),
			 errdetail("Each may need a file descriptor, and this session has no more for them."),
			 errhint("Increase max_files_per_process, or lower option \"max_concurrency\" of server \"%s\".",
					 call->connection->servername)));
}

/*
 * When that call may start; PG_INT64_MAX: when another one has ended, or when
 * it is wanted.  What is made ahead never takes the last of max_calls, and
 * what may be in vain no more than half of them: so a statement for which they
 * are enough does not fail because of it.
 */
static int64
call_start(const AmplifyStatement *statement, const AmplifyCall *call)
{
	const AmplifyConnection *connection = call->connection;

	if (connection->shared->use.in_flight >= call->concurrency || !amplify_http_has_room())
		return PG_INT64_MAX;
	if (!call->wanted && amplify_max_calls > 0 &&
		statement->sent + 1 >= (call->sure ? amplify_max_calls :
								amplify_max_calls / 2))
		return PG_INT64_MAX;
	return Max(call->deadline, amplify_pace_next_start(connection));
}

/* Hold no more bodies in memory than work_mem allows, with all that must be */
static void
spill_kept(AmplifyStatement *statement)
{
	while (statement->kept_bytes + statement->list_bytes +
		   amplify_record_size(statement->records) > (size_t) work_mem * 1024 &&
		   !dlist_is_empty(&statement->kept))
	{
		AmplifyCall *call = dlist_head_element(AmplifyCall, node, &statement->kept);

		/* writing may throw: until it is done, the body is one of kept */
		call->spilled = amplify_spill_write(statement->spill, call->body,
											call->body_length);
		statement->kept_bytes -= call_bytes(call);
		free(call->body);
		call->body = NULL;
		evict_call(statement, call);
	}
}
