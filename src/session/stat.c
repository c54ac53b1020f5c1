/*-------------------------------------------------------------------------
 *
 * stat.c
 *	  SQL functions that show and drop what the session keeps.
 *
 * src/session/stat.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "session/amplify_session.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(amplify_fdw_stats);
PG_FUNCTION_INFO_V1(amplify_fdw_stats_reset);
PG_FUNCTION_INFO_V1(amplify_fdw_connections);
PG_FUNCTION_INFO_V1(amplify_fdw_disconnect);
PG_FUNCTION_INFO_V1(amplify_fdw_disconnect_all);
PG_FUNCTION_INFO_V1(amplify_fdw_version);

#define CONNECTION_COLUMNS	7

/* A row of amplify_fdw_connections(), before its user's name is known */
typedef struct ConnectionRow
{
	Oid			userid;
	bool		of_public;
	const char *message;		/* or NULL */
	Datum		values[CONNECTION_COLUMNS];
	bool		nulls[CONNECTION_COLUMNS];
} ConnectionRow;

static Datum calls_by_operation(const AmplifyServer *server);
static ConnectionRow *connection_row(const AmplifyConnection *connection);
static void put_text(ConnectionRow *row, int column, const char *text);
static bool drop_connections(const char *servername);

/* One row per server that this session has used */
Datum
amplify_fdw_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, amplify_connection_servers())
	{
		AmplifyServer *server = lfirst(lc);
		ForeignServer *fs = GetForeignServerExtended(server->serverid,
													 FSV_MISSING_OK);
		Datum		values[10];
		bool		nulls[10] = {false};
		int			n = 0;

		if (fs == NULL)
			continue;			/* dropped meanwhile */
		values[n++] = CStringGetTextDatum(fs->servername);
		values[n++] = Int64GetDatum(server->stats.calls);
		values[n++] = calls_by_operation(server);
		values[n++] = Int64GetDatum(server->stats.retries);
		values[n++] = Int64GetDatum(server->stats.throttled);
		values[n++] = Int64GetDatum(server->stats.not_found);
		values[n++] = Int64GetDatum(server->stats.failed);
		values[n++] = Int64GetDatum(server->stats.bytes);
		values[n++] = Int64GetDatum(server->use.connections);
		values[n++] = Int32GetDatum(server->use.in_flight);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* All counters of this session to zero */
Datum
amplify_fdw_stats_reset(PG_FUNCTION_ARGS)
{
	amplify_connection_reset_stats();
	PG_RETURN_VOID();
}

/*
 * One row per server and user that this session keeps something of; version
 * 1.0 has the first four columns.  To look up a user's name may take in a
 * change that drops connections, so that comes when nothing of them is needed
 * any more.  What a service says of a role is for who may know the mapping
 * (amplify_credential_report()).
 */
Datum
amplify_fdw_connections(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *rows = NIL;
	dlist_iter	iter;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	dlist_foreach(iter, amplify_connection_list())
		rows = lappend(rows,
					   connection_row(dlist_container(AmplifyConnection, node,
													  iter.cur)));
	foreach(lc, rows)
	{
		ConnectionRow *row = lfirst(lc);
		char	   *username = GetUserNameFromId(row->userid, true);

		put_text(row, 1, username);
		put_text(row, 6, row->message != NULL &&
				 amplify_credential_may_know(row->userid, row->of_public) ?
				 amplify_credential_sentence(row->message) : NULL);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, row->values,
							 row->nulls);
	}
	return (Datum) 0;
}

/* Forget the connections to that server: were there any? */
Datum
amplify_fdw_disconnect(PG_FUNCTION_ARGS)
{
	ForeignServer *server =
		GetForeignServerByName(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);

	PG_RETURN_BOOL(drop_connections(server->servername));
}

/* The same for all servers */
Datum
amplify_fdw_disconnect_all(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(drop_connections(NULL));
}

/* The version of the library, which may not be that of its SQL objects */
Datum
amplify_fdw_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(AMPLIFY_VERSION));
}

/* All of it but what the catalog knows; a copy */
static ConnectionRow *
connection_row(const AmplifyConnection *connection)
{
	ConnectionRow *row = palloc0(sizeof(ConnectionRow));
	TimestampTz failed_at;
	const AmplifyLack *lack = amplify_identity_lack(connection, &failed_at);

	row->userid = connection->userid;
	row->of_public = connection->of_public;
	put_text(row, 0, connection->servername);
	row->values[2] = BoolGetDatum(!connection->invalid);
	row->values[3] = BoolGetDatum(connection->pins > 0);
	row->values[4] = TimestampTzGetDatum(failed_at);
	row->nulls[4] = lack == NULL;
	put_text(row, 5, lack != NULL ? lack->code : NULL);
	row->message = lack != NULL && lack->reason != NULL ?
		pstrdup(lack->reason) : NULL;
	return row;
}

static void
put_text(ConnectionRow *row, int column, const char *text)
{
	row->nulls[column] = text == NULL;
	row->values[column] = text ? CStringGetTextDatum(text) : (Datum) 0;
}

/* {"GetBackendEnvironment": 3} */
static Datum
calls_by_operation(const AmplifyServer *server)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < AMPLIFY_MAX_OPERATIONS; i++)
	{
		if (server->by_operation[i].operation != NULL)
			appendStringInfo(&json, "%s\"%s\": " INT64_FORMAT,
							 i > 0 ? ", " : "",
							 server->by_operation[i].operation->name,
							 server->by_operation[i].calls);
	}
	appendStringInfoChar(&json, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

/* Sockets are shared by all servers of one host: close those that are idle */
static bool
drop_connections(const char *servername)
{
	bool		found = amplify_connection_drop(servername) > 0;

	/* they outlive connections that a change of servers has ended before */
	if (found || servername == NULL)
		amplify_http_close_idle();
	return found;
}
