/*
 * malloc_shim.c
 *	  A malloc that fails when it is told to, to be preloaded into a server.
 *
 * The file "control" in $AMPLIFY_SHIM_DIR is shared with the test, which
 * writes into it which process is meant and which of its allocations are to
 * fail.  Those are counted that are made by the libraries whose names begin
 * with one of the words in $AMPLIFY_TORTURE_LIBRARIES; PostgreSQL's own are
 * not, as they have nothing to do with us.  Who allocates is told by the
 * return address, so the functions of the C library that allocate for their
 * caller are wrapped, too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "../t/shim.h"

#define MAX_RANGES	64

/* As malloc.t packs it */
typedef struct Control
{
	int64_t		generation;		/* a new one: look up the libraries anew */
	int64_t		pid;			/* 0: nobody */
	int64_t		first;			/* number of the first that fails; 0: none */
	int64_t		sticky;			/* all that follow fail, too */
	int64_t		count;
	int64_t		failed;
} Control;

typedef struct Range
{
	uintptr_t	start;
	uintptr_t	end;
} Range;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static Control *control = NULL;
static Range ranges[MAX_RANGES];
static int	nranges = 0;
static int64_t looked_up = 0;	/* the generation that ranges is of */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void
map_control(void)
{
	int			fd = open_file("control", O_RDWR);
	void	   *map;

	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map != MAP_FAILED)
		control = map;
}

/* Is it one of the libraries?  words are separated by blanks. */
static bool
is_meant(const char *path)
{
	const char *words = getenv("AMPLIFY_TORTURE_LIBRARIES");
	const char *name = strrchr(path, '/');

	name = name ? name + 1 : path;
	while (words != NULL && *words != '\0')
	{
		size_t		length = strcspn(words, " ");

		if (length > 0 && strncmp(name, words, length) == 0)
			return true;
		words += length + (words[length] == ' ');
	}
	return false;
}

static int
add_ranges(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void) size;
	(void) unused;
	if (!is_meant(info->dlpi_name))
		return 0;
	for (int i = 0; i < info->dlpi_phnum && nranges < MAX_RANGES; i++)
	{
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];

		if (header->p_type != PT_LOAD || !(header->p_flags & PF_X))
			continue;
		ranges[nranges].start = info->dlpi_addr + header->p_vaddr;
		ranges[nranges].end = ranges[nranges].start + header->p_memsz;
		nranges++;
	}
	return 0;
}

static bool
counts(const void *caller)
{
	uintptr_t	address = (uintptr_t) caller;
	bool		found = false;

	pthread_mutex_lock(&lock);
	if (looked_up != control->generation)
	{
		nranges = 0;
		dl_iterate_phdr(add_ranges, NULL);
		looked_up = control->generation;
	}
	for (int i = 0; i < nranges && !found; i++)
		found = address >= ranges[i].start && address < ranges[i].end;
	pthread_mutex_unlock(&lock);
	return found;
}

static bool
must_fail(const void *caller)
{
	int64_t		number;

	if (control == NULL || control->pid == 0 || control->pid != getpid() ||
		!counts(caller))
		return false;
	number = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
	if (control->first == 0 || number < control->first ||
		(number > control->first && !control->sticky))
		return false;
	__atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
	errno = ENOMEM;
	return true;
}

#define FAIL_IF_TOLD() \
	if (must_fail(__builtin_return_address(0))) return NULL

void *
malloc(size_t size)
{
	FAIL_IF_TOLD();
	return __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	FAIL_IF_TOLD();
	return __libc_calloc(n, size);
}

void *
realloc(void *old, size_t size)
{
	FAIL_IF_TOLD();
	return __libc_realloc(old, size);
}

char *
strdup(const char *text)
{
	size_t		size = strlen(text) + 1;
	char	   *copy;

	FAIL_IF_TOLD();
	copy = __libc_malloc(size);
	return copy ? memcpy(copy, text, size) : NULL;
}

char *
strndup(const char *text, size_t n)
{
	size_t		length = strnlen(text, n);
	char	   *copy;

	FAIL_IF_TOLD();
	copy = __libc_malloc(length + 1);
	if (copy == NULL)
		return NULL;
	copy[length] = '\0';
	return memcpy(copy, text, length);
}
