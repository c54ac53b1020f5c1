/*-------------------------------------------------------------------------
 *
 * response.c
 *	  One response of the service, parsed: its items, the next token, and the
 *	  value of a member.  The only file that knows json-c.
 *
 * Not here: what an item means, which members are wanted, and what is said of
 * a bad response.  Nothing here raises an error for what the service sent.
 *
 * json-c before 0.18 drops an object's entry without a word when malloc
 * fails, turns lone surrogates into U+FFFD, lets some invalid UTF-8 pass, and
 * lets the last of two equal names win; all versions take more than JSON, and
 * make of an integer beyond 64 bits another one.  A response with fewer
 * entries is a missing row, so the text itself is scanned before (json.c) and
 * counted against the tree afterwards.
 *
 * json-c gets the text in pieces, with a look at interrupts between them; what
 * it has made so far goes away with the page.
 *
 * src/aws/response.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "aws/amplify_aws.h"
#include "aws/sigv4.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* utils/fmgrprotos.h has a function of that name */
#define json_object amplify_json_object
#include <json-c/json.h>

/*
 * What the tree of a response may take beyond its text: with text and tree's
 * copy of it, three times the size that a response may have, and this.
 */
#define TREE_MIN			(8 * 1024 * 1024)

/* Longer bodies of errors are not AWS's */
#define MAX_ERROR_LENGTH	AMPLIFY_JSON_PIECE

/* Amplify's model has 2,000; more than this fits into no request */
#define MAX_TOKEN_LENGTH	8192

struct AmplifyItem
{
	struct json_object *object;
	struct json_object *holder; /* has it, or the array of it, as a member */
};

typedef struct ItemList
{
	AmplifyItem *items;
	int			nitems;
	int			size;			/* of the array */
} ItemList;

struct AmplifyResponse
{
	MemoryContext context;
	struct json_tokener *tokener;	/* while a text is parsed */
	struct json_object *root;
	bool		many;
	ItemList	items;
	ItemList	holders;		/* of the items, unless the root is theirs */
	size_t		cost;			/* bytes of the tree, about */
	MemoryContextCallback callback;
};

/* Where the walk through a tree is in its text */
typedef struct TreeWalk
{
	const char *text;
	size_t		length;
	size_t		at;				/* behind the latest number */
	int64		members;
	int64		separators;
	bool		inexact;		/* there are numbers that need their text */
	bool		failed;			/* out of memory */
} TreeWalk;

static void page_reset_callback(void *arg);
static void drop_tree(AmplifyResponse *page);
static bool find_items(AmplifyResponse *page, const char *result);
static bool add_items(AmplifyResponse *page, struct json_object *base,
					  const char *path);
static void add_item(AmplifyResponse *page, ItemList *list,
					 struct json_object *object, struct json_object *holder);
static AmplifyParse parse_text(AmplifyResponse *page, const char *body,
							   size_t length, size_t max_cost);
static AmplifyParse parse_pieces(AmplifyResponse *page, const char *body,
								 size_t length);
static void walk_tree(struct json_object *object, TreeWalk *walk);
static void keep_number(struct json_object *number, TreeWalk *walk);
static void cleanse_tree(struct json_object *object);
static bool xml_error(const char *body, size_t length, AmplifyErrorBody *error);
static struct json_object *find_member(struct json_object *object,
									   const char *path);
static struct json_object *follow_path(struct json_object *object,
									   const char *path, size_t length);
static bool has_holder(AmplifyItem *item, const char *path);
static bool has_nul(struct json_object *string);
static void strip_zeros(AmplifyValue *value);
static void visit_value(struct json_object *object,
						AmplifyJsonVisitor visitor, void *arg);
static void visit_number(struct json_object *number,
						 AmplifyJsonVisitor visitor, void *arg);
static AmplifyValueStatus time_value(struct json_object *object,
									 TimestampTz *time);
static bool copy_string(struct json_object *object, const char *name,
						char *dst, size_t size);

/*
 * An empty page.  The json-c tree that it will hold goes away with context, at
 * the latest.
 */
AmplifyResponse *
amplify_response_create(MemoryContext context)
{
	AmplifyResponse *page = MemoryContextAllocZero(context, sizeof(AmplifyResponse));

	page->context = context;
	page->callback.func = page_reset_callback;
	page->callback.arg = page;
	MemoryContextRegisterResetCallback(context, &page->callback);
	return page;
}

/*
 * Fill the page with a response in which result (see AmplifyOperation) is an
 * array of objects (many) or one object.  max_size is the size that the body
 * may have had.  The body may be freed afterwards.
 */
AmplifyParse
amplify_response_parse(AmplifyResponse *page, const char *body, size_t length,
					   size_t max_size, const char *result, bool many)
{
	AmplifyParse status;
	struct json_object *token;

	amplify_response_clear(page);
	status = parse_text(page, body, length, max_size + TREE_MIN);
	if (status != AMPLIFY_PARSE_OK)
		return status;

	/* the type of an error has no place in a response that is none */
	page->many = many;
	if (find_member(page->root, "__type") != NULL || !find_items(page, result))
		status = AMPLIFY_PARSE_SHAPE;

	/* a list must not end early because its token can't be read */
	token = find_member(page->root, "nextToken");
	if (many && token != NULL &&
		(!json_object_is_type(token, json_type_string) || has_nul(token)))
		status = AMPLIFY_PARSE_SHAPE;
	else if (many && token != NULL &&
			 json_object_get_string_len(token) > MAX_TOKEN_LENGTH)
		status = AMPLIFY_PARSE_TOKEN;
	if (status != AMPLIFY_PARSE_OK)
		amplify_response_clear(page);
	return status;
}

/* Free the tree; items and values out of the page are gone with it */
void
amplify_response_clear(AmplifyResponse *page)
{
	drop_tree(page);
	page->items.nitems = 0;
	page->holders.nitems = 0;
}

/* How many items the response has; 0 unless it has been parsed */
int
amplify_response_count(AmplifyResponse *page)
{
	return page->items.nitems;
}

/* The item of that number, from 0 on; valid until the response is cleared */
AmplifyItem *
amplify_response_item(AmplifyResponse *page, int n)
{
	return &page->items.items[n];
}

/* What holds the items, where it is not the root; also if it has none */
int
amplify_response_holder_count(AmplifyResponse *page)
{
	return page->holders.nitems;
}

/* One of them, as an item of which only what is above it can be read */
AmplifyItem *
amplify_response_holder(AmplifyResponse *page, int n)
{
	return &page->holders.items[n];
}

/* The token of the page after this one, or NULL when this is the last */
const char *
amplify_response_next_token(AmplifyResponse *page)
{
	struct json_object *token;

	if (page->root == NULL || !page->many)
		return NULL;
	token = find_member(page->root, "nextToken");
	if (!json_object_is_type(token, json_type_string) ||
		json_object_get_string_len(token) == 0)
		return NULL;
	return json_object_get_string(token);
}

/* The value of a member, if it is of that type.  See AmplifyValue. */
AmplifyValueStatus
amplify_response_value(AmplifyItem *item, const char *path, AmplifyType type,
					   AmplifyValue *value)
{
	struct json_object *object = strncmp(path, "../", 3) == 0 ?
		find_member(item->holder, path + 3) : find_member(item->object, path);

	if (object == NULL)
	{
		if (type != AMPLIFY_PREFIX || !has_holder(item, path))
			return AMPLIFY_VALUE_NULL;
		value->text = "";
		value->length = 0;
		return AMPLIFY_VALUE_OK;
	}

	switch (type)
	{
		case AMPLIFY_TEXT:
		case AMPLIFY_JOB_NUMBER:
		case AMPLIFY_PREFIX:
			if (!json_object_is_type(object, json_type_string))
				return AMPLIFY_VALUE_WRONG_TYPE;
			value->text = json_object_get_string(object);
			value->length = json_object_get_string_len(object);
			if (has_nul(object))
				return AMPLIFY_VALUE_NUL_CHARACTER;
			if (type == AMPLIFY_JOB_NUMBER)
				strip_zeros(value);
			return AMPLIFY_VALUE_OK;
		case AMPLIFY_TIMESTAMP:
			return time_value(object, &value->time);
		case AMPLIFY_BOOLEAN:
			if (!json_object_is_type(object, json_type_boolean))
				return AMPLIFY_VALUE_WRONG_TYPE;
			value->boolean = json_object_get_boolean(object);
			return AMPLIFY_VALUE_OK;
		case AMPLIFY_JSON:
			value->json = object;
			return AMPLIFY_VALUE_OK;
	}
	return AMPLIFY_VALUE_WRONG_TYPE;
}

/* Fill in the text of a JSON value, which lives as long as the page */
AmplifyValueStatus
amplify_response_serialize(AmplifyValue *value)
{
	value->text = json_object_to_json_string_length(value->json,
													JSON_C_TO_STRING_PLAIN |
													JSON_C_TO_STRING_NOSLASHESCAPE,
													&value->length);
	return value->text ? AMPLIFY_VALUE_OK : AMPLIFY_VALUE_MEMORY;
}

/* Hand out a JSON value part by part, without a text of it; interruptible */
void
amplify_response_visit(const AmplifyValue *value, AmplifyJsonVisitor visitor,
					   void *arg)
{
	visit_value(value->json, visitor, arg);
}

/*
 * What the body of an error says.  query: of AWS's Query protocol (STS), which
 * also has XML, and a member "Error", which no other has.
 * Returns false if the body is neither a JSON object nor an error in XML.
 */
bool
amplify_response_error(const char *body, size_t length, bool query,
					   AmplifyErrorBody *error)
{
	static const char *const code_names[AMPLIFY_ERROR_CODES] = {
	"Error.Code", "code", "Code", "__type"};
	static const char *const message_names[] = {
	"Error.Message", "message", "Message"};
	AmplifyResponse page = {0};

	memset(error, 0, sizeof(*error));
	if (query && length > 0 && body[0] == '<')
		return xml_error(body, length, error);
	if (length > MAX_ERROR_LENGTH ||
		parse_text(&page, body, length, TREE_MIN) != AMPLIFY_PARSE_OK)
		return false;
	for (int i = query ? 0 : 1; i < AMPLIFY_ERROR_CODES; i++)
		error->odd |= !copy_string(page.root, code_names[i], error->codes[i],
								   sizeof(error->codes[i]));
	for (int i = query ? 0 : 1; i < lengthof(message_names); i++)
	{
		char		message[sizeof(error->message)] = "";

		error->odd |= !copy_string(page.root, message_names[i], message,
								   sizeof(message));
		if (error->message[0] == '\0')
			memcpy(error->message, message, sizeof(message));
		else if (message[0] != '\0' && strcmp(message, error->message) != 0)
			error->odd = true;
	}
	if (!query && find_member(page.root, "Error") != NULL)
		error->odd = true;

	/* it may repeat what it was sent; the caller masks what is left of it */
	cleanse_tree(page.root);
	drop_tree(&page);
	return true;
}

/* Overwrite all texts of a page that held secrets, and clear it */
void
amplify_response_cleanse(AmplifyResponse *page)
{
	cleanse_tree(page->root);
	amplify_response_clear(page);
}

static void
page_reset_callback(void *arg)
{
	amplify_response_clear((AmplifyResponse *) arg);
}

/* Find the items of a response.  False: that is not its shape. */
static bool
find_items(AmplifyResponse *page, const char *result)
{
	const char *brackets = result == NULL ? NULL : strstr(result, "[].");
	struct json_object *array;

	if (brackets == NULL)
		return add_items(page, page->root, result);

	array = follow_path(page->root, result, brackets - result);
	if (!json_object_is_type(array, json_type_array))
		return false;
	for (int i = 0; i < json_object_array_length(array); i++)
	{
		if (!add_items(page, json_object_array_get_idx(array, i),
					   brackets + strlen("[].")))
			return false;
	}
	return true;
}

/*
 * Add the item or items at path below base.  An array inside something may be
 * absent, as any member may.
 */
static bool
add_items(AmplifyResponse *page, struct json_object *base, const char *path)
{
	const char *dot = path == NULL ? NULL : strrchr(path, '.');
	struct json_object *holder = base;
	struct json_object *found;

	if (dot != NULL)
	{
		holder = follow_path(base, path, dot - path);
		path = dot + 1;
	}
	if (!json_object_is_type(holder, json_type_object))
		return false;
	found = find_member(holder, path);
	if (!page->many)
	{
		if (json_object_is_type(found, json_type_object))
			add_item(page, &page->items, found, holder);
		return page->items.nitems == 1;
	}
	if (holder != page->root)
		add_item(page, &page->holders, NULL, holder);
	if (found == NULL)
		return holder != page->root;
	if (!json_object_is_type(found, json_type_array))
		return false;
	for (int i = 0; i < json_object_array_length(found); i++)
	{
		struct json_object *object = json_object_array_get_idx(found, i);

		if (!json_object_is_type(object, json_type_object))
			return false;
		add_item(page, &page->items, object, holder);
	}
	return true;
}

static void
add_item(AmplifyResponse *page, ItemList *list, struct json_object *object,
		 struct json_object *holder)
{
	if (list->nitems == list->size)
	{
		list->size = Max(64, list->size * 2);
		list->items = list->items == NULL ?
			MemoryContextAllocHuge(page->context,
								   sizeof(AmplifyItem) * list->size) :
			repalloc_huge(list->items, sizeof(AmplifyItem) * list->size);
	}
	list->items[list->nitems++] = (AmplifyItem) {object, holder};
}

/*
 * A member that is a string without NULs, cut to size between characters.
 * False if it is there, and something else.
 */
static bool
copy_string(struct json_object *object, const char *name, char *dst,
			size_t size)
{
	struct json_object *member = find_member(object, name);
	const char *text;
	int			length;

	if (member == NULL)
		return true;
	if (!json_object_is_type(member, json_type_string) || has_nul(member))
		return false;
	text = json_object_get_string(member);
	length = strlen(text);
	if (length >= size)
		length = pg_encoding_mbcliplen(PG_UTF8, text, length, size - 1);
	memcpy(dst, text, length);
	dst[length] = '\0';
	return true;
}

/* Nobody may find the tree afterwards: a page frees what it has once more */
static void
drop_tree(AmplifyResponse *page)
{
	if (page->tokener != NULL)
		json_tokener_free(page->tokener);
	page->tokener = NULL;
	if (page->root != NULL)
		json_object_put(page->root);
	page->root = NULL;
}

/*
 * A whole JSON object with nothing lost; page->root is NULL unless OK.  May be
 * interrupted if the body is longer than a piece.
 */
static AmplifyParse
parse_text(AmplifyResponse *page, const char *body, size_t length,
		   size_t max_cost)
{
	AmplifyJsonCount count;
	AmplifyParse status;
	TreeWalk	walk = {.text = body, .length = length};
	void	   *reserve;

	if (body == NULL || length == 0 || length > MaxAllocSize)
		return AMPLIFY_PARSE_MALFORMED;
	status = amplify_json_scan(body, length, length > AMPLIFY_JSON_PIECE,
							   &count);
	if (status != AMPLIFY_PARSE_OK)
		return status;
	if (count.cost > max_cost)
		return AMPLIFY_PARSE_TOO_MANY;

	/* fail here rather than inside json-c, as far as that can be foreseen */
	reserve = malloc(length + count.cost);
	if (reserve == NULL)
		return AMPLIFY_PARSE_MEMORY;
	free(reserve);
	page->cost = length + count.cost;

	status = parse_pieces(page, body, length);
	if (status == AMPLIFY_PARSE_OK &&
		!json_object_is_type(page->root, json_type_object))
		status = AMPLIFY_PARSE_SHAPE;
	if (status == AMPLIFY_PARSE_OK)
	{
		walk.inexact = count.inexact > 0;
		walk_tree(page->root, &walk);
		if (walk.failed)
			status = AMPLIFY_PARSE_MEMORY;
		else if (walk.members != count.members ||
				 walk.separators != count.separators)
			status = AMPLIFY_PARSE_MALFORMED;
	}
	if (status != AMPLIFY_PARSE_OK)
		drop_tree(page);
	return status;
}

/* What the scan has let pass, json-c takes */
static AmplifyParse
parse_pieces(AmplifyResponse *page, const char *body, size_t length)
{
	enum json_tokener_error error = json_tokener_continue;

	/* one level more than the scan has: json-c counts what is in the last */
	page->tokener = json_tokener_new_ex(AMPLIFY_JSON_DEPTH + 1);
	if (page->tokener == NULL)
		return AMPLIFY_PARSE_MEMORY;
	for (size_t at = 0; at < length && error == json_tokener_continue;
		 at += AMPLIFY_JSON_PIECE)
	{
		if (at > 0)
			CHECK_FOR_INTERRUPTS();
		page->root = json_tokener_parse_ex(page->tokener, body + at,
										   Min(length - at, AMPLIFY_JSON_PIECE));
		error = json_tokener_get_error(page->tokener);
	}

	/* json-c leaves the last texts there */
	sigv4_cleanse(page->tokener->pb->buf, page->tokener->pb->size);
	json_tokener_free(page->tokener);
	page->tokener = NULL;
	return error == json_tokener_success ? AMPLIFY_PARSE_OK :
		AMPLIFY_PARSE_MALFORMED;
}

/*
 * Count what is in a tree, and let its numbers keep their own text.  Recursion
 * is bounded by AMPLIFY_JSON_DEPTH.
 */
static void
walk_tree(struct json_object *object, TreeWalk *walk)
{
	switch (json_object_get_type(object))
	{
		case json_type_object:
			walk->members += json_object_object_length(object);
			walk->separators += Max(json_object_object_length(object) - 1, 0);
			for (struct lh_entry *entry = json_object_get_object(object)->head;
				 entry != NULL; entry = entry->next)
				walk_tree((struct json_object *) lh_entry_v(entry), walk);
			break;
		case json_type_array:
			{
				int			n = json_object_array_length(object);

				walk->separators += Max(n - 1, 0);
				for (int i = 0; i < n; i++)
					walk_tree(json_object_array_get_idx(object, i), walk);
				break;
			}
		case json_type_int:
		case json_type_double:
			if (walk->inexact)
				keep_number(object, walk);
			break;
		default:
			break;
	}
}

/*
 * json-c has integers of 64 bits and takes the nearest for a greater one; the
 * text of others than integers it keeps itself.  The tree's order is the
 * text's, so that this number is the next one there.
 */
static void
keep_number(struct json_object *number, TreeWalk *walk)
{
	size_t		length;
	const char *text = amplify_json_next_number(walk->text, walk->length,
												&walk->at, &length);
	char	   *copy;

	if (!json_object_is_type(number, json_type_int))
		return;
	copy = strndup(text, length);
	if (copy == NULL)
	{
		walk->failed = true;
		return;
	}
	json_object_set_serializer(number, json_object_userdata_to_json_string,
							   copy, json_object_free_userdata);
}

/* Recursion is bounded likewise */
static void
cleanse_tree(struct json_object *object)
{
	if (json_object_is_type(object, json_type_object))
	{
		for (struct lh_entry *entry = json_object_get_object(object)->head;
			 entry != NULL; entry = entry->next)
			cleanse_tree((struct json_object *) lh_entry_v(entry));
	}
	else if (json_object_is_type(object, json_type_string))
		sigv4_cleanse(unconstify(char *, json_object_get_string(object)),
					  json_object_get_string_len(object));
}

/* Protocols older than JSON: <Error><Code>...</Code><Message>...</Message> */
static bool
xml_error(const char *body, size_t length, AmplifyErrorBody *error)
{
	char	   *text = amplify_xml_text(body, length, "Code");

	if (text == NULL)
		return false;
	strlcpy(error->codes[0], text, sizeof(error->codes[0]));
	sigv4_cleanse(text, strlen(text));
	text = amplify_xml_text(body, length, "Message");
	if (text == NULL)
		return true;
	strlcpy(error->message, text,
			pg_encoding_mbcliplen(PG_UTF8, text, strlen(text),
								  sizeof(error->message) - 1) + 1);
	sigv4_cleanse(text, strlen(text));
	return true;
}

/* Follow a dotted path; NULL when a step is absent or null */
static struct json_object *
find_member(struct json_object *object, const char *path)
{
	return path == NULL ? object : follow_path(object, path, strlen(path));
}

/* Likewise, as far as the path's first length bytes go */
static struct json_object *
follow_path(struct json_object *object, const char *path, size_t length)
{
	const char *end = path + length;

	while (object != NULL && path < end)
	{
		size_t		part = Min(strcspn(path, "."), end - path);
		char		copy[NAMEDATALEN];
		const char *name = path;

		if (!json_object_is_type(object, json_type_object))
			return NULL;
		if (path[part] != '\0')
		{
			strlcpy(copy, path, Min(part + 1, sizeof(copy)));
			name = copy;
		}
		object = json_object_object_get(object, name);
		path += part + 1;
	}
	return object;
}

/* Is the object there that the path's last member would be in? */
static bool
has_holder(AmplifyItem *item, const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot != NULL &&
		json_object_is_type(follow_path(item->object, path, dot - path),
							json_type_object);
}

/* Is there a character in the string that no text of ours can hold? */
static bool
has_nul(struct json_object *string)
{
	return strlen(json_object_get_string(string)) !=
		json_object_get_string_len(string);
}

/*
 * The service has numbers of jobs in two spellings: "268", and filled up with
 * zeros.  Only the first is the key of a job.  What is no number stays as it
 * is.
 */
static void
strip_zeros(AmplifyValue *value)
{
	if (strspn(value->text, "0123456789") != value->length)
		return;
	while (value->length > 1 && value->text[0] == '0')
	{
		value->text++;
		value->length--;
	}
}

/* Recursion is bounded by AMPLIFY_JSON_DEPTH */
static void
visit_value(struct json_object *object, AmplifyJsonVisitor visitor, void *arg)
{
	CHECK_FOR_INTERRUPTS();
	switch (json_object_get_type(object))
	{
		case json_type_object:
			visitor(arg, AMPLIFY_PART_OBJECT, NULL, 0);
			for (struct lh_entry *entry = json_object_get_object(object)->head;
				 entry != NULL; entry = entry->next)
			{
				const char *name = lh_entry_k(entry);

				visitor(arg, AMPLIFY_PART_NAME, name, strlen(name));
				visit_value((struct json_object *) lh_entry_v(entry), visitor,
							arg);
			}
			visitor(arg, AMPLIFY_PART_OBJECT_END, NULL, 0);
			break;
		case json_type_array:
			visitor(arg, AMPLIFY_PART_ARRAY, NULL, 0);
			for (int i = 0; i < json_object_array_length(object); i++)
				visit_value(json_object_array_get_idx(object, i), visitor, arg);
			visitor(arg, AMPLIFY_PART_ARRAY_END, NULL, 0);
			break;
		case json_type_string:
			visitor(arg, AMPLIFY_PART_STRING, json_object_get_string(object),
					json_object_get_string_len(object));
			break;
		case json_type_int:
		case json_type_double:
			visit_number(object, visitor, arg);
			break;
		case json_type_boolean:
			visitor(arg, json_object_get_boolean(object) ? AMPLIFY_PART_TRUE :
					AMPLIFY_PART_FALSE, NULL, 0);
			break;
		case json_type_null:
			visitor(arg, AMPLIFY_PART_NULL, NULL, 0);
			break;
	}
}

/* In its own text, if it has kept that: fractions do, and see keep_number() */
static void
visit_number(struct json_object *number, AmplifyJsonVisitor visitor,
			 void *arg)
{
	const char *text = json_object_get_userdata(number);
	char		digits[32];

	if (text == NULL)
	{
		snprintf(digits, sizeof(digits), INT64_FORMAT,
				 json_object_get_int64(number));
		text = digits;
	}
	visitor(arg, AMPLIFY_PART_NUMBER, text, strlen(text));
}

/* restJson1 sends seconds since 1970 as a number; SDKs take ISO 8601, too */
static AmplifyValueStatus
time_value(struct json_object *object, TimestampTz *time)
{
	switch (json_object_get_type(object))
	{
		case json_type_int:
		case json_type_double:
			return amplify_time_from_seconds(json_object_get_double(object),
											 time);
		case json_type_string:
			if (has_nul(object))
				return AMPLIFY_VALUE_NUL_CHARACTER;
			return amplify_time_from_iso(json_object_get_string(object), time);
		default:
			return AMPLIFY_VALUE_WRONG_TYPE;
	}
}
