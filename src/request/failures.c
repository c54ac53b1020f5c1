/*-------------------------------------------------------------------------
 *
 * failures.c
 *	  What on_error 'warn' has left out: amplify_fdw_failures().
 *
 * People at a prompt see a warning, but drivers, dashboards and jobs ignore
 * it.  So each failure that became a warning is kept here until the session's
 * next statement that makes a call.
 *
 * A statement is what the client has sent: functions and loops in it add to
 * the same list, and a FETCH is a statement of its own.  A list begins when a
 * scan of a new statement wants its first call, so querying the list, or any
 * statement without a foreign table, leaves the list as it is.
 *
 * The list is in a context of the session, and outlives the statement and an
 * abort; an error while a row is added (out of memory) leaves the rows before
 * it.  DISCARD ALL removes it.  (sql/partial.sql)
 *
 * src/request/failures.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "request/amplify_request.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/tuplestore.h"

#define MAX_FAILURES	1000	/* that are kept; the others are counted */

PG_FUNCTION_INFO_V1(amplify_fdw_failures);

typedef struct Failure
{
	Oid			userid;			/* whose mapping it was; and whether that is */
	bool		of_public;		/* PUBLIC's: decides who may see the keys */
	TimestampTz failed_at;
	int			sqlstate;
	int			status;			/* of HTTP; 0: no response */
	char	   *server;
	char	   *account;		/* NULL: not known */
	char	   *region;
	char	   *table;
	char	   *operation;
	char	   *keys;			/* JSON */
	char	   *message;
	char	   *code;			/* "": none, as the next */
	char	   *request_id;
} Failure;

static MemoryContext context = NULL;	/* NULL: no statement has asked AWS */
static TimestampTz statement_start; /* of the statement that the list is of */
static List *failures = NIL;
static int64 uncounted = 0;		/* failures beyond MAX_FAILURES */

static char *keys_as_json(const AmplifyFailedCall *call);
static void put_failure(ReturnSetInfo *rsinfo, const Failure *failure);
static void put_rest(ReturnSetInfo *rsinfo);

/* A scan wants a call: if its statement is a new one, its list begins */
void
amplify_failures_begin(void)
{
	if (context != NULL &&
		statement_start == GetCurrentStatementStartTimestamp())
		return;
	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext,
										"amplify_fdw failures",
										ALLOCSET_SMALL_SIZES);
	failures = NIL;
	uncounted = 0;
	MemoryContextReset(context);
	statement_start = GetCurrentStatementStartTimestamp();
}

/* As if no statement had asked AWS */
void
amplify_failures_forget(void)
{
	if (context != NULL)
		MemoryContextDelete(context);
	context = NULL;
	failures = NIL;
	uncounted = 0;
}

/* Keep what becomes a warning; all is copied */
void
amplify_failures_add(const AmplifyFailure *failure,
					 const AmplifyFailedCall *call, int sqlstate,
					 const char *message)
{
	MemoryContext oldcontext;
	Failure    *kept;

	amplify_failures_begin();
	if (list_length(failures) >= MAX_FAILURES)
	{
		uncounted++;
		return;
	}
	oldcontext = MemoryContextSwitchTo(context);
	kept = palloc0(sizeof(Failure));
	kept->userid = call->connection->userid;
	kept->of_public = call->connection->of_public;
	kept->failed_at = GetCurrentTimestamp();
	kept->sqlstate = sqlstate;
	kept->status = failure->status;
	kept->server = pstrdup(call->connection->servername);
	kept->account = call->connection->options.account_id ?
		pstrdup(call->connection->options.account_id) : NULL;
	kept->region = pstrdup(call->connection->options.region);
	kept->table = pstrdup(call->table);
	kept->operation = pstrdup(call->operation->name);
	kept->keys = keys_as_json(call);
	kept->message = pstrdup(message);
	kept->code = amplify_outcome_ascii(failure->code);
	kept->request_id = amplify_outcome_ascii(failure->request_id);
	failures = lappend(failures, kept);
	MemoryContextSwitchTo(oldcontext);
}

/* What of the keys the request had; in the database's encoding if it can be */
static char *
keys_as_json(const AmplifyFailedCall *call)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < AMPLIFY_NKEYS; i++)
	{
		const char *value = call->keys->value[i];

		if (value == NULL || (call->operation->needs & 1 << i) == 0)
			continue;
		appendStringInfoString(&json, json.len > 1 ? ", " : "");
		escape_json(&json, amplify_key_names[i]);
		appendStringInfoString(&json, ": ");
		escape_json(&json, amplify_outcome_text(value));
	}
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* One row for each failure that is kept, and one for all others */
Datum
amplify_fdw_failures(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	if (context == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no statement of this session has asked AWS"),
				 errdetail("Failures are known in the session in which they have happened, to its next statement that asks AWS."),
				 errhint("Ask for them in the same session, which a pooler may have given to somebody else.")));

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, failures)
		put_failure(rsinfo, lfirst(lc));
	if (uncounted > 0)
		put_rest(rsinfo);
	return (Datum) 0;
}

static void
put_failure(ReturnSetInfo *rsinfo, const Failure *failure)
{
	bool		tell = amplify_credential_may_know(failure->userid,
												   failure->of_public);
	Datum		values[12] = {0};
	bool		nulls[12] = {false};
	int			n = 0;

	values[n++] = CStringGetTextDatum(failure->server);
	nulls[n] = failure->account == NULL;
	values[n++] = nulls[1] ? (Datum) 0 : CStringGetTextDatum(failure->account);
	values[n++] = CStringGetTextDatum(failure->region);
	values[n++] = CStringGetTextDatum(failure->table);
	values[n++] = CStringGetTextDatum(failure->operation);
	nulls[n] = !tell;
	values[n++] = !tell ? (Datum) 0 :
		DirectFunctionCall1(jsonb_in, CStringGetDatum(failure->keys));
	values[n++] = CStringGetTextDatum(unpack_sql_state(failure->sqlstate));
	values[n++] = CStringGetTextDatum(failure->message);
	nulls[n] = failure->code[0] == '\0';
	values[n++] = CStringGetTextDatum(failure->code);
	nulls[n] = failure->status == 0;
	values[n++] = Int32GetDatum(failure->status);
	nulls[n] = failure->request_id[0] == '\0';
	values[n++] = CStringGetTextDatum(failure->request_id);
	values[n++] = TimestampTzGetDatum(failure->failed_at);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* The last row: how many there are that were not kept */
static void
put_rest(ReturnSetInfo *rsinfo)
{
	Datum		values[12] = {0};
	bool		nulls[12];

	memset(nulls, true, sizeof(nulls));
	values[7] = CStringGetTextDatum(psprintf("and " INT64_FORMAT " more failures",
											 uncounted));
	nulls[7] = false;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}
