/*-------------------------------------------------------------------------
 *
 * spill.c
 *	  Responses of a statement in a temporary file, when memory has no room.
 *
 * src/request/spill.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "request/amplify_request.h"
#include "storage/buffile.h"

struct AmplifySpill
{
	MemoryContext context;
	BufFile    *file;			/* NULL until needed */
	off_t		end;
};

/* No file is made before the first write */
AmplifySpill *
amplify_spill_create(MemoryContext context)
{
	AmplifySpill *spill = MemoryContextAllocZero(context, sizeof(AmplifySpill));

	spill->context = context;
	return spill;
}

/* Returns where the data are.  An error leaves nothing half-written behind. */
off_t
amplify_spill_write(AmplifySpill *spill, const char *data, size_t length)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(spill->context);
	off_t		offset = spill->end;

	if (spill->file == NULL)
		spill->file = BufFileCreateTemp(false);
	if (BufFileSeek(spill->file, 0, offset, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not seek in temporary file of amplify_fdw")));
	BufFileWrite(spill->file, unconstify(char *, data), length);
	spill->end += length;
	MemoryContextSwitchTo(oldcontext);
	return offset;
}

/* Read what amplify_spill_write() has put at offset */
void
amplify_spill_read(AmplifySpill *spill, off_t offset, char *data,
				   size_t length)
{
	if (BufFileSeek(spill->file, 0, offset, SEEK_SET) != 0 ||
		BufFileRead(spill->file, data, length) != length)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read from temporary file of amplify_fdw")));
}

/*
 * Only at the regular end of the statement: after an error the file belongs
 * to its resource owner, which has closed it already.
 */
void
amplify_spill_close(AmplifySpill *spill)
{
	if (spill->file != NULL)
		BufFileClose(spill->file);
	spill->file = NULL;
}
