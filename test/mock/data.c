/*
 * data.c
 *	  The tree of apps and of what hangs below them, with hashed look-up.
 *
 * Every node holds its JSON as text, rendered once; serving it is a copy.
 * Where the text comes from (load.c, generate.c) is not known here.
 */
#include <stdlib.h>
#include <string.h>

#include "mock.h"

const KindInfo kind_info[NKINDS] = {
	[K_ROOT] = {.noun = "Root"},
	[K_APP] = {K_ROOT, "App", "not found.", "appId", "apps",
	"appArn", true},
	[K_ENV] = {K_APP, "BackendEnvironment", "does not exist.",
	"environmentName", "backendEnvironments", NULL, false},
	[K_BRANCH] = {K_APP, "Branch", "does not exist.", "branchName",
	"branches", "branchArn", false},
	[K_DOMAIN] = {K_APP, "DomainAssociation", "does not exist.",
	"domainName", "domainAssociations", "domainAssociationArn", false},
	[K_WEBHOOK] = {K_APP, "Webhook", "does not exist.", "webhookId",
	"webhooks", "webhookArn", true},
	[K_JOB] = {K_BRANCH, "Job", "does not exist.", "jobId", "jobs",
	NULL, false},
	[K_ARTIFACT] = {K_JOB, "Artifact", "does not exist.", "artifactId",
	"artifacts", NULL, true},
};

Node		data_root;

/* One way to find a node: owner is NULL for ids and ARNs that stand alone. */
typedef struct Ref
{
	struct Ref *next;
	uint64_t	hash;
	const Node *owner;
	int			kind;			/* NKINDS for an ARN */
	Slice		key;
	Node	   *node;
} Ref;

static Ref **table;
static size_t table_size;
static size_t table_used;

static uint64_t
ref_hash(const Node *owner, int kind, Slice key)
{
	return hash_bytes((uint64_t) (uintptr_t) owner + (uint64_t) kind, key.p, key.n);
}

static void
table_grow(void)
{
	size_t		size = table_size ? table_size * 2 : 1024;
	Ref		  **fresh = xalloc(size * sizeof(Ref *));

	for (size_t i = 0; i < table_size; i++)
	{
		Ref		   *r = table[i];

		while (r != NULL)
		{
			Ref		   *next = r->next;

			r->next = fresh[r->hash & (size - 1)];
			fresh[r->hash & (size - 1)] = r;
			r = next;
		}
	}
	free(table);
	table = fresh;
	table_size = size;
}

static void
ref_add(const Node *owner, int kind, Slice key, Node *node)
{
	Ref		   *r = xalloc(sizeof(Ref));

	if (table_used >= table_size)
		table_grow();
	r->hash = ref_hash(owner, kind, key);
	r->owner = owner;
	r->kind = kind;
	r->key = key;
	r->node = node;
	r->next = table[r->hash & (table_size - 1)];
	table[r->hash & (table_size - 1)] = r;
	table_used++;
}

static Ref **
ref_find(const Node *owner, int kind, Slice key)
{
	uint64_t	hash = ref_hash(owner, kind, key);
	Ref		  **at;

	if (table_size == 0)
		return NULL;
	for (at = &table[hash & (table_size - 1)]; *at != NULL; at = &(*at)->next)
		if ((*at)->hash == hash && (*at)->owner == owner &&
			(*at)->kind == kind && slice_eq((*at)->key, key))
			return at;
	return NULL;
}

static Node *
ref_node(const Node *owner, int kind, Slice key)
{
	Ref		  **at = ref_find(owner, kind, key);

	return at ? (*at)->node : NULL;
}

/* The entry is dropped only if it is this node's: ids may be given twice. */
static void
ref_drop(const Node *owner, int kind, Slice key, const Node *node)
{
	Ref		  **at = ref_find(owner, kind, key);

	if (at != NULL && (*at)->node == node)
	{
		Ref		   *gone = *at;

		*at = gone->next;
		free(gone);
		table_used--;
	}
}

static void
list_append(List *list, Node *node)
{
	if (list->n == list->cap)
	{
		list->cap = list->cap ? list->cap * 2 : 8;
		list->item = realloc(list->item, list->cap * sizeof(Node *));
		if (list->item == NULL)
			die("out of memory");
	}
	list->item[list->n++] = node;
}

Node *
node_add(Node *parent, Kind kind, Slice name, Slice json)
{
	Node	   *node = xalloc(sizeof(Node));

	node->kind = kind;
	node->parent = parent;
	node->name = slice_dup(name);
	node->json = slice_dup(json);
	if (parent->lists == NULL)
		parent->lists = xalloc(NKINDS * sizeof(List));
	list_append(&parent->lists[kind], node);
	ref_add(parent, kind, node->name, node);
	if (kind_info[kind].global)
		ref_add(NULL, kind, node->name, node);
	return node;
}

void
node_set_json(Node *node, Slice json)
{
	free((char *) node->json.p);
	node->json = slice_dup(json);
}

void
node_set_full(Node *node, Slice full)
{
	free((char *) node->full.p);
	node->full = slice_dup(full);
}

void
node_set_tags(Node *node, Slice arn, Slice tags)
{
	node->arn = slice_dup(arn);
	if (tags.p != NULL)
		node->tags = slice_dup(tags);
	ref_add(NULL, NKINDS, node->arn, node);
}

/* Take a node and all below it away, but leave its parent's list alone. */
static void
node_destroy(Node *node)
{
	for (int k = 0; node->lists != NULL && k < NKINDS; k++)
	{
		for (uint32_t i = 0; i < node->lists[k].n; i++)
			node_destroy(node->lists[k].item[i]);
		free(node->lists[k].item);
	}
	free(node->lists);
	if (node->parent != NULL)
		ref_drop(node->parent, node->kind, node->name, node);
	if (kind_info[node->kind].global)
		ref_drop(NULL, node->kind, node->name, node);
	if (node->arn.p != NULL)
		ref_drop(NULL, NKINDS, node->arn, node);
	free((char *) node->name.p);
	free((char *) node->json.p);
	free((char *) node->full.p);
	free((char *) node->arn.p);
	free((char *) node->tags.p);
	if (node != &data_root)
		free(node);
}

void
node_delete(Node *node)
{
	List	   *list = &node->parent->lists[node->kind];

	for (uint32_t i = 0; i < list->n; i++)
	{
		if (list->item[i] != node)
			continue;
		list->n--;
		memmove(&list->item[i], &list->item[i + 1],
				(list->n - i) * sizeof(Node *));
		break;
	}
	node_destroy(node);
}

Node *
node_child(const Node *parent, Kind kind, Slice name)
{
	return ref_node(parent, kind, name);
}

Node *
node_global(Kind kind, Slice id)
{
	return ref_node(NULL, kind, id);
}

Node *
node_by_arn(Slice arn)
{
	return ref_node(NULL, NKINDS, arn);
}

const List *
node_list(const Node *parent, Kind kind)
{
	static const List nothing;

	return parent->lists ? &parent->lists[kind] : &nothing;
}

void
data_free(void)
{
	node_destroy(&data_root);
	free(table);
}
