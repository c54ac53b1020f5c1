/*-------------------------------------------------------------------------
 *
 * value.c
 *	  An item of a response into the columns of a foreign table.
 *
 * A column's own type is produced directly; any other type that a user has
 * declared through its input function or a cast, chosen once per scan.
 *
 * src/executor/value.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/amplify_executor.h"
#include "executor/tuptable.h"
#include "mb/pg_wchar.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* How the value gets into the declared type */
typedef enum Conversion
{
	CONVERT_NONE,				/* it is the field's own type */
	CONVERT_JSONB,				/* likewise, which is made of JSON */
	CONVERT_INPUT,				/* text, then the type's input function */
	CONVERT_CAST,				/* own type, then a cast function */
	CONVERT_BINARY				/* own type, which has the same bits */
} Conversion;

typedef struct MappedColumn
{
	int			attno;			/* 0-based */
	const char *attname;
	const AmplifyColumn *column;
	int			key;			/* of the resource, or -1 */
	Conversion	conversion;
	FmgrInfo	function;		/* of input or cast */
	Oid			ioparam;
	int32		typmod;
	Oid			typmod_function;	/* to apply typmod after a cast; or 0 */
} MappedColumn;

struct AmplifyColumnMap
{
	const AmplifyResource *resource;
	const char *tablename;
	int			ncolumns;
	MappedColumn columns[FLEXIBLE_ARRAY_MEMBER];
};

/* For the context line of an error inside a conversion */
typedef struct ConversionContext
{
	const char *tablename;
	const char *attname;
} ConversionContext;

static const Oid own_types[] = {
	[AMPLIFY_TEXT] = TEXTOID,
	[AMPLIFY_JOB_NUMBER] = TEXTOID,
	[AMPLIFY_PREFIX] = TEXTOID,
	[AMPLIFY_TIMESTAMP] = TIMESTAMPTZOID,
	[AMPLIFY_BOOLEAN] = BOOLOID,
	[AMPLIFY_JSON] = JSONBOID,
};

static void map_column(AmplifyColumnMap *map, MappedColumn *mapped,
					   Form_pg_attribute attr);
static bool read_value(AmplifyColumnMap *map, const MappedColumn *mapped,
					   const AmplifyRow *row,
					   const AmplifyConnection *connection,
					   AmplifyValue *value);
static bool read_member(const AmplifyColumnMap *map,
						const MappedColumn *mapped, const AmplifyRow *row,
						AmplifyValue *value);
static bool read_arn(const AmplifyColumnMap *map, const AmplifyRow *row,
					 char **account, AmplifyKeys *keys);
static void check_account(const AmplifyColumnMap *map, const AmplifyRow *row,
						  const AmplifyConnection *connection);
static Datum convert_sensitive(const AmplifyColumnMap *map,
							   const MappedColumn *mapped,
							   const AmplifyValue *value);
static Datum convert_value(const MappedColumn *mapped,
						   const AmplifyValue *value);
static char *value_text(const MappedColumn *mapped, const AmplifyValue *value);
static char *from_utf8(const char *text, size_t length);
static void conversion_callback(void *arg);

/*
 * The resource's column that a table's column shows: the one that its option
 * "field" or its name says.  When there is none, NULL or an error.
 */
const AmplifyColumn *
amplify_value_column(Oid relid, AttrNumber attno,
					 const AmplifyResource *resource, bool missing_ok)
{
	AmplifyOptions options = {0};
	char	   *attname = get_attname(relid, attno, false);
	const AmplifyColumn *column;
	StringInfoData names;

	amplify_option_apply(GetForeignColumnOptions(relid, attno), &options);
	column = amplify_resource_column(resource,
									 options.field ? options.field : attname);
	if (column != NULL || missing_ok)
		return column;

	initStringInfo(&names);
	for (int i = 0; i < resource->ncolumns; i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "",
						 resource->columns[i].name);
	ereport(ERROR,
			(errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
			 errmsg("column \"%s\" of foreign table \"%s\" matches no field of %s",
					attname, get_rel_name(relid), resource->name),
			 errhint("Rename it, or set its option \"field\" to one of: %s.",
					 names.data)));
}

/*
 * How to fill the columns in attrs_used (attribute numbers) of a table.  An
 * error if one of them has a type that cannot work.
 */
AmplifyColumnMap *
amplify_value_map(Relation rel, const AmplifyResource *resource,
				  Bitmapset *attrs_used)
{
	TupleDesc	tupdesc = RelationGetDescr(rel);
	AmplifyColumnMap *map;

	map = palloc0(offsetof(AmplifyColumnMap, columns) +
				  sizeof(MappedColumn) * tupdesc->natts);
	map->resource = resource;
	map->tablename = pstrdup(RelationGetRelationName(rel));
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute attr = TupleDescAttr(tupdesc, i);
		MappedColumn *mapped = &map->columns[map->ncolumns];

		if (attr->attisdropped || !bms_is_member(i + 1, attrs_used))
			continue;
		mapped->attno = i;
		mapped->attname = pstrdup(NameStr(attr->attname));
		mapped->column = amplify_value_column(RelationGetRelid(rel), i + 1,
											  resource, false);
		map_column(map, mapped, attr);
		map->ncolumns++;
	}
	return map;
}

/*
 * Store an item in the slot.  Values are allocated in the current context,
 * which must live as long as the slot holds them.
 */
void
amplify_value_fill(AmplifyColumnMap *map, const AmplifyRow *row,
				   const AmplifyConnection *connection, TupleTableSlot *slot)
{
	ConversionContext context = {map->tablename, NULL};
	ErrorContextCallback callback;

	if (connection->options.account_id != NULL)
		check_account(map, row, connection);
	ExecClearTuple(slot);
	memset(slot->tts_isnull, true,
		   slot->tts_tupleDescriptor->natts * sizeof(bool));
	callback.callback = conversion_callback;
	callback.arg = &context;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	for (int i = 0; i < map->ncolumns; i++)
	{
		MappedColumn *mapped = &map->columns[i];
		AmplifyValue value = {0};

		/* an error of read_value() names the column itself */
		context.attname = NULL;
		if (!read_value(map, mapped, row, connection, &value))
			continue;
		context.attname = mapped->attname;
		slot->tts_values[mapped->attno] = mapped->column->sensitive ?
			convert_sensitive(map, mapped, &value) :
			convert_value(mapped, &value);
		slot->tts_isnull[mapped->attno] = false;
	}
	error_context_stack = callback.previous;
	ExecStoreVirtualTuple(slot);
}

/*
 * Store another value for a key: in the columns that show it, which are marked
 * in replaced.  Allocated in the current context.
 */
void
amplify_value_key(const AmplifyColumnMap *map, int key, const char *text,
				  Datum *values, bool *replaced)
{
	const AmplifyValue value = {.text = text, .length = strlen(text)};

	for (int i = 0; i < map->ncolumns; i++)
	{
		const MappedColumn *mapped = &map->columns[i];

		if (mapped->key != key)
			continue;
		values[mapped->attno] = convert_value(mapped, &value);
		replaced[mapped->attno] = true;
	}
}

static void
map_column(AmplifyColumnMap *map, MappedColumn *mapped, Form_pg_attribute attr)
{
	Oid			own_type = own_types[mapped->column->type];
	Oid			type = getBaseType(attr->atttypid);
	Oid			function = InvalidOid;
	CoercionPathType path;

	mapped->key = amplify_resource_key(map->resource, mapped->column);
	mapped->typmod = attr->atttypmod;
	if (attr->atttypid == own_type && attr->atttypmod < 0)
	{
		mapped->conversion = own_type == JSONBOID ? CONVERT_JSONB : CONVERT_NONE;
		return;
	}

	/* texts, JSON, and whatever shall be a string, go through text */
	if (own_type == TEXTOID || own_type == JSONBOID ||
		TypeCategory(type) == TYPCATEGORY_STRING)
	{
		mapped->conversion = CONVERT_INPUT;
		getTypeInputInfo(attr->atttypid, &function, &mapped->ioparam);
		fmgr_info(function, &mapped->function);
		return;
	}

	path = (type == own_type) ? COERCION_PATH_RELABELTYPE :
		find_coercion_pathway(type, own_type, COERCION_ASSIGNMENT, &function);
	if (attr->atttypid != type ||
		(path != COERCION_PATH_FUNC && path != COERCION_PATH_RELABELTYPE))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_DATA_TYPE),
				 errmsg("column \"%s\" of foreign table \"%s\" cannot have type %s",
						mapped->attname, map->tablename,
						format_type_be(attr->atttypid)),
				 errdetail("Field \"%s\" has type %s.", mapped->column->name,
						   format_type_be(own_type)),
				 errhint("Declare the column as %s or text.",
						 format_type_be(own_type))));
	mapped->conversion = CONVERT_BINARY;
	if (path == COERCION_PATH_FUNC)
	{
		mapped->conversion = CONVERT_CAST;
		fmgr_info(function, &mapped->function);
	}
	if (mapped->typmod >= 0)
		(void) find_typmod_coercion_function(type, &mapped->typmod_function);
}

/* The value of one column of an item; false when it is NULL */
static bool
read_value(AmplifyColumnMap *map, const MappedColumn *mapped,
		   const AmplifyRow *row, const AmplifyConnection *connection,
		   AmplifyValue *value)
{
	const char *text = NULL;
	char	   *account;
	AmplifyKeys keys;

	switch (mapped->column->source)
	{
		case AMPLIFY_REGION:
			text = connection->options.region;
			break;
		case AMPLIFY_KEY:
			text = row->keys->value[mapped->key];
			if (text != NULL)
				break;
			if (mapped->column->path != NULL &&
				read_member(map, mapped, row, value))
				return true;
			if (!read_arn(map, row, NULL, &keys))
				return false;
			text = keys.value[mapped->key];
			break;
		case AMPLIFY_ACCOUNT:
			text = connection->options.account_id;
			if (text != NULL)
				break;
			if (!read_arn(map, row, &account, NULL))
				return false;
			text = account;
			break;
		case AMPLIFY_MEMBER:
			if (read_member(map, mapped, row, value))
				return true;
			/* what a Get has asked for needs no saying again */
			if (mapped->key >= 0)
				text = row->keys->value[mapped->key];
			if (text == NULL)
				return false;
			break;
	}
	Assert(text != NULL);
	value->text = text;
	value->length = strlen(text);
	return true;
}

/* Likewise, of a column that is a member of the item */
static bool
read_member(const AmplifyColumnMap *map, const MappedColumn *mapped,
			const AmplifyRow *row, AmplifyValue *value)
{
	AmplifyValueStatus status;

	status = amplify_response_value(row->item, mapped->column->path,
									mapped->column->type, value);
	if (status == AMPLIFY_VALUE_OK && value->json != NULL &&
		mapped->conversion != CONVERT_JSONB)
		status = amplify_response_serialize(value);
	if (status != AMPLIFY_VALUE_OK && status != AMPLIFY_VALUE_NULL)
		amplify_report_value(status, mapped->attname, map->tablename);
	return status == AMPLIFY_VALUE_OK;
}

/* What the item's ARN tells, if it has one: its account, and all its keys */
static bool
read_arn(const AmplifyColumnMap *map, const AmplifyRow *row, char **account,
		 AmplifyKeys *keys)
{
	AmplifyArnKind kind = amplify_resource_item_arn(map->resource, row->item,
													account, keys);

	return kind == AMPLIFY_ARN_OWN ||
		(kind == AMPLIFY_ARN_UNREADABLE && keys == NULL);
}

/*
 * The server is said to be for one account, and what is above it relies on
 * that: an item of another one is an error, not a row in the wrong place.
 */
static void
check_account(const AmplifyColumnMap *map, const AmplifyRow *row,
			  const AmplifyConnection *connection)
{
	const char *expected = connection->options.account_id;
	char	   *found;

	if (read_arn(map, row, &found, NULL) && strcmp(found, expected) != 0)
		amplify_report_account(found, expected, connection->servername);
}

/*
 * Likewise for a value that no log may have: what the type's input function
 * says of one that it refuses, with its context, repeats it.
 */
static Datum
convert_sensitive(const AmplifyColumnMap *map, const MappedColumn *mapped,
				  const AmplifyValue *value)
{
	MemoryContext oldcontext = CurrentMemoryContext;
	Datum		datum;

	PG_TRY();
	{
		datum = convert_value(mapped, value);
	}
	PG_CATCH();
	{
		int			sqlstate = geterrcode();

		if (ERRCODE_TO_CATEGORY(sqlstate) != MAKE_SQLSTATE('2', '2', '0', '0', '0'))
			PG_RE_THROW();
		MemoryContextSwitchTo(oldcontext);
		FlushErrorState();
		ereport(ERROR,
				(errcode(sqlstate),
				 errmsg("value for column \"%s\" of foreign table \"%s\" can't be converted to the column's type",
						mapped->attname, map->tablename)));
	}
	PG_END_TRY();
	return datum;
}

static Datum
convert_value(const MappedColumn *mapped, const AmplifyValue *value)
{
	MappedColumn *m = unconstify(MappedColumn *, mapped);
	Datum		datum;

	if (mapped->conversion == CONVERT_JSONB)
		return amplify_jsonb_build(value);
	if (mapped->conversion == CONVERT_INPUT)
		return InputFunctionCall(&m->function, value_text(mapped, value),
								 mapped->ioparam, mapped->typmod);

	switch (mapped->column->type)
	{
		case AMPLIFY_TIMESTAMP:
			datum = TimestampTzGetDatum(value->time);
			break;
		case AMPLIFY_BOOLEAN:
			datum = BoolGetDatum(value->boolean);
			break;
		default:
			datum = CStringGetTextDatum(value_text(mapped, value));
			break;
	}
	if (mapped->conversion == CONVERT_CAST)
		datum = FunctionCall1(&m->function, datum);
	if (OidIsValid(mapped->typmod_function))
		datum = OidFunctionCall3(mapped->typmod_function, datum,
								 Int32GetDatum(mapped->typmod),
								 BoolGetDatum(false));
	return datum;
}

/* The value as a string in the encoding of the database */
static char *
value_text(const MappedColumn *mapped, const AmplifyValue *value)
{
	switch (mapped->column->type)
	{
		case AMPLIFY_TIMESTAMP:
			return DatumGetCString(DirectFunctionCall1(timestamptz_out,
													   TimestampTzGetDatum(value->time)));
		case AMPLIFY_BOOLEAN:
			return value->boolean ? "true" : "false";
		default:
			return from_utf8(value->text, value->length);
	}
}

/*
 * text is valid UTF-8; raises 22P05 for a character the database can't store
 */
static char *
from_utf8(const char *text, size_t length)
{
	if (GetDatabaseEncoding() == PG_UTF8)
		return unconstify(char *, text);
	return pg_any_to_server(text, length, PG_UTF8);
}

static void
conversion_callback(void *arg)
{
	ConversionContext *context = arg;

	if (context->attname != NULL)
		errcontext("column \"%s\" of foreign table \"%s\"",
				   context->attname, context->tablename);
}
