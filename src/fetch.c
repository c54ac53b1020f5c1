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
#include "common/hashfn.h"
#include "utils/memutils.h"

/* A list of which so many pages in a row are empty has no end */
#define MAX_EMPTY_PAGES	100

/* What is asked for one set of keys: one Get, or a List page by page */
typedef struct Stream
{
	const AmplifyOperation *operation;
	AmplifyKeys keys;			/* of the operation; strings in context */
	AmplifyCall *call;			/* the page that comes next */
	AmplifyCall *ahead;			/* the one after it, or NULL */
	MemoryContext context;		/* holds this struct */
	int			pages;
	int			empty_pages;	/* in a row */
	uint32		token_hash;		/* of one token seen before: Brent's cycle */
	int			token_page;		/* detection, as of that page */
	/* a List that stands for Gets: the last keys that are wanted */
	const char **wanted;		/* found ones become NULL */
	int			nwanted;
	Bitmapset  *matches;		/* which items of the page those are */
	dlist_node	node;
} Stream;

struct AmplifyFetch
{
	const AmplifyFetchSpec *spec;
	MemoryContext context;		/* lives as long as the fetch */
	MemoryContext work;			/* from start to stop */
	AmplifyPage *page;			/* of current */
	int			item;			/* the one handed out last; -1: none yet */
	Stream	   *current;		/* the stream whose items are handed out */
	dlist_head	streams;		/* the others that are open, oldest first */
	int			nstreams;		/* all that are open */
	int			window;			/* how many may be */
	Stream	   *pending;		/* streams to open, from the keys */
	int			npending;
	int			next_pending;
	int			pending_size;
	AmplifyFetch *parents;		/* where keys come from; NULL: from pending */
	bool		parents_done;
	const char *filter;			/* for the Lists under parents */
};

static void add_pending(AmplifyFetch *fetch, const AmplifyOperation *operation,
						const AmplifyKeys *keys);
static bool same_parent(const AmplifyResource *resource,
						const AmplifyKeys *a, const AmplifyKeys *b);
static void choose_call(const AmplifyFetchSpec *spec, const AmplifyKeys *keys,
						int wanted, Stream *stream);
static int	next_item(AmplifyFetch *fetch);
static void keys_to_streams(AmplifyFetch *fetch, AmplifyKeys *keys, int nkeys);
static void open_streams(AmplifyFetch *fetch);
static bool next_keys(AmplifyFetch *fetch, Stream *stream);
static bool parent_keys(AmplifyFetch *fetch, AmplifyKeys *keys);
static AmplifyCall *stream_call(const AmplifyFetchSpec *spec,
								const Stream *stream, const char *filter,
								const char *token);
static void describe_call(const AmplifyFetchSpec *spec, const Stream *stream,
						  const char *filter, const char *token,
						  AmplifyCall *call);
static Stream *answered_stream(AmplifyFetch *fetch);
static bool begin_page(AmplifyFetch *fetch, Stream *stream);
static void stream_failed(AmplifyFetch *fetch, Stream *stream,
						  const AmplifyFailure *failure);
static bool wants_gets_instead(const Stream *stream,
							   const AmplifyFailure *failure);
static void end_page(AmplifyFetch *fetch);
static const char *following_token(AmplifyFetch *fetch, Stream *stream);
static void check_progress(AmplifyFetch *fetch, Stream *stream,
						   const char *token);
static void note_wanted(AmplifyFetch *fetch, Stream *stream);
static void get_missing(AmplifyFetch *fetch, Stream *stream);
static void close_stream(AmplifyFetch *fetch, Stream *stream);
static void report(AmplifyFetch *fetch, const Stream *stream, int elevel,
				   const AmplifyFailure *failure);

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
	fetch->window = fetch->spec->eager ? fetch->spec->options->max_concurrency : 1;
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
	fetch->window = fetch->spec->eager ? fetch->spec->options->max_concurrency : 1;
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
		Stream		stream = {0};
		int			n = 1;
		int			distinct = 1;

		for (; i + n < nkeys && same_parent(resource, &keys[i], &keys[i + n]); n++)
			distinct += amplify_keyset_compare(&keys[i + n - 1], &keys[i + n]) != 0;
		choose_call(spec, &keys[i], distinct, &stream);
		for (int j = 0; j < n; j++)
		{
			if (stream.operation == resource->get)
				stream.keys = keys[i + j];
			calls[i + j] = stream_call(spec, &stream, NULL, NULL);
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
		Stream	   *stream;

		if (fetch->current != NULL)
		{
			int			item = next_item(fetch);

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
			break;
		if (begin_page(fetch, stream))
		{
			dlist_delete(&stream->node);
			fetch->current = stream;
			fetch->item = -1;
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
		close_stream(fetch, dlist_container(Stream, node, iter.cur));
	fetch->parents = NULL;
	fetch->parents_done = false;
	fetch->filter = NULL;
	fetch->pending = NULL;
	fetch->npending = fetch->next_pending = fetch->pending_size = 0;
	MemoryContextReset(fetch->work);
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
												sizeof(Stream) * fetch->pending_size);
		else
			fetch->pending = repalloc_huge(fetch->pending,
										   sizeof(Stream) * fetch->pending_size);
	}
	memset(&fetch->pending[fetch->npending], 0, sizeof(Stream));
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

/*
 * A Get when the keys name one item, else a List.  Where several items of one
 * parent are wanted, or its List has been asked for already, one page of that
 * is fewer calls than their Gets.
 */
static void
choose_call(const AmplifyFetchSpec *spec, const AmplifyKeys *keys, int wanted,
			Stream *stream)
{
	const AmplifyResource *resource = spec->resource;
	bool		bound[AMPLIFY_MAX_KEYS];
	AmplifyCall call;

	for (int i = 0; i < AMPLIFY_MAX_KEYS; i++)
		bound[i] = keys->value[i] != NULL;
	stream->keys = *keys;
	stream->operation = resource->get;
	if (amplify_resource_binds(resource, resource->get, bound))
	{
		if (wanted == 1)
			describe_call(spec, stream, NULL, NULL, &call);
		if (wanted == 1 && amplify_query_has(spec->query, &call))
			return;
		if (!amplify_resource_binds(resource, resource->list, bound))
			return;
	}
	stream->operation = resource->list;
	stream->keys.value[amplify_resource_last_key(resource)] = NULL;
	describe_call(spec, stream, NULL, NULL, &call);
	if (wanted == 1 && bound[amplify_resource_last_key(resource)] &&
		!amplify_query_has(spec->query, &call))
	{
		stream->operation = resource->get;
		stream->keys = *keys;
	}
}

/* Choose the calls for the keys of a scan */
static void
keys_to_streams(AmplifyFetch *fetch, AmplifyKeys *keys, int nkeys)
{
	const AmplifyResource *resource = fetch->spec->resource;
	int			last = amplify_resource_last_key(resource);

	for (int i = 0; i < nkeys;)
	{
		Stream		chosen = {0};
		Stream	   *stream;
		int			n = 1;

		while (i + n < nkeys && same_parent(resource, &keys[i], &keys[i + n]))
			n++;
		choose_call(fetch->spec, &keys[i], n, &chosen);
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

/* Of the current page, the item to hand out next; -1 when that was all */
static int
next_item(AmplifyFetch *fetch)
{
	if (fetch->current->nwanted > 0)
		fetch->item = bms_next_member(fetch->current->matches, fetch->item);
	else if (fetch->item + 1 < amplify_page_count(fetch->page))
		fetch->item++;
	else
		fetch->item = -2;
	return fetch->item;
}

/* Open streams as the window allows */
static void
open_streams(AmplifyFetch *fetch)
{
	while (fetch->nstreams < fetch->window)
	{
		Stream		next;
		Stream	   *stream;
		MemoryContext context;

		if (!next_keys(fetch, &next))
			return;
		context = AllocSetContextCreate(fetch->context, "amplify_fdw stream",
										ALLOCSET_SMALL_SIZES);
		stream = MemoryContextAlloc(context, sizeof(Stream));
		*stream = next;
		stream->context = context;
		for (int i = 0; i < AMPLIFY_MAX_KEYS; i++)
		{
			if (next.keys.value[i] != NULL)
				stream->keys.value[i] = MemoryContextStrdup(context,
															next.keys.value[i]);
		}
		stream->call = stream_call(fetch->spec, stream, fetch->filter, NULL);
		dlist_push_tail(&fetch->streams, &stream->node);
		fetch->nstreams++;
	}
}

/* What to open next; false if nothing is known (yet) */
static bool
next_keys(AmplifyFetch *fetch, Stream *stream)
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
	memset(stream, 0, sizeof(Stream));
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

static AmplifyCall *
stream_call(const AmplifyFetchSpec *spec, const Stream *stream,
			const char *filter, const char *token)
{
	AmplifyCall wanted;

	describe_call(spec, stream, filter, token, &wanted);
	return amplify_query_call(spec->query, &wanted);
}

static void
describe_call(const AmplifyFetchSpec *spec, const Stream *stream,
			  const char *filter, const char *token, AmplifyCall *call)
{
	memset(call, 0, sizeof(AmplifyCall));
	call->connection = spec->connection;
	call->resource = spec->resource;
	call->operation = stream->operation;
	call->keys = stream->keys;
	call->token = token;
	call->keep = spec->keep;
	call->concurrency = spec->options->max_concurrency;
	call->counters = spec->counters;
	if (stream->operation->max_page > 0)
	{
		call->page_size = stream->operation->max_page;
		if (spec->options->page_size > 0)
			call->page_size = Min(call->page_size, spec->options->page_size);
		if (stream->operation->filter != NULL)
			call->filter = filter;
	}
}

/* A stream whose next page is there, or NULL */
static Stream *
answered_stream(AmplifyFetch *fetch)
{
	dlist_iter	iter;

	dlist_foreach(iter, &fetch->streams)
	{
		Stream	   *stream = dlist_container(Stream, node, iter.cur);

		if (amplify_query_answered(fetch->spec->query, stream->call))
			return stream;
	}
	return NULL;
}

/* Read the page that has come; false if that was the stream's end */
static bool
begin_page(AmplifyFetch *fetch, Stream *stream)
{
	AmplifyCall *call = stream->call;
	AmplifyFailure failure = {0};
	AmplifyParse parse;
	const char *token;

	if (call->used)
		fetch->spec->counters->reused++;
	call->used = true;
	if (call->state == AMPLIFY_CALL_FAILED)
	{
		failure = *call->failure;
		stream_failed(fetch, stream, &failure);
		return false;
	}
	if (call->not_found)
	{
		close_stream(fetch, stream);
		return false;
	}
	parse = amplify_page_parse(fetch->page,
							   amplify_query_body(fetch->spec->query, call),
							   call->body_length, stream->operation->result,
							   stream->operation->max_page > 0);
	if (parse != AMPLIFY_PARSE_OK)
	{
		failure.trouble = amplify_error_of_parse(parse);
		failure.attempts = call->attempts;
		stream_failed(fetch, stream, &failure);
		return false;
	}

	stream->pages++;
	note_wanted(fetch, stream);
	token = amplify_page_next_token(fetch->page);
	check_progress(fetch, stream, token);
	if (token != NULL && fetch->spec->eager && stream->nwanted == 0)
		stream->ahead = stream_call(fetch->spec, stream, fetch->filter, token);
	return true;
}

/* An error, unless the table wants a warning and the other rows */
static void
stream_failed(AmplifyFetch *fetch, Stream *stream,
			  const AmplifyFailure *failure)
{
	if (wants_gets_instead(stream, failure))
		get_missing(fetch, stream);
	else
		report(fetch, stream,
			   fetch->spec->options->warn_on_error ? WARNING : ERROR, failure);
	close_stream(fetch, stream);
}

/*
 * Whether the service lists what it has for an app of the second generation
 * or refuses to is not documented; the Gets that the List stands for would
 * have said "not found".
 */
static bool
wants_gets_instead(const Stream *stream, const AmplifyFailure *failure)
{
	return stream->nwanted > 0 &&
		failure->trouble == AMPLIFY_TROUBLE_BAD_REQUEST;
}

/* All items of the current page have been handed out */
static void
end_page(AmplifyFetch *fetch)
{
	Stream	   *stream = fetch->current;
	const char *token = following_token(fetch, stream);
	AmplifyCall *next = stream->ahead;

	if (next == NULL && token != NULL)
		next = stream_call(fetch->spec, stream, fetch->filter, token);
	stream->ahead = NULL;
	amplify_page_clear(fetch->page);
	amplify_query_unpin(fetch->spec->query, stream->call);
	stream->call = next;
	fetch->current = NULL;

	/* next in turn, so that a page that is there already is read at once */
	dlist_push_head(&fetch->streams, &stream->node);
	if (next == NULL)
		close_stream(fetch, stream);

	/* who has read all of one stream will probably want more */
	fetch->window = Min(fetch->window + 1,
						fetch->spec->options->max_concurrency);
}

/* The token of the page to go on with, or NULL if the stream is at its end */
static const char *
following_token(AmplifyFetch *fetch, Stream *stream)
{
	const char *token = amplify_page_next_token(fetch->page);

	/* after one page, what is still missing is fetched one by one */
	if (token != NULL && stream->nwanted > 0)
	{
		get_missing(fetch, stream);
		return NULL;
	}
	return token;
}

/*
 * Raise an error for a list that can't end: a token that comes again, or
 * pages without items.  Brent's algorithm finds a cycle of any length with
 * one token kept, in at most some three turns of it.
 */
static void
check_progress(AmplifyFetch *fetch, Stream *stream, const char *token)
{
	AmplifyFailure failure = {.trouble = AMPLIFY_TROUBLE_ENDLESS};
	uint32		hash;

	if (token == NULL)
		return;
	stream->empty_pages = amplify_page_count(fetch->page) > 0 ? 0 :
		stream->empty_pages + 1;
	hash = hash_bytes((const unsigned char *) token, strlen(token));
	if (stream->empty_pages > MAX_EMPTY_PAGES ||
		(stream->token_page > 0 && hash == stream->token_hash))
		report(fetch, stream, ERROR, &failure);
	if ((stream->pages & (stream->pages - 1)) == 0)
	{
		stream->token_hash = hash;
		stream->token_page = stream->pages;
	}
}

/* Find those of the wanted items that are in the page */
static void
note_wanted(AmplifyFetch *fetch, Stream *stream)
{
	const AmplifyResource *resource = fetch->spec->resource;
	const AmplifyColumn *column;
	int			last = amplify_resource_last_key(resource);

	MemoryContext oldcontext;

	if (stream->nwanted == 0)
		return;
	oldcontext = MemoryContextSwitchTo(stream->context);
	column = amplify_resource_column(resource, resource->keys[last]);
	for (int i = 0; i < amplify_page_count(fetch->page); i++)
	{
		AmplifyValue value;

		if (amplify_page_value(amplify_page_item(fetch->page, i), column->path,
							   column->type, &value) != AMPLIFY_VALUE_OK)
			continue;
		for (int j = 0; j < stream->nwanted; j++)
		{
			if (stream->wanted[j] == NULL ||
				strcmp(stream->wanted[j], value.text) != 0)
				continue;
			stream->wanted[j] = NULL;
			stream->matches = bms_add_member(stream->matches, i);
		}
	}
	MemoryContextSwitchTo(oldcontext);
}

/* Get, one by one, what a List should have brought */
static void
get_missing(AmplifyFetch *fetch, Stream *stream)
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
close_stream(AmplifyFetch *fetch, Stream *stream)
{
	dlist_delete(&stream->node);
	fetch->nstreams--;
	if (stream->call != NULL)
		amplify_query_unpin(fetch->spec->query, stream->call);
	if (stream->ahead != NULL)
		amplify_query_unpin(fetch->spec->query, stream->ahead);
	MemoryContextDelete(stream->context);
}

static void
report(AmplifyFetch *fetch, const Stream *stream, int elevel,
	   const AmplifyFailure *failure)
{
	amplify_error_report(elevel, failure, stream->operation->name,
						 fetch->spec->tablename,
						 fetch->spec->connection->servername);
}
