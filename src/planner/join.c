/*-------------------------------------------------------------------------
 *
 * join.c
 *	  Planning of read-ahead joins: a nested loop whose inner side is a keyed
 *	  scan of ours gets a node on its outer side that reads rows ahead and
 *	  starts their lookups.
 *
 * The join itself stays PostgreSQL's Nested Loop, with all that it knows of
 * outer, semi and anti joins, EvalPlanQual and projection.  The node only
 * starts calls that the scan will ask for in a moment: no row depends on it.
 *
 * The model is a CustomPath as outer path of a NestPath, made in
 * set_join_pathlist_hook.  Paths that are there already are left alone,
 * because add_path() may have freed what they consist of.
 *
 * Where the node would be noticed, or its plan be a wrong one, there is none:
 * join_guards.sql has a query for each such check, unseen.t draws some at
 * random.
 *
 * src/planner/join.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "nodes/extensible.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "optimizer/tlist.h"
#include "planner/amplify_planner.h"

/* Gates are taken to be open for so many rows at most */
#define MOST_OPEN	0.95

/*
 * What a join looks up: an inner path, and the scans of ours in it.  First
 * element of CustomPath.custom_private.
 */
typedef struct Lookups
{
	Path	   *inner;
	List	   *scans;			/* ForeignPaths, copies that may be changed */
	List	   *gates;			/* RestrictInfos of the join */
} Lookups;

/* A join that is being planned */
typedef struct AheadJoin
{
	PlannerInfo *root;
	RelOptInfo *joinrel;
	RelOptInfo *outerrel;
	JoinType	jointype;
	JoinPathExtraData *extra;
	List	   *outer_paths;	/* all of them, as a sorted one may save the
								 * query's ORDER BY; some may be NULL */
	double		outer_rows;
	List	   *gates;			/* RestrictInfos */
	bool		some;			/* the first row that fits is enough */
	bool		examined;		/* the next one is known */
	bool		allowed;		/* nobody notices that rows are read ahead */
} AheadJoin;

static set_join_pathlist_hook_type previous_hook = NULL;

static void add_read_ahead_paths(PlannerInfo *root, RelOptInfo *joinrel,
								 RelOptInfo *outerrel, RelOptInfo *innerrel,
								 JoinType jointype,
								 JoinPathExtraData *extra);
static Path *inner_of_child(const AheadJoin *join, Path *inner);
static Relids top_relids(const RelOptInfo *rel);
static bool wants_read_ahead(JoinType jointype);
static bool has_row_identity(const RelOptInfo *rel);
static Lookups *find_lookups(const AheadJoin *join, Path *inner);
static void look_up_partitions(const AheadJoin *join, Lookups *lookups);
static void look_up_below(const AheadJoin *join, Lookups *lookups);
static List *scans_below(const AheadJoin *join, Path *inner);
static bool can_look_up(Path *path);
static ForeignPath *look_up(const AheadJoin *join, Lookups *lookups,
							const ForeignPath *inner);
static void add_join_paths(AheadJoin *join, Lookups *lookups);
static void add_serial_paths(AheadJoin *join, Path *inner);
static Path *gated_path(const AheadJoin *join, Path *inner);
static List *keyed_scans(const AheadJoin *join, Path *inner);
static void add_join_path(AheadJoin *join, Path *outer, Lookups *lookups,
						  Path *memoized);
static Path *nestloop_path(AheadJoin *join, Path *outer, Path *inner,
						   Cost most, bool reads_ahead);
static void add_bounded_path(AheadJoin *join, Path *path, Cost most);
static bool is_allowed(AheadJoin *join);
static CustomPath *ahead_path(Path *outer, Lookups *lookups);
static List *plan_target(const ForeignPath *scan, const Plan *child,
						 bool eager, List **exprs);
static Plan *plan_ahead(PlannerInfo *root, RelOptInfo *rel,
						struct CustomPath *best_path, List *tlist,
						List *clauses, List *custom_plans);
static bool match_vars_to_tlist(List *exprs, List *tlist);
static bool match_var_walker(Node *node, void *context);

static const CustomPathMethods path_methods = {
	.CustomName = "AmplifyReadAhead",
	.PlanCustomPath = plan_ahead,
};

static const CustomScanMethods scan_methods = {
	.CustomName = "AmplifyReadAhead",
	.CreateCustomScanState = amplify_readahead_create_state,
};

/* Called once, when the library is loaded */
void
amplify_join_install(void)
{
	RegisterCustomScanMethods(&scan_methods);
	amplify_gate_install();
	previous_hook = set_join_pathlist_hook;
	set_join_pathlist_hook = add_read_ahead_paths;
}

static void
add_read_ahead_paths(PlannerInfo *root, RelOptInfo *joinrel,
					 RelOptInfo *outerrel, RelOptInfo *innerrel,
					 JoinType jointype, JoinPathExtraData *extra)
{
	AheadJoin	join = {root, joinrel, outerrel, jointype, extra};
	bool		serial;
	ListCell   *lc;

	if (previous_hook)
		previous_hook(root, joinrel, outerrel, innerrel, jointype, extra);
	if (!amplify_pushdown || !wants_read_ahead(jointype))
		return;

	serial = amplify_read_ahead == 0 || has_row_identity(outerrel);
	join.outer_paths = outerrel->pathlist;
	join.outer_rows = outerrel->rows;
	if (jointype == JOIN_UNIQUE_OUTER)
	{
		Path	   *first;

		join.outer_paths = amplify_unique_outer_paths(root, outerrel,
													  extra->sjinfo);
		first = linitial(join.outer_paths);
		if (first != NULL)
			join.outer_rows = first->rows;
	}
	join.gates = amplify_gate_clauses(joinrel, outerrel, jointype,
									  extra->restrictlist);
	join.some = jointype == JOIN_SEMI || jointype == JOIN_ANTI;
	foreach(lc, innerrel->cheapest_parameterized_paths)
	{
		Path	   *inner = inner_of_child(&join, lfirst(lc));
		Lookups    *lookups;

		if (inner == NULL)
			continue;
		lookups = serial ? NULL : find_lookups(&join, inner);
		if (lookups != NULL)
			add_join_paths(&join, lookups);
		if (lookups == NULL || (join.examined && !join.allowed))
			add_serial_paths(&join, inner);
	}
}

/*
 * An inner path for which the outer side has all parameters, as a join with
 * that partition needs it; NULL if it isn't one, or can't be used so.  As all
 * paths of partitions it is parameterized by what the tables are, and not by
 * their partitions.
 */
static Path *
inner_of_child(const AheadJoin *join, Path *inner)
{
	if (inner->param_info == NULL ||
		!bms_is_subset(PATH_REQ_OUTER(inner), top_relids(join->outerrel)))
		return NULL;
	return IS_OTHER_REL(join->outerrel) ?
		amplify_child_path(join->root, inner, join->outerrel) : inner;
}

static Relids
top_relids(const RelOptInfo *rel)
{
	return rel->top_parent_relids != NULL ? rel->top_parent_relids :
		rel->relids;
}

/* The join types that a nested loop can do with this outer side */
static bool
wants_read_ahead(JoinType jointype)
{
	return jointype == JOIN_INNER || jointype == JOIN_LEFT ||
		jointype == JOIN_SEMI || jointype == JOIN_ANTI ||
		jointype == JOIN_UNIQUE_OUTER;
}

/*
 * Do its rows say which row of a partitioned or inherited table is to be
 * changed?  They do so in Vars that stand for something else in each of its
 * tables, which a CustomScan's own target list can't hold.
 */
static bool
has_row_identity(const RelOptInfo *rel)
{
	ListCell   *lc;

	foreach(lc, rel->reltarget->exprs)
	{
		Var		   *var = lfirst(lc);

		if (IsA(var, Var) && var->varno == ROWID_VAR)
			return true;
	}
	return false;
}

/*
 * The scans of ours that an inner path consists of: itself, those below an
 * Append, which has one for each partition, or what below.c finds further
 * below.  NULL if there are none.
 */
static Lookups *
find_lookups(const AheadJoin *join, Path *inner)
{
	Lookups    *lookups = palloc0(sizeof(Lookups));
	ListCell   *lc;

	lookups->inner = amplify_below_copy(inner);
	lookups->gates = join->gates;
	if (lookups->inner == NULL)
		return NULL;
	if (can_look_up(inner))
		lookups->inner = &look_up(join, lookups, (ForeignPath *) inner)->path;
	else if (IsA(inner, AppendPath))
		look_up_partitions(join, lookups);
	if (lookups->scans == NIL)
		look_up_below(join, lookups);
	if (lookups->scans == NIL)
		return NULL;

	/* what is looked up for a partition has its columns, not its table's */
	if (IS_OTHER_REL(join->outerrel))
	{
		foreach(lc, lookups->scans)
		{
			ForeignPath *scan = lfirst(lc);

			scan->fdw_private =
				amplifyReparameterizeForeignPathByChild(join->root,
														scan->fdw_private,
														join->outerrel);
		}
	}
	return lookups;
}

/* Those of an Append, in the places of the scans that it has */
static void
look_up_partitions(const AheadJoin *join, Lookups *lookups)
{
	AppendPath *append = (AppendPath *) lookups->inner;
	ListCell   *lc;

	append->subpaths = list_copy(append->subpaths);
	foreach(lc, append->subpaths)
	{
		Path	   *child = lfirst(lc);
		ForeignPath *scan;

		if (!can_look_up(child))
			continue;
		scan = look_up(join, lookups, (ForeignPath *) child);
		amplify_price_inner(&append->path, child, scan);
		lfirst(lc) = scan;
	}
}

/* Those further below, which stay as they are */
static void
look_up_below(const AheadJoin *join, Lookups *lookups)
{
	ListCell   *lc;

	lookups->scans = scans_below(join, lookups->inner);
	foreach(lc, lookups->scans)
	{
		ForeignPath *scan = lfirst(lc);
		Path		before = scan->path;

		amplify_price_lookups(join->root, scan, join->outer_rows);
		amplify_price_inner(lookups->inner, &before, scan);
	}
	if (lookups->gates != NIL)
		lookups->inner = amplify_gate_path(lookups->inner, lookups->gates);
}

static List *
scans_below(const AheadJoin *join, Path *inner)
{
	const RelOptInfo *outerrel = join->outerrel;

	return amplify_below_scans(join->root, inner,
							   bms_union(outerrel->relids,
										 top_relids(outerrel)),
							   join->some);
}

/* A scan of ours whose keys the node may compute before it does */
static bool
can_look_up(Path *path)
{
	AmplifyPathInfo *info = amplify_below_info(path);

	return info != NULL && amplify_ahead_keys(info->disjuncts);
}

/*
 * Look a scan up: a copy of it as it is behind a read-ahead, whose price has
 * changed.  It need not be asked when a gate is closed, and may not be read to
 * its end.
 */
static ForeignPath *
look_up(const AheadJoin *join, Lookups *lookups, const ForeignPath *inner)
{
	ForeignPath *copy = makeNode(ForeignPath);
	AmplifyPathInfo *info = palloc(sizeof(AmplifyPathInfo));

	*copy = *inner;
	*info = *(AmplifyPathInfo *) linitial(inner->fdw_private);
	info->lookup = info->known = amplify_below_new_id();
	info->gates = join->gates;
	info->partial |= join->some;
	copy->fdw_private = list_make1(info);
	amplify_price_lookups(join->root, copy, join->outer_rows);
	lookups->scans = lappend(lookups->scans, copy);
	return copy;
}

/* A join with each of the outer paths */
static void
add_join_paths(AheadJoin *join, Lookups *lookups)
{
	Path	   *memoized = lookups->gates != NIL ? NULL :
		amplify_memoize_path(join->root, lookups->inner, join->outerrel,
							 join->outer_rows, join->jointype, join->extra);
	ListCell   *lc;

	foreach(lc, join->outer_paths)
	{
		Path	   *outer = lfirst(lc);

		if (outer != NULL && outer->param_info == NULL)
			add_join_path(join, outer, lookups, memoized);
	}
}

/*
 * Keys that repeat need not be looked up again.  Results that depend on a
 * gate, too, are not kept by the keys.  Where the cost of both ways is above
 * its bound, only the better one is left.
 */
static void
add_join_path(AheadJoin *join, Path *outer, Lookups *lookups, Path *memoized)
{
	Path	   *ahead = (Path *) ahead_path(outer, lookups);
	Cost		most = amplify_price_most(ahead, lookups->inner,
										  lookups->scans,
										  join->joinrel->rows);
	Path	   *path = nestloop_path(join, ahead, lookups->inner, most, true);
	Path	   *other = memoized == NULL ? NULL :
		nestloop_path(join, ahead, memoized, most, true);

	if (path != NULL &&
		(other == NULL || path->total_cost <= Max(other->total_cost, most)))
		add_bounded_path(join, path, most);
	if (other != NULL &&
		(path == NULL || other->total_cost < Max(path->total_cost, most)))
		add_bounded_path(join, other, most);
}

/*
 * Where nothing is read ahead, PostgreSQL has made the nested loop, at the
 * cost of a round trip for each row.  It is made again where its cost has a
 * bound, or where some rows need none.
 */
static void
add_serial_paths(AheadJoin *join, Path *inner)
{
	List	   *scans = keyed_scans(join, inner);
	ListCell   *lc;

	if (join->gates != NIL)
		inner = gated_path(join, inner);
	foreach(lc, scans == NIL ? NIL : join->outer_paths)
	{
		Path	   *outer = lfirst(lc);
		Path	   *path;
		Cost		most;

		if (outer == NULL || outer->param_info != NULL)
			continue;
		most = amplify_price_most(outer, inner, scans, join->joinrel->rows);
		if (isinf(most) && join->gates == NIL)
			break;
		path = nestloop_path(join, outer, inner, most, false);
		if (path != NULL)
			add_bounded_path(join, path, most);
	}
}

/* That path for the rows for which the gates are open, and some more */
static Path *
gated_path(const AheadJoin *join, Path *inner)
{
	Path	   *path = amplify_gate_path(inner, join->gates);
	Selectivity open = clauselist_selectivity(join->root, join->gates, 0,
											  join->jointype,
											  join->extra->sjinfo);

	path->startup_cost *= Min(open, MOST_OPEN);
	path->total_cost *= Min(open, MOST_OPEN);
	return path;
}

/* The scans of ours that an inner path is, or that are below it */
static List *
keyed_scans(const AheadJoin *join, Path *inner)
{
	List	   *paths = IsA(inner, AppendPath) ?
		((AppendPath *) inner)->subpaths : list_make1(inner);
	List	   *scans = NIL;
	ListCell   *lc;

	foreach(lc, paths)
	{
		if (amplify_below_info(lfirst(lc)) != NULL)
			scans = lappend(scans, lfirst(lc));
	}
	return scans != NIL ? scans : scans_below(join, inner);
}

/* NULL: it is too expensive, or not allowed */
static Path *
nestloop_path(AheadJoin *join, Path *outer, Path *inner, Cost most,
			  bool reads_ahead)
{
	JoinType	jointype = join->jointype == JOIN_UNIQUE_OUTER ? JOIN_INNER :
		join->jointype;
	JoinCostWorkspace workspace;
	List	   *pathkeys;

	amplify_initial_cost_nestloop(join->root, &workspace, jointype, outer,
								  inner, join->extra);
	workspace.total_cost = Min(workspace.total_cost, most);
	pathkeys = build_join_pathkeys(join->root, join->joinrel, jointype,
								   outer->pathkeys);
	if (!amplify_add_path_precheck(join->joinrel, &workspace, pathkeys, NULL) ||
		(reads_ahead && !is_allowed(join)))
		return NULL;
	return (Path *)
		create_nestloop_path(join->root, join->joinrel, jointype, &workspace,
							 join->extra, outer, inner,
							 join->extra->restrictlist, pathkeys, NULL);
}

static void
add_bounded_path(AheadJoin *join, Path *path, Cost most)
{
	path->total_cost = Max(Min(path->total_cost, most), path->startup_cost);
	add_path(join->joinrel, path);
}

/* Expensive to find out, so only for joins that are cheap enough to be kept */
static bool
is_allowed(AheadJoin *join)
{
	if (!join->examined)
		join->allowed = amplify_ahead_rows(join->root, join->outerrel);
	join->examined = true;
	return join->allowed;
}

static CustomPath *
ahead_path(Path *outer, Lookups *lookups)
{
	CustomPath *path = makeNode(CustomPath);

	path->path.pathtype = T_CustomScan;
	path->path.parent = outer->parent;
	path->path.pathtarget = outer->pathtarget;
	path->path.param_info = outer->param_info;
	path->path.rows = outer->rows;
	path->path.pathkeys = outer->pathkeys;
	amplify_copy_disabled_nodes(&path->path, outer);
	amplify_price_ahead(&path->path, outer, linitial(lookups->scans));
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->custom_paths = list_make1(outer);
	path->custom_private = list_make1(lookups);
	path->methods = &path_methods;
	return path;
}

/*
 * The node evaluates the inner scans' key expressions over its own rows, which
 * are those of its child.
 */
static Plan *
plan_ahead(PlannerInfo *root, RelOptInfo *rel, struct CustomPath *best_path,
		   List *tlist, List *clauses, List *custom_plans)
{
	Lookups    *lookups = linitial(best_path->custom_private);
	Plan	   *child = linitial(custom_plans);
	CustomScan *scan;
	List	   *gates = copyObject(extract_actual_clauses(lookups->gates, false));
	bool		eager = amplify_eager_reads_all(root, &best_path->path);
	List	   *targets = NIL;
	List	   *exprs = NIL;
	ListCell   *lc;

	/* without any keys the node only hands rows through */
	if (match_vars_to_tlist(gates, child->targetlist))
	{
		foreach(lc, lookups->scans)
			targets = list_concat(targets,
								  plan_target(lfirst(lc), child, eager,
											  &exprs));
	}
	if (targets == NIL)
		gates = NIL;

	scan = amplify_gate_make_scan(best_path, tlist, custom_plans,
								  list_concat(exprs, gates));
	scan->custom_private = list_make4(targets,
									  makeInteger(list_length(gates)),
									  makeInteger(amplify_read_ahead),
									  makeBoolean(eager));
	return &scan->scan.plan;
}

/*
 * A list of one target (see AmplifyAheadTarget), whose expressions are added;
 * NIL if the child doesn't emit what they need.
 */
static List *
plan_target(const ForeignPath *scan, const Plan *child, bool eager,
			List **exprs)
{
	const AmplifyRelInfo *rel = scan->path.parent->fdw_private;
	const AmplifyPathInfo *info = linitial(scan->fdw_private);
	int			before = list_length(*exprs);
	List	   *keys = amplify_key_serialize(rel->resource, info->disjuncts,
											 exprs);
	List	   *added = copyObject(list_copy_tail(*exprs, before));
	List	   *target;

	*exprs = list_truncate(*exprs, before);
	if (!match_vars_to_tlist(added, child->targetlist))
		return NIL;
	*exprs = list_concat(*exprs, added);
	target = list_make5(keys, list_make1_oid(rel->relid),
						list_make1_oid(scan->path.parent->userid),
						makeInteger(info->lookup),
						makeBoolean(!info->partial));
	target = lappend(target, makeBoolean(eager && info->list_first));
	target = lappend(target, makeBoolean(eager && !info->behind));
	target = lappend(target, makeInteger(amplify_plan_known_pages(rel)));
	target = lappend(target, makeBoolean(eager && info->apps_first));
	target = lappend(target, makeInteger(info->known));
	return list_make1(target);
}

/*
 * Make the Vars of the expressions those that the child emits, which differ
 * where an outer join below has nulled them (PostgreSQL 16 and later).  False
 * if the child doesn't emit one of them.
 */
static bool
match_vars_to_tlist(List *exprs, List *tlist)
{
	return !match_var_walker((Node *) exprs, tlist);
}

/* True: a Var is not in the list */
static bool
match_var_walker(Node *node, void *context)
{
	List	   *tlist = context;
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (IsA(node, PlaceHolderVar))
		return tlist_member((Expr *) node, tlist) == NULL;
	if (!IsA(node, Var))
		return expression_tree_walker(node, match_var_walker, context);
	foreach(lc, tlist)
	{
		Var		   *var = (Var *) lfirst_node(TargetEntry, lc)->expr;

		if (IsA(var, Var) && var->varno == ((Var *) node)->varno &&
			var->varattno == ((Var *) node)->varattno &&
			var->varlevelsup == ((Var *) node)->varlevelsup)
		{
			amplify_copy_nulling_rels((Var *) node, var);
			return false;
		}
	}
	return true;
}
