/*
 * curl_shim.c
 *	  A libcurl that was built without something, to be preloaded into a
 *	  server.
 *
 * It appends the number of each option that is set, and what to if that is a
 * number, to the file "options" in $AMPLIFY_SHIM_DIR, and refuses the one
 * whose number is in the file "refuse".
 */
#define _GNU_SOURCE
#include <stdarg.h>

#include <curl/curl.h>

#include "shim.h"

#undef curl_easy_setopt

typedef CURLcode (*Setter) (CURL *, CURLoption, void *);

/* All values are of one size, that of a pointer. */
CURLcode
curl_easy_setopt(CURL *easy, CURLoption option,...)
{
	static Setter setter;
	int			fd = open_file("options", O_WRONLY | O_CREAT | O_APPEND);
	va_list		args;
	void	   *value;

	FIND_NEXT(setter, "curl_easy_setopt");
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
	if (option == read_number("refuse"))
		return CURLE_UNKNOWN_OPTION;
	return setter(easy, option, value);
}
