/*-------------------------------------------------------------------------
 *
 * progress.c
 *	  What a statement tells of a long fetch while it waits.
 *
 * Others see it in pg_stat_activity, as a comment before the statement that
 * stands there only during the wait.  The user who set amplify_fdw.progress
 * gets the same words as a message, now and then.
 *
 * Not here: the name of the wait (loop.c), and what EXPLAIN and the functions
 * tell afterwards (explain.c, stat.c).
 *
 * src/request/progress.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "miscadmin.h"
#include "request/amplify_request.h"
#include "utils/backend_status.h"

#define REPORT_INTERVAL	(2 * USECS_PER_SEC)
#define PREFIX			"/* amplify_fdw: "

bool		amplify_progress = false;

static void show_activity(const char *activity);

/*
 * Called before a wait, with the counters of the whole statement.  Returns
 * when it wants to be called again, on amplify_loop_now()'s clock: the wait
 * must not be longer.  What it allocates is in context, which must live as
 * long as progress.
 */
int64
amplify_progress_begin(AmplifyProgress *progress,
					   const AmplifyCounters *counters, int in_flight,
					   MemoryContext context)
{
	int64		now = amplify_loop_now();
	bool		due = progress->next_report != 0 &&
		now >= progress->next_report;
	char	   *line;

	if (progress->next_report == 0 || due)
		progress->next_report = now + REPORT_INTERVAL;
	progress->is_long |= due;
	if (!progress->is_long)
		return progress->next_report;

	line = psprintf(INT64_FORMAT " calls done, %d in flight, " INT64_FORMAT " rows, " INT64_FORMAT " calls throttled",
					counters->calls - in_flight, in_flight, counters->rows,
					counters->throttled);
	if (due && amplify_progress)
		ereport(INFO, (errmsg_internal("amplify_fdw: %s", line)));
	if (pgstat_track_activities && MyBEEntry != NULL &&
		progress->statement == NULL)
	{
		char	   *activity;

		/* only this process writes there, so it may read without a protocol */
		progress->statement = MemoryContextStrdup(context,
												  MyBEEntry->st_activity_raw);
		activity = psprintf(PREFIX "%s */ %s", line, progress->statement);
		show_activity(activity);
		pfree(activity);
	}
	pfree(line);
	return progress->next_report;
}

/* The wait is over, or will never be.  Doesn't throw. */
void
amplify_progress_end(AmplifyProgress *progress)
{
	if (progress->statement == NULL)
		return;
	/* a cursor may come back when another statement is shown already */
	if (strncmp(MyBEEntry->st_activity_raw, PREFIX, strlen(PREFIX)) == 0)
		show_activity(progress->statement);
	pfree(progress->statement);
	progress->statement = NULL;
}

/*
 * Another text in pg_stat_activity, for the same statement: a report that it
 * runs takes its identifiers away.
 */
static void
show_activity(const char *activity)
{
	uint64		query_id = pgstat_get_my_query_id();

	amplify_keep_plan_id(pgstat_report_activity(MyBEEntry->st_state, activity));
	pgstat_report_query_id(query_id, true);
}
