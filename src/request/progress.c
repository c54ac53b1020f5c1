/*-------------------------------------------------------------------------
 *
 * progress.c
 *	  What a statement tells of a long fetch while it waits: an INFO message
 *	  now and then, to the user who has set amplify_fdw.progress.
 *
 * Not here: the name of the wait (loop.c), and what EXPLAIN and the functions
 * tell afterwards (scan.c, stat.c).
 *
 * src/request/progress.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "request/amplify_request.h"

#define REPORT_INTERVAL	(2 * USECS_PER_SEC)

bool		amplify_progress = false;

/*
 * Called before a wait, with the counters of the whole statement.  Returns
 * when it wants to be called again, on amplify_loop_now()'s clock: the wait
 * must not be longer.  *next_report is the statement's, zero at first.
 */
int64
amplify_progress_report(int64 *next_report, const AmplifyCounters *counters,
						int in_flight)
{
	int64		now;

	if (!amplify_progress)
		return PG_INT64_MAX;
	now = amplify_loop_now();
	if (*next_report != 0 && now < *next_report)
		return *next_report;
	if (*next_report != 0)
		ereport(INFO,
				(errmsg_internal("amplify_fdw: " INT64_FORMAT " calls done, %d in flight, " INT64_FORMAT " rows, " INT64_FORMAT " calls throttled",
								 counters->calls - in_flight, in_flight,
								 counters->rows, counters->throttled)));
	*next_report = now + REPORT_INTERVAL;
	return *next_report;
}
