/*-------------------------------------------------------------------------
 *
 * xml.c
 *	  The text of one element of an XML answer.
 *
 * STS is asked for JSON and answers in JSON; only where it does not, and from
 * emulators, comes XML, of which six elements with plain text in them matter.
 * So this is no parser: attributes, comments, CDATA and prefixes of names are
 * not known, and an element that uses them is as good as absent.
 *
 * src/xml.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "amplify_fdw.h"
#include "mb/pg_wchar.h"

static char *decode_text(const char *text, int length);

/*
 * The text of the first element of that name, palloc'ed; NULL if there is
 * none, or one that holds other elements or is not UTF-8.
 */
char *
amplify_xml_text(const char *body, const char *element)
{
	char	   *open = psprintf("<%s>", element);
	char	   *close = psprintf("</%s>", element);
	const char *start = strstr(body, open);
	const char *end;

	if (start == NULL)
		return NULL;
	start += strlen(open);
	end = strchr(start, '<');
	if (end == NULL || strncmp(end, close, strlen(close)) != 0 ||
		!pg_verify_mbstr(PG_UTF8, start, end - start, true))
		return NULL;
	return decode_text(start, end - start);
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
			if (strncmp(text, entities[i].name, strlen(entities[i].name)) == 0)
			{
				character = entities[i].character;
				used = strlen(entities[i].name);
				break;
			}
		}
		*dst++ = character;
		text += used;
	}
	*dst = '\0';
	return decoded;
}
