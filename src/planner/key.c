/*-------------------------------------------------------------------------
 *
 * key.c
 *	  Conditions on key columns into key expressions, at plan time.  When a
 *	  scan starts, keyset.c makes keys of those.
 *
 * A set of conditions becomes a list of disjuncts, each a list of terms that
 * hold together: (app_id = 'a' AND environment_name = ANY($1)) OR ...  What
 * can't be expressed so is left out: every condition is checked again on the
 * rows, so a key may ask for too much, but never for too little.
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
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "planner/amplify_planner.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

/* A condition that would make more of them is left to filter the rows */
#define MAX_DISJUNCTS	10000

/* For the recursion over one clause */
typedef struct TermContext
{
	PlannerInfo *root;
	RelOptInfo *baserel;
	const AmplifyResource *resource;
	const AmplifyRelInfo *info;
	Oid			relid;
} TermContext;

static void mark_keys(const AmplifyResource *resource, List *terms,
					  AmplifyKeys *marks);
static bool has_mark(const AmplifyKeys *marks, const char *name);
static List *clause_disjuncts(TermContext *context, Expr *clause);
static List *and_terms(TermContext *context, Expr *clause);
static AmplifyKeyTerm *null_term(TermContext *context, NullTest *test);
static AmplifyKeyTerm *clause_term(TermContext *context, Expr *clause);
static const AmplifyColumn *key_column(TermContext *context, Node *node);
static bool holds_key(const AmplifyColumn *column, const Var *var);
static List *multiply(List *disjuncts, List *factor);

/*
 * The disjuncts that a list of RestrictInfos gives for a table: a list of
 * lists of AmplifyKeyTerm.  A list with one empty list: no key at all.
 */
List *
amplify_key_terms(PlannerInfo *root, RelOptInfo *baserel,
				  const AmplifyResource *resource, List *clauses)
{
	TermContext context = {
		root, baserel, resource, baserel->fdw_private,
		planner_rt_fetch(baserel->relid, root)->relid
	};
	List	   *disjuncts = list_make1(NIL);
	ListCell   *lc;

	foreach(lc, clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		List	   *factor;

		/* a condition that must run after another one isn't ours to send */
		if (rinfo->pseudoconstant ||
			!restriction_is_securely_promotable(rinfo, baserel) ||
			contain_volatile_functions((Node *) rinfo->clause))
			continue;
		factor = clause_disjuncts(&context, rinfo->clause);
		if (factor != NIL &&
			(double) list_length(disjuncts) * list_length(factor) <= MAX_DISJUNCTS)
			disjuncts = multiply(disjuncts, factor);
	}
	return disjuncts;
}

/* The keys that a disjunct binds, marked in *marks */
static void
mark_keys(const AmplifyResource *resource, List *terms, AmplifyKeys *marks)
{
	ListCell   *lc;

	memset(marks, 0, sizeof(AmplifyKeys));
	foreach(lc, terms)
	{
		const AmplifyColumn *column = ((AmplifyKeyTerm *) lfirst(lc))->column;

		for (int i = 0; i < AMPLIFY_MAX_KEYS && resource->keys[i] != NULL; i++)
		{
			if (column->key == AMPLIFY_ARN ||
				strcmp(resource->keys[i], column->name) == 0)
				marks->value[i] = resource->keys[i];
		}
	}
}

/* A mark is a name, so that it says the same of an ancestor's keys */
static bool
has_mark(const AmplifyKeys *marks, const char *name)
{
	for (int i = 0; i < AMPLIFY_MAX_KEYS; i++)
	{
		if (marks->value[i] != NULL && strcmp(marks->value[i], name) == 0)
			return true;
	}
	return false;
}

/* Do all disjuncts have what the operation's path needs? */
bool
amplify_key_bound(const AmplifyResource *resource, List *disjuncts,
				  const AmplifyOperation *operation)
{
	ListCell   *lc;

	foreach(lc, disjuncts)
	{
		AmplifyKeys marks;

		mark_keys(resource, lfirst(lc), &marks);
		if (!amplify_resource_binds(resource, operation, &marks))
			return false;
	}
	return true;
}

/* Does each disjunct say that key? */
bool
amplify_key_says(const AmplifyResource *resource, List *disjuncts, int key)
{
	ListCell   *lc;

	foreach(lc, disjuncts)
	{
		AmplifyKeys marks;

		mark_keys(resource, lfirst(lc), &marks);
		if (marks.value[key] == NULL)
			return false;
	}
	return true;
}

/*
 * Where parents are asked: the keys that all disjuncts bind and a List needs,
 * marked, and so what amplify_keyset_settle() will leave of them.
 */
void
amplify_key_common(const AmplifyResource *resource, List *disjuncts,
				   AmplifyKeys *common)
{
	ListCell   *lc;

	for (int i = 0; i < AMPLIFY_MAX_KEYS; i++)
		common->value[i] = amplify_resource_needs(resource, resource->list, i) ?
			resource->keys[i] : NULL;
	foreach(lc, disjuncts)
	{
		AmplifyKeys marks;

		mark_keys(resource, lfirst(lc), &marks);
		for (int i = 0; i < AMPLIFY_MAX_KEYS; i++)
		{
			if (marks.value[i] == NULL)
				common->value[i] = NULL;
		}
	}
}

/*
 * How many different keys there will be, about; by the marked ones only, if
 * marks is not NULL.
 */
double
amplify_key_count(PlannerInfo *root, List *disjuncts, const AmplifyKeys *marks)
{
	double		count = 0;
	bool		any = marks == NULL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, disjuncts)
	{
		double		product = 1;

		foreach(lc2, (List *) lfirst(lc))
		{
			AmplifyKeyTerm *term = lfirst(lc2);

			if (amplify_resource_is_place(term->column) ||
				(marks != NULL && term->column->key != AMPLIFY_ARN &&
				 !has_mark(marks, term->column->name)))
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
 * numbers a term: column, index in *exprs (to which it is added), whether it
 * is an array.
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

			terms = lappend_int(terms, term->column - resource->columns);
			terms = lappend_int(terms, list_length(*exprs));
			terms = lappend_int(terms, term->is_array);
			*exprs = lappend(*exprs, term->expr);
		}
		result = lappend(result, terms);
	}
	return result;
}

/* NIL: the clause says nothing about the keys */
static List *
clause_disjuncts(TermContext *context, Expr *clause)
{
	List	   *result = NIL;
	ListCell   *lc;

	if (!is_orclause(clause))
	{
		List	   *terms = and_terms(context, clause);

		return terms == NIL ? NIL : list_make1(terms);
	}
	foreach(lc, ((BoolExpr *) clause)->args)
	{
		List	   *terms = and_terms(context, lfirst(lc));

		if (terms == NIL)
			return NIL;			/* this arm may be true for any key */
		result = lappend(result, terms);
	}
	return result;
}

/* The terms of a conjunction, or of a single condition */
static List *
and_terms(TermContext *context, Expr *clause)
{
	List	   *result = NIL;
	ListCell   *lc;
	AmplifyKeyTerm *term;

	if (is_andclause(clause))
	{
		foreach(lc, ((BoolExpr *) clause)->args)
			result = list_concat(result, and_terms(context, lfirst(lc)));
		return result;
	}
	term = clause_term(context, clause);
	return term == NULL ? NIL : list_make1(term);
}

/* IS NULL of a column that never is: like a comparison with NULL */
static AmplifyKeyTerm *
null_term(TermContext *context, NullTest *test)
{
	const AmplifyColumn *column = key_column(context, (Node *) test->arg);
	AmplifyKeyTerm *term;

	if (test->nulltesttype != IS_NULL || column == NULL ||
		!amplify_resource_not_null(context->resource, column))
		return NULL;
	term = palloc(sizeof(AmplifyKeyTerm));
	term->column = column;
	term->expr = (Expr *) makeNullConst(TEXTOID, -1, DEFAULT_COLLATION_OID);
	term->is_array = false;
	return term;
}

/*
 * column = expr, expr = column, column = ANY(expr) or column IS NULL; else
 * NULL
 */
static AmplifyKeyTerm *
clause_term(TermContext *context, Expr *clause)
{
	AmplifyKeyTerm *term;
	const AmplifyColumn *column;
	Oid			opno;
	Oid			collation;
	Node	   *left;
	Node	   *right;
	bool		is_array = IsA(clause, ScalarArrayOpExpr);

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
	else if (IsA(clause, OpExpr) && list_length(((OpExpr *) clause)->args) == 2)
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

	column = key_column(context, left);
	if (column == NULL && !is_array)
	{
		column = key_column(context, right);
		right = left;
	}
	if (column == NULL ||
		bms_is_member(context->baserel->relid,
					  pull_varnos(context->root, right)) ||
		contain_subplans(right))
		return NULL;

	term = palloc(sizeof(AmplifyKeyTerm));
	term->column = column;
	term->expr = (Expr *) right;
	term->is_array = is_array;
	return term;
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
	column = amplify_value_column(context->relid, var->varattno,
								  context->resource, false);
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

/* (a OR b) AND (c OR d) is ac OR ad OR bc OR bd */
static List *
multiply(List *disjuncts, List *factor)
{
	List	   *result = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, disjuncts)
	{
		foreach(lc2, factor)
			result = lappend(result, list_concat_copy(lfirst(lc), lfirst(lc2)));
	}
	return result;
}
