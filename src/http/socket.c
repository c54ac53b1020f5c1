/*-------------------------------------------------------------------------
 *
 * socket.c
 *	  The sockets that libcurl has: counted, and known by what was heard on
 *	  them.
 *
 * Descriptors are a budget of the session, which PostgreSQL manages
 * (AcquireExternalFD).  It is shared by all servers, by other extensions, and
 * by PostgreSQL's own waits, which need an epoll descriptor each time.  Some
 * are left for these: a call without a descriptor waits for others to end,
 * whereas such a wait would fail.
 *
 * libcurl decides which connection serves a request.  It may choose one with
 * unread input that belongs to no request, or one whose other end is gone.
 * Shutting such a socket down makes libcurl choose another one.
 *
 * Called from inside libcurl: nothing here may throw or palloc.
 *
 * src/http/socket.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/hashfn.h"
#include "http/amplify_http.h"
#include "storage/fd.h"

#define MORE_NUMBERS	16		/* of descriptors, behind a free one */
#define MAX_DISCARDS	1000	/* far more than a receive buffer holds */
#define DISCARD_SIZE	(1024 * 1024)

/*
 * Descriptors that calls leave alone: for waits of PostgreSQL, and besides for
 * our epoll set and timer, for requests of credentials, which wait for no
 * room, and for a second address of a name that is tried beside the first.
 */
#define LEFT_FOR_WAITS	8
#define LEFT_IN_ALL		(LEFT_FOR_WAITS + 10)

typedef struct SocketAddress
{
	char		ip[INET6_ADDRSTRLEN];
	int			port;			/* 0: not known yet */
} SocketAddress;

typedef struct Socket
{
	AmplifySocketId id;			/* 0: this descriptor is none of ours */
	const AmplifyHttpUse *use;	/* of the server that it was opened for */
	uint32		host;			/* hash of its URL */
	SocketAddress own;
	SocketAddress peer;
	int			transfers;		/* that have sent a request on it */
	bool		used;			/* a transfer has, so it is no new one */
	bool		sequential;		/* speaks HTTP/1: one response a request */
	int64		heard;			/* when it was last found readable */
} Socket;

static Socket *sockets = NULL;	/* by descriptor */
static int	nsockets = 0;
static int	nopen = 0;
static bool some_given_up = false;
static uint32 serial = 0;

static bool can_acquire(int n);
static bool make_room(int fd);
static Socket *find(AmplifySocketId id);
static void ask_address(int fd,
						int (*ask) (int, struct sockaddr *, socklen_t *),
						SocketAddress *answer);
static bool is_address(const SocketAddress *address, const char *ip, int port);
static bool has_input(int fd);
static void give_up(int fd);

/* How many connections this session may ever have for its calls; at least 1 */
int
amplify_socket_most(void)
{
	int			budget = max_safe_fds / 3;

	return Max(budget - Min(LEFT_IN_ALL, budget / 2), 1);
}

/*
 * How many it may have now, idle ones included, which make room for others; at
 * least 1.  Others of this backend may have taken descriptors meanwhile.
 */
int
amplify_socket_limit(void)
{
	int			most = amplify_socket_most();
	int			left = Min(LEFT_FOR_WAITS, max_safe_fds / 12);

	if (nopen >= most || can_acquire(left + 1))
		return most;
	return Max(nopen, 1);
}

/* How many are open */
int
amplify_socket_count(void)
{
	return nopen;
}

/* How many have no transfer, beyond so many of each host */
int
amplify_socket_count_spare(int per_host)
{
	int			count = 0;

	if (nopen <= per_host)
		return 0;
	for (int fd = 0; fd < nsockets; fd++)
	{
		int			same = 0;

		if (sockets[fd].id == 0 || sockets[fd].transfers > 0)
			continue;
		for (int other = 0; other < fd && same < per_host; other++)
		{
			if (sockets[other].id != 0 && sockets[other].transfers == 0 &&
				sockets[other].host == sockets[fd].host)
				same++;
		}
		if (same == per_host)
			count++;
	}
	return count;
}

/*
 * A new socket, or -1; transfer->starved is set if that is for want of a
 * descriptor.
 */
int
amplify_socket_open(int family, int type, int protocol,
					AmplifyTransfer *transfer)
{
	int			fd;

	/* one for the wait for it must be left, also by the kernel */
	if (!can_acquire(2) || !amplify_socket_kernel_has_more())
	{
		transfer->starved = true;
		return -1;
	}
	(void) AcquireExternalFD();
	fd = socket(family, type | SOCK_CLOEXEC, protocol);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		transfer->starved = true;
	if (fd >= 0 && !make_room(fd))
	{
		close(fd);
		fd = -1;
	}
	if (fd < 0)
	{
		ReleaseExternalFD();
		return -1;
	}
	memset(&sockets[fd], 0, sizeof(Socket));
	sockets[fd].id = ((AmplifySocketId) ++serial << 32) | (uint32) fd;
	sockets[fd].use = transfer->use;
	sockets[fd].host = hash_bytes((const unsigned char *) transfer->url,
								  strlen(transfer->url));
	nopen++;
	return fd;
}

/* Close one that libcurl has had from amplify_socket_open() */
int
amplify_socket_close(int fd)
{
	if (fd >= 0 && fd < nsockets)
		sockets[fd].id = 0;
	nopen--;
	Assert(nopen >= 0);
	ReleaseExternalFD();
	return close(fd);
}

/*
 * libcurl wakes itself, and hears of its resolver, by pairs of sockets that
 * are its own, which the programs that a session starts would inherit.  fd: a
 * socket that libcurl watches, which may be one of them; -1: there may be new
 * ones.
 */
void
amplify_socket_keep_pairs(int fd)
{
	int			free_fd;

	if (fd >= 0 && fd < nsockets && sockets[fd].id != 0)
		return;
	/* new ones have had the lowest numbers that were free */
	free_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	for (int i = 0; i < Max(fd, free_fd) + MORE_NUMBERS; i++)
	{
		struct sockaddr_un address = {0};
		socklen_t	length = sizeof(address);

		/* one that has no name is of a pair */
		if (fcntl(i, F_GETFD) == 0 &&
			getsockname(i, (struct sockaddr *) &address, &length) == 0 &&
			address.sun_family == AF_UNIX &&
			length <= offsetof(struct sockaddr_un, sun_path))
			(void) fcntl(i, F_SETFD, FD_CLOEXEC);
	}
	if (free_fd >= 0)
		close(free_fd);
}

/*
 * The one between these two addresses, which libcurl knows a connection by; or
 * 0.  Its own is not enough: connections to two servers may have the same.
 */
AmplifySocketId
amplify_socket_by_addresses(const char *own_ip, int own_port,
							const char *peer_ip, int peer_port)
{
	for (int fd = 0; fd < nsockets; fd++)
	{
		Socket	   *sock = &sockets[fd];

		if (sock->id == 0)
			continue;
		if (sock->peer.port == 0)
		{
			ask_address(fd, getsockname, &sock->own);
			ask_address(fd, getpeername, &sock->peer);
		}
		if (is_address(&sock->own, own_ip, own_port) &&
			is_address(&sock->peer, peer_ip, peer_port))
			return sock->id;
	}
	return 0;
}

/*
 * Its own address, or the peer's; both stay as they are once it is connected,
 * and there is no peer before.
 */
static void
ask_address(int fd, int (*ask) (int, struct sockaddr *, socklen_t *),
			SocketAddress *answer)
{
	union
	{
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	}			address = {0};
	socklen_t	length = sizeof(address);

	if (ask(fd, &address.any, &length) != 0)
		return;
	if (address.any.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &address.v6.sin6_addr, answer->ip,
				  sizeof(answer->ip));
	else
		inet_ntop(AF_INET, &address.v4.sin_addr, answer->ip,
				  sizeof(answer->ip));
	/* the port is at the same place in both */
	answer->port = ntohs(address.v4.sin_port);
}

static bool
is_address(const SocketAddress *address, const char *ip, int port)
{
	return address->port == port && strcmp(address->ip, ip) == 0;
}

/* A transfer sends its request there.  False: it must not */
bool
amplify_socket_begin(AmplifySocketId id)
{
	Socket	   *sock = find(id);

	if (sock == NULL)
		return true;
	if (sock->sequential && has_input((int) (uint32) id))
	{
		give_up((int) (uint32) id);
		return false;
	}
	sock->transfers++;
	sock->used = true;
	return true;
}

/* That transfer has ended; sequential: the response came by HTTP/1 */
void
amplify_socket_end(AmplifySocketId id, bool sequential)
{
	Socket	   *sock = find(id);

	if (sock == NULL)
		return;
	sock->transfers--;
	sock->sequential |= sequential;
}

/* There is something to be read on it */
void
amplify_socket_heard(int fd)
{
	if (fd >= 0 && fd < nsockets)
		sockets[fd].heard = amplify_loop_now();
}

/*
 * Before a request goes out: what is there to be read on a connection that
 * waits for no response (a left-over response, the server's farewell) must not
 * become the next one's.  HTTP/2 says itself whose a response is.
 */
void
amplify_socket_drop_unread(void)
{
	for (int fd = 0; fd < nsockets; fd++)
	{
		if (sockets[fd].id != 0 && sockets[fd].sequential &&
			sockets[fd].transfers == 0 && has_input(fd))
			give_up(fd);
	}
}

/*
 * It has brought what was not asked for: whatever comes on it is not to be
 * believed, for none of its transfers.
 */
void
amplify_socket_drop(AmplifySocketId id)
{
	if (find(id) != NULL)
		give_up((int) (uint32) id);
}

/* Has any been shut down since this was asked last? */
bool
amplify_socket_gave_up(void)
{
	bool		result = some_given_up;

	some_given_up = false;
	return result;
}

/*
 * A transfer for that server has received nothing since then, and has timed
 * out.  Unless its connection had input for other transfers meanwhile, it is
 * assumed to be dead, and so are the server's idle ones, which are older.  One
 * that is being made is the next attempt's of a call that timed out before.
 */
void
amplify_socket_drop_silent(AmplifySocketId id, const AmplifyHttpUse *use,
						   int64 since)
{
	/* NULL if libcurl has closed it already */
	const Socket *silent = find(id);

	if (silent != NULL && silent->heard >= since)
		return;
	for (int fd = 0; fd < nsockets; fd++)
	{
		const Socket *sock = &sockets[fd];

		if (sock->id != 0 && sock->heard < since &&
			(sock == silent ||
			 (sock->use == use && sock->used && sock->transfers == 0)))
			give_up(fd);
	}
}

/*
 * Has the kernel, whatever the budget says, some for a socket, for
 * PostgreSQL's waits, and for what libcurl and resolvers open meanwhile?
 * None is taken.
 */
bool
amplify_socket_kernel_has_more(void)
{
	int			fds[LEFT_FOR_WAITS];
	int			n = 0;
	bool		short_of = false;

	while (n < LEFT_FOR_WAITS && !short_of)
	{
		fds[n] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
		if (fds[n] >= 0)
			n++;
		else if (errno == EMFILE || errno == ENFILE)
			short_of = true;
		else
			break;
	}
	while (n > 0)
		close(fds[--n]);
	return !short_of;
}

/* Are so many descriptors left of the budget?  None is taken. */
static bool
can_acquire(int n)
{
	int			got = 0;

	while (got < n && AcquireExternalFD())
		got++;
	for (int i = 0; i < got; i++)
		ReleaseExternalFD();
	return got == n;
}

static bool
make_room(int fd)
{
	int			n = Max(fd + 1, nsockets * 2);
	Socket	   *more;

	if (fd < nsockets)
		return true;
	more = realloc(sockets, n * sizeof(Socket));
	if (more == NULL)
		return false;
	memset(more + nsockets, 0, (n - nsockets) * sizeof(Socket));
	sockets = more;
	nsockets = n;
	return true;
}

/* NULL if it has been closed */
static Socket *
find(AmplifySocketId id)
{
	uint32		fd = (uint32) id;

	return id != 0 && fd < (uint32) nsockets && sockets[fd].id == id ?
		&sockets[fd] : NULL;
}

/* Also true at the end of the stream, and false where it can't be told */
static bool
has_input(int fd)
{
	char		byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

/*
 * libcurl will find it at its end, and close it, or is told to look (see
 * forget_given_up() of http.c).  What has been received already would still be
 * read, so it has to go.
 */
static void
give_up(int fd)
{
	shutdown(fd, SHUT_RDWR);
	some_given_up = true;
	for (int i = 0; i < MAX_DISCARDS; i++)
	{
		/* with this flag, TCP throws away what it has */
		if (recv(fd, NULL, DISCARD_SIZE, MSG_TRUNC | MSG_DONTWAIT) <= 0)
			break;
	}
}
