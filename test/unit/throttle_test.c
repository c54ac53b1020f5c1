/*-------------------------------------------------------------------------
 *
 * throttle_test.c
 *	  Tests of src/request/throttle.c; prints TAP.
 *
 * The limiter is a function of what has happened to the calls of one server
 * and of the time that it is told, so that a table says all of it.  Its
 * contract, in the order of the table:
 *
 *	- A server that has refused nothing is not limited.  If sessions share the
 *	  rate, they begin with 2,000 calls a second, which are doubled after each
 *	  interval in which somebody had to wait.
 *	- The first refusal limits it to 200 calls a second and pauses for 50 ms;
 *	  each further one in a row doubles the pause, up to 5 s, and an accepted
 *	  call ends the row.
 *	- What was started before the last refusal that counted counts no more:
 *	  a burst is refused once.
 *	- The server's own wish (Retry-After) lengthens the pause, never shortens
 *	  it, and holds for refusals of a burst, too.
 *	- Calls are spaced out evenly; of the time that no call has used, 25 ms
 *	  are made up for and no more.
 *	- After each interval of at least 100 ms in which anything was refused, the
 *	  rate is what was accepted in it, or since the last such interval if that
 *	  is more; but no more than it was, no less than half of that, and no less
 *	  than one call in 2 s.
 *	- After each other one in which somebody had to wait, it grows by a tenth
 *	  and one; by a sixteenth of that, two sixteenths and so on after one with
 *	  refusals.
 *	- Beyond 10,000 calls a second the limit ends.
 *	- Option max_rate spaces calls out as well, so that no second has more of
 *	  them, and in the long run 40 of 41 are used.  It is no rate that is
 *	  learnt: no refusal, pause or growth changes it, nor does it change them.
 *	- Sessions that share a rate take turns: who has to wait is given the next
 *	  start that is free, and one at a time.  It may be used up to 100 ms late.
 *	  A pause takes them all away, and none is given more than a second ahead,
 *	  so that those of sessions that are gone delay nobody for longer.
 *
 * test/unit/throttle_test.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>
#include <stdio.h>

#include "request/amplify_request.h"

#undef printf					/* the C library's will do */

typedef enum Event
{
	OPENED,
	STARTED,
	ACCEPTED,
	REFUSED
} Event;

/* Times are in milliseconds */
typedef struct Step
{
	const char *scenario;		/* begins one, with a new server; else NULL */
	Event		event;
	int			times;			/* in a row, */
	double		interval;		/* so far from each other */
	double		at;				/* when the first one is */
	double		started;		/* REFUSED: when the last of those calls was,
								 * before it is refused */
	double		retry_after;	/* REFUSED: what the server wants */
	double		rate;			/* what must come of it */
	double		next_start;
	double		max_rate;		/* of the scenario: the option */
	bool		idle;			/* nobody has to wait */
} Step;

static const Step steps[] = {
	{"not limited", STARTED, 1000, 0, 10000, 0, 0, 0, 0},
	{NULL, ACCEPTED, 1000, 1, 10100, 0, 0, 0, 0},
	{NULL, STARTED, 1, 0, 12000, 0, 0, 0, 0},

	{"opened", OPENED, 1, 0, 10000, 0, 0, 2000, 0},
	{NULL, STARTED, 50, 0, 10000, 0, 0, 2000, 10000},
	{NULL, STARTED, 20, 0, 10000, 0, 0, 2000, 10010},
	{NULL, ACCEPTED, 1, 0, 10099, 0, 0, 2000, 10010},
	{NULL, ACCEPTED, 1, 0, 10100, 0, 0, 4000, 10010},
	{NULL, ACCEPTED, 1, 0, 10200, 0, 0, 8000, 10010},
	{NULL, ACCEPTED, 1, 0, 10300, 0, 0, 0, 10010},
	{NULL, ACCEPTED, 9, 100, 10400, 0, 0, 0, 10010},
	{"opened, and nobody waits", OPENED, 1, 0, 10000, 0, 0, 2000, 0},
	{NULL, ACCEPTED, 50, 100, 10100, 0, 0, 2000, 0, 0, true},
	{"opened, and refused", OPENED, 1, 0, 10000, 0, 0, 2000, 0},
	{NULL, REFUSED, 1, 0, 10030, 10, 0, 200, 10080},
	{NULL, ACCEPTED, 1, 0, 10180, 0, 0, 221, 10080},

	{"first refusal", STARTED, 1, 0, 10000, 0, 0, 0, 0},
	{NULL, REFUSED, 1, 0, 10010, 10, 0, 200, 10060},
	{NULL, STARTED, 1, 0, 10060, 0, 0, 200, 10065},

	{"a row of refusals", REFUSED, 1, 0, 10000, 10, 0, 200, 10050},
	{NULL, REFUSED, 1, 0, 10060, 10, 0, 200, 10160},
	{NULL, REFUSED, 1, 0, 10170, 10, 0, 100, 10370},
	{NULL, REFUSED, 1, 0, 10380, 10, 0, 50, 10780},
	{NULL, REFUSED, 1, 0, 10790, 10, 0, 25, 11590},
	{NULL, REFUSED, 1, 0, 11600, 10, 0, 12.5, 13200},
	{NULL, REFUSED, 1, 0, 13210, 10, 0, 6.25, 16410},
	{NULL, REFUSED, 1, 0, 16420, 10, 0, 3.125, 21420},
	{NULL, REFUSED, 1, 0, 21430, 10, 0, 1.5625, 26430},
	{NULL, REFUSED, 1, 0, 26440, 10, 0, 0.78125, 31440},
	{NULL, REFUSED, 1, 0, 31450, 10, 0, 0.5, 36450},
	{NULL, REFUSED, 5, 6000, 40000, 10, 0, 0.5, 69000},
	{NULL, REFUSED, 33, 6000, 70000, 10, 0, 0.5, 267000},

	{"an accepted call ends the row", REFUSED, 1, 0, 10000, 10, 0, 200, 10050},
	{NULL, REFUSED, 1, 0, 10060, 10, 0, 200, 10160},
	{NULL, ACCEPTED, 1, 0, 10100, 0, 0, 200, 10160},
	{NULL, REFUSED, 1, 0, 10110, 0, 0, 200, 10160},

	{"a burst counts once", REFUSED, 1, 0, 10010, 10, 0, 200, 10060},
	{NULL, REFUSED, 50, 0.1, 10011, 10, 0, 200, 10060},
	{NULL, REFUSED, 1, 0, 10060, 51, 0, 200, 10060},
	{NULL, REFUSED, 1, 0, 10061, 51, 0, 200, 10161},
	{NULL, REFUSED, 1, 0, 10062, 10, 0, 200, 10161},

	{"the server's wish", REFUSED, 1, 0, 10000, 10, 20, 200, 10050},
	{NULL, REFUSED, 1, 0, 10001, 10, 3000, 200, 13001},
	{NULL, REFUSED, 1, 0, 10002, 10, 2000, 200, 13001},
	{"the server's wish at once", REFUSED, 1, 0, 10000, 10, 700, 200, 10700},
	{NULL, ACCEPTED, 1, 0, 10720, 0, 0, 221, 10700},

	{"spacing", REFUSED, 1, 0, 10000, 10, 0, 200, 10050},
	{NULL, STARTED, 1, 0, 10050, 0, 0, 200, 10055},
	{NULL, STARTED, 10, 0, 10050, 0, 0, 200, 10105},
	{NULL, STARTED, 1, 0, 20000, 0, 0, 200, 19980},
	{NULL, STARTED, 4, 0, 20000, 0, 0, 200, 20000},
	{NULL, STARTED, 1, 0, 20000, 0, 0, 200, 20005},
	{NULL, STARTED, 1, 0, 20024, 0, 0, 200, 20010},

	{"growth", REFUSED, 1, 0, 10000, 10, 0, 200, 10050},
	{NULL, ACCEPTED, 5, 10, 10100, 0, 0, 200, 10050},
	{NULL, ACCEPTED, 1, 0, 10149, 0, 0, 200, 10050},
	{NULL, ACCEPTED, 1, 0, 10150, 0, 0, 221, 10050},
	{NULL, ACCEPTED, 1, 0, 10249, 0, 0, 221, 10050},
	{NULL, ACCEPTED, 1, 0, 10260, 0, 0, 244.1, 10050},
	{NULL, ACCEPTED, 1, 0, 10350, 0, 0, 244.1, 10050},
	{NULL, ACCEPTED, 1, 0, 10360, 0, 0, 269.51, 10050},

	{"the rate that is granted", ACCEPTED, 500, 0, 10000, 0, 0, 0, 0},
	{NULL, REFUSED, 1, 0, 10000, 10, 0, 200, 10050},
	{NULL, ACCEPTED, 15, 5, 10060, 0, 0, 200, 10050},
	{NULL, REFUSED, 1, 0, 10150, 100, 0, 150, 10200},
	{NULL, ACCEPTED, 11, 1, 10210, 0, 0, 150, 10200},
	{NULL, REFUSED, 1, 0, 10240, 10, 0, 150, 10290},
	{NULL, ACCEPTED, 1, 0, 10270, 0, 0, 100, 10290},
	{NULL, ACCEPTED, 1, 0, 10370, 0, 0, 100.6875, 10290},
	{NULL, REFUSED, 1, 0, 10400, 10, 0, 100.6875, 10450},
	{NULL, ACCEPTED, 1, 0, 10470, 0, 0, 50.34375, 10450},
	{"what is granted between two refusals", REFUSED, 1, 0, 10000, 10, 0, 200, 10050},
	{NULL, ACCEPTED, 9, 1, 10060, 0, 0, 200, 10050},
	{NULL, REFUSED, 1, 0, 10110, 10, 0, 200, 10160},
	{NULL, ACCEPTED, 1, 0, 10150, 0, 0, 100, 10160},
	{NULL, ACCEPTED, 8, 0, 10210, 0, 0, 100, 10160},
	{NULL, REFUSED, 1, 0, 10250, 10, 0, 80, 10300},
	{NULL, ACCEPTED, 9, 0, 10300, 0, 0, 80, 10300},
	{NULL, ACCEPTED, 9, 0, 10349, 0, 0, 80, 10300},
	{NULL, REFUSED, 1, 0, 10350, 10, 0, 80, 10400}, /* no more than it was */
	{NULL, ACCEPTED, 40, 10, 10360, 0, 0, 85.749148804, 10400},
	{NULL, REFUSED, 1, 0, 10860, 10, 0, 78.431372549, 10910},	/* 40 */
	{"slow growth of what has been learnt", REFUSED, 1, 0, 10000, 10, 0, 200, 10050},
	{NULL, ACCEPTED, 9, 1, 10060, 0, 0, 200, 10050},
	{NULL, REFUSED, 1, 0, 10110, 10, 0, 200, 10160},
	{NULL, ACCEPTED, 1, 0, 10150, 0, 0, 100, 10160},
	{NULL, ACCEPTED, 4, 100, 10250, 0, 0, 107.026737427, 10160},
	{NULL, ACCEPTED, 12, 100, 10650, 0, 0, 240.304894540, 10160},
	{NULL, ACCEPTED, 1, 0, 11850, 0, 0, 265.335383994, 10160},
	{"nobody waits", REFUSED, 1, 0, 10000, 10, 0, 200, 10050},
	{NULL, ACCEPTED, 50, 100, 10150, 0, 0, 200, 10050, 0, true},

	{"the limit ends", REFUSED, 1, 0, 10000, 10, 0, 200, 10050},
	{NULL, ACCEPTED, 39, 100, 10150, 0, 0, 8630.4033357427, 10050},
	{NULL, ACCEPTED, 1, 0, 14050, 0, 0, 9494.4436693170, 10050},
	{NULL, ACCEPTED, 1, 0, 14150, 0, 0, 0, 10050},
	{NULL, STARTED, 1, 0, 14150, 0, 0, 0, 10050},
	{NULL, ACCEPTED, 50, 100, 14250, 0, 0, 0, 10050},
	{"... and begins anew", REFUSED, 1, 0, 10000, 10, 0, 200, 10050},
	{NULL, ACCEPTED, 42, 100, 10150, 0, 0, 0, 10050},
	{NULL, REFUSED, 1, 0, 30000, 10, 0, 200, 30050},
	{NULL, ACCEPTED, 1, 0, 30150, 0, 0, 221, 30050},

	{"max_rate", STARTED, 1, 0, 10000, 0, 0, 0, 10016, 25},
	{NULL, STARTED, 1, 0, 10016, 0, 0, 0, 10057},
	{NULL, STARTED, 23, 41, 10057, 0, 0, 0, 11000},
	{NULL, STARTED, 1, 0, 11000, 0, 0, 0, 11041},
	{NULL, ACCEPTED, 25, 0, 11041, 0, 0, 0, 11041},
	{NULL, STARTED, 1, 0, 11060, 0, 0, 0, 11082},
	{NULL, STARTED, 1, 0, 11100, 0, 0, 0, 11123},
	{NULL, STARTED, 1, 0, 19975, 0, 0, 0, 19991},
	{"max_rate below what is granted", REFUSED, 1, 0, 10000, 10, 0, 200, 10050, 10},
	{NULL, STARTED, 1, 0, 10050, 0, 0, 200, 10127.5},
	{NULL, REFUSED, 1, 0, 10100, 50, 0, 200, 10200},
	{NULL, ACCEPTED, 1, 0, 10150, 0, 0, 100, 10200},
	{NULL, STARTED, 1, 0, 10200, 0, 0, 100, 10277.5},
	{NULL, ACCEPTED, 1, 0, 10250, 0, 0, 100.6875, 10277.5},
	{"max_rate above what is granted", REFUSED, 1, 0, 10000, 10, 0, 200, 10050, 410},
	{NULL, STARTED, 1, 0, 10050, 0, 0, 200, 10055},
	{NULL, STARTED, 2, 0, 10055, 0, 0, 200, 10065},
	{"max_rate of one in a day", STARTED, 1, 0, 10000, 0, 0, 0, 88569975, 1 / 86400.0},
	{NULL, STARTED, 1, 0, 88569975, 0, 0, 0, 177129975},
	{"max_rate of next to nothing", STARTED, 1, 0, 10000, 0, 0, 0, 31536009975, 1e-300},
};

/* What a session is told when it asks whether it may start a call */
typedef struct TurnStep
{
	const char *scenario;		/* begins one, with a new rate; else NULL */
	Event		event;
	int			session;		/* STARTED: which one asks */
	double		at;
	double		told;			/* STARTED: what it must be told; REFUSED: when
								 * the call was started */
} TurnStep;

static const TurnStep turn_steps[] = {
	{"turns of who is not limited", STARTED, 0, 10000, 10000},
	{NULL, STARTED, 1, 10000, 10000},
	{NULL, STARTED, 0, 10000, 10000},

	{"one turn at a time, in order", REFUSED, 0, 10000, 9990},
	{NULL, STARTED, 0, 10010, 10050},
	{NULL, STARTED, 1, 10010, 10055},
	{NULL, STARTED, 0, 10020, 10050},
	{NULL, STARTED, 2, 10020, 10060},
	{NULL, STARTED, 0, 10050, 10050},
	{NULL, STARTED, 0, 10050, 10065},
	{NULL, STARTED, 2, 10055, 10060},
	{NULL, STARTED, 1, 10055, 10055},
	{NULL, STARTED, 1, 10055, 10070},

	{"a turn may be used late, but not for ever", REFUSED, 0, 10000, 9990},
	{NULL, STARTED, 0, 10000, 10050},
	{NULL, STARTED, 1, 10000, 10055},
	{NULL, STARTED, 0, 10140, 10140},
	{NULL, STARTED, 1, 10160, 10160},	/* one of now */
	{NULL, STARTED, 1, 10160, 10160},
	{NULL, STARTED, 0, 10160, 10160},
	{NULL, STARTED, 0, 10160, 10160},
	{NULL, STARTED, 0, 10160, 10160},
	{NULL, STARTED, 0, 10160, 10160},
	{NULL, STARTED, 0, 10160, 10165},

	{"a pause takes turns away", REFUSED, 0, 10000, 9990},
	{NULL, STARTED, 0, 10000, 10050},
	{NULL, STARTED, 1, 10000, 10055},
	{NULL, STARTED, 0, 10050, 10050},
	{NULL, REFUSED, 0, 10052, 10050},
	{NULL, STARTED, 1, 10056, 10152},
	{NULL, STARTED, 0, 10056, 10157},

	{"no turn is given for what is far", REFUSED, 0, 10000, 9990},
	{NULL, REFUSED, 0, 10050, 10050},
	{NULL, REFUSED, 0, 10300, 10250},
	{NULL, REFUSED, 0, 11000, 10900},
	{NULL, REFUSED, 0, 12000, 11900},
	{NULL, REFUSED, 0, 14000, 13900},	/* paused until 15600 */
	{NULL, STARTED, 0, 14000, 14600},
	{NULL, STARTED, 1, 14001, 14600},
	{NULL, STARTED, 0, 14600, 15600},
	{NULL, STARTED, 1, 14600, 14680},	/* at 12.5 a second, 15680 */
	{NULL, STARTED, 1, 14680, 15680},
};

static int	ntests = 0;

/* Print one line of TAP; returns whether it failed */
static bool
check(bool good, const char *scenario, double at)
{
	printf("%sok %d - %s, at %g ms\n", good ? "" : "not ", ++ntests, scenario,
		   at);
	return !good;
}

static void
play(const Step *step, AmplifyServer *server)
{
	for (int i = 0; i < step->times; i++)
	{
		double		at = step->at + i * step->interval;
		int64		now = llround(at * 1000);

		server->rate.pressed = !step->idle;
		if (step->event == OPENED)
			amplify_throttle_open(&server->rate, now);
		else if (step->event == STARTED)
		{
			AmplifyTurn turn = {0};

			(void) amplify_throttle_take(&server->rate, &turn, now);
			if (server->max_rate > 0)
				server->own_start =
					amplify_throttle_own_start(server->own_start,
											   server->max_rate, now);
		}
		else if (step->event == ACCEPTED)
			amplify_throttle_accepted(&server->rate, now);
		else
			(void) amplify_throttle_throttled(&server->rate, now,
											  llround((at - step->started) * 1000),
											  llround(step->retry_after * 1000));
	}
}

static bool
play_steps(void)
{
	const char *scenario = NULL;
	AmplifyServer server = {0};
	bool		failed = false;

	for (int i = 0; i < lengthof(steps); i++)
	{
		const Step *step = &steps[i];
		double		rate;
		double		next_start;
		bool		wrong;

		if (step->scenario != NULL)
		{
			scenario = step->scenario;
			memset(&server, 0, sizeof(server));
			server.max_rate = step->max_rate;
		}
		play(step, &server);
		rate = server.rate.rate;
		next_start = Max(server.rate.next_start, server.own_start) / 1000.0;
		wrong = check(fabs(rate - step->rate) < 1e-6 &&
					  fabs(next_start - step->next_start) < 0.002,
					  scenario, step->at);
		failed |= wrong;
		if (wrong)
			printf("# rate %.9g, want %.9g; next start %.9g, want %.9g\n",
				   rate, step->rate, next_start, step->next_start);
	}
	return failed;
}

static bool
play_turns(void)
{
	const char *scenario = NULL;
	AmplifyRate rate = {0};
	AmplifyTurn turns[3] = {{0}};
	bool		failed = false;

	for (int i = 0; i < lengthof(turn_steps); i++)
	{
		const TurnStep *step = &turn_steps[i];
		int64		now = llround(step->at * 1000);
		double		told;
		bool		wrong;

		if (step->scenario != NULL)
		{
			scenario = step->scenario;
			memset(&rate, 0, sizeof(rate));
			memset(turns, 0, sizeof(turns));
		}
		if (step->event == REFUSED)
		{
			(void) amplify_throttle_throttled(&rate, now,
											  llround(step->told * 1000), 0);
			continue;
		}
		told = amplify_throttle_take(&rate, &turns[step->session],
									 now) / 1000.0;
		wrong = check(fabs(told - step->told) < 0.002, scenario, step->at);
		failed |= wrong;
		if (wrong)
			printf("# session %d is told %.9g, want %.9g\n", step->session,
				   told, step->told);
	}
	return failed;
}

int
main(void)
{
	bool		failed = play_steps();

	failed |= play_turns();
	printf("1..%d\n", ntests);
	return failed ? 1 : 0;
}
