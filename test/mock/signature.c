/*
 * signature.c
 *	  Verifies Signature Version 4 of a request, from the raw target and the
 *	  headers that the request itself names.
 *
 * Written from the rules alone, with nothing of the extension's signer: two
 * independent readings must agree.  Presigned URLs are not known here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


#include "mock.h"

#define MAX_SKEW		300
#define MAX_CREDENTIALS	64
#define MAX_ISSUED		256
#define MAX_SIGNED		MAX_HEADERS

static const char empty_hash[] =
"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

typedef struct Credential
{
	char	   *id;
	char	   *secret;
	char	   *token;			/* NULL: long-term */
	time_t		expires;		/* of what was issued */
	long		uses;			/* -1: as many as one likes */
	char		day[9];			/* that the key below is for */
	char		region[32];		/* likewise */
	char		service[16];	/* likewise */
	unsigned char key[SHA_LEN];
} Credential;

/* What the Authorization header and its companions say. */
typedef struct Claim
{
	Slice		id;
	Slice		day;
	Slice		region;
	Slice		service;
	Slice		terminator;
	Slice		signed_headers;
	Slice		signature;
	Slice		date;			/* x-amz-date */
	Slice		token;
	int			nsigned;
	Slice		name[MAX_SIGNED];
} Claim;

static Credential credentials[MAX_CREDENTIALS];
static int	ncredentials;
static Credential issued[MAX_ISSUED];	/* a ring */
static uint64_t nissued;

/* AKID:SECRET[:TOKEN]; a token may contain colons, the others may not. */
void
credential_add(const char *spec)
{
	const char *c1 = strchr(spec, ':');
	const char *c2 = c1 ? strchr(c1 + 1, ':') : NULL;
	Credential *cred = &credentials[ncredentials];

	if (c1 == NULL || ncredentials == MAX_CREDENTIALS)
		die("a credential is AKID:SECRET[:TOKEN], at most %d of them",
			MAX_CREDENTIALS);
	cred->id = xstrndup(spec, (size_t) (c1 - spec));
	cred->secret = c2 ? xstrndup(c1 + 1, (size_t) (c2 - c1 - 1)) :
		xstrndup(c1 + 1, strlen(c1 + 1));
	cred->token = c2 && c2[1] ? xstrndup(c2 + 1, strlen(c2 + 1)) : NULL;
	ncredentials++;
}

/* Temporary credentials, which take the place of the oldest ones. */
void
credential_issue(const char *id, const char *secret, const char *token,
				 time_t expires, long uses)
{
	Credential *cred = &issued[nissued++ % MAX_ISSUED];

	free(cred->id);
	free(cred->secret);
	free(cred->token);
	memset(cred, 0, sizeof(*cred));
	cred->id = xstrndup(id, strlen(id));
	cred->secret = xstrndup(secret, strlen(secret));
	cred->token = xstrndup(token, strlen(token));
	cred->expires = expires;
	cred->uses = uses;
}

/* All that were issued expire now. */
void
credentials_expire(void)
{
	for (int i = 0; i < MAX_ISSUED; i++)
		issued[i].expires = 0;
}

void
credentials_free(void)
{
	for (int i = 0; i < MAX_ISSUED; i++)
	{
		free(issued[i].id);
		free(issued[i].secret);
		free(issued[i].token);
	}
	for (int i = 0; i < ncredentials; i++)
	{
		free(credentials[i].id);
		free(credentials[i].secret);
		free(credentials[i].token);
	}
	digest_free();
}

/* The signing key of a day, kept from one request to the next. */
static const unsigned char *
signing_key(Credential *cred, const Claim *claim)
{
	const Slice steps[] = {claim->region, claim->service, slice("aws4_request")};
	char		first[SHA_BLOCK + 1];
	unsigned char key[SHA_LEN];
	int			n;

	if (memcmp(cred->day, claim->day.p, 8) == 0 &&
		slice_is(claim->region, cred->region) &&
		slice_is(claim->service, cred->service))
		return cred->key;
	n = snprintf(first, sizeof(first), "AWS4%s", cred->secret);
	if (n >= (int) sizeof(first))
		die("a secret of more than 60 characters");
	hmac((Slice) {first, (size_t) n}, claim->day, key);
	for (size_t i = 0; i < lengthof(steps); i++)
		hmac((Slice) {(char *) key, SHA_LEN}, steps[i], key);
	memcpy(cred->key, key, SHA_LEN);
	memcpy(cred->day, claim->day.p, 8);
	snprintf(cred->region, sizeof(cred->region), "%.*s",
			 (int) claim->region.n, claim->region.p);
	snprintf(cred->service, sizeof(cred->service), "%.*s",
			 (int) claim->service.n, claim->service.p);
	return cred->key;
}

/* ---- the canonical request ---- */

/* Empty and dot segments go, and each of the others is encoded once more. */
static void
put_canonical_path(Buf *b, Slice path)
{
	Slice		seg[1024];
	int			n = 0;
	const char *p = path.p;
	const char *end = path.p + path.n;

	while (p < end)
	{
		const char *slash = memchr(p, '/', (size_t) (end - p));
		Slice		s = {p, (size_t) ((slash ? slash : end) - p)};

		if (slice_is(s, ".."))
			n -= n > 0;
		else if (s.n > 0 && !slice_is(s, ".") && n < (int) lengthof(seg))
			seg[n++] = s;
		p += s.n + 1;
	}
	for (int i = 0; i < n; i++)
	{
		buf_putc(b, '/');
		buf_percent(b, seg[i]);
	}
	if (n == 0 || path.p[path.n - 1] == '/')
		buf_putc(b, '/');
}

static int
compare_text(Slice a, Slice b)
{
	int			c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int
compare_params(const void *a, const void *b)
{
	const Param *x = a;
	const Param *y = b;
	int			c = compare_text(x->key, y->key);

	return c ? c : compare_text(x->value, y->value);
}

static Slice
reencode(Buf *store, Slice raw)
{
	size_t		at = store->n;

	buf_percent(store, raw);
	return (Slice) {store->p + at, store->n - at};
}

/* Decoded, encoded once, sorted by the encoded key and then the value. */
static bool
put_canonical_query(Buf *b, Slice query)
{
	static Params ps;
	static Buf	store;

	if (query.n == 0)
		return true;
	if (!params_parse(&ps, query, false))
		return false;
	store.n = 0;
	buf_reserve(&store, 3 * ps.store.n);	/* so that it does not move */
	for (int i = 0; i < ps.n; i++)
	{
		ps.item[i].key = reencode(&store, ps.item[i].key);
		ps.item[i].value = reencode(&store, ps.item[i].value);
	}
	qsort(ps.item, (size_t) ps.n, sizeof(Param), compare_params);
	for (int i = 0; i < ps.n; i++)
	{
		if (i > 0)
			buf_putc(b, '&');
		buf_slice(b, ps.item[i].key);
		buf_putc(b, '=');
		buf_slice(b, ps.item[i].value);
	}
	return true;
}

/* Runs of blanks become one; values of a repeated name are joined. */
static bool
put_canonical_header(Buf *b, const Request *req, Slice name)
{
	bool		found = false;

	for (int i = 0; i < req->nheaders; i++)
	{
		Slice		v = req->header[i].value;

		if (!slice_eq(req->header[i].name, name))
			continue;
		if (found)
			buf_putc(b, ',');
		else
		{
			buf_slice(b, name);
			buf_putc(b, ':');
		}
		buf_reserve(b, v.n);
		for (size_t j = 0; j < v.n; j++)
			if (v.p[j] != ' ' || v.p[j - 1] != ' ')
				b->p[b->n++] = v.p[j];
		found = true;
	}
	buf_putc(b, '\n');
	return found;
}

static bool
put_canonical(Buf *b, const Request *req, const Claim *claim)
{
	buf_slice(b, req->method);
	buf_putc(b, '\n');
	put_canonical_path(b, req->path);
	buf_putc(b, '\n');
	if (!put_canonical_query(b, req->query))
		return false;
	buf_putc(b, '\n');
	for (int i = 0; i < claim->nsigned; i++)
		if (!put_canonical_header(b, req, claim->name[i]))
			return false;
	buf_putc(b, '\n');
	buf_slice(b, claim->signed_headers);
	buf_putc(b, '\n');
	if (req->body.n == 0)
		buf_puts(b, empty_hash);
	else
	{
		unsigned char digest[SHA_LEN];

		hash_pieces(&req->body, 1, digest);
		put_hex(b, digest, SHA_LEN);
	}
	return true;
}

static void
put_string_to_sign(Buf *b, const Claim *claim, const Buf *canonical)
{
	unsigned char digest[SHA_LEN];
	Slice		all = buf_view(canonical);

	hash_pieces(&all, 1, digest);
	buf_puts(b, "AWS4-HMAC-SHA256\n");
	buf_slice(b, claim->date);
	buf_putc(b, '\n');
	buf_slice(b, claim->day);
	buf_putc(b, '/');
	buf_slice(b, claim->region);
	buf_putc(b, '/');
	buf_slice(b, claim->service);
	buf_puts(b, "/aws4_request\n");
	put_hex(b, digest, SHA_LEN);
}

/* ---- the claim ---- */

static Slice
cut_at(Slice *rest, char sep)
{
	const char *at = memchr(rest->p, sep, rest->n);
	Slice		head = {rest->p, at ? (size_t) (at - rest->p) : rest->n};
	size_t		used = head.n + (at != NULL);

	rest->p += used;
	rest->n -= used;
	return head;
}

static bool
parse_authorization(Slice auth, Claim *claim)
{
	static const char algorithm[] = "AWS4-HMAC-SHA256 ";
	Slice		scope = {NULL, 0};

	if (auth.n < sizeof(algorithm) ||
		memcmp(auth.p, algorithm, sizeof(algorithm) - 1) != 0)
		return false;
	auth.p += sizeof(algorithm) - 1;
	auth.n -= sizeof(algorithm) - 1;
	while (auth.n > 0)
	{
		Slice		value = cut_at(&auth, ',');
		Slice		name;

		while (value.n > 0 && value.p[0] == ' ')
			value.p++, value.n--;
		name = cut_at(&value, '=');
		if (slice_is(name, "Credential"))
			scope = value;
		else if (slice_is(name, "SignedHeaders"))
			claim->signed_headers = value;
		else if (slice_is(name, "Signature"))
			claim->signature = value;
	}
	if (scope.p == NULL || claim->signed_headers.n == 0 || claim->signature.n == 0)
		return false;
	claim->id = cut_at(&scope, '/');
	claim->day = cut_at(&scope, '/');
	claim->region = cut_at(&scope, '/');
	claim->service = cut_at(&scope, '/');
	claim->terminator = scope;
	return true;
}

/* Names must be in lower case, sorted, and each there once. */
static bool
parse_signed_headers(Claim *claim)
{
	Slice		rest = claim->signed_headers;

	while (rest.n > 0 && claim->nsigned < MAX_SIGNED)
	{
		Slice		name = cut_at(&rest, ';');
		int			n = claim->nsigned;

		for (size_t i = 0; i < name.n; i++)
			if (name.p[i] >= 'A' && name.p[i] <= 'Z')
				return false;
		if (name.n == 0 || (n > 0 && compare_text(claim->name[n - 1], name) >= 0))
			return false;
		claim->name[claim->nsigned++] = name;
	}
	return rest.n == 0;
}

static bool
is_signed(const Claim *claim, const char *name)
{
	for (int i = 0; i < claim->nsigned; i++)
		if (slice_is(claim->name[i], name))
			return true;
	return false;
}

static bool
parse_amz_date(Slice date, time_t *when)
{
	struct tm	tm = {0};
	char		text[17];
	char	   *end;

	if (date.n != 16)
		return false;
	memcpy(text, date.p, 16);
	text[16] = '\0';
	end = strptime(text, "%Y%m%dT%H%M%SZ", &tm);
	*when = timegm(&tm);
	return end != NULL && *end == '\0';
}

static const char *
amz_date(time_t t, char *text)
{
	struct tm	tm;

	strftime(text, 20, "%Y%m%dT%H%M%SZ", gmtime_r(&t, &tm));
	return text;
}

static bool
check_date(const Claim *claim, Reply *r)
{
	char		now_text[20];
	char		edge[20];
	time_t		when;
	time_t		now = (time_t) mock_time();

	if (!parse_amz_date(claim->date, &when))
	{
		reply_error(r, 403, "IncompleteSignatureException",
					"Date must be in ISO-8601 'basic format'. Got '%.*s'.",
					(int) claim->date.n, claim->date.p);
		return false;
	}
	if (when < now - MAX_SKEW)
		reply_error(r, 403, "InvalidSignatureException",
					"Signature expired: %.16s is now earlier than %s (%s - 5 min.)",
					claim->date.p, amz_date(now - MAX_SKEW, edge),
					amz_date(now, now_text));
	else if (when > now + MAX_SKEW)
		reply_error(r, 403, "InvalidSignatureException",
					"Signature not yet current: %.16s is still later than %s (%s + 5 min.)",
					claim->date.p, amz_date(now + MAX_SKEW, edge),
					amz_date(now, now_text));
	return !r->failed;
}

static bool
check_scope(const Claim *claim, const char *service, Reply *r)
{
	static const char bad[] = "InvalidSignatureException";

	if (claim->day.n != 8 || memcmp(claim->day.p, claim->date.p, 8) != 0)
		reply_error(r, 403, bad,
					"Date in Credential scope does not match YYYYMMDD from "
					"ISO-8601 version of date from HTTP: "
					"'%.*s' != '%.8s', from '%.16s'.",
					(int) claim->day.n, claim->day.p,
					claim->date.p, claim->date.p);
	else if (!slice_is(claim->region, options.region) &&
			 !(options.any_region && claim->region.n < sizeof(r->region)))
		reply_error(r, 403, bad,
					"Credential should be scoped to a valid region, not '%.*s'. ",
					(int) claim->region.n, claim->region.p);
	else if (!slice_is(claim->service, service))
		reply_error(r, 403, bad,
					"Credential should be scoped to correct service: '%s'. ", service);
	else if (!slice_is(claim->terminator, "aws4_request"))
		reply_error(r, 403, bad,
					"Credential should be scoped with a valid terminator: "
					"'aws4_request', not '%.*s'. ",
					(int) claim->terminator.n, claim->terminator.p);
	else
		snprintf(r->region, sizeof(r->region), "%.*s",
				 (int) claim->region.n, claim->region.p);
	return !r->failed;
}

static bool
check_signed_headers(const Request *req, Claim *claim, Reply *r)
{
	Slice		payload = request_header(req, "x-amz-content-sha256");
	const char *lacking = NULL;

	if (!parse_signed_headers(claim))
	{
		reply_error(r, 403, "InvalidSignatureException",
					"SignedHeaders is not a sorted list of lower-case names: '%.*s'.",
					(int) claim->signed_headers.n, claim->signed_headers.p);
		return false;
	}
	if (!is_signed(claim, "host"))
		lacking = "Host";
	else if (!is_signed(claim, "x-amz-date"))
		lacking = "X-Amz-Date";
	else if (claim->token.p != NULL && !is_signed(claim, "x-amz-security-token"))
		lacking = "X-Amz-Security-Token";
	if (lacking != NULL)
		reply_error(r, 403, "InvalidSignatureException",
					"'%s' must be a 'SignedHeader' in the AWS Authorization.", lacking);
	else if (payload.p != NULL && req->body.n == 0 && !slice_is(payload, empty_hash))
		reply_error(r, 403, "InvalidSignatureException",
					"The value passed in the header x-amz-content-sha256 does "
					"not match the body.");
	return !r->failed;
}

static Credential *
find_credential(const Claim *claim, Reply *r)
{
	for (int i = 0; i < ncredentials; i++)
	{
		Credential *cred = &credentials[i];

		if (slice_is(claim->id, cred->id) &&
			(cred->token ? slice_is(claim->token, cred->token) : claim->token.p == NULL))
			return cred;
	}
	for (int i = 0; i < MAX_ISSUED; i++)
	{
		Credential *cred = &issued[i];

		if (cred->id == NULL || !slice_is(claim->id, cred->id) ||
			claim->token.p == NULL || !slice_is(claim->token, cred->token))
			continue;
		if (cred->uses != 0 && cred->expires > (time_t) mock_time())
		{
			cred->uses -= cred->uses > 0;
			return cred;
		}
		reply_error(r, 403, "ExpiredTokenException",
					"The security token included in the request is expired");
		return NULL;
	}
	reply_error(r, 403, "UnrecognizedClientException",
				"The security token included in the request is invalid.");
	return NULL;
}

static bool
check_value(const Request *req, const Claim *claim, Credential *cred, Reply *r)
{
	static Buf	canonical;
	static Buf	to_sign;
	static Buf	expected;
	unsigned char mac[SHA_LEN];
	bool		complete;

	canonical.n = to_sign.n = expected.n = 0;
	complete = put_canonical(&canonical, req, claim);
	put_string_to_sign(&to_sign, claim, &canonical);
	hmac((Slice) {(const char *) signing_key(cred, claim), SHA_LEN},
		 buf_view(&to_sign), mac);
	put_hex(&expected, mac, SHA_LEN);
	if (complete && claim->signature.n == expected.n &&
		CRYPTO_memcmp(expected.p, claim->signature.p, expected.n) == 0)
		return true;
	reply_error(r, 403, "InvalidSignatureException",
				"The request signature we calculated does not match the "
				"signature you provided. Check your AWS Secret Access Key and "
				"signing method. Consult the service documentation for "
				"details.\n\n"
				"The Canonical String for this request should have been\n'%s'\n\n"
				"The String-to-Sign should have been\n'%s'\n",
				canonical.p, to_sign.p);
	return false;
}

/* False, with an error in the reply, if the request is not to be believed. */
bool
signature_check(const Request *req, const char *service, Reply *r)
{
	Slice		auth = request_header(req, "authorization");
	Claim		claim;
	Credential *cred;

	/* Not the whole of it: the names need no clearing. */
	memset(&claim, 0, offsetof(Claim, name));
	if (auth.p == NULL)
	{
		reply_error(r, 403, "MissingAuthenticationTokenException",
					"Missing Authentication Token");
		return false;
	}
	if (!parse_authorization(auth, &claim))
	{
		reply_error(r, 403, "IncompleteSignatureException",
					"Authorization header requires 'Credential', 'SignedHeaders' "
					"and 'Signature' parameters. Authorization=%.*s",
					(int) auth.n, auth.p);
		return false;
	}
	claim.date = request_header(req, "x-amz-date");
	claim.token = request_header(req, "x-amz-security-token");
	cred = find_credential(&claim, r);
	return cred != NULL && check_date(&claim, r) && check_scope(&claim, service, r) &&
		check_signed_headers(req, &claim, r) && check_value(req, &claim, cred, r);
}

/* Whose signature the request claims to have, for the log. */
Slice
signature_key_id(const Request *req)
{
	Slice		auth = request_header(req, "authorization");
	Claim		claim;

	memset(&claim, 0, offsetof(Claim, name));
	if (auth.p == NULL || !parse_authorization(auth, &claim))
		return (Slice) {NULL, 0};
	return claim.id;
}
