/*
 * generate.c
 *	  Makes up apps and environments: the same ones for the same numbers.
 *
 * The scheme of names is told in --help, so that tests can predict them.
 * No randomness but a hash of the seed and of the positions.
 */
#include <stdio.h>
#include <string.h>

#include "mock.h"

#define FIRST_TIME		1613753573

static const char *const plain_names[] = {"dev", "test", "prod", "staging", "qa"};

/* What the names of every fifth app's environments are with --odd-names. */
static const char *const odd_names_list[] = {
	"two words",
	"a/b//c",
	"it's",
	"say \"hi\"",
	"100%25 %2F %",
	"a+b&c=d?e#f",
	"back\\slash",
	"line\nbreak\ttab",
	"d\xc3\xa9v \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x9a\x80",
	"%2e%2e",
	" lead and trail ",
	"~!*'();:@$,[]{}|^`<>",
};

static uint64_t
number(long seed, long app, long env)
{
	return mix64((uint64_t) seed * 1000003 + (uint64_t) app * 7919 +
				 (uint64_t) env + UINT64_C(0x9e3779b97f4a7c15));
}

static void
env_name(Buf *b, long j, bool odd)
{
	b->n = 0;
	if (odd && j <= (long) lengthof(odd_names_list))
		buf_puts(b, odd_names_list[j - 1]);
	else if (odd)
		buf_printf(b, "d\xc3\xa9v/%02ld %%", j);
	else if (j <= (long) lengthof(plain_names))
		buf_puts(b, plain_names[j - 1]);
	else
		buf_printf(b, "env%02ld", j);
}

/* The same kind of moment in the forms that a service may write it in. */
static void
put_time(Buf *b, const char *name, uint64_t n)
{
	unsigned long long sec = FIRST_TIME + n % 100000000;
	unsigned int ms = (unsigned int) (n / 7 % 1000);

	switch (n % 4)
	{
		case 0:
			buf_printf(b, ",\"%s\":%llu", name, sec);
			break;
		case 1:
			buf_printf(b, ",\"%s\":%llu.%03u", name, sec, ms);
			break;
		case 2:
			buf_printf(b, ",\"%s\":%llu.%06u", name, sec, ms * 1000 + 7);
			break;
		default:
			buf_printf(b, ",\"%s\":%llu.%09llu%03uE9", name, sec / 1000000000,
					   sec % 1000000000, ms);
	}
}

/* member is written as it is, with what stands before it */
static void
put_arn(Buf *b, const char *member, const char *app, const char *what, Slice name)
{
	Buf			arn = {0};

	buf_printf(&arn, "arn:aws:amplify:%s:%s:apps/%s", options.region,
			   options.account, app);
	if (what != NULL)
	{
		buf_printf(&arn, "/%s/", what);
		buf_slice(&arn, name);
	}
	buf_puts(b, member);
	buf_json(b, buf_view(&arn));
	buf_free(&arn);
}

static void
make_env(Node *app, const char *app_name, Slice name, uint64_t n)
{
	static Buf	json;
	static Buf	text;
	unsigned int suffix = (unsigned int) (n / 13 % 1000000);

	json.n = 0;
	put_arn(&json, "{\"backendEnvironmentArn\":", app->name.p,
			"backendenvironments", name);
	buf_puts(&json, ",\"environmentName\":");
	buf_json(&json, name);
	if (n % 7 != 0)
	{
		text.n = 0;
		buf_printf(&text, "amplify-%s-%s-%06u", app_name, name.p, suffix);
		buf_puts(&json, ",\"stackName\":");
		buf_json(&json, buf_view(&text));
	}
	if (n % 11 != 0)
	{
		text.n = 0;
		buf_printf(&text, "%s-%s-%06u-deployment", app_name, name.p, suffix);
		buf_puts(&json, ",\"deploymentArtifacts\":");
		buf_json(&json, buf_view(&text));
	}
	put_time(&json, "createTime", n);
	put_time(&json, "updateTime", n + 86401);
	if (n % 5 == 0)
		buf_puts(&json, ",\"futureMember\":{\"list\":[1,2.5,null],\"flag\":true}");
	buf_putc(&json, '}');
	node_add(app, K_ENV, name, buf_view(&json));
}

static Node *
make_app(const char *id, const char *name, uint64_t n)
{
	static Buf	json;
	Node	   *node;
	static Buf	arn;
	char		tags[64];

	json.n = 0;
	snprintf(tags, sizeof(tags), "{\"team\":\"team-%u\"}", (unsigned int) (n % 17));
	arn.n = 0;
	buf_printf(&arn, "arn:aws:amplify:%s:%s:apps/%s", options.region,
			   options.account, id);
	put_arn(&json, "{\"appArn\":", id, NULL, buf_view(&arn));
	buf_printf(&json, ",\"appId\":\"%s\",\"name\":\"%s\",\"tags\":%s", id, name, tags);
	if (n % 3 != 0)
		buf_printf(&json, ",\"description\":\"The app \\\"%s\\\"\","
				   "\"repository\":\"https://git.example.com/%s.git\"", name, name);
	put_time(&json, "createTime", n);
	put_time(&json, "updateTime", n + 12345);
	buf_printf(&json, ",\"platform\":\"%s\",\"environmentVariables\":"
			   "{\"_LIVE_UPDATES\":\"[]\",\"STAGE\":\"s%u\"},"
			   "\"defaultDomain\":\"%s.amplifyapp.com\","
			   "\"enableBranchAutoBuild\":false,\"enableBasicAuth\":%s,"
			   "\"customRules\":[{\"source\":\"/<*>\",\"target\":\"/index.html\","
			   "\"status\":\"404-200\"}],\"productionBranch\":{\"lastDeployTime\":%d.402,"
			   "\"status\":\"SUCCEED\",\"branchName\":\"main\"},"
			   "\"buildSpec\":\"version: 1\\nfrontend:\\n  phases:\\n    build:\\n"
			   "      commands:\\n        - make all\\n\"}",
			   n % 2 ? "WEB" : "WEB_COMPUTE", (unsigned int) (n % 9), id,
			   n % 4 ? "false" : "true", FIRST_TIME);
	node = node_add(&data_root, K_APP, slice(id), buf_view(&json));
	node_set_tags(node, buf_view(&arn), slice(tags));
	return node;
}

static void
make_job(Node *branch, const char *app, long j, uint64_t n)
{
	Buf			json = {0};
	Buf			full = {0};
	Buf			file = {0};
	char		id[16];
	Node	   *job;
	Node	   *artifact;

	snprintf(id, sizeof(id), "%ld", j);
	buf_printf(&json, "{\"jobArn\":\"arn:aws:amplify:%s:%s:apps/%s/branches/"
			   "%s/jobs/%010ld\",\"jobId\":\"%s\",\"commitId\":\"%016llx\","
			   "\"commitMessage\":\"Change %s\",\"status\":\"SUCCEED\",\"jobType\":\"RELEASE\"",
			   options.region, options.account, app, branch->name.p, j, id,
			   (unsigned long long) n, id);
	put_time(&json, "commitTime", n);
	put_time(&json, "startTime", n + 60);
	put_time(&json, "endTime", n + 200);
	buf_putc(&json, '}');
	job = node_add(branch, K_JOB, slice(id), buf_view(&json));
	buf_printf(&full, "{\"summary\":%s,\"steps\":[{\"stepName\":\"BUILD\","
			   "\"status\":\"SUCCEED\"", json.p);
	put_time(&full, "startTime", n + 61);
	put_time(&full, "endTime", n + 199);
	buf_puts(&full, ",\"screenshots\":{}}]}");
	node_set_full(job, buf_view(&full));
	json.n = file.n = full.n = 0;
	buf_printf(&file, "%s/%s/%s/BUILD/log.txt", app, branch->name.p, id);
	buf_printf(&json, "{\"artifactFileName\":\"log.txt\",\"artifactId\":\"%s\"}",
			   file.p);
	artifact = node_add(job, K_ARTIFACT, buf_view(&file), buf_view(&json));
	buf_printf(&full, "{\"artifactId\":\"%s\",\"artifactUrl\":"
			   "\"https://artifacts.example.com/%s\"}",
			   file.p, file.p);
	node_set_full(artifact, buf_view(&full));
	buf_free(&json);
	buf_free(&full);
	buf_free(&file);
}

/*
 * env is the environment that it deploys, or none.  As AWS does, what is empty
 * is left out, and the active job's number is filled up with zeros.
 */
static void
make_branch(Node *app, const char *name, Slice env, uint64_t n)
{
	Buf			json = {0};
	Node	   *node;

	put_arn(&json, "{\"branchArn\":", app->name.p, "branches", slice(name));
	buf_printf(&json, ",\"branchName\":\"%s\",\"stage\":\"%s\","
			   "\"displayName\":\"%s\",\"enableNotification\":false,"
			   "\"enableAutoBuild\":true,\"framework\":\"React\","
			   "\"activeJobId\":\"0000000002\",\"totalNumberOfJobs\":\"0\","
			   "\"enableBasicAuth\":false,\"ttl\":\"5\",\"enablePullRequestPreview\":false",
			   name, strcmp(name, "main") == 0 ? "PRODUCTION" : "DEVELOPMENT", name);
	put_time(&json, "createTime", n);
	put_time(&json, "updateTime", n + 5000);
	if (env.p != NULL)
		put_arn(&json, ",\"backendEnvironmentArn\":", app->name.p,
				"backendenvironments", env);
	buf_putc(&json, '}');
	node = node_add(app, K_BRANCH, slice(name), buf_view(&json));
	json.n = 0;
	buf_printf(&json, "arn:aws:amplify:%s:%s:apps/%s/branches/%s",
			   options.region, options.account, app->name.p, name);
	node_set_tags(node, buf_view(&json), slice("{}"));
	make_job(node, app->name.p, 1, n);
	make_job(node, app->name.p, 2, n + 1);
	buf_free(&json);
}

static void
make_rest(Node *app, long i, uint64_t n)
{
	const List *envs = node_list(app, K_ENV);
	const Slice none = {NULL, 0};
	Buf			json = {0};
	char		name[64];

	make_branch(app, "main", envs->n > 0 ? envs->item[0]->name : none, n);
	make_branch(app, "develop", envs->n > 1 ? envs->item[1]->name : none, n + 3);
	snprintf(name, sizeof(name), "app%ld.example.com", i);
	put_arn(&json, "{\"domainAssociationArn\":", app->name.p, "domains", slice(name));
	buf_printf(&json, ",\"domainName\":\"%s\",\"enableAutoSubDomain\":false,"
			   "\"domainStatus\":\"AVAILABLE\",\"subDomains\":"
			   "[{\"subDomainSetting\":{%s\"branchName\":\"main\"},"
			   "\"verified\":true,\"dnsRecord\":\"%s CNAME d.example.net\"}]}",
			   name, i % 2 ? "" : "\"prefix\":\"www\",", i % 2 ? "" : "www");
	node_add(app, K_DOMAIN, slice(name), buf_view(&json));
	json.n = 0;
	snprintf(name, sizeof(name), "wh-%ld", i);
	put_arn(&json, "{\"webhookArn\":", app->name.p, "webhooks", slice(name));
	buf_printf(&json, ",\"webhookId\":\"%s\",\"webhookUrl\":"
			   "\"https://webhooks.example.com/%s\","
			   "\"appId\":\"%s\",\"branchName\":\"main\"",
			   name, name, app->name.p);
	put_time(&json, "createTime", n);
	put_time(&json, "updateTime", n);
	buf_putc(&json, '}');
	node_add(app, K_WEBHOOK, slice(name), buf_view(&json));
	buf_free(&json);
}

void
generate_data(long apps, long envs, long seed, bool odd_names)
{
	Buf			name = {0};

	for (long i = 1; i <= apps; i++)
	{
		char		id[32];
		char		app_name[32];
		Node	   *app;

		snprintf(id, sizeof(id), "d%011ld", i);
		snprintf(app_name, sizeof(app_name), "app%ld", i);
		app = make_app(id, app_name, number(seed, i, 0));
		for (long j = 1; j <= envs; j++)
		{
			env_name(&name, j, odd_names && i % 5 == 0);
			make_env(app, app_name, buf_view(&name), number(seed, i, j));
		}
		make_rest(app, i, number(seed, i, 0));
	}
	buf_free(&name);
}
