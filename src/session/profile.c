/*-------------------------------------------------------------------------
 *
 * profile.c
 *	  Profiles in the configuration and credentials files that the AWS CLI and
 *	  the SDKs share.
 *
 * Read as the AWS CLI reads them: where a key stands in both files, that of
 * the credentials file counts; "#" and ";" begin a comment at the start of a
 * line only; indented lines belong to settings of services, of which none is
 * for credentials.  What needs a person or runs a program is refused.
 *
 * src/session/profile.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/value.h"
#include "session/amplify_session.h"

#define MAX_FILE_SIZE	(1024 * 1024)
#define BLANKS			" \t\r"

/* Both files as they are; NULL where there is none */
typedef struct Files
{
	AmplifyLookup *lookup;
	char	   *config;
	char	   *credentials;
} Files;

/* What a profile may say that a server cannot do */
static const struct
{
	const char *key;
	bool		before_keys;	/* also when the profile has keys */
	const char *what;
}			refused[] = {
	{"sso_account_id", true, "needs a person to sign in (IAM Identity Center)"},
	{"sso_role_name", true, "needs a person to sign in (IAM Identity Center)"},
	{"sso_session", false, "needs a person to sign in (IAM Identity Center)"},
	{"sso_start_url", false, "needs a person to sign in (IAM Identity Center)"},
	{"login_session", false, "needs a person to sign in (aws login)"},
	{"credential_process", false, "runs a program (credential_process), which amplify_fdw does not"},
};

static bool read_files(AmplifyLookup *lookup, Files *files);
static char *read_one(AmplifyLookup *lookup, const char *variable,
					  const char *name);
static bool profile_exists(const Files *files, const char *profile);
static char *profile_value(const Files *files, const char *profile,
						   const char *key);
static bool search_file(const Files *files, const char *text, bool is_config,
						const char *profile, const char *key, char **value);
static bool section_is(const char *line, size_t length, bool is_config,
					   const char *profile);
static void trim(const char **text, size_t *length);
static AmplifyProvision resolve_profile(const Files *files, const char *profile,
										int parts, List *visited);
static AmplifyProvision assume_role(const Files *files, const char *profile,
									List *visited);
static AmplifyProvision source_keys(const Files *files, const char *profile,
									List *visited);
static AmplifyProvision static_keys(const Files *files, const char *profile);
static AmplifyProvision fail_profile(const Files *files, const char *profile,
									 const char *what);

/*
 * Credentials of the profile of that name, as far as parts (a set of
 * AMPLIFY_PROFILE_...) may be used.  name NULL: the one that the environment
 * chooses, else the default one, which need not exist.
 */
AmplifyProvision
amplify_profile_get(AmplifyLookup *lookup, const char *name, int parts)
{
	Files		files;
	bool		required = true;

	if (name == NULL)
		name = amplify_lookup_getenv("AWS_PROFILE");
	if (name == NULL)
		name = amplify_lookup_getenv("AWS_DEFAULT_PROFILE");
	if (name == NULL)
	{
		name = "default";
		required = false;
	}
	if (!read_files(lookup, &files))
		return AMPLIFY_PROVISION_FAILED;
	if (!profile_exists(&files, name))
		return required ? fail_profile(&files, name, "does not exist") :
			AMPLIFY_PROVISION_NONE;

	/* files are written anew: what they say now need not hold for ever */
	lookup->refreshable = true;
	return resolve_profile(&files, name, parts,
						   list_make1(makeString(pstrdup(name))));
}

static bool
read_files(AmplifyLookup *lookup, Files *files)
{
	files->lookup = lookup;
	files->config = read_one(lookup, "AWS_CONFIG_FILE", "config");
	if (lookup->reason == NULL)
		files->credentials = read_one(lookup, "AWS_SHARED_CREDENTIALS_FILE",
									  "credentials");
	return lookup->reason == NULL;
}

/* HOME is the server's; without it there are no default files */
static char *
read_one(AmplifyLookup *lookup, const char *variable, const char *name)
{
	const char *home = amplify_lookup_getenv("HOME");
	const char *path = amplify_lookup_getenv(variable);

	if (path == NULL && home == NULL)
		return NULL;
	if (path == NULL)
		path = psprintf("%s/.aws/%s", home, name);
	else if (strncmp(path, "~/", 2) == 0 && home != NULL)
		path = psprintf("%s%s", home, path + 1);
	return amplify_lookup_read_file(lookup, path, MAX_FILE_SIZE);
}

static bool
profile_exists(const Files *files, const char *profile)
{
	return search_file(files, files->credentials, false, profile, NULL, NULL) ||
		search_file(files, files->config, true, profile, NULL, NULL);
}

/* NULL where the profile does not have the key, or with nothing behind it */
static char *
profile_value(const Files *files, const char *profile, const char *key)
{
	char	   *value = NULL;

	if (!search_file(files, files->credentials, false, profile, key, &value))
		search_file(files, files->config, true, profile, key, &value);
	return value != NULL && value[0] != '\0' ? value : NULL;
}

/*
 * Does the file have that key in that profile (key NULL: that profile)?  The
 * value is copied to *value, as a secret.
 */
static bool
search_file(const Files *files, const char *text, bool is_config,
			const char *profile, const char *key, char **value)
{
	bool		inside = false;

	while (text != NULL && *text != '\0')
	{
		const char *line = text;
		size_t		length = strcspn(line, "\n");
		const char *found;
		size_t		name_length;

		text += length + (line[length] == '\n');
		if (line[0] == '#' || line[0] == ';' || strchr(BLANKS, line[0]) != NULL)
			continue;
		if (line[0] == '[')
		{
			inside = section_is(line, length, is_config, profile);
			if (inside && key == NULL)
				return true;
			continue;
		}
		name_length = strcspn(line, "=:\n");
		if (!inside || key == NULL || name_length == length)
			continue;
		found = line + name_length + 1;
		length -= name_length + 1;
		trim(&line, &name_length);
		if (name_length != strlen(key) ||
			pg_strncasecmp(line, key, name_length) != 0)
			continue;
		trim(&found, &length);
		*value = amplify_lookup_copy(files->lookup->context, found, length);
		return true;
	}
	return false;
}

/* [name] in the credentials file, [profile name] in the other one */
static bool
section_is(const char *line, size_t length, bool is_config,
		   const char *profile)
{
	const char *name = line + 1;
	const char *end = memchr(line, ']', length);
	bool		prefixed;

	if (end == NULL)
		return false;
	length = end - name;
	trim(&name, &length);
	if (!is_config)
		return length == strlen(profile) && memcmp(name, profile, length) == 0;

	prefixed = length > 7 && memcmp(name, "profile", 7) == 0 &&
		(name[7] == ' ' || name[7] == '\t');
	if (prefixed)
	{
		name += 7;
		length -= 7;
		trim(&name, &length);
		if (length >= 2 && (name[0] == '"' || name[0] == '\'') &&
			name[length - 1] == name[0])
		{
			name++;
			length -= 2;
		}
	}
	else if (length != 7 || memcmp(name, "default", 7) != 0)
		return false;
	return length == strlen(profile) && memcmp(name, profile, length) == 0;
}

static void
trim(const char **text, size_t *length)
{
	while (*length > 0 && strchr(BLANKS, **text) != NULL)
	{
		(*text)++;
		(*length)--;
	}
	while (*length > 0 && strchr(BLANKS, (*text)[*length - 1]) != NULL)
		(*length)--;
}

/* visited: names of the profiles that led here, this one included */
static AmplifyProvision
resolve_profile(const Files *files, const char *profile, int parts,
				List *visited)
{
	AmplifyRole role = {
		.arn = profile_value(files, profile, "role_arn"),
		.session_name = profile_value(files, profile, "role_session_name"),
		.duration = profile_value(files, profile, "duration_seconds"),
	};
	char	   *token_file = profile_value(files, profile,
										   "web_identity_token_file");

	if ((parts & AMPLIFY_PROFILE_ROLE) != 0 && role.arn != NULL &&
		token_file == NULL)
		return assume_role(files, profile, visited);
	if ((parts & AMPLIFY_PROFILE_WEB_IDENTITY) != 0 && token_file != NULL)
	{
		if (role.arn == NULL)
			return fail_profile(files, profile,
								"has web_identity_token_file, but no role_arn");
		return amplify_sts_web_identity(files->lookup, &role, token_file);
	}
	if ((parts & AMPLIFY_PROFILE_KEYS) != 0)
		return static_keys(files, profile);
	return AMPLIFY_PROVISION_NONE;
}

/* The role of a profile, with the keys that it names for that */
static AmplifyProvision
assume_role(const Files *files, const char *profile, List *visited)
{
	AmplifyRole role = {
		.arn = profile_value(files, profile, "role_arn"),
		.session_name = profile_value(files, profile, "role_session_name"),
		.external_id = profile_value(files, profile, "external_id"),
		.duration = profile_value(files, profile, "duration_seconds"),
	};
	AmplifyProvision provision;

	if (profile_value(files, profile, "mfa_serial") != NULL)
		return fail_profile(files, profile,
							"needs the code of an MFA device (mfa_serial), and a server has nobody to type it");
	provision = source_keys(files, profile, visited);
	if (provision == AMPLIFY_PROVISION_OK)
		provision = amplify_sts_assume_role(files->lookup, &role);
	files->lookup->refreshable = true;
	return provision;
}

static AmplifyProvision
source_keys(const Files *files, const char *profile, List *visited)
{
	static const struct
	{
		const char *name;
		AmplifyProvision (*provide) (AmplifyLookup *lookup);
	}			sources[] = {
		{"Environment", amplify_lookup_environment},
		{"EcsContainer", amplify_metadata_container},
		{"Ec2InstanceMetadata", amplify_metadata_instance},
	};
	char	   *source = profile_value(files, profile, "source_profile");
	char	   *service = profile_value(files, profile, "credential_source");
	bool		has_keys;
	AmplifyProvision provision;

	if ((source == NULL) == (service == NULL))
		return fail_profile(files, profile,
							"must have either source_profile or credential_source beside role_arn");
	for (int i = 0; service != NULL && i < lengthof(sources); i++)
	{
		if (strcmp(service, sources[i].name) != 0)
			continue;
		provision = sources[i].provide(files->lookup);
		return provision != AMPLIFY_PROVISION_NONE ? provision :
			fail_profile(files, profile,
						 psprintf("has credential_source %s, which has no credentials",
								  service));
	}
	if (service != NULL)
		return fail_profile(files, profile,
							"has an unknown credential_source");
	if (!profile_exists(files, source))
		return fail_profile(files, profile,
							psprintf("has source_profile \"%s\", which does not exist",
									 source));

	/* keys end the chain: only with them may a profile name itself */
	has_keys = profile_value(files, source, "aws_access_key_id") != NULL ||
		profile_value(files, source, "aws_secret_access_key") != NULL;
	if (list_member(visited, makeString(source)) &&
		!(has_keys && strcmp(source, profile) == 0))
		return fail_profile(files, profile,
							psprintf("has source_profile \"%s\", which leads back to it",
									 source));
	provision = resolve_profile(files, source, has_keys ?
								AMPLIFY_PROFILE_ALL & ~AMPLIFY_PROFILE_ROLE :
								AMPLIFY_PROFILE_ALL,
								lappend(visited, makeString(source)));
	return provision != AMPLIFY_PROVISION_NONE ? provision :
		fail_profile(files, source, "has no credentials");
}

static AmplifyProvision
static_keys(const Files *files, const char *profile)
{
	char	   *id = profile_value(files, profile, "aws_access_key_id");
	char	   *secret = profile_value(files, profile, "aws_secret_access_key");
	char	   *token = profile_value(files, profile, "aws_session_token");

	for (int i = 0; i < lengthof(refused); i++)
	{
		if ((refused[i].before_keys || id == NULL) &&
			profile_value(files, profile, refused[i].key) != NULL)
			return fail_profile(files, profile, refused[i].what);
	}
	if (id == NULL)
		return AMPLIFY_PROVISION_NONE;
	if (secret == NULL)
		return fail_profile(files, profile,
							"has aws_access_key_id, but no aws_secret_access_key");
	if (token == NULL)
		token = profile_value(files, profile, "aws_security_token");
	return amplify_lookup_accept(files->lookup, id, secret, token,
								 AMPLIFY_NEVER);
}

static AmplifyProvision
fail_profile(const Files *files, const char *profile, const char *what)
{
	return amplify_lookup_fail(files->lookup, "Profile \"%s\" %s.",
							   profile, what);
}
