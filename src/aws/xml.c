/*-------------------------------------------------------------------------
 *
 * xml.c
 *	  The text of one element of an XML response.
 *
 * STS is asked for JSON and answers in JSON; only where it does not, and from
 * emulators, comes XML, of which six elements with plain text in them matter.
 * So this is no parser: attributes, comments, CDATA and prefixes of names are
 * not known, and an element that uses them is as good as absent.
 *
 * src/aws/xml.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "aws/amplify_aws.h"
#include "mb/pg_wchar.h"

static const char *find(const char *text, const char *end, const char *wanted);
static char *decode_text(const char *text, int length);

/*
 * The text of the first element of that name, palloc'ed; NULL if there is
 * none, or one that holds other elements or is not UTF-8.
 */
char *
amplify_xml_text(const char *body, size_t length, const char *element)
{
	char	   *open = psprintf("<%s>", element);
	char	   *close = psprintf("</%s>", element);
	const char *end = body + length;
	const char *start = find(body, end, open);
	const char *stop;

	if (start == NULL)
		return NULL;
	start += strlen(open);
	stop = find(start, end, "<");
	if (stop == NULL || find(stop, end, close) != stop ||
		!pg_verify_mbstr(PG_UTF8, start, stop - start, true))
		return NULL;
	return decode_text(start, stop - start);
}

/* A body may hold NULs, and ends where it ends */
static const char *
find(const char *text, const char *end, const char *wanted)
{
	size_t		length = strlen(wanted);

	while (end - text >= length)
	{
		if (memcmp(text, wanted, length) == 0)
			return text;
		text = memchr(text + 1, wanted[0], end - text - 1);
		if (text == NULL)
			break;
	}
	return NULL;
}

static char *
decode_text(const char *text, int length)
{
	static const struct
	{
		const char *name;
		char		character;
	}			entities[] = {
		{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'},
		{"&quot;", '"'}, {"&apos;", '\''},
	};
	const char *end = text + length;
	char	   *decoded = palloc(length + 1);
	char	   *dst = decoded;

	while (text < end)
	{
		char		character = *text;
		int			used = 1;

		for (int i = 0; i < lengthof(entities); i++)
		{
			size_t		name_length = strlen(entities[i].name);

			if (end - text >= name_length &&
				memcmp(text, entities[i].name, name_length) == 0)
			{
				character = entities[i].character;
				used = name_length;
				break;
			}
		}
		*dst++ = character;
		text += used;
	}
	*dst = '\0';
	return decoded;
}
