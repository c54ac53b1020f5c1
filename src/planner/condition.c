/*-------------------------------------------------------------------------
 *
 * condition.c
 *	  Conditions that are decided before a call, at plan time: which ones, and
 *	  what they save.
 *
 * A condition that is not a key (LIKE, <>, >, a function of a column) can't be
 * sent, and filters the rows.  But the columns that it uses may be known
 * before a request is made: the region, and the keys in the request's path,
 * which come from the query or from an item of the parent.  If it is not true
 * then, no row would pass it, and nothing is requested: neither the List of a
 * parent whose name does not match, nor anything below it.
 *
 * The scan still checks each condition on every row.  But here it is evaluated
 * also where there may be no row at all.  That must not be noticed, so it is
 * used only if
 *
 * - the rules of security barriers let it run before all others;
 * - it uses columns of type text only, because the constraint of a domain
 *	 might have effects;
 * - it can't fail (safe.c), and calls only built-in functions that are not
 *	 volatile; the same holds for its subqueries, each of which reads one table
 *	 and is hashed;
 * - the keys do not decide it anyway.
 *
 * It is executed by executor/known.c.
 *
 * src/planner/condition.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/sysattr.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"
#include "planner/amplify_planner.h"
#include "utils/lsyscache.h"

static Node *without_subplans(Node *node, void *context);
static bool is_safe_plan(const Plan *plan);
static bool is_own_scan(const ForeignScan *scan);
static Expr *first_of_row(const RowCompareExpr *row);
static bool keys_of(const RelOptInfo *baserel, Node *clause,
					AmplifyKeyMask *keys);
static bool calls_others_walker(Node *node, void *context);
static bool is_others(Oid funcid, void *context);

/*
 * What a column of the table shows; looked up once, for clauses may be long.
 * If it shows nothing, that is an error, or (missing_ok) NULL: a query that
 * reads the column will say so.
 */
const AmplifyColumn *
amplify_condition_column(AmplifyRelInfo *info, AttrNumber attno, bool missing_ok)
{
	if (info->columns[attno] == NULL)
		info->columns[attno] = amplify_value_column(info->relid, attno,
													info->resource, missing_ok);
	return info->columns[attno];
}

/*
 * What of a condition can be decided before a call that has the keys which it
 * looks at: all of it, what it implies, or NULL.
 */
RestrictInfo *
amplify_condition_early(PlannerInfo *root, RelOptInfo *baserel,
						RestrictInfo *rinfo)
{
	RestrictInfo *result = rinfo;
	Node	   *clause;
	AmplifyKeyMask keys;

	if (IsA(rinfo->clause, RowCompareExpr))
	{
		result = make_simple_restrictinfo(root,
										  first_of_row((RowCompareExpr *) rinfo->clause));
		result->security_level = rinfo->security_level;
		result->leakproof = rinfo->leakproof;
	}
	clause = (Node *) result->clause;
	if (!rinfo->pseudoconstant &&
		keys_of(baserel, clause, &keys) &&
		restriction_is_securely_promotable(result, baserel) &&
		!contain_volatile_functions(clause) &&
		!calls_others_walker(clause, NULL) &&
		amplify_safe_to_compute(without_subplans(clause, root)))
		return result;
	return NULL;
}

/*
 * The clause with what each hashed subquery compares in place of it, if that
 * is safe to run.  It is run once more for us; the calls of foreign tables in
 * it are shared.
 */
static Node *
without_subplans(Node *node, void *context)
{
	PlannerInfo *root = context;

	if (node == NULL)
		return NULL;
	if (IsA(node, SubPlan))
	{
		SubPlan    *subplan = (SubPlan *) node;

		if (!subplan->useHashTable || subplan->parParam != NIL ||
			subplan->setParam != NIL ||
			!is_safe_plan(list_nth(root->glob->subplans, subplan->plan_id - 1)))
			return node;
		return without_subplans(subplan->testexpr, root);
	}
	return expression_tree_mutator(node, without_subplans, context);
}

/* Can a plan be run where the query would not have come to it? */
static bool
is_safe_plan(const Plan *plan)
{
	Node	   *conditions = (Node *) plan->qual;
	Node	   *columns = (Node *) plan->targetlist;

	if (plan->lefttree != NULL || plan->righttree != NULL ||
		plan->initPlan != NIL)
		return false;
	return (IsA(plan, SeqScan) ||
			(IsA(plan, ForeignScan) && is_own_scan((const ForeignScan *) plan))) &&
		!contain_volatile_functions(conditions) &&
		!contain_volatile_functions(columns) &&
		!calls_others_walker(conditions, NULL) &&
		!calls_others_walker(columns, NULL) &&
		amplify_safe_to_compute(conditions) &&
		amplify_safe_to_compute(columns);
}

static bool
is_own_scan(const ForeignScan *scan)
{
	return OidIsValid(scan->fs_server) &&
		GetFdwRoutineByServerId(scan->fs_server)->BeginForeignScan ==
		amplifyBeginForeignScan;
}

/* (a, b) > (x, y) is true only if a >= x is, which is known earlier */
static Expr *
first_of_row(const RowCompareExpr *row)
{
	Oid			opfamily = linitial_oid(row->opfamilies);
	int			strategy;
	Oid			left;
	Oid			right;
	Oid			opno;

	get_op_opfamily_properties(linitial_oid(row->opnos), opfamily, false,
							   &strategy, &left, &right);
	opno = get_opfamily_member(opfamily, left, right,
							   strategy <= BTLessEqualStrategyNumber ?
							   BTLessEqualStrategyNumber :
							   BTGreaterEqualStrategyNumber);
	return make_opclause(opno, BOOLOID, false, linitial(row->largs),
						 linitial(row->rargs), InvalidOid,
						 linitial_oid(row->inputcollids));
}

/* Those of such conditions that are decided if these keys are known */
List *
amplify_condition_known(const RelOptInfo *baserel, List *conditions,
						AmplifyKeyMask known)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, conditions)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		AmplifyKeyMask keys;

		if (keys_of(baserel, (Node *) rinfo->clause, &keys) &&
			(keys & ~known) == 0)
			result = lappend(result, rinfo);
	}
	return result;
}

/* The share of calls, each of which has these keys, that are still made */
double
amplify_condition_share(PlannerInfo *root, const RelOptInfo *baserel,
						List *conditions, AmplifyKeyMask known)
{
	return clauselist_selectivity(root,
								  amplify_condition_known(baserel, conditions,
														  known),
								  baserel->relid, JOIN_INNER, NULL);
}

/*
 * Which keys must be known to decide it?  False: it looks at what only an item
 * says, or at nothing of the table.
 */
static bool
keys_of(const RelOptInfo *baserel, Node *clause, AmplifyKeyMask *keys)
{
	AmplifyRelInfo *info = baserel->fdw_private;
	Bitmapset  *attrs = NULL;
	int			attr = -1;

	*keys = 0;
	pull_varattnos(clause, baserel->relid, &attrs);
	while ((attr = bms_next_member(attrs, attr)) >= 0)
	{
		AttrNumber	attno = attr + FirstLowInvalidHeapAttributeNumber;
		const AmplifyColumn *column;
		Oid			type;
		int32		typmod;
		Oid			collation;

		if (attno <= 0)
			return false;
		get_atttypetypmodcoll(info->relid, attno, &type, &typmod, &collation);
		column = amplify_condition_column(info, attno, false);
		if (type != TEXTOID ||
			!amplify_resource_is_known(info->resource, column,
									   info->options.account_id != NULL))
			return false;
		if (!amplify_resource_is_location(column))
			*keys |= 1 << amplify_resource_key(info->resource, column);
	}
	return !bms_is_empty(attrs);
}

/* Is there a function that isn't PostgreSQL's own? */
static bool
calls_others_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return check_functions_in_node(node, is_others, context) ||
		expression_tree_walker(node, calls_others_walker, context);
}

static bool
is_others(Oid funcid, void *context)
{
	return funcid >= FirstUnpinnedObjectId;
}
