/*-------------------------------------------------------------------------
 *
 * http.c
 *	  Requests on the network, many at a time.  With easy.c, which says
 *	  what a request is, the only file that knows libcurl.
 *
 * Not here: AWS.  A transfer is bytes out and bytes in; who signs it, whether
 * it is tried again and what its response means is decided above.
 *
 * One CURLM serves the whole backend, so that connections, TLS sessions and
 * names are reused by later queries.  libcurl tells us which sockets it wants
 * watched, which loop.c does.
 *
 * Each transfer may need a socket of its own, so there are never more of them
 * than socket.c can get descriptors for: before starting one, the caller asks
 * amplify_http_has_room(), and waits if there is none.  All servers share that
 * limit.  Transfers in flight end whichever statement drives them, also
 * those of a cursor from which no row is fetched meanwhile, so no statement
 * waits for itself.  libcurl is given the same limit: to open another
 * connection, it closes the oldest idle one, and keeps all others.  At the end
 * of a transaction, idle connections are closed but for a few of each host.
 *
 * Failing paths: the budget was taken by others meanwhile, or the kernel has
 * no descriptor (a transfer that was refused a socket goes back to the queue,
 * or fails if nothing is in flight; descriptors.t makes calls wait for room,
 * fd_limit.t makes the kernel refuse them); cancel and ERROR
 * (cancel.t, leak.t: detach() gives the room back, whoever ends a transfer);
 * libcurl loses a transfer (forgotten.t: end_overdue() ends it).
 *
 * Rules that hold in this file:
 *	- No palloc and no ereport in a libcurl callback: a longjmp through libcurl
 *	  leaks the connection.  Callbacks use malloc and say so by a short return.
 *	- All signals are blocked while libcurl runs, because its resolver thread
 *	  inherits the mask and must never run a handler of PostgreSQL.
 *	- CURLOPT_QUICK_EXIT: a cancelled transfer does not wait for getaddrinfo().
 *	- Nothing is initialized before the first request of a backend.
 *
 * src/http/http.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <curl/curl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>

#include "http/amplify_http.h"
#include "miscadmin.h"

#if LIBCURL_VERSION_NUM < 0x075700
#error "amplify_fdw needs libcurl 7.87 or later (CURLOPT_QUICK_EXIT)"
#endif

#define IDLE_PER_HOST			4	/* at the end of a transaction */
#define MORE_CONNECTIONS		4	/* for transfers that ask for no room */
#define MAX_SPARE_HANDLES		512
#define NO_DEADLINE				PG_INT64_MAX
#define GRACE					(100 * INT64CONST(1000))	/* us */
#define EVENTS					64
#define MAX_TURNS				8

static CURLM *multi = NULL;
static CURLSH *share = NULL;	/* TLS sessions, for resumption */
static int64 curl_deadline = NO_DEADLINE;	/* libcurl wants to run then */
static int64 next_overdue = NO_DEADLINE;	/* no transfer is before */
static dlist_head active = DLIST_STATIC_INIT(active);	/* in multi */
static int	nactive = 0;
static int	most_active = INT_MAX;	/* there was no socket for one more */
static long max_connections = 0;	/* as libcurl knows it */
static bool some_begun = false; /* since libcurl ran last */
static CURL *spare[MAX_SPARE_HANDLES];	/* easy handles for reuse */
static int	nspare = 0;
static bool damaged = false;	/* memory was out in libcurl */
static int	nblocked = 0;		/* LIBCURL_BEGINs without their ENDs */
static sigset_t old_signals;	/* the mask before the first of them */

static bool start_engine(void);
static bool is_damaged(void);
static void abandon_engine(void);
static void limit_connections(void);
static void forget_given_up(void);
static bool close_oldest(CURL *easy);
static curl_socket_t refuse_socket(void *arg, curlsocktype purpose,
								   struct curl_sockaddr *address);
static int	socket_callback(CURL *easy, curl_socket_t fd, int what,
							void *arg, void *socket_arg);
static int	timer_callback(CURLM *unused, long timeout_ms, void *arg);
static CURLcode prepare_handle(AmplifyTransfer *transfer);
static CURLcode begin(AmplifyTransfer *transfer);
static void detach(AmplifyTransfer *transfer);
static void finish(AmplifyTransfer *transfer, CURLcode code);
static AmplifyHttpResult classify(CURLcode code);
static bool collect_finished(void);
static void start_clocks(void);
static bool end_overdue(void);
static int64 next_deadline(void);
static void run_events(const AmplifyLoopEvent *events, int n);
static void run_timeout(void);
static void run_libcurl(int fd, int events);
static void set_curl_deadline(long timeout_ms);

/*
 * Block every signal while libcurl runs, once for all that is done at a time.
 * Nothing in between may throw.
 */
#define LIBCURL_BEGIN() \
	do { \
		if (nblocked++ == 0) \
		{ \
			sigset_t	all_signals_; \
			sigfillset(&all_signals_); \
			pthread_sigmask(SIG_SETMASK, &all_signals_, &old_signals); \
		} \
	} while (0)
#define LIBCURL_END() \
	do { \
		if (--nblocked == 0) \
			pthread_sigmask(SIG_SETMASK, &old_signals, NULL); \
	} while (0)

/*
 * Start a request.  It is never an error: a transfer that cannot start is done
 * at once, with the reason.
 */
void
amplify_http_submit(AmplifyTransfer *transfer)
{
	CURLcode	rc = CURLE_OUT_OF_MEMORY;

	/* what is left of an attempt before */
	memset((char *) transfer + offsetof(AmplifyTransfer, done), 0,
		   sizeof(AmplifyTransfer) - offsetof(AmplifyTransfer, done));

	if (is_damaged())
		abandon_engine();
	transfer->use->in_flight++;
	nactive++;
	dlist_push_tail(&active, &transfer->node);
	if (amplify_loop_start() && start_engine())
	{
		LIBCURL_BEGIN();
		rc = prepare_handle(transfer);
		if (rc == CURLE_OK)
			rc = begin(transfer);
		LIBCURL_END();
	}
	else if (!amplify_socket_kernel_has_more())
	{
		transfer->starved = true;
		rc = CURLE_COULDNT_CONNECT;
	}
	if (rc != CURLE_OK)
		finish(transfer, rc);
}

/* The next transfer that is done, or NULL */
AmplifyTransfer *
amplify_http_pop(dlist_head *completed)
{
	AmplifyTransfer *transfer;

	if (dlist_is_empty(completed))
		return NULL;
	transfer = dlist_container(AmplifyTransfer, node,
							   dlist_pop_head_node(completed));
	/* in no list any more; amplify_http_cancel() looks at this */
	transfer->node.next = transfer->node.prev = NULL;
	return transfer;
}

/*
 * Forget a transfer in whatever state it is; its connection is closed if the
 * response was not complete.  Never throws, so that it can be called from a
 * reset callback.
 */
void
amplify_http_cancel(AmplifyTransfer *transfer)
{
	detach(transfer);
	amplify_socket_end(transfer->socket, false);
	transfer->socket = 0;
	if (transfer->node.next != NULL)
		dlist_delete(&transfer->node);
	amplify_http_release(transfer);
}

/* Should another attempt keep off the connection that this one had? */
bool
amplify_http_is_suspect(const AmplifyTransfer *transfer)
{
	return transfer->result == AMPLIFY_HTTP_TIMEOUT ||
		transfer->result == AMPLIFY_HTTP_BROKEN ||
		transfer->status == 408 || transfer->status == 421 ||
		transfer->status == 425;
}

/* Free what http.c allocated for a transfer that is done */
void
amplify_http_release(AmplifyTransfer *transfer)
{
	if (transfer->secret)
		amplify_memory_free(transfer->body);
	else
		free(transfer->body);
	transfer->body = NULL;
}

/* Let the transfers proceed as far as they can without waiting */
void
amplify_http_drive(void)
{
	AmplifyLoopEvent events[EVENTS];
	int			n = 0;
	bool		due;

	if (multi == NULL || (dlist_is_empty(&active) && !amplify_loop_armed()))
		return;
	due = next_deadline() <= amplify_loop_now();
	if (!due)
		n = amplify_loop_poll(events, EVENTS);
	if (!due && n == 0 && !is_damaged())
		return;

	LIBCURL_BEGIN();
	if (some_begun)
	{
		/* before they get a connection */
		amplify_socket_drop_unread();
		forget_given_up();
		start_clocks();
		some_begun = false;
	}

	/*
	 * Not on after some have finished, that others may take their places; and
	 * bounded, so that a server that never pauses can't keep us here.
	 */
	for (int turn = 0; turn < MAX_TURNS; turn++)
	{
		run_events(events, n);
		due = next_deadline() <= amplify_loop_now();
		if (due)
			run_timeout();
		if (collect_finished() || (due && end_overdue()) ||
			(!due && n < EVENTS))
			break;
		n = amplify_loop_poll(events, EVENTS);
	}
	if (is_damaged())
		abandon_engine();
	LIBCURL_END();
}

/*
 * Wait until something happens on the network, a deadline (microseconds on
 * amplify_loop_now()'s clock; PG_INT64_MAX: none) passes, or an interrupt has
 * to be served, which may throw.  amplify_http_drive() takes in what happened,
 * and what has finished since it was called last is not waited for.
 */
void
amplify_http_wait(int64 deadline, AmplifyWait wait)
{
	amplify_loop_sleep(Min(deadline, next_deadline()), wait);
}

/* Make the descriptor of amplify_loop_descriptor() readable at a deadline */
void
amplify_http_arm(int64 deadline)
{
	amplify_loop_arm(Min(deadline, next_deadline()));
}

/*
 * May one more transfer start?  If not, another one will end.  The first one
 * always may: whether there is a descriptor for it will show.
 */
bool
amplify_http_has_room(void)
{
	return nactive == 0 ||
		nactive < Min(amplify_socket_limit(), most_active);
}

/*
 * For a transfer that got no descriptor: will there be one if it waits for
 * amplify_http_has_room() and tries again?  If others are under way, they will
 * leave theirs; else the idle connections go.
 */
bool
amplify_http_make_room(void)
{
	if (nactive == 0 && amplify_socket_count() == 0)
		return false;
	amplify_http_close_idle();
	return true;
}

/*
 * Close idle connections but for a few of each host, those used last.
 * libcurl has no call for that, either: it closes the oldest one to open
 * another, which then gets no socket.  Doesn't throw.
 */
void
amplify_http_trim_idle(void)
{
	CURL	   *easy;

	if (multi == NULL || nactive > 0 ||
		amplify_socket_count_spare(IDLE_PER_HOST) == 0)
		return;
	LIBCURL_BEGIN();
	while (nspare > IDLE_PER_HOST)
		curl_easy_cleanup(spare[--nspare]);
	easy = curl_easy_init();
	while (easy != NULL && amplify_socket_count_spare(IDLE_PER_HOST) > 0)
	{
		if (!close_oldest(easy))
			break;
	}
	curl_easy_cleanup(easy);
	LIBCURL_END();
}

/*
 * Close the connections that nobody uses.  Transfers that are under way keep
 * theirs; libcurl has no call for it, so the engine is made anew when idle.
 */
void
amplify_http_close_idle(void)
{
	if (multi == NULL || !dlist_is_empty(&active))
		return;
	LIBCURL_BEGIN();
	while (nspare > 0)
		curl_easy_cleanup(spare[--nspare]);
	curl_multi_cleanup(multi);
	curl_share_cleanup(share);
	LIBCURL_END();
	multi = NULL;
	share = NULL;
	max_connections = 0;
	curl_deadline = NO_DEADLINE;
}

/* What of libcurl does not exist yet; false if it can't be had now */
static bool
start_engine(void)
{
	static bool initialized = false;

	if (multi != NULL)
		return true;

	LIBCURL_BEGIN();
	if (!initialized)
		initialized = curl_global_init_mem(CURL_GLOBAL_DEFAULT,
										   amplify_memory_alloc,
										   amplify_memory_free,
										   amplify_memory_realloc,
										   amplify_memory_strdup,
										   amplify_memory_zeroed) == CURLE_OK;
	if (initialized && share == NULL)
		share = curl_share_init();
	multi = share != NULL ? curl_multi_init() : NULL;
	amplify_socket_keep_pairs(-1);
	if (multi != NULL)
	{
		curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
		curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket_callback);
		curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer_callback);
	}
	LIBCURL_END();
	return multi != NULL;
}

/*
 * Has libcurl been refused memory, whether it says so or not?  It keeps that
 * to itself where another transfer ran well in the same call.
 */
static bool
is_damaged(void)
{
	if (amplify_memory_was_short())
		damaged = true;
	return damaged;
}

/*
 * What libcurl knows of a socket may be half made when memory was out, and
 * that of another transfer as well; it crashed on such a connection later, and
 * never ran a transfer again.  Then nothing of it is used any more.
 */
static void
abandon_engine(void)
{
	while (!dlist_is_empty(&active))
		finish(dlist_head_element(AmplifyTransfer, node, &active),
			   CURLE_OUT_OF_MEMORY);
	amplify_http_close_idle();
	(void) amplify_memory_was_short();
	damaged = false;
}

/*
 * Tell libcurl how many connections there may be, idle ones included.  If that
 * is as many as there are, it closes an idle one for each new one.
 */
static void
limit_connections(void)
{
	long		limit = amplify_socket_limit();

	if (limit == amplify_socket_most())
		limit += MORE_CONNECTIONS;
	if (limit == max_connections)
		return;
	if (curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, limit) == CURLM_OK &&
		curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
						  limit) == CURLM_OK)
		max_connections = limit;
}

/*
 * Before it takes a connection, libcurl looks whether it is at its end.  From
 * 8.16 on it does not always, but can be told to take none of those that there
 * are; what is idle of them is closed.
 */
static void
forget_given_up(void)
{
#ifdef CURLMNWC_CLEAR_CONNS
	if (amplify_socket_gave_up())
		(void) curl_multi_setopt(multi, CURLMOPT_NETWORK_CHANGED,
								 CURLMNWC_CLEAR_CONNS);
#endif
}

/* By a transfer that ends before it has begun.  False: none was closed */
static bool
close_oldest(CURL *easy)
{
	int			before = amplify_socket_count();
	int			running;

	max_connections = 0;
	if (curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
						  (long) before) != CURLM_OK ||
		curl_easy_setopt(easy, CURLOPT_URL, "http://127.0.0.1/") != CURLE_OK ||
		curl_easy_setopt(easy, CURLOPT_PROXY, "") != CURLE_OK ||
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) != CURLE_OK ||
		curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
		curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION,
						 refuse_socket) != CURLE_OK ||
		curl_multi_add_handle(multi, easy) != CURLM_OK)
		return false;
	(void) curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	curl_multi_remove_handle(multi, easy);
	while (curl_multi_info_read(multi, &running) != NULL)
		continue;
	return amplify_socket_count() < before;
}

static curl_socket_t
refuse_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	return CURL_SOCKET_BAD;
}

/*
 * libcurl: watch fd for this from now on.  What we assign to the socket comes
 * as socket_arg until libcurl has it forgotten.
 */
static int
socket_callback(CURL *easy, curl_socket_t fd, int what, void *arg,
				void *socket_arg)
{
	bool		in = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
	bool		out = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;

	if (socket_arg == NULL && what != CURL_POLL_REMOVE)
	{
		amplify_socket_keep_pairs(fd);
		(void) curl_multi_assign(multi, fd, &multi);
	}
	return amplify_loop_watch(fd, in, out, socket_arg == NULL) ? 0 : -1;
}

/* libcurl: call me after so long; -1: no need to */
static int
timer_callback(CURLM *unused, long timeout_ms, void *arg)
{
	set_curl_deadline(timeout_ms);
	return 0;
}

/* libcurl has cut its time to milliseconds: don't come too early */
static void
set_curl_deadline(long timeout_ms)
{
	if (timeout_ms < 0)
		curl_deadline = NO_DEADLINE;
	else
		curl_deadline = amplify_loop_now() +
			(timeout_ms > 0 ? (int64) timeout_ms * 1000 + 999 : 0);
}

static void
run_events(const AmplifyLoopEvent *events, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (events[i].readable)
			amplify_socket_heard(events[i].fd);
		run_libcurl(events[i].fd,
					(events[i].readable ? CURL_CSELECT_IN : 0) |
					(events[i].writable ? CURL_CSELECT_OUT : 0) |
					(events[i].failed ? CURL_CSELECT_ERR : 0));
	}
}

/*
 * libcurl doesn't repeat its wish if it finds that the time has not come yet,
 * so ask what it is now.
 */
static void
run_timeout(void)
{
	long		timeout_ms = -1;

	run_libcurl(CURL_SOCKET_TIMEOUT, 0);
	if (curl_multi_timeout(multi, &timeout_ms) != CURLM_OK)
		timeout_ms = 0;
	set_curl_deadline(timeout_ms);
}

/* An easy handle with the request in it */
static CURLcode
prepare_handle(AmplifyTransfer *transfer)
{
	struct curl_slist *slist = NULL;
	CURLcode	rc = CURLE_OUT_OF_MEMORY;
	bool		is_new = nspare == 0;
	bool		ok = true;

	transfer->easy = is_new ? curl_easy_init() : spare[--nspare];
	for (int i = 0; ok && transfer->headers[i] != NULL; i++)
	{
		struct curl_slist *longer = curl_slist_append(slist, transfer->headers[i]);

		ok = longer != NULL;
		if (ok)
			slist = longer;
	}
	transfer->slist = slist;
	if (ok && transfer->easy != NULL)
		rc = amplify_easy_options(transfer, share, is_new);
	if (rc != CURLE_OK)
	{
		/* it may lack what no later transfer would set */
		curl_easy_cleanup(transfer->easy);
		transfer->easy = NULL;
	}
	return rc;
}

/*
 * It is libcurl's from now on, and is sent when that runs next, which is soon,
 * whatever libcurl makes of it.
 */
static CURLcode
begin(AmplifyTransfer *transfer)
{
	limit_connections();
	some_begun = true;
	transfer->begun = curl_multi_add_handle(multi, transfer->easy) == CURLM_OK;
	curl_deadline = 0;
	return transfer->begun ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

/* Take the easy handle away from a transfer and keep it for another */
static void
detach(AmplifyTransfer *transfer)
{
	if (!transfer->done)
	{
		transfer->use->in_flight--;
		transfer->done = true;
		nactive--;
		Assert(nactive >= 0 && transfer->use->in_flight >= 0);
		if (nactive == 0)
		{
			most_active = INT_MAX;
			next_overdue = NO_DEADLINE;
		}
	}
	LIBCURL_BEGIN();
	if (transfer->easy != NULL)
	{
		curl_multi_remove_handle(multi, transfer->easy);
		if (nspare < MAX_SPARE_HANDLES && !damaged)
		{
			/*
			 * No pointer into the transfer may stay behind.  Not by
			 * curl_easy_reset(), which ends half-way when memory is out, and
			 * does not say so.
			 */
			curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, NULL);
			curl_easy_setopt(transfer->easy, CURLOPT_ERRORBUFFER, NULL);
			curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, NULL);
			/* nor a secret */
			curl_easy_setopt(transfer->easy, CURLOPT_PROXYUSERNAME, NULL);
			curl_easy_setopt(transfer->easy, CURLOPT_PROXYPASSWORD, NULL);
			curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, NULL);
			spare[nspare++] = transfer->easy;
		}
		else
			curl_easy_cleanup(transfer->easy);
	}
	curl_slist_free_all(transfer->slist);
	LIBCURL_END();
	transfer->easy = NULL;
	transfer->slist = NULL;
}

/* The transfer has ended: fill in what its owner will read */
static void
finish(AmplifyTransfer *transfer, CURLcode code)
{
	long		status = 0;
	long		sent = 0;
	long		version = 0;
	long		tunnel = 0;		/* status of the reply to CONNECT */

	/* else it tells of the transfer that had the handle before */
	if (transfer->begun)
	{
		curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
		curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_VERSION, &version);
		curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
	}
	transfer->status = status;
	transfer->reached = sent > 0;

	/* a server can't ask for a proxy's password */
	if (transfer->result == AMPLIFY_HTTP_OK &&
		((code != CURLE_OK && tunnel != 0 && tunnel / 100 != 2) ||
		 (code == CURLE_OK && status == 407 && transfer->way.proxy != NULL)))
	{
		transfer->result = AMPLIFY_HTTP_PROXY;
		snprintf(transfer->reason, sizeof(transfer->reason),
				 "its HTTP status is %ld", code != CURLE_OK ? tunnel : status);
		transfer->status = 0;
	}
	if (transfer->result == AMPLIFY_HTTP_OK && code != CURLE_OK)
		transfer->result = classify(code);
	if ((transfer->result == AMPLIFY_HTTP_CONNECT ||
		 transfer->result == AMPLIFY_HTTP_TLS) &&
		transfer->refusal == NULL &&
		(transfer->starved || !amplify_socket_kernel_has_more()))
	{
		/* libcurl's words would blame the network */
		transfer->result = AMPLIFY_HTTP_DESCRIPTORS;
		transfer->reason[0] = '\0';
		most_active = Max(nactive - 1, 1);
	}
	if (code == CURLE_OUT_OF_MEMORY)
		damaged = true;
	if (transfer->result == AMPLIFY_HTTP_TIMEOUT && transfer->sent != 0 &&
		transfer->received == 0)
		amplify_socket_drop_silent(transfer->socket, transfer->use,
								   transfer->sent);
	amplify_socket_end(transfer->socket,
					   version == CURL_HTTP_VERSION_1_0 ||
					   version == CURL_HTTP_VERSION_1_1);
	transfer->carrier = transfer->socket;
	transfer->socket = 0;
	/* libcurl's words for these would be about a callback */
	if (code == CURLE_WRITE_ERROR && transfer->refusal == NULL)
		transfer->refusal = "the body can't be decompressed";
	if (transfer->refusal != NULL)
		strlcpy(transfer->reason, transfer->refusal, sizeof(transfer->reason));
	else if (code != CURLE_OK && transfer->reason[0] == '\0' &&
			 transfer->result != AMPLIFY_HTTP_DESCRIPTORS)
		strlcpy(transfer->reason, curl_easy_strerror(code),
				sizeof(transfer->reason));
	detach(transfer);
	dlist_delete(&transfer->node);
	dlist_push_tail(transfer->completed, &transfer->node);
}

static AmplifyHttpResult
classify(CURLcode code)
{
	switch (code)
	{
		case CURLE_COULDNT_RESOLVE_HOST:
		case CURLE_COULDNT_RESOLVE_PROXY:
		case CURLE_COULDNT_CONNECT:
		case CURLE_URL_MALFORMAT:
			return AMPLIFY_HTTP_CONNECT;
		case CURLE_SSL_CONNECT_ERROR:
		case CURLE_PEER_FAILED_VERIFICATION:
		case CURLE_SSL_CACERT_BADFILE:
		case CURLE_SSL_CERTPROBLEM:
		case CURLE_SSL_CIPHER:
		case CURLE_SSL_ISSUER_ERROR:
		case CURLE_SSL_ENGINE_INITFAILED:
			return AMPLIFY_HTTP_TLS;
		case CURLE_OPERATION_TIMEDOUT:
			return AMPLIFY_HTTP_TIMEOUT;
		case CURLE_OUT_OF_MEMORY:
			return AMPLIFY_HTTP_MEMORY;
		default:
			return AMPLIFY_HTTP_BROKEN;
	}
}

/*
 * Move what libcurl has finished to the lists of the owners; false if nothing
 */
static bool
collect_finished(void)
{
	bool		any = false;
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(multi, &left)) != NULL)
	{
		AmplifyTransfer *transfer = NULL;
		CURLcode	code = message->data.result;
		long		sent = 0;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		curl_easy_getinfo(message->easy_handle, CURLINFO_REQUEST_SIZE, &sent);
		/* before 8.6, libcurl's word for a line that is too long */
		if (code == CURLE_OUT_OF_MEMORY && sent > 0 &&
			amplify_memory_is_ours() && !is_damaged())
		{
			code = CURLE_WEIRD_SERVER_REPLY;
			transfer->refusal = "a header is too long";
		}
		finish(transfer, code);
		any = true;
	}
	return any;
}

/* Of those that libcurl is about to run for the first time */
static void
start_clocks(void)
{
	int64		now = amplify_loop_now();
	dlist_iter	iter;

	dlist_reverse_foreach(iter, &active)
	{
		AmplifyTransfer *transfer = dlist_container(AmplifyTransfer, node,
													iter.cur);

		if (transfer->deadline != 0)
			break;
		transfer->deadline = now + (int64) transfer->way.timeout * 1000 + GRACE;
		next_overdue = Min(next_overdue, transfer->deadline);
	}
}

/*
 * End the transfers that libcurl should have ended by now; false if none.  It
 * has been seen to lose some, which then have neither a timer nor a socket,
 * and those that wait for another one's connection have no time-out of its.
 */
static bool
end_overdue(void)
{
	int64		now = amplify_loop_now();
	int64		next = NO_DEADLINE;
	bool		any = false;
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &active)
	{
		AmplifyTransfer *transfer = dlist_container(AmplifyTransfer, node,
													iter.cur);

		if (transfer->deadline > now)
			next = Min(next, transfer->deadline);
		else
		{
			finish(transfer, CURLE_OPERATION_TIMEDOUT);
			any = true;
		}
	}
	next_overdue = next;
	return any;
}

/* When amplify_http_drive() has something to do, whatever comes in */
static int64
next_deadline(void)
{
	return Min(curl_deadline, next_overdue);
}

static void
run_libcurl(int fd, int events)
{
	int			running;

	LIBCURL_BEGIN();
	if (curl_multi_socket_action(multi, fd, events, &running) != CURLM_OK)
		damaged = true;
	LIBCURL_END();
}
