/*-------------------------------------------------------------------------
 *
 * sigv4_driver.c
 *	  Signs the requests that come in on standard input.
 *
 * A line is one request: its fields in hexadecimal, a comma after each,
 *
 *		access key id, secret access key, timestamp, region, service,
 *		method, path, query, payload, then name and value of each header
 *
 * and the response is a line of the same form with canonical request, string
 * to sign and Authorization header.  This is for sigv4_botocore.py; it checks
 * nothing and stops at the first thing that goes wrong.
 *
 * test/unit/sigv4_driver.c
 *
 *-------------------------------------------------------------------------
 */
#include "sigv4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIXED_FIELDS	9
#define MAX_HEADERS		16
#define MAX_FIELDS		(FIXED_FIELDS + 2 * MAX_HEADERS)

static char line[1 << 20];
static char canonical_request[1 << 20];

static void
die(const char *what)
{
	fprintf(stderr, "sigv4_driver: %s\n", what);
	exit(1);
}

/* Decode a field where it stands; it gets shorter by that, so NUL fits. */
static size_t
unhex(char *field)
{
	size_t		len = strlen(field) / 2;

	for (size_t i = 0; i < len; i++)
	{
		char		pair[3] = {field[2 * i], field[2 * i + 1], '\0'};

		field[i] = (char) strtol(pair, NULL, 16);
	}
	field[len] = '\0';
	return len;
}

static int
split_line(char *fields[MAX_FIELDS], size_t lens[MAX_FIELDS])
{
	int			n = 0;
	char	   *pos = line;
	char	   *comma;

	while ((comma = strchr(pos, ',')) != NULL)
	{
		if (n == MAX_FIELDS)
			die("too many fields");
		*comma = '\0';
		fields[n] = pos;
		lens[n++] = unhex(pos);
		pos = comma + 1;
	}
	return n;
}

static void
answer(const char *text)
{
	for (; *text != '\0'; text++)
		printf("%02x", (unsigned char) *text);
	putchar(',');
}

static void
sign(const SigV4Request *req, const char *access_key_id, const char *secret)
{
	char		string_to_sign[1024];
	char		authorization[4096];
	SigV4Key	key;
	size_t		len;

	len = sigv4_canonical_request(req, canonical_request,
								  sizeof(canonical_request));
	if (len == 0 || len >= sizeof(canonical_request))
		die("no canonical request");
	len = sigv4_string_to_sign(req, canonical_request,
							   string_to_sign, sizeof(string_to_sign));
	if (len == 0 || len >= sizeof(string_to_sign))
		die("no string to sign");
	if (!sigv4_derive_key(secret, req, &key))
		die("no key");
	len = sigv4_authorization(req, access_key_id, &key,
							  authorization, sizeof(authorization));
	if (len == 0 || len >= sizeof(authorization))
		die("no Authorization header");

	answer(canonical_request);
	answer(string_to_sign);
	answer(authorization);
	putchar('\n');
}

int
main(void)
{
	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		char	   *f[MAX_FIELDS];
		size_t		lens[MAX_FIELDS];
		SigV4Header headers[MAX_HEADERS];
		SigV4Request req = {.headers = headers};
		int			n = split_line(f, lens);

		if (n < FIXED_FIELDS || (n - FIXED_FIELDS) % 2 != 0)
			die("wrong number of fields");
		req.timestamp = f[2];
		req.region = f[3];
		req.service = f[4];
		req.method = f[5];
		req.path = f[6];
		req.query = f[7];
		req.payload = f[8];
		req.payload_len = lens[8];
		for (int i = FIXED_FIELDS; i < n; i += 2)
		{
			headers[req.nheaders].name = f[i];
			headers[req.nheaders++].value = f[i + 1];
		}
		sign(&req, f[0], f[1]);
	}
	return 0;
}
