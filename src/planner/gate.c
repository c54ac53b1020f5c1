/*-------------------------------------------------------------------------
 *
 * gate.c
 *	  Planning of gates: conditions of a join on its outer side alone, which
 *	  decide whether the inner side is wanted at all.
 *
 * A nested loop evaluates such a condition of an outer join only when it has a
 * row of the inner side, which then has cost a call.  Where it isn't true
 * there can be no match, so a gate makes the inner side empty, and the
 * read-ahead node makes no lookup.
 *
 * A scan of ours that is the inner side, or a partition of it, evaluates its
 * gates by itself (AmplifyPathInfo.gates).  All else gets the node of
 * executor/gate.c above it.  It has to be above, as what is below may keep
 * rows from one outer row to the next, by keys that say nothing of the gate.
 *
 * src/planner/gate.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/extensible.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"
#include "planner/amplify_planner.h"

static Plan *plan_gate(PlannerInfo *root, RelOptInfo *rel,
					   struct CustomPath *best_path, List *tlist,
					   List *clauses, List *custom_plans);

static const CustomPathMethods path_methods = {
	.CustomName = "AmplifyGate",
	.PlanCustomPath = plan_gate,
};

static const CustomScanMethods scan_methods = {
	.CustomName = "AmplifyGate",
	.CreateCustomScanState = amplify_gate_create_state,
};

/* Called once, when the library is loaded */
void
amplify_gate_install(void)
{
	RegisterCustomScanMethods(&scan_methods);
}

/*
 * The gates of a join, as RestrictInfos.  They are evaluated earlier than the
 * user wrote them, and for rows that find no match, so they are only those
 * that can't fail.
 */
List *
amplify_gate_clauses(RelOptInfo *joinrel, RelOptInfo *outerrel,
					 JoinType jointype, List *restrictlist)
{
	List	   *gates = NIL;
	ListCell   *lc;

	if (jointype == JOIN_INNER || jointype == JOIN_UNIQUE_OUTER)
		return NIL;				/* they are below the join already */
	foreach(lc, restrictlist)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (bms_is_subset(rinfo->clause_relids, outerrel->relids) &&
			!rinfo->pseudoconstant &&
			!RINFO_IS_PUSHED_DOWN(rinfo, joinrel->relids) &&
			!contain_volatile_functions((Node *) rinfo->clause) &&
			amplify_safe_to_compute((Node *) rinfo->clause))
			gates = lappend(gates, rinfo);
	}
	return gates;
}

/* An inner path behind gates */
Path *
amplify_gate_path(Path *inner, List *gates)
{
	CustomPath *path = makeNode(CustomPath);

	path->path = *inner;
	path->path.type = T_CustomPath;
	path->path.pathtype = T_CustomScan;
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->custom_paths = list_make1(inner);
	path->custom_private = list_make1(gates);
	path->methods = &path_methods;
	return &path->path;
}

/* The clauses are those of the path below, which sees to them */
static Plan *
plan_gate(PlannerInfo *root, RelOptInfo *rel, struct CustomPath *best_path,
		  List *tlist, List *clauses, List *custom_plans)
{
	List	   *gates = extract_actual_clauses(linitial(best_path->custom_private),
											   false);

	return &amplify_gate_make_scan(best_path, tlist, custom_plans,
								   copyObject(gates))->scan.plan;
}

/*
 * The plan node of a path of ours, which hands on rows of the one below it.
 * Names of methods are the same for paths and plans.
 */
CustomScan *
amplify_gate_make_scan(const CustomPath *path, List *tlist, List *custom_plans,
					   List *exprs)
{
	Plan	   *child = linitial(custom_plans);
	CustomScan *scan = makeNode(CustomScan);

	scan->scan.plan.targetlist = tlist != NIL ? tlist :
		copyObject(child->targetlist);
	scan->flags = path->flags;
	scan->custom_plans = custom_plans;
	scan->custom_scan_tlist = copyObject(child->targetlist);
	scan->custom_exprs = exprs;
	scan->methods = GetCustomScanMethods(path->methods->CustomName, false);
	return scan;
}
