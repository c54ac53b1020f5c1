/*-------------------------------------------------------------------------
 *
 * amplify_planner.h
 *	  What planner/ offers: conditions into key terms, and these into paths.
 *
 * src/planner/amplify_planner.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef AMPLIFY_PLANNER_H
#define AMPLIFY_PLANNER_H

#include "executor/amplify_executor.h"
#include "nodes/plannodes.h"

/* ---------- key.c: quals into key expressions ---------- */

/*
 * One condition on a key column: column = expr, or = ANY(expr); without a
 * column, a gate: what stands with it counts only if expr is true
 */
typedef struct AmplifyKeyTerm
{
	const AmplifyColumn *column;	/* or NULL */
	Expr	   *expr;			/* no Var of the table in it */
	bool		is_array;
	AmplifyKeyMask binds;		/* 0: it only says where an item is */
} AmplifyKeyTerm;

struct AmplifyPathInfo;

extern void amplify_key_terms(PlannerInfo *root, RelOptInfo *baserel,
							  List *clauses, struct AmplifyPathInfo *path);
extern AmplifyKeyMask amplify_key_binds(const AmplifyResource *resource,
										const AmplifyColumn *column);
extern AmplifyKeyMask amplify_key_common(List *disjuncts);
extern double amplify_key_count(PlannerInfo *root, List *disjuncts,
								AmplifyKeyMask mask);
extern List *amplify_key_serialize(const AmplifyResource *resource,
								   List *disjuncts, List **exprs);

/* ---------- condition.c: what else is decided before a call ---------- */

struct AmplifyRelInfo;

extern const AmplifyColumn *amplify_condition_column(struct AmplifyRelInfo *info,
													 AttrNumber attno,
													 bool missing_ok);
extern RestrictInfo *amplify_condition_early(PlannerInfo *root,
											 RelOptInfo *baserel,
											 RestrictInfo *rinfo);
extern List *amplify_condition_known(const RelOptInfo *baserel,
									 List *conditions, AmplifyKeyMask known);
extern double amplify_condition_share(PlannerInfo *root,
									  const RelOptInfo *baserel,
									  List *conditions, AmplifyKeyMask known);

/* ---------- plan.c: the paths of one foreign table ---------- */

/* ForeignPath.fdw_private of ours: how the keys are bound, at what cost */
typedef struct AmplifyPathInfo
{
	List	   *disjuncts;		/* see key.c */
	List	   *pushed;			/* RestrictInfos that save calls */
	List	   *others;			/* those that say nothing of keys */
	List	   *conditions;		/* those that are decided before a call */
	const char *operation;		/* for EXPLAIN */
	double		calls;
	double		round_trips;	/* calls that wait for one another */
	double		rows;
	bool		full_list;		/* of all parents */
	bool		fans_out;		/* from all apps down */
	bool		async;			/* an Append may ask several at a time */
	bool		partial;		/* whoever reads it may stop before its end */
	bool		behind;			/* or not at all, if a join finds nothing */
	double		runs;			/* for each of a join's inner side, if it is
								 * below that; or 0 */
	int			lookup;			/* id of the read-ahead; 0: none */
	int			known;			/* id of the conditions, for whoever reads
								 * ahead; 0: none */
	bool		list_first;		/* of that: it wants several of each parent */
	bool		apps_first;		/* and more apps than there are */
	List	   *gates;			/* outer conditions without which no row is
								 * wanted */
} AmplifyPathInfo;

/* RelOptInfo.fdw_private of ours */
typedef struct AmplifyRelInfo
{
	AmplifyOptions options;		/* of server and table */
	const AmplifyResource *resource;
	const AmplifyColumn **columns;	/* of attributes, as far as looked up */
	Oid			relid;
	Oid			serverid;
	AmplifyPathInfo *base;		/* by the query's own conditions */
	List	   *conditions;		/* key.c's: those that have been analysed */
	bool		analyzed;		/* there are statistics */
	double		per_parent;		/* items of one List */
	double		values[AMPLIFY_NKEYS];	/* of a List's keys, by statistics:
										 * different ones; or 0 */
	HeapTuple  *statistics;		/* distinct.c's, by attribute; or NULL */
} AmplifyRelInfo;

extern void amplifyGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel,
									 Oid foreigntableid);
extern void amplifyGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel,
								   Oid foreigntableid);
extern ForeignScan *amplifyGetForeignPlan(PlannerInfo *root,
										  RelOptInfo *baserel,
										  Oid foreigntableid,
										  ForeignPath *best_path, List *tlist,
										  List *scan_clauses,
										  Plan *outer_plan);
extern bool amplifyIsForeignPathAsyncCapable(ForeignPath *path);
extern List *amplifyReparameterizeForeignPathByChild(PlannerInfo *root,
													 List *fdw_private,
													 RelOptInfo *child_rel);
extern bool amplify_plan_is_unknown(const AmplifyRelInfo *rel);
extern int	amplify_plan_known_pages(const AmplifyRelInfo *rel);
extern bool amplify_plan_is_ours(const RelOptInfo *rel);
extern AmplifyRelInfo *amplify_plan_rel_info(RelOptInfo *rel, Oid relid);

/* ---------- eager.c: will all rows be read? ---------- */

extern bool amplify_eager_reads_all(const PlannerInfo *root, const Path *path);

/* ---------- exists.c: EXISTS that is no join ---------- */

extern bool amplify_exists_lists_all(PlannerInfo *root, RelOptInfo *baserel,
									 const AmplifyPathInfo *path);

/* ---------- ahead.c: what may be done ahead ---------- */

extern bool amplify_ahead_rows(PlannerInfo *root, const RelOptInfo *rel);
extern bool amplify_ahead_keys(List *disjuncts);

/* ---------- gate.c: conditions on the outer side alone ---------- */

extern void amplify_gate_install(void);
extern List *amplify_gate_clauses(RelOptInfo *joinrel, RelOptInfo *outerrel,
								  JoinType jointype, List *restrictlist);
extern Path *amplify_gate_path(Path *inner, List *gates);
extern CustomScan *amplify_gate_make_scan(const CustomPath *path, List *tlist,
										  List *custom_plans, List *exprs);

/* ---------- below.c: what is below the inner side of a join ---------- */

extern List *amplify_below_scans(PlannerInfo *root, Path *inner,
								 Relids outer, bool some);
extern Path *amplify_below_copy(const Path *path);
extern AmplifyPathInfo *amplify_below_info(const Path *path);
extern int	amplify_below_new_id(void);

/* ---------- safe.c: what can't fail ---------- */

extern bool amplify_safe_to_compute(Node *node);

/* ---------- price.c: the cost of lookups ---------- */

extern void amplify_price_lookups(PlannerInfo *root, ForeignPath *scan,
								  double rows);
extern void amplify_price_inner(Path *inner, const Path *before,
								const ForeignPath *after);
extern void amplify_price_ahead(Path *ahead, const Path *outer,
								const ForeignPath *scan);
extern Cost amplify_price_most(const Path *ahead, const Path *inner,
							   const List *scans, double joined);

/* ---------- memoize.c: for keys that repeat ---------- */

extern Path *amplify_memoize_path(PlannerInfo *root, const Path *inner,
								  const RelOptInfo *outerrel,
								  double outer_rows, JoinType jointype,
								  const JoinPathExtraData *extra);

/* ---------- join.c: paths that read ahead ---------- */

extern void amplify_join_install(void);

/* ---------- unique.c: the key of a table, for the planner ---------- */

extern void amplify_unique_install(void);

/* ---------- distinct.c: different keys, without ANALYZE ---------- */

extern void amplify_distinct_install(void);

#endif							/* AMPLIFY_PLANNER_H */
