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
 * a WITH), and if it is run on behalf of one that does: by CREATE TABLE AS,
 * SELECT INTO or REFRESH MATERIALIZED VIEW, which are utility statements with
 * a plain query inside, or by a function that such a statement calls.  The
 * latter is why both hooks count how deep in writing statements the session
 * is.  What a procedure reads into its variables and writes later is not
 * known here.
 *
 * The hook of utility statements sees DISCARD ALL as well, by which poolers
 * hand the session to somebody else: then all that it knows is forgotten.  No
 * other event tells of that: RESET ALL touches only settings that were
 * changed, and comes without DISCARD as well.
 *
 * The count is set back by whatever ends the statement: the hooks do it on
 * their way out, also after an error (sql/partial.sql).
 *
 * src/request/writes.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "executor/executor.h"
#include "nodes/parsenodes.h"
#include "request/amplify_request.h"
#include "tcop/utility.h"

static ExecutorRun_hook_type previous_run;
static ProcessUtility_hook_type previous_utility;
static int	writing;			/* statements that write, around the current */

static bool plan_writes(const PlannedStmt *plan);
static bool utility_writes(const Node *statement);
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
}

/* To be asked while the executor starts */
bool
amplify_writes_statement(const EState *estate)
{
	return writing > 0 || plan_writes(estate->es_plannedstmt);
}

static bool
plan_writes(const PlannedStmt *plan)
{
	return plan != NULL &&
		(plan->commandType != CMD_SELECT || plan->hasModifyingCTE);
}

/* EXPLAIN ANALYZE of one of these does what it does */
static bool
utility_writes(const Node *statement)
{
	if (IsA(statement, ExplainStmt))
		statement = (Node *) castNode(Query, ((const ExplainStmt *) statement)->query)->utilityStmt;
	return statement != NULL &&
		(IsA(statement, CreateTableAsStmt) ||
		 IsA(statement, RefreshMatViewStmt));
}

static void
executor_run(AMPLIFY_EXECUTOR_RUN_PARAMETERS)
{
	bool		writes = plan_writes(queryDesc->plannedstmt);
	int			before = writing;

	if (writes)
		writing++;
	PG_TRY();
	{
		if (previous_run != NULL)
			previous_run(AMPLIFY_EXECUTOR_RUN_ARGUMENTS);
		else
			standard_ExecutorRun(AMPLIFY_EXECUTOR_RUN_ARGUMENTS);
	}
	PG_FINALLY();
	{
		writing = before;
	}
	PG_END_TRY();
}

static void
process_utility(PlannedStmt *pstmt, const char *queryString,
				bool readOnlyTree, ProcessUtilityContext context,
				ParamListInfo params, QueryEnvironment *queryEnv,
				DestReceiver *dest, QueryCompletion *qc)
{
	const Node *statement = pstmt->utilityStmt;
	bool		discard = IsA(statement, DiscardStmt) &&
		((const DiscardStmt *) statement)->target == DISCARD_ALL;
	int			before = writing;

	if (utility_writes(statement))
		writing++;
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
		writing = before;
	}
	PG_END_TRY();
	if (discard)
	{
		amplify_connection_forget_session();
		amplify_failures_forget();
	}
}
