/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  What EXPLAIN says of a scan: the calls that it will make, and with
 *	  ANALYZE those that it has made.
 *
 * src/executor/explain.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/explain.h"
#include "compat.h"
#include "executor/amplify_executor.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "rewrite/rewriteManip.h"
#include "utils/ruleutils.h"

static char *conditions_text(const ForeignScan *plan, List *conditions,
							 ExplainState *es);
static void explain_operations(const AmplifyCounters *counters,
							   ExplainState *es);

void
amplifyExplainForeignScan(ForeignScanState *node, ExplainState *es)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	const AmplifyCounters *counters = amplify_scan_counters(node);
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
	if (counters != NULL)
		amplify_explain_counters(counters, es);
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

/* Nothing without ANALYZE; no zeroes in text, which is for people */
void
amplify_explain_counters(const AmplifyCounters *counters, ExplainState *es)
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
