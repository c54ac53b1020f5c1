/*-------------------------------------------------------------------------
 *
 * array.c
 *	  The recheck of COLUMN = ANY (PARAMETER) for many rows.
 *
 * PostgreSQL compares a row with one element of the array after the other,
 * unless the array was a constant when the query was planned.  As many rows as
 * there are elements come of them if they are keys, so that all comparisons
 * are the square of that.  Here the array is sorted, once for each scan, and
 * each row searched for in it.
 *
 * That replaces the scan's qual.  EXPLAIN shows the plan's, which is the same
 * condition.  Nothing of a row is seen earlier than it was: only equality of
 * texts comes before the other conditions, and it neither fails nor leaks.
 *
 * src/executor/array.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "executor/amplify_executor.h"
#include "executor/executor.h"
#include "optimizer/clauses.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* A condition, and the array's elements */
typedef struct ArrayCondition
{
	AttrNumber	attnum;
	ExprState  *array;
	Datum	   *values;			/* sorted, none of them NULL */
	int			nvalues;
} ArrayCondition;

struct AmplifyArrays
{
	int			nconditions;
	ArrayCondition *conditions;
	ExprState  *others;			/* the other conditions */
	MemoryContext context;		/* holds the elements */
	bool		sorted;			/* for this scan */
};

static bool is_array_condition(const Expr *clause, const Var **column,
							   Expr **array);
static Expr *bare(Node *node);
static Datum check_row(ExprState *qual, ExprContext *econtext, bool *isnull);
static void sort_arrays(AmplifyArrays *arrays, ExprContext *econtext);
static void sort_array(ArrayCondition *condition, ExprContext *econtext);
static int	compare_texts(const void *a, const void *b);

/* Let the node's qual search; NULL: there is nothing to search */
AmplifyArrays *
amplify_array_create(ScanState *node)
{
	List	   *quals = node->ps.plan->qual;
	AmplifyArrays *arrays = palloc0(sizeof(AmplifyArrays));
	ExprState  *qual = makeNode(ExprState);
	List	   *others = NIL;
	ListCell   *lc;

	arrays->conditions = palloc0(sizeof(ArrayCondition) * list_length(quals));
	foreach(lc, quals)
	{
		const Var  *column;
		Expr	   *array;
		ArrayCondition *condition = &arrays->conditions[arrays->nconditions];

		if (is_array_condition(lfirst(lc), &column, &array))
		{
			condition->attnum = column->varattno;
			condition->array = ExecInitExpr(array, &node->ps);
			arrays->nconditions++;
		}
		else
			others = lappend(others, lfirst(lc));
	}
	/* a subplan is initialized once in a node */
	if (arrays->nconditions == 0 || contain_subplans((Node *) others))
		return NULL;
	arrays->others = ExecInitQual(others, &node->ps);
	arrays->context = AllocSetContextCreate(node->ps.state->es_query_cxt,
											"amplify_fdw arrays",
											ALLOCSET_SMALL_SIZES);
	qual->flags = EEO_FLAG_IS_QUAL;
	qual->evalfunc = check_row;
	qual->evalfunc_private = arrays;
	node->ps.qual = qual;
	return arrays;
}

/* The parameters may have other values now */
void
amplify_array_rescan(AmplifyArrays *arrays)
{
	arrays->sorted = false;
	MemoryContextReset(arrays->context);
}

/* Equality of texts, of a column and an array that is a parameter */
static bool
is_array_condition(const Expr *clause, const Var **column, Expr **array)
{
	const ScalarArrayOpExpr *any = (const ScalarArrayOpExpr *) clause;

	if (!IsA(clause, ScalarArrayOpExpr) || !any->useOr ||
		any->opno != TextEqualOperator ||
		!OidIsValid(any->inputcollid) ||	/* texteq() says what is wrong */
		!get_collation_isdeterministic(any->inputcollid))
		return false;
	*column = (const Var *) bare(linitial(any->args));
	*array = lsecond(any->args);
	return IsA(*column, Var) && (*column)->varattno > 0 &&
		IsA(bare((Node *) *array), Param);
}

/* Without what changes nothing but the type's name, as of a varchar[] */
static Expr *
bare(Node *node)
{
	if (IsA(node, RelabelType))
		return bare((Node *) ((RelabelType *) node)->arg);
	if (IsA(node, ArrayCoerceExpr) &&
		IsA(bare((Node *) ((ArrayCoerceExpr *) node)->elemexpr), CaseTestExpr))
		return bare((Node *) ((ArrayCoerceExpr *) node)->arg);
	return (Expr *) node;
}

/* ExprState.evalfunc */
static Datum
check_row(ExprState *qual, ExprContext *econtext, bool *isnull)
{
	AmplifyArrays *arrays = qual->evalfunc_private;

	if (!arrays->sorted)
		sort_arrays(arrays, econtext);
	*isnull = false;
	for (int i = 0; i < arrays->nconditions; i++)
	{
		const ArrayCondition *condition = &arrays->conditions[i];
		bool		is_null;
		Datum		value = slot_getattr(econtext->ecxt_scantuple,
										 condition->attnum, &is_null);

		if (is_null || condition->nvalues == 0 ||
			bsearch(&value, condition->values, condition->nvalues,
					sizeof(Datum), compare_texts) == NULL)
			return BoolGetDatum(false);
	}
	return BoolGetDatum(ExecQual(arrays->others, econtext));
}

static void
sort_arrays(AmplifyArrays *arrays, ExprContext *econtext)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(arrays->context);

	for (int i = 0; i < arrays->nconditions; i++)
		sort_array(&arrays->conditions[i], econtext);
	arrays->sorted = true;
	MemoryContextSwitchTo(oldcontext);
}

/* In the current memory context.  No row equals a NULL. */
static void
sort_array(ArrayCondition *condition, ExprContext *econtext)
{
	bool		is_null;
	Datum		datum = ExecEvalExpr(condition->array, econtext, &is_null);
	ArrayType  *array;
	bool	   *nulls;
	int			nvalues;

	condition->nvalues = 0;
	if (is_null)
		return;
	array = DatumGetArrayTypeP(datum);
	/* of a type that is stored as text is */
	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_INT,
					  &condition->values, &nulls, &nvalues);
	for (int i = 0; i < nvalues; i++)
	{
		if (!nulls[i])
			condition->values[condition->nvalues++] = condition->values[i];
	}
	qsort(condition->values, condition->nvalues, sizeof(Datum), compare_texts);
}

/* In any order in which equal ones are one */
static int
compare_texts(const void *a, const void *b)
{
	const text *left = DatumGetTextPP(*(const Datum *) a);
	const text *right = DatumGetTextPP(*(const Datum *) b);
	Size		size = VARSIZE_ANY_EXHDR(left);

	if (size != VARSIZE_ANY_EXHDR(right))
		return size < VARSIZE_ANY_EXHDR(right) ? -1 : 1;
	return memcmp(VARDATA_ANY(left), VARDATA_ANY(right), size);
}
