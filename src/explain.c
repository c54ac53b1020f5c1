/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  What EXPLAIN says of a scan: the calls that it will make, and with
 *	  ANALYZE those that it has made.
 *
 * src/explain.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "amplify_fdw.h"
#include "commands/explain.h"

void
amplifyExplainForeignScan(ForeignScanState *node, ExplainState *es)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	const AmplifyCounters *counters = amplify_scan_counters(node);
	const char *keys = strVal(list_nth(plan->fdw_private,
									   AMPLIFY_PRIVATE_KEYS_TEXT));

	ExplainPropertyText("API Operation",
						strVal(list_nth(plan->fdw_private,
										AMPLIFY_PRIVATE_OPERATION)), es);
	if (keys[0] != '\0')
		ExplainPropertyText("API Keys", keys, es);
	if (es->costs)
		ExplainPropertyFloat("Estimated API Calls", NULL,
		/* NOLINTNEXTLINE(cert-err34-c): a Float is text, and we wrote it */
							 floatVal(list_nth(plan->fdw_private,
											   AMPLIFY_PRIVATE_CALLS)),
							 0, es);
	if (counters != NULL)
		amplify_explain_counters(counters, es);
}

/* Nothing without ANALYZE; no zeroes in text, which is for people */
void
amplify_explain_counters(const AmplifyCounters *counters, ExplainState *es)
{
	bool		zeroes = es->format != EXPLAIN_FORMAT_TEXT;
	const struct
	{
		const char *name;
		int64		value;
	}			shown[] = {
		{"API Calls", counters->calls},
		{"API Retries", counters->retries},
		{"API Throttled", counters->throttled},
		{"API Not Found", counters->not_found},
		{"API Keys Reused", counters->reused},
		{"API Bytes", counters->bytes},
	};

	if (!es->analyze)
		return;
	for (int i = 0; i < lengthof(shown); i++)
	{
		if (shown[i].value != 0 || zeroes)
			ExplainPropertyInteger(shown[i].name, NULL, shown[i].value, es);
	}
	if (es->timing && (counters->waited != 0 || zeroes))
		ExplainPropertyFloat("API Wait Time", "ms",
							 counters->waited / 1000.0, 3, es);
}
