/*-------------------------------------------------------------------------
 *
 * resource.c
 *	  Lookups in the tables of resource_data.c.
 *
 * Which operation a set of keys is enough for, what a key may be, and what an
 * ARN says.  Templates are taken apart once, when the library is loaded; from
 * then on a set of keys is a mask, and questions about it are arithmetic.
 *
 * src/model/resource.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "model/amplify_model.h"

#define ARN_FIELDS	6			/* arn:partition:service:region:account:rest */

#define DIGITS		"0123456789"
#define LETTERS		"abcdefghijklmnopqrstuvwxyz"
#define CAPITALS	"ABCDEFGHIJKLMNOPQRSTUVWXYZ"

#define LONGEST_APP_ID	20
#define LONGEST_DOMAIN	64
#define LONGEST_LABEL	63

static void make_template(const char *path, AmplifyTemplate *template);
static AmplifyKeyMask template_keys(const AmplifyTemplate *template);
static void make_keys(AmplifyResource *resource);
static int	operation_number(const char *name);
static void check_columns(const AmplifyResource *resource);
static void check_operation(const AmplifyResource *resource,
							const AmplifyOperation *operation);
static void check_arn(const AmplifyResource *resource);
static void check(bool sound, const AmplifyResource *resource,
				  const char *what);
static bool valid_domain(const char *value);
static bool is_other_arn(const AmplifyResource *resource, const char *rest);
static bool match_arn(const AmplifyResource *resource, int part,
					  const char *rest, AmplifyKeys *keys);

/* The columns that show keys, and what stands for these in templates */
const char *const amplify_key_names[AMPLIFY_NKEYS] = {
	[AMPLIFY_KEY_APP] = "app_id",
	[AMPLIFY_KEY_BRANCH] = "branch_name",
	[AMPLIFY_KEY_JOB] = "job_id",
	[AMPLIFY_KEY_ENVIRONMENT] = "environment_name",
	[AMPLIFY_KEY_DOMAIN] = "domain_name",
	[AMPLIFY_KEY_WEBHOOK] = "webhook_id",
	[AMPLIFY_KEY_ARTIFACT] = "artifact_id",
};

/*
 * Take the templates apart, and fail early when the tables disagree with
 * themselves.  Called once, when the library is loaded; a cheap price for
 * tables that can be trusted.
 */
void
amplify_resource_init(void)
{
	for (int i = 0; amplify_resources[i] != NULL; i++)
		make_keys(amplify_resources[i]);
	for (int i = 0; amplify_resources[i] != NULL; i++)
	{
		const AmplifyResource *resource = amplify_resources[i];
		int			last = resource->last_key;
		int			depth = 0;

		check(amplify_resource_find(resource->name) == resource, resource,
			  "its name is another's, too");
		check(resource->meaning != NULL, resource, "it means nothing");
		check_columns(resource);
		check_operation(resource, resource->list);
		if (resource->get != NULL)
			check_operation(resource, resource->get);
		check_arn(resource);

		/* see amplify_keyset_compare() and pick_items() */
		check(last < 0 || resource->keys >> last == 1, resource,
			  "the key that only its Get needs is not the last");
		check(last < 0 || resource->key_column[last]->source == AMPLIFY_MEMBER,
			  resource, "its items don't say their last key");

		/* what a List needs is the parent's */
		check(resource->list->needs == 0 ||
			  (resource->parent != NULL &&
			   (resource->list->needs & ~resource->parent->shown) == 0),
			  resource, "its parent lacks a key of its List");
		for (const AmplifyResource *r = resource; r != NULL; r = r->parent)
			depth++;
		check(depth <= AMPLIFY_MAX_STEPS, resource, "it is nested too deep");
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

/* Which of the resource's keys a column is; -1: none */
int
amplify_resource_key(const AmplifyResource *resource,
					 const AmplifyColumn *column)
{
	for (int key = 0; key < AMPLIFY_NKEYS; key++)
	{
		if (resource->key_column[key] == column)
			return (resource->keys & 1 << key) != 0 ? key : -1;
	}
	return -1;
}

/* Do the keys of a Get name one item? */
bool
amplify_resource_is_unique(const AmplifyResource *resource)
{
	return resource->get != NULL && !resource->get->many;
}

/* The keys that are bound */
AmplifyKeyMask
amplify_resource_mask(const AmplifyKeys *keys)
{
	AmplifyKeyMask mask = 0;

	for (int key = 0; key < AMPLIFY_NKEYS; key++)
	{
		if (keys->value[key] != NULL)
			mask |= 1 << key;
	}
	return mask;
}

/* Have the values copied, into that context */
void
amplify_resource_copy_keys(AmplifyKeys *keys, MemoryContext context)
{
	for (int key = 0; key < AMPLIFY_NKEYS; key++)
	{
		if (keys->value[key] != NULL)
			keys->value[key] = MemoryContextStrdup(context, keys->value[key]);
	}
}

/* Free such copies */
void
amplify_resource_free_keys(AmplifyKeys *keys)
{
	for (int key = 0; key < AMPLIFY_NKEYS; key++)
	{
		if (keys->value[key] != NULL)
			pfree(unconstify(char *, keys->value[key]));
	}
}

/* Those of the keys that are in the mask; values are shared */
AmplifyKeys
amplify_resource_project(const AmplifyKeys *keys, AmplifyKeyMask mask)
{
	AmplifyKeys result = *keys;

	for (int key = 0; key < AMPLIFY_NKEYS; key++)
	{
		if ((mask & 1 << key) == 0)
			result.value[key] = NULL;
	}
	return result;
}

/*
 * Are these keys all that it needs?  operation may be NULL, which never can.
 */
bool
amplify_resource_can(const AmplifyOperation *operation, AmplifyKeyMask bound)
{
	return operation != NULL && (operation->needs & ~bound) == 0;
}

/*
 * Has every item a value for it?  So have its own key, without which it is an
 * error, keys that every operation asks by, and the server's region.
 */
bool
amplify_resource_not_null(const AmplifyResource *resource,
						  const AmplifyColumn *column)
{
	int			key = amplify_resource_key(resource, column);
	AmplifyKeyMask always = resource->list->needs;

	if (key < 0)
		return column->source == AMPLIFY_REGION;
	if (resource->get != NULL)
		always &= resource->get->needs;
	return key == resource->last_key || (always & 1 << key) != 0;
}

/* Does it tell where an item is?  That chooses servers; no request has it. */
bool
amplify_resource_is_location(const AmplifyColumn *column)
{
	return column->key == AMPLIFY_REGION_NAME ||
		column->key == AMPLIFY_ACCOUNT_ID;
}

/*
 * Can its value be known before an item is?  So are the region, the account
 * of a server that says it, and the keys of a request.
 */
bool
amplify_resource_is_known(const AmplifyResource *resource,
						  const AmplifyColumn *column, bool has_account)
{
	if (amplify_resource_is_location(column))
		return column->key == AMPLIFY_REGION_NAME || has_account;
	return amplify_resource_key(resource, column) >= 0;
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
	if (!match_arn(resource, 0, field[5], &found))
		kind = is_other_arn(resource, field[5]) ? AMPLIFY_ARN_OTHER :
			AMPLIFY_ARN_UNREADABLE;

	if (account != NULL && kind != AMPLIFY_ARN_OTHER)
		*account = pnstrdup(field[4], field[5] - field[4] - 1);
	if (keys != NULL && kind == AMPLIFY_ARN_OWN)
		*keys = found;
	else
		amplify_resource_free_keys(&found);
	return kind;
}

/* The same for the ARN of an item of the resource; OTHER if it has none */
AmplifyArnKind
amplify_resource_item_arn(const AmplifyResource *resource, AmplifyItem *item,
						  char **account, AmplifyKeys *keys)
{
	const AmplifyColumn *column = resource->arn_column;
	AmplifyValue arn;

	if (column == NULL ||
		amplify_response_value(item, column->path, column->type,
							   &arn) != AMPLIFY_VALUE_OK)
		return AMPLIFY_ARN_OTHER;
	return amplify_resource_parse_arn(resource, arn.text, NULL, account, keys);
}

/* ---------- what is made at load, and the self-check ---------- */

/*
 * The template must live as long; a placeholder that is no key stays literal
 */
static void
make_template(const char *path, AmplifyTemplate *template)
{
	const char *open;

	template->nkeys = 0;
	template->literal[0] = path;
	while ((open = strchr(path, '{')) != NULL)
	{
		int			length = strcspn(open, "}") + 1;
		int			key = 0;

		while (key < AMPLIFY_NKEYS &&
			   (strlen(amplify_key_names[key]) != length - 2 ||
				strncmp(amplify_key_names[key], open + 1, length - 2) != 0))
			key++;
		path = open + length;
		if (key == AMPLIFY_NKEYS || template->nkeys == AMPLIFY_NKEYS)
			continue;
		template->length[template->nkeys] =
			open - template->literal[template->nkeys];
		template->key[template->nkeys++] = key;
		template->literal[template->nkeys] = path;
	}
	template->length[template->nkeys] =
		strlen(template->literal[template->nkeys]);
}

static AmplifyKeyMask
template_keys(const AmplifyTemplate *template)
{
	AmplifyKeyMask mask = 0;

	for (int i = 0; i < template->nkeys; i++)
		mask |= 1 << template->key[i];
	return mask;
}

/* Take its path apart; the keys that it needs */
static AmplifyKeyMask
make_operation(AmplifyOperation *operation)
{
	make_template(operation->path, &operation->template);
	operation->needs = template_keys(&operation->template);
	operation->number = operation_number(operation->name);
	return operation->needs;
}

/* All that is not in the tables */
static void
make_keys(AmplifyResource *resource)
{
	resource->keys = make_operation(resource->list);
	if (resource->get != NULL)
		resource->keys |= make_operation(resource->get);
	if (resource->arn_path != NULL)
		make_template(resource->arn_path, &resource->arn);

	for (int i = 0; i < resource->ncolumns; i++)
	{
		if (resource->columns[i].key == AMPLIFY_ARN)
			resource->arn_column = &resource->columns[i];
	}
	resource->last_key = -1;
	for (int key = 0; key < AMPLIFY_NKEYS; key++)
	{
		const AmplifyColumn *column =
			amplify_resource_column(resource, amplify_key_names[key]);

		resource->key_column[key] = column;
		if (column != NULL)
			resource->shown |= 1 << key;
		if (resource->get != NULL &&
			(resource->get->needs & ~resource->list->needs & 1 << key) != 0)
			resource->last_key = key;
	}
}

/* Some operations are those of several resources */
static int
operation_number(const char *name)
{
	int			i = 0;

	for (; amplify_resources[i] != NULL; i++)
	{
		const AmplifyResource *resource = amplify_resources[i];

		if (strcmp(resource->list->name, name) == 0)
			return 2 * i;
		if (resource->get != NULL && strcmp(resource->get->name, name) == 0)
			return 2 * i + 1;
	}
	return 2 * i;
}

static void
check_columns(const AmplifyResource *resource)
{
	int			arns = 0;

	for (int i = 0; i < resource->ncolumns; i++)
	{
		const AmplifyColumn *column = &resource->columns[i];
		int			key = amplify_resource_key(resource, column);

		check(amplify_resource_column(resource, column->name) == column,
			  resource, "two of its columns have one name");
		check((column->path != NULL) == (column->source == AMPLIFY_MEMBER) ||
			  column->source == AMPLIFY_KEY,
			  resource, "a column has the wrong source");
		check((key >= 0) == (column->key != AMPLIFY_NOT_A_KEY &&
							 column->key != AMPLIFY_ARN &&
							 !amplify_resource_is_location(column)),
			  resource, "a column is no key, or a key without a rule");
		check(column->source != AMPLIFY_KEY ||
			  (key >= 0 && (resource->list->needs & 1 << key) != 0),
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
	const AmplifyTemplate *template = &operation->template;

	for (int i = 0; i <= template->nkeys; i++)
		check(memchr(template->literal[i], '{', template->length[i]) == NULL,
			  resource, "a path needs what is no key");
	check((operation->needs & ~resource->shown) == 0, resource,
		  "a path needs what is no column");
	check(operation->many || operation->max_page == 0, resource,
		  "one item has pages");
}

/* Whoever has the ARN has all keys */
static void
check_arn(const AmplifyResource *resource)
{
	const AmplifyTemplate *arn = &resource->arn;

	if (resource->arn_path == NULL)
		return;
	for (int i = 1; i < arn->nkeys; i++)
		check(arn->key[i - 1] < arn->key[i], resource,
			  "its ARN does not have its keys in their order");
	check(template_keys(arn) == resource->keys, resource,
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
			match_arn(other, 0, rest, &keys))
		{
			amplify_resource_free_keys(&keys);
			return true;
		}
	}
	return strstr(rest, "//") != NULL || length == 0 || rest[length - 1] == '/';
}

/*
 * Match what follows the account in an ARN, from that part of the template on.
 * A key is what stands between two literals.  A name may itself have slashes,
 * and even hold what follows it: each place where it can end is tried.
 *
 * An ARN has the number of a job filled up with zeros, as nothing else has.
 */
static bool
match_arn(const AmplifyResource *resource, int part, const char *rest,
		  AmplifyKeys *keys)
{
	const AmplifyTemplate *arn = &resource->arn;
	AmplifyKeyRule rule;

	if (strncmp(rest, arn->literal[part], arn->length[part]) != 0)
		return false;
	rest += arn->length[part];
	if (part == arn->nkeys)
		return *rest == '\0';

	rule = resource->key_column[arn->key[part]]->key;
	for (int length = 1; rest[length - 1] != '\0'; length++)
	{
		if (rest[length - 1] == '/' && rule != AMPLIFY_NAME)
			return false;
		if (!match_arn(resource, part + 1, rest + length, keys))
			continue;
		if (rule == AMPLIFY_JOB_ID)
			for (; rest[0] == '0' && length > 1; length--)
				rest++;
		keys->value[arn->key[part]] = pnstrdup(rest, length);
		return true;
	}
	return false;
}
