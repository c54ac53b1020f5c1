/*
 * port_shim.c
 *	  A kernel that lets connections to different servers have the same port of
 *	  their own, as it may, to be preloaded into a server.
 *
 * While there is a file "port" in $AMPLIFY_SHIM_DIR, the first connection of a
 * backend to each server gets the port that it has, the second one the next
 * port, and so on.  While there is a FIFO "pause", requests are given to
 * libcurl when somebody has opened and closed it.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include "shim.h"

#define MAX_SERVERS 16

typedef int (*Connect) (int, const struct sockaddr *, socklen_t);
typedef CURLMcode (*Add) (CURLM *, CURL *);

/* How many connections there have been to the server at that port */
static int
count(in_port_t server)
{
	static struct
	{
		in_port_t	server;
		int			n;
	}			counts[MAX_SERVERS];

	for (int i = 0; i < MAX_SERVERS; i++)
	{
		if (counts[i].server == 0)
			counts[i].server = server;
		if (counts[i].server == server)
			return counts[i].n++;
	}
	abort();
}

int
connect(int fd, const struct sockaddr *address, socklen_t length)
{
	static Connect next;
	long		port = read_number("port");

	FIND_NEXT(next, "connect");
	if (port != 0 && address->sa_family == AF_INET)
	{
		const struct sockaddr_in *server = (const void *) address;
		struct sockaddr_in own = {.sin_family = AF_INET};
		int			yes = 1;

		own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		own.sin_port = htons((in_port_t) (port + count(server->sin_port)));
		if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
			bind(fd, (const struct sockaddr *) &own, sizeof(own)) != 0)
			return -1;
	}
	return next(fd, address, length);
}

CURLMcode
curl_multi_add_handle(CURLM *multi, CURL *easy)
{
	static Add	next;

	FIND_NEXT(next, "curl_multi_add_handle");
	wait_for_fifo("pause");
	return next(multi, easy);
}
