/*
 * cppcheck.h
 *	  What cppcheck must know of PostgreSQL and libcurl to read src/.
 *
 * With their own headers it takes minutes and stumbles over them; with none,
 * it leaves out all that it takes for the wrong version.
 */
#define PG_VERSION_NUM 150000
#define LIBCURL_VERSION_NUM 0x075800
#define INT64_FORMAT "%ld"

#define foreach(cell, list) \
	for (cell = list_head(list); cell != NULL; cell = lnext(list, cell))
#define forboth(cell1, list1, cell2, list2) \
	for (cell1 = list_head(list1), cell2 = list_head(list2); \
		 cell1 != NULL && cell2 != NULL; \
		 cell1 = lnext(list1, cell1), cell2 = lnext(list2, cell2))
#define dlist_foreach(iter, list) \
	for (iter.cur = dlist_first(list); iter.cur != NULL; \
		 iter.cur = iter.cur->next)
#define dlist_foreach_modify(iter, list) dlist_foreach(iter, list)

#define ERROR 21
#define ereport(level, ...) \
	do { report(__VA_ARGS__); if ((level) >= ERROR) abort(); } while (0)
#define elog(level, ...) ereport(level, __VA_ARGS__)
