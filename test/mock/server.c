/*
 * server.c
 *	  Listening sockets, the event loop, timers, signals.
 *
 * One thread and one epoll.  What a connection does is in conn.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "mock.h"

#define MAX_SOURCES		8
#define MAX_EVENTS		4096

/* What is watched besides connections. */
typedef struct Source
{
	int			fd;
	void		(*ready) (struct Source *s);
	SSL_CTX    *tls;
	bool		control;
} Source;

static int	epoll_fd;
static Source sources[MAX_SOURCES];
static int	nsources;
static bool stopping;

static Conn **heap;
static int	heap_n;
static int	heap_cap;

/* ---- timers: a binary heap by time ---- */

static void
heap_place(int i, Conn *c)
{
	heap[i] = c;
	c->heap = i;
}

static void
heap_up(int i)
{
	Conn	   *c = heap[i];

	while (i > 0 && heap[(i - 1) / 2]->due > c->due)
	{
		heap_place(i, heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_place(i, c);
}

static void
heap_down(int i)
{
	Conn	   *c = heap[i];

	for (;;)
	{
		int			child = 2 * i + 1;

		if (child + 1 < heap_n && heap[child + 1]->due < heap[child]->due)
			child++;
		if (child >= heap_n || heap[child]->due >= c->due)
			break;
		heap_place(i, heap[child]);
		i = child;
	}
	heap_place(i, c);
}

void
timer_clear(Conn *c)
{
	int			i = c->heap;

	if (i < 0)
		return;
	c->heap = -1;
	heap_n--;
	if (i == heap_n)
		return;
	heap_place(i, heap[heap_n]);
	heap_up(i);
	heap_down(heap[i]->heap);
}

void
timer_set(Conn *c, uint64_t due)
{
	timer_clear(c);
	if (heap_n == heap_cap)
	{
		heap_cap = heap_cap ? heap_cap * 2 : 64;
		heap = realloc(heap, (size_t) heap_cap * sizeof(Conn *));
		if (heap == NULL)
			die("out of memory");
	}
	c->due = due;
	heap[heap_n] = c;
	c->heap = heap_n++;
	heap_up(c->heap);
}

static void
run_timers(void)
{
	uint64_t	now = heap_n ? now_ms() : 0;

	while (heap_n > 0 && heap[0]->due <= now)
	{
		Conn	   *c = heap[0];

		timer_clear(c);
		conn_timer(c);
	}
}

static int
time_to_wait(void)
{
	uint64_t	now;

	if (heap_n == 0)
		return -1;
	now = now_ms();
	return heap[0]->due <= now ? 0 : (int) (heap[0]->due - now);
}

/* ---- sources ---- */

bool
server_watch(Conn *c)
{
	struct epoll_event ev = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = c
	};

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &ev) == 0;
}

static Source *
add_source(int fd, void (*ready) (Source *s))
{
	Source	   *s = &sources[nsources++];
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = s};

	s->fd = fd;
	s->ready = ready;
	/* A file or /dev/null cannot be watched; its end is here already. */
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
		ready(s);
	return s;
}

static void
accept_ready(Source *s)
{
	const int	on = 1;
	int			fd;

	while ((fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
	{
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		conn_open(fd, s->tls, s->control);
	}
}

static void
signal_ready(Source *s)
{
	(void) s;
	stopping = true;
}

static void
stdin_ready(Source *s)
{
	char		rest[4096];
	ssize_t		n = read(s->fd, rest, sizeof(rest));

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		stopping = true;
}

/* Listen on the loopback address only.  Returns the port. */
static int
listen_on(long port, SSL_CTX *tls, bool control)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t) port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	socklen_t	len = sizeof(addr);
	const int	on = 1;
	int			fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	Source	   *s;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *) &addr, sizeof(addr)) != 0 ||
		listen(fd, 4096) != 0 || getsockname(fd, (struct sockaddr *) &addr, &len) != 0)
		die("cannot listen on port %ld: %s", port, strerror(errno));
	s = add_source(fd, accept_ready);
	s->tls = tls;
	s->control = control;
	return ntohs(addr.sin_port);
}

static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *outlen,
				const unsigned char *in, unsigned int inlen, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";

	(void) ssl, (void) arg;
	if (SSL_select_next_proto((unsigned char **) out, outlen, ours, sizeof(ours) - 1,
							  in, inlen) == OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_OK;
	return SSL_TLSEXT_ERR_NOACK;
}

static SSL_CTX *
make_tls(void)
{
	SSL_CTX    *tls = SSL_CTX_new(TLS_server_method());

	if (tls == NULL || SSL_CTX_use_certificate_chain_file(tls, options.cert) != 1)
		die("cannot use the certificate %s", options.cert);
	if (SSL_CTX_use_PrivateKey_file(tls, options.key ? options.key : options.cert,
									SSL_FILETYPE_PEM) != 1)
		die("cannot use the key for %s", options.cert);
	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
					 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_select_cb(tls, choose_protocol, NULL);
	return tls;
}

static void
tell_ports(int port, int tls_port, int control_port)
{
	Buf			text = {0};
	Buf			temp = {0};

	buf_printf(&text, "AMPLIFY_MOCK_PORT=%d\n", port);
	if (tls_port > 0)
		buf_printf(&text, "AMPLIFY_MOCK_TLS_PORT=%d\n", tls_port);
	buf_printf(&text, "AMPLIFY_MOCK_CONTROL_PORT=%d\n", control_port);
	if (options.port_file != NULL)
	{
		FILE	   *f;

		buf_printf(&temp, "%s.%ld", options.port_file, (long) getpid());
		f = fopen(temp.p, "w");
		if (f == NULL || fputs(text.p, f) < 0 || fclose(f) != 0 ||
			rename(temp.p, options.port_file) != 0)
			die("cannot write %s: %s", options.port_file, strerror(errno));
	}
	fputs(text.p, stdout);
	fflush(stdout);
	buf_free(&text);
	buf_free(&temp);
}

static void
watch_signals(void)
{
	sigset_t	set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	add_source(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), signal_ready);
}

static void
raise_file_limit(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0)
	{
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
}

static void
handle_event(const struct epoll_event *ev)
{
	Source	   *s = ev->data.ptr;

	if (s >= sources && s < sources + MAX_SOURCES)
		s->ready(s);
	else
		conn_event(ev->data.ptr, (ev->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) != 0,
				   (ev->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
}

void
server_run(void)
{
	static struct epoll_event events[MAX_EVENTS];
	SSL_CTX    *tls = options.cert ? make_tls() : NULL;
	int			port;
	int			tls_port = 0;

	raise_file_limit();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	watch_signals();
	port = listen_on(options.port, NULL, false);
	if (tls != NULL)
		tls_port = listen_on(options.tls_port, tls, false);
	tell_ports(port, tls_port, listen_on(0, NULL, true));
	if (options.exit_with_stdin)
		add_source(STDIN_FILENO, stdin_ready);
	while (!stopping)
	{
		int			n = epoll_wait(epoll_fd, events, MAX_EVENTS, time_to_wait());

		for (int i = 0; i < n; i++)
			handle_event(&events[i]);
		conns_run_ready();
		run_timers();
		conns_check_waiting();
		conns_run_ready();
		conns_bury();
	}
	conns_free();
	for (int i = 0; i < nsources; i++)
		close(sources[i].fd);
	close(epoll_fd);
	SSL_CTX_free(tls);
	free(heap);
}
