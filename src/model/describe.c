/*-------------------------------------------------------------------------
 *
 * describe.c
 *	  SQL functions that show what a foreign table can be made of.
 *
 * For those who write CREATE FOREIGN TABLE by hand, and for documentation and
 * tests, which compare these tables with the service's own model.
 *
 * The objects of version 1.0 of the extension are served as well.  They have
 * fewer columns at the end, or others (options), which the number of columns
 * tells.
 *
 * src/model/describe.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "model/amplify_model.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(amplify_fdw_resources);
PG_FUNCTION_INFO_V1(amplify_fdw_fields);
PG_FUNCTION_INFO_V1(amplify_fdw_options);

static void put_text(const char *text, Datum *value, bool *isnull);
static void put_operation(const AmplifyOperation *operation, Datum *values,
						  bool *nulls);

/* One row for each resource, and how it is asked for */
Datum
amplify_fdw_resources(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; amplify_resources[i] != NULL; i++)
	{
		const AmplifyResource *resource = amplify_resources[i];
		Datum		values[11];
		bool		nulls[11] = {false};

		put_text(resource->name, &values[0], &nulls[0]);
		put_text(resource->parent ? resource->parent->name : NULL,
				 &values[1], &nulls[1]);
		put_operation(resource->get, &values[2], &nulls[2]);
		put_operation(resource->list, &values[5], &nulls[5]);
		put_text(resource->arn_path, &values[8], &nulls[8]);
		values[9] = BoolGetDatum(resource->sensitive);
		put_text(resource->meaning, &values[10], &nulls[10]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* One row for each value that option "field" may have */
Datum
amplify_fdw_fields(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; amplify_resources[i] != NULL; i++)
	{
		const AmplifyResource *resource = amplify_resources[i];

		for (int j = 0; j < resource->ncolumns; j++)
		{
			const AmplifyColumn *column = &resource->columns[j];
			Datum		values[7];
			bool		nulls[7] = {false};

			put_text(resource->name, &values[0], &nulls[0]);
			put_text(column->name, &values[1], &nulls[1]);
			put_text(amplify_resource_type(column), &values[2], &nulls[2]);
			put_text(column->path, &values[3], &nulls[3]);
			values[4] = BoolGetDatum(column->key != AMPLIFY_NOT_A_KEY);
			values[5] = BoolGetDatum(column->sensitive);
			put_text(column->meaning, &values[6], &nulls[6]);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
								 nulls);
		}
	}
	return (Datum) 0;
}

/* One row for each option, by the statement that sets it */
Datum
amplify_fdw_options(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (const AmplifyOption *option = amplify_options; option->name; option++)
	{
		const char *shown = option->default_value;
		Datum		values[7];
		bool		nulls[7] = {false};
		int			n = 5;

		put_text(option->name, &values[0], &nulls[0]);
		put_text(amplify_option_location(option), &values[1], &nulls[1]);
		values[2] = BoolGetDatum((option->flags & AMPLIFY_OPTION_SUPERUSER) != 0);
		values[3] = BoolGetDatum((option->flags & AMPLIFY_OPTION_SECRET) != 0);
		/* version 1.0 has two columns for these */
		if (rsinfo->setDesc->natts == lengthof(values))
		{
			put_text(option->otherwise, &values[5], &nulls[5]);
			n = 6;
		}
		else if (shown == NULL)
			shown = option->otherwise;
		put_text(shown, &values[4], &nulls[4]);
		put_text(option->meaning, &values[n], &nulls[n]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

static void
put_text(const char *text, Datum *value, bool *isnull)
{
	*isnull = text == NULL;
	*value = text ? CStringGetTextDatum(text) : (Datum) 0;
}

/* Three columns: its name, path and result */
static void
put_operation(const AmplifyOperation *operation, Datum *values, bool *nulls)
{
	put_text(operation ? operation->name : NULL, &values[0], &nulls[0]);
	put_text(operation ? operation->path : NULL, &values[1], &nulls[1]);
	put_text(operation ? operation->result : NULL, &values[2], &nulls[2]);
}
