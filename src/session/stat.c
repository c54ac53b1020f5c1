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

#include "fmgr.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "session/amplify_session.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(amplify_fdw_stats);
PG_FUNCTION_INFO_V1(amplify_fdw_stats_reset);
PG_FUNCTION_INFO_V1(amplify_fdw_connections);
PG_FUNCTION_INFO_V1(amplify_fdw_disconnect);
PG_FUNCTION_INFO_V1(amplify_fdw_disconnect_all);
PG_FUNCTION_INFO_V1(amplify_fdw_version);

static Datum calls_by_operation(const AmplifyServer *server);
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
 * One row per server and user that this session keeps something of.  To look
 * up a user's name may take in a change that drops connections, so that comes
 * when nothing of them is needed any more.
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
	{
		AmplifyConnection *connection =
			dlist_container(AmplifyConnection, node, iter.cur);
		Datum	   *values = palloc(sizeof(Datum) * 4);

		values[0] = CStringGetTextDatum(connection->servername);
		values[1] = ObjectIdGetDatum(connection->userid);
		values[2] = BoolGetDatum(!connection->invalid);
		values[3] = BoolGetDatum(connection->pins > 0);
		rows = lappend(rows, values);
	}
	foreach(lc, rows)
	{
		Datum	   *values = lfirst(lc);
		char	   *username = GetUserNameFromId(DatumGetObjectId(values[1]),
												 true);
		bool		nulls[4] = {false, username == NULL, false, false};

		values[1] = username ? CStringGetTextDatum(username) : (Datum) 0;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* Drop what the session keeps of that server; was there anything? */
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

	if (found)
		amplify_http_close_idle();
	return found;
}
