/*-------------------------------------------------------------------------
 *
 * call.c
 *	  One call to the API, from its key to its response: the path, the attempts
 *	  and the pauses between them.
 *
 * Not here: which calls are made and who waits for them (fetch.c,
 * statement.c).  Nothing here waits, and a call that fails only remembers
 * why: whether that is an error depends on whether anybody needs the
 * response.
 *
 * src/request/call.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "request/amplify_request.h"
#include "utils/builtins.h"

/*
 * A transfer and what it needs while it is under way.  In the statement's
 * context, the strings in a context below.
 */
typedef struct CallTransfer
{
	AmplifyTransfer transfer;
	AmplifyCall *call;
	MemoryContext strings;
} CallTransfer;

static void append_number(StringInfo id, uint32 number, char end);
static void append_id(StringInfo id, char what, const char *value);
static void fail_without_keys(AmplifyCall *call, MemoryContext context,
							  const AmplifyLack *lack);
static char *call_path(const AmplifyCall *call);
static char *call_query(const AmplifyCall *call);
static void append_parameter(StringInfo query, const char *name,
							 const char *value);
static void exchange_spec(const AmplifyCall *call, AmplifyExchangeSpec *spec);
static bool may_try_again(AmplifyCall *call, AmplifyOutcome outcome,
						  AmplifyFailure *failure);
static void take_response(AmplifyCall *call);
static void take_failure(AmplifyCall *call, MemoryContext context,
						 AmplifyFailure *failure);
static void wait_for_server(AmplifyCall *call, int64 now);
static int64 patience_from(const AmplifyCall *call, int64 now);
static void release_transfer(AmplifyCall *call);

/*
 * All that decides the response.  Lengths keep values apart: a name may hold
 * any character.  It is as short as it can be, for it is kept of all calls.
 */
const char *
amplify_call_id(const AmplifyCall *call)
{
	const AmplifyConnection *connection = call->connection;
	StringInfoData id;

	initStringInfo(&id);
	append_number(&id, connection->shared->serverid, ',');
	append_number(&id, connection->userid, ',');
	append_number(&id, call->operation->number, ',');
	append_number(&id, call->page_size, ',');
	for (int i = 0; i < AMPLIFY_NKEYS; i++)
		append_id(&id, 'a' + i, call->keys.value[i]);
	append_id(&id, 'F', call->filter);
	append_id(&id, 'T', call->token);
	return id.data;
}

/*
 * Make an attempt.  Afterwards the call is ACTIVE, and the transfer goes onto
 * *completed when it is done; amplify_call_finish() is for the caller then.
 * Or it has FAILED already, or is still QUEUED, because it is not its turn
 * (amplify_pace_next_start() says when to try again) or its credentials are on
 * their way (amplify_identity_ready_at() does).
 */
void
amplify_call_start(AmplifyCall *call, MemoryContext context,
				   dlist_head *completed)
{
	AmplifyConnection *connection = call->connection;
	CallTransfer *ct;
	MemoryContext oldcontext;
	AmplifyProvision provision;
	AmplifyCredentials credentials;
	AmplifyLack lack;
	AmplifyExchangeSpec spec;
	bool		started;

	provision = amplify_credential_get(connection, &credentials, &lack);
	if (provision == AMPLIFY_PROVISION_FAILED)
		fail_without_keys(call, context, &lack);
	if (provision != AMPLIFY_PROVISION_OK)
		return;
	if (!amplify_pace_start(connection))
	{
		if (amplify_call_is_too_early(call, amplify_loop_now()))
			amplify_call_fail(call, context, AMPLIFY_FAILURE_THROTTLED);
		return;
	}
	call->generation = credentials.generation;

	ct = MemoryContextAllocZero(context, sizeof(CallTransfer));
	ct->call = call;
	ct->strings = AllocSetContextCreate(context, "amplify_fdw request",
										ALLOCSET_SMALL_SIZES);
	call->transfer = &ct->transfer;
	oldcontext = MemoryContextSwitchTo(ct->strings);
	exchange_spec(call, &spec);
	spec.request.credentials = &credentials;
	spec.request.path = call_path(call);
	spec.request.query = call_query(call);
	started = amplify_exchange_start(&spec, &call->attempts, &ct->transfer,
									 completed);
	MemoryContextSwitchTo(oldcontext);
	if (!started)
	{
		release_transfer(call);
		amplify_call_fail(call, context, AMPLIFY_FAILURE_SIGNING);
		return;
	}

	call->state = AMPLIFY_CALL_ACTIVE;
	connection->shared->stats.calls++;
	amplify_connection_count(connection->shared->by_operation, call->operation);
	call->counters->calls++;
	amplify_connection_count(call->counters->by_operation, call->operation);
	if (call->attempts.sent > 1)
	{
		call->counters->retries++;
		connection->shared->stats.retries++;
	}
}

/*
 * The transfer is done: decide what becomes of the call.  Afterwards it is
 * DONE, FAILED, or QUEUED for another attempt.
 */
void
amplify_call_finish(AmplifyCall *call, MemoryContext context)
{
	AmplifyTransfer *transfer = call->transfer;
	AmplifyServer *server = call->connection->shared;
	int64		now;
	AmplifyExchangeSpec spec;
	AmplifyFailure failure;
	AmplifyOutcome outcome;

	amplify_report_attempt(call);
	now = amplify_loop_now();
	exchange_spec(call, &spec);
	outcome = amplify_exchange_judge(&spec, &call->attempts, transfer, &failure);
	call->counters->bytes += transfer->received;
	server->stats.bytes += transfer->received;
	if (outcome == AMPLIFY_OUTCOME_THROTTLED)
	{
		call->counters->throttled++;
		server->stats.throttled++;
		wait_for_server(call, now);
	}
	else if (transfer->result == AMPLIFY_HTTP_OK)
		amplify_pace_accepted(call->connection, now);
	if (transfer->result == AMPLIFY_HTTP_OK)
		amplify_budget_heard(&call->queue->budget);
	if (may_try_again(call, outcome, &failure))
	{
		call->state = AMPLIFY_CALL_QUEUED;
		call->deadline = call->attempts.again_at;
	}

	/* a list that is not there is no empty list, nor the end of one */
	if (outcome == AMPLIFY_OUTCOME_NOT_FOUND &&
		(strchr(call->operation->path, '{') == NULL || call->token != NULL))
	{
		outcome = AMPLIFY_OUTCOME_FAIL;
		if (call->token != NULL)
			failure.kind = AMPLIFY_FAILURE_LIST_GONE;
	}

	if (outcome == AMPLIFY_OUTCOME_OK ||
		outcome == AMPLIFY_OUTCOME_NOT_FOUND)
		amplify_budget_give_back(&call->queue->budget, call->retry_cost);
	if (outcome == AMPLIFY_OUTCOME_OK)
		take_response(call);
	else if (outcome == AMPLIFY_OUTCOME_NOT_FOUND)
	{
		call->state = AMPLIFY_CALL_DONE;
		call->not_found = true;
		call->counters->not_found++;
		server->stats.not_found++;
	}
	else if (call->state != AMPLIFY_CALL_QUEUED)
		take_failure(call, context, &failure);
	release_transfer(call);
}

/*
 * What failed while nobody waited for it gets another chance.  The retry
 * budget pays for it, as for any other attempt.
 */
void
amplify_call_revive(AmplifyCall *call)
{
	Assert(call->state == AMPLIFY_CALL_FAILED);
	if (call->attempts.sent > 0 &&
		call->failure->kind != AMPLIFY_FAILURE_THROTTLED &&
		!amplify_budget_take(&call->queue->budget, call->failure->kind,
							 &call->retry_cost))
		return;
	call->state = AMPLIFY_CALL_QUEUED;
	call->attempts.faults = 0;
	call->attempts.renewed = call->attempts.reclocked = false;
	call->patience = 0;
	call->deadline = 0;
}

/*
 * The response is about something else than was asked for, whatever has mixed
 * them up: make the call once more, on a connection of its own, and believe no
 * other response of the one that has brought it.  False if this is the
 * second time, or the retry budget has no attempt left.
 */
bool
amplify_call_repeat(AmplifyCall *call)
{
	Assert(call->state == AMPLIFY_CALL_DONE && !call->not_found);
	amplify_socket_drop(call->carrier);
	if (call->repeated ||
		!amplify_budget_take(&call->queue->budget, AMPLIFY_FAILURE_MISMATCH,
							 &call->retry_cost))
		return false;
	free(call->body);
	call->body = NULL;
	call->body_length = 0;
	call->repeated = true;
	call->attempts.fresh = true;
	call->state = AMPLIFY_CALL_QUEUED;
	call->deadline = 0;
	return true;
}

/* There was no descriptor for the transfer: it was no attempt, nor a call */
void
amplify_call_requeue(AmplifyCall *call)
{
	release_transfer(call);
	call->attempts.sent--;
	call->state = AMPLIFY_CALL_QUEUED;
	call->deadline = 0;
}

/* Let a call fail for a reason that is not in a response */
void
amplify_call_fail(AmplifyCall *call, MemoryContext context,
				  AmplifyFailureKind kind)
{
	if (call->failure == NULL)
		call->failure = MemoryContextAlloc(context, sizeof(AmplifyFailure));
	memset(call->failure, 0, sizeof(AmplifyFailure));
	call->failure->kind = kind;
	call->failure->attempts = call->attempts.sent;
	call->state = AMPLIFY_CALL_FAILED;
}

/*
 * Has AWS told this session, or another one, to leave it alone for longer than
 * the call may wait?  Waiting for its turn is another thing, and may take as
 * long as it takes.
 */
bool
amplify_call_is_too_early(const AmplifyCall *call, int64 now)
{
	return call->connection->wished >
		(call->patience != 0 ? call->patience : patience_from(call, now));
}

/*
 * Free what the statement's context does not, in whatever state.  Never
 * throws.  Strings are left to the context: it may be gone before this.
 */
void
amplify_call_abandon(AmplifyCall *call)
{
	if (call->transfer != NULL)
		amplify_http_cancel(call->transfer);
	call->transfer = NULL;
	free(call->body);
	call->body = NULL;
}

/* The call that a transfer belongs to */
AmplifyCall *
amplify_call_of(AmplifyTransfer *transfer)
{
	return ((CallTransfer *) transfer)->call;
}

/* The call has a response, but of no use: why, in *failure */
void
amplify_call_bad_response(const AmplifyCall *call, AmplifyFailureKind kind,
						  AmplifyFailure *failure)
{
	memset(failure, 0, sizeof(AmplifyFailure));
	failure->kind = kind;
	failure->attempts = call->attempts.sent;
	failure->status = call->status;
	strlcpy(failure->request_id, call->request_id,
			sizeof(failure->request_id));
}

/* Each lookup has its id made some times: appendStringInfo() is slower */
static void
append_number(StringInfo id, uint32 number, char end)
{
	char		digits[10];		/* of 32 bits */

	appendBinaryStringInfo(id, digits, pg_ultoa_n(number, digits));
	appendStringInfoChar(id, end);
}

static void
append_id(StringInfo id, char what, const char *value)
{
	if (value == NULL)
		return;
	appendStringInfoChar(id, what);
	append_number(id, strlen(value), ':');
	appendStringInfoString(id, value);
}

/* There are no credentials: it has failed as if AWS had said so */
static void
fail_without_keys(AmplifyCall *call, MemoryContext context,
				  const AmplifyLack *lack)
{
	amplify_call_fail(call, context, lack->kind);
	call->failure->provider = lack->provider;
	call->failure->reason = lack->reason == NULL ? NULL :
		MemoryContextStrdup(context, lack->reason);
	if (lack->code != NULL)
		strlcpy(call->failure->code, lack->code, sizeof(call->failure->code));
	call->failure->status = lack->status;
	call->connection->shared->stats.failed++;
}

/* The operation's template with the keys in it, each percent-encoded */
static char *
call_path(const AmplifyCall *call)
{
	const AmplifyTemplate *template = &call->operation->template;
	StringInfoData path;

	initStringInfo(&path);
	for (int i = 0; i <= template->nkeys; i++)
	{
		appendBinaryStringInfo(&path, template->literal[i],
							   template->length[i]);
		if (i < template->nkeys)
			appendStringInfoString(&path,
								   amplify_sign_encode(call->keys.value[template->key[i]]));
	}
	return path.data;
}

static char *
call_query(const AmplifyCall *call)
{
	StringInfoData query;

	initStringInfo(&query);
	if (call->operation->max_page > 0)
	{
		if (call->filter != NULL)
			append_parameter(&query, call->operation->filter, call->filter);
		append_parameter(&query, "maxResults", psprintf("%d", call->page_size));
		if (call->token != NULL)
			append_parameter(&query, "nextToken", call->token);
	}
	return query.data;
}

static void
append_parameter(StringInfo query, const char *name, const char *value)
{
	appendStringInfo(query, "%s%s=%s", query->len > 0 ? "&" : "", name,
					 amplify_sign_encode(value));
}

/* All of an exchange that is the same for each attempt of each call */
static void
exchange_spec(const AmplifyCall *call, AmplifyExchangeSpec *spec)
{
	AmplifyConnection *connection = call->connection;

	amplify_connection_exchange(connection, spec);
	spec->request.service = "amplify";
	spec->request.signer = connection->signer;
	spec->endpoint = &connection->endpoint;
	spec->way.max_size = connection->options.max_response_size;
}

/*
 * Is there to be another attempt, of those that are no patience's?  The clock
 * and the credentials are mended once, which needs no budget.
 */
static bool
may_try_again(AmplifyCall *call, AmplifyOutcome outcome,
			  AmplifyFailure *failure)
{
	if (outcome == AMPLIFY_OUTCOME_RENEW)
		return amplify_identity_expired(call->connection, call->generation);
	if (outcome != AMPLIFY_OUTCOME_RETRY)
		return false;
	if (failure->kind == AMPLIFY_FAILURE_SIGNATURE)
		return true;
	failure->no_retries = !amplify_budget_take(&call->queue->budget,
											   failure->kind,
											   &call->retry_cost);
	return !failure->no_retries;
}

/* The transfer has brought it; the body is the call's from now on */
static void
take_response(AmplifyCall *call)
{
	AmplifyTransfer *transfer = call->transfer;

	call->state = AMPLIFY_CALL_DONE;
	call->status = transfer->status;
	call->carrier = transfer->carrier;
	strlcpy(call->request_id, transfer->response.request_id,
			sizeof(call->request_id));
	call->body = transfer->body;
	call->body_length = transfer->body_length;
	transfer->body = NULL;
}

/* The call has failed for good; *failure is completed, and copied */
static void
take_failure(AmplifyCall *call, MemoryContext context,
			 AmplifyFailure *failure)
{
	failure->attempts = call->attempts.sent;
	if (failure->kind == AMPLIFY_FAILURE_TIMEOUT &&
		amplify_budget_unheard(&call->queue->budget))
		failure->kind = AMPLIFY_FAILURE_SILENT;
	amplify_credential_mask(call->connection, failure);
	call->state = AMPLIFY_CALL_FAILED;
	call->failure = MemoryContextAlloc(context, sizeof(AmplifyFailure));
	*call->failure = *failure;
	call->connection->shared->stats.failed++;
}

/*
 * Throttling is not counted as an attempt: the throttle spaces the calls out,
 * and each waits its turn, but for no longer than throttle_timeout.
 */
static void
wait_for_server(AmplifyCall *call, int64 now)
{
	int64		again_at = amplify_pace_throttled(call->connection, now,
												  call->attempts.started,
												  call->attempts.wish);

	if (call->patience == 0)
		call->patience = patience_from(call, now);
	if (Max(now, again_at) > call->patience)
		return;
	call->state = AMPLIFY_CALL_QUEUED;
	call->deadline = call->attempts.again_at;
}

static int64
patience_from(const AmplifyCall *call, int64 now)
{
	return now + (int64) call->connection->options.throttle_timeout * 1000;
}

static void
release_transfer(AmplifyCall *call)
{
	CallTransfer *ct = (CallTransfer *) call->transfer;

	amplify_http_release(&ct->transfer);
	MemoryContextDelete(ct->strings);
	pfree(ct);
	call->transfer = NULL;
}
