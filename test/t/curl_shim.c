/*
 * curl_shim.c
 *	  A libcurl that was built without something, to be preloaded into a
 *	  server.
 *
 * It appends the number of each option that is set, and what to if that is a
 * number, to the file "options" in $AMPLIFY_CURL_DIR, and refuses the one
 * whose number is in the file "refuse".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <curl/curl.h>

#undef curl_easy_setopt

typedef CURLcode (*Setter) (CURL *, CURLoption, void *);

static int
open_file(const char *name, int flags)
{
	const char *dir = getenv("AMPLIFY_CURL_DIR");
	char		path[1024];

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "", name);
	return open(path, flags | O_CLOEXEC, 0600);
}

static int
refused(void)
{
	char		text[16] = "";
	int			fd = open_file("refuse", O_RDONLY);

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return (int) strtol(text, NULL, 10);
}

/* All values are of one size, that of a pointer. */
CURLcode
curl_easy_setopt(CURL *easy, CURLoption option,...)
{
	static Setter setter;
	int			fd = open_file("options", O_WRONLY | O_CREAT | O_APPEND);
	va_list		args;
	void	   *value;

	if (setter == NULL)
		*(void **) &setter = dlsym(RTLD_NEXT, "curl_easy_setopt");
	va_start(args, option);
	value = va_arg(args, void *);
	va_end(args);
	if (fd >= 0)
	{
		if (option < CURLOPTTYPE_OBJECTPOINT)
			dprintf(fd, "%d %ld\n", (int) option, (long) value);
		else
			dprintf(fd, "%d -\n", (int) option);
		close(fd);
	}
	if ((int) option == refused())
		return CURLE_UNKNOWN_OPTION;
	return setter(easy, option, value);
}
