/*-------------------------------------------------------------------------
 *
 * analyze.c
 *	  ANALYZE of a foreign table: everything is listed once, and a sample of
 *	  the rows kept.
 *
 * The API can't count, so there is no cheaper way to know how many rows there
 * are; that number is what the planner needs most.
 *
 * src/executor/analyze.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/amplify_executor.h"
#include "executor/executor.h"
#include "utils/memutils.h"
#include "utils/sampling.h"

static int	acquire_sample(Relation relation, int elevel, HeapTuple *rows,
						   int targrows, double *totalrows,
						   double *totaldeadrows);
static int	sample_position(ReservoirStateData *reservoir, double seen,
							int targrows, double *skip);

/*
 * ANALYZE of a partitioned table asks each partition, so those of
 * amplify_fdw_create_regions() say no: what they hold costs too many calls.
 */
bool
amplifyAnalyzeForeignTable(Relation relation, AcquireSampleRowsFunc *func,
						   BlockNumber *totalpages)
{
	AmplifyOptions options;

	amplify_table_options(RelationGetRelid(relation), &options);
	if (!options.analyze)
		return false;
	*func = acquire_sample;
	*totalpages = 1;			/* there are none; 0 would mean empty */
	return true;
}

static int
acquire_sample(Relation relation, int elevel, HeapTuple *rows, int targrows,
			   double *totalrows, double *totaldeadrows)
{
	EState	   *estate = CreateExecutorState();
	MemoryContext callers = CurrentMemoryContext;
	MemoryContext oldcontext = MemoryContextSwitchTo(estate->es_query_cxt);
	TupleDesc	tupdesc = RelationGetDescr(relation);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(tupdesc, &TTSOpsVirtual);
	MemoryContext row_context = AllocSetContextCreate(estate->es_query_cxt,
													  "amplify_fdw sample",
													  ALLOCSET_DEFAULT_SIZES);
	Bitmapset  *all = NULL;
	AmplifyStatement *statement;
	AmplifyTable table;
	AmplifyColumnMap *map;
	AmplifyKeySet set;
	AmplifyFetch *fetch;
	AmplifyRow	row;
	ReservoirStateData reservoir;
	double		skip = -1;
	double		seen = 0;

	/* ANALYZE reads as the table's owner, whoever runs it */
	statement = amplify_statement_join(estate);
	amplify_table_begin(&table, statement, RelationGetRelid(relation),
						relation->rd_rel->relowner,
						amplify_statement_counters(statement, 0));
	amplify_table_open(&table, estate->es_query_cxt);
	table.spec.eager = true;
	/* what others bring is no sample, and would be believed for long */
	table.options.on_error = AMPLIFY_ON_ERROR_FAIL;
	all = bms_add_range(NULL, 1, tupdesc->natts);
	map = amplify_value_map(relation, table.spec.resource, all);
	fetch = amplify_fetch_create(&table.spec);
	amplify_keyset_everything(table.spec.resource, &set);
	amplify_fetch_start(fetch, &set);
	reservoir_init_selection_state(&reservoir, targrows);

	MemoryContextSwitchTo(row_context);
	while (amplify_fetch_next(fetch, &row))
	{
		int			position = sample_position(&reservoir, seen, targrows,
											   &skip);

		seen++;
		if (position >= 0)
		{
			amplify_value_fill(map, &row, table.spec.connection, slot);
			if (seen > targrows)
				heap_freetuple(rows[position]);
			MemoryContextSwitchTo(callers);
			rows[position] = ExecCopySlotHeapTuple(slot);
			MemoryContextSwitchTo(row_context);
		}
		MemoryContextReset(row_context);
	}
	amplify_fetch_stop(fetch);
	amplify_statement_leave(statement);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextSwitchTo(oldcontext);
	FreeExecutorState(estate);

	*totalrows = seen;
	*totaldeadrows = 0;
	ereport(elevel,
			(errmsg("\"%s\": %.0f rows listed, %d rows in sample",
					RelationGetRelationName(relation), seen,
					(int) Min(seen, targrows))));
	return (int) Min(seen, targrows);
}

/*
 * Where in the sample the next row goes, after so many have been seen; -1:
 * nowhere.  Vitter's algorithm Z, as in core's acquire_sample_rows().
 */
static int
sample_position(ReservoirStateData *reservoir, double seen, int targrows,
				double *skip)
{
	if (seen < targrows)
		return (int) seen;
	if (*skip < 0)
		*skip = reservoir_get_next_S(reservoir, seen, targrows);
	if ((*skip)-- > 0)
		return -1;
	*skip = -1;
	return (int) (targrows * sampler_random_fract(&reservoir->randstate));
}
