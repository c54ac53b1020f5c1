/*
 * hooks.c
 *	  A module that was there first: it has the hooks that amplify_fdw takes
 *	  over, and counts how often it is called by them.
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/plancat.h"
#include "tcop/utility.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;

/* NOLINTNEXTLINE(readability-redundant-declaration): not so before 16 */
void		_PG_init(void);

PG_FUNCTION_INFO_V1(hook_calls);

static int	joins;
static int	relations;
static int	utilities;

static void
see_join(PlannerInfo *root, RelOptInfo *joinrel, RelOptInfo *outerrel,
		 RelOptInfo *innerrel, JoinType jointype, JoinPathExtraData *extra)
{
	joins++;
}

static void
see_relation(AMPLIFY_RELATION_HOOK_PARAMETERS)
{
	/* in 19, this is called for all that rows come from */
	if (OidIsValid(AMPLIFY_RELATION_HOOK_RELID))
		relations++;
}

static void
see_utility(PlannedStmt *statement, const char *query, bool read_only,
			ProcessUtilityContext context, ParamListInfo params,
			QueryEnvironment *environment, DestReceiver *receiver,
			QueryCompletion *completion)
{
	utilities++;
	standard_ProcessUtility(statement, query, read_only, context, params,
							environment, receiver, completion);
}

void
_PG_init(void)
{
	set_join_pathlist_hook = see_join;
	amplify_relation_hook = see_relation;
	ProcessUtility_hook = see_utility;
}

/* How often each was called since the function was asked last */
Datum
hook_calls(PG_FUNCTION_ARGS)
{
	char	   *text = psprintf("%d joins, %d relations, %d utilities",
								joins, relations, utilities);

	joins = relations = utilities = 0;
	PG_RETURN_TEXT_P(cstring_to_text(text));
}
