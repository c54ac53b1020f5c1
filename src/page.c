/*-------------------------------------------------------------------------
 *
 * page.c
 *	  One answer of the service, parsed: its items, the next token, and the
 *	  value of a member.  The only file that knows json-c.
 *
 * Not here: what an item means, which members are wanted, and what is said of
 * a bad answer.  Nothing here raises an error for what the service sent.
 *
 * json-c before 0.18 drops an object's entry without a word when malloc fails,
 * turns lone surrogates into U+FFFD, lets some invalid UTF-8 pass, and lets
 * the last of two equal names win.  An answer with fewer entries is a missing
 * row, so the text itself is checked before and counted against the tree
 * afterwards.
 *
 * src/page.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "amplify_fdw.h"
#include "mb/pg_wchar.h"
#include "sigv4.h"
#include "utils/memutils.h"

/* utils/fmgrprotos.h has a function of that name */
#define json_object amplify_json_object
#include <json-c/json.h>

#define MAX_DEPTH		32		/* Amplify's deepest answer has 6 levels */
#define RESERVE_FACTOR	12		/* json-c's tree per byte of text, measured */
#define RESERVE_MIN		65536

/*
 * From json-c 0.18 on, "strict" refuses more than JSON does: letters beyond
 * ASCII (in 0.18 only), and a whole answer for one integer beyond 64 bits.
 */
#define TOO_STRICT_FROM			(18 << 8)

struct AmplifyItem
{
	struct json_object *object;
	struct json_object *holder; /* has it, or the array of it, as a member */
};

struct AmplifyPage
{
	MemoryContext context;
	struct json_object *root;
	bool		many;
	AmplifyItem *items;
	int			nitems;
	int			size;			/* of the array */
	MemoryContextCallback callback;
};

/* What a JSON text holds, by its punctuation alone */
typedef struct TextCount
{
	int64		members;		/* colons */
	int64		separators;		/* commas */
	bool		lone_surrogate;
} TextCount;

static void page_reset_callback(void *arg);
static void drop_tree(struct json_object **root);
static bool find_items(AmplifyPage *page, const char *result);
static bool add_items(AmplifyPage *page, struct json_object *base,
					  const char *path);
static void add_item(AmplifyPage *page, struct json_object *object,
					 struct json_object *holder);
static bool is_blank(const char *text, size_t length);
static AmplifyParse parse_text(const char *body, size_t length,
							   struct json_object **root);
static void count_text(const char *body, size_t length, TextCount *count);
static size_t skip_string(const char *body, size_t length, size_t i,
						  bool *lone_surrogate);
static int	escaped_unit(const char *body, size_t length, size_t i);
static void count_tree(struct json_object *object, TextCount *count);
static void cleanse_tree(struct json_object *object);
static bool xml_error(const char *body, size_t length,
					  char *code, size_t code_size,
					  char *message, size_t message_size);
static struct json_object *find_member(struct json_object *object,
									   const char *path);
static struct json_object *follow_path(struct json_object *object,
									   const char *path, size_t length);
static bool has_holder(AmplifyItem *item, const char *path);
static void strip_zeros(AmplifyValue *value);
static AmplifyValueStatus time_value(struct json_object *object,
									 TimestampTz *time);
static void copy_string(struct json_object *object, const char *const *names,
						char *dst, size_t size);

/*
 * An empty page.  The json-c tree that it will hold goes away with context, at
 * the latest.
 */
AmplifyPage *
amplify_page_create(MemoryContext context)
{
	AmplifyPage *page = MemoryContextAllocZero(context, sizeof(AmplifyPage));

	page->context = context;
	page->callback.func = page_reset_callback;
	page->callback.arg = page;
	MemoryContextRegisterResetCallback(context, &page->callback);
	return page;
}

/*
 * Fill the page with an answer in which result (see AmplifyOperation) is an
 * array of objects (many) or one object.  The body may be freed afterwards.
 */
AmplifyParse
amplify_page_parse(AmplifyPage *page, const char *body, size_t length,
				   const char *result, bool many)
{
	AmplifyParse status;
	struct json_object *token;

	amplify_page_clear(page);
	status = parse_text(body, length, &page->root);
	if (status != AMPLIFY_PARSE_OK)
		return status;

	page->many = many;
	if (!find_items(page, result))
		status = AMPLIFY_PARSE_SHAPE;

	/* a list must not end early because its token can't be read */
	token = find_member(page->root, "nextToken");
	if (many && token != NULL && !json_object_is_type(token, json_type_string))
		status = AMPLIFY_PARSE_SHAPE;
	if (status != AMPLIFY_PARSE_OK)
		amplify_page_clear(page);
	return status;
}

/* Free the tree; items and values out of the page are gone with it */
void
amplify_page_clear(AmplifyPage *page)
{
	drop_tree(&page->root);
	page->nitems = 0;
}

int
amplify_page_count(AmplifyPage *page)
{
	return page->nitems;
}

AmplifyItem *
amplify_page_item(AmplifyPage *page, int n)
{
	return &page->items[n];
}

/* The token of the page after this one, or NULL when this is the last */
const char *
amplify_page_next_token(AmplifyPage *page)
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
amplify_page_value(AmplifyItem *item, const char *path, AmplifyType type,
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
			if (memchr(value->text, '\0', value->length) != NULL)
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
			value->text = json_object_to_json_string_length(object,
															JSON_C_TO_STRING_PLAIN |
															JSON_C_TO_STRING_NOSLASHESCAPE,
															&value->length);
			return value->text ? AMPLIFY_VALUE_OK : AMPLIFY_VALUE_MEMORY;
	}
	return AMPLIFY_VALUE_WRONG_TYPE;
}

/*
 * Code and message out of the body of an error; "" where there is none.
 * Returns false if the body is neither a JSON object nor an error in XML.
 */
bool
amplify_page_error(const char *body, size_t length,
				   char *code, size_t code_size,
				   char *message, size_t message_size)
{
	static const char *const code_names[] = {"code", "Code", "__type",
	"Error.Code", NULL};
	static const char *const message_names[] = {"message", "Message",
	"Error.Message", NULL};
	struct json_object *root;

	code[0] = '\0';
	message[0] = '\0';
	if (length > 0 && body[0] == '<')
		return xml_error(body, length, code, code_size, message, message_size);
	if (parse_text(body, length, &root) != AMPLIFY_PARSE_OK)
		return false;
	copy_string(root, code_names, code, code_size);
	copy_string(root, message_names, message, message_size);
	json_object_put(root);
	return true;
}

/* Overwrite all texts of a page that held secrets, and clear it */
void
amplify_page_cleanse(AmplifyPage *page)
{
	cleanse_tree(page->root);
	amplify_page_clear(page);
}

static void
page_reset_callback(void *arg)
{
	amplify_page_clear((AmplifyPage *) arg);
}

/* Find the items of an answer.  False: that is not its shape. */
static bool
find_items(AmplifyPage *page, const char *result)
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
add_items(AmplifyPage *page, struct json_object *base, const char *path)
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
			add_item(page, found, holder);
		return page->nitems == 1;
	}
	if (found == NULL)
		return holder != page->root;
	if (!json_object_is_type(found, json_type_array))
		return false;
	for (int i = 0; i < json_object_array_length(found); i++)
	{
		struct json_object *object = json_object_array_get_idx(found, i);

		if (!json_object_is_type(object, json_type_object))
			return false;
		add_item(page, object, holder);
	}
	return true;
}

static void
add_item(AmplifyPage *page, struct json_object *object,
		 struct json_object *holder)
{
	if (page->nitems == page->size)
	{
		page->size = Max(64, page->size * 2);
		page->items = page->items == NULL ?
			MemoryContextAllocHuge(page->context,
								   sizeof(AmplifyItem) * page->size) :
			repalloc_huge(page->items, sizeof(AmplifyItem) * page->size);
	}
	page->items[page->nitems++] = (AmplifyItem) {object, holder};
}

/* The first of these members that is a string, cut to size between letters */
static void
copy_string(struct json_object *object, const char *const *names,
			char *dst, size_t size)
{
	for (; *names != NULL; names++)
	{
		struct json_object *member = find_member(object, *names);

		if (json_object_is_type(member, json_type_string))
		{
			const char *text = json_object_get_string(member);
			int			length = strlen(text);

			if (length >= size)
				length = pg_encoding_mbcliplen(PG_UTF8, text, length, size - 1);
			memcpy(dst, text, length);
			dst[length] = '\0';
			return;
		}
	}
}

/* Nobody may find the tree afterwards: a page frees what it has once more */
static void
drop_tree(struct json_object **root)
{
	if (*root != NULL)
		json_object_put(*root);
	*root = NULL;
}

static bool
is_blank(const char *text, size_t length)
{
	while (length > 0 && strchr(" \t\r\n", *text) != NULL)
	{
		text++;
		length--;
	}
	return length == 0;
}

/* A whole JSON object with nothing lost; *root is NULL unless OK */
static AmplifyParse
parse_text(const char *body, size_t length, struct json_object **root)
{
	struct json_tokener *tokener;
	enum json_tokener_error error;
	TextCount	in_text = {0};
	TextCount	in_tree = {0};
	size_t		end;
	void	   *reserve;

	*root = NULL;
	if (body == NULL || length == 0 || length > MaxAllocSize)
		return AMPLIFY_PARSE_MALFORMED;
	if (!pg_verify_mbstr(PG_UTF8, body, length, true))
		return AMPLIFY_PARSE_ENCODING;
	count_text(body, length, &in_text);
	if (in_text.lone_surrogate)
		return AMPLIFY_PARSE_ENCODING;

	/* fail here rather than inside json-c, as far as that can be foreseen */
	reserve = malloc(length * RESERVE_FACTOR + RESERVE_MIN);
	if (reserve == NULL)
		return AMPLIFY_PARSE_MEMORY;
	free(reserve);

	tokener = json_tokener_new_ex(MAX_DEPTH);
	if (tokener == NULL)
		return AMPLIFY_PARSE_MEMORY;
	if (json_c_version_num() < TOO_STRICT_FROM)
		json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	*root = json_tokener_parse_ex(tokener, body, length);
	error = json_tokener_get_error(tokener);
	end = json_tokener_get_parse_end(tokener);
	json_tokener_free(tokener);

	if (error == json_tokener_error_depth)
		return AMPLIFY_PARSE_DEPTH;
	if (error != json_tokener_success || !is_blank(body + end, length - end))
	{
		drop_tree(root);
		return AMPLIFY_PARSE_MALFORMED;
	}
	if (!json_object_is_type(*root, json_type_object))
	{
		drop_tree(root);
		return AMPLIFY_PARSE_SHAPE;
	}

	count_tree(*root, &in_tree);
	if (in_tree.members != in_text.members ||
		in_tree.separators != in_text.separators)
	{
		drop_tree(root);
		return AMPLIFY_PARSE_MALFORMED;
	}
	return AMPLIFY_PARSE_OK;
}

static void
count_text(const char *body, size_t length, TextCount *count)
{
	for (size_t i = 0; i < length; i++)
	{
		if (body[i] == ':')
			count->members++;
		else if (body[i] == ',')
			count->separators++;
		else if (body[i] == '"')
			i = skip_string(body, length, i, &count->lone_surrogate);
	}
}

/*
 * From an opening quote to its closing one (or the end of a text that the
 * parser will refuse).  Halves of a surrogate pair must stand together.
 */
static size_t
skip_string(const char *body, size_t length, size_t i, bool *lone_surrogate)
{
	for (i++; i < length && body[i] != '"'; i++)
	{
		int			unit;

		if (body[i] != '\\')
			continue;
		unit = escaped_unit(body, length, i);
		if (unit >= 0xD800 && unit <= 0xDBFF)
		{
			unit = escaped_unit(body, length, i + 6);
			if (unit < 0xDC00 || unit > 0xDFFF)
				*lone_surrogate = true;
			i += 6;
		}
		else if (unit >= 0xDC00 && unit <= 0xDFFF)
			*lone_surrogate = true;
		i++;					/* what a backslash escapes is no quote */
	}
	return i;
}

/* The UTF-16 unit of a \uXXXX that starts at i, or -1 */
static int
escaped_unit(const char *body, size_t length, size_t i)
{
	int			unit = 0;

	if (i + 6 > length || body[i] != '\\' || body[i + 1] != 'u')
		return -1;
	for (size_t j = i + 2; j < i + 6; j++)
	{
		char		c = body[j];

		if (c >= '0' && c <= '9')
			unit = unit * 16 + c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			unit = unit * 16 + (c | 0x20) - 'a' + 10;
		else
			return -1;
	}
	return unit;
}

/* Recursion is bounded by MAX_DEPTH */
static void
count_tree(struct json_object *object, TextCount *count)
{
	if (json_object_is_type(object, json_type_object))
	{
		int			n = json_object_object_length(object);

		count->members += n;
		count->separators += Max(n - 1, 0);
		for (struct lh_entry *entry = json_object_get_object(object)->head;
			 entry != NULL; entry = entry->next)
			count_tree((struct json_object *) lh_entry_v(entry), count);
	}
	else if (json_object_is_type(object, json_type_array))
	{
		int			n = json_object_array_length(object);

		count->separators += Max(n - 1, 0);
		for (int i = 0; i < n; i++)
			count_tree(json_object_array_get_idx(object, i), count);
	}
}

/* Likewise */
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
xml_error(const char *body, size_t length,
		  char *code, size_t code_size,
		  char *message, size_t message_size)
{
	char	   *text = amplify_xml_text(body, length, "Code");

	if (text == NULL)
		return false;
	strlcpy(code, text, code_size);
	text = amplify_xml_text(body, length, "Message");
	if (text != NULL)
		strlcpy(message, text, pg_encoding_mbcliplen(PG_UTF8, text, strlen(text),
													 message_size - 1) + 1);
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
		char		name[NAMEDATALEN];

		if (!json_object_is_type(object, json_type_object))
			return NULL;
		strlcpy(name, path, Min(part + 1, sizeof(name)));
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

/*
 * The service has numbers of jobs in two spellings: "268", and filled up with
 * zeros.  Only the first is the key of a job.  What is no number stays as it is.
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
			return amplify_time_from_iso(json_object_get_string(object), time);
		default:
			return AMPLIFY_VALUE_WRONG_TYPE;
	}
}
