/*-------------------------------------------------------------------------
 *
 * option_data.c
 *	  The options of servers, user mappings, tables and columns, as data.
 *
 * A new option is a row here and a member of AmplifyOptions.  How a value is
 * read and checked, and which options go together, is in option.c.  What
 * doc/options.md says of options is what stands here.
 *
 * src/model/option_data.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "model/amplify_model.h"
#include "utils/memutils.h"

#define AT(member)	offsetof(AmplifyOptions, member)
#define SUPERUSER	AMPLIFY_OPTION_SUPERUSER
#define SECRET		AMPLIFY_OPTION_SECRET

const AmplifyOption amplify_options[] = {
	{"region", ForeignServerRelationId, AMPLIFY_OPTION_REGION,
		AT(region), 0, 0, 0, NULL, "required",
	"AWS region: signs the requests and builds the endpoint"},
	{"account_id", ForeignServerRelationId, AMPLIFY_OPTION_ACCOUNT,
		AT(account_id), 0, 0, 0, NULL, "the items' own",
	"AWS account of the credentials; an item of another one is an error"},
	{"endpoint_url", ForeignServerRelationId, AMPLIFY_OPTION_URL,
		AT(endpoint_url), 0, 0, SUPERUSER, NULL, "from the region",
	"another endpoint, http or https; its path is a prefix"},
	{"sts_endpoint_url", ForeignServerRelationId, AMPLIFY_OPTION_URL,
		AT(sts_endpoint_url), 0, 0, SUPERUSER, NULL, "from the region",
	"another Security Token Service"},
	{"use_fips", ForeignServerRelationId, AMPLIFY_OPTION_BOOL,
		AT(use_fips), 0, 0, 0, "false", NULL,
	"AWS's endpoint with validated cryptography"},
	{"use_dualstack", ForeignServerRelationId, AMPLIFY_OPTION_BOOL,
		AT(use_dualstack), 0, 0, 0, "false", NULL,
	"AWS's endpoint with IPv6 as well"},
	{"ca_bundle", ForeignServerRelationId, AMPLIFY_OPTION_TEXT,
		AT(ca_bundle), 0, 0, SUPERUSER, NULL, "the system's",
	"file of trusted certificate authorities"},
	{"proxy", ForeignServerRelationId, AMPLIFY_OPTION_URL,
		AT(proxy), 0, 0, SUPERUSER, NULL, "none",
	"HTTP proxy; proxy variables of the environment are ignored"},
	{"connect_timeout", ForeignServerRelationId, AMPLIFY_OPTION_MS,
		AT(connect_timeout), 1, 600000, 0, "3100ms", NULL,
	"to connect and establish TLS, per attempt"},
	{"request_timeout", ForeignServerRelationId, AMPLIFY_OPTION_MS,
		AT(request_timeout), 1, 600000, 0, "30s", NULL,
	"one attempt in all"},
	{"max_attempts", ForeignServerRelationId, AMPLIFY_OPTION_COUNT,
		AT(max_attempts), 1, 100, 0, "3", NULL,
	"attempts at a request that fails for a passing reason"},
	{"throttle_timeout", ForeignServerRelationId, AMPLIFY_OPTION_MS,
		AT(throttle_timeout), 0, 86400000, 0, "60s", NULL,
	"how long a request may wait because AWS throttles"},
	{"max_concurrency", ForeignServerRelationId, AMPLIFY_OPTION_COUNT,
		AT(max_concurrency), 1, 1000, 0, "10", NULL,
	"requests in flight per session"},
	{"max_rate", ForeignServerRelationId, AMPLIFY_OPTION_REAL,
		AT(max_rate), 0, 1e6, 0, "0", NULL,
	"requests a second per session, at most; 0: as many as AWS grants"},
	{"max_response_size", ForeignServerRelationId, AMPLIFY_OPTION_BYTES,
		/* NOLINTNEXTLINE(bugprone-integer-division): whole bytes */
		AT(max_response_size), 1024, MaxAllocSize / 4, 0, "10MB", NULL,
	"a larger response is an error"},
	{"request_cost", ForeignServerRelationId, AMPLIFY_OPTION_REAL,
		AT(request_cost), 0, 1e10, 0, "100", NULL,
	"planner's cost of one round trip"},
	{"analyze", ForeignServerRelationId, AMPLIFY_OPTION_BOOL,
		AT(analyze), 0, 0, 0, "true", NULL,
	"whether ANALYZE may list the tables"},

	{"access_key_id", UserMappingRelationId, AMPLIFY_OPTION_HEADER,
		AT(access_key_id), 1, AMPLIFY_LONGEST_KEY_ID, SECRET, NULL, NULL,
	"a key of AWS"},
	{"secret_access_key", UserMappingRelationId, AMPLIFY_OPTION_HEADER,
		AT(secret_access_key), 1, AMPLIFY_LONGEST_SECRET, SECRET, NULL, NULL,
	"its secret"},
	{"session_token", UserMappingRelationId, AMPLIFY_OPTION_HEADER,
		AT(session_token), 1, AMPLIFY_LONGEST_TOKEN, SECRET, NULL, NULL,
	"its token, if it is a temporary key"},
	{"role_arn", UserMappingRelationId, AMPLIFY_OPTION_ARN,
		AT(role_arn), 20, 2048, 0, NULL, NULL,
	"a role to assume with the keys that the other options give"},
	{"external_id", UserMappingRelationId, AMPLIFY_OPTION_EXTERNAL_ID,
		AT(external_id), 2, 1224, SECRET, NULL, "none",
	"what the role's trust policy may ask for"},
	{"role_session_name", UserMappingRelationId, AMPLIFY_OPTION_SESSION_NAME,
		AT(role_session_name), 2, 64, 0, NULL, "amplify_fdw",
	"name of the session in AWS's logs"},
	{"role_duration", UserMappingRelationId, AMPLIFY_OPTION_SECONDS,
		AT(role_duration), 900, 43200, 0, NULL, "the STS's",
	"lifetime of the role's credentials, 900 s to 12 h"},
	{"profile", UserMappingRelationId, AMPLIFY_OPTION_TEXT,
		AT(profile), 0, 0, SUPERUSER, NULL, NULL,
	"a profile of the server's AWS configuration files"},
	{"ambient_credentials", UserMappingRelationId, AMPLIFY_OPTION_BOOL,
		AT(ambient_credentials), 0, 0, SUPERUSER, "false", NULL,
	"let the mapping use whatever identity the server has"},
	{"proxy_user", UserMappingRelationId, AMPLIFY_OPTION_TEXT,
		AT(proxy_user), 0, 0, SECRET, NULL, NULL,
	"for a proxy that asks for it"},
	{"proxy_password", UserMappingRelationId, AMPLIFY_OPTION_TEXT,
		AT(proxy_password), 0, 0, SECRET, NULL, NULL,
	"likewise"},
	{"source_server", UserMappingRelationId, AMPLIFY_OPTION_TEXT,
		AT(source_server), 0, 0, 0, NULL, NULL,
	"take the credentials of the same user's mapping for that server"},

	{"resource", ForeignTableRelationId, AMPLIFY_OPTION_TEXT,
		AT(resource), 0, 0, 0, NULL, "the table's name",
	"which resource the table shows"},
	{"page_size", ForeignTableRelationId, AMPLIFY_OPTION_COUNT,
		AT(page_size), 1, 100, 0, NULL, "the API's maximum",
	"items a page of a list"},
	{"estimated_rows", ForeignTableRelationId, AMPLIFY_OPTION_REAL,
		AT(estimated_rows), 1, 1e12, 0, NULL, "ANALYZE, else 1,000 apps",
	"rows in all, for the planner"},
	{"request_cost", ForeignTableRelationId, AMPLIFY_OPTION_REAL,
		AT(request_cost), 0, 1e10, 0, NULL, "the server's",
	"planner's cost of one round trip"},
	{"max_concurrency", ForeignTableRelationId, AMPLIFY_OPTION_COUNT,
		AT(max_concurrency), 1, 1000, 0, NULL, "the server's",
	"requests in flight for this table"},
	{"analyze", ForeignTableRelationId, AMPLIFY_OPTION_BOOL,
		AT(analyze), 0, 0, 0, NULL, "the server's",
	"whether ANALYZE may list the table"},
	{"unique_key", ForeignTableRelationId, AMPLIFY_OPTION_BOOL,
		AT(unique_key), 0, 0, 0, "true", NULL,
	"let the planner rely on the key being unique"},
	{"on_error", ForeignTableRelationId, AMPLIFY_OPTION_ON_ERROR,
		AT(on_error), 0, 0, 0, "error", NULL,
	"`warn`: a WARNING for each app or server that fails, and the rows of the others; an error where the statement writes down what it reads, unless it is `warn_always`"},

	{"field", AttributeRelationId, AMPLIFY_OPTION_TEXT,
		AT(field), 0, 0, 0, NULL, "the column's name",
	"which field of the resource"},

	{"import_sensitive", AMPLIFY_IMPORT_CATALOG, AMPLIFY_OPTION_BOOL,
		AT(import_sensitive), 0, 0, 0, "false", NULL,
	"make columns and tables that hold secrets, too"},

	{NULL}
};
