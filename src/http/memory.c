/*-------------------------------------------------------------------------
 *
 * memory.c
 *	  The allocator that libcurl is given: what is freed is overwritten, and
 *	  what can't be had is known.
 *
 * Requests and responses that hold credentials pass through libcurl's buffers,
 * which would stay readable in free memory, and so in a core dump.  Bodies of
 * transfers that are said to be secret are freed here, too.
 *
 * Not here: our own copies, which whoever keeps them overwrites (sign.c,
 * lookup.c), and what OpenSSL encrypts.
 *
 * src/http/memory.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <malloc.h>

#include "http/amplify_http.h"

static bool in_use = false;
static bool was_short = false;

static void *noted(void *pointer);

/* False if another module has set libcurl up, with an allocator of its own */
bool
amplify_memory_is_ours(void)
{
	return in_use;
}

/* Has libcurl been refused memory here since this was asked last? */
bool
amplify_memory_was_short(void)
{
	bool		result = was_short;

	was_short = false;
	return result;
}

/* As malloc() */
void *
amplify_memory_alloc(size_t size)
{
	return noted(malloc(size));
}

/* As calloc() */
void *
amplify_memory_zeroed(size_t n, size_t size)
{
	return noted(calloc(n, size));
}

/* As strdup() */
char *
amplify_memory_strdup(const char *text)
{
	return noted(strdup(text));
}

/* As free() */
void
amplify_memory_free(void *pointer)
{
	if (pointer != NULL)
		explicit_bzero(pointer, malloc_usable_size(pointer));
	free(pointer);
}

/* As realloc(), for a size that is not 0 */
void *
amplify_memory_realloc(void *pointer, size_t size)
{
	void	   *moved = noted(malloc(size));

	if (moved == NULL || pointer == NULL)
		return moved;
	memcpy(moved, pointer, Min(size, malloc_usable_size(pointer)));
	amplify_memory_free(pointer);
	return moved;
}

static void *
noted(void *pointer)
{
	in_use = true;
	if (pointer == NULL)
		was_short = true;
	return pointer;
}
