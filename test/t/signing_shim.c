/*
 * signing_shim.c
 *	  An OpenSSL that has no HMAC while there is a file "no-hmac" in
 *	  $AMPLIFY_SHIM_DIR, to be preloaded into a server.
 */
#define _GNU_SOURCE
#include <openssl/evp.h>

#include "shim.h"

typedef EVP_MAC *(*Fetch) (OSSL_LIB_CTX *, const char *, const char *);

EVP_MAC *
EVP_MAC_fetch(OSSL_LIB_CTX *context, const char *algorithm,
			  const char *properties)
{
	static Fetch fetch;
	int			fd = open_file("no-hmac", O_RDONLY);

	FIND_NEXT(fetch, "EVP_MAC_fetch");
	if (fd < 0)
		return fetch(context, algorithm, properties);
	close(fd);
	return NULL;
}
