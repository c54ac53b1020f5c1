/*-------------------------------------------------------------------------
 *
 * budget.c
 *	  How often a statement asks a server again.
 *
 * max_attempts bounds the attempts at one call, which is no bound for a
 * statement of a thousand calls: a server that fails would be asked three
 * thousand times, and one that does not respond would be waited for a
 * thousand times.  So a statement has tokens for each of its servers, as in
 * the standard retry mode of AWS's SDKs.  Another attempt takes some, a
 * response after it gives them back, and one at the first attempt earns one.
 * When there are too few, a failure is final.  Throttled calls take none:
 * they have patience instead.
 *
 * A server that has let several calls in a row run out of time, all of their
 * attempts, with no response to any other call meanwhile, is not asked again
 * in the statement.
 *
 * Failing paths: none of its own; what is done when there are no tokens left,
 * and when the server is given up, is in retries.t.
 *
 * src/request/budget.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "request/amplify_request.h"

#define TOKENS			500
#define RETRY_COST		5
#define TIMEOUT_COST	10
#define MOST_SILENT		3		/* calls in a row */

/*
 * May there be another attempt after this failure?  *cost is what that takes;
 * it replaces what the attempt before took.
 */
bool
amplify_budget_take(AmplifyBudget *budget, AmplifyFailureKind kind, int *cost)
{
	int			tokens = kind == AMPLIFY_FAILURE_TIMEOUT ? TIMEOUT_COST :
		RETRY_COST;

	if (amplify_budget_is_silent(budget) || budget->spent + tokens > TOKENS)
		return false;
	budget->spent += tokens;
	*cost = tokens;
	return true;
}

/* A response has come to a call, whose last attempt took so much; 0: none */
void
amplify_budget_give_back(AmplifyBudget *budget, int cost)
{
	budget->spent = Max(0, budget->spent - Max(cost, 1));
}

/* A response of any kind: there is somebody.  Too late, if it was given up. */
void
amplify_budget_heard(AmplifyBudget *budget)
{
	if (!amplify_budget_is_silent(budget))
		budget->silent = 0;
}

/*
 * A call has run out of time and attempts.  True if the server is given up
 * with it.
 */
bool
amplify_budget_unheard(AmplifyBudget *budget)
{
	budget->silent++;
	return amplify_budget_is_silent(budget);
}

/* Has the server been given up? */
bool
amplify_budget_is_silent(const AmplifyBudget *budget)
{
	return budget->silent >= MOST_SILENT;
}
