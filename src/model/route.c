/*-------------------------------------------------------------------------
 *
 * route.c
 *	  The way from the keys that are known to the items of a resource.
 *
 * A path of the API has the keys of all that an item is part of.  So a List
 * needs the keys of its parent, and if these are not known, the parents have
 * to be listed first.  The same may hold for the parent's own List.  A route
 * has one step for each resource that is requested: the first is for one whose
 * operation needs no more than the known keys, each other one uses keys that
 * the items of the step before have, and the last is for the wanted items.
 *
 * The planner finds the route of the keys that conditions bind, for its costs
 * and for EXPLAIN.  The executor finds that of the keys that are left when
 * their values are known, and takes it.  Both call amplify_route_find(), so
 * they differ in nothing but what they know of the values.
 *
 * What remains to be decided when the calls are made is whether an item is
 * fetched by its Get, or with a page of its parent's List: see parent.c.
 *
 * src/model/route.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "model/amplify_model.h"

static AmplifyKeyMask usable_keys(const AmplifyResource *resource,
								  AmplifyKeyMask bound);
static const AmplifyResource *find_ancestor(const AmplifyResource *resource,
											AmplifyKeyMask lacking);

/* The operation that keys are used in: a Get when they name one item */
const AmplifyOperation *
amplify_route_operation(const AmplifyResource *resource, AmplifyKeyMask bound)
{
	return amplify_resource_can(resource->get, bound) ? resource->get :
		resource->list;
}

/* Do the keys name an item that a List has as well as its Get? */
bool
amplify_route_has_choice(const AmplifyResource *resource, AmplifyKeyMask bound)
{
	return resource->last_key >= 0 &&
		amplify_resource_can(resource->get, bound) &&
		amplify_resource_can(resource->list, bound);
}

/*
 * Find the steps to a resource for keys that all have the same ones bound, the
 * wanted resource first.  count says how many different keys there are if only
 * those in a mask are looked at, and is handed arg; NULL: there is one key.
 *
 * Parents are best asked of the outermost resource that has the keys which are
 * lacking, because that takes the fewest calls.  But keys that this one can't
 * be asked by come together there, and each of its items would be tried with
 * all of them: then it is better asked first which parents there are.
 */
void
amplify_route_find(const AmplifyResource *resource, AmplifyKeyMask bound,
				   AmplifyRouteCount count, void *arg, AmplifyRoute *route)
{
	memset(route, 0, sizeof(AmplifyRoute));
	while (resource != NULL)
	{
		AmplifyStep *step = &route->steps[route->nsteps++];
		const AmplifyResource *ancestor;

		Assert(route->nsteps <= AMPLIFY_MAX_STEPS);
		step->resource = resource;
		step->bound = usable_keys(resource, bound);
		step->operation = amplify_route_operation(resource, step->bound);
		if (amplify_resource_can(step->operation, step->bound))
			return;
		ancestor = find_ancestor(resource,
								 step->operation->needs & ~step->bound);
		if (ancestor != resource->parent && count != NULL &&
			count(usable_keys(ancestor, step->bound), arg) <
			count(step->bound, arg))
			ancestor = resource->parent;
		bound = step->bound;
		resource = ancestor;
	}
}

/* The names of its operations, in the order of the calls; palloc'ed */
char *
amplify_route_names(const AmplifyRoute *route)
{
	char	   *names = pstrdup(route->steps[0].operation->name);

	for (int i = 1; i < route->nsteps; i++)
		names = psprintf("%s + %s", route->steps[i].operation->name, names);
	return names;
}

/*
 * Those of the keys that a request for the resource, or one for its parents,
 * can have.  A last key alone is none of these: it leads to no parent.
 */
static AmplifyKeyMask
usable_keys(const AmplifyResource *resource, AmplifyKeyMask bound)
{
	bound &= resource->keys;
	return amplify_resource_can(resource->get, bound) ||
		amplify_resource_can(resource->list, bound) ? bound :
		bound & resource->list->needs;
}

/*
 * The resource whose items have the keys that a List lacks: the outermost one,
 * because that is reached with the fewest calls.  The parent always has them.
 */
static const AmplifyResource *
find_ancestor(const AmplifyResource *resource, AmplifyKeyMask lacking)
{
	const AmplifyResource *ancestor = resource->parent;

	while (ancestor->parent != NULL && (lacking & ~ancestor->parent->shown) == 0)
		ancestor = ancestor->parent;
	return ancestor;
}
