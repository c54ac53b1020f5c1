/*-------------------------------------------------------------------------
 *
 * throttle.c
 *	  How fast a server may be asked: a rate that is learnt from refusals, and
 *	  one that its option max_rate sets.
 *
 * AWS publishes no request rate for Amplify, so there is nothing to
 * configure.  A server is asked as fast as its concurrency allows until it
 * throttles.  Then its calls are spaced out, and the number that it accepts
 * in an interval in which it also refused some is the rate that it grants;
 * while it refuses none, the rate grows again.  (Additive increase would be
 * too slow: the rate is not known to an order of magnitude.  But a refusal
 * costs others of the account, too, so that the growth is slow at first.)
 * Option max_rate is a bound beside that, and knows nothing of what AWS does.
 *
 * Nothing here waits, and nothing is known of who else shares a rate; the
 * caller sees to it that nobody else changes it meanwhile.  It has no failing
 * path; what it computes is in unit/throttle.t, what comes of that in
 * throttle.sql and rate.t.
 *
 * src/request/throttle.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "request/amplify_request.h"

#define WINDOW			(100 * 1000)	/* microseconds that are measured */
#define OPENING_RATE	2000.0	/* of many sessions, before any refusal */
#define FIRST_RATE		200.0	/* after the first refusal, at most */
#define SLOWEST_RATE	0.5		/* calls a second */
#define GROWTH			0.1		/* per interval without a refusal, */
#define CALM			16		/* once there have been so many */
#define UNLIMITED_RATE	10000.0 /* not worth spacing out any more */
#define FIRST_PAUSE		(50 * 1000)
#define LONGEST_PAUSE	(5 * 1000 * 1000)
#define JITTER			(WINDOW / 4)	/* that is made up for */
#define HORIZON			((int64) USECS_PER_SEC) /* of starts that are given */
#define LONGEST_PERIOD	(365.0 * 86400 * USECS_PER_SEC)

static void close_window(AmplifyRate *rate, int64 now);
static void learn_rate(AmplifyRate *rate, int64 now);
static void grow_rate(AmplifyRate *rate);
static double calls_a_second(int64 calls, int64 elapsed);

/*
 * Begin a rate that is shared.  Many sessions may start at once, and would
 * have sent hundreds of calls before one is refused.  So they are not
 * unlimited from the first moment on, but after some intervals in which
 * nothing is refused.
 */
void
amplify_throttle_open(AmplifyRate *rate, int64 now)
{
	rate->rate = OPENING_RATE;
	rate->window_start = now;
}

/*
 * May a session start a call now?  Returns now if it may, and it is counted as
 * started; else when to ask again.  *turn is the session's own, zeroed before
 * the first time.
 *
 * While calls are spaced out, each session that has to wait is given the next
 * free start, and no other one before it has used that: so they take turns,
 * and none wakes up for nothing.  A start is assigned at most a second before
 * its time, so little is lost if its session ends.
 */
int64
amplify_throttle_take(AmplifyRate *rate, AmplifyTurn *turn, int64 now)
{
	int64		start = turn->start;

	if (start == 0 || turn->pauses != rate->pauses || start < now - WINDOW)
	{
		turn->start = 0;
		if (rate->rate == 0)
			return Max(rate->next_start, now);
		if (rate->next_start > now + HORIZON)
			return rate->next_start - HORIZON;
		/* what was not used in the past is lost, but for some jitter */
		start = Max(rate->next_start, now - JITTER);
		rate->next_start = start + (int64) (USECS_PER_SEC / rate->rate);
	}
	rate->pressed |= start > now;
	turn->start = start > now ? start : 0;
	turn->pauses = rate->pauses;
	return Max(start, now);
}

/*
 * A call starts, of those that max_rate allows in a second: when may the next
 * one?  As above, some jitter is made up for; that many more must fit into a
 * second.
 */
int64
amplify_throttle_own_start(int64 own_start, double max_rate, int64 now)
{
	int64		second = USECS_PER_SEC + JITTER;

	return Max(own_start, now - JITTER) +
		(int64) Min(second / max_rate, LONGEST_PERIOD);
}

/* The server has answered something other than "slow down" */
void
amplify_throttle_accepted(AmplifyRate *rate, int64 now)
{
	rate->refusals = 0;
	rate->window_accepted++;
	rate->learnt_accepted++;
	close_window(rate, now);
}

/*
 * The server has refused a call that had started at that time.  retry_after
 * is its own wish in microseconds; 0 when it had none.  Returns when it may be
 * asked again.
 */
int64
amplify_throttle_throttled(AmplifyRate *rate, int64 now, int64 started,
						   int64 retry_after)
{
	rate->window_throttled++;

	/* a burst that was under way at the first refusal counts once */
	if (started >= rate->slowed)
	{
		int64		pause = FIRST_PAUSE << Min(rate->refusals, 10);

		rate->refusals++;
		rate->next_start = now + Min(pause, LONGEST_PAUSE);
		rate->pauses++;
		if (rate->rate == 0 || rate->slowed == 0)
		{
			rate->rate = FIRST_RATE;
			rate->window_start = rate->next_start;
			rate->window_accepted = rate->window_throttled = 0;
			rate->learnt = 0;
		}
		rate->slowed = now;
	}
	if (rate->next_start < now + retry_after)
	{
		rate->next_start = now + retry_after;
		rate->wished = rate->next_start;
		rate->pauses++;
	}
	close_window(rate, now);
	return rate->next_start;
}

/* Take the measure of an interval that has ended */
static void
close_window(AmplifyRate *rate, int64 now)
{
	int64		elapsed = now - rate->window_start;

	if (rate->rate == 0 || elapsed < WINDOW)
		return;

	if (rate->window_throttled > 0)
		learn_rate(rate, now);
	else
		grow_rate(rate);
	rate->window_start = now;
	rate->window_accepted = rate->window_throttled = 0;
	rate->pressed = false;
}

/*
 * Some were refused: what was accepted is what is granted.  Between one
 * refusal and the next that is exact, however large a burst the server lets
 * through, unless too little was asked for.
 */
static void
learn_rate(AmplifyRate *rate, int64 now)
{
	double		granted = calls_a_second(rate->window_accepted,
										 now - rate->window_start);

	if (rate->learnt != 0)
		granted = Max(granted, calls_a_second(rate->learnt_accepted,
											  now - rate->learnt));
	rate->rate = Max(Min(granted, rate->rate), rate->rate / 2);
	rate->rate = Max(rate->rate, SLOWEST_RATE);
	rate->learnt = now;
	rate->learnt_accepted = 0;
	rate->calm = 0;
}

/*
 * None was refused: try more if somebody had to wait, the sooner the longer it
 * is since the rate has been learnt; what is known no better than FIRST_RATE
 * grows at once.
 */
static void
grow_rate(AmplifyRate *rate)
{
	double		share = 1;

	if (!rate->pressed)
		return;
	if (rate->learnt != 0)
	{
		rate->calm = Min(rate->calm + 1, CALM);
		share = (double) rate->calm / CALM;
	}
	if (rate->slowed == 0)
		rate->rate *= 2;		/* nothing was ever refused */
	else
		rate->rate += share * (rate->rate * GROWTH + 1);
	if (rate->rate > UNLIMITED_RATE)
		rate->rate = 0;
}

static double
calls_a_second(int64 calls, int64 elapsed)
{
	return calls * (double) USECS_PER_SEC / elapsed;
}
