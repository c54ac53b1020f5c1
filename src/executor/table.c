/*-------------------------------------------------------------------------
 *
 * table.c
 *	  A foreign table as it is opened to be read: by a scan, by the node that
 *	  reads ahead, and by ANALYZE.
 *
 * It is opened in two steps.  The first one, when the executor starts, decides
 * on whose behalf the table is read, and nothing else: another user may be the
 * current one when rows are fetched, EXPLAIN needs no credentials, and a scan
 * that is never run costs nothing.  The second step, for the first row, finds
 * the connection and the options, or raises an error.
 *
 * src/executor/table.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/amplify_executor.h"
#include "utils/lsyscache.h"

/* The options of a table over those of its server, for planning */
void
amplify_table_options(Oid relid, AmplifyOptions *options)
{
	ForeignTable *table = GetForeignTable(relid);

	amplify_option_defaults(options);
	amplify_option_apply(GetForeignServer(table->serverid)->options, options);
	amplify_option_apply(table->options, options);
}

/*
 * The first step.  The statement is the caller's to leave.  userid is on whose
 * behalf, as far as the plan says it; 0: the statement's user.
 */
void
amplify_table_begin(AmplifyTable *table, AmplifyStatement *statement,
					Oid relid, Oid userid, AmplifyCounters *counters)
{
	memset(table, 0, sizeof(AmplifyTable));
	table->relid = relid;
	table->userid = amplify_statement_user(statement, userid);
	table->spec.statement = statement;
	table->spec.counters = counters;
}

/*
 * The second step, in a context that lives as long as the table, which must
 * stay where it is.  Does nothing if that has been done.
 */
void
amplify_table_open(AmplifyTable *table, MemoryContext context)
{
	AmplifyFetchSpec *spec = &table->spec;
	ForeignTable *foreign_table;
	MemoryContext oldcontext;

	if (spec->connection != NULL)
		return;
	oldcontext = MemoryContextSwitchTo(context);
	foreign_table = GetForeignTable(table->relid);
	spec->connection = amplify_statement_connection(spec->statement,
													foreign_table->serverid,
													table->userid);
	table->options = spec->connection->options;
	amplify_option_apply(foreign_table->options, &table->options);
	spec->options = &table->options;
	spec->resource = amplify_option_resource(&table->options, table->relid);
	spec->tablename = get_rel_name(table->relid);
	MemoryContextSwitchTo(oldcontext);
}
