/*-------------------------------------------------------------------------
 *
 * jsonb.c
 *	  A JSON value of a response into a jsonb.
 *
 * Not by jsonb_in(): it wants a text of the value, makes copies of all strings
 * in it, and can't be interrupted.  With a value that is nearly as large as a
 * response may be, that is twice its memory and a sixth of a second.
 *
 * src/executor/jsonb.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "executor/amplify_executor.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

typedef struct JsonbBuild
{
	AmplifyJsonbState state;
	int			depth;
	bool		in_object[AMPLIFY_JSON_DEPTH + 1];
} JsonbBuild;

static void build_part(void *arg, AmplifyJsonPart part, const char *text,
					   size_t length);
static void build_string(JsonbValue *value, const char *text, size_t length);

/* The same bits as those of the value's text, read by jsonb_in() */
Datum
amplify_jsonb_build(const AmplifyValue *value)
{
	JsonbBuild	build = {0};

	amplify_response_visit(value, build_part, &build);
	return JsonbPGetDatum(JsonbValueToJsonb(build.state.result));
}

static void
build_part(void *arg, AmplifyJsonPart part, const char *text, size_t length)
{
	JsonbBuild *build = arg;
	JsonbValue	value = {0};
	bool		alone = build->depth == 0;

	switch (part)
	{
		case AMPLIFY_PART_OBJECT:
		case AMPLIFY_PART_ARRAY:
			build->in_object[++build->depth] = part == AMPLIFY_PART_OBJECT;
			amplify_jsonb_push(&build->state, part == AMPLIFY_PART_OBJECT ?
							   WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, NULL);
			return;
		case AMPLIFY_PART_OBJECT_END:
		case AMPLIFY_PART_ARRAY_END:
			build->depth--;
			amplify_jsonb_push(&build->state, part == AMPLIFY_PART_OBJECT_END ?
							   WJB_END_OBJECT : WJB_END_ARRAY, NULL);
			return;
		case AMPLIFY_PART_NAME:
			build_string(&value, text, length);
			amplify_jsonb_push(&build->state, WJB_KEY, &value);
			return;
		case AMPLIFY_PART_STRING:
			build_string(&value, text, length);
			break;
		case AMPLIFY_PART_NUMBER:
			value.type = jbvNumeric;
			value.val.numeric =
				DatumGetNumeric(DirectFunctionCall3(numeric_in,
													CStringGetDatum(text),
													ObjectIdGetDatum(InvalidOid),
													Int32GetDatum(-1)));
			break;
		case AMPLIFY_PART_TRUE:
		case AMPLIFY_PART_FALSE:
			value.type = jbvBool;
			value.val.boolean = part == AMPLIFY_PART_TRUE;
			break;
		case AMPLIFY_PART_NULL:
			value.type = jbvNull;
			break;
	}

	/* a jsonb that is no object is an array, at least of a kind */
	if (alone)
	{
		JsonbValue	holder = {.type = jbvArray};

		holder.val.array.rawScalar = true;
		holder.val.array.nElems = 1;
		amplify_jsonb_push(&build->state, WJB_BEGIN_ARRAY, &holder);
	}
	amplify_jsonb_push(&build->state,
					   build->in_object[build->depth] ? WJB_VALUE : WJB_ELEM,
					   &value);
	if (alone)
		amplify_jsonb_push(&build->state, WJB_END_ARRAY, NULL);
}

/* In the database's encoding; it is copied when all is put together */
static void
build_string(JsonbValue *value, const char *text, size_t length)
{
	const char *own;

	if (memchr(text, '\0', length) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
				 errmsg("unsupported Unicode escape sequence"),
				 errdetail("\\u0000 cannot be converted to text.")));
	own = pg_any_to_server(text, length, PG_UTF8);
	if (own != text)
		length = strlen(own);
	if (length > JENTRY_OFFLENMASK)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("string too long to represent as jsonb string")));
	value->type = jbvString;
	value->val.string.val = unconstify(char *, own);
	value->val.string.len = length;
}
