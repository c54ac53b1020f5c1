/*-------------------------------------------------------------------------
 *
 * writes.c
 *	  Is what a statement reads written down?
 *
 * Under on_error 'warn' a query goes on without the apps and servers that
 * fail.  People see the warnings of a query; nobody sees those of a job that
 * fills a table, and the table looks complete ever after.  So the option holds
 * for what is only read, and a statement that writes fails.
 *
 * A statement writes if its plan does (INSERT, UPDATE, DELETE, MERGE, also in
 * a WITH), if it is run on behalf of one that does, as by CREATE TABLE AS,
 * REFRESH MATERIALIZED VIEW or ALTER TABLE with a function in it, by a
 * function that such a statement calls, or by a trigger.  The hooks count how
 * deep in writing statements the session is.
 *
 * What a function reads into variables, or hands to another that writes, is
 * written by a statement of its own.  So what counts in the end is the whole
 * statement of the client, with all that is run by it: once it has left
 * something out, it can't write, and once it has written, it leaves nothing
 * out.  What goes out by other ways, such as COPY to the client, dblink or a
 * large object, is not known here (doc/regions.md).
 *
 * A cursor's query may be run on by other statements of the client.  So what
 * it has left out, or what has been written while it ran, is remembered of it.
 *
 * A session loads the library when it is first needed, which may be in the
 * middle of a statement that no hook has seen.  Its portal tells of it then.
 * No hook sees either what calls functions without a portal: the planner,
 * which replaces a call by its result, and the protocol's fast path.
 *
 * The hook of utility statements sees DISCARD ALL as well, by which poolers
 * hand the session to somebody else: then all that it knows is forgotten.  No
 * other event tells of that: RESET ALL touches only settings that were
 * changed, and comes without DISCARD as well.
 *
 * The counts are set back by whatever ends the statement: the hooks do it on
 * their way out, also after an error (sql/partial.sql, partial_ways.sql).
 *
 * src/request/writes.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "compat.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "request/amplify_request.h"
#include "tcop/pquery.h"
#include "tcop/utility.h"
#include "utils/fmgroids.h"

static ExecutorRun_hook_type previous_run;
static ProcessUtility_hook_type previous_utility;
static int	depth;				/* statements around the current */
static int	writing;			/* those of them that write */
static bool left_out;			/* has the client's statement done that, */
static bool has_written;		/* and this? */
static TimestampTz unseen;		/* start of the client's statement that began
								 * before any hook saw it; 0: none has */
static dlist_head queries = DLIST_STATIC_INIT(queries); /* of AmplifyWrites */

static void join_statement(void);
static bool plan_writes(const PlannedStmt *plan);
static bool utility_writes(Node *statement);
static void enter(bool writes);
static AmplifyWrites *find_query(const EState *estate);
static void executor_run(AMPLIFY_EXECUTOR_RUN_PARAMETERS);
static void process_utility(PlannedStmt *pstmt, const char *queryString,
							bool readOnlyTree, ProcessUtilityContext context,
							ParamListInfo params, QueryEnvironment *queryEnv,
							DestReceiver *dest, QueryCompletion *qc);

/* Called once, when the library is loaded */
void
amplify_writes_install(void)
{
	previous_run = ExecutorRun_hook;
	ExecutorRun_hook = executor_run;
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	if (ActivePortal != NULL)
		join_statement();
}

/* Begin with a query while its executor starts */
void
amplify_writes_begin(AmplifyWrites *query, const EState *estate)
{
	query->estate = estate;
	query->writes = writing > 0 || plan_writes(estate->es_plannedstmt) ||
		DatumGetInt32(OidFunctionCall0(F_PG_TRIGGER_DEPTH)) > 0;
	query->partial = false;
	dlist_push_tail(&queries, &query->node);
}

/* Is what it reads written down, or something else that its statement runs? */
bool
amplify_writes_now(const AmplifyWrites *query)
{
	return query->writes || has_written;
}

/* What has failed is not in what the query reads */
void
amplify_writes_leave_out(AmplifyWrites *query)
{
	query->partial = left_out = true;
}

/* The query is closed */
void
amplify_writes_end(AmplifyWrites *query)
{
	dlist_delete(&query->node);
}

/* We are in the middle of that one */
static void
join_statement(void)
{
	ListCell   *lc;

	unseen = GetCurrentStatementStartTimestamp();
	/* a function may have written before it came to read */
	has_written = TransactionIdIsValid(GetTopTransactionIdIfAny());
	foreach(lc, ActivePortal->stmts)
	{
		const PlannedStmt *statement = lfirst_node(PlannedStmt, lc);

		has_written |= statement->utilityStmt != NULL ?
			utility_writes(statement->utilityStmt) : plan_writes(statement);
	}
}

static bool
plan_writes(const PlannedStmt *plan)
{
	return plan != NULL &&
		(plan->commandType != CMD_SELECT || plan->hasModifyingCTE);
}

/* CREATE INDEX and the like may call functions, of which each may read */
static bool
utility_writes(Node *statement)
{
	LogStmtLevel level = GetCommandLogLevel(statement);

	if (IsA(statement, CopyStmt) && castNode(CopyStmt, statement)->filename)
		return true;
	if (IsA(statement, PrepareStmt))
		return false;
	return level == LOGSTMT_DDL || level == LOGSTMT_MOD;
}

/* A statement begins; an error comes before anything is counted */
static void
enter(bool writes)
{
	TimestampTz now = GetCurrentStatementStartTimestamp();

	if (depth == 0 && unseen != now)
		left_out = has_written = false;
	if (depth == 0 && ActivePortal == NULL)
		unseen = now;
	if (writes && left_out)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot write after a part of the rows has been left out"),
				 errdetail("What failed in this statement is a warning only, and in amplify_fdw_failures()."),
				 errhint("Option \"on_error\" of the foreign table, 'warn', holds for what is only read; 'warn_always' holds for this, too.")));
	has_written |= writes;
	writing += writes ? 1 : 0;
	depth++;
}

/* NULL if the query reads no table of ours */
static AmplifyWrites *
find_query(const EState *estate)
{
	dlist_iter	iter;

	dlist_foreach(iter, &queries)
	{
		AmplifyWrites *query = dlist_container(AmplifyWrites, node, iter.cur);

		if (query->estate == estate)
			return query;
	}
	return NULL;
}

static void
executor_run(AMPLIFY_EXECUTOR_RUN_PARAMETERS)
{
	AmplifyWrites *query = find_query(queryDesc->estate);
	int			around = depth;
	int			before = writing;

	enter(plan_writes(queryDesc->plannedstmt));
	left_out |= query != NULL && query->partial;
	PG_TRY();
	{
		if (previous_run != NULL)
			previous_run(AMPLIFY_EXECUTOR_RUN_ARGUMENTS);
		else
			standard_ExecutorRun(AMPLIFY_EXECUTOR_RUN_ARGUMENTS);
	}
	PG_FINALLY();
	{
		depth = around;
		writing = before;
	}
	PG_END_TRY();
	if (query != NULL)
		query->writes |= has_written;
}

static void
process_utility(PlannedStmt *pstmt, const char *queryString,
				bool readOnlyTree, ProcessUtilityContext context,
				ParamListInfo params, QueryEnvironment *queryEnv,
				DestReceiver *dest, QueryCompletion *qc)
{
	Node	   *statement = pstmt->utilityStmt;
	bool		discard = IsA(statement, DiscardStmt) &&
		((const DiscardStmt *) statement)->target == DISCARD_ALL;
	int			around = depth;
	int			before = writing;

	enter(utility_writes(statement));
	PG_TRY();
	{
		if (previous_utility != NULL)
			previous_utility(pstmt, queryString, readOnlyTree, context,
							 params, queryEnv, dest, qc);
		else
			standard_ProcessUtility(pstmt, queryString, readOnlyTree, context,
									params, queryEnv, dest, qc);
	}
	PG_FINALLY();
	{
		depth = around;
		writing = before;
	}
	PG_END_TRY();
	if (discard)
	{
		amplify_connection_forget_session();
		amplify_failures_forget();
	}
}
