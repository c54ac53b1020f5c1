/*
 * shim.h
 *	  What is preloaded into a server, and the test that has it done, talk by
 *	  files of the folder $AMPLIFY_SHIM_DIR.  Amplify.pm's shim() makes both.
 */
#ifndef SHIM_H
#define SHIM_H

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The function that a shim stands before, of the type of *next */
#define FIND_NEXT(next, name) \
	do { \
		if ((next) == NULL) \
			*(void **) &(next) = dlsym(RTLD_NEXT, name); \
	} while (0)

/* -1 if there is none */
static inline int
open_file(const char *name, int flags)
{
	const char *dir = getenv("AMPLIFY_SHIM_DIR");
	char		path[1024];

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "", name);
	return open(path, flags | O_CLOEXEC, 0600);
}

/* The number in a file; 0 if there is none */
static inline long
read_number(const char *name)
{
	char		text[16] = "";
	int			fd = open_file(name, O_RDONLY);

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return strtol(text, NULL, 10);
}

/* Wait until somebody has opened a FIFO and closed it; not if there is none */
static inline void
wait_for_fifo(const char *name)
{
	int			fd = open_file(name, O_RDONLY);
	char		byte;

	if (fd < 0)
		return;
	/* the end of the file is when the other end is closed */
	while (read(fd, &byte, 1) > 0)
		;
	close(fd);
}

#endif							/* SHIM_H */
