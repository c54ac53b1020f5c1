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
#include "foreign/foreign.h"
#include "utils/memutils.h"
#include "utils/sampling.h"

static int	acquire_sample(Relation relation, int elevel, HeapTuple *rows,
						   int targrows, double *totalrows,
						   double *totaldeadrows);
static void open_fetch_spec(Relation relation, EState *estate,
							AmplifyFetchSpec *spec, AmplifyOptions *options);
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
	ForeignTable *table = GetForeignTable(RelationGetRelid(relation));
	AmplifyOptions options;

	amplify_option_defaults(&options);
	amplify_option_apply(GetForeignServer(table->serverid)->options, &options);
	amplify_option_apply(table->options, &options);
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
	AmplifyFetchSpec spec = {0};
	AmplifyOptions options;
	AmplifyColumnMap *map;
	AmplifyKeySet set;
	AmplifyFetch *fetch;
	AmplifyRow	row;
	ReservoirStateData reservoir;
	double		skip = -1;
	double		seen = 0;

	open_fetch_spec(relation, estate, &spec, &options);
	all = bms_add_range(NULL, 1, tupdesc->natts);
	map = amplify_value_map(relation, spec.resource, all);
	fetch = amplify_fetch_create(&spec);
	amplify_keyset_everything(spec.resource, &set);
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
			amplify_value_fill(map, &row, spec.connection, slot);
			if (seen > targrows)
				heap_freetuple(rows[position]);
			MemoryContextSwitchTo(callers);
			rows[position] = ExecCopySlotHeapTuple(slot);
			MemoryContextSwitchTo(row_context);
		}
		MemoryContextReset(row_context);
	}
	amplify_fetch_stop(fetch);
	amplify_statement_leave(spec.statement);
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

/* ANALYZE reads as the table's owner, whoever runs it */
static void
open_fetch_spec(Relation relation, EState *estate, AmplifyFetchSpec *spec,
				AmplifyOptions *options)
{
	Oid			relid = RelationGetRelid(relation);
	ForeignTable *table = GetForeignTable(relid);

	spec->statement = amplify_statement_join(estate);
	spec->connection = amplify_statement_connection(spec->statement, table->serverid,
													relation->rd_rel->relowner);
	*options = spec->connection->options;
	amplify_option_apply(table->options, options);
	/* what others bring is no sample, and would be believed for long */
	options->on_error = AMPLIFY_ON_ERROR_FAIL;
	spec->options = options;
	spec->resource = amplify_option_resource(options, relid);
	spec->counters = amplify_statement_counters(spec->statement, 0);
	spec->tablename = RelationGetRelationName(relation);
	spec->eager = true;
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
