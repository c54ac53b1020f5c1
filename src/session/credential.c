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
 * at them through a superuser's view, as at everything else of theirs.
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
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "session/amplify_session.h"
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

/* What is said when one has none; indexed by AmplifyProvider */
static const struct
{
	const char *name;
	const char *hint;
}			sources[] = {
	[AMPLIFY_PROVIDER_NONE] = {
		NULL,
		"Create a user mapping with options \"access_key_id\" and \"secret_access_key\"."
	},
	[AMPLIFY_PROVIDER_MAPPING] = {
		"the user mapping",
		"Check options \"access_key_id\" and \"secret_access_key\" of the user mapping."
	},
	[AMPLIFY_PROVIDER_PROFILE] = {
		"a profile",
		"Option \"profile\" of the user mapping names a profile in the configuration files of the user that PostgreSQL runs as."
	},
	[AMPLIFY_PROVIDER_ENVIRONMENT] = {
		"the environment",
		"What counts is the environment that PostgreSQL was started in."
	},
	[AMPLIFY_PROVIDER_SHARED_FILES] = {
		"the configuration files",
		"They are those of the user that PostgreSQL runs as; AWS_PROFILE chooses the profile."
	},
	[AMPLIFY_PROVIDER_WEB_IDENTITY] = {
		"a web identity",
		"Check that the role trusts the issuer of the token, and that the token file is current."
	},
	[AMPLIFY_PROVIDER_CONTAINER] = {
		"the container's role",
		"Check the role of the task or pod, and the AWS_CONTAINER_ variables that PostgreSQL was started with."
	},
	[AMPLIFY_PROVIDER_INSTANCE] = {
		"the instance's role",
		"Attach a role to the EC2 instance.  In a container on it, the metadata service needs a hop limit of 2."
	},
	[AMPLIFY_PROVIDER_ROLE] = {
		"the role in the user mapping",
		"Check option \"role_arn\", and that the role trusts the identity that assumes it and the external_id."
	},
};

/*
 * The credentials to use now; valid until the next call.  May wait for a
 * service that issues them.  False when there are none to be had: the
 * connection says why, and the rest of the statement does without another
 * lookup.  What AWS thinks of them shows only in its responses.
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
		amplify_sign_clock(connection->shared->clock_offset) >= identity->refresh_at)
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
	static const struct AmplifyIdentity none;
	const struct AmplifyIdentity *identity = connection->identity != NULL ?
		connection->identity : &none;
	const char *const secrets[] = {
		connection->options.secret_access_key,
		connection->options.session_token,
		identity->keys.secret_access_key,
		identity->keys.session_token,
		identity->old.secret_access_key,
		identity->old.session_token,
	};

	amplify_mask_secrets(failure, secrets, lengthof(secrets));
	amplify_mask_signatures(failure);
}

/*
 * Say why there are no credentials.  reason is a sentence, or NULL; at LOG,
 * older credentials are still good.
 */
void
amplify_credential_report(int elevel, AmplifyProvider provider,
						  const char *reason,
						  const AmplifyConnection *connection)
{
	const char *server = connection->servername;
	bool		tell = amplify_credential_may_know(connection->userid,
												   connection->of_public);

	/* it may hold names out of files of any encoding */
	if (reason != NULL &&
		!pg_verifymbstr(reason, strlen(reason), true))
		reason = amplify_outcome_ascii(reason);
	CHECK_FOR_INTERRUPTS();
	ereport(elevel,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 provider == AMPLIFY_PROVIDER_NONE ?
			 errmsg("no AWS credentials for server \"%s\"", server) :
			 errmsg("could not get AWS credentials for server \"%s\" from %s",
					server, sources[provider].name),
			 reason == NULL ? 0 :
			 tell ? errdetail("%s", reason) : errdetail_log("%s", reason),
			 errhint("%s", sources[provider].hint)));
}

/*
 * Who is no superuser needs keys of their own.  option: the one that would let
 * them do without; NULL: none.  source: the server whose mapping is wanted, by
 * option "source_server"; or the server itself.
 */
void
amplify_credential_refuse(const char *option, Oid userid, const char *server,
						  const char *source)
{
	const char *user = GetUserNameFromId(userid, false);

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("AWS credentials are required for server \"%s\"", server),
			 option == NULL ?
			 errdetail("User \"%s\" has no access_key_id in a user mapping, and only a superuser's may do without.",
					   user) :
			 errdetail("Option \"%s\" of the user mapping lends the server's own identity, which user \"%s\" may not use, not being a superuser.",
					   option, user),
			 strcmp(server, source) == 0 ?
			 errhint("Create a user mapping for server \"%s\" with options \"access_key_id\" and \"secret_access_key\", or use a view whose owner has one.",
					 server) :
			 errhint("User \"%s\" needs USAGE on server \"%s\" and a user mapping for it with options \"access_key_id\" and \"secret_access_key\", or a view whose owner has both.",
					 user, source)));
}

/*
 * Does the client know the options of that user's mapping anyway?  A view or
 * a function may have borrowed another user's, and nobody is shown PUBLIC's.
 */
bool
amplify_credential_may_know(Oid userid, bool of_public)
{
	Oid			client = GetOuterUserId();

	return superuser_arg(client) || (userid == client && !of_public);
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
 * Without keys of their own, only a superuser is served, and what the
 * validator has allowed in the past may be used by such a one only now.
 */
static void
check_privilege(AmplifyConnection *connection)
{
	const AmplifyOptions *options = &connection->options;

	if (options->access_key_id != NULL || superuser_arg(connection->userid))
		return;
	amplify_credential_refuse(options->profile != NULL ? "profile" :
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
		int64		now = amplify_sign_clock(connection->shared->clock_offset);
		int64		expires = connection->identity->keys.expires;

		amplify_credential_report(LOG, lookup->provider, lookup->reason,
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
		lookup->keys.expires <= amplify_sign_clock(lookup->connection->shared->clock_offset))
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
	int64		now = amplify_sign_clock(connection->shared->clock_offset);
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
		 amplify_sign_clock(connection->shared->clock_offset) < identity->keys.expires);
}
