/*-------------------------------------------------------------------------
 *
 * sign.c
 *	  A path and a query into a transfer that carries a signature.
 *
 * The bridge between sigv4.c, which knows no PostgreSQL, and the calls above.
 * A request is signed per attempt: AWS accepts a date for a few minutes only.
 *
 * src/sign.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include "amplify_fdw.h"
#include "pgtime.h"
#include "sigv4.h"
#include "utils/memutils.h"

#define SIGNING_NAME	"amplify"

/* What a connection need not compute again for every request of one day */
struct AmplifySigner
{
	char		date[8];		/* that key is good for; no NUL */
	SigV4Key	key;
	MemoryContextCallback callback;
};

static void cleanse_signer(void *arg);
static const SigV4Key *signing_key(AmplifyConnection *connection,
								   const SigV4Request *request,
								   const char *secret);
static void format_timestamp(char *dst, size_t size);

/*
 * Set target and headers of the transfer for a GET of path?query (both already
 * percent-encoded; query "" when there is none), palloc'ed in the current
 * context.  Returns false when OpenSSL fails; raises an error when there are
 * no credentials.
 */
bool
amplify_sign_request(AmplifyConnection *connection, const char *path,
					 const char *query, AmplifyTransfer *transfer)
{
	AmplifyCredentials credentials;
	SigV4Header headers[3];
	SigV4Request request = {0};
	const SigV4Key *key;
	char		timestamp[SIGV4_TIMESTAMP_LEN + 1];
	char		authorization[1024];
	size_t		length;
	int			n = 0;

	amplify_credential_get(connection, &credentials);
	format_timestamp(timestamp, sizeof(timestamp));

	headers[request.nheaders++] =
		(SigV4Header) {"host", connection->endpoint.host};
	headers[request.nheaders++] = (SigV4Header) {"x-amz-date", timestamp};
	if (credentials.session_token != NULL)
		headers[request.nheaders++] =
			(SigV4Header) {"x-amz-security-token", credentials.session_token};
	request.method = "GET";
	request.path = psprintf("%s%s", connection->endpoint.path_prefix, path);
	request.query = query;
	request.headers = headers;
	request.payload = "";
	request.timestamp = timestamp;
	request.region = connection->options.region;
	request.service = SIGNING_NAME;

	key = signing_key(connection, &request, credentials.secret_access_key);
	if (key == NULL)
		return false;
	length = sigv4_authorization(&request, credentials.access_key_id, key,
								 authorization, sizeof(authorization));
	if (length == 0 || length >= sizeof(authorization))
		return false;

	transfer->target = query[0] == '\0' ? request.path :
		psprintf("%s?%s", request.path, query);
	for (int i = 0; i < request.nheaders; i++)
		transfer->headers[n++] = psprintf("%s: %s", headers[i].name,
										  headers[i].value);
	transfer->headers[n++] = psprintf("authorization: %s", authorization);
	transfer->headers[n++] = "user-agent: amplify_fdw/" AMPLIFY_VERSION;
	transfer->headers[n] = NULL;
	return true;
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

static const SigV4Key *
signing_key(AmplifyConnection *connection, const SigV4Request *request,
			const char *secret)
{
	struct AmplifySigner *signer = connection->signer;

	if (signer == NULL)
	{
		signer = MemoryContextAllocZero(connection->context, sizeof(*signer));
		signer->callback.func = cleanse_signer;
		signer->callback.arg = signer;
		MemoryContextRegisterResetCallback(connection->context,
										   &signer->callback);
		connection->signer = signer;
	}
	if (memcmp(signer->date, request->timestamp, sizeof(signer->date)) != 0)
	{
		if (!sigv4_derive_key(secret, request, &signer->key))
			return NULL;
		memcpy(signer->date, request->timestamp, sizeof(signer->date));
	}
	return &signer->key;
}

static void
cleanse_signer(void *arg)
{
	struct AmplifySigner *signer = arg;

	sigv4_cleanse(&signer->key, sizeof(signer->key));
}

/* Now, as SigV4 wants it; by PostgreSQL's own calendar, not the C library's */
static void
format_timestamp(char *dst, size_t size)
{
	pg_time_t	now = (pg_time_t) time(NULL);
	struct pg_tm *tm = pg_gmtime(&now);

	(void) pg_strftime(dst, size, "%Y%m%dT%H%M%SZ", tm);
}
