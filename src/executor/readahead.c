/*-------------------------------------------------------------------------
 *
 * readahead.c
 *	  Execution of the read-ahead node: rows of the outer side of a join, read
 *	  before they are needed, and the lookups of their keys started.
 *
 * The node hands its child's rows through in their order.  It keeps up to so
 * many of them, and pins the call of each until the join has moved on, so
 * that the scan on the inner side finds it under way or answered.  Rows are
 * read in batches: within a batch, several keys of one app become one List.
 *
 * A lookup that fails here is no error; the scan will ask again, and only if
 * the join gets there.
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
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "nodes/extensible.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/ruleutils.h"

int			amplify_read_ahead = 200;

/* A row that has been read, and its lookups */
typedef struct AheadRow
{
	MinimalTuple tuple;
	AmplifyAhead **calls;		/* NULL when there are none */
	int			ncalls;
} AheadRow;

/* A table that is looked up */
typedef struct AheadTarget
{
	AmplifyFetchSpec spec;		/* connection is NULL until the first row */
	AmplifyOptions options;		/* the table's over the server's */
	Oid			relid;
	Oid			userid;			/* on whose behalf */
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
	List	   *gates;			/* likewise */
	MemoryContext rows_context; /* holds the tuples */
	AheadRow   *rows;			/* a ring of limit rows */
	int			limit;
	int			first;			/* the next one to hand out */
	int			nrows;
	int			window;			/* rows to read ahead for now */
	AheadRow	current;		/* the one handed out last */
	bool		exhausted;		/* the child has no more rows */
	bool		eager;
	AmplifyCounters *counters;	/* of lookups that no scan shows; or NULL */
	int64		rows_read;
	int			most_ahead;
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
static void connect_target(ReadAheadState *state, AheadTarget *target);
static void read_batch(ReadAheadState *state);
static bool read_row(ReadAheadState *state);
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
	int			ngates = intVal(list_nth(private, AMPLIFY_AHEAD_GATES));
	Plan	   *child = linitial(plan->custom_plans);
	List	   *exprs;
	ListCell   *lc;

	node->custom_ps = list_make1(ExecInitNode(child, estate, eflags));
	state->limit = intVal(list_nth(private, AMPLIFY_AHEAD_ROWS));
	exprs = ExecInitExprList(plan->custom_exprs, &node->ss.ps);
	state->gates = list_copy_tail(exprs, list_length(exprs) - ngates);
	state->key_exprs = list_truncate(exprs, list_length(exprs) - ngates);
	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;

	/* EvalPlanQual rechecks one row: nothing to read ahead */
	if (estate->es_epq_active != NULL)
	{
		state->limit = 1;
		targets = NIL;
	}
	state->eager = boolVal(list_nth(private, AMPLIFY_AHEAD_EAGER));
	state->window = state->eager ? state->limit : 1;
	state->rows = palloc0(sizeof(AheadRow) * state->limit);
	state->rows_context = AllocSetContextCreate(estate->es_query_cxt,
												"amplify_fdw rows ahead",
												ALLOCSET_DEFAULT_SIZES);
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

	release_row(state, &state->current);
	if (!state->exhausted && state->nrows <= state->window / 2)
		read_batch(state);
	if (state->nrows == 0)
		return ExecClearTuple(node->ss.ps.ps_ProjInfo ?
							  node->ss.ps.ps_ProjInfo->pi_state.resultslot :
							  slot);

	state->current = state->rows[state->first];
	memset(&state->rows[state->first], 0, sizeof(AheadRow));
	state->first = (state->first + 1) % state->limit;
	state->nrows--;
	/* reads at most twice what is used, plus one */
	state->window = Min(state->window + 1, state->limit);

	ExecForceStoreMinimalTuple(state->current.tuple, slot, false);
	if (node->ss.ps.ps_ProjInfo == NULL)
		return slot;
	ResetExprContext(node->ss.ps.ps_ExprContext);
	node->ss.ps.ps_ExprContext->ecxt_scantuple = slot;
	return ExecProject(node->ss.ps.ps_ProjInfo);
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
		state->window = 1;
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
		amplify_explain_counters(state->counters, es);
}

static void
init_target(ReadAheadState *state, AheadTarget *target, List *private)
{
	int			lookup = intVal(list_nth(private, AMPLIFY_TARGET_LOOKUP));

	target->keys = list_nth(private, AMPLIFY_TARGET_KEYS);
	target->relid = linitial_oid(list_nth(private, AMPLIFY_TARGET_RELID));
	target->userid =
		amplify_statement_user(state->statement,
							   linitial_oid(list_nth(private,
													 AMPLIFY_TARGET_USERID)));
	target->spec.statement = state->statement;
	if (lookup == 0 && state->counters == NULL)
		state->counters = amplify_statement_counters(state->statement, 0);
	target->spec.counters = lookup == 0 ? state->counters :
		amplify_statement_counters(state->statement, lookup);
	target->spec.keep = true;
	target->spec.eager = state->eager &&
		boolVal(list_nth(private, AMPLIFY_TARGET_EAGER));
	target->spec.list_first =
		boolVal(list_nth(private, AMPLIFY_TARGET_LIST_FIRST));
	/* several scans of a table: one List may have the keys of all */
	target->first = state->targets;
	while (target->first->relid != target->relid ||
		   target->first->userid != target->userid ||
		   target->first->spec.counters != target->spec.counters ||
		   target->first->spec.eager != target->spec.eager)
		target->first++;
	target->first->spec.list_first |= target->spec.list_first;
}

/* On behalf of whom, and under which options, as the scan itself will */
static void
connect_target(ReadAheadState *state, AheadTarget *target)
{
	AmplifyFetchSpec *spec = &target->spec;
	ForeignTable *table;
	MemoryContext oldcontext;

	oldcontext = MemoryContextSwitchTo(state->css.ss.ps.state->es_query_cxt);
	table = GetForeignTable(target->relid);
	spec->connection = amplify_statement_connection(spec->statement, table->serverid,
													target->userid);
	target->options = spec->connection->options;
	amplify_option_apply(table->options, &target->options);
	spec->options = &target->options;
	spec->resource = amplify_option_resource(&target->options, target->relid);
	spec->tablename = get_rel_name(target->relid);
	MemoryContextSwitchTo(oldcontext);
}

/* Fill the window again */
static void
read_batch(ReadAheadState *state)
{
	ExprContext *econtext = state->css.ss.ps.ps_ExprContext;

	ResetExprContext(econtext);
	while (state->nrows < state->window && read_row(state))
	{
		/* answers come in while the outer side works */
		amplify_statement_progress(state->statement);
	}
	state->most_ahead = Max(state->most_ahead, state->nrows);
	for (int i = 0; i < state->ntargets; i++)
		start_lookups(state, &state->targets[i]);
	ResetExprContext(econtext);
}

/* One row into the ring, and its keys into the batches; false: no more rows */
static bool
read_row(ReadAheadState *state)
{
	AheadRow   *row = &state->rows[(state->first + state->nrows) % state->limit];
	TupleTableSlot *slot = ExecProcNode(linitial(state->css.custom_ps));
	MemoryContext oldcontext;

	if (TupIsNull(slot))
	{
		state->exhausted = true;
		return false;
	}
	oldcontext = MemoryContextSwitchTo(state->rows_context);
	row->tuple = ExecCopySlotMinimalTuple(slot);
	MemoryContextSwitchTo(oldcontext);
	state->nrows++;
	state->rows_read++;
	if (state->ntargets > 0)
		row_keys(state, row);
	return true;
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
	if (amplify_scan_gate(state->gates, econtext))
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

	if (target->spec.connection == NULL)
		connect_target(state, target);
	if (amplify_parent_gave_up(&target->spec))
		return;
	amplify_keys_evaluate(target->spec.resource, target->keys,
						  state->key_exprs, state->css.ss.ps.ps_ExprContext,
						  &target->options, &set);
	for (int i = 0; i < set.nkeys; i++)
	{
		BatchKey   *key = palloc(sizeof(BatchKey));

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
	amplify_fetch_ahead(&target->spec, keys, n, calls);
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
	}
	row->calls[row->ncalls++] = call;
}

static int
compare_batch_keys(const ListCell *a, const ListCell *b)
{
	return amplify_keyset_compare(lfirst(a), lfirst(b));
}

static void
release_row(ReadAheadState *state, AheadRow *row)
{
	if (row->tuple != NULL)
		pfree(row->tuple);
	if (row->calls != NULL)
	{
		for (int i = 0; i < row->ncalls; i++)
			amplify_fetch_release(state->statement, row->calls[i]);
		pfree(row->calls);
	}
	memset(row, 0, sizeof(AheadRow));
}

static void
drop_rows(ReadAheadState *state)
{
	ExecClearTuple(state->css.ss.ss_ScanTupleSlot);
	release_row(state, &state->current);
	for (; state->nrows > 0; state->nrows--)
	{
		release_row(state, &state->rows[state->first]);
		state->first = (state->first + 1) % state->limit;
	}
}
