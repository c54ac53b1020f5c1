/*-------------------------------------------------------------------------
 *
 * safe.c
 *	  Which expressions can't fail, and so may be evaluated for a row that the
 *	  query as written would not reach, or earlier than it would.
 *
 * These are lists of what is known not to fail: nodes, built-in functions, and
 * conditions on their arguments.  Everything else is assumed to fail, which
 * costs calls only.  Two kinds of errors are not considered: out of memory,
 * and those of initplans, which are the same for each row.
 *
 * src/planner/safe.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "nodes/nodeFuncs.h"
#include "planner/amplify_planner.h"
#include "regex/regex.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

/* What must be so for a function not to fail */
typedef enum Rule
{
	ALWAYS,						/* never fails, given a collation if any */
	DETERMINISTIC,				/* the collation is deterministic */
	LIKE_PATTERN,				/* that, and the pattern is known and valid */
	REGEX,						/* likewise, a regular expression */
	REGEX_ICASE,
	DIVISOR,					/* known, and not 0 */
	FIELD_NUMBER,				/* likewise, and deterministic */
	EXPLICIT,					/* it is a cast that the query asks for */
	NOT_NEGATIVE,				/* the third argument is known, and >= 0 */
	NEAR_NOW,					/* what time it is, and a known interval */
} Rule;

static const struct
{
	Oid			funcid;
	Rule		rule;
}			functions[] = {
	{F_LOWER_TEXT, ALWAYS},
	{F_UPPER_TEXT, ALWAYS},
	{F_INITCAP, ALWAYS},
	{F_TEXTCAT, ALWAYS},
	{F_BTRIM_TEXT, ALWAYS},
	{F_LTRIM_TEXT, ALWAYS},
	{F_RTRIM_TEXT, ALWAYS},
	{F_BTRIM_TEXT_TEXT, ALWAYS},
	{F_LTRIM_TEXT_TEXT, ALWAYS},
	{F_RTRIM_TEXT_TEXT, ALWAYS},
	{F_LEFT, ALWAYS},
	{F_RIGHT, ALWAYS},
	{F_SUBSTR_TEXT_INT4, ALWAYS},
	{F_SUBSTRING_TEXT_INT4, ALWAYS},
	{F_SUBSTR_TEXT_INT4_INT4, NOT_NEGATIVE},
	{F_SUBSTRING_TEXT_INT4_INT4, NOT_NEGATIVE},
	{AMPLIFY_F_REVERSE_TEXT, ALWAYS},
	{F_LENGTH_TEXT, ALWAYS},
	{F_CHAR_LENGTH_TEXT, ALWAYS},
	{F_OCTET_LENGTH_TEXT, ALWAYS},
	{F_HASHTEXT, ALWAYS},
	{F_STRING_TO_ARRAY_TEXT_TEXT, DETERMINISTIC},
	{F_CARDINALITY, ALWAYS},
	{F_ARRAY_LENGTH, ALWAYS},
	{F_VARCHAR_VARCHAR_INT4_BOOL, EXPLICIT},
	{F_BPCHAR_BPCHAR_INT4_BOOL, EXPLICIT},
	{F_TEXT_BPCHAR, ALWAYS},
	{F_TEXT_NAME, ALWAYS},
	{F_TEXT_CHAR, ALWAYS},
	/* not of json, which may hold \u0000 */
	{F_JSONB_OBJECT_FIELD, ALWAYS},
	{F_JSONB_OBJECT_FIELD_TEXT, ALWAYS},
	{F_JSONB_ARRAY_ELEMENT, ALWAYS},
	{F_JSONB_ARRAY_ELEMENT_TEXT, ALWAYS},
	{F_JSONB_EXISTS, ALWAYS},
	{F_REPLACE, DETERMINISTIC},
	{F_STRPOS, DETERMINISTIC},
	{F_SPLIT_PART, FIELD_NUMBER},
	{F_TEXTLIKE, LIKE_PATTERN},
	{F_TEXTNLIKE, LIKE_PATTERN},
	{F_TEXTICLIKE, LIKE_PATTERN},
	{F_TEXTICNLIKE, LIKE_PATTERN},
	{F_NAMELIKE, LIKE_PATTERN},
	{F_NAMENLIKE, LIKE_PATTERN},
	{F_TEXTREGEXEQ, REGEX},
	{F_TEXTREGEXNE, REGEX},
	{F_TEXTICREGEXEQ, REGEX_ICASE},
	{F_TEXTICREGEXNE, REGEX_ICASE},
	{F_INT2MOD, DIVISOR},
	{F_INT4MOD, DIVISOR},
	{F_INT8MOD, DIVISOR},
	{F_MOD_INT2_INT2, DIVISOR},
	{F_MOD_INT4_INT4, DIVISOR},
	{F_MOD_INT8_INT8, DIVISOR},
	{F_INT4AND, ALWAYS},
	{F_INT8AND, ALWAYS},
	{F_NOW, ALWAYS},
	{F_TRANSACTION_TIMESTAMP, ALWAYS},
	{F_STATEMENT_TIMESTAMP, ALWAYS},
	{F_TIMESTAMPTZ_PL_INTERVAL, NEAR_NOW},
	{F_TIMESTAMPTZ_MI_INTERVAL, NEAR_NOW},
};

/* Years from now that no calendar ends in */
#define NEAR_YEARS	1000

static bool can_fail_walker(Node *node, void *context);
static bool is_comparison(Oid opno);
static bool call_can_fail(Oid funcid, Oid collation, List *args);
static bool keeps_rule(Rule rule, Oid collation, List *args);
static bool is_identifier_function(Oid funcid);
static bool lacks_collation(Oid collation, List *args);
static bool is_deterministic(Oid collation);
static bool is_true(Node *node);
static bool is_number_from(int64 least, Node *node);
static bool is_near_now(Node *time, Node *interval);
static bool all_valid(Node *patterns, Rule rule, Oid collation);
static bool is_like_pattern(text *pattern);
static bool is_regex(text *pattern, int flags, Oid collation);
static bool prints_safely(Oid type);

/*
 * Is it known that computing this (an expression, or a list of them) raises no
 * error, whatever the row?  Functions that are volatile are not looked for.
 */
bool
amplify_safe_to_compute(Node *node)
{
	return !can_fail_walker(node, NULL);
}

/* A walk over what can't, so that what is not known here is what may */
static bool
can_fail_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_TargetEntry:
			break;
		case T_Var:
		case T_Const:
			return false;
		case T_Param:
			return ((Param *) node)->paramkind != PARAM_EXTERN &&
				((Param *) node)->paramkind != PARAM_EXEC;
		case T_ArrayExpr:
			if (((ArrayExpr *) node)->multidims)
				return true;	/* rows of different lengths */
			break;
		case T_CoerceViaIO:
			if (((CoerceViaIO *) node)->resulttype != TEXTOID ||
				!prints_safely(exprType((Node *) ((CoerceViaIO *) node)->arg)))
				return true;
			break;
		case T_FuncExpr:
			if (((FuncExpr *) node)->funcretset ||
				call_can_fail(((FuncExpr *) node)->funcid,
							  ((FuncExpr *) node)->inputcollid,
							  ((FuncExpr *) node)->args))
				return true;
			break;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			set_opfuncid((OpExpr *) node);
			if (!is_comparison(((OpExpr *) node)->opno) &&
				call_can_fail(((OpExpr *) node)->opfuncid,
							  ((OpExpr *) node)->inputcollid,
							  ((OpExpr *) node)->args))
				return true;
			break;
		case T_ScalarArrayOpExpr:
			set_sa_opfuncid((ScalarArrayOpExpr *) node);
			if (!is_comparison(((ScalarArrayOpExpr *) node)->opno) &&
				call_can_fail(((ScalarArrayOpExpr *) node)->opfuncid,
							  ((ScalarArrayOpExpr *) node)->inputcollid,
							  ((ScalarArrayOpExpr *) node)->args))
				return true;
			break;
		case T_MinMaxExpr:
			if (!prints_safely(exprType(node)) ||
				lacks_collation(((MinMaxExpr *) node)->inputcollid,
								((MinMaxExpr *) node)->args))
				return true;
			break;
		case T_SQLValueFunction:
		case T_RelabelType:
		case T_FieldSelect:
		case T_PlaceHolderVar:
		case T_CollateExpr:
		case T_BoolExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_CaseExpr:
		case T_CaseWhen:
		case T_CaseTestExpr:
		case T_CoalesceExpr:
		case T_List:
			break;
		default:
			return true;
	}
	return expression_tree_walker(node, can_fail_walker, context);
}

/* Does it compare numbers or times?  Those that do are not all leakproof. */
static bool
is_comparison(Oid opno)
{
	Oid			left;
	Oid			right;

	op_input_types(opno, &left, &right);
	return (left == NUMERICOID || left == DATEOID || left == TIMESTAMPOID ||
			left == TIMESTAMPTZOID) &&
		opno < FirstUnpinnedObjectId &&
		amplify_op_interpretation(opno) != NIL;
}

/*
 * Leakproof functions raise no error that depends on their arguments; but
 * those that compare texts do where it isn't known by which collation.
 */
static bool
call_can_fail(Oid funcid, Oid collation, List *args)
{
	if (lacks_collation(collation, args))
		return true;
	if (get_func_leakproof(funcid))
		return false;
	for (int i = 0; i < lengthof(functions); i++)
	{
		if (functions[i].funcid == funcid)
			return !keeps_rule(functions[i].rule, collation, args);
	}
	return !is_identifier_function(funcid);
}

static bool
keeps_rule(Rule rule, Oid collation, List *args)
{
	switch (rule)
	{
		case ALWAYS:
			return true;
		case DETERMINISTIC:
			return is_deterministic(collation);
		case LIKE_PATTERN:
		case REGEX:
		case REGEX_ICASE:
			return is_deterministic(collation) &&
				all_valid(lsecond(args), rule, collation);
		case DIVISOR:
			return is_number_from(1, lsecond(args));
		case FIELD_NUMBER:
			return is_deterministic(collation) &&
				is_number_from(1, lthird(args));
		case EXPLICIT:
			return is_true(lthird(args));
		case NOT_NEGATIVE:
			return is_number_from(0, lthird(args));
		case NEAR_NOW:
			return is_near_now(linitial(args), lsecond(args));
	}
	return false;
}

/* amplify_fdw_key() says in a field what is wrong, and raises nothing */
static bool
is_identifier_function(Oid funcid)
{
	char	   *name = get_func_name(funcid);
	FmgrInfo	function;

	if (name == NULL || strcmp(name, "amplify_fdw_key") != 0)
		return false;
	fmgr_info(funcid, &function);
	return function.fn_addr == amplify_fdw_key;
}

/* Is it not known by which collation the arguments are to be compared? */
static bool
lacks_collation(Oid collation, List *args)
{
	ListCell   *lc;

	if (OidIsValid(collation))
		return false;
	foreach(lc, args)
	{
		if (type_is_collatable(exprType(lfirst(lc))))
			return true;
	}
	return false;
}

static bool
is_deterministic(Oid collation)
{
	return OidIsValid(collation) && get_collation_isdeterministic(collation);
}

static bool
is_true(Node *node)
{
	return IsA(node, Const) && !((Const *) node)->constisnull &&
		DatumGetBool(((Const *) node)->constvalue);
}

/* A number that is known, and not less than that */
static bool
is_number_from(int64 least, Node *node)
{
	Const	   *number = (Const *) node;

	if (!IsA(node, Const) || number->constisnull)
		return false;
	switch (number->consttype)
	{
		case INT2OID:
			return DatumGetInt16(number->constvalue) >= least;
		case INT4OID:
			return DatumGetInt32(number->constvalue) >= least;
		case INT8OID:
			return DatumGetInt64(number->constvalue) >= least;
		default:
			return false;
	}
}

/* Is it about the time of the statement, so many known years apart? */
static bool
is_near_now(Node *time, Node *interval)
{
	FuncExpr   *call = (FuncExpr *) time;
	Interval   *apart;

	if (!IsA(time, FuncExpr) ||
		(call->funcid != F_NOW && call->funcid != F_TRANSACTION_TIMESTAMP &&
		 call->funcid != F_STATEMENT_TIMESTAMP))
		return false;
	if (!IsA(interval, Const) || ((Const *) interval)->constisnull)
		return false;
	apart = DatumGetIntervalP(((Const *) interval)->constvalue);
	return abs(apart->month / MONTHS_PER_YEAR) < NEAR_YEARS &&
		abs(apart->day / DAYS_PER_MONTH / MONTHS_PER_YEAR) < NEAR_YEARS &&
		apart->time / USECS_PER_DAY > -NEAR_YEARS * DAYS_PER_MONTH &&
		apart->time / USECS_PER_DAY < NEAR_YEARS * DAYS_PER_MONTH;
}

/* Is it a known pattern, or an array of such? */
static bool
all_valid(Node *patterns, Rule rule, Oid collation)
{
	Const	   *value = (Const *) patterns;
	int			flags = REG_ADVANCED | (rule == REGEX_ICASE ? REG_ICASE : 0);
	Datum	   *elements = &value->constvalue;
	bool	   *nulls = &value->constisnull;
	int			n = 1;

	if (!IsA(patterns, Const) || value->constisnull)
		return false;
	if (value->consttype == TEXTARRAYOID)
		deconstruct_array(DatumGetArrayTypeP(value->constvalue), TEXTOID, -1,
						  false, TYPALIGN_INT, &elements, &nulls, &n);
	else if (value->consttype != TEXTOID)
		return false;
	for (int i = 0; i < n; i++)
	{
		text	   *pattern = nulls[i] ? NULL : DatumGetTextPP(elements[i]);

		if (pattern != NULL &&
			!(rule == LIKE_PATTERN ? is_like_pattern(pattern) :
			  is_regex(pattern, flags, collation)))
			return false;
	}
	return true;
}

/* A LIKE pattern may not end with the character that escapes the next one */
static bool
is_like_pattern(text *pattern)
{
	const char *bytes = VARDATA_ANY(pattern);
	int			length = VARSIZE_ANY_EXHDR(pattern);
	int			last = length;

	while (last > 0 && bytes[last - 1] == '\\')
		last--;
	return (length - last) % 2 == 0;
}

static bool
is_regex(text *pattern, int flags, Oid collation)
{
	int			length = VARSIZE_ANY_EXHDR(pattern);
	pg_wchar   *wide = palloc((length + 1) * sizeof(pg_wchar));
	regex_t		compiled;
	int			result;

	length = pg_mb2wchar_with_len(VARDATA_ANY(pattern), wide, length);
	result = pg_regcomp(&compiled, wide, length, flags, collation);
	pfree(wide);
	/* else there is nothing to free */
	if (result == REG_OKAY)
		pg_regfree(&compiled);
	return result == REG_OKAY;
}

/* Has each value of the type a text form? */
static bool
prints_safely(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case CHAROID:
		case NAMEOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case UUIDOID:
			return true;
		default:
			return false;
	}
}
