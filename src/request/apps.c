/*-------------------------------------------------------------------------
 *
 * apps.c
 *	  Which apps are not there, found out beside the lookups of many.
 *
 * An inventory may name thousands of apps that are gone, each of which costs
 * a call that finds nothing, while a few pages of ListApps would say so of
 * all.  How many apps there are is not known, and ListApps is in vain if all
 * that are asked for are there.  So a statement that has asked for
 * MANY_APPS different apps of a connection begins to read ListApps beside its
 * lookups, a page for each LOOKUPS_PER_PAGE of them: a tenth more at most.
 * Further lookups in an app that has had nothing so far count as well.
 * Where statistics say that it will ask for apps that are gone, it begins with
 * the first one.
 * When the last page has come, what is below an app that is on none of them
 * is not there, and costs no call.
 *
 * Calls come here when they are about to be started, because lookups are
 * queued long before.  While a page is waited for, no more lookups are
 * started than it is worth, or than may be in flight; the others wait for
 * what it says, but not for long: if a page takes longer than PATIENCE, none
 * waits any more in the statement.  Further calls for an app that has been
 * asked for are lookups like the others, unless it is known to be there.  Of
 * an app that had something, the service goes on to say itself what it has,
 * whatever ListApps says.
 *
 * An app takes 8 bytes of a hash table; one that is known to be gone takes
 * none, nor does a Get that is not made for it.
 *
 * Pages that the statement has asked for anyway are read as soon as they are
 * there, and ours are found by whoever asks for them.  A ListApps that is
 * denied, fails or is not understood says nothing, and nothing is said of it:
 * then all goes on as without it.  Under amplify_fdw.max_calls none is asked,
 * as it could be the one call too many.
 *
 * Failing paths: ListApps denied, failed or of another shape (gone.t); after
 * an error everything goes away with the statement's context.
 *
 * src/request/apps.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "request/amplify_request.h"

#define MANY_APPS			100
#define LOOKUPS_PER_PAGE	10
#define PATIENCE			(1000 * 1000)	/* microseconds */

/*
 * An app that is on a page of ListApps, or that has been asked for.  Its hash
 * is enough: one that is taken for another costs a call.
 */
typedef struct AppEntry
{
	uint32		hash;
	char		status;
	bool		there;			/* on a page, or it had what was asked for */
	bool		lacking;		/* it did not have something */
} AppEntry;

#define SH_PREFIX		apphash
#define SH_ELEMENT_TYPE AppEntry
#define SH_KEY_TYPE		uint32
#define SH_KEY			hash
#define SH_HASH_KEY(tb, key) (key)
#define SH_EQUAL(tb, a, b)	((a) == (b))
#define SH_SCOPE		static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Of one connection of one statement; in the statement's context */
typedef struct AmplifyApps
{
	AmplifyGuard guard;			/* first, see admit_call() */
	AmplifyWatcher watcher;		/* of call */
	AmplifyFetchSpec spec;		/* of a scan of apps */
	MemoryContext context;
	apphash_hash *apps;			/* NULL: no lookup yet */
	int			nasked;			/* that were not known to be there; and
								 * further calls for those that lack something
								 * or, when these are many, for all of them */
	int			many;			/* of these make ListApps worth it */
	int			nlookups;		/* of these, since a page was asked for, */
	int64		asked_at;		/* which was then */
	AmplifyCall *call;			/* that page, pinned; or NULL */
	const char *token;			/* of the next page; NULL: the first */
	AmplifyPaging paging;
	bool		whole;			/* all pages have been read */
	bool		refused;		/* ListApps says nothing */
	bool		slow;			/* it is not waited for */
} AmplifyApps;

static AmplifyAdmission admit_call(AmplifyGuard *guard, const AmplifyCall *call);
static uint32 hash_app(const AmplifyKeys *keys);
static void has_answered(AmplifyGuard *guard, const AmplifyCall *call);
static bool is_there(const AmplifyApps *apps, uint32 app);
static AppEntry *put_app(AmplifyApps *apps, uint32 app, bool there);
static bool may_look_up(AmplifyApps *apps, const AmplifyCall *call);
static void describe_page(const AmplifyApps *apps, AmplifyCall *call);
static void read_known_pages(AmplifyApps *apps);
static void ask_page(AmplifyApps *apps, const AmplifyCall *lookup);
static void page_answered(AmplifyWatcher *watcher);
static void take_page(AmplifyApps *apps);
static bool read_page(AmplifyApps *apps, AmplifyResponse *page);

/* Look at the calls of that connection from now on; spec is of any of them */
void
amplify_apps_guard(const AmplifyFetchSpec *spec)
{
	MemoryContext context = amplify_statement_context(spec->statement);
	AmplifyApps *apps = (AmplifyApps *)
		amplify_statement_guard(spec->statement, spec->connection);

	if (apps != NULL)
	{
		if (spec->apps_first)
			apps->many = Min(apps->many, apps->nasked);
		return;
	}
	apps = MemoryContextAllocZero(context, sizeof(AmplifyApps));
	apps->context = context;
	apps->many = spec->apps_first ? 0 : MANY_APPS;
	apps->guard.connection = spec->connection;
	apps->guard.admit = admit_call;
	apps->guard.answered = has_answered;
	apps->watcher.answered = page_answered;
	apps->spec.statement = spec->statement;
	apps->spec.connection = spec->connection;
	apps->spec.options = &spec->connection->options;
	apps->spec.resource = amplify_resource_find("apps");
	apps->spec.keep = true;
	amplify_statement_add_guard(spec->statement, &apps->guard);
}

/*
 * How many calls are made at most until it is known of so many apps that they
 * are all there are, if ListApps is read from the beginning
 */
double
amplify_apps_calls(double apps, int concurrency)
{
	return ceil(apps / amplify_resource_find("apps")->list->max_page) *
		(1 + Max(LOOKUPS_PER_PAGE, concurrency));
}

/* Is a call that is about to be started to be made? */
static AmplifyAdmission
admit_call(AmplifyGuard *guard, const AmplifyCall *call)
{
	AmplifyApps *apps = (AmplifyApps *) guard;
	const AppEntry *entry;
	uint32		app;

	if ((call->operation->needs & 1 << AMPLIFY_KEY_APP) == 0 ||
		apps->refused)
		return AMPLIFY_ADMIT;
	if (apps->apps == NULL)
		apps->apps = apphash_create(apps->context, 64, NULL);
	app = hash_app(&call->keys);
	if (!is_there(apps, app))
		read_known_pages(apps);
	if (is_there(apps, app))
		return AMPLIFY_ADMIT;
	if (apps->whole)
		return AMPLIFY_ADMIT_ABSENT;
	if (!apps->refused && !may_look_up(apps, call))
		return AMPLIFY_ADMIT_LATER;
	entry = apphash_lookup(apps->apps, app);
	if (apps->nasked >= apps->many || entry == NULL || entry->lacking)
		apps->nasked++;
	put_app(apps, app, false);
	return AMPLIFY_ADMIT;
}

/* A call that was admitted has its response: did its app have that? */
static void
has_answered(AmplifyGuard *guard, const AmplifyCall *call)
{
	AmplifyApps *apps = (AmplifyApps *) guard;

	if ((call->operation->needs & 1 << AMPLIFY_KEY_APP) != 0 &&
		apps->apps != NULL)
		put_app(apps, hash_app(&call->keys), !call->not_found)->lacking |=
			call->not_found;
}

static bool
is_there(const AmplifyApps *apps, uint32 app)
{
	const AppEntry *entry = apphash_lookup(apps->apps, app);

	return entry != NULL && entry->there;
}

static AppEntry *
put_app(AmplifyApps *apps, uint32 app, bool there)
{
	bool		found;
	AppEntry   *entry = apphash_insert(apps->apps, app, &found);

	if (!found)
		entry->there = entry->lacking = false;
	entry->there |= there;
	return entry;
}

static uint32
hash_app(const AmplifyKeys *keys)
{
	const char *id = keys->value[AMPLIFY_KEY_APP];

	return hash_bytes((const unsigned char *) id, strlen(id));
}

/* Of an app not known to be there: is its turn now, or the next page's? */
static bool
may_look_up(AmplifyApps *apps, const AmplifyCall *call)
{
	if (apps->nasked < apps->many || amplify_max_calls > 0)
		return true;
	if (apps->call == NULL &&
		(apps->nasked == apps->many || apps->nlookups >= LOOKUPS_PER_PAGE))
		ask_page(apps, call);
	if (apps->call != NULL && !apps->slow &&
		apps->nlookups >= Max(LOOKUPS_PER_PAGE, call->concurrency))
	{
		apps->slow = amplify_loop_now() >= apps->asked_at + PATIENCE;
		apps->guard.closed_until = apps->slow ? 0 : apps->asked_at + PATIENCE;
		return apps->slow;
	}
	apps->nlookups++;
	return true;
}

/* The next page, as scans of apps and of what is below them ask for it */
static void
describe_page(const AmplifyApps *apps, AmplifyCall *call)
{
	const AmplifyKeys none = {{NULL}};

	amplify_spec_describe(&apps->spec, apps->spec.resource->list, &none,
						  apps->token, call);
}

/* Those that the statement has asked for anyway, and that are there */
static void
read_known_pages(AmplifyApps *apps)
{
	AmplifyCall call;

	while (apps->call == NULL && !apps->whole && !apps->refused)
	{
		describe_page(apps, &call);
		if (!amplify_statement_has(apps->spec.statement, &call))
			return;
		apps->call = amplify_statement_call(apps->spec.statement, &call);
		if (apps->call->state == AMPLIFY_CALL_DONE)
			take_page(apps);
		else
		{
			/* it may still fail for those who have asked */
			amplify_statement_unpin(apps->spec.statement, apps->call);
			apps->call = NULL;
			return;
		}
	}
}

/* Before all lookups that wait */
static void
ask_page(AmplifyApps *apps, const AmplifyCall *lookup)
{
	AmplifyCall call;

	apps->spec.counters = lookup->counters;
	describe_page(apps, &call);
	call.concurrency = lookup->concurrency;
	apps->call = amplify_statement_call(apps->spec.statement, &call);
	apps->nlookups = 0;
	apps->asked_at = amplify_loop_now();
	amplify_statement_advance(apps->call);
	amplify_statement_watch(apps->call, &apps->watcher);
}

static void
page_answered(AmplifyWatcher *watcher)
{
	take_page((AmplifyApps *) ((char *) watcher -
							   offsetof(AmplifyApps, watcher)));
}

/* Read the page whose call has been answered */
static void
take_page(AmplifyApps *apps)
{
	AmplifyResponse *page = amplify_statement_page(apps->spec.statement);

	apps->guard.closed_until = 0;
	apps->refused = apps->call->state != AMPLIFY_CALL_DONE ||
		!read_page(apps, page);
	amplify_response_clear(page);
	amplify_statement_unpin(apps->spec.statement, apps->call);
	apps->call = NULL;
}

/* False: it does not say for sure which apps are on it */
static bool
read_page(AmplifyApps *apps, AmplifyResponse *page)
{
	AmplifyCall *call = apps->call;
	const char *token;

	if (amplify_page_parse(apps->spec.statement, call, call->operation,
						   page) != AMPLIFY_FAILURE_NONE)
		return false;
	for (int i = 0; i < amplify_response_count(page); i++)
	{
		AmplifyRow	row = {amplify_response_item(page, i), &call->keys};
		const AmplifyColumn *column;
		AmplifyKeys keys;

		if (amplify_keyset_of_item(apps->spec.resource, &row,
								   1 << AMPLIFY_KEY_APP, &keys,
								   &column) != AMPLIFY_VALUE_OK)
			return false;
		put_app(apps, hash_app(&keys), true);
	}
	token = amplify_response_next_token(page);
	apps->whole = token == NULL;
	apps->token = token ? MemoryContextStrdup(apps->context, token) : NULL;
	return token == NULL ||
		!amplify_page_is_endless(&apps->paging, page, token);
}
