/*
 * port_shim.c
 *	  A kernel that lets connections to different servers have the same port of
 *	  their own, as it may, to be preloaded into a server.
 *
 * While there is a file "port" in $AMPLIFY_PORT_DIR, the first connection of a
 * backend to each server gets the port that it has, the second one the next
 * port, and so on.  While there is a FIFO "pause", requests are given to
 * libcurl when somebody has opened and closed it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#define MAX_SERVERS 16

typedef int (*Connect) (int, const struct sockaddr *, socklen_t);
typedef CURLMcode (*Add) (CURLM *, CURL *);

/* -1 if there is none */
static int
open_file(const char *name)
{
	const char *dir = getenv("AMPLIFY_PORT_DIR");
	char		path[1024];

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "", name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int
first_port(void)
{
	char		text[16] = "";
	int			fd = open_file("port");

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return (int) strtol(text, NULL, 10);
}

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
	int			port = first_port();

	if (next == NULL)
		*(void **) &next = dlsym(RTLD_NEXT, "connect");
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
	int			fd = open_file("pause");
	char		byte;

	if (next == NULL)
		*(void **) &next = dlsym(RTLD_NEXT, "curl_multi_add_handle");
	if (fd >= 0)
	{
		/* the end of the file is when the other end is closed */
		while (read(fd, &byte, 1) > 0)
			;
		close(fd);
	}
	return next(multi, easy);
}
