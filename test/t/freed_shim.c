/*
 * freed_shim.c
 *	  A free() that looks for a text in what it is given, to be preloaded into
 *	  a server.  look_for(a, b) says for which one, in two pieces, so that the
 *	  statement doesn't have it; freed_with_it() is how often it was there.
 */
#define _GNU_SOURCE
#include "postgres.h"

#include <malloc.h>

#include "fmgr.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;

/* glibc's own, behind the name */
extern void __libc_free(void *pointer);

static char wanted[64] = "";
static int64 found = 0;

PG_FUNCTION_INFO_V1(look_for);
PG_FUNCTION_INFO_V1(freed_with_it);

void
free(void *pointer)
{
	if (pointer != NULL && wanted[0] != '\0' &&
		memmem(pointer, malloc_usable_size(pointer), wanted,
			   strlen(wanted)) != NULL)
		found++;
	__libc_free(pointer);
}

Datum
look_for(PG_FUNCTION_ARGS)
{
	char	   *begin = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *end = text_to_cstring(PG_GETARG_TEXT_PP(1));

	snprintf(wanted, sizeof(wanted), "%s%s", begin, end);
	PG_RETURN_VOID();
}

Datum
freed_with_it(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(found);
}
