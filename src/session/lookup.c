/*-------------------------------------------------------------------------
 *
 * lookup.c
 *	  What all sources of credentials need: memory that is overwritten, the
 *	  environment, files, and requests.
 *
 * Not here: which sources there are (provider.c), what the single ones do
 * (sts.c, metadata.c, profile.c), and when they are asked (identity.c).
 *
 * Nothing here waits: a source that has to ask a service makes an inquiry, and
 * says which of its functions reads the response.
 *
 * Nothing here raises an error for a source that fails or is not set up: while
 * older credentials are still valid, the statement can go on.
 *
 * src/session/lookup.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/sigv4.h"
#include "lib/stringinfo.h"
#include "session/amplify_session.h"
#include "storage/fd.h"

#define THROTTLED_FACTOR	20	/* how much longer the pause is then */

/* A text that is overwritten when its context goes away */
typedef struct Secret
{
	MemoryContextCallback callback;
	size_t		size;
	char		text[FLEXIBLE_ARRAY_MEMBER];
} Secret;

static char *new_secret(MemoryContext context, size_t size);
static void cleanse_secret(void *arg);
static void forget_inquiry(void *arg);
static AmplifyProvision poll_exchange(AmplifyInquiry *inquiry);
static AmplifyProvision judge(AmplifyInquiry *inquiry);
static AmplifyFailureKind kind_of_lack(AmplifyFailureKind kind);
static int	open_file(AmplifyLookup *lookup, const char *path, size_t max_size,
					  size_t *size);

/*
 * Begin a lookup with what that connection says, and by the way that it says.
 * It goes away with the connection.
 */
AmplifyLookup *
amplify_lookup_start(AmplifyConnection *connection)
{
	MemoryContext context = AllocSetContextCreate(connection->context,
												  "amplify_fdw credential lookup",
												  ALLOCSET_DEFAULT_SIZES);
	AmplifyLookup *lookup = MemoryContextAllocZero(context,
												   sizeof(AmplifyLookup));

	lookup->connection = connection;
	lookup->context = context;
	lookup->kind = AMPLIFY_FAILURE_NO_CREDENTIALS;
	return lookup;
}

/*
 * End it: cancel what is under way, and forget all that it has found; the
 * caller has copied the keys.  Never throws.
 */
void
amplify_lookup_end(AmplifyLookup *lookup)
{
	MemoryContextDelete(lookup->context);
}

/* A copy that is overwritten when the context goes away; NULL gives NULL */
char *
amplify_lookup_copy(MemoryContext context, const char *text)
{
	size_t		size;

	if (text == NULL)
		return NULL;
	size = strlen(text) + 1;
	return memcpy(new_secret(context, size), text, size);
}

/*
 * The one place that reads the environment, which is the server's.  An empty
 * variable is none, as for the AWS CLI.
 */
const char *
amplify_lookup_getenv(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/*
 * The content of a regular file of at most max_size bytes, as a secret.  NULL
 * with lookup->reason if it can't be had, and without one if there is none.
 */
char *
amplify_lookup_read_file(AmplifyLookup *lookup, const char *path,
						 size_t max_size)
{
	size_t		size;
	size_t		length = 0;
	char	   *text;
	int			fd = open_file(lookup, path, max_size, &size);

	if (fd < 0)
		return NULL;
	text = new_secret(lookup->context, size + 1);
	while (length < size)
	{
		ssize_t		n = read(fd, text + length, size - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		length += n;
	}
	CloseTransientFile(fd);
	if (length < size || memchr(text, '\0', length) != NULL)
	{
		amplify_lookup_fail(lookup, "File \"%s\" could not be read as text.",
							path);
		return NULL;
	}
	text[length] = '\0';
	return text;
}

/* Say why there are no credentials; returns AMPLIFY_PROVISION_FAILED */
AmplifyProvision
amplify_lookup_fail(AmplifyLookup *lookup, const char *format,...)
{
	int			save_errno = errno;
	MemoryContext oldcontext = MemoryContextSwitchTo(lookup->context);
	StringInfoData reason;

	initStringInfo(&reason);
	for (;;)
	{
		va_list		args;
		int			needed;

		errno = save_errno;		/* for %m */
		va_start(args, format);
		needed = appendStringInfoVA(&reason, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&reason, needed);
	}
	lookup->reason = reason.data;
	MemoryContextSwitchTo(oldcontext);
	return AMPLIFY_PROVISION_FAILED;
}

/*
 * Take credentials, if they are such: they go into headers, and are not to
 * bring others along.
 */
AmplifyProvision
amplify_lookup_accept(AmplifyLookup *lookup, const char *access_key_id,
					  const char *secret_access_key,
					  const char *session_token, int64 expires)
{
	if (session_token != NULL && session_token[0] == '\0')
		session_token = NULL;
	if (access_key_id == NULL || secret_access_key == NULL)
		return amplify_lookup_fail(lookup, "The %s is missing.",
								   access_key_id == NULL ?
								   "access key ID" : "secret access key");
	if (!amplify_option_valid_header(access_key_id) ||
		!amplify_option_valid_header(secret_access_key) ||
		(session_token != NULL && !amplify_option_valid_header(session_token)))
		return amplify_lookup_fail(lookup,
								   "The keys hold characters that no key of AWS has.");
	if (strlen(access_key_id) > AMPLIFY_LONGEST_KEY_ID ||
		strlen(secret_access_key) > AMPLIFY_LONGEST_SECRET ||
		(session_token != NULL && strlen(session_token) > AMPLIFY_LONGEST_TOKEN))
		return amplify_lookup_fail(lookup,
								   "The keys are longer than any key of AWS.");

	lookup->keys.access_key_id = pstrdup(access_key_id);
	lookup->keys.secret_access_key =
		amplify_lookup_copy(lookup->context, secret_access_key);
	lookup->keys.session_token =
		amplify_lookup_copy(lookup->context, session_token);
	lookup->keys.expires = expires;
	return AMPLIFY_PROVISION_OK;
}

/*
 * Credentials out of a JSON response, in member result (NULL: the response
 * itself).  What they are called is the same everywhere, but for the token.
 */
AmplifyProvision
amplify_lookup_json(AmplifyLookup *lookup, const AmplifyTransfer *transfer,
					const char *result, const char *token_member)
{
	const char *const members[] = {"AccessKeyId", "SecretAccessKey", token_member};
	AmplifyResponse *page = amplify_response_create(lookup->context);
	const char *texts[lengthof(members)] = {NULL};
	int64		expires = AMPLIFY_NEVER;
	AmplifyProvision provision = AMPLIFY_PROVISION_OK;
	AmplifyItem *item;
	AmplifyValue value;
	AmplifyValueStatus status;

	if (amplify_response_parse(page, transfer->body, transfer->body_length,
							   transfer->way.max_size, result,
							   false) != AMPLIFY_PARSE_OK)
		return amplify_lookup_fail(lookup, "The response holds no credentials.");
	item = amplify_response_item(page, 0);
	for (int i = 0; i < lengthof(members); i++)
	{
		status = amplify_response_value(item, members[i], AMPLIFY_TEXT, &value);
		if (status == AMPLIFY_VALUE_OK)
			texts[i] = value.text;
		else if (status != AMPLIFY_VALUE_NULL)
			provision = amplify_lookup_fail(lookup,
											"Member \"%s\" of the response is not a text.",
											members[i]);
	}
	status = amplify_response_value(item, "Expiration", AMPLIFY_TIMESTAMP, &value);
	if (status == AMPLIFY_VALUE_OK)
		expires = (int64) timestamptz_to_time_t(value.time);
	else if (status != AMPLIFY_VALUE_NULL)
		provision = amplify_lookup_fail(lookup,
										"Member \"Expiration\" of the response is not a time.");
	if (provision == AMPLIFY_PROVISION_OK)
		provision = amplify_lookup_accept(lookup, texts[0], texts[1],
										  texts[2], expires);
	amplify_response_cleanse(page);
	return provision;
}

/* AWS_ACCESS_KEY_ID and its companions */
AmplifyProvision
amplify_lookup_environment(AmplifyLookup *lookup)
{
	const char *id = amplify_lookup_getenv("AWS_ACCESS_KEY_ID");
	const char *secret = amplify_lookup_getenv("AWS_SECRET_ACCESS_KEY");
	const char *token = amplify_lookup_getenv("AWS_SESSION_TOKEN");
	const char *expiration = amplify_lookup_getenv("AWS_CREDENTIAL_EXPIRATION");
	int64		expires = AMPLIFY_NEVER;
	TimestampTz time;

	if (id == NULL)
		return AMPLIFY_PROVISION_NONE;
	if (secret == NULL)
		return amplify_lookup_fail(lookup,
								   "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not.");
	if (token == NULL)
		token = amplify_lookup_getenv("AWS_SECURITY_TOKEN");
	if (expiration != NULL)
	{
		if (amplify_time_from_iso(expiration, &time) != AMPLIFY_VALUE_OK)
			return amplify_lookup_fail(lookup,
									   "AWS_CREDENTIAL_EXPIRATION is not a time such as 2026-01-31T12:00:00Z.");
		expires = (int64) timestamptz_to_time_t(time);
	}
	lookup->refreshable = false;
	return amplify_lookup_accept(lookup, id, secret, token, expires);
}

/*
 * Have the role assumed, too, when the keys are there and the ones before it
 */
void
amplify_lookup_add_role(AmplifyLookup *lookup, const AmplifyRole *role)
{
	AmplifyRole *copy = palloc(sizeof(AmplifyRole));

	*copy = *role;
	lookup->roles = lappend(lookup->roles, copy);
}

/*
 * For one exchange after the other, of which the caller fills the spec.  What
 * is under way is cancelled, and each body wiped, with the lookup's context.
 */
AmplifyInquiry *
amplify_lookup_inquire(AmplifyLookup *lookup)
{
	AmplifyInquiry *inquiry = MemoryContextAllocZero(lookup->context,
													 sizeof(AmplifyInquiry));

	dlist_init(&inquiry->completed);
	inquiry->lookup = lookup;
	inquiry->transfer.done = true;
	inquiry->transfer.secret = true;
	inquiry->callback.func = forget_inquiry;
	inquiry->callback.arg = inquiry;
	MemoryContextRegisterResetCallback(lookup->context, &inquiry->callback);
	return inquiry;
}

/*
 * Have the exchange made that the inquiry's spec describes; answered is told
 * when there is a response, or none will come (inquiry->failure says why), and
 * says what becomes of the lookup.  Returns AMPLIFY_PROVISION_PENDING, unless
 * it has failed already.
 */
AmplifyProvision
amplify_lookup_send(AmplifyInquiry *inquiry,
					AmplifyProvision (*answered) (AmplifyInquiry *inquiry,
												  bool failed))
{
	inquiry->answered = answered;
	inquiry->lookup->inquiry = inquiry;
	return amplify_lookup_poll(inquiry->lookup);
}

/* Let that exchange proceed, without waiting */
AmplifyProvision
amplify_lookup_poll(AmplifyLookup *lookup)
{
	AmplifyInquiry *inquiry = lookup->inquiry;
	AmplifyProvision provision = poll_exchange(inquiry);

	if (provision == AMPLIFY_PROVISION_PENDING)
		return provision;
	if (provision == AMPLIFY_PROVISION_FAILED)
	{
		const AmplifyFailure *failure = &inquiry->failure;
		MemoryContext oldcontext = MemoryContextSwitchTo(lookup->context);

		lookup->kind = kind_of_lack(failure->kind);
		lookup->code = failure->code[0] == '\0' ? NULL :
			amplify_outcome_ascii(failure->code);
		lookup->status = failure->status;
		MemoryContextSwitchTo(oldcontext);
	}
	return inquiry->answered(inquiry, provision == AMPLIFY_PROVISION_FAILED);
}

/*
 * When amplify_lookup_poll() has something to do: at a time on
 * amplify_loop_now()'s clock, or once the network says something.
 */
int64
amplify_lookup_ready_at(const AmplifyLookup *lookup)
{
	AmplifyInquiry *inquiry = lookup->inquiry;

	if (!inquiry->under_way)
		return amplify_http_has_room() ? inquiry->attempts.again_at :
			PG_INT64_MAX;
	return dlist_is_empty(&inquiry->completed) ? PG_INT64_MAX : 0;
}

/*
 * PENDING until there is a response (OK) or none will come (FAILED;
 * inquiry->failure says why)
 */
static AmplifyProvision
poll_exchange(AmplifyInquiry *inquiry)
{
	if (inquiry->under_way)
	{
		AmplifyProvision provision;

		if (amplify_http_pop(&inquiry->completed) == NULL)
			return AMPLIFY_PROVISION_PENDING;
		inquiry->under_way = false;
		provision = judge(inquiry);
		if (provision != AMPLIFY_PROVISION_PENDING)
		{
			/* the next exchange starts with nothing behind it */
			memset(&inquiry->attempts, 0, sizeof(inquiry->attempts));
			return provision;
		}
	}
	if (amplify_loop_now() >= inquiry->attempts.again_at &&
		amplify_http_has_room())
	{
		MemoryContext oldcontext =
			MemoryContextSwitchTo(inquiry->lookup->context);

		amplify_http_release(&inquiry->transfer);
		inquiry->under_way =
			amplify_exchange_start(&inquiry->spec, &inquiry->attempts,
								   &inquiry->transfer, &inquiry->completed);
		MemoryContextSwitchTo(oldcontext);
		if (!inquiry->under_way)
		{
			memset(&inquiry->failure, 0, sizeof(inquiry->failure));
			inquiry->failure.kind = AMPLIFY_FAILURE_SIGNING;
			strlcpy(inquiry->failure.message, "the request could not be signed",
					sizeof(inquiry->failure.message));
			return AMPLIFY_PROVISION_FAILED;
		}
	}
	return AMPLIFY_PROVISION_PENDING;
}

/*
 * There is no throttle for these services: to be throttled is a fault, too.
 * To get no descriptor is none, and no attempt.
 */
static AmplifyProvision
judge(AmplifyInquiry *inquiry)
{
	AmplifyOutcome outcome;

	if (inquiry->transfer.result == AMPLIFY_HTTP_DESCRIPTORS &&
		amplify_http_make_room())
	{
		inquiry->attempts.sent--;
		return AMPLIFY_PROVISION_PENDING;
	}
	outcome = amplify_exchange_judge(&inquiry->spec, &inquiry->attempts,
									 &inquiry->transfer, &inquiry->failure);
	amplify_mask_signatures(&inquiry->failure);
	if (outcome == AMPLIFY_OUTCOME_RETRY ||
		(outcome == AMPLIFY_OUTCOME_THROTTLED &&
		 amplify_exchange_postpone(&inquiry->spec, &inquiry->attempts,
								   inquiry->spec.pause * THROTTLED_FACTOR)))
		return AMPLIFY_PROVISION_PENDING;
	return outcome == AMPLIFY_OUTCOME_OK ? AMPLIFY_PROVISION_OK :
		AMPLIFY_PROVISION_FAILED;
}

/* What a call fails of that needs these credentials */
static AmplifyFailureKind
kind_of_lack(AmplifyFailureKind kind)
{
	switch (kind)
	{
		case AMPLIFY_FAILURE_SIGNING:
		case AMPLIFY_FAILURE_UNABLE:
		case AMPLIFY_FAILURE_DESCRIPTORS:
		case AMPLIFY_FAILURE_MEMORY:
			return kind;		/* a shortage of this machine */
		default:
			return AMPLIFY_FAILURE_NO_CREDENTIALS;
	}
}

static char *
new_secret(MemoryContext context, size_t size)
{
	Secret	   *secret = MemoryContextAlloc(context,
											offsetof(Secret, text) + size);

	secret->size = size;
	secret->callback.func = cleanse_secret;
	secret->callback.arg = secret;
	MemoryContextRegisterResetCallback(context, &secret->callback);
	return secret->text;
}

static void
cleanse_secret(void *arg)
{
	Secret	   *secret = arg;

	sigv4_cleanse(secret->text, secret->size);
}

static void
forget_inquiry(void *arg)
{
	AmplifyInquiry *inquiry = arg;

	amplify_http_cancel(&inquiry->transfer);

	/* headers and messages may repeat what was sent */
	sigv4_cleanse(&inquiry->transfer, sizeof(inquiry->transfer));
	sigv4_cleanse(&inquiry->failure, sizeof(inquiry->failure));
}

static int
open_file(AmplifyLookup *lookup, const char *path, size_t max_size,
		  size_t *size)
{
	struct stat st;
	int			fd;

	/* not to be held up by a FIFO; what it is shows only afterwards */
	fd = OpenTransientFile(path, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
	{
		if (errno != ENOENT && errno != ENOTDIR)
			amplify_lookup_fail(lookup, "File \"%s\" could not be opened: %m.",
								path);
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		st.st_size <= (off_t) max_size)
	{
		*size = st.st_size;
		return fd;
	}
	CloseTransientFile(fd);
	amplify_lookup_fail(lookup,
						"\"%s\" is not a file of at most %zu bytes.",
						path, max_size);
	return -1;
}
