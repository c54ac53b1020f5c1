/*-------------------------------------------------------------------------
 *
 * sigv4.c
 *	  AWS Signature Version 4 for one HTTP request.
 *
 * Each stage of the AWS documentation is written by an emit_*() function into
 * a Sink: a buffer of the caller's, or a running SHA-256.  Thus
 * sigv4_authorization() hashes the canonical request without holding it, and
 * neither a session token of several kilobytes nor a long page token meets a
 * limit; yet what the tests see in a buffer is what gets signed.
 *
 * This file does not choose the headers to sign, read the clock, keep keys or
 * report errors, and it knows nothing of PostgreSQL: those are the caller's.
 * It is the only file that talks to OpenSSL, which does all the allocating.
 *
 * src/aws/sigv4.c
 *
 *-------------------------------------------------------------------------
 */
#include "sigv4.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define ALGORITHM			"AWS4-HMAC-SHA256"
#define KEY_PREFIX			"AWS4"
#define KEY_PREFIX_LEN		(sizeof(KEY_PREFIX) - 1)
#define TERMINATOR			"aws4_request"

#define SHA256_LEN			32
#define HASH_OF_NOTHING		\
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DATE_LEN			8	/* leading part of a timestamp */

/*
 * Limits, each far above what AWS hands out or an operation of ours uses.
 * Beyond them a function fails as it does when OpenSSL fails.
 */
#define MAX_SECRET_LEN		256
#define MAX_STRING_TO_SIGN	512
#define MAX_PATH_SEGMENTS	32
#define MAX_QUERY_PARAMS	16

/*
 * Where text goes.  The length is counted on when buf is full, as the callers
 * of the extern functions want it.
 */
typedef struct Sink
{
	char	   *buf;			/* NULL if only the length is wanted */
	size_t		size;			/* room in buf, without the NUL's byte */
	size_t		used;			/* bytes in buf */
	size_t		total;			/* bytes emitted, whether kept or not */
	bool		hashing;		/* buf is emptied into digest_ctx when full */
	bool		failed;
} Sink;

/*
 * A token of a query parameter: one of these, or a decoded byte, plus
 * UNRESERVED if it is that.  Tokens sort as the encoded text does, because
 * the '%' of an escape comes before every unreserved character.
 */
#define TOKEN_END			(-2)
#define TOKEN_EQUALS		(-1)	/* between key and value */
#define UNRESERVED			0x100

/*
 * Fetching an algorithm walks OpenSSL's providers under locks and costs more
 * than a whole signature, so what was fetched is kept for the life of the
 * process.  After any failure all of it is dropped and made anew by the next
 * call: out of memory need not last.
 *
 * hmac_ctx keeps a copy of its last key.  That is never the secret access
 * key, only a key of one day and region (see sigv4_derive_key), and no longer
 * than until sigv4_forget().
 */
static EVP_MD *sha256_md = NULL;
static EVP_MD_CTX *digest_ctx = NULL;
static EVP_MAC_CTX *hmac_ctx = NULL;

/*
 * Drop what was fetched: freeing wipes the keys within.  The next call makes
 * it anew.  The error queue is one for the process and PostgreSQL's TLS code
 * reads it too, so leave nothing of ours in it.
 */
void
sigv4_forget(void)
{
	EVP_MAC_CTX_free(hmac_ctx);
	EVP_MD_CTX_free(digest_ctx);
	EVP_MD_free(sha256_md);
	hmac_ctx = NULL;
	digest_ctx = NULL;
	sha256_md = NULL;
	ERR_clear_error();
}

static bool
crypto_failed(void)
{
	sigv4_forget();
	return false;
}

static bool
crypto_ready(void)
{
	char		digest[] = "SHA256";
	OSSL_PARAM	params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end()
	};
	EVP_MAC    *mac;

	if (hmac_ctx != NULL)
		return true;			/* all three exist or none does */

	sha256_md = EVP_MD_fetch(NULL, digest, NULL);
	digest_ctx = EVP_MD_CTX_new();
	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	hmac_ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);			/* hmac_ctx has its own reference */

	if (sha256_md == NULL || digest_ctx == NULL || hmac_ctx == NULL ||
		EVP_MAC_CTX_set_params(hmac_ctx, params) != 1)
		return crypto_failed();
	return true;
}

static void
hex_encode(const unsigned char digest[SHA256_LEN], char hex[SIGV4_HEX_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < SHA256_LEN; i++)
	{
		*hex++ = digits[digest[i] >> 4];
		*hex++ = digits[digest[i] & 0x0F];
	}
	*hex = '\0';
}

static bool
digest_end(char hex[SIGV4_HEX_LEN + 1])
{
	unsigned char digest[SHA256_LEN];

	if (EVP_DigestFinal_ex(digest_ctx, digest, NULL) != 1)
		return crypto_failed();
	hex_encode(digest, hex);
	return true;
}

static bool
sha256_hex(const char *data, size_t len, char hex[SIGV4_HEX_LEN + 1])
{
	if (!crypto_ready())
		return false;
	if (len == 0)
	{
		/* as nearly all requests have it */
		memcpy(hex, HASH_OF_NOTHING, sizeof(HASH_OF_NOTHING));
		return true;
	}
	if (EVP_DigestInit_ex2(digest_ctx, sha256_md, NULL) != 1 ||
		EVP_DigestUpdate(digest_ctx, data, len) != 1)
		return crypto_failed();
	return digest_end(hex);
}

/*
 * One context serves all keys; setting a key costs less than a new context.
 * out may be the key itself, which OpenSSL has copied by then.  It is set each
 * time: without one, OpenSSL 3.0.0 goes on from the last message, and so do
 * later ones with its FIPS module.
 */
static bool
hmac_sha256(const void *key, size_t key_len, const char *data, size_t len,
			unsigned char out[SHA256_LEN])
{
	size_t		out_len;

	if (!crypto_ready() ||
		EVP_MAC_init(hmac_ctx, key, key_len, NULL) != 1 ||
		EVP_MAC_update(hmac_ctx, (const unsigned char *) data, len) != 1 ||
		EVP_MAC_final(hmac_ctx, out, &out_len, SHA256_LEN) != 1 ||
		out_len != SHA256_LEN)
		return crypto_failed();
	return true;
}

static Sink
buffer_sink(char *dst, size_t size)
{
	Sink		sink = {0};

	sink.buf = size > 0 ? dst : NULL;
	sink.size = size > 0 ? size - 1 : 0;
	return sink;
}

/* The length as the header promises it; 0 after a failure. */
static size_t
buffer_sink_close(Sink *sink)
{
	if (sink->buf != NULL)
		sink->buf[sink->used] = '\0';
	return sink->failed ? 0 : sink->total;
}

/* Make room.  False: there is none to be had, what follows is only counted. */
static bool
sink_flush(Sink *sink)
{
	if (!sink->hashing || sink->failed)
		return false;
	if (EVP_DigestUpdate(digest_ctx, sink->buf, sink->used) != 1)
	{
		sink->failed = true;
		return crypto_failed();
	}
	sink->used = 0;
	return true;
}

static void
emit(Sink *sink, const char *src, size_t len)
{
	sink->total += len;
	while (len > 0 && (sink->used < sink->size || sink_flush(sink)))
	{
		size_t		room = sink->size - sink->used;
		size_t		n = len < room ? len : room;

		memcpy(sink->buf + sink->used, src, n);
		sink->used += n;
		src += n;
		len -= n;
	}
}

static void
emit_list(Sink *sink, const char *const *strings)
{
	for (; *strings != NULL; strings++)
		emit(sink, *strings, strlen(*strings));
}

/* Any number of strings, one after the other */
#define emit_strings(sink, ...) \
	emit_list(sink, (const char *const[]) {__VA_ARGS__, NULL})

/* Not isalnum(), which asks the locale. */
static bool
is_unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

/* Upper case here: AWS compares the text, whereas hashes are lower case. */
static void
emit_encoded_byte(Sink *sink, unsigned char c)
{
	static const char digits[] = "0123456789ABCDEF";

	if (is_unreserved(c))
		emit(sink, (const char *) &c, 1);
	else
	{
		char		escape[] = {'%', digits[c >> 4], digits[c & 0x0F]};

		emit(sink, escape, sizeof(escape));
	}
}

static void
emit_encoded(Sink *sink, const char *src, size_t len)
{
	size_t		plain;			/* bytes that stand for themselves */

	for (size_t i = 0; i < len; i += plain + 1)
	{
		plain = 0;
		while (i + plain < len && is_unreserved((unsigned char) src[i + plain]))
			plain++;
		emit(sink, src + i, plain);
		if (i + plain < len)
			emit_encoded_byte(sink, (unsigned char) src[i + plain]);
	}
}

/*
 * The path came encoded and is encoded once more, so that "%20" turns into
 * "%2520".  Empty and dot segments go, but only a literal dot makes one:
 * "%2E%2E" is a name, as it is in the AWS SDKs.  A trailing slash stays if
 * there is anything before it.
 */
static void
emit_path(Sink *sink, const char *path)
{
	const char *segments[MAX_PATH_SEGMENTS];
	size_t		len;
	int			n = 0;

	while ((len = strcspn(path += strspn(path, "/"), "/")) > 0)
	{
		if (len == 2 && path[0] == '.' && path[1] == '.')
			n -= (n > 0);
		else if (n == MAX_PATH_SEGMENTS)
			sink->failed = true;
		else if (len != 1 || path[0] != '.')
			segments[n++] = path;
		path += len;
	}
	for (int i = 0; i < n; i++)
	{
		emit(sink, "/", 1);
		emit_encoded(sink, segments[i], strcspn(segments[i], "/"));
	}
	if (n == 0 || path[-1] == '/')
		emit(sink, "/", 1);
}

static int
hex_value(char c)
{
	static const char digits[] = "0123456789ABCDEF0123456789abcdef";
	const char *digit = memchr(digits, c, sizeof(digits) - 1);

	return digit ? (int) (digit - digits) % 16 : -1;
}

/*
 * Take one token off a parameter.  A '%' that begins no valid escape stands
 * for itself, and so do '+' and any '=' but the first.
 */
static int
next_token(const char **pos, bool in_key)
{
	const char *p = *pos;
	unsigned char c = (unsigned char) *p;

	if (c == '\0' || c == '&')
		return TOKEN_END;
	(*pos)++;
	if (c == '=' && in_key)
		return TOKEN_EQUALS;
	if (c == '%' && hex_value(p[1]) >= 0 && hex_value(p[2]) >= 0)
	{
		*pos += 2;
		c = (unsigned char) (16 * hex_value(p[1]) + hex_value(p[2]));
	}
	return is_unreserved(c) ? UNRESERVED + c : c;
}

/*
 * Order parameters by their encoded key, then value, without writing them
 * down.  As long as nothing differs, both are on the same side of the '='.
 */
static int
compare_params(const char *a, const char *b)
{
	bool		in_key = true;

	for (;;)
	{
		int			token_a = next_token(&a, in_key);
		int			token_b = next_token(&b, in_key);

		if (token_a != token_b || token_a == TOKEN_END)
			return token_a - token_b;
		in_key = in_key && token_a != TOKEN_EQUALS;
	}
}

/* Decoded and encoded again, so that "%2f", "/" and "%2F" come out as one. */
static void
emit_param(Sink *sink, const char *param)
{
	int			token;

	while ((token = next_token(&param, true)) > TOKEN_EQUALS)
		emit_encoded_byte(sink, (unsigned char) token);
	emit(sink, "=", 1);			/* also after a key without a value */
	while ((token = next_token(&param, false)) > TOKEN_EQUALS)
		emit_encoded_byte(sink, (unsigned char) token);
}

/*
 * The parameters in order; nothing between two '&' is no parameter.  The sort
 * is by insertion, because qsort() may allocate and because two or three of
 * them are the rule.
 */
static void
emit_query(Sink *sink, const char *query)
{
	const char *params[MAX_QUERY_PARAMS];
	int			n = 0;

	while (*(query += strspn(query, "&")) != '\0' && n < MAX_QUERY_PARAMS)
	{
		int			i = n++;

		for (; i > 0 && compare_params(params[i - 1], query) > 0; i--)
			params[i] = params[i - 1];
		params[i] = query;
		query += strcspn(query, "&");
	}
	if (*query != '\0')
		sink->failed = true;	/* too many */

	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			emit(sink, "&", 1);
		emit_param(sink, params[i]);
	}
}

/*
 * A header value without outer white space and with one blank for each inner
 * stretch of it.  AWS writes of spaces only, its SDKs do the same with tabs.
 */
static void
emit_folded(Sink *sink, const char *value)
{
	static const char white[] = " \t\n\v\f\r";
	const char *gap = "";

	while (*(value += strspn(value, white)) != '\0')
	{
		size_t		len = strcspn(value, white);

		emit_strings(sink, gap);
		emit(sink, value, len);
		value += len;
		gap = " ";
	}
}

/* Both the canonical request and the Authorization header name them. */
static void
emit_signed_headers(Sink *sink, const SigV4Request *req)
{
	for (int i = 0; i < req->nheaders; i++)
		emit_strings(sink, i > 0 ? ";" : "", req->headers[i].name);
}

/* The first stage.  An empty line ends the headers. */
static void
emit_canonical_request(Sink *sink, const SigV4Request *req,
					   const char *payload_hash)
{
	emit_strings(sink, req->method, "\n");
	emit_path(sink, req->path);
	emit(sink, "\n", 1);
	emit_query(sink, req->query);
	emit(sink, "\n", 1);
	for (int i = 0; i < req->nheaders; i++)
	{
		emit_strings(sink, req->headers[i].name, ":");
		emit_folded(sink, req->headers[i].value);
		emit(sink, "\n", 1);
	}
	emit(sink, "\n", 1);
	emit_signed_headers(sink, req);
	emit_strings(sink, "\n", payload_hash);
}

/* What a signing key is good for; the date is UTC as all of the timestamp. */
static void
emit_scope(Sink *sink, const SigV4Request *req)
{
	emit(sink, req->timestamp, DATE_LEN);
	emit_strings(sink, "/", req->region, "/", req->service, "/", TERMINATOR);
}

/* The second stage; hash is that of the first in hexadecimal. */
static void
emit_string_to_sign(Sink *sink, const SigV4Request *req, const char *hash)
{
	emit_strings(sink, ALGORITHM, "\n");
	emit(sink, req->timestamp, SIGV4_TIMESTAMP_LEN);
	emit(sink, "\n", 1);
	emit_scope(sink, req);
	emit_strings(sink, "\n", hash);
}

/*
 * Hash the canonical request in pieces.  The payload comes first although it
 * stands last in the text, because it uses the same digest context.
 */
static bool
hash_canonical_request(const SigV4Request *req, char hex[SIGV4_HEX_LEN + 1])
{
	char		piece[512];
	char		payload_hash[SIGV4_HEX_LEN + 1];
	Sink		sink = {.buf = piece, .size = sizeof(piece), .hashing = true};

	if (!sha256_hex(req->payload, req->payload_len, payload_hash))
		return false;
	if (EVP_DigestInit_ex2(digest_ctx, sha256_md, NULL) != 1)
		return crypto_failed();
	emit_canonical_request(&sink, req, payload_hash);
	sink_flush(&sink);
	sigv4_cleanse(piece, sizeof(piece));	/* the session token was there */
	return !sink.failed && digest_end(hex);
}

size_t
sigv4_uri_encode(const char *src, size_t len, char *dst, size_t size)
{
	Sink		sink = buffer_sink(dst, size);

	emit_encoded(&sink, src, len);
	return buffer_sink_close(&sink);
}

/* The stages one by one, for tests and for debugging a rejected request. */
size_t
sigv4_canonical_request(const SigV4Request *req, char *dst, size_t size)
{
	Sink		sink = buffer_sink(dst, size);
	char		payload_hash[SIGV4_HEX_LEN + 1];

	if (!sha256_hex(req->payload, req->payload_len, payload_hash))
		return 0;
	emit_canonical_request(&sink, req, payload_hash);
	return buffer_sink_close(&sink);
}

size_t
sigv4_string_to_sign(const SigV4Request *req, const char *canonical_request,
					 char *dst, size_t size)
{
	Sink		sink = buffer_sink(dst, size);
	char		hash[SIGV4_HEX_LEN + 1];

	if (!sha256_hex(canonical_request, strlen(canonical_request), hash))
		return 0;
	emit_string_to_sign(&sink, req, hash);
	return buffer_sink_close(&sink);
}

/*
 * The secret itself is the key of the first HMAC only.  The others replace it
 * within hmac_ctx, and a failure frees that; either way it is gone when we
 * return.
 */
bool
sigv4_derive_key(const char *secret_access_key, const SigV4Request *req,
				 SigV4Key *key)
{
	char		secret[KEY_PREFIX_LEN + MAX_SECRET_LEN] = KEY_PREFIX;
	unsigned char *k = key->bytes;
	size_t		len = strlen(secret_access_key);
	bool		ok;

	if (len > MAX_SECRET_LEN)
		return false;
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): bytes of a key */
	memcpy(secret + KEY_PREFIX_LEN, secret_access_key, len);

	ok = hmac_sha256(secret, KEY_PREFIX_LEN + len,
					 req->timestamp, DATE_LEN, k) &&
		hmac_sha256(k, SHA256_LEN, req->region, strlen(req->region), k) &&
		hmac_sha256(k, SHA256_LEN, req->service, strlen(req->service), k) &&
		hmac_sha256(k, SHA256_LEN, TERMINATOR, strlen(TERMINATOR), k);

	sigv4_cleanse(secret, sizeof(secret));
	if (!ok)
		sigv4_cleanse(key, sizeof(*key));
	return ok;
}

bool
sigv4_signature(const SigV4Key *key, const char *string_to_sign,
				char hex[SIGV4_HEX_LEN + 1])
{
	unsigned char mac[SHA256_LEN];

	if (!hmac_sha256(key->bytes, SHA256_LEN,
					 string_to_sign, strlen(string_to_sign), mac))
		return false;
	hex_encode(mac, hex);
	return true;
}

/* The header repeats what the server can't find in the request itself. */
size_t
sigv4_authorization(const SigV4Request *req, const char *access_key_id,
					const SigV4Key *key, char *dst, size_t size)
{
	char		hash[SIGV4_HEX_LEN + 1];
	char		string_to_sign[MAX_STRING_TO_SIGN];
	char		signature[SIGV4_HEX_LEN + 1];
	Sink		sink;

	if (!hash_canonical_request(req, hash))
		return 0;
	sink = buffer_sink(string_to_sign, sizeof(string_to_sign));
	emit_string_to_sign(&sink, req, hash);
	if (buffer_sink_close(&sink) >= sizeof(string_to_sign) ||
		!sigv4_signature(key, string_to_sign, signature))
		return 0;

	sink = buffer_sink(dst, size);
	emit_strings(&sink, ALGORITHM, " Credential=", access_key_id, "/");
	emit_scope(&sink, req);
	emit_strings(&sink, ", SignedHeaders=");
	emit_signed_headers(&sink, req);
	emit_strings(&sink, ", Signature=", signature);
	return buffer_sink_close(&sink);
}

/* Here, because memset() of memory that dies may be optimized away. */
void
sigv4_cleanse(void *ptr, size_t len)
{
	OPENSSL_cleanse(ptr, len);
}
