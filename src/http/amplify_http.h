/*-------------------------------------------------------------------------
 *
 * amplify_http.h
 *	  What http/ offers: requests by libcurl, and the one wait; not AWS.
 *
 * src/http/amplify_http.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef AMPLIFY_HTTP_H
#define AMPLIFY_HTTP_H

#include "foreign/fdwapi.h"
#include "lib/ilist.h"

/* ---------- memory.c: for libcurl ---------- */

extern bool amplify_memory_is_ours(void);
extern bool amplify_memory_was_short(void);
extern void *amplify_memory_alloc(size_t size);
extern void *amplify_memory_zeroed(size_t n, size_t size);
extern char *amplify_memory_strdup(const char *text);
extern void amplify_memory_free(void *pointer);
extern void *amplify_memory_realloc(void *pointer, size_t size);

/* ---------- loop.c: sockets, time, and the one wait ---------- */

typedef struct AmplifyLoopEvent
{
	int			fd;
	bool		readable;
	bool		writable;
	bool		failed;
} AmplifyLoopEvent;

/* What a wait is for */
typedef enum AmplifyWait
{
	AMPLIFY_WAIT_RESPONSE,		/* to a call */
	AMPLIFY_WAIT_PAUSE,			/* until a call may be made (again) */
	AMPLIFY_WAIT_CREDENTIALS
} AmplifyWait;

extern int64 amplify_loop_now(void);
extern bool amplify_loop_start(void);
extern bool amplify_loop_watch(int fd, bool readable, bool writable,
							   bool is_new);
extern int	amplify_loop_poll(AmplifyLoopEvent *ready, int max);
extern void amplify_loop_sleep(int64 deadline, AmplifyWait wait);
extern int	amplify_loop_descriptor(void);
extern void amplify_loop_arm(int64 deadline);
extern bool amplify_loop_armed(void);

/* ---------- http.c: requests ---------- */

/* Headers of a response that somebody reads; "" when absent */
typedef struct AmplifyHttpHeaders
{
	char		error_type[128];
	char		content_length[32];
	char		encoding[32];	/* of the content */
	char		request_id[128];
	char		retry_after[32];
	char		amz_retry_after[32];
	char		date[64];
	char		age[16];
} AmplifyHttpHeaders;

typedef enum AmplifyHttpResult
{
	AMPLIFY_HTTP_OK,			/* a response, of any status */
	AMPLIFY_HTTP_CONNECT,		/* no name, no connection */
	AMPLIFY_HTTP_PROXY,			/* the proxy refuses */
	AMPLIFY_HTTP_TLS,			/* no agreement, or a bad certificate */
	AMPLIFY_HTTP_TIMEOUT,
	AMPLIFY_HTTP_BROKEN,		/* connection lost or not HTTP */
	AMPLIFY_HTTP_TOO_LARGE,
	AMPLIFY_HTTP_UNABLE,		/* libcurl lacks what is needed */
	AMPLIFY_HTTP_DESCRIPTORS,	/* there was none for a socket */
	AMPLIFY_HTTP_MEMORY
} AmplifyHttpResult;

/* A socket of libcurl: its descriptor, and a number that is used once */
typedef uint64 AmplifySocketId;

/* Where in the lines before, between and after bodies a transfer is */
typedef enum AmplifyHttpHead
{
	AMPLIFY_HEAD_STATUS,		/* a status line is next */
	AMPLIFY_HEAD_INTERIM,		/* headers of a 1xx response */
	AMPLIFY_HEAD_FINAL,			/* headers of the response */
	AMPLIFY_HEAD_OVER			/* from here on: body and trailers */
} AmplifyHttpHead;

typedef struct AmplifyHttpUse
{
	int			in_flight;		/* transfers that are under way */
	int64		connections;	/* opened for them so far */
} AmplifyHttpUse;

/* How a server is reached, and how much may come from there */
typedef struct AmplifyHttpWay
{
	const char *ca_bundle;		/* NULL: the system's */
	const char *proxy;			/* NULL: none; so are the next two */
	const char *proxy_user;
	const char *proxy_password;
	int			connect_timeout;	/* ms */
	int			timeout;		/* ms, for one request in all */
	size_t		max_size;		/* bytes of the decoded body */
} AmplifyHttpWay;

/*
 * One request.  The first part is the caller's: it fills it and keeps what it
 * points to until the transfer is done or cancelled, but for the headers, of
 * which amplify_http_submit() makes copies.  The rest is http.c's and may be
 * read once done is true.  body is malloc'ed; amplify_http_release()
 * or a caller that took it (set it to NULL) frees it.
 */
typedef struct AmplifyTransfer
{
	const char *url;			/* scheme, host and port */
	const char *target;			/* exact bytes of path and query */
	const char *method;			/* NULL: GET, or POST with a post_body */
	const char *post_body;		/* NULL: none */
	const char *headers[8];		/* "Name: value", NULL at end */
	AmplifyHttpWay way;
	char		untold[72];		/* of the headers: no reason may have it */
	bool		fresh;			/* on a connection of its own */
	bool		secret;			/* the body is overwritten when it is freed */
	bool		public_only;	/* refuse loopback and link-local addresses */
	AmplifyHttpUse *use;		/* where it is counted; never NULL */
	dlist_head *completed;		/* list that a done transfer is put on */

	bool		done;
	AmplifyHttpResult result;
	int			status;			/* of HTTP; 0 without a response */
	char	   *body;			/* NUL-terminated; NULL when empty */
	size_t		body_length;
	size_t		received;		/* bytes of headers and body on the wire */
	size_t		header_bytes;	/* of headers and trailers alone */
	AmplifyHttpHead head;		/* what the next header line is */
	bool		reached;		/* the request may have reached the server */
	AmplifyHttpHeaders response;
	bool		connecting;		/* a connection was opened for it */
	bool		starved;		/* there was no descriptor for another one */
	bool		begun;			/* libcurl has it */
	AmplifySocketId socket;		/* that has the request; 0: none yet */
	AmplifySocketId carrier;	/* done: the one that had it last, or 0 */
	int64		sent;			/* when it got it */
	int64		deadline;		/* libcurl ends it by then; 0: not begun */
	const char *refusal;		/* why we gave it up; NULL: we didn't */
	char		reason[256];	/* that, or libcurl's words */

	dlist_node	node;			/* in http.c's list, then in *completed */
	size_t		body_allocated;
	void	   *easy;			/* CURL *, NULL when not in use */
	void	   *slist;			/* struct curl_slist * */
} AmplifyTransfer;

extern void amplify_http_submit(AmplifyTransfer *transfer);
extern AmplifyTransfer *amplify_http_pop(dlist_head *completed);
extern void amplify_http_cancel(AmplifyTransfer *transfer);
extern void amplify_http_release(AmplifyTransfer *transfer);
extern bool amplify_http_is_suspect(const AmplifyTransfer *transfer);
extern void amplify_http_drive(void);
extern void amplify_http_wait(int64 deadline, AmplifyWait wait);
extern void amplify_http_arm(int64 deadline);
extern bool amplify_http_has_room(void);
extern bool amplify_http_make_room(void);
extern void amplify_http_close_idle(void);
extern void amplify_http_trim_idle(void);

/* ---------- easy.c: what libcurl is told of one request ---------- */

/* Returns a CURLcode; share is a CURLSH * */
extern int	amplify_easy_options(AmplifyTransfer *transfer, void *share,
								 bool is_new);
extern bool amplify_easy_is_origin(const char *url);

/* ---------- transfer.c: for easy.c's callbacks; nothing throws ---------- */

struct sockaddr;

extern bool amplify_transfer_body(AmplifyTransfer *transfer,
								  const char *data, size_t bytes);
extern bool amplify_transfer_header(AmplifyTransfer *transfer,
									const char *data, size_t bytes);
extern bool amplify_transfer_is_local(const struct sockaddr *address);

/* ---------- socket.c: the sockets of libcurl; nothing throws ---------- */

extern int	amplify_socket_most(void);
extern int	amplify_socket_limit(void);
extern int	amplify_socket_count(void);
extern int	amplify_socket_count_spare(int per_host);
extern bool amplify_socket_kernel_has_more(void);
extern int	amplify_socket_open(int family, int type, int protocol,
								AmplifyTransfer *transfer);
extern int	amplify_socket_close(int fd);
extern void amplify_socket_keep_pairs(int fd);
extern AmplifySocketId amplify_socket_by_addresses(const char *own_ip,
												   int own_port,
												   const char *peer_ip,
												   int peer_port);
extern bool amplify_socket_begin(AmplifySocketId id);
extern void amplify_socket_end(AmplifySocketId id, bool sequential);
extern void amplify_socket_heard(int fd);
extern void amplify_socket_drop_unread(void);
extern void amplify_socket_drop(AmplifySocketId id);
extern bool amplify_socket_gave_up(void);
extern void amplify_socket_drop_silent(AmplifySocketId id,
									   const AmplifyHttpUse *use,
									   int64 since);

#endif							/* AMPLIFY_HTTP_H */
