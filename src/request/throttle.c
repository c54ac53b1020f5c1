/*-------------------------------------------------------------------------
 *
 * throttle.c
 *	  How fast a server may be asked: a rate that is learnt from refusals, and
 *	  one that its option max_rate sets.
 *
 * AWS publishes no request rate for Amplify, so there is nothing to configure.
 * A server is asked as fast as its concurrency allows until it throttles.
 * Then its calls are spaced out, and the number that it accepts in an interval
 * in which it also refused some is the rate that it grants; while it refuses
 * none, the rate grows again.  (Additive increase would be too slow: the rate
 * is not known to an order of magnitude.)  Option max_rate is a bound beside
 * that, and knows nothing of what AWS does.
 *
 * Nothing here waits; the caller asks when the next call may start.
 *
 * src/request/throttle.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "request/amplify_request.h"

#define WINDOW			(100 * 1000)	/* microseconds that are measured */
#define FIRST_RATE		200.0	/* after the first refusal, at most */
#define SLOWEST_RATE	0.5		/* calls a second */
#define GROWTH			1.1		/* per interval without a refusal */
#define UNLIMITED_RATE	10000.0 /* not worth spacing out any more */
#define FIRST_PAUSE		(50 * 1000)
#define LONGEST_PAUSE	(5 * 1000 * 1000)
#define JITTER			(WINDOW / 4)	/* that is made up for */
#define LONGEST_PERIOD	(365.0 * 86400 * USECS_PER_SEC)

static void close_window(AmplifyServer *server, int64 now);

/* When the next call may start, on amplify_loop_now()'s clock */
int64
amplify_throttle_next_start(const AmplifyServer *server)
{
	return Max(server->next_start, server->own_start);
}

/*
 * What was not used in the past is lost, but for some jitter.  Since that may
 * add to a second, max_rate is taken as the most in a second and that much.
 */
void
amplify_throttle_started(AmplifyServer *server, int64 now)
{
	int64		second = USECS_PER_SEC + JITTER;

	if (server->rate > 0)
		server->next_start = Max(server->next_start, now - JITTER) +
			(int64) (USECS_PER_SEC / server->rate);
	if (server->max_rate > 0)
		server->own_start = Max(server->own_start, now - JITTER) +
			(int64) Min(second / server->max_rate, LONGEST_PERIOD);
}

/* The server has answered something other than "slow down" */
void
amplify_throttle_accepted(AmplifyServer *server, int64 now)
{
	server->refusals = 0;
	server->window_accepted++;
	close_window(server, now);
}

/*
 * The server has refused a call that had started at that time.  retry_after
 * is its own wish in microseconds; 0 when it had none.  Returns when it may be
 * asked again, max_rate aside.
 */
int64
amplify_throttle_throttled(AmplifyServer *server, int64 now, int64 started,
						   int64 retry_after)
{
	server->window_throttled++;

	/* a burst that was under way at the first refusal counts once */
	if (started >= server->slowed)
	{
		int64		pause = FIRST_PAUSE << Min(server->refusals, 10);

		server->refusals++;
		server->slowed = now;
		server->next_start = now + Min(pause, LONGEST_PAUSE);
		if (server->rate == 0)
		{
			server->rate = FIRST_RATE;
			server->window_start = server->next_start;
			server->window_accepted = server->window_throttled = 0;
		}
	}
	server->next_start = Max(server->next_start, now + retry_after);
	close_window(server, now);
	return server->next_start;
}

static void
close_window(AmplifyServer *server, int64 now)
{
	int64		elapsed = now - server->window_start;

	if (server->rate == 0 || elapsed < WINDOW)
		return;

	if (server->window_throttled > 0)
		server->rate = Max(server->window_accepted * (double) USECS_PER_SEC / elapsed,
						   server->rate / 2);
	else
		server->rate = server->rate * GROWTH + 1;
	server->rate = Max(server->rate, SLOWEST_RATE);
	if (server->rate > UNLIMITED_RATE)
		server->rate = 0;
	server->window_start = now;
	server->window_accepted = server->window_throttled = 0;
}
