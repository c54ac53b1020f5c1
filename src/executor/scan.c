/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Execution of a scan: keys evaluated, items asked of fetch.c, slots
 *	  filled by value.c.  And its EXPLAIN: the calls that it will make, and
 *	  with ANALYZE those that it has made.
 *
 * src/executor/scan.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/explain.h"
#include "compat.h"
#include "executor/amplify_executor.h"
#include "executor/execAsync.h"
#include "executor/executor.h"
#include "executor/instrument.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "rewrite/rewriteManip.h"
#include "storage/latch.h"
#include "utils/ruleutils.h"

/* ForeignScanState.fdw_state; in the executor's query context */
typedef struct AmplifyScan
{
	AmplifyTable table;
	AmplifyFetch *fetch;		/* NULL until the first row is asked for */
	AmplifyColumnMap *map;
	List	   *keys;			/* see amplify_key_serialize() */
	List	   *key_exprs;		/* ExprStates */
	AmplifyKnown *known;		/* NULL: no condition is decided before */
	ExprState  *gates;			/* without which no row is wanted */
	AmplifyArrays *arrays;		/* NULL: none in the qual */
	MemoryContext keys_context; /* holds the evaluated keys */
	bool		started;		/* fetch runs since the last rescan */
	bool		async;			/* an Append waits, not we */
	bool		rewinds;		/* it may be read once more */
	uint64		seen;			/* responses of the statement when it looked */
	bool		looked;			/* status and row are the next ones already */
	AmplifyFetchStatus status;
	AmplifyRow	row;
} AmplifyScan;

/* What the WaitEventSet that an Append is making has of ours */
static struct
{
	AppendState *requestor;		/* NULL: none is being made */
	int			index;			/* of the request that was added last */
	bool		registered;		/* it has our descriptor */
}			waiting;

static void look_for_row(ForeignScanState *node);
static void produce_row(AsyncRequest *areq);
static void complete_request(AsyncRequest *areq);
static void open_scan(ForeignScanState *node);
static void start_fetch(ForeignScanState *node);
static void drop_unwanted(const AmplifyFetchSpec *spec, AmplifyKeySet *set);
static char *conditions_text(const ForeignScan *plan, List *conditions,
							 ExplainState *es);
static void explain_operations(const AmplifyCounters *counters,
							   ExplainState *es);

/* Nothing is looked up or connected before the first row is asked for */
void
amplifyBeginForeignScan(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	PlanState  *ps = &node->ss.ps;
	EState	   *estate = ps->state;
	int			ngates = intVal(list_nth(plan->fdw_private,
										 AMPLIFY_PRIVATE_GATES));
	int			nconditions = intVal(list_nth(plan->fdw_private,
											  AMPLIFY_PRIVATE_CONDITIONS));
	int			lookup = intVal(list_nth(plan->fdw_private,
										 AMPLIFY_PRIVATE_LOOKUP));
	int			known = intVal(list_nth(plan->fdw_private,
										AMPLIFY_PRIVATE_KNOWN_ID));
	AmplifyStatement *statement;
	AmplifyScan *state;
	List	   *exprs;
	int			nkeys;

	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	state = palloc0(sizeof(AmplifyScan));
	state->keys = list_nth(plan->fdw_private, AMPLIFY_PRIVATE_KEYS);
	nkeys = list_length(plan->fdw_exprs) - ngates - nconditions;
	exprs = ExecInitExprList(list_copy_head(plan->fdw_exprs,
											nkeys + nconditions), ps);
	if (nconditions > 0)
		state->known = amplify_known_create(node, list_copy_tail(exprs, nkeys));
	state->key_exprs = list_truncate(exprs, nkeys);
	state->gates = ExecInitQual(list_copy_tail(plan->fdw_exprs,
											   nkeys + nconditions), ps);
	state->arrays = amplify_array_create(&node->ss);
	statement = amplify_statement_join(estate);
	amplify_table_begin(&state->table, statement,
						RelationGetRelid(node->ss.ss_currentRelation),
						amplify_scan_check_as_user(plan, estate),
						amplify_statement_counters(statement, lookup));
	if (known != 0)
		*amplify_statement_known(statement, known) = state->known;
	state->rewinds = (eflags & EXEC_FLAG_REWIND) != 0 ||
		estate->es_epq_active != NULL;
	node->fdw_state = state;
}

/* Called in the per-tuple context, where the values of the slot go */
TupleTableSlot *
amplifyIterateForeignScan(ForeignScanState *node)
{
	AmplifyScan *state = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;

	look_for_row(node);
	while (state->status == AMPLIFY_FETCH_PENDING && !state->async)
	{
		amplify_statement_wait(state->table.spec.statement, state->table.spec.counters);
		look_for_row(node);
	}
	if (state->status == AMPLIFY_FETCH_ROW)
	{
		amplify_value_fill(state->map, &state->row, state->table.spec.connection,
						   slot);
		state->table.spec.counters->rows++;
	}
	else
		ExecClearTuple(slot);
	state->looked = false;
	return slot;
}

/* Keys are evaluated anew, and calls of the statement found by their ids */
void
amplifyReScanForeignScan(ForeignScanState *node)
{
	AmplifyScan *state = node->fdw_state;

	if (state->started)
		amplify_fetch_stop(state->fetch);
	if (state->arrays != NULL)
		amplify_array_rescan(state->arrays);
	state->started = false;
	state->looked = false;
}

/* An Append asks for a row, or tells that the descriptor has something */
void
amplifyForeignAsyncRequest(AsyncRequest *areq)
{
	waiting.requestor = NULL;
	produce_row(areq);
}

/*
 * Called for each scan that has been told to wait, one after the other, before
 * every wait of an Append.  One descriptor, that of loop.c, tells of all of
 * them, and a WaitEventSet can have it once: the first scan that has to wait
 * registers it.  The others look here whether another one's turn, or the
 * event, has brought something in, and answer the Append at once.  If that
 * happens after a scan has registered, a timer ends the wait immediately.
 *
 * Without a descriptor, there is nothing to wait for together: we wait here.
 */
void
amplifyForeignAsyncConfigureWait(AsyncRequest *areq)
{
	ForeignScanState *node = (ForeignScanState *) areq->requestee;
	AppendState *requestor = (AppendState *) areq->requestor;
	AmplifyScan *state = node->fdw_state;
	AmplifyStatement *statement = state->table.spec.statement;
	int			fd = amplify_loop_descriptor();
	bool		looks;

	/* requests come in their order: an earlier one again begins a new wait */
	if (waiting.requestor != requestor || areq->request_index <= waiting.index)
		waiting.registered = false;
	waiting.requestor = requestor;
	waiting.index = areq->request_index;

	looks = !state->looked ||
		state->seen != amplify_statement_responses(statement);
	if (looks)
		look_for_row(node);
	while (state->status == AMPLIFY_FETCH_PENDING && fd < 0)
	{
		amplify_statement_wait(statement, state->table.spec.counters);
		look_for_row(node);
	}
	if (state->status != AMPLIFY_FETCH_PENDING)
	{
		complete_request(areq);
		if (areq->request_complete)
		{
			if (waiting.registered)
				amplify_http_arm(amplify_loop_now());
			return;
		}
	}
	/* to look may have taken the timer's event, and put starts elsewhere */
	if (waiting.registered && looks)
		amplify_http_arm(amplify_statement_begin_wait(statement));
	/* the Append has a row already: it will not wait for long */
	if (waiting.registered || fd < 0 || !bms_is_empty(requestor->as_needrequest))
		return;
	amplify_http_arm(amplify_statement_begin_wait(statement));
	AddWaitEventToSet(requestor->as_eventset, WL_SOCKET_READABLE, fd, NULL,
					  areq);
	waiting.registered = true;
}

/* Also for a scan that was only explained */
void
amplifyEndForeignScan(ForeignScanState *node)
{
	AmplifyScan *state = node->fdw_state;

	if (state == NULL)
		return;
	if (state->fetch != NULL)
		amplify_fetch_stop(state->fetch);
	amplify_statement_leave(state->table.spec.statement);
}

/* Without ANALYZE, which calls are planned; with it, those made as well */
void
amplifyExplainForeignScan(ForeignScanState *node, ExplainState *es)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	const AmplifyScan *state = node->fdw_state;
	List	   *pushed = list_nth(plan->fdw_private, AMPLIFY_PRIVATE_PUSHED);
	List	   *known = list_nth(plan->fdw_private, AMPLIFY_PRIVATE_KNOWN);

	ExplainPropertyText("API Operation",
						strVal(list_nth(plan->fdw_private,
										AMPLIFY_PRIVATE_OPERATION)), es);
	if (pushed != NIL)
		ExplainPropertyText("API Keys", conditions_text(plan, pushed, es), es);
	if (known != NIL)
		ExplainPropertyText("API Conditions", conditions_text(plan, known, es),
							es);
	if (es->costs)
		ExplainPropertyFloat("Estimated API Calls", NULL,
		/* NOLINTNEXTLINE(cert-err34-c): a Float is text, and we wrote it */
							 floatVal(list_nth(plan->fdw_private,
											   AMPLIFY_PRIVATE_CALLS)),
							 0, es);
	if (state != NULL)
		amplify_scan_explain_counters(state->table.spec.counters, es);
}

/* Nothing without ANALYZE; no zeroes in text, which is for people */
void
amplify_scan_explain_counters(const AmplifyCounters *counters, ExplainState *es)
{
	bool		zeroes = es->format != EXPLAIN_FORMAT_TEXT;
	const struct
	{
		const char *name;
		int64		value;
	}			shown[] = {
		{"API Calls", counters->calls},
		{"API Retries", counters->retries},
		{"API Throttled", counters->throttled},
		{"API Not Found", counters->not_found},
		{"API Failed", counters->failed},
		{"API Keys Reused", counters->reused},
		{"API Keys Impossible", counters->impossible},
		{"API Bytes", counters->bytes},
	};

	if (!es->analyze)
		return;
	for (int i = 0; i < lengthof(shown); i++)
	{
		if (shown[i].value != 0 || zeroes)
			ExplainPropertyInteger(shown[i].name, NULL, shown[i].value, es);
		if (i == 0 && (shown[i].value != 0 || zeroes))
			explain_operations(counters, es);
	}
	if (counters->given_up || zeroes)
		ExplainPropertyBool("API Given Up", counters->given_up, es);
	if (es->timing && (counters->waited != 0 || zeroes))
		ExplainPropertyFloat("API Wait Time", "ms",
							 counters->waited / 1000.0, 3, es);
}

/*
 * For a CustomScan: what it returns for the row in its scan slot, which is
 * empty at the end of the rows
 */
TupleTableSlot *
amplify_scan_project(ScanState *node)
{
	TupleTableSlot *slot = node->ss_ScanTupleSlot;
	ProjectionInfo *projection = node->ps.ps_ProjInfo;

	if (projection == NULL)
		return slot;
	if (TupIsNull(slot))
		return ExecClearTuple(projection->pi_state.resultslot);
	ResetExprContext(node->ps.ps_ExprContext);
	node->ps.ps_ExprContext->ecxt_scantuple = slot;
	return ExecProject(projection);
}

/* Ask for the next row, unless that has been done, without waiting for it */
static void
look_for_row(ForeignScanState *node)
{
	AmplifyScan *state = node->fdw_state;

	if (state->fetch == NULL)
		open_scan(node);
	if (!state->started)
		start_fetch(node);
	if (!state->looked || state->status == AMPLIFY_FETCH_PENDING)
		state->status = amplify_fetch_try(state->fetch, &state->row);
	state->looked = true;
	state->seen = amplify_statement_responses(state->table.spec.statement);
}

/*
 * Answer an Append: a row, the end, or that it has to wait.  The row is taken
 * through the node itself, which checks its quals and may ask us again.
 */
static void
produce_row(AsyncRequest *areq)
{
	ForeignScanState *node = (ForeignScanState *) areq->requestee;
	AmplifyScan *state = node->fdw_state;
	TupleTableSlot *slot;

	state->async = true;
	/* not ExecProcNode(): its caller counts the time already */
	slot = node->ss.ps.ExecProcNodeReal(&node->ss.ps);
	state->async = false;
	if (!TupIsNull(slot))
		ExecAsyncRequestDone(areq, slot);
	else if (state->status == AMPLIFY_FETCH_PENDING)
		ExecAsyncRequestPending(areq);
	else
		ExecAsyncRequestDone(areq, NULL);
}

/*
 * Answer an Append that has not been told to ask, as ExecAsyncNotify() would
 */
static void
complete_request(AsyncRequest *areq)
{
	areq->callback_pending = false;
	produce_row(areq);
	if (!areq->request_complete)
		return;
	ExecAsyncResponse(areq);
	if (areq->requestee->instrument != NULL)
		InstrUpdateTupleCount(areq->requestee->instrument,
							  TupIsNull(areq->result) ? 0.0 : 1.0);
}

static void
open_scan(ForeignScanState *node)
{
	AmplifyScan *state = node->fdw_state;
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	EState	   *estate = node->ss.ps.state;
	AmplifyFetchSpec *spec = &state->table.spec;
	MemoryContext oldcontext;
	Bitmapset  *attrs = NULL;
	ListCell   *lc;

	amplify_table_open(&state->table, estate->es_query_cxt);
	oldcontext = MemoryContextSwitchTo(estate->es_query_cxt);
	foreach(lc, list_nth(plan->fdw_private, AMPLIFY_PRIVATE_ATTRS))
		attrs = bms_add_member(attrs, lfirst_int(lc));
	spec->eager = boolVal(list_nth(plan->fdw_private, AMPLIFY_PRIVATE_EAGER));
	spec->list_pages = intVal(list_nth(plan->fdw_private,
									   AMPLIFY_PRIVATE_PAGES));
	spec->keep = boolVal(list_nth(plan->fdw_private, AMPLIFY_PRIVATE_KEEP)) &&
		(state->rewinds || amplify_again_possible(plan, estate));
	/* a plan made before pushdown was turned off is held to it all the same */
	if (state->known != NULL && amplify_pushdown)
	{
		amplify_known_open(state->known, spec);
		spec->allows = amplify_known_allows;
		spec->allows_arg = state->known;
	}
	state->map = amplify_value_map(node->ss.ss_currentRelation,
								   spec->resource, attrs);
	state->keys_context = AllocSetContextCreate(estate->es_query_cxt,
												"amplify_fdw keys",
												ALLOCSET_SMALL_SIZES);
	state->fetch = amplify_fetch_create(spec);
	MemoryContextSwitchTo(oldcontext);
}

static void
start_fetch(ForeignScanState *node)
{
	AmplifyScan *state = node->fdw_state;
	MemoryContext oldcontext = MemoryContextSwitchTo(state->keys_context);
	ExprContext *econtext = node->ss.ps.ps_ExprContext;
	AmplifyKeySet set = {0};
	bool		wanted = ExecQual(state->gates, econtext);

	if (amplify_pushdown && wanted)
		amplify_keys_evaluate(state->table.spec.resource, state->keys,
							  state->key_exprs, econtext,
							  &state->table.options, &set);
	else if (wanted)
		amplify_keyset_everything(state->table.spec.resource, &set);
	state->table.spec.counters->impossible += set.impossible;
	drop_unwanted(&state->table.spec, &set);
	amplify_fetch_start(state->fetch, &set);
	state->started = true;
	MemoryContextSwitchTo(oldcontext);
	MemoryContextReset(state->keys_context);
}

/* Those keys under which no item is wanted */
static void
drop_unwanted(const AmplifyFetchSpec *spec, AmplifyKeySet *set)
{
	int			kept = 0;

	for (int i = 0; i < set->nkeys; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (amplify_spec_allows(spec, &set->keys[i]))
			set->keys[kept++] = set->keys[i];
	}
	set->nkeys = kept;
	if (kept == 0)
		set->from_parents = false;
}

/*
 * The conditions have the planner's numbers of the tables, which those of the
 * finished plan differ from by the same number in each.
 */
static char *
conditions_text(const ForeignScan *plan, List *conditions, ExplainState *es)
{
	int			relid = intVal(list_nth(plan->fdw_private,
										AMPLIFY_PRIVATE_RELID));
	bool		prefix = boolVal(list_nth(plan->fdw_private,
										  AMPLIFY_PRIVATE_PREFIX));
	Node	   *condition = copyObject((Node *) make_ands_explicit(conditions));
	List	   *context;

	OffsetVarNodes(condition, plan->scan.scanrelid - relid, 0);
	context = set_deparse_context_plan(es->deparse_cxt, (Plan *) plan, NIL);
	return deparse_expression(condition, context, prefix, false);
}

/*
 * The calls that were made, which may be others than those that were planned
 */
static void
explain_operations(const AmplifyCounters *counters, ExplainState *es)
{
	const char *label = "API Calls By Operation";
	const AmplifyOperationCalls *made = counters->by_operation;
	StringInfoData text;

	initStringInfo(&text);
	if (es->format != EXPLAIN_FORMAT_TEXT)
		ExplainOpenGroup(label, label, true, es);
	for (int i = 0; i < AMPLIFY_MAX_OPERATIONS && made[i].operation != NULL; i++)
	{
		if (es->format != EXPLAIN_FORMAT_TEXT)
			ExplainPropertyInteger(made[i].operation->name, NULL,
								   made[i].calls, es);
		appendStringInfo(&text, "%s%s " INT64_FORMAT, i > 0 ? ", " : "",
						 made[i].operation->name, made[i].calls);
	}
	if (es->format != EXPLAIN_FORMAT_TEXT)
		ExplainCloseGroup(label, label, true, es);
	else
		ExplainPropertyText(label, text.data, es);
	pfree(text.data);
}
