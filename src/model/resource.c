/*-------------------------------------------------------------------------
 *
 * resource.c
 *	  Lookups in the tables of resource_data.c.
 *
 * Which operation a set of keys is enough for, which resource to ask for keys
 * that are missing, what a key may be, and what an ARN says.
 *
 * src/model/resource.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "model/amplify_model.h"

#define ARN_FIELDS	6			/* arn:partition:service:region:account:rest */

#define DIGITS		"0123456789"
#define LETTERS		"abcdefghijklmnopqrstuvwxyz"
#define CAPITALS	"ABCDEFGHIJKLMNOPQRSTUVWXYZ"

#define LONGEST_APP_ID	20
#define LONGEST_DOMAIN	64
#define LONGEST_LABEL	63

static void check_columns(const AmplifyResource *resource);
static void check_operation(const AmplifyResource *resource,
							const AmplifyOperation *operation);
static void check_arn(const AmplifyResource *resource);
static void check(bool sound, const AmplifyResource *resource,
				  const char *what);
static bool valid_domain(const char *value);
static bool is_other_arn(const AmplifyResource *resource, const char *rest);
static bool match_arn(const AmplifyResource *resource, const char *template,
					  const char *rest, AmplifyKeys *keys);
static bool expand_name(const char **template, char *name, size_t size);

/*
 * Fail early when the tables disagree with themselves.  Called once, when the
 * library is loaded; a cheap price for tables that can be trusted.
 */
void
amplify_resource_check(void)
{
	for (int i = 0; amplify_resources[i] != NULL; i++)
	{
		const AmplifyResource *resource = amplify_resources[i];
		int			last = amplify_resource_last_key(resource);

		check(amplify_resource_find(resource->name) == resource, resource,
			  "its name is another's, too");
		check(resource->meaning != NULL, resource, "it means nothing");
		check_columns(resource);
		check_operation(resource, resource->list);
		if (resource->get != NULL)
			check_operation(resource, resource->get);
		check_arn(resource);

		/* see amplify_keyset_compare() and pick_items() */
		for (int j = 0; last >= 0 && j < AMPLIFY_MAX_KEYS; j++)
			check(j <= last || resource->keys[j] == NULL, resource,
				  "the key that only its Get needs is not the last");
		check(last < 0 ||
			  amplify_resource_column(resource, resource->keys[last])->source == AMPLIFY_MEMBER,
			  resource, "its items don't say their last key");

		/* what a List needs is the parent's */
		for (int j = 0; j < AMPLIFY_MAX_KEYS && resource->keys[j] != NULL; j++)
			check(!amplify_resource_needs(resource, resource->list, j) ||
				  (resource->parent != NULL &&
				   amplify_resource_column(resource->parent, resource->keys[j]) != NULL),
				  resource, "its parent lacks a key of its List");
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

/* Its type, by the name that pg_catalog has for it */
const char *
amplify_resource_type(const AmplifyColumn *column)
{
	static const char *const names[] = {
		[AMPLIFY_TEXT] = "text",
		[AMPLIFY_JOB_NUMBER] = "text",
		[AMPLIFY_PREFIX] = "text",
		[AMPLIFY_TIMESTAMP] = "timestamptz",
		[AMPLIFY_BOOLEAN] = "bool",
		[AMPLIFY_JSON] = "jsonb",
	};

	return names[column->type];
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

/* The key that a List leaves open and a Get doesn't; -1: there is none */
int
amplify_resource_last_key(const AmplifyResource *resource)
{
	for (int i = AMPLIFY_MAX_KEYS - 1; i >= 0 && resource->get != NULL; i--)
	{
		if (amplify_resource_needs(resource, resource->get, i) &&
			!amplify_resource_needs(resource, resource->list, i))
			return i;
	}
	return -1;
}

/* Do the keys of a Get name one item? */
bool
amplify_resource_is_unique(const AmplifyResource *resource)
{
	return resource->get != NULL && !resource->get->many;
}

/* Does the path of an operation hold that key? */
bool
amplify_resource_needs(const AmplifyResource *resource,
					   const AmplifyOperation *operation, int key)
{
	const char *rest = operation->path;
	char		name[NAMEDATALEN];

	while (resource->keys[key] != NULL &&
		   expand_name(&rest, name, sizeof(name)))
	{
		if (strcmp(name, resource->keys[key]) == 0)
			return true;
	}
	return false;
}

/* Do the keys have all that the path needs?  None binds an operation NULL. */
bool
amplify_resource_binds(const AmplifyResource *resource,
					   const AmplifyOperation *operation,
					   const AmplifyKeys *keys)
{
	const char *rest;
	char		name[NAMEDATALEN];

	if (operation == NULL)
		return false;
	rest = operation->path;
	while (expand_name(&rest, name, sizeof(name)))
	{
		if (keys->value[amplify_resource_key(resource, name)] == NULL)
			return false;
	}
	return true;
}

/* Those of the keys that the operation's path needs */
AmplifyKeys
amplify_resource_restrict(const AmplifyResource *resource,
						  const AmplifyOperation *operation,
						  const AmplifyKeys *keys)
{
	AmplifyKeys result = {{NULL}};

	for (int i = 0; i < AMPLIFY_MAX_KEYS; i++)
	{
		if (amplify_resource_needs(resource, operation, i))
			result.value[i] = keys->value[i];
	}
	return result;
}

/*
 * The resource whose items have the keys that a List lacks: the outermost one,
 * because that is reached with the fewest calls.  NULL if none is lacking.
 */
const AmplifyResource *
amplify_resource_ancestor(const AmplifyResource *resource,
						  const AmplifyKeys *keys)
{
	const AmplifyResource *result = NULL;

	if (amplify_resource_binds(resource, resource->list, keys))
		return NULL;
	for (const AmplifyResource *r = resource->parent; r != NULL; r = r->parent)
	{
		for (int i = 0; i < AMPLIFY_MAX_KEYS; i++)
		{
			if (keys->value[i] == NULL &&
				amplify_resource_needs(resource, resource->list, i) &&
				amplify_resource_column(r, resource->keys[i]) == NULL)
				return result;
		}
		result = r;
	}
	return result;
}

/* Those of the keys that are also the ancestor's, as keys of that */
AmplifyKeys
amplify_resource_inherit(const AmplifyResource *resource,
						 const AmplifyResource *ancestor,
						 const AmplifyKeys *keys)
{
	AmplifyKeys result = {{NULL}};

	for (int i = 0; i < AMPLIFY_MAX_KEYS && ancestor->keys[i] != NULL; i++)
	{
		int			key = amplify_resource_key(resource, ancestor->keys[i]);

		if (key >= 0)
			result.value[i] = keys->value[key];
	}
	return result;
}

/*
 * Has every item a value for it?  So have its own key, without which it is an
 * error, keys that every operation asks by, and the server's region.
 */
bool
amplify_resource_not_null(const AmplifyResource *resource,
						  const AmplifyColumn *column)
{
	int			key = amplify_resource_key(resource, column->name);

	if (key < 0)
		return column->source == AMPLIFY_REGION;
	return key == amplify_resource_last_key(resource) ||
		(amplify_resource_needs(resource, resource->list, key) &&
		 (resource->get == NULL ||
		  amplify_resource_needs(resource, resource->get, key)));
}

/* Does it tell where an item is?  That chooses servers; no request has it. */
bool
amplify_resource_is_place(const AmplifyColumn *column)
{
	return column->key == AMPLIFY_REGION_NAME ||
		column->key == AMPLIFY_ACCOUNT_ID;
}

/*
 * Can a request have that value for a key?  Not if it would name another URI
 * (an empty segment, dot segments) or none that a service takes.  Nor if it is
 * a second spelling of a key, which would bring an item twice: see
 * AMPLIFY_JOB_NUMBER.  value is valid UTF-8.
 */
bool
amplify_resource_can_ask(AmplifyKeyRule rule, const char *value)
{
	int			length = 0;

	if (rule == AMPLIFY_ARN || rule == AMPLIFY_REGION_NAME ||
		rule == AMPLIFY_ACCOUNT_ID)
		return true;
	for (const char *p = value; *p != '\0'; p++)
	{
		if (!IS_HIGHBIT_SET(*p) || (*p & 0x40) != 0)
			length++;			/* not a continuation byte */
	}
	if (rule == AMPLIFY_JOB_ID && value[0] == '0' && length > 1 &&
		strspn(value, DIGITS) == length)
		return false;
	return length >= 1 && length <= AMPLIFY_LONGEST_NAME &&
		strcmp(value, ".") != 0 && strcmp(value, "..") != 0;
}

/*
 * Does a value that can be asked for keep to what AWS's model says of the key?
 * Then AWS itself may have it; what stands in for AWS may have any.
 */
bool
amplify_resource_valid_key(AmplifyKeyRule rule, const char *value)
{
	int			length = strlen(value);

	switch (rule)
	{
		case AMPLIFY_APP_ID:
			return length >= 2 && length <= LONGEST_APP_ID &&
				value[0] == 'd' && strspn(value, LETTERS DIGITS) == length;
		case AMPLIFY_DOMAIN:
			return length <= LONGEST_DOMAIN && valid_domain(value);
		case AMPLIFY_JOB_ID:
			return strspn(value, DIGITS) == length;
		case AMPLIFY_NAME:
		case AMPLIFY_ARN:
		case AMPLIFY_REGION_NAME:
		case AMPLIFY_ACCOUNT_ID:
		case AMPLIFY_NOT_A_KEY:
			break;
	}
	return true;
}

/*
 * Take an ARN of this resource apart.  The region is the one that it must be
 * of (NULL: any).
 *
 * account and keys may be NULL; what they get is palloc'ed.  An ARN of our own
 * gives both, an unreadable one the account.
 */
AmplifyArnKind
amplify_resource_parse_arn(const AmplifyResource *resource, const char *arn,
						   const char *region, char **account,
						   AmplifyKeys *keys)
{
	const char *field[ARN_FIELDS];
	AmplifyKeys found = {{NULL}};
	AmplifyArnKind kind = AMPLIFY_ARN_OWN;

	field[0] = arn;
	for (int i = 1; i < ARN_FIELDS; i++)
	{
		const char *colon = strchr(field[i - 1], ':');

		if (colon == NULL)
			return AMPLIFY_ARN_OTHER;
		field[i] = colon + 1;
	}
	if (strncmp(arn, "arn:aws", 7) != 0 ||
		strncmp(field[2], "amplify:", 8) != 0)
		return AMPLIFY_ARN_OTHER;
	if (region != NULL &&
		(strncmp(field[3], region, strlen(region)) != 0 ||
		 field[3][strlen(region)] != ':'))
		return AMPLIFY_ARN_OTHER;
	if (!match_arn(resource, resource->arn_path, field[5], &found))
		kind = is_other_arn(resource, field[5]) ? AMPLIFY_ARN_OTHER :
			AMPLIFY_ARN_UNREADABLE;

	if (account != NULL && kind != AMPLIFY_ARN_OTHER)
		*account = pnstrdup(field[4], field[5] - field[4] - 1);
	if (keys != NULL && kind == AMPLIFY_ARN_OWN)
		*keys = found;
	return kind;
}

/* ---------- the self-check ---------- */

static void
check_columns(const AmplifyResource *resource)
{
	int			arns = 0;

	for (int i = 0; i < resource->ncolumns; i++)
	{
		const AmplifyColumn *column = &resource->columns[i];
		int			key = amplify_resource_key(resource, column->name);

		check(amplify_resource_column(resource, column->name) == column,
			  resource, "two of its columns have one name");
		check((column->path != NULL) == (column->source == AMPLIFY_MEMBER) ||
			  column->source == AMPLIFY_KEY,
			  resource, "a column has the wrong source");
		check((key >= 0) == (column->key != AMPLIFY_NOT_A_KEY &&
							 column->key != AMPLIFY_ARN &&
							 !amplify_resource_is_place(column)),
			  resource, "a column is no key, or a key without a rule");
		check(column->source != AMPLIFY_KEY ||
			  amplify_resource_needs(resource, resource->list, key),
			  resource, "a column is taken from a key that is not asked by");
		check(column->meaning != NULL, resource, "a column means nothing");
		arns += column->key == AMPLIFY_ARN;
	}
	check(arns == (resource->arn_path != NULL), resource,
		  "its ARN is not in one column");
}

static void
check_operation(const AmplifyResource *resource,
				const AmplifyOperation *operation)
{
	const char *rest = operation->path;
	char		name[NAMEDATALEN];

	while (expand_name(&rest, name, sizeof(name)))
		check(amplify_resource_key(resource, name) >= 0 &&
			  amplify_resource_column(resource, name) != NULL,
			  resource, "a path needs what is no key column");
	check(operation->many || operation->max_page == 0, resource,
		  "one item has pages");
}

/* Whoever has the ARN has all keys */
static void
check_arn(const AmplifyResource *resource)
{
	const char *rest = resource->arn_path;
	char		name[NAMEDATALEN];
	int			keys = 0;

	if (rest == NULL)
		return;
	while (expand_name(&rest, name, sizeof(name)))
		check(amplify_resource_key(resource, name) == keys++, resource,
			  "its ARN does not have its keys in their order");
	check(keys == AMPLIFY_MAX_KEYS || resource->keys[keys] == NULL, resource,
		  "its ARN does not have all keys");
}

static void
check(bool sound, const AmplifyResource *resource, const char *what)
{
	if (!sound)
		elog(ERROR, "resource \"%s\": %s", resource->name, what);
}

/* ---------- keys and templates ---------- */

/* Two labels or more, the last of two letters or more; a dot may end it */
static bool
valid_domain(const char *value)
{
	int			labels = 0;

	for (;;)
	{
		int			length = strspn(value, LETTERS CAPITALS DIGITS "-");

		if (length == 0 || length > LONGEST_LABEL || value[0] == '-' ||
			value[length - 1] == '-')
			return false;
		labels++;
		value += length;
		if (value[0] == '\0' || strcmp(value, ".") == 0)
			return labels >= 2 && length >= 2;
		if (*value++ != '.')
			return false;
	}
}

/*
 * Is what follows the account in an ARN that of another resource, or does it
 * lack a key, as an item's never does?
 */
static bool
is_other_arn(const AmplifyResource *resource, const char *rest)
{
	int			length = strlen(rest);

	for (int i = 0; amplify_resources[i] != NULL; i++)
	{
		const AmplifyResource *other = amplify_resources[i];
		AmplifyKeys keys = {{NULL}};

		if (other != resource && other->arn_path != NULL &&
			match_arn(other, other->arn_path, rest, &keys))
			return true;
	}
	return strstr(rest, "//") != NULL || length == 0 || rest[length - 1] == '/';
}

/*
 * Match what follows the account in an ARN.  A key is what stands between the
 * literal parts of the template.  A name may itself have slashes, and even
 * hold what follows it: each place where it can end is tried.
 *
 * An ARN has the number of a job filled up with zeros, as nothing else has.
 */
static bool
match_arn(const AmplifyResource *resource, const char *template,
		  const char *rest, AmplifyKeys *keys)
{
	int			literal = strcspn(template, "{");
	char		name[NAMEDATALEN];
	const AmplifyColumn *column;

	if (strncmp(rest, template, literal) != 0)
		return false;
	rest += literal;
	template += literal;
	if (!expand_name(&template, name, sizeof(name)))
		return *rest == '\0';

	column = amplify_resource_column(resource, name);
	Assert(column != NULL);
	for (int length = 1; rest[length - 1] != '\0'; length++)
	{
		if (rest[length - 1] == '/' && column->key != AMPLIFY_NAME)
			return false;
		if (!match_arn(resource, template, rest + length, keys))
			continue;
		if (column->key == AMPLIFY_JOB_ID)
			for (; rest[0] == '0' && length > 1; length--)
				rest++;
		keys->value[amplify_resource_key(resource, name)] =
			pnstrdup(rest, length);
		return true;
	}
	return false;
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
