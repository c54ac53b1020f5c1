/*-------------------------------------------------------------------------
 *
 * memory.c
 *	  The allocator that libcurl is given: what is freed is overwritten.
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
	void	   *moved = malloc(size);

	if (moved == NULL || pointer == NULL)
		return moved;
	memcpy(moved, pointer, Min(size, malloc_usable_size(pointer)));
	amplify_memory_free(pointer);
	return moved;
}
