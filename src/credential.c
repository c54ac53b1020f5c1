/*-------------------------------------------------------------------------
 *
 * credential.c
 *	  Who asks: the credentials that a connection's requests are signed with.
 *
 * The providers stand in a const table in the order in which they are asked.
 * Only what a user mapping holds is ever used: a backend's environment, files
 * and instance role are the server's identity, not its users'.
 *
 * src/credential.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "amplify_fdw.h"
#include "miscadmin.h"
#include "utils/acl.h"

/* Fills credentials, or returns false when it has none to offer */
typedef bool (*CredentialProvider) (AmplifyConnection *connection,
									AmplifyCredentials *credentials);

static bool mapping_provider(AmplifyConnection *connection,
							 AmplifyCredentials *credentials);
static void mask_word(char *text, const char *secret);

static const struct
{
	const char *name;
	CredentialProvider provide;
}			providers[] = {
	{"user mapping", mapping_provider},
};

/*
 * The credentials to use now.  Raises an error when no provider has any; what
 * the service thinks of them shows only in its answers.
 */
void
amplify_credential_get(AmplifyConnection *connection,
					   AmplifyCredentials *credentials)
{
	for (int i = 0; i < lengthof(providers); i++)
	{
		if (providers[i].provide(connection, credentials))
			return;
	}

	if (!superuser_arg(connection->userid))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("AWS credentials are required for server \"%s\"",
						connection->servername),
				 errdetail("User \"%s\" has no access_key_id in a user mapping, and only a superuser's may do without.",
						   GetUserNameFromId(connection->userid, false)),
				 errhint("Create a user mapping with options \"access_key_id\" and \"secret_access_key\".")));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 errmsg("no AWS credentials for server \"%s\"",
					connection->servername),
			 connection->has_mapping ?
			 errdetail("The user mapping of \"%s\" has no option \"access_key_id\".",
					   GetUserNameFromId(connection->userid, false)) :
			 errdetail("There is no user mapping for \"%s\".",
					   GetUserNameFromId(connection->userid, false)),
			 errhint("Create a user mapping with options \"access_key_id\" and \"secret_access_key\".")));
}

/*
 * Overwrite what is secret in a text that comes from outside: the service may
 * echo what it was sent.
 */
void
amplify_credential_mask(const AmplifyConnection *connection, char *text)
{
	mask_word(text, connection->options.secret_access_key);
	mask_word(text, connection->options.session_token);
}

static bool
mapping_provider(AmplifyConnection *connection,
				 AmplifyCredentials *credentials)
{
	if (connection->options.access_key_id == NULL)
		return false;
	credentials->access_key_id = connection->options.access_key_id;
	credentials->secret_access_key = connection->options.secret_access_key;
	credentials->session_token = connection->options.session_token;
	return true;
}

static void
mask_word(char *text, const char *secret)
{
	char	   *found;

	if (secret == NULL)
		return;
	while ((found = strstr(text, secret)) != NULL)
		memset(found, '*', strlen(secret));
}
