/*-------------------------------------------------------------------------
 *
 * amplify_fdw.c
 *	  Foreign data wrapper for AWS Amplify: the library's start, the handler,
 *	  and IMPORT FOREIGN SCHEMA.
 *
 * How a query becomes calls is in plan.c and scan.c, what Amplify has in
 * resource_data.c.
 *
 * src/amplify_fdw.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "lib/stringinfo.h"
#include "planner/amplify_planner.h"
#include "utils/builtins.h"
#include "utils/guc.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(amplify_fdw_handler);

/* NOLINTNEXTLINE(readability-redundant-declaration): not so before 16 */
void		_PG_init(void);

static List *amplifyImportForeignSchema(ImportForeignSchemaStmt *stmt,
										Oid serverOid);
static char *table_definition(const AmplifyResource *resource,
							  const AmplifyOptions *options,
							  const char *server);

void
_PG_init(void)
{
	amplify_resource_init();

	DefineCustomBoolVariable("amplify_fdw.pushdown",
							 "Uses conditions on key columns to make fewer calls.",
							 "Off: everything is fetched and filtered locally. The rows are the same.",
							 &amplify_pushdown, true, PGC_USERSET, GUC_EXPLAIN,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("amplify_fdw.max_calls",
							"Sets how many calls a statement may make.",
							"The statement fails before the call over the limit. 0 means no limit.",
							&amplify_max_calls, 0, 0, INT_MAX, PGC_USERSET, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("amplify_fdw.read_ahead",
							"Sets how many rows a join reads ahead to start their lookups.",
							"It reads more where these need few calls. 0 turns reading ahead off.",
							&amplify_read_ahead, 200, 0, 10000, PGC_USERSET,
							GUC_EXPLAIN,
							NULL, NULL, NULL);
	DefineCustomBoolVariable("amplify_fdw.progress",
							 "Reports the progress of long fetches.",
							 "A message of level INFO about every two seconds.",
							 &amplify_progress, false, PGC_USERSET, 0,
							 NULL, NULL, NULL);
	MarkGUCPrefixReserved("amplify_fdw");
	amplify_rate_install();
	amplify_connection_install();
	amplify_writes_install();
	amplify_join_install();
	amplify_unique_install();
	amplify_distinct_install();
}

/* What PostgreSQL calls for foreign tables */
Datum
amplify_fdw_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	routine->GetForeignRelSize = amplifyGetForeignRelSize;
	routine->GetForeignPaths = amplifyGetForeignPaths;
	routine->GetForeignPlan = amplifyGetForeignPlan;
	routine->ReparameterizeForeignPathByChild =
		amplifyReparameterizeForeignPathByChild;
	routine->BeginForeignScan = amplifyBeginForeignScan;
	routine->IterateForeignScan = amplifyIterateForeignScan;
	routine->ReScanForeignScan = amplifyReScanForeignScan;
	routine->EndForeignScan = amplifyEndForeignScan;
	routine->ExplainForeignScan = amplifyExplainForeignScan;
	routine->AnalyzeForeignTable = amplifyAnalyzeForeignTable;
	routine->IsForeignPathAsyncCapable = amplifyIsForeignPathAsyncCapable;
	routine->ForeignAsyncRequest = amplifyForeignAsyncRequest;
	routine->ForeignAsyncConfigureWait = amplifyForeignAsyncConfigureWait;
	routine->ForeignAsyncNotify = amplifyForeignAsyncRequest;
	routine->ImportForeignSchema = amplifyImportForeignSchema;
	PG_RETURN_POINTER(routine);
}

/*
 * The API's tables are always the same: make those that the statement asks
 * for.  The remote schema has one name.
 */
static List *
amplifyImportForeignSchema(ImportForeignSchemaStmt *stmt, Oid serverOid)
{
	List	   *commands = NIL;
	AmplifyOptions options;

	if (strcmp(stmt->remote_schema, "amplify") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_SCHEMA_NOT_FOUND),
				 errmsg("foreign schema \"%s\" does not exist",
						stmt->remote_schema),
				 errhint("The tables of AWS Amplify are in schema \"amplify\".")));
	amplify_option_check(stmt->options, AMPLIFY_IMPORT_CATALOG, &options);

	for (int i = 0; amplify_resources[i] != NULL; i++)
	{
		if (options.import_sensitive || !amplify_resources[i]->sensitive)
			commands = lappend(commands,
							   table_definition(amplify_resources[i], &options,
												stmt->server_name));
	}
	return commands;			/* core applies LIMIT TO and EXCEPT */
}

static char *
table_definition(const AmplifyResource *resource,
				 const AmplifyOptions *options, const char *server)
{
	StringInfoData sql;
	const char *separator = "";

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE FOREIGN TABLE %s (",
					 quote_identifier(resource->name));
	for (int i = 0; i < resource->ncolumns; i++)
	{
		const AmplifyColumn *column = &resource->columns[i];

		if (column->sensitive && !options->import_sensitive)
			continue;
		appendStringInfo(&sql, "%s\n  %s pg_catalog.%s%s", separator,
						 quote_identifier(column->name),
						 amplify_resource_type(column),
						 amplify_resource_not_null(resource, column) ?
						 " NOT NULL" : "");
		separator = ",";
	}
	appendStringInfo(&sql, "\n) SERVER %s OPTIONS (resource %s)",
					 quote_identifier(server),
					 quote_literal_cstr(resource->name));
	return sql.data;
}
