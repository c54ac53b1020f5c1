/*-------------------------------------------------------------------------
 *
 * spec.c
 *	  What goes for all that one scan asks.
 *
 * src/request/spec.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "request/amplify_request.h"

/* What is asked, as a call that statement.c can be asked for */
void
amplify_spec_describe(const AmplifyFetchSpec *spec,
					  const AmplifyOperation *operation,
					  const AmplifyKeys *keys, const char *token,
					  AmplifyCall *call)
{
	memset(call, 0, sizeof(AmplifyCall));
	call->connection = spec->connection;
	call->resource = spec->resource;
	call->operation = operation;
	call->keys = *keys;
	call->token = token;
	call->keep = spec->keep;
	call->concurrency = spec->options->max_concurrency;
	call->sure = spec->sure;
	call->counters = spec->counters;
	if (operation->max_page > 0)
	{
		call->page_size = operation->max_page;
		if (spec->options->page_size > 0)
			call->page_size = Min(call->page_size, spec->options->page_size);
	}
}

/* Has that been asked for already? */
bool
amplify_spec_has(const AmplifyFetchSpec *spec,
				 const AmplifyOperation *operation, const AmplifyKeys *keys,
				 const char *token)
{
	AmplifyCall call;

	amplify_spec_describe(spec, operation, keys, token, &call);
	return amplify_statement_has(spec->statement, &call);
}

/* Ask for it: the call, pinned.  Somebody waits for it if wanted is true. */
AmplifyCall *
amplify_spec_ask(const AmplifyFetchSpec *spec,
				 const AmplifyOperation *operation, const AmplifyKeys *keys,
				 const char *token, bool wanted)
{
	AmplifyCall call;

	amplify_spec_describe(spec, operation, keys, token, &call);
	call.wanted = wanted;
	return amplify_statement_call(spec->statement, &call);
}

/* Do rows of other apps and servers come, although one has failed? */
bool
amplify_spec_goes_on(const AmplifyFetchSpec *spec)
{
	return spec->options->on_error == AMPLIFY_ON_ERROR_WARN_ALWAYS ||
		(spec->options->on_error == AMPLIFY_ON_ERROR_WARN &&
		 !amplify_writes_now(amplify_statement_writes(spec->statement)));
}

/* Has the statement warned that the server can't be asked?  It goes on. */
bool
amplify_spec_gave_up(const AmplifyFetchSpec *spec)
{
	if (!amplify_spec_goes_on(spec) ||
		!amplify_statement_gave_up(spec->statement, spec->connection))
		return false;
	spec->counters->given_up = true;
	return true;
}

/* Can there be an item under these keys that is wanted? */
bool
amplify_spec_allows(const AmplifyFetchSpec *spec, const AmplifyKeys *keys)
{
	return spec->allows == NULL || spec->allows(spec->allows_arg, keys);
}
