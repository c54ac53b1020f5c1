/*-------------------------------------------------------------------------
 *
 * page.c
 *	  Pages of Lists: how a body becomes one, and those of a List whose items
 *	  are asked for by name.
 *
 * Such a List is read from its first page on, as far as parent.c needs it.
 * Each page is parsed once, when it comes, and names lead to its items: the
 * first page that has a name decides what is there.  A name takes some 60
 * bytes with its place in the set, for as long as parent.c keeps the List.
 *
 * Parsed pages count against work_mem as bodies do; the one that has not been
 * used for longest is dropped when they take too much, and parsed again when
 * needed.  The body is kept by statement.c as any other is, and given back
 * here whenever nobody reads the page.
 *
 * Failing paths: a page that is no JSON, has another shape or an item without
 * its name (not_amplify.t, json.t), is about something else (changed.t), or
 * belongs to a List without an end (faults.t).  They are told as a failure,
 * and raise no error here.
 *
 * src/request/page.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "request/amplify_request.h"

/* A List of which so many pages in a row are empty has no end */
#define MAX_EMPTY_PAGES	100

#define PLACE_SIZE(name_length) \
	MAXALIGN(offsetof(AmplifyPlace, name) + (name_length) + 1)

/* One page of a List that has been read */
struct AmplifyPage
{
	AmplifyList *list;
	const char *token;			/* that it was asked with; NULL: the first.
								 * The list's until its next one is known. */
	AmplifyCall *call;			/* pinned, or NULL */
	AmplifyResponse *response;	/* NULL: not parsed (any more) */
	size_t		size;			/* of response; it is in the list of parsed */
	char	   *places;			/* AmplifyPlaces, one after the other */
	size_t		places_size;
	int		   *next;			/* of each item, another one of its name; -1:
								 * there is none.  NULL: of none is there. */
	int			pins;			/* who wants some item of it */
	int			readers;		/* who have response in use */
	bool		used;			/* a scan has been told of it */
	bool		gone;			/* nobody has kept it */
	AmplifyPage *previous;		/* read before */
	dlist_node	node;			/* in parsed, if response is there */
};

/* Of a statement, for all of its Lists */
struct AmplifyPageCache
{
	MemoryContext context;
	MemoryContext scratch;		/* while a page is looked at */
	List	   *spare;			/* of AmplifyResponses: empty ones */
	dlist_head	parsed;			/* AmplifyPage.node, used last at the end */
};

static bool has_names(const AmplifyPage *page);
static bool item_name(const AmplifyPage *page, int item, AmplifyValue *name);
static void chain_item(AmplifyPage *page, int first, int item);
static AmplifyFailureKind parse_page(AmplifyPage *page);
static void drop_response(AmplifyPage *page);
static void free_page(AmplifyPage *page);
static void settle(AmplifyPage *page);

/*
 * Parse the body of an answered call, which the caller has pinned.  What is
 * asked of it is the caller's operation: the call may have been made for
 * another table, as ListDomainAssociations is for two.  Other than NONE: why it is of no use, and the response is empty, or MISMATCH: it is
 * about something else than was asked for.
 */
AmplifyFailureKind
amplify_page_parse(AmplifyStatement *statement, AmplifyCall *call,
				   const AmplifyOperation *operation,
				   AmplifyResponse *response)
{
	AmplifyParse parse = amplify_statement_parse(statement, call, operation,
												 response);

	if (parse == AMPLIFY_PARSE_OK && !amplify_match_response(call, response))
		return AMPLIFY_FAILURE_MISMATCH;
	return amplify_outcome_of_parse(parse);
}

/*
 * Does the list go on for ever?  So it does if a token comes again, or if
 * nothing but empty pages do.  Brent's algorithm finds a cycle of any length
 * with one token kept, within some three turns of it.
 */
bool
amplify_page_is_endless(AmplifyPaging *paging, AmplifyResponse *page,
						const char *token)
{
	uint32		hash = hash_bytes((const unsigned char *) token, strlen(token));

	paging->pages++;
	paging->empty_pages = amplify_response_count(page) > 0 ? 0 :
		paging->empty_pages + 1;
	if (paging->empty_pages > MAX_EMPTY_PAGES ||
		(paging->token_page > 0 && hash == paging->token_hash))
		return true;
	if ((paging->pages & (paging->pages - 1)) == 0)
	{
		paging->token_hash = hash;
		paging->token_page = paging->pages;
	}
	return false;
}

/* In that context, which lives as long as the statement */
AmplifyPageCache *
amplify_page_cache(MemoryContext context)
{
	AmplifyPageCache *cache = MemoryContextAllocZero(context,
													 sizeof(AmplifyPageCache));

	cache->context = context;
	cache->scratch = AllocSetContextCreate(context, "amplify_fdw page",
										   ALLOCSET_SMALL_SIZES);
	dlist_init(&cache->parsed);
	return cache;
}

/*
 * Read the next page of a list, whose call has been answered, and has a body.
 * The caller's pin becomes the page's, until amplify_page_index().  NULL:
 * failure says why, or has no kind if the call is made once more; the pin is
 * still the caller's.  If failure is set with a page, the list goes no
 * further.
 */
AmplifyPage *
amplify_page_read(AmplifyList *list, AmplifyCall *call,
				  AmplifyFailure *failure)
{
	MemoryContext context = list->cache->context;
	AmplifyPage *page = MemoryContextAllocZero(context, sizeof(AmplifyPage));
	AmplifyFailureKind kind;
	const char *token;

	page->list = list;
	page->token = list->token;
	page->call = call;
	page->used = call->used;
	call->used = true;
	kind = parse_page(page);
	if (kind == AMPLIFY_FAILURE_MISMATCH &&
		amplify_statement_repeat(list->spec.statement, call))
	{
		free_page(page);
		return NULL;
	}
	if (kind == AMPLIFY_FAILURE_NONE && !has_names(page))
		kind = AMPLIFY_FAILURE_SHAPE;
	if (kind != AMPLIFY_FAILURE_NONE)
	{
		amplify_call_bad_response(call, kind, failure);
		list->spec.connection->shared->stats.failed++;
		free_page(page);
		return NULL;
	}
	amplify_pace_learn(call, page->response);
	token = amplify_response_next_token(page->response);
	list->npages++;
	page->previous = list->last_page;
	list->last_page = page;
	list->whole = token == NULL;
	list->token = token ? MemoryContextStrdup(context, token) : NULL;
	if (token != NULL &&
		amplify_page_is_endless(&list->paging, page->response, token))
		amplify_call_bad_response(call, AMPLIFY_FAILURE_ENDLESS, failure);
	return page;
}

/*
 * Remember where items of a page are, of whose names no page before has one,
 * and of which is_wanted() says that somebody may ask.
 */
void
amplify_page_index(AmplifyPage *page,
				   bool (*is_wanted) (AmplifyList *list, AmplifyPlace *place))
{
	AmplifyList *list = page->list;
	int			n = amplify_response_count(page->response);
	AmplifyValue name;
	char	   *at;

	for (int i = 0; i < n; i++)
	{
		if (item_name(page, i, &name))
			page->places_size += PLACE_SIZE(name.length);
	}
	at = page->places = MemoryContextAllocHuge(list->cache->context,
											   page->places_size + 1);
	if (list->names == NULL)
		list->names = amplify_names_create(list->cache->context);
	for (int i = 0; i < n; i++)
	{
		AmplifyPlace *place = (AmplifyPlace *) at;
		AmplifyPlace *before;

		if (!item_name(page, i, &name))
			continue;
		before = amplify_page_find(list, name.text);
		if (before != NULL && before->page == page)
			chain_item(page, before->item, i);
		if (before != NULL)
			continue;
		place->page = page;
		place->item = i;
		memcpy(place->name, name.text, name.length);
		place->name[name.length] = '\0';
		if (!is_wanted(list, place))
			continue;
		amplify_names_put(list->names, place->name);
		at += PLACE_SIZE(name.length);
	}
	settle(page);
}

/* Where an item of that name is; NULL: on no page so far that is kept */
AmplifyPlace *
amplify_page_find(const AmplifyList *list, const char *name)
{
	const char *found = list->names == NULL ? NULL :
		amplify_names_find(list->names, name);
	AmplifyPlace *place;

	if (found == NULL)
		return NULL;
	place = (AmplifyPlace *) (unconstify(char *, found) -
							  offsetof(AmplifyPlace, name));
	return place->page->gone ? NULL : place;
}

/* Have the page stay, until amplify_page_unpin() */
void
amplify_page_pin(AmplifyPage *page)
{
	page->pins++;
}

void
amplify_page_unpin(AmplifyPage *page)
{
	page->pins--;
	settle(page);
}

/*
 * A pinned page, parsed, until amplify_page_close().  NULL: failure says why;
 * it could be parsed once.
 */
AmplifyResponse *
amplify_page_open(AmplifyPage *page, AmplifyFailure *failure)
{
	AmplifyList *list = page->list;

	if (page->response != NULL)
	{
		dlist_delete(&page->node);
		dlist_push_tail(&list->cache->parsed, &page->node);
	}
	else
	{
		AmplifyFailureKind kind;

		if (page->call == NULL)
			page->call = amplify_spec_ask(&list->spec,
										  list->spec.resource->list,
										  &list->keys, page->token, false);
		Assert(page->call->state == AMPLIFY_CALL_DONE);
		kind = parse_page(page);
		if (kind != AMPLIFY_FAILURE_NONE)
		{
			amplify_call_bad_response(page->call, kind, failure);
			return NULL;
		}
	}
	page->readers++;
	return page->response;
}

void
amplify_page_close(AmplifyPage *page)
{
	page->readers--;
	settle(page);
}

/* The next item of the same name on that page; -1: there is none */
int
amplify_page_next_item(const AmplifyPage *page, int item)
{
	return page->next == NULL ? -1 : page->next[item];
}

/* Has a scan been told of it before?  From now on it has. */
bool
amplify_page_use(AmplifyPage *page)
{
	bool		used = page->used;

	page->used = true;
	return used;
}

/* How many bytes the pages of a list take, as far as free_list() frees them */
size_t
amplify_page_list_size(const AmplifyList *list)
{
	size_t		size = list->names ? amplify_names_size(list->names) : 0;

	for (const AmplifyPage *page = list->last_page; page != NULL;
		 page = page->previous)
		size += sizeof(AmplifyPage) + page->places_size;
	return size;
}

/* Free all pages of a list, of which none is pinned */
void
amplify_page_free_list(AmplifyList *list)
{
	AmplifyPage *previous;

	for (AmplifyPage *page = list->last_page; page != NULL; page = previous)
	{
		previous = page->previous;
		if (page->token != NULL)
			pfree(unconstify(char *, page->token));
		free_page(page);
	}
	if (list->token != NULL)
		pfree(unconstify(char *, list->token));
	if (list->names != NULL)
		amplify_names_free(list->names);
}

static bool
has_names(const AmplifyPage *page)
{
	for (int i = 0; i < amplify_response_count(page->response); i++)
	{
		if (!amplify_match_is_named(page->list->spec.resource,
									amplify_response_item(page->response, i)))
			return false;
	}
	return true;
}

static bool
item_name(const AmplifyPage *page, int item, AmplifyValue *name)
{
	const AmplifyResource *resource = page->list->spec.resource;
	const AmplifyColumn *column = resource->key_column[resource->last_key];

	return amplify_response_value(amplify_response_item(page->response, item),
								  column->path, column->type,
								  name) == AMPLIFY_VALUE_OK;
}

/* One more item of a name that the page has already */
static void
chain_item(AmplifyPage *page, int first, int item)
{
	if (page->next == NULL)
	{
		int			n = amplify_response_count(page->response);

		page->next = MemoryContextAlloc(page->list->cache->context,
										sizeof(int) * n);
		for (int i = 0; i < n; i++)
			page->next[i] = -1;
	}
	while (page->next[first] >= 0)
		first = page->next[first];
	page->next[first] = item;
}

static AmplifyFailureKind
parse_page(AmplifyPage *page)
{
	AmplifyPageCache *cache = page->list->cache;
	AmplifyStatement *statement = page->list->spec.statement;
	MemoryContext oldcontext;
	AmplifyFailureKind kind;

	Assert(page->response == NULL);
	if (cache->spare == NIL)
		page->response = amplify_response_create(cache->context);
	else
	{
		page->response = llast(cache->spare);
		cache->spare = list_delete_last(cache->spare);
	}
	oldcontext = MemoryContextSwitchTo(cache->scratch);
	kind = amplify_page_parse(statement, page->call,
							  page->list->spec.resource->list, page->response);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextReset(cache->scratch);
	page->size = amplify_response_size(page->response);
	dlist_push_tail(&cache->parsed, &page->node);
	page->readers++;
	if (amplify_statement_parsed(statement, page->size))
	{
		dlist_mutable_iter iter;

		dlist_foreach_modify(iter, &cache->parsed)
		{
			AmplifyPage *oldest = dlist_container(AmplifyPage, node, iter.cur);

			if (oldest->readers > 0)
				continue;
			drop_response(oldest);
			if (!amplify_statement_parsed(statement, 0))
				break;
		}
	}
	page->readers--;
	if (kind != AMPLIFY_FAILURE_NONE)
		drop_response(page);
	return kind;
}

static void
drop_response(AmplifyPage *page)
{
	AmplifyPageCache *cache = page->list->cache;
	MemoryContext oldcontext = MemoryContextSwitchTo(cache->context);

	dlist_delete(&page->node);
	amplify_response_clear(page->response);
	cache->spare = lappend(cache->spare, page->response);
	page->response = NULL;
	MemoryContextSwitchTo(oldcontext);
	(void) amplify_statement_parsed(page->list->spec.statement,
									-(ssize_t) page->size);
	page->size = 0;
}

/* A page that no name is found on, and that nobody reads; not its token */
static void
free_page(AmplifyPage *page)
{
	if (page->response != NULL)
		drop_response(page);
	if (page->places != NULL)
		pfree(page->places);
	if (page->next != NULL)
		pfree(page->next);
	pfree(page);
}

/*
 * Give the body back when it is not needed: it is kept for others of the
 * statement, or nobody will ask for the page again.
 */
static void
settle(AmplifyPage *page)
{
	AmplifyCall *call = page->call;

	if (call == NULL || page->readers > 0 || (!call->keep && page->pins > 0))
		return;
	if (!call->keep)
	{
		page->gone = true;
		if (page->response != NULL)
			drop_response(page);
	}
	page->call = NULL;
	amplify_statement_unpin(page->list->spec.statement, call);
}
