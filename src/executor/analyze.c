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
 * ANALYZE samples a partition for its own statistics, and before that for each
 * partitioned table above it, in transactions of their own.  The sample is
 * taken once, as large as the partition's own, and kept until the command
 * ends, unless all of them take more than maintenance_work_mem.
 *
 * src/executor/analyze.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_inherits.h"
#include "commands/vacuum.h"
#include "executor/amplify_executor.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/memnodes.h"
#include "utils/portal.h"
#include "utils/sampling.h"

#define FEWEST_DRAWN	100		/* parents */
#define ROWS_PER_TARGET 300		/* that std_typanalyze() asks for */

/* What is known of a table when it has been listed */
typedef struct Sample
{
	MemoryContext context;		/* that holds it */
	Oid			relid;
	TupleDesc	tupdesc;		/* of the rows */
	int			wanted;			/* rows, at most */
	int			nrows;
	HeapTuple  *rows;
	double		totalrows;
	/* if not the rows of all apps were listed: */
	const AmplifyResource *resource;
	AmplifyKey	outermost;		/* of its keys: that of an app */
	int			nfound;			/* apps that there are, */
	char	  **found;
	int			apps;			/* and how many of them have any rows */
	dlist_node	node;			/* in "kept", if it is */
} Sample;

/* Those that the ANALYZE command that is being run may use again */
static dlist_head kept = DLIST_STATIC_INIT(kept);

/* One listing of one table */
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
static MemoryContext command_context(void);
static Sample *find_kept(Relation relation, int targrows);
static void keep(Sample *sample);
static void forget_kept(void *arg);
static int	copy_rows(const Sample *sample, HeapTuple *rows, int targrows);
static Sample *take_sample(Relation relation, int elevel, int wanted,
						   MemoryContext parent);
static void begin_analysis(Analysis *analysis, Relation relation,
						   EState *estate, int targrows);
static AmplifyFetch *list_level(Analysis *analysis, int level,
								AmplifyFetchSpec *spec);
static void find_parents(Analysis *analysis, int level);
static void draw_parents(Analysis *analysis);
static int	count_apps(const Analysis *analysis, const AmplifyKeySet *keys,
					   const bool *included);
static void take_rows(Analysis *analysis, Relation relation, Sample *sample);
static void note_parent(Analysis *analysis, const AmplifyKeys *keys);
static int	sample_position(ReservoirStateData *reservoir, double seen,
							int targrows, double *skip);
static void note_apps(const Analysis *analysis, Sample *sample);
static void spread_rows(const Sample *sample, Relation relation,
						HeapTuple *rows, int nrows);
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
	MemoryContext command = NULL;
	Sample	   *sample = NULL;
	int			nrows;

	if (has_superclass(RelationGetRelid(relation)))
		command = command_context();
	if (command != NULL)
		sample = find_kept(relation, targrows);
	if (sample == NULL)
	{
		int			wanted = targrows;

		if (command != NULL)
			wanted = Max(wanted, ROWS_PER_TARGET * default_statistics_target);
		sample = take_sample(relation, elevel, wanted,
							 command != NULL ? command : CurrentMemoryContext);
		if (command != NULL)
			keep(sample);
	}
	nrows = copy_rows(sample, rows, targrows);
	if (sample->found != NULL && nrows > 0)
		spread_rows(sample, relation, rows, nrows);
	*totalrows = sample->totalrows;
	*totaldeadrows = 0;
	ereport(elevel,
			(errmsg("\"%s\": %d rows in sample, %.0f estimated total rows",
					RelationGetRelationName(relation), nrows, *totalrows)));
	if (sample->node.next == NULL)
		MemoryContextDelete(sample->context);
	return nrows;
}

/*
 * What lives as long as the ANALYZE command, through all of its transactions:
 * vacuum() has such a context below the portal's.  NULL if there is none.
 */
static MemoryContext
command_context(void)
{
	if (PortalContext == NULL)
		return NULL;
	for (MemoryContext context = PortalContext->firstchild; context != NULL;
		 context = context->nextchild)
	{
		if (strcmp(context->name, "Vacuum") == 0)
			return context;
	}
	return NULL;
}

/*
 * One that the command has taken of that table, with as many rows; or NULL.
 * The table may have been altered since, between two transactions.
 */
static Sample *
find_kept(Relation relation, int targrows)
{
	dlist_iter	iter;

	dlist_foreach(iter, &kept)
	{
		Sample	   *sample = dlist_container(Sample, node, iter.cur);

		if (sample->relid == RelationGetRelid(relation) &&
			sample->wanted >= targrows &&
			equalTupleDescs(sample->tupdesc, RelationGetDescr(relation)))
			return sample;
	}
	return NULL;
}

/* Until the command ends, if there is room */
static void
keep(Sample *sample)
{
	Size		bytes = MemoryContextMemAllocated(sample->context, true);
	dlist_iter	iter;
	MemoryContextCallback *callback;

	dlist_foreach(iter, &kept)
		bytes += MemoryContextMemAllocated(dlist_container(Sample, node, iter.cur)->context,
										   true);
	if (bytes > (Size) maintenance_work_mem * 1024)
		return;
	callback = MemoryContextAlloc(sample->context,
								  sizeof(MemoryContextCallback));
	callback->func = forget_kept;
	callback->arg = sample;
	MemoryContextRegisterResetCallback(sample->context, callback);
	dlist_push_tail(&kept, &sample->node);
}

static void
forget_kept(void *arg)
{
	dlist_delete(&((Sample *) arg)->node);
}

/* So many of them at random, in their order; returns how many these are */
static int
copy_rows(const Sample *sample, HeapTuple *rows, int targrows)
{
	ReservoirStateData state;
	int			nrows = 0;

	reservoir_init_selection_state(&state, targrows);
	for (int i = 0; i < sample->nrows && nrows < targrows; i++)
	{
		if (sampler_random_fract(&state.randstate) * (sample->nrows - i) <
			targrows - nrows)
			rows[nrows++] = heap_copytuple(sample->rows[i]);
	}
	return nrows;
}

/* List the table; the sample is in a context of its own below that one */
static Sample *
take_sample(Relation relation, int elevel, int wanted, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "amplify_fdw sample",
												  ALLOCSET_DEFAULT_SIZES);
	Sample	   *sample = MemoryContextAllocZero(context, sizeof(Sample));
	EState	   *estate = CreateExecutorState();
	MemoryContext oldcontext = MemoryContextSwitchTo(estate->es_query_cxt);
	Analysis   *analysis = palloc0(sizeof(Analysis));

	sample->context = context;
	sample->relid = RelationGetRelid(relation);
	MemoryContextSwitchTo(context);
	sample->tupdesc = CreateTupleDescCopyConstr(RelationGetDescr(relation));
	MemoryContextSwitchTo(estate->es_query_cxt);
	sample->wanted = wanted;
	sample->rows = MemoryContextAllocExtended(context,
											  sizeof(HeapTuple) * wanted,
											  MCXT_ALLOC_HUGE);
	begin_analysis(analysis, relation, estate, wanted);
	for (int level = analysis->route.nsteps - 1; level > 0; level--)
	{
		find_parents(analysis, level);
		draw_parents(analysis);
	}
	take_rows(analysis, relation, sample);
	sample->nrows = (int) Min(analysis->rows, wanted);
	sample->totalrows = rint(analysis->rows * analysis->scale);
	if (analysis->app_scale > 1)
		note_apps(analysis, sample);
	ereport(elevel,
			(errmsg("\"%s\": %.0f rows listed",
					RelationGetRelationName(relation), analysis->rows),
			 analysis->nfound > 0 ?
			 errdetail("The children of %d of %d parents were listed.",
					   analysis->drawn.nkeys, analysis->nfound) : 0));

	amplify_statement_leave(analysis->table.spec.statement);
	MemoryContextSwitchTo(oldcontext);
	FreeExecutorState(estate);
	return sample;
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
take_rows(Analysis *analysis, Relation relation, Sample *sample)
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
											   analysis->rows, sample->wanted,
											   &skip);

		analysis->rows++;
		note_parent(analysis, row.keys);
		if (position >= 0)
		{
			amplify_value_fill(analysis->map, &row, spec.connection, slot);
			if (analysis->rows > sample->wanted)
				heap_freetuple(sample->rows[position]);
			MemoryContextSwitchTo(sample->context);
			sample->rows[position] = ExecCopySlotHeapTuple(slot);
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

/* What spread_rows() needs to know */
static void
note_apps(const Analysis *analysis, Sample *sample)
{
	const AmplifyKeySet *all = &analysis->apps;

	sample->resource = analysis->table.spec.resource;
	sample->outermost = analysis->outermost;
	sample->nfound = all->nkeys;
	sample->found = MemoryContextAlloc(sample->context,
									   sizeof(char *) * all->nkeys);
	for (int i = 0; i < all->nkeys; i++)
		sample->found[i] = MemoryContextStrdup(sample->context,
											   all->keys[i].value[analysis->outermost]);
	sample->apps = (int) rint(analysis->app_scale *
							  count_apps(analysis, &analysis->drawn,
										 analysis->has_rows));
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
spread_rows(const Sample *sample, Relation relation, HeapTuple *rows,
			int nrows)
{
	TupleDesc	tupdesc = RelationGetDescr(relation);
	Datum	   *values = palloc0(sizeof(Datum) * tupdesc->natts);
	bool	   *nulls = palloc0(sizeof(bool) * tupdesc->natts);
	bool	   *replaced = palloc0(sizeof(bool) * tupdesc->natts);
	AmplifyColumnMap *map =
		amplify_value_map(relation, sample->resource,
						  bms_add_range(NULL, 1, tupdesc->natts));
	ReservoirStateData state;
	int			once;
	int			others;

	reservoir_init_selection_state(&state, nrows);
	once = once_in_sample(nrows, sample->totalrows, sample->apps,
						  sampler_random_fract(&state.randstate));
	others = Max(Min((nrows - once) / 2, sample->apps - once), 1);
	for (int i = 0; i < nrows; i++)
	{
		int			number = i < once ? i : once + (i - once) % others;
		int			app = (int) ((double) number * sample->nfound /
								 (once + others));
		HeapTuple	row = rows[i];

		amplify_value_key(map, sample->outermost, sample->found[app], values,
						  replaced);
		rows[i] = heap_modify_tuple(row, tupdesc, values, nulls, replaced);
		heap_freetuple(row);
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
