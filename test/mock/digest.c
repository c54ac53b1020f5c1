/*
 * digest.c
 *	  SHA-256 and HMAC for the mock's own check of signatures.
 *
 * Not here: what is hashed; signature.c knows that.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "mock.h"

static EVP_MD *sha256;
static EVP_MD_CTX *sha_ctx;

void
digest_free(void)
{
	EVP_MD_CTX_free(sha_ctx);
	EVP_MD_free(sha256);
}

/* Of all pieces, one after the other; out has SHA_LEN bytes. */
void
hash_pieces(const Slice *piece, int n, unsigned char *out)
{
	if (sha256 == NULL)
	{
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
		sha_ctx = EVP_MD_CTX_new();
	}
	if (!EVP_DigestInit_ex2(sha_ctx, sha256, NULL))
		die("SHA-256 is not to be had");
	for (int i = 0; i < n; i++)
		EVP_DigestUpdate(sha_ctx, piece[i].p, piece[i].n);
	EVP_DigestFinal_ex(sha_ctx, out, NULL);
}

/* HMAC by its definition; keys are never longer than a block here. */
void
hmac(Slice key, Slice text, unsigned char *out)
{
	unsigned char pad[SHA_BLOCK];
	unsigned char inner[SHA_LEN];

	memset(pad, 0x36, sizeof(pad));
	for (size_t i = 0; i < key.n && i < sizeof(pad); i++)
		pad[i] ^= (unsigned char) key.p[i];
	hash_pieces((Slice[]) {{(char *) pad, sizeof(pad)}, text}, 2, inner);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	hash_pieces((Slice[]) {{(char *) pad, sizeof(pad)},
		{(char *) inner, sizeof(inner)}}, 2, out);
}

void
put_hex(Buf *b, const unsigned char *p, size_t n)
{
	static const char hex[] = "0123456789abcdef";

	buf_reserve(b, 2 * n);
	for (size_t i = 0; i < n; i++)
	{
		b->p[b->n++] = hex[p[i] >> 4];
		b->p[b->n++] = hex[p[i] & 15];
	}
	b->p[b->n] = '\0';
}
