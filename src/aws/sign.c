/*-------------------------------------------------------------------------
 *
 * sign.c
 *	  A request into a transfer that carries a signature, and the time that
 *	  it is signed with.
 *
 * The bridge between sigv4.c, which knows no PostgreSQL, and the calls above.
 * A request is signed per attempt: AWS accepts a date for a few minutes only.
 * Where this machine's clock is wrong by more than that, the service's own
 * responses tell the right time.
 *
 * src/aws/sign.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "aws/amplify_aws.h"
#include "aws/sigv4.h"
#include "pgtime.h"

#define TOKEN_HEADER	"x-amz-security-token"
#define SIGNATURE		"Signature="	/* the last of authorization */
#define FORM_TYPE		"application/x-www-form-urlencoded; charset=utf-8"
#define CLOCK_TOLERANCE	(4 * 60)	/* seconds; AWS takes 5 minutes */
/*
 * no clock is off by more than a day; whoever says so must not lead us there
 */
#define CLOCK_LIMIT		(SECS_PER_DAY + CLOCK_TOLERANCE)

/* What need not be computed again for every request of one day */
struct AmplifySigner
{
	char		date[8];		/* that key is good for; no NUL */
	int			generation;		/* of the credentials */
	SigV4Key	key;
	MemoryContextCallback callback;
};

static void cleanse_signer(void *arg);
static bool signing_key(const AmplifySignSpec *spec,
						const SigV4Request *request, SigV4Key *key);
static const char *timestamp_of(int64 now);
static char *header_line(const char *name, const char *value);

/*
 * A signer without a key as yet; it is overwritten when the context goes away
 */
AmplifySigner *
amplify_sign_create(MemoryContext context)
{
	AmplifySigner *signer = MemoryContextAllocZero(context, sizeof(*signer));

	signer->callback.func = cleanse_signer;
	signer->callback.arg = signer;
	MemoryContextRegisterResetCallback(context, &signer->callback);
	return signer;
}

/*
 * Set target, body and headers of the transfer for what spec says, palloc'ed
 * in the current context.  Returns false when OpenSSL fails, or the clock is
 * beyond the year 9999.
 */
bool
amplify_sign_request(const AmplifySignSpec *spec, AmplifyTransfer *transfer)
{
	SigV4Header headers[4];
	SigV4Request request = {0};
	SigV4Key	key;
	const char *timestamp = timestamp_of(amplify_sign_clock(spec->clock_offset));
	char		authorization[1024];
	size_t		length;
	int			n = 0;

	if (timestamp == NULL)
		return false;
	if (spec->form != NULL)
		headers[request.nheaders++] = (SigV4Header) {"content-type", FORM_TYPE};
	headers[request.nheaders++] = (SigV4Header) {"host", spec->endpoint->host};
	headers[request.nheaders++] = (SigV4Header) {"x-amz-date", timestamp};
	if (spec->credentials->session_token != NULL)
		headers[request.nheaders++] =
			(SigV4Header) {TOKEN_HEADER, spec->credentials->session_token};
	request.method = spec->form != NULL ? "POST" : "GET";
	request.path = psprintf("%s%s", spec->endpoint->path_prefix, spec->path);
	request.query = spec->query;
	request.headers = headers;
	request.payload = spec->form != NULL ? spec->form : "";
	request.payload_len = strlen(request.payload);
	request.timestamp = timestamp;
	request.region = spec->region;
	request.service = spec->service;

	if (!signing_key(spec, &request, &key))
		return false;
	length = sigv4_authorization(&request, spec->credentials->access_key_id,
								 &key, authorization, sizeof(authorization));
	sigv4_cleanse(&key, sizeof(key));
	if (length == 0 || length >= sizeof(authorization))
		return false;

	transfer->target = spec->query[0] == '\0' ? request.path :
		psprintf("%s?%s", request.path, spec->query);
	transfer->post_body = spec->form;
	for (int i = 0; i < request.nheaders; i++)
		transfer->headers[n++] = header_line(headers[i].name, headers[i].value);
	transfer->headers[n++] = header_line("authorization", authorization);
	strlcpy(transfer->untold, strstr(authorization, SIGNATURE) + strlen(SIGNATURE),
			sizeof(transfer->untold));
	transfer->headers[n++] = "user-agent: amplify_fdw/" AMPLIFY_VERSION;
	transfer->headers[n] = NULL;
	return true;
}

/*
 * Overwrite what is secret in the headers of a transfer that has been
 * submitted: the copies that http.c makes are enough, and are overwritten,
 * too.
 */
void
amplify_sign_forget(AmplifyTransfer *transfer)
{
	for (int i = 0; transfer->headers[i] != NULL; i++)
	{
		if (strncmp(transfer->headers[i], TOKEN_HEADER, strlen(TOKEN_HEADER)) == 0)
			sigv4_cleanse(unconstify(char *, transfer->headers[i]),
						  strlen(transfer->headers[i]));
	}
}

/* Percent-encode UTF-8 text for a path segment or a query value; palloc'ed */
char *
amplify_sign_encode(const char *text)
{
	size_t		size = strlen(text) * 3 + 1;
	char	   *encoded = palloc(size);

	(void) sigv4_uri_encode(text, strlen(text), encoded, size);
	return encoded;
}

/* Now, in seconds since 1970, as a service with that offset sees it */
int64
amplify_sign_clock(int64 clock_offset)
{
	return (int64) time(NULL) + clock_offset;
}

/*
 * A response has come to a request that was signed with that clock_offset:
 * does its date tell that the time was wrong?  Then it is right from now on,
 * and the request is worth another attempt.  A response out of a cache (Age)
 * tells nothing.
 */
bool
amplify_sign_set_clock(int64 *clock_offset, const AmplifyHttpHeaders *response,
					   int64 offset)
{
	int64		date;
	int64		ahead;

	if (response->age[0] != '\0' || !amplify_time_from_http(response->date, &date))
		return false;
	ahead = date - (int64) time(NULL);
	if (ahead < -CLOCK_LIMIT || ahead > CLOCK_LIMIT)
		return false;
	if (ahead - offset > -CLOCK_TOLERANCE && ahead - offset < CLOCK_TOLERANCE)
		return false;
	*clock_offset = ahead;
	return true;
}

static bool
signing_key(const AmplifySignSpec *spec, const SigV4Request *request,
			SigV4Key *key)
{
	const AmplifyCredentials *credentials = spec->credentials;
	AmplifySigner *signer = spec->signer;

	if (signer == NULL)
		return sigv4_derive_key(credentials->secret_access_key, request, key);

	if (memcmp(signer->date, request->timestamp, sizeof(signer->date)) != 0 ||
		signer->generation != credentials->generation)
	{
		memset(signer->date, 0, sizeof(signer->date));
		if (!sigv4_derive_key(credentials->secret_access_key, request,
							  &signer->key))
			return false;
		memcpy(signer->date, request->timestamp, sizeof(signer->date));
		signer->generation = credentials->generation;
	}
	*key = signer->key;
	return true;
}

static void
cleanse_signer(void *arg)
{
	struct AmplifySigner *signer = arg;

	sigv4_cleanse(&signer->key, sizeof(signer->key));
	sigv4_forget();
}

/*
 * As SigV4 wants it; by PostgreSQL's own calendar, not the C library's.  It is
 * made once a second.  NULL for a time that has no such form.
 */
static const char *
timestamp_of(int64 now)
{
	static char text[SIGV4_TIMESTAMP_LEN + 1];
	static int64 made_for = PG_INT64_MIN;
	pg_time_t	seconds = (pg_time_t) now;
	struct pg_tm *tm;

	if (now == made_for)
		return text;
	made_for = PG_INT64_MIN;
	tm = pg_gmtime(&seconds);
	if (tm == NULL ||
		pg_strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", tm) != SIGV4_TIMESTAMP_LEN)
		return NULL;
	made_for = now;
	return text;
}

/* As psprintf() would make it; that and strlcpy() go byte by byte */
static char *
header_line(const char *name, const char *value)
{
	size_t		name_length = strlen(name);
	size_t		value_length = strlen(value);
	char	   *line = palloc(name_length + 2 + value_length + 1);

	memcpy(line, name, name_length + 1);
	memcpy(line + name_length, ": ", sizeof(": "));
	memcpy(line + name_length + 2, value, value_length + 1);
	return line;
}
