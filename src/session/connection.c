/*-------------------------------------------------------------------------
 *
 * connection.c
 *	  What a session keeps per server and user: options, endpoint, signing
 *	  key; and per server: the requests in flight, the rate, the statistics.
 *
 * A connection here is not a socket: those belong to libcurl (http.c), and
 * serve any later request to the same host.
 *
 * src/session/connection.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "aws/sigv4.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "common/hashfn.h"
#include "compat.h"
#include "miscadmin.h"
#include "session/amplify_session.h"
#include "storage/sinval.h"
#include "utils/acl.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#define RETRY_PAUSE		(50 * 1000) /* microseconds, as the AWS CLI has it */

static HTAB *servers = NULL;	/* of AmplifyServer */
static dlist_head connections = DLIST_STATIC_INIT(connections);

static AmplifyConnection *find_connection(Oid serverid, Oid userid);
static AmplifyConnection *create_connection(Oid serverid, Oid userid);
static AmplifyServer *server_entry(Oid serverid);
static void apply_mapping(AmplifyConnection *connection,
						  const ForeignServer *server);
static ForeignServer *source_server(const char *name, Oid userid, Oid fdwid);
static void check_usage(Oid serverid, Oid userid);
static List *mapping_options(AmplifyConnection *connection, Oid serverid);
static void note_mapping(AmplifyConnection *connection, HeapTuple tuple);
static void free_connection(AmplifyConnection *connection);
static void cleanse_secrets(void *arg);
static void invalidate_callback(Datum arg, int cacheid, uint32 hashvalue);
static void end_transaction(XactEvent event, void *arg);

/* Called once, when the library is loaded */
void
amplify_connection_install(void)
{
	RegisterXactCallback(end_transaction, NULL);
}

/*
 * The connection of that user to that server, for one statement (a number that
 * no other has), which must give it back by amplify_connection_unpin().
 */
AmplifyConnection *
amplify_connection_pin(Oid serverid, Oid userid, uint64 statement)
{
	AmplifyConnection *connection;

	amplify_rate_attach();
	/* a cursor may be older than a change that has been committed since */
	AcceptInvalidationMessages();
	for (;;)
	{
		uint64		before = SharedInvalidMessageCounter;
		bool		created;

		connection = find_connection(serverid, userid);
		created = connection == NULL;
		if (created)
			connection = create_connection(serverid, userid);
		else if (OidIsValid(connection->sourceid))
			check_usage(connection->sourceid, userid);
		if (SharedInvalidMessageCounter == before)
			break;
		/* a change may have come in between: no old endpoint with new keys */
		if (created)
			free_connection(connection);
	}
	connection->pins++;
	/* each statement sees for itself whether there are credentials */
	connection->statement = statement;
	return connection;
}

/* Never throws: also called while a failed statement is cleaned up */
void
amplify_connection_unpin(AmplifyConnection *connection)
{
	connection->pins--;
	if (connection->pins == 0 && connection->invalid)
		free_connection(connection);
}

/*
 * Where a service of AWS is under these options: in the region, or at a URL
 * that is set explicitly (else NULL).  palloc'ed in the current context.
 */
void
amplify_connection_endpoint(const AmplifyOptions *options, const char *service,
							const char *url, AmplifyEndpoint *endpoint)
{
	AmplifyEndpointSpec spec = {
		.service = service,
		.region = options->region,
		.use_fips = options->use_fips,
		.use_dualstack = options->use_dualstack,
		.explicit_url = url,
	};

	amplify_endpoint_resolve(&spec, endpoint);
}

/*
 * How the services of that server's region are reached: all that is the same
 * for the API and for STS.  The strings are the connection's.
 */
void
amplify_connection_exchange(AmplifyConnection *connection,
							AmplifyExchangeSpec *spec)
{
	const AmplifyOptions *options = &connection->options;

	memset(spec, 0, sizeof(*spec));
	spec->request.region = options->region;
	spec->way.ca_bundle = options->ca_bundle;
	spec->way.proxy = options->proxy;
	spec->way.proxy_user = options->proxy_user;
	spec->way.proxy_password = options->proxy_password;
	spec->way.connect_timeout = options->connect_timeout;
	spec->way.timeout = options->request_timeout;
	spec->max_attempts = options->max_attempts;
	spec->pause = RETRY_PAUSE;
	spec->use = &connection->shared->use;
	spec->clock_offset = &connection->shared->clock_offset;
}

/*
 * Drop what is kept of a server (NULL: of all) as soon as no statement uses
 * it; returns how many connections that concerned.
 */
int
amplify_connection_drop(const char *servername)
{
	dlist_mutable_iter iter;
	int			count = 0;

	dlist_foreach_modify(iter, &connections)
	{
		AmplifyConnection *connection =
			dlist_container(AmplifyConnection, node, iter.cur);

		if (connection->invalid ||
			(servername != NULL &&
			 strcmp(connection->servername, servername) != 0))
			continue;
		count++;
		connection->invalid = true;
		if (connection->pins == 0)
			free_connection(connection);
	}
	return count;
}

/* For the functions that show them; not to be changed */
dlist_head *
amplify_connection_list(void)
{
	return &connections;
}

/* All AmplifyServers that the session has used, in a new list */
List *
amplify_connection_servers(void)
{
	List	   *result = NIL;
	HASH_SEQ_STATUS status;
	AmplifyServer *server;

	if (servers == NULL)
		return NIL;
	hash_seq_init(&status, servers);
	while ((server = hash_seq_search(&status)) != NULL)
	{
		if (server->used)
			result = lappend(result, server);
	}
	return result;
}

/* All counters to zero, but for what is in use right now */
void
amplify_connection_reset_stats(void)
{
	ListCell   *lc;

	foreach(lc, amplify_connection_servers())
	{
		AmplifyServer *server = lfirst(lc);

		memset(&server->stats, 0, sizeof(server->stats));
		memset(&server->by_operation, 0, sizeof(server->by_operation));
		server->use.connections = 0;
	}
}

/*
 * Forget what the next user of the session must not see: connections, and
 * which servers were asked how often.  The rate that AWS grants stays.
 */
void
amplify_connection_forget_session(void)
{
	ListCell   *lc;

	(void) amplify_connection_drop(NULL);
	amplify_http_close_idle();
	amplify_connection_reset_stats();
	foreach(lc, amplify_connection_servers())
		((AmplifyServer *) lfirst(lc))->used = false;
}

/* Count one request, among AMPLIFY_MAX_OPERATIONS at most */
void
amplify_connection_count(AmplifyOperationCalls *by_operation,
						 const AmplifyOperation *operation)
{
	for (int i = 0; i < AMPLIFY_MAX_OPERATIONS; i++)
	{
		if (by_operation[i].operation == NULL)
			by_operation[i].operation = operation;
		if (strcmp(by_operation[i].operation->name, operation->name) == 0)
		{
			by_operation[i].calls++;
			break;
		}
	}
}

static AmplifyConnection *
find_connection(Oid serverid, Oid userid)
{
	dlist_iter	iter;

	dlist_foreach(iter, &connections)
	{
		AmplifyConnection *connection =
			dlist_container(AmplifyConnection, node, iter.cur);

		if (connection->shared->serverid == serverid &&
			connection->userid == userid && !connection->invalid)
			return connection;
	}
	return NULL;
}

static AmplifyConnection *
create_connection(Oid serverid, Oid userid)
{
	MemoryContext context;
	MemoryContext oldcontext;
	AmplifyConnection *connection;
	MemoryContextCallback *callback;
	ForeignServer *server;
	uint32		endpoint;

	/* under the caller's until it is complete, so that an error frees it */
	context = AllocSetContextCreate(CurrentMemoryContext,
									"amplify_fdw connection",
									ALLOCSET_SMALL_SIZES);
	oldcontext = MemoryContextSwitchTo(context);
	connection = palloc0(sizeof(AmplifyConnection));
	connection->context = context;
	connection->userid = userid;
	callback = palloc0(sizeof(MemoryContextCallback));
	callback->func = cleanse_secrets;
	callback->arg = connection;
	MemoryContextRegisterResetCallback(context, callback);

	server = GetForeignServer(serverid);
	connection->servername = server->servername;
	connection->shared = server_entry(serverid);
	amplify_option_defaults(&connection->options);
	amplify_option_apply(server->options, &connection->options);
	if (connection->shared->max_rate != connection->options.max_rate)
	{
		connection->shared->max_rate = connection->options.max_rate;
		connection->shared->own_start = 0;
	}
	apply_mapping(connection, server);
	if (connection->options.region == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("server \"%s\" has no option \"region\"",
						server->servername)));
	amplify_connection_endpoint(&connection->options, "amplify",
								connection->options.endpoint_url,
								&connection->endpoint);
	endpoint = hash_bytes((const unsigned char *) connection->endpoint.url,
						  strlen(connection->endpoint.url));
	if (connection->shared->rate_endpoint != endpoint)
	{
		/* another one has granted nothing yet */
		memset(&connection->shared->rate, 0, sizeof(AmplifyRate));
		connection->shared->rate_endpoint = endpoint;
	}
	if (connection->mappings != NULL && connection->options.profile == NULL &&
		!connection->options.ambient_credentials)
		connection->rate_identity = amplify_rate_key(&connection->endpoint,
													 connection->mappings);
	connection->signer = amplify_sign_create(connection->context);
	MemoryContextSwitchTo(oldcontext);

	MemoryContextSetParent(context, TopMemoryContext);
	dlist_push_tail(&connections, &connection->node);
	return connection;
}

static AmplifyServer *
server_entry(Oid serverid)
{
	AmplifyServer *server;
	bool		found;

	if (servers == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(AmplifyServer);
		servers = hash_create("amplify_fdw servers", 8, &ctl,
							  HASH_ELEM | HASH_BLOBS);
		CacheRegisterSyscacheCallback(FOREIGNSERVEROID,
									  invalidate_callback, (Datum) 0);
		CacheRegisterSyscacheCallback(USERMAPPINGOID,
									  invalidate_callback, (Datum) 0);
	}
	server = hash_search(servers, &serverid, HASH_ENTER, &found);
	if (!found)
		memset((char *) server + sizeof(Oid), 0,
			   sizeof(AmplifyServer) - sizeof(Oid));
	server->used = true;
	return server;
}

/*
 * The user's mapping over the server's options.  Where it names a source, the
 * mapping for that server comes first; a role of its own replaces that one's.
 */
static void
apply_mapping(AmplifyConnection *connection, const ForeignServer *server)
{
	AmplifyOptions *options = &connection->options;
	List	   *own = mapping_options(connection, server->serverid);
	List	   *others;
	ForeignServer *source;
	bool		has_role;

	amplify_option_apply(own, options);
	if (options->source_server == NULL)
	{
		amplify_option_forget_list(own);
		return;
	}

	has_role = options->role_arn != NULL;
	source = source_server(options->source_server, connection->userid,
						   server->fdwid);
	connection->sourceid = source->serverid;
	options->source_server = NULL;
	others = mapping_options(connection, source->serverid);
	amplify_option_apply(others, options);
	amplify_option_forget_list(others);
	if (options->source_server != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("option \"source_server\" of the user mapping for server \"%s\" leads to another such option",
						server->servername),
				 errhint("Name the server whose user mapping has the keys.")));
	if (has_role)
	{
		if (options->external_id != NULL)
			sigv4_cleanse(options->external_id, strlen(options->external_id));
		options->role_arn = options->external_id = NULL;
		options->role_session_name = NULL;
		options->role_duration = 0;
	}
	amplify_option_apply(own, options);
	amplify_option_forget_list(own);
}

static ForeignServer *
source_server(const char *name, Oid userid, Oid fdwid)
{
	ForeignServer *server = GetForeignServerByName(name, false);

	check_usage(server->serverid, userid);
	if (server->fdwid != fdwid)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("server \"%s\" belongs to another foreign-data wrapper",
						name)));
	return server;
}

/*
 * As for a mapping of their own there, users must be allowed to use a source.
 * Each statement sees whether they still are: no message tells of a role that
 * they are not a member of any more.
 */
static void
check_usage(Oid serverid, Oid userid)
{
	const char *name;

	if (amplify_server_aclcheck(serverid, userid) == ACLCHECK_OK)
		return;
	name = GetForeignServer(serverid)->servername;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for foreign server %s", name),
			 errhint("User \"%s\" needs USAGE on server \"%s\" and a user mapping for it with options \"access_key_id\" and \"secret_access_key\", or a view whose owner has both.",
					 GetUserNameFromId(userid, false), name)));
}

/*
 * Like GetUserMapping(), but no mapping is no error here: credential.c says
 * what is missing, in the same words as for a mapping without keys.
 */
static List *
mapping_options(AmplifyConnection *connection, Oid serverid)
{
	Oid			userid = connection->userid;
	List	   *options = NIL;
	HeapTuple	tuple;
	Datum		stored;
	bool		isnull;

	tuple = SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(userid),
							ObjectIdGetDatum(serverid));
	if (!HeapTupleIsValid(tuple))
	{
		tuple = SearchSysCache2(USERMAPPINGUSERSERVER,
								ObjectIdGetDatum(InvalidOid),
								ObjectIdGetDatum(serverid));
		connection->of_public |= HeapTupleIsValid(tuple);
	}
	connection->has_mapping = HeapTupleIsValid(tuple);
	if (!connection->has_mapping)
		return NIL;
	stored = SysCacheGetAttr(USERMAPPINGUSERSERVER, tuple,
							 Anum_pg_user_mapping_umoptions, &isnull);
	if (!isnull)
		options = amplify_option_list(stored);
	note_mapping(connection, tuple);
	ReleaseSysCache(tuple);
	return options;
}

/*
 * What distinguishes this version of the mapping from all others: sessions in
 * which it is the same use the same credentials
 */
static void
note_mapping(AmplifyConnection *connection, HeapTuple tuple)
{
	const char *others = connection->mappings;

	connection->mappings = psprintf("%s%u.%u %u %u.%u;", others ? others : "",
									MyDatabaseId,
									((Form_pg_user_mapping) GETSTRUCT(tuple))->oid,
									HeapTupleHeaderGetRawXmin(tuple->t_data),
									ItemPointerGetBlockNumberNoCheck(&tuple->t_self),
									ItemPointerGetOffsetNumberNoCheck(&tuple->t_self));
}

static void
free_connection(AmplifyConnection *connection)
{
	dlist_delete(&connection->node);
	MemoryContextDelete(connection->context);
}

static void
cleanse_secrets(void *arg)
{
	AmplifyConnection *connection = arg;

	amplify_option_forget(&connection->options);
}

/*
 * A server or a mapping has changed.  Which one hardly matters: they change
 * seldom, and a new mapping may take the place of PUBLIC's.  Connections that
 * are in use serve their statements to the end.
 */
static void
invalidate_callback(Datum arg, int cacheid, uint32 hashvalue)
{
	(void) amplify_connection_drop(NULL);
}

/* An idle session needs few connections, and others may need descriptors */
static void
end_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
		amplify_http_trim_idle();
}
