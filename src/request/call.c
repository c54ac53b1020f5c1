/*-------------------------------------------------------------------------
 *
 * call.c
 *	  One call to the API, from its key to its response: the path, the attempts
 *	  and the pauses between them.
 *
 * Not here: which calls are made and who waits for them (fetch.c, statement.c).
 * Nothing here waits, and a call that fails only remembers why: whether that
 * is an error depends on whether anybody needs the response.
 *
 * src/request/call.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "lib/stringinfo.h"
#include "request/amplify_request.h"
#include "utils/memutils.h"

/* AWS's standard retry mode: full jitter below base * 2^i, at most 20 s */
#define RETRY_BASE		(50 * 1000)
#define RETRY_LONGEST	(20 * 1000 * 1000)
#define LONGEST_HINT	(60 * 1000 * 1000)	/* of what a server asks for */

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

static char *call_path(const AmplifyCall *call);
static char *call_query(const AmplifyCall *call);
static void append_parameter(StringInfo query, const char *name,
							 const char *value);
static void renew(AmplifyCall *call, AmplifyFailureKind kind);
static void retry_later(AmplifyCall *call, int64 now);
static void wait_for_server(AmplifyCall *call, int64 now, int64 retry_after);
static int64 retry_after(const AmplifyHttpHeaders *headers);
static void release_transfer(AmplifyCall *call);

/*
 * All that decides the response.  Lengths keep values apart: a name may hold
 * any character.
 */
const char *
amplify_call_id(const AmplifyCall *call)
{
	StringInfoData id;

	initStringInfo(&id);
	appendStringInfo(&id, "%p %s %d", call->connection, call->operation->name,
					 call->page_size);
	for (int i = 0; i < AMPLIFY_MAX_KEYS; i++)
	{
		const char *value = call->keys.value[i];

		if (value != NULL)
			appendStringInfo(&id, " %d=%zu:%s", i, strlen(value), value);
	}
	if (call->filter != NULL)
		appendStringInfo(&id, " f=%zu:%s", strlen(call->filter), call->filter);
	if (call->token != NULL)
		appendStringInfo(&id, " t=%s", call->token);
	return id.data;
}

/*
 * Make an attempt.  Returns false if the call has failed already.  The
 * transfer goes onto *completed when it is done; amplify_call_finish() is for
 * the caller then.  May wait for credentials.
 */
bool
amplify_call_start(AmplifyCall *call, MemoryContext context,
				   dlist_head *completed)
{
	AmplifyConnection *connection = call->connection;
	const AmplifyOptions *options = &connection->options;
	CallTransfer *ct;
	AmplifyTransfer *transfer;
	MemoryContext oldcontext;
	AmplifyCredentials credentials;
	AmplifySignSpec spec = {
		.service = "amplify",
		.region = options->region,
		.signer = connection->signer,
		.endpoint = &connection->endpoint,
		.credentials = &credentials,
	};
	bool		signed_;

	if (!amplify_credential_get(connection, &credentials))
	{
		amplify_call_fail(call, context, AMPLIFY_FAILURE_NO_CREDENTIALS);
		call->failure->provider = connection->lacking;
		call->failure->reason = connection->reason ?
			MemoryContextStrdup(context, connection->reason) : NULL;
		return false;
	}
	call->generation = credentials.generation;
	spec.clock_offset = connection->shared->clock_offset;
	call->clock_offset = spec.clock_offset;

	ct = MemoryContextAllocZero(context, sizeof(CallTransfer));
	transfer = &ct->transfer;
	ct->call = call;
	ct->strings = AllocSetContextCreate(context, "amplify_fdw request",
										ALLOCSET_SMALL_SIZES);
	oldcontext = MemoryContextSwitchTo(ct->strings);
	spec.path = call_path(call);
	spec.query = call_query(call);
	signed_ = amplify_sign_request(&spec, transfer);
	MemoryContextSwitchTo(oldcontext);
	call->transfer = transfer;
	call->attempts++;
	if (!signed_)
	{
		release_transfer(call);
		amplify_call_fail(call, context, AMPLIFY_FAILURE_SIGNING);
		return false;
	}

	transfer->url = connection->endpoint.url;
	transfer->ca_bundle = options->ca_bundle;
	transfer->proxy = options->proxy;
	transfer->proxy_user = options->proxy_user;
	transfer->proxy_password = options->proxy_password;
	transfer->connect_timeout = options->connect_timeout;
	transfer->timeout = options->request_timeout;
	transfer->max_size = options->max_response_size;
	transfer->public_only = connection->endpoint.public_only &&
		options->proxy == NULL;
	transfer->fresh = call->fresh;
	transfer->use = &connection->shared->use;
	transfer->completed = completed;

	call->state = AMPLIFY_CALL_ACTIVE;
	call->started = amplify_loop_now();
	amplify_throttle_started(connection->shared, call->started);
	amplify_connection_count(connection, call->operation);
	call->counters->calls++;
	if (call->attempts > 1)
	{
		call->counters->retries++;
		connection->shared->stats.retries++;
	}
	amplify_http_submit(transfer);
	amplify_sign_forget(transfer);
	return true;
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
	int64		now = amplify_loop_now();
	AmplifyFailure failure;
	AmplifyOutcome outcome = amplify_outcome_classify(transfer, &failure);

	call->fresh = amplify_http_is_suspect(transfer);
	call->counters->bytes += transfer->received;
	server->stats.bytes += transfer->received;
	if (outcome == AMPLIFY_OUTCOME_THROTTLED)
	{
		call->counters->throttled++;
		server->stats.throttled++;
		wait_for_server(call, now, retry_after(&transfer->response));
	}
	else
	{
		amplify_throttle_accepted(server, now);
		if (outcome == AMPLIFY_OUTCOME_RETRY)
			retry_later(call, now);
		else if (outcome == AMPLIFY_OUTCOME_RENEW)
			renew(call, failure.kind);
	}

	/* a list that is not there is no empty list, nor the end of one */
	if (outcome == AMPLIFY_OUTCOME_NOT_FOUND &&
		(strchr(call->operation->path, '{') == NULL || call->token != NULL))
	{
		outcome = AMPLIFY_OUTCOME_FAIL;
		if (call->token != NULL)
			failure.kind = AMPLIFY_FAILURE_LIST_GONE;
	}

	if (outcome == AMPLIFY_OUTCOME_OK)
	{
		call->state = AMPLIFY_CALL_DONE;
		call->status = transfer->status;
		strlcpy(call->request_id, transfer->response.request_id,
				sizeof(call->request_id));
		call->body = transfer->body;
		call->body_length = transfer->body_length;
		transfer->body = NULL;
	}
	else if (outcome == AMPLIFY_OUTCOME_NOT_FOUND)
	{
		call->state = AMPLIFY_CALL_DONE;
		call->not_found = true;
		call->counters->not_found++;
		server->stats.not_found++;
	}
	else if (outcome == AMPLIFY_OUTCOME_FAIL || call->state != AMPLIFY_CALL_QUEUED)
	{
		failure.attempts = call->attempts;
		amplify_credential_mask(call->connection, &failure);
		call->state = AMPLIFY_CALL_FAILED;
		call->failure = MemoryContextAlloc(context, sizeof(AmplifyFailure));
		*call->failure = failure;
		server->stats.failed++;
	}
	release_transfer(call);
}

/* There was no descriptor for the transfer: it was no attempt, nor a call */
void
amplify_call_requeue(AmplifyCall *call)
{
	release_transfer(call);
	call->attempts--;
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
	call->failure->attempts = call->attempts;
	call->state = AMPLIFY_CALL_FAILED;
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

/* The operation's template with the keys in it, each percent-encoded */
static char *
call_path(const AmplifyCall *call)
{
	StringInfoData path;
	const char *p = call->operation->path;

	initStringInfo(&path);
	while (*p != '\0')
	{
		int			literal = strcspn(p, "{");
		const char *close;
		char	   *name;

		appendBinaryStringInfo(&path, p, literal);
		p += literal;
		if (*p == '\0')
			break;
		close = strchr(p, '}');
		name = pnstrdup(p + 1, close - p - 1);
		appendStringInfoString(&path,
							   amplify_sign_encode(call->keys.value[amplify_resource_key(call->resource, name)]));
		p = close + 1;
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

/* Queue another attempt, unless that was the last one */
static void
retry_later(AmplifyCall *call, int64 now)
{
	double		longest = Min((double) RETRY_BASE * (1 << Min(call->faults, 20)),
							  (double) RETRY_LONGEST);

	call->faults++;
	if (call->faults >= call->connection->options.max_attempts)
		return;
	call->state = AMPLIFY_CALL_QUEUED;
	call->deadline = now +
		(int64) (pg_prng_double(&pg_global_prng_state) * longest);
}

/*
 * Queue another attempt if what was wrong is known better now: once with other
 * credentials, once with another time.
 */
static void
renew(AmplifyCall *call, AmplifyFailureKind kind)
{
	bool		reclock = kind == AMPLIFY_FAILURE_SIGNATURE;
	bool	   *tried = reclock ? &call->reclocked : &call->refreshed;

	if (*tried)
		return;
	*tried = true;
	if (reclock ?
		amplify_sign_set_clock(&call->connection->shared->clock_offset,
							   &call->transfer->response, call->clock_offset) :
		amplify_credential_expired(call->connection, call->generation))
	{
		call->state = AMPLIFY_CALL_QUEUED;
		call->deadline = 0;
	}
}

/*
 * Throttling is not counted as an attempt: the throttle spaces the calls out,
 * and each waits its turn, but for no longer than throttle_timeout.
 */
static void
wait_for_server(AmplifyCall *call, int64 now, int64 retry_after)
{
	amplify_throttle_throttled(call->connection->shared, now, call->started,
							   retry_after);
	if (call->patience == 0)
		call->patience = now +
			(int64) call->connection->options.throttle_timeout * 1000;
	if (Max(now, amplify_throttle_next_start(call->connection->shared)) > call->patience)
		return;
	call->state = AMPLIFY_CALL_QUEUED;
	call->deadline = now + retry_after;
}

/* How long the server wants us to wait, in microseconds; 0: it doesn't say */
static int64
retry_after(const AmplifyHttpHeaders *headers)
{
	int64		wish = 0;

	if (headers->amz_retry_after[0] != '\0')
		wish = (int64) strtol(headers->amz_retry_after, NULL, 10) * 1000;
	else if (headers->retry_after[0] != '\0')
		wish = (int64) strtol(headers->retry_after, NULL, 10) * USECS_PER_SEC;
	return wish < 0 ? 0 : Min(wish, LONGEST_HINT);
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
