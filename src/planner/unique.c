/*-------------------------------------------------------------------------
 *
 * unique.c
 *	  Tell the planner that a table's key is unique.
 *
 * The path of an item in the API is its key: no two items share it.  The
 * planner takes proofs of uniqueness from indexes only, so the table gets a
 * hypothetical one, on which no path is ever built.  A LEFT JOIN of which no
 * column is used is then removed, with all its calls, and EXISTS becomes a
 * plain join.  Option "unique_key" turns this off.
 *
 * This must happen when the planner reads the relation's catalog entries: it
 * removes joins before it asks for sizes.
 *
 * src/planner/unique.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "optimizer/pathnode.h"
#include "optimizer/plancat.h"
#include "planner/amplify_planner.h"
#include "utils/lsyscache.h"

static amplify_relation_hook_type previous_hook = NULL;

static void relation_info(AMPLIFY_RELATION_HOOK_PARAMETERS);
static void add_unique_key(Oid relid, RelOptInfo *rel);
static int	find_key_columns(AmplifyRelInfo *info, int max_attr, int *attnos,
							 Oid *collations);
static IndexOptInfo *make_index(RelOptInfo *rel, int nkeys, const int *attnos,
								const Oid *collations);

/* Called once, when the library is loaded */
void
amplify_unique_install(void)
{
	previous_hook = amplify_relation_hook;
	amplify_relation_hook = relation_info;
}

static void
relation_info(AMPLIFY_RELATION_HOOK_PARAMETERS)
{
	if (previous_hook)
		previous_hook(AMPLIFY_RELATION_HOOK_ARGUMENTS);
	if (!AMPLIFY_RELATION_HOOK_IS_PARENT && amplify_plan_is_ours(rel))
		add_unique_key(AMPLIFY_RELATION_HOOK_RELID, rel);
}

static void
add_unique_key(Oid relid, RelOptInfo *rel)
{
	AmplifyRelInfo *info = amplify_plan_rel_info(rel, relid);
	int			attnos[AMPLIFY_NKEYS];
	Oid			collations[AMPLIFY_NKEYS];
	int			nkeys;

	if (!info->options.unique_key ||
		!amplify_resource_is_unique(info->resource))
		return;
	nkeys = find_key_columns(info, rel->max_attr, attnos, collations);
	if (nkeys > 0)
		rel->indexlist = lappend(rel->indexlist,
								 make_index(rel, nkeys, attnos, collations));
}

/*
 * The table's columns that show the keys of a Get; 0 unless it has them all,
 * as text under a collation in which equal means the same.
 */
static int
find_key_columns(AmplifyRelInfo *info, int max_attr, int *attnos,
				 Oid *collations)
{
	int			attno_of[AMPLIFY_NKEYS] = {0};
	Oid			collation_of[AMPLIFY_NKEYS];
	int			nkeys = 0;

	for (int attno = 1; attno <= max_attr; attno++)
	{
		Oid			type;
		int32		typmod;
		Oid			collation;
		const AmplifyColumn *column;
		int			key;

		get_atttypetypmodcoll(info->relid, attno, &type, &typmod,
							  &collation);
		if ((type != TEXTOID && type != VARCHAROID) ||
			!get_collation_isdeterministic(collation))
			continue;
		column = amplify_condition_column(info, attno, true);
		if (column == NULL)
			continue;
		key = amplify_resource_key(info->resource, column);
		if (key < 0 || attno_of[key] != 0)
			continue;
		attno_of[key] = attno;
		collation_of[key] = collation;
	}
	for (int i = 0; i < AMPLIFY_NKEYS; i++)
	{
		if ((info->resource->get->needs & 1 << i) == 0)
			continue;
		if (attno_of[i] == 0)
			return 0;
		attnos[nkeys] = attno_of[i];
		collations[nkeys++] = collation_of[i];
	}
	return nkeys;
}

static IndexOptInfo *
make_index(RelOptInfo *rel, int nkeys, const int *attnos,
		   const Oid *collations)
{
	IndexOptInfo *index = makeNode(IndexOptInfo);

	index->rel = rel;
	index->ncolumns = index->nkeycolumns = nkeys;
	index->indexkeys = palloc(sizeof(int) * nkeys);
	index->indexcollations = palloc(sizeof(Oid) * nkeys);
	index->opfamily = palloc(sizeof(Oid) * nkeys);
	index->opcintype = palloc(sizeof(Oid) * nkeys);
	index->canreturn = palloc0(sizeof(bool) * nkeys);
	for (int i = 0; i < nkeys; i++)
	{
		index->indexkeys[i] = attnos[i];
		index->indexcollations[i] = collations[i];
		index->opfamily[i] = TEXT_BTREE_FAM_OID;
		index->opcintype[i] = TEXTOID;
	}
	index->relam = BTREE_AM_OID;
	index->unique = true;
	index->immediate = true;
	index->predOK = true;
	index->hypothetical = true; /* never opened */
	return index;
}
