/*
 * control.c
 *	  The words under /_mock/, and the counts and the log that they show.
 *
 * Requests here are not signed and are never counted, delayed or faulted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock.h"

#define LOG_SIZE	1000			/* lines of each log */

typedef struct LogLine
{
	uint64_t	when;
	int			status;
	const char *op;
	Buf			target;
	Buf			key_id;
} LogLine;

/* From that moment on, so many requests were in flight */
typedef struct Flights
{
	uint64_t	when;
	uint64_t	n;
} Flights;

Stats		stats;

static uint64_t *counts;		/* by operation; the last is for no such */
static LogLine log_ring[LOG_SIZE];
static uint64_t log_lines;
static Flights flights_ring[LOG_SIZE];
static uint64_t flights_lines;
static uint64_t start_ms;

static const char *
op_name(int i)
{
	return i < api_nops ? api_ops[i].name : "Unknown";
}

static int
op_index(const Op *op)
{
	return op ? (int) (op - api_ops) : api_nops;
}

void
stats_count(const Op *op)
{
	counts[op_index(op)]++;
	stats.requests++;
}

/* A request more is in flight, or one less */
void
stats_flight(int change)
{
	Flights    *line = &flights_ring[flights_lines++ % LOG_SIZE];

	stats.in_flight += (uint64_t) change;
	if (stats.in_flight > stats.max_in_flight)
		stats.max_in_flight = stats.in_flight;
	line->when = now_ms();
	line->n = stats.in_flight;
}

void
stats_log(uint64_t when, int status, const Op *op, Slice target, Slice key_id)
{
	LogLine    *line = &log_ring[log_lines++ % LOG_SIZE];

	line->when = when;
	line->status = status;
	line->op = op_name(op_index(op));
	line->target.n = 0;
	buf_slice(&line->target, target);
	line->key_id.n = 0;
	buf_slice(&line->key_id, key_id.p ? key_id : slice("-"));
}

void
control_start(void)
{
	start_ms = now_ms();
	identity_reset();
	counts = xalloc(((size_t) api_nops + 1) * sizeof(*counts));
}

void
control_free(void)
{
	for (int i = 0; i < LOG_SIZE; i++)
	{
		buf_free(&log_ring[i].target);
		buf_free(&log_ring[i].key_id);
	}
	free(counts);
}

/* ---- the words ---- */

static bool
bad(Reply *r, const char *why)
{
	r->status = 400;
	buf_printf(&r->body, "%s\n", why);
	return true;
}

static bool
ok_or(Reply *r, const char *error)
{
	if (error != NULL)
		return bad(r, error);
	buf_puts(&r->body, "ok\n");
	return true;
}

static bool
word_calls(Conn *c, const Params *ps, Reply *r)
{
	(void) c, (void) ps;
	for (int i = 0; i <= api_nops; i++)
		if (counts[i] > 0)
			buf_printf(&r->body, "%s %llu\n", op_name(i),
					   (unsigned long long) counts[i]);
	return true;
}

static bool
word_total(Conn *c, const Params *ps, Reply *r)
{
	(void) c, (void) ps;
	buf_printf(&r->body, "%llu\n", (unsigned long long) stats.requests);
	return true;
}

static bool
word_held(Conn *c, const Params *ps, Reply *r)
{
	(void) c, (void) ps;
	buf_printf(&r->body, "%llu\n", (unsigned long long) stats.held);
	return true;
}

static bool
word_log(Conn *c, const Params *ps, Reply *r)
{
	uint64_t	first = log_lines > LOG_SIZE ? log_lines - LOG_SIZE : 0;

	(void) c, (void) ps;
	for (uint64_t i = first; i < log_lines; i++)
	{
		const LogLine *line = &log_ring[i % LOG_SIZE];

		buf_printf(&r->body, "%llu %d %s %s %s\n",
				   (unsigned long long) (line->when - start_ms), line->status,
				   line->op, line->target.p, line->key_id.p);
	}
	return true;
}

static int
compare_callers(const void *a, const void *b)
{
	const LogLine *x = *(const LogLine *const *) a;
	const LogLine *y = *(const LogLine *const *) b;
	int			c = strcmp(x->op, y->op);

	return c ? c : strcmp(x->key_id.p, y->key_id.p);
}

/* Of the log: who has asked what, and how often. */
static bool
word_callers(Conn *c, const Params *ps, Reply *r)
{
	const LogLine *line[LOG_SIZE] = {NULL};
	size_t		n = log_lines < LOG_SIZE ? log_lines : LOG_SIZE;
	size_t		first = 0;

	(void) c, (void) ps;
	for (size_t i = 0; i < n; i++)
		line[i] = &log_ring[i];
	qsort(line, n, sizeof(const LogLine *), compare_callers);
	for (size_t i = 1; i <= n; i++)
	{
		if (i < n && compare_callers(&line[first], &line[i]) == 0)
			continue;
		buf_printf(&r->body, "%s %s %zu\n", line[first]->op,
				   line[first]->key_id.p, i - first);
		first = i;
	}
	return true;
}

static bool
word_flights(Conn *c, const Params *ps, Reply *r)
{
	uint64_t	first = flights_lines > LOG_SIZE ? flights_lines - LOG_SIZE : 0;

	(void) c, (void) ps;
	for (uint64_t i = first; i < flights_lines; i++)
	{
		const Flights *line = &flights_ring[i % LOG_SIZE];

		buf_printf(&r->body, "%llu %llu\n",
				   (unsigned long long) (line->when - start_ms),
				   (unsigned long long) line->n);
	}
	return true;
}

static bool
word_connections(Conn *c, const Params *ps, Reply *r)
{
	(void) c, (void) ps;
	buf_printf(&r->body, "accepted %llu\nopen %llu\nmax_in_flight %llu\nrequests %llu\n",
			   (unsigned long long) stats.accepted,
			   (unsigned long long) stats.open,
			   (unsigned long long) stats.max_in_flight,
			   (unsigned long long) stats.requests);
	return true;
}

static bool
word_reset(Conn *c, const Params *ps, Reply *r)
{
	(void) c, (void) ps;
	memset(counts, 0, ((size_t) api_nops + 1) * sizeof(*counts));
	stats.accepted = 0;
	stats.requests = 0;
	stats.max_in_flight = stats.in_flight;
	log_lines = flights_lines = 0;
	latency_now = options.latency;
	accept_mode = ACCEPT_NORMAL;
	faults_clear();
	rate_clear();
	identity_reset();
	return ok_or(r, NULL);
}

static bool
word_latency(Conn *c, const Params *ps, Reply *r)
{
	const char *ms = param(ps, "ms");

	(void) c;
	return ok_or(r, ms && parse_long(ms, 0, 86400000, &latency_now) ?
				 NULL : "ms is a number");
}

static bool
word_rate(Conn *c, const Params *ps, Reply *r)
{
	(void) c;
	return ok_or(r, rate_set(ps));
}

static bool
word_fault(Conn *c, const Params *ps, Reply *r)
{
	(void) c;
	return ok_or(r, fault_add(ps));
}

static bool
word_clock(Conn *c, const Params *ps, Reply *r)
{
	const char *seconds = param(ps, "seconds");

	(void) c;
	return ok_or(r, seconds && parse_long(seconds, -1000000000, 1000000000,
										  &options.clock_offset) ?
				 NULL : "seconds is a number");
}

static bool
word_keys(Conn *c, const Params *ps, Reply *r)
{
	(void) c;
	return ok_or(r, identity_set(ps));
}

static bool
word_data(Conn *c, const Params *ps, Reply *r)
{
	(void) c;
	return ok_or(r, change_data(ps));
}

static bool
word_accept(Conn *c, const Params *ps, Reply *r)
{
	static const struct
	{
		const char *name;
		AcceptMode	mode;
	}			modes[] = {
		{"stall", ACCEPT_STALL},
		{"refuse", ACCEPT_REFUSE},
		{"reset", ACCEPT_RESET},
		{"normal", ACCEPT_NORMAL},
	};
	const char *n = param(ps, "n");

	(void) c;
	accept_left = -1;
	if (n != NULL && !parse_long(n, 1, 1L << 40, &accept_left))
		return bad(r, "n is a number");
	for (size_t i = 0; i < lengthof(modes); i++)
	{
		if (!param(ps, modes[i].name))
			continue;
		accept_mode = modes[i].mode;
		return ok_or(r, NULL);
	}
	return bad(r, "one of stall, refuse, reset, normal");
}

bool
control_wait_over(const Conn *c)
{
	if (c->wait_held == 0)
		return stats.held == 0;
	if (c->wait_held > 0)
		return stats.held >= (uint64_t) c->wait_held;
	return stats.requests >= (uint64_t) c->wait_requests;
}

static bool
word_wait(Conn *c, const Params *ps, Reply *r)
{
	const char *held = param(ps, "held");
	const char *requests = param(ps, "requests");
	const char *timeout = param(ps, "timeout");
	long		ms = 10000;

	c->wait_held = -1;
	c->wait_requests = -1;
	if (timeout && !parse_long(timeout, 0, 3600000, &ms))
		return bad(r, "timeout is in ms");
	if (!(held && parse_long(held, 0, 1000000, &c->wait_held)) &&
		!(requests && parse_long(requests, 0, 1L << 40, &c->wait_requests)))
		return bad(r, "held or requests is a number");
	if (control_wait_over(c))
		return ok_or(r, NULL);
	timer_set(c, now_ms() + (uint64_t) ms);
	return false;
}

static bool
word_release(Conn *c, const Params *ps, Reply *r)
{
	(void) c, (void) ps;
	conns_release();
	return ok_or(r, NULL);
}

static bool
word_speak(Conn *c, const Params *ps, Reply *r)
{
	const char *text = param(ps, "text");

	(void) c;
	if (text == NULL)
		return bad(r, "text is missing");
	conns_speak(slice(text));
	return ok_or(r, NULL);
}

static bool
word_deafen(Conn *c, const Params *ps, Reply *r)
{
	(void) c, (void) ps;
	conns_deafen();
	return ok_or(r, NULL);
}

static const struct
{
	const char *method;
	const char *name;
	bool		(*run) (Conn *c, const Params *ps, Reply *r);
}			words[] = {
	{"GET", "calls", word_calls},
	{"GET", "total", word_total},
	{"GET", "held", word_held},
	{"GET", "log", word_log},
	{"GET", "callers", word_callers},
	{"GET", "flights", word_flights},
	{"GET", "connections", word_connections},
	{"GET", "wait", word_wait},
	{"POST", "reset", word_reset},
	{"POST", "release", word_release},
	{"POST", "speak", word_speak},
	{"POST", "deafen", word_deafen},
	{"POST", "latency", word_latency},
	{"POST", "rate", word_rate},
	{"POST", "fault", word_fault},
	{"POST", "data", word_data},
	{"POST", "accept", word_accept},
	{"POST", "keys", word_keys},
	{"POST", "clock", word_clock},
};

bool
control_run(Conn *c, Reply *r)
{
	static Params ps;
	Slice		word = {c->req.path.p + 7, c->req.path.n - 7};

	r->type = "text/plain; charset=utf-8";
	if (!params_parse(&ps, c->req.query, true))
		return bad(r, "too many parameters");
	for (size_t i = 0; i < lengthof(words); i++)
	{
		if (!slice_is(word, words[i].name))
			continue;
		if (!slice_is(c->req.method, words[i].method))
			return bad(r, "wrong method");
		return words[i].run(c, &ps, r);
	}
	r->status = 404;
	buf_puts(&r->body, "no such word\n");
	return true;
}
