/*-------------------------------------------------------------------------
 *
 * provider.c
 *	  The sources of credentials, and the way of a lookup through them.
 *
 * The providers stand in a const table in the order in which they are asked,
 * which is the order of the AWS CLI.  All but the user mapping's own keys are
 * the identity of the server, not of its users: they are only asked where a
 * superuser has said so in the mapping.
 *
 * Whether a provider is set up shows at once, in options, variables and files;
 * what it gives may take requests.  So a lookup finds its provider in one go,
 * and from then on is a chain of exchanges, one after the other: those of the
 * provider, then AssumeRole for each role of a profile, then for the mapping's
 * own.  Nothing here waits: each look at the chain takes it as far as it can
 * go now.
 *
 * An error in the middle (no memory, a cancel while a response is read) leaves
 * the lookup marked as broken; identity.c ends it and begins another.
 *
 * src/session/provider.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "session/amplify_session.h"

/* Which option makes a provider one that is asked */
typedef enum Gate
{
	GATE_NONE,
	GATE_PROFILE,
	GATE_AMBIENT
} Gate;

static AmplifyProvision mapping_keys(AmplifyLookup *lookup);
static AmplifyProvision chosen_profile(AmplifyLookup *lookup);
static AmplifyProvision shared_role(AmplifyLookup *lookup);
static AmplifyProvision web_identity(AmplifyLookup *lookup);
static AmplifyProvision shared_keys(AmplifyLookup *lookup);
static AmplifyProvision find_provider(AmplifyLookup *lookup);
static void add_role(AmplifyLookup *lookup);
static AmplifyProvision assume_next(AmplifyLookup *lookup);
static bool have_expired(const AmplifyLookup *lookup);

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
const AmplifyProviderText amplify_provider_texts[] = {
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
 * Let a lookup proceed as far as it can without waiting: OK with lookup->keys,
 * PENDING, or FAILED with the kind and the reason.  Not for a broken one.
 */
AmplifyProvision
amplify_provider_poll(AmplifyLookup *lookup)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(lookup->context);
	AmplifyProvision provision;

	Assert(!lookup->broken);
	lookup->broken = true;		/* unless we get to the end */
	provision = lookup->begun ? amplify_lookup_poll(lookup) :
		find_provider(lookup);
	lookup->begun = true;
	while (provision == AMPLIFY_PROVISION_OK && lookup->roles != NIL)
		provision = assume_next(lookup);
	if (provision == AMPLIFY_PROVISION_OK && have_expired(lookup))
		provision = amplify_lookup_fail(lookup,
										"The credentials have expired already.");
	lookup->broken = false;
	MemoryContextSwitchTo(oldcontext);
	return provision;
}

/* Ask one after the other whether it is set up */
static AmplifyProvision
find_provider(AmplifyLookup *lookup)
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
	{
		/* what is said of that names a user: credential.c does */
		lookup->provider = AMPLIFY_PROVIDER_NONE;
		return AMPLIFY_PROVISION_FAILED;
	}
	if (provision != AMPLIFY_PROVISION_FAILED && options->role_arn != NULL)
		add_role(lookup);
	return provision;
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

/* The mapping's role, which comes last */
static void
add_role(AmplifyLookup *lookup)
{
	const AmplifyOptions *options = &lookup->connection->options;
	AmplifyRole role = {
		.arn = options->role_arn,
		.session_name = options->role_session_name,
		.external_id = options->external_id,
		.duration = options->role_duration > 0 ?
			psprintf("%d", options->role_duration) : NULL,
		.of_mapping = true
	};

	amplify_lookup_add_role(lookup, &role);
}

static AmplifyProvision
assume_next(AmplifyLookup *lookup)
{
	const AmplifyRole *role = linitial(lookup->roles);

	lookup->roles = list_delete_first(lookup->roles);
	if (role->of_mapping)
	{
		lookup->provider = AMPLIFY_PROVIDER_ROLE;
		lookup->refreshable = true;
	}
	return amplify_sts_assume_role(lookup, role);
}

/* An instance's service may be late: AWS may take its old keys still */
static bool
have_expired(const AmplifyLookup *lookup)
{
	return lookup->provider != AMPLIFY_PROVIDER_INSTANCE &&
		lookup->keys.expires <= amplify_sign_clock(lookup->connection->shared->clock_offset);
}
