/*-------------------------------------------------------------------------
 *
 * identifier.c
 *	  amplify_fdw_key(): the keys in what people write down for an app.
 *
 * Inventories contain app ids with blanks and in upper case, ARNs of apps and
 * of what belongs to them, URLs of the console and of deployed branches.  For
 * each, the result is either keys or a problem, never both: a doubtful key
 * would be looked up, and reported as gone.
 *
 * Case needs care.  App ids, regions and host names are in lower case, so they
 * are converted to that.  The names of environments and branches are case
 * sensitive.  If the fixed parts of an ARN are in upper case, the case of the
 * name is lost.  Environments are still known, because Amplify's tools make
 * none in upper case, but branches are not.
 *
 * The functions are leakproof, so nothing here may raise an error for any
 * text.
 *
 * src/model/identifier.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "model/amplify_model.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(amplify_fdw_key);
PG_FUNCTION_INFO_V1(amplify_fdw_name);

#define LONGEST_IDENTIFIER	4096	/* bytes */

#define REF_HEADS			"refs/heads/"

#define PROBLEM_EMPTY		"empty"
#define PROBLEM_APP_ID		"not an app id"
#define PROBLEM_ARN			"not an ARN of Amplify"
#define PROBLEM_URL			"not a URL of Amplify"
#define PROBLEM_REGION		"not a region"
#define PROBLEM_ACCOUNT_ID	"not an account id"
#define PROBLEM_NAME		"not a name"
#define PROBLEM_CASE		"the case of the name is lost"

/* What a text names; all palloc'ed, NULL where it does not say */
typedef struct Identifier
{
	char	   *account_id;
	char	   *region;
	char	   *app_id;
	char	   *environment_name;
	char	   *branch_name;
} Identifier;

static const char *read_identifier(char *text, Identifier *id);
static const char *read_arn(char *arn, Identifier *id);
static const char *read_arn_keys(const char *arn, bool capitals,
								 Identifier *id);
static const char *read_address(char *host, char *rest, Identifier *id);
static const char *read_default_domain(char *name, Identifier *id);
static const char *read_console(char *host, char *path, Identifier *id);
static const char *read_console_host(char *prefix, Identifier *id);
static const char *read_app_id(const char *text, Identifier *id);
static const char *read_account_id(const char *text, Identifier *id);
static const char *read_region(const char *text, Identifier *id);
static char *trim(char *text);
static int	trimmed_at_start(const char *text);
static int	trimmed_at_end(const char *text, int length);
static char *cut_suffix(char *text, const char *suffix);
static char *parameter(const char *url, const char *name);
static char *segment_after(const char *path, const char *before);
static bool decode_percent(char *text);
static bool lower_case(char *text, int length);

/* One row, for any text and NULL: see the head of this file */
Datum
amplify_fdw_key(PG_FUNCTION_ARGS)
{
	TupleDesc	tupdesc;
	TypeFuncClass class PG_USED_FOR_ASSERTS_ONLY;
	Identifier	id = {0};
	const char *problem = PROBLEM_EMPTY;
	const char *texts[6] = {0};
	Datum		values[lengthof(texts)];
	bool		nulls[lengthof(texts)];

	class = get_call_result_type(fcinfo, NULL, &tupdesc);
	Assert(class == TYPEFUNC_COMPOSITE && tupdesc->natts == lengthof(texts));
	if (!PG_ARGISNULL(0))
		problem = read_identifier(text_to_cstring(PG_GETARG_TEXT_PP(0)), &id);
	if (problem == NULL)
	{
		texts[0] = id.account_id;
		texts[1] = id.region;
		texts[2] = id.app_id;
		texts[3] = id.environment_name;
		texts[5] = id.branch_name;
	}
	texts[4] = problem;
	for (int i = 0; i < lengthof(texts); i++)
	{
		nulls[i] = texts[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc),
													  values, nulls)));
}

/* A name as a repository or a spreadsheet has it; "-" is nobody's */
Datum
amplify_fdw_name(PG_FUNCTION_ARGS)
{
	char	   *name = trim(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	if (strncmp(name, REF_HEADS, strlen(REF_HEADS)) == 0)
		name += strlen(REF_HEADS);
	for (const char *p = name; *p != '\0'; p++)
	{
		if (IS_HIGHBIT_SET(*p) || isalnum((unsigned char) *p))
			PG_RETURN_TEXT_P(cstring_to_text(name));
	}
	PG_RETURN_NULL();
}

/*
 * NULL, or what is wrong.  Changes text, as do those below that take one that
 * is not constant.
 */
static const char *
read_identifier(char *text, Identifier *id)
{
	char	   *host;
	char	   *rest;
	const char *problem;

	text = trim(text);
	if (text[0] == '\0')
		return PROBLEM_EMPTY;
	if (strlen(text) > LONGEST_IDENTIFIER)
		return PROBLEM_APP_ID;
	if (pg_strncasecmp(text, "arn:", 4) == 0)
		return read_arn(text, id);

	host = strstr(text, "://");
	if (host == NULL && strchr(text, '.') == NULL)
		return read_app_id(text, id);
	if (host != NULL &&
		pg_strncasecmp(text, "https://", 8) != 0 &&
		pg_strncasecmp(text, "http://", 7) != 0)
		return PROBLEM_URL;
	if (host != NULL)
		text = host + 3;
	rest = pstrdup(text + strcspn(text, "/?#"));
	text[strcspn(text, "/?#:")] = '\0';
	problem = read_address(text, rest, id);
	return problem != NULL && host == NULL ? PROBLEM_APP_ID : problem;
}

/* arn:partition:amplify:region:account:apps/... */
static const char *
read_arn(char *arn, Identifier *id)
{
	char	   *field[6];
	char	   *segment;
	const char *problem;
	bool		capitals = false;

	field[0] = arn;
	for (int i = 1; i < lengthof(field); i++)
	{
		field[i] = strchr(field[i - 1], ':');
		if (field[i] == NULL)
			return PROBLEM_ARN;
		field[i]++;
	}
	(void) lower_case(arn, field[5] - arn);
	if ((strncmp(field[1], "aws:", 4) != 0 &&
		 strncmp(field[1], "aws-", 4) != 0) ||
		strncmp(field[2], "amplify:", 8) != 0)
		return PROBLEM_ARN;
	problem = read_region(pnstrdup(field[3], field[4] - field[3] - 1), id);
	if (problem == NULL)
		problem = read_account_id(pnstrdup(field[4], field[5] - field[4] - 1),
								  id);
	if (problem != NULL)
		return problem;

	/* apps/ID/kind/name: the third segment is the last that is fixed */
	segment = field[5];
	for (int i = 0; i < 3 && *segment != '\0'; i++)
	{
		int			length = strcspn(segment, "/");

		capitals |= lower_case(segment, length) && i != 1;
		segment += length;
		segment += *segment == '/';
	}
	return read_arn_keys(arn, capitals, id);
}

/*
 * The keys of an ARN whose fixed parts are in small letters, and were in
 * capitals or not.  That of a job looks as well like that of a branch, whose
 * names may have slashes: the longer templates stand behind.
 */
static const char *
read_arn_keys(const char *arn, bool capitals, Identifier *id)
{
	const AmplifyResource *resource = NULL;
	AmplifyKeys keys;
	int			n = 0;
	const char *problem;

	while (amplify_resources[n] != NULL)
		n++;
	while (n > 0 && resource == NULL)
	{
		n--;
		if (amplify_resources[n]->arn_path != NULL &&
			amplify_resource_parse_arn(amplify_resources[n], arn, NULL, NULL,
									   &keys) == AMPLIFY_ARN_OWN)
			resource = amplify_resources[n];
	}
	if (resource == NULL)
		return PROBLEM_ARN;

	problem = read_app_id(keys.value[AMPLIFY_KEY_APP], id);
	if ((resource->keys & 1 << AMPLIFY_KEY_ENVIRONMENT) != 0)
	{
		id->environment_name = pstrdup(keys.value[AMPLIFY_KEY_ENVIRONMENT]);
		if (capitals)
			(void) lower_case(id->environment_name,
							  strlen(id->environment_name));
	}
	if ((resource->keys & 1 << AMPLIFY_KEY_BRANCH) != 0)
	{
		id->branch_name = pstrdup(keys.value[AMPLIFY_KEY_BRANCH]);
		if (capitals && problem == NULL)
			problem = PROBLEM_CASE;
	}
	return problem;
}

/* What stands in a browser, with a scheme or without; rest is its path */
static const char *
read_address(char *host, char *rest, Identifier *id)
{
	static const char *const consoles[] = {
		"console.aws.amazon.com",
		"console.amazonaws.cn",
		"console.amazonaws-us-gov.com",
	};

	(void) lower_case(host, strlen(host));
	if (cut_suffix(host, ".amplifyapp.com") != NULL)
		return read_default_domain(host, id);
	for (int i = 0; i < lengthof(consoles); i++)
	{
		if (cut_suffix(host, consoles[i]) != NULL)
			return read_console(host, rest, id);
	}
	return PROBLEM_URL;
}

/*
 * d1a2b3c4d5.amplifyapp.com, or with the branch in front.  A name that can't
 * be a label has hyphens there in the place of other characters, so a label
 * that has some may be another name.
 */
static const char *
read_default_domain(char *name, Identifier *id)
{
	char	   *app = strrchr(name, '.');

	if (app == NULL)
		return read_app_id(name, id);
	*app++ = '\0';
	if (strchr(name, '.') != NULL || name[0] == '\0')
		return PROBLEM_URL;
	if (strchr(name, '-') == NULL)
		id->branch_name = pstrdup(name);
	return read_app_id(app, id);
}

/*
 * .../amplify/apps/d1a2b3c4d5/branches/main/deployments, or, of older days,
 * .../amplify/home?region=us-east-1#/d1a2b3c4d5/...
 */
static const char *
read_console(char *host, char *path, Identifier *id)
{
	const char *problem = read_console_host(host, id);
	char	   *region = parameter(path, "region");
	char	   *app;

	if (pg_strncasecmp(path, "/amplify/", 9) != 0)
		return PROBLEM_URL;
	if (problem == NULL && id->region == NULL && region != NULL)
		problem = read_region(region, id);
	if (problem != NULL)
		return problem;

	app = segment_after(path, "/apps/");
	if (app == NULL)
		app = segment_after(path, "#/");
	if (app == NULL)
		return PROBLEM_APP_ID;
	problem = read_app_id(app, id);
	if (problem != NULL)
		return problem;
	id->branch_name = segment_after(path, "/branches/");
	if (id->branch_name != NULL && strstr(path, "/branches/") == NULL)
		return PROBLEM_CASE;
	if (id->branch_name != NULL && !decode_percent(id->branch_name))
		return PROBLEM_NAME;
	return NULL;
}

/* What stands before the console's domain: [account-session.][region.] */
static const char *
read_console_host(char *prefix, Identifier *id)
{
	int			length = strlen(prefix);
	char	   *region;
	const char *problem;

	if (length == 0)
		return NULL;
	if (prefix[length - 1] != '.')
		return PROBLEM_URL;		/* of another domain, which ends alike */
	prefix[length - 1] = '\0';
	region = strrchr(prefix, '.');
	problem = read_region(region == NULL ? prefix : region + 1, id);
	if (problem != NULL || region == NULL)
		return problem;
	*region = '\0';
	prefix[strcspn(prefix, "-")] = '\0';
	return read_account_id(prefix, id);
}

static const char *
read_app_id(const char *text, Identifier *id)
{
	id->app_id = pstrdup(text);
	(void) lower_case(id->app_id, strlen(id->app_id));
	return amplify_resource_valid_key(AMPLIFY_APP_ID, id->app_id) ? NULL :
		PROBLEM_APP_ID;
}

static const char *
read_account_id(const char *text, Identifier *id)
{
	id->account_id = pstrdup(text);
	return amplify_option_valid_account(text) ? NULL : PROBLEM_ACCOUNT_ID;
}

static const char *
read_region(const char *text, Identifier *id)
{
	id->region = pstrdup(text);
	(void) lower_case(id->region, strlen(id->region));
	return amplify_option_valid_region(id->region) ? NULL : PROBLEM_REGION;
}

/* ---------- text ---------- */

/*
 * Without blanks, quotes, brackets and punctuation around it; what closes a
 * bracket inside is the text's own
 */
static char *
trim(char *text)
{
	int			length;
	int			n;

	while ((n = trimmed_at_start(text)) > 0)
		text += n;
	length = strlen(text);
	while ((n = trimmed_at_end(text, length)) > 0)
		length -= n;
	text[length] = '\0';
	return text;
}

/* What is taken off either end; several bytes are UTF-8 */
static const char *const trimmed[] = {
	" ", "\t", "\n", "\r", "\v", "\f", "\"", "'", "`", "<", ">", "(", ")",
	"[", "]", "{", "}", ".", ",", ";", "/", "\\",
	"=",						/* ="d1a2b3c4d5" is what keeps a text one */
	"\xC2\xA0",					/* no-break space */
	"\xC2\xAB", "\xC2\xBB",		/* guillemets */
	"\xC2\xAD",					/* soft hyphen */
	"\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x89", /* wide and thin spaces */
	"\xE2\x80\x8B", "\xE2\x80\x8C", "\xE2\x80\x8D", /* zero width space, */
	"\xE2\x81\xA0",				/* joiners */
	"\xE2\x80\x8E", "\xE2\x80\x8F", /* marks of direction */
	"\xE2\x80\xA8",				/* line separator */
	"\xE2\x80\x98", "\xE2\x80\x99", /* quotation marks */
	"\xE2\x80\x9C", "\xE2\x80\x9D", "\xE2\x80\x9E",
	"\xE2\x80\xAF",				/* narrow no-break space */
	"\xE3\x80\x80",				/* ideographic space */
	"\xEF\xBB\xBF",				/* byte order mark */
};

static int
trimmed_at_start(const char *text)
{
	for (int i = 0; i < lengthof(trimmed); i++)
	{
		int			length = strlen(trimmed[i]);

		if (length > 1 && GetDatabaseEncoding() != PG_UTF8)
			break;
		if (strncmp(text, trimmed[i], length) == 0)
			return length;
	}
	return 0;
}

static int
trimmed_at_end(const char *text, int length)
{
	static const char brackets[] = "()[]{}<>";
	const char *closing = length == 0 ? NULL :
		strchr(brackets, text[length - 1]);

	if (closing != NULL && (closing - brackets) % 2 == 1 &&
		memchr(text, closing[-1], length) != NULL)
		return 0;
	for (int i = 0; i < lengthof(trimmed); i++)
	{
		int			n = strlen(trimmed[i]);

		if (n > 1 && GetDatabaseEncoding() != PG_UTF8)
			break;
		if (n <= length && strncmp(text + length - n, trimmed[i], n) == 0)
			return n;
	}
	return 0;
}

/* Cuts it off and returns where it was; NULL if the text does not end so */
static char *
cut_suffix(char *text, const char *suffix)
{
	int			length = strlen(text) - strlen(suffix);

	if (length < 0 || strcmp(text + length, suffix) != 0)
		return NULL;
	text[length] = '\0';
	return text + length;
}

/* The value of a parameter in a URL's query, or in that of its fragment */
static char *
parameter(const char *url, const char *name)
{
	int			length = strlen(name);

	for (const char *p = strpbrk(url, "?&"); p != NULL; p = strpbrk(p, "?&"))
	{
		p++;
		if (pg_strncasecmp(p, name, length) == 0 && p[length] == '=')
			return pnstrdup(p + length + 1, strcspn(p + length + 1, "&#/"));
	}
	return NULL;
}

/*
 * What follows in a path, up to the next slash; NULL if nothing does.  before
 * may be there in capitals.
 */
static char *
segment_after(const char *path, const char *before)
{
	int			length = strlen(before);

	for (const char *p = path; *p != '\0'; p++)
	{
		if (pg_strncasecmp(p, before, length) == 0)
			return pnstrdup(p + length, strcspn(p + length, "/?#&"));
	}
	return NULL;
}

/* In place; false if it is not percent-encoded text of the database */
static bool
decode_percent(char *text)
{
	char	   *to = text;

	for (const char *from = text; *from != '\0'; from++)
	{
		unsigned char byte = *from;

		if (byte == '%')
		{
			if (!isxdigit((unsigned char) from[1]) ||
				!isxdigit((unsigned char) from[2]))
				return false;
			byte = strtol((char[]) {from[1], from[2], '\0'}, NULL, 16);
			if (byte == '\0')
				return false;
			from += 2;
		}
		*to++ = byte;
	}
	*to = '\0';
	return text[0] != '\0' && pg_verifymbstr(text, to - text, true);
}

/* In place, of ASCII letters; were there capitals? */
static bool
lower_case(char *text, int length)
{
	bool		capitals = false;

	for (int i = 0; i < length; i++)
	{
		if (text[i] >= 'A' && text[i] <= 'Z')
		{
			text[i] += 'a' - 'A';
			capitals = true;
		}
	}
	return capitals;
}
