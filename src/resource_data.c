/*-------------------------------------------------------------------------
 *
 * resource_data.c
 *	  What Amplify has: resources, their columns and operations, as data.
 *
 * A new resource is a new set of rows here and nothing else in C.  The tables
 * hold no behaviour: how they are read is in resource.c, how a call is made,
 * paged or retried in call.c, stream.c and fetch.c, how a value is read in
 * page.c.
 *
 * Which columns a request needs is not written twice: it is the set of
 * {placeholders} in the operation's path, and placeholders are column names.
 *
 * Columns are named as the members are, in snake_case.  A nested object is a
 * column of jsonb, and what of it is often asked for is one more column.
 * Sensitive is what holds a secret or gives access to something: passwords,
 * environment variables, build commands, URLs that carry their own signature.
 *
 * Source: the service model of Amplify, API version 2017-07-25.
 *
 * src/resource_data.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "amplify_fdw.h"

/* What most tables begin and end with */
#define APP_ID_OF_REQUEST \
	{"app_id", NULL, AMPLIFY_TEXT, AMPLIFY_KEY, AMPLIFY_APP_ID}
#define BRANCH_NAME_OF_REQUEST \
	{"branch_name", NULL, AMPLIFY_TEXT, AMPLIFY_KEY, AMPLIFY_NAME}
#define REGION \
	{"region", NULL, AMPLIFY_TEXT, AMPLIFY_REGION, AMPLIFY_REGION_NAME}
#define ACCOUNT_ID \
	{"account_id", NULL, AMPLIFY_TEXT, AMPLIFY_ACCOUNT, AMPLIFY_ACCOUNT_ID}

/* ---------- apps ---------- */

static const AmplifyColumn apps_columns[] = {
	{"app_id", "appId", AMPLIFY_TEXT, .key = AMPLIFY_APP_ID},
	{"app_arn", "appArn", AMPLIFY_TEXT, .key = AMPLIFY_ARN},
	{"name", "name", AMPLIFY_TEXT},
	{"description", "description", AMPLIFY_TEXT},
	{"tags", "tags", AMPLIFY_JSON},
	{"repository", "repository", AMPLIFY_TEXT},
	{"repository_clone_method", "repositoryCloneMethod", AMPLIFY_TEXT},
	{"platform", "platform", AMPLIFY_TEXT},
	{"create_time", "createTime", AMPLIFY_TIMESTAMP},
	{"update_time", "updateTime", AMPLIFY_TIMESTAMP},
	{"webhook_create_time", "webhookCreateTime", AMPLIFY_TIMESTAMP},
	{"iam_service_role_arn", "iamServiceRoleArn", AMPLIFY_TEXT},
	{"compute_role_arn", "computeRoleArn", AMPLIFY_TEXT},
	{"environment_variables", "environmentVariables", AMPLIFY_JSON, .sensitive = true},
	{"default_domain", "defaultDomain", AMPLIFY_TEXT},
	{"enable_branch_auto_build", "enableBranchAutoBuild", AMPLIFY_BOOLEAN},
	{"enable_branch_auto_deletion", "enableBranchAutoDeletion", AMPLIFY_BOOLEAN},
	{"enable_basic_auth", "enableBasicAuth", AMPLIFY_BOOLEAN},
	{"basic_auth_credentials", "basicAuthCredentials", AMPLIFY_TEXT, .sensitive = true},
	{"custom_rules", "customRules", AMPLIFY_JSON},
	{"custom_headers", "customHeaders", AMPLIFY_TEXT},
	{"build_spec", "buildSpec", AMPLIFY_TEXT, .sensitive = true},
	{"production_branch", "productionBranch", AMPLIFY_JSON, .sensitive = true},
	{"production_branch_name", "productionBranch.branchName", AMPLIFY_TEXT},
	{"production_branch_status", "productionBranch.status", AMPLIFY_TEXT},
	{"production_branch_last_deploy_time", "productionBranch.lastDeployTime", AMPLIFY_TIMESTAMP},
	{"production_branch_thumbnail_url", "productionBranch.thumbnailUrl", AMPLIFY_TEXT, .sensitive = true},
	{"enable_auto_branch_creation", "enableAutoBranchCreation", AMPLIFY_BOOLEAN},
	{"auto_branch_creation_patterns", "autoBranchCreationPatterns", AMPLIFY_JSON},
	{"auto_branch_creation_config", "autoBranchCreationConfig", AMPLIFY_JSON, .sensitive = true},
	{"cache_config", "cacheConfig", AMPLIFY_JSON},
	{"cache_config_type", "cacheConfig.type", AMPLIFY_TEXT},
	{"waf_configuration", "wafConfiguration", AMPLIFY_JSON},
	{"waf_web_acl_arn", "wafConfiguration.webAclArn", AMPLIFY_TEXT},
	{"waf_status", "wafConfiguration.wafStatus", AMPLIFY_TEXT},
	{"job_config", "jobConfig", AMPLIFY_JSON},
	{"job_config_build_compute_type", "jobConfig.buildComputeType", AMPLIFY_TEXT},
	REGION,
	ACCOUNT_ID,
};

static const AmplifyOperation get_app = {
	"GetApp", "/apps/{app_id}",
	"app", false
};
static const AmplifyOperation list_apps = {
	"ListApps", "/apps",
	"apps", true, 100
};

static const AmplifyResource apps = {
	"apps", apps_columns, lengthof(apps_columns),
	{"app_id"},
	&get_app, &list_apps, NULL,
	"apps/{app_id}",
	25
};

/* ---------- backend_environments ---------- */

static const AmplifyColumn backend_environments_columns[] = {
	APP_ID_OF_REQUEST,
	{"environment_name", "environmentName", AMPLIFY_TEXT, .key = AMPLIFY_NAME},
	{"backend_environment_arn", "backendEnvironmentArn", AMPLIFY_TEXT, .key = AMPLIFY_ARN},
	{"stack_name", "stackName", AMPLIFY_TEXT},
	{"deployment_artifacts", "deploymentArtifacts", AMPLIFY_TEXT},
	{"create_time", "createTime", AMPLIFY_TIMESTAMP},
	{"update_time", "updateTime", AMPLIFY_TIMESTAMP},
	REGION,
	ACCOUNT_ID,
};

static const AmplifyOperation get_backend_environment = {
	"GetBackendEnvironment",
	"/apps/{app_id}/backendenvironments/{environment_name}",
	"backendEnvironment", false
};
static const AmplifyOperation list_backend_environments = {
	"ListBackendEnvironments", "/apps/{app_id}/backendenvironments",
	"backendEnvironments", true, 50, "environmentName"
};

static const AmplifyResource backend_environments = {
	"backend_environments", backend_environments_columns,
	lengthof(backend_environments_columns),
	{"app_id", "environment_name"},
	&get_backend_environment, &list_backend_environments, &apps,
	"apps/{app_id}/backendenvironments/{environment_name}",
	4
};

/* ---------- branches ---------- */

static const AmplifyColumn branches_columns[] = {
	APP_ID_OF_REQUEST,
	{"branch_name", "branchName", AMPLIFY_TEXT, .key = AMPLIFY_NAME},
	{"branch_arn", "branchArn", AMPLIFY_TEXT, .key = AMPLIFY_ARN},
	{"display_name", "displayName", AMPLIFY_TEXT},
	{"description", "description", AMPLIFY_TEXT},
	{"tags", "tags", AMPLIFY_JSON},
	{"stage", "stage", AMPLIFY_TEXT},
	{"framework", "framework", AMPLIFY_TEXT},
	{"create_time", "createTime", AMPLIFY_TIMESTAMP},
	{"update_time", "updateTime", AMPLIFY_TIMESTAMP},
	{"active_job_id", "activeJobId", AMPLIFY_JOB_NUMBER},
	{"total_number_of_jobs", "totalNumberOfJobs", AMPLIFY_TEXT},
	{"backend_environment_arn", "backendEnvironmentArn", AMPLIFY_TEXT},
	{"backend", "backend", AMPLIFY_JSON},
	{"backend_stack_arn", "backend.stackArn", AMPLIFY_TEXT},
	{"compute_role_arn", "computeRoleArn", AMPLIFY_TEXT},
	{"environment_variables", "environmentVariables", AMPLIFY_JSON, .sensitive = true},
	{"enable_auto_build", "enableAutoBuild", AMPLIFY_BOOLEAN},
	{"enable_notification", "enableNotification", AMPLIFY_BOOLEAN},
	{"enable_performance_mode", "enablePerformanceMode", AMPLIFY_BOOLEAN},
	{"enable_skew_protection", "enableSkewProtection", AMPLIFY_BOOLEAN},
	{"enable_basic_auth", "enableBasicAuth", AMPLIFY_BOOLEAN},
	{"basic_auth_credentials", "basicAuthCredentials", AMPLIFY_TEXT, .sensitive = true},
	{"build_spec", "buildSpec", AMPLIFY_TEXT, .sensitive = true},
	{"ttl", "ttl", AMPLIFY_TEXT},
	{"custom_domains", "customDomains", AMPLIFY_JSON},
	{"associated_resources", "associatedResources", AMPLIFY_JSON},
	{"thumbnail_url", "thumbnailUrl", AMPLIFY_TEXT, .sensitive = true},
	{"enable_pull_request_preview", "enablePullRequestPreview", AMPLIFY_BOOLEAN},
	{"pull_request_environment_name", "pullRequestEnvironmentName", AMPLIFY_TEXT},
	{"source_branch", "sourceBranch", AMPLIFY_TEXT},
	{"destination_branch", "destinationBranch", AMPLIFY_TEXT},
	REGION,
	ACCOUNT_ID,
};

static const AmplifyOperation get_branch = {
	"GetBranch", "/apps/{app_id}/branches/{branch_name}",
	"branch", false
};
static const AmplifyOperation list_branches = {
	"ListBranches", "/apps/{app_id}/branches",
	"branches", true, 50
};

static const AmplifyResource branches = {
	"branches", branches_columns, lengthof(branches_columns),
	{"app_id", "branch_name"},
	&get_branch, &list_branches, &apps,
	"apps/{app_id}/branches/{branch_name}",
	5
};

/* ---------- domain_associations ---------- */

static const AmplifyColumn domain_associations_columns[] = {
	APP_ID_OF_REQUEST,
	{"domain_name", "domainName", AMPLIFY_TEXT, .key = AMPLIFY_DOMAIN},
	{"domain_association_arn", "domainAssociationArn", AMPLIFY_TEXT, .key = AMPLIFY_ARN},
	{"domain_status", "domainStatus", AMPLIFY_TEXT},
	{"status_reason", "statusReason", AMPLIFY_TEXT},
	{"update_status", "updateStatus", AMPLIFY_TEXT},
	{"enable_auto_sub_domain", "enableAutoSubDomain", AMPLIFY_BOOLEAN},
	{"auto_sub_domain_creation_patterns", "autoSubDomainCreationPatterns", AMPLIFY_JSON},
	{"auto_sub_domain_iam_role", "autoSubDomainIAMRole", AMPLIFY_TEXT},
	{"certificate_verification_dns_record", "certificateVerificationDNSRecord", AMPLIFY_TEXT},
	{"certificate", "certificate", AMPLIFY_JSON},
	{"certificate_type", "certificate.type", AMPLIFY_TEXT},
	{"certificate_custom_certificate_arn", "certificate.customCertificateArn", AMPLIFY_TEXT},
	{"sub_domains", "subDomains", AMPLIFY_JSON},
	REGION,
	ACCOUNT_ID,
};

static const AmplifyOperation get_domain_association = {
	"GetDomainAssociation", "/apps/{app_id}/domains/{domain_name}",
	"domainAssociation", false
};
static const AmplifyOperation list_domain_associations = {
	"ListDomainAssociations", "/apps/{app_id}/domains",
	"domainAssociations", true, 50
};

static const AmplifyResource domain_associations = {
	"domain_associations", domain_associations_columns,
	lengthof(domain_associations_columns),
	{"app_id", "domain_name"},
	&get_domain_association, &list_domain_associations, &apps,
	"apps/{app_id}/domains/{domain_name}",
	1
};

/* ---------- sub_domains: an array in each domain association ---------- */

static const AmplifyColumn sub_domains_columns[] = {
	APP_ID_OF_REQUEST,
	{"domain_name", "../domainName", AMPLIFY_TEXT, .key = AMPLIFY_DOMAIN},
	{"domain_association_arn", "../domainAssociationArn", AMPLIFY_TEXT, .key = AMPLIFY_ARN},
	{"sub_domain_setting", "subDomainSetting", AMPLIFY_JSON},
	{"prefix", "subDomainSetting.prefix", AMPLIFY_PREFIX},
	{"branch_name", "subDomainSetting.branchName", AMPLIFY_TEXT},
	{"verified", "verified", AMPLIFY_BOOLEAN},
	{"dns_record", "dnsRecord", AMPLIFY_TEXT},
	REGION,
	ACCOUNT_ID,
};

static const AmplifyOperation get_sub_domains = {
	"GetDomainAssociation", "/apps/{app_id}/domains/{domain_name}",
	"domainAssociation.subDomains", true
};
static const AmplifyOperation list_sub_domains = {
	"ListDomainAssociations", "/apps/{app_id}/domains",
	"domainAssociations[].subDomains", true, 50
};

static const AmplifyResource sub_domains = {
	"sub_domains", sub_domains_columns, lengthof(sub_domains_columns),
	{"app_id", "domain_name"},
	&get_sub_domains, &list_sub_domains, &apps,
	"apps/{app_id}/domains/{domain_name}",
	3
};

/* ---------- jobs ---------- */

static const AmplifyColumn jobs_columns[] = {
	APP_ID_OF_REQUEST,
	BRANCH_NAME_OF_REQUEST,
	{"job_id", "jobId", AMPLIFY_JOB_NUMBER, .key = AMPLIFY_JOB_ID},
	{"job_arn", "jobArn", AMPLIFY_TEXT, .key = AMPLIFY_ARN},
	{"job_type", "jobType", AMPLIFY_TEXT},
	{"status", "status", AMPLIFY_TEXT},
	{"commit_id", "commitId", AMPLIFY_TEXT},
	{"commit_message", "commitMessage", AMPLIFY_TEXT},
	{"commit_time", "commitTime", AMPLIFY_TIMESTAMP},
	{"start_time", "startTime", AMPLIFY_TIMESTAMP},
	{"end_time", "endTime", AMPLIFY_TIMESTAMP},
	{"source_url", "sourceUrl", AMPLIFY_TEXT, .sensitive = true},
	{"source_url_type", "sourceUrlType", AMPLIFY_TEXT},
	REGION,
	ACCOUNT_ID,
};

static const AmplifyOperation get_job = {
	"GetJob", "/apps/{app_id}/branches/{branch_name}/jobs/{job_id}",
	"job.summary", false
};
static const AmplifyOperation list_jobs = {
	"ListJobs", "/apps/{app_id}/branches/{branch_name}/jobs",
	"jobSummaries", true, 50
};

static const AmplifyResource jobs = {
	"jobs", jobs_columns, lengthof(jobs_columns),
	{"app_id", "branch_name", "job_id"},
	&get_job, &list_jobs, &branches,
	"apps/{app_id}/branches/{branch_name}/jobs/{job_id}",
	20
};

/* ---------- job_steps: an array inside each job, in GetJob only ---------- */

static const AmplifyColumn job_steps_columns[] = {
	APP_ID_OF_REQUEST,
	BRANCH_NAME_OF_REQUEST,
	{"job_id", "../summary.jobId", AMPLIFY_JOB_NUMBER, .key = AMPLIFY_JOB_ID},
	{"job_arn", "../summary.jobArn", AMPLIFY_TEXT, .key = AMPLIFY_ARN},
	{"step_name", "stepName", AMPLIFY_TEXT},
	{"status", "status", AMPLIFY_TEXT},
	{"status_reason", "statusReason", AMPLIFY_TEXT},
	{"start_time", "startTime", AMPLIFY_TIMESTAMP},
	{"end_time", "endTime", AMPLIFY_TIMESTAMP},
	{"context", "context", AMPLIFY_TEXT},
	{"log_url", "logUrl", AMPLIFY_TEXT, .sensitive = true},
	{"artifacts_url", "artifactsUrl", AMPLIFY_TEXT, .sensitive = true},
	{"test_artifacts_url", "testArtifactsUrl", AMPLIFY_TEXT, .sensitive = true},
	{"test_config_url", "testConfigUrl", AMPLIFY_TEXT, .sensitive = true},
	{"screenshots", "screenshots", AMPLIFY_JSON, .sensitive = true},
	REGION,
	ACCOUNT_ID,
};

static const AmplifyOperation list_job_steps = {
	"GetJob", "/apps/{app_id}/branches/{branch_name}/jobs/{job_id}",
	"job.steps", true
};

static const AmplifyResource job_steps = {
	"job_steps", job_steps_columns, lengthof(job_steps_columns),
	{"app_id", "branch_name", "job_id"},
	NULL, &list_job_steps, &jobs,
	"apps/{app_id}/branches/{branch_name}/jobs/{job_id}",
	3
};

/* ---------- artifacts: without an ARN ---------- */

static const AmplifyColumn artifacts_columns[] = {
	APP_ID_OF_REQUEST,
	BRANCH_NAME_OF_REQUEST,
	{"job_id", NULL, AMPLIFY_JOB_NUMBER, AMPLIFY_KEY, AMPLIFY_JOB_ID},
	{"artifact_id", "artifactId", AMPLIFY_TEXT},
	{"artifact_file_name", "artifactFileName", AMPLIFY_TEXT},
	REGION,
	ACCOUNT_ID,
};

static const AmplifyOperation list_artifacts = {
	"ListArtifacts",
	"/apps/{app_id}/branches/{branch_name}/jobs/{job_id}/artifacts",
	"artifacts", true, 50
};

static const AmplifyResource artifacts = {
	"artifacts", artifacts_columns, lengthof(artifacts_columns),
	{"app_id", "branch_name", "job_id"},
	NULL, &list_artifacts, &jobs,
	NULL,
	2
};

/*
 * ---------- artifact_urls ----------
 *
 * A resource of its own and not a column of artifacts, because each costs a
 * call and is a signed URL: who wants some joins the two.
 */

static const AmplifyColumn artifact_urls_columns[] = {
	{"artifact_id", "artifactId", AMPLIFY_TEXT, .key = AMPLIFY_NAME},
	{"artifact_url", "artifactUrl", AMPLIFY_TEXT, .sensitive = true},
	REGION,
	ACCOUNT_ID,
};

static const AmplifyOperation get_artifact_url = {
	"GetArtifactUrl", "/artifacts/{artifact_id}",
	NULL, false
};

static const AmplifyResource artifact_urls = {
	"artifact_urls", artifact_urls_columns, lengthof(artifact_urls_columns),
	{"artifact_id"},
	&get_artifact_url, &get_artifact_url, &artifacts,
	NULL,
	1, .sensitive = true
};

/* ---------- webhooks ---------- */

static const AmplifyColumn webhooks_columns[] = {
	{"app_id", "appId", AMPLIFY_TEXT, AMPLIFY_KEY, AMPLIFY_APP_ID},
	{"webhook_id", "webhookId", AMPLIFY_TEXT, .key = AMPLIFY_NAME},
	{"webhook_arn", "webhookArn", AMPLIFY_TEXT, .key = AMPLIFY_ARN},
	{"webhook_url", "webhookUrl", AMPLIFY_TEXT, .sensitive = true},
	{"branch_name", "branchName", AMPLIFY_TEXT},
	{"description", "description", AMPLIFY_TEXT},
	{"create_time", "createTime", AMPLIFY_TIMESTAMP},
	{"update_time", "updateTime", AMPLIFY_TIMESTAMP},
	REGION,
	ACCOUNT_ID,
};

static const AmplifyOperation get_webhook = {
	"GetWebhook", "/webhooks/{webhook_id}",
	"webhook", false
};
static const AmplifyOperation list_webhooks = {
	"ListWebhooks", "/apps/{app_id}/webhooks",
	"webhooks", true, 50
};

static const AmplifyResource webhooks = {
	"webhooks", webhooks_columns, lengthof(webhooks_columns),
	{"app_id", "webhook_id"},
	&get_webhook, &list_webhooks, &apps,
	"apps/{app_id}/webhooks/{webhook_id}",
	2
};

/* Those that a foreign table can show; a parent stands above its children */
const AmplifyResource *const amplify_resources[] = {
	&apps,
	&backend_environments,
	&branches,
	&domain_associations,
	&sub_domains,
	&jobs,
	&job_steps,
	&artifacts,
	&artifact_urls,
	&webhooks,
	NULL
};
