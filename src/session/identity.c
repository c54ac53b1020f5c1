/*-------------------------------------------------------------------------
 *
 * identity.c
 *	  Credentials that have to be looked up: shared by all connections of the
 *	  session that would look up the same, and looked up anew in time.
 *
 * An identity is what a lookup gives.  What makes it is the source (keys of a
 * mapping, a profile, the machine's own), the role with its external id,
 * session name and duration, and whose STS is asked: a partition of AWS, or an
 * explicit endpoint, with its CA.  Connections in which all of that is the
 * same use one identity.  It has no name: a connection finds it by comparing
 * its own options with those of a connection that uses it already, so that no
 * copy of a secret is needed for that.  The last one that uses it takes it
 * along, and its secrets are overwritten.  A connection that is dropped
 * (DISCARD ALL, a changed server or mapping) may go on with its identity, but
 * a new one does not find it there.
 *
 * Who may use what is decided before that, mapping by mapping (credential.c).
 *
 * A lookup is under way over one connection: by its STS endpoint and proxy.
 * All others wait for it.  If it fails, those that would go the same way have
 * failed, too; the ones that would not start lookups of their own, side by
 * side, and the first that succeeds is good for all.  A failure holds for the
 * rest of the statement.
 *
 * Nothing here waits.  A call without credentials stays in its statement's
 * queue; each statement that has such calls lets the lookup proceed whenever
 * something comes in, whoever has begun it.  So it is none of one statement:
 * when the one that began it ends, another one that waits goes on with it.
 * When none is left that could, it is cancelled (amplify_identity_rest()).
 *
 * Failing paths: cancel and ERROR while a lookup is under way, a
 * subtransaction that ends then, two cursors that wait for it, its connection
 * dropped meanwhile (the next that waits begins anew), keys that AWS refuses
 * while others still use them: credential_concurrent.t.  Memory that is out
 * in libcurl or json-c: torture/malloc.t.  An ERROR in the middle of a
 * response: the lookup is broken, and is begun anew (interrupt.t).
 *
 * src/session/identity.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "session/amplify_session.h"

#define REFRESH_BEFORE	(5 * 60)	/* seconds before they expire */
#define REFRESH_PAUSE	30		/* seconds between attempts that fail */
#define STALE_PAUSE		(10 * 60)	/* likewise, with an instance's old keys */

/*
 * Credentials that were looked up.  Those before them are kept, too: responses
 * to requests that they have signed may be under way, and may echo them.
 */
typedef struct AmplifyIdentity
{
	MemoryContext context;		/* holds this struct */
	dlist_head	uses;			/* AmplifyIdentityUse.node; never empty */
	MemoryContext keys_context; /* of keys' strings; NULL: none yet */
	MemoryContext old_context;	/* of old's; NULL: none */
	AmplifyCredentials keys;
	AmplifyCredentials old;
	AmplifyProvider provider;
	bool		refreshable;
	bool		refused;		/* AWS says that they have expired */
	int64		refresh_at;		/* Unix time by the service's clock */
	int64		clock_offset;	/* that was known where they were looked up */
	dlist_node	node;			/* in identities */
} AmplifyIdentity;

/* One connection's part in it; in the connection's context */
typedef struct AmplifyIdentityUse
{
	AmplifyIdentity *identity;
	AmplifyConnection *connection;
	AmplifyLookup *lookup;		/* under way, over this connection; or NULL */
	int			generation;		/* of the keys it had last; 0: none */
	TimestampTz failed_at;		/* start of the client's statement in which
								 * the last lookup has failed, 0: none; */
	uint64		failed_in;		/* and in which statement; */
	AmplifyLack lack;			/* why, */
	bool		of_region;		/* and by another region's signature it might
								 * not have */
	MemoryContextCallback callback;
	dlist_node	node;			/* in identity->uses */
} AmplifyIdentityUse;

static dlist_head identities = DLIST_STATIC_INIT(identities);

static AmplifyIdentityUse *join(AmplifyConnection *connection);
static void leave(void *arg);
static AmplifyIdentity *find_identity(const AmplifyConnection *connection);
static AmplifyIdentity *new_identity(void);
static bool is_same_identity(const AmplifyOptions *a, const AmplifyOptions *b);
static bool is_same_way(const AmplifyOptions *a, const AmplifyOptions *b);
static bool is_same_text(const char *a, const char *b);
static bool is_due(AmplifyIdentityUse *use);
static void take_clock(AmplifyIdentityUse *use);
static const AmplifyIdentityUse *find_failed(const AmplifyIdentityUse *use);
static AmplifyIdentityUse *find_asking(const AmplifyIdentityUse *use);
static bool has_failed(const AmplifyIdentityUse *asked,
					   const AmplifyIdentityUse *use);
static AmplifyProvision proceed(AmplifyIdentityUse *use);
static void keep_keys(AmplifyIdentityUse *use);
static int64 time_to_refresh(const AmplifyIdentity *identity);
static void keep_lack(AmplifyIdentityUse *use);
static bool are_still_good(const AmplifyIdentityUse *use);
static void postpone(AmplifyIdentityUse *use);
static const char *copy_text(MemoryContext context, const char *text);
static void end_lookups(AmplifyIdentity *identity);
static void end_lookup(AmplifyIdentityUse *use);

/*
 * Have credentials for the connection: OK when there are some, PENDING while
 * they are looked up, which proceeds by this as far as it can without waiting.
 * FAILED: *lack says why, and its reason stays while the connection is pinned.
 * With OK, *lack is set (else NULL) when no new ones were to be had just now,
 * and the old ones still serve.
 */
AmplifyProvision
amplify_identity_ask(AmplifyConnection *connection, const AmplifyLack **lack)
{
	AmplifyIdentityUse *use = connection->identity;

	*lack = NULL;
	if (use == NULL)
		use = join(connection);
	while (is_due(use))
	{
		const AmplifyIdentityUse *failed = find_failed(use);
		AmplifyIdentityUse *asking = find_asking(use);
		AmplifyProvision provision;

		if (failed != NULL)
		{
			*lack = &failed->lack;
			return AMPLIFY_PROVISION_FAILED;
		}
		if (asking == NULL)
			asking = use;
		provision = proceed(asking);
		if (provision == AMPLIFY_PROVISION_PENDING)
			return provision;
		if (provision == AMPLIFY_PROVISION_OK)
		{
			keep_keys(asking);
			take_clock(use);
			return provision;
		}
		keep_lack(asking);
		if (are_still_good(use))
		{
			postpone(use);
			*lack = &asking->lack;
			return AMPLIFY_PROVISION_OK;
		}
		asking->failed_at = GetCurrentStatementStartTimestamp();
		asking->failed_in = connection->statement;
	}
	return AMPLIFY_PROVISION_OK;
}

/*
 * When amplify_identity_ask() has something else to say than PENDING: at a
 * time on amplify_loop_now()'s clock, or (PG_INT64_MAX) once the network says
 * something
 */
int64
amplify_identity_ready_at(const AmplifyConnection *connection)
{
	AmplifyIdentityUse *use = connection->identity;
	const AmplifyIdentityUse *asking;

	if (use == NULL || !is_due(use) || find_failed(use) != NULL)
		return 0;
	asking = find_asking(use);
	if (asking == NULL || asking->lookup->broken)
		return 0;
	return amplify_lookup_ready_at(asking->lookup);
}

/* What a connection has got that was told OK; valid until it asks again */
const AmplifyCredentials *
amplify_identity_keys(const AmplifyConnection *connection)
{
	Assert(connection->identity->identity->keys_context != NULL);
	return &connection->identity->identity->keys;
}

/*
 * Why the last lookup for the connection has failed, and in which statement of
 * the client, by its start; NULL: it has not, or there was none.  Valid as
 * long as no catalog is looked at.
 */
const AmplifyLack *
amplify_identity_lack(const AmplifyConnection *connection,
					  TimestampTz *failed_at)
{
	const AmplifyLack *lack = NULL;
	dlist_iter	iter;

	*failed_at = 0;
	if (connection->identity == NULL)
		return NULL;
	dlist_foreach(iter, &connection->identity->identity->uses)
	{
		const AmplifyIdentityUse *use =
			dlist_container(AmplifyIdentityUse, node, iter.cur);

		if (use->failed_at <= *failed_at)
			continue;
		*failed_at = use->failed_at;
		lack = &use->lack;
	}
	return lack;
}

/*
 * AWS says that the credentials of that generation have expired.  Returns true
 * if the request is worth another attempt with others.
 */
bool
amplify_identity_expired(const AmplifyConnection *connection, int generation)
{
	AmplifyIdentity *identity;

	if (connection->identity == NULL)
		return false;			/* they are the mapping's own */
	identity = connection->identity->identity;
	if (generation != identity->keys.generation)
		return true;			/* others there are already */
	if (!identity->refreshable)
		return false;
	identity->refused = true;
	return true;
}

/* Overwrite what is secret in what comes from outside */
void
amplify_identity_mask(const AmplifyConnection *connection,
					  AmplifyFailure *failure)
{
	const AmplifyIdentity *identity = connection->identity->identity;
	const char *const secrets[] = {
		identity->keys.secret_access_key,
		identity->keys.session_token,
		identity->old.secret_access_key,
		identity->old.session_token,
	};

	amplify_mask_secrets(failure, secrets, lengthof(secrets));
}

/*
 * A statement has ended: cancel the lookups that no other one could wait for.
 * Never throws: also called while a failed statement is cleaned up.
 */
void
amplify_identity_rest(void)
{
	dlist_iter	iter;
	dlist_iter	use_iter;

	dlist_foreach(iter, &identities)
	{
		AmplifyIdentity *identity =
			dlist_container(AmplifyIdentity, node, iter.cur);
		bool		pinned = false;

		dlist_foreach(use_iter, &identity->uses)
			pinned |= dlist_container(AmplifyIdentityUse, node,
									  use_iter.cur)->connection->pins > 0;
		if (!pinned)
			end_lookups(identity);
	}
}

/* The connection's part in the identity that its options describe */
static AmplifyIdentityUse *
join(AmplifyConnection *connection)
{
	AmplifyIdentityUse *use = MemoryContextAllocZero(connection->context,
													 sizeof(AmplifyIdentityUse));
	AmplifyIdentity *identity = find_identity(connection);

	if (identity == NULL)
		identity = new_identity();
	use->identity = identity;
	use->connection = connection;
	dlist_push_tail(&identity->uses, &use->node);
	use->callback.func = leave;
	use->callback.arg = use;
	MemoryContextRegisterResetCallback(connection->context, &use->callback);
	connection->identity = use;
	return use;
}

/*
 * The connection's memory goes away, and the lookup over it is gone already.
 * The last one takes the identity along.
 */
static void
leave(void *arg)
{
	AmplifyIdentityUse *use = arg;
	AmplifyIdentity *identity = use->identity;

	dlist_delete(&use->node);
	if (!dlist_is_empty(&identity->uses))
		return;
	dlist_delete(&identity->node);
	MemoryContextDelete(identity->context);
}

/* NULL if there is none, or if a connection that uses it has been dropped */
static AmplifyIdentity *
find_identity(const AmplifyConnection *connection)
{
	dlist_iter	iter;
	dlist_iter	use_iter;

	dlist_foreach(iter, &identities)
	{
		AmplifyIdentity *identity =
			dlist_container(AmplifyIdentity, node, iter.cur);
		const AmplifyConnection *other =
			dlist_head_element(AmplifyIdentityUse, node,
							   &identity->uses)->connection;
		bool		dropped = connection->invalid;

		if (!is_same_identity(&connection->options, &other->options))
			continue;
		dlist_foreach(use_iter, &identity->uses)
			dropped |= dlist_container(AmplifyIdentityUse, node,
									   use_iter.cur)->connection->invalid;
		if (!dropped)
			return identity;
	}
	return NULL;
}

static AmplifyIdentity *
new_identity(void)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext,
												  "amplify_fdw identity",
												  ALLOCSET_SMALL_SIZES);
	AmplifyIdentity *identity = MemoryContextAllocZero(context,
													   sizeof(AmplifyIdentity));

	identity->context = context;
	dlist_init(&identity->uses);
	dlist_push_tail(&identities, &identity->node);
	return identity;
}

/*
 * Do these give the same credentials?  An STS that is set explicitly may be
 * any; all others of a partition issue what is good in all of it.
 */
static bool
is_same_identity(const AmplifyOptions *a, const AmplifyOptions *b)
{
	if (!is_same_text(a->access_key_id, b->access_key_id) ||
		!is_same_text(a->sts_endpoint_url, b->sts_endpoint_url) ||
		!is_same_text(a->ca_bundle, b->ca_bundle) ||
		a->use_fips != b->use_fips)
		return false;
	if (a->sts_endpoint_url == NULL &&
		!amplify_endpoint_same_partition(a->region, b->region))
		return false;
	if (!is_same_text(a->role_arn, b->role_arn) ||
		!is_same_text(a->external_id, b->external_id) ||
		!is_same_text(a->role_session_name, b->role_session_name) ||
		a->role_duration != b->role_duration)
		return false;
	if (a->access_key_id != NULL)
		return is_same_text(a->secret_access_key, b->secret_access_key) &&
			is_same_text(a->session_token, b->session_token);
	return is_same_text(a->profile, b->profile) &&
		a->ambient_credentials == b->ambient_credentials;
}

/* Of two that do: do they also go the same way to get them? */
static bool
is_same_way(const AmplifyOptions *a, const AmplifyOptions *b)
{
	if (a->sts_endpoint_url == NULL &&
		(strcmp(a->region, b->region) != 0 ||
		 a->use_dualstack != b->use_dualstack))
		return false;
	return is_same_text(a->proxy, b->proxy) &&
		is_same_text(a->proxy_user, b->proxy_user) &&
		is_same_text(a->proxy_password, b->proxy_password);
}

static bool
is_same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Is it time for (other) keys, by the clock of the connection's service? */
static bool
is_due(AmplifyIdentityUse *use)
{
	const AmplifyIdentity *identity = use->identity;

	if (identity->keys_context == NULL)
		return true;
	take_clock(use);
	return identity->refused ||
		amplify_sign_clock(use->connection->shared->clock_offset) >= identity->refresh_at;
}

/*
 * A connection that uses new keys, and whose server's clock is not known,
 * takes the offset of the connection over which they were looked up; once
 * only, because its own responses may tell another one.
 */
static void
take_clock(AmplifyIdentityUse *use)
{
	const AmplifyIdentity *identity = use->identity;

	if (use->generation == identity->keys.generation)
		return;
	use->generation = identity->keys.generation;
	if (use->connection->shared->clock_offset == 0)
		use->connection->shared->clock_offset = identity->clock_offset;
}

/* Has a lookup failed in this statement that counts for that connection? */
static const AmplifyIdentityUse *
find_failed(const AmplifyIdentityUse *use)
{
	const AmplifyOptions *options = &use->connection->options;
	dlist_iter	iter;

	dlist_foreach(iter, &use->identity->uses)
	{
		const AmplifyIdentityUse *other =
			dlist_container(AmplifyIdentityUse, node, iter.cur);
		const AmplifyOptions *others = &other->connection->options;

		if (has_failed(other, use) && is_same_way(others, options) &&
			(!other->of_region || strcmp(others->region, options->region) == 0))
			return other;
	}
	return NULL;
}

/*
 * Over whom is the lookup under way that the connection waits for?  It waits
 * for one that goes another way only as long as none has failed.
 */
static AmplifyIdentityUse *
find_asking(const AmplifyIdentityUse *use)
{
	AmplifyIdentityUse *result = NULL;
	bool		failed = false;
	dlist_iter	iter;

	dlist_foreach(iter, &use->identity->uses)
	{
		AmplifyIdentityUse *other =
			dlist_container(AmplifyIdentityUse, node, iter.cur);

		failed |= has_failed(other, use);
		if (other->lookup == NULL)
			continue;
		if (is_same_way(&other->connection->options, &use->connection->options))
			return other;
		result = other;
	}
	return failed ? NULL : result;
}

/* Has a lookup over the first failed in the statement that has the second? */
static bool
has_failed(const AmplifyIdentityUse *asked, const AmplifyIdentityUse *use)
{
	return asked->failed_at == GetCurrentStatementStartTimestamp() &&
		asked->failed_in == use->connection->statement;
}

/* Let the lookup over that connection proceed; begin it if there is none */
static AmplifyProvision
proceed(AmplifyIdentityUse *use)
{
	if (use->lookup != NULL && use->lookup->broken)
		end_lookup(use);
	if (use->lookup == NULL)
		use->lookup = amplify_lookup_start(use->connection);
	return amplify_provider_poll(use->lookup);
}

/* What the lookup has found is the identity's; whoever had failed has it */
static void
keep_keys(AmplifyIdentityUse *use)
{
	static int	generation = 0;
	AmplifyIdentity *identity = use->identity;
	const AmplifyCredentials *found = &use->lookup->keys;
	AmplifyCredentials keys = *found;
	dlist_iter	iter;
	MemoryContext context = AllocSetContextCreate(identity->context,
												  "amplify_fdw credentials",
												  ALLOCSET_SMALL_SIZES);

	/* an error leaves what was there, and the lookup to be ended */
	use->lookup->broken = true;
	keys.access_key_id = MemoryContextStrdup(context, found->access_key_id);
	keys.secret_access_key =
		amplify_lookup_copy(context, found->secret_access_key);
	keys.session_token = amplify_lookup_copy(context, found->session_token);
	keys.generation = ++generation;

	if (identity->old_context != NULL)
		MemoryContextDelete(identity->old_context);
	identity->old_context = identity->keys_context;
	identity->old = identity->keys;
	identity->keys_context = context;
	identity->keys = keys;
	identity->provider = use->lookup->provider;
	identity->refreshable = use->lookup->refreshable;
	identity->refused = false;
	identity->clock_offset = use->connection->shared->clock_offset;
	identity->refresh_at = time_to_refresh(identity);
	dlist_foreach(iter, &identity->uses)
		dlist_container(AmplifyIdentityUse, node, iter.cur)->failed_at = 0;
	end_lookups(identity);
}

/* Of keys that are short-lived, use at least half the life */
static int64
time_to_refresh(const AmplifyIdentity *identity)
{
	int64		now = amplify_sign_clock(identity->clock_offset);
	int64		expires = identity->keys.expires;

	if (!identity->refreshable || expires == AMPLIFY_NEVER)
		return expires;
	if (expires <= now)
		return now + STALE_PAUSE;
	return Max(expires - REFRESH_BEFORE, now + (expires - now) / 2);
}

/* The lookup has failed: end it, and remember why */
static void
keep_lack(AmplifyIdentityUse *use)
{
	const AmplifyLookup *lookup = use->lookup;
	AmplifyLack old = use->lack;
	AmplifyLack lack = {lookup->kind, lookup->provider};

	/* first what may throw: the old one must not be freed twice */
	use->lookup->broken = true;
	lack.reason = copy_text(use->connection->context, lookup->reason);
	lack.code = copy_text(use->connection->context, lookup->code);
	lack.status = lookup->status;
	use->lack = lack;
	if (old.reason != NULL)
		pfree(unconstify(char *, old.reason));
	if (old.code != NULL)
		pfree(unconstify(char *, old.code));
	use->of_region = lookup->of_region;
	end_lookup(use);
}

/* May the old keys serve a while longer, when no new ones are to be had? */
static bool
are_still_good(const AmplifyIdentityUse *use)
{
	const AmplifyIdentity *identity = use->identity;

	return identity->keys_context != NULL && !identity->refused &&
		(identity->provider == AMPLIFY_PROVIDER_INSTANCE ||
		 amplify_sign_clock(use->connection->shared->clock_offset) < identity->keys.expires);
}

/* They do: ask again a while later */
static void
postpone(AmplifyIdentityUse *use)
{
	int64		now = amplify_sign_clock(use->connection->shared->clock_offset);
	int64		expires = use->identity->keys.expires;

	use->identity->refresh_at = expires > now ?
		Min(expires, now + REFRESH_PAUSE) : now + REFRESH_PAUSE;
}

static const char *
copy_text(MemoryContext context, const char *text)
{
	return text == NULL ? NULL : MemoryContextStrdup(context, text);
}

static void
end_lookups(AmplifyIdentity *identity)
{
	dlist_iter	iter;

	dlist_foreach(iter, &identity->uses)
		end_lookup(dlist_container(AmplifyIdentityUse, node, iter.cur));
}

/* What is under way is cancelled, what it knows overwritten */
static void
end_lookup(AmplifyIdentityUse *use)
{
	AmplifyLookup *lookup = use->lookup;

	use->lookup = NULL;
	if (lookup != NULL)
		amplify_lookup_end(lookup);
}
