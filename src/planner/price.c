/*-------------------------------------------------------------------------
 *
 * price.c
 *	  What the lookups of a read-ahead join cost.
 *
 * A join requests each key once, however many of its rows have it, and makes
 * about two calls for all items that it wants of one parent.  So its cost
 * depends on how many distinct keys and parents the outer rows have, which is
 * estimated from the statistics of the outer columns.  Which calls are made
 * is decided by request/parent.c.
 *
 * Calls that do not wait for one another overlap.  That is why a read-ahead
 * join never costs more than Memoize over the same scan, which requests each
 * distinct key as well, but one after the other.
 *
 * src/planner/price.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "optimizer/optimizer.h"
#include "planner/amplify_planner.h"
#include "utils/float.h"
#include "utils/selfuncs.h"

/*
 * What lookups are taken for at most where nobody knows the full list's size
 */
#define LARGEST_SHARE	0.5		/* of that list's cost */

/* So many of the apps are taken to be there if others than these are named */
#define SHARE_THERE		0.5		/* of all apps */

/* So many keys of a parent make its List worth it if that is one page */
#define SOME_KEYS		1.1

/* To evaluate a row's keys, and to find the response that is there */
#define LOOKUP_COST		(5 * cpu_tuple_cost)

/* What so many rows look up */
typedef struct Demand
{
	double		calls;
	double		in_turn;		/* calls that wait for one another */
	bool		list_first;		/* several items of each parent */
} Demand;

static Demand demand(PlannerInfo *root, const ForeignPath *scan, double rows);
static Demand named_demand(PlannerInfo *root, const ForeignPath *scan,
						   double rows);
static double share_there(PlannerInfo *root, const ForeignPath *scan,
						  double rows);
static double different(PlannerInfo *root, List *exprs, double rows);
static List *term_exprs(List *disjuncts, AmplifyKeyMask mask);
static double runs(const ForeignPath *scan);

/*
 * Set the cost of a keyed scan to what each of so many outer rows adds when
 * the calls are made ahead, and its calls to those of all rows.
 */
void
amplify_price_lookups(PlannerInfo *root, ForeignPath *scan, double rows)
{
	const AmplifyRelInfo *rel = scan->path.parent->fdw_private;
	AmplifyPathInfo *info = linitial(scan->fdw_private);
	Cost		request_cost = rel->options.request_cost;
	int			overlap = Min(rel->options.max_concurrency, amplify_read_ahead);
	Cost		cpu_cost = scan->path.total_cost -
		request_cost * Max(info->round_trips, 1);
	Demand		wanted = demand(root, scan, rows);
	double		share = share_there(root, scan, rows);

	if (share < 1)
	{
		wanted.calls = wanted.calls * share +
			amplify_apps_calls(rel->values[AMPLIFY_KEY_APP],
							   rel->options.max_concurrency);
		info->apps_first = true;
	}
	info->list_first = wanted.list_first;
	info->calls = wanted.calls;
	info->round_trips = Max(wanted.calls / overlap, wanted.in_turn);
	/* the first one is waited for whole by the node: amplify_price_ahead() */
	scan->path.startup_cost =
		request_cost * Max(info->round_trips - 1, 0) / rows;
	scan->path.total_cost = scan->path.startup_cost + Max(cpu_cost, 0) +
		LOOKUP_COST;
	/* a single row is there as soon as without reading ahead */
	if (rows < 2)
		scan->path.startup_cost = 0;
}

/*
 * An inner path's cost when that of a scan in it has changed.  What sorts or
 * aggregates has all of it before its first row.
 */
void
amplify_price_inner(Path *inner, const Path *before, const ForeignPath *after)
{
	Cost		saved = runs(after) *
		(before->total_cost - after->path.total_cost);

	if (inner->startup_cost >= runs(after) * before->total_cost)
		inner->startup_cost -= saved;
	else
		inner->startup_cost -= before->startup_cost - after->path.startup_cost;
	inner->startup_cost = Max(inner->startup_cost, 0);
	inner->total_cost -= saved;
	inner->total_cost = Max(inner->total_cost, inner->startup_cost);
}

/*
 * The cost of the node that reads ahead, on the outer side.  For a single
 * outer row it is slightly negative: there are often more rows than estimated,
 * and then the node saves round trips; if there are not, it does no harm.
 */
void
amplify_price_ahead(Path *ahead, const Path *outer, const ForeignPath *scan)
{
	const AmplifyRelInfo *rel = scan->path.parent->fdw_private;

	ahead->total_cost = outer->total_cost + rel->options.request_cost -
		LOOKUP_COST + (outer->rows - 2) * cpu_operator_cost;
	ahead->startup_cost = Min(outer->startup_cost + rel->options.request_cost,
							  ahead->total_cost);
}

/*
 * The cost of a join with that node, whose inner side has these scans, is at
 * most this.  What the user's rows ask for is bounded, and a list of all that
 * is unknown isn't, whatever it is taken for: so lookups are not to cost more,
 * nor what they take of the CPU, however many rows there are.  Nor do rows
 * of the inner side cost anything beyond those that the join will have.  But
 * lookups that need all apps for each key, as they lack theirs, have no bound.
 */
Cost
amplify_price_most(const Path *ahead, const Path *inner, const List *scans,
				   double joined)
{
	Cost		lists = 0;
	Cost		others = inner->total_cost; /* of a row, without those scans */
	double		too_many = Max(ahead->rows * inner->rows - joined, 0);
	ListCell   *lc;

	foreach(lc, scans)
	{
		const ForeignPath *scan = lfirst(lc);
		const AmplifyRelInfo *rel = scan->path.parent->fdw_private;
		const AmplifyPathInfo *info = linitial(scan->fdw_private);

		if (!rel->base->fans_out || info->fans_out ||
			!amplify_plan_is_unknown(rel))
			continue;
		lists += rel->options.request_cost * rel->base->round_trips;
		others -= runs(scan) * scan->path.total_cost;
	}
	if (lists == 0)
		return get_float8_infinity();
	return ahead->total_cost +
		Max(others * ahead->rows - cpu_tuple_cost * too_many, 0) +
		LARGEST_SHARE * lists;
}

static Demand
demand(PlannerInfo *root, const ForeignPath *scan, double rows)
{
	const AmplifyRelInfo *rel = scan->path.parent->fdw_private;
	const AmplifyResource *resource = rel->resource;
	const AmplifyPathInfo *info = linitial(scan->fdw_private);
	AmplifyKeyMask bound = amplify_key_common(info->disjuncts);

	if (amplify_route_has_choice(resource, bound))
		return named_demand(root, scan, rows);
	return (Demand)
	{
		info->calls * different(root, term_exprs(info->disjuncts,
												 AMPLIFY_ALL_KEYS), rows),
			info->round_trips, false
	};
}

/*
 * Where items are wanted that a List has, too: as the rule in parent.c says.
 * Their number is at most what parents and names allow for; to PostgreSQL, two
 * columns of one table have a tenth of the rows at most, which is too few for
 * a table of keys.
 */
static Demand
named_demand(PlannerInfo *root, const ForeignPath *scan, double rows)
{
	const AmplifyRelInfo *rel = scan->path.parent->fdw_private;
	const AmplifyResource *resource = rel->resource;
	List	   *disjuncts = ((AmplifyPathInfo *)
							 linitial(scan->fdw_private))->disjuncts;
	AmplifyKeyMask of_list = resource->list->needs;
	List	   *exprs = term_exprs(disjuncts, of_list);
	double		parents = different(root, exprs, rows);
	double		keys = parents *
		different(root, list_difference_ptr(term_exprs(disjuncts,
													   AMPLIFY_ALL_KEYS),
											exprs), rows);
	int			pages = Max(amplify_plan_known_pages(rel), 1);
	double		names;

	parents *= amplify_key_count(root, disjuncts, of_list);
	keys = Min(keys, rows) * amplify_key_count(root, disjuncts,
											   AMPLIFY_ALL_KEYS);
	names = Max(keys / parents, 1);
	if (names < 2 &&
		(names < SOME_KEYS || amplify_plan_known_pages(rel) != 1))
		return (Demand)
		{
			Min(keys, 2 * parents), 1, false
		};
	/* one page, and Gets; or all pages, one after the other */
	if (names < pages)
		return (Demand)
		{
			parents * (1 + names), 2, false
		};
	return (Demand)
	{
		parents * pages, pages, true
	};
}

/*
 * What part of the apps is there that so many rows name: all of them, unless
 * these are more than there are
 */
static double
share_there(PlannerInfo *root, const ForeignPath *scan, double rows)
{
	const AmplifyRelInfo *rel = scan->path.parent->fdw_private;
	const AmplifyPathInfo *info = linitial(scan->fdw_private);
	double		there = rel->values[AMPLIFY_KEY_APP];
	double		apps = different(root, term_exprs(info->disjuncts,
												  1 << AMPLIFY_KEY_APP), rows);

	return there == 0 || apps <= there ? 1 : SHARE_THERE * there / apps;
}

/* How many different combinations of these so many rows have */
static double
different(PlannerInfo *root, List *exprs, double rows)
{
	return exprs == NIL ? 1 :
		estimate_num_groups(root, exprs, rows, NULL, NULL);
}

/* The expressions of the keys in the mask */
static List *
term_exprs(List *disjuncts, AmplifyKeyMask mask)
{
	List	   *exprs = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, disjuncts)
	{
		foreach(lc2, (List *) lfirst(lc))
		{
			AmplifyKeyTerm *term = lfirst(lc2);

			if ((term->binds & mask) != 0)
				exprs = list_append_unique_ptr(exprs, term->expr);
		}
	}
	return exprs;
}

/* How often the scan is run for each outer row */
static double
runs(const ForeignPath *scan)
{
	const AmplifyPathInfo *info = linitial(scan->fdw_private);

	return Max(info->runs, 1);
}
