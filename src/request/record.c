/*-------------------------------------------------------------------------
 *
 * record.c
 *	  What a statement remembers of each call that it has made, found by what
 *	  was asked.
 *
 * There may be a hundred thousand of them, so a record is small: what was
 * asked, and whether the response was that there is none, or else where in
 * the temporary file it is.  All else of a call is in an AmplifyCall, which a
 * record has only as long as somebody holds that, or its body is in memory.
 *
 * Until then a record is allocated on its own, so that nothing is left of a
 * call that nobody else can ask for.  One that is to stay until the end of
 * the statement is settled: packed with others of its kind into blocks, some
 * 100 bytes for each with its place in the hash table.
 *
 * src/request/record.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "request/amplify_request.h"

#define BLOCK_SIZE		8192

struct AmplifyRecords
{
	MemoryContext context;
	AmplifyNames *ids;			/* of all records */
	char	   *block;			/* where settled ones go; NULL: none yet */
	size_t		room;			/* at the end of it */
	size_t		settled_bytes;	/* of all of these blocks */
};

/* In the current context, which must live as long */
AmplifyRecords *
amplify_record_create(void)
{
	AmplifyRecords *records = palloc0(sizeof(AmplifyRecords));

	records->context = CurrentMemoryContext;
	records->ids = amplify_names_create(records->context);
	return records;
}

/* NULL if there is none */
AmplifyRecord *
amplify_record_find(AmplifyRecords *records, const char *id)
{
	const char *found = amplify_names_find(records->ids, id);

	return found == NULL ? NULL :
		(AmplifyRecord *) (unconstify(char *, found) -
						   offsetof(AmplifyRecord, id));
}

/* A new one, of a call that is not there yet */
AmplifyRecord *
amplify_record_add(AmplifyRecords *records, const char *id)
{
	size_t		length = strlen(id) + 1;
	AmplifyRecord *record = MemoryContextAlloc(records->context,
											   offsetof(AmplifyRecord, id) + length);

	memset(record, 0, offsetof(AmplifyRecord, id));
	memcpy(record->id, id, length);
	amplify_names_put(records->ids, record->id);
	return record;
}

/* The call is forgotten */
void
amplify_record_remove(AmplifyRecords *records, AmplifyRecord *record)
{
	amplify_names_remove(records->ids, record->id);
	if (!record->settled)
		pfree(record);
}

/*
 * It stays until the end of the statement.  Returns where it is from now on.
 */
AmplifyRecord *
amplify_record_settle(AmplifyRecords *records, AmplifyRecord *record)
{
	size_t		size = offsetof(AmplifyRecord, id) + strlen(record->id) + 1;
	AmplifyRecord *settled;

	if (record->settled)
		return record;
	if (records->room < MAXALIGN(size))
	{
		size_t		room = Max(BLOCK_SIZE, MAXALIGN(size));

		records->block = MemoryContextAllocHuge(records->context, room);
		records->room = room;
		records->settled_bytes += room;
	}
	settled = (AmplifyRecord *) records->block;
	records->block += MAXALIGN(size);
	records->room -= MAXALIGN(size);
	memcpy(settled, record, size);
	settled->settled = true;
	amplify_names_put(records->ids, settled->id);
	pfree(record);
	return settled;
}

/* How many bytes there are of those that stay, and to find any by */
size_t
amplify_record_size(const AmplifyRecords *records)
{
	return records->settled_bytes + amplify_names_size(records->ids);
}
