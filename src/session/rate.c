/*-------------------------------------------------------------------------
 *
 * rate.c
 *	  The rates that AWS grants, as all sessions of this server know them.
 *
 * AWS throttles an account, whichever session makes the requests, so what one
 * session learns holds for all.  The rates are in a table in shared memory, by
 * endpoint and account.  The account is taken from the ARN in a response to a
 * request of this identity, in this session or in another one with the same
 * user mapping.  It is not taken from option account_id or from access key
 * ids, which users could set to slow down an account that is not theirs.  An
 * endpoint can be chosen by superusers only.  An entry has a rate and times,
 * and is found by a salted hash: the table contains no secret, key or
 * response.
 *
 * From PostgreSQL 17 on, the first session that asks AWS makes the segment.
 * Before, it is there if the library is in shared_preload_libraries.  Where
 * it can't be had, or its part for a key is full of rates that are in use,
 * each session learns for itself; no statement fails for that (test/t/rate.t).
 *
 * Nobody owns anything in the table, so nothing is left behind by a session
 * that ends.  What it was told to use of a rate, and does not, is at most one
 * call of the next second (throttle.c).
 *
 * src/session/rate.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "compat.h"
#include "miscadmin.h"
#include "session/amplify_session.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/resowner.h"

/* The number changes with what is below */
#define SEGMENT_NAME	"amplify_fdw rates 1"
#define LOCK_NAME		"AmplifyRates"

#define MAX_ENTRIES		512
#define PROBES			16		/* places where a key may be */
#define IDLE			(60 * USECS_PER_SEC)	/* may be forgotten then */

typedef struct RateEntry
{
	uint64		key;			/* 0: free */
	int64		used;			/* when it was looked for */
	uint64		account;		/* of an identity: the key of its rate */
	AmplifyRate rate;			/* of an account */
} RateEntry;

typedef struct SharedRates
{
	LWLock		lock;			/* of the entries */
	int			tranche;
	uint64		salt;
	RateEntry	entries[MAX_ENTRIES];
} SharedRates;

static SharedRates *shared = NULL;	/* NULL: there are none */
static bool told = false;		/* that there are none */
static shmem_request_hook_type previous_request = NULL;
static shmem_startup_hook_type previous_startup = NULL;

static RateEntry *lock_entry(uint64 key, int64 now);
static void request_segment(void);
static void start_segment(void);
static void make_segment(void);
static void init_segment(AMPLIFY_SEGMENT_INIT_PARAMETERS);

/* Called once, when the library is loaded */
void
amplify_rate_install(void)
{
	if (AMPLIFY_HAS_DSM_REGISTRY || !process_shared_preload_libraries_in_progress)
		return;
	previous_request = shmem_request_hook;
	shmem_request_hook = request_segment;
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = start_segment;
}

/*
 * Have the table at hand, if it can be had: tried once in a session, outside
 * of parallel mode.  To be called within a transaction.
 */
void
amplify_rate_attach(void)
{
	static bool tried = false;

	if (tried || IsInParallelMode())
		return;
	tried = true;
	if (shared == NULL && AMPLIFY_HAS_DSM_REGISTRY && IsUnderPostmaster)
		make_segment();
	if (shared != NULL)
		amplify_register_tranche(shared->tranche, LOCK_NAME);
}

/* Is there a table? */
bool
amplify_rate_is_shared(void)
{
	return shared != NULL;
}

/*
 * What is found by an owner at that endpoint; 0 if there is no table.  The
 * owner is an account, or the mappings that decide which one it is.
 */
uint64
amplify_rate_key(const AmplifyEndpoint *endpoint, const char *owner)
{
	char	   *text;
	uint64		key;

	if (shared == NULL)
		return 0;
	text = psprintf("%s %s", endpoint->url, owner);
	key = hash_bytes_extended((const unsigned char *) text, strlen(text),
							  shared->salt);
	pfree(text);
	return key != 0 ? key : 1;
}

/*
 * The rate of that account, for this session alone until
 * amplify_rate_unlock(): the caller only computes meanwhile.  NULL, and
 * nothing to unlock, if there is no place for it.  A rate that is not known
 * yet is all zeros.
 */
AmplifyRate *
amplify_rate_lock(uint64 account, int64 now)
{
	RateEntry  *entry = lock_entry(account, now);

	return entry != NULL ? &entry->rate : NULL;
}

/* Give back what amplify_rate_lock() has given, unless that was NULL */
void
amplify_rate_unlock(void)
{
	LWLockRelease(&shared->lock);
}

/* The account that AWS has told to a session of that identity, or 0 */
uint64
amplify_rate_account(uint64 identity, int64 now)
{
	RateEntry  *entry = lock_entry(identity, now);
	uint64		account = 0;

	if (entry != NULL)
	{
		account = entry->account;
		amplify_rate_unlock();
	}
	return account;
}

/* AWS has told a session of that identity its account */
void
amplify_rate_tell_account(uint64 identity, uint64 account, int64 now)
{
	RateEntry  *entry = lock_entry(identity, now);

	if (entry != NULL)
	{
		entry->account = account;
		amplify_rate_unlock();
	}
}

/* AWS throttles: tell the administrator, once, if others won't hear of it */
void
amplify_rate_tell(void)
{
	if (shared != NULL || told || AMPLIFY_HAS_DSM_REGISTRY)
		return;
	told = true;
	ereport(LOG,
			(errmsg("sessions of amplify_fdw do not share what they learn of the rate that AWS grants"),
			 errhint("Add \"amplify_fdw\" to shared_preload_libraries.")));
}

/*
 * The entry of that key, all zeros if it is new; NULL, with nothing locked, if
 * there is no place for it
 */
static RateEntry *
lock_entry(uint64 key, int64 now)
{
	RateEntry  *oldest = NULL;

	Assert(key != 0 && shared != NULL);
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < PROBES; i++)
	{
		RateEntry  *entry = &shared->entries[(key + i) % MAX_ENTRIES];

		if (entry->key == key)
		{
			entry->used = now;
			return entry;
		}
		if (oldest == NULL || entry->used < oldest->used)
			oldest = entry;
	}
	if (oldest->key != 0 && oldest->used > now - IDLE)
	{
		LWLockRelease(&shared->lock);
		return NULL;
	}
	memset(oldest, 0, sizeof(RateEntry));
	oldest->key = key;
	oldest->used = now;
	return oldest;
}

static void
request_segment(void)
{
	if (previous_request != NULL)
		previous_request();
	RequestAddinShmemSpace(MAXALIGN(sizeof(SharedRates)));
}

static void
start_segment(void)
{
	bool		found;

	if (previous_startup != NULL)
		previous_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct(SEGMENT_NAME, sizeof(SharedRates), &found);
	if (!found)
		init_segment(AMPLIFY_SEGMENT_INIT_ARGUMENTS(shared));
	LWLockRelease(AddinShmemInitLock);
}

/*
 * In a subtransaction, which gives back what a failure leaves behind.  A
 * cancellation waits: it is the statement's, and not to be caught.
 */
static void
make_segment(void)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	bool		found;

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		HOLD_INTERRUPTS();
		shared = amplify_named_segment(SEGMENT_NAME, sizeof(SharedRates),
									   init_segment, &found);
		RESUME_INTERRUPTS();
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("sessions of amplify_fdw cannot share what they learn of the rate that AWS grants"),
				 errdetail("%s", error->message)));
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

static void
init_segment(AMPLIFY_SEGMENT_INIT_PARAMETERS)
{
	SharedRates *rates = segment;

	memset(rates, 0, sizeof(SharedRates));
	rates->tranche = amplify_new_tranche(LOCK_NAME);
	LWLockInitialize(&rates->lock, rates->tranche);
	if (!pg_strong_random(&rates->salt, sizeof(rates->salt)))
		rates->salt = pg_prng_uint64(&pg_global_prng_state);
}
