/*-------------------------------------------------------------------------
 *
 * fetch.c
 *	  Keys into items: which calls a scan makes, how many at a time, and in
 *	  what order their items come.
 *
 * A fetch works through a list of keys; each is a stream of one Get, of the
 * pages of one List, or of what one parent has of some names (parent.c).  As
 * many streams are open as the window allows, and the items of whichever has
 * answered first come first.  Keys that lack what a List needs get it from
 * the items of an ancestor, which model/route.c chooses.  Those are what a
 * fetch of its own brings, so that resources may be nested to any depth.
 *
 * Not here: how a call is made (call.c) and shared (statement.c).
 *
 * src/request/fetch.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "request/amplify_request.h"

/* What has been asked ahead of need for a key: a call, or what is wanted */
struct AmplifyAhead
{
	AmplifyCall *call;			/* pinned, or NULL */
	AmplifyPrefetch prefetch;	/* what follows it */
	AmplifyWant want;
};

struct AmplifyFetch
{
	const AmplifyFetchSpec *spec;
	MemoryContext context;		/* lives as long as the fetch */
	MemoryContext work;			/* from start to stop */
	AmplifyResponse *page;		/* of current, unless parent.c has it */
	AmplifyStream *current;		/* the one whose items are handed out */
	dlist_head	streams;		/* the others that are open, oldest first */
	int			nstreams;		/* all that are open */
	int			window;			/* how many may be */
	AmplifyKeys first;			/* of the keys that came so far, those that */
	AmplifyKeyMask various;		/* had another value later: note_values() */

	/* from here on all zeros when it is stopped, and in work */
	AmplifyStream *pending;		/* patterns of those to open, from the keys */
	int			npending;
	int			next_pending;
	int			pending_size;
	AmplifyFetch *parents;		/* where keys come from; NULL: from pending */
	bool		parents_done;
	AmplifyNames *seen;			/* ids of parents, so far; NULL: none */
	AmplifyKeys parent;			/* what its latest item says of our keys */
	AmplifyKeys *partial;		/* what the query says of them, sorted */
	int			npartial;
	int			next_partial;	/* to be put together with parent, */
	int			end_partial;	/* up to here */
	const char *filter;			/* for the Lists under parents */
};

/* What decides by whom keys are completed */
typedef struct RouteKeys
{
	AmplifyKeySet *set;
	AmplifyKeyMask various;		/* see AmplifyFetch */
} RouteKeys;

static int	largest_window(const AmplifyFetch *fetch);
static AmplifyStream *add_pending(AmplifyFetch *fetch);
static void choose_operation(const AmplifyResource *resource,
							 const AmplifyKeys *keys, AmplifyStream *stream);
static void ask_parents(AmplifyFetch *fetch, AmplifyKeySet *set);
static void note_values(AmplifyFetch *fetch, const AmplifyKeys *keys);
static double count_keys(AmplifyKeyMask mask, void *arg);
static int	same_parent(const AmplifyResource *resource,
						const AmplifyKeys *keys, int nkeys);
static void ask_parent_ahead(const AmplifyFetchSpec *spec,
							 const AmplifyKeys *keys, int nkeys,
							 AmplifyAhead **ahead);
static void keys_to_streams(AmplifyFetch *fetch, AmplifyKeys *keys, int nkeys);
static void open_streams(AmplifyFetch *fetch);
static bool next_pattern(AmplifyFetch *fetch, AmplifyStream *stream);
static bool next_parent(AmplifyFetch *fetch);
static bool is_new_parent(AmplifyFetch *fetch);
static int	find_partial(const AmplifyFetch *fetch, bool behind);
static int	compare_partial(const AmplifyKeys *partial,
							const AmplifyKeys *parent);
static bool complete_keys(AmplifyFetch *fetch, const AmplifyKeys *partial,
						  AmplifyKeys *keys);
static AmplifyStream *answered_stream(AmplifyFetch *fetch);
static bool begin_page(AmplifyFetch *fetch, AmplifyStream *stream);
static void stream_failed(AmplifyFetch *fetch, AmplifyStream *stream,
						  const AmplifyFailure *failure);
static bool asks_for_everything(const AmplifyFetch *fetch,
								const AmplifyStream *stream);
static bool is_refused_key(const AmplifyFetch *fetch,
						   const AmplifyStream *stream,
						   const AmplifyFailure *failure);
static void end_page(AmplifyFetch *fetch);
static void close_stream(AmplifyFetch *fetch, AmplifyStream *stream);

/* In the current context, which must live as long; so must spec */
AmplifyFetch *
amplify_fetch_create(const AmplifyFetchSpec *spec)
{
	AmplifyFetch *fetch = palloc0(sizeof(AmplifyFetch));

	fetch->spec = spec;
	fetch->context = CurrentMemoryContext;
	fetch->work = AllocSetContextCreate(CurrentMemoryContext,
										"amplify_fdw fetch",
										ALLOCSET_SMALL_SIZES);
	fetch->page = amplify_response_create(CurrentMemoryContext);
	dlist_init(&fetch->streams);
	amplify_apps_guard(spec);
	return fetch;
}

/* Fetch the items under these keys */
void
amplify_fetch_start(AmplifyFetch *fetch, const AmplifyKeySet *set)
{
	MemoryContext oldcontext;
	AmplifyKeySet copy = *set;

	amplify_fetch_stop(fetch);
	oldcontext = MemoryContextSwitchTo(fetch->work);
	fetch->window = fetch->spec->eager ? largest_window(fetch) : 1;
	copy.keys = palloc_extended(sizeof(AmplifyKeys) * Max(set->nkeys, 1),
								MCXT_ALLOC_HUGE);
	for (int i = 0; i < set->nkeys; i++)
	{
		CHECK_FOR_INTERRUPTS();
		copy.keys[i] = set->keys[i];
		amplify_resource_copy_keys(&copy.keys[i], fetch->work);
	}
	copy.filter = set->filter ? pstrdup(set->filter) : NULL;
	if (copy.from_parents)
		ask_parents(fetch, &copy);
	else
		keys_to_streams(fetch, copy.keys, copy.nkeys);
	MemoryContextSwitchTo(oldcontext);
}

/*
 * Ask for what a later amplify_fetch_start() with one of these keys (sorted)
 * will want, and don't wait.  ahead gets one element for each key, in the
 * current context, for amplify_fetch_release(); it is of no other use.
 */
void
amplify_fetch_ahead(const AmplifyFetchSpec *spec, const AmplifyKeys *keys,
					int nkeys, AmplifyAhead **ahead)
{
	/* the table may not have been opened */
	if (nkeys == 0)
		return;
	amplify_apps_guard(spec);
	for (int i = 0; i < nkeys; i++)
		ahead[i] = palloc0(sizeof(AmplifyAhead));
	for (int i = 0, n; i < nkeys; i += n)
	{
		AmplifyFetchSpec asked = *spec;
		AmplifyKeys first;
		AmplifyRoute route;
		AmplifyStream stream = {0};

		CHECK_FOR_INTERRUPTS();
		n = same_parent(spec->resource, &keys[i], nkeys - i);
		if (n > 0)
		{
			ask_parent_ahead(spec, &keys[i], n, &ahead[i]);
			continue;
		}
		n = 1;

		/* with too little bound, an ancestor's List is asked first */
		amplify_route_find(spec->resource, amplify_resource_mask(&keys[i]),
						   NULL, NULL, &route);
		asked.resource = route.steps[route.nsteps - 1].resource;
		first = amplify_resource_project(&keys[i],
										 route.steps[route.nsteps - 1].bound);
		choose_operation(asked.resource, &first, &stream);
		ahead[i]->call = amplify_spec_ask(&asked, stream.operation,
										  &stream.keys, NULL, false);
		amplify_prefetch_begin(&ahead[i]->prefetch, spec, &route,
							   ahead[i]->call);
	}
}

/* What has been asked ahead is not needed any more */
void
amplify_fetch_release(AmplifyStatement *statement, AmplifyAhead *ahead)
{
	amplify_prefetch_end(&ahead->prefetch);
	if (ahead->call != NULL)
		amplify_statement_unpin(statement, ahead->call);
	if (ahead->want.lookup != NULL)
		amplify_parent_release(&ahead->want);
	pfree(ahead);
}

/* The next item if there is one now; never waits */
AmplifyFetchStatus
amplify_fetch_try(AmplifyFetch *fetch, AmplifyRow *row)
{
	for (;;)
	{
		AmplifyStream *stream;
		uint64		before = amplify_statement_responses(fetch->spec->statement);

		/* responses without rows may come for a long time */
		CHECK_FOR_INTERRUPTS();
		if (fetch->current != NULL)
		{
			row->item = amplify_stream_next_item(fetch->current);
			if (row->item != NULL)
			{
				row->keys = &fetch->current->keys;
				return AMPLIFY_FETCH_ROW;
			}
			end_page(fetch);
		}
		open_streams(fetch);
		amplify_statement_progress(fetch->spec->statement);
		stream = answered_stream(fetch);
		if (stream == NULL)
		{
			/* the parents were looked at before that progress */
			if (amplify_statement_responses(fetch->spec->statement) != before)
				continue;
			break;
		}
		if (begin_page(fetch, stream))
		{
			dlist_delete(&stream->node);
			fetch->current = stream;
		}
	}
	if (fetch->nstreams > 0 ||
		(fetch->parents != NULL && !fetch->parents_done))
		return AMPLIFY_FETCH_PENDING;
	return AMPLIFY_FETCH_END;
}

/* The next item, waiting for it; false when there is none */
bool
amplify_fetch_next(AmplifyFetch *fetch, AmplifyRow *row)
{
	AmplifyFetchStatus status;

	while ((status = amplify_fetch_try(fetch, row)) == AMPLIFY_FETCH_PENDING)
		amplify_statement_wait(fetch->spec->statement, fetch->spec->counters);
	return status == AMPLIFY_FETCH_ROW;
}

/* Give up what is under way; the fetch may be started again */
void
amplify_fetch_stop(AmplifyFetch *fetch)
{
	dlist_mutable_iter iter;

	if (fetch->parents != NULL)
		amplify_fetch_stop(fetch->parents);
	if (fetch->current != NULL)
	{
		dlist_push_head(&fetch->streams, &fetch->current->node);
		fetch->current = NULL;
	}
	amplify_response_clear(fetch->page);
	dlist_foreach_modify(iter, &fetch->streams)
		close_stream(fetch, dlist_container(AmplifyStream, node, iter.cur));
	memset((char *) fetch + offsetof(AmplifyFetch, pending), 0,
		   sizeof(AmplifyFetch) - offsetof(AmplifyFetch, pending));
	MemoryContextReset(fetch->work);
}

/*
 * How many streams may be open.  When all rows will be read, twice as many as
 * may be in flight: the next calls then start when responses arrive, and not
 * when their rows have been taken.
 */
static int
largest_window(const AmplifyFetch *fetch)
{
	int			concurrency = fetch->spec->options->max_concurrency;

	return fetch->spec->eager ? concurrency * 2 : concurrency;
}

/* One more pattern of a stream to be opened, empty */
static AmplifyStream *
add_pending(AmplifyFetch *fetch)
{
	if (fetch->npending == fetch->pending_size)
	{
		fetch->pending_size = Max(16, fetch->pending_size * 2);
		if (fetch->pending == NULL)
			fetch->pending = MemoryContextAlloc(fetch->work,
												sizeof(AmplifyStream) * fetch->pending_size);
		else
			fetch->pending = repalloc_huge(fetch->pending,
										   sizeof(AmplifyStream) * fetch->pending_size);
	}
	memset(&fetch->pending[fetch->npending], 0, sizeof(AmplifyStream));
	return &fetch->pending[fetch->npending++];
}

/* The operation for keys that are enough for one, and what it takes of them */
static void
choose_operation(const AmplifyResource *resource, const AmplifyKeys *keys,
				 AmplifyStream *stream)
{
	stream->operation = amplify_route_operation(resource,
												amplify_resource_mask(keys));
	stream->keys = amplify_resource_project(keys, stream->operation->needs);
}

/* Have the items of the step before complete the keys of the set */
static void
ask_parents(AmplifyFetch *fetch, AmplifyKeySet *set)
{
	AmplifyFetchSpec *spec = palloc(sizeof(AmplifyFetchSpec));
	AmplifyKeySet above = {.nkeys = set->nkeys};
	RouteKeys	keys = {set};
	AmplifyRoute route;

	note_values(fetch, &set->keys[0]);
	keys.various = fetch->various;
	amplify_route_find(fetch->spec->resource,
					   amplify_resource_mask(&set->keys[0]),
					   count_keys, &keys, &route);
	*spec = *fetch->spec;
	spec->child = fetch->spec->resource;
	spec->resource = route.steps[1].resource;
	above.keys = palloc_extended(sizeof(AmplifyKeys) * set->nkeys,
								 MCXT_ALLOC_HUGE);
	for (int i = 0; i < set->nkeys; i++)
	{
		CHECK_FOR_INTERRUPTS();
		above.keys[i] = amplify_resource_project(&set->keys[i],
												 spec->resource->keys);
	}
	amplify_keyset_settle(spec->resource, &above);
	fetch->parents = amplify_fetch_create(spec);
	fetch->parents->first = fetch->first;
	fetch->parents->various = fetch->various;
	amplify_fetch_start(fetch->parents, &above);
	fetch->partial = set->keys;
	fetch->npartial = fetch->next_partial = fetch->end_partial = set->nkeys;
	/* what is narrower than a call that others make is one call more */
	fetch->filter = fetch->spec->keep ? NULL : set->filter;
}

/*
 * Keys that come one at a time, with the rows of an outer side, are as various
 * as those that come at once, and it is as good to know which parents there
 * are.  That they are is seen with the second one.
 */
static void
note_values(AmplifyFetch *fetch, const AmplifyKeys *keys)
{
	for (int i = 0; i < AMPLIFY_NKEYS; i++)
	{
		if (keys->value[i] == NULL)
			continue;
		if (fetch->first.value[i] == NULL)
			fetch->first.value[i] = MemoryContextStrdup(fetch->context,
														keys->value[i]);
		else if (strcmp(fetch->first.value[i], keys->value[i]) != 0)
			fetch->various |= 1 << i;
	}
}

/* For amplify_route_find(): those of other starts count as one more */
static double
count_keys(AmplifyKeyMask mask, void *arg)
{
	const RouteKeys *keys = arg;

	return amplify_keyset_count(mask, keys->set) +
		((mask & keys->various) != 0 ? 1 : 0);
}

/*
 * How many of the keys (sorted) name items of the parent that the first one's
 * is of?  0: its item is on no List that the keys are enough for.
 */
static int
same_parent(const AmplifyResource *resource, const AmplifyKeys *keys,
			int nkeys)
{
	int			last = resource->last_key;
	int			n = 1;

	if (!amplify_route_has_choice(resource, amplify_resource_mask(&keys[0])))
		return 0;
	for (; n < nkeys; n++)
	{
		if (keys[n].value[last] == NULL)
			return n;
		for (int i = 0; i < last; i++)
		{
			if (keys[0].value[i] != keys[n].value[i] &&
				(keys[0].value[i] == NULL || keys[n].value[i] == NULL ||
				 strcmp(keys[0].value[i], keys[n].value[i]) != 0))
				return n;
		}
	}
	return n;
}

/* All that is wanted of a parent is known before the first call is chosen */
static void
ask_parent_ahead(const AmplifyFetchSpec *spec, const AmplifyKeys *keys,
				 int nkeys, AmplifyAhead **ahead)
{
	AmplifyParent *parent = amplify_parent_find(spec, &keys[0]);
	int			last = spec->resource->last_key;

	for (int i = 0; i < nkeys; i++)
		amplify_parent_want(parent, keys[i].value[last], false, NULL,
							&ahead[i]->want);
	for (int i = 0; i < nkeys; i++)
		amplify_parent_hurry(&ahead[i]->want);
	amplify_parent_ask(parent);
}

/* The streams of a scan's keys: those of one parent are one stream */
static void
keys_to_streams(AmplifyFetch *fetch, AmplifyKeys *keys, int nkeys)
{
	const AmplifyResource *resource = fetch->spec->resource;
	int			last = resource->last_key;

	for (int i = 0, n; i < nkeys; i += n)
	{
		AmplifyStream *stream = add_pending(fetch);

		CHECK_FOR_INTERRUPTS();
		n = same_parent(resource, &keys[i], nkeys - i);
		if (n == 0)
		{
			choose_operation(resource, &keys[i], stream);
			stream->listed = fetch->spec->listed;
			n = 1;
			continue;
		}
		stream->operation = resource->list;
		stream->keys = amplify_resource_project(&keys[i], resource->list->needs);
		stream->nnames = n;
		stream->names = palloc_extended(sizeof(char *) * n, MCXT_ALLOC_HUGE);
		for (int j = 0; j < n; j++)
			stream->names[j] = keys[i + j].value[last];
	}
}

/* Open streams as the window allows */
static void
open_streams(AmplifyFetch *fetch)
{
	while (fetch->nstreams < fetch->window)
	{
		AmplifyStream pattern;
		AmplifyStream *stream;

		if (!next_pattern(fetch, &pattern))
			return;
		pattern.filter = fetch->filter;
		stream = amplify_stream_open(fetch->spec, &pattern, fetch->window,
									 fetch->context);
		dlist_push_tail(&fetch->streams, &stream->node);
		fetch->nstreams++;
	}
}

/* What to open next; false if nothing is known (yet) */
static bool
next_pattern(AmplifyFetch *fetch, AmplifyStream *stream)
{
	if (amplify_spec_gave_up(fetch->spec))
	{
		fetch->parents_done = true;
		return false;
	}
	if (fetch->next_pending < fetch->npending)
	{
		*stream = fetch->pending[fetch->next_pending++];
		return true;
	}
	if (fetch->parents == NULL)
		return false;

	memset(stream, 0, sizeof(AmplifyStream));
	stream->operation = fetch->spec->resource->list;
	stream->listed = true;
	do
	{
		while (fetch->next_partial == fetch->end_partial)
		{
			CHECK_FOR_INTERRUPTS();
			if (!next_parent(fetch))
				return false;
		}
	} while (!complete_keys(fetch, &fetch->partial[fetch->next_partial++],
							&stream->keys));
	return true;
}

/*
 * What the next parent says of our keys; false if there is none (yet).  A
 * list that changes while it is read may hand out an item on two pages: its
 * children come once.
 */
static bool
next_parent(AmplifyFetch *fetch)
{
	const AmplifyResource *resource = fetch->spec->resource;
	const AmplifyResource *parent = fetch->parents->spec->resource;
	AmplifyFetchStatus status;
	AmplifyValueStatus value_status;
	const AmplifyColumn *column;
	AmplifyRow	row;

	do
	{
		if (fetch->parents_done)
			return false;
		status = amplify_fetch_try(fetch->parents, &row);
		fetch->parents_done = status == AMPLIFY_FETCH_END;
		if (status != AMPLIFY_FETCH_ROW)
			return false;

		value_status = amplify_keyset_of_item(parent, &row, resource->keys,
											  &fetch->parent, &column);
		if (value_status != AMPLIFY_VALUE_OK)
			amplify_report_value(value_status, column->name, parent->name);
	} while (!is_new_parent(fetch));
	fetch->next_partial = find_partial(fetch, false);
	fetch->end_partial = find_partial(fetch, true);
	return true;
}

/* Is it one that no parent before has named? */
static bool
is_new_parent(AmplifyFetch *fetch)
{
	StringInfoData id;
	bool		is_new;

	initStringInfo(&id);
	for (int key = 0; key < AMPLIFY_NKEYS; key++)
	{
		const char *value = fetch->parent.value[key];

		if (value != NULL)
			appendStringInfo(&id, "%d=%zu:%s ", key, strlen(value), value);
	}
	if (fetch->seen == NULL)
		fetch->seen = amplify_names_create(fetch->work);
	is_new = amplify_names_find(fetch->seen, id.data) == NULL;
	if (is_new)
		amplify_names_put(fetch->seen,
						  MemoryContextStrdup(fetch->work, id.data));
	pfree(id.data);
	return is_new;
}

/*
 * Where, among the partial keys, those begin that agree with the parent's, or
 * (behind) where they end.  There may be many for each of many parents, so
 * they are searched and not tried.
 */
static int
find_partial(const AmplifyFetch *fetch, bool behind)
{
	int			low = 0;
	int			high = fetch->npartial;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		int			order = compare_partial(&fetch->partial[middle],
											&fetch->parent);

		if (order < 0 || (behind && order == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * By the keys that both have, in the order of amplify_keyset_compare(), up to
 * the first that the parent lacks: all partial keys have the same columns.
 */
static int
compare_partial(const AmplifyKeys *partial, const AmplifyKeys *parent)
{
	for (int i = 0; i < AMPLIFY_NKEYS; i++)
	{
		int			order;

		if (partial->value[i] == NULL)
			continue;
		if (parent->value[i] == NULL)
			break;
		order = strcmp(partial->value[i], parent->value[i]);
		if (order != 0)
			return order;
	}
	return 0;
}

/*
 * Put together what the query and what the parent say.  False if they
 * contradict each other, for there are other parents for those keys, or if
 * nothing under them is wanted.
 */
static bool
complete_keys(AmplifyFetch *fetch, const AmplifyKeys *partial,
			  AmplifyKeys *keys)
{
	AmplifyKeys both = *partial;

	for (int i = 0; i < AMPLIFY_NKEYS; i++)
	{
		const char *value = fetch->parent.value[i];

		if (value == NULL)
			continue;
		if (both.value[i] != NULL && strcmp(both.value[i], value) != 0)
			return false;
		both.value[i] = value;
	}
	if (!amplify_spec_allows(fetch->spec, &both))
		return false;
	*keys = amplify_resource_project(&both, fetch->spec->resource->list->needs);
	return true;
}

/* A stream whose next page is there, or NULL */
static AmplifyStream *
answered_stream(AmplifyFetch *fetch)
{
	dlist_iter	iter;

	dlist_foreach(iter, &fetch->streams)
	{
		AmplifyStream *stream = dlist_container(AmplifyStream, node, iter.cur);

		if (amplify_stream_is_ready(stream, fetch->window))
			return stream;
	}
	return NULL;
}

/* Read the page that has come; false if there is none */
static bool
begin_page(AmplifyFetch *fetch, AmplifyStream *stream)
{
	AmplifyFailure failure;

	if (amplify_stream_begin_page(stream, fetch->page, &failure))
		return true;
	if (failure.kind != AMPLIFY_FAILURE_NONE)
		stream_failed(fetch, stream, &failure);
	if (!amplify_stream_goes_on(stream))
		close_stream(fetch, stream);
	return false;
}

/* An error, unless the table wants a warning and the other rows */
static void
stream_failed(AmplifyFetch *fetch, AmplifyStream *stream,
			  const AmplifyFailure *failure)
{
	const AmplifyFetchSpec *spec = fetch->spec;
	bool		of_server = amplify_report_is_of_server(failure->kind);

	if (is_refused_key(fetch, stream, failure))
		return;
	if (of_server && amplify_spec_gave_up(spec))
		return;
	spec->counters->failed++;
	amplify_report_failure(amplify_spec_goes_on(spec), failure,
						   &(AmplifyFailedCall)
						   {
							   .connection = spec->connection,
							   .resource = spec->resource,
							   .target = spec->child ? spec->child : spec->resource,
							   .operation = stream->operation,
							   .keys = &stream->keys,
							   .table = spec->tablename,
							   .everything = asks_for_everything(fetch, stream),
							   .writes = spec->options->on_error == AMPLIFY_ON_ERROR_WARN &&
							   !amplify_spec_goes_on(spec),
						   });
	/* 'warn_always' says that what is left may be written down all the same */
	if (spec->options->on_error == AMPLIFY_ON_ERROR_WARN)
		amplify_writes_leave_out(amplify_statement_writes(spec->statement));
	if (of_server)
	{
		amplify_statement_give_up(spec->statement, spec->connection);
		spec->counters->given_up = true;
	}
}

/* Would fewer calls do if the query knew more keys? */
static bool
asks_for_everything(const AmplifyFetch *fetch, const AmplifyStream *stream)
{
	if (fetch->spec->child != NULL || fetch->parents != NULL ||
		fetch->spec->listed)
		return true;
	if (stream->names != NULL)
		return false;
	return amplify_resource_mask(&stream->keys) == 0;
}

/*
 * Does the service refuse a key of the statement's that AWS could not have?
 * Then there is nothing under it.  A parent's key is the service's own.
 */
static bool
is_refused_key(const AmplifyFetch *fetch, const AmplifyStream *stream,
			   const AmplifyFailure *failure)
{
	const AmplifyResource *resource = fetch->spec->resource;

	if (fetch->parents != NULL || fetch->spec->listed ||
		failure->kind != AMPLIFY_FAILURE_BAD_REQUEST ||
		strcmp(failure->code, "BadRequestException") != 0)
		return false;
	for (int i = 0; i < AMPLIFY_NKEYS; i++)
	{
		if (stream->keys.value[i] != NULL &&
			!amplify_resource_valid_key(resource->key_column[i]->key,
										stream->keys.value[i]))
			return true;
	}
	return false;
}

/* All items of the current page have been handed out */
static void
end_page(AmplifyFetch *fetch)
{
	AmplifyStream *stream = fetch->current;

	/* next in turn, so that a page that is there already is read at once */
	fetch->current = NULL;
	dlist_push_head(&fetch->streams, &stream->node);
	if (!amplify_stream_end_page(stream, fetch->page))
		close_stream(fetch, stream);

	/* a reader of a whole stream will probably want more */
	fetch->window = Min(fetch->window + 1, largest_window(fetch));
}

static void
close_stream(AmplifyFetch *fetch, AmplifyStream *stream)
{
	dlist_delete(&stream->node);
	fetch->nstreams--;
	amplify_stream_close(stream);
}
