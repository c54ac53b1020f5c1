/*
 * json_shim.c
 *	  A json-c whose calls are counted, and in the middle of which the user
 *	  cancels, to be preloaded into a server.
 *
 * Each piece that is parsed is a byte more in the file "pieces" of
 * $AMPLIFY_SHIM_DIR, and is put at the end of the file "text" if there is one.
 * While there is a file "cancel", the process gets a SIGINT with each.
 * Likewise each number of a value that is read, "numbers" and
 * "cancel-numbers".
 */
#define _GNU_SOURCE
#include <signal.h>

#include "shim.h"

struct json_object;
struct json_tokener;

typedef struct json_object *(*Parser) (struct json_tokener *, const char *, int);

struct json_object *json_tokener_parse_ex(struct json_tokener *tokener,
										  const char *text, int length);
void	   *json_object_get_userdata(struct json_object *object);

static void
count(const char *name, const char *cancel)
{
	int			fd = open_file(name, O_WRONLY | O_CREAT | O_APPEND);

	if (fd >= 0)
	{
		if (write(fd, "x", 1) < 0)
			abort();
		close(fd);
	}
	fd = open_file(cancel, O_RDONLY);
	if (fd >= 0)
	{
		close(fd);
		kill(getpid(), SIGINT);
	}
}

struct json_object *
json_tokener_parse_ex(struct json_tokener *tokener, const char *text, int length)
{
	static Parser parser;
	int			fd = open_file("text", O_WRONLY | O_APPEND);

	FIND_NEXT(parser, "json_tokener_parse_ex");
	if (fd >= 0)
	{
		if (write(fd, text, length) < 0)
			abort();
		close(fd);
	}
	count("pieces", "cancel");
	return parser(tokener, text, length);
}

void *
json_object_get_userdata(struct json_object *object)
{
	static void *(*real) (struct json_object *);

	FIND_NEXT(real, "json_object_get_userdata");
	count("numbers", "cancel-numbers");
	return real(object);
}
