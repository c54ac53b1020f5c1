/*-------------------------------------------------------------------------
 *
 * budget_test.c
 *	  Tests of src/request/budget.c; prints TAP.
 *
 * What a statement may ask a server again, in numbers: 500 tokens, of which
 * another attempt takes 5, and 10 after a time-out; a response after it gives
 * them back, and any other one earns 1.  What comes of that is in
 * test/t/retries.t.
 *
 * test/unit/budget_test.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <stdio.h>

#include "request/amplify_request.h"

#undef printf					/* the C library's will do */

typedef enum Event
{
	TAKEN,						/* an attempt after a failure of that kind */
	GIVEN_BACK,					/* a response, after an attempt for value */
	HEARD,						/* a response of any kind */
	UNHEARD						/* a call has run out of time for good */
} Event;

typedef struct Step
{
	const char *scenario;		/* begins one, with a new budget; else NULL */
	Event		event;
	int			times;			/* in a row */
	int			value;			/* TAKEN: the kind; GIVEN_BACK: the cost */
	int			granted;		/* TAKEN: of these; UNHEARD: that give up */
	int			cost;			/* TAKEN: of the last that is granted */
} Step;

#define TIMEOUT		AMPLIFY_FAILURE_TIMEOUT
#define BROKEN		AMPLIFY_FAILURE_BROKEN

static const Step steps[] = {
	{"500 tokens, 5 a retry", TAKEN, 101, BROKEN, 100, 5},
	{NULL, TAKEN, 1, AMPLIFY_FAILURE_CONNECT, 0, 0},
	{"10 a time-out", TAKEN, 51, TIMEOUT, 50, 10},
	{"both together", TAKEN, 49, TIMEOUT, 49, 10},
	{NULL, TAKEN, 1, BROKEN, 1, 5},
	{NULL, TAKEN, 1, TIMEOUT, 0, 0},	/* 5 are left */
	{NULL, TAKEN, 2, BROKEN, 1, 5},
	{"a response after it gives back what it took", TAKEN, 100, BROKEN, 100, 5},
	{NULL, GIVEN_BACK, 1, 5, 0, 0},
	{NULL, TAKEN, 2, BROKEN, 1, 5},
	{"a response to a first attempt earns one", TAKEN, 100, BROKEN, 100, 5},
	{NULL, GIVEN_BACK, 4, 0, 0, 0},
	{NULL, TAKEN, 1, BROKEN, 0, 0},
	{NULL, GIVEN_BACK, 1, 0, 0, 0},
	{NULL, TAKEN, 2, BROKEN, 1, 5},
	{"full at the start, and never more than that", GIVEN_BACK, 1000, 10, 0, 0},
	{NULL, TAKEN, 101, BROKEN, 100, 5},
	{"three calls in a row that are not heard", UNHEARD, 2, 0, 0, 0},
	{NULL, HEARD, 1, 0, 0, 0},
	{NULL, UNHEARD, 2, 0, 0, 0},
	{NULL, TAKEN, 1, TIMEOUT, 1, 10},
	{NULL, UNHEARD, 2, 0, 2, 0},
	{NULL, TAKEN, 1, BROKEN, 0, 0},
	{NULL, HEARD, 1, 0, 0, 0},	/* too late */
	{NULL, TAKEN, 1, BROKEN, 0, 0},
};

int
main(void)
{
	AmplifyBudget budget = {0};
	const char *scenario = NULL;
	bool		failed = false;

	for (int i = 0; i < lengthof(steps); i++)
	{
		const Step *step = &steps[i];
		int			granted = 0;
		int			cost = 0;
		bool		good;

		if (step->scenario != NULL)
		{
			scenario = step->scenario;
			memset(&budget, 0, sizeof(budget));
		}
		for (int j = 0; j < step->times; j++)
		{
			if (step->event == TAKEN)
				granted += amplify_budget_take(&budget, step->value, &cost);
			else if (step->event == GIVEN_BACK)
				amplify_budget_give_back(&budget, step->value);
			else if (step->event == HEARD)
				amplify_budget_heard(&budget);
			else
				granted += amplify_budget_unheard(&budget);
		}
		good = granted == step->granted && cost == step->cost;
		printf("%sok %d - %s\n", good ? "" : "not ", i + 1, scenario);
		if (!good)
			printf("# granted %d at %d, want %d at %d\n", granted, cost,
				   step->granted, step->cost);
		failed |= !good;
	}
	printf("1..%d\n", (int) lengthof(steps));
	return failed ? 1 : 0;
}
