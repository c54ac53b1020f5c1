/*-------------------------------------------------------------------------
 *
 * sigv4.h
 *	  AWS Signature Version 4 for one HTTP request.
 *
 * Plain C without a PostgreSQL header, so that a test program can include it
 * without a server.  Nothing here allocates, blocks or raises an error: every
 * result goes into a buffer of the caller's.
 *
 * Functions that return size_t return the length of the whole result without
 * its terminating NUL, like snprintf(): a value >= size means that the buffer
 * was too small and holds no usable result.  0 means that OpenSSL failed
 * (these results are never empty).
 *
 * Rules: AWS General Reference, "Create a signed AWS API request", with the
 * path encoded twice, as every service but S3 wants it.
 *
 * src/aws/sigv4.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef AMPLIFY_SIGV4_H
#define AMPLIFY_SIGV4_H

#include <stdbool.h>
#include <stddef.h>

/* "20250102T030405Z"; its first eight characters are the date of the scope */
#define SIGV4_TIMESTAMP_LEN	16
#define SIGV4_HEX_LEN		64

typedef struct SigV4Header
{
	const char *name;			/* lower case */
	const char *value;			/* as sent */
} SigV4Header;

typedef struct SigV4Request
{
	const char *method;			/* "GET", "POST" */
	const char *path;			/* as sent: percent-encoded once, no query */
	const char *query;			/* as sent, without '?'; "" for none */
	const SigV4Header *headers; /* those to sign, sorted by name */
	int			nheaders;
	const char *payload;		/* body; "" when there is none */
	size_t		payload_len;
	const char *timestamp;		/* UTC, SIGV4_TIMESTAMP_LEN characters */
	const char *region;
	const char *service;
} SigV4Request;

/* Signing key of one secret, day, region and service: good to be kept */
typedef struct SigV4Key
{
	unsigned char bytes[32];
} SigV4Key;

/*
 * Percent-encode len bytes for a path segment or a query part (RFC 3986
 * unreserved characters stay, everything else becomes %XX in upper case).
 */
extern size_t sigv4_uri_encode(const char *src, size_t len,
							   char *dst, size_t size);

/* The stages, in the order of their use.  False: OpenSSL failed. */
extern size_t sigv4_canonical_request(const SigV4Request *req,
									  char *dst, size_t size);
extern size_t sigv4_string_to_sign(const SigV4Request *req,
								   const char *canonical_request,
								   char *dst, size_t size);
extern bool sigv4_derive_key(const char *secret_access_key,
							 const SigV4Request *req, SigV4Key *key);
extern bool sigv4_signature(const SigV4Key *key, const char *string_to_sign,
							char hex[SIGV4_HEX_LEN + 1]);

/* All stages at once: the value of the Authorization header. */
extern size_t sigv4_authorization(const SigV4Request *req,
								  const char *access_key_id,
								  const SigV4Key *key,
								  char *dst, size_t size);

/*
 * Forget the key that was used last, which OpenSSL holds: to be called when a
 * key is given up.  Never fails.
 */
extern void sigv4_forget(void);

/* Overwrite memory that held a secret; not removed by the optimizer. */
extern void sigv4_cleanse(void *ptr, size_t len);

#endif							/* AMPLIFY_SIGV4_H */
