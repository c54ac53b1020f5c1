/*-------------------------------------------------------------------------
 *
 * known.c
 *	  Conditions of a scan that are decided before a call.
 *
 * The planner (condition.c) has chosen them.  They are evaluated on a slot of
 * the table's row type in which only those columns are set that are known
 * without a request: the region, the account if an option of the server says
 * it, and the keys of a request.  A condition that needs more is evaluated
 * when more is known, at the next level below, or is left to the rows.
 *
 * A key that can't be converted to the database's encoding counts as not
 * known: to raise an error would be wrong, for there may be no such row.
 *
 * src/executor/known.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "executor/amplify_executor.h"
#include "executor/executor.h"
#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"

/* A column of the table */
typedef struct KnownColumn
{
	bool		used;			/* some condition looks at it */
	int			key;			/* or -1: */
	const char *text;			/* the same for all requests */
} KnownColumn;

typedef struct KnownCondition
{
	ExprState  *state;
	AmplifyKeyMask keys;		/* that it needs */
	bool		of_row;			/* and a parameter of the executor */
} KnownCondition;

struct AmplifyKnown
{
	ForeignScanState *node;
	List	   *exprstates;

	/* from amplify_known_open() on */
	ExprContext *econtext;
	TupleTableSlot *slot;		/* NULL before */
	KnownColumn *columns;		/* by attribute number, from 0 on */
	int			nconditions;
	KnownCondition *conditions;
};

static bool all_true(AmplifyKnown *known, const AmplifyKeys *keys, bool ahead);
static bool has_exec_param(Node *node, void *context);
static bool add_columns(AmplifyKnown *known, const AmplifyFetchSpec *spec,
						Expr *condition, AmplifyKeyMask *keys);
static AmplifyKeyMask fill_slot(AmplifyKnown *known, const AmplifyKeys *keys);
static bool has_encoding(const char *text);

/* exprstates: the conditions, of the node.  See amplify_known_open(). */
AmplifyKnown *
amplify_known_create(ForeignScanState *node, List *exprstates)
{
	AmplifyKnown *known = palloc0(sizeof(AmplifyKnown));

	known->node = node;
	known->exprstates = exprstates;
	return known;
}

/*
 * Get it ready, for the scan or for the node that reads ahead for it,
 * whichever is first.  spec has the table's connection and resource.
 */
void
amplify_known_open(AmplifyKnown *known, const AmplifyFetchSpec *spec)
{
	EState	   *estate = known->node->ss.ps.state;
	TupleDesc	desc = RelationGetDescr(known->node->ss.ss_currentRelation);
	MemoryContext oldcontext;
	ListCell   *lc;

	if (known->slot != NULL)
		return;
	oldcontext = MemoryContextSwitchTo(estate->es_query_cxt);
	known->econtext = CreateExprContext(estate);
	known->columns = palloc0(sizeof(KnownColumn) * desc->natts);
	known->conditions = palloc(sizeof(KnownCondition) *
							   list_length(known->exprstates));
	foreach(lc, known->exprstates)
	{
		KnownCondition *condition = &known->conditions[known->nconditions];

		condition->state = lfirst(lc);
		condition->of_row = has_exec_param((Node *) condition->state->expr,
										   NULL);
		if (add_columns(known, spec, condition->state->expr,
						&condition->keys))
			known->nconditions++;
	}
	known->slot = ExecInitExtraTupleSlot(estate, desc, &TTSOpsVirtual);
	MemoryContextSwitchTo(oldcontext);
}

/*
 * Can an item under these keys be wanted?  False if a condition that they are
 * enough for is not true.  arg is an AmplifyKnown; see AmplifyFetchSpec.
 */
bool
amplify_known_allows(void *arg, const AmplifyKeys *keys)
{
	return all_true(arg, keys, false);
}

/*
 * The same for a row that the join has not come to: parameters are another's
 */
bool
amplify_known_allows_ahead(void *arg, const AmplifyKeys *keys)
{
	return all_true(arg, keys, true);
}

static bool
all_true(AmplifyKnown *known, const AmplifyKeys *keys, bool ahead)
{
	AmplifyKeyMask lacking;

	ResetExprContext(known->econtext);
	lacking = ~fill_slot(known, keys);
	for (int i = 0; i < known->nconditions; i++)
	{
		const KnownCondition *condition = &known->conditions[i];
		bool		isnull;
		Datum		result;

		if ((condition->keys & lacking) != 0 || (condition->of_row && ahead))
			continue;
		result = ExecEvalExprSwitchContext(condition->state, known->econtext,
										   &isnull);
		if (isnull || !DatumGetBool(result))
			return false;
	}
	return true;
}

static bool
has_exec_param(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind == PARAM_EXEC;
	return expression_tree_walker(node, has_exec_param, context);
}

/* False: the server has changed, and what is looked at is no longer known */
static bool
add_columns(AmplifyKnown *known, const AmplifyFetchSpec *spec,
			Expr *condition, AmplifyKeyMask *keys)
{
	const ForeignScanState *node = known->node;
	const AmplifyOptions *options = &spec->connection->options;
	Bitmapset  *attrs = NULL;
	int			attr = -1;

	*keys = 0;
	pull_varattnos((Node *) condition,
				   ((Scan *) node->ss.ps.plan)->scanrelid, &attrs);
	while ((attr = bms_next_member(attrs, attr)) >= 0)
	{
		AttrNumber	attno = attr + FirstLowInvalidHeapAttributeNumber;
		const AmplifyColumn *column =
			amplify_value_column(RelationGetRelid(node->ss.ss_currentRelation),
								 attno, spec->resource, false);
		int			key = amplify_resource_key(spec->resource, column);

		if (!amplify_resource_is_known(spec->resource, column,
									   options->account_id != NULL))
			return false;
		if (key >= 0)
			*keys |= 1 << key;
		known->columns[attno - 1] = (KnownColumn)
		{
			.used = true,
			.key = key,
			.text = column->key == AMPLIFY_REGION_NAME ? options->region :
				options->account_id,
		};
	}
	return true;
}

/* Returns which keys are in it */
static AmplifyKeyMask
fill_slot(AmplifyKnown *known, const AmplifyKeys *keys)
{
	TupleTableSlot *slot = known->slot;
	MemoryContext oldcontext =
		MemoryContextSwitchTo(known->econtext->ecxt_per_tuple_memory);
	int			natts = slot->tts_tupleDescriptor->natts;
	AmplifyKeyMask filled = 0;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, natts * sizeof(bool));
	for (int i = 0; i < natts; i++)
	{
		const KnownColumn *column = &known->columns[i];
		const char *text = column->key >= 0 ? keys->value[column->key] :
			column->text;

		if (!column->used || text == NULL || !has_encoding(text))
			continue;
		slot->tts_values[i] = CStringGetTextDatum(text);
		slot->tts_isnull[i] = false;
		if (column->key >= 0)
			filled |= 1 << column->key;
	}
	ExecStoreVirtualTuple(slot);
	known->econtext->ecxt_scantuple = slot;
	MemoryContextSwitchTo(oldcontext);
	return filled;
}

/* Is it the same text, byte by byte, in the database's encoding? */
static bool
has_encoding(const char *text)
{
	if (GetDatabaseEncoding() == PG_UTF8)
		return true;
	for (; *text != '\0'; text++)
	{
		if (IS_HIGHBIT_SET(*text))
			return false;
	}
	return true;
}
