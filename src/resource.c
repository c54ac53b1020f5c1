/*-------------------------------------------------------------------------
 *
 * resource.c
 *	  What Amplify has: resources, their columns and operations, as data.
 *
 * A new resource is a new set of rows here and nothing else in C.  The tables
 * hold no behaviour: how a call is made, paged or retried is in query.c and
 * fetch.c, how a value is read in page.c.
 *
 * Which columns a request needs is not written twice: it is the set of
 * {placeholders} in the operation's path, and placeholders are column names.
 *
 * Source: the service model of Amplify, API version 2017-07-25.
 *
 * src/resource.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "amplify_fdw.h"
#include "mb/pg_wchar.h"

#define ARN_FIELDS	6			/* arn:partition:service:region:account:rest */

static bool expand_name(const char **template, char *name, size_t size);

static const AmplifyColumn apps_columns[] = {
	{"app_id", "appId", AMPLIFY_TEXT, AMPLIFY_MEMBER, AMPLIFY_APP_ID},
};

static const AmplifyOperation get_app =
{"GetApp", "/apps/{app_id}", "app", 0, NULL};
static const AmplifyOperation list_apps =
{"ListApps", "/apps", "apps", 100, NULL};

static const AmplifyResource apps = {
	"apps", apps_columns, lengthof(apps_columns),
	{"app_id"},
	&get_app, &list_apps, NULL,
	"apps/{app_id}",
	25, false
};

static const AmplifyColumn backend_environments_columns[] = {
	{"app_id", NULL, AMPLIFY_TEXT, AMPLIFY_KEY, AMPLIFY_APP_ID},
	{"environment_name", "environmentName", AMPLIFY_TEXT, AMPLIFY_MEMBER, AMPLIFY_NAME},
	{"backend_environment_arn", "backendEnvironmentArn", AMPLIFY_TEXT, AMPLIFY_MEMBER, AMPLIFY_ARN},
	{"stack_name", "stackName", AMPLIFY_TEXT, AMPLIFY_MEMBER, AMPLIFY_NOT_A_KEY},
	{"deployment_artifacts", "deploymentArtifacts", AMPLIFY_TEXT, AMPLIFY_MEMBER, AMPLIFY_NOT_A_KEY},
	{"create_time", "createTime", AMPLIFY_TIMESTAMP, AMPLIFY_MEMBER, AMPLIFY_NOT_A_KEY},
	{"update_time", "updateTime", AMPLIFY_TIMESTAMP, AMPLIFY_MEMBER, AMPLIFY_NOT_A_KEY},
	{"region", NULL, AMPLIFY_TEXT, AMPLIFY_REGION, AMPLIFY_REGION_NAME},
	{"account_id", NULL, AMPLIFY_TEXT, AMPLIFY_ACCOUNT, AMPLIFY_NOT_A_KEY},
};

static const AmplifyOperation get_backend_environment = {
	"GetBackendEnvironment",
	"/apps/{app_id}/backendenvironments/{environment_name}",
	"backendEnvironment", 0, NULL
};
static const AmplifyOperation list_backend_environments = {
	"ListBackendEnvironments",
	"/apps/{app_id}/backendenvironments",
	"backendEnvironments", 50, "environmentName"
};

static const AmplifyResource backend_environments = {
	"backend_environments", backend_environments_columns,
	lengthof(backend_environments_columns),
	{"app_id", "environment_name"},
	&get_backend_environment, &list_backend_environments, &apps,
	"apps/{app_id}/backendenvironments/{environment_name}",
	4, true
};

/* Those that a foreign table can show */
const AmplifyResource *const amplify_resources[] = {
	&backend_environments,
	NULL
};

/*
 * Fail early when the tables disagree with themselves: every placeholder and
 * key is a column, and a parent has what its child's List needs.  Called once,
 * when the library is loaded; a cheap price for tables that can be trusted.
 */
void
amplify_resource_check(void)
{
	for (int i = 0; amplify_resources[i] != NULL; i++)
	{
		const AmplifyResource *resource = amplify_resources[i];
		const char *paths[3];

		paths[0] = resource->get->path;
		paths[1] = resource->list->path;
		paths[2] = resource->arn_path;
		for (int j = 0; j < lengthof(paths); j++)
		{
			const char *rest = paths[j];
			char		name[NAMEDATALEN];

			while (expand_name(&rest, name, sizeof(name)))
			{
				if (amplify_resource_key(resource, name) < 0 ||
					amplify_resource_column(resource, name) == NULL)
					elog(ERROR, "resource \"%s\": \"%s\" is not a key column",
						 resource->name, name);
				if (paths[j] == resource->list->path &&
					(resource->parent == NULL ||
					 amplify_resource_column(resource->parent, name) == NULL))
					elog(ERROR, "resource \"%s\": its parent has no \"%s\"",
						 resource->name, name);
			}
		}
	}
}

/* The resource of that name, or NULL */
const AmplifyResource *
amplify_resource_find(const char *name)
{
	for (int i = 0; amplify_resources[i] != NULL; i++)
	{
		if (strcmp(amplify_resources[i]->name, name) == 0)
			return amplify_resources[i];
	}
	return NULL;
}

/* The column of that name, or NULL */
const AmplifyColumn *
amplify_resource_column(const AmplifyResource *resource, const char *name)
{
	for (int i = 0; i < resource->ncolumns; i++)
	{
		if (strcmp(resource->columns[i].name, name) == 0)
			return &resource->columns[i];
	}
	return NULL;
}

/* Which key a column is: an index into AmplifyKeys.value, or -1 */
int
amplify_resource_key(const AmplifyResource *resource, const char *column)
{
	for (int i = 0; i < AMPLIFY_MAX_KEYS && resource->keys[i] != NULL; i++)
	{
		if (strcmp(resource->keys[i], column) == 0)
			return i;
	}
	return -1;
}

/* The innermost key: what a List leaves open and a Get doesn't */
int
amplify_resource_last_key(const AmplifyResource *resource)
{
	int			last = 0;

	while (last + 1 < AMPLIFY_MAX_KEYS && resource->keys[last + 1] != NULL)
		last++;
	return last;
}

/* Does bound, indexed like AmplifyKeys, have all that the path needs? */
bool
amplify_resource_binds(const AmplifyResource *resource,
					   const AmplifyOperation *operation, const bool *bound)
{
	const char *rest = operation->path;
	char		name[NAMEDATALEN];

	while (expand_name(&rest, name, sizeof(name)))
	{
		if (!bound[amplify_resource_key(resource, name)])
			return false;
	}
	return true;
}

/*
 * Could the service have something under this key?  Values that break its
 * rules, and those that would name another URI (an empty segment, dot
 * segments), must never be sent.  value is valid UTF-8.
 */
bool
amplify_resource_valid_key(AmplifyKeyRule rule, const char *value)
{
	int			length;

	switch (rule)
	{
		case AMPLIFY_APP_ID:
			length = strlen(value);
			return length >= 2 && length <= 20 && value[0] == 'd' &&
				strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789") == length;
		case AMPLIFY_NAME:
			length = 0;
			for (const char *p = value; *p != '\0'; p++)
			{
				if (!IS_HIGHBIT_SET(*p) || (*p & 0x40) != 0)
					length++;	/* not a continuation byte */
			}
			return length >= 1 && length <= AMPLIFY_LONGEST_NAME &&
				strcmp(value, ".") != 0 && strcmp(value, "..") != 0;
		case AMPLIFY_ARN:
		case AMPLIFY_REGION_NAME:
		case AMPLIFY_NOT_A_KEY:
			break;
	}
	return true;
}

/*
 * Take an ARN of this resource apart.
 *
 * Returns false if it is of another service, kind or shape, or of another
 * region than the one given (NULL: any).  account and keys may be NULL; what
 * they get is palloc'ed.  A key is what stands between the literal parts of
 * arn_path; the last one takes all that is left, slashes too.
 */
bool
amplify_resource_parse_arn(const AmplifyResource *resource, const char *arn,
						   const char *region, char **account,
						   AmplifyKeys *keys)
{
	const char *field[ARN_FIELDS];
	const char *template = resource->arn_path;
	const char *rest;

	field[0] = arn;
	for (int i = 1; i < ARN_FIELDS; i++)
	{
		const char *colon = strchr(field[i - 1], ':');

		if (colon == NULL)
			return false;
		field[i] = colon + 1;
	}
	if (strncmp(arn, "arn:aws", 7) != 0 ||
		strncmp(field[2], "amplify:", 8) != 0)
		return false;
	if (region != NULL &&
		(strncmp(field[3], region, strlen(region)) != 0 ||
		 field[3][strlen(region)] != ':'))
		return false;

	rest = field[5];
	while (*template != '\0')
	{
		char		name[NAMEDATALEN];
		int			literal = strcspn(template, "{");
		int			length;

		if (strncmp(rest, template, literal) != 0)
			return false;
		rest += literal;
		template += literal;
		if (!expand_name(&template, name, sizeof(name)))
			break;
		length = (*template == '\0') ? strlen(rest) :
			strcspn(rest, (char[]) {*template, '\0'});
		if (length == 0)
			return false;
		if (keys != NULL)
			keys->value[amplify_resource_key(resource, name)] =
				pnstrdup(rest, length);
		rest += length;
	}
	if (*rest != '\0')
		return false;
	if (account != NULL)
		*account = pnstrdup(field[4], field[5] - field[4] - 1);
	return true;
}

/*
 * Find the next {name} in a template; *template moves past it.  False when
 * there is none.
 */
static bool
expand_name(const char **template, char *name, size_t size)
{
	const char *open = strchr(*template, '{');
	const char *close;

	if (open == NULL)
		return false;
	close = strchr(open, '}');
	Assert(close != NULL && close - open <= size);
	strlcpy(name, open + 1, close - open);
	*template = close + 1;
	return true;
}
