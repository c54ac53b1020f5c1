/*-------------------------------------------------------------------------
 *
 * page.c
 *	  Pages of Lists: how a body becomes one, and those of a List whose items
 *	  are asked for by name.
 *
 * Such a List is read from its first page on, as far as parent.c needs it.
 * Each page is parsed once, when it comes, and names lead to its items: the
 * first page that has a name decides what is there.  A name takes 50 to 70
 * bytes with its entry in the set, for as long as parent.c keeps the List.
 *
 * That is all that is kept of what has been parsed.  An item that is asked
 * for is parsed alone, out of its piece of the body, whatever the order in
 * which names come; only where a name has several items on a page, all of the
 * page is parsed for it.  The body is kept by statement.c as any other is, in
 * memory or in a file.
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

#define LOCATION_SIZE(name_length) \
	MAXALIGN(offsetof(AmplifyLocation, name) + (name_length) + 1)

/* One page of a List that has been read */
struct AmplifyPage
{
	AmplifyList *list;
	const char *token;			/* that it was asked with; NULL: the first.
								 * The list's until its next one is known. */
	AmplifyCall *call;			/* pinned, or NULL */
	uint32	   *begins;			/* of items in the body, and the end of the
								 * last one; NULL: not known */
	char	   *locations;		/* AmplifyLocations, one after the other */
	size_t		size;			/* of begins and locations */
	int		   *next;			/* of each item, another one of its name; -1:
								 * there is none.  NULL: of none is there. */
	int			pins;			/* who wants some item of it */
	bool		used;			/* a scan has been told of it */
	bool		gone;			/* nobody has kept it */
	AmplifyPage *previous;		/* read before */
};

static bool item_name(const AmplifyList *list, AmplifyResponse *response,
					  int item, AmplifyValue *name);
static void find_items(AmplifyPage *page, int n);
static void chain_item(AmplifyPage *page, int first, int item, int n);
static AmplifyFailureKind parse_item(const AmplifyLocation *location,
									 AmplifyResponse *response, int *item);
static void free_page(AmplifyPage *page);
static void settle(AmplifyPage *page);

/*
 * Parse the body of an answered call, which must stay pinned as long as the
 * response is used, as the caller's operation says: the call may have been
 * made for another table, as ListDomainAssociations is for two.  Other than
 * NONE: why it is of no use, and the response is empty, or MISMATCH: it is
 * about something else than was asked for.
 */
AmplifyFailureKind
amplify_page_parse(AmplifyStatement *statement, AmplifyCall *call,
				   const AmplifyOperation *operation,
				   AmplifyResponse *response)
{
	AmplifyParse parse =
		amplify_response_parse(response, amplify_statement_body(statement, call),
							   call->body_length,
							   call->connection->options.max_response_size,
							   operation->result, operation->many);

	if (parse == AMPLIFY_PARSE_OK && !amplify_match_response(call, response))
		return AMPLIFY_FAILURE_MISMATCH;
	return amplify_outcome_of_parse(parse);
}

/*
 * The same for a table whose rows, or the absence of some, it will be.  False:
 * failure says why, or is left as it is if the call is made once more.
 */
bool
amplify_page_take(const AmplifyFetchSpec *spec, AmplifyCall *call,
				  const AmplifyOperation *operation,
				  AmplifyResponse *response, AmplifyFailure *failure)
{
	AmplifyFailureKind kind = amplify_page_parse(spec->statement, call,
												 operation, response);

	if (kind == AMPLIFY_FAILURE_MISMATCH &&
		amplify_statement_repeat(spec->statement, call))
		return false;
	if (kind == AMPLIFY_FAILURE_NONE &&
		!amplify_match_names(call, spec->resource, response))
		kind = AMPLIFY_FAILURE_SHAPE;
	if (kind != AMPLIFY_FAILURE_NONE)
	{
		amplify_call_bad_response(call, kind, failure);
		spec->connection->shared->stats.failed++;
		return false;
	}
	amplify_pace_learn(call, response);
	return true;
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

/*
 * Read the next page of a list, whose call has been answered, and has a body,
 * into response.  The caller's pin becomes the page's, until
 * amplify_page_index().  NULL: failure says why, or has no kind if the call is
 * made once more; the pin is still the caller's.  If failure is set with a
 * page, the list goes no further.
 */
AmplifyPage *
amplify_page_read(AmplifyList *list, AmplifyCall *call,
				  AmplifyResponse *response, AmplifyFailure *failure)
{
	AmplifyPage *page;
	bool		used = call->used;
	const char *token;

	call->used = true;
	if (!amplify_page_take(&list->spec, call, list->spec.resource->list,
						   response, failure))
		return NULL;
	page = MemoryContextAllocZero(list->context, sizeof(AmplifyPage));
	page->list = list;
	page->token = list->token;
	page->call = call;
	page->used = used;
	page->previous = list->last_page;
	token = amplify_response_next_token(response);
	list->npages++;
	list->last_page = page;
	list->whole = token == NULL;
	list->token = token ? MemoryContextStrdup(list->context, token) : NULL;
	if (token != NULL &&
		amplify_page_is_endless(&list->paging, response, token))
		amplify_call_bad_response(call, AMPLIFY_FAILURE_ENDLESS, failure);
	return page;
}

/*
 * Remember where items of a page are, of whose names no page before has one,
 * and of which is_wanted() says that somebody may ask.
 */
void
amplify_page_index(AmplifyPage *page, AmplifyResponse *response,
				   bool (*is_wanted) (AmplifyList *list,
									  AmplifyLocation *location))
{
	AmplifyList *list = page->list;
	int			n = amplify_response_count(response);
	AmplifyValue name;
	char	   *at;

	find_items(page, n);
	for (int i = 0; i < n; i++)
	{
		if (item_name(list, response, i, &name))
			page->size += LOCATION_SIZE(name.length);
	}
	at = page->locations = MemoryContextAllocHuge(list->context, page->size + 1);
	if (list->names == NULL)
		list->names = amplify_names_create(list->context);
	for (int i = 0; i < n; i++)
	{
		AmplifyLocation *location = (AmplifyLocation *) at;
		AmplifyLocation *before;

		if (!item_name(list, response, i, &name))
			continue;
		before = amplify_page_find(list, name.text);
		if (before != NULL && before->page == page)
			chain_item(page, before->item, i, n);
		if (before != NULL)
			continue;
		location->page = page;
		location->item = i;
		memcpy(location->name, name.text, name.length);
		location->name[name.length] = '\0';
		if (!is_wanted(list, location))
			continue;
		amplify_names_put(list->names, location->name);
		at += LOCATION_SIZE(name.length);
	}
	settle(page);
}

/* Where an item of that name is; NULL: on no page so far that is kept */
AmplifyLocation *
amplify_page_find(const AmplifyList *list, const char *name)
{
	const char *found = list->names == NULL ? NULL :
		amplify_names_find(list->names, name);
	AmplifyLocation *location;

	if (found == NULL)
		return NULL;
	location = (AmplifyLocation *) (unconstify(char *, found) -
									offsetof(AmplifyLocation, name));
	return location->page->gone ? NULL : location;
}

/* Have the page stay, until amplify_page_unpin() */
void
amplify_page_pin(AmplifyPage *page)
{
	page->pins++;
}

/* It need not stay for who has pinned it */
void
amplify_page_unpin(AmplifyPage *page)
{
	page->pins--;
	settle(page);
}

/*
 * Parse an item of a pinned page: *item is which one of the response it is.
 * False: failure says why; it could be parsed once.
 */
bool
amplify_page_open(const AmplifyLocation *location, AmplifyResponse *response,
				  int *item, AmplifyFailure *failure)
{
	AmplifyPage *page = location->page;
	const AmplifyList *list = page->list;
	AmplifyFailureKind kind;

	if (page->call == NULL)
		page->call = amplify_spec_ask(&list->spec, list->spec.resource->list,
									  &list->keys, page->token, false);
	Assert(page->call->state == AMPLIFY_CALL_DONE);
	kind = parse_item(location, response, item);
	if (kind != AMPLIFY_FAILURE_NONE)
		amplify_call_bad_response(page->call, kind, failure);
	settle(page);
	return kind == AMPLIFY_FAILURE_NONE;
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
		size += sizeof(AmplifyPage) + page->size;
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
item_name(const AmplifyList *list, AmplifyResponse *response, int item,
		  AmplifyValue *name)
{
	const AmplifyResource *resource = list->spec.resource;
	const AmplifyColumn *column = resource->key_column[resource->last_key];

	return amplify_response_value(amplify_response_item(response, item),
								  column->path, column->type,
								  name) == AMPLIFY_VALUE_OK;
}

/* Where in the body each of the n items is */
static void
find_items(AmplifyPage *page, int n)
{
	const AmplifyList *list = page->list;

	page->size = sizeof(uint32) * (n + 1);
	page->begins = MemoryContextAllocHuge(list->context, page->size);
	if (amplify_json_elements(amplify_statement_body(list->spec.statement,
													 page->call),
							  page->call->body_length,
							  list->spec.resource->list->result,
							  page->begins, n) == n)
		return;
	pfree(page->begins);
	page->begins = NULL;
}

/* One more item of a name that the page has already, among n */
static void
chain_item(AmplifyPage *page, int first, int item, int n)
{
	if (page->next == NULL)
	{
		page->next = MemoryContextAlloc(page->list->context, sizeof(int) * n);
		for (int i = 0; i < n; i++)
			page->next[i] = -1;
	}
	while (page->next[first] >= 0)
		first = page->next[first];
	page->next[first] = item;
}

/* One item alone, or its whole page if it has to be */
static AmplifyFailureKind
parse_item(const AmplifyLocation *location, AmplifyResponse *response,
		   int *item)
{
	const AmplifyPage *page = location->page;
	AmplifyCall *call = page->call;
	AmplifyStatement *statement = page->list->spec.statement;
	const char *body;
	uint32		begin;
	uint32		end;

	*item = location->item;
	if (page->begins == NULL || amplify_page_next_item(page, *item) >= 0)
		return amplify_page_parse(statement, call,
								  page->list->spec.resource->list, response);
	body = amplify_statement_body(statement, call);
	begin = page->begins[*item];
	/* the next one begins there */
	end = page->begins[*item + 1];
	while (body[end - 1] != '}')
		end--;
	*item = 0;
	return amplify_outcome_of_parse(amplify_response_parse(response,
														   body + begin,
														   end - begin,
														   call->connection->options.max_response_size,
														   NULL, false));
}

/* A page that no name is found on; not its token */
static void
free_page(AmplifyPage *page)
{
	if (page->locations != NULL)
		pfree(page->locations);
	if (page->next != NULL)
		pfree(page->next);
	if (page->begins != NULL)
		pfree(page->begins);
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

	if (call == NULL || (!call->keep && page->pins > 0))
		return;
	page->gone |= !call->keep;
	page->call = NULL;
	amplify_statement_unpin(page->list->spec.statement, call);
}
