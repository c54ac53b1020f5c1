/*
 * signing_shim.c
 *	  An OpenSSL that has no HMAC while the file $AMPLIFY_NO_HMAC exists, to be
 *	  preloaded into a server.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

typedef EVP_MAC *(*Fetch) (OSSL_LIB_CTX *, const char *, const char *);

EVP_MAC *
EVP_MAC_fetch(OSSL_LIB_CTX *context, const char *algorithm,
			  const char *properties)
{
	const char *file = getenv("AMPLIFY_NO_HMAC");

	if (file != NULL && access(file, F_OK) == 0)
		return NULL;
	return ((Fetch) dlsym(RTLD_NEXT, "EVP_MAC_fetch")) (context, algorithm,
														properties);
}
