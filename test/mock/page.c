/*
 * page.c
 *	  Pagination tokens: the honest ones, and those that faults ask for.
 *
 * A token is "m+/", 12 bytes in base64, "/+=="; the bytes are a position and
 * a check value over operation, path and position.  So it holds characters
 * that must be percent-encoded, and is refused for another list.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "mock.h"

#define TOKEN_HEAD		"m+/"
#define TOKEN_TAIL		"/+=="
#define TOKEN_BYTES		12
#define LONG_TOKEN		(1024 * 1024)
#define SCRAMBLE		UINT32_C(0x5bd1e995)

static uint64_t turn;			/* makes the tokens of faults differ */

static void
encode_token(const Op *op, Slice owner, uint32_t pos, char *text)
{
	unsigned char raw[TOKEN_BYTES];
	uint64_t	seed = hash_bytes((uint64_t) (op - api_ops) + 1, owner.p, owner.n);
	uint64_t	check = mix64(seed ^ (pos + UINT64_C(0x9e3779b97f4a7c15)));
	uint32_t	hidden = (pos ^ SCRAMBLE) ^ (uint32_t) check;

	memcpy(raw, &check, 8);
	memcpy(raw + 8, &hidden, 4);
	text = stpcpy(text, TOKEN_HEAD);
	text += EVP_EncodeBlock((unsigned char *) text, raw, TOKEN_BYTES);
	memcpy(text, TOKEN_TAIL, sizeof(TOKEN_TAIL));
}

static bool
decode_token(const Op *op, Slice owner, Slice token, uint32_t *pos)
{
	const size_t head = sizeof(TOKEN_HEAD) - 1;
	unsigned char raw[TOKEN_BYTES + 3];
	char		again[64];
	uint64_t	check;
	uint32_t	hidden;

	if (token.n != head + TOKEN_BYTES / 3 * 4 + sizeof(TOKEN_TAIL) - 1 ||
		EVP_DecodeBlock(raw, (const unsigned char *) token.p + head,
						TOKEN_BYTES / 3 * 4) != TOKEN_BYTES)
		return false;
	memcpy(&check, raw, 8);
	memcpy(&hidden, raw + 8, 4);
	*pos = hidden ^ (uint32_t) check ^ SCRAMBLE;
	encode_token(op, owner, *pos, again);
	return slice_is(token, again);
}

/* Where does the page begin?  False if the token is not one of this list. */
bool
page_start(const Op *op, Slice owner, const Param *token, const Wishes *w,
		   uint32_t *pos)
{
	*pos = 0;
	if (token == NULL || token->value.n == 0)
		return true;
	if (decode_token(op, owner, token->value, pos))
		return true;
	*pos = 0;
	return w->token != 0;		/* own nonsense is taken back */
}

/* Append the member nextToken to a list's reply, if there is to be one. */
void
page_token(const Op *op, Slice owner, uint32_t pos, bool more,
		   const Wishes *w, Buf *body)
{
	char		text[64];

	switch (w->token)
	{
		case TOKEN_SAME:
			buf_puts(body, ",\"nextToken\":\"m+/same/+==\"");
			break;
		case TOKEN_CYCLE:
			buf_printf(body, ",\"nextToken\":\"m+/cycle%d/+==\"", (int) (turn++ % 3));
			break;
		case TOKEN_NEW:
			buf_printf(body, ",\"nextToken\":\"m+/new%llu/+==\"",
					   (unsigned long long) turn++);
			break;
		case TOKEN_LONG:
			buf_puts(body, ",\"nextToken\":\"");
			buf_reserve(body, LONG_TOKEN);
			memset(body->p + body->n, 'T', LONG_TOKEN);
			body->n += LONG_TOKEN;
			buf_putc(body, '"');
			break;
		default:
			if (!more)
				break;
			encode_token(op, owner, pos, text);
			buf_puts(body, ",\"nextToken\":\"");
			buf_puts(body, text);
			buf_putc(body, '"');
	}
}
