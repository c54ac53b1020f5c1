/*-------------------------------------------------------------------------
 *
 * json.c
 *	  Is a text JSON, as RFC 8259 has it, and what would its tree take?
 *
 * The whole text is looked at before json-c sees any of it.  What json-c takes
 * for JSON depends on its version and is more than JSON; and a tree takes up
 * to some three hundred times the memory of its text, which json-c has no
 * bound for.
 *
 * Nothing here allocates.  The scan may be interrupted if its owner says so.
 *
 * src/aws/json.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "aws/amplify_aws.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"

/* What json-c 0.16 takes at most for one value, with its slot in an array */
#define OBJECT_COST		850
#define ARRAY_COST		320
#define SCALAR_COST		128
#define MEMBER_COST		160		/* in addition: its name and slot */
#define NAME_COPIES		2		/* while a member is added */

/* So many characters of an integer fit into 64 bits, whatever they are */
#define EXACT_DIGITS	18

/* What may come next */
typedef enum Expected
{
	EXPECT_VALUE,
	EXPECT_VALUE_OR_END,		/* an array has begun */
	EXPECT_NAME,
	EXPECT_NAME_OR_END,			/* an object has begun */
	EXPECT_COMMA_OR_END
} Expected;

typedef struct JsonScan
{
	const char *text;
	size_t		length;
	size_t		at;
	size_t		next_check;		/* for interrupts; SIZE_MAX: never */
	int			depth;
	bool		nul;			/* the latest string has one */
	bool		in_object[AMPLIFY_JSON_DEPTH];
	AmplifyJsonCount *count;
} JsonScan;

static AmplifyParse verify_encoding(JsonScan *scan);
static void check_interrupts(JsonScan *scan);
static AmplifyParse scan_value(JsonScan *scan, Expected *expected);
static AmplifyParse scan_number(JsonScan *scan);
static AmplifyParse scan_name(JsonScan *scan);
static AmplifyParse scan_string(JsonScan *scan);
static void skip_plain(JsonScan *scan);
static AmplifyParse scan_escape(JsonScan *scan);
static int	scan_unit(JsonScan *scan);
static AmplifyParse scan_literal(JsonScan *scan, const char *literal);
static bool scan_digits(JsonScan *scan);
static AmplifyParse begin(JsonScan *scan, bool is_object);
static bool is_end(JsonScan *scan, Expected expected);
static void skip_blanks(JsonScan *scan);

/* The byte at the scan's place; no text has the one that stands for its end */
static inline char
current(const JsonScan *scan)
{
	return scan->at < scan->length ? scan->text[scan->at] : '\0';
}

/*
 * Scan a whole text, and count what is in it.  Other than OK: it is no JSON,
 * no UTF-8 or nested too deeply.
 */
AmplifyParse
amplify_json_scan(const char *text, size_t length, bool interruptible,
				  AmplifyJsonCount *count)
{
	JsonScan	scan = {.text = text, .length = length, .count = count};
	Expected	expected = EXPECT_VALUE;
	AmplifyParse status;

	memset(count, 0, sizeof(AmplifyJsonCount));
	scan.next_check = interruptible ? AMPLIFY_JSON_PIECE : SIZE_MAX;
	status = verify_encoding(&scan);
	if (status != AMPLIFY_PARSE_OK)
		return status;
	do
	{
		skip_blanks(&scan);
		if (is_end(&scan, expected))
		{
			scan.at++;
			scan.depth--;
			expected = EXPECT_COMMA_OR_END;
		}
		else if (expected == EXPECT_COMMA_OR_END)
		{
			if (current(&scan) != ',')
				return AMPLIFY_PARSE_MALFORMED;
			scan.at++;
			count->separators++;
			expected = scan.in_object[scan.depth - 1] ? EXPECT_NAME : EXPECT_VALUE;
		}
		else if (expected == EXPECT_NAME || expected == EXPECT_NAME_OR_END)
		{
			status = scan_name(&scan);
			expected = EXPECT_VALUE;
		}
		else
			status = scan_value(&scan, &expected);
		check_interrupts(&scan);
	} while (status == AMPLIFY_PARSE_OK && scan.depth > 0);

	skip_blanks(&scan);
	if (status == AMPLIFY_PARSE_OK && scan.at < length)
		return AMPLIFY_PARSE_MALFORMED;
	return status;
}

/*
 * Where the objects begin that are elements of the array of that name, which
 * the outermost object has: the first n, and begins[n] is where the last one
 * ends.  Returns how many there are.  For a text that the scan has found to be
 * JSON, and may be interrupted.
 */
int
amplify_json_elements(const char *text, size_t length, const char *name,
					  uint32 *begins, int n)
{
	JsonScan	scan = {.text = text, .length = length};
	bool		named = false;	/* by the latest string of the outermost */
	bool		inside = false;
	int			found = 0;

	while (scan.at < length)
	{
		size_t		at = scan.at;
		char		c = current(&scan);

		check_interrupts(&scan);
		if (c == '"')
		{
			(void) scan_string(&scan);
			if (scan.depth == 1)
				named = scan.at - at == strlen(name) + 2 &&
					memcmp(text + at + 1, name, strlen(name)) == 0;
			continue;
		}
		scan.at++;
		if (c == '{' || c == '[')
		{
			if (scan.depth++ == 1)
				inside = named && c == '[';
			else if (scan.depth == 3 && inside && c == '{' && found++ < n)
				begins[found - 1] = at;
		}
		else if (c == '}' || c == ']')
		{
			if (scan.depth-- == 3 && inside && c == '}')
				begins[n] = scan.at;
		}
	}
	return found;
}

/*
 * The next number from *at on, which is moved behind it.  For a text that the
 * scan has found to be JSON, and that has one more.
 */
const char *
amplify_json_next_number(const char *text, size_t length, size_t *at,
						 size_t *number_length)
{
	JsonScan	scan = {.text = text, .length = length, .at = *at};
	const char *number;

	scan.next_check = SIZE_MAX;
	while (scan.at < length && current(&scan) != '-' &&
		   !(current(&scan) >= '0' && current(&scan) <= '9'))
	{
		if (current(&scan) == '"')
			(void) scan_string(&scan);
		else
			scan.at++;
	}
	number = text + scan.at;
	*number_length = strspn(number, "+-.0123456789eE");
	*at = scan.at + *number_length;
	return number;
}

/* In pieces that end between characters, unless the text is none */
static AmplifyParse
verify_encoding(JsonScan *scan)
{
	size_t		next_check = scan->next_check;

	while (scan->at < scan->length)
	{
		size_t		end = Min(scan->at + AMPLIFY_JSON_PIECE, scan->length);

		for (int i = 0; i < MAX_MULTIBYTE_CHAR_LEN && end < scan->length &&
			 (scan->text[end] & 0xC0) == 0x80; i++)
			end--;
		if (!pg_verify_mbstr(PG_UTF8, scan->text + scan->at, end - scan->at,
							 true))
			return AMPLIFY_PARSE_ENCODING;
		scan->at = end;
		check_interrupts(scan);
	}
	scan->at = 0;
	scan->next_check = next_check;
	return AMPLIFY_PARSE_OK;
}

static void
check_interrupts(JsonScan *scan)
{
	if (scan->at < scan->next_check)
		return;
	CHECK_FOR_INTERRUPTS();
	scan->next_check = scan->at + AMPLIFY_JSON_PIECE;
}

static AmplifyParse
scan_value(JsonScan *scan, Expected *expected)
{
	*expected = EXPECT_COMMA_OR_END;
	scan->count->cost += SCALAR_COST;
	switch (current(scan))
	{
		case '{':
			*expected = EXPECT_NAME_OR_END;
			return begin(scan, true);
		case '[':
			*expected = EXPECT_VALUE_OR_END;
			return begin(scan, false);
		case '"':
			return scan_string(scan);
		case 't':
			return scan_literal(scan, "true");
		case 'f':
			return scan_literal(scan, "false");
		case 'n':
			return scan_literal(scan, "null");
		default:
			return scan_number(scan);
	}
}

/* No zero before another digit, and digits around all else */
static AmplifyParse
scan_number(JsonScan *scan)
{
	size_t		start = scan->at;

	if (current(scan) == '-')
		scan->at++;
	if (current(scan) == '0')
		scan->at++;
	else if (!scan_digits(scan))
		return AMPLIFY_PARSE_MALFORMED;
	if (current(scan) == '.')
	{
		scan->at++;
		if (!scan_digits(scan))
			return AMPLIFY_PARSE_MALFORMED;
	}
	if (current(scan) == 'e' || current(scan) == 'E')
	{
		scan->at++;
		if (current(scan) == '+' || current(scan) == '-')
			scan->at++;
		if (!scan_digits(scan))
			return AMPLIFY_PARSE_MALFORMED;
	}
	/* there are 64 bits for an integer, and none for the sign of zero */
	if (scan->at - start > EXACT_DIGITS ||
		strncmp(scan->text + start, "-0", 2) == 0)
		scan->count->inexact++;
	return AMPLIFY_PARSE_OK;
}

/* A member's name and the colon behind it */
static AmplifyParse
scan_name(JsonScan *scan)
{
	size_t		start = scan->at;
	AmplifyParse status;

	if (current(scan) != '"')
		return AMPLIFY_PARSE_MALFORMED;
	scan->nul = false;
	status = scan_string(scan);
	if (status != AMPLIFY_PARSE_OK)
		return status;
	if (scan->nul)				/* where json-c's name would end */
		return AMPLIFY_PARSE_MALFORMED;
	scan->count->cost += MEMBER_COST + NAME_COPIES * (scan->at - start);
	skip_blanks(scan);
	if (current(scan) != ':')
		return AMPLIFY_PARSE_MALFORMED;
	scan->at++;
	scan->count->members++;
	return AMPLIFY_PARSE_OK;
}

/* From an opening quote to behind its closing one */
static AmplifyParse
scan_string(JsonScan *scan)
{
	AmplifyParse status = AMPLIFY_PARSE_OK;

	for (scan->at++; status == AMPLIFY_PARSE_OK && current(scan) != '"';)
	{
		/* that is the end of the text as well */
		if ((unsigned char) current(scan) < ' ')
			return AMPLIFY_PARSE_MALFORMED;
		if (current(scan) == '\\')
			status = scan_escape(scan);
		else
			skip_plain(scan);
		check_interrupts(scan);
	}
	scan->at++;
	return status;
}

/* Characters that stand for themselves, up to the next look at interrupts */
static void
skip_plain(JsonScan *scan)
{
	const char *p = scan->text + scan->at;
	const char *end = scan->text + Min(scan->length, scan->next_check);

	while (p < end && *p != '"' && *p != '\\' && (unsigned char) *p >= ' ')
		p++;
	scan->at = p - scan->text;
}

/* Halves of a surrogate pair must stand together */
static AmplifyParse
scan_escape(JsonScan *scan)
{
	int			unit;

	scan->at++;
	if (current(scan) != 'u')
	{
		if (current(scan) == '\0' || strchr("\"\\/bfnrt", current(scan)) == NULL)
			return AMPLIFY_PARSE_MALFORMED;
		scan->at++;
		return AMPLIFY_PARSE_OK;
	}
	unit = scan_unit(scan);
	if (unit < 0)
		return AMPLIFY_PARSE_MALFORMED;
	scan->nul |= unit == 0;
	if (unit >= 0xD800 && unit <= 0xDBFF)
	{
		if (current(scan) != '\\')
			return AMPLIFY_PARSE_ENCODING;
		scan->at++;
		unit = current(scan) == 'u' ? scan_unit(scan) : -1;
		return unit >= 0xDC00 && unit <= 0xDFFF ? AMPLIFY_PARSE_OK :
			AMPLIFY_PARSE_ENCODING;
	}
	return unit >= 0xDC00 && unit <= 0xDFFF ? AMPLIFY_PARSE_ENCODING :
		AMPLIFY_PARSE_OK;
}

/* The UTF-16 unit of "uXXXX", or -1 */
static int
scan_unit(JsonScan *scan)
{
	int			unit = 0;

	for (int i = 0; i < 4; i++)
	{
		char		c;

		scan->at++;
		c = current(scan);
		if (c >= '0' && c <= '9')
			unit = unit * 16 + c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			unit = unit * 16 + (c | 0x20) - 'a' + 10;
		else
			return -1;
	}
	scan->at++;
	return unit;
}

static AmplifyParse
scan_literal(JsonScan *scan, const char *literal)
{
	size_t		length = strlen(literal);

	if (scan->length - scan->at < length ||
		memcmp(scan->text + scan->at, literal, length) != 0)
		return AMPLIFY_PARSE_MALFORMED;
	scan->at += length;
	return AMPLIFY_PARSE_OK;
}

/* One digit at least */
static bool
scan_digits(JsonScan *scan)
{
	size_t		start = scan->at;

	while (current(scan) >= '0' && current(scan) <= '9')
	{
		scan->at++;
		check_interrupts(scan);
	}
	return scan->at > start;
}

static AmplifyParse
begin(JsonScan *scan, bool is_object)
{
	if (scan->depth == AMPLIFY_JSON_DEPTH)
		return AMPLIFY_PARSE_DEPTH;
	scan->in_object[scan->depth++] = is_object;
	scan->at++;
	scan->count->cost += is_object ? OBJECT_COST : ARRAY_COST;
	return AMPLIFY_PARSE_OK;
}

/* Does the innermost array or object end here? */
static bool
is_end(JsonScan *scan, Expected expected)
{
	return scan->depth > 0 &&
		(expected == EXPECT_COMMA_OR_END || expected == EXPECT_NAME_OR_END ||
		 expected == EXPECT_VALUE_OR_END) &&
		current(scan) == (scan->in_object[scan->depth - 1] ? '}' : ']');
}

static void
skip_blanks(JsonScan *scan)
{
	while (current(scan) == ' ' || current(scan) == '\t' ||
		   current(scan) == '\n' || current(scan) == '\r')
	{
		scan->at++;
		check_interrupts(scan);
	}
}
