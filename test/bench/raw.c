/*
 * raw.c
 *	  The yardstick of the benchmark: the same requests, header by header, by
 *	  libcurl's multi interface, signed, on so many connections, and nothing
 *	  done with the answers.
 *
 *	  raw URL get|list COUNT WIDTH REPEATS [anew]
 *
 * get fetches environment "dev" of COUNT apps; list lists the apps, page after
 * page, and then the environments of COUNT apps.  Ids are those of the mock's
 * generator.  Prints a line per repeat: milliseconds, calls, connections that
 * were opened, microseconds of CPU.  With "anew", each repeat opens
 * connections of its own.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "aws/sigv4.h"

#define MAX_WIDTH	1000

typedef struct Slot
{
	CURL	   *easy;
	struct curl_slist *headers;
	char		target[4096];
} Slot;

/* The tail of the last ListApps, where its token is */
static char page[1 << 20];
static size_t page_length;

static const char *base_url;
static const char *host;
static CURLM *multi;
static Slot slots[MAX_WIDTH];
static long calls;
static long connections;

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static double
cpu(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
		usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static size_t
discard(char *data, size_t size, size_t n, void *keep)
{
	if (keep != NULL && page_length + size * n < sizeof(page))
	{
		memcpy(page + page_length, data, size * n);
		page_length += size * n;
		page[page_length] = '\0';
	}
	return size * n;
}

static void
sign(Slot *slot, const char *path, const char *query)
{
	static SigV4Key key;
	static char key_date[9];
	char		timestamp[SIGV4_TIMESTAMP_LEN + 1];
	char		authorization[1024];
	char		line[1200];
	time_t		t = time(NULL);
	struct tm	tm;
	SigV4Header headers[] = {{"host", host}, {"x-amz-date", timestamp}};
	SigV4Request request = {
		.method = "GET", .path = path, .query = query,
		.headers = headers, .nheaders = 2, .payload = "",
		.timestamp = timestamp, .region = "us-east-1", .service = "amplify",
	};

	strftime(timestamp, sizeof(timestamp), "%Y%m%dT%H%M%SZ", gmtime_r(&t, &tm));
	if (strncmp(key_date, timestamp, 8) != 0)
	{
		sigv4_derive_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", &request, &key);
		memcpy(key_date, timestamp, 8);
	}
	sigv4_authorization(&request, "AKIDEXAMPLE", &key, authorization,
						sizeof(authorization));
	curl_slist_free_all(slot->headers);
	snprintf(line, sizeof(line), "authorization: %s", authorization);
	slot->headers = curl_slist_append(NULL, line);
	snprintf(line, sizeof(line), "x-amz-date: %s", timestamp);
	slot->headers = curl_slist_append(slot->headers, line);
	slot->headers = curl_slist_append(slot->headers, "user-agent: amplify_fdw/raw");
	snprintf(slot->target, sizeof(slot->target), "%s%s%s", path,
			 query[0] != '\0' ? "?" : "", query);
}

static void
start(Slot *slot, const char *path, const char *query, bool keep)
{
	if (slot->easy == NULL)
		slot->easy = curl_easy_init();
	sign(slot, path, query);
	curl_easy_setopt(slot->easy, CURLOPT_URL, base_url);
	curl_easy_setopt(slot->easy, CURLOPT_REQUEST_TARGET, slot->target);
	curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, slot->headers);
	curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
	curl_easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, discard);
	curl_easy_setopt(slot->easy, CURLOPT_WRITEDATA, keep ? slot : NULL);
	curl_easy_setopt(slot->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(slot->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(slot->easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_multi_add_handle(multi, slot->easy);
	calls++;
}

/* The slot of a transfer that has ended */
static Slot *
finished(void)
{
	for (;;)
	{
		int			running;
		int			left;
		CURLMsg    *message;

		curl_multi_perform(multi, &running);
		message = curl_multi_info_read(multi, &left);
		if (message != NULL)
		{
			CURL	   *easy = message->easy_handle;
			Slot	   *slot;
			long		status = 0;
			long		opened = 0;

			if (message->data.result != CURLE_OK)
			{
				fprintf(stderr, "raw: %s\n", curl_easy_strerror(message->data.result));
				exit(1);
			}
			curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
			curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &opened);
			curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &slot);
			if (status != 200)
			{
				fprintf(stderr, "raw: HTTP status %ld for %s\n", status, slot->target);
				exit(1);
			}
			connections += opened;
			curl_multi_remove_handle(multi, easy);
			return slot;
		}
		curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
}

/* ListApps, page after page */
static void
list_apps(void)
{
	char		query[4096] = "maxResults=100";

	for (;;)
	{
		char	   *token;
		char	   *end;
		char		encoded[4000];

		page_length = 0;
		start(&slots[0], "/apps", query, true);
		finished();
		token = strstr(page, "\"nextToken\":\"");
		if (token == NULL)
			return;
		token += strlen("\"nextToken\":\"");
		end = strchr(token, '"');
		sigv4_uri_encode(token, end - token, encoded, sizeof(encoded));
		snprintf(query, sizeof(query), "maxResults=100&nextToken=%s", encoded);
	}
}

static void
start_app(Slot *slot, bool list, long app)
{
	char		path[256];

	snprintf(path, sizeof(path), "/apps/d%011ld/backendenvironments%s", app,
			 list ? "" : "/dev");
	start(slot, path, list ? "maxResults=50" : "", false);
}

static void
run(bool list, long count, long width)
{
	long		started = 0;

	if (list)
		list_apps();
	while (started < count && started < width)
	{
		start_app(&slots[started], list, started + 1);
		started++;
	}
	for (long ended = 0; ended < count; ended++)
	{
		Slot	   *slot = finished();

		if (started < count)
			start_app(slot, list, ++started);
	}
}

int
main(int argc, char **argv)
{
	long		count;
	long		width;
	long		repeats;
	bool		anew = argc == 7 && strcmp(argv[6], "anew") == 0;

	if (argc != 6 && !anew)
	{
		fprintf(stderr, "usage: raw URL get|list COUNT WIDTH REPEATS [anew]\n");
		return 1;
	}
	count = strtol(argv[3], NULL, 10);
	width = strtol(argv[4], NULL, 10);
	repeats = strtol(argv[5], NULL, 10);
	if (width > MAX_WIDTH)
	{
		fprintf(stderr, "raw: WIDTH is %d at most\n", MAX_WIDTH);
		return 1;
	}
	base_url = argv[1];
	host = strstr(argv[1], "//") + 2;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	for (long i = 0; i < repeats; i++)
	{
		double		t = now();
		double		c = cpu();

		if (multi == NULL)
		{
			multi = curl_multi_init();
			curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, width);
		}
		calls = connections = 0;
		run(strcmp(argv[2], "list") == 0, count, width);
		printf("%.3f %ld %ld %.0f\n", now() - t, calls, connections, cpu() - c);
		fflush(stdout);
		if (anew)
		{
			curl_multi_cleanup(multi);
			multi = NULL;
		}
	}
	return 0;
}
