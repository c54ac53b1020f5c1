/*-------------------------------------------------------------------------
 *
 * keys.c
 *	  Key expressions of a plan into the keys that a scan asks for.
 *
 * Values that no row can have (NULL, or against the service's rules) are left
 * out here, so that they cost no call.
 *
 * src/executor/keys.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/amplify_executor.h"
#include "executor/executor.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

/* Combinations of several columns' values that are asked for, at most */
#define MAX_COMBINATIONS	100000

/* The values of one key column in one disjunct: sorted, and each once */
typedef struct KeyValues
{
	bool		bound;			/* else any value will do */
	const char **values;		/* UTF-8, valid for the column */
	int			nvalues;
	int64		nrefused;		/* that no item's key can be */
} KeyValues;

/* Where a disjunct has its ARNs, behind the keys */
#define ARN_VALUES	AMPLIFY_NKEYS

/* For the evaluation of all disjuncts of a scan */
typedef struct KeyContext
{
	const AmplifyResource *resource;
	const AmplifyOptions *options;	/* the table's over the server's */
	List	   *exprstates;
	ExprContext *econtext;
	AmplifyKeySet *set;			/* the keys so far */
} KeyContext;

bool		amplify_pushdown = true;

static bool evaluate_disjunct(KeyContext *context, List *terms,
							  KeyValues *values);
static bool evaluate_term(KeyContext *context, ExprState *state,
						  bool is_array, AmplifyKeyRule rule,
						  KeyValues *found);
static void add_value(KeyContext *context, KeyValues *found, Datum datum,
					  FmgrInfo *out, AmplifyKeyRule rule);
static bool valid_key(const KeyContext *context, AmplifyKeyRule rule,
					  const char *value);
static bool valid_keys(const KeyContext *context, const AmplifyKeys *keys);
static void sort_values(KeyValues *found);
static int	compare_values(const void *a, const void *b, void *arg);
static void bind_values(KeyValues *key, const KeyValues *found);
static bool contains(const KeyValues *found, const char *value);
static bool add_arns(KeyContext *context, const KeyValues *values);
static bool fits(const KeyValues *values, const AmplifyKeys *keys);
static void add_combinations(KeyContext *context, KeyValues *values);
static double count_combinations(const KeyValues *values);
static void leave_columns(const AmplifyResource *resource, KeyValues *values);

/*
 * The keys that serialized disjuncts stand for now, in the current context.
 * Keys that the service can't have are left out, so there may be none.
 */
void
amplify_keys_evaluate(const AmplifyResource *resource, List *serialized,
					  List *exprstates, ExprContext *econtext,
					  const AmplifyOptions *options, AmplifyKeySet *set)
{
	KeyContext	context = {resource, options, exprstates, econtext, set};
	ListCell   *lc;

	memset(set, 0, sizeof(AmplifyKeySet));
	foreach(lc, serialized)
	{
		KeyValues	values[AMPLIFY_NKEYS + 1] = {{false}};

		CHECK_FOR_INTERRUPTS();
		if (evaluate_disjunct(&context, lfirst(lc), values) &&
			!add_arns(&context, values))
			add_combinations(&context, values);
	}
	amplify_keyset_settle(resource, set);
}

/*
 * Evaluate the terms of one disjunct into the values of each key, and the
 * ARNs behind them.  False: no row can fulfil them.
 */
static bool
evaluate_disjunct(KeyContext *context, List *terms, KeyValues *values)
{
	const AmplifyResource *resource = context->resource;
	const AmplifyOptions *options = context->options;

	for (int i = 0; i < list_length(terms); i += 3)
	{
		ExprState  *state = list_nth(context->exprstates,
									 list_nth_int(terms, i + 1));
		bool		is_array = list_nth_int(terms, i + 2) != 0;
		const AmplifyColumn *column;
		int			key;
		KeyValues	found = {true};
		bool		any;

		if (list_nth_int(terms, i) < 0)
		{
			bool		isnull;
			Datum		gate = ExecEvalExprSwitchContext(state,
														 context->econtext,
														 &isnull);

			if (isnull || !DatumGetBool(gate))
				return false;
			continue;
		}
		column = &resource->columns[list_nth_int(terms, i)];
		key = amplify_resource_key(resource, column);
		any = evaluate_term(context, state, is_array, column->key, &found);
		if (!amplify_resource_is_location(column))
			context->set->impossible += found.nrefused;
		if (!any)
			return false;
		if (amplify_resource_is_location(column))
		{
			const char *location = column->key == AMPLIFY_REGION_NAME ?
				options->region : options->account_id;

			if (location != NULL && !contains(&found, location))
				return false;
			continue;
		}
		if (key < 0)
			key = ARN_VALUES;
		bind_values(&values[key], &found);
		if (values[key].nvalues == 0)
			return false;
	}
	return true;
}

/* False if there is no value that the column could have */
static bool
evaluate_term(KeyContext *context, ExprState *state, bool is_array,
			  AmplifyKeyRule rule, KeyValues *found)
{
	Oid			type = exprType((Node *) state->expr);
	Oid			out_function;
	bool		is_varlena;
	bool		isnull;
	FmgrInfo	out;
	Datum		datum;
	Datum	   *elements = &datum;
	bool	   *nulls = &isnull;
	int			n = 1;
	int16		typlen;
	bool		typbyval;
	char		typalign;

	datum = ExecEvalExprSwitchContext(state, context->econtext, &isnull);
	if (isnull)
		return false;
	if (is_array)
	{
		type = get_base_element_type(type);
		get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
		deconstruct_array(DatumGetArrayTypeP(datum), type, typlen, typbyval,
						  typalign, &elements, &nulls, &n);
	}
	getTypeOutputInfo(type, &out_function, &is_varlena);
	fmgr_info(out_function, &out);
	found->values = palloc_extended(sizeof(char *) * Max(n, 1),
									MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!nulls[i])
			add_value(context, found, elements[i], &out, rule);
	}
	sort_values(found);
	return found->nvalues > 0;
}

static void
add_value(KeyContext *context, KeyValues *found, Datum datum, FmgrInfo *out,
		  AmplifyKeyRule rule)
{
	char	   *text = OutputFunctionCall(out, datum);
	int			length = strlen(text);

	/* bytes that are no text can't be the name of anything */
	if (GetDatabaseEncoding() == PG_SQL_ASCII)
	{
		if (!pg_verify_mbstr(PG_UTF8, text, length, true))
		{
			found->nrefused++;
			return;
		}
	}
	else
		text = pg_server_to_any(text, length, PG_UTF8);
	if (valid_key(context, rule, text))
		found->values[found->nvalues++] = text;
	else
		found->nrefused++;
}

/* Into the order that the rest relies on, and each once */
static void
sort_values(KeyValues *found)
{
	int			n = 0;

	qsort_interruptible(found->values, found->nvalues, sizeof(char *),
						compare_values, NULL);
	for (int i = 0; i < found->nvalues; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (n == 0 || strcmp(found->values[n - 1], found->values[i]) != 0)
			found->values[n++] = found->values[i];
	}
	found->nvalues = n;
}

/* For qsort_interruptible() and bsearch_arg() */
static int
compare_values(const void *a, const void *b, void *arg)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Two conditions on one column: what fulfils both, found by merging */
static void
bind_values(KeyValues *key, const KeyValues *found)
{
	int			n = 0;

	if (!key->bound)
	{
		*key = *found;
		return;
	}
	for (int i = 0, j = 0; i < key->nvalues && j < found->nvalues;)
	{
		int			order = strcmp(key->values[i], found->values[j]);

		CHECK_FOR_INTERRUPTS();
		if (order == 0)
			key->values[n++] = key->values[i];
		i += order <= 0;
		j += order >= 0;
	}
	key->nvalues = n;
}

static bool
contains(const KeyValues *found, const char *value)
{
	return bsearch_arg(&value, found->values, found->nvalues, sizeof(char *),
					   compare_values, NULL) != NULL;
}

/*
 * The keys that are in the disjunct's ARNs, where they fulfil the rest.
 * False: there are none, or one that can't be read and so could be any item's.
 * That binds nothing, and the recheck finds what has it.
 */
static bool
add_arns(KeyContext *context, const KeyValues *values)
{
	const AmplifyOptions *options = context->options;
	const KeyValues *arns = &values[ARN_VALUES];
	int			before = context->set->nkeys;

	for (int i = 0; i < arns->nvalues; i++)
	{
		AmplifyKeys keys = {{NULL}};
		char	   *account;
		AmplifyArnKind kind;

		CHECK_FOR_INTERRUPTS();
		kind = amplify_resource_parse_arn(context->resource, arns->values[i],
										  options->region, &account, &keys);
		if (kind == AMPLIFY_ARN_OTHER ||
			(options->account_id != NULL &&
			 strcmp(account, options->account_id) != 0))
			continue;
		if (kind == AMPLIFY_ARN_UNREADABLE)
		{
			context->set->nkeys = before;
			return false;
		}
		if (valid_keys(context, &keys) && fits(values, &keys))
			amplify_keyset_add(context->set, &keys);
	}
	return arns->bound;
}

/* Are the keys among the values that are bound? */
static bool
fits(const KeyValues *values, const AmplifyKeys *keys)
{
	for (int i = 0; i < AMPLIFY_NKEYS; i++)
	{
		if (values[i].bound && keys->value[i] != NULL &&
			!contains(&values[i], keys->value[i]))
			return false;
	}
	return true;
}

/* Every combination of the values of one disjunct */
static void
add_combinations(KeyContext *context, KeyValues *values)
{
	int64		combinations;

	leave_columns(context->resource, values);
	combinations = count_combinations(values);
	for (int64 n = 0; n < combinations; n++)
	{
		AmplifyKeys keys = {{NULL}};
		int64		rest = n;

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < AMPLIFY_NKEYS; i++)
		{
			if (!values[i].bound)
				continue;
			keys.value[i] = values[i].values[rest % values[i].nvalues];
			rest /= values[i].nvalues;
		}
		amplify_keyset_add(context->set, &keys);
	}
}

static double
count_combinations(const KeyValues *values)
{
	double		combinations = 1;

	for (int i = 0; i < AMPLIFY_NKEYS; i++)
	{
		if (values[i].bound)
			combinations *= values[i].nvalues;
	}
	return combinations;
}

/*
 * Unbind what is left to filter the rows.  Without enough for an operation,
 * only what a List needs leads to parents, and one value, which may filter
 * there.  Of several columns' values, no more combinations are made than can
 * be held; the outermost column's are the user's own, and always asked for.
 */
static void
leave_columns(const AmplifyResource *resource, KeyValues *values)
{
	AmplifyKeyMask bound = 0;
	int			outermost = AMPLIFY_NKEYS;
	bool		direct;

	for (int i = AMPLIFY_NKEYS - 1; i >= 0; i--)
	{
		if (!values[i].bound)
			continue;
		bound |= 1 << i;
		outermost = i;
	}
	direct = amplify_resource_can(resource->get, bound) ||
		amplify_resource_can(resource->list, bound);
	for (int i = AMPLIFY_NKEYS - 1; i >= 0; i--)
	{
		if (!values[i].bound || values[i].nvalues == 1)
			continue;
		if ((!direct && (resource->list->needs & 1 << i) == 0) ||
			(i > outermost && count_combinations(values) > MAX_COMBINATIONS))
			values[i].bound = false;
	}
}

/* What AWS can't have is not asked for, unless somebody else is asked */
static bool
valid_key(const KeyContext *context, AmplifyKeyRule rule, const char *value)
{
	return amplify_resource_can_ask(rule, value) &&
		(context->options->endpoint_url != NULL ||
		 amplify_resource_valid_key(rule, value));
}

static bool
valid_keys(const KeyContext *context, const AmplifyKeys *keys)
{
	for (int i = 0; i < AMPLIFY_NKEYS; i++)
	{
		if (keys->value[i] != NULL &&
			!valid_key(context, context->resource->key_column[i]->key,
					   keys->value[i]))
			return false;
	}
	return true;
}
