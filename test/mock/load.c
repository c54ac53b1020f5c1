/*
 * load.c
 *	  Reads a data file, and changes data at run time.
 *
 * A data file is {"apps": [...]}; below an app, a branch or a job stand the
 * collections that data.c's table of kinds names.  All other members are
 * served as they were written, numbers included.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "mock.h"

#define PLAIN	(JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

static void load_children(Node *parent, Kind parent_kind, json_object *from);

static Slice
render(json_object *obj)
{
	size_t		n;
	const char *p = json_object_to_json_string_length(obj, PLAIN, &n);

	return (Slice) {p, n};
}

static Slice
text_member(json_object *obj, const char *name)
{
	json_object *v;

	if (!json_object_object_get_ex(obj, name, &v) ||
		!json_object_is_type(v, json_type_string))
		return (Slice) {NULL, 0};
	return (Slice) {json_object_get_string(v),
		(size_t) json_object_get_string_len(v)};
}

/* What a list shows of an element, which may be a part of it only. */
static json_object *
listed_part(Kind kind, json_object *element)
{
	json_object *part = element;

	if (kind == K_JOB && !json_object_object_get_ex(element, "summary", &part))
		die("data: a job without \"summary\"");
	return part;
}

static void
load_artifact_url(Node *node, json_object *element)
{
	Buf			b = {0};
	Slice		url = text_member(element, "artifactUrl");

	buf_puts(&b, "{\"artifactId\":");
	buf_json(&b, node->name);
	buf_puts(&b, ",\"artifactUrl\":");
	buf_json(&b, url.p ? url : slice("https://artifacts.example.com/none"));
	buf_putc(&b, '}');
	node_set_full(node, buf_view(&b));
	buf_free(&b);
}

static void
load_element(Node *parent, Kind kind, json_object *element)
{
	const KindInfo *info = &kind_info[kind];
	json_object *shown = json_object_new_object();
	json_object *listed = listed_part(kind, element);
	json_object *tags = NULL;
	Slice		name = text_member(listed, info->id);
	Node	   *node;

	if (name.p == NULL)
		die("data: %s without \"%s\"", info->noun, info->id);
	json_object_object_foreach(element, key, value)
	{
		bool		hidden = kind == K_ARTIFACT && strcmp(key, "artifactUrl") == 0;

		for (int k = K_APP; k < NKINDS; k++)
			if (kind_info[k].parent == kind &&
				strcmp(key, kind_info[k].collection) == 0)
				hidden = true;
		if (!hidden)
			json_object_object_add(shown, key, json_object_get(value));
	}
	node = node_add(parent, kind, name, render(kind == K_JOB ? listed : shown));
	if (kind == K_JOB)
		node_set_full(node, render(shown));
	if (kind == K_ARTIFACT)
		load_artifact_url(node, element);
	if (info->arn && text_member(element, info->arn).p)
	{
		Slice		arn = text_member(element, info->arn);

		json_object_object_get_ex(element, "tags", &tags);
		node_set_tags(node, arn, tags ? render(tags) : (Slice) {NULL, 0});
	}
	load_children(node, kind, element);
	json_object_put(shown);
}

static void
load_children(Node *parent, Kind parent_kind, json_object *from)
{
	for (int k = K_APP; k < NKINDS; k++)
	{
		json_object *array;

		if (kind_info[k].parent != parent_kind ||
			!json_object_object_get_ex(from, kind_info[k].collection, &array))
			continue;
		if (!json_object_is_type(array, json_type_array))
			die("data: \"%s\" is not an array", kind_info[k].collection);
		for (size_t i = 0; i < json_object_array_length(array); i++)
			load_element(parent, k, json_object_array_get_idx(array, i));
	}
}

void
load_data_file(const char *path)
{
	json_object *all = json_object_from_file(path);

	if (all == NULL)
		die("cannot load %s: %s", path, json_util_get_last_err());
	load_children(&data_root, K_ROOT, all);
	json_object_put(all);
}

/* ---- changes at run time ---- */

static void
set_text(json_object *obj, const char *name, const char *fmt,...)
			__attribute__((format(printf, 3, 4)));

static void
set_text(json_object *obj, const char *name, const char *fmt,...)
{
	char	   *text;
	va_list		args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		die("out of memory");
	va_end(args);
	json_object_object_add(obj, name, json_object_new_string(text));
	free(text);
}

static void
set_time(json_object *obj, const char *name)
{
	char		text[32];

	snprintf(text, sizeof(text), "%.3f", mock_time());
	json_object_object_add(obj, name,
						   json_object_new_double_s(strtod(text, NULL), text));
}

static json_object *
fresh_object(Kind kind, const char *app, const char *env)
{
	json_object *obj = json_object_new_object();

	if (kind == K_APP)
	{
		set_text(obj, "appId", "%s", app);
		set_text(obj, "appArn", "arn:aws:amplify:%s:%s:apps/%s",
				 options.region, options.account, app);
		set_text(obj, "name", "%s", app);
	}
	else
	{
		set_text(obj, "backendEnvironmentArn",
				 "arn:aws:amplify:%s:%s:apps/%s/backendenvironments/%s",
				 options.region, options.account, app, env);
		set_text(obj, "environmentName", "%s", env);
		set_text(obj, "stackName", "amplify-%s-%s-000001", app, env);
		set_text(obj, "deploymentArtifacts", "%s-%s-000001-deployment", app, env);
	}
	set_time(obj, "createTime");
	return obj;
}

/*
 * Members named in the parameters replace what is there.  An empty value
 * takes a member away; "...Time" and values in "json:" are JSON, others text.
 */
static const char *
merge_params(json_object *obj, const Params *ps)
{
	set_time(obj, "updateTime");
	for (int i = 0; i < ps->n; i++)
	{
		const char *key = ps->item[i].key.p;
		const char *value = ps->item[i].value.p;
		size_t		n = ps->item[i].key.n;
		bool		raw = n > 4 && strcmp(key + n - 4, "Time") == 0;
		json_object *v;

		if (strcmp(key, "op") == 0 || strcmp(key, "app") == 0 || strcmp(key, "env") == 0)
			continue;
		if (strncmp(value, "json:", 5) == 0)
		{
			raw = true;
			value += 5;
		}
		if (*value == '\0')
		{
			json_object_object_del(obj, key);
			continue;
		}
		v = raw ? json_tokener_parse(value) : json_object_new_string(value);
		if (v == NULL && strcmp(value, "null") != 0)
			return "a value is not JSON";
		json_object_object_add(obj, key, v);
	}
	return NULL;
}

static const char *
put_node(Node *parent, Kind kind, const Params *ps, const char *app, const char *env)
{
	Slice		name = slice(kind == K_APP ? app : env);
	Node	   *node = node_child(parent, kind, name);
	json_object *obj = node ? json_tokener_parse(node->json.p) :
		fresh_object(kind, app, env);
	const char *error = merge_params(obj, ps);

	if (error == NULL && node != NULL)
		node_set_json(node, render(obj));
	else if (error == NULL)
	{
		node = node_add(parent, kind, name, render(obj));
		if (kind_info[kind].arn)
			node_set_tags(node, text_member(obj, kind_info[kind].arn), slice("{}"));
	}
	json_object_put(obj);
	return error;
}

/* op=put|delete app=ID [env=NAME] member=value...; an error text or NULL */
const char *
change_data(const Params *ps)
{
	const char *op = param(ps, "op");
	const char *app = param(ps, "app");
	const char *env = param(ps, "env");
	Node	   *node;

	if (op == NULL || app == NULL || *app == '\0')
		return "op and app are needed";
	node = node_child(&data_root, K_APP, slice(app));
	if (strcmp(op, "put") == 0)
	{
		if (env == NULL)
			return put_node(&data_root, K_APP, ps, app, NULL);
		return node ? put_node(node, K_ENV, ps, app, env) : "no such app";
	}
	if (strcmp(op, "delete") != 0)
		return "op is put or delete";
	if (node != NULL && env != NULL)
		node = node_child(node, K_ENV, slice(env));
	if (node == NULL)
		return "no such app or environment";
	node_delete(node);
	return NULL;
}
