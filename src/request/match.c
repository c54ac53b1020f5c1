/*-------------------------------------------------------------------------
 *
 * match.c
 *	  Is a response about what its request was for?
 *
 * A row says what AWS has under the request's keys, and an absent one that it
 * has nothing.  A response that belongs to another request, whatever layer
 * has mixed them up, must be neither.  So what the request's path bound is
 * compared with what the items say of themselves: a Get's item by its own
 * key, and every item by the app in its ARN.
 *
 * Such a call is made once more (amplify_call_repeat()), on a connection of
 * its own, and then it has failed.
 *
 * No more than that: an item without its own key is named by the request, a
 * missing or odd ARN says nothing, and names, region and account inside an ARN
 * are not looked at, for emulators have others.  The same item in another
 * spelling is the right response, and the recheck's to judge.
 *
 * src/request/match.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "request/amplify_request.h"

static bool is_of_app(const AmplifyCall *call, AmplifyItem *item);
static bool is_of_name(const AmplifyCall *call, AmplifyItem *item);
static const char *bound_key(const AmplifyCall *call, int key);
static bool same_name(AmplifyKeyRule rule, const char *asked,
					  const char *found);

/* page is the response to call, parsed.  False: it is about something else. */
bool
amplify_match_response(const AmplifyCall *call, AmplifyResponse *page)
{
	for (int i = 0; i < amplify_response_count(page); i++)
	{
		AmplifyItem *item = amplify_response_item(page, i);

		if (!is_of_app(call, item) || !is_of_name(call, item))
			return false;
	}
	return true;
}

static bool
is_of_app(const AmplifyCall *call, AmplifyItem *item)
{
	const AmplifyResource *resource = call->resource;
	const char *asked = bound_key(call, AMPLIFY_KEY_APP);

	for (int i = 0; asked != NULL && i < resource->ncolumns; i++)
	{
		const AmplifyColumn *column = &resource->columns[i];
		AmplifyKeys keys = {{NULL}};
		AmplifyValue value;

		if (column->key != AMPLIFY_ARN ||
			amplify_response_value(item, column->path, column->type,
								   &value) != AMPLIFY_VALUE_OK)
			continue;
		if (amplify_resource_parse_arn(resource, value.text, NULL, NULL,
									   &keys) == AMPLIFY_ARN_OWN &&
			keys.value[AMPLIFY_KEY_APP] != NULL &&
			!same_name(AMPLIFY_APP_ID, asked, keys.value[AMPLIFY_KEY_APP]))
			return false;
	}
	return true;
}

/* Only a Get names its item */
static bool
is_of_name(const AmplifyCall *call, AmplifyItem *item)
{
	const AmplifyResource *resource = call->resource;
	int			key = resource->last_key;
	const char *asked = bound_key(call, key);
	const AmplifyColumn *column;
	AmplifyValue value;

	if (asked == NULL || call->operation != resource->get)
		return true;
	column = resource->key_column[key];
	return column->path == NULL ||
		amplify_response_value(item, column->path, column->type,
							   &value) != AMPLIFY_VALUE_OK ||
		same_name(column->key, asked, value.text);
}

/* The key in the request's path; NULL if it is not there */
static const char *
bound_key(const AmplifyCall *call, int key)
{
	if (key < 0 || (call->operation->needs & 1 << key) == 0)
		return NULL;
	return call->keys.value[key];
}

/* Case aside; of domains the final dot, of jobs the zeros in front */
static bool
same_name(AmplifyKeyRule rule, const char *asked, const char *found)
{
	size_t		asked_length = strlen(asked);
	size_t		found_length = strlen(found);

	if (rule == AMPLIFY_DOMAIN)
	{
		if (asked_length > 0 && asked[asked_length - 1] == '.')
			asked_length--;
		if (found_length > 0 && found[found_length - 1] == '.')
			found_length--;
	}
	else if (rule == AMPLIFY_JOB_ID)
	{
		for (; *asked == '0' && asked_length > 1; asked_length--)
			asked++;
		for (; *found == '0' && found_length > 1; found_length--)
			found++;
	}
	return asked_length == found_length &&
		pg_strncasecmp(asked, found, asked_length) == 0;
}
