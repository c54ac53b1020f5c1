/*-------------------------------------------------------------------------
 *
 * option.c
 *	  Every option of servers, user mappings, tables and columns: one table,
 *	  its validator, and the one loader into AmplifyOptions.
 *
 * No other file compares an option's name.  What a value means to a request
 * is not known here.
 *
 * src/model/option.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "aws/sigv4.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_type.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "model/amplify_model.h"
#include "nodes/makefuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(amplify_fdw_validator);

#define SESSION_NAME_CHARACTERS \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-"
#define AUTHORITY_CHARACTERS \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:"
#define EXTERNAL_ID_CHARACTERS	SESSION_NAME_CHARACTERS ":/"

static const AmplifyOption *find_option(const char *name, Oid catalog);
static void unknown_option(const char *name, Oid catalog);
static void check_option(const AmplifyOption *option, DefElem *def,
						 AmplifyOptions *options);
static char **secret_of(const AmplifyOption *option, AmplifyOptions *options);
static void check_combination(const AmplifyOptions *options, Oid catalog);
static bool parse_on_error(const char *value, AmplifyOnError *on_error);
static bool parse_number(const AmplifyOption *option, const char *value,
						 int flags, int *target);
static bool parse_option(const AmplifyOption *option, const char *value,
						 AmplifyOptions *options);

/* What is acceptable, by the kind of an option; of its min and max */
static const char *const kinds[] = {
	[AMPLIFY_OPTION_BOOL] = "It must be a Boolean value.",
	[AMPLIFY_OPTION_COUNT] = "It must be an integer from %.0f to %.0f.",
	[AMPLIFY_OPTION_MS] = "It must be a time from %.0f ms to %.0f ms; a number without a unit is in milliseconds.",
	[AMPLIFY_OPTION_SECONDS] = "It must be a time from %.0f s to %.0f s; a number without a unit is in seconds.",
	[AMPLIFY_OPTION_BYTES] = "It must be a size from %.0f to %.0f bytes; a number without a unit is in bytes.",
	[AMPLIFY_OPTION_REAL] = "It must be a number from %.0f to %.0f.",
	[AMPLIFY_OPTION_ON_ERROR] = "It must be \"error\", \"warn\" or \"warn_always\".",
	[AMPLIFY_OPTION_REGION] = "It must be the name of an AWS region, such as \"us-east-1\".",
	[AMPLIFY_OPTION_ACCOUNT] = "It must be the number of an AWS account, of 12 digits.",
	[AMPLIFY_OPTION_URL] = "It must be an http or https URL of a host, and a port from 1 to 65535 if need be, without user, query or fragment.",
	[AMPLIFY_OPTION_TEXT] = "It must not be empty.",
	[AMPLIFY_OPTION_HEADER] = "It must have %.0f to %.0f printable ASCII characters without spaces.",
	[AMPLIFY_OPTION_ARN] = "It must be the ARN of a role, such as \"arn:aws:iam::111122223333:role/reader\".",
	[AMPLIFY_OPTION_EXTERNAL_ID] = "It must have %.0f to %.0f letters, digits or characters of \"_+=,.@:/-\".",
	[AMPLIFY_OPTION_SESSION_NAME] = "It must have %.0f to %.0f letters, digits or characters of \"_+=,.@-\".",
};

/* Values where no option says otherwise */
void
amplify_option_defaults(AmplifyOptions *options)
{
	static AmplifyOptions defaults;
	static bool known = false;

	for (const AmplifyOption *option = amplify_options; option->name && !known; option++)
	{
		if (option->default_value != NULL &&
			!parse_option(option, option->default_value, &defaults))
			elog(ERROR, "option \"%s\": bad default", option->name);
	}
	known = true;
	*options = defaults;
}

/*
 * Options as the catalog has them, an array of "name=value", into DefElems.
 * PostgreSQL's untransformRelOptions() leaves copies of the values that nobody
 * can find again; here, amplify_option_forget_list() overwrites them all.
 */
List *
amplify_option_list(Datum options)
{
	List	   *result = NIL;
	ArrayType  *array = DatumGetArrayTypeP(options);
	Datum	   *elements;
	int			n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL,
					  &n);
	for (int i = 0; i < n; i++)
	{
		char	   *name = TextDatumGetCString(elements[i]);
		char	   *value = strchr(name, '=');

		Assert(value != NULL);
		*value++ = '\0';
		result = lappend(result, makeDefElem(name, (Node *) makeString(value), -1));
	}
	if ((Pointer) array != DatumGetPointer(options))
	{
		sigv4_cleanse(array, VARSIZE(array));
		pfree(array);
	}
	return result;
}

/* Overwrite the values of such a list, which must not be used any more */
void
amplify_option_forget_list(List *deflist)
{
	ListCell   *lc;

	foreach(lc, deflist)
	{
		char	   *value = defGetString(lfirst_node(DefElem, lc));

		sigv4_cleanse(value, strlen(value));
	}
}

/* Overwrite the secrets, which must not be used any more.  Never throws. */
void
amplify_option_forget(AmplifyOptions *options)
{
	for (const AmplifyOption *option = amplify_options; option->name; option++)
	{
		char	  **secret = secret_of(option, options);

		if (secret != NULL && *secret != NULL)
			sigv4_cleanse(*secret, strlen(*secret));
	}
}

/* Where that option's value is, if it is a secret; else NULL */
static char **
secret_of(const AmplifyOption *option, AmplifyOptions *options)
{
	if ((option->flags & AMPLIFY_OPTION_SECRET) == 0)
		return NULL;
	Assert(option->kind >= AMPLIFY_OPTION_REGION);
	return (char **) ((char *) options + option->offset);
}

/*
 * Put the options of one object over those already there; secrets in whose
 * place others come are overwritten.  Strings are copied into the current
 * context.  Values were validated when they were set.
 */
void
amplify_option_apply(List *deflist, AmplifyOptions *options)
{
	ListCell   *lc;

	foreach(lc, deflist)
	{
		DefElem    *def = lfirst_node(DefElem, lc);
		const AmplifyOption *option = find_option(def->defname, InvalidOid);
		char	  **secret = option ? secret_of(option, options) : NULL;

		if (secret != NULL && *secret != NULL)
			sigv4_cleanse(*secret, strlen(*secret));
		if (option == NULL || !parse_option(option, defGetString(def), options))
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("option \"%s\" cannot be used by this version of amplify_fdw",
							def->defname)));
	}
}

/* The resource that a table shows; an error when there is none of that name */
const AmplifyResource *
amplify_option_resource(const AmplifyOptions *options, Oid relid)
{
	const char *name = options->resource ? options->resource :
		get_rel_name(relid);
	const AmplifyResource *resource = amplify_resource_find(name);
	StringInfoData names;

	if (resource != NULL)
		return resource;

	initStringInfo(&names);
	for (int i = 0; amplify_resources[i] != NULL; i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "",
						 amplify_resources[i]->name);
	ereport(ERROR,
			(errcode(ERRCODE_FDW_TABLE_NOT_FOUND),
			 errmsg("foreign table \"%s\" is not an Amplify resource",
					get_rel_name(relid)),
			 errdetail("There is no resource \"%s\".", name),
			 errhint("Set the table option \"resource\" to one of: %s.",
					 names.data)));
}

/*
 * Check the options of one object, as they will be stored: PostgreSQL calls
 * this with the whole list, also for ALTER.
 */
Datum
amplify_fdw_validator(PG_FUNCTION_ARGS)
{
	List	   *deflist = amplify_option_list(PG_GETARG_DATUM(0));
	Oid			catalog = PG_GETARG_OID(1);
	AmplifyOptions options;

	amplify_option_check(deflist, catalog, &options);
	check_combination(&options, catalog);
	amplify_option_forget_list(deflist);
	amplify_option_forget(&options);

	PG_RETURN_VOID();
}

/* What the statement is about that sets the option */
const char *
amplify_option_location(const AmplifyOption *option)
{
	static const struct
	{
		Oid			catalog;
		const char *name;
	}			locations[] = {
		{ForeignServerRelationId, "server"},
		{UserMappingRelationId, "user mapping"},
		{ForeignTableRelationId, "table"},
		{AttributeRelationId, "column"},
		{AMPLIFY_IMPORT_CATALOG, "import"},
	};
	int			i = 0;

	while (locations[i].catalog != option->catalog)
		i++;
	return locations[i].name;
}

/* catalog InvalidOid: wherever that name occurs */
static const AmplifyOption *
find_option(const char *name, Oid catalog)
{
	for (const AmplifyOption *option = amplify_options; option->name; option++)
	{
		if (strcmp(option->name, name) == 0 &&
			(catalog == InvalidOid || option->catalog == catalog))
			return option;
	}
	return NULL;
}

static void
unknown_option(const char *name, Oid catalog)
{
	const AmplifyOption *elsewhere = find_option(name, InvalidOid);
	bool		secret = catalog == UserMappingRelationId ||
		(elsewhere != NULL && (elsewhere->flags & AMPLIFY_OPTION_SECRET) != 0);
	StringInfoData names;

	initStringInfo(&names);
	for (const AmplifyOption *option = amplify_options; option->name; option++)
	{
		if (option->catalog == catalog)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
							 option->name);
	}

	/* the statement may hold a secret: keep it out of the server's log */
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("invalid option \"%s\"", name),
			 secret && catalog != UserMappingRelationId ?
			 errdetail("Credentials belong to a user mapping, where others cannot read them.") :
			 elsewhere != NULL && elsewhere->catalog != AMPLIFY_IMPORT_CATALOG ?
			 errdetail("It is an option of a %s.",
					   amplify_option_location(elsewhere)) : 0,
			 names.len > 0 ?
			 errhint("Valid options in this context are: %s.", names.data) :
			 errhint("There are no valid options in this context."),
			 errhidestmt(secret)));
}

/*
 * Check the options of one object of that catalog, each by itself, and read
 * them into *options
 */
void
amplify_option_check(List *deflist, Oid catalog, AmplifyOptions *options)
{
	ListCell   *lc;

	amplify_option_defaults(options);
	foreach(lc, deflist)
	{
		DefElem    *def = lfirst_node(DefElem, lc);
		const AmplifyOption *option = find_option(def->defname, catalog);

		if (option == NULL)
			unknown_option(def->defname, catalog);
		check_option(option, def, options);
	}
}

/* Its value goes into *options */
static void
check_option(const AmplifyOption *option, DefElem *def,
			 AmplifyOptions *options)
{
	const char *value = defGetString(def);
	bool		secret = option->catalog == UserMappingRelationId;

	if ((option->flags & AMPLIFY_OPTION_SUPERUSER) != 0 && !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to set option \"%s\"", option->name),
				 errdetail("Only a superuser may set it."),
				 errhidestmt(secret)));

	if (!parse_option(option, value, options))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 (option->flags & AMPLIFY_OPTION_SECRET) != 0 ?
				 errmsg("invalid value for option \"%s\"", option->name) :
				 errmsg("invalid value for option \"%s\": \"%s\"",
						option->name, value),
				 errdetail(kinds[option->kind], option->min, option->max),
				 errhidestmt(secret)));
}

/* What no single value can show */
static void
check_combination(const AmplifyOptions *options, Oid catalog)
{
	if (catalog == ForeignServerRelationId && options->region == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("option \"region\" is required for a server of amplify_fdw"),
				 errhint("Add OPTIONS (region 'us-east-1'), with the region of your apps.")));

	if (options->endpoint_url != NULL &&
		(options->use_fips || options->use_dualstack))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"endpoint_url\" cannot be combined with \"use_fips\" or \"use_dualstack\""),
				 errdetail("Those choose an endpoint of AWS; \"endpoint_url\" already is one.")));

	if ((options->access_key_id == NULL) != (options->secret_access_key == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("options \"access_key_id\" and \"secret_access_key\" must be set together"),
				 errhidestmt(true)));

	if (options->session_token != NULL && options->access_key_id == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("option \"session_token\" requires \"access_key_id\" and \"secret_access_key\""),
				 errdetail("A session token is valid only with the keys that it was issued with."),
				 errhidestmt(true)));

	if ((options->proxy_user == NULL) != (options->proxy_password == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("options \"proxy_user\" and \"proxy_password\" must be set together"),
				 errhidestmt(true)));

	if (options->source_server != NULL &&
		(options->access_key_id != NULL || options->profile != NULL ||
		 options->ambient_credentials))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"source_server\" cannot be combined with other credentials"),
				 errdetail("It takes those of the user mapping for another server."),
				 errhidestmt(true)));

	if (options->role_arn == NULL &&
		(options->external_id != NULL || options->role_session_name != NULL ||
		 options->role_duration != 0))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("options \"external_id\", \"role_session_name\" and \"role_duration\" need option \"role_arn\""),
				 errhidestmt(true)));
}

static bool
parse_on_error(const char *value, AmplifyOnError *on_error)
{
	static const char *const names[] = {
		[AMPLIFY_ON_ERROR_FAIL] = "error",
		[AMPLIFY_ON_ERROR_WARN] = "warn",
		[AMPLIFY_ON_ERROR_WARN_ALWAYS] = "warn_always",
	};

	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(value, names[i]) == 0)
		{
			*on_error = (AmplifyOnError) i;
			return true;
		}
	}
	return false;
}

/* A whole number, which a unit may follow; flags says what it is without */
static bool
parse_number(const AmplifyOption *option, const char *value, int flags,
			 int *target)
{
	return parse_int(value, target, flags, NULL) &&
		*target >= option->min && *target <= option->max;
}

/*
 * Read one value into its place.  False if it is not acceptable.  Strings are
 * copied, so nothing points into the catalog.
 */
static bool
parse_option(const AmplifyOption *option, const char *value,
			 AmplifyOptions *options)
{
	void	   *target = (char *) options + option->offset;
	double		real;
	bool		good = false;

	switch (option->kind)
	{
		case AMPLIFY_OPTION_BOOL:
			return parse_bool(value, (bool *) target);
		case AMPLIFY_OPTION_ON_ERROR:
			return parse_on_error(value, (AmplifyOnError *) target);
		case AMPLIFY_OPTION_COUNT:
			return parse_number(option, value, 0, target);
		case AMPLIFY_OPTION_MS:
			return parse_number(option, value, GUC_UNIT_MS, target);
		case AMPLIFY_OPTION_SECONDS:
			return parse_number(option, value, GUC_UNIT_S, target);
		case AMPLIFY_OPTION_BYTES:
			return parse_number(option, value, GUC_UNIT_BYTE, target);
		case AMPLIFY_OPTION_REAL:
			if (!parse_real(value, &real, 0, NULL) ||
				!(real >= option->min && real <= option->max))
				return false;
			*(double *) target = real;
			return true;
		case AMPLIFY_OPTION_REGION:
			good = amplify_option_valid_region(value);
			break;
		case AMPLIFY_OPTION_ACCOUNT:
			good = amplify_option_valid_account(value);
			break;
		case AMPLIFY_OPTION_URL:
			good = amplify_option_valid_url(value);
			break;
		case AMPLIFY_OPTION_HEADER:
			good = amplify_option_valid_header(value);
			break;
		case AMPLIFY_OPTION_ARN:
			good = strncmp(value, "arn:", 4) == 0 &&
				amplify_option_valid_header(value);
			break;
		case AMPLIFY_OPTION_EXTERNAL_ID:
			good = value[strspn(value, EXTERNAL_ID_CHARACTERS)] == '\0';
			break;
		case AMPLIFY_OPTION_SESSION_NAME:
			good = value[strspn(value, SESSION_NAME_CHARACTERS)] == '\0';
			break;
		case AMPLIFY_OPTION_TEXT:
			good = value[0] != '\0';
			break;
	}
	if (!good || (option->max > 0 && (strlen(value) < option->min ||
									  strlen(value) > option->max)))
		return false;
	*(char **) target = pstrdup(value);
	return true;
}

/*
 * The region becomes part of a host name: let nothing through that could name
 * another host.  New regions need no new version, so there is no list.
 */
bool
amplify_option_valid_region(const char *region)
{
	int			length = strlen(region);
	int			dashes = 0;

	if (length > 32 || strspn(region, "abcdefghijklmnopqrstuvwxyz") < 2)
		return false;
	for (const char *p = region; *p != '\0'; p++)
	{
		if (*p == '-')
		{
			dashes++;
			if (p[1] == '-' || p[1] == '\0')
				return false;
		}
		else if (!(*p >= 'a' && *p <= 'z') &&
				 !(*p >= '0' && *p <= '9' && dashes > 0))
			return false;
	}
	return dashes >= 1 && dashes <= 4;
}

/* The number of an AWS account */
bool
amplify_option_valid_account(const char *account)
{
	return strlen(account) == 12 && strspn(account, "0123456789") == 12;
}

/*
 * A plain http or https URL, as libcurl understands it; a path may follow the
 * host and port, nothing else.
 */
bool
amplify_option_valid_url(const char *url)
{
	const char *host;
	const char *authority;
	char	   *origin;
	int			length;
	bool		good;

	if (strncmp(url, "https://", 8) == 0)
		host = url + 8;
	else if (strncmp(url, "http://", 7) == 0)
		host = url + 7;
	else
		return false;

	length = strcspn(host, "/");
	authority = host[0] == '[' ? AUTHORITY_CHARACTERS "[]" : AUTHORITY_CHARACTERS;
	if (length == 0 || length > 255 || host[0] == ':' ||
		strspn(host, authority) < length || host[length - 1] == ':')
		return false;
	for (const char *p = url; *p != '\0'; p++)
	{
		if (*p <= ' ' || *p > '~' || strchr("@?#\\\"<>%", *p) != NULL)
			return false;
	}
	origin = pnstrdup(url, host + length - url);
	good = amplify_easy_is_origin(origin);
	pfree(origin);
	return good;
}

/* No space either: no key or token of AWS has one */
bool
amplify_option_valid_header(const char *value)
{
	for (const char *p = value; *p != '\0'; p++)
	{
		if (*p <= ' ' || *p > '~')
			return false;
	}
	return value[0] != '\0';
}
