/*-------------------------------------------------------------------------
 *
 * below.c
 *	  Which scans below the inner side of a join can be looked up ahead: those
 *	  of ours whose keys can be written with columns of the outer side.
 *
 * It is a walk over the inner path, whatever that is made of: joins,
 * subqueries with all that they do, Appends.  On the way it learns what stands
 * for what:
 *
 * - a parameter of a subquery is a column of a level above it;
 * - a key column of a scan that has been met has the value that the scan asks
 *   for: behind "e.app_id = i.app", a scan for "e2.app_id = e.app_id" is one
 *   for i.app;
 * - a parameter that is set above the join is known in it.
 *
 * Where only the parent's keys can be written so, its List is asked for.
 *
 * The result is a hint.  A scan that is not found costs time.  One that the
 * plan does not reach, because a join below the inner side finds nothing
 * before it, costs a call for each outer row.  Neither changes the rows.  So a
 * scan is taken even if it is executed after another one of ours, but not
 * after a table that probably returns no row, nor after the first part of an
 * Append of which only some rows are wanted.
 *
 * src/planner/below.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "planner/amplify_planner.h"

/* A level of the query */
typedef struct Level
{
	struct Level *above;		/* the subquery's rel's; NULL: the join's */
	PlannerInfo *root;
	const RelOptInfo *rel;		/* the subquery; NULL if above is */
	Relids		outer;			/* the join's outer side, in that level */
	List	   *known;			/* KnownKeys of the scans met in this level */
	bool		behind;			/* on the second side of a join */
	double		runs;			/* for each of the inner side, about */
	List	  **scans;			/* where what is found goes */
} Level;

/* A column that holds the value of an expression over the outer side */
typedef struct KnownKey
{
	int			relid;
	const AmplifyColumn *column;
	Node	   *expr;
} KnownKey;

/* For the translation of one expression */
typedef struct Translation
{
	Level	   *level;
	bool		failed;
} Translation;

/* Those that can be copied, and where what is below them is; 0: nothing */
#define ONE_BELOW(type) {T_##type, sizeof(type), {offsetof(type, subpath)}}
#define JOIN(type) \
	{T_##type, sizeof(type), \
	 {offsetof(JoinPath, outerjoinpath), offsetof(JoinPath, innerjoinpath)}}

static const struct PathType
{
	NodeTag		tag;
	size_t		size;
	size_t		below[2];
}			path_types[] = {
	{T_AppendPath, sizeof(AppendPath)},
	{T_ForeignPath, sizeof(ForeignPath)},
	{T_MergeAppendPath, sizeof(MergeAppendPath)},
	{T_SubqueryScanPath, sizeof(SubqueryScanPath)},
	JOIN(HashPath),
	JOIN(MergePath),
	JOIN(NestPath),
	AMPLIFY_SET_OP_PATH_TYPES
	ONE_BELOW(AggPath),
	ONE_BELOW(GroupPath),
	ONE_BELOW(GroupingSetsPath),
	{T_IncrementalSortPath, sizeof(IncrementalSortPath), {offsetof(SortPath, subpath)}},
	ONE_BELOW(LimitPath),
	ONE_BELOW(LockRowsPath),
	ONE_BELOW(MaterialPath),
	ONE_BELOW(MemoizePath),
	ONE_BELOW(ProjectSetPath),
	ONE_BELOW(ProjectionPath),
	ONE_BELOW(SortPath),
	ONE_BELOW(UniquePath),
	ONE_BELOW(WindowAggPath),
};

static const struct PathType *path_type(const Path *path);
static void walk(Level *level, Path *path, bool some);
static void walk_list(Level *level, List *paths, bool some);
static void walk_subquery(Level *level, SubqueryScanPath *path, bool some);
static bool probably_empty(PlannerInfo *root, const Path *path);
static void add_scan(Level *level, ForeignPath *scan, bool some);
static List *outer_gates(Level *level, const RelOptInfo *rel);
static List *translate_terms(Level *level, List *terms);
static void learn_keys(Level *level, const RelOptInfo *rel, List *terms);
static Node *translate(Node *node, void *context);
static Node *translate_var(Translation *translation, Var *var);
static bool is_column(PlannerInfo *root, const Var *var,
					  const AmplifyColumn *column);
static Node *translate_param(Translation *translation, Param *param);
static Node *in_level(Translation *translation, Level *level, Node *node);

/*
 * Copies of the scans below a path that are worth to be looked up, with their
 * keys over the relations of outer, which are of the level of root.  some: it
 * may be that not all rows of the path are wanted.
 */
List *
amplify_below_scans(PlannerInfo *root, Path *inner, Relids outer, bool some)
{
	List	   *scans = NIL;
	Level		level = {
		.root = root,
		.outer = outer,
		.runs = 1,
		.scans = &scans,
	};

	walk(&level, inner, some);
	return scans;
}

/*
 * A copy of the path alone, whose costs may be changed; NULL if not known how
 */
Path *
amplify_below_copy(const Path *path)
{
	const struct PathType *type = path_type(path);
	Path	   *copy;

	if (type == NULL)
		return NULL;
	copy = palloc(type->size);
	memcpy(copy, path, type->size);
	return copy;
}

/* An id that is unique within a statement, which is enough */
int
amplify_below_new_id(void)
{
	static int	last = 0;

	last = (last + 1) & PG_INT32_MAX;
	last = Max(last, 1);
	return last;
}

/* How a scan of ours is keyed; NULL if it isn't, or is none of ours */
AmplifyPathInfo *
amplify_below_info(const Path *path)
{
	AmplifyPathInfo *info;

	if (!IsA(path, ForeignPath) || !amplify_plan_is_ours(path->parent))
		return NULL;
	info = linitial(((const ForeignPath *) path)->fdw_private);
	return info->full_list ? NULL : info;
}

static const struct PathType *
path_type(const Path *path)
{
	for (int i = 0; i < lengthof(path_types); i++)
	{
		if (path_types[i].tag == nodeTag(path))
			return &path_types[i];
	}
	return NULL;
}

static void
walk(Level *level, Path *path, bool some)
{
	const struct PathType *type = path_type(path);
	bool		behind = level->behind;
	double		runs = level->runs;

	check_stack_depth();
	if (type == NULL)
		return;
	switch (nodeTag(path))
	{
		case T_ForeignPath:
			add_scan(level, (ForeignPath *) path, some);
			return;
		case T_SubqueryScanPath:
			walk_subquery(level, (SubqueryScanPath *) path, some);
			return;
		case T_AppendPath:
			/* partitions have different keys: all are asked for some row */
			walk_list(level, ((AppendPath *) path)->subpaths,
					  some && path->parent->rtekind != RTE_RELATION);
			return;
		case T_MergeAppendPath:
			walk_list(level, ((MergeAppendPath *) path)->subpaths, false);
			return;
		default:
			break;
	}
	/* these must have all rows that are below them before they have one */
	some = !IsA(path, SortPath) && !IsA(path, AggPath) &&
		(some || IsA(path, LimitPath));
	if (IsA(path, MemoizePath) || IsA(path, MaterialPath))
		level->runs = 1;
	for (int i = 0; i < lengthof(type->below) && type->below[i] != 0; i++)
	{
		Path	   *below = *(Path **) ((char *) path + type->below[i]);

		level->behind |= i > 0;
		walk(level, below, some);
		if (IsA(path, NestPath))
		{
			level->runs = runs * Max(below->rows, 1);
			some = ((JoinPath *) path)->jointype == JOIN_SEMI ||
				((JoinPath *) path)->jointype == JOIN_ANTI;
			if (probably_empty(level->root, below))
				break;
		}
	}
	level->behind = behind;
	level->runs = runs;
}

/* The parts of an Append; the first one may be enough for some rows */
static void
walk_list(Level *level, List *paths, bool some)
{
	ListCell   *lc;

	foreach(lc, paths)
	{
		walk(level, lfirst(lc), some);
		if (some)
			return;
	}
}

static void
walk_subquery(Level *level, SubqueryScanPath *path, bool some)
{
	Level		below = {
		.above = level,
		.root = path->path.parent->subroot,
		.rel = path->path.parent,
		.outer = level->outer,
		.behind = level->behind,
		.runs = level->runs,
		.scans = level->scans,
	};

	walk(&below, path->subpath, some);
}

/* Is it a table that has a row for less than every other outer row? */
static bool
probably_empty(PlannerInfo *root, const Path *path)
{
	RelOptInfo *rel = path->parent;
	List	   *clauses = rel->baserestrictinfo;

	if (!IS_SIMPLE_REL(rel) || rel->rtekind != RTE_RELATION ||
		amplify_plan_is_ours(rel))
		return false;
	if (path->param_info != NULL)
		clauses = list_concat_copy(clauses, path->param_info->ppi_clauses);
	return rel->tuples * clauselist_selectivity(root, clauses, rel->relid,
												JOIN_INNER, NULL) < 0.5;
}

/*
 * Take the scan if its keys are known, and some by the outer row.  Where it is
 * only the parent's, the first page of its List is looked up, unless there are
 * more by statistics: it has what will be asked for, if that is there.
 */
static void
add_scan(Level *level, ForeignPath *scan, bool some)
{
	const AmplifyRelInfo *rel = scan->path.parent->fdw_private;
	AmplifyPathInfo *info = amplify_below_info(&scan->path);
	AmplifyPathInfo *ahead = palloc(sizeof(AmplifyPathInfo));
	ForeignPath *copy;
	List	   *disjuncts = NIL;
	bool		varies = false;
	List	   *gates = outer_gates(level, scan->path.parent);
	AmplifyKeyMask bound;
	bool		listed;
	ListCell   *lc;
	ListCell   *lc2;

	if (info == NULL)
		return;
	foreach(lc, info->disjuncts)
	{
		List	   *terms = translate_terms(level, lfirst(lc));

		if (terms == NIL)
			return;
		if (list_length(info->disjuncts) == 1)
			learn_keys(level, scan->path.parent, terms);
		foreach(lc2, terms)
			varies |= contain_var_clause((Node *) ((AmplifyKeyTerm *) lfirst(lc2))->expr);
		disjuncts = lappend(disjuncts, list_concat(terms, gates));
	}
	if (!varies || !amplify_ahead_keys(disjuncts))
		return;
	bound = amplify_key_common(disjuncts);
	listed = bound != amplify_key_common(info->disjuncts);
	if (listed && (!amplify_resource_can(rel->resource->list, bound) ||
				   !amplify_route_has_choice(rel->resource,
											 amplify_key_common(info->disjuncts)) ||
				   amplify_plan_known_pages(rel) > 1))
		return;

	copy = (ForeignPath *) amplify_below_copy(&scan->path);
	if (info->conditions != NIL && info->known == 0)
		info->known = amplify_below_new_id();
	*ahead = *info;
	ahead->disjuncts = disjuncts;
	/* a List of a row that is not come to is one too many, and no more */
	ahead->behind = level->behind;
	ahead->runs = level->runs;
	ahead->partial = some || listed ||
		(level->behind && !amplify_route_has_choice(rel->resource, bound));
	copy->fdw_private = list_make1(ahead);
	*level->scans = lappend(*level->scans, copy);
}

/*
 * Conditions on the scan's table that look at nothing of it, but at the outer
 * row: PostgreSQL doesn't run the scan unless they are true.
 */
static List *
outer_gates(Level *level, const RelOptInfo *rel)
{
	List	   *gates = NIL;
	ListCell   *lc;

	foreach(lc, rel->baserestrictinfo)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		AmplifyKeyTerm *gate;

		if (!rinfo->pseudoconstant ||
			!amplify_safe_to_compute((Node *) rinfo->clause))
			continue;
		gate = palloc0(sizeof(AmplifyKeyTerm));
		gate->expr = rinfo->clause;
		gates = lappend(gates, gate);
	}
	return translate_terms(level, gates);
}

/* Copies of the terms of a disjunct, but for those that can't be translated */
static List *
translate_terms(Level *level, List *terms)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, terms)
	{
		AmplifyKeyTerm *term = palloc(sizeof(AmplifyKeyTerm));
		Translation translation = {level};

		*term = *(AmplifyKeyTerm *) lfirst(lc);
		term->expr = (Expr *) translate((Node *) term->expr, &translation);
		if (!translation.failed)
			result = lappend(result, term);
	}
	return result;
}

/* What the columns of a scan's rows hold, whatever else is done with them */
static void
learn_keys(Level *level, const RelOptInfo *rel, List *terms)
{
	ListCell   *lc;

	foreach(lc, terms)
	{
		AmplifyKeyTerm *term = lfirst(lc);
		KnownKey   *key;

		if (term->is_array || term->column == NULL)
			continue;
		key = palloc(sizeof(KnownKey));
		key->relid = rel->relid;
		key->column = term->column;
		key->expr = (Node *) term->expr;
		level->known = lappend(level->known, key);
	}
}

/*
 * A copy of an expression of a level with columns of the outer side in the
 * place of what is not of the join's own level.
 */
static Node *
translate(Node *node, void *context)
{
	Translation *translation = context;
	const Level *level = translation->level;

	if (node == NULL || translation->failed)
		return NULL;
	if (IsA(node, Var))
		return translate_var(translation, (Var *) node);
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXEC)
		return translate_param(translation, (Param *) node);
	if (IsA(node, PlaceHolderVar))
	{
		PlaceHolderVar *phv = (PlaceHolderVar *) node;

		if (level->above == NULL && bms_is_subset(phv->phrels, level->outer))
			return copyObject(node);
		return translate((Node *) phv->phexpr, context);
	}
	return expression_tree_mutator(node, translate, context);
}

static Node *
translate_var(Translation *translation, Var *var)
{
	const Level *level = translation->level;
	ListCell   *lc;

	if (level->above == NULL && bms_is_member(var->varno, level->outer))
		return (Node *) copyObject(var);
	foreach(lc, level->known)
	{
		KnownKey   *key = lfirst(lc);

		if (key->relid == var->varno && is_column(level->root, var, key->column))
			return copyObject(key->expr);
	}
	translation->failed = true;
	return NULL;
}

/* Does a Var of a table of ours show that column? */
static bool
is_column(PlannerInfo *root, const Var *var, const AmplifyColumn *column)
{
	AmplifyRelInfo *info = root->simple_rel_array[var->varno]->fdw_private;

	return var->varattno > 0 &&
		amplify_condition_column(info, var->varattno, true) == column;
}

/* It is set for the subquery, for one around it, or above the join */
static Node *
translate_param(Translation *translation, Param *param)
{
	const Level *top = NULL;
	ListCell   *lc;

	for (Level *level = translation->level; level->above != NULL;
		 level = level->above)
	{
		foreach(lc, level->rel->subplan_params)
		{
			PlannerParamItem *item = lfirst_node(PlannerParamItem, lc);

			if (item->paramId == param->paramid)
				return in_level(translation, level->above, item->item);
		}
		top = level;
	}
	if (top == NULL ||
		bms_is_member(param->paramid, top->root->outer_params))
		return (Node *) copyObject(param);
	translation->failed = true;
	return NULL;
}

static Node *
in_level(Translation *translation, Level *level, Node *node)
{
	Translation above = {level};
	Node	   *result = translate(node, &above);

	translation->failed |= above.failed;
	return result;
}
