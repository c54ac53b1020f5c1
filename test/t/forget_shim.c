/*
 * forget_shim.c
 *	  A libcurl that forgets transfers, to be preloaded into a server: it has
 *	  them, and neither a timer nor a socket for them.
 *
 * The first letter of the file "forget" in $AMPLIFY_SHIM_DIR, which is taken
 * out of it, says what becomes of the next transfer: "b" is forgotten before
 * it begins, "a" after libcurl has run once, "m" before it begins and because
 * memory is refused, which libcurl keeps to itself, and with any other letter
 * all is well.
 */
#define _GNU_SOURCE
#include <stdint.h>

#include <curl/curl.h>

#include "shim.h"

typedef CURLcode (*Init) (long, curl_malloc_callback, curl_free_callback,
						  curl_realloc_callback, curl_strdup_callback,
						  curl_calloc_callback);
typedef CURLMcode (*Add) (CURLM *, CURL *);
typedef CURLMcode (*Act) (CURLM *, curl_socket_t, int, int *);

static curl_malloc_callback allocate = NULL;
static CURL *after_one_run = NULL;

static char
next_letter(void)
{
	char		letters[256];
	int			fd = open_file("forget", O_RDWR);
	ssize_t		n = fd < 0 ? 0 : read(fd, letters, sizeof(letters));

	if (n > 0 && (pwrite(fd, letters + 1, n - 1, 0) < 0 ||
				  ftruncate(fd, n - 1) != 0))
		abort();
	if (fd >= 0)
		close(fd);
	return n > 0 ? letters[0] : '\0';
}

CURLcode
curl_global_init_mem(long flags, curl_malloc_callback m, curl_free_callback f,
					 curl_realloc_callback r, curl_strdup_callback s,
					 curl_calloc_callback c)
{
	static Init next;

	FIND_NEXT(next, "curl_global_init_mem");
	allocate = m;
	return next(flags, m, f, r, s, c);
}

CURLMcode
curl_multi_add_handle(CURLM *multi, CURL *easy)
{
	static Add	next;
	char		letter = next_letter();

	FIND_NEXT(next, "curl_multi_add_handle");
	if (letter == 'a')
		after_one_run = easy;
	if (letter == 'm' && allocate(SIZE_MAX / 2) != NULL)
		abort();
	return letter == 'b' || letter == 'm' ? CURLM_OK : next(multi, easy);
}

CURLMcode
curl_multi_socket_action(CURLM *multi, curl_socket_t fd, int events,
						 int *running)
{
	static Act	next;
	CURLMcode	result;

	FIND_NEXT(next, "curl_multi_socket_action");
	result = next(multi, fd, events, running);
	if (after_one_run != NULL)
		(void) curl_multi_remove_handle(multi, after_one_run);
	after_one_run = NULL;
	return result;
}
