/*-------------------------------------------------------------------------
 *
 * key.c
 *	  Conditions on key columns into key expressions, at plan time.  When a
 *	  scan starts, executor/keys.c makes keys of those.
 *
 * A set of conditions becomes a list of disjuncts, each of which is a list of
 * ANDed terms: (app_id = 'a' AND environment_name = ANY($1)) OR ...  What
 * can't be expressed this way is left out: every condition is rechecked on the
 * rows, so the keys may match more rows than wanted, but never fewer.
 *
 * A condition that the user may leave open, $1 IS NULL OR app_id = $1, has an
 * arm that the rows don't decide.  It becomes a disjunct, too, whose term has
 * no column and says whether the disjunct counts: so the plan that serves all
 * values of $1 asks for the one key, or for all.
 *
 * src/planner/key.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"
#include "planner/amplify_planner.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

/* A condition that would make more of them is left to filter the rows */
#define MAX_DISJUNCTS	10000
/* Likewise of the results of a CASE */
#define MAX_CHOICES		100

/* A condition that has been analysed */
typedef struct KeyCondition
{
	RestrictInfo *rinfo;
	List	   *disjuncts;		/* NIL: it says nothing of the keys */
	bool		gated;			/* and may say nothing when it is executed */
	RestrictInfo *early;		/* see condition.c; NULL if keys decide it */
} KeyCondition;

/* For the recursion over one clause */
typedef struct TermContext
{
	PlannerInfo *root;
	RelOptInfo *baserel;
	AmplifyRelInfo *info;		/* of baserel */
} TermContext;

static KeyCondition *find_condition(PlannerInfo *root, RelOptInfo *baserel,
									RestrictInfo *rinfo);
static bool uses_any(List *factor, AmplifyKeyMask keys);
static bool has_terms(List *factor, bool gates);
static bool binds_alike(List *factor);
static AmplifyKeyMask bound_keys(List *terms);
static List *clause_disjuncts(TermContext *context, Expr *clause);
static List *or_disjuncts(TermContext *context, List *arms);
static List *and_disjuncts(TermContext *context, List *conditions);
static List *choice_results(Node *node, List **tests);
static Expr *choice_clause(Expr *clause, int side);
static Expr *spelled_out(Expr *clause);
static bool is_gate(Expr *clause);
static Expr *is_not_true(Expr *gate);
static AmplifyKeyTerm *null_term(TermContext *context, NullTest *test);
static AmplifyKeyTerm *clause_term(TermContext *context, Expr *clause);
static AmplifyKeyTerm *make_term(TermContext *context,
								 const AmplifyColumn *column, Expr *expr,
								 bool is_array);
static Node *unwrapped(Node *node);
static const AmplifyColumn *key_column(TermContext *context, Node *node);
static bool holds_key(const AmplifyColumn *column, const Var *var);
static bool multiply(List **disjuncts, List *factor);

/*
 * What a list of RestrictInfos says of a table's keys.  The path gets it as
 * disjuncts, a list of lists of AmplifyKeyTerm; a list with one empty list: no
 * key at all.  And of the RestrictInfos, in their order, those that save calls
 * (pushed), that say nothing of keys (others), and that may be decided before
 * a call (conditions).
 */
void
amplify_key_terms(PlannerInfo *root, RelOptInfo *baserel, List *clauses,
				  AmplifyPathInfo *path)
{
	List	   *candidates = NIL;
	AmplifyKeyMask common;
	ListCell   *lc;

	path->disjuncts = list_make1(NIL);
	foreach(lc, clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		KeyCondition *condition = find_condition(root, baserel, rinfo);

		if (condition->disjuncts == NIL || condition->gated)
			path->others = lappend(path->others, rinfo);
		if (condition->disjuncts != NIL &&
			multiply(&path->disjuncts, condition->disjuncts))
			candidates = lappend(candidates, condition);
		if (condition->early != NULL)
			path->conditions = lappend(path->conditions, condition->early);
	}
	common = amplify_key_common(path->disjuncts);
	foreach(lc, candidates)
	{
		KeyCondition *condition = lfirst(lc);

		if (uses_any(condition->disjuncts,
					 condition->gated ? AMPLIFY_ALL_KEYS : common))
			path->pushed = lappend(path->pushed, condition->rinfo);
	}
}

/*
 * What one condition is good for.  It may stand in several paths of the table,
 * and is analysed once.
 */
static KeyCondition *
find_condition(PlannerInfo *root, RelOptInfo *baserel, RestrictInfo *rinfo)
{
	AmplifyRelInfo *info = baserel->fdw_private;
	TermContext context = {root, baserel, info};
	KeyCondition *condition;
	ListCell   *lc;

	foreach(lc, info->conditions)
	{
		condition = lfirst(lc);
		if (condition->rinfo == rinfo)
			return condition;
	}
	condition = palloc0(sizeof(KeyCondition));
	condition->rinfo = rinfo;
	/* a condition that must run after another one isn't ours to send */
	if (!rinfo->pseudoconstant &&
		restriction_is_securely_promotable(rinfo, baserel) &&
		!contain_volatile_functions((Node *) rinfo->clause))
		condition->disjuncts = clause_disjuncts(&context, rinfo->clause);
	condition->gated = has_terms(condition->disjuncts, true);
	if (!has_terms(condition->disjuncts, false))
		condition->disjuncts = NIL;
	if (condition->disjuncts == NIL || !binds_alike(condition->disjuncts))
		condition->early = amplify_condition_early(root, baserel, rinfo);
	info->conditions = lappend(info->conditions, condition);
	return condition;
}

/*
 * Does a condition choose what is asked for, if these keys do?  Not if one of
 * its arms may be true whatever they are.
 */
static bool
uses_any(List *factor, AmplifyKeyMask keys)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, factor)
	{
		bool		uses = false;

		foreach(lc2, (List *) lfirst(lc))
		{
			AmplifyKeyTerm *term = lfirst(lc2);

			uses |= (term->binds & keys) != 0 || term->column == NULL ||
				amplify_resource_is_location(term->column);
		}
		if (!uses)
			return false;
	}
	return true;
}

/* Is there a term that is a gate, or one that isn't? */
static bool
has_terms(List *factor, bool gates)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, factor)
	{
		foreach(lc2, (List *) lfirst(lc))
		{
			if (gates == (((AmplifyKeyTerm *) lfirst(lc2))->column == NULL))
				return true;
		}
	}
	return false;
}

/* Do all arms bind the same keys?  Then none has to be left to the rows. */
static bool
binds_alike(List *factor)
{
	AmplifyKeyMask first = bound_keys(linitial(factor));
	ListCell   *lc;

	foreach(lc, factor)
	{
		if (bound_keys(lfirst(lc)) != first)
			return false;
	}
	return true;
}

static AmplifyKeyMask
bound_keys(List *terms)
{
	AmplifyKeyMask bound = 0;
	ListCell   *lc;

	foreach(lc, terms)
		bound |= ((AmplifyKeyTerm *) lfirst(lc))->binds;
	return bound;
}

/* The keys that a column binds; an ARN has all of them */
AmplifyKeyMask
amplify_key_binds(const AmplifyResource *resource,
				  const AmplifyColumn *column)
{
	int			key = amplify_resource_key(resource, column);

	if (column->key == AMPLIFY_ARN)
		return resource->keys;
	return key >= 0 ? 1 << key : 0;
}

/* The keys that all disjuncts bind */
AmplifyKeyMask
amplify_key_common(List *disjuncts)
{
	AmplifyKeyMask common = AMPLIFY_ALL_KEYS;
	ListCell   *lc;

	foreach(lc, disjuncts)
		common &= bound_keys(lfirst(lc));
	return common;
}

/* How many different keys there will be, about, of those in the mask */
double
amplify_key_count(PlannerInfo *root, List *disjuncts, AmplifyKeyMask mask)
{
	double		count = 0;
	bool		any = false;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, disjuncts)
	{
		double		product = 1;

		foreach(lc2, (List *) lfirst(lc))
		{
			AmplifyKeyTerm *term = lfirst(lc2);

			if ((term->binds & mask) == 0)
				continue;
			any = true;
			if (term->is_array)
				product *= amplify_estimate_array_length(root, (Node *) term->expr);
		}
		count += product;
	}
	return any ? count : 1;		/* what binds nothing is always the same */
}

/*
 * Disjuncts in a form that a plan can hold: a list of integer lists, three
 * numbers a term: column (-1: none), index in *exprs (to which it is added),
 * whether it is an array.
 */
List *
amplify_key_serialize(const AmplifyResource *resource, List *disjuncts,
					  List **exprs)
{
	List	   *result = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, disjuncts)
	{
		List	   *terms = NIL;

		foreach(lc2, (List *) lfirst(lc))
		{
			AmplifyKeyTerm *term = lfirst(lc2);

			terms = lappend_int(terms, term->column == NULL ? -1 :
								(int) (term->column - resource->columns));
			terms = lappend_int(terms, list_length(*exprs));
			terms = lappend_int(terms, term->is_array);
			*exprs = lappend(*exprs, term->expr);
		}
		result = lappend(result, terms);
	}
	return result;
}

/*
 * What a clause says of the keys, as disjuncts.  NIL: nothing, or more than
 * can be held.
 */
static List *
clause_disjuncts(TermContext *context, Expr *clause)
{
	AmplifyKeyTerm *term;

	check_stack_depth();
	if (is_orclause(clause))
		return or_disjuncts(context, ((BoolExpr *) clause)->args);
	if (is_andclause(clause))
		return and_disjuncts(context, ((BoolExpr *) clause)->args);
	term = is_gate(clause) ? make_term(context, NULL, clause, false) :
		clause_term(context, clause);
	if (term != NULL)
		return list_make1(list_make1(term));
	clause = spelled_out(clause);
	return clause == NULL ? NIL : clause_disjuncts(context, clause);
}

/*
 * What may fail in an arm is not evaluated if a gate before it is true, as in
 * $1 = '' OR app_id = $1::jsonb ->> 'app'.
 */
static List *
or_disjuncts(TermContext *context, List *arms)
{
	List	   *result = NIL;
	List	   *before = NIL;	/* no gate so far is true, as a conjunct */
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, arms)
	{
		Expr	   *arm = lfirst(lc);
		List	   *disjuncts = clause_disjuncts(context, arm);

		/* an arm of which nothing is known may be true for any key */
		if (disjuncts == NIL ||
			list_length(result) + list_length(disjuncts) > MAX_DISJUNCTS)
			return NIL;
		if (is_gate(arm))
			before = lappend(before, make_term(context, NULL, is_not_true(arm),
											   false));
		else if (before != NIL && !amplify_safe_to_compute((Node *) arm))
		{
			foreach(lc2, disjuncts)
				lfirst(lc2) = list_concat_copy(before, lfirst(lc2));
		}
		result = list_concat(result, disjuncts);
	}
	return result;
}

static List *
and_disjuncts(TermContext *context, List *conditions)
{
	List	   *result = list_make1(NIL);
	ListCell   *lc;

	foreach(lc, conditions)
	{
		List	   *factor = clause_disjuncts(context, lfirst(lc));

		if (factor != NIL)
			(void) multiply(&result, factor);
	}
	return linitial(result) == NIL ? NIL : result;
}

/*
 * coalesce, or CASE without an argument: the first of its results whose test
 * is true; NULL if it is neither.  The last one has no test.
 */
static List *
choice_results(Node *node, List **tests)
{
	List	   *results = NIL;
	ListCell   *lc;

	*tests = NIL;
	if (IsA(node, CoalesceExpr))
	{
		foreach(lc, ((CoalesceExpr *) node)->args)
		{
			NullTest   *test = makeNode(NullTest);

			test->arg = lfirst(lc);
			test->nulltesttype = IS_NOT_NULL;
			test->location = -1;
			*tests = lappend(*tests, test);
		}
		*tests = list_delete_last(*tests);
		return ((CoalesceExpr *) node)->args;
	}
	if (!IsA(node, CaseExpr) || ((CaseExpr *) node)->arg != NULL)
		return NIL;
	foreach(lc, ((CaseExpr *) node)->args)
	{
		CaseWhen   *when = lfirst_node(CaseWhen, lc);

		*tests = lappend(*tests, when->expr);
		results = lappend(results, when->result);
	}
	return lappend(results, ((CaseExpr *) node)->defresult);
}

/*
 * A clause whose argument on that side (-1: the clause itself) is one of
 * several results, as an OR over these; NULL if it isn't, or the rows decide
 * which.  The tests come first in each arm, as what is behind them may fail
 * where they aren't true.
 */
static Expr *
choice_clause(Expr *clause, int side)
{
	Node	   *choice = side < 0 ? (Node *) clause :
		list_nth(((OpExpr *) clause)->args, side);
	List	   *tests;
	List	   *results = choice_results(choice, &tests);
	List	   *before = NIL;
	List	   *arms = NIL;

	if (list_length(results) > MAX_CHOICES)
		return NULL;
	for (int i = 0; i < list_length(results); i++)
	{
		Expr	   *test = i < list_length(tests) ? list_nth(tests, i) : NULL;
		Expr	   *result = list_nth(results, i);
		List	   *arm = list_copy(before);

		if (side >= 0)
		{
			OpExpr	   *compared = copyObject((OpExpr *) clause);

			lfirst(list_nth_cell(compared->args, side)) = result;
			result = &compared->xpr;
		}
		if (test != NULL)
		{
			if (!is_gate(test))
				return NULL;
			arm = lappend(arm, test);
			before = lappend(before, is_not_true(test));
		}
		arms = lappend(arms, make_andclause(lappend(arm, result)));
	}
	return arms == NIL ? NULL : make_orclause(arms);
}

/* The same condition in other words, which say more; or NULL */
static Expr *
spelled_out(Expr *clause)
{
	Expr	   *spelled = choice_clause(clause, -1);

	if (IsA(clause, BooleanTest) &&
		((BooleanTest *) clause)->booltesttype == IS_TRUE)
		return ((BooleanTest *) clause)->arg;
	if (IsA(clause, OpExpr))
	{
		for (int side = 0; side < list_length(((OpExpr *) clause)->args); side++)
			spelled = spelled != NULL ? spelled : choice_clause(clause, side);
	}
	return spelled;
}

/* A condition that no row decides, and that can be computed before any is */
static bool
is_gate(Expr *clause)
{
	return !contain_var_clause((Node *) clause) &&
		amplify_safe_to_compute((Node *) clause);
}

static Expr *
is_not_true(Expr *gate)
{
	BooleanTest *test = makeNode(BooleanTest);

	test->arg = gate;
	test->booltesttype = IS_NOT_TRUE;
	test->location = -1;
	return &test->xpr;
}

/* IS NULL of a column that never is: like a comparison with NULL */
static AmplifyKeyTerm *
null_term(TermContext *context, NullTest *test)
{
	const AmplifyColumn *column = key_column(context, (Node *) test->arg);

	if (test->nulltesttype != IS_NULL || column == NULL ||
		!amplify_resource_not_null(context->info->resource, column))
		return NULL;
	return make_term(context, column, (Expr *)
					 makeNullConst(TEXTOID, -1, DEFAULT_COLLATION_OID), false);
}

/*
 * column = expr, expr = column, column IS NOT DISTINCT FROM expr, column =
 * ANY(expr) or column IS NULL; else NULL
 */
static AmplifyKeyTerm *
clause_term(TermContext *context, Expr *clause)
{
	const AmplifyColumn *column;
	Oid			opno;
	Oid			collation;
	Node	   *left;
	Node	   *right;
	bool		is_array = IsA(clause, ScalarArrayOpExpr);
	bool		of_nulls = is_notclause(clause) &&
		IsA(get_notclausearg(clause), DistinctExpr);

	if (of_nulls)
		clause = get_notclausearg(clause);
	if (IsA(clause, NullTest))
		return null_term(context, (NullTest *) clause);
	if (is_array)
	{
		ScalarArrayOpExpr *saop = (ScalarArrayOpExpr *) clause;

		if (!saop->useOr)
			return NULL;
		opno = saop->opno;
		collation = saop->inputcollid;
		left = linitial(saop->args);
		right = lsecond(saop->args);
	}
	else if (of_nulls ||
			 (IsA(clause, OpExpr) && list_length(((OpExpr *) clause)->args) == 2))
	{
		opno = ((OpExpr *) clause)->opno;
		collation = ((OpExpr *) clause)->inputcollid;
		left = linitial(((OpExpr *) clause)->args);
		right = lsecond(((OpExpr *) clause)->args);
	}
	else
		return NULL;

	/* under a nondeterministic collation, equal is more than one URL */
	if (get_op_opfamily_strategy(opno, TEXT_BTREE_FAM_OID) != BTEqualStrategyNumber ||
		!OidIsValid(collation) || !get_collation_isdeterministic(collation))
		return NULL;

	column = key_column(context, unwrapped(left));
	if (column == NULL && !is_array)
	{
		column = key_column(context, unwrapped(right));
		right = left;
	}
	if (column == NULL ||
		(of_nulls && !amplify_resource_not_null(context->info->resource, column)) ||
		bms_is_member(context->baserel->relid,
					  pull_varnos(context->root, right)) ||
		contain_subplans(right))
		return NULL;

	return make_term(context, column, (Expr *) right, is_array);
}

static AmplifyKeyTerm *
make_term(TermContext *context, const AmplifyColumn *column, Expr *expr,
		  bool is_array)
{
	AmplifyKeyTerm *term = palloc(sizeof(AmplifyKeyTerm));

	term->column = column;
	term->expr = expr;
	term->is_array = is_array;
	term->binds = column == NULL ? 0 :
		amplify_key_binds(context->info->resource, column);
	return term;
}

/*
 * A column of a view may stand in a placeholder, which an outer join above can
 * make NULL; then the comparison isn't true either.
 */
static Node *
unwrapped(Node *node)
{
	while (IsA(node, PlaceHolderVar))
		node = (Node *) ((PlaceHolderVar *) node)->phexpr;
	return node;
}

/* The key column that an expression is, or NULL */
static const AmplifyColumn *
key_column(TermContext *context, Node *node)
{
	const AmplifyColumn *column;
	Var		   *var;

	while (IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (!IsA(node, Var))
		return NULL;
	var = (Var *) node;
	if (var->varno != context->baserel->relid || var->varlevelsup != 0 ||
		var->varattno <= 0)
		return NULL;
	column = amplify_condition_column(context->info, var->varattno, false);
	/* unless the server says its account, only items know theirs */
	if (column->key == AMPLIFY_NOT_A_KEY ||
		(column->key == AMPLIFY_ACCOUNT_ID &&
		 context->info->options.account_id == NULL) ||
		!holds_key(column, var))
		return NULL;
	return column;
}

/*
 * Does the Var, which shows that column, hold what the service has, byte by
 * byte?  Not if it may have cut trailing blanks off to make a value fit.
 */
static bool
holds_key(const AmplifyColumn *column, const Var *var)
{
	int32		typmod = var->vartypmod;
	Oid			type = getBaseTypeAndTypmod(var->vartype, &typmod);

	if (type == TEXTOID)
		return true;
	return type == VARCHAROID &&
		(typmod < 0 || column->key == AMPLIFY_APP_ID ||
		 column->key == AMPLIFY_DOMAIN || column->key == AMPLIFY_JOB_ID ||
		 (column->key == AMPLIFY_NAME &&
		  typmod - VARHDRSZ >= AMPLIFY_LONGEST_NAME));
}

/*
 * (a OR b) AND (c OR d) is ac OR ad OR bc OR bd.  False if that would be too
 * many: *disjuncts stays as it is.
 */
static bool
multiply(List **disjuncts, List *factor)
{
	List	   *result = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	if ((double) list_length(*disjuncts) * list_length(factor) > MAX_DISJUNCTS)
		return false;
	foreach(lc, *disjuncts)
	{
		foreach(lc2, factor)
			result = lappend(result, list_concat_copy(lfirst(lc), lfirst(lc2)));
	}
	*disjuncts = result;
	return true;
}
