/*
 * segment.c
 *	  A module that has taken the name of amplify_fdw's shared memory.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;

#if PG_VERSION_NUM >= 170000		/* before, there is no registry of names */

#include "storage/dsm_registry.h"

PG_FUNCTION_INFO_V1(take_segment);

#if PG_VERSION_NUM >= 190000
static void
init(void *segment, void *arg)
{
}
#define get_segment(name, size, found) \
	GetNamedDSMSegment(name, size, init, found, NULL)
#else
static void
init(void *segment)
{
}
#define get_segment(name, size, found) \
	GetNamedDSMSegment(name, size, init, found)
#endif

Datum
take_segment(PG_FUNCTION_ARGS)
{
	bool		found;

	(void) get_segment("amplify_fdw rates 1", 64, &found);
	PG_RETURN_BOOL(!found);
}

#endif							/* PG_VERSION_NUM */
