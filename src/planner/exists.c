/*-------------------------------------------------------------------------
 *
 * exists.c
 *	  EXISTS that is no join, as below an OR or in a select list.
 *
 * PostgreSQL plans it in two ways: for each row that it is tested for, and
 * once as a hash table of all that there may be a row for, and takes what is
 * cheaper by its estimates.  The calls of the first way are bounded by the
 * rows; those of the second one are not, where nobody knows how much a list of
 * all is.
 *
 * The second way is a query of its own that convert_EXISTS_to_ANY() makes.
 * Its columns, which no user's query leaves without names unless only a sort
 * needs them, are what is compared with the rows.
 *
 * src/planner/exists.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "compat.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/appendinfo.h"
#include "optimizer/optimizer.h"
#include "planner/amplify_planner.h"

static Var *column_equal_to(PlannerInfo *root, RelOptInfo *baserel,
							Expr *expr);

/*
 * Is the path, which lists all, for the second way, where the first one has
 * keys for lookups?
 */
bool
amplify_exists_lists_all(PlannerInfo *root, RelOptInfo *baserel,
						 const AmplifyPathInfo *path)
{
	AmplifyRelInfo *info = baserel->fdw_private;
	AmplifyKeyMask bound = amplify_key_common(path->disjuncts);
	AmplifyRoute route;
	ListCell   *lc;

	if (root->parent_root == NULL || !amplify_pushdown)
		return false;
	foreach(lc, root->parse->targetList)
	{
		TargetEntry *target = lfirst(lc);
		const AmplifyColumn *column = NULL;
		Var		   *var;

		if (target->resname != NULL || target->resjunk)
			return false;
		var = column_equal_to(root, baserel, target->expr);
		if (var != NULL)
			column = amplify_condition_column(info, var->varattno, true);
		if (column != NULL)
			bound |= amplify_key_binds(info->resource, column);
	}
	amplify_route_find(info->resource, bound, NULL, NULL, &route);
	return route.nsteps == 1 || route.steps[route.nsteps - 1].bound != 0;
}

/* A column of the table that is the expression, or one that is equal to it */
static Var *
column_equal_to(PlannerInfo *root, RelOptInfo *baserel, Expr *expr)
{
	Relids		relids = IS_OTHER_REL(baserel) ? baserel->top_parent_relids :
		baserel->relids;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, bms_is_subset(pull_varnos(root, (Node *) expr), relids) ? NIL :
			root->eq_classes)
	{
		List	   *members = lfirst_node(EquivalenceClass, lc)->ec_members;
		Expr	   *other = NULL;
		bool		found = false;

		foreach(lc2, members)
		{
			EquivalenceMember *member = lfirst(lc2);

			found |= equal(member->em_expr, expr);
			if (bms_equal(member->em_relids, relids))
				other = member->em_expr;
		}
		if (found && other != NULL)
		{
			expr = other;
			break;
		}
	}
	if (IS_OTHER_REL(baserel))
		expr = (Expr *) amplify_adjust_child_attrs(root, expr, baserel);
	while (IsA(expr, RelabelType) && exprType((Node *) expr) == TEXTOID)
		expr = ((RelabelType *) expr)->arg;
	return IsA(expr, Var) && ((Var *) expr)->varno == baserel->relid ?
		(Var *) expr : NULL;
}
