/*
 * dns_shim.c
 *	  A resolver that goes wrong, to be preloaded into a server.
 *
 * Names below ".hang.test" tell the FIFO $AMPLIFY_DNS_DIR/asked which thread
 * asks, and get no answer until somebody has opened the FIFO "answer" for
 * writing: then it is "no such name".  "absent.test" does not exist, and for
 * "servfail.test" the name server fails.
 *
 * Some names resolve to a place of ours, those of AWS to one where AWS never
 * is.  All others are resolved as ever.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Where names go */
static const struct
{
	const char *name;
	const char *address;
}			places[] = {
	{"here.test", "127.0.0.1"},
	{"amplify.us-east-1.amazonaws.com", "127.0.0.1"},
	{"amplify.us-east-2.amazonaws.com", "::1"},
	{"amplify.us-west-1.amazonaws.com", "::ffff:127.0.0.1"},
	{"amplify.us-west-2.amazonaws.com", "169.254.169.254"},
	{"amplify.eu-west-1.amazonaws.com", "fe80::1"},
	{"amplify.eu-west-2.amazonaws.com", "0.0.0.0"},
	{"amplify.eu-west-3.amazonaws.com", "fd00:ec2::254"},
	{"amplify.eu-north-1.amazonaws.com", "::"},
};

typedef int (*Resolver) (const char *, const char *,
						 const struct addrinfo *, struct addrinfo **);

static int
open_fifo(const char *name, int flags)
{
	const char *dir = getenv("AMPLIFY_DNS_DIR");
	char		path[1024];

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "", name);
	return open(path, flags | O_CLOEXEC);
}

static void
hang(void)
{
	int			fd = open_fifo("asked", O_WRONLY);
	char		byte;

	if (fd >= 0)
	{
		dprintf(fd, "%ld\n", syscall(SYS_gettid));
		close(fd);
	}
	fd = open_fifo("answer", O_RDONLY);
	if (fd >= 0)
	{
		while (read(fd, &byte, 1) > 0)
			;
		close(fd);
	}
}

int
getaddrinfo(const char *node, const char *service,
			const struct addrinfo *hints, struct addrinfo **res)
{
	Resolver	resolver = (Resolver) dlsym(RTLD_NEXT, "getaddrinfo");
	size_t		length = node ? strlen(node) : 0;

	if (length > 10 && strcmp(node + length - 10, ".hang.test") == 0)
	{
		/* a newer libcurl asks for each family in a thread of its own */
		if (hints == NULL || hints->ai_family != AF_INET6)
			hang();
		return EAI_NONAME;
	}
	if (length > 0 && strcmp(node, "absent.test") == 0)
		return EAI_NONAME;
	if (length > 0 && strcmp(node, "servfail.test") == 0)
		return EAI_AGAIN;
	for (size_t i = 0; length > 0 && i < sizeof(places) / sizeof(places[0]); i++)
	{
		if (strcmp(node, places[i].name) == 0)
			return resolver(places[i].address, service, hints, res);
	}
	return resolver(node, service, hints, res);
}
