/*
 * reply.c
 *	  Turns a reply into the bytes and the plan for sending them.
 *
 * Here the wishes of faults meet the honest reply; the connection (conn.c)
 * only carries out the plan.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mock.h"

static const struct
{
	int			status;
	const char *reason;
}			reasons[] = {
	{200, "OK"},
	{204, "No Content"},
	{301, "Moved Permanently"},
	{302, "Found"},
	{307, "Temporary Redirect"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{408, "Request Timeout"},
	{411, "Length Required"},
	{413, "Content Too Large"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
};

static const char *
reason_of(int status)
{
	for (size_t i = 0; i < lengthof(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Other";
}

/* The Date header's value, made once a second. */
const char *
http_date(void)
{
	static char text[40];
	static time_t made;
	time_t		now = (time_t) mock_time();
	struct tm	tm;

	if (now != made)
	{
		strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
		made = now;
	}
	return text;
}

/* Make ready for the next reply; the buffers are used again. */
void
reply_begin(Reply *r)
{
	Buf			extra = r->wish.headers;

	r->status = 200;
	r->failed = false;
	r->query = 0;
	r->code_in_body = false;
	r->type = "application/json";
	r->code = NULL;
	r->region[0] = '\0';
	r->message.n = r->headers.n = r->body.n = extra.n = 0;
	memset(&r->wish, 0, sizeof(r->wish));
	r->wish.headers = extra;
}

void
reply_error(Reply *r, int status, const char *code, const char *fmt,...)
{
	char		text[8192];
	va_list		args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	r->status = status;
	r->code = code;
	r->failed = true;
	r->message.n = 0;
	buf_puts(&r->message, text);
}

/* An error that a rule asks for takes the place of what there was. */
static void
wish_error(Reply *r)
{
	const Wishes *w = &r->wish;

	if (w->status == 0 && w->code.p == NULL && w->message.p == NULL)
		return;
	if (w->status > 0)
		r->status = (int) w->status;
	if (w->code.p == NULL && w->message.p == NULL && w->status < 400)
	{
		r->code = NULL;
		return;
	}
	if (w->status == 0 && !r->failed)
		r->status = 400;
	r->failed = true;
	r->code = w->code.p;
	/* with all that it says itself, the API gives its code */
	if (r->code == NULL && r->status == 400 && w->body.p == NULL)
		r->code = "BadRequestException";
	r->code_in_body = false;
	r->message.n = 0;
	buf_slice(&r->message, w->message.p ? w->message : slice("A fault of the mock."));
}

/* An error of STS, in one of its two forms. */
static void
put_query_error(Reply *r)
{
	Buf		   *b = &r->body;
	const char *code = r->code ? r->code : "Unknown";

	if (r->query == QUERY_JSON)
	{
		buf_puts(b, "{\"Error\":{\"Type\":\"Sender\",\"Code\":");
		buf_json(b, slice(code));
		buf_puts(b, ",\"Message\":");
		buf_json(b, buf_view(&r->message));
		buf_puts(b, "},\"RequestId\":\"00000000-mock\"}");
		return;
	}
	r->type = "text/xml";
	buf_printf(b, "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
			   "  <Error>\n    <Type>Sender</Type>\n    <Code>%s</Code>\n"
			   "    <Message>%s</Message>\n  </Error>\n"
			   "  <RequestId>00000000-mock</RequestId>\n</ErrorResponse>\n",
			   code, r->message.p);
}

static void
put_error_body(Reply *r)
{
	static const char *const member[] = {
		[WHERE_BODY] = "code",[WHERE_CAPITAL] = "Code",[WHERE_TYPE] = "__type",
		[WHERE_NONE] = NULL
	};
	Buf		   *b = &r->body;
	long		where = r->wish.where ? r->wish.where : WHERE_HEADER;
	const char *name = member[where];

	b->n = 0;
	if (r->query != 0)
	{
		put_query_error(r);
		return;
	}
	if (where == WHERE_HEADER && r->code_in_body)
		name = "code";
	buf_putc(b, '{');
	if (name != NULL && r->code != NULL)
	{
		buf_printf(b, "\"%s\":", name);
		buf_json(b, slice(r->code));
		buf_putc(b, ',');
	}
	buf_json(b, r->wish.messagekey.p ? r->wish.messagekey : slice("message"));
	buf_putc(b, ':');
	buf_json(b, buf_view(&r->message));
	buf_putc(b, '}');
}

static void
put_request_id(Buf *out)
{
	static const char hex[] = "0123456789abcdef";
	static uint64_t serial;
	uint64_t	a;
	uint64_t	b;
	char		id[36];

	serial++;
	a = mix64(serial * UINT64_C(0x9e3779b97f4a7c15));
	b = mix64(a ^ serial);
	for (int i = 0; i < 36; i++)
	{
		if (i == 8 || i == 13 || i == 18 || i == 23)
		{
			id[i] = '-';
			continue;
		}
		id[i] = hex[(i < 18 ? a : b) & 15];
		if (i < 18)
			a >>= 4;
		else
			b >>= 4;
	}
	buf_puts(out, "x-amzn-RequestId: ");
	buf_put(out, id, sizeof(id));
	buf_puts(out, "\r\n");
}

/* An interim response before the final one */
static void
put_early(const Wishes *w, Buf *out)
{
	if (w->early.p == NULL)
		return;
	buf_puts(out, "HTTP/1.1 103 Early Hints\r\n");
	buf_slice(out, w->early);
	buf_puts(out, "\r\n\r\n");
}

static void
put_status_line(const Reply *r, Buf *out)
{
	if (r->wish.badstatus)
		buf_puts(out, "HTTP/1.1 abc Nonsense\r\n");
	else if (r->status == 200)
		buf_puts(out, "HTTP/1.1 200 OK\r\n");
	else
		buf_printf(out, "HTTP/1.1 %03d %s\r\n", r->status, reason_of(r->status));
}

void
put_junk_headers(Buf *out, long bytes)
{
	for (long i = 0; bytes > 0; i++)
	{
		long		n = bytes < 1000 ? bytes : 1000;

		buf_printf(out, "x-junk-%ld: %.*s\r\n", i, (int) n, padding);
		bytes -= n;
	}
}

static void
put_head(const Reply *r, Buf *out, uint64_t length, bool keepalive)
{
	const Wishes *w = &r->wish;

	put_status_line(r, out);
	buf_puts(out, "Date: ");
	buf_puts(out, http_date());
	buf_puts(out, "\r\nContent-Type: ");
	if (w->type.p)
		buf_slice(out, w->type);
	else
		buf_puts(out, r->type);
	buf_puts(out, "\r\n");
	if (w->chunked || w->badchunk || w->trailer.p || w->junk_trailers)
		buf_puts(out, "Transfer-Encoding: chunked\r\n");
	else if (!w->nolength)
	{
		buf_puts(out, "Content-Length: ");
		buf_uint(out, (long) length + w->length < 0 ? 0 : length + (uint64_t) w->length);
		buf_puts(out, "\r\n");
	}
	if (w->gzip)
		buf_puts(out, "Content-Encoding: gzip\r\n");
	buf_puts(out, keepalive ? "Connection: keep-alive\r\n" : "Connection: close\r\n");
	put_request_id(out);
	if (r->failed && r->code && r->query == 0 && (w->where == 0 || w->where == WHERE_HEADER))
		buf_printf(out, "x-amzn-ErrorType: %s\r\n", r->code);
	if (w->redirect.p)
		buf_printf(out, "Location: %s\r\n", w->redirect.p);
	buf_slice(out, buf_view(&r->headers));
	buf_slice(out, buf_view(&w->headers));
	put_junk_headers(out, w->junk);
	if (w->junk_line > 0)
		buf_puts(out, "x-junk-line: ");
	for (long i = 0; i < w->junk_line; i++)
		buf_puts(out, "x");
	buf_puts(out, w->junk_line > 0 ? "\r\n\r\n" : "\r\n");
}

/* Where the sending stops, and what comes then. */
static void
make_plan(const Wishes *w, Plan *plan, uint64_t head, uint64_t total, bool keepalive)
{
	const struct
	{
		bool		asked;
		uint64_t	stop_at;
		After		after;
	}			ends[] = {
		{w->stall == STALL_REQUEST, 0, AFTER_HOLD},
		{w->stall == STALL_HEADERS, head / 2, AFTER_HOLD},
		{w->stall == STALL_BODY, head + (total - head) / 2, AFTER_HOLD},
		{w->reset == RESET_HEADERS, 0, AFTER_RESET},
		{w->reset == RESET_BODY, head + (total - head) / 2, AFTER_RESET},
		{w->cut > 0 && head + (uint64_t) w->cut - 1 < total,
		head + (uint64_t) w->cut - 1, AFTER_DROP},
		{w->cut > 0, total, AFTER_DROP},
		{w->halfclose, total, AFTER_HALFCLOSE},
		{!keepalive || w->closeidle || w->http09 || w->nolength || w->badchunk,
		total, AFTER_CLOSE},
		{true, total, AFTER_KEEP},
	};
	size_t		i = 0;

	while (!ends[i].asked)
		i++;
	plan->stop_at = ends[i].stop_at;
	plan->after = ends[i].after;
	plan->drip = w->drip;
	plan->drip_from = head;
}

/* Returns the status for the log: 0 if nothing of the reply goes out. */
int
reply_render(Reply *r, Buf *out, Plan *plan, bool keepalive)
{
	static Buf	stuffed;
	Buf		   *body = &r->body;
	const Wishes *w = &r->wish;
	uint64_t	head;

	memset(plan, 0, sizeof(*plan));
	wish_error(r);
	if (w->redirect.p && w->status == 0)
		r->status = 302;
	if (r->failed)
		put_error_body(r);
	if (r->region[0] != '\0')
		body_move(body, r->region);
	if (w->body.p)
	{
		body->n = 0;
		buf_slice(body, w->body);
	}
	if (w->nest || w->repeat)
	{
		stuffed.n = 0;
		plan->pad_len = body_stuff(r, &stuffed, &plan->pad_at);
		body = &stuffed;
	}
	if (w->gzip)
		body_gzip(body, plan->pad_at, &plan->pad_len);
	keepalive = keepalive && !w->close && !w->nolength;
	out->n = 0;
	put_early(w, out);
	if (!w->http09)
		put_head(r, out, body->n + plan->pad_len, keepalive);
	head = out->n;
	if (w->chunked || w->badchunk || w->trailer.p || w->junk_trailers)
		body_chunked(w, body, out, plan);
	else
	{
		plan->pad_at += head;
		buf_put(out, body->p, body->n);
	}
	make_plan(w, plan, head, out->n + plan->pad_len, keepalive);
	return plan->stop_at == 0 ? 0 : r->status;
}
