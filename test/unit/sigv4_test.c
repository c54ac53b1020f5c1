/*-------------------------------------------------------------------------
 *
 * sigv4_test.c
 *	  Tests of src/aws/sigv4.c; prints TAP.
 *
 * The signatures were computed with botocore, @smithy/signature-v4 and
 * aws-c-auth, which agreed; AWS's own test suite has no path that needs the
 * second encoding.  SHA-256 and HMAC have the values of FIPS 180 and RFC 4231
 * as far as the interface lets them through.  Random requests are the affair
 * of sigv4_botocore.py, hostile bytes that of sigv4_fuzz.c.
 *
 * test/unit/sigv4_test.c
 *
 *-------------------------------------------------------------------------
 */
#include "sigv4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#define lengthof(array)	(sizeof(array) / sizeof((array)[0]))

#define ACCESS_KEY	"AKIDEXAMPLE"
#define SECRET		"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define TOKEN		"AQoDYXdzEPT//////////wEXAMPLE+token/=="
#define TIMESTAMP	"20250102T030405Z"
#define EMPTY_HASH \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define BACKENDS	"/apps/d1a2b3c4d5/backendenvironments"

#include "sigv4_vectors.h"

static int	ntests = 0;
static int	nfailed = 0;

/* Allocations left to OpenSSL before malloc() fails for it; < 0: no end */
static int	allocations_left = -1;

static void
ok(bool passed, const char *name)
{
	ntests++;
	if (!passed)
		nfailed++;
	printf("%sok %d - %s\n", passed ? "" : "not ", ntests, name);
}

static void
is(const char *got, const char *want, const char *name)
{
	bool		same = strcmp(got, want) == 0;

	ok(same, name);
	if (!same)
		printf("# got  \"%s\"\n# want \"%s\"\n", got, want);
}

/* A GET that fits most tests; headers are the caller's */
static SigV4Request
get_request(const char *path, const char *query)
{
	SigV4Request req = {
		.method = "GET", .path = path, .query = query, .payload = "",
		.timestamp = TIMESTAMP, .region = "us-east-1", .service = "amplify"
	};

	return req;
}

/* Line number n, from 0, of the canonical request; overwritten by the next */
static const char *
canonical_line(const SigV4Request *req, int n)
{
	static char buf[8192];
	char	   *line = buf;

	if (sigv4_canonical_request(req, buf, sizeof(buf)) >= sizeof(buf))
		return "(buffer too small)";
	while (n-- > 0)
	{
		line = strchr(line, '\n');
		if (line == NULL)
			return "(no such line)";
		line++;
	}
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static const char *
canonical_path(const char *path)
{
	SigV4Request req = get_request(path, "");

	return canonical_line(&req, 1);
}

static const char *
canonical_query(const char *query)
{
	SigV4Request req = get_request("/", query);

	return canonical_line(&req, 2);
}

static const char *
canonical_header(const char *value)
{
	SigV4Header header = {"x", value};
	SigV4Request req = get_request("/", "");

	req.headers = &header;
	req.nheaders = 1;
	return canonical_line(&req, 3);
}

/*
 * All stages of one request: one by one as long as canonical request and
 * string to sign are concerned, and at once for the header.
 */
static void
check_signature(const SigV4Request *req, const char *signed_headers,
				const char *signature, const char *name)
{
	char		canonical[4096];
	char		string_to_sign[1024];
	char		hex[SIGV4_HEX_LEN + 1];
	char		authorization[1024];
	char		want[1024];
	SigV4Key	key;

	ok(sigv4_derive_key(SECRET, req, &key), name);
	sigv4_canonical_request(req, canonical, sizeof(canonical));
	sigv4_string_to_sign(req, canonical,
						 string_to_sign, sizeof(string_to_sign));
	ok(sigv4_signature(&key, string_to_sign, hex), "signature is computed");
	is(hex, signature, "signature, stage by stage");

	snprintf(want, sizeof(want),
			 "AWS4-HMAC-SHA256 Credential=%s/20250102/%s/%s/aws4_request, "
			 "SignedHeaders=%s, Signature=%s", ACCESS_KEY, req->region,
			 req->service, signed_headers, signature);
	ok(sigv4_authorization(req, ACCESS_KEY, &key, authorization,
						   sizeof(authorization)) == strlen(want),
	   "length of the Authorization header");
	is(authorization, want, "Authorization header");
}


static void
test_vectors(void)
{
	const SigV4Header headers[] = {
		{"host", "amplify.us-east-1.amazonaws.com"},
		{"x-amz-date", TIMESTAMP},
		{"x-amz-security-token", TOKEN}
	};

	for (size_t i = 0; i < lengthof(vectors); i++)
	{
		const Vector *v = &vectors[i];
		SigV4Request req = get_request(v->path, v->query);

		req.headers = headers;
		req.nheaders = v->token ? 3 : 2;
		is(canonical_line(&req, 1), v->canonical_path, "canonical path");
		is(canonical_line(&req, 2), v->canonical_query, "canonical query");
		check_signature(&req, v->token ?
						"host;x-amz-date;x-amz-security-token" :
						"host;x-amz-date", v->signature, v->path);
	}
}

static void
test_custom_endpoint(void)
{
	const SigV4Header headers[] = {
		{"host", "127.0.0.1:18999"},
		{"x-amz-date", TIMESTAMP}
	};
	SigV4Request req = get_request("/apps", "maxResults=100");

	req.headers = headers;
	req.nheaders = 2;
	req.region = "eu-west-1";
	check_signature(&req, "host;x-amz-date",
					"e097a253aa37a55fa89a0b9e3b7fb581"
					"e6bd2cbbbac480c0d4f26287d5d0b93b", "custom endpoint");
}

static void
test_sts(void)
{
	const SigV4Header headers[] = {
		{"content-type", "application/x-www-form-urlencoded; charset=utf-8"},
		{"host", "sts.us-east-1.amazonaws.com"},
		{"x-amz-date", TIMESTAMP}
	};
	SigV4Request req = get_request("/", "");

	req.method = "POST";
	req.service = "sts";
	req.headers = headers;
	req.nheaders = 3;
	req.payload = "Action=AssumeRole&Version=2011-06-15"
		"&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fx"
		"&RoleSessionName=s";
	req.payload_len = strlen(req.payload);
	check_signature(&req, "content-type;host;x-amz-date",
					"02c445857daa7f84e4c9dae96f639854"
					"eadbe72ca7c171b724ec20cef2701f74", "AssumeRole");
}

/* The two texts as a whole; the vectors above see them in parts only. */
static void
test_texts(void)
{
	const SigV4Header headers[] = {{"host", "h"}, {"x-amz-date", TIMESTAMP}};
	SigV4Request req = get_request("/a%20b", "b=2&a");
	char		buf[1024];

	req.headers = headers;
	req.nheaders = 2;
	sigv4_canonical_request(&req, buf, sizeof(buf));
	is(buf, "GET\n/a%2520b\na=&b=2\nhost:h\nx-amz-date:" TIMESTAMP "\n\n"
	   "host;x-amz-date\n" EMPTY_HASH, "canonical request");
	sigv4_string_to_sign(&req, "", buf, sizeof(buf));
	is(buf, "AWS4-HMAC-SHA256\n" TIMESTAMP "\n"
	   "20250102/us-east-1/amplify/aws4_request\n" EMPTY_HASH,
	   "string to sign");
}

static void
test_path(void)
{
	static const struct
	{
		const char *path;
		const char *want;
	}			cases[] = {
		{"", "/"}, {"/", "/"}, {"//", "/"}, {"/.", "/"}, {"/..", "/"},
		{"/../..", "/"}, {"/a/..", "/"}, {"/a/../", "/"},
		{"/a", "/a"}, {"/a/", "/a/"}, {"/a//", "/a/"}, {"//a", "/a"},
		{"/a//b", "/a/b"}, {"/a/./b", "/a/b"}, {"/a/.", "/a"},
		{"/a/b/..", "/a"}, {"/a/b/../", "/a/"}, {"/a/b/../c", "/a/c"},
		{"/../a/b/../../c", "/c"}, {"/a/../../b", "/b"},
		{"/...", "/..."}, {"/.a", "/.a"}, {"/a..", "/a.."},
		{"/%2E%2E/a", "/%252E%252E/a"}, {"/%2e/a", "/%252e/a"},
		{"/%2F", "/%252F"}, {"/a b", "/a%20b"}, {"/~-_.", "/~-_."},
		{"/\xC3\xA9", "/%C3%A9"}, {"/%C3%A9", "/%25C3%25A9"},
		{"/\xE6\x97\xA5\xF0\x9F\x98\x80", "/%E6%97%A5%F0%9F%98%80"},
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		char		name[64];

		snprintf(name, sizeof(name), "path \"%s\"", cases[i].path);
		is(canonical_path(cases[i].path), cases[i].want, name);
	}
}

static void
test_query(void)
{
	static const struct
	{
		const char *query;
		const char *want;
	}			cases[] = {
		{"", ""}, {"a", "a="}, {"a=", "a="}, {"a=1", "a=1"}, {"=1", "=1"},
		{"b&a", "a=&b="}, {"b=1&a=2&c=0", "a=2&b=1&c=0"},
		{"a=2&a=1&a=10&a", "a=&a=1&a=10&a=2"}, {"a=1&a=1", "a=1&a=1"},
		/* by key and then value, not by the text "key=value" */
		{"a-b=1&a=2", "a=2&a-b=1"}, {"a%20=1&a=2", "a=2&a%20=1"},
		/* by the encoded form: an escape sorts before "-" and "A" */
		{"A=1&%C3%A9=2&-=3", "%C3%A9=2&-=3&A=1"}, {"~=1&%7F=2", "%7F=2&~=1"},
		{"a=~&a=%FF&a=%00", "a=%00&a=%FF&a=~"}, {"b=1&B=2", "B=2&b=1"},
		{"a=%41%7e", "a=A~"}, {"a=%2f%2F", "a=%2F%2F"}, {"a=b=c", "a=b%3Dc"},
		{"a=b=c&a=b%20", "a=b%20&a=b%3Dc"},
		{"a=%", "a=%25"}, {"a=%4", "a=%254"}, {"a=%zz", "a=%25zz"},
		{"a=+", "a=%2B"}, {"&a=1&&b=2&", "a=1&b=2"}, {"&", ""},
		{"n=\xC3\xA9 x", "n=%C3%A9%20x"}, {"a=/?", "a=%2F%3F"},
		{"p=1&o=2&n=3&m=4&l=5&k=6&j=7&i=8&h=9&g=10&f=11&e=12&d=13&c=14&b=15"
			"&a=16",
			"a=16&b=15&c=14&d=13&e=12&f=11&g=10&h=9&i=8&j=7&k=6&l=5&m=4&n=3"
		"&o=2&p=1"},
	};

	for (size_t i = 0; i < lengthof(cases); i++)
	{
		char		name[64];

		snprintf(name, sizeof(name), "query \"%.40s\"", cases[i].query);
		is(canonical_query(cases[i].query), cases[i].want, name);
	}
}

static void
test_headers(void)
{
	SigV4Header headers[] = {{"a", "1"}, {"a-b", ""}, {"b", "x:y;z"}};
	SigV4Request req = get_request("/", "");

	is(canonical_header("v"), "x:v", "header as it is");
	is(canonical_header(""), "x:", "empty header");
	is(canonical_header(" \t "), "x:", "header of blanks");
	is(canonical_header("  v\t"), "x:v", "outer blanks go");
	is(canonical_header("a  b   c"), "x:a b c", "inner blanks are folded");
	is(canonical_header("a \t b"), "x:a b", "a tab is a blank");
	is(canonical_header("a\r\n b"), "x:a b", "so is a line break");
	is(canonical_header("\"a  b\""), "x:\"a b\"", "quotes are no exception");
	is(canonical_header("caf\xC3\xA9"), "x:caf\xC3\xA9", "UTF-8 stays");
	is(canonical_header("A%2f+B"), "x:A%2f+B", "no encoding, no case");

	req.headers = headers;
	req.nheaders = 3;
	is(canonical_line(&req, 4), "a-b:", "second header");
	is(canonical_line(&req, 5), "b:x:y;z", "third header");
	is(canonical_line(&req, 6), "", "empty line after the headers");
	is(canonical_line(&req, 7), "a;a-b;b", "names of the headers");
	is(canonical_line(&req, 8), EMPTY_HASH, "hash of no payload");
}

static void
test_encode_all_bytes(void)
{
	bool		passed = true;

	for (int c = 0; c < 256; c++)
	{
		const char	byte = (char) c;
		char		want[4];
		char		got[4];
		bool		plain = c != 0 && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
											 "abcdefghijklmnopqrstuvwxyz"
											 "0123456789-._~", c) != NULL;

		snprintf(want, sizeof(want), plain ? "%c" : "%%%02X", c);
		if (sigv4_uri_encode(&byte, 1, got, sizeof(got)) != strlen(want) ||
			strcmp(got, want) != 0)
		{
			printf("# byte %d: got \"%s\", want \"%s\"\n", c, got, want);
			passed = false;
		}
	}
	ok(passed, "each of 256 bytes is encoded");
}

/* Which of the size_t functions to call */
typedef enum Stage
{
	STAGE_ENCODE,
	STAGE_CANONICAL_REQUEST,
	STAGE_STRING_TO_SIGN,
	STAGE_AUTHORIZATION
} Stage;

static size_t
run_stage(Stage stage, char *dst, size_t size)
{
	static const SigV4Header headers[] = {{"host", "h"}};
	SigV4Request req = get_request("/a/b%20c", "b=%20&a=1");
	SigV4Key	key = {{0}};

	req.headers = headers;
	req.nheaders = 1;
	switch (stage)
	{
		case STAGE_ENCODE:
			return sigv4_uri_encode("a b/c", 5, dst, size);
		case STAGE_CANONICAL_REQUEST:
			return sigv4_canonical_request(&req, dst, size);
		case STAGE_STRING_TO_SIGN:
			return sigv4_string_to_sign(&req, "x", dst, size);
		case STAGE_AUTHORIZATION:
			return sigv4_authorization(&req, ACCESS_KEY, &key, dst, size);
	}
	return 0;
}

/*
 * For every size the length is that of the whole, nothing past the size is
 * touched and the buffer ends in a NUL.
 */
static void
check_sizes(Stage stage, const char *name)
{
	char		whole[1024];
	char		part[1024];
	size_t		len = run_stage(stage, whole, sizeof(whole));
	bool		passed = len > 0 && strlen(whole) == len &&
		run_stage(stage, NULL, 0) == len;

	for (size_t size = 0; size <= len + 1; size++)
	{
		memset(part, '#', sizeof(part));
		if (run_stage(stage, part, size) != len || part[size] != '#' ||
			(size > 0 && (part[size - 1] != '\0' ||
						  strncmp(part, whole, size - 1) != 0)))
		{
			printf("# size %zu of %zu\n", size, len);
			passed = false;
		}
	}
	ok(passed, name);
}

static void
test_sizes(void)
{
	check_sizes(STAGE_ENCODE, "sizes of an encoded text");
	check_sizes(STAGE_CANONICAL_REQUEST, "sizes of a canonical request");
	check_sizes(STAGE_STRING_TO_SIGN, "sizes of a string to sign");
	check_sizes(STAGE_AUTHORIZATION, "sizes of an Authorization header");
	ok(sigv4_uri_encode("", 0, NULL, 0) == 0, "nothing to encode");
}

/* FIPS 180 examples, seen through the hash of the payload */
static void
test_sha256(void)
{
	static char million[1000000];
	SigV4Request req = get_request("/", "");

	req.payload = "abc";
	req.payload_len = 3;
	is(canonical_line(&req, 5), "ba7816bf8f01cfea414140de5dae2223"
	   "b00361a396177a9cb410ff61f20015ad", "SHA-256 of one block");
	req.payload = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	req.payload_len = strlen(req.payload);
	is(canonical_line(&req, 5), "248d6a61d20638b8e5c026930c3e6039"
	   "a33ce45964ff2167f6ecedd419db06c1", "SHA-256 of two blocks");
	memset(million, 'a', sizeof(million));
	req.payload = million;
	req.payload_len = sizeof(million);
	is(canonical_line(&req, 5), "cdc76e5c9914fb9281a1c7e284d73e67"
	   "f1809a48a497200e046d39ccc7112cd0", "SHA-256 of a million bytes");
	req.payload = "a\0b";
	req.payload_len = 3;
	is(canonical_line(&req, 5), "59b271ae1bbcb1d31d41929817f4b16f"
	   "b439eb4f31520b5ad1d5ce98920a7138", "payload with a NUL in it");
}

/* HMAC pads a short key with zeros, so 32 bytes hold those of RFC 4231. */
static void
check_hmac(const char *key_bytes, size_t key_len, const char *data,
		   const char *want, const char *name)
{
	SigV4Key	key = {{0}};
	char		hex[SIGV4_HEX_LEN + 1] = "";

	memcpy(key.bytes, key_bytes, key_len);
	ok(sigv4_signature(&key, data, hex), name);
	is(hex, want, name);
}

static void
test_hmac(void)
{
	char		key[25];
	char		data[51] = {0};

	memset(key, 0x0B, 20);
	check_hmac(key, 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b"
			   "881dc200c9833da726e9376c2e32cff7", "RFC 4231, case 1");
	check_hmac("Jefe", 4, "what do ya want for nothing?",
			   "5bdcc146bf60754e6a042426089575c7"
			   "5a003f089d2739839dec58b964ec3843", "RFC 4231, case 2");
	memset(key, 0xAA, 20);
	memset(data, 0xDD, 50);
	check_hmac(key, 20, data, "773ea91e36800e46854db8ebd09181a7"
			   "2959098b3ef8c122d9635514ced565fe", "RFC 4231, case 3");
	for (int i = 0; i < 25; i++)
		key[i] = (char) (i + 1);
	memset(data, 0xCD, 50);
	check_hmac(key, 25, data, "82558a389a443c0ea4cc819899f2083a"
			   "85f0faa3e578f8077a2e3ff46729665b", "RFC 4231, case 4");
}

/* A page token of 2,000 characters that all need encoding, and a big token */
static void
test_long_request(void)
{
	static char query[12000] = "nextToken=";
	static char token[5000];
	static char canonical[24000];
	SigV4Header headers[] = {{"host", "h"}, {"x-amz-security-token", token}};
	SigV4Request req = get_request("/apps", query);
	SigV4Key	key;
	char		string_to_sign[1024];
	char		hex[SIGV4_HEX_LEN + 1] = "";
	char		authorization[1024] = "";

	for (int i = 0; i < 2000; i++)
		memcpy(query + 10 + 3 * i, i % 2 ? "%2B" : "%2F", 4);
	memset(token, '/', sizeof(token) - 1);
	req.headers = headers;
	req.nheaders = 2;
	ok(sigv4_derive_key(SECRET, &req, &key) &&
	   sigv4_canonical_request(&req, canonical, sizeof(canonical)) > 11000 &&
	   sigv4_string_to_sign(&req, canonical, string_to_sign,
							sizeof(string_to_sign)) > 0 &&
	   sigv4_signature(&key, string_to_sign, hex) &&
	   sigv4_authorization(&req, ACCESS_KEY, &key, authorization,
						   sizeof(authorization)) > SIGV4_HEX_LEN,
	   "long request is signed");
	is(authorization + strlen(authorization) - SIGV4_HEX_LEN, hex,
	   "hashed in pieces or at once, a long request has one signature");
}

static void
test_limits(void)
{
	static char secret[300];
	static char path[100];
	static char region[600];
	SigV4Request req = get_request("/", "");
	SigV4Key	key = {{0}};

	memset(secret, 's', 256);
	ok(sigv4_derive_key(secret, &req, &key), "secret of 256 bytes");
	secret[256] = 's';
	ok(!sigv4_derive_key(secret, &req, &key), "secret of 257 bytes");

	req.query = "a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q";
	ok(sigv4_canonical_request(&req, NULL, 0) == 0 &&
	   sigv4_authorization(&req, ACCESS_KEY, &key, NULL, 0) == 0,
	   "17 query parameters are refused");
	req.query = "";
	for (int i = 0; i < 32; i++)
		memcpy(path + 2 * i, "/a", 3);
	req.path = path;
	ok(sigv4_canonical_request(&req, NULL, 0) > 0, "32 path segments");
	memcpy(path + 64, "/a", 3);
	ok(sigv4_canonical_request(&req, NULL, 0) == 0 &&
	   sigv4_authorization(&req, ACCESS_KEY, &key, NULL, 0) == 0,
	   "33 path segments are refused");
	req.path = "/";
	memset(region, 'r', sizeof(region) - 1);
	req.region = region;
	ok(sigv4_authorization(&req, ACCESS_KEY, &key, NULL, 0) == 0,
	   "region of 599 bytes is refused");
}

static bool
may_allocate(void)
{
	if (allocations_left > 0)
		allocations_left--;
	return allocations_left != 0;
}

static void *
failing_malloc(size_t size, const char *file, int line)
{
	(void) file;
	(void) line;
	return may_allocate() ? malloc(size) : NULL;
}

static void *
failing_realloc(void *ptr, size_t size, const char *file, int line)
{
	(void) file;
	(void) line;
	return may_allocate() ? realloc(ptr, size) : NULL;
}

static void
plain_free(void *ptr, const char *file, int line)
{
	(void) file;
	(void) line;
	free(ptr);
}

/*
 * Let memory run out at one allocation after the other: in each round one more
 * goes well.  A round begins afresh, as after a failure, or with all that a
 * signature before it has left, which may be all that OpenSSL needs.
 */
static int
rounds_without_memory(bool afresh, const char *want, bool *clean)
{
	char		got[1024] = "";
	int			rounds = 0;
	size_t		len = 0;

	while (len == 0 && rounds < 1000)
	{
		/* a failure has to leave things as afresh by itself */
		if (!afresh)
			(void) run_stage(STAGE_AUTHORIZATION, got, sizeof(got));
		else if (rounds == 0)
			sigv4_forget();
		got[0] = '\0';
		allocations_left = ++rounds;
		len = run_stage(STAGE_AUTHORIZATION, got, sizeof(got));
		allocations_left = -1;
		if (ERR_peek_error() != 0)
			*clean = false;
	}
	is(got, want, "with memory again there is a signature again");
	return rounds - 1;
}

static void
test_out_of_memory(void)
{
	char		want[1024];
	bool		clean = true;
	int			afresh;
	int			later;

	run_stage(STAGE_AUTHORIZATION, want, sizeof(want));
	afresh = rounds_without_memory(true, want, &clean);
	later = rounds_without_memory(false, want, &clean);
	printf("# memory ran out in %d rounds, later in %d\n", afresh, later);
	ok(afresh >= 10 && afresh < 999, "out of memory is a failure");
	ok(later < afresh, "out of memory is a failure also of what is kept");
	ok(clean, "out of memory leaves no error in OpenSSL's queue");
}

static void
test_cleanse(void)
{
	char		secret[] = "secret";

	sigv4_cleanse(secret, sizeof(secret));
	ok(memcmp(secret, "\0\0\0\0\0\0", sizeof(secret)) == 0, "cleanse");
}

int
main(void)
{
	if (CRYPTO_set_mem_functions(failing_malloc, failing_realloc,
								 plain_free) != 1)
	{
		printf("Bail out! OpenSSL refuses the allocator\n");
		return EXIT_FAILURE;
	}
	test_vectors();
	test_custom_endpoint();
	test_sts();
	test_texts();
	test_path();
	test_query();
	test_headers();
	test_encode_all_bytes();
	test_sizes();
	test_sha256();
	test_hmac();
	test_long_request();
	test_limits();
	test_out_of_memory();
	test_cleanse();
	printf("1..%d\n", ntests);
	return nfailed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
