/*-------------------------------------------------------------------------
 *
 * credential.c
 *	  The credentials that a connection's requests are signed with, who may use
 *	  them, and what is reported if there are none.
 *
 * Keys in the user mapping are used as they are.  All other credentials are
 * looked up, and shared by the connections that would look up the same ones
 * (identity.c).  Each of these must be allowed to, whichever has looked them
 * up before.  Credentials that are not in a user mapping are the identity of
 * the server, not of its users: they are used only if a superuser has set the
 * option for that in the mapping, and only by a superuser.  Other users can
 * have them through a view that a superuser owns.
 *
 * Nothing here waits, and a call that gets no credentials fails like any
 * other: it is an error only if its response is wanted.
 *
 * Where requests are sent to needs no further check here: only a superuser can
 * set an endpoint, a proxy or a CA, and what the owner of a server may change
 * leads to another host of AWS.
 *
 * src/session/credential.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "session/amplify_session.h"

static bool is_allowed(const AmplifyConnection *connection);
static bool has_source(const AmplifyConnection *connection);
static const char *no_keys(const AmplifyConnection *connection);
static void report_renewal(const AmplifyLack *lack,
						   const AmplifyConnection *connection);

/*
 * The credentials to use now; valid until the next call.  Never waits: PENDING
 * while they are looked up.  FAILED when there are none to be had: lack says
 * why, with a reason that is palloc'ed or stays as long as the connection is
 * pinned, and says so to all others of the statement, without another lookup.
 * What AWS thinks of them shows only in its responses.
 */
AmplifyProvision
amplify_credential_get(AmplifyConnection *connection,
					   AmplifyCredentials *credentials, AmplifyLack *lack)
{
	const AmplifyOptions *options = &connection->options;
	const AmplifyLack *why;
	AmplifyProvision provision;

	if (options->access_key_id != NULL && options->role_arn == NULL)
	{
		*credentials = (AmplifyCredentials)
		{
			options->access_key_id, options->secret_access_key,
				options->session_token, AMPLIFY_NEVER, 0
		};
		return AMPLIFY_PROVISION_OK;
	}

	/* whoever shares an identity has to be allowed to have it, each of them */
	if (!is_allowed(connection))
	{
		*lack = (AmplifyLack) {AMPLIFY_FAILURE_NOT_ALLOWED};
		return AMPLIFY_PROVISION_FAILED;
	}
	if (!has_source(connection))
	{
		*lack = (AmplifyLack) {
			AMPLIFY_FAILURE_NO_CREDENTIALS, AMPLIFY_PROVIDER_NONE,
				no_keys(connection)
		};
		return AMPLIFY_PROVISION_FAILED;
	}

	provision = amplify_identity_ask(connection, &why);
	if (provision == AMPLIFY_PROVISION_FAILED)
	{
		*lack = *why;
		if (why->provider == AMPLIFY_PROVIDER_NONE)
			lack->reason = no_keys(connection);
	}
	if (provision != AMPLIFY_PROVISION_OK)
		return provision;
	if (why != NULL)
		report_renewal(why, connection);
	*credentials = *amplify_identity_keys(connection);
	return AMPLIFY_PROVISION_OK;
}

/* Overwrite what is secret in what comes from outside */
void
amplify_credential_mask(const AmplifyConnection *connection,
						AmplifyFailure *failure)
{
	const char *const secrets[] = {
		connection->options.secret_access_key,
		connection->options.session_token,
	};

	amplify_mask_secrets(failure, secrets, lengthof(secrets));
	if (connection->identity != NULL)
		amplify_identity_mask(connection, failure);
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

	if (reason != NULL)
		reason = amplify_credential_sentence(reason);
	CHECK_FOR_INTERRUPTS();
	ereport(elevel,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 provider == AMPLIFY_PROVIDER_NONE ?
			 errmsg("no AWS credentials for server \"%s\"", server) :
			 errmsg("could not get AWS credentials for server \"%s\" from %s",
					server, amplify_provider_texts[provider].name),
			 reason == NULL ? 0 :
			 tell ? errdetail("%s", reason) : errdetail_log("%s", reason),
			 errhint("%s", amplify_provider_texts[provider].hint)));
}

/*
 * Why there are none, in the database's encoding: it may hold names out of
 * files of any.  The text itself if it can be, else a copy.
 */
const char *
amplify_credential_sentence(const char *reason)
{
	return pg_verifymbstr(reason, strlen(reason), true) ? reason :
		amplify_outcome_ascii(reason);
}

/*
 * Raise the error that a user who is not a superuser needs keys in a user
 * mapping, and tell which option lends other credentials.
 */
void
amplify_credential_refuse(const AmplifyConnection *connection)
{
	const AmplifyOptions *options = &connection->options;
	const char *server = connection->servername;
	const char *user = GetUserNameFromId(connection->userid, false);
	const char *option = options->profile != NULL ? "profile" :
		options->ambient_credentials ? "ambient_credentials" : NULL;

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("AWS credentials are required for server \"%s\"", server),
			 option == NULL ?
			 errdetail("User \"%s\" has no access_key_id in a user mapping, and only a superuser's may do without.",
					   user) :
			 errdetail("Option \"%s\" of the user mapping lends the server's own identity, which user \"%s\" may not use, not being a superuser.",
					   option, user),
			 !OidIsValid(connection->sourceid) ?
			 errhint("Create a user mapping for server \"%s\" with options \"access_key_id\" and \"secret_access_key\", or use a view whose owner has one.",
					 server) :
			 errhint("User \"%s\" needs USAGE on server \"%s\" and a user mapping for it with options \"access_key_id\" and \"secret_access_key\", or a view whose owner has both.",
					 user,
					 GetForeignServer(connection->sourceid)->servername)));
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

/*
 * Without keys in the mapping, it must be a superuser's.  The validator has
 * checked that when the options were set, but the user may have changed since.
 */
static bool
is_allowed(const AmplifyConnection *connection)
{
	return connection->options.access_key_id != NULL ||
		superuser_arg(connection->userid);
}

/* Is there anything in the mapping that credentials could come from? */
static bool
has_source(const AmplifyConnection *connection)
{
	const AmplifyOptions *options = &connection->options;

	return options->access_key_id != NULL || options->profile != NULL ||
		options->ambient_credentials;
}

/* Why a mapping has given none; the sentence is palloc'ed */
static const char *
no_keys(const AmplifyConnection *connection)
{
	const char *user = GetUserNameFromId(connection->userid, false);

	if (!connection->has_mapping)
		return psprintf("There is no user mapping for \"%s\".", user);
	if (connection->options.ambient_credentials)
		return psprintf("The server has neither in its environment, files, container nor instance any that the user mapping of \"%s\" could lend.",
						user);
	return psprintf("The user mapping of \"%s\" has no option \"access_key_id\".",
					user);
}

/*
 * New ones were not to be had, but the old ones still serve.  That is for the
 * log, and for the client only if the mapping is their own.  What looks at the
 * catalog may drop the connection that lack belongs to.
 */
static void
report_renewal(const AmplifyLack *lack, const AmplifyConnection *connection)
{
	AmplifyProvider provider = lack->provider;
	const char *reason = lack->reason ? pstrdup(lack->reason) : NULL;
	bool		tell = amplify_credential_may_know(connection->userid,
												   connection->of_public);

	amplify_credential_report(tell ? LOG : LOG_SERVER_ONLY, provider, reason,
							  connection);
}
