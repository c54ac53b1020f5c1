/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Execution of a scan: keys evaluated, items asked of fetch.c, slots
 *	  filled by value.c.
 *
 * src/scan.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "amplify_fdw.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* ForeignScanState.fdw_state; in the executor's query context */
typedef struct AmplifyScan
{
	AmplifyFetchSpec spec;
	AmplifyOptions options;		/* the table's over the server's */
	AmplifyFetch *fetch;		/* NULL until the first row is asked for */
	AmplifyColumnMap *map;
	List	   *keys;			/* see amplify_key_serialize() */
	List	   *key_exprs;		/* ExprStates */
	List	   *gates;			/* ExprStates */
	MemoryContext keys_context; /* holds the evaluated keys */
	bool		started;		/* fetch runs since the last rescan */
} AmplifyScan;

static void open_scan(ForeignScanState *node);
static void start_fetch(ForeignScanState *node);

/*
 * Nothing is looked up or connected before the first row is asked for: EXPLAIN
 * needs no credentials, and a scan that is never run costs nothing.
 */
void
amplifyBeginForeignScan(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	int			ngates = intVal(list_nth(plan->fdw_private,
										 AMPLIFY_PRIVATE_GATES));
	int			lookup = intVal(list_nth(plan->fdw_private,
										 AMPLIFY_PRIVATE_LOOKUP));
	AmplifyScan *state;
	List	   *exprs;

	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	state = palloc0(sizeof(AmplifyScan));
	state->keys = list_nth(plan->fdw_private, AMPLIFY_PRIVATE_KEYS);
	exprs = ExecInitExprList(plan->fdw_exprs, (PlanState *) node);
	state->gates = list_copy_tail(exprs, list_length(exprs) - ngates);
	state->key_exprs = list_truncate(exprs, list_length(exprs) - ngates);
	state->spec.query = amplify_query_join(node->ss.ps.state);
	state->spec.counters = lookup != 0 ?
		amplify_query_counters(state->spec.query, lookup) :
		palloc0(sizeof(AmplifyCounters));
	node->fdw_state = state;
}

/* Called in the per-tuple context, where the values of the slot go */
TupleTableSlot *
amplifyIterateForeignScan(ForeignScanState *node)
{
	AmplifyScan *state = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	AmplifyRow	row;

	if (state->fetch == NULL)
		open_scan(node);
	if (!state->started)
		start_fetch(node);
	if (amplify_fetch_next(state->fetch, &row))
		amplify_value_fill(state->map, &row, state->spec.connection, slot);
	else
		ExecClearTuple(slot);
	return slot;
}

void
amplifyReScanForeignScan(ForeignScanState *node)
{
	AmplifyScan *state = node->fdw_state;

	if (state->started)
		amplify_fetch_stop(state->fetch);
	state->started = false;
}

void
amplifyEndForeignScan(ForeignScanState *node)
{
	AmplifyScan *state = node->fdw_state;

	if (state == NULL)
		return;
	if (state->fetch != NULL)
		amplify_fetch_stop(state->fetch);
	amplify_query_leave(state->spec.query);
}

/* NULL if the scan was only explained */
const AmplifyCounters *
amplify_scan_counters(ForeignScanState *node)
{
	AmplifyScan *state = node->fdw_state;

	return state ? state->spec.counters : NULL;
}

/* Are all these conditions true?  Otherwise no row is wanted. */
bool
amplify_scan_gate(List *gates, ExprContext *econtext)
{
	ListCell   *lc;

	foreach(lc, gates)
	{
		bool		isnull;
		Datum		result = ExecEvalExprSwitchContext(lfirst(lc), econtext,
													   &isnull);

		if (isnull || !DatumGetBool(result))
			return false;
	}
	return true;
}

static void
open_scan(ForeignScanState *node)
{
	AmplifyScan *state = node->fdw_state;
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	EState	   *estate = node->ss.ps.state;
	Relation	rel = node->ss.ss_currentRelation;
	RangeTblEntry *rte = exec_rt_fetch(plan->scan.scanrelid, estate);
	ForeignTable *table = GetForeignTable(RelationGetRelid(rel));
	AmplifyFetchSpec *spec = &state->spec;
	MemoryContext oldcontext = MemoryContextSwitchTo(estate->es_query_cxt);
	Bitmapset  *attrs = NULL;
	ListCell   *lc;

	(void) rte;					/* not used by every version's macro */
	foreach(lc, list_nth(plan->fdw_private, AMPLIFY_PRIVATE_ATTRS))
		attrs = bms_add_member(attrs, lfirst_int(lc));

	spec->connection = amplify_query_connection(spec->query, table->serverid,
												amplify_scan_user(node, rte));
	state->options = spec->connection->options;
	amplify_option_apply(table->options, &state->options);
	spec->options = &state->options;
	spec->resource = amplify_option_resource(&state->options,
											 RelationGetRelid(rel));
	spec->tablename = pstrdup(RelationGetRelationName(rel));
	spec->eager = boolVal(list_nth(plan->fdw_private, AMPLIFY_PRIVATE_EAGER));
	spec->keep = boolVal(list_nth(plan->fdw_private, AMPLIFY_PRIVATE_KEEP));
	state->map = amplify_value_map(rel, spec->resource, attrs);
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
	bool		wanted = amplify_scan_gate(state->gates, econtext);

	/* a plan made before pushdown was turned off is held to it all the same */
	if (amplify_pushdown && wanted)
		amplify_keyset_evaluate(state->spec.resource, state->keys,
								state->key_exprs, econtext,
								state->options.region, &set);
	if (wanted && (set.all || !amplify_pushdown))
		amplify_fetch_start_all(state->fetch, set.filter);
	else
		amplify_fetch_start(state->fetch, set.keys, set.nkeys);
	state->started = true;
	MemoryContextSwitchTo(oldcontext);
	MemoryContextReset(state->keys_context);
}
