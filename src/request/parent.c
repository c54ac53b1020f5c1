/*-------------------------------------------------------------------------
 *
 * parent.c
 *	  What a statement knows of the parents whose items it asks for by name,
 *	  and the one decision that is left for run time: Get, List or next page.
 *
 * An item can be had by its Get, or on some page of its parent's List.  How
 * many items of one parent a statement will ask for is not known in advance:
 * they come in any order, from scans, rescans, cursors, subqueries and reading
 * ahead.  So every parent is remembered with what has been asked of it, and
 * next_page_is_due() decides by that alone:
 *
 * - The first key of a parent is a Get.  With the second one, its List is
 *	 asked, and names are found on its pages from then on.
 * - For a key that is on none of the pages read, the next page is read while
 *	 fewer pages have been read than Gets were made or are due, or while the
 *	 last one brought two or more that were due, else a Get.
 *	 When the last page has been read, what is on none is not there.
 * - A page that the statement has asked for anyway is read in any case.
 * - A List that is denied is not asked again in the statement, and Gets do.
 *
 * Pages and Gets keep pace, so their sum is at most about twice the lesser of
 * all Gets and all pages, in whatever order keys come.
 *
 * A key is an AmplifyChild, found by its name in its parent; whoever asks for
 * it holds an AmplifyWant.  A lookup is due until its Get has been started,
 * or is known by a page.  Once known, it goes to all who wait for it, and
 * stays so for the statement.  The responses drive this: a parent watches the
 * call of its next page, a lookup that of its Get, so that the next call is
 * started as soon as it is known to be needed, also for rows that are read
 * ahead.
 *
 * Keys may be very many, so what nobody wants any more is reduced to what
 * decides.  Of a name that a Get has decided, that is the statement's record
 * of the call; of a name on a page, which page that is.  Of a parent, it is
 * the number of its Gets: its pages are kept as any response is.  Parents
 * that have read pages are freed when they take too much, and read them again
 * if somebody asks, in the same order, and so with the same result.
 *
 * A page is parsed once, when it comes, and names lead to its items.  Parsed
 * pages count against work_mem as bodies do; the one that has not been used
 * for longest is dropped when they take too much, and parsed again when
 * needed.
 *
 * Failing paths: a page that fails makes all lookups that are due known as
 * failed, for the scans that wait (on_error.sql); one that nobody waits for is
 * asked again when somebody does (max_calls.sql); after an error everything
 * goes away with the statement's context.
 *
 * src/request/parent.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "request/amplify_request.h"

/* A list of which so many pages in a row are empty has no end */
#define MAX_EMPTY_PAGES	100

typedef enum LookupState
{
	LOOKUP_IDLE,				/* nobody wants it */
	LOOKUP_DUE,					/* to be found on a page, or by a Get */
	LOOKUP_GETTING,				/* its Get is under way */
	LOOKUP_KNOWN
} LookupState;

/* One page of a List that has been read */
typedef struct ParentPage
{
	AmplifyParent *parent;
	const char *token;			/* that it was asked with; NULL: the first.
								 * The parent's until its next one is known. */
	AmplifyCall *call;			/* pinned, or NULL */
	AmplifyResponse *response;	/* NULL: not parsed (any more) */
	size_t		size;			/* of response; it is in the list of parsed */
	char	   *names;			/* of its items, one after the other */
	size_t		names_size;
	int		   *next;			/* of each item, another one of its name; -1:
								 * there is none.  NULL: of none is there. */
	int			pins;			/* lookups that are pinned and found on it */
	int			readers;		/* who have response in use */
	bool		used;			/* a scan has been told of it */
	bool		gone;			/* nobody has kept it */
	struct ParentPage *previous;	/* read before */
	dlist_node	node;
} ParentPage;

/* A name that somebody wants */
struct AmplifyChild
{
	const char *name;			/* the one of page, or else palloc'ed */
	AmplifyParent *parent;
	LookupState state;
	bool		wanted;			/* a scan waits for it */
	bool		urgent;			/* DUE: it is among parent's urgent ones */
	bool		got;			/* a Get was made, and that decides */
	int			pins;			/* wants */
	int			item;			/* of page, the first of that name */
	ParentPage *page;			/* where it has been found; NULL: nowhere */
	AmplifyCall *get;			/* pinned, or NULL */
	const AmplifyFailure *failure;	/* KNOWN: of the List, shared; or NULL */
	AmplifyWatcher watcher;		/* of get */
	dlist_head	waiters;		/* AmplifyWant.node */
	dlist_node	node;			/* DUE: in a list of parent's */
};

typedef struct LookupEntry
{
	const char *name;			/* the one of lookup, or else of page */
	AmplifyChild *lookup;		/* NULL: nobody wants it */
	ParentPage *page;			/* where it has been found; NULL: nowhere */
	int			item;			/* as lookup's */
	char		status;
} LookupEntry;

#define SH_PREFIX		lookuphash
#define SH_ELEMENT_TYPE LookupEntry
#define SH_KEY_TYPE		const char *
#define SH_KEY			name
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(tb, a, b)	(strcmp(a, b) == 0)
#define SH_SCOPE		static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct AmplifyParent
{
	AmplifyFetchSpec spec;		/* of those who have asked, a copy */
	AmplifyKeys keys;			/* of the List */
	lookuphash_hash *lookups;
	int			nlookups;		/* that somebody wants */
	dlist_head	urgent;			/* DUE, to be started now; in this order */
	dlist_head	due;			/* DUE, but not yet needed */
	int			ndue;			/* of both */
	int			ngets;			/* made so far */
	int			npages;			/* read so far */
	int			nfound;			/* that were due, on the page read last */
	const char *token;			/* of the next page; NULL: the first */
	AmplifyCall *call;			/* for that, pinned; NULL: not asked yet */
	AmplifyWatcher watcher;		/* of call */
	AmplifyPaging paging;
	ParentPage *last_page;		/* the one read last; the others behind it */
	size_t		size;			/* what it takes while it rests, about */
	dlist_node	node;			/* in the list of those that rest */
	bool		wanted;			/* a scan waits for some lookup */
	bool		whole;			/* the List has been read to its end */
	bool		refused;		/* the List can't be asked */
};

typedef struct ParentEntry
{
	const AmplifyParent *key;
	AmplifyParent *parent;
	uint32		hash;
	char		status;
} ParentEntry;

static uint64 parent_hash(const AmplifyParent *parent);
static bool parent_equal(const AmplifyParent *a, const AmplifyParent *b);

#define SH_PREFIX		parenthash
#define SH_ELEMENT_TYPE ParentEntry
#define SH_KEY_TYPE		const AmplifyParent *
#define SH_KEY			key
#define SH_HASH_KEY(tb, key) ((uint32) parent_hash(key))
#define SH_EQUAL(tb, a, b)	parent_equal(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) (a)->hash
#define SH_SCOPE		static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/*
 * A parent that nobody asks anything of, and whose List was not asked either.
 * Its hash is enough: all that depends on it is by which call a key is found.
 */
typedef struct IdleEntry
{
	uint64		hash;
	int			ngets;
	char		status;
} IdleEntry;

#define SH_PREFIX		idlehash
#define SH_ELEMENT_TYPE IdleEntry
#define SH_KEY_TYPE		uint64
#define SH_KEY			hash
#define SH_HASH_KEY(tb, key) ((uint32) (key))
#define SH_EQUAL(tb, a, b)	((a) == (b))
#define SH_SCOPE		static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* What a List must be denied for once */
typedef struct DeniedList
{
	const AmplifyConnection *connection;
	const AmplifyOperation *list;
} DeniedList;

struct AmplifyParents
{
	MemoryContext context;		/* below the statement's */
	MemoryContext scratch;		/* while a page is looked at */
	parenthash_hash *parents;
	idlehash_hash *idle;
	dlist_head	resting;		/* AmplifyParent.node, used last at the end:
								 * those that nobody asks anything of */
	size_t		resting_bytes;	/* of these */
	List	   *spare;			/* of AmplifyResponses: empty ones */
	dlist_head	parsed;			/* ParentPage.node, used last at the end */
	List	   *denied;			/* of DeniedList */
};

static AmplifyParents *parents_of(const AmplifyFetchSpec *spec);
static MemoryContext context_of(const AmplifyParent *parent);
static AmplifyCall *ask(AmplifyParent *parent, const AmplifyOperation *operation,
						const AmplifyKeys *keys, const char *token,
						bool wanted);
static bool is_answered(AmplifyParent *parent, AmplifyCall *call, bool wanted,
						AmplifyWatcher *watcher);
static bool next_page_is_due(AmplifyParent *parent);
static void start_gets(AmplifyParent *parent);
static void start_get(AmplifyChild *lookup);
static void page_answered(AmplifyWatcher *watcher);
static void get_answered(AmplifyWatcher *watcher);
static void take_page(AmplifyParent *parent);
static bool is_about_call(const ParentPage *page);
static bool is_denied(const AmplifyParent *parent);
static void refuse_list(AmplifyParent *parent, AmplifyFailureKind kind);
static bool has_names(const ParentPage *page);
static void index_page(ParentPage *page);
static void index_item(ParentPage *page, int item, const char *name);
static void found_on_page(AmplifyChild *lookup, const LookupEntry *entry);
static void chain_item(ParentPage *page, int first, int item);
static AmplifyChild *find_lookup(AmplifyParent *parent, const char *name);
static void free_lookup(AmplifyChild *lookup);
static void rest(AmplifyParent *parent);
static void count_resting(AmplifyParents *parents,
						  const AmplifyParent *parent, ssize_t bytes);
static void wake(AmplifyParent *parent);
static void free_parent(AmplifyParent *parent);
static AmplifyKeys get_keys(const AmplifyParent *parent, const char *name);
static bool get_was_made(const AmplifyParent *parent, const char *name);
static void make_due(AmplifyChild *lookup);
static void not_due(AmplifyChild *lookup);
static void make_known(AmplifyChild *lookup);
static void fail_due(AmplifyParent *parent, const AmplifyFailure *failure);
static bool load_page(ParentPage *page, AmplifyFailure *failure);
static AmplifyParse parse_page(ParentPage *page);
static void drop_response(ParentPage *page);
static void free_page(ParentPage *page);
static void settle_page(ParentPage *page);
static bool is_refusal(const AmplifyCall *call);

/* What is asked, as a call that statement.c can be asked for */
void
amplify_parent_describe(const AmplifyFetchSpec *spec,
						const AmplifyOperation *operation,
						const AmplifyKeys *keys, const char *token,
						AmplifyCall *call)
{
	memset(call, 0, sizeof(AmplifyCall));
	call->connection = spec->connection;
	call->resource = spec->resource;
	call->operation = operation;
	call->keys = *keys;
	call->token = token;
	call->keep = spec->keep;
	call->concurrency = spec->options->max_concurrency;
	call->sure = spec->sure;
	call->counters = spec->counters;
	if (operation->max_page > 0)
	{
		call->page_size = operation->max_page;
		if (spec->options->page_size > 0)
			call->page_size = Min(call->page_size, spec->options->page_size);
	}
}

/* Do rows of other apps and servers come, although one has failed? */
bool
amplify_parent_goes_on(const AmplifyFetchSpec *spec)
{
	return spec->options->on_error == AMPLIFY_ON_ERROR_WARN_ALWAYS ||
		(spec->options->on_error == AMPLIFY_ON_ERROR_WARN &&
		 !amplify_statement_writes(spec->statement));
}

/* Has the statement warned that the server can't be asked?  It goes on. */
bool
amplify_parent_gave_up(const AmplifyFetchSpec *spec)
{
	if (!amplify_parent_goes_on(spec) ||
		!amplify_statement_gave_up(spec->statement, spec->connection))
		return false;
	spec->counters->given_up = true;
	return true;
}

/* Can there be an item under these keys that is wanted? */
bool
amplify_parent_allows(const AmplifyFetchSpec *spec, const AmplifyKeys *keys)
{
	return spec->allows == NULL || spec->allows(spec->allows_arg, keys);
}

/*
 * Does the list go on for ever?  So it does if a token comes again, or if
 * nothing but empty pages do.  Brent's algorithm finds a cycle of any length
 * with one token kept, within some three turns of it.
 */
bool
amplify_parent_is_endless(AmplifyPaging *paging, AmplifyResponse *page,
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
 * The parent that keys (of the spec's resource) name, as its List does.  What
 * spec points to must live as long as the statement, but for itself.
 */
AmplifyParent *
amplify_parent_find(const AmplifyFetchSpec *spec, const AmplifyKeys *keys)
{
	AmplifyParents *parents = parents_of(spec);
	AmplifyParent sought = {.spec = *spec};
	AmplifyParent *parent;
	ParentEntry *entry;
	IdleEntry  *idle;
	MemoryContext oldcontext;

	sought.keys = amplify_resource_project(keys, spec->resource->list->needs);
	entry = parenthash_lookup(parents->parents, &sought);
	if (entry != NULL)
	{
		parent = entry->parent;
		wake(parent);
		parent->spec.keep |= spec->keep;
		parent->spec.sure |= spec->sure;
		parent->spec.list_first |= spec->list_first;
		parent->spec.counters = spec->counters;
		return parent;
	}

	oldcontext = MemoryContextSwitchTo(parents->context);
	parent = palloc(sizeof(AmplifyParent));
	*parent = sought;
	parent->spec.child = NULL;
	for (int i = 0; i < AMPLIFY_NKEYS; i++)
	{
		if (sought.keys.value[i] != NULL)
			parent->keys.value[i] = pstrdup(sought.keys.value[i]);
	}
	idle = idlehash_lookup(parents->idle, parent_hash(&sought));
	parent->ngets = idle == NULL ? 0 : idle->ngets;
	parent->lookups = lookuphash_create(parents->context, 1, NULL);
	dlist_init(&parent->urgent);
	dlist_init(&parent->due);
	parent->watcher.answered = page_answered;
	entry = parenthash_insert(parents->parents, parent, &(bool) {false});
	entry->parent = parent;
	MemoryContextSwitchTo(oldcontext);
	return parent;
}

/*
 * Want what a parent has of that name.  The want is the caller's, until
 * amplify_parent_release(); once known, it is put at the end of *ready, if
 * that is not NULL.  Somebody waits for it if wanted is true.  No call is made
 * before it is hurried and amplify_parent_ask() comes, so that all that are
 * wanted of a parent can be told first.
 */
void
amplify_parent_want(AmplifyParent *parent, const char *name, bool wanted,
					dlist_head *ready, AmplifyWant *want)
{
	AmplifyChild *lookup = find_lookup(parent, name);

	want->lookup = lookup;
	want->ready = ready;
	want->known = false;
	lookup->pins++;
	lookup->wanted |= wanted;
	parent->wanted |= wanted;
	if (lookup->state == LOOKUP_IDLE && lookup->got)
		start_get(lookup);
	else if (lookup->state == LOOKUP_IDLE)
		make_due(lookup);
	else if (lookup->state == LOOKUP_GETTING && lookup->watcher.call != NULL &&
			 wanted)
	{
		/* it may have failed while nobody waited */
		amplify_statement_unwatch(&lookup->watcher);
		get_answered(&lookup->watcher);
	}
	if (lookup->state == LOOKUP_KNOWN)
	{
		want->known = true;
		if (ready != NULL)
			dlist_push_tail(ready, &want->node);
	}
	else
		dlist_push_tail(&lookup->waiters, &want->node);
}

/* It is needed now */
void
amplify_parent_hurry(AmplifyWant *want)
{
	AmplifyChild *lookup = want->lookup;

	if (lookup->state != LOOKUP_DUE || lookup->urgent)
		return;
	lookup->urgent = true;
	dlist_delete(&lookup->node);
	dlist_push_tail(&lookup->parent->urgent, &lookup->node);
}

/* Start what calls those need that have been hurried */
void
amplify_parent_ask(AmplifyParent *parent)
{
	while (!dlist_is_empty(&parent->urgent))
	{
		if (parent->whole ||
			amplify_parent_gave_up(&parent->spec))
		{
			fail_due(parent, NULL);
			return;
		}
		if (parent->call == NULL)
		{
			if (!next_page_is_due(parent))
			{
				start_gets(parent);
				return;
			}
			parent->call = ask(parent, parent->spec.resource->list,
							   &parent->keys, parent->token, parent->wanted);
		}
		if (!is_answered(parent, parent->call, parent->wanted,
						 &parent->watcher))
			return;
		take_page(parent);
	}
}

/*
 * Give a want back, known or not.  Nothing may be done with the parent any
 * more by who has no want of it.
 */
void
amplify_parent_release(AmplifyWant *want)
{
	AmplifyChild *lookup = want->lookup;
	AmplifyParent *parent = lookup->parent;

	if (!want->known || want->ready != NULL)
		dlist_delete(&want->node);
	want->lookup = NULL;
	if (--lookup->pins > 0)
		return;

	if (lookup->state == LOOKUP_DUE)
		not_due(lookup);
	if (lookup->get != NULL)
	{
		/* what was not sent is not in the statement any more */
		if (lookup->get->attempts.sent == 0 && parent->ngets > 0)
			parent->ngets--;
		amplify_statement_unwatch(&lookup->watcher);
		amplify_statement_unpin(parent->spec.statement, lookup->get);
	}
	if (lookup->page != NULL)
	{
		lookup->page->pins--;
		settle_page(lookup->page);
	}
	free_lookup(lookup);
	if (parent->ndue == 0)
		parent->wanted = false;
	if (parent->ndue == 0 && parent->call != NULL)
	{
		amplify_statement_unwatch(&parent->watcher);
		amplify_statement_unpin(parent->spec.statement, parent->call);
		parent->call = NULL;
	}
	if (parent->nlookups == 0 && !parent->refused)
		rest(parent);
}

/* What has become of a want that is known */
AmplifyVerdict
amplify_parent_verdict(const AmplifyWant *want)
{
	const AmplifyChild *lookup = want->lookup;

	Assert(want->known);
	if (lookup->failure != NULL)
		return AMPLIFY_VERDICT_FAILED;
	if (lookup->get != NULL)
		return AMPLIFY_VERDICT_GOT;
	return lookup->page != NULL ? AMPLIFY_VERDICT_LISTED :
		AMPLIFY_VERDICT_ABSENT;
}

/* FAILED: why; the same for all who waited for that page */
const AmplifyFailure *
amplify_parent_failure(const AmplifyWant *want)
{
	return want->lookup->failure;
}

/* GOT: the call of its Get */
AmplifyCall *
amplify_parent_get(const AmplifyWant *want)
{
	return want->lookup->get;
}

/*
 * GOT, but the call of its Get is made once more: the want waits for that, and
 * is put at the end of *ready again.  False if the call has been answered.
 */
bool
amplify_parent_awaits_get(AmplifyWant *want, dlist_head *ready)
{
	AmplifyChild *lookup = want->lookup;

	if (!want->known)
		return true;
	if (lookup->get->state == AMPLIFY_CALL_DONE ||
		lookup->get->state == AMPLIFY_CALL_FAILED)
		return false;
	want->known = false;
	want->ready = ready;
	dlist_push_tail(&lookup->waiters, &want->node);
	lookup->state = LOOKUP_GETTING;
	if (lookup->watcher.call == NULL)
		amplify_statement_watch(lookup->get, &lookup->watcher);
	return true;
}

/*
 * LISTED: the page that it is on, and its first item there, until
 * amplify_parent_close().  NULL: failure says why.
 */
AmplifyResponse *
amplify_parent_open(AmplifyWant *want, int *item, AmplifyFailure *failure)
{
	ParentPage *page = want->lookup->page;

	if (!load_page(page, failure))
		return NULL;
	page->readers++;
	*item = want->lookup->item;
	return page->response;
}

/* The next item of the same name on that page; -1: there is none */
int
amplify_parent_next_item(const AmplifyWant *want, int item)
{
	const ParentPage *page = want->lookup->page;

	return page->next == NULL ? -1 : page->next[item];
}

/* Done with the page that amplify_parent_open() has given */
void
amplify_parent_close(AmplifyWant *want)
{
	want->lookup->page->readers--;
	settle_page(want->lookup->page);
}

/*
 * LISTED or ABSENT: has another scan, or this one before, been told by the
 * same page?  *last is what was told to this one last, NULL at first.
 */
bool
amplify_parent_is_reuse(const AmplifyWant *want, const void **last)
{
	ParentPage *page = want->lookup->page;
	bool		used;

	if (page == NULL)
		page = want->lookup->parent->last_page;
	if (page == NULL || page == *last)
		return false;
	used = page->used;
	page->used = true;
	*last = page;
	return used;
}

/* ---------- parents ---------- */

static AmplifyParents *
parents_of(const AmplifyFetchSpec *spec)
{
	AmplifyParents **slot = amplify_statement_parents(spec->statement);

	if (*slot == NULL)
	{
		MemoryContext context = amplify_statement_context(spec->statement);
		AmplifyParents *parents = MemoryContextAllocZero(context,
														 sizeof(AmplifyParents));

		parents->context = AllocSetContextCreate(context,
												 "amplify_fdw parents",
												 AMPLIFY_MANY_SMALL_SIZES);
		parents->scratch = AllocSetContextCreate(parents->context,
												 "amplify_fdw page",
												 ALLOCSET_SMALL_SIZES);
		parents->parents = parenthash_create(context, 64, NULL);
		parents->idle = idlehash_create(context, 64, NULL);
		dlist_init(&parents->resting);
		dlist_init(&parents->parsed);
		*slot = parents;
	}
	return *slot;
}

static MemoryContext
context_of(const AmplifyParent *parent)
{
	return parents_of(&parent->spec)->context;
}

static uint64
parent_hash(const AmplifyParent *parent)
{
	const void *const pointers[] = {parent->spec.connection,
	parent->spec.resource};
	uint64		hash = hash_bytes_extended((const unsigned char *) pointers,
										   sizeof(pointers),
										   parent->spec.options->page_size);

	for (int i = 0; i < AMPLIFY_NKEYS; i++)
	{
		const char *value = parent->keys.value[i];

		if (value != NULL)
			hash = hash_bytes_extended((const unsigned char *) value,
									   strlen(value), hash + i);
	}
	return hash;
}

/* Pages of another size are another List's */
static bool
parent_equal(const AmplifyParent *a, const AmplifyParent *b)
{
	return a->spec.connection == b->spec.connection &&
		a->spec.resource == b->spec.resource &&
		a->spec.options->page_size == b->spec.options->page_size &&
		amplify_keyset_compare(&a->keys, &b->keys) == 0;
}

/* Pinned, and on behalf of who asked last */
static AmplifyCall *
ask(AmplifyParent *parent, const AmplifyOperation *operation,
	const AmplifyKeys *keys, const char *token, bool wanted)
{
	AmplifyCall call;

	amplify_parent_describe(&parent->spec, operation, keys, token, &call);
	call.wanted = wanted;
	return amplify_statement_call(parent->spec.statement, &call);
}

/*
 * Has the call been answered, or failed for good?  Else the watcher will be
 * told.  What fails while nobody waits for it gets another chance, unless the
 * failure is one that Gets can mend.
 */
static bool
is_answered(AmplifyParent *parent, AmplifyCall *call, bool wanted,
			AmplifyWatcher *watcher)
{
	bool		answered;

	if (call->state == AMPLIFY_CALL_DONE || is_refusal(call))
		answered = true;
	else if (wanted)
		answered = amplify_statement_is_done(parent->spec.statement, call);
	else
		answered = call->state == AMPLIFY_CALL_FAILED && call->wanted;
	if (!answered && watcher->call == NULL)
		amplify_statement_watch(call, watcher);
	return answered;
}

/* The rule: see the head of this file */
static bool
next_page_is_due(AmplifyParent *parent)
{
	int			wanted = parent->ngets + parent->ndue;
	AmplifyCall call;

	if (parent->refused || is_denied(parent))
		return false;
	if (parent->npages == 0 ? wanted > 1 || parent->spec.list_first :
		parent->npages < wanted || parent->nfound > 1)
		return true;
	amplify_parent_describe(&parent->spec, parent->spec.resource->list,
							&parent->keys, parent->token, &call);
	return amplify_statement_has(parent->spec.statement, &call);
}

static void
start_gets(AmplifyParent *parent)
{
	while (!dlist_is_empty(&parent->urgent))
	{
		AmplifyChild *lookup = dlist_head_element(AmplifyChild, node,
												  &parent->urgent);

		CHECK_FOR_INTERRUPTS();
		not_due(lookup);
		parent->ngets++;
		start_get(lookup);
	}
}

static void
start_get(AmplifyChild *lookup)
{
	AmplifyParent *parent = lookup->parent;
	AmplifyKeys keys = get_keys(parent, lookup->name);

	lookup->state = LOOKUP_GETTING;
	lookup->got = true;
	lookup->get = ask(parent, parent->spec.resource->get, &keys, NULL,
					  lookup->wanted);
	get_answered(&lookup->watcher);
}

/* ---------- responses ---------- */

/* The next page has come */
static void
page_answered(AmplifyWatcher *watcher)
{
	AmplifyParent *parent = (AmplifyParent *)
		((char *) watcher - offsetof(AmplifyParent, watcher));

	if (!is_answered(parent, parent->call, parent->wanted, watcher))
		return;
	take_page(parent);
	amplify_parent_ask(parent);
}

static void
get_answered(AmplifyWatcher *watcher)
{
	AmplifyChild *lookup = (AmplifyChild *)
		((char *) watcher - offsetof(AmplifyChild, watcher));

	if (is_answered(lookup->parent, lookup->get, lookup->wanted, watcher))
		make_known(lookup);
}

/*
 * Read the page whose call has been answered: parse it, and find what has been
 * asked for.
 */
static void
take_page(AmplifyParent *parent)
{
	AmplifyCall *call = parent->call;
	AmplifyFailure failure = {AMPLIFY_FAILURE_NONE};
	ParentPage *page = NULL;
	AmplifyParse parse;
	bool		matches;

	parent->call = NULL;
	if (is_refusal(call))
		refuse_list(parent, call->failure->kind);
	else if (call->state == AMPLIFY_CALL_FAILED)
		failure = *call->failure;
	else if (call->not_found)
	{
		parent->npages++;
		parent->whole = true;
	}
	else
	{
		page = MemoryContextAllocZero(context_of(parent), sizeof(ParentPage));
		page->parent = parent;
		page->token = parent->token;
		page->call = call;
		page->used = call->used;
		call->used = true;
		parse = parse_page(page);
		matches = parse != AMPLIFY_PARSE_OK ||
			is_about_call(page);
		if (!matches && amplify_statement_repeat(parent->spec.statement, call))
		{
			free_page(page);
			parent->call = call;
			if (parent->watcher.call == NULL)
				amplify_statement_watch(call, &parent->watcher);
			return;
		}
		if (parse != AMPLIFY_PARSE_OK || !matches || !has_names(page))
		{
			amplify_call_bad_response(call, parse != AMPLIFY_PARSE_OK ?
									  amplify_outcome_of_parse(parse) :
									  matches ? AMPLIFY_FAILURE_SHAPE :
									  AMPLIFY_FAILURE_MISMATCH, &failure);
			parent->spec.connection->shared->stats.failed++;
			free_page(page);
			page = NULL;
		}
		else
			amplify_pace_learn(call, page->response);
	}
	if (page == NULL)
		amplify_statement_unpin(parent->spec.statement, call);
	else
	{
		const char *token = amplify_response_next_token(page->response);

		parent->npages++;
		page->previous = parent->last_page;
		parent->last_page = page;
		parent->whole = token == NULL;
		parent->token = token ? MemoryContextStrdup(context_of(parent), token) :
			NULL;
		parent->nfound = 0;
		index_page(page);
		if (token != NULL &&
			amplify_parent_is_endless(&parent->paging, page->response, token))
			amplify_call_bad_response(call, AMPLIFY_FAILURE_ENDLESS, &failure);
		settle_page(page);
	}
	if (failure.kind != AMPLIFY_FAILURE_NONE)
	{
		AmplifyFailure *shared = MemoryContextAlloc(context_of(parent),
													sizeof(AmplifyFailure));

		*shared = failure;
		fail_due(parent, shared);
	}
	else if (parent->whole)
		fail_due(parent, NULL);
}

/* Is the page about what its call has asked for? */
static bool
is_about_call(const ParentPage *page)
{
	MemoryContext scratch = parents_of(&page->parent->spec)->scratch;
	MemoryContext oldcontext = MemoryContextSwitchTo(scratch);
	bool		result = amplify_match_response(page->call, page->response);

	MemoryContextSwitchTo(oldcontext);
	MemoryContextReset(scratch);
	return result;
}

/* Has that List been denied to this user? */
static bool
is_denied(const AmplifyParent *parent)
{
	ListCell   *lc;

	foreach(lc, parents_of(&parent->spec)->denied)
	{
		DeniedList *denied = lfirst(lc);

		if (denied->connection == parent->spec.connection &&
			strcmp(denied->list->name, parent->spec.resource->list->name) == 0)
			return true;
	}
	return false;
}

/*
 * A List that can't be asked for this parent: whether the service lists what
 * it has for an app of the second generation is not documented.  One that is
 * denied can't be asked for any.
 */
static void
refuse_list(AmplifyParent *parent, AmplifyFailureKind kind)
{
	AmplifyParents *parents = parents_of(&parent->spec);
	DeniedList *denied;
	MemoryContext oldcontext;

	parent->refused = true;
	if (kind != AMPLIFY_FAILURE_DENIED || is_denied(parent))
		return;
	oldcontext = MemoryContextSwitchTo(parents->context);
	denied = palloc(sizeof(DeniedList));
	denied->connection = parent->spec.connection;
	denied->list = parent->spec.resource->list;
	parents->denied = lappend(parents->denied, denied);
	MemoryContextSwitchTo(oldcontext);
}

static bool
has_names(const ParentPage *page)
{
	for (int i = 0; i < amplify_response_count(page->response); i++)
	{
		if (!amplify_match_is_named(page->parent->spec.resource,
									amplify_response_item(page->response, i)))
			return false;
	}
	return true;
}

/* Find the items of a page by name; each has one, see has_names() */
static void
index_page(ParentPage *page)
{
	const AmplifyResource *resource = page->parent->spec.resource;
	const AmplifyColumn *column = resource->key_column[resource->last_key];
	int			n = amplify_response_count(page->response);
	AmplifyValue value;
	size_t		length = 1;
	char	   *name;

	for (int i = 0; i < n; i++)
	{
		if (amplify_response_value(amplify_response_item(page->response, i),
								   column->path, column->type,
								   &value) == AMPLIFY_VALUE_OK)
			length += strlen(value.text) + 1;
	}
	name = page->names = MemoryContextAlloc(context_of(page->parent), length);
	page->names_size = length;
	for (int i = 0; i < n; i++)
	{
		if (amplify_response_value(amplify_response_item(page->response, i),
								   column->path, column->type,
								   &value) != AMPLIFY_VALUE_OK)
			continue;
		strlcpy(name, value.text, page->names + length - name);
		index_item(page, i, name);
		name += strlen(name) + 1;
	}
}

/* The first page that has a name, or else its Get, decides */
static void
index_item(ParentPage *page, int item, const char *name)
{
	AmplifyParent *parent = page->parent;
	LookupEntry *entry = lookuphash_lookup(parent->lookups, name);
	AmplifyChild *lookup = entry == NULL ? NULL : entry->lookup;
	bool		found;

	if (entry != NULL && entry->page == page)
	{
		chain_item(page, entry->item, item);
		return;
	}
	if (lookup == NULL ? entry == NULL && !parent->spec.keep : lookup->got)
		return;
	if (entry != NULL && entry->page != NULL && !entry->page->gone)
		return;
	if (entry == NULL)
	{
		if (get_was_made(parent, name))
			return;
		entry = lookuphash_insert(parent->lookups, name, &found);
		entry->lookup = NULL;
	}
	entry->name = name;
	entry->page = page;
	entry->item = item;
	if (lookup != NULL)
		found_on_page(lookup, entry);
}

static void
found_on_page(AmplifyChild *lookup, const LookupEntry *entry)
{
	if (lookup->page == NULL)
		pfree(unconstify(char *, lookup->name));
	lookup->name = entry->name;
	lookup->page = entry->page;
	lookup->item = entry->item;
	lookup->page->pins++;
	if (lookup->state == LOOKUP_DUE)
	{
		not_due(lookup);
		lookup->parent->nfound++;
	}
	make_known(lookup);
}

/* One more item of a name that the page has already */
static void
chain_item(ParentPage *page, int first, int item)
{
	if (page->next == NULL)
	{
		int			n = amplify_response_count(page->response);

		page->next = MemoryContextAlloc(context_of(page->parent),
										sizeof(int) * n);
		for (int i = 0; i < n; i++)
			page->next[i] = -1;
	}
	while (page->next[first] >= 0)
		first = page->next[first];
	page->next[first] = item;
}

/* ---------- lookups ---------- */

static AmplifyChild *
find_lookup(AmplifyParent *parent, const char *name)
{
	LookupEntry *entry = lookuphash_lookup(parent->lookups, name);
	AmplifyChild *lookup;
	bool		found;

	if (entry != NULL && entry->lookup != NULL)
		return entry->lookup;
	lookup = MemoryContextAllocZero(context_of(parent), sizeof(AmplifyChild));
	lookup->parent = parent;
	lookup->watcher.answered = get_answered;
	dlist_init(&lookup->waiters);
	if (entry != NULL && !entry->page->gone)
	{
		lookup->name = entry->name;
		lookup->page = entry->page;
		lookup->item = entry->item;
		lookup->page->pins++;
		lookup->state = LOOKUP_KNOWN;
	}
	else
	{
		lookup->name = MemoryContextStrdup(context_of(parent), name);
		lookup->got = get_was_made(parent, name);
		if (entry == NULL)
			entry = lookuphash_insert(parent->lookups, lookup->name, &found);
		entry->name = lookup->name;
		entry->page = NULL;
	}
	entry->lookup = lookup;
	parent->nlookups++;
	return lookup;
}

/* Nobody wants it any more; what a page has of that name is not forgotten */
static void
free_lookup(AmplifyChild *lookup)
{
	AmplifyParent *parent = lookup->parent;
	bool		found PG_USED_FOR_ASSERTS_ONLY;
	LookupEntry *entry = lookuphash_insert(parent->lookups, lookup->name,
										   &found);

	Assert(found);
	if (lookup->page != NULL && !lookup->page->gone)
		entry->lookup = NULL;
	else
		lookuphash_delete(parent->lookups, lookup->name);
	if (lookup->page == NULL)
		pfree(unconstify(char *, lookup->name));
	pfree(lookup);
	parent->nlookups--;
}

/* ---------- parents that nobody asks anything of ---------- */

/*
 * Keep it at hand if it has read pages, and free those that have been there
 * for longest if they take too much.
 */
static void
rest(AmplifyParent *parent)
{
	AmplifyParents *parents = parents_of(&parent->spec);

	Assert(parent->call == NULL && parent->watcher.call == NULL);
	parent->size = sizeof(AmplifyParent) +
		parent->lookups->size * sizeof(LookupEntry);
	for (const ParentPage *page = parent->last_page; page != NULL;
		 page = page->previous)
		parent->size += sizeof(ParentPage) + page->names_size;
	count_resting(parents, parent, parent->size);
	dlist_push_tail(&parents->resting, &parent->node);
	if (parent->npages == 0 || !parent->spec.keep)
		free_parent(parent);
	while (parents->resting_bytes > (size_t) work_mem * 1024 / 4)
		free_parent(dlist_head_element(AmplifyParent, node, &parents->resting));
}

/* They count as pages that have been parsed do */
static void
count_resting(AmplifyParents *parents, const AmplifyParent *parent,
			  ssize_t bytes)
{
	parents->resting_bytes += bytes;
	(void) amplify_statement_parsed(parent->spec.statement, bytes);
}

/* Somebody asks again */
static void
wake(AmplifyParent *parent)
{
	if (parent->nlookups > 0 || parent->refused)
		return;
	count_resting(parents_of(&parent->spec), parent, -(ssize_t) parent->size);
	dlist_delete(&parent->node);
}

/* Free one that rests: nothing is known of it but how many Gets there were */
static void
free_parent(AmplifyParent *parent)
{
	AmplifyParents *parents = parents_of(&parent->spec);
	ParentPage *previous;
	IdleEntry  *idle;
	bool		found;

	if (parent->ngets > 0)
	{
		idle = idlehash_insert(parents->idle, parent_hash(parent), &found);
		idle->ngets = parent->ngets;
	}
	count_resting(parents, parent, -(ssize_t) parent->size);
	dlist_delete(&parent->node);
	parenthash_delete(parents->parents, parent);
	for (ParentPage *page = parent->last_page; page != NULL; page = previous)
	{
		previous = page->previous;
		if (page->token != NULL)
			pfree(unconstify(char *, page->token));
		free_page(page);
	}
	for (int i = 0; i < AMPLIFY_NKEYS; i++)
	{
		if (parent->keys.value[i] != NULL)
			pfree(unconstify(char *, parent->keys.value[i]));
	}
	if (parent->token != NULL)
		pfree(unconstify(char *, parent->token));
	lookuphash_destroy(parent->lookups);
	pfree(parent);
}

/* Of its Get */
static AmplifyKeys
get_keys(const AmplifyParent *parent, const char *name)
{
	const AmplifyResource *resource = parent->spec.resource;
	AmplifyKeys keys = parent->keys;

	keys.value[resource->last_key] = name;
	return amplify_resource_project(&keys, resource->get->needs);
}

/* Has a Get been made for it, which decides then? */
static bool
get_was_made(const AmplifyParent *parent, const char *name)
{
	AmplifyKeys keys;
	AmplifyCall call;

	if (parent->ngets == 0)
		return false;
	keys = get_keys(parent, name);
	amplify_parent_describe(&parent->spec, parent->spec.resource->get, &keys,
							NULL, &call);
	return amplify_statement_has(parent->spec.statement, &call);
}

static void
make_due(AmplifyChild *lookup)
{
	lookup->state = LOOKUP_DUE;
	lookup->urgent = false;
	lookup->parent->ndue++;
	dlist_push_tail(&lookup->parent->due, &lookup->node);
}

static void
not_due(AmplifyChild *lookup)
{
	Assert(lookup->state == LOOKUP_DUE);
	dlist_delete(&lookup->node);
	lookup->parent->ndue--;
	lookup->state = LOOKUP_IDLE;
	lookup->urgent = false;
}

/* Tell all who wait */
static void
make_known(AmplifyChild *lookup)
{
	lookup->state = LOOKUP_KNOWN;
	while (!dlist_is_empty(&lookup->waiters))
	{
		AmplifyWant *want = dlist_container(AmplifyWant, node,
											dlist_pop_head_node(&lookup->waiters));

		want->known = true;
		if (want->ready != NULL)
			dlist_push_tail(want->ready, &want->node);
	}
}

/* Those that are due are not there (failure NULL), or can't be had */
static void
fail_due(AmplifyParent *parent, const AmplifyFailure *failure)
{
	dlist_head *lists[] = {&parent->urgent, &parent->due};

	for (int i = 0; i < lengthof(lists); i++)
	{
		while (!dlist_is_empty(lists[i]))
		{
			AmplifyChild *lookup = dlist_head_element(AmplifyChild, node,
													  lists[i]);

			not_due(lookup);
			lookup->failure = failure;
			make_known(lookup);
		}
	}
}

/* ---------- pages ---------- */

/* Have the page parsed.  False: it was once, but can't be any more. */
static bool
load_page(ParentPage *page, AmplifyFailure *failure)
{
	AmplifyParents *parents = parents_of(&page->parent->spec);
	AmplifyParse parse = AMPLIFY_PARSE_OK;

	if (page->response != NULL)
	{
		dlist_delete(&page->node);
		dlist_push_tail(&parents->parsed, &page->node);
		return true;
	}
	if (page->call == NULL)
		page->call = ask(page->parent, page->parent->spec.resource->list,
						 &page->parent->keys, page->token, false);
	Assert(page->call->state == AMPLIFY_CALL_DONE);
	parse = parse_page(page);
	if (parse != AMPLIFY_PARSE_OK)
		amplify_call_bad_response(page->call, amplify_outcome_of_parse(parse),
								  failure);
	return parse == AMPLIFY_PARSE_OK;
}

static AmplifyParse
parse_page(ParentPage *page)
{
	AmplifyParent *parent = page->parent;
	AmplifyParents *parents = parents_of(&parent->spec);
	AmplifyParse parse;

	Assert(page->response == NULL);
	if (parents->spare == NIL)
		page->response = amplify_response_create(parents->context);
	else
	{
		page->response = llast(parents->spare);
		parents->spare = list_delete_last(parents->spare);
	}
	parse = amplify_statement_parse(parent->spec.statement, page->call,
									parent->spec.resource->list,
									page->response);
	page->size = amplify_response_size(page->response);
	dlist_push_tail(&parents->parsed, &page->node);
	if (parse != AMPLIFY_PARSE_OK)
	{
		drop_response(page);
		return parse;
	}
	page->readers++;
	if (amplify_statement_parsed(parent->spec.statement, page->size))
	{
		dlist_mutable_iter iter;

		dlist_foreach_modify(iter, &parents->parsed)
		{
			ParentPage *oldest = dlist_container(ParentPage, node, iter.cur);

			if (oldest->readers > 0)
				continue;
			drop_response(oldest);
			if (!amplify_statement_parsed(parent->spec.statement, 0))
				break;
		}
	}
	page->readers--;
	return parse;
}

static void
drop_response(ParentPage *page)
{
	AmplifyParents *parents = parents_of(&page->parent->spec);
	MemoryContext oldcontext = MemoryContextSwitchTo(parents->context);

	dlist_delete(&page->node);
	amplify_response_clear(page->response);
	parents->spare = lappend(parents->spare, page->response);
	page->response = NULL;
	MemoryContextSwitchTo(oldcontext);
	(void) amplify_statement_parsed(page->parent->spec.statement,
									-(ssize_t) page->size);
	page->size = 0;
}

/* A page that no name is found on, and that nobody reads; not its token */
static void
free_page(ParentPage *page)
{
	if (page->response != NULL)
		drop_response(page);
	if (page->names != NULL)
		pfree(page->names);
	if (page->next != NULL)
		pfree(page->next);
	pfree(page);
}

/*
 * Give the body back when it is not needed: it is kept for others of the
 * statement, or nobody will ask for the page again.
 */
static void
settle_page(ParentPage *page)
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
	amplify_statement_unpin(page->parent->spec.statement, call);
}

/* Is it a List that is denied or refused, and Gets may not be? */
static bool
is_refusal(const AmplifyCall *call)
{
	return call->state == AMPLIFY_CALL_FAILED && call->operation->max_page > 0 &&
		(call->failure->kind == AMPLIFY_FAILURE_DENIED ||
		 call->failure->kind == AMPLIFY_FAILURE_BAD_REQUEST);
}
