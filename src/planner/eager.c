/*-------------------------------------------------------------------------
 *
 * eager.c
 *	  Will all rows of a path be read?  If so, its calls are started as early
 *	  as possible; if not, only a few at a time, because calls for rows that
 *	  nobody reads are wasted.
 *
 * LIMIT, EXISTS, ANY and cursors leave rows unread.  The planner knows this of
 * each query level as tuple_fraction, the fraction of its rows that will be
 * retrieved.  That does not take into account what must read all of its input
 * before it returns a row: aggregates, and a sort that the path does not
 * provide.
 *
 * CTEs and the subqueries of expressions are planned before the level that
 * contains them is prepared.  For a subquery, its own fraction is enough: how
 * many rows are wanted above it does not matter.  A CTE is read only as far as
 * its rows are requested, so a LIMIT above it counts; whether it is below a
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

/* path belongs to the query level of root.  True unless something is known. */
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

		/* above, the path stands for rows of the same order: of none */
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
