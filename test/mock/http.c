/*
 * http.c
 *	  Takes an HTTP/1.1 request apart, in place.
 *
 * It keeps the target raw, since signatures are computed from what was sent.
 * It knows neither chunked request bodies nor HTTP/2.
 */
#include <ctype.h>
#include <string.h>

#include "mock.h"

static bool
parse_target(Request *req)
{
	Slice		t = req->target;
	const char *q;

	/* The absolute form, as sent to a proxy: what counts is its path. */
	if (t.n > 7 && (memcmp(t.p, "http://", 7) == 0 || memcmp(t.p, "https:/", 7) == 0))
	{
		const char *slash = memchr(t.p + 8, '/', t.n - 8);

		if (slash == NULL)
			return false;
		t.n -= (size_t) (slash - t.p);
		t.p = slash;
		req->target = t;
	}
	if (t.n == 0 || t.p[0] != '/')
		return false;
	q = memchr(t.p, '?', t.n);
	req->path = t;
	req->query = (Slice) {t.p + t.n, 0};
	if (q != NULL)
	{
		req->path.n = (size_t) (q - t.p);
		req->query = (Slice) {q + 1, t.n - req->path.n - 1};
	}
	req->control = req->path.n >= 7 && memcmp(req->path.p, "/_mock/", 7) == 0;
	return true;
}

static bool
parse_request_line(Request *req, char *line, size_t n)
{
	char	   *sp1 = memchr(line, ' ', n);
	char	   *sp2;

	if (sp1 == NULL)
		return false;
	sp2 = memchr(sp1 + 1, ' ', n - (size_t) (sp1 + 1 - line));
	if (sp2 == NULL || (size_t) (line + n - sp2) != 9 ||
		memcmp(sp2 + 1, "HTTP/1.", 7) != 0)
		return false;
	req->method = (Slice) {line, (size_t) (sp1 - line)};
	req->target = (Slice) {sp1 + 1, (size_t) (sp2 - sp1 - 1)};
	req->keepalive = sp2[8] != '0';
	return parse_target(req);
}

static bool
parse_header_line(Request *req, char *line, size_t n)
{
	char	   *colon = memchr(line, ':', n);
	char	   *v;
	char	   *end = line + n;
	Header	   *h;

	if (colon == NULL || colon == line || req->nheaders == MAX_HEADERS)
		return false;
	for (char *c = line; c < colon; c++)
	{
		if (*c >= 'A' && *c <= 'Z')
			*c = (char) (*c + ('a' - 'A'));
		if (*c == ' ' || *c == '\t')
			return false;
	}
	for (v = colon + 1; v < end && (*v == ' ' || *v == '\t'); v++)
		;
	while (end > v && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	h = &req->header[req->nheaders++];
	h->name = (Slice) {line, (size_t) (colon - line)};
	h->value = (Slice) {v, (size_t) (end - v)};
	return true;
}

Slice
request_header(const Request *req, const char *name)
{
	size_t		n = strlen(name);

	for (int i = 0; i < req->nheaders; i++)
		if (req->header[i].name.n == n &&
			memcmp(req->header[i].name.p, name, n) == 0)
			return req->header[i].value;
	return (Slice) {NULL, 0};
}

/* The length of the body, or -1 for one that is not understood. */
static long
body_length(const Request *req)
{
	Slice		v = request_header(req, "content-length");
	long		n = 0;

	if (request_header(req, "transfer-encoding").p != NULL)
		return -1;
	if (v.p == NULL)
		return 0;
	if (v.n == 0 || v.n > 8)
		return -1;
	for (size_t i = 0; i < v.n; i++)
	{
		if (!isdigit((unsigned char) v.p[i]))
			return -1;
		n = n * 10 + (v.p[i] - '0');
	}
	return n;
}

static int
parse_head(Request *req, char *p, const char *end)
{
	bool		first = true;

	req->nheaders = 0;
	while (p < end)
	{
		char	   *eol = memmem(p, (size_t) (end - p) + 2, "\r\n", 2);
		size_t		n = (size_t) (eol - p);

		if (first ? !parse_request_line(req, p, n) : !parse_header_line(req, p, n))
			return -400;
		first = false;
		p = eol + 2;
	}
	return first ? -400 : 1;
}

int
request_parse(Request *req, char *p, size_t n)
{
	char	   *end = memmem(p, n, "\r\n\r\n", 4);
	Slice		connection;
	long		body;
	int			rc;

	if (end == NULL)
		return n > MAX_REQUEST / 4 ? -431 : 0;
	/* Lowers letters in place, which does no harm if it is done again. */
	rc = parse_head(req, p, end);
	if (rc < 0)
		return rc;
	body = body_length(req);
	if (body < 0)
		return -411;
	if (body > MAX_REQUEST)
		return -413;
	req->total = (size_t) (end + 4 - p) + (size_t) body;
	if (n < req->total)
		return 0;
	req->body = (Slice) {end + 4, (size_t) body};
	connection = request_header(req, "connection");
	if (slice_same_nocase(connection, "close"))
		req->keepalive = false;
	else if (slice_same_nocase(connection, "keep-alive"))
		req->keepalive = true;
	return 1;
}
