/*-------------------------------------------------------------------------
 *
 * keyset.c
 *	  Sets of keys that can be fetched: sorted, and no item of two keys, so
 *	  that no row comes twice.
 *
 * src/request/keyset.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "request/amplify_request.h"

/* A key, and what of it the resource's Get takes */
typedef struct NamedKey
{
	AmplifyKeys named;			/* first, for amplify_keyset_compare() */
	AmplifyKeys whole;
} NamedKey;

static void unite_names(const AmplifyResource *resource, AmplifyKeySet *set);
static void leave_to_parents(const AmplifyResource *resource,
							 AmplifyKeySet *set);
static void remove_covered(AmplifyKeySet *set);

/*
 * The order of keys, for qsort_interruptible() and bsearch_arg(): those of one
 * parent stand together
 */
int
amplify_keyset_compare(const void *a, const void *b, void *arg)
{
	for (int i = 0; i < AMPLIFY_NKEYS; i++)
	{
		const char *left = ((const AmplifyKeys *) a)->value[i];
		const char *right = ((const AmplifyKeys *) b)->value[i];
		int			order;

		if (left == NULL || right == NULL)
			order = (left != NULL) - (right != NULL);
		else
			order = strcmp(left, right);
		if (order != 0)
			return order;
	}
	return 0;
}

/*
 * Add a key to a set that began with all zeros, in the context that its first
 * key was added in; to be settled afterwards.  The values are shared.
 */
void
amplify_keyset_add(AmplifyKeySet *set, const AmplifyKeys *keys)
{
	if (set->nkeys == set->size)
	{
		set->size = Max(16, set->size * 2);
		set->keys = set->keys == NULL ?
			palloc(sizeof(AmplifyKeys) * set->size) :
			repalloc_huge(set->keys, sizeof(AmplifyKeys) * set->size);
	}
	set->keys[set->nkeys++] = *keys;
}

/* Everything there is, in the current context */
void
amplify_keyset_everything(const AmplifyResource *resource, AmplifyKeySet *set)
{
	memset(set, 0, sizeof(AmplifyKeySet));
	set->keys = palloc0(sizeof(AmplifyKeys));
	set->nkeys = 1;
	amplify_keyset_settle(resource, set);
}

/*
 * Make a set of any keys one that can be fetched: sort it, leave every item to
 * one key, and see whether parents have to be asked.
 */
void
amplify_keyset_settle(const AmplifyResource *resource, AmplifyKeySet *set)
{
	bool		direct = true;
	bool		get = true;
	bool		list = true;
	bool		nested = resource->get == NULL ||
		amplify_resource_can(resource->list, resource->get->needs);

	for (int i = 0; i < set->nkeys; i++)
	{
		AmplifyKeyMask bound = amplify_resource_mask(&set->keys[i]);
		bool		for_get = amplify_resource_can(resource->get, bound);
		bool		for_list = amplify_resource_can(resource->list, bound);

		CHECK_FOR_INTERRUPTS();
		direct &= for_get || for_list;
		get &= for_get;
		list &= for_list;
	}

	if (get && !nested)
		unite_names(resource, set);
	else if (list && !nested)
	{
		/* one item may be in a List and have a Get of its own as well */
		for (int i = 0; i < set->nkeys; i++)
			set->keys[i] = amplify_resource_project(&set->keys[i],
													resource->list->needs);
	}
	else if (!direct || !nested)
		leave_to_parents(resource, set);
	remove_covered(set);
}

/*
 * For amplify_route_find(): how many keys of a settled set (arg) are different
 * if only those in the mask are looked at.  All have the same ones bound.
 */
double
amplify_keyset_count(AmplifyKeyMask mask, void *arg)
{
	const AmplifyKeySet *set = arg;
	AmplifyKeySet seen = {.nkeys = set->nkeys};

	if (mask == 0 || mask == amplify_resource_mask(&set->keys[0]))
		return mask == 0 ? 1 : set->nkeys;
	seen.keys = palloc_extended(sizeof(AmplifyKeys) * seen.nkeys,
								MCXT_ALLOC_HUGE);
	for (int i = 0; i < seen.nkeys; i++)
	{
		CHECK_FOR_INTERRUPTS();
		seen.keys[i] = amplify_resource_project(&set->keys[i], mask);
	}
	remove_covered(&seen);
	pfree(seen.keys);
	return seen.nkeys;
}

/*
 * What an item of that resource says of the keys in mask, of which it has all
 * but those that it knows nothing of.  Values are the item's and the row's.
 * If the status is not OK, *column is the one whose value no key can be.
 */
AmplifyValueStatus
amplify_keyset_of_item(const AmplifyResource *resource, const AmplifyRow *row,
					   AmplifyKeyMask mask, AmplifyKeys *keys,
					   const AmplifyColumn **column)
{
	memset(keys, 0, sizeof(AmplifyKeys));
	for (int key = 0; key < AMPLIFY_NKEYS; key++)
	{
		AmplifyValueStatus status;
		AmplifyValue value;

		*column = resource->key_column[key];
		if (*column == NULL || (mask & 1 << key) == 0)
			continue;
		if ((*column)->source == AMPLIFY_KEY)
		{
			keys->value[key] = row->keys->value[key];
			continue;
		}
		status = amplify_response_value(row->item, (*column)->path,
										(*column)->type, &value);
		if (status == AMPLIFY_VALUE_NULL)
			status = AMPLIFY_VALUE_WRONG_TYPE;
		else if (status == AMPLIFY_VALUE_OK &&
				 !amplify_resource_can_ask((*column)->key, value.text))
			status = AMPLIFY_VALUE_NO_KEY;
		if (status != AMPLIFY_VALUE_OK)
			return status;
		keys->value[key] = value.text;
	}
	return AMPLIFY_VALUE_OK;
}

/*
 * What a Get takes names one item.  Where keys agree in that and differ in the
 * rest, the rest only says what is not wanted, and is left to the recheck.
 */
static void
unite_names(const AmplifyResource *resource, AmplifyKeySet *set)
{
	NamedKey   *keys = palloc_extended(sizeof(NamedKey) * Max(set->nkeys, 1),
									   MCXT_ALLOC_HUGE);
	int			kept = -1;

	for (int i = 0; i < set->nkeys; i++)
	{
		CHECK_FOR_INTERRUPTS();
		keys[i].whole = set->keys[i];
		keys[i].named = amplify_resource_project(&set->keys[i],
												 resource->get->needs);
	}
	qsort_interruptible(keys, set->nkeys, sizeof(NamedKey),
						amplify_keyset_compare, NULL);
	for (int i = 0; i < set->nkeys; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (kept < 0 ||
			amplify_keyset_compare(&keys[kept].named, &keys[i].named, NULL) != 0)
			keys[++kept] = keys[i];
		else if (amplify_keyset_compare(&keys[kept].whole, &keys[i].whole,
										NULL) != 0)
			keys[kept].whole = keys[kept].named;
	}
	set->nkeys = kept + 1;
	for (int i = 0; i < set->nkeys; i++)
		set->keys[i] = keys[i].whole;
}

/*
 * Too little is bound.  What all keys have in common in being bound chooses
 * the parents; with the rest, keys of different shapes could have the same
 * items.  The service can filter by the last key, if that is one throughout.
 */
static void
leave_to_parents(const AmplifyResource *resource, AmplifyKeySet *set)
{
	int			last = resource->last_key;
	AmplifyKeyMask common = resource->list->needs;

	set->from_parents = true;
	set->filter = last >= 0 ? set->keys[0].value[last] : NULL;
	for (int i = 0; i < set->nkeys && set->filter != NULL; i++)
	{
		const char *value = set->keys[i].value[last];

		CHECK_FOR_INTERRUPTS();
		if (value == NULL || strcmp(value, set->filter) != 0)
			set->filter = NULL;
	}
	for (int i = 0; i < set->nkeys; i++)
		common &= amplify_resource_mask(&set->keys[i]);
	for (int i = 0; i < set->nkeys; i++)
	{
		CHECK_FOR_INTERRUPTS();
		set->keys[i] = amplify_resource_project(&set->keys[i], common);
	}
}

/*
 * Leave every item to one key: drop those that another one covers, because it
 * is equal or has less bound.
 */
static void
remove_covered(AmplifyKeySet *set)
{
	int			kept = 0;

	if (set->nkeys == 0)
		return;
	qsort_interruptible(set->keys, set->nkeys, sizeof(AmplifyKeys),
						amplify_keyset_compare, NULL);
	for (int i = 1; i < set->nkeys; i++)
	{
		bool		covered = true;

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < AMPLIFY_NKEYS; j++)
		{
			const char *wide = set->keys[kept].value[j];
			const char *narrow = set->keys[i].value[j];

			if (wide != NULL && (narrow == NULL || strcmp(wide, narrow) != 0))
				covered = false;
		}
		if (!covered)
			set->keys[++kept] = set->keys[i];
	}
	set->nkeys = kept + 1;
}
