/*-------------------------------------------------------------------------
 *
 * match.c
 *	  Is a response about what its request was for?
 *
 * A row says what AWS has under the request's keys, and an absent one that it
 * has nothing.  A response that belongs to another request, whatever layer
 * has mixed them up, must be neither.  So what the request's path bound is
 * compared with what the items say of themselves, and with what holds them,
 * for there may be none: the keys that they have as members, and the app in
 * their ARN.
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

static bool is_of_request(const AmplifyCall *call, AmplifyItem *item);
static bool is_of_app(const AmplifyCall *call, AmplifyItem *item);
static const char *bound_key(const AmplifyCall *call, int key);
static bool same_name(AmplifyKeyRule rule, const char *asked,
					  const char *found);

/* page is the response to call, parsed.  False: it is about something else. */
bool
amplify_match_response(const AmplifyCall *call, AmplifyResponse *page)
{
	bool		matches = true;

	for (int i = 0; matches && i < amplify_response_count(page); i++)
		matches = is_of_request(call, amplify_response_item(page, i));
	for (int i = 0; matches && i < amplify_response_holder_count(page); i++)
		matches = is_of_request(call, amplify_response_holder(page, i));
	return matches;
}

/*
 * Does each item of that resource say which one it is, unless the request has
 * named it?  One that doesn't may be any, and what is absent would not be
 * known.  A name that no text can hold is one.
 */
bool
amplify_match_names(const AmplifyCall *call, const AmplifyResource *resource,
					AmplifyResponse *page)
{
	int			last = resource->last_key;
	const AmplifyColumn *column;

	if (last < 0 || call->keys.value[last] != NULL)
		return true;
	column = resource->key_column[last];
	for (int i = 0; i < amplify_response_count(page); i++)
	{
		AmplifyValue value;
		AmplifyValueStatus status =
			amplify_response_value(amplify_response_item(page, i), column->path,
								   column->type, &value);

		if (status != AMPLIFY_VALUE_OK && status != AMPLIFY_VALUE_NUL_CHARACTER)
			return false;
	}
	return true;
}

static bool
is_of_request(const AmplifyCall *call, AmplifyItem *item)
{
	for (int key = 0; key < AMPLIFY_NKEYS; key++)
	{
		const AmplifyColumn *column = call->resource->key_column[key];
		const char *asked = bound_key(call, key);
		AmplifyValueStatus status;
		AmplifyValue value;

		if (asked == NULL || column == NULL || column->path == NULL)
			continue;
		status = amplify_response_value(item, column->path, column->type,
										&value);
		/* what is no name, or one that no text can hold, is not this one */
		if (status != AMPLIFY_VALUE_NULL &&
			(status != AMPLIFY_VALUE_OK ||
			 !same_name(column->key, asked, value.text)))
			return false;
	}
	return is_of_app(call, item);
}

/* An ARN that it has not, or that is none of ours, contradicts nothing */
static bool
is_of_app(const AmplifyCall *call, AmplifyItem *item)
{
	const char *asked = bound_key(call, AMPLIFY_KEY_APP);
	AmplifyKeys keys;
	bool		same;

	if (asked == NULL ||
		amplify_resource_item_arn(call->resource, item, NULL,
								  &keys) != AMPLIFY_ARN_OWN)
		return true;
	same = keys.value[AMPLIFY_KEY_APP] == NULL ||
		same_name(AMPLIFY_APP_ID, asked, keys.value[AMPLIFY_KEY_APP]);
	amplify_resource_free_keys(&keys);
	return same;
}

/* The key in the request's path; NULL if it is not there */
static const char *
bound_key(const AmplifyCall *call, int key)
{
	return (call->operation->needs & 1 << key) == 0 ? NULL :
		call->keys.value[key];
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
