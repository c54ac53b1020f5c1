/*
 * curl_shim.c
 *	  A libcurl that was built without something, to be preloaded into a
 *	  server.
 *
 * It appends the number of each option that is set, and what to if that is a
 * number, to the file "options" in $AMPLIFY_SHIM_DIR, and refuses the one
 * whose number is in the file "refuse".  It says that it lacks the features
 * whose bits are in the file "lacks", and refuses what they are for.
 */
#define _GNU_SOURCE
#include <stdarg.h>

#include <curl/curl.h>

#include "shim.h"

#undef curl_easy_setopt

typedef CURLcode (*Setter) (CURL *, CURLoption, void *);
typedef curl_version_info_data *(*Teller) (CURLversion);

/* Is that what this libcurl can't do? */
static int
is_lacking(CURLoption option, const void *value)
{
	long		lacks = read_number("lacks");

	if (lacks & CURL_VERSION_HTTP2 && option == CURLOPT_HTTP_VERSION)
		return (long) value != CURL_HTTP_VERSION_1_1;
	if (lacks & CURL_VERSION_HTTP2 && option == CURLOPT_PIPEWAIT)
		return (long) value != 0;
	if (lacks & CURL_VERSION_LIBZ && option == CURLOPT_ACCEPT_ENCODING)
		return value != NULL;
	return lacks & CURL_VERSION_ASYNCHDNS && option == CURLOPT_QUICK_EXIT;
}

curl_version_info_data *
curl_version_info(CURLversion age)
{
	static Teller teller;
	static curl_version_info_data info;

	FIND_NEXT(teller, "curl_version_info");
	info = *teller(age);
	info.features &= ~read_number("lacks");
	return &info;
}

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
	if (option == read_number("refuse") || is_lacking(option, value))
		return CURLE_UNKNOWN_OPTION;
	return setter(easy, option, value);
}
