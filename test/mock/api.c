/*
 * api.c
 *	  The read operations of the Amplify API over the tree of data.c.
 *
 * One table says what each operation's path, result and pages are.  Writes
 * are not known: they are answered as other URIs are.
 */
#include <string.h>

#include "mock.h"

#define MAX_SHOWN	200			/* bytes of a name within a message */

enum
{
	FORM_GET,					/* one thing, by the names in the path */
	FORM_GLOBAL,				/* one thing, by its id alone */
	FORM_LIST,
	FORM_TAGS,
	FORM_IDENTITY				/* identity.c's; no path of the API */
};

/* Sorted by name. */
const Op	api_ops[] = {
	{"Container.credentials", "", K_ROOT, FORM_IDENTITY, NULL, 0, 0},
	{"GetApp", "apps/{}", K_APP, FORM_GET, "app", 0, 0},
	{"GetArtifactUrl", "artifacts/{}", K_ARTIFACT, FORM_GLOBAL, NULL, 0, 0},
	{"GetBackendEnvironment", "apps/{}/backendenvironments/{}", K_ENV,
	FORM_GET, "backendEnvironment", 0, 0},
	{"GetBranch", "apps/{}/branches/{}", K_BRANCH, FORM_GET, "branch", 0, 0},
	{"GetDomainAssociation", "apps/{}/domains/{}", K_DOMAIN, FORM_GET,
	"domainAssociation", 0, 0},
	{"GetJob", "apps/{}/branches/{}/jobs/{}", K_JOB, FORM_GET, "job", 0, 0},
	{"GetWebhook", "webhooks/{}", K_WEBHOOK, FORM_GLOBAL, "webhook", 0, 0},
	{"IMDS.credentials", "", K_ROOT, FORM_IDENTITY, NULL, 0, 0},
	{"IMDS.role", "", K_ROOT, FORM_IDENTITY, NULL, 0, 0},
	{"IMDS.token", "", K_ROOT, FORM_IDENTITY, NULL, 0, 0},
	{"ListApps", "apps", K_APP, FORM_LIST, "apps", 10, 100},
	{"ListArtifacts", "apps/{}/branches/{}/jobs/{}/artifacts", K_ARTIFACT,
	FORM_LIST, "artifacts", 10, 50},
	{"ListBackendEnvironments", "apps/{}/backendenvironments", K_ENV,
	FORM_LIST, "backendEnvironments", 10, 50},
	{"ListBranches", "apps/{}/branches", K_BRANCH, FORM_LIST, "branches",
	10, 50},
	{"ListDomainAssociations", "apps/{}/domains", K_DOMAIN, FORM_LIST,
	"domainAssociations", 10, 50},
	{"ListJobs", "apps/{}/branches/{}/jobs", K_JOB, FORM_LIST,
	"jobSummaries", 10, 50},
	{"ListTagsForResource", "tags/{}", K_ROOT, FORM_TAGS, "tags", 0, 0},
	{"ListWebhooks", "apps/{}/webhooks", K_WEBHOOK, FORM_LIST, "webhooks",
	10, 50},
	{"STS.AssumeRole", "", K_ROOT, FORM_IDENTITY, NULL, 0, 0},
	{"STS.AssumeRoleWithWebIdentity", "", K_ROOT, FORM_IDENTITY, NULL, 0, 0},
	{"STS.GetCallerIdentity", "", K_ROOT, FORM_IDENTITY, NULL, 0, 0},
};
const int	api_nops = lengthof(api_ops);

/* Split at "/" first and decode after.  False for a path that is no API's. */
static bool
split_path(Slice path, Call *call)
{
	static Buf	store;
	const char *p = path.p + 1;
	const char *end = path.p + path.n;

	store.n = 0;
	buf_reserve(&store, path.n);
	for (;;)
	{
		const char *slash = memchr(p, '/', (size_t) (end - p));
		Slice		raw = {p, (size_t) ((slash ? slash : end) - p)};
		Slice	   *seg = &call->seg[call->nseg];

		if (raw.n == 0 || slice_is(raw, ".") || slice_is(raw, "..") ||
			call->nseg == MAX_SEGMENTS)
			return false;
		seg->p = store.p + store.n;
		seg->n = percent_decode(raw, store.p + store.n);
		store.n += seg->n;
		call->nseg++;
		if (slash == NULL)
			return true;
		p = slash + 1;
	}
}

static bool
match_op(const Op *op, Call *call)
{
	const char *p = op->path;

	call->narg = 0;
	for (int i = 0; i < call->nseg; i++)
	{
		size_t		n = strcspn(p, "/");

		if (n == 2 && p[0] == '{')
			call->arg[call->narg++] = call->seg[i];
		else if (!slice_eq(call->seg[i], (Slice) {p, n}))
			return false;
		p += n;
		if (*p == '/')
			p++;
		else
			return i == call->nseg - 1;
	}
	return false;
}

void
api_route(const Request *req, Call *call)
{
	call->op = NULL;
	call->nseg = 0;
	call->identity = identity_route(req, &call->op);
	if (call->identity >= 0)
		return;
	if (!split_path(req->path, call) || !slice_is(req->method, "GET"))
		return;
	for (int i = 0; i < api_nops; i++)
	{
		if (match_op(&api_ops[i], call))
		{
			call->op = &api_ops[i];
			return;
		}
	}
}

/* How many bytes of a name fit into a message, cut between characters. */
static int
shown_length(Slice name)
{
	size_t		n = name.n;

	if (n > MAX_SHOWN)
		for (n = MAX_SHOWN; n > 0 && (name.p[n] & 0xc0) == 0x80; n--)
			;
	return (int) n;
}

static void
not_found(Reply *r, Kind kind, Slice name)
{
	reply_error(r, 404, "NotFoundException", "%s %.*s %s", kind_info[kind].noun,
				shown_length(name), name.p, kind_info[kind].missing);
}

/* Walk down from the root by the names of the path. */
static Node *
find_node(Kind kind, const Call *call, Reply *r)
{
	Kind		chain[NKINDS];
	Node	   *node = &data_root;
	int			depth = 0;

	for (Kind k = kind; k != K_ROOT; k = kind_info[k].parent)
		chain[depth++] = k;
	for (int i = 0; i < depth; i++)
	{
		Kind		k = chain[depth - 1 - i];
		Node	   *child = node_child(node, k, call->arg[i]);

		if (child == NULL)
		{
			not_found(r, k, call->arg[i]);
			return NULL;
		}
		node = child;
	}
	return node;
}

static void
put_member(Buf *b, const char *name, Slice json)
{
	buf_puts(b, "{\"");
	buf_puts(b, name);
	buf_puts(b, "\":");
	buf_slice(b, json);
	buf_putc(b, '}');
}

static void
run_get(const Call *call, Reply *r)
{
	const Op   *op = call->op;
	Node	   *node;
	Slice		json;

	if (op->form == FORM_GET)
		node = find_node(op->kind, call, r);
	else if ((node = node_global(op->kind, call->arg[0])) == NULL)
		not_found(r, op->kind, call->arg[0]);
	if (node == NULL)
		return;
	json = node->full.p ? node->full : node->json;
	if (op->result)
		put_member(&r->body, op->result, json);
	else
		buf_slice(&r->body, json);
}

static void
run_tags(const Call *call, Reply *r)
{
	Node	   *node = node_by_arn(call->arg[0]);

	if (node == NULL)
	{
		reply_error(r, 404, "ResourceNotFoundException",
					"Resource %.*s not found.",
					shown_length(call->arg[0]), call->arg[0].p);
		r->code_in_body = true;
		return;
	}
	put_member(&r->body, call->op->result, node->tags.p ? node->tags : slice("{}"));
}

/* The list's owner does not exist: what that means may be set. */
static void
unknown_owner(const Op *op, Reply *r)
{
	if (op->kind != K_ENV || strcmp(options.unknown_app, "404") == 0)
		return;
	r->failed = false;
	if (strcmp(options.unknown_app, "empty") == 0)
	{
		r->status = 200;
		put_member(&r->body, op->result, slice("[]"));
	}
	else
		reply_error(r, 400, "BadRequestException", "The app does not exist.");
}

static bool
page_size(const Op *op, const Params *ps, Reply *r, uint32_t *size)
{
	const char *text = param(ps, "maxResults");
	long		v = 0;

	if (text != NULL && !parse_long(text, 0, op->max_page, &v))
	{
		reply_error(r, 400, "BadRequestException",
					"1 validation error detected: Value '%.40s' at 'maxResults' "
					"failed to satisfy constraint: Member must have value between "
					"0 and %d",
					text, op->max_page);
		return false;
	}
	*size = (uint32_t) (v > 0 ? v : op->page);
	return true;
}

static void
put_page(const Op *op, Slice owner, const List *list, uint32_t pos,
		 uint32_t size, Reply *r)
{
	Buf		   *b = &r->body;
	uint32_t	stop = pos + size < list->n ? pos + size : list->n;

	if (r->wish.token == TOKEN_NEW)
		stop = pos;
	buf_puts(b, "{\"");
	buf_puts(b, op->result);
	buf_puts(b, "\":[");
	for (uint32_t i = pos; i < stop; i++)
	{
		if (i > pos)
			buf_putc(b, ',');
		buf_slice(b, list->item[i]->json);
	}
	buf_putc(b, ']');
	page_token(op, owner, stop, stop < list->n, &r->wish, b);
	buf_putc(b, '}');
}

static void
run_list(const Request *req, const Call *call, Reply *r)
{
	static Params ps;
	const Op   *op = call->op;
	Kind		owner_kind = kind_info[op->kind].parent;
	const Param *filter;
	const List *list;
	List		one = {0};
	Node	   *owner;
	Node	   *match;
	uint32_t	size;
	uint32_t	pos;

	if (!params_parse(&ps, req->query, false))
	{
		reply_error(r, 400, "BadRequestException", "Too many parameters");
		return;
	}
	if (!page_size(op, &ps, r, &size))
		return;
	owner = find_node(owner_kind, call, r);
	if (owner == NULL)
	{
		unknown_owner(op, r);
		return;
	}
	if (!page_start(op, req->path, param_find(&ps, "nextToken"), &r->wish, &pos))
	{
		reply_error(r, 400, "BadRequestException", "Invalid pagination token");
		return;
	}
	list = node_list(owner, op->kind);
	filter = op->kind == K_ENV ? param_find(&ps, "environmentName") : NULL;
	if (filter != NULL)
	{
		match = node_child(owner, K_ENV, filter->value);
		one.item = &match;
		one.n = match != NULL;
		list = &one;
	}
	if (pos > list->n)
		pos = list->n;
	put_page(op, req->path, list, pos, size, r);
}

void
api_run(const Request *req, const Call *call, Reply *r)
{
	if (call->identity >= 0)
		identity_run(call->identity, req, r);
	else if (call->op == NULL)
		reply_error(r, 403, "AccessDeniedException",
					"Unable to determine service/operation name to be authorized");
	else if (call->op->form == FORM_LIST)
		run_list(req, call, r);
	else if (call->op->form == FORM_TAGS)
		run_tags(call, r);
	else
		run_get(call, r);
}
