/*-------------------------------------------------------------------------
 *
 * pace.c
 *	  When a connection may make its next call, and what comes of its calls.
 *
 * Two bounds are kept: the server's option max_rate, which is this session's
 * own, and the rate that AWS grants.  That belongs to an account at an
 * endpoint, and is shared by all sessions once a response has told the account
 * of this connection's identity; until then, and where there is no shared
 * memory, it is the session's, for each server.
 *
 * src/request/pace.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "request/amplify_request.h"

static void join_rate(AmplifyConnection *connection, uint64 key, int64 now);
static AmplifyRate *lock_rate(AmplifyConnection *connection, int64 now);
static void unlock_rate(const AmplifyConnection *connection,
						const AmplifyRate *rate);

/* No call can start before that: a reason to wait, but no right to start */
int64
amplify_pace_next_start(const AmplifyConnection *connection)
{
	return connection->next_start;
}

/* May a call start now?  Then it counts as started. */
bool
amplify_pace_start(AmplifyConnection *connection)
{
	AmplifyServer *server = connection->shared;
	int64		now = amplify_loop_now();
	int64		start;
	AmplifyRate *rate;

	connection->next_start = server->own_start;
	if (server->max_rate > 0 && server->own_start > now)
		return false;
	rate = lock_rate(connection, now);
	start = amplify_throttle_take(rate, &connection->turn, now);
	connection->wished = rate->wished;
	unlock_rate(connection, rate);
	if (start > now)
	{
		connection->next_start = start;
		return false;
	}
	if (server->max_rate > 0)
		server->own_start = amplify_throttle_own_start(server->own_start,
													   server->max_rate, now);
	return true;
}

/* AWS has answered something other than "slow down" */
void
amplify_pace_accepted(AmplifyConnection *connection, int64 now)
{
	AmplifyRate *rate = lock_rate(connection, now);

	amplify_throttle_accepted(rate, now);
	unlock_rate(connection, rate);
}

/*
 * AWS has refused a call that had started at that time, and wishes that it be
 * left alone for so long.  Returns when it may be asked again, max_rate aside.
 */
int64
amplify_pace_throttled(AmplifyConnection *connection, int64 now, int64 started,
					   int64 retry_after)
{
	AmplifyRate *rate = lock_rate(connection, now);
	int64		again_at;

	again_at = amplify_throttle_throttled(rate, now, started, retry_after);
	connection->wished = rate->wished;
	unlock_rate(connection, rate);
	if (connection->rate_key == 0)
		connection->refused = started;
	amplify_rate_tell();
	return again_at;
}

/*
 * page is the response to call: if it tells the account, go by the rate that
 * all share.
 */
void
amplify_pace_learn(const AmplifyCall *call, AmplifyResponse *page)
{
	AmplifyConnection *connection = call->connection;
	char	   *account = NULL;
	int64		now;

	if (!amplify_rate_is_shared() ||
		(connection->rate_key != 0 &&
		 connection->rate_generation == call->generation))
		return;
	if (amplify_response_count(page) == 0 ||
		amplify_resource_item_arn(call->resource, amplify_response_item(page, 0),
								  &account, NULL) != AMPLIFY_ARN_OWN)
	{
		/* an ARN that can't be read has one, too */
		if (account != NULL)
			pfree(account);
		return;
	}
	now = amplify_loop_now();
	connection->rate_generation = call->generation;
	join_rate(connection, amplify_rate_key(&connection->endpoint, account), now);
	if (connection->rate_identity != 0 && connection->rate_key != 0)
		amplify_rate_tell_account(connection->rate_identity,
								  connection->rate_key, now);
	pfree(account);
}

/* From now on, go by that rate.  A refusal that came before is news for it. */
static void
join_rate(AmplifyConnection *connection, uint64 key, int64 now)
{
	AmplifyRate *rate;

	if (key == connection->rate_key)
		return;
	connection->rate_key = key;
	connection->turn.start = 0;
	if (key == 0 || connection->refused == 0)
		return;
	rate = lock_rate(connection, now);
	(void) amplify_throttle_throttled(rate, now, connection->refused, 0);
	unlock_rate(connection, rate);
	connection->refused = 0;
}

/* Until unlock_rate(), nothing may be done that takes long or throws */
static AmplifyRate *
lock_rate(AmplifyConnection *connection, int64 now)
{
	AmplifyRate *rate = NULL;

	if (connection->rate_key == 0 && connection->rate_identity != 0)
		join_rate(connection,
				  amplify_rate_account(connection->rate_identity, now), now);
	if (connection->rate_key != 0)
		rate = amplify_rate_lock(connection->rate_key, now);
	if (rate != NULL && rate->window_start == 0)
		amplify_throttle_open(rate, now);
	return rate != NULL ? rate : &connection->shared->rate;
}

static void
unlock_rate(const AmplifyConnection *connection, const AmplifyRate *rate)
{
	if (rate != &connection->shared->rate)
		amplify_rate_unlock();
}
