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
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

/* More keys than this: the innermost conditions filter the rows instead */
#define MAX_KEYS		100000

/* The values of one key column in one disjunct; unbound while !bound */
typedef struct KeyValues
{
	bool		bound;
	List	   *values;			/* of char *, UTF-8, valid for the column */
} KeyValues;

bool		amplify_pushdown = true;

static bool evaluate_disjunct(const AmplifyResource *resource, List *terms,
							  List *exprstates, ExprContext *econtext,
							  const AmplifyOptions *options,
							  KeyValues *values);
static bool evaluate_term(ExprState *state, bool is_array,
						  ExprContext *econtext, AmplifyKeyRule rule,
						  const AmplifyOptions *options, List **values);
static void add_value(List **values, Datum datum, FmgrInfo *out,
					  AmplifyKeyRule rule, const AmplifyOptions *options);
static bool valid_key(AmplifyKeyRule rule, const char *value,
					  const AmplifyOptions *options);
static bool valid_keys(const AmplifyResource *resource,
					   const AmplifyKeys *keys, const AmplifyOptions *options);
static void bind_values(KeyValues *key, List *values);
static bool bind_arns(const AmplifyResource *resource, KeyValues *arns,
					  const AmplifyOptions *options);
static bool contains(List *values, const char *value);
static void add_products(const AmplifyResource *resource, KeyValues *values,
						 AmplifyKeySet *set, int *size);
static void add_key(AmplifyKeySet *set, int *size, const AmplifyKeys *keys);

/*
 * The keys that serialized disjuncts stand for now, in the current context.
 * Keys that the service can't have are left out, so there may be none.
 */
void
amplify_keys_evaluate(const AmplifyResource *resource, List *serialized,
					  List *exprstates, ExprContext *econtext,
					  const AmplifyOptions *options, AmplifyKeySet *set)
{
	int			size = 0;
	ListCell   *lc;

	memset(set, 0, sizeof(AmplifyKeySet));
	foreach(lc, serialized)
	{
		KeyValues	values[AMPLIFY_NKEYS + 1] = {{false}};

		if (evaluate_disjunct(resource, lfirst(lc), exprstates, econtext,
							  options, values))
			add_products(resource, values, set, &size);
	}
	amplify_keyset_settle(resource, set);
}

/*
 * Evaluate the terms of one disjunct into the values of each key, and those
 * of the ARN, which is the last element.  False: no row can fulfil them.
 */
static bool
evaluate_disjunct(const AmplifyResource *resource, List *terms,
				  List *exprstates, ExprContext *econtext,
				  const AmplifyOptions *options, KeyValues *values)
{
	for (int i = 0; i < list_length(terms); i += 3)
	{
		const AmplifyColumn *column = &resource->columns[list_nth_int(terms, i)];
		ExprState  *state = list_nth(exprstates, list_nth_int(terms, i + 1));
		bool		is_array = list_nth_int(terms, i + 2) != 0;
		int			key = amplify_resource_key(resource, column);
		List	   *found = NIL;

		if (!evaluate_term(state, is_array, econtext, column->key, options,
						   &found))
			return false;
		if (amplify_resource_is_place(column))
		{
			const char *place = column->key == AMPLIFY_REGION_NAME ?
				options->region : options->account_id;

			if (place != NULL && !contains(found, place))
				return false;
			continue;
		}
		bind_values(&values[key >= 0 ? key : AMPLIFY_NKEYS], found);
	}
	return !values[AMPLIFY_NKEYS].bound ||
		bind_arns(resource, &values[AMPLIFY_NKEYS], options);
}

/* False if there is no value that the column could have */
static bool
evaluate_term(ExprState *state, bool is_array, ExprContext *econtext,
			  AmplifyKeyRule rule, const AmplifyOptions *options,
			  List **values)
{
	Oid			type = exprType((Node *) state->expr);
	Oid			out_function;
	bool		is_varlena;
	bool		isnull;
	FmgrInfo	out;
	Datum		datum;
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	int16		typlen;
	bool		typbyval;
	char		typalign;

	datum = ExecEvalExprSwitchContext(state, econtext, &isnull);
	if (isnull)
		return false;
	if (is_array)
		type = get_base_element_type(type);
	getTypeOutputInfo(type, &out_function, &is_varlena);
	fmgr_info(out_function, &out);
	if (!is_array)
		add_value(values, datum, &out, rule, options);
	else
	{
		get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
		deconstruct_array(DatumGetArrayTypeP(datum), type, typlen, typbyval,
						  typalign, &elements, &nulls, &n);
		for (int i = 0; i < n; i++)
		{
			if (!nulls[i])
				add_value(values, elements[i], &out, rule, options);
		}
	}
	return *values != NIL;
}

static void
add_value(List **values, Datum datum, FmgrInfo *out, AmplifyKeyRule rule,
		  const AmplifyOptions *options)
{
	char	   *text = OutputFunctionCall(out, datum);
	int			length = strlen(text);

	/* bytes that are no text can't be the name of anything */
	if (GetDatabaseEncoding() == PG_SQL_ASCII)
	{
		if (!pg_verify_mbstr(PG_UTF8, text, length, true))
			return;
	}
	else
		text = pg_server_to_any(text, length, PG_UTF8);
	if (valid_key(rule, text, options))
		*values = lappend(*values, text);
}

/* Two conditions on one column: what fulfils both */
static void
bind_values(KeyValues *key, List *values)
{
	List	   *both = NIL;
	ListCell   *lc;

	if (!key->bound)
	{
		key->bound = true;
		key->values = values;
		return;
	}
	foreach(lc, values)
	{
		if (contains(key->values, lfirst(lc)))
			both = lappend(both, lfirst(lc));
	}
	key->values = both;
}

/*
 * Replace ARNs by the keys in them, as AmplifyKeys.  False: they are those of
 * no item.  One that can't be read could be any item's; it binds nothing, and
 * the recheck finds what has it.
 */
static bool
bind_arns(const AmplifyResource *resource, KeyValues *arns,
		  const AmplifyOptions *options)
{
	List	   *found = NIL;
	ListCell   *lc;

	foreach(lc, arns->values)
	{
		AmplifyKeys *keys = palloc0(sizeof(AmplifyKeys));
		char	   *account;
		AmplifyArnKind kind;

		kind = amplify_resource_parse_arn(resource, lfirst(lc),
										  options->region, &account, keys);
		if (kind == AMPLIFY_ARN_OTHER ||
			(options->account_id != NULL &&
			 strcmp(account, options->account_id) != 0))
			continue;
		if (kind == AMPLIFY_ARN_UNREADABLE)
		{
			arns->bound = false;
			return true;
		}
		if (valid_keys(resource, keys, options))
			found = lappend(found, keys);
	}
	arns->values = found;
	return found != NIL;
}

static bool
contains(List *values, const char *value)
{
	ListCell   *lc;

	foreach(lc, values)
	{
		if (strcmp(lfirst(lc), value) == 0)
			return true;
	}
	return false;
}

/* Every combination of the values of one disjunct */
static void
add_products(const AmplifyResource *resource, KeyValues *values,
			 AmplifyKeySet *set, int *size)
{
	KeyValues  *arns = &values[AMPLIFY_NKEYS];
	double		combinations = 1;
	bool		bound[AMPLIFY_NKEYS] = {false};
	AmplifyKeyMask mask = 0;
	bool		direct;
	ListCell   *lc;

	for (int i = 0; i < AMPLIFY_NKEYS; i++)
	{
		bound[i] = values[i].bound;
		if (bound[i])
		{
			combinations *= list_length(values[i].values);
			mask |= 1 << i;
		}
	}
	if (arns->bound)
	{
		foreach(lc, arns->values)
		{
			AmplifyKeys *keys = lfirst(lc);
			bool		fits = true;

			for (int i = 0; i < AMPLIFY_NKEYS; i++)
			{
				if (bound[i] && keys->value[i] != NULL &&
					!contains(values[i].values, keys->value[i]))
					fits = false;
			}
			if (fits)
				add_key(set, size, keys);
		}
		return;
	}
	if (combinations == 0)
		return;

	/* only what a List needs leads to parents; one value may filter as well */
	direct = amplify_resource_can(resource->get, mask) ||
		amplify_resource_can(resource->list, mask);
	for (int i = AMPLIFY_NKEYS - 1; i >= 0; i--)
	{
		int			length = list_length(values[i].values);

		if (!bound[i] || length == 1 ||
			(combinations <= MAX_KEYS &&
			 (direct || (resource->list->needs & 1 << i) != 0)))
			continue;
		combinations /= length;
		bound[i] = false;
	}
	for (int64 n = 0; n < combinations; n++)
	{
		AmplifyKeys keys = {{NULL}};
		int64		rest = n;

		for (int i = 0; i < AMPLIFY_NKEYS; i++)
		{
			if (!bound[i])
				continue;
			keys.value[i] = list_nth(values[i].values,
									 rest % list_length(values[i].values));
			rest /= list_length(values[i].values);
		}
		add_key(set, size, &keys);
	}
}

static void
add_key(AmplifyKeySet *set, int *size, const AmplifyKeys *keys)
{
	if (set->nkeys == *size)
	{
		*size = Max(16, *size * 2);
		set->keys = set->keys == NULL ?
			palloc(sizeof(AmplifyKeys) * *size) :
			repalloc_huge(set->keys, sizeof(AmplifyKeys) * *size);
	}
	set->keys[set->nkeys++] = *keys;
}

/* What AWS can't have is not asked for, unless somebody else is asked */
static bool
valid_key(AmplifyKeyRule rule, const char *value,
		  const AmplifyOptions *options)
{
	return amplify_resource_can_ask(rule, value) &&
		(options->endpoint_url != NULL ||
		 amplify_resource_valid_key(rule, value));
}

static bool
valid_keys(const AmplifyResource *resource, const AmplifyKeys *keys,
		   const AmplifyOptions *options)
{
	for (int i = 0; i < AMPLIFY_NKEYS; i++)
	{
		if (keys->value[i] != NULL &&
			!valid_key(resource->key_column[i]->key, keys->value[i], options))
			return false;
	}
	return true;
}
