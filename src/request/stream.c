/*-------------------------------------------------------------------------
 *
 * stream.c
 *	  What is asked for one set of keys, and the place in its responses: a Get,
 *	  a List page by page, or what one parent has of some names.
 *
 * Which calls find the names is parent.c's.  How many streams run at a time,
 * and what becomes of one that fails, is fetch.c's.
 *
 * src/request/stream.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "request/amplify_request.h"

static void want_names(AmplifyStream *stream, int window);
static AmplifyCall *ask(const AmplifyStream *stream, const char *token);
static bool begin_name(AmplifyStream *stream, AmplifyResponse *page,
					   AmplifyFailure *failure);
static void fail_names(AmplifyStream *stream, const AmplifyFailure *failure);
static void end_name(AmplifyStream *stream);
static bool parse_body(AmplifyStream *stream, AmplifyCall *call,
					   AmplifyResponse *page, AmplifyFailure *failure);
static void pick_items(AmplifyStream *stream, AmplifyResponse *page);

/*
 * Open a stream: its first calls are queued.  pattern has operation, keys,
 * filter and names; what it points to is copied, but for names.  Of these, not
 * more than window are asked for before others are known, unless all rows will
 * be read.
 */
AmplifyStream *
amplify_stream_open(const AmplifyFetchSpec *spec, const AmplifyStream *pattern,
					int window, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent,
												  "amplify_fdw stream",
												  ALLOCSET_SMALL_SIZES);
	AmplifyStream *stream = MemoryContextAlloc(context, sizeof(AmplifyStream));

	*stream = *pattern;
	stream->spec = spec;
	stream->context = context;
	amplify_resource_copy_keys(&stream->keys, context);
	if (stream->names != NULL)
		want_names(stream, window);
	else
		stream->call = ask(stream, NULL);
	return stream;
}

/* The stream's calls that are under way go on if others want them */
void
amplify_stream_close(AmplifyStream *stream)
{
	if (stream->current != NULL)
		end_name(stream);
	for (int i = 0; i < stream->nnames; i++)
	{
		if (stream->wants[i].lookup != NULL)
			amplify_parent_release(&stream->wants[i]);
	}
	if (stream->call != NULL)
		amplify_statement_unpin(stream->spec->statement, stream->call);
	if (stream->ahead != NULL)
		amplify_statement_unpin(stream->spec->statement, stream->ahead);
	MemoryContextDelete(stream->context);
}

/* Is there something to be read without waiting? */
bool
amplify_stream_is_ready(AmplifyStream *stream, int window)
{
	if (stream->names == NULL)
		return amplify_statement_is_done(stream->spec->statement, stream->call);
	if (!dlist_is_empty(&stream->ready) || stream->nhurried == stream->nnames)
		return !dlist_is_empty(&stream->ready);

	/* the names that come next, as far as they are not known anyway */
	while (stream->nhurried < stream->nnames &&
		   stream->nhurried - stream->nread < window)
	{
		AmplifyWant *want = &stream->wants[stream->nhurried++];

		if (want->lookup != NULL)
			amplify_parent_hurry(want);
	}
	amplify_parent_ask(stream->parent);
	return !dlist_is_empty(&stream->ready);
}

/*
 * Read what is ready.  False if there is nothing: the stream, or one name of
 * it, is at its end, or has failed if failure says so, or its call is made
 * once more; see amplify_stream_goes_on().
 */
bool
amplify_stream_begin_page(AmplifyStream *stream, AmplifyResponse *page,
						  AmplifyFailure *failure)
{
	const char *token;

	memset(failure, 0, sizeof(AmplifyFailure));
	stream->matches = NULL;
	if (stream->names != NULL)
		return begin_name(stream, page, failure);
	if (!parse_body(stream, stream->call, page, failure))
		return false;
	token = amplify_response_next_token(page);
	if (token == NULL)
		return true;
	if (amplify_page_is_endless(&stream->paging, page, token))
	{
		amplify_call_bad_response(stream->call, AMPLIFY_FAILURE_ENDLESS, failure);
		return false;
	}
	if (stream->spec->eager)
		stream->ahead = ask(stream, token);
	return true;
}

/* Nothing was read: may there be something later? */
bool
amplify_stream_goes_on(const AmplifyStream *stream)
{
	return stream->names != NULL ? stream->nread < stream->nnames :
		stream->call->state == AMPLIFY_CALL_QUEUED;
}

/* The item to hand out next of what is read; NULL: that was all */
AmplifyItem *
amplify_stream_next_item(AmplifyStream *stream)
{
	if (stream->location != NULL)
	{
		stream->item = stream->next_item;
		if (stream->item >= 0)
			stream->next_item = amplify_page_next_item(stream->location->page,
													   stream->item);
	}
	else if (stream->picks)
		stream->item = bms_next_member(stream->matches, stream->item);
	else if (stream->item + 1 < amplify_response_count(stream->response))
		stream->item++;
	else
		stream->item = -2;
	return stream->item < 0 ? NULL :
		amplify_response_item(stream->response, stream->item);
}

/* Done with what is read: go on.  False at the end of the stream. */
bool
amplify_stream_end_page(AmplifyStream *stream, AmplifyResponse *page)
{
	AmplifyCall *next = stream->ahead;
	const char *token;

	if (stream->names != NULL)
	{
		if (stream->current != NULL)
			end_name(stream);
		amplify_response_clear(page);
		return stream->nread < stream->nnames;
	}
	token = amplify_response_next_token(page);
	if (next == NULL && token != NULL)
		next = ask(stream, token);
	stream->ahead = NULL;
	amplify_response_clear(page);
	amplify_statement_unpin(stream->spec->statement, stream->call);
	stream->call = next;
	return next != NULL;
}

/* Have the parent know all that is wanted of it before it asks for some */
static void
want_names(AmplifyStream *stream, int window)
{
	const AmplifyFetchSpec *spec = stream->spec;

	stream->list_keys = stream->keys;
	stream->parent = amplify_parent_find(spec, &stream->keys);
	stream->wants = MemoryContextAllocExtended(stream->context,
											   sizeof(AmplifyWant) * stream->nnames,
											   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	dlist_init(&stream->ready);
	for (int i = 0; i < stream->nnames; i++)
	{
		CHECK_FOR_INTERRUPTS();
		amplify_parent_want(stream->parent, stream->names[i], true,
							&stream->ready, &stream->wants[i]);
	}
	(void) amplify_stream_is_ready(stream, spec->eager ? stream->nnames : window);
}

/* The call for a page of the stream (token NULL: the first), pinned */
static AmplifyCall *
ask(const AmplifyStream *stream, const char *token)
{
	AmplifyCall call;

	amplify_spec_describe(stream->spec, stream->operation, &stream->keys, token,
						  &call);
	if (stream->operation->filter != NULL)
		call.filter = stream->filter;
	call.listed = stream->listed;
	call.wanted = true;
	return amplify_statement_call(stream->spec->statement, &call);
}

/* Read what has become known of some name */
static bool
begin_name(AmplifyStream *stream, AmplifyResponse *page,
		   AmplifyFailure *failure)
{
	const AmplifyFetchSpec *spec = stream->spec;
	const AmplifyResource *resource = spec->resource;
	AmplifyWant *want = dlist_container(AmplifyWant, node,
										dlist_pop_head_node(&stream->ready));
	const AmplifyFound *found = amplify_parent_found(want);

	want->ready = NULL;
	stream->current = want;
	stream->location = NULL;
	stream->nread++;
	stream->operation = resource->list;
	stream->keys = stream->list_keys;
	if (found->failure != NULL)
	{
		*failure = *found->failure;
		fail_names(stream, found->failure);
	}
	else if (found->get != NULL)
	{
		stream->keys.value[resource->last_key] =
			stream->names[want - stream->wants];
		stream->operation = resource->get;
		stream->keys = amplify_resource_project(&stream->keys,
												resource->get->needs);
		if (!amplify_parent_awaits_get(want, &stream->ready) &&
			parse_body(stream, found->get, page, failure))
			return true;
		if (amplify_parent_awaits_get(want, &stream->ready))
		{
			stream->current = NULL;
			stream->nread--;
			return false;
		}
	}
	else
	{
		spec->counters->reused += amplify_parent_is_reuse(want, &stream->told);
		stream->response = page;
		if (found->location != NULL &&
			amplify_page_open(found->location, page, &stream->next_item,
							  failure))
		{
			stream->location = found->location;
			return true;
		}
	}
	end_name(stream);
	return false;
}

/* One failure of a List is told once, and not for each name */
static void
fail_names(AmplifyStream *stream, const AmplifyFailure *failure)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &stream->ready)
	{
		AmplifyWant *want = dlist_container(AmplifyWant, node, iter.cur);

		if (amplify_parent_found(want)->failure != failure)
			continue;
		stream->nread++;
		amplify_parent_release(want);
	}
}

static void
end_name(AmplifyStream *stream)
{
	AmplifyWant *want = stream->current;

	stream->current = NULL;
	amplify_parent_release(want);
}

/*
 * Read the body of a call; false if it has none, if failure says why, or if
 * the call is made once more.
 */
static bool
parse_body(AmplifyStream *stream, AmplifyCall *call, AmplifyResponse *page,
		   AmplifyFailure *failure)
{
	if (call->used)
		stream->spec->counters->reused++;
	call->used = true;
	if (call->state == AMPLIFY_CALL_FAILED)
		*failure = *call->failure;
	if (call->state == AMPLIFY_CALL_FAILED || call->not_found ||
		!amplify_page_take(stream->spec, call, stream->operation, page, failure))
		return false;
	stream->response = page;
	stream->item = -1;
	pick_items(stream, page);
	return true;
}

/*
 * A Get may bring an item of another name than was asked for, if the service
 * knows names by more than one spelling, as of domains: that item is another
 * key's, or nobody's.
 */
static void
pick_items(AmplifyStream *stream, AmplifyResponse *page)
{
	const AmplifyResource *resource = stream->spec->resource;
	int			last = resource->last_key;
	const char *asked = last < 0 ? NULL : stream->keys.value[last];
	const AmplifyColumn *column;
	MemoryContext oldcontext;

	stream->picks = asked != NULL;
	if (asked == NULL)
		return;
	oldcontext = MemoryContextSwitchTo(stream->context);
	column = resource->key_column[last];
	for (int i = 0; i < amplify_response_count(page); i++)
	{
		AmplifyValue value;

		if (amplify_response_value(amplify_response_item(page, i), column->path,
								   column->type, &value) != AMPLIFY_VALUE_OK ||
			strcmp(value.text, asked) == 0)
			stream->matches = bms_add_member(stream->matches, i);
	}
	MemoryContextSwitchTo(oldcontext);
}
