/*
 * body.c
 *	  Bodies of another region, too long, too deep, compressed or in chunks.
 *
 * Padding is never held in memory: a body has a place where so many bytes
 * are to be put in while it is sent.
 */
#include <stdio.h>
#include <string.h>

#include <zlib.h>

#include "mock.h"

#define MEGABYTE	(UINT64_C(1024) * 1024)

#define X16		"xxxxxxxxxxxxxxxx"
#define X64		X16 X16 X16 X16
#define X256	X64 X64 X64 X64
#define X1024	X256 X256 X256 X256
#define X4096	X1024 X1024 X1024 X1024

const char	padding[] = X4096 X4096 X4096 X4096;
const size_t padding_size = sizeof(padding) - 1;

static void
put_nested(Buf *b, long depth)
{
	buf_puts(b, "\"nested\":");
	buf_reserve(b, 2 * (size_t) depth);
	memset(b->p + b->n, '[', (size_t) depth);
	memset(b->p + b->n + depth, ']', (size_t) depth);
	b->n += 2 * (size_t) depth;
}

/* Let the ARNs in the body be of another region than the mock's. */
void
body_move(Buf *body, const char *region)
{
	static Buf	moved;
	char		ours[64];
	size_t		n = (size_t) snprintf(ours, sizeof(ours), ":amplify:%s:", options.region);
	Slice		rest = buf_view(body);
	const char *at;

	if (strcmp(region, options.region) == 0)
		return;
	moved.n = 0;
	while ((at = memmem(rest.p, rest.n, ours, n)) != NULL)
	{
		buf_put(&moved, rest.p, (size_t) (at - rest.p));
		buf_printf(&moved, ":amplify:%s:", region);
		rest.n -= (size_t) (at - rest.p) + n;
		rest.p = at + n;
	}
	buf_slice(&moved, rest);
	body->n = 0;
	buf_slice(body, buf_view(&moved));
}

/*
 * Put the members that faults ask for in front of those of the body, if that
 * is an object.  Returns how much padding is to be sent at *pad_at.
 */
uint64_t
body_stuff(Reply *r, Buf *body, uint64_t *pad_at)
{
	const Wishes *w = &r->wish;
	Slice		rest = buf_view(&r->body);
	uint64_t	pad = (uint64_t) w->repeat * MEGABYTE;
	bool		first = true;

	if (rest.n < 2 || rest.p[0] != '{' || (w->nest == 0 && pad == 0))
	{
		buf_slice(body, rest);
		return 0;
	}
	rest.p++, rest.n--;
	buf_putc(body, '{');
	if (w->nest > 0)
	{
		put_nested(body, w->nest);
		first = false;
	}
	if (pad > 0)
	{
		buf_puts(body, first ? "\"padding\":\"" : ",\"padding\":\"");
		*pad_at = body->n;
		buf_putc(body, '"');
	}
	if (rest.p[0] != '}')
		buf_putc(body, ',');
	buf_slice(body, rest);
	return pad;
}

static void
deflate_piece(z_stream *z, Buf *out, const void *p, size_t n, int flush)
{
	z->next_in = (Bytef *) p;
	z->avail_in = (uInt) n;
	do
	{
		buf_reserve(out, 65536);
		z->next_out = (Bytef *) out->p + out->n;
		z->avail_out = 65536;
		if (deflate(z, flush) == Z_STREAM_ERROR)
			die("deflate");
		out->n += 65536 - z->avail_out;
	} while (z->avail_out == 0);
}

/* Compress the body with its padding, of which then nothing is left. */
void
body_gzip(Buf *body, uint64_t pad_at, uint64_t *pad_len)
{
	static Buf	out;
	Buf			swap;
	z_stream	z = {0};
	size_t		at = *pad_len ? (size_t) pad_at : body->n;

	out.n = 0;
	/* as fast as it can be: there are time-outs */
	if (deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		die("deflateInit2");
	deflate_piece(&z, &out, body->p, at, Z_NO_FLUSH);
	while (*pad_len > 0)
	{
		size_t		n = *pad_len < padding_size ? (size_t) *pad_len : padding_size;

		deflate_piece(&z, &out, padding, n, Z_NO_FLUSH);
		*pad_len -= n;
	}
	deflate_piece(&z, &out, body->p + at, body->n - at, Z_FINISH);
	deflateEnd(&z);
	out.p[out.n] = '\0';
	swap = *body;
	*body = out;
	out = swap;
}

static void
put_chunk(Buf *out, const char *p, size_t n)
{
	if (n == 0)
		return;
	buf_printf(out, "%zx\r\n", n);
	buf_put(out, p, n);
	buf_puts(out, "\r\n");
}

/* Two chunks or, with padding, three; a bad one has no size. */
void
body_chunked(const Wishes *w, const Buf *body, Buf *out, Plan *plan)
{
	size_t		half = plan->pad_len ? (size_t) plan->pad_at : body->n / 2;

	put_chunk(out, body->p, half);
	if (w->badchunk)
	{
		plan->pad_len = 0;
		buf_puts(out, "zz;q\r\n");
		buf_put(out, body->p + half, body->n - half);
		return;
	}
	if (plan->pad_len > 0)
	{
		buf_printf(out, "%llx\r\n", (unsigned long long) plan->pad_len);
		plan->pad_at = out->n;
		buf_puts(out, "\r\n");
	}
	put_chunk(out, body->p + half, body->n - half);
	buf_puts(out, "0\r\n");
	if (w->trailer.p != NULL)
	{
		buf_slice(out, w->trailer);
		buf_puts(out, "\r\n");
	}
	put_junk_headers(out, w->junk_trailers);
	buf_puts(out, "\r\n");
}
