/*
 * answer_fuzz.c
 *	  libFuzzer target: the body of a response, read as response.c reads it.
 *
 * The first byte chooses what the body is taken for: an error, or what a Get
 * or a List of one of the resources brings.  Every column is then read from
 * every item, ARNs are taken apart, and all found text must be valid UTF-8.
 *
 * The files of src are compiled as they are; what they need of the server is
 * below, as far as libpgcommon doesn't have it.
 */
#include "postgres.h"

#include <stdlib.h>

#include "model/amplify_model.h"
#include "mb/pg_wchar.h"
#include "utils/datetime.h"
#include "utils/memutils.h"

int			LLVMFuzzerInitialize(int *argc, char ***argv);
int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---------- what the server has ---------- */

/* Memory of one input: the blocks, freed together */
static void *blocks[65536];
static int	nblocks = 0;
static MemoryContextCallback *reset_callback = NULL;
MemoryContext CurrentMemoryContext = NULL;

static void *
block(size_t size)
{
	void	   *result = calloc(1, size);

	if (result == NULL || nblocks == lengthof(blocks))
		abort();
	blocks[nblocks++] = result;
	return result;
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	return block(size);
}

void *
MemoryContextAllocHuge(MemoryContext context, Size size)
{
	return block(size);
}

void *
repalloc_huge(void *old, Size size)
{
	for (int i = 0; i < nblocks; i++)
	{
		if (blocks[i] != old)
			continue;
		blocks[i] = realloc(old, size);
		if (blocks[i] == NULL)
			abort();
		return blocks[i];
	}
	abort();
}

void
MemoryContextRegisterResetCallback(MemoryContext context,
								   MemoryContextCallback *callback)
{
	reset_callback = callback;
}

void *
palloc(Size size)
{
	return block(size);
}

char *
psprintf(const char *format,...)
{
	char	   *text = block(256);
	va_list		args;

	va_start(args, format);
	if (vsnprintf(text, 256, format, args) >= 256)
		abort();
	va_end(args);
	return text;
}

char *
pnstrdup(const char *in, Size length)
{
	char	   *copy = block(length + 1);

	memcpy(copy, in, strnlen(in, length));
	return copy;
}

char *
MemoryContextStrdup(MemoryContext context, const char *string)
{
	return pnstrdup(string, strlen(string));
}

/* Blocks are freed all at once */
void
pfree(void *pointer)
{
}

bool
pg_verify_mbstr(int encoding, const char *text, int length, bool no_error)
{
	return pg_encoding_verifymbstr(encoding, text, length) == length;
}

int
pg_encoding_mbcliplen(int encoding, const char *text, int length, int limit)
{
	int			clipped = 0;

	while (clipped < length)
	{
		int			letter = pg_encoding_mblen(encoding, text + clipped);

		if (clipped + letter > limit)
			break;
		clipped += letter;
	}
	return Min(clipped, length);
}

/* Days since the Julian epoch, by the civil calendar */
int
date2j(int year, int month, int day)
{
	int			shifted = (14 - month) / 12;
	int			y = year + 4800 - shifted;
	int			m = month + 12 * shifted - 3;

	return day + (153 * m + 2) / 5 + 365 * y + y / 4 - y / 100 + y / 400 - 32045;
}

const int	day_tab[2][13] = {
	{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0},
	{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0}
};

bool
errstart(int elevel, const char *domain)
{
	abort();
}

bool
errstart_cold(int elevel, const char *domain)
{
	abort();
}

int
errmsg_internal(const char *format,...)
{
	return 0;
}

void
errfinish(const char *file, int line, const char *function)
{
}

void
#if PG_VERSION_NUM >= 160000
ExceptionalCondition(const char *condition, const char *file, int line)
#else
ExceptionalCondition(const char *condition, const char *type,
					 const char *file, int line)
#endif
{
	abort();
}

volatile sig_atomic_t InterruptPending = false;

void
ProcessInterrupts(void)
{
	abort();
}

/* ---------- the target ---------- */

/* In pairs, *arg deep, and valid UTF-8 */
static void
check_part(void *arg, AmplifyJsonPart part, const char *text, size_t length)
{
	int		   *depth = arg;

	if (part == AMPLIFY_PART_OBJECT || part == AMPLIFY_PART_ARRAY)
		++*depth;
	if (part == AMPLIFY_PART_OBJECT_END || part == AMPLIFY_PART_ARRAY_END)
		--*depth;
	if (*depth < 0 || *depth > AMPLIFY_JSON_DEPTH ||
		(text != NULL && (text[length] != '\0' ||
						  pg_encoding_verifymbstr(PG_UTF8, text, length) != length)))
		abort();
}

static void
read_json(AmplifyValue *value)
{
	int			depth = 0;

	amplify_response_visit(value, check_part, &depth);
	if (depth != 0 || amplify_response_serialize(value) != AMPLIFY_VALUE_OK)
		abort();
}

static void
read_item(const AmplifyResource *resource, AmplifyItem *item)
{
	for (int i = 0; i < resource->ncolumns; i++)
	{
		const AmplifyColumn *column = &resource->columns[i];
		AmplifyValue value = {0};

		if (column->path == NULL ||
			amplify_response_value(item, column->path, column->type,
							   &value) != AMPLIFY_VALUE_OK)
			continue;
		if (column->type == AMPLIFY_TIMESTAMP)
		{
			if (!IS_VALID_TIMESTAMP(value.time))
				abort();
			continue;
		}
		if (column->type == AMPLIFY_BOOLEAN)
			continue;
		if (column->type == AMPLIFY_JSON)
			read_json(&value);
		if (pg_encoding_verifymbstr(PG_UTF8, value.text, value.length) != value.length)
			abort();
		if (column->key == AMPLIFY_ARN)
		{
			AmplifyKeys keys = {{NULL}};
			char	   *account = NULL;

			(void) amplify_resource_parse_arn(resource, value.text, "us-east-1",
											  &account, &keys);
		}
		(void) (amplify_resource_can_ask(column->key, value.text) &&
				amplify_resource_valid_key(column->key, value.text));
	}
}

/* Number 0 is backend_environments; the others follow, and apps comes last */
static const AmplifyResource *
chosen_resource(int number)
{
	int			i = 1;

	for (; number > 0; number--)
		i = amplify_resources[i + 1] == NULL ? 0 : i + 1;
	return amplify_resources[i];
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	amplify_resource_init();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *body;

	if (size < 1)
		return 0;
	body = malloc(size);		/* exact, so that reading beyond it is seen */
	if (body == NULL)
		abort();
	memcpy(body, data + 1, size - 1);
	if (data[0] % 3 == 0)
	{
		AmplifyErrorBody error;

		(void) amplify_response_error(body, size - 1, data[0] % 2 == 0, &error);
		if (pg_encoding_verifymbstr(PG_UTF8, error.message, strlen(error.message)) != strlen(error.message))
			abort();
	}
	else
	{
		const AmplifyResource *resource = chosen_resource(data[0] / 3);
		const AmplifyOperation *operation =
			data[0] % 3 == 1 || resource->get == NULL ? resource->list :
			resource->get;
		AmplifyResponse *page = amplify_response_create(NULL);

		if (amplify_response_parse(page, body, size - 1, size, operation->result,
							   operation->many) == AMPLIFY_PARSE_OK)
		{
			for (int i = 0; i < amplify_response_count(page); i++)
				read_item(resource, amplify_response_item(page, i));
			(void) amplify_response_next_token(page);
		}
		reset_callback->func(reset_callback->arg);
	}
	free(body);
	while (nblocks > 0)
		free(blocks[--nblocks]);
	return 0;
}
