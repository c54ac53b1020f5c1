/*-------------------------------------------------------------------------
 *
 * amplify_model.h
 *	  What model/ offers: what Amplify has, and what users may say.
 *
 * src/model/amplify_model.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef AMPLIFY_MODEL_H
#define AMPLIFY_MODEL_H

#include "aws/amplify_aws.h"
#include "catalog/pg_namespace.h"
#include "foreign/foreign.h"

/* ---------- resource_data.c, resource.c: what Amplify has ---------- */

#define AMPLIFY_LONGEST_NAME 255	/* characters; of AMPLIFY_NAME */

/*
 * The keys of the API, which mean the same wherever they stand; those of each
 * resource, in this order, go from the outermost to its own.
 */
typedef enum AmplifyKey
{
	AMPLIFY_KEY_APP,
	AMPLIFY_KEY_BRANCH,
	AMPLIFY_KEY_JOB,
	AMPLIFY_KEY_ENVIRONMENT,
	AMPLIFY_KEY_DOMAIN,
	AMPLIFY_KEY_WEBHOOK,
	AMPLIFY_KEY_ARTIFACT
} AmplifyKey;

#define AMPLIFY_NKEYS	(AMPLIFY_KEY_ARTIFACT + 1)

/* A set of them: 1 << AMPLIFY_KEY_APP, ... */
typedef uint32 AmplifyKeyMask;

#define AMPLIFY_ALL_KEYS	((1 << AMPLIFY_NKEYS) - 1)

/* Values of keys, UTF-8; NULL where not bound */
typedef struct AmplifyKeys
{
	const char *value[AMPLIFY_NKEYS];
} AmplifyKeys;

/* Where the value of a column comes from */
typedef enum AmplifySource
{
	AMPLIFY_MEMBER,				/* a member of the item in the response */
	AMPLIFY_KEY,				/* the request's key, else a member if there
								 * is a path, else the item's ARN */
	AMPLIFY_REGION,				/* the server's region */
	AMPLIFY_ACCOUNT				/* the server's account, else the item's ARN */
} AmplifySource;

/* What values AWS's model has for a key */
typedef enum AmplifyKeyRule
{
	AMPLIFY_NOT_A_KEY,
	AMPLIFY_APP_ID,				/* d[a-z0-9]+, 20 at most */
	AMPLIFY_NAME,				/* 1 to 255 characters, not "." or ".." */
	AMPLIFY_DOMAIN,				/* a domain name, 64 at most */
	AMPLIFY_JOB_ID,				/* [0-9]+ without leading zeros, 255 at most */
	AMPLIFY_ARN,				/* holds the other keys */
	AMPLIFY_REGION_NAME,		/* the server's, or there is nothing */
	AMPLIFY_ACCOUNT_ID			/* likewise, if the server has one */
} AmplifyKeyRule;

typedef struct AmplifyColumn
{
	const char *name;			/* in SQL */
	const char *path;			/* members from the item down, dotted; after
								 * "../", from the object that holds it */
	AmplifyType type;
	AmplifySource source;
	AmplifyKeyRule key;
	bool		sensitive;		/* IMPORT makes it only if asked to */
	const char *meaning;		/* a sentence for people */
} AmplifyColumn;

/* A template taken apart: literal, key, literal, ..., literal */
typedef struct AmplifyTemplate
{
	int			nkeys;
	AmplifyKey	key[AMPLIFY_NKEYS];
	const char *literal[AMPLIFY_NKEYS + 1];
	int			length[AMPLIFY_NKEYS + 1];	/* of the literals */
} AmplifyTemplate;

typedef struct AmplifyOperation
{
	const char *name;			/* in AWS's words */
	const char *path;			/* template; {placeholders} are key columns */
	const char *result;			/* members of the response down to the
								 * item(s), dotted, "[]" after an array of
								 * objects that hold them; NULL: the response
								 * itself */
	bool		many;			/* an array of items, not one */
	int			max_page;		/* greatest maxResults; 0: no pages */
	const char *filter;			/* query parameter that takes the last key;
								 * NULL: none */

	/* made of the above by amplify_resource_init() */
	AmplifyTemplate template;	/* path */
	AmplifyKeyMask needs;		/* keys in it */
	int			number;			/* the same for the same name only */
} AmplifyOperation;

/*
 * Keys are what operations need, no more.  A Get may do without keys that the
 * List needs (webhooks), may bring several items (sub_domains), and need not
 * be there; the List may need all that the Get does (artifact_urls).
 */
typedef struct AmplifyResource
{
	const char *name;			/* also the default table name */
	const AmplifyColumn *columns;
	int			ncolumns;
	AmplifyOperation *get;		/* of the narrowest key; or NULL */
	AmplifyOperation *list;		/* of one parent, or of all there is */
	const struct AmplifyResource *parent;	/* has the keys of list; or NULL */
	const char *arn_path;		/* template of the ARN's last part; or NULL */
	double		default_rows;	/* per parent (or in all): a guess */
	bool		sensitive;		/* IMPORT makes it only if asked to */
	const char *meaning;		/* a sentence for people */

	/* made of the above by amplify_resource_init() */
	AmplifyTemplate arn;		/* arn_path */
	const AmplifyColumn *arn_column;	/* that has it; or NULL */
	AmplifyKeyMask keys;		/* that its operations need */
	int			last_key;		/* that its List leaves open and its Get
								 * doesn't; -1: there is none */
	AmplifyKeyMask shown;		/* that its items have, and in which column */
	const AmplifyColumn *key_column[AMPLIFY_NKEYS];
} AmplifyResource;

/* What a text says as the ARN of an item of some resource */
typedef enum AmplifyArnKind
{
	AMPLIFY_ARN_OWN,			/* all its keys */
	AMPLIFY_ARN_OTHER,			/* that it is none, or something else's */
	AMPLIFY_ARN_UNREADABLE		/* Amplify's, in a form that we don't know */
} AmplifyArnKind;

extern AmplifyResource *const amplify_resources[];	/* NULL at end */
extern const char *const amplify_key_names[AMPLIFY_NKEYS];	/* columns */
extern void amplify_resource_init(void);
extern const AmplifyResource *amplify_resource_find(const char *name);
extern const AmplifyColumn *amplify_resource_column(const AmplifyResource *resource,
													const char *name);
extern const char *amplify_resource_type(const AmplifyColumn *column);
extern int	amplify_resource_key(const AmplifyResource *resource,
								 const AmplifyColumn *column);
extern bool amplify_resource_is_unique(const AmplifyResource *resource);
extern AmplifyKeyMask amplify_resource_mask(const AmplifyKeys *keys);
extern void amplify_resource_copy_keys(AmplifyKeys *keys,
									   MemoryContext context);
extern void amplify_resource_free_keys(AmplifyKeys *keys);
extern AmplifyKeys amplify_resource_project(const AmplifyKeys *keys,
											AmplifyKeyMask mask);
extern bool amplify_resource_can(const AmplifyOperation *operation,
								 AmplifyKeyMask bound);
extern bool amplify_resource_not_null(const AmplifyResource *resource,
									  const AmplifyColumn *column);
extern bool amplify_resource_is_location(const AmplifyColumn *column);
extern bool amplify_resource_is_known(const AmplifyResource *resource,
									  const AmplifyColumn *column,
									  bool has_account);
extern bool amplify_resource_can_ask(AmplifyKeyRule rule, const char *value);
extern bool amplify_resource_valid_key(AmplifyKeyRule rule, const char *value);
extern AmplifyArnKind amplify_resource_parse_arn(const AmplifyResource *resource,
												 const char *arn,
												 const char *region,
												 char **account,
												 AmplifyKeys *keys);
extern AmplifyArnKind amplify_resource_item_arn(const AmplifyResource *resource,
												AmplifyItem *item,
												char **account,
												AmplifyKeys *keys);

/* ---------- route.c: the way from known keys to items ---------- */

/* The wanted resource, and those above it */
#define AMPLIFY_MAX_STEPS	8

typedef struct AmplifyStep
{
	const AmplifyResource *resource;
	AmplifyKeyMask bound;		/* those of the known keys that are used */
	const AmplifyOperation *operation;
} AmplifyStep;

typedef struct AmplifyRoute
{
	int			nsteps;
	AmplifyStep steps[AMPLIFY_MAX_STEPS];	/* the wanted resource first */
} AmplifyRoute;

typedef double (*AmplifyRouteCount) (AmplifyKeyMask mask, void *arg);

extern const AmplifyOperation *amplify_route_operation(const AmplifyResource *resource,
													   AmplifyKeyMask bound);
extern bool amplify_route_has_choice(const AmplifyResource *resource,
									 AmplifyKeyMask bound);
extern void amplify_route_find(const AmplifyResource *resource,
							   AmplifyKeyMask bound, AmplifyRouteCount count,
							   void *arg, AmplifyRoute *route);
extern char *amplify_route_names(const AmplifyRoute *route);

/* ---------- option_data.c: the options that there are ---------- */

/* What a value must look like, and so how it is stored in AmplifyOptions */
typedef enum AmplifyOptionKind
{
	AMPLIFY_OPTION_BOOL,
	AMPLIFY_OPTION_COUNT,		/* int */
	AMPLIFY_OPTION_MS,			/* int; a unit may follow the number */
	AMPLIFY_OPTION_SECONDS,		/* int; likewise */
	AMPLIFY_OPTION_BYTES,		/* int; likewise */
	AMPLIFY_OPTION_REAL,		/* double */
	AMPLIFY_OPTION_ON_ERROR,	/* AmplifyOnError */
	AMPLIFY_OPTION_REGION,		/* the rest are char * */
	AMPLIFY_OPTION_ACCOUNT,
	AMPLIFY_OPTION_URL,
	AMPLIFY_OPTION_TEXT,		/* anything but an empty string */
	AMPLIFY_OPTION_HEADER,		/* goes into a header: printable ASCII; min
								 * and max are lengths, */
	AMPLIFY_OPTION_ARN,			/* of a role; here, too */
	AMPLIFY_OPTION_EXTERNAL_ID,
	AMPLIFY_OPTION_SESSION_NAME
} AmplifyOptionKind;

/* Bytes of credentials; what AWS issues is far shorter */
#define AMPLIFY_LONGEST_KEY_ID	128
#define AMPLIFY_LONGEST_SECRET	256 /* sigv4.c's limit */
#define AMPLIFY_LONGEST_TOKEN	16384

#define AMPLIFY_OPTION_SUPERUSER	0x01	/* only a superuser may set it */
#define AMPLIFY_OPTION_SECRET		0x02	/* the value is never shown */

/* Options of IMPORT FOREIGN SCHEMA are stored nowhere: it stands for them */
#define AMPLIFY_IMPORT_CATALOG		NamespaceRelationId

typedef struct AmplifyOption
{
	const char *name;
	Oid			catalog;
	AmplifyOptionKind kind;
	size_t		offset;			/* in AmplifyOptions */
	double		min;			/* of a number; of some texts' length */
	double		max;
	int			flags;
	const char *default_value;	/* as it could be set; NULL: there is none */
	const char *otherwise;		/* what is used then, in words; or NULL */
	const char *meaning;		/* for people, as the former is */
} AmplifyOption;

extern const AmplifyOption amplify_options[];	/* name is NULL at the end */

/* ---------- option.c: every option by its name ---------- */

/* What becomes of a statement when an app or a server fails */
typedef enum AmplifyOnError
{
	AMPLIFY_ON_ERROR_FAIL,		/* it fails, too */
	AMPLIFY_ON_ERROR_WARN,		/* it goes on, if it only reads */
	AMPLIFY_ON_ERROR_WARN_ALWAYS	/* it goes on, also if it writes */
} AmplifyOnError;

typedef struct AmplifyOptions
{
	/* server */
	char	   *region;
	char	   *account_id;		/* NULL: whose the items turn out to be */
	char	   *endpoint_url;	/* NULL: built from region */
	bool		use_fips;
	bool		use_dualstack;
	char	   *sts_endpoint_url;	/* NULL: built from region */
	char	   *ca_bundle;		/* NULL: the system's */
	char	   *proxy;			/* NULL: none */
	int			connect_timeout;	/* ms */
	int			request_timeout;	/* ms */
	int			max_attempts;
	int			throttle_timeout;	/* ms of patience with throttling */
	int			max_concurrency;
	double		max_rate;		/* requests a second; 0: no limit */
	int			max_response_size;	/* bytes, decoded */
	double		request_cost;	/* planner units for one round trip */
	bool		analyze;		/* may ANALYZE list the table? */
	/* user mapping; secrets */
	char	   *access_key_id;
	char	   *secret_access_key;
	char	   *session_token;
	char	   *role_arn;		/* NULL: none is assumed */
	char	   *external_id;
	char	   *role_session_name;	/* NULL: our own */
	int			role_duration;	/* seconds; 0: STS's default */
	char	   *profile;		/* NULL: none */
	bool		ambient_credentials;
	char	   *proxy_user;		/* NULL: the proxy asks for none */
	char	   *proxy_password;
	char	   *source_server;	/* NULL: the mapping stands for itself */
	/* table */
	char	   *resource;		/* NULL: the table's name */
	int			page_size;		/* 0: the operation's maximum */
	double		estimated_rows; /* 0: from ANALYZE, or a guess */
	bool		unique_key;
	AmplifyOnError on_error;
	/* column */
	char	   *field;			/* NULL: the column's name */
	/* IMPORT FOREIGN SCHEMA */
	bool		import_sensitive;
} AmplifyOptions;

extern void amplify_option_defaults(AmplifyOptions *options);
extern List *amplify_option_list(Datum options);
extern void amplify_option_forget_list(List *deflist);
extern void amplify_option_forget(AmplifyOptions *options);
extern void amplify_option_apply(List *deflist, AmplifyOptions *options);
extern void amplify_option_check(List *deflist, Oid catalog,
								 AmplifyOptions *options);
extern const char *amplify_option_location(const AmplifyOption *option);
extern const AmplifyResource *amplify_option_resource(const AmplifyOptions *options,
													  Oid relid);
extern bool amplify_option_valid_region(const char *region);
extern bool amplify_option_valid_account(const char *account);
extern bool amplify_option_valid_url(const char *url);
extern bool amplify_option_valid_header(const char *value);

/* ---------- identifier.c: keys of what people write down ---------- */

extern Datum amplify_fdw_key(PG_FUNCTION_ARGS);

#endif							/* AMPLIFY_MODEL_H */
