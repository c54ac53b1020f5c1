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
 * - If statistics say that the List has more pages than keys are wanted, the
 *	 first one is read, as this List may be short, and the others are Gets.
 * - A page that the statement has asked for anyway is read in any case; if it
 *	 fails, Gets do.
 * - A List that is denied is not asked again in the statement, and Gets do.
 *
 * Pages and Gets keep pace, so their sum is at most about twice the lesser of
 * all Gets and all pages, in whatever order keys come (rule.sql, reuse.t).
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
 * of the call; of a name on a page, its location there (page.c).  Of a parent,
 * it is the number of its Gets, in 16 bytes of a hash table: its pages are
 * kept as any response is.  Parents that have read pages are freed when they
 * take a quarter of work_mem, all but the latest, and read them again if
 * somebody asks, in the same order, and so with the same result.
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

typedef enum LookupState
{
	LOOKUP_IDLE,				/* nobody wants it */
	LOOKUP_DUE,					/* to be found on a page, or by a Get */
	LOOKUP_GETTING,				/* its Get is under way */
	LOOKUP_KNOWN
} LookupState;

/* A name that somebody wants */
struct AmplifyChild
{
	AmplifyParent *parent;
	LookupState state;
	bool		wanted;			/* a scan waits for it */
	bool		urgent;			/* DUE: it is among parent's urgent ones */
	bool		got;			/* a Get was made, and that decides */
	int			pins;			/* wants */
	AmplifyFound found;			/* failure is set when it is KNOWN */
	AmplifyWatcher watcher;		/* of found.get */
	dlist_head	waiters;		/* AmplifyWant.node */
	dlist_node	node;			/* DUE: in a list of parent's */
	char		name[FLEXIBLE_ARRAY_MEMBER];
};

struct AmplifyParent
{
	AmplifyList list;			/* first, see is_wanted() */
	uint64		hash;			/* of what the list is of: parent_hash() */
	AmplifyNames *lookups;		/* of AmplifyChild: that somebody wants */
	int			nlookups;
	dlist_head	urgent;			/* DUE, to be started now; in this order */
	dlist_head	due;			/* DUE, but not yet needed */
	int			ndue;			/* of both */
	int			ngets;			/* made so far */
	int			nfound;			/* that were due, on the page read last */
	AmplifyCall *call;			/* for the next page, pinned; NULL: not asked
								 * yet */
	AmplifyWatcher watcher;		/* of call */
	size_t		size;			/* what it takes while it rests, about */
	dlist_node	node;			/* in the list of those that rest */
	bool		wanted;			/* a scan waits for some lookup */
	bool		refused;		/* the List can't be asked */
	bool		by_chance;		/* call was asked for anyway */
};

typedef struct ParentEntry
{
	const AmplifyParent *key;
	AmplifyParent *parent;
	uint32		hash;
	char		status;
} ParentEntry;

static bool parent_equal(const AmplifyParent *a, const AmplifyParent *b);

#define SH_PREFIX		parenthash
#define SH_ELEMENT_TYPE ParentEntry
#define SH_KEY_TYPE		const AmplifyParent *
#define SH_KEY			key
#define SH_HASH_KEY(tb, key) ((uint32) (key)->hash)
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
	parenthash_hash *parents;
	idlehash_hash *idle;
	dlist_head	resting;		/* AmplifyParent.node, used last at the end:
								 * those that nobody asks anything of */
	size_t		resting_bytes;	/* of these */
	List	   *denied;			/* of DeniedList */
};

static AmplifyParents *parents_of(const AmplifyFetchSpec *spec);
static uint64 parent_hash(const AmplifyList *list);
static bool is_answered(AmplifyParent *parent, AmplifyCall *call, bool wanted,
						AmplifyWatcher *watcher);
static bool next_page_is_due(AmplifyParent *parent);
static void start_gets(AmplifyParent *parent);
static void start_get(AmplifyChild *lookup);
static void page_answered(AmplifyWatcher *watcher);
static void get_answered(AmplifyWatcher *watcher);
static void take_page(AmplifyParent *parent);
static bool is_denied(const AmplifyParent *parent);
static void refuse_list(AmplifyParent *parent, AmplifyFailureKind kind);
static bool is_wanted(AmplifyList *list, AmplifyLocation *location);
static AmplifyChild *known_lookup(const AmplifyParent *parent,
								  const char *name);
static AmplifyChild *find_lookup(AmplifyParent *parent, const char *name);
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
static bool is_refusal(const AmplifyCall *call);

/*
 * The parent that keys (of the spec's resource) name, as its List does.  What
 * spec points to must live as long as the statement, but for itself.
 */
AmplifyParent *
amplify_parent_find(const AmplifyFetchSpec *spec, const AmplifyKeys *keys)
{
	AmplifyParents *parents = parents_of(spec);
	AmplifyParent sought = {.list.spec = *spec,.list.context = parents->context};
	AmplifyParent *parent;
	ParentEntry *entry;
	IdleEntry  *idle;
	MemoryContext oldcontext;

	sought.list.keys = amplify_resource_project(keys, spec->resource->list->needs);
	sought.hash = parent_hash(&sought.list);
	entry = parenthash_lookup(parents->parents, &sought);
	if (entry != NULL)
	{
		parent = entry->parent;
		wake(parent);
		parent->list.spec.keep |= spec->keep;
		parent->list.spec.sure |= spec->sure;
		parent->list.spec.list_first |= spec->list_first;
		parent->list.spec.counters = spec->counters;
		return parent;
	}

	oldcontext = MemoryContextSwitchTo(parents->context);
	parent = palloc(sizeof(AmplifyParent));
	*parent = sought;
	amplify_resource_copy_keys(&parent->list.keys, parents->context);
	idle = idlehash_lookup(parents->idle, parent->hash);
	parent->ngets = idle == NULL ? 0 : idle->ngets;
	parent->lookups = amplify_names_create(parents->context);
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
		if (parent->list.whole ||
			amplify_spec_gave_up(&parent->list.spec))
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
			parent->call = amplify_spec_ask(&parent->list.spec,
											parent->list.spec.resource->list,
											&parent->list.keys,
											parent->list.token, parent->wanted);
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
	if (lookup->found.get != NULL)
	{
		/* what was not sent is not in the statement any more */
		if (lookup->found.get->attempts.sent == 0 && parent->ngets > 0)
			parent->ngets--;
		amplify_statement_unwatch(&lookup->watcher);
		amplify_statement_unpin(parent->list.spec.statement, lookup->found.get);
	}
	if (lookup->found.location != NULL)
		amplify_page_unpin(lookup->found.location->page);
	/* what a page has of that name is not forgotten */
	amplify_names_remove(parent->lookups, lookup->name);
	parent->nlookups--;
	pfree(lookup);
	if (parent->ndue == 0)
		parent->wanted = false;
	if (parent->ndue == 0 && parent->call != NULL)
	{
		amplify_statement_unwatch(&parent->watcher);
		amplify_statement_unpin(parent->list.spec.statement, parent->call);
		parent->call = NULL;
	}
	if (parent->nlookups == 0 && !parent->refused)
		rest(parent);
}

/* Of a want that is known; valid until the want is given back */
const AmplifyFound *
amplify_parent_found(const AmplifyWant *want)
{
	Assert(want->known);
	return &want->lookup->found;
}

/*
 * Its Get decides, but that call is made once more: the want waits for it, and
 * is put at the end of *ready again.  False if the call has been answered.
 */
bool
amplify_parent_awaits_get(AmplifyWant *want, dlist_head *ready)
{
	AmplifyChild *lookup = want->lookup;

	if (!want->known)
		return true;
	if (lookup->found.get->state == AMPLIFY_CALL_DONE ||
		lookup->found.get->state == AMPLIFY_CALL_FAILED)
		return false;
	want->known = false;
	want->ready = ready;
	dlist_push_tail(&lookup->waiters, &want->node);
	lookup->state = LOOKUP_GETTING;
	if (lookup->watcher.call == NULL)
		amplify_statement_watch(lookup->found.get, &lookup->watcher);
	return true;
}

/*
 * On a page, or absent: has another scan, or this one before, been told by the
 * same page?  *last is what was told to this one last, NULL at first.
 */
bool
amplify_parent_is_reuse(const AmplifyWant *want, const void **last)
{
	const AmplifyChild *lookup = want->lookup;
	AmplifyPage *page = lookup->found.location != NULL ?
		lookup->found.location->page : lookup->parent->list.last_page;

	if (page == NULL || page == *last)
		return false;
	*last = page;
	return amplify_page_use(page);
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
		parents->parents = parenthash_create(context, 64, NULL);
		parents->idle = idlehash_create(context, 64, NULL);
		dlist_init(&parents->resting);
		*slot = parents;
	}
	return *slot;
}

static uint64
parent_hash(const AmplifyList *list)
{
	const void *const pointers[] = {list->spec.connection, list->spec.resource};
	uint64		hash = hash_bytes_extended((const unsigned char *) pointers,
										   sizeof(pointers),
										   list->spec.options->page_size);

	for (int i = 0; i < AMPLIFY_NKEYS; i++)
	{
		const char *value = list->keys.value[i];

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
	return a->list.spec.connection == b->list.spec.connection &&
		a->list.spec.resource == b->list.spec.resource &&
		a->list.spec.options->page_size == b->list.spec.options->page_size &&
		amplify_keyset_compare(&a->list.keys, &b->list.keys, NULL) == 0;
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
		answered = amplify_statement_is_done(parent->list.spec.statement, call);
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

	if (parent->refused || is_denied(parent))
		return false;
	if (parent->list.npages == 0 ? wanted > 1 || parent->list.spec.list_first :
		(parent->list.npages < wanted &&
		 parent->list.spec.list_pages <= wanted) ||
		parent->nfound > 1)
	{
		parent->by_chance = false;
		return true;
	}
	parent->by_chance = amplify_spec_has(&parent->list.spec,
										 parent->list.spec.resource->list,
										 &parent->list.keys,
										 parent->list.token);
	return parent->by_chance;
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
	lookup->found.get = amplify_spec_ask(&parent->list.spec,
								   parent->list.spec.resource->get, &keys,
								   NULL, lookup->wanted);
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

	if (is_answered(lookup->parent, lookup->found.get, lookup->wanted, watcher))
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
	AmplifyResponse *response;
	AmplifyPage *page = NULL;

	response = amplify_statement_page(parent->list.spec.statement);
	if (is_refusal(call) ||
		(call->state == AMPLIFY_CALL_FAILED && parent->by_chance))
		refuse_list(parent, call->failure->kind);
	else if (call->state == AMPLIFY_CALL_FAILED)
		failure = *call->failure;
	else if (call->not_found)
	{
		parent->list.npages++;
		parent->list.whole = true;
	}
	else
	{
		page = amplify_page_read(&parent->list, call, response, &failure);
		if (page == NULL && failure.kind == AMPLIFY_FAILURE_NONE)
		{
			amplify_response_clear(response);
			if (parent->watcher.call == NULL)
				amplify_statement_watch(call, &parent->watcher);
			return;
		}
	}
	parent->call = NULL;
	if (page == NULL)
		amplify_statement_unpin(parent->list.spec.statement, call);
	else
	{
		parent->nfound = 0;
		amplify_page_index(page, response, is_wanted);
	}
	amplify_response_clear(response);
	if (failure.kind != AMPLIFY_FAILURE_NONE && parent->by_chance)
		refuse_list(parent, failure.kind);
	else if (failure.kind != AMPLIFY_FAILURE_NONE)
	{
		AmplifyFailure *shared = MemoryContextAlloc(parent->list.context,
													sizeof(AmplifyFailure));

		*shared = failure;
		fail_due(parent, shared);
	}
	else if (parent->list.whole)
		fail_due(parent, NULL);
}

/* Has that List been denied to this user? */
static bool
is_denied(const AmplifyParent *parent)
{
	ListCell   *lc;

	foreach(lc, parents_of(&parent->list.spec)->denied)
	{
		DeniedList *denied = lfirst(lc);

		if (denied->connection == parent->list.spec.connection &&
			strcmp(denied->list->name, parent->list.spec.resource->list->name) == 0)
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
	AmplifyParents *parents = parents_of(&parent->list.spec);
	DeniedList *denied;
	MemoryContext oldcontext;

	parent->refused = true;
	if (kind != AMPLIFY_FAILURE_DENIED || is_denied(parent))
		return;
	oldcontext = MemoryContextSwitchTo(parents->context);
	denied = palloc(sizeof(DeniedList));
	denied->connection = parent->list.spec.connection;
	denied->list = parent->list.spec.resource->list;
	parents->denied = lappend(parents->denied, denied);
	MemoryContextSwitchTo(oldcontext);
}

/* A page has that name, and none before: its Get decides if there was one */
static bool
is_wanted(AmplifyList *list, AmplifyLocation *location)
{
	AmplifyParent *parent = (AmplifyParent *) list;
	AmplifyChild *lookup = known_lookup(parent, location->name);

	if (lookup == NULL)
		return list->spec.keep && !get_was_made(parent, location->name);
	if (lookup->got)
		return false;
	amplify_page_pin(location->page);
	lookup->found.location = location;
	if (lookup->state == LOOKUP_DUE)
	{
		not_due(lookup);
		parent->nfound++;
	}
	make_known(lookup);
	return true;
}

/* ---------- lookups ---------- */

/* NULL: nobody wants it */
static AmplifyChild *
known_lookup(const AmplifyParent *parent, const char *name)
{
	const char *found = amplify_names_find(parent->lookups, name);

	return found == NULL ? NULL :
		(AmplifyChild *) (unconstify(char *, found) -
						  offsetof(AmplifyChild, name));
}

static AmplifyChild *
find_lookup(AmplifyParent *parent, const char *name)
{
	AmplifyChild *lookup = known_lookup(parent, name);
	size_t		length = strlen(name) + 1;

	if (lookup != NULL)
		return lookup;
	lookup = MemoryContextAllocZero(parent->list.context,
									offsetof(AmplifyChild, name) + length);
	memcpy(lookup->name, name, length);
	lookup->parent = parent;
	lookup->watcher.answered = get_answered;
	dlist_init(&lookup->waiters);
	lookup->found.location = amplify_page_find(&parent->list, name);
	if (lookup->found.location == NULL)
		lookup->got = get_was_made(parent, name);
	else
	{
		amplify_page_pin(lookup->found.location->page);
		lookup->state = LOOKUP_KNOWN;
	}
	amplify_names_put(parent->lookups, lookup->name);
	parent->nlookups++;
	return lookup;
}

/* ---------- parents that nobody asks anything of ---------- */

/*
 * Keep it at hand if it has read pages, and free those that have been there
 * for longest if they take too much.
 */
static void
rest(AmplifyParent *parent)
{
	AmplifyParents *parents = parents_of(&parent->list.spec);

	Assert(parent->call == NULL && parent->watcher.call == NULL);
	parent->size = sizeof(AmplifyParent) +
		amplify_names_size(parent->lookups) +
		amplify_page_list_size(&parent->list);
	count_resting(parents, parent, parent->size);
	dlist_push_tail(&parents->resting, &parent->node);
	if (parent->list.npages == 0 || !parent->list.spec.keep)
		free_parent(parent);
	else
	{
		/* this one has been there anyway, and may be asked for next */
		while (parents->resting_bytes > (size_t) work_mem * 1024 / 4 &&
			   dlist_head_node(&parents->resting) != &parent->node)
			free_parent(dlist_head_element(AmplifyParent, node,
										   &parents->resting));
	}
}

/* They count as bodies do */
static void
count_resting(AmplifyParents *parents, const AmplifyParent *parent,
			  ssize_t bytes)
{
	parents->resting_bytes += bytes;
	amplify_statement_count(parent->list.spec.statement, bytes);
}

/* Somebody asks again */
static void
wake(AmplifyParent *parent)
{
	if (parent->nlookups > 0 || parent->refused)
		return;
	count_resting(parents_of(&parent->list.spec), parent, -(ssize_t) parent->size);
	dlist_delete(&parent->node);
}

/* Free one that rests: nothing is known of it but how many Gets there were */
static void
free_parent(AmplifyParent *parent)
{
	AmplifyParents *parents = parents_of(&parent->list.spec);
	IdleEntry  *idle;
	bool		found;

	if (parent->ngets > 0)
	{
		idle = idlehash_insert(parents->idle, parent->hash, &found);
		idle->ngets = parent->ngets;
	}
	count_resting(parents, parent, -(ssize_t) parent->size);
	dlist_delete(&parent->node);
	parenthash_delete(parents->parents, parent);
	amplify_resource_free_keys(&parent->list.keys);
	amplify_page_free_list(&parent->list);
	amplify_names_free(parent->lookups);
	pfree(parent);
}

/* Of its Get */
static AmplifyKeys
get_keys(const AmplifyParent *parent, const char *name)
{
	const AmplifyResource *resource = parent->list.spec.resource;
	AmplifyKeys keys = parent->list.keys;

	keys.value[resource->last_key] = name;
	return amplify_resource_project(&keys, resource->get->needs);
}

/* Has a Get been made for it, which decides then? */
static bool
get_was_made(const AmplifyParent *parent, const char *name)
{
	AmplifyKeys keys;

	if (parent->ngets == 0)
		return false;
	keys = get_keys(parent, name);
	return amplify_spec_has(&parent->list.spec,
							parent->list.spec.resource->get, &keys, NULL);
}

static void
make_due(AmplifyChild *lookup)
{
	lookup->state = LOOKUP_DUE;
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
			lookup->found.failure = failure;
			make_known(lookup);
		}
	}
}

/* Is it a List that is denied or refused, and Gets may not be? */
static bool
is_refusal(const AmplifyCall *call)
{
	return call->state == AMPLIFY_CALL_FAILED && call->operation->max_page > 0 &&
		(call->failure->kind == AMPLIFY_FAILURE_DENIED ||
		 call->failure->kind == AMPLIFY_FAILURE_BAD_REQUEST);
}
