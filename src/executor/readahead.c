/*-------------------------------------------------------------------------
 *
 * readahead.c
 *	  Execution of the read-ahead node: rows of the outer side of a join, read
 *	  before they are needed, and the lookups of their keys started.
 *
 * The node hands its child's rows through in their order.  Each row that it
 * has read pins its calls until the join has moved on, so that the scan on the
 * inner side finds them under way or answered.  Rows are read in batches:
 * within a batch, several keys of one app become one List.
 *
 * It holds up to amplify_fdw.read_ahead rows, and more while these need too
 * few calls to keep max_concurrency busy, because their keys repeat or a List
 * has many of them.  Then it reads on until twice max_concurrency calls are
 * pending, or amplify_fdw.read_ahead calls have been made.  It stops in any
 * case when the rows take work_mem.  If the join may stop early, there are
 * never more rows ahead than have been used, plus one.
 *
 * A lookup that fails here is not an error: the scan will repeat it when the
 * join reaches the row.
 *
 * src/executor/readahead.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/explain.h"
#include "compat.h"
#include "executor/amplify_executor.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "utils/ruleutils.h"

int			amplify_read_ahead = 200;

/* A row that has been read, and its lookups */
typedef struct AheadRow
{
	dlist_node	node;
	MinimalTuple tuple;
	AmplifyAhead **calls;		/* NULL when there are none */
	int			ncalls;
	int64		made;			/* new calls for it and those before it that
								 * have none of their own */
	Size		size;			/* bytes that it takes */
} AheadRow;

/* A table that is looked up */
typedef struct AheadTarget
{
	AmplifyTable table;			/* opened for the first row */
	int			known;			/* id of the scan's conditions; or 0 */
	List	   *keys;			/* see amplify_key_serialize() */
	List	   *batch;			/* of BatchKey: lookups to be started */
	struct AheadTarget *first;	/* of this table: has the batch of all */
} AheadTarget;

typedef struct ReadAheadState
{
	CustomScanState css;
	AmplifyStatement *statement;	/* NULL if the node is only explained */
	AheadTarget *targets;
	int			ntargets;		/* 0: no lookups, rows are handed through */
	List	   *key_exprs;		/* ExprStates over the scan slot */
	ExprState  *gates;			/* likewise; no lookup unless they are true */
	MemoryContext rows_context; /* holds the rows, first in, first out */
	dlist_head	rows;			/* AheadRows to be handed out */
	AheadRow   *current;		/* the one handed out last, or NULL */
	int			limit;			/* amplify_fdw.read_ahead */
	int64		nrows;			/* in rows */
	Size		size;			/* of these */
	int64		made;			/* calls that were made for them */
	int64		used;			/* handed out since they have been read */
	bool		careful;		/* it may not be all that are used */
	bool		exhausted;		/* the child has no more rows */
	AmplifyCounters *counters;	/* of lookups that no scan shows; or NULL */
	int64		rows_read;
	int64		most_ahead;
} ReadAheadState;

/* What amplify_fetch_ahead() gets for a batch: a key, and whose it is */
typedef struct BatchKey
{
	AmplifyKeys keys;			/* first, for amplify_keyset_compare() */
	AheadRow   *row;
} BatchKey;

static void begin_ahead(CustomScanState *node, EState *estate, int eflags);
static TupleTableSlot *exec_ahead(CustomScanState *node);
static void end_ahead(CustomScanState *node);
static void rescan_ahead(CustomScanState *node);
static void explain_ahead(CustomScanState *node, List *ancestors,
						  ExplainState *es);
static void init_target(ReadAheadState *state, AheadTarget *target,
						List *private);
static void open_target(ReadAheadState *state, AheadTarget *target);
static int64 wanted_rows(ReadAheadState *state);
static bool is_full(const ReadAheadState *state);
static int64 missing_calls(ReadAheadState *state);
static int64 calls_so_far(AmplifyStatement *statement);
static void read_batch(ReadAheadState *state, int64 rows);
static bool read_row(ReadAheadState *state);
static void count_memory(ReadAheadState *state, AheadRow *row, void *chunk);
static void row_keys(ReadAheadState *state, AheadRow *row);
static void target_keys(ReadAheadState *state, AheadTarget *target,
						AheadRow *row);
static void start_lookups(ReadAheadState *state, AheadTarget *target);
static void add_call(ReadAheadState *state, AheadRow *row, AmplifyAhead *call);
static int	compare_batch_keys(const ListCell *a, const ListCell *b);
static void release_row(ReadAheadState *state, AheadRow *row);
static void drop_rows(ReadAheadState *state);

static const CustomExecMethods exec_methods = {
	.CustomName = "AmplifyReadAhead",
	.BeginCustomScan = begin_ahead,
	.ExecCustomScan = exec_ahead,
	.EndCustomScan = end_ahead,
	.ReScanCustomScan = rescan_ahead,
	.ExplainCustomScan = explain_ahead,
};

/* For CustomScanMethods: the state of the node, not yet begun */
Node *
amplify_readahead_create_state(CustomScan *plan)
{
	ReadAheadState *state = palloc0(sizeof(ReadAheadState));

	NodeSetTag(state, T_CustomScanState);
	state->css.methods = &exec_methods;
	amplify_set_slot_ops(&state->css);
	return (Node *) state;
}

static void
begin_ahead(CustomScanState *node, EState *estate, int eflags)
{
	ReadAheadState *state = (ReadAheadState *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	List	   *private = plan->custom_private;
	List	   *targets = list_nth(private, AMPLIFY_AHEAD_TARGETS);
	int			nkeys = list_length(plan->custom_exprs) -
		intVal(list_nth(private, AMPLIFY_AHEAD_GATES));
	Plan	   *child = linitial(plan->custom_plans);
	ListCell   *lc;

	node->custom_ps = list_make1(ExecInitNode(child, estate, eflags));
	state->limit = intVal(list_nth(private, AMPLIFY_AHEAD_ROWS));
	state->key_exprs = ExecInitExprList(list_copy_head(plan->custom_exprs, nkeys),
										&node->ss.ps);
	state->gates = ExecInitQual(list_copy_tail(plan->custom_exprs, nkeys),
								&node->ss.ps);
	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;

	/* EvalPlanQual rechecks one row: nothing to read ahead */
	if (estate->es_epq_active != NULL)
	{
		state->limit = 1;
		targets = NIL;
	}
	state->careful = !boolVal(list_nth(private, AMPLIFY_AHEAD_EAGER));
	dlist_init(&state->rows);
	/* a block is free again only when all rows in it are */
	state->rows_context = GenerationContextCreate(estate->es_query_cxt,
												  "amplify_fdw rows ahead",
												  ALLOCSET_DEFAULT_MINSIZE,
												  ALLOCSET_DEFAULT_INITSIZE,
												  ALLOCSET_DEFAULT_INITSIZE);
	state->statement = amplify_statement_join(estate);
	state->targets = palloc0(sizeof(AheadTarget) * list_length(targets));
	foreach(lc, targets)
		init_target(state, &state->targets[state->ntargets++], lfirst(lc));
}

/*
 * ExecScan() is of no use here: in EvalPlanQual it would call a recheck where
 * it should fetch, because there is no relation.
 */
static TupleTableSlot *
exec_ahead(CustomScanState *node)
{
	ReadAheadState *state = (ReadAheadState *) node;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;

	if (state->current != NULL)
		release_row(state, state->current);
	state->current = NULL;
	for (;;)
	{
		int64		wanted = state->exhausted ? 0 : wanted_rows(state);

		if (wanted == 0)
			break;
		read_batch(state, wanted);
	}
	ExecClearTuple(slot);
	if (state->nrows > 0)
	{
		state->current = dlist_container(AheadRow, node,
										 dlist_pop_head_node(&state->rows));
		state->nrows--;
		state->used++;
		ExecForceStoreMinimalTuple(state->current->tuple, slot, false);
	}
	return amplify_scan_project(&node->ss);
}

static void
end_ahead(CustomScanState *node)
{
	ReadAheadState *state = (ReadAheadState *) node;

	if (state->statement != NULL)
	{
		drop_rows(state);
		amplify_statement_leave(state->statement);
	}
	ExecEndNode(linitial(node->custom_ps));
}

static void
rescan_ahead(CustomScanState *node)
{
	ReadAheadState *state = (ReadAheadState *) node;
	PlanState  *child = linitial(node->custom_ps);

	/* abandoned before its end: it will probably be so again */
	if (!state->exhausted || state->nrows > 0)
	{
		state->careful = true;
		state->used = 0;
	}
	drop_rows(state);
	state->exhausted = false;
	if (node->ss.ps.chgParam != NULL)
		UpdateChangedParamSet(child, node->ss.ps.chgParam);
	if (child->chgParam == NULL)
		ExecReScan(child);
}

static void
explain_ahead(CustomScanState *node, List *ancestors, ExplainState *es)
{
	ReadAheadState *state = (ReadAheadState *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	int			nkeys = list_length(state->key_exprs);
	List	   *context = set_deparse_context_plan(es->deparse_cxt,
												   node->ss.ps.plan, ancestors);
	List	   *shown = NIL;

	/* partitions are looked up by the same expressions */
	for (int i = 0; i < nkeys; i++)
		shown = list_append_unique(shown,
								   makeString(deparse_expression(list_nth(plan->custom_exprs, i),
																 context, true, false)));
	for (int i = 0; i < list_length(shown); i++)
		lfirst(list_nth_cell(shown, i)) = strVal(list_nth(shown, i));
	ExplainPropertyList("Lookup Keys", shown, es);
	ExplainPropertyInteger("Max Rows Ahead", NULL, state->limit, es);
	if (es->analyze)
	{
		ExplainPropertyInteger("Rows Read", NULL, state->rows_read, es);
		ExplainPropertyInteger("Rows Ahead", NULL, state->most_ahead, es);
	}
	if (state->counters != NULL)
		amplify_scan_explain_counters(state->counters, es);
}

static void
init_target(ReadAheadState *state, AheadTarget *target, List *private)
{
	int			lookup = intVal(list_nth(private, AMPLIFY_TARGET_LOOKUP));

	target->known = intVal(list_nth(private, AMPLIFY_TARGET_KNOWN_ID));
	if (lookup == 0 && state->counters == NULL)
		state->counters = amplify_statement_counters(state->statement, 0);
	/* on behalf of whom, and under which options, as the scan itself will */
	amplify_table_begin(&target->table, state->statement,
						linitial_oid(list_nth(private, AMPLIFY_TARGET_RELID)),
						linitial_oid(list_nth(private, AMPLIFY_TARGET_USERID)),
						lookup == 0 ? state->counters :
						amplify_statement_counters(state->statement, lookup));
	target->keys = list_nth(private, AMPLIFY_TARGET_KEYS);
	target->table.spec.keep = true;
	target->table.spec.eager = !state->careful &&
		boolVal(list_nth(private, AMPLIFY_TARGET_EAGER));
	target->table.spec.list_first =
		boolVal(list_nth(private, AMPLIFY_TARGET_LIST_FIRST));
	target->table.spec.list_pages =
		intVal(list_nth(private, AMPLIFY_TARGET_PAGES));
	target->table.spec.apps_first =
		boolVal(list_nth(private, AMPLIFY_TARGET_APPS_FIRST));
	target->table.spec.sure = !state->careful &&
		boolVal(list_nth(private, AMPLIFY_TARGET_SURE));
	/* several scans of a table: one List may have the keys of all */
	target->first = state->targets;
	while (target->first->table.relid != target->table.relid ||
		   target->first->table.userid != target->table.userid ||
		   target->first->table.spec.counters != target->table.spec.counters ||
		   target->first->table.spec.eager != target->table.spec.eager)
		target->first++;
	target->first->table.spec.list_first |= target->table.spec.list_first;
	target->first->table.spec.apps_first |= target->table.spec.apps_first;
}

static void
open_target(ReadAheadState *state, AheadTarget *target)
{
	AmplifyFetchSpec *spec = &target->table.spec;

	if (spec->connection != NULL)
		return;
	amplify_table_open(&target->table, state->css.ss.ps.state->es_query_cxt);
	if (target->known != 0)
		spec->allows_arg = *amplify_statement_known(spec->statement,
													target->known);
	if (spec->allows_arg != NULL)
	{
		amplify_known_open(spec->allows_arg, spec);
		spec->allows = amplify_known_allows_ahead;
	}
}

/*
 * How many rows to read now; 0: there are enough.  More are fetched when half
 * of them have been used, or half of the calls have been answered, so that it
 * is many at a time.
 */
static int64
wanted_rows(ReadAheadState *state)
{
	int64		most = state->careful ? state->used + 1 : PG_INT64_MAX;
	int64		window = Min(most, state->limit);
	int64		missing;

	if (is_full(state))
		return 0;
	if (state->nrows <= window / 2)
		return window - state->nrows;
	if (state->nrows >= most || state->ntargets == 0)
		return 0;
	missing = missing_calls(state);
	if (missing == 0 || state->made >= Max(state->limit, missing))
		return 0;
	return Min(missing, most - state->nrows);
}

/* Never without a row */
static bool
is_full(const ReadAheadState *state)
{
	return state->size >= (Size) work_mem * 1024;
}

/*
 * How many calls could be queued, if the queue is less than half full; else 0
 */
static int64
missing_calls(ReadAheadState *state)
{
	int64		enough = 0;
	int64		pending = amplify_statement_pending(state->statement);

	for (int i = 0; i < state->ntargets; i++)
	{
		if (state->targets[i].table.spec.connection != NULL)
			enough += 2 * state->targets[i].table.options.max_concurrency;
	}
	return pending > enough / 2 ? 0 : enough - pending;
}

/* How many calls the statement has wanted, but for those given up */
static int64
calls_so_far(AmplifyStatement *statement)
{
	return amplify_statement_pending(statement) +
		(int64) amplify_statement_responses(statement);
}

/* Read so many more rows at most, and start their lookups */
static void
read_batch(ReadAheadState *state, int64 rows)
{
	ExprContext *econtext = state->css.ss.ps.ps_ExprContext;
	int64		made;

	while (rows-- > 0 && read_row(state) && !is_full(state))
	{
		/* responses come in while the outer side works */
		amplify_statement_progress(state->statement);
	}
	state->most_ahead = Max(state->most_ahead, state->nrows);
	made = calls_so_far(state->statement);
	for (int i = 0; i < state->ntargets; i++)
		start_lookups(state, &state->targets[i]);
	made = calls_so_far(state->statement) - made;
	if (state->nrows > 0)
	{
		AheadRow   *last = dlist_tail_element(AheadRow, node, &state->rows);

		last->made += made;
		state->made += made;
	}
	ResetExprContext(econtext);
}

/* One row more, and its keys into the batches; false: there is none */
static bool
read_row(ReadAheadState *state)
{
	TupleTableSlot *slot = ExecProcNode(linitial(state->css.custom_ps));
	AheadRow   *row;
	MemoryContext oldcontext;

	if (TupIsNull(slot))
	{
		state->exhausted = true;
		return false;
	}
	oldcontext = MemoryContextSwitchTo(state->rows_context);
	row = palloc0(sizeof(AheadRow));
	row->tuple = ExecCopySlotMinimalTuple(slot);
	MemoryContextSwitchTo(oldcontext);
	count_memory(state, row, row);
	count_memory(state, row, row->tuple);
	dlist_push_tail(&state->rows, &row->node);
	state->nrows++;
	state->rows_read++;
	if (state->ntargets > 0)
		row_keys(state, row);
	return true;
}

static void
count_memory(ReadAheadState *state, AheadRow *row, void *chunk)
{
	Size		size = GetMemoryChunkSpace(chunk);

	row->size += size;
	state->size += size;
}

/* In the per-tuple context, which lives as long as the batch */
static void
row_keys(ReadAheadState *state, AheadRow *row)
{
	ExprContext *econtext = state->css.ss.ps.ps_ExprContext;
	TupleTableSlot *slot = state->css.ss.ss_ScanTupleSlot;
	MemoryContext oldcontext;

	ExecForceStoreMinimalTuple(row->tuple, slot, false);
	econtext->ecxt_scantuple = slot;
	oldcontext = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	if (ExecQual(state->gates, econtext))
	{
		for (int i = 0; i < state->ntargets; i++)
			target_keys(state, &state->targets[i], row);
	}
	MemoryContextSwitchTo(oldcontext);
	ExecClearTuple(slot);
}

static void
target_keys(ReadAheadState *state, AheadTarget *target, AheadRow *row)
{
	AmplifyKeySet set;

	open_target(state, target);
	if (amplify_spec_gave_up(&target->table.spec))
		return;
	amplify_keys_evaluate(target->table.spec.resource, target->keys,
						  state->key_exprs, state->css.ss.ps.ps_ExprContext,
						  &target->table.options, &set);
	for (int i = 0; i < set.nkeys; i++)
	{
		BatchKey   *key;

		if (!amplify_spec_allows(&target->table.spec, &set.keys[i]))
			continue;
		key = palloc(sizeof(BatchKey));
		key->keys = set.keys[i];
		key->row = row;
		target->first->batch = lappend(target->first->batch, key);
		row->ncalls++;
	}
}

static void
start_lookups(ReadAheadState *state, AheadTarget *target)
{
	List	   *batch = target->batch;
	int			n = list_length(batch);
	AmplifyKeys *keys = palloc(sizeof(AmplifyKeys) * n);
	AmplifyAhead **calls = palloc(sizeof(AmplifyAhead *) * n);
	MemoryContext oldcontext;

	target->batch = NIL;		/* it is in the per-tuple context */
	list_sort(batch, compare_batch_keys);
	for (int i = 0; i < n; i++)
		keys[i] = ((BatchKey *) list_nth(batch, i))->keys;
	oldcontext = MemoryContextSwitchTo(state->rows_context);
	amplify_fetch_ahead(&target->table.spec, keys, n, calls);
	MemoryContextSwitchTo(oldcontext);
	for (int i = 0; i < n; i++)
		add_call(state, ((BatchKey *) list_nth(batch, i))->row, calls[i]);
	pfree(keys);
	pfree(calls);
	amplify_statement_progress(state->statement);
}

/* The row holds its call until the join has moved on */
static void
add_call(ReadAheadState *state, AheadRow *row, AmplifyAhead *call)
{
	if (row->calls == NULL)
	{
		row->calls = MemoryContextAlloc(state->rows_context,
										sizeof(AmplifyAhead *) * row->ncalls);
		row->ncalls = 0;
		count_memory(state, row, row->calls);
	}
	row->calls[row->ncalls++] = call;
	count_memory(state, row, call);
}

static int
compare_batch_keys(const ListCell *a, const ListCell *b)
{
	return amplify_keyset_compare(lfirst(a), lfirst(b), NULL);
}

static void
release_row(ReadAheadState *state, AheadRow *row)
{
	state->made -= row->made;
	state->size -= row->size;
	pfree(row->tuple);
	if (row->calls != NULL)
	{
		for (int i = 0; i < row->ncalls; i++)
			amplify_fetch_release(state->statement, row->calls[i]);
		pfree(row->calls);
	}
	pfree(row);
}

static void
drop_rows(ReadAheadState *state)
{
	ExecClearTuple(state->css.ss.ss_ScanTupleSlot);
	if (state->current != NULL)
		release_row(state, state->current);
	state->current = NULL;
	while (!dlist_is_empty(&state->rows))
		release_row(state, dlist_container(AheadRow, node,
										   dlist_pop_head_node(&state->rows)));
	state->nrows = 0;
}
