/*-------------------------------------------------------------------------
 *
 * ahead.c
 *	  What may be done ahead of time without being noticed.
 *
 * A read-ahead node computes rows of the outer side, and keys of its lookups,
 * which the join may never reach: a LIMIT, a cursor, an EXISTS or a merge join
 * above it may stop before, or an error may end the statement.  Whether one of
 * these is there is not examined.  Two things would be noticed, and both are
 * decided by the query's text alone:
 *
 * - Rows of the outer side that do something: volatile functions, row locks
 *   and data-modifying CTEs, wherever they stand.  We look through the query
 *   trees of everything that the relation is made of, CTEs and subqueries of
 *   all levels among them.  These are as the user wrote them, because a plan
 *   holds some of it in forms of its own.
 * - Key expressions that raise an error for a row.  Only those are allowed
 *   that are known not to (safe.c); all others are left to the scan, which
 *   evaluates them when the join reaches the row.
 *
 * Errors of the outer side's stable expressions are not hidden: they occur as
 * if the rows went through a Sort.  In case of doubt nothing is done ahead,
 * which costs nothing but time.
 *
 * src/planner/ahead.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "planner/amplify_planner.h"
#include "utils/lsyscache.h"

/* For the walk: the planner's level, and how many queries below it we are */
typedef struct EffectContext
{
	PlannerInfo *root;
	int			depth;
	Bitmapset **seen;			/* numbers of the subqueries looked at, which
								 * may come upon themselves */
} EffectContext;

static Relids add_arms(PlannerInfo *root, Relids relids);
static bool rel_has_effect(EffectContext *context, Relids relids, int relid);
static bool clauses_have_effect(EffectContext *context, List *clauses,
								Relids relids);
static bool effect_walker(Node *node, void *context);
static bool query_has_effect(Query *query, EffectContext *context);
static bool cte_has_effect(RangeTblEntry *rte, EffectContext *context);
static bool subplan_has_effect(SubPlan *subplan, EffectContext *context);
static bool init_plan_has_effect(EffectContext *context);
static bool is_volatile(Oid funcid, void *context);

/* Is nothing done or changed by computing the rows of this relation? */
bool
amplify_ahead_rows(PlannerInfo *root, const RelOptInfo *rel)
{
	Bitmapset  *seen = NULL;
	EffectContext context = {root, 0, &seen};
	Relids		relids = add_arms(root, bms_copy(rel->relids));
	int			relid = -1;

	if (effect_walker((Node *) rel->reltarget->exprs, &context))
		return false;
	while ((relid = bms_next_member(relids, relid)) >= 0)
	{
		if (rel_has_effect(&context, relids, relid))
			return false;
	}
	return true;
}

/* Are the keys of these disjuncts (see key.c) found without an error? */
bool
amplify_ahead_keys(List *disjuncts)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, disjuncts)
	{
		foreach(lc2, (List *) lfirst(lc))
		{
			AmplifyKeyTerm *term = lfirst(lc2);

			if (!amplify_safe_to_compute((Node *) term->expr))
				return false;
		}
	}
	return true;
}

/*
 * The relations and the arms of each UNION ALL among them, which are parents
 * of arms of their own.  Partitions have what their table has.
 */
static Relids
add_arms(PlannerInfo *root, Relids relids)
{
	bool		found = true;
	ListCell   *lc;

	while (found)
	{
		found = false;
		foreach(lc, root->append_rel_list)
		{
			AppendRelInfo *arm = lfirst_node(AppendRelInfo, lc);

			if (bms_is_member(arm->parent_relid, relids) &&
				!bms_is_member(arm->child_relid, relids) &&
				root->simple_rte_array[arm->parent_relid]->rtekind == RTE_SUBQUERY)
			{
				relids = bms_add_member(relids, arm->child_relid);
				found = true;
			}
		}
	}
	return relids;
}

/* What a relation is, and the conditions that relids are to fulfil */
static bool
rel_has_effect(EffectContext *context, Relids relids, int relid)
{
	PlannerInfo *root = context->root;
	RelOptInfo *rel = root->simple_rel_array[relid];

	if (rel == NULL)
		return false;			/* an outer join's own number */
	return effect_walker((Node *) root->simple_rte_array[relid], context) ||
		effect_walker((Node *) rel->reltarget->exprs, context) ||
		clauses_have_effect(context, rel->baserestrictinfo, NULL) ||
		clauses_have_effect(context, rel->joininfo, relids);
}

/* relids, if it is not NULL: only clauses that need no other relation */
static bool
clauses_have_effect(EffectContext *context, List *clauses, Relids relids)
{
	ListCell   *lc;

	foreach(lc, clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if ((relids == NULL || bms_is_subset(rinfo->required_relids, relids)) &&
			effect_walker((Node *) rinfo->clause, context))
			return true;
	}
	return false;
}

static bool
effect_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Query:
			return query_has_effect((Query *) node, context);
		case T_RangeTblEntry:
			if (((RangeTblEntry *) node)->rtekind == RTE_CTE)
				return cte_has_effect((RangeTblEntry *) node, context);
			/* a query's own walk goes on into it by itself */
			return ((EffectContext *) context)->depth == 0 &&
				range_table_entry_walker((RangeTblEntry *) node, effect_walker,
										 context, 0);
		case T_SubPlan:
			return subplan_has_effect((SubPlan *) node, context) ||
				expression_tree_walker(node, effect_walker, context);
		case T_Param:
			return ((Param *) node)->paramkind == PARAM_EXEC &&
				init_plan_has_effect(context);
		case T_NextValueExpr:
			return true;
		default:
			return check_functions_in_node(node, is_volatile, NULL) ||
				expression_tree_walker(node, effect_walker, context);
	}
}

static bool
query_has_effect(Query *query, EffectContext *context)
{
	EffectContext below = {context->root, context->depth + 1, context->seen};

	return query->rowMarks != NIL || query->commandType != CMD_SELECT ||
		query_tree_walker(query, effect_walker, &below,
						  QTW_EXAMINE_RTES_BEFORE);
}

/* A CTE of the planner's own levels; the others are met in their queries */
static bool
cte_has_effect(RangeTblEntry *rte, EffectContext *context)
{
	PlannerInfo *root = context->root;
	ListCell   *lc;

	if (rte->self_reference || (int) rte->ctelevelsup < context->depth)
		return false;
	for (int up = rte->ctelevelsup - context->depth; up > 0; up--)
	{
		root = root->parent_root;
		if (root == NULL)
			return true;
	}
	foreach(lc, root->parse->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);
		EffectContext above = {root, 0, context->seen};

		if (strcmp(cte->ctename, rte->ctename) == 0)
			return effect_walker(cte->ctequery, &above);
	}
	return true;
}

static bool
subplan_has_effect(SubPlan *subplan, EffectContext *context)
{
	PlannerInfo *subroot = list_nth(context->root->glob->subroots,
									subplan->plan_id - 1);
	EffectContext below = {subroot, -1, context->seen};

	if (bms_is_member(subplan->plan_id, *context->seen))
		return false;
	*context->seen = bms_add_member(*context->seen, subplan->plan_id);
	return query_has_effect(subroot->parse, &below);
}

/*
 * Which subquery sets a Param is known to the node that holds it only: so all
 * of those that could are looked at.
 */
static bool
init_plan_has_effect(EffectContext *context)
{
	ListCell   *lc;

	for (PlannerInfo *root = context->root; root != NULL; root = root->parent_root)
	{
		foreach(lc, root->init_plans)
		{
			if (subplan_has_effect(lfirst_node(SubPlan, lc), context))
				return true;
		}
	}
	return false;
}

static bool
is_volatile(Oid funcid, void *context)
{
	return func_volatile(funcid) == PROVOLATILE_VOLATILE;
}
