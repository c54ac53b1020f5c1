/*
 * keys.c
 *	  Functions that may stand in a key: one cancels the statement, which
 *	  notices that at its next check for interrupts; the other one tells that
 *	  it has been called.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(cancelled);
PG_FUNCTION_INFO_V1(told);

Datum
cancelled(PG_FUNCTION_ARGS)
{
	QueryCancelPending = true;
	InterruptPending = true;
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

Datum
told(PG_FUNCTION_ARGS)
{
	ereport(NOTICE, (errmsg("the next key is evaluated")));
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}
