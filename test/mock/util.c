/*
 * util.c
 *	  Buffers, slices, percent encoding, parameters, clocks.
 *
 * Nothing here knows of HTTP replies, of AWS or of the data.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "mock.h"

void
die(const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	fputs("amplify-mock: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

void *
xalloc(size_t size)
{
	void	   *p = calloc(1, size);

	if (p == NULL)
		die("out of memory");
	return p;
}

char *
xstrndup(const char *p, size_t n)
{
	char	   *copy = xalloc(n + 1);

	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

Slice
slice(const char *s)
{
	return (Slice) {s, s ? strlen(s) : 0};
}

Slice
slice_dup(Slice s)
{
	return (Slice) {xstrndup(s.p, s.n), s.n};
}

bool
slice_eq(Slice a, Slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
slice_is(Slice a, const char *s)
{
	return slice_eq(a, slice(s));
}

bool
slice_same_nocase(Slice a, const char *s)
{
	return a.n == strlen(s) && (a.n == 0 || strncasecmp(a.p, s, a.n) == 0);
}

/* Make room for some more bytes and the NUL behind them. */
void
buf_reserve(Buf *b, size_t more)
{
	size_t		need = b->n + more + 1;
	size_t		cap = b->cap ? b->cap : 256;
	char	   *p;

	if (need <= b->cap)
		return;
	while (cap < need)
		cap *= 2;
	p = realloc(b->p, cap);
	if (p == NULL)
		die("out of memory");
	b->p = p;
	b->cap = cap;
	b->p[b->n] = '\0';
}

void
buf_put(Buf *b, const void *p, size_t n)
{
	buf_reserve(b, n);
	if (n > 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void
buf_puts(Buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_putc(Buf *b, char c)
{
	buf_put(b, &c, 1);
}

void
buf_slice(Buf *b, Slice s)
{
	buf_put(b, s.p, s.n);
}

void
buf_uint(Buf *b, uint64_t v)
{
	char		digits[20];
	size_t		i = sizeof(digits);

	do
		digits[--i] = (char) ('0' + v % 10);
	while ((v /= 10) > 0);
	buf_put(b, digits + i, sizeof(digits) - i);
}

void
buf_printf(Buf *b, const char *fmt,...)
{
	va_list		args;
	int			n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	buf_reserve(b, (size_t) n);
	va_start(args, fmt);
	vsnprintf(b->p + b->n, (size_t) n + 1, fmt, args);
	va_end(args);
	b->n += (size_t) n;
}

/* Append a JSON string, quotes included. */
void
buf_json(Buf *b, Slice s)
{
	buf_reserve(b, s.n + 2);
	buf_putc(b, '"');
	for (size_t i = 0; i < s.n; i++)
	{
		unsigned char c = (unsigned char) s.p[i];

		if (c == '"' || c == '\\')
		{
			buf_putc(b, '\\');
			buf_putc(b, (char) c);
		}
		else if (c == '\n')
			buf_puts(b, "\\n");
		else if (c < 0x20)
			buf_printf(b, "\\u%04x", c);
		else
			buf_putc(b, (char) c);
	}
	buf_putc(b, '"');
}

static bool
is_unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

void
buf_percent(Buf *b, Slice s)
{
	static const char hex[] = "0123456789ABCDEF";
	char	   *q;

	buf_reserve(b, 3 * s.n);
	q = b->p + b->n;
	for (size_t i = 0; i < s.n; i++)
	{
		unsigned char c = (unsigned char) s.p[i];

		if (is_unreserved(c))
			*q++ = (char) c;
		else
		{
			*q++ = '%';
			*q++ = hex[c >> 4];
			*q++ = hex[c & 15];
		}
	}
	*q = '\0';
	b->n = (size_t) (q - b->p);
}

void
buf_free(Buf *b)
{
	free(b->p);
	memset(b, 0, sizeof(*b));
}

Slice
buf_view(const Buf *b)
{
	return (Slice) {b->p ? b->p : "", b->n};
}

static int
hex_value(char c)
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
 * Undo percent encoding.  "+" is a plus sign, and a "%" that no two hex
 * digits follow stands for itself.  dst needs s.n bytes; returns their count.
 */
size_t
percent_decode(Slice s, char *dst)
{
	char	   *q = dst;

	for (size_t i = 0; i < s.n; i++)
	{
		if (s.p[i] == '%' && i + 2 < s.n &&
			hex_value(s.p[i + 1]) >= 0 && hex_value(s.p[i + 2]) >= 0)
		{
			*q++ = (char) (hex_value(s.p[i + 1]) * 16 + hex_value(s.p[i + 2]));
			i += 2;
		}
		else
			*q++ = s.p[i];
	}
	return (size_t) (q - dst);
}

static Slice
decode_into(Buf *store, Slice s, bool form)
{
	char	   *dst = store->p + store->n;
	Slice		got = {dst, 0};

	if (form)
	{
		for (size_t i = 0; i < s.n; i++)
			dst[i] = s.p[i] == '+' ? ' ' : s.p[i];
		s.p = dst;
	}
	got.n = percent_decode(s, dst);
	store->n += got.n;
	store->p[store->n++] = '\0';
	return got;
}

/*
 * Split and decode a query string.  False if it has too many parameters.
 * Forms mean a blank by "+", and curl writes control's words so; SigV4 does
 * not.
 */
bool
params_parse(Params *ps, Slice query, bool form)
{
	const char *p = query.p;
	const char *end = query.p + query.n;

	ps->n = 0;
	ps->store.n = 0;
	/* All of it at once, since slices point into the store. */
	buf_reserve(&ps->store, query.n + 2 * MAX_PARAMS + 2);
	while (p < end)
	{
		const char *amp = memchr(p, '&', (size_t) (end - p));
		const char *stop = amp ? amp : end;
		const char *eq = memchr(p, '=', (size_t) (stop - p));
		Param	   *item = &ps->item[ps->n];

		if (stop > p)
		{
			if (ps->n == MAX_PARAMS)
				return false;
			item->key = decode_into(&ps->store, (Slice)
									{p, (size_t) ((eq ? eq : stop) - p)}, form);
			item->value = decode_into(&ps->store, (Slice)
									  {eq ? eq + 1 : stop,
										  eq ? (size_t) (stop - eq - 1) : 0}, form);
			ps->n++;
		}
		p = stop + 1;
	}
	return true;
}

const Param *
param_find(const Params *ps, const char *name)
{
	for (int i = 0; i < ps->n; i++)
		if (slice_is(ps->item[i].key, name))
			return &ps->item[i];
	return NULL;
}

const char *
param(const Params *ps, const char *name)
{
	const Param *item = param_find(ps, name);

	return item ? item->value.p : NULL;
}

bool
parse_long(const char *s, long min, long max, long *out)
{
	char	   *end;
	long		v;

	errno = 0;
	v = strtol(s, &end, 10);
	if (errno != 0 || end == s || *end != '\0' || v < min || v > max)
		return false;
	*out = v;
	return true;
}

uint64_t
mix64(uint64_t x)
{
	x ^= x >> 33;
	x *= UINT64_C(0xff51afd7ed558ccd);
	x ^= x >> 33;
	x *= UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ (x >> 33);
}

uint64_t
hash_bytes(uint64_t seed, const void *p, size_t n)
{
	const unsigned char *c = p;
	uint64_t	h = UINT64_C(0xcbf29ce484222325) ^ mix64(seed);

	for (size_t i = 0; i < n; i++)
		h = (h ^ c[i]) * UINT64_C(0x100000001b3);
	return mix64(h);
}

uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}

/* The time of day as the mock sees it. */
double
mock_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (double) (ts.tv_sec + options.clock_offset) + (double) ts.tv_nsec / 1e9;
}

/* Returns NULL, with errno, if it cannot be read; NUL-terminated. */
char *
read_whole_file(const char *path, size_t *size)
{
	FILE	   *f = fopen(path, "rb");
	Buf			b = {0};
	size_t		got;

	if (f == NULL)
		return NULL;
	do
	{
		buf_reserve(&b, 65536);
		got = fread(b.p + b.n, 1, 65536, f);
		b.n += got;
	} while (!feof(f) && !ferror(f));
	fclose(f);
	b.p[b.n] = '\0';
	*size = b.n;
	return b.p;
}
