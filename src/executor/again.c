/*-------------------------------------------------------------------------
 *
 * again.c
 *	  Can the requests of a scan be repeated in its statement?  Only then is it
 *	  worth keeping all responses of a long list.
 *
 * The planner can rule it out if a query has a single table.  For others it
 * depends on the plan: the list on one side of a hash join is read once, and
 * that on the inner side of a nested loop for each outer row.  Keeping too
 * much costs memory and a temporary file; keeping too little would cost calls,
 * and let rows differ within a statement.  So a scan is assumed to be repeated
 * unless it is known to be read once.
 *
 * src/executor/again.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/amplify_executor.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"

/* What a walk through the plans of a statement looks for */
typedef struct AgainWalk
{
	const PlannedStmt *statement;
	const ForeignScan *scan;
	int			same_server;	/* scans of its server, with itself */
	bool		once;			/* it is where it is read once at most */
} AgainWalk;

static void walk_plan(Plan *plan, bool again, AgainWalk *walk);
static void walk_list(List *plans, bool again, AgainWalk *walk);
static void walk_init_plans(List *subplans, AgainWalk *walk);

/* May this scan, or another one of its server, repeat its requests? */
bool
amplify_again_possible(const ForeignScan *scan, const EState *estate)
{
	AgainWalk	walk = {.statement = estate->es_plannedstmt,.scan = scan};
	ListCell   *lc;

	walk_plan(walk.statement->planTree, false, &walk);
	/* subqueries that are no step before the plan run for each row */
	foreach(lc, walk.statement->subplans)
		walk_plan(lfirst(lc), true, &walk);
	return !walk.once || walk.same_server > 1;
}

static void
walk_plan(Plan *plan, bool again, AgainWalk *walk)
{
	if (plan == NULL)
		return;
	check_stack_depth();
	if (!again)
		walk_init_plans(plan->initPlan, walk);
	walk_plan(outerPlan(plan), again, walk);
	switch (nodeTag(plan))
	{
		case T_NestLoop:
		case T_RecursiveUnion:
			walk_plan(innerPlan(plan), true, walk);
			return;
		case T_Append:
			walk_list(((Append *) plan)->appendplans, again, walk);
			break;
		case T_MergeAppend:
			walk_list(((MergeAppend *) plan)->mergeplans, again, walk);
			break;
		case T_SubqueryScan:
			walk_plan(((SubqueryScan *) plan)->subplan, again, walk);
			break;
		case T_CustomScan:
			walk_list(((CustomScan *) plan)->custom_plans, again, walk);
			break;
		case T_ForeignScan:
			if (((ForeignScan *) plan)->fs_server == walk->scan->fs_server)
				walk->same_server++;
			if (plan == &walk->scan->scan.plan && !again)
				walk->once = true;
			break;
		default:
			break;
	}
	walk_plan(innerPlan(plan), again, walk);
}

static void
walk_list(List *plans, bool again, AgainWalk *walk)
{
	ListCell   *lc;

	foreach(lc, plans)
		walk_plan(lfirst(lc), again, walk);
}

/*
 * CTEs and subqueries that run once, unless they depend on something.  They
 * come once more with all subplans, and their scans are counted by that alone.
 */
static void
walk_init_plans(List *subplans, AgainWalk *walk)
{
	ListCell   *lc;

	foreach(lc, subplans)
	{
		const SubPlan *subplan = lfirst_node(SubPlan, lc);
		Plan	   *plan = list_nth(walk->statement->subplans,
									subplan->plan_id - 1);
		int			before = walk->same_server;

		walk_plan(plan, !bms_is_empty(plan->extParam), walk);
		walk->same_server = before;
	}
}
