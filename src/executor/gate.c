/*-------------------------------------------------------------------------
 *
 * gate.c
 *	  Execution of a gate: the rows of what is below it, or none for an outer
 *	  row for which the gate's conditions are not true (see planner/gate.c).
 *
 * The conditions have parameters of the nested loop above only.  They are
 * evaluated when the first row is asked for after a rescan; what is below is
 * not touched before, so a closed gate costs nothing there.
 *
 * src/executor/gate.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/explain.h"
#include "compat.h"
#include "executor/amplify_executor.h"
#include "executor/executor.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "utils/ruleutils.h"

typedef struct GateState
{
	CustomScanState css;
	ExprState  *conditions;
	bool		decided;		/* for this outer row */
	bool		open;
} GateState;

static void begin_gate(CustomScanState *node, EState *estate, int eflags);
static TupleTableSlot *exec_gate(CustomScanState *node);
static void end_gate(CustomScanState *node);
static void rescan_gate(CustomScanState *node);
static void explain_gate(CustomScanState *node, List *ancestors,
						 ExplainState *es);
static bool is_open(GateState *state);

static const CustomExecMethods exec_methods = {
	.CustomName = "AmplifyGate",
	.BeginCustomScan = begin_gate,
	.ExecCustomScan = exec_gate,
	.EndCustomScan = end_gate,
	.ReScanCustomScan = rescan_gate,
	.ExplainCustomScan = explain_gate,
};

/* For CustomScanMethods: the state of the node, not yet begun */
Node *
amplify_gate_create_state(CustomScan *plan)
{
	GateState  *state = palloc0(sizeof(GateState));

	NodeSetTag(state, T_CustomScanState);
	state->css.methods = &exec_methods;
	return (Node *) state;
}

static void
begin_gate(CustomScanState *node, EState *estate, int eflags)
{
	GateState  *state = (GateState *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;

	node->custom_ps = list_make1(ExecInitNode(linitial(plan->custom_plans),
											  estate, eflags));
	state->conditions = ExecInitQual(plan->custom_exprs, &node->ss.ps);
}

/* The slot is a virtual one, whatever that of the node below is */
static TupleTableSlot *
exec_gate(CustomScanState *node)
{
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	TupleTableSlot *below = NULL;
	int			natts = slot->tts_tupleDescriptor->natts;

	ExecClearTuple(slot);
	if (is_open((GateState *) node))
		below = ExecProcNode(linitial(node->custom_ps));
	if (!TupIsNull(below))
	{
		slot_getallattrs(below);
		memcpy(slot->tts_values, below->tts_values, sizeof(Datum) * natts);
		memcpy(slot->tts_isnull, below->tts_isnull, sizeof(bool) * natts);
		ExecStoreVirtualTuple(slot);
	}
	return amplify_scan_project(&node->ss);
}

static void
end_gate(CustomScanState *node)
{
	ExecEndNode(linitial(node->custom_ps));
}

static void
rescan_gate(CustomScanState *node)
{
	PlanState  *child = linitial(node->custom_ps);

	((GateState *) node)->decided = false;
	if (node->ss.ps.chgParam != NULL)
		UpdateChangedParamSet(child, node->ss.ps.chgParam);
	if (child->chgParam == NULL)
		ExecReScan(child);
}

static void
explain_gate(CustomScanState *node, List *ancestors, ExplainState *es)
{
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	List	   *context = set_deparse_context_plan(es->deparse_cxt,
												   node->ss.ps.plan, ancestors);
	Node	   *gate = (Node *) make_ands_explicit(plan->custom_exprs);

	ExplainPropertyText("Gate", deparse_expression(gate, context, true, false),
						es);
}

static bool
is_open(GateState *state)
{
	if (!state->decided)
	{
		ExprContext *econtext = state->css.ss.ps.ps_ExprContext;

		ResetExprContext(econtext);
		state->open = ExecQual(state->conditions, econtext);
		state->decided = true;
	}
	return state->open;
}
