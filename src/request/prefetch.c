/*-------------------------------------------------------------------------
 *
 * prefetch.c
 *	  Lists that are read to their end ahead of need, and the Lists below
 *	  their items.
 *
 * A row that is read ahead starts one call.  Where that is a page of a List,
 * and all rows of the scan will be read, more is known to be needed as soon
 * as the page has come: the next page, and for a scan whose keys come from
 * parents, the Lists of the page's items.  This file asks for these, so that
 * a join keeps its server busy however many pages and levels a key has.  The
 * scan asks for the same calls in its turn, and finds them by their ids.
 *
 * Each List is an entry that watches its next page, from call to call.  When
 * told, it reads the page for its token and for its items' keys, gives it
 * back, and watches the next one.  Nobody waits here, and nothing that is
 * wrong is told: a List whose page has failed, is about something else or has
 * no end goes no further, and the scan will meet the same.  What has been
 * read is kept as any response is, in memory up to work_mem and then in a
 * file.
 *
 * Items are many more than pages, so a page with Lists below its items waits
 * until fewer calls are queued for its server than may be in flight.
 *
 * One call is followed once for the same table, however many rows share it:
 * whoever follows it marks it, and takes the mark off if the rows go away
 * before the end.
 *
 * Failing paths: what was begun goes away with its row, also in the middle of
 * a page (prefetch.t), and after an error with the statement's context.
 *
 * src/request/prefetch.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "request/amplify_request.h"

typedef struct PrefetchList
{
	AmplifyWatcher watcher;		/* of call; first, see page_answered() */
	AmplifyPrefetch *prefetch;
	AmplifyCall *call;			/* its next page, pinned */
	AmplifyPaging paging;
	dlist_node	node;			/* in prefetch->lists */
} PrefetchList;

static const AmplifyResource *last_resource(const AmplifyRoute *route);
static void add_list(AmplifyPrefetch *prefetch, AmplifyCall *call);
static void wait_for_page(PrefetchList *list);
static void page_answered(AmplifyWatcher *watcher);
static AmplifyCall *read_page(PrefetchList *list,
							  const AmplifyResource *child);
static AmplifyCall *ask_next(PrefetchList *list, AmplifyResponse *page);
static void ask_below(PrefetchList *list, AmplifyResponse *page,
					  const AmplifyResource *child);
static void end_list(PrefetchList *list);
static const AmplifyResource *child_resource(const PrefetchList *list);

/*
 * Go on behind a call, the first of that route, that is made for a row of
 * spec's table, if all its rows will be read.  The caller has the call pinned
 * until amplify_prefetch_end(); spec and the current context live as long.
 */
void
amplify_prefetch_begin(AmplifyPrefetch *prefetch, const AmplifyFetchSpec *spec,
					   const AmplifyRoute *route, AmplifyCall *call)
{
	prefetch->spec = spec;
	prefetch->target = last_resource(route);
	prefetch->first = call;
	prefetch->context = CurrentMemoryContext;
	dlist_init(&prefetch->lists);
	if (spec->eager)
		add_list(prefetch, amplify_statement_call(spec->statement, call));
}

/*
 * Whose Lists are the last that the scan is sure to ask for.  Where the route
 * leaves levels out, the scan may know better, having more keys than this one.
 */
static const AmplifyResource *
last_resource(const AmplifyRoute *route)
{
	for (int i = 1; i < route->nsteps; i++)
	{
		if (route->steps[i].resource != route->steps[i - 1].resource->parent)
			return route->steps[route->nsteps - 1].resource;
	}
	return route->steps[0].resource;
}

/* What is under way goes on only if others want it */
void
amplify_prefetch_end(AmplifyPrefetch *prefetch)
{
	dlist_mutable_iter iter;

	if (prefetch->first == NULL || dlist_is_empty(&prefetch->lists))
		return;
	prefetch->first->followed = NULL;
	dlist_foreach_modify(iter, &prefetch->lists)
		end_list(dlist_container(PrefetchList, node, iter.cur));
}

/* A List from its first page on.  The pin becomes ours. */
static void
add_list(AmplifyPrefetch *prefetch, AmplifyCall *call)
{
	PrefetchList *list;

	if (call->followed == prefetch->target ||
		(call->operation->max_page == 0 && call->resource == prefetch->target))
	{
		amplify_statement_unpin(prefetch->spec->statement, call);
		return;
	}
	call->followed = prefetch->target;
	list = MemoryContextAllocZero(prefetch->context, sizeof(PrefetchList));
	list->watcher.answered = page_answered;
	list->prefetch = prefetch;
	list->call = call;
	dlist_push_tail(&prefetch->lists, &list->node);
	wait_for_page(list);
}

/* One that is there is read in its turn, too */
static void
wait_for_page(PrefetchList *list)
{
	if (list->call->state == AMPLIFY_CALL_DONE ||
		list->call->state == AMPLIFY_CALL_FAILED)
		amplify_statement_postpone(list->call, &list->watcher);
	else
		amplify_statement_watch(list->call, &list->watcher);
}

/* Never waits, and reports nothing */
static void
page_answered(AmplifyWatcher *watcher)
{
	PrefetchList *list = (PrefetchList *) watcher;
	const AmplifyFetchSpec *spec = list->prefetch->spec;
	const AmplifyResource *child = child_resource(list);
	AmplifyCall *next = NULL;

	CHECK_FOR_INTERRUPTS();
	if (child != NULL && !amplify_statement_has_room(list->call->queue))
	{
		amplify_statement_postpone(list->call, watcher);
		return;
	}
	if (list->call->state == AMPLIFY_CALL_DONE && !list->call->not_found &&
		!amplify_spec_gave_up(spec))
		next = read_page(list, child);
	if (next == NULL)
	{
		end_list(list);
		return;
	}
	amplify_statement_unpin(spec->statement, list->call);
	list->call = next;
	wait_for_page(list);
}

/* The call for the page after this one, pinned; NULL: there is none to ask */
static AmplifyCall *
read_page(PrefetchList *list, const AmplifyResource *child)
{
	const AmplifyFetchSpec *spec = list->prefetch->spec;
	AmplifyCall *call = list->call;
	AmplifyResponse *page = amplify_statement_page(spec->statement);
	AmplifyCall *next = NULL;

	if (amplify_page_parse(spec->statement, call, call->operation,
						   page) == AMPLIFY_FAILURE_NONE)
	{
		next = ask_next(list, page);
		if (child != NULL)
			ask_below(list, page, child);
	}
	amplify_response_clear(page);
	return next;
}

static AmplifyCall *
ask_next(PrefetchList *list, AmplifyResponse *page)
{
	AmplifyFetchSpec spec = *list->prefetch->spec;
	const char *token = amplify_response_next_token(page);

	if (token == NULL ||
		amplify_page_is_endless(&list->paging, page, token))
		return NULL;
	spec.resource = list->call->resource;
	return amplify_spec_ask(&spec, list->call->operation, &list->call->keys,
							token, false);
}

/* The List of each item, as a scan will ask for it */
static void
ask_below(PrefetchList *list, AmplifyResponse *page,
		  const AmplifyResource *child)
{
	AmplifyFetchSpec spec = *list->prefetch->spec;

	spec.resource = child;
	for (int i = 0; i < amplify_response_count(page); i++)
	{
		AmplifyRow	row = {amplify_response_item(page, i), &list->call->keys};
		const AmplifyColumn *column;
		AmplifyKeys keys;
		AmplifyCall call;

		if (amplify_keyset_of_item(list->call->resource, &row,
								   child->list->needs, &keys,
								   &column) != AMPLIFY_VALUE_OK ||
			!amplify_spec_allows(&spec, &keys))
			continue;
		amplify_spec_describe(&spec, child->list, &keys, NULL, &call);
		call.listed = true;
		add_list(list->prefetch,
				 amplify_statement_call(spec.statement, &call));
	}
}

static void
end_list(PrefetchList *list)
{
	amplify_statement_unwatch(&list->watcher);
	amplify_statement_unpin(list->prefetch->spec->statement, list->call);
	dlist_delete(&list->node);
	pfree(list);
}

/* Whose Lists are below its items; NULL: nothing that is asked */
static const AmplifyResource *
child_resource(const PrefetchList *list)
{
	const AmplifyResource *resource = list->prefetch->target;

	while (resource != NULL && resource->parent != list->call->resource)
		resource = resource->parent;
	return resource;
}
