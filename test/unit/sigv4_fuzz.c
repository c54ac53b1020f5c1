/*-------------------------------------------------------------------------
 *
 * sigv4_fuzz.c
 *	  libFuzzer target for src/aws/sigv4.c.
 *
 * The input is cut at its NULs into path, query, header value, payload and a
 * text for the encoder.  Whatever it is, a length measured without a buffer
 * is the length written, decoding undoes encoding, a canonical query is its
 * own canonical query, and the request hashed in pieces gets the signature of
 * the request in one buffer.  Whether the results are what AWS wants is not
 * seen here.
 *
 * test/unit/sigv4_fuzz.c
 *
 *-------------------------------------------------------------------------
 */
#include "sigv4.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NPARTS			5

#define check(condition) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "failed: %s\n", #condition); \
			abort(); \
		} \
	} while (0)

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Exactly len + 1 bytes, so that the sanitizer sees the first byte too many */
static char *
allocate(size_t len)
{
	char	   *result = malloc(len + 1);

	check(result != NULL);
	return result;
}

static void
fuzz_encoder(const char *text, size_t len)
{
	size_t		encoded_len = sigv4_uri_encode(text, len, NULL, 0);
	char	   *encoded = allocate(encoded_len);
	size_t		n = 0;

	check(sigv4_uri_encode(text, len, encoded, encoded_len + 1) ==
		  encoded_len);
	check(strlen(encoded) == encoded_len);
	for (const char *p = encoded; *p != '\0'; p++)
	{
		unsigned int c = (unsigned char) *p;

		if (c == '%')
		{
			/* NOLINTNEXTLINE(cert-err34-c): two digits */
			check(sscanf(p + 1, "%2X", &c) == 1);
			p += 2;
		}
		check(n < len && c == (unsigned char) text[n]);
		n++;
	}
	check(n == len);
	free(encoded);
}

/* NULL if the request is beyond a limit */
static char *
canonical_request(const SigV4Request *req)
{
	size_t		len = sigv4_canonical_request(req, NULL, 0);
	char	   *result;
	char		small[7];

	if (len == 0)
		return NULL;
	result = allocate(len);
	check(sigv4_canonical_request(req, result, len + 1) == len);
	check(strlen(result) == len);
	check(sigv4_canonical_request(req, small, sizeof(small)) == len);
	check(strncmp(small, result, sizeof(small) - 1) == 0);
	return result;
}

/* The third line, without what is before and after it */
static char *
canonical_query(const SigV4Request *req)
{
	char	   *text = canonical_request(req);
	char	   *start;
	size_t		len;

	check(text != NULL);
	start = strchr(strchr(text, '\n') + 1, '\n') + 1;
	len = strcspn(start, "\n");
	memmove(text, start, len);
	text[len] = '\0';
	return text;
}

static void
fuzz_query(const SigV4Request *req)
{
	SigV4Request again = *req;
	char	   *once = canonical_query(req);
	char	   *twice;

	again.query = once;
	twice = canonical_query(&again);
	check(strcmp(once, twice) == 0);
	free(once);
	free(twice);
}

static void
fuzz_signature(const SigV4Request *req, const char *canonical)
{
	char		string_to_sign[256];
	char		hex[SIGV4_HEX_LEN + 1];
	char		authorization[512];
	SigV4Key	key;
	size_t		len;

	check(sigv4_derive_key("secret", req, &key));
	len = sigv4_string_to_sign(req, canonical,
							   string_to_sign, sizeof(string_to_sign));
	check(len > 0 && len < sizeof(string_to_sign));
	check(sigv4_signature(&key, string_to_sign, hex));
	len = sigv4_authorization(req, "AKID", &key,
							  authorization, sizeof(authorization));
	check(len > SIGV4_HEX_LEN && len < sizeof(authorization));
	check(strcmp(authorization + len - SIGV4_HEX_LEN, hex) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *copy = allocate(size);
	char	   *parts[NPARTS];
	SigV4Header headers[] = {{"host", "h"}, {"x", NULL}};
	SigV4Request req = {
		.method = "GET", .headers = headers, .nheaders = 2,
		.timestamp = "20250102T030405Z", .region = "r", .service = "s"
	};
	char	   *pos = copy;
	char	   *canonical;

	if (size > 0)
		memcpy(copy, data, size);
	copy[size] = '\0';
	for (int i = 0; i < NPARTS; i++)
	{
		parts[i] = pos;
		pos += strlen(pos);
		if (pos < copy + size && i < NPARTS - 1)
			pos++;
	}
	req.path = parts[0];
	req.query = parts[1];
	headers[1].value = parts[2];
	req.payload = parts[3];
	req.payload_len = strlen(parts[3]);

	fuzz_encoder(parts[4], (size_t) (copy + size - parts[4]));
	canonical = canonical_request(&req);
	if (canonical != NULL)
	{
		fuzz_query(&req);
		fuzz_signature(&req, canonical);
		free(canonical);
	}
	else
		check(sigv4_authorization(&req, "AKID", &(SigV4Key) {{0}}, NULL, 0) ==
			  0);
	free(copy);
	return 0;
}
