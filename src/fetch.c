/*-------------------------------------------------------------------------
 *
 * fetch.c
 *	  Keys into items: which calls a scan makes, how many at a time, and in
 *	  what order their items come.
 *
 * A fetch works through a list of keys, or through all parents when too few
 * keys are bound; each is a stream of one Get or of the pages of one List.
 * As many streams are open as the window allows, and the items of whichever
 * has answered first come first.  A fetch of parents is a fetch of its own,
 * so that resources may be nested to any depth.
 *
 * Not here: how a call is made (call.c) and shared (query.c).
 *
 * src/fetch.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "amplify_fdw.h"
#include "miscadmin.h"
#include "utils/memutils.h"

struct AmplifyFetch
{
	const AmplifyFetchSpec *spec;
	MemoryContext context;		/* lives as long as the fetch */
	MemoryContext work;			/* from start to stop */
	AmplifyPage *page;			/* of current */
	AmplifyStream *current;		/* the one whose items are handed out */
	dlist_head	streams;		/* the others that are open, oldest first */
	int			nstreams;		/* all that are open */
	int			window;			/* how many may be */
	AmplifyStream *pending;		/* patterns of those to open, from the keys */
	int			npending;
	int			next_pending;
	int			pending_size;
	AmplifyFetch *parents;		/* where keys come from; NULL: from pending */
	bool		parents_done;
	const char *filter;			/* for the Lists under parents */
};

static int	largest_window(const AmplifyFetch *fetch);
static void add_pending(AmplifyFetch *fetch, const AmplifyOperation *operation,
						const AmplifyKeys *keys);
static bool same_parent(const AmplifyResource *resource,
						const AmplifyKeys *a, const AmplifyKeys *b);
static void keys_to_streams(AmplifyFetch *fetch, AmplifyKeys *keys, int nkeys);
static void open_streams(AmplifyFetch *fetch);
static bool next_pattern(AmplifyFetch *fetch, AmplifyStream *stream);
static bool parent_keys(AmplifyFetch *fetch, AmplifyKeys *keys);
static AmplifyStream *answered_stream(AmplifyFetch *fetch);
static bool begin_page(AmplifyFetch *fetch, AmplifyStream *stream);
static void stream_failed(AmplifyFetch *fetch, AmplifyStream *stream,
						  const AmplifyFailure *failure);
static bool wants_gets_instead(const AmplifyStream *stream,
							   const AmplifyFailure *failure);
static void end_page(AmplifyFetch *fetch);
static void get_missing(AmplifyFetch *fetch, AmplifyStream *stream);
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
	fetch->page = amplify_page_create(CurrentMemoryContext);
	dlist_init(&fetch->streams);
	return fetch;
}

/*
 * Fetch the items under these keys, of which each has all that the resource's
 * Get or its List needs.  They are sorted, and no item belongs to two.
 */
void
amplify_fetch_start(AmplifyFetch *fetch, const AmplifyKeys *keys, int nkeys)
{
	MemoryContext oldcontext;
	AmplifyKeys *copy;

	amplify_fetch_stop(fetch);
	oldcontext = MemoryContextSwitchTo(fetch->work);
	fetch->window = fetch->spec->eager ? largest_window(fetch) : 1;
	copy = palloc(sizeof(AmplifyKeys) * Max(nkeys, 1));
	for (int i = 0; i < nkeys; i++)
	{
		copy[i] = keys[i];
		for (int j = 0; j < AMPLIFY_MAX_KEYS; j++)
		{
			if (keys[i].value[j] != NULL)
				copy[i].value[j] = pstrdup(keys[i].value[j]);
		}
	}
	keys_to_streams(fetch, copy, nkeys);
	MemoryContextSwitchTo(oldcontext);
}

/*
 * Fetch the items of all parents; filter (may be NULL) is the value of the
 * last key, if the service can filter by it.
 */
void
amplify_fetch_start_all(AmplifyFetch *fetch, const char *filter)
{
	const AmplifyResource *resource = fetch->spec->resource;
	MemoryContext oldcontext;

	amplify_fetch_stop(fetch);
	oldcontext = MemoryContextSwitchTo(fetch->work);
	fetch->window = fetch->spec->eager ? largest_window(fetch) : 1;
	if (resource->parent == NULL)
	{
		AmplifyKeys none = {{NULL}};

		add_pending(fetch, resource->list, &none);
	}
	else
	{
		AmplifyFetchSpec *spec = palloc(sizeof(AmplifyFetchSpec));

		*spec = *fetch->spec;
		spec->resource = resource->parent;
		fetch->parents = amplify_fetch_create(spec);
		amplify_fetch_start_all(fetch->parents, NULL);
		fetch->filter = filter ? pstrdup(filter) : NULL;
	}
	MemoryContextSwitchTo(oldcontext);
}

/*
 * Ask for what a later amplify_fetch_start() with one of these keys (sorted)
 * will want, and don't wait.  calls gets one pinned call for each key, for the
 * caller to unpin; it is of no other use.
 */
void
amplify_fetch_ahead(const AmplifyFetchSpec *spec, const AmplifyKeys *keys,
					int nkeys, AmplifyCall **calls)
{
	const AmplifyResource *resource = spec->resource;

	for (int i = 0; i < nkeys;)
	{
		AmplifyStream stream;
		int			n = 1;
		int			distinct = 1;

		for (; i + n < nkeys && same_parent(resource, &keys[i], &keys[i + n]); n++)
			distinct += amplify_keyset_compare(&keys[i + n - 1], &keys[i + n]) != 0;
		amplify_stream_choose(spec, &keys[i], distinct, &stream);
		for (int j = 0; j < n; j++)
		{
			if (stream.operation == resource->get)
				stream.keys = keys[i + j];
			calls[i + j] = amplify_stream_call(spec, &stream, NULL, false);
		}
		i += n;
	}
}

/* The next item if there is one now; never waits */
AmplifyFetchStatus
amplify_fetch_try(AmplifyFetch *fetch, AmplifyRow *row)
{
	for (;;)
	{
		AmplifyStream *stream;
		uint64		before = amplify_query_answers(fetch->spec->query);

		/* answers without rows may come for a long time */
		CHECK_FOR_INTERRUPTS();
		if (fetch->current != NULL)
		{
			int			item = amplify_stream_next_item(fetch->current,
														fetch->page);

			if (item >= 0)
			{
				row->item = amplify_page_item(fetch->page, item);
				row->keys = &fetch->current->keys;
				return AMPLIFY_FETCH_ROW;
			}
			end_page(fetch);
		}
		open_streams(fetch);
		amplify_query_progress(fetch->spec->query);
		stream = answered_stream(fetch);
		if (stream == NULL)
		{
			/* the parents were looked at before that progress */
			if (amplify_query_answers(fetch->spec->query) != before)
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
		amplify_query_wait(fetch->spec->query, fetch->spec->counters);
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
	amplify_page_clear(fetch->page);
	dlist_foreach_modify(iter, &fetch->streams)
		close_stream(fetch, dlist_container(AmplifyStream, node, iter.cur));
	fetch->parents = NULL;
	fetch->parents_done = false;
	fetch->filter = NULL;
	fetch->pending = NULL;
	fetch->npending = fetch->next_pending = fetch->pending_size = 0;
	MemoryContextReset(fetch->work);
}

/*
 * How many streams may be open.  When all rows will be read, twice as many as
 * may be in flight: the next calls then start when answers arrive, and not
 * when their rows have been taken.
 */
static int
largest_window(const AmplifyFetch *fetch)
{
	int			concurrency = fetch->spec->options->max_concurrency;

	return fetch->spec->eager ? concurrency * 2 : concurrency;
}

static void
add_pending(AmplifyFetch *fetch, const AmplifyOperation *operation,
			const AmplifyKeys *keys)
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
	fetch->pending[fetch->npending].operation = operation;
	fetch->pending[fetch->npending].keys = *keys;
	fetch->npending++;
}

/* Do two keys differ in the last one only, and is there a List for both? */
static bool
same_parent(const AmplifyResource *resource, const AmplifyKeys *a,
			const AmplifyKeys *b)
{
	bool		bound[AMPLIFY_MAX_KEYS] = {false};
	int			last = amplify_resource_last_key(resource);

	for (int i = 0; i <= last; i++)
	{
		if (a->value[i] == NULL || b->value[i] == NULL ||
			(i < last && strcmp(a->value[i], b->value[i]) != 0))
			return false;
		bound[i] = i < last;
	}
	return amplify_resource_binds(resource, resource->list, bound);
}

/* Choose the calls for the keys of a scan */
static void
keys_to_streams(AmplifyFetch *fetch, AmplifyKeys *keys, int nkeys)
{
	const AmplifyResource *resource = fetch->spec->resource;
	int			last = amplify_resource_last_key(resource);

	for (int i = 0; i < nkeys;)
	{
		AmplifyStream chosen;
		AmplifyStream *stream;
		int			n = 1;

		while (i + n < nkeys && same_parent(resource, &keys[i], &keys[i + n]))
			n++;
		amplify_stream_choose(fetch->spec, &keys[i], n, &chosen);
		add_pending(fetch, chosen.operation, &chosen.keys);
		stream = &fetch->pending[fetch->npending - 1];
		if (chosen.operation == resource->list && keys[i].value[last] != NULL)
		{
			stream->nwanted = n;
			stream->wanted = palloc(sizeof(char *) * n);
			for (int j = 0; j < n; j++)
				stream->wanted[j] = keys[i + j].value[last];
		}
		i += n;
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
		stream = amplify_stream_open(fetch->spec, &pattern, fetch->context);
		dlist_push_tail(&fetch->streams, &stream->node);
		fetch->nstreams++;
	}
}

/* What to open next; false if nothing is known (yet) */
static bool
next_pattern(AmplifyFetch *fetch, AmplifyStream *stream)
{
	AmplifyKeys keys;

	if (fetch->next_pending < fetch->npending)
	{
		*stream = fetch->pending[fetch->next_pending++];
		return true;
	}
	if (fetch->parents == NULL || fetch->parents_done ||
		!parent_keys(fetch, &keys))
		return false;
	memset(stream, 0, sizeof(AmplifyStream));
	stream->operation = fetch->spec->resource->list;
	stream->keys = keys;
	return true;
}

/* The keys that the next parent has for its children */
static bool
parent_keys(AmplifyFetch *fetch, AmplifyKeys *keys)
{
	const AmplifyResource *resource = fetch->spec->resource;
	const AmplifyResource *parent = resource->parent;
	AmplifyFetchStatus status;
	AmplifyRow	row;

	status = amplify_fetch_try(fetch->parents, &row);
	fetch->parents_done = status == AMPLIFY_FETCH_END;
	if (status != AMPLIFY_FETCH_ROW)
		return false;

	memset(keys, 0, sizeof(AmplifyKeys));
	for (int i = 0; i < AMPLIFY_MAX_KEYS && resource->keys[i] != NULL; i++)
	{
		const AmplifyColumn *column;
		AmplifyValueStatus value_status;
		AmplifyValue value;
		int			key = amplify_resource_key(parent, resource->keys[i]);

		if (key < 0)
			continue;
		column = amplify_resource_column(parent, resource->keys[i]);
		if (column->source == AMPLIFY_KEY)
		{
			keys->value[i] = row.keys->value[key];
			continue;
		}
		value_status = amplify_page_value(row.item, column->path, column->type,
										  &value);
		if (value_status == AMPLIFY_VALUE_NULL)
			value_status = AMPLIFY_VALUE_WRONG_TYPE;
		if (value_status != AMPLIFY_VALUE_OK)
			amplify_error_value(value_status, column->name, parent->name);
		keys->value[i] = value.text;
	}
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

		if (amplify_query_answered(fetch->spec->query, stream->call))
			return stream;
	}
	return NULL;
}

/* Read the page that has come; false if there is none */
static bool
begin_page(AmplifyFetch *fetch, AmplifyStream *stream)
{
	AmplifyFailure failure;

	if (amplify_stream_begin_page(fetch->spec, stream, fetch->page, &failure))
		return true;
	if (failure.trouble != AMPLIFY_TROUBLE_NONE)
		stream_failed(fetch, stream, &failure);
	close_stream(fetch, stream);
	return false;
}

/* An error, unless the table wants a warning and the other rows */
static void
stream_failed(AmplifyFetch *fetch, AmplifyStream *stream,
			  const AmplifyFailure *failure)
{
	const AmplifyFetchSpec *spec = fetch->spec;

	if (wants_gets_instead(stream, failure))
		get_missing(fetch, stream);
	else
		amplify_error_report(spec->options->warn_on_error ? WARNING : ERROR,
							 failure, stream->operation->name,
							 spec->tablename, spec->connection->servername);
}

/*
 * Whether the service lists what it has for an app of the second generation
 * or refuses to is not documented; the Gets that the List stands for would
 * have said "not found".
 */
static bool
wants_gets_instead(const AmplifyStream *stream, const AmplifyFailure *failure)
{
	return stream->nwanted > 0 &&
		failure->trouble == AMPLIFY_TROUBLE_BAD_REQUEST;
}

/* All items of the current page have been handed out */
static void
end_page(AmplifyFetch *fetch)
{
	AmplifyStream *stream = fetch->current;
	bool		more = stream->nwanted == 0;

	/* after one page, what is still missing is fetched one by one */
	if (!more && amplify_page_next_token(fetch->page) != NULL)
		get_missing(fetch, stream);

	/* next in turn, so that a page that is there already is read at once */
	fetch->current = NULL;
	dlist_push_head(&fetch->streams, &stream->node);
	if (!amplify_stream_end_page(fetch->spec, stream, fetch->page, more))
		close_stream(fetch, stream);

	/* who has read all of one stream will probably want more */
	fetch->window = Min(fetch->window + 1, largest_window(fetch));
}

/* Get, one by one, what a List should have brought */
static void
get_missing(AmplifyFetch *fetch, AmplifyStream *stream)
{
	const AmplifyResource *resource = fetch->spec->resource;
	int			last = amplify_resource_last_key(resource);

	for (int i = 0; i < stream->nwanted; i++)
	{
		AmplifyKeys keys = stream->keys;

		if (stream->wanted[i] == NULL)
			continue;
		keys.value[last] = stream->wanted[i];
		for (int j = 0; j < last; j++)
			keys.value[j] = MemoryContextStrdup(fetch->work, keys.value[j]);
		add_pending(fetch, resource->get, &keys);
	}
}

static void
close_stream(AmplifyFetch *fetch, AmplifyStream *stream)
{
	dlist_delete(&stream->node);
	fetch->nstreams--;
	amplify_stream_close(fetch->spec, stream);
}
