/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  What differs between PostgreSQL's versions, and nothing else.
 *
 * It stands outside of the chain of headers: a file includes it where it uses
 * one of these.
 *
 * src/compat.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef AMPLIFY_COMPAT_H
#define AMPLIFY_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "amplify_fdw needs PostgreSQL 15 or later"
#elif PG_VERSION_NUM >= 200000
#error "amplify_fdw does not know this version of PostgreSQL: it needs 15 to 19"
#endif

/* What commands/explain.h offers before */
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif

#if PG_VERSION_NUM >= 180000
#define amplify_create_foreignscan_path(root, rel, rows, startup, total, outer, restrictinfo, private) \
	create_foreignscan_path(root, rel, NULL, rows, 0, startup, total, NIL, \
							outer, NULL, restrictinfo, private)
#elif PG_VERSION_NUM >= 170000
#define amplify_create_foreignscan_path(root, rel, rows, startup, total, outer, restrictinfo, private) \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, NIL, \
							outer, NULL, restrictinfo, private)
#else
#define amplify_create_foreignscan_path(root, rel, rows, startup, total, outer, restrictinfo, private) \
	create_foreignscan_path(root, rel, NULL, rows, startup, total, NIL, \
							outer, NULL, private)
#endif

/* The view's owner that a scan runs as; 0: the statement's user */
#if PG_VERSION_NUM >= 160000
#define amplify_scan_check_as_user(plan, estate) ((plan)->checkAsUser)
#else
#define amplify_scan_check_as_user(plan, estate) \
	(exec_rt_fetch((plan)->scan.scanrelid, estate)->checkAsUser)
#endif

#if PG_VERSION_NUM >= 160000
#define amplify_copy_nulling_rels(to, from) \
	((to)->varnullingrels = (from)->varnullingrels)
#define amplify_set_slot_ops(css)	((css)->slotOps = &TTSOpsMinimalTuple)
#else
#define amplify_copy_nulling_rels(to, from)	((void) 0)
#define amplify_set_slot_ops(css)	((void) 0)
#endif

#if PG_VERSION_NUM >= 180000
#define amplify_copy_disabled_nodes(to, from) \
	((to)->disabled_nodes = (from)->disabled_nodes)
#else
#define amplify_copy_disabled_nodes(to, from)	((void) 0)
#endif

/* Where what the catalogs say of a relation has just been read */
#if PG_VERSION_NUM >= 190000
#define amplify_relation_hook_type	build_simple_rel_hook_type
#define amplify_relation_hook		build_simple_rel_hook
#define AMPLIFY_RELATION_HOOK_PARAMETERS \
	PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte
#define AMPLIFY_RELATION_HOOK_ARGUMENTS	root, rel, rte
#define AMPLIFY_RELATION_HOOK_RELID	rte->relid
#define AMPLIFY_RELATION_HOOK_IS_PARENT	rte->inh
#else
#define amplify_relation_hook_type	get_relation_info_hook_type
#define amplify_relation_hook		get_relation_info_hook
#define AMPLIFY_RELATION_HOOK_PARAMETERS \
	PlannerInfo *root, Oid relid, bool inhparent, RelOptInfo *rel
#define AMPLIFY_RELATION_HOOK_ARGUMENTS	root, relid, inhparent, rel
#define AMPLIFY_RELATION_HOOK_RELID	relid
#define AMPLIFY_RELATION_HOOK_IS_PARENT	inhparent
#endif

/* The paths of an outer side that must be unique; one of them may be NULL */
#if PG_VERSION_NUM >= 190000
#define amplify_unique_outer_paths(root, rel, sjinfo)	((rel)->pathlist)
#else
#define amplify_unique_outer_paths(root, rel, sjinfo) \
	list_make1(create_unique_path(root, rel, (rel)->cheapest_total_path, \
								  sjinfo))
#endif

#if PG_VERSION_NUM >= 190000
#define amplify_initial_cost_nestloop(root, workspace, jointype, outer, inner, extra) \
	initial_cost_nestloop(root, workspace, jointype, \
						  PGS_NESTLOOP_PLAIN | PGS_CONSIDER_NONPARTIAL, \
						  outer, inner, extra)
#else
#define amplify_initial_cost_nestloop(root, workspace, jointype, outer, inner, extra) \
	initial_cost_nestloop(root, workspace, jointype, outer, inner, extra)
#endif

/*
 * A path that tables parameterize for a join with a partition of theirs; NULL
 * if it can't be used so.  Later versions translate it with the plan.
 */
#if PG_VERSION_NUM >= 170000
#define amplify_child_path(root, path, child_rel) \
	(path_is_reparameterizable_by_child(path, child_rel) ? (path) : NULL)
#else
#define amplify_child_path(root, path, child_rel) \
	reparameterize_path_by_child(root, path, child_rel)
#endif

/* Rows of planner/below.c's table that not every version has */
#if PG_VERSION_NUM >= 180000
#define AMPLIFY_SET_OP_PATH_TYPE \
	{T_SetOpPath, sizeof(SetOpPath), \
	 {offsetof(SetOpPath, leftpath), offsetof(SetOpPath, rightpath)}},
#else
#define AMPLIFY_SET_OP_PATH_TYPE \
	{T_SetOpPath, sizeof(SetOpPath), {offsetof(SetOpPath, subpath)}},
#endif
#if PG_VERSION_NUM >= 190000
#define AMPLIFY_SET_OP_PATH_TYPES	AMPLIFY_SET_OP_PATH_TYPE
#else
#define AMPLIFY_SET_OP_PATH_TYPES \
	AMPLIFY_SET_OP_PATH_TYPE \
	{T_UpperUniquePath, sizeof(UpperUniquePath), \
	 {offsetof(UpperUniquePath, subpath)}},
#endif

#if PG_VERSION_NUM >= 180000
#define amplify_add_path_precheck(rel, workspace, pathkeys, required_outer) \
	add_path_precheck(rel, (workspace)->disabled_nodes, \
					  (workspace)->startup_cost, (workspace)->total_cost, \
					  pathkeys, required_outer)
#else
#define amplify_add_path_precheck(rel, workspace, pathkeys, required_outer) \
	add_path_precheck(rel, (workspace)->startup_cost, \
					  (workspace)->total_cost, pathkeys, required_outer)
#endif

/* Vars of partitioned tables become those of a child join's partitions */
#if PG_VERSION_NUM >= 160000
#define amplify_adjust_child_attrs(root, node, child_rel) \
	adjust_appendrel_attrs_multilevel(root, (Node *) (node), child_rel, \
									  (child_rel)->top_parent)
#else
#define amplify_adjust_child_attrs(root, node, child_rel) \
	adjust_appendrel_attrs_multilevel(root, (Node *) (node), \
									  (child_rel)->relids, \
									  (child_rel)->top_parent_relids)
#endif

#if PG_VERSION_NUM >= 170000
#define amplify_estimate_array_length(root, expr) \
	estimate_array_length(root, expr)
#else
#define amplify_estimate_array_length(root, expr) \
	((double) estimate_array_length(expr))
#endif

#if PG_VERSION_NUM >= 160000
#define amplify_server_aclcheck(server, user) \
	object_aclcheck(ForeignServerRelationId, server, user, ACL_USAGE)
#else
#define amplify_server_aclcheck(server, user) \
	pg_foreign_server_aclcheck(server, user, ACL_USAGE)
#endif

/* Of ExecutorRun_hook, which has lost a parameter */
#if PG_VERSION_NUM >= 180000
#define AMPLIFY_EXECUTOR_RUN_PARAMETERS \
	QueryDesc *queryDesc, ScanDirection direction, uint64 count
#define AMPLIFY_EXECUTOR_RUN_ARGUMENTS	queryDesc, direction, count
#else
#define AMPLIFY_EXECUTOR_RUN_PARAMETERS \
	QueryDesc *queryDesc, ScanDirection direction, uint64 count, \
	bool execute_once
#define AMPLIFY_EXECUTOR_RUN_ARGUMENTS \
	queryDesc, direction, count, execute_once
#endif

/* reverse(text), which was the only one */
#if PG_VERSION_NUM >= 180000
#define AMPLIFY_F_REVERSE_TEXT	F_REVERSE_TEXT
#else
#define AMPLIFY_F_REVERSE_TEXT	F_REVERSE
#endif

/* What an operator is in the operator families of ordered indexes */
#if PG_VERSION_NUM >= 180000
#define amplify_op_interpretation(opno)	get_op_index_interpretation(opno)
#else
#define amplify_op_interpretation(opno)	get_op_btree_interpretation(opno)
#endif

/* A jsonb that is being built, for who includes utils/jsonb.h */
#if PG_VERSION_NUM >= 190000
#define AmplifyJsonbState	JsonbInState
#define amplify_jsonb_push(state, token, value) \
	pushJsonbValue(state, token, value)
#else
#define AmplifyJsonbState	struct { JsonbParseState *parse; JsonbValue *result; }
#define amplify_jsonb_push(state, token, value) \
	((state)->result = pushJsonbValue(&(state)->parse, token, value))
#endif

/* Name of a wait in pg_stat_activity */
#if PG_VERSION_NUM >= 170000
#define amplify_new_wait_event(name)	WaitEventExtensionNew(name)
#else
#define amplify_new_wait_event(name)	((void) (name), PG_WAIT_EXTENSION)
#endif

/* Shared memory without the library being preloaded */
#if PG_VERSION_NUM >= 170000
#include "storage/dsm_registry.h"
#define AMPLIFY_HAS_DSM_REGISTRY	true
#else
#define AMPLIFY_HAS_DSM_REGISTRY	false
#endif

#if PG_VERSION_NUM >= 190000
#define amplify_named_segment(name, size, init, found) \
	GetNamedDSMSegment(name, size, init, found, NULL)
#define AMPLIFY_SEGMENT_INIT_PARAMETERS		void *segment, void *arg
#define AMPLIFY_SEGMENT_INIT_ARGUMENTS(segment)	segment, NULL
#elif PG_VERSION_NUM >= 170000
#define amplify_named_segment(name, size, init, found) \
	GetNamedDSMSegment(name, size, init, found)
/* NOLINTNEXTLINE(bugprone-macro-parentheses): they are a declaration */
#define AMPLIFY_SEGMENT_INIT_PARAMETERS		void *segment
#define AMPLIFY_SEGMENT_INIT_ARGUMENTS(segment)	(segment)
#else
#define amplify_named_segment(name, size, init, found) \
	((void) (found), NULL)
/* NOLINTNEXTLINE(bugprone-macro-parentheses): they are a declaration */
#define AMPLIFY_SEGMENT_INIT_PARAMETERS		void *segment
#define AMPLIFY_SEGMENT_INIT_ARGUMENTS(segment)	(segment)
#endif

/* Names of lightweight locks, which every session had to know before */
#if PG_VERSION_NUM >= 190000
#define amplify_new_tranche(name)			LWLockNewTrancheId(name)
#define amplify_register_tranche(id, name)	((void) 0)
#else
#define amplify_new_tranche(name)			LWLockNewTrancheId()
#define amplify_register_tranche(id, name)	LWLockRegisterTranche(id, name)
#endif

/* What of this process goes to the server's log */
#if PG_VERSION_NUM >= 190000
#define amplify_log_min_messages	(log_min_messages[MyBackendType])
#else
#define amplify_log_min_messages	log_min_messages
#endif

#endif							/* AMPLIFY_COMPAT_H */
