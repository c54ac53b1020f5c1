/*
 * conn.c
 *	  The life of one connection: handshake, requests, replies, its end.
 *
 * Sockets are watched edge-triggered, so a connection remembers whether
 * there may be more to read.  Requests that came in together are all read
 * before the first of them is answered.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "mock.h"

#define READ_SIZE	8192
#define MAX_WAITING	256
#define BIG_BUFFER	(256 * 1024)

long		latency_now;
AcceptMode	accept_mode;
long		accept_left = -1;

static Conn *all_conns;
static Conn *dead_conns;
static Conn *first_ready;
static Conn **last_ready = &first_ready;
static Conn *waiting[MAX_WAITING];
static int	nwaiting;

static Reply reply;

static void conn_read(Conn *c);
static void conn_write(Conn *c);
static void conn_answer(Conn *c);

static void
reset_on_close(int fd)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void
request_over(Conn *c)
{
	if (c->in_flight)
		stats_flight(-1);
	stats.held -= c->held;
	c->in_flight = c->held = false;
}

static void
conn_close(Conn *c, After how)
{
	if (c->state == S_DEAD)
		return;
	timer_clear(c);
	request_over(c);
	for (int i = 0; c->state == S_WAIT && i < nwaiting; i++)
		if (waiting[i] == c)
			waiting[i--] = waiting[--nwaiting];
	if (how == AFTER_RESET)
		reset_on_close(c->fd);
	if (c->ssl != NULL)
	{
		if (how == AFTER_CLOSE && c->state != S_HANDSHAKE)
			SSL_shutdown(c->ssl);
		ERR_clear_error();
		SSL_free(c->ssl);
	}
	close(c->fd);
	stats.open -= c->counted;
	c->state = S_DEAD;
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		all_conns = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	c->next = dead_conns;
	dead_conns = c;
}

/* Free what was closed; nothing may point to it any more. */
void
conns_bury(void)
{
	while (dead_conns != NULL)
	{
		Conn	   *c = dead_conns;

		dead_conns = c->next;
		buf_free(&c->in);
		buf_free(&c->out);
		free(c);
	}
}

void
conns_free(void)
{
	while (all_conns != NULL)
		conn_close(all_conns, AFTER_DROP);
	conns_bury();
	buf_free(&reply.message);
	buf_free(&reply.headers);
	buf_free(&reply.body);
	buf_free(&reply.wish.headers);
}

/* What becomes of a new connection, but for those to the control port. */
static AcceptMode
take_accept_mode(void)
{
	AcceptMode	mode = accept_mode;

	if (mode != ACCEPT_NORMAL && accept_left > 0 && --accept_left == 0)
		accept_mode = ACCEPT_NORMAL;
	return mode;
}

void
conn_open(int fd, SSL_CTX *tls, bool control)
{
	AcceptMode	mode = control ? ACCEPT_NORMAL : take_accept_mode();
	Conn	   *c;

	stats.accepted += !control;
	if (mode == ACCEPT_REFUSE || mode == ACCEPT_RESET)
	{
		if (mode == ACCEPT_RESET)
			reset_on_close(fd);
		close(fd);
		return;
	}
	c = xalloc(sizeof(Conn));
	c->fd = fd;
	c->heap = -1;
	c->counted = !control;
	stats.open += c->counted;
	c->state = S_READ;
	if (tls != NULL)
	{
		c->ssl = SSL_new(tls);
		if (c->ssl == NULL || !SSL_set_fd(c->ssl, fd))
			die("TLS connection");
		SSL_set_accept_state(c->ssl);
		c->state = S_HANDSHAKE;
	}
	if (mode == ACCEPT_STALL)
		c->state = S_BLACKHOLE;
	c->next = all_conns;
	if (all_conns != NULL)
		all_conns->prev = c;
	all_conns = c;
	if (!server_watch(c))
		conn_close(c, AFTER_DROP);
}

/* ---- reading ---- */

/* > 0: bytes; 0: end; -1: nothing now; -2: broken */
static ssize_t
conn_receive(Conn *c, char *p, size_t size)
{
	ssize_t		n;

	if (c->ssl != NULL)
	{
		n = SSL_read(c->ssl, p, (int) size);
		if (n > 0)
			return n;
		switch (SSL_get_error(c->ssl, (int) n))
		{
			case SSL_ERROR_WANT_READ:
			case SSL_ERROR_WANT_WRITE:
				return -1;
			case SSL_ERROR_ZERO_RETURN:
				return 0;
			default:
				ERR_clear_error();
				return -2;
		}
	}
	do
		n = recv(c->fd, p, size, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -1 : -2;
	return n;
}

/* A request that is refused before it is understood. */
static void
refuse_request(Conn *c, int status)
{
	reply_begin(&reply);
	reply_error(&reply, status, "BadRequestException", "Bad request");
	reply.wish.close = 1;
	c->req.total = c->in.n;
	c->req.keepalive = false;
	conn_answer(c);
}

static void
queue_request(Conn *c)
{
	c->state = S_READY;
	c->next_ready = NULL;
	*last_ready = c;
	last_ready = &c->next_ready;
	if (c->req.control)
	{
		/* A connection for control only is not one of the client's. */
		if (c->counted && !c->used)
		{
			c->counted = false;
			stats.open--;
			stats.accepted -= stats.accepted > 0;
		}
		return;
	}
	c->used = true;
	c->in_flight = true;
	stats_flight(1);
}

static void
conn_read(Conn *c)
{
	while (c->state == S_READ)
	{
		int			rc = c->in.n ? request_parse(&c->req, c->in.p, c->in.n) : 0;
		ssize_t		n;

		if (rc > 0)
			queue_request(c);
		else if (rc < 0)
			refuse_request(c, -rc);
		if (rc != 0 || !c->readable)
			return;
		buf_reserve(&c->in, READ_SIZE);
		n = conn_receive(c, c->in.p + c->in.n, READ_SIZE);
		if (n == -1)
			c->readable = false;
		else if (n <= 0)
			conn_close(c, n == 0 ? AFTER_CLOSE : AFTER_DROP);
		else
		{
			c->in.n += (size_t) n;
			/* Less than asked for: there is no more, until the next edge. */
			if (c->ssl == NULL && n < READ_SIZE && !c->hangup)
				c->readable = false;
		}
	}
}

static void
conn_handshake(Conn *c)
{
	int			rc = SSL_accept(c->ssl);
	int			err;

	if (rc == 1)
	{
		c->state = S_READ;
		c->readable = true;
		conn_read(c);
		return;
	}
	err = SSL_get_error(c->ssl, rc);
	if (err != SSL_ERROR_WANT_READ && err != SSL_ERROR_WANT_WRITE)
		conn_close(c, AFTER_DROP);
	ERR_clear_error();
}

/* ---- writing ---- */

/* The next bytes to send: of the text, or of the padding within it. */
static Slice
next_piece(const Conn *c, uint64_t limit)
{
	const Plan *plan = &c->plan;
	uint64_t	at = c->sent;
	uint64_t	pad_end = plan->pad_at + plan->pad_len;
	Slice		piece;
	uint64_t	n;

	if (plan->pad_len == 0 || at < plan->pad_at)
	{
		piece.p = c->out.p + at;
		n = (plan->pad_len ? plan->pad_at : c->out.n) - at;
	}
	else if (at < pad_end)
	{
		piece.p = padding;
		n = pad_end - at < padding_size ? pad_end - at : padding_size;
	}
	else
	{
		piece.p = c->out.p + (at - plan->pad_len);
		n = c->out.n + plan->pad_len - at;
	}
	piece.n = n < limit - at ? n : limit - at;
	return piece;
}

static ssize_t
conn_send(Conn *c, Slice piece)
{
	ssize_t		n;

	if (c->ssl != NULL)
	{
		n = SSL_write(c->ssl, piece.p, (int) piece.n);
		if (n > 0)
			return n;
		n = SSL_get_error(c->ssl, (int) n);
		ERR_clear_error();
		return n == SSL_ERROR_WANT_WRITE || n == SSL_ERROR_WANT_READ ? -1 : -2;
	}
	do
		n = send(c->fd, piece.p, piece.n, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -1 : -2;
	return n;
}

/* All is sent that is to be sent. */
static void
conn_finish(Conn *c)
{
	switch (c->plan.after)
	{
		case AFTER_KEEP:
			request_over(c);
			if (c->out.cap > BIG_BUFFER)
				buf_free(&c->out);
			c->in.n -= c->req.total;
			memmove(c->in.p, c->in.p + c->req.total, c->in.n);
			c->state = S_READ;
			conn_read(c);
			break;
		case AFTER_HOLD:
			c->state = S_HELD;
			c->held = true;
			stats.held++;
			break;
		case AFTER_HALFCLOSE:
			request_over(c);
			if (c->ssl != NULL)
				SSL_shutdown(c->ssl);
			shutdown(c->fd, SHUT_WR);
			c->state = S_HELD;
			break;
		default:
			conn_close(c, c->plan.after);
	}
}

static void
conn_write(Conn *c)
{
	const Plan *plan = &c->plan;

	c->state = S_WRITE;
	while (c->sent < plan->stop_at)
	{
		bool		dripping = plan->drip > 0 && c->sent >= plan->drip_from;
		uint64_t	limit = plan->stop_at;
		ssize_t		n;

		if (dripping)
			limit = c->sent + 1;
		else if (plan->drip > 0 && plan->drip_from < limit)
			limit = plan->drip_from;
		n = conn_send(c, next_piece(c, limit));
		if (n == -1)
			return;
		if (n < 0)
		{
			conn_close(c, AFTER_DROP);
			return;
		}
		c->sent += (uint64_t) n;
		if (dripping && c->sent < plan->stop_at)
		{
			c->state = S_DRIP;
			timer_set(c, now_ms() + (uint64_t) plan->drip);
			return;
		}
	}
	conn_finish(c);
}

/* Send the rest of all replies that a stall holds back. */
void
conns_release(void)
{
	Conn	   *next;

	for (Conn *c = all_conns; c != NULL; c = next)
	{
		next = c->next;
		if (!c->held)
			continue;
		c->held = false;
		stats.held--;
		c->plan.stop_at = c->out.n + c->plan.pad_len;
		c->plan.after = AFTER_KEEP;
		conn_write(c);
	}
}

/* Say that on every connection that waits for a request, unasked. */
void
conns_speak(Slice text)
{
	for (Conn *c = all_conns; c != NULL; c = c->next)
	{
		if (c->used && c->state == S_READ && c->in.n == 0)
			(void) conn_send(c, text);
	}
}

/* From now on, no connection of the client's that is open hears anything. */
void
conns_deafen(void)
{
	for (Conn *c = all_conns; c != NULL; c = c->next)
	{
		if (c->used && c->state == S_READ)
			c->state = S_BLACKHOLE;
	}
}

/* Send what is rendered, at once or later. */
static void
conn_start(Conn *c, long delay)
{
	c->sent = 0;
	if (delay > 0)
	{
		c->state = S_DELAY;
		timer_set(c, now_ms() + (uint64_t) delay);
	}
	else
		conn_write(c);
}

static void
conn_answer(Conn *c)
{
	reply_render(&reply, &c->out, &c->plan, c->req.keepalive);
	conn_start(c, 0);
}

/* ---- requests ---- */

static void
run_api(Conn *c)
{
	Call		call;
	const char *name;
	uint64_t	when = now_ms();
	int			status;

	api_route(&c->req, &call);
	name = call.op ? call.op->name : "Unknown";
	stats_count(call.op);
	if ((call.identity >= 0 ? identity_check(call.identity, &c->req, &reply) :
		 signature_check(&c->req, "amplify", &reply)) &&
		!rate_exceeded(name, &reply))
	{
		fault_apply(name, c->req.target, &reply.wish);
		api_run(&c->req, &call, &reply);
	}
	/* The log before the sending, which may close the connection. */
	status = reply_render(&reply, &c->out, &c->plan, c->req.keepalive);
	stats_log(when, status, call.op,
			  call.identity >= 0 ? identity_target(call.identity, &c->req) :
			  c->req.target, signature_key_id(&c->req));
	if (reply.wish.latency == 0)
		reply.wish.latency = call.identity >= 0 && identity_latency() >= 0 ?
			identity_latency() : latency_now;
	conn_start(c, reply.wish.latency);
}

static void
run_control(Conn *c)
{
	if (control_run(c, &reply))
		conn_answer(c);
	else if (nwaiting == MAX_WAITING)
		conn_close(c, AFTER_DROP);
	else
	{
		c->state = S_WAIT;
		waiting[nwaiting++] = c;
	}
}

void
conns_run_ready(void)
{
	while (first_ready != NULL)
	{
		Conn	   *c = first_ready;

		first_ready = c->next_ready;
		if (first_ready == NULL)
			last_ready = &first_ready;
		if (c->state != S_READY)
			continue;
		reply_begin(&reply);
		if (c->req.control)
			run_control(c);
		else
			run_api(c);
	}
}

static void
end_wait(int i, bool late)
{
	Conn	   *c = waiting[i];

	waiting[i] = waiting[--nwaiting];
	timer_clear(c);
	reply_begin(&reply);
	reply.type = "text/plain; charset=utf-8";
	reply.status = late ? 408 : 200;
	buf_puts(&reply.body, late ? "timeout\n" : "ok\n");
	conn_answer(c);
}

void
conns_check_waiting(void)
{
	for (int i = nwaiting - 1; i >= 0; i--)
		if (control_wait_over(waiting[i]))
			end_wait(i, false);
}

void
conn_timer(Conn *c)
{
	if (c->state == S_DELAY || c->state == S_DRIP)
		conn_write(c);
	for (int i = 0; c->state == S_WAIT && i < nwaiting; i++)
		if (waiting[i] == c)
			end_wait(i, true);
}

/* A black hole still hears words of control, so that it can be ended. */
static void
look_into_blackhole(Conn *c)
{
	char		head[32];
	ssize_t		n = recv(c->fd, head, sizeof(head), MSG_PEEK);

	if (c->ssl == NULL && n > 0 && memmem(head, (size_t) n, " /_mock/", 8) != NULL)
	{
		c->state = S_READ;
		conn_read(c);
	}
}

void
conn_event(Conn *c, bool readable, bool hangup)
{
	c->readable |= readable;
	c->hangup |= hangup;
	switch (c->state)
	{
		case S_HANDSHAKE:
			conn_handshake(c);
			break;
		case S_READ:
			conn_read(c);
			break;
		case S_WRITE:
			conn_write(c);
			break;
		case S_BLACKHOLE:
			look_into_blackhole(c);
			break;
		default:
			break;
	}
	/* The client has gone: nobody waits for what is held back. */
	if (hangup && (c->state == S_DELAY || c->state == S_DRIP ||
				   c->state == S_HELD || c->state == S_WAIT ||
				   c->state == S_BLACKHOLE))
		conn_close(c, AFTER_DROP);
}
