/*-------------------------------------------------------------------------
 *
 * amplify_executor.h
 *	  What executor/ offers: from a plan to keys, and from an item to a row.
 *
 * src/executor/amplify_executor.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef AMPLIFY_EXECUTOR_H
#define AMPLIFY_EXECUTOR_H

#include "request/amplify_request.h"
#include "nodes/pathnodes.h"
#include "utils/rel.h"

/* ---------- keys.c: key expressions into keys ---------- */

extern bool amplify_pushdown;	/* amplify_fdw.pushdown */

extern void amplify_keys_evaluate(const AmplifyResource *resource,
								  List *serialized, List *exprstates,
								  ExprContext *econtext,
								  const AmplifyOptions *options,
								  AmplifyKeySet *set);

/* ---------- known.c: conditions that are decided before a call ---------- */

typedef struct AmplifyKnown AmplifyKnown;

extern AmplifyKnown *amplify_known_create(ForeignScanState *node,
										  List *exprstates);
extern void amplify_known_open(AmplifyKnown *known,
							   const AmplifyFetchSpec *spec);
extern bool amplify_known_allows(void *arg, const AmplifyKeys *keys);
extern bool amplify_known_allows_ahead(void *arg, const AmplifyKeys *keys);

/* ---------- array.c: many rows rechecked against an array ---------- */

typedef struct AmplifyArrays AmplifyArrays;

extern AmplifyArrays *amplify_array_create(ScanState *node);
extern void amplify_array_rescan(AmplifyArrays *arrays);

/* ---------- value.c: an item's member into a Datum ---------- */

typedef struct AmplifyColumnMap AmplifyColumnMap;

extern AmplifyColumnMap *amplify_value_map(Relation rel,
										   const AmplifyResource *resource,
										   Bitmapset *attrs_used);
extern void amplify_value_fill(AmplifyColumnMap *map, const AmplifyRow *row,
							   const AmplifyConnection *connection,
							   TupleTableSlot *slot);
extern void amplify_value_key(const AmplifyColumnMap *map, int key,
							  const char *text, Datum *values, bool *replaced);
extern const AmplifyColumn *amplify_value_column(Oid relid, AttrNumber attno,
												 const AmplifyResource *resource,
												 bool missing_ok);

/* ---------- table.c: a foreign table that is read ---------- */

typedef struct AmplifyTable
{
	AmplifyFetchSpec spec;		/* connection is NULL until it is open */
	AmplifyOptions options;		/* the table's over the server's */
	Oid			relid;
	Oid			userid;			/* on whose behalf */
} AmplifyTable;

extern void amplify_table_options(Oid relid, AmplifyOptions *options);
extern void amplify_table_begin(AmplifyTable *table,
								AmplifyStatement *statement, Oid relid,
								Oid userid, AmplifyCounters *counters);
extern void amplify_table_open(AmplifyTable *table, MemoryContext context);

/* ---------- again.c: can what a scan asks be asked again? ---------- */

extern bool amplify_again_possible(const ForeignScan *scan, const EState *estate);

/* ---------- scan.c: a scan of a foreign table ---------- */

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
	AMPLIFY_PRIVATE_GATES,		/* Integer: how many of fdw_exprs, at the end,
								 * must be true for there to be a row */
	AMPLIFY_PRIVATE_CONDITIONS, /* Integer: how many of them, before these,
								 * are decided before a call, */
	AMPLIFY_PRIVATE_KNOWN,		/* List: and for EXPLAIN, like PUSHED */
	AMPLIFY_PRIVATE_PAGES,		/* Integer: AmplifyFetchSpec.list_pages */
	AMPLIFY_PRIVATE_KNOWN_ID	/* Integer: what whoever reads ahead finds the
								 * conditions by; 0: nobody does */
};

extern void amplifyBeginForeignScan(ForeignScanState *node, int eflags);
extern TupleTableSlot *amplifyIterateForeignScan(ForeignScanState *node);
extern void amplifyReScanForeignScan(ForeignScanState *node);
extern void amplifyEndForeignScan(ForeignScanState *node);
extern void amplifyForeignAsyncRequest(AsyncRequest *areq);
extern void amplifyForeignAsyncConfigureWait(AsyncRequest *areq);
extern void amplifyExplainForeignScan(ForeignScanState *node,
									  struct ExplainState *es);
extern void amplify_scan_explain_counters(const AmplifyCounters *counters,
										  struct ExplainState *es);
extern TupleTableSlot *amplify_scan_project(ScanState *node);

/* ---------- readahead.c: lookups of a join, ahead of need ---------- */

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
	AMPLIFY_TARGET_LOOKUP,		/* Integer: AmplifyPathInfo.lookup; 0: the
								 * scan counts its own calls only */
	AMPLIFY_TARGET_EAGER,		/* Boolean: all that it has will be read */
	AMPLIFY_TARGET_LIST_FIRST,	/* Boolean: AmplifyFetchSpec.list_first */
	AMPLIFY_TARGET_SURE,		/* Boolean: AmplifyFetchSpec.sure */
	AMPLIFY_TARGET_PAGES,		/* Integer: AmplifyFetchSpec.list_pages */
	AMPLIFY_TARGET_APPS_FIRST,	/* Boolean: AmplifyFetchSpec.apps_first */
	AMPLIFY_TARGET_KNOWN_ID		/* Integer: of the scan's conditions; or 0 */
};

extern Node *amplify_readahead_create_state(CustomScan *plan);

/* ---------- gate.c: an inner side, for some of the outer rows ---------- */

extern Node *amplify_gate_create_state(CustomScan *plan);

/* ---------- jsonb.c: JSON into a jsonb ---------- */

extern Datum amplify_jsonb_build(const AmplifyValue *value);

/* ---------- analyze.c: a sample of a table ---------- */

extern bool amplifyAnalyzeForeignTable(Relation relation,
									   AcquireSampleRowsFunc *func,
									   BlockNumber *totalpages);

#endif							/* AMPLIFY_EXECUTOR_H */
