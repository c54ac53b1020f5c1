/*-------------------------------------------------------------------------
 *
 * profile.c
 *	  Profiles in the configuration and credentials files that the AWS CLI and
 *	  the SDKs share.
 *
 * Read as the AWS CLI reads them, with Python's configparser and botocore's
 * rules for profiles.  That decides who signs, so a file in which one line is
 * not understood is an error as a whole, as it is for the CLI: skipping that
 * line might leave the identity of the machine in the place of the one that
 * stands there.  The rules:
 *
 * - "#" and ";" begin a comment at the start of a line only, after blanks.
 * - A line that is indented more than the option before it goes on with its
 *   value, and so does an empty line, but not a comment.
 * - A header is all from the first "[" to the last "]", and not trimmed.
 * - Sections and options stand once.  Those of [DEFAULT] are in every section.
 * - A value that begins on the next line has settings of its own, none of
 *   which is for credentials.
 * - In the configuration file, a section whose name begins with "profile" and
 *   has two words is the profile that the second one names; in the other file
 *   every section is a profile.
 *
 * Where a setting stands in both files, that of the credentials file counts,
 * but a key and its secret are of one file.  What needs a person or runs a
 * program is refused.
 *
 * The values stay where they are in the text of the file, which is overwritten
 * when the lookup ends.
 *
 * src/session/profile.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "nodes/value.h"
#include "session/amplify_session.h"

#define MAX_FILE_SIZE	(1024 * 1024)
#define DEFAULT_SECTION	"DEFAULT"	/* configparser's, no profile */

/* A section, or an option of it */
typedef struct Entry
{
	const struct SharedFile *file;
	const char *section;
	const char *name;			/* in lower case; empty: the section itself */
	char	   *value;
	int			line;
} Entry;

/* A file of which all lines are understood */
typedef struct SharedFile
{
	const char *path;			/* NULL: there is none */
	bool		is_config;
	Entry	   *entries;		/* by section and name */
	int			count;
} SharedFile;

typedef struct Files
{
	AmplifyLookup *lookup;
	SharedFile	config;
	SharedFile	credentials;
} Files;

/* A file that is being read */
typedef struct Parser
{
	AmplifyLookup *lookup;
	SharedFile *file;
	int			size;			/* of file->entries */
	int			line;
	const char *section;		/* NULL: none yet */
	bool		in_option;		/* the last entry may go on */
	int			indent;			/* of the last section or option, in
								 * characters */
} Parser;

/* What Python takes for white space, in UTF-8 */
static const char *const blanks[] = {
	" ", "\t", "\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x1f",
	"\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
	"\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85",
	"\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89",
	"\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf",
	"\xe2\x81\x9f", "\xe3\x80\x80",
};

/* When a source of credentials comes, as the AWS CLI asks for them */
typedef enum Turn
{
	BEFORE_KEYS,				/* of either file */
	BEFORE_CONFIG_KEYS,			/* after those of the credentials file */
	AFTER_KEYS
} Turn;

/* What a profile may say that a server cannot do */
static const struct
{
	const char *key;
	Turn		turn;
	const char *what;
}			refused[] = {
	{"sso_account_id", BEFORE_KEYS, "needs a person to sign in (IAM Identity Center)"},
	{"sso_role_name", BEFORE_KEYS, "needs a person to sign in (IAM Identity Center)"},
	{"login_session", BEFORE_CONFIG_KEYS, "needs a person to sign in (aws login)"},
	{"credential_process", BEFORE_CONFIG_KEYS, "runs a program (credential_process), which amplify_fdw does not"},
	{"sso_session", AFTER_KEYS, "needs a person to sign in (IAM Identity Center)"},
	{"sso_start_url", AFTER_KEYS, "needs a person to sign in (IAM Identity Center)"},
};

static bool read_files(AmplifyLookup *lookup, Files *files);
static bool read_one(AmplifyLookup *lookup, const char *variable,
					 const char *name, SharedFile *file);
static bool parse_file(AmplifyLookup *lookup, SharedFile *file, char *text);
static bool parse_line(Parser *parser, char *line);
static bool parse_header(Parser *parser, char *line);
static bool parse_option(Parser *parser, char *line);
static void continue_value(Parser *parser, const char *line);
static void add_entry(Parser *parser, const char *name, char *value);
static bool check_entries(Parser *parser);
static int	compare_entries(const void *a, const void *b);
static bool is_nested(char *value);
static bool fail_line(const Parser *parser, int line, const char *what);
static char *skip_blanks(char *text, int *count);
static void strip_end(char *text);
static const Entry *find_entry(const Files *files, const char *profile,
							   const char *key);
static char *profile_value(const Files *files, const char *profile,
						   const char *key);
static char *full_value(const Files *files, const char *profile,
						const char *key);
static const Entry *search_file(const SharedFile *file, const char *profile,
								const char *key);
static const Entry *search_section(const SharedFile *file, const char *section,
								   const char *key);
static bool names_profile(const SharedFile *file, const char *section,
						  const char *profile);
static int	split_words(const char *text, char **second);
static AmplifyProvision resolve_profile(const Files *files, const char *profile,
										int parts, List *visited);
static AmplifyProvision assume_role(const Files *files, const char *profile,
									AmplifyRole *role, List *visited);
static AmplifyProvision source_keys(const Files *files, const char *profile,
									List *visited);
static AmplifyProvision static_keys(const Files *files, const char *profile);
static AmplifyProvision keys_of_file(const Files *files, const SharedFile *file,
									 const char *profile);
static AmplifyProvision refuse_sources(const Files *files, const char *profile,
									   Turn turn);
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
	if (find_entry(&files, name, "") == NULL)
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
	memset(files, 0, sizeof(Files));
	files->lookup = lookup;
	files->config.is_config = true;
	return read_one(lookup, "AWS_CONFIG_FILE", "config", &files->config) &&
		read_one(lookup, "AWS_SHARED_CREDENTIALS_FILE", "credentials",
				 &files->credentials);
}

/*
 * HOME is the server's; without it there are no default files.  False with
 * lookup->reason if the file can't be read.
 */
static bool
read_one(AmplifyLookup *lookup, const char *variable, const char *name,
		 SharedFile *file)
{
	const char *home = amplify_lookup_getenv("HOME");
	const char *path = amplify_lookup_getenv(variable);
	char	   *text;

	if (path == NULL && home == NULL)
		return true;
	if (path == NULL)
		path = psprintf("%s/.aws/%s", home, name);
	else if (strncmp(path, "~/", 2) == 0 && home != NULL)
		path = psprintf("%s%s", home, path + 1);
	text = amplify_lookup_read_file(lookup, path, MAX_FILE_SIZE);
	if (text == NULL)
		return lookup->reason == NULL;
	file->path = path;
	return parse_file(lookup, file, text);
}

/*
 * Make entries of a file's text, which they point into from then on.  Lines
 * end as for Python, with LF, CR LF or CR.
 */
static bool
parse_file(AmplifyLookup *lookup, SharedFile *file, char *text)
{
	Parser		parser = {.lookup = lookup, .file = file, .size = 16};
	int			length = strlen(text);

	if (pg_encoding_verifymbstr(PG_UTF8, text, length) != length)
	{
		amplify_lookup_fail(lookup, "File \"%s\" is not in UTF-8.", file->path);
		return false;
	}
	file->entries = palloc(parser.size * sizeof(Entry));
	while (*text != '\0')
	{
		char	   *line = text;

		text += strcspn(text, "\r\n");
		if (*text != '\0')
		{
			bool		two = text[0] == '\r' && text[1] == '\n';

			*text = '\0';
			text += two ? 2 : 1;
		}
		parser.line++;
		if (!parse_line(&parser, line))
			return false;
	}
	return check_entries(&parser);
}

static bool
parse_line(Parser *parser, char *line)
{
	int			indent;

	line = skip_blanks(line, &indent);
	strip_end(line);
	if (*line == '#' || *line == ';')
		return true;
	if (*line == '\0' || (parser->in_option && indent > parser->indent))
	{
		if (parser->in_option)
			continue_value(parser, line);
		return true;
	}
	parser->indent = indent;
	return parse_header(parser, line) || parse_option(parser, line);
}

/* Is the line a section's header?  Anything may follow the last bracket. */
static bool
parse_header(Parser *parser, char *line)
{
	char	   *end = strrchr(line, ']');

	if (*line != '[' || end == NULL || end == line + 1)
		return false;
	*end = '\0';
	parser->section = line + 1;
	parser->in_option = false;

	/* this one may stand more than once */
	if (strcmp(parser->section, DEFAULT_SECTION) != 0)
		add_entry(parser, "", NULL);
	return true;
}

static bool
parse_option(Parser *parser, char *line)
{
	char	   *delimiter = strpbrk(line, "=:");
	int			count;

	if (parser->section == NULL)
		return fail_line(parser, parser->line, "stands before the first section");
	if (delimiter == NULL)
		return fail_line(parser, parser->line, "is neither a section nor a setting");
	*delimiter = '\0';
	strip_end(line);
	if (*line == '\0')
		return fail_line(parser, parser->line, "is a setting without a name");
	for (char *p = line; *p != '\0'; p++)
		*p = pg_ascii_tolower((unsigned char) *p);
	add_entry(parser, line, skip_blanks(delimiter + 1, &count));
	parser->in_option = true;
	return true;
}

/*
 * Append a line to the last entry's value.  In the text that is to its left,
 * where the value and all that has been taken away leave room for it.
 */
static void
continue_value(Parser *parser, const char *line)
{
	char	   *value = parser->file->entries[parser->file->count - 1].value;
	char	   *end = value + strlen(value);

	Assert(end < line);
	*end = '\n';
	memmove(end + 1, line, strlen(line) + 1);
}

static void
add_entry(Parser *parser, const char *name, char *value)
{
	SharedFile *file = parser->file;
	Entry	   *entry;

	if (file->count == parser->size)
	{
		parser->size *= 2;
		file->entries = repalloc(file->entries, parser->size * sizeof(Entry));
	}
	entry = &file->entries[file->count++];
	entry->file = file;
	entry->section = parser->section;
	entry->name = name;
	entry->value = value;
	entry->line = parser->line;
}

/* What can only be seen when all lines are read */
static bool
check_entries(Parser *parser)
{
	SharedFile *file = parser->file;

	qsort(file->entries, file->count, sizeof(Entry), compare_entries);
	for (int i = 0; i < file->count; i++)
	{
		Entry	   *entry = &file->entries[i];

		if (i > 0 && strcmp(entry[-1].section, entry->section) == 0 &&
			strcmp(entry[-1].name, entry->name) == 0)
			return fail_line(parser, entry->line, "repeats a section or a setting");
		if (entry->value == NULL)
			continue;
		strip_end(entry->value);
		if (entry->value[0] == '\n' && !is_nested(entry->value))
			return fail_line(parser, entry->line,
							 "begins settings of its own, one of which has no \"=\"");
	}
	return true;
}

static int
compare_entries(const void *a, const void *b)
{
	const Entry *left = a;
	const Entry *right = b;
	int			order = strcmp(left->section, right->section);

	if (order == 0)
		order = strcmp(left->name, right->name);
	return order != 0 ? order : left->line - right->line;
}

/* Does each line of the value that is not empty have a "="? */
static bool
is_nested(char *value)
{
	while (*value != '\0')
	{
		size_t		length = strcspn(value, "\n");

		if (length > 0 && memchr(value, '=', length) == NULL)
			return false;
		value += length + (value[length] == '\n');
	}
	return true;
}

static bool
fail_line(const Parser *parser, int line, const char *what)
{
	amplify_lookup_fail(parser->lookup, "Line %d of file \"%s\" %s.",
						line, parser->file->path, what);
	return false;
}

/* The first character that is not blank, and how many are before it */
static char *
skip_blanks(char *text, int *count)
{
	*count = 0;
	for (int i = 0; i < lengthof(blanks);)
	{
		size_t		length = strlen(blanks[i]);

		if (strncmp(text, blanks[i], length) != 0)
		{
			i++;
			continue;
		}
		text += length;
		(*count)++;
		i = 0;
	}
	return text;
}

static void
strip_end(char *text)
{
	size_t		length = strlen(text);

	for (int i = 0; i < lengthof(blanks);)
	{
		size_t		blank = strlen(blanks[i]);

		if (blank > length ||
			memcmp(text + length - blank, blanks[i], blank) != 0)
		{
			i++;
			continue;
		}
		length -= blank;
		text[length] = '\0';
		i = 0;
	}
}

/* Where the profile has the key (empty: where the profile is), or NULL */
static const Entry *
find_entry(const Files *files, const char *profile, const char *key)
{
	const Entry *entry = search_file(&files->credentials, profile, key);

	return entry != NULL ? entry : search_file(&files->config, profile, key);
}

/*
 * NULL where the profile does not have the key; it may have nothing behind it
 */
static char *
profile_value(const Files *files, const char *profile, const char *key)
{
	const Entry *entry = find_entry(files, profile, key);

	return entry != NULL ? entry->value : NULL;
}

/* NULL also where the profile has nothing behind the key */
static char *
full_value(const Files *files, const char *profile, const char *key)
{
	char	   *value = profile_value(files, profile, key);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/*
 * The same in one of the files.  Of two spellings of its name the last
 * counts.
 */
static const Entry *
search_file(const SharedFile *file, const char *profile, const char *key)
{
	const Entry *header = NULL;
	const Entry *entry;

	for (int i = 0; i < file->count; i++)
	{
		entry = &file->entries[i];
		if (entry->name[0] == '\0' &&
			names_profile(file, entry->section, profile) &&
			(header == NULL || header->line < entry->line))
			header = entry;
	}
	if (header == NULL)
		return NULL;
	entry = search_section(file, header->section, key);
	return entry != NULL ? entry : search_section(file, DEFAULT_SECTION, key);
}

static const Entry *
search_section(const SharedFile *file, const char *section, const char *key)
{
	for (int i = 0; i < file->count; i++)
	{
		if (strcmp(file->entries[i].name, key) == 0 &&
			strcmp(file->entries[i].section, section) == 0)
			return &file->entries[i];
	}
	return NULL;
}

static bool
names_profile(const SharedFile *file, const char *section, const char *profile)
{
	char	   *second;

	if (file->is_config && strncmp(section, "profile", 7) == 0)
		return split_words(section, &second) == 2 &&
			strcmp(second, profile) == 0;
	return strcmp(section, profile) == 0 &&
		(!file->is_config || strcmp(section, "default") == 0);
}

/*
 * How many words a text has by the shell's rules of quotes and backslashes,
 * and the second one; -1 if a quote has no end.
 */
static int
split_words(const char *text, char **second)
{
	int			count = 0;

	*second = NULL;
	for (;;)
	{
		char	   *word;
		char	   *end;
		char		quote = '\0';

		text += strspn(text, " \t\r\n");
		if (*text == '\0')
			return count;
		word = end = palloc(strlen(text) + 1);
		for (; *text != '\0' &&
			 (quote != '\0' || strchr(" \t\r\n", *text) == NULL); text++)
		{
			if (*text == quote || (quote == '\0' && strchr("'\"", *text) != NULL))
			{
				quote = quote == '\0' ? *text : '\0';
				continue;
			}
			if (*text == '\\' && quote != '\'')
			{
				if (text[1] == '\0')
					return -1;
				if (quote == '\0' || strchr("\"\\", text[1]) != NULL)
					text++;
			}
			*end++ = *text;
		}
		if (quote != '\0')
			return -1;
		*end = '\0';
		if (++count == 2)
			*second = word;
	}
}

/* visited: names of the profiles that led here, this one included */
static AmplifyProvision
resolve_profile(const Files *files, const char *profile, int parts,
				List *visited)
{
	AmplifyRole role = {
		.arn = profile_value(files, profile, "role_arn"),
		.session_name = full_value(files, profile, "role_session_name"),
		.duration = full_value(files, profile, "duration_seconds"),
	};
	char	   *token_file = profile_value(files, profile,
										   "web_identity_token_file");

	if ((parts & AMPLIFY_PROFILE_ROLE) != 0 && role.arn != NULL &&
		token_file == NULL)
		return assume_role(files, profile, &role, visited);
	if ((parts & AMPLIFY_PROFILE_WEB_IDENTITY) != 0 && token_file != NULL &&
		token_file[0] != '\0')
	{
		if (role.arn == NULL || role.arn[0] == '\0')
			return fail_profile(files, profile,
								"has web_identity_token_file, but no role_arn");
		return amplify_sts_web_identity(files->lookup, &role, token_file);
	}
	if ((parts & AMPLIFY_PROFILE_KEYS) != 0)
		return static_keys(files, profile);
	return AMPLIFY_PROVISION_NONE;
}

/*
 * The role of a profile, to be assumed once the keys are there that it names
 * for that
 */
static AmplifyProvision
assume_role(const Files *files, const char *profile, AmplifyRole *role,
			List *visited)
{
	AmplifyProvision provision;

	if (role->arn[0] == '\0')
		return fail_profile(files, profile, "has an empty role_arn");
	if (profile_value(files, profile, "mfa_serial") != NULL)
		return fail_profile(files, profile,
							"needs the code of an MFA device (mfa_serial), and a server has nobody to type it");
	provision = source_keys(files, profile, visited);
	if (provision != AMPLIFY_PROVISION_FAILED)
	{
		role->external_id = full_value(files, profile, "external_id");
		amplify_lookup_add_role(files->lookup, role);
	}
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
	if (find_entry(files, source, "") == NULL)
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

/*
 * The profile's keys.  A source that comes before them and that we don't have
 * is an error: other keys would be of somebody else.
 */
static AmplifyProvision
static_keys(const Files *files, const char *profile)
{
	AmplifyProvision provision;

	provision = refuse_sources(files, profile, BEFORE_KEYS);
	if (provision == AMPLIFY_PROVISION_NONE)
		provision = keys_of_file(files, &files->credentials, profile);
	if (provision == AMPLIFY_PROVISION_NONE)
		provision = refuse_sources(files, profile, BEFORE_CONFIG_KEYS);
	if (provision == AMPLIFY_PROVISION_NONE)
		provision = keys_of_file(files, &files->config, profile);
	if (provision == AMPLIFY_PROVISION_NONE)
		provision = refuse_sources(files, profile, AFTER_KEYS);
	return provision;
}

/* Both keys are of one file, as is the token */
static AmplifyProvision
keys_of_file(const Files *files, const SharedFile *file, const char *profile)
{
	const Entry *id = search_file(file, profile, "aws_access_key_id");
	const Entry *secret = search_file(file, profile, "aws_secret_access_key");
	const Entry *token = search_file(file, profile, "aws_security_token");

	if (id == NULL)
		return AMPLIFY_PROVISION_NONE;
	if (secret == NULL)
		return fail_profile(files, profile,
							"has aws_access_key_id, but no aws_secret_access_key in the same file");
	if (id->value[0] == '\0' || secret->value[0] == '\0')
		return fail_profile(files, profile,
							"has an empty aws_access_key_id or aws_secret_access_key");
	if (token == NULL)
		token = search_file(file, profile, "aws_session_token");
	return amplify_lookup_accept(files->lookup, id->value, secret->value,
								 token != NULL ? token->value : NULL,
								 AMPLIFY_NEVER);
}

static AmplifyProvision
refuse_sources(const Files *files, const char *profile, Turn turn)
{
	for (int i = 0; i < lengthof(refused); i++)
	{
		const Entry *entry;

		if (refused[i].turn != turn)
			continue;
		entry = find_entry(files, profile, refused[i].key);
		if (entry != NULL)
			return amplify_lookup_fail(files->lookup,
									   "Profile \"%s\" %s: line %d of file \"%s\".  Let the user mapping have the keys that \"aws configure export-credentials\" prints.",
									   profile, refused[i].what, entry->line,
									   entry->file->path);
	}
	return AMPLIFY_PROVISION_NONE;
}

static AmplifyProvision
fail_profile(const Files *files, const char *profile, const char *what)
{
	return amplify_lookup_fail(files->lookup, "Profile \"%s\" %s.",
							   profile, what);
}
