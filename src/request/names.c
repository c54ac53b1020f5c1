/*-------------------------------------------------------------------------
 *
 * names.c
 *	  A set of names, each found by its text.
 *
 * A name is part of what is known of it: whoever finds it has the rest as
 * well, by offsetof().  The set has no copy of it, only its address and its
 * hash, so that it takes 20 to 40 bytes for each and grows without a look at
 * the names.
 *
 * src/request/names.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "request/amplify_request.h"

typedef struct NameEntry
{
	const char *name;
	uint32		hash;
	char		status;
} NameEntry;

#define SH_PREFIX		names
#define SH_ELEMENT_TYPE NameEntry
#define SH_KEY_TYPE		const char *
#define SH_KEY			name
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(tb, a, b)	(strcmp(a, b) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) (a)->hash
#define SH_SCOPE		static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* An empty set, in that context */
AmplifyNames *
amplify_names_create(MemoryContext context)
{
	return names_create(context, 1, NULL);
}

/* The name of that text that is in the set; NULL: there is none */
const char *
amplify_names_find(AmplifyNames *names, const char *text)
{
	NameEntry  *entry = names_lookup(names, text);

	return entry == NULL ? NULL : entry->name;
}

/*
 * Put it in, in place of one of the same text.  It is the caller's, and must
 * live as long as it is there.
 */
void
amplify_names_put(AmplifyNames *names, const char *name)
{
	bool		found;

	names_insert(names, name, &found)->name = name;
}

/* It is there */
void
amplify_names_remove(AmplifyNames *names, const char *name)
{
	names_delete(names, name);
}

/* How many bytes the set takes, its names aside */
size_t
amplify_names_size(const AmplifyNames *names)
{
	return names->size * sizeof(NameEntry);
}

/* Free the set, and none of its names */
void
amplify_names_free(AmplifyNames *names)
{
	names_destroy(names);
}
