/*-------------------------------------------------------------------------
 *
 * plan.c
 *	  Planning of a scan: its paths, what they cost, and the plan node.
 *
 * A path is a way to bind the keys of the resource: by the query's own
 * conditions, and by those together with join clauses (parameterized paths).
 * The cost of a path is the round trips that it waits for; tuples cost
 * nothing next to them.
 *
 * src/planner/plan.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/sysattr.h"
#include "compat.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/appendinfo.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "planner/amplify_planner.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

/* What makes a list too expensive, whatever else there is */
#define UNBOUNDED	1e6

/* For count_keys() */
typedef struct KeyCounter
{
	PlannerInfo *root;
	const AmplifyPathInfo *path;
} KeyCounter;

/* For generate_implied_equalities_for_column() */
typedef struct KeyMember
{
	Expr	   *current;		/* the expression being looked for */
	List	   *used;			/* those looked for already */
} KeyMember;

static double total_rows(const RelOptInfo *baserel, const AmplifyRelInfo *info);
static double items_per_parent(PlannerInfo *root, RelOptInfo *baserel,
							   AmplifyRelInfo *info);
static double list_items(const RelOptInfo *baserel,
						 const AmplifyResource *resource);
static double different_values(PlannerInfo *root, const RelOptInfo *baserel,
							   Oid relid, AttrNumber attno);
static double estimate_rows(PlannerInfo *root, RelOptInfo *baserel,
							const AmplifyPathInfo *path, double by_statistics);
static AmplifyPathInfo *examine_keys(PlannerInfo *root, RelOptInfo *baserel,
									 List *clauses);
static double count_keys(AmplifyKeyMask mask, void *arg);
static void cost_fan_out(PlannerInfo *root, const RelOptInfo *baserel,
						 const AmplifyRoute *route, double keys,
						 int max_concurrency, AmplifyPathInfo *path);
static int	page_size(const AmplifyRelInfo *rel,
					  const AmplifyResource *resource);
static double list_pages(const AmplifyRelInfo *rel,
						 const AmplifyResource *resource, double items,
						 double parents);
static void add_foreign_path(PlannerInfo *root, RelOptInfo *baserel,
							 AmplifyPathInfo *path, Relids required_outer);
static bool is_better(const AmplifyPathInfo *path, const AmplifyPathInfo *base);
static List *outer_sets(PlannerInfo *root, RelOptInfo *baserel);
static List *add_outer_set(List *sets, Relids set);
static List *implied_clauses(PlannerInfo *root, RelOptInfo *baserel);
static bool is_key_member(PlannerInfo *root, RelOptInfo *rel,
						  EquivalenceClass *ec, EquivalenceMember *em,
						  void *arg);
static List *attributes_used(RelOptInfo *baserel, List *clauses);
static bool may_be_asked_again(PlannerInfo *root, RelOptInfo *baserel);
static List *shown_clauses(List *clauses);
static Node *showable(Node *node, void *context);

/* The table's size, and the path that the query's own conditions give */
void
amplifyGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel,
						 Oid foreigntableid)
{
	AmplifyRelInfo *info = amplify_plan_rel_info(baserel, foreigntableid);

	info->analyzed = baserel->tuples >= 0;	/* it may have no rows */
	baserel->tuples = total_rows(baserel, info);
	info->per_parent = items_per_parent(root, baserel, info);
	set_baserel_size_estimates(root, baserel);
	info->base = examine_keys(root, baserel, baserel->baserestrictinfo);
	baserel->rows = estimate_rows(root, baserel, info->base, baserel->rows);
}

/*
 * That path, and one for each set of other relations that binds more keys
 */
void
amplifyGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel,
					   Oid foreigntableid)
{
	AmplifyRelInfo *info = baserel->fdw_private;
	AmplifyPathInfo *base = info->base;
	ListCell   *lc;

	base->rows = baserel->rows;
	add_foreign_path(root, baserel, base, baserel->lateral_relids);

	foreach(lc, outer_sets(root, baserel))
	{
		Relids		outer = bms_union(lfirst(lc), baserel->lateral_relids);
		ParamPathInfo *param_info;
		AmplifyPathInfo *path;

		outer = bms_del_member(outer, baserel->relid);
		if (bms_is_empty(outer))
			continue;
		param_info = get_baserel_parampathinfo(root, baserel, outer);
		path = examine_keys(root, baserel,
							list_concat_copy(param_info->ppi_clauses,
											 baserel->baserestrictinfo));
		if (!is_better(path, base))
			continue;
		param_info->ppi_rows = path->rows =
			Min(estimate_rows(root, baserel, path, param_info->ppi_rows),
				baserel->rows);
		add_foreign_path(root, baserel, path, outer);
	}
}

/* fdw_private is as enum AmplifyScanPrivate says */
ForeignScan *
amplifyGetForeignPlan(PlannerInfo *root, RelOptInfo *baserel,
					  Oid foreigntableid, ForeignPath *best_path,
					  List *tlist, List *scan_clauses, Plan *outer_plan)
{
	AmplifyRelInfo *info = baserel->fdw_private;
	AmplifyPathInfo *path = linitial(best_path->fdw_private);
	List	   *clauses = extract_actual_clauses(scan_clauses, false);
	List	   *exprs = NIL;
	List	   *keys = amplify_key_serialize(info->resource, path->disjuncts,
											 &exprs);
	List	   *conditions = extract_actual_clauses(path->conditions, false);
	List	   *gates = extract_actual_clauses(path->gates, false);
	List	   *private;

	private = list_make5(keys,
						 attributes_used(baserel, clauses),
						 makeBoolean(amplify_eager_reads_all(root, &best_path->path) &&
									 !path->partial),
						 makeBoolean(may_be_asked_again(root, baserel)),
						 makeString(pstrdup(path->operation)));
	private = lappend(private, shown_clauses(path->pushed));
	private = lappend(private, makeInteger(baserel->relid));
	private = lappend(private,
					  makeBoolean(bms_membership(root->all_baserels) == BMS_MULTIPLE));
	private = lappend(private, makeFloat(psprintf("%.0f", path->calls)));
	private = lappend(private, makeInteger(path->lookup));
	private = lappend(private, makeInteger(list_length(gates)));
	private = lappend(private, makeInteger(list_length(conditions)));
	/* a filter that a parameter leaves open may be both, and is shown once */
	private = lappend(private, shown_clauses(list_difference(path->conditions,
															 path->pushed)));
	private = lappend(private, makeInteger(amplify_plan_known_pages(info)));
	private = lappend(private, makeInteger(path->known));
	exprs = list_concat(list_concat(exprs, conditions), gates);

	/* every clause stays: a pushed key saves calls, it never decides rows */
	return make_foreignscan(tlist, clauses, baserel->relid,
							exprs, private, NIL, NIL, outer_plan);
}

/*
 * A path that has been made for a join with a partitioned table is to serve
 * the join with one of its partitions, child_rel: what the path holds of the
 * one becomes the other's.  The path of the other joins stays as it is.
 */
List *
amplifyReparameterizeForeignPathByChild(PlannerInfo *root, List *fdw_private,
										RelOptInfo *child_rel)
{
	AmplifyPathInfo *path = palloc(sizeof(AmplifyPathInfo));
	ListCell   *lc;
	ListCell   *lc2;

	*path = *(AmplifyPathInfo *) linitial(fdw_private);
	path->pushed = (List *)
		amplify_adjust_child_attrs(root, path->pushed, child_rel);
	path->conditions = (List *)
		amplify_adjust_child_attrs(root, path->conditions, child_rel);
	path->gates = (List *)
		amplify_adjust_child_attrs(root, path->gates, child_rel);
	path->disjuncts = list_copy(path->disjuncts);
	foreach(lc, path->disjuncts)
	{
		List	   *terms = list_copy(lfirst(lc));

		foreach(lc2, terms)
		{
			AmplifyKeyTerm *term = palloc(sizeof(AmplifyKeyTerm));

			*term = *(AmplifyKeyTerm *) lfirst(lc2);
			term->expr = (Expr *)
				amplify_adjust_child_attrs(root, term->expr, child_rel);
			lfirst(lc2) = term;
		}
		lfirst(lc) = terms;
	}
	return list_make1(path);
}

/* Is it a foreign table of this wrapper? */
bool
amplify_plan_is_ours(const RelOptInfo *rel)
{
	return rel->fdwroutine != NULL &&
		rel->fdwroutine->GetForeignPaths == amplifyGetForeignPaths;
}

/* What the catalog says of one of ours, looked up once for a plan */
AmplifyRelInfo *
amplify_plan_rel_info(RelOptInfo *rel, Oid relid)
{
	AmplifyRelInfo *info = rel->fdw_private;

	if (info != NULL)
		return info;
	info = palloc0(sizeof(AmplifyRelInfo));
	info->relid = relid;
	info->serverid = rel->serverid;
	info->columns = palloc0(sizeof(AmplifyColumn *) * (rel->max_attr + 1));
	amplify_table_options(relid, &info->options);
	info->resource = amplify_option_resource(&info->options, relid);
	rel->fdw_private = info;
	return info;
}

/* How many rows the table has in all, from the best source there is */
static double
total_rows(const RelOptInfo *baserel, const AmplifyRelInfo *info)
{
	double		rows = 1;

	if (info->options.estimated_rows > 0)
		return info->options.estimated_rows;
	if (info->analyzed)
		return baserel->tuples;
	for (const AmplifyResource *r = info->resource; r != NULL; r = r->parent)
		rows *= r->default_rows;
	return rows;
}

/*
 * How many items one List has: of those that have any, if the table has been
 * analyzed, and has columns for the keys of a List; then info gets how many
 * different values these have, too.  To be called before anything is known of
 * the query's own rows.
 */
static double
items_per_parent(PlannerInfo *root, RelOptInfo *baserel,
				 AmplifyRelInfo *info)
{
	const AmplifyResource *resource = info->resource;
	AmplifyKeyMask found = 0;
	double		parents = 1;

	if (resource->parent == NULL)
		return baserel->tuples;
	if (!info->analyzed || baserel->tuples < 1)
		return resource->default_rows;
	baserel->rows = baserel->tuples;
	for (AttrNumber attno = 1; attno <= baserel->max_attr; attno++)
	{
		const AmplifyColumn *column = amplify_condition_column(info, attno, true);
		int			key = column == NULL ? -1 :
			amplify_resource_key(resource, column);

		if (key < 0 || (resource->list->needs & ~found & 1 << key) == 0)
			continue;
		found |= 1 << key;
		info->values[key] = different_values(root, baserel, info->relid, attno);
		parents *= info->values[key];
	}
	if (found != resource->list->needs)
		return resource->default_rows;
	return Max(baserel->tuples / parents, 1);
}

/*
 * The same of the table's own resource, or of one above: by how many different
 * names the table's rows have for that one's items, but no more than rows.
 */
static double
list_items(const RelOptInfo *baserel, const AmplifyResource *resource)
{
	const AmplifyRelInfo *info = baserel->fdw_private;
	double		rows = baserel->tuples;

	if (resource == info->resource)
		return info->per_parent;
	if (resource->last_key < 0 || info->values[resource->last_key] == 0)
		return resource->default_rows;
	for (int key = 0; key < AMPLIFY_NKEYS; key++)
	{
		if ((resource->list->needs & 1 << key) != 0 && info->values[key] > 0)
			rows /= info->values[key];
	}
	return Max(Min(info->values[resource->last_key], rows), 1);
}

static double
different_values(PlannerInfo *root, const RelOptInfo *baserel, Oid relid,
				 AttrNumber attno)
{
	Oid			type;
	int32		typmod;
	Oid			collation;

	get_atttypetypmodcoll(relid, attno, &type, &typmod, &collation);
	return estimate_num_groups(root,
							   list_make1(makeVar(baserel->relid, attno, type,
												  typmod, collation, 0)),
							   baserel->tuples, NULL, NULL);
}

/*
 * How many rows a path's conditions leave; by_statistics is what PostgreSQL
 * thinks.  Without statistics that is half a percent for each condition on a
 * key, which is far from what keys do: then the rows that the calls bring are
 * taken, and the other conditions' share of them.
 */
static double
estimate_rows(PlannerInfo *root, RelOptInfo *baserel,
			  const AmplifyPathInfo *path, double by_statistics)
{
	AmplifyRelInfo *info = baserel->fdw_private;
	const AmplifyResource *resource = info->resource;
	AmplifyKeyMask name = resource->last_key >= 0 ? 1 << resource->last_key : 0;
	bool		named = amplify_resource_is_unique(resource) &&
		(amplify_key_common(path->disjuncts) & name) != 0;
	bool		got = named &&
		strcmp(path->operation, resource->get->name) == 0;
	double		rows = Min(path->rows, baserel->tuples);

	if (info->analyzed)
		return got ? clamp_row_est(Min(rows, by_statistics)) : by_statistics;

	/* lists bring all names, of which each parent has those wanted once */
	if (named && !got)
		rows *= Min(amplify_key_count(root, path->disjuncts, name) /
					resource->default_rows, 1);
	return clamp_row_est(rows * clauselist_selectivity(root, path->others,
													   baserel->relid,
													   JOIN_INNER, NULL));
}

/* What these RestrictInfos bind, and what a scan by it costs */
static AmplifyPathInfo *
examine_keys(PlannerInfo *root, RelOptInfo *baserel, List *clauses)
{
	AmplifyRelInfo *info = baserel->fdw_private;
	const AmplifyResource *resource = info->resource;
	AmplifyPathInfo *path = palloc0(sizeof(AmplifyPathInfo));
	AmplifyRoute route;
	const AmplifyStep *wanted = &route.steps[0];
	KeyCounter	counter = {root, path};
	double		keys;

	if (amplify_pushdown)
		amplify_key_terms(root, baserel, clauses, path);
	else
	{
		path->disjuncts = list_make1(NIL);
		path->others = clauses;
	}
	amplify_route_find(resource, amplify_key_common(path->disjuncts),
					   count_keys, &counter, &route);
	path->operation = amplify_route_names(&route);
	path->full_list = wanted->bound == 0;
	path->fans_out = route.nsteps > 1 &&
		route.steps[route.nsteps - 1].bound == 0;
	path->conditions = amplify_condition_known(baserel, path->conditions,
											   wanted->operation->needs | wanted->bound);
	keys = amplify_key_count(root, path->disjuncts, AMPLIFY_ALL_KEYS);
	if (route.nsteps == 1 && wanted->operation == resource->get)
	{
		path->rows = amplify_resource_is_unique(resource) ? keys :
			keys * resource->default_rows;
		path->calls = keys;
		path->round_trips = ceil(keys / info->options.max_concurrency);
	}
	else if (route.nsteps == 1 && !path->full_list)
	{
		double		pages = list_pages(info, resource, info->per_parent, 1);

		path->rows = keys * info->per_parent;
		path->calls = keys * pages;
		path->round_trips = ceil(keys / info->options.max_concurrency) * pages;
	}
	else
		cost_fan_out(root, baserel, &route,
					 amplify_key_count(root, path->disjuncts, wanted->bound),
					 info->options.max_concurrency, path);
	return path;
}

/* For amplify_route_find(): what the conditions let expect */
static double
count_keys(AmplifyKeyMask mask, void *arg)
{
	KeyCounter *counter = arg;

	return amplify_key_count(counter->root, counter->path->disjuncts, mask);
}

/*
 * What is outermost is listed whole, or parents have to be asked, and a List
 * is made for each of them: the parents of the keys that are bound, or all
 * there are.
 */
static void
cost_fan_out(PlannerInfo *root, const RelOptInfo *baserel,
			 const AmplifyRoute *route, double keys, int max_concurrency,
			 AmplifyPathInfo *path)
{
	double		items = keys;

	for (int i = 0; i < route->nsteps; i++)
		items *= list_items(baserel, route->steps[i].resource);
	items = path->full_list ? baserel->tuples : Min(items, baserel->tuples);

	path->rows = items;
	for (int i = 0; i < route->nsteps; i++)
	{
		const AmplifyResource *resource = route->steps[i].resource;
		bool		first = i == route->nsteps - 1;
		double		parents = first ? keys :
			items / list_items(baserel, resource);
		double		share =
			amplify_condition_share(root, baserel, path->conditions,
									route->steps[i].operation->needs);
		double		lists = Max(parents * share, 1);
		double		pages = list_pages(baserel->fdw_private, resource,
									   items * share, lists);

		path->calls += pages;
		/* the Lists side by side, and the pages of each one by one */
		path->round_trips += ceil(Max(pages / max_concurrency, pages / lists));
		items = parents;
	}
}

/* Is it not known at all how much a list of everything is? */
bool
amplify_plan_is_unknown(const AmplifyRelInfo *rel)
{
	return !rel->analyzed && rel->options.estimated_rows <= 0;
}

/* How many pages the List of one parent has, by statistics; 0: not known */
int
amplify_plan_known_pages(const AmplifyRelInfo *rel)
{
	int			page = page_size(rel, rel->resource);

	return !rel->analyzed || rel->options.estimated_rows > 0 || page == 0 ? 0 :
		(int) Min(ceil(rel->per_parent / page), PG_INT32_MAX);
}

/* How many items a page of a List has at most; 0: as many as there are */
static int
page_size(const AmplifyRelInfo *rel, const AmplifyResource *resource)
{
	int			most = resource->list->max_page;

	return rel->options.page_size > 0 ? Min(most, rel->options.page_size) : most;
}

/* How many calls it is to list so many items of so many parents */
static double
list_pages(const AmplifyRelInfo *rel, const AmplifyResource *resource,
		   double items, double parents)
{
	int			page = page_size(rel, resource);

	return page > 0 ? Max(ceil(items / page), parents) : parents;
}

static void
add_foreign_path(PlannerInfo *root, RelOptInfo *baserel, AmplifyPathInfo *path,
				 Relids required_outer)
{
	AmplifyRelInfo *info = baserel->fdw_private;
	Cost		request_cost = info->options.request_cost;
	Cost		startup = request_cost;
	Cost		total = request_cost * Max(path->round_trips, 1) +
		path->calls * cpu_tuple_cost;
	ForeignPath *scan;

	if (path->fans_out && amplify_plan_is_unknown(info) &&
		amplify_exists_lists_all(root, baserel, path))
		total *= UNBOUNDED;

	/*
	 * A list of everything serves a join only when it is whole.  To say so
	 * keeps the planner from fetching it all for the first row of a LIMIT.
	 */
	if (path->full_list)
		startup = total;
	total += path->rows * (cpu_tuple_cost + baserel->baserestrictcost.per_tuple);

	scan = amplify_create_foreignscan_path(root, baserel, path->rows, startup,
										   total, required_outer, NIL,
										   list_make1(path));
	/* unless all rows are read, later partitions may not be needed */
	path->async = amplify_eager_reads_all(root, &scan->path);
	add_path(baserel, &scan->path);
}

/* Does it bind more than the query's own conditions do? */
static bool
is_better(const AmplifyPathInfo *path, const AmplifyPathInfo *base)
{
	return strcmp(path->operation, base->operation) != 0 ||
		path->calls < base->calls;
}

/*
 * The sets of other relations that could bind keys of this one: those of each
 * join clause, and of each two of them, because the halves of a key may come
 * from different tables.
 */
static List *
outer_sets(PlannerInfo *root, RelOptInfo *baserel)
{
	List	   *sets = NIL;
	List	   *clauses = implied_clauses(root, baserel);
	ListCell   *lc;
	int			singles;

	foreach(lc, baserel->joininfo)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (join_clause_is_movable_to(rinfo, baserel))
			clauses = lappend(clauses, rinfo);
	}
	foreach(lc, clauses)
		sets = add_outer_set(sets, lfirst_node(RestrictInfo, lc)->clause_relids);
	if (!bms_is_empty(baserel->lateral_relids))
		sets = add_outer_set(sets, baserel->lateral_relids);

	singles = list_length(sets);
	for (int i = 0; i < singles; i++)
	{
		for (int j = i + 1; j < singles; j++)
			sets = add_outer_set(sets, bms_union(list_nth(sets, i),
												 list_nth(sets, j)));
	}
	return sets;
}

static List *
add_outer_set(List *sets, Relids set)
{
	ListCell   *lc;

	foreach(lc, sets)
	{
		if (bms_equal(lfirst(lc), set))
			return sets;
	}
	return lappend(sets, set);
}

/* Join clauses that equivalence classes hold for our key columns */
static List *
implied_clauses(PlannerInfo *root, RelOptInfo *baserel)
{
	KeyMember	member = {NULL, NIL};
	List	   *result = NIL;

	if (!baserel->has_eclass_joins)
		return NIL;
	for (;;)
	{
		List	   *clauses;

		member.current = NULL;
		clauses = generate_implied_equalities_for_column(root, baserel,
														 is_key_member,
														 &member,
														 baserel->lateral_referencers);
		if (member.current == NULL)
			return result;
		result = list_concat(result, clauses);
		member.used = lappend(member.used, member.current);
	}
}

/* One column after the other, as postgres_fdw's ec_member_matches_foreign() */
static bool
is_key_member(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *ec,
			  EquivalenceMember *em, void *arg)
{
	KeyMember  *member = arg;

	if (member->current != NULL)
		return equal(em->em_expr, member->current);
	if (list_member(member->used, em->em_expr))
		return false;
	member->current = em->em_expr;
	return true;
}

/* Attribute numbers that the scan must fill, as an integer list */
static List *
attributes_used(RelOptInfo *baserel, List *clauses)
{
	Bitmapset  *attrs = NULL;
	List	   *result = NIL;
	bool		whole_row;

	pull_varattnos((Node *) baserel->reltarget->exprs, baserel->relid, &attrs);
	pull_varattnos((Node *) clauses, baserel->relid, &attrs);
	whole_row = bms_is_member(-FirstLowInvalidHeapAttributeNumber, attrs);
	for (AttrNumber attno = 1; attno <= baserel->max_attr; attno++)
	{
		if (whole_row ||
			bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, attrs))
			result = lappend_int(result, attno);
	}
	return result;
}

/* Can a path be asked for beside others of an Append? */
bool
amplifyIsForeignPathAsyncCapable(ForeignPath *path)
{
	return ((AmplifyPathInfo *) linitial(path->fdw_private))->async;
}

/*
 * Can another scan of the statement, or this one after a rescan, ask for the
 * same again?  Not if this is the only relation of the only query level, nor
 * if the others below the same Append are of other servers.
 */
static bool
may_be_asked_again(PlannerInfo *root, RelOptInfo *baserel)
{
	if (root->parent_root != NULL ||
		root->glob->subplans != NIL ||
		bms_membership(root->all_baserels) != BMS_SINGLETON)
		return true;
	for (int i = 1; i < root->simple_rel_array_size; i++)
	{
		RelOptInfo *rel = root->simple_rel_array[i];

		/* what is in a subquery that was not pulled up is not looked at */
		if (rel != NULL && rel != baserel &&
			(rel->subroot != NULL ||
			 (amplify_plan_is_ours(rel) && rel->serverid == baserel->serverid)))
			return true;
	}
	return false;
}

/*
 * Conditions, for EXPLAIN.  They are not deparsed before it is asked for,
 * because names would have to be found for the whole range table, and for each
 * partition again.
 */
static List *
shown_clauses(List *clauses)
{
	List	   *shown = NIL;
	ListCell   *lc;

	foreach(lc, clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		shown = lappend(shown, showable((Node *) rinfo->clause, NULL));
	}
	return shown;
}

/*
 * Deparsing knows neither the planner's placeholders nor, without the plan
 * nodes above, what sets a Param of the executor.  As an external Param that
 * one is shown as $n.
 */
static Node *
showable(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, PlaceHolderVar))
		return showable((Node *) ((PlaceHolderVar *) node)->phexpr, context);
	if (IsA(node, Param))
	{
		Param	   *param = copyObject((Param *) node);

		param->paramkind = PARAM_EXTERN;
		return (Node *) param;
	}
	return expression_tree_mutator(node, showable, context);
}
