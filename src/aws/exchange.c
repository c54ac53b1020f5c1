/*-------------------------------------------------------------------------
 *
 * exchange.c
 *	  One request to a service of AWS: set up, signed, sent, and judged.
 *
 * All requests go out here, to the API as well as to STS and to the services
 * that stand beside a container or an instance, so that all of them are
 * guarded, timed, signed and tried again alike.
 *
 * An exchange is as many attempts as it takes.  Nothing here waits: an outcome
 * says what is to be done next, and when.  Who owns the exchange queues it
 * until then, has the patience for a service that throttles, counts, and
 * reports what has failed.  What is remembered from one attempt to the next
 * is in AmplifyAttempts; the transfer is the single attempt.
 *
 * Pauses are those of AWS's standard retry mode: anything below pause * 2^i
 * ("full jitter"), 20 s at most, or what the service asks for if that is
 * longer.  A refused connection is tried over about a second: whoever listens
 * there may be starting up.
 *
 * Failing paths: a request that can't be signed (signing.t), no response, in
 * all the ways there are (retries.t, timeouts.t, faults.t), and a clock that
 * is wrong (credential_refresh.t).
 *
 * src/aws/exchange.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "aws/amplify_aws.h"
#include "common/pg_prng.h"

#define LONGEST_PAUSE	(20 * USECS_PER_SEC)
#define LONGEST_WISH	(60 * USECS_PER_SEC)	/* that is granted */
#define TOKEN_PARAMETER "&WebIdentityToken="	/* a secret, the last one */
#define CONNECT_PAUSE	(400 * INT64CONST(1000))	/* at least half of it */

static bool prepare(const AmplifyExchangeSpec *spec,
					const AmplifyAttempts *attempts,
					AmplifyTransfer *transfer);
static AmplifyOutcome try_again(const AmplifyExchangeSpec *spec,
								AmplifyAttempts *attempts,
								const AmplifyFailure *failure);
static AmplifyOutcome renew(const AmplifyExchangeSpec *spec,
							AmplifyAttempts *attempts,
							const AmplifyTransfer *transfer,
							AmplifyFailureKind kind);
static void mask_secrets(const AmplifyExchangeSpec *spec,
						 const AmplifyTransfer *transfer,
						 AmplifyFailure *failure);
static int64 retry_after(const AmplifyHttpHeaders *headers);
static int64 bounded(const char *number, int64 unit);

/*
 * Make an attempt.  transfer is zeroed, or was used for an attempt before; it
 * goes onto *completed when it is done, and amplify_exchange_judge() is for
 * the caller then.  What it points to is palloc'ed in the current context or
 * the spec's, and must outlive it.  False, and nothing is sent, if it can't be
 * signed.
 */
bool
amplify_exchange_start(const AmplifyExchangeSpec *spec,
					   AmplifyAttempts *attempts, AmplifyTransfer *transfer,
					   dlist_head *completed)
{
	Assert(spec->endpoint != NULL && spec->use != NULL);

	attempts->clock_offset = spec->clock_offset != NULL ? *spec->clock_offset : 0;
	attempts->sent++;
	if (!prepare(spec, attempts, transfer))
		return false;
	attempts->started = amplify_loop_now();

	transfer->url = spec->endpoint->url;
	/* behind a proxy, only the proxy knows where the name leads */
	transfer->public_only = spec->endpoint->public_only &&
		spec->way.proxy == NULL;
	transfer->way = spec->way;
	transfer->use = spec->use;
	transfer->fresh = attempts->fresh;
	transfer->completed = completed;
	amplify_http_submit(transfer);
	amplify_sign_forget(transfer);
	return true;
}

/*
 * The transfer is done: what becomes of the exchange?  failure is filled
 * unless the outcome is AMPLIFY_OUTCOME_OK.  Of RETRY and THROTTLED,
 * attempts->again_at says when.
 */
AmplifyOutcome
amplify_exchange_judge(const AmplifyExchangeSpec *spec,
					   AmplifyAttempts *attempts,
					   const AmplifyTransfer *transfer,
					   AmplifyFailure *failure)
{
	AmplifyOutcome outcome;

	Assert(transfer->done);

	attempts->wish = 0;
	outcome = amplify_outcome_classify(transfer, failure);
	attempts->fresh = amplify_http_is_suspect(transfer) ||
		failure->kind == AMPLIFY_FAILURE_BROKEN;
	mask_secrets(spec, transfer, failure);
	if (outcome == AMPLIFY_OUTCOME_RENEW)
		return renew(spec, attempts, transfer, failure->kind);
	if (outcome != AMPLIFY_OUTCOME_RETRY && outcome != AMPLIFY_OUTCOME_THROTTLED)
		return outcome;
	attempts->wish = retry_after(&transfer->response);
	if (outcome == AMPLIFY_OUTCOME_RETRY)
		return try_again(spec, attempts, failure);
	attempts->again_at = amplify_loop_now() + attempts->wish;
	return outcome;
}

/*
 * Count a fault and draw the pause after it, of at most pause * 2^i.  False
 * if that was the last attempt.  For THROTTLED, of those who have no throttle.
 */
bool
amplify_exchange_postpone(const AmplifyExchangeSpec *spec,
						  AmplifyAttempts *attempts, int64 pause)
{
	double		longest = Min((double) pause * (1 << Min(attempts->faults, 20)),
							  (double) LONGEST_PAUSE);
	int64		drawn = (int64) (pg_prng_double(&pg_global_prng_state) * longest);

	attempts->faults++;
	if (attempts->faults >= spec->max_attempts)
		return false;
	attempts->again_at = amplify_loop_now() + Max(drawn, attempts->wish);
	return true;
}

/* Signed, or as it is for who has no keys */
static bool
prepare(const AmplifyExchangeSpec *spec, const AmplifyAttempts *attempts,
		AmplifyTransfer *transfer)
{
	AmplifySignSpec sign = spec->request;
	int			n = 0;

	sign.endpoint = spec->endpoint;
	sign.clock_offset = attempts->clock_offset;
	if (sign.credentials != NULL)
	{
		if (!amplify_sign_request(&sign, transfer))
			return false;
		while (transfer->headers[n] != NULL)
			n++;
	}
	else
	{
		transfer->target = psprintf("%s%s", spec->endpoint->path_prefix,
									sign.path);
		transfer->post_body = sign.form;
	}
	transfer->method = spec->method;
	for (int i = 0; i < lengthof(spec->headers) && spec->headers[i] != NULL; i++)
	{
		Assert(n < lengthof(transfer->headers) - 1);
		transfer->headers[n++] = spec->headers[i];
	}
	transfer->headers[n] = NULL;
	return true;
}

static AmplifyOutcome
try_again(const AmplifyExchangeSpec *spec, AmplifyAttempts *attempts,
		  const AmplifyFailure *failure)
{
	int64		pause = spec->pause;

	if (pause > 0 && failure->kind == AMPLIFY_FAILURE_CONNECT)
	{
		pause = CONNECT_PAUSE;
		attempts->wish = (pause << Min(attempts->faults, 4)) / 2;
	}
	else if (failure->kind == AMPLIFY_FAILURE_TIMEOUT)
		pause = 0;				/* that was one */
	return amplify_exchange_postpone(spec, attempts, pause) ?
		AMPLIFY_OUTCOME_RETRY : AMPLIFY_OUTCOME_FAIL;
}

/*
 * What was wrong may be known better now: once the time, which is learnt
 * here, and once the credentials, which the owner has to get.
 */
static AmplifyOutcome
renew(const AmplifyExchangeSpec *spec, AmplifyAttempts *attempts,
	  const AmplifyTransfer *transfer, AmplifyFailureKind kind)
{
	attempts->again_at = 0;
	if (kind != AMPLIFY_FAILURE_SIGNATURE)
	{
		if (attempts->renewed)
			return AMPLIFY_OUTCOME_FAIL;
		attempts->renewed = true;
		return AMPLIFY_OUTCOME_RENEW;
	}
	if (attempts->reclocked || spec->clock_offset == NULL)
		return AMPLIFY_OUTCOME_FAIL;
	attempts->reclocked = true;
	return amplify_sign_set_clock(spec->clock_offset, &transfer->response,
								  attempts->clock_offset) ?
		AMPLIFY_OUTCOME_RETRY : AMPLIFY_OUTCOME_FAIL;
}

/*
 * What the request had in it is in no message of the other end's.  Credentials
 * that the spec doesn't have any more, and then amplify_mask_signatures(), are
 * the owner's to mask.
 */
static void
mask_secrets(const AmplifyExchangeSpec *spec, const AmplifyTransfer *transfer,
			 AmplifyFailure *failure)
{
	static const char *const secret_headers[] = {
		"authorization: ", "x-aws-ec2-metadata-token: ",
	};
	const AmplifyCredentials *credentials = spec->request.credentials;
	const char *token = spec->request.form == NULL ? NULL :
		strstr(spec->request.form, TOKEN_PARAMETER);
	const char *secrets[6 + lengthof(spec->headers)] = {
		transfer->untold,
		spec->way.proxy_user,
		spec->way.proxy_password,
		credentials ? credentials->secret_access_key : NULL,
		credentials ? credentials->session_token : NULL,
		token ? token + strlen(TOKEN_PARAMETER) : NULL,
	};
	int			n = 6;

	for (int i = 0; i < lengthof(spec->headers) && spec->headers[i] != NULL; i++)
	{
		for (int j = 0; j < lengthof(secret_headers); j++)
		{
			size_t		length = strlen(secret_headers[j]);

			if (strncmp(spec->headers[i], secret_headers[j], length) == 0)
				secrets[n++] = spec->headers[i] + length;
		}
	}
	amplify_mask_secrets(failure, secrets, n);
}

/*
 * How long the service wants us to wait, in microseconds; 0: it doesn't say.
 * Retry-After is a number of seconds or a date, by the service's own clock if
 * it says what that is.
 */
static int64
retry_after(const AmplifyHttpHeaders *headers)
{
	int64		date;
	int64		now;

	if (headers->amz_retry_after[0] != '\0')
		return bounded(headers->amz_retry_after, 1000);
	if (!amplify_time_from_http(headers->retry_after, &date))
		return bounded(headers->retry_after, USECS_PER_SEC);
	if (!amplify_time_from_http(headers->date, &now))
		now = (int64) time(NULL);
	return Max(0, Min(date - now, LONGEST_WISH / USECS_PER_SEC)) * USECS_PER_SEC;
}

/* A number in that unit; of too great a one strtoll() makes the greatest */
static int64
bounded(const char *number, int64 unit)
{
	int64		value = strtoll(number, NULL, 10);

	return Max(0, Min(value, LONGEST_WISH / unit)) * unit;
}
