/*
 * compare_shim.c
 *	  A memcmp(), by which PostgreSQL tells whether two texts are equal, and a
 *	  strcmp(), by which amplify_fdw compares keys, that count; to be preloaded
 *	  into a server.  comparisons() has the number.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;

static int64 made = 0;

PG_FUNCTION_INFO_V1(comparisons);

int
memcmp(const void *a, const void *b, size_t size)
{
	const unsigned char *left = a;
	const unsigned char *right = b;

	made++;
	for (size_t i = 0; i < size; i++)
	{
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	}
	return 0;
}

int
strcmp(const char *a, const char *b)
{
	const unsigned char *left = (const unsigned char *) a;
	const unsigned char *right = (const unsigned char *) b;

	made++;
	while (*left != 0 && *left == *right)
	{
		left++;
		right++;
	}
	return *left - *right;
}

Datum
comparisons(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(made);
}
