/*-------------------------------------------------------------------------
 *
 * memoize.c
 *	  PostgreSQL's Memoize over a scan whose lookups are made ahead.
 *
 * The scan is then run for each different key once, and for rows that repeat
 * one not at all; the calls overlap as those of any read-ahead join do.
 * PostgreSQL makes Memoize paths over the inner paths that it has, and we over
 * those that are priced for reading ahead, under the conditions that
 * get_memoize_path() of joinpath.c has.
 *
 * src/planner/memoize.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "planner/amplify_planner.h"
#include "utils/selfuncs.h"

/* Worth it if at most that part of the rows has a key of its own */
#define MOST_DIFFERENT	0.9

/* What the results are kept by */
typedef struct CacheKey
{
	List	   *exprs;			/* of the outer side */
	List	   *operators;		/* Oids of their equality */
	bool		binary;			/* compare bytes, as no hash function says
								 * what is equal to the join */
} CacheKey;

static bool find_cache_key(const Path *inner, Relids outer, CacheKey *key);
static bool add_clause(CacheKey *key, const RestrictInfo *rinfo, Relids outer,
					   Relids inner);
static double most_keys(PlannerInfo *root, const CacheKey *key, double rows);
static Path *miss_path(const Path *inner, double rows_per_key);

/* For so many outer rows; NULL if it can't be, or isn't worth it */
Path *
amplify_memoize_path(PlannerInfo *root, const Path *inner,
					 const RelOptInfo *outerrel, double outer_rows,
					 JoinType jointype, const JoinPathExtraData *extra)
{
	RelOptInfo *rel = inner->parent;
	CacheKey	key = {NIL};
	Path	   *miss;
	double		keys;

	if (!enable_memoize || outer_rows < 2 || inner->param_info == NULL ||
		rel->lateral_vars != NIL || !bms_is_empty(rel->lateral_relids))
		return NULL;

	/*
	 * More than the first row of a key is to be there when it is asked for
	 * again.
	 */
	if (!extra->inner_unique &&
		(jointype == JOIN_SEMI || jointype == JOIN_ANTI))
		return NULL;
	/* all of the join's conditions must be in the scan that is unique */
	if (extra->inner_unique &&
		list_length(inner->param_info->ppi_clauses) < list_length(extra->restrictlist))
		return NULL;
	if (contain_volatile_functions((Node *) rel->reltarget->exprs) ||
		contain_volatile_functions((Node *) rel->baserestrictinfo) ||
		!find_cache_key(inner, outerrel->relids, &key))
		return NULL;

	if (most_keys(root, &key, outer_rows) > MOST_DIFFERENT * outer_rows)
		return NULL;
	keys = estimate_num_groups(root, key.exprs, outer_rows, NULL, NULL);
	miss = miss_path(inner, outer_rows / keys);
	return miss == NULL ? NULL : (Path *)
		create_memoize_path(root, rel, miss, key.exprs, key.operators,
							extra->inner_unique, key.binary, outer_rows);
}

/*
 * False if one of the scan's join clauses has no equality that can be hashed
 */
static bool
find_cache_key(const Path *inner, Relids outer, CacheKey *key)
{
	ListCell   *lc;

	foreach(lc, inner->param_info->ppi_clauses)
	{
		if (!add_clause(key, lfirst_node(RestrictInfo, lc), outer,
						inner->parent->relids))
			return false;
	}
	return key->exprs != NIL;
}

static bool
add_clause(CacheKey *key, const RestrictInfo *rinfo, Relids outer,
		   Relids inner)
{
	const OpExpr *op = (const OpExpr *) rinfo->clause;
	Node	   *expr;
	Oid			equal;

	if (!IsA(op, OpExpr) || list_length(op->args) != 2)
		return false;
	if (bms_is_subset(rinfo->left_relids, outer) &&
		bms_is_subset(rinfo->right_relids, inner))
	{
		expr = linitial(op->args);
		equal = rinfo->left_hasheqoperator;
	}
	else if (bms_is_subset(rinfo->left_relids, inner) &&
			 bms_is_subset(rinfo->right_relids, outer))
	{
		expr = lsecond(op->args);
		equal = rinfo->right_hasheqoperator;
	}
	else
		return false;
	if (!OidIsValid(equal))
		return false;
	if (!list_member(key->exprs, expr))
	{
		key->exprs = lappend(key->exprs, expr);
		key->operators = lappend_oid(key->operators, equal);
	}
	key->binary |= !OidIsValid(rinfo->hashjoinoperator);
	return true;
}

/*
 * How many different keys there are at most.  To PostgreSQL, those of several
 * columns are a tenth of the rows at most, which is too few for a table of
 * keys.
 */
static double
most_keys(PlannerInfo *root, const CacheKey *key, double rows)
{
	double		keys = 1;
	ListCell   *lc;

	foreach(lc, key->exprs)
		keys *= estimate_num_groups(root, list_make1(lfirst(lc)), rows, NULL,
									NULL);
	return keys;
}

/*
 * A copy of the inner path as it is when it is run once for so many rows,
 * whose calls it then stands for; NULL if it is of another kind.
 */
static Path *
miss_path(const Path *inner, double rows_per_key)
{
	Cost		cpu_cost = inner->total_cost - inner->startup_cost;
	Path	   *copy;

	if (!IsA(inner, ForeignPath) && !IsA(inner, AppendPath))
		return NULL;
	copy = amplify_below_copy(inner);
	copy->startup_cost *= rows_per_key;
	copy->total_cost = copy->startup_cost + cpu_cost;
	return copy;
}
