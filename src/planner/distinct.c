/*-------------------------------------------------------------------------
 *
 * distinct.c
 *	  How many distinct keys a table has that has not been analyzed.
 *
 * PostgreSQL assumes 200 distinct values for a column without statistics, so
 * that a join by the whole key seems to multiply rows.  But the key is unique,
 * and the numbers of distinct values of its columns multiply to the number of
 * rows: as many names as a parent has items, for each of the parents.  The
 * planner gets these numbers as if they were statistics, unless ANALYZE has
 * collected real ones.
 *
 * src/planner/distinct.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_statistic.h"
#include "planner/amplify_planner.h"
#include "utils/selfuncs.h"

static get_relation_stats_hook_type previous_hook = NULL;

static bool tell_distinct(PlannerInfo *root, RangeTblEntry *rte,
						  AttrNumber attnum, VariableStatData *vardata);
static void keep_statistic(HeapTuple tuple);
static double distinct_values(AmplifyRelInfo *info, AttrNumber attnum,
							  double rows);
static HeapTuple make_statistic(Oid relid, AttrNumber attnum,
								double distinct);

/* Called once, when the library is loaded */
void
amplify_distinct_install(void)
{
	previous_hook = get_relation_stats_hook;
	get_relation_stats_hook = tell_distinct;
}

static bool
tell_distinct(PlannerInfo *root, RangeTblEntry *rte, AttrNumber attnum,
			  VariableStatData *vardata)
{
	RelOptInfo *rel = vardata->rel;
	AmplifyRelInfo *info;
	MemoryContext oldcontext;
	double		distinct;

	if (previous_hook && previous_hook(root, rte, attnum, vardata))
		return true;
	if (rel == NULL || !amplify_plan_is_ours(rel) || attnum <= 0)
		return false;
	info = rel->fdw_private;
	if (info == NULL || info->analyzed || rel->tuples < 0)
		return false;			/* its size is known, or not yet asked for */
	/* joins are tried in one order or another, each in memory of its own */
	oldcontext = MemoryContextSwitchTo(GetMemoryChunkContext(rel));
	if (info->statistics == NULL)
		info->statistics = palloc0(sizeof(HeapTuple) * (rel->max_attr + 1));
	if (info->statistics[attnum] == NULL)
	{
		distinct = distinct_values(info, attnum, rel->tuples);
		if (distinct != 0)
			info->statistics[attnum] = make_statistic(rte->relid, attnum,
													  distinct);
	}
	MemoryContextSwitchTo(oldcontext);
	if (info->statistics[attnum] == NULL)
		return false;
	vardata->statsTuple = info->statistics[attnum];
	vardata->freefunc = keep_statistic;
	return true;
}

/* The planner releases it, but may ask for it again */
static void
keep_statistic(HeapTuple tuple)
{
	Assert(HeapTupleIsValid(tuple));
}

/* As pg_statistic has it: -1 means that all are different; 0: not known */
static double
distinct_values(AmplifyRelInfo *info, AttrNumber attnum, double rows)
{
	const AmplifyResource *resource = info->resource;
	const AmplifyColumn *column = amplify_condition_column(info, attnum, true);
	bool		unique = amplify_resource_is_unique(resource);
	double		items = 1;
	int			key;

	if (column == NULL)
		return 0;
	if (amplify_resource_is_location(column))
		return 1;
	key = amplify_resource_key(resource, column);
	if (unique && column->key == AMPLIFY_ARN)
		return -1;
	if (key < 0)
		return 0;
	if (unique && resource->get->needs == 1 << key)
		return -1;
	for (const AmplifyResource *r = resource; r != NULL; r = r->parent)
	{
		if (r->last_key == key)
			return r->parent != NULL ? r->default_rows : Max(rows / items, 1);
		items *= r->default_rows;
	}
	return 0;
}

/* A row of pg_statistic that says so, and nothing more */
static HeapTuple
make_statistic(Oid relid, AttrNumber attnum, double distinct)
{
	Relation	catalog = table_open(StatisticRelationId, AccessShareLock);
	Datum		values[Natts_pg_statistic] = {0};
	bool		nulls[Natts_pg_statistic] = {0};
	HeapTuple	tuple;

	values[Anum_pg_statistic_starelid - 1] = ObjectIdGetDatum(relid);
	values[Anum_pg_statistic_staattnum - 1] = Int16GetDatum(attnum);
	values[Anum_pg_statistic_stadistinct - 1] = Float4GetDatum(distinct);
	for (int i = 0; i < STATISTIC_NUM_SLOTS; i++)
	{
		nulls[Anum_pg_statistic_stanumbers1 - 1 + i] = true;
		nulls[Anum_pg_statistic_stavalues1 - 1 + i] = true;
	}
	tuple = heap_form_tuple(RelationGetDescr(catalog), values, nulls);
	table_close(catalog, AccessShareLock);
	return tuple;
}
