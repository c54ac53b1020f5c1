/*-------------------------------------------------------------------------
 *
 * amplify_fdw.h
 *	  The private header of amplify_fdw: what each file offers to the files
 *	  above it, from the bottom layer up.  It goes on from amplify_base.h and
 *	  amplify_call.h, which it includes, to what a scan and a join consist of.
 *
 * Calls go downwards only; test/layers.sh checks that.  Nothing here is for
 * other extensions, and no third-party header is included here: libcurl is
 * known to http.c alone, json-c to page.c, OpenSSL to sigv4.c.
 *
 * src/amplify_fdw.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef AMPLIFY_FDW_H
#define AMPLIFY_FDW_H

#include "amplify_call.h"

/* ---------- keyset.c: key expressions into keys ---------- */

typedef struct AmplifyKeySet
{
	AmplifyKeys *keys;			/* sorted; no item belongs to two */
	int			nkeys;
	bool		from_parents;	/* all keys lack the same that a List needs */
	const char *filter;			/* from_parents: one value of the last key, or
								 * NULL */
} AmplifyKeySet;

extern int	amplify_keyset_compare(const void *a, const void *b);
extern void amplify_keyset_everything(const AmplifyResource *resource,
									  AmplifyKeySet *set);
extern void amplify_keyset_settle(const AmplifyResource *resource,
								  AmplifyKeySet *set);
extern void amplify_keyset_evaluate(const AmplifyResource *resource,
									List *serialized, List *exprstates,
									ExprContext *econtext,
									const AmplifyOptions *options,
									AmplifyKeySet *set);

/* ---------- stream.c: what is asked for one set of keys ---------- */

/* What a scan tells its fetch once; must outlive it */
typedef struct AmplifyFetchSpec
{
	AmplifyStatement *query;
	AmplifyConnection *connection;
	const AmplifyResource *resource;
	const AmplifyResource *child;	/* the table's, if resource is asked for
									 * its parents; or NULL */
	const AmplifyOptions *options;	/* the table's over the server's */
	AmplifyCounters *counters;
	const char *tablename;
	bool		eager;			/* all rows will be read: start many at once */
	bool		keep;			/* others of the statement may ask the same */
} AmplifyFetchSpec;

typedef struct AmplifyStream
{
	const AmplifyOperation *operation;
	AmplifyKeys keys;			/* of the operation */
	const char *filter;			/* for a List that can filter; or NULL */
	const char **wanted;		/* a List that stands for Gets: their last */
	int			nwanted;		/* keys, */
	Bitmapset  *found;			/* and which of them a page has had */
	AmplifyCall *call;			/* the current page, or the one to come */
	AmplifyCall *ahead;			/* the one after it, or NULL */
	int			item;			/* of the page, the one handed out last */
	bool		picks;			/* not all of the page is handed out, but */
	Bitmapset  *matches;		/* these items of it */
	int			pages;
	int			empty_pages;	/* in a row */
	uint32		token_hash;		/* of one token seen before, */
	int			token_page;		/* and in which page that was */
	MemoryContext context;		/* holds all of this */
	dlist_node	node;			/* in fetch.c's list */
} AmplifyStream;

extern void amplify_stream_choose(const AmplifyFetchSpec *spec,
								  const AmplifyKeys *keys, int wanted,
								  AmplifyStream *stream);
extern AmplifyStream *amplify_stream_open(const AmplifyFetchSpec *spec,
										  const AmplifyStream *pattern,
										  MemoryContext parent);
extern void amplify_stream_close(const AmplifyFetchSpec *spec,
								 AmplifyStream *stream);
extern AmplifyCall *amplify_stream_call(const AmplifyFetchSpec *spec,
										const AmplifyStream *stream,
										const char *token, bool wanted);
extern bool amplify_stream_begin_page(const AmplifyFetchSpec *spec,
									  AmplifyStream *stream,
									  AmplifyResponse *page,
									  AmplifyFailure *failure);
extern int	amplify_stream_next_item(AmplifyStream *stream, AmplifyResponse *page);
extern bool amplify_stream_end_page(const AmplifyFetchSpec *spec,
									AmplifyStream *stream, AmplifyResponse *page,
									bool more);

/* ---------- fetch.c: keys into items ---------- */

typedef struct AmplifyFetch AmplifyFetch;

typedef enum AmplifyFetchStatus
{
	AMPLIFY_FETCH_ROW,
	AMPLIFY_FETCH_PENDING,
	AMPLIFY_FETCH_END
} AmplifyFetchStatus;

/* Both point into the fetch: valid until it is asked again */
typedef struct AmplifyRow
{
	AmplifyItem *item;
	const AmplifyKeys *keys;
} AmplifyRow;

extern AmplifyFetch *amplify_fetch_create(const AmplifyFetchSpec *spec);
extern void amplify_fetch_start(AmplifyFetch *fetch,
								const AmplifyKeySet *set);
extern void amplify_fetch_ahead(const AmplifyFetchSpec *spec,
								const AmplifyKeys *keys, int nkeys,
								AmplifyCall **calls);
extern bool amplify_fetch_gave_up(const AmplifyFetchSpec *spec);
extern AmplifyFetchStatus amplify_fetch_try(AmplifyFetch *fetch,
											AmplifyRow *row);
extern bool amplify_fetch_next(AmplifyFetch *fetch, AmplifyRow *row);
extern void amplify_fetch_stop(AmplifyFetch *fetch);

/* ---------- value.c: an item's member into a Datum ---------- */

typedef struct AmplifyColumnMap AmplifyColumnMap;

extern AmplifyColumnMap *amplify_value_map(Relation rel,
										   const AmplifyResource *resource,
										   Bitmapset *attrs_used);
extern void amplify_value_fill(AmplifyColumnMap *map, const AmplifyRow *row,
							   const AmplifyConnection *connection,
							   TupleTableSlot *slot);
extern const AmplifyColumn *amplify_value_column(Oid relid, AttrNumber attno,
												 const AmplifyResource *resource,
												 bool missing_ok);

/* ---------- key.c: quals into key expressions ---------- */

/* One condition on a key column: column = expr, or = ANY(expr) */
typedef struct AmplifyKeyTerm
{
	const AmplifyColumn *column;
	Expr	   *expr;			/* no Var of the table in it */
	bool		is_array;
} AmplifyKeyTerm;

extern List *amplify_key_terms(PlannerInfo *root, RelOptInfo *baserel,
							   const AmplifyResource *resource, List *clauses);
extern bool amplify_key_bound(const AmplifyResource *resource, List *disjuncts,
							  const AmplifyOperation *operation);
extern bool amplify_key_says(const AmplifyResource *resource, List *disjuncts,
							 int key);
extern void amplify_key_common(const AmplifyResource *resource,
							   List *disjuncts, AmplifyKeys *common);
extern double amplify_key_count(PlannerInfo *root, List *disjuncts,
								const AmplifyKeys *marks);
extern List *amplify_key_serialize(const AmplifyResource *resource,
								   List *disjuncts, List **exprs);

/* ---------- plan.c and scan.c: the FDW callbacks ---------- */

extern bool amplify_pushdown;	/* amplify_fdw.pushdown */

/* fdw_private of a ForeignScan */
enum AmplifyScanPrivate
{
	AMPLIFY_PRIVATE_KEYS,		/* from amplify_key_serialize() */
	AMPLIFY_PRIVATE_ATTRS,		/* attribute numbers that are read */
	AMPLIFY_PRIVATE_EAGER,		/* Boolean: no LIMIT in sight */
	AMPLIFY_PRIVATE_KEEP,		/* Boolean: may be asked again */
	AMPLIFY_PRIVATE_OPERATION,	/* String: for EXPLAIN */
	AMPLIFY_PRIVATE_PUSHED,		/* List: the conditions of the keys, for
								 * EXPLAIN, with the planner's Vars */
	AMPLIFY_PRIVATE_RELID,		/* Integer: the table's number in these */
	AMPLIFY_PRIVATE_PREFIX,		/* Boolean: there are other tables */
	AMPLIFY_PRIVATE_CALLS,		/* Float: estimate for EXPLAIN */
	AMPLIFY_PRIVATE_LOOKUP,		/* Integer: id of the read-ahead; 0: none */
	AMPLIFY_PRIVATE_GATES		/* Integer: how many of fdw_exprs, at the end,
								 * must be true for there to be a row */
};

/* ForeignPath.fdw_private of ours: how the keys are bound, at what cost */
typedef struct AmplifyPathInfo
{
	List	   *disjuncts;		/* see key.c */
	List	   *clauses;		/* RestrictInfos they come from */
	const char *operation;		/* for EXPLAIN */
	double		calls;
	double		round_trips;	/* calls that wait for one another */
	double		rows;
	bool		full_list;		/* of all parents */
	int			lookup;			/* id of the read-ahead; 0: none */
	List	   *gates;			/* outer conditions without which no row is
								 * wanted */
} AmplifyPathInfo;

/* RelOptInfo.fdw_private of ours */
typedef struct AmplifyRelInfo
{
	AmplifyOptions options;		/* of server and table */
	const AmplifyResource *resource;
	Oid			relid;
	Oid			serverid;
	bool		analyzed;		/* there are statistics */
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
extern List *amplifyReparameterizeForeignPathByChild(PlannerInfo *root,
													 List *fdw_private,
													 RelOptInfo *child_rel);
extern void amplifyBeginForeignScan(ForeignScanState *node, int eflags);
extern TupleTableSlot *amplifyIterateForeignScan(ForeignScanState *node);
extern void amplifyReScanForeignScan(ForeignScanState *node);
extern void amplifyEndForeignScan(ForeignScanState *node);
extern bool amplifyIsForeignPathAsyncCapable(ForeignPath *path);
extern void amplifyForeignAsyncRequest(AsyncRequest *areq);
extern void amplifyForeignAsyncConfigureWait(AsyncRequest *areq);
extern void amplifyForeignAsyncNotify(AsyncRequest *areq);
extern const AmplifyCounters *amplify_scan_counters(ForeignScanState *node);
extern bool amplify_plan_is_ours(const RelOptInfo *rel);
extern bool amplify_plan_is_eager(PlannerInfo *root);
extern bool amplify_scan_gate(List *gates, ExprContext *econtext);

/* ---------- explain.c ---------- */

extern void amplifyExplainForeignScan(ForeignScanState *node,
									  struct ExplainState *es);
extern void amplify_explain_counters(const AmplifyCounters *counters,
									 struct ExplainState *es);

/* ---------- join.c, readahead.c: lookups of a join, ahead of need -------- */

extern int	amplify_read_ahead; /* amplify_fdw.read_ahead */

/* custom_private of the read-ahead node; custom_exprs: keys, then gates */
enum AmplifyAheadPrivate
{
	AMPLIFY_AHEAD_TARGETS,		/* List of Lists, see below */
	AMPLIFY_AHEAD_GATES,		/* Integer: how many gates */
	AMPLIFY_AHEAD_ROWS,			/* Integer: most rows ahead */
	AMPLIFY_AHEAD_EAGER			/* Boolean: all rows will be read */
};

/* A table that is looked up: more than one if they are partitions */
enum AmplifyAheadTarget
{
	AMPLIFY_TARGET_KEYS,		/* from amplify_key_serialize() */
	AMPLIFY_TARGET_RELID,		/* Oid list of one: the foreign table */
	AMPLIFY_TARGET_USERID,		/* Oid list of one: who looks it up; or 0 */
	AMPLIFY_TARGET_LOOKUP		/* Integer: AmplifyPathInfo.lookup; 0: the
								 * scan counts its own calls only */
};

extern void amplify_join_install(void);
extern Node *amplify_readahead_create_state(CustomScan *plan);

/* ---------- analyze.c: a sample of a table ---------- */

extern bool amplifyAnalyzeForeignTable(Relation relation,
									   AcquireSampleRowsFunc *func,
									   BlockNumber *totalpages);

/* ---------- unique.c: the key of a table, for the planner ---------- */

extern void amplify_unique_install(void);

#endif							/* AMPLIFY_FDW_H */
