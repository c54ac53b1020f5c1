/*-------------------------------------------------------------------------
 *
 * analyze.c
 *	  ANALYZE of a foreign table: how many rows there are, and a sample.
 *
 * The API can't count, and a List of each of many parents is as many calls.
 * So the parents are listed, and then the children of some that are drawn at
 * random: at each level (apps, branches, jobs) as many as the statistics
 * target says, but 100 at least.  An account that has no more is listed whole.
 *
 * src/executor/analyze.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "executor/amplify_executor.h"
#include "executor/executor.h"
#include "utils/sampling.h"

#define FEWEST_DRAWN	100		/* parents */
#define ROWS_PER_TARGET 300		/* that std_typanalyze() asks for */

/* One ANALYZE of one table */
typedef struct Analysis
{
	AmplifyTable table;
	AmplifyColumnMap *map;
	AmplifyRoute route;			/* to all its rows */
	AmplifyKey	outermost;		/* of the keys: that of an app */
	int			most;			/* parents that are drawn at each level */
	ReservoirStateData reservoir;
	int			nfound;			/* parents at the last level, of which */
	AmplifyKeySet drawn;		/* these are asked for children; sorted */
	bool	   *has_rows;		/* which of these have any */
	AmplifyKeySet apps;			/* all of them */
	double		rows;			/* that have been found, */
	double		scale;			/* and how many there are for each; */
	double		app_scale;		/* the same for the apps that have any */
} Analysis;

static int	acquire_sample(Relation relation, int elevel, HeapTuple *rows,
						   int targrows, double *totalrows,
						   double *totaldeadrows);
static void begin_analysis(Analysis *analysis, Relation relation,
						   EState *estate, int targrows);
static AmplifyFetch *list_level(Analysis *analysis, int level,
								AmplifyFetchSpec *spec);
static void find_parents(Analysis *analysis, int level);
static void draw_parents(Analysis *analysis);
static int	count_apps(const Analysis *analysis, const AmplifyKeySet *keys,
					   const bool *included);
static void take_rows(Analysis *analysis, Relation relation, HeapTuple *rows,
					  int targrows, MemoryContext callers);
static void note_parent(Analysis *analysis, const AmplifyKeys *keys);
static int	sample_position(ReservoirStateData *reservoir, double seen,
							int targrows, double *skip);
static void spread_rows(Analysis *analysis, Relation relation,
						HeapTuple *rows, int nrows, MemoryContext callers);
static int	once_in_sample(double nrows, double rows, double apps,
						   double fract);

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
	MemoryContext callers = MemoryContextSwitchTo(estate->es_query_cxt);
	Analysis   *analysis = palloc0(sizeof(Analysis));
	int			nrows;

	begin_analysis(analysis, relation, estate, targrows);
	for (int level = analysis->route.nsteps - 1; level > 0; level--)
	{
		find_parents(analysis, level);
		draw_parents(analysis);
	}
	take_rows(analysis, relation, rows, targrows, callers);
	nrows = (int) Min(analysis->rows, targrows);
	if (analysis->app_scale > 1 && nrows > 0)
		spread_rows(analysis, relation, rows, nrows, callers);
	*totalrows = rint(analysis->rows * analysis->scale);
	*totaldeadrows = 0;
	ereport(elevel,
			(errmsg("\"%s\": %.0f rows listed, %d rows in sample, %.0f estimated total rows",
					RelationGetRelationName(relation), analysis->rows, nrows,
					*totalrows),
			 analysis->nfound > 0 ?
			 errdetail("The children of %d of %d parents were listed.",
					   analysis->drawn.nkeys, analysis->nfound) : 0));

	amplify_statement_leave(analysis->table.spec.statement);
	MemoryContextSwitchTo(callers);
	FreeExecutorState(estate);
	return nrows;
}

static void
begin_analysis(Analysis *analysis, Relation relation, EState *estate,
			   int targrows)
{
	AmplifyTable *table = &analysis->table;
	AmplifyStatement *statement = amplify_statement_join(estate);
	const AmplifyRoute *route = &analysis->route;
	int			natts = RelationGetDescr(relation)->natts;

	/* ANALYZE reads as the table's owner, whoever runs it */
	amplify_table_begin(table, statement, RelationGetRelid(relation),
						relation->rd_rel->relowner,
						amplify_statement_counters(statement, 0));
	amplify_table_open(table, estate->es_query_cxt);
	table->spec.eager = true;
	/* what others bring is no sample, and would be believed for long */
	table->options.on_error = AMPLIFY_ON_ERROR_FAIL;
	analysis->map = amplify_value_map(relation, table->spec.resource,
									  bms_add_range(NULL, 1, natts));

	amplify_route_find(table->spec.resource, 0, NULL, NULL, &analysis->route);
	analysis->outermost = route->steps[route->nsteps - 1].resource->last_key;
	amplify_keyset_everything(route->steps[route->nsteps - 1].resource,
							  &analysis->drawn);
	analysis->most = Max(targrows / ROWS_PER_TARGET, FEWEST_DRAWN);
	analysis->scale = analysis->app_scale = 1;
	reservoir_init_selection_state(&analysis->reservoir, targrows);
}

/*
 * List what the drawn ones have at that step of the route.  spec must live as
 * long as the fetch.
 */
static AmplifyFetch *
list_level(Analysis *analysis, int level, AmplifyFetchSpec *spec)
{
	AmplifyFetch *fetch;

	*spec = analysis->table.spec;
	spec->resource = analysis->route.steps[level].resource;
	spec->child = level > 0 ? analysis->table.spec.resource : NULL;
	spec->listed = level < analysis->route.nsteps - 1;
	fetch = amplify_fetch_create(spec);
	amplify_fetch_start(fetch, &analysis->drawn);
	return fetch;
}

/* All parents below what has been drawn so far: sorted, and each once */
static void
find_parents(Analysis *analysis, int level)
{
	const AmplifyResource *child = analysis->route.steps[level - 1].resource;
	AmplifyKeySet found = {0};
	AmplifyFetchSpec spec;
	AmplifyFetch *fetch = list_level(analysis, level, &spec);
	AmplifyRow	row;

	while (amplify_fetch_next(fetch, &row))
	{
		AmplifyKeys keys;
		const AmplifyColumn *column;
		AmplifyValueStatus status =
			amplify_keyset_of_item(spec.resource, &row, child->list->needs,
								   &keys, &column);

		if (status != AMPLIFY_VALUE_OK)
			amplify_report_value(status, column->name, spec.resource->name);
		amplify_resource_copy_keys(&keys, CurrentMemoryContext);
		amplify_keyset_add(&found, &keys);
	}
	amplify_fetch_stop(fetch);
	amplify_keyset_settle(child, &found);
	if (level == analysis->route.nsteps - 1)
		analysis->apps = found;
	analysis->drawn = found;
	analysis->nfound = found.nkeys;
}

/*
 * One out of each of so many parts that are equally long: of the branches of
 * one app, which stand together, not more are drawn than is their share.
 */
static void
draw_parents(Analysis *analysis)
{
	const AmplifyKeySet found = analysis->drawn;
	AmplifyKeySet drawn = {.nkeys = analysis->most};
	double		part = (double) found.nkeys / drawn.nkeys;
	int			next = 0;

	if (part <= 1)
		return;
	drawn.keys = palloc(sizeof(AmplifyKeys) * drawn.nkeys);
	for (int i = 0; i < drawn.nkeys; i++)
	{
		double		fract = sampler_random_fract(&analysis->reservoir.randstate);
		int			position = Max((int) ((i + fract) * part), next);

		/* however that was rounded */
		position = Min(position, found.nkeys - drawn.nkeys + i);
		drawn.keys[i] = found.keys[position];
		next = position + 1;
	}
	analysis->drawn = drawn;
	analysis->scale *= part;
	analysis->app_scale *= (double) count_apps(analysis, &found, NULL) /
		count_apps(analysis, &drawn, NULL);
}

/* How many different apps have these keys, or the included ones of them? */
static int
count_apps(const Analysis *analysis, const AmplifyKeySet *keys,
		   const bool *included)
{
	const char *last = NULL;
	int			count = 0;

	for (int i = 0; i < keys->nkeys; i++)
	{
		const char *app = keys->keys[i].value[analysis->outermost];

		if (app == NULL || (included != NULL && !included[i]) ||
			(last != NULL && strcmp(app, last) == 0))
			continue;
		last = app;
		count++;
	}
	return Max(count, 1);
}

/* List the table's own rows, and keep a sample of them */
static void
take_rows(Analysis *analysis, Relation relation, HeapTuple *rows,
		  int targrows, MemoryContext callers)
{
	AmplifyFetchSpec spec;
	AmplifyFetch *fetch = list_level(analysis, 0, &spec);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(relation),
													&TTSOpsVirtual);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext,
													  "amplify_fdw sample",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(row_context);
	double		skip = -1;
	AmplifyRow	row;

	analysis->has_rows = MemoryContextAllocZero(oldcontext,
												analysis->drawn.nkeys + 1);
	while (amplify_fetch_next(fetch, &row))
	{
		int			position = sample_position(&analysis->reservoir,
											   analysis->rows, targrows, &skip);

		analysis->rows++;
		note_parent(analysis, row.keys);
		if (position >= 0)
		{
			amplify_value_fill(analysis->map, &row, spec.connection, slot);
			if (analysis->rows > targrows)
				heap_freetuple(rows[position]);
			MemoryContextSwitchTo(callers);
			rows[position] = ExecCopySlotHeapTuple(slot);
			MemoryContextSwitchTo(row_context);
		}
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(oldcontext);
	amplify_fetch_stop(fetch);
	ExecDropSingleTupleTableSlot(slot);
}

/* A parent has a row */
static void
note_parent(Analysis *analysis, const AmplifyKeys *keys)
{
	const AmplifyKeySet *drawn = &analysis->drawn;
	const AmplifyKeys *parent = bsearch_arg(keys, drawn->keys, drawn->nkeys,
											sizeof(AmplifyKeys),
											amplify_keyset_compare, NULL);

	if (parent != NULL)
		analysis->has_rows[parent - drawn->keys] = true;
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

/*
 * The rows of a drawn app stand for those of others as well, and PostgreSQL
 * would take the apps that were drawn for all that there are, and each for as
 * common as it is in the sample.  So the rows are spread over apps that were
 * found, some of which get one row and the others more, in such a proportion
 * that PostgreSQL's estimate of how many there are is what is known of that.
 * No other column is touched: statistics are those of one column each.
 */
static void
spread_rows(Analysis *analysis, Relation relation, HeapTuple *rows, int nrows,
			MemoryContext callers)
{
	TupleDesc	tupdesc = RelationGetDescr(relation);
	Datum	   *values = palloc0(sizeof(Datum) * tupdesc->natts);
	bool	   *nulls = palloc0(sizeof(bool) * tupdesc->natts);
	bool	   *replaced = palloc0(sizeof(bool) * tupdesc->natts);
	MemoryContext oldcontext = CurrentMemoryContext;
	const AmplifyKeySet *all = &analysis->apps;
	int			apps = (int) rint(analysis->app_scale *
								  count_apps(analysis, &analysis->drawn,
											 analysis->has_rows));
	int			once = once_in_sample(nrows, analysis->rows * analysis->scale,
									  apps,
									  sampler_random_fract(&analysis->reservoir.randstate));
	int			others = Max(Min((nrows - once) / 2, apps - once), 1);

	for (int i = 0; i < nrows; i++)
	{
		int			number = i < once ? i : once + (i - once) % others;
		int			app = (int) ((double) number * all->nkeys / (once + others));
		HeapTuple	row = rows[i];

		amplify_value_key(analysis->map, analysis->outermost,
						  all->keys[app].value[analysis->outermost],
						  values, replaced);
		MemoryContextSwitchTo(callers);
		rows[i] = heap_modify_tuple(row, tupdesc, values, nulls, replaced);
		heap_freetuple(row);
		MemoryContextSwitchTo(oldcontext);
	}
}

/*
 * How many apps must have one row in a sample of so many, and the others two,
 * that compute_scalar_stats() arrives at so many of them for that many rows.
 * It does so by the estimator of Haas and Stokes,
 *
 *		n * d / (n - f1 + f1 * n / N)
 *
 * with d = (n + f1) / 2 different ones, f1 of which are there once.  Where all
 * could be there twice, one is there once nevertheless, or PostgreSQL would
 * think that there are no others than those in the sample.
 */
static int
once_in_sample(double nrows, double rows, double apps, double fract)
{
	double		once = nrows * (apps - nrows / 2) /
		(nrows / 2 + apps * (1 - nrows / rows));

	if (once < 1)
		return 1;
	return (int) nrows -
		2 * (int) Min((nrows - once) / 2 + fract, (nrows - 1) / 2);
}
