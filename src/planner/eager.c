/*-------------------------------------------------------------------------
 *
 * eager.c
 *	  Will all rows of a path be read?  Then calls are made as early as can be;
 *	  else few at a time, for whoever has enough rows has asked in vain for the
 *	  others.
 *
 * Rows are left unread by LIMIT, EXISTS, ANY and cursors.  For each query
 * level, the planner tells so by the fraction of its rows that will be wanted.
 * That says nothing of what has to see all rows before there is a first one:
 * aggregates, and a sort by something else than the path is sorted by.
 *
 * CTEs and the subqueries of expressions are planned before the level that
 * they stand in is prepared.  Of a subquery, its own fraction says it all:
 * how many rows are wanted above is no matter to it.  A CTE is read as its
 * rows are asked for, so that a LIMIT above it counts; that it is under a
 * cursor is not known.
 *
 * src/planner/eager.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "planner/amplify_planner.h"

static bool sees_all_rows(const PlannerInfo *root, const Path *path);
static bool is_sorted_above(const List *pathkeys, const Path *path);
static bool is_planning_cte(const PlannerInfo *root);
static bool reads_whole_cte(const Query *parse);

/* path is one of root's level.  True if nothing says otherwise. */
bool
amplify_eager_reads_all(const PlannerInfo *root, const Path *path)
{
	bool		prepared = true;	/* the fraction of root's rows is known */

	for (;;)
	{
		const PlannerInfo *parent = root->parent_root;

		if (prepared && sees_all_rows(root, path))
			return true;
		if (prepared && (root->tuple_fraction != 0 || root->limit_tuples > 0))
			return false;
		if (parent == NULL)
			return true;
		if (is_planning_cte(parent))
		{
			if (!reads_whole_cte(parent->parse))
				return false;
			prepared = false;
		}
		else if (parent->limit_tuples != 0 || parent->parse->setOperations != NULL)
			prepared = true;
		else
			return prepared;	/* of a subquery, this was all */

		/* there it is rows in the same order, if they have none at all */
		if (path != NULL &&
			(path->pathkeys != NIL || path->param_info != NULL ||
			 bms_membership(parent->all_baserels) == BMS_MULTIPLE))
			path = NULL;
		root = parent;
	}
}

/*
 * Has the level to see all rows of the path (NULL: any) before its first one?
 */
static bool
sees_all_rows(const PlannerInfo *root, const Path *path)
{
	const Query *parse = root->parse;
	const List *pathkeys = parse->setOperations != NULL ? root->sort_pathkeys :
		root->query_pathkeys;

	if (parse->hasAggs && parse->groupClause == NIL &&
		parse->groupingSets == NIL)
		return true;
	if (pathkeys == NIL)
		return parse->groupClause != NIL;	/* hashed, or one group */
	return path != NULL && is_sorted_above(pathkeys, path);
}

/*
 * Is the path sorted, or hashed, by something above it, because neither it nor
 * what it is joined with brings the order?  A parameterized path is the inner
 * side of what brings it, and so no order by one of its own columns.
 */
static bool
is_sorted_above(const List *pathkeys, const Path *path)
{
	const PathKey *first = linitial(pathkeys);
	ListCell   *lc;

	if (path->param_info == NULL)
		return path->pathkeys == NIL ||
			!list_member_ptr(pathkeys, linitial(path->pathkeys));
	foreach(lc, first->pk_eclass->ec_members)
	{
		if (!bms_overlap(lfirst_node(EquivalenceMember, lc)->em_relids,
						 path->parent->relids))
			return false;
	}
	return true;
}

/* Is that level planning its CTEs, one after the other? */
static bool
is_planning_cte(const PlannerInfo *root)
{
	return list_length(root->cte_plan_ids) < list_length(root->parse->cteList);
}

/* Does a level that is not prepared yet read the CTEs that it reads whole? */
static bool
reads_whole_cte(const Query *parse)
{
	return parse->limitCount == NULL || parse->hasAggs ||
		parse->groupClause != NIL || parse->groupingSets != NIL ||
		parse->distinctClause != NIL || parse->sortClause != NIL;
}
