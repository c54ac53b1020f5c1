/*-------------------------------------------------------------------------
 *
 * mask.c
 *	  Takes secrets out of what the other end says.
 *
 * A service may repeat what it was sent: a token that it does not know, the
 * header with a signature that it does not accept.  What it says ends up in
 * errors and logs, so all that is secret in it becomes "***".
 *
 * A secret is looked for as it is, with any of its characters written as URLs,
 * JSON and HTML do, in base64 at any of the three places where it may begin in
 * the text that was encoded, and in hexadecimal; small and capital letters are
 * the same, for some capitalize what they repeat.  What is encoded twice in
 * other ways than these is not found.  Of a long one the beginning is enough,
 * for messages are cut; where a character of it is written in a way that is
 * not known here, or a line ends, the rest goes with it.  A short one counts
 * only where it is a word of its own: stars within words would tell what it
 * is.
 *
 * Besides, what looks like a signature or follows the name of a token goes,
 * whoever's it is.
 *
 * Nothing here is palloc'ed, so no copy of a secret stays behind.
 *
 * src/aws/mask.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>
#include <limits.h>

#include "aws/amplify_aws.h"

#define SHORTEST_PART	8		/* of a long secret: that many characters */
#define SHORTEST_END	4		/* likewise, where the text ends with it */
#define ODD_TEXT		40		/* bytes that stand for some of a secret */
#define ODD_SECRET		4		/* so many, or none */
#define SIGNATURE		64		/* hexadecimal digits */
#define STARS			3		/* in the place of a secret */
#define ENTITY			"#0123456789abcdefghijklmnopqrstuvwxyzABCDEFX"

/* What a secret may have become before its characters were written */
typedef enum Form
{
	FORM_PLAIN,
	FORM_BASE64,				/* at the first of three bytes, */
	FORM_BASE64_SECOND,			/* at the second */
	FORM_BASE64_THIRD,			/* and at the third */
	FORM_HEX
} Form;

static void mask_text(char *text, const char *const *secrets, int nsecrets);
static void mask_signatures(char *text);
static size_t match_secret(const char *text, bool begins_word,
						   const char *secret);
static size_t match_form(const char *text, const char *secret, size_t size,
						 Form form, bool written);
static bool skip_odd(const char **text, const char *secret, size_t size,
					 Form form, size_t *matched);
static size_t in_form(Form form, size_t n);
static bool is_same(char a, char b);
static size_t match_character(const char *text, char c);
static size_t match_number(const char *text, const char *prefix, int base,
						   const char *suffix, char c);
static size_t replace(char *text, size_t length);
static size_t after_name(const char *text);
static size_t value_length(const char *text);
static int	hex_digit(char c);
static char character(const char *secret, size_t size, Form form, size_t n);

/*
 * These secrets, of which some may be NULL or "", in all that a failure says
 */
void
amplify_mask_secrets(AmplifyFailure *failure, const char *const *secrets,
					 int nsecrets)
{
	mask_text(failure->code, secrets, nsecrets);
	mask_text(failure->message, secrets, nsecrets);
	mask_text(failure->request_id, secrets, nsecrets);
}

/*
 * Signatures and session tokens of whatever request, once its own secrets are
 * masked: what has lost its beginning is not found any more.
 */
void
amplify_mask_signatures(AmplifyFailure *failure)
{
	mask_signatures(failure->code);
	mask_signatures(failure->message);
	mask_signatures(failure->request_id);
}

/*
 * The longest match counts, of whichever secret: tokens begin alike, and what
 * is left of one that was cut short would be told.
 */
static void
mask_text(char *text, const char *const *secrets, int nsecrets)
{
	for (char *p = text; *p != '\0';)
	{
		bool		begins_word = p == text || !isalnum((unsigned char) p[-1]);
		size_t		longest = 0;

		for (int i = 0; i < nsecrets; i++)
		{
			if (secrets[i] != NULL && secrets[i][0] != '\0')
				longest = Max(longest, match_secret(p, begins_word, secrets[i]));
		}
		p += longest > 0 ? replace(p, longest) : 1;
	}
}

static void
mask_signatures(char *text)
{
	for (char *p = text; *p != '\0';)
	{
		size_t		name = after_name(p);
		size_t		digits = 0;

		while (hex_digit(p[digits]) >= 0)
			digits++;
		if (name > 0)
		{
			p += name;
			p += replace(p, value_length(p));
		}
		else if (digits >= SIGNATURE)
			p += replace(p, digits);
		else
			p += Max(digits, 1);
	}
}

/* How much of text is the secret, or enough of it, in any form; or 0 */
static size_t
match_secret(const char *text, bool begins_word, const char *secret)
{
	size_t		size = strlen(secret);
	size_t		longest = 0;

	for (Form form = FORM_PLAIN; form <= FORM_HEX; form++)
	{
		bool		is_word = form == FORM_PLAIN && size < SHORTEST_PART;

		for (int written = 0; written <= 1; written++)
		{
			size_t		length = match_form(text, secret, size, form, written);

			if (length > longest &&
				(!is_word ||
				 (begins_word && !isalnum((unsigned char) text[length]))))
				longest = length;
		}
	}
	return longest;
}

/*
 * The same for one form; written: in the ways of match_character().  Of a
 * short secret, all of the form has to be there.
 */
static size_t
match_form(const char *text, const char *secret, size_t size, Form form,
		   bool written)
{
	const char *p = text;
	size_t		matched = 0;
	char		c;

	while ((c = character(secret, size, form, matched)) != '\0')
	{
		size_t		length = written ? match_character(p, c) : is_same(*p, c);

		if (length > 0)
		{
			p += length;
			matched++;
		}
		else if (matched < in_form(form, SHORTEST_PART) ||
				 !skip_odd(&p, secret, size, form, &matched))
			break;
	}
	if (c == '\0')
		return matched >= in_form(form, SHORTEST_END) || form == FORM_PLAIN ?
			p - text : 0;
	/* the text may have been cut within a character that is written long */
	if (matched >= in_form(form, SHORTEST_END) && strlen(p) < 6 &&
		(*p == '\0' || (written && strchr("%\\&", *p) != NULL)))
		return p - text + strlen(p);
	return matched >= in_form(form, SHORTEST_PART) ? p - text : 0;
}

/*
 * Go on behind what is not known to be of the secret, if its next characters
 * stand there.
 */
static bool
skip_odd(const char **text, const char *secret, size_t size, Form form,
		 size_t *matched)
{
	for (size_t lost = 0; lost <= ODD_SECRET; lost++)
	{
		const char *p = *text;

		for (int odd = 0; odd < ODD_TEXT && *p != '\0'; odd++)
		{
			size_t		n = 0;
			char		c = '\0';

			p++;
			while (n < SHORTEST_END &&
				   (c = character(secret, size, form, *matched + lost + n)) != '\0' &&
				   is_same(p[n], c))
				n++;
			if (n == SHORTEST_END || (n > 0 && c == '\0'))
			{
				*text = p;
				*matched += lost;
				return true;
			}
		}
	}
	return false;
}

/* How many characters stand for so many of a secret */
static size_t
in_form(Form form, size_t n)
{
	return form == FORM_PLAIN ? n : form == FORM_HEX ? n * 2 : n * 4 / 3;
}

static bool
is_same(char a, char b)
{
	return pg_ascii_tolower((unsigned char) a) ==
		pg_ascii_tolower((unsigned char) b);
}

/*
 * How much of text is that character, in whatever form; 0: it is another one
 */
static size_t
match_character(const char *text, char c)
{
	static const struct
	{
		const char *prefix;
		int			base;
		const char *suffix;
	}			numbers[] = {
		{"%", 16, ""}, {"%25", 16, ""}, {"\\u00", 16, ""}, {"\\x", 16, ""},
		{"&#x", 16, ";"}, {"&#X", 16, ";"}, {"&#", 10, ";"},
	};
	static const struct
	{
		const char *name;
		char		c;
	}			names[] = {
		{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'},
		{"&apos;", '\''}, {"+", ' '}, {"-", '+'}, {"_", '/'},
	};

	if (strchr("%\\&+-_", text[0]) == NULL)
		return is_same(text[0], c);

	for (int i = 0; i < lengthof(numbers); i++)
	{
		size_t		length = match_number(text, numbers[i].prefix,
										  numbers[i].base, numbers[i].suffix, c);

		if (length > 0)
			return length;
	}
	for (int i = 0; i < lengthof(names); i++)
	{
		if (names[i].c == c &&
			strncmp(text, names[i].name, strlen(names[i].name)) == 0)
			return strlen(names[i].name);
	}
	if (text[0] == '\\' && is_same(text[1], c))
		return 2;
	return text[0] == c;
}

/* Hexadecimal ones have two digits where nothing ends them */
static size_t
match_number(const char *text, const char *prefix, int base,
			 const char *suffix, char c)
{
	const char *p = text + strlen(prefix);
	const char *digits = p;
	int			most = suffix[0] == '\0' ? 2 : 6;
	int			value = 0;

	if (strncmp(text, prefix, strlen(prefix)) != 0)
		return 0;
	while (p - digits < most && hex_digit(*p) >= 0 && hex_digit(*p) < base)
		value = value * base + hex_digit(*p++);
	if (p == digits || value > UCHAR_MAX || !is_same((char) value, c) ||
		strncmp(p, suffix, strlen(suffix)) != 0)
		return 0;
	return p + strlen(suffix) - text;
}

/* Put stars in the place of so many bytes; returns how many of them */
static size_t
replace(char *text, size_t length)
{
	size_t		stars = Min(length, STARS);

	memset(text, '*', stars);
	memmove(text + stars, text + length, strlen(text + length) + 1);
	return stars;
}

/*
 * Is it the name of what no message tells, with what stands between name and
 * value?  How long, or 0.
 */
static size_t
after_name(const char *text)
{
	static const char *const names[] = {
		"signature", "security-token", "security_token", "securitytoken",
		"security%2dtoken",
	};
	static const char *const separators[] = {
		"=", ":", "%3d", "%3a", "\\u003d", "\\u003a", "&#61;", "&#58;",
		"&#x3d;", "&#x3a;",
	};
	static const char *const fillers[] = {
		" ", "\"", "'", "\\\"", "\\", "%20", "%22", "&quot;", "&#34;", "&#39;",
	};
	size_t		length = 0;
	bool		separated = false;

	for (int i = 0; i < lengthof(names) && length == 0; i++)
	{
		if (pg_strncasecmp(text, names[i], strlen(names[i])) == 0)
			length = strlen(names[i]);
	}
	for (bool more = length > 0; more;)
	{
		more = false;
		for (int i = 0; i < lengthof(separators) + lengthof(fillers); i++)
		{
			bool		separates = i < lengthof(separators);
			const char *part = separates ? separators[i] :
				fillers[i - lengthof(separators)];

			if (pg_strncasecmp(text + length, part, strlen(part)) != 0)
				continue;
			length += strlen(part);
			separated |= separates;
			more = true;
		}
	}
	return separated ? length : 0;
}

/* How long is what stands there, with escapes and entities in it? */
static size_t
value_length(const char *text)
{
	const char *p = text;

	while (*p != '\0' && strchr(" ,;'\"<>)]}", *p) == NULL)
	{
		size_t		entity = *p == '&' ? 1 + strspn(p + 1, ENTITY) : 0;

		if (*p == '\\' && p[1] == '"')
			break;
		if (*p == '&' && p[entity] != ';')
			break;
		p += *p == '&' ? entity + 1 : *p == '\\' && p[1] != '\0' ? 2 : 1;
	}
	return p - text;
}

/* Its value, or -1 */
static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/*
 * A secret's character in a form; '\0' at its end.  Of base64, in the middle
 * of a text that was encoded, only those that do not depend on what stands
 * beside the secret.
 */
static char
character(const char *secret, size_t size, Form form, size_t n)
{
	static const char base64[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char digits[] = "0123456789abcdef";
	/* bits that belong to a character with others before them */
	static const int skipped[] = {
		[FORM_BASE64] = 0, [FORM_BASE64_SECOND] = 4, [FORM_BASE64_THIRD] = 2
	};
	const unsigned char *bytes = (const unsigned char *) secret;
	size_t		bit;

	switch (form)
	{
		case FORM_PLAIN:
			return n < size ? secret[n] : '\0';
		case FORM_HEX:
			return n / 2 >= size ? '\0' :
				digits[bytes[n / 2] >> (n % 2 == 0 ? 4 : 0) & 0x0f];
		case FORM_BASE64:
		case FORM_BASE64_SECOND:
		case FORM_BASE64_THIRD:
			bit = skipped[form] + n * 6;
			if (bit + 6 > size * 8)
				return '\0';
			/* the byte after the last one is the string's end */
			return base64[(bytes[bit / 8] << 8 | bytes[bit / 8 + 1]) >>
						  (10 - bit % 8) & 0x3f];
	}
	return '\0';
}
