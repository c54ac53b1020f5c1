/*-------------------------------------------------------------------------
 *
 * stream.c
 *	  What is asked for one set of keys: one Get, or a List page by page.
 *
 * Which of the two it is, its calls, and its place in their responses.  How
 * many streams run at a time, and what becomes of one that fails, is
 * fetch.c's.
 *
 * src/request/stream.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "request/amplify_request.h"
#include "utils/memutils.h"

/* A list of which so many pages in a row are empty has no end */
#define MAX_EMPTY_PAGES	100

static void describe_call(const AmplifyFetchSpec *spec,
						  const AmplifyStream *stream, const char *token,
						  AmplifyCall *call);
static bool is_endless(AmplifyStream *stream, AmplifyResponse *page,
					   const char *token);
static bool pick_items(const AmplifyResource *resource,
					   AmplifyStream *stream, AmplifyResponse *page);
static bool is_wanted(AmplifyStream *stream, const char *asked,
					  const char *name);

/*
 * A Get when the keys name one item, else a List.  Where several items of one
 * parent are wanted, or its List has been asked for already, one page of that
 * is fewer calls than their Gets.
 */
void
amplify_stream_choose(const AmplifyFetchSpec *spec, const AmplifyKeys *keys,
					  int wanted, AmplifyStream *stream)
{
	const AmplifyResource *resource = spec->resource;
	bool		can_get = amplify_resource_binds(resource, resource->get, keys);
	AmplifyCall call;

	memset(stream, 0, sizeof(AmplifyStream));
	if (!can_get ||
		(amplify_resource_last_key(resource) >= 0 &&
		 amplify_resource_binds(resource, resource->list, keys)))
	{
		stream->operation = resource->list;
		stream->keys = amplify_resource_restrict(resource, resource->list,
												 keys);
		describe_call(spec, stream, NULL, &call);
		if (!can_get || wanted > 1)
			return;
	}

	/* one item: by the List only if that is there and the Get is not */
	if (stream->operation != NULL && amplify_statement_has(spec->statement, &call))
	{
		AmplifyStream get = {.operation = resource->get};

		get.keys = amplify_resource_restrict(resource, resource->get, keys);
		describe_call(spec, &get, NULL, &call);
		if (!amplify_statement_has(spec->statement, &call))
			return;
	}
	stream->operation = resource->get;
	stream->keys = amplify_resource_restrict(resource, resource->get, keys);
}

/*
 * Open a stream: its first call is queued.  pattern has operation, keys,
 * filter and wanted; what it points to is copied, but for wanted.
 */
AmplifyStream *
amplify_stream_open(const AmplifyFetchSpec *spec, const AmplifyStream *pattern,
					MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent,
												  "amplify_fdw stream",
												  ALLOCSET_SMALL_SIZES);
	AmplifyStream *stream = MemoryContextAlloc(context, sizeof(AmplifyStream));

	*stream = *pattern;
	stream->context = context;
	for (int i = 0; i < AMPLIFY_MAX_KEYS; i++)
	{
		if (pattern->keys.value[i] != NULL)
			stream->keys.value[i] = MemoryContextStrdup(context,
														pattern->keys.value[i]);
	}
	stream->call = amplify_stream_call(spec, stream, NULL, true);
	return stream;
}

/* The stream's calls that are under way go on if others want them */
void
amplify_stream_close(const AmplifyFetchSpec *spec, AmplifyStream *stream)
{
	if (stream->call != NULL)
		amplify_statement_unpin(spec->statement, stream->call);
	if (stream->ahead != NULL)
		amplify_statement_unpin(spec->statement, stream->ahead);
	MemoryContextDelete(stream->context);
}

/*
 * The call for a page of the stream (token NULL: the first), pinned.  wanted:
 * somebody will wait for it.
 */
AmplifyCall *
amplify_stream_call(const AmplifyFetchSpec *spec, const AmplifyStream *stream,
					const char *token, bool wanted)
{
	AmplifyCall call;

	describe_call(spec, stream, token, &call);
	call.wanted = wanted;
	return amplify_statement_call(spec->statement, &call);
}

/*
 * Read the page whose call has been answered.  False if there is none: the
 * stream is at its end, or has failed if failure says so.
 */
bool
amplify_stream_begin_page(const AmplifyFetchSpec *spec, AmplifyStream *stream,
						  AmplifyResponse *page, AmplifyFailure *failure)
{
	AmplifyCall *call = stream->call;
	AmplifyParse parse;
	const char *token;

	memset(failure, 0, sizeof(AmplifyFailure));
	if (call->used)
		spec->counters->reused++;
	call->used = true;
	if (call->state == AMPLIFY_CALL_FAILED)
		*failure = *call->failure;
	if (call->state == AMPLIFY_CALL_FAILED || call->not_found)
		return false;

	parse = amplify_response_parse(page, amplify_statement_body(spec->statement, call),
								   call->body_length,
								   spec->connection->options.max_response_size,
								   stream->operation->result,
								   stream->operation->many);
	failure->kind = amplify_outcome_of_parse(parse);
	failure->attempts = call->attempts;
	failure->status = call->status;
	strlcpy(failure->request_id, call->request_id,
			sizeof(failure->request_id));
	if (parse != AMPLIFY_PARSE_OK)
	{
		spec->connection->shared->stats.failed++;
		return false;
	}

	stream->item = -1;
	stream->pages++;
	if (!pick_items(spec->resource, stream, page))
	{
		spec->connection->shared->stats.failed++;
		failure->kind = AMPLIFY_FAILURE_SHAPE;
		return false;
	}
	token = amplify_response_next_token(page);
	if (token == NULL)
		return true;
	if (is_endless(stream, page, token))
	{
		failure->kind = AMPLIFY_FAILURE_ENDLESS;
		return false;
	}
	if (spec->eager && stream->nwanted == 0)
		stream->ahead = amplify_stream_call(spec, stream, token, true);
	return true;
}

/* Of the current page, the item to hand out next; negative: that was all */
int
amplify_stream_next_item(AmplifyStream *stream, AmplifyResponse *page)
{
	if (stream->picks)
		stream->item = bms_next_member(stream->matches, stream->item);
	else if (stream->item + 1 < amplify_response_count(page))
		stream->item++;
	else
		stream->item = -2;
	return stream->item;
}

/*
 * Done with the current page: go on to the next one, if more is true and
 * there is one.  False at the end of the stream.
 */
bool
amplify_stream_end_page(const AmplifyFetchSpec *spec, AmplifyStream *stream,
						AmplifyResponse *page, bool more)
{
	AmplifyCall *next = stream->ahead;
	const char *token = more ? amplify_response_next_token(page) : NULL;

	if (next == NULL && token != NULL)
		next = amplify_stream_call(spec, stream, token, true);
	stream->ahead = NULL;
	amplify_response_clear(page);
	amplify_statement_unpin(spec->statement, stream->call);
	stream->call = next;
	return next != NULL;
}

static void
describe_call(const AmplifyFetchSpec *spec, const AmplifyStream *stream,
			  const char *token, AmplifyCall *call)
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
			call->filter = stream->filter;
	}
}

/*
 * Does the list go on for ever?  So it does if a token comes again, or if
 * nothing but empty pages do.  Brent's algorithm finds a cycle of any length
 * with one token kept, within some three turns of it.
 */
static bool
is_endless(AmplifyStream *stream, AmplifyResponse *page, const char *token)
{
	uint32		hash = hash_bytes((const unsigned char *) token, strlen(token));

	stream->empty_pages = amplify_response_count(page) > 0 ? 0 :
		stream->empty_pages + 1;
	if (stream->empty_pages > MAX_EMPTY_PAGES ||
		(stream->token_page > 0 && hash == stream->token_hash))
		return true;
	if ((stream->pages & (stream->pages - 1)) == 0)
	{
		stream->token_hash = hash;
		stream->token_page = stream->pages;
	}
	return false;
}

/*
 * Find the items of the page that were asked for by name.  A Get, too, may
 * bring one of another name, if the service knows names by more than one
 * spelling, as of domains: that item is another key's, or nobody's.
 *
 * False if there is an item without a name, which only a Get has asked for:
 * nobody could tell whether it is wanted, and columns of keys are NOT NULL.
 */
static bool
pick_items(const AmplifyResource *resource, AmplifyStream *stream,
		   AmplifyResponse *page)
{
	int			last = amplify_resource_last_key(resource);
	const char *asked = last < 0 ? NULL : stream->keys.value[last];
	MemoryContext oldcontext;
	const AmplifyColumn *column;
	bool		named = true;

	stream->picks = asked != NULL || stream->nwanted > 0;
	if (last < 0)
		return true;
	oldcontext = MemoryContextSwitchTo(stream->context);
	column = amplify_resource_column(resource, resource->keys[last]);
	for (int i = 0; i < amplify_response_count(page); i++)
	{
		AmplifyValue value;
		AmplifyValueStatus status =
			amplify_response_value(amplify_response_item(page, i),
								   column->path, column->type, &value);

		if (asked == NULL && (status == AMPLIFY_VALUE_NULL ||
							  (stream->picks && status != AMPLIFY_VALUE_OK)))
			named = false;
		else if (stream->picks && (status != AMPLIFY_VALUE_OK ||
								   is_wanted(stream, asked, value.text)))
			stream->matches = bms_add_member(stream->matches, i);
	}
	MemoryContextSwitchTo(oldcontext);
	return named;
}

/* By a Get, asked is the name; by a List that stands for Gets, NULL */
static bool
is_wanted(AmplifyStream *stream, const char *asked, const char *name)
{
	bool		found = asked != NULL && strcmp(asked, name) == 0;

	for (int j = 0; j < stream->nwanted; j++)
	{
		if (strcmp(stream->wanted[j], name) != 0)
			continue;
		stream->found = bms_add_member(stream->found, j);
		found = true;
	}
	return found;
}
