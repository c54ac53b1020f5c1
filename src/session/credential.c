/*-------------------------------------------------------------------------
 *
 * credential.c
 *	  Who asks: the credentials that a connection's requests are signed with,
 *	  and when they are looked up again.
 *
 * The providers stand in a const table in the order in which they are asked,
 * which is the order of the AWS CLI.  All but the user mapping's own keys are
 * the identity of the server, not of its users: they are only used where a
 * superuser has said so in the mapping, and only by a superuser.  Others get
 * at them through a superuser's view, as at everything else of his.
 *
 * Where the requests go needs no second lock: an endpoint, a proxy or a CA can
 * be set by a superuser only, and what the owner of a server may still change
 * leads to another host of AWS.
 *
 * src/session/credential.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "amplify_fdw.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define REFRESH_BEFORE	(5 * 60)	/* seconds before they expire */
#define REFRESH_PAUSE	30		/* seconds between attempts that fail */
#define STALE_PAUSE		(10 * 60)	/* likewise, with an instance's old keys */

/* Which option makes a provider one that is asked */
typedef enum Gate
{
	GATE_NONE,
	GATE_PROFILE,
	GATE_AMBIENT
} Gate;

/*
 * Credentials that were looked up.  Those before them are kept, too: answers
 * to requests that they have signed may be under way, and may echo them.
 */
struct AmplifyIdentity
{
	MemoryContext context;		/* of keys' strings, below the connection's */
	MemoryContext old_context;	/* of old's; NULL when there are none */
	AmplifyCredentials keys;
	AmplifyCredentials old;
	AmplifyProvider provider;
	bool		refreshable;
	bool		refused;		/* AWS says that they have expired */
	int64		refresh_at;		/* Unix time by the service's clock */
};

static AmplifyProvision mapping_keys(AmplifyLookup *lookup);
static AmplifyProvision chosen_profile(AmplifyLookup *lookup);
static AmplifyProvision shared_role(AmplifyLookup *lookup);
static AmplifyProvision web_identity(AmplifyLookup *lookup);
static AmplifyProvision shared_keys(AmplifyLookup *lookup);
static void check_privilege(AmplifyConnection *connection);
static bool refresh(AmplifyConnection *connection);
static AmplifyProvision find_keys(AmplifyLookup *lookup);
static AmplifyProvision no_keys(AmplifyLookup *lookup);
static AmplifyProvision assume_role(AmplifyLookup *lookup);
static void keep_keys(AmplifyConnection *connection,
					  const AmplifyLookup *lookup);
static bool still_good(const AmplifyConnection *connection);

static const struct
{
	AmplifyProvider provider;
	Gate		gate;
	AmplifyProvision (*provide) (AmplifyLookup *lookup);
}			providers[] = {
	{AMPLIFY_PROVIDER_MAPPING, GATE_NONE, mapping_keys},
	{AMPLIFY_PROVIDER_PROFILE, GATE_PROFILE, chosen_profile},
	{AMPLIFY_PROVIDER_ENVIRONMENT, GATE_AMBIENT, amplify_lookup_environment},
	{AMPLIFY_PROVIDER_SHARED_FILES, GATE_AMBIENT, shared_role},
	{AMPLIFY_PROVIDER_WEB_IDENTITY, GATE_AMBIENT, web_identity},
	{AMPLIFY_PROVIDER_SHARED_FILES, GATE_AMBIENT, shared_keys},
	{AMPLIFY_PROVIDER_CONTAINER, GATE_AMBIENT, amplify_metadata_container},
	{AMPLIFY_PROVIDER_INSTANCE, GATE_AMBIENT, amplify_metadata_instance},
};

/*
 * The credentials to use now; valid until the next call.  May wait for a
 * service that issues them.  False when there are none to be had: the
 * connection says why, and the rest of the statement does without another
 * lookup.  What AWS thinks of them shows only in its answers.
 */
bool
amplify_credential_get(AmplifyConnection *connection,
					   AmplifyCredentials *credentials)
{
	const AmplifyOptions *options = &connection->options;
	struct AmplifyIdentity *identity;

	if (options->access_key_id != NULL && options->role_arn == NULL)
	{
		*credentials = (AmplifyCredentials)
		{
			options->access_key_id, options->secret_access_key,
				options->session_token, AMPLIFY_NEVER, 0
		};
		return true;
	}

	check_privilege(connection);
	identity = connection->identity;
	if (identity == NULL || identity->refused ||
		amplify_sign_clock(connection->shared) >= identity->refresh_at)
	{
		if (connection->unidentified == GetCurrentStatementStartTimestamp() ||
			!refresh(connection))
			return false;
	}
	*credentials = connection->identity->keys;
	return true;
}

/*
 * AWS says that the credentials of that generation have expired.  Returns true
 * if the request is worth another attempt with others.
 */
bool
amplify_credential_expired(AmplifyConnection *connection, int generation)
{
	struct AmplifyIdentity *identity = connection->identity;

	if (identity == NULL)
		return false;
	if (generation != identity->keys.generation)
		return true;			/* others there are already */
	if (!identity->refreshable)
		return false;
	identity->refused = true;
	return true;
}

/* Overwrite what is secret in what comes from outside */
void
amplify_credential_mask(const AmplifyConnection *connection,
						AmplifyFailure *failure)
{
	const struct AmplifyIdentity *identity = connection->identity;

	amplify_lookup_mask(failure, connection->options.secret_access_key);
	amplify_lookup_mask(failure, connection->options.session_token);
	amplify_lookup_mask(failure, connection->options.proxy_user);
	amplify_lookup_mask(failure, connection->options.proxy_password);
	if (identity == NULL)
		return;
	amplify_lookup_mask(failure, identity->keys.secret_access_key);
	amplify_lookup_mask(failure, identity->keys.session_token);
	amplify_lookup_mask(failure, identity->old.secret_access_key);
	amplify_lookup_mask(failure, identity->old.session_token);
}

static AmplifyProvision
mapping_keys(AmplifyLookup *lookup)
{
	const AmplifyOptions *options = &lookup->connection->options;

	if (options->access_key_id == NULL)
		return AMPLIFY_PROVISION_NONE;
	return amplify_lookup_accept(lookup, options->access_key_id,
								 options->secret_access_key,
								 options->session_token, AMPLIFY_NEVER);
}

static AmplifyProvision
chosen_profile(AmplifyLookup *lookup)
{
	const char *profile = lookup->connection->options.profile;
	AmplifyProvision provision = amplify_profile_get(lookup, profile,
													 AMPLIFY_PROFILE_ALL);

	if (provision == AMPLIFY_PROVISION_NONE)
		return amplify_lookup_fail(lookup,
								   "Profile \"%s\" has no credentials.",
								   profile);
	return provision;
}

static AmplifyProvision
shared_role(AmplifyLookup *lookup)
{
	return amplify_profile_get(lookup, NULL, AMPLIFY_PROFILE_ROLE);
}

/* As EKS sets it up for a pod, else as the profile says */
static AmplifyProvision
web_identity(AmplifyLookup *lookup)
{
	const char *token_file =
		amplify_lookup_getenv("AWS_WEB_IDENTITY_TOKEN_FILE");
	AmplifyRole role = {
		.arn = amplify_lookup_getenv("AWS_ROLE_ARN"),
		.session_name = amplify_lookup_getenv("AWS_ROLE_SESSION_NAME"),
	};

	if (token_file == NULL)
		return amplify_profile_get(lookup, NULL, AMPLIFY_PROFILE_WEB_IDENTITY);
	if (role.arn == NULL)
		return amplify_lookup_fail(lookup,
								   "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not.");
	return amplify_sts_web_identity(lookup, &role, token_file);
}

static AmplifyProvision
shared_keys(AmplifyLookup *lookup)
{
	return amplify_profile_get(lookup, NULL, AMPLIFY_PROFILE_KEYS);
}

/*
 * Without keys of his own, only a superuser is served, and what the validator
 * has allowed in the past may be used by such a one only now.
 */
static void
check_privilege(AmplifyConnection *connection)
{
	const AmplifyOptions *options = &connection->options;

	if (options->access_key_id != NULL || superuser_arg(connection->userid))
		return;
	amplify_report_privilege(options->profile != NULL ? "profile" :
							 options->ambient_credentials ?
							 "ambient_credentials" : NULL,
							 connection->userid, connection->servername,
							 OidIsValid(connection->sourceid) ?
							 GetForeignServer(connection->sourceid)->servername :
							 connection->servername);
}

/* False: nobody has any, and old ones won't do */
static bool
refresh(AmplifyConnection *connection)
{
	AmplifyLookup *lookup = amplify_lookup_start(connection);
	bool		found = find_keys(lookup) == AMPLIFY_PROVISION_OK;
	bool		good = found || still_good(connection);

	if (found)
		keep_keys(connection, lookup);
	else if (!good)
	{
		/* first what may throw: the old one must not be freed twice */
		const char *reason = lookup->reason ?
			MemoryContextStrdup(connection->context, lookup->reason) : NULL;

		if (connection->reason != NULL)
			pfree(unconstify(char *, connection->reason));
		connection->reason = reason;
		connection->unidentified = GetCurrentStatementStartTimestamp();
		connection->lacking = lookup->provider;
	}
	else
	{
		int64		now = amplify_sign_clock(connection->shared);
		int64		expires = connection->identity->keys.expires;

		amplify_report_credentials(LOG, lookup->provider, lookup->reason,
								   connection);
		connection->identity->refresh_at = expires > now ?
			Min(expires, now + REFRESH_PAUSE) : now + REFRESH_PAUSE;
	}
	amplify_lookup_end(lookup);
	return good;
}

/* Ask one provider after the other, then STS for the mapping's role */
static AmplifyProvision
find_keys(AmplifyLookup *lookup)
{
	const AmplifyOptions *options = &lookup->connection->options;
	AmplifyProvision provision = AMPLIFY_PROVISION_NONE;

	for (int i = 0; i < lengthof(providers); i++)
	{
		if ((providers[i].gate == GATE_PROFILE && options->profile == NULL) ||
			(providers[i].gate == GATE_AMBIENT && !options->ambient_credentials))
			continue;
		lookup->provider = providers[i].provider;
		provision = providers[i].provide(lookup);
		if (provision != AMPLIFY_PROVISION_NONE)
			break;
	}
	if (provision == AMPLIFY_PROVISION_NONE)
		return no_keys(lookup);
	if (provision == AMPLIFY_PROVISION_OK && options->role_arn != NULL)
		provision = assume_role(lookup);

	/* an instance's service may be late: AWS may take its old keys still */
	if (provision == AMPLIFY_PROVISION_OK &&
		lookup->provider != AMPLIFY_PROVIDER_INSTANCE &&
		lookup->keys.expires <= amplify_sign_clock(lookup->connection->shared))
		provision = amplify_lookup_fail(lookup,
										"The credentials have expired already.");
	return provision;
}

static AmplifyProvision
no_keys(AmplifyLookup *lookup)
{
	const AmplifyConnection *connection = lookup->connection;
	const char *user = GetUserNameFromId(connection->userid, false);

	lookup->provider = AMPLIFY_PROVIDER_NONE;
	if (!connection->has_mapping)
		return amplify_lookup_fail(lookup,
								   "There is no user mapping for \"%s\".", user);
	if (connection->options.ambient_credentials)
		return amplify_lookup_fail(lookup,
								   "The server has neither in its environment, files, container nor instance any that the user mapping of \"%s\" could lend.",
								   user);
	return amplify_lookup_fail(lookup,
							   "The user mapping of \"%s\" has no option \"access_key_id\".",
							   user);
}

static AmplifyProvision
assume_role(AmplifyLookup *lookup)
{
	const AmplifyOptions *options = &lookup->connection->options;
	AmplifyRole role = {
		.arn = options->role_arn,
		.session_name = options->role_session_name,
		.external_id = options->external_id,
		.duration = options->role_duration > 0 ?
			psprintf("%d", options->role_duration) : NULL,
	};

	lookup->provider = AMPLIFY_PROVIDER_ROLE;
	lookup->refreshable = true;
	return amplify_sts_assume_role(lookup, &role);
}

/* Make what was found the connection's credentials */
static void
keep_keys(AmplifyConnection *connection, const AmplifyLookup *lookup)
{
	static int	generation = 0;
	const AmplifyCredentials *found = &lookup->keys;
	int64		now = amplify_sign_clock(connection->shared);
	struct AmplifyIdentity *identity = connection->identity;
	MemoryContext context = AllocSetContextCreate(connection->context,
												  "amplify_fdw credentials",
												  ALLOCSET_SMALL_SIZES);
	AmplifyCredentials keys = *found;

	keys.access_key_id = MemoryContextStrdup(context, found->access_key_id);
	keys.secret_access_key =
		amplify_lookup_copy(context, found->secret_access_key,
							strlen(found->secret_access_key));
	keys.session_token =
		amplify_lookup_copy(context, found->session_token,
							found->session_token ? strlen(found->session_token) : 0);
	keys.generation = ++generation;

	if (identity == NULL)
		identity = connection->identity =
			MemoryContextAllocZero(connection->context,
								   sizeof(struct AmplifyIdentity));
	if (identity->old_context != NULL)
		MemoryContextDelete(identity->old_context);
	identity->old_context = identity->context;
	identity->old = identity->keys;
	identity->context = context;
	identity->keys = keys;
	identity->provider = lookup->provider;
	identity->refreshable = lookup->refreshable;
	identity->refused = false;

	/* of keys that are short-lived, use at least half the life */
	if (!lookup->refreshable || keys.expires == AMPLIFY_NEVER)
		identity->refresh_at = keys.expires;
	else if (keys.expires <= now)
		identity->refresh_at = now + STALE_PAUSE;
	else
		identity->refresh_at = Max(keys.expires - REFRESH_BEFORE,
								   now + (keys.expires - now) / 2);
}

/* May the old keys serve a while longer, when no new ones are to be had? */
static bool
still_good(const AmplifyConnection *connection)
{
	const struct AmplifyIdentity *identity = connection->identity;

	return identity != NULL && !identity->refused &&
		(identity->provider == AMPLIFY_PROVIDER_INSTANCE ||
		 amplify_sign_clock(connection->shared) < identity->keys.expires);
}
