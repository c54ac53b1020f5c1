/*-------------------------------------------------------------------------
 *
 * resource_data.c
 *	  What Amplify has: resources, their columns and operations, as data.
 *
 * A new resource is a new set of rows here and nothing else in C, unless the
 * API gets a key that it hasn't had (AmplifyKey).  The tables hold no
 * behaviour: how they are read is in resource.c, how a call is made, paged or
 * retried in call.c, stream.c and fetch.c, how a value is read in response.c.
 *
 * Which keys a request needs is not written twice: it is the set of
 * {placeholders} in the operation's path, which are names of key columns.
 * amplify_resource_init() finds them, which is why the tables are not const.
 *
 * Columns are named as the members are, in snake_case.  A nested object is a
 * column of jsonb, and what of it is often asked for is one more column.
 * Sensitive is what holds a secret or gives access to something: passwords,
 * environment variables, build commands, URLs that carry their own signature.
 *
 * Source: the service model of Amplify, API version 2017-07-25.
 *
 * src/model/resource_data.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "model/amplify_model.h"

/* What most tables begin and end with */
#define APP_ID_OF_REQUEST(meaning) \
	{"app_id", NULL, AMPLIFY_TEXT, AMPLIFY_KEY, AMPLIFY_APP_ID, false, meaning}
#define BRANCH_NAME_OF_REQUEST(meaning) \
	{"branch_name", NULL, AMPLIFY_TEXT, AMPLIFY_KEY, AMPLIFY_NAME, false, meaning}
#define REGION \
	{"region", NULL, AMPLIFY_TEXT, AMPLIFY_REGION, AMPLIFY_REGION_NAME, false, \
	"AWS region, that of the server."}
#define ACCOUNT_ID \
	{"account_id", NULL, AMPLIFY_TEXT, AMPLIFY_ACCOUNT, AMPLIFY_ACCOUNT_ID, false, \
	"Number of the AWS account, that of the server or of the ARN."}

/* ---------- apps ---------- */

static const AmplifyColumn apps_columns[] = {
	{"app_id", "appId", AMPLIFY_TEXT, .key = AMPLIFY_APP_ID,
	.meaning = "Identifier of the app, such as d1a2b3c4d5."},
	{"app_arn", "appArn", AMPLIFY_TEXT, .key = AMPLIFY_ARN,
	.meaning = "ARN of the app."},
	{"name", "name", AMPLIFY_TEXT,
	.meaning = "Name of the app."},
	{"description", "description", AMPLIFY_TEXT,
	.meaning = "Description of the app."},
	{"tags", "tags", AMPLIFY_JSON,
	.meaning = "Tags of the app, as an object."},
	{"repository", "repository", AMPLIFY_TEXT,
	.meaning = "URL of the Git repository that the app is built from."},
	{"repository_clone_method", "repositoryCloneMethod", AMPLIFY_TEXT,
	.meaning = "How the repository is cloned: TOKEN, SSH or SIGV4."},
	{"platform", "platform", AMPLIFY_TEXT,
	.meaning = "What the app runs on: WEB for static sites, WEB_COMPUTE for server-side rendering, WEB_DYNAMIC for the older form of that."},
	{"create_time", "createTime", AMPLIFY_TIMESTAMP,
	.meaning = "When the app was created."},
	{"update_time", "updateTime", AMPLIFY_TIMESTAMP,
	.meaning = "When the app was last changed."},
	{"webhook_create_time", "webhookCreateTime", AMPLIFY_TIMESTAMP,
	.meaning = "When the webhook of the repository was created."},
	{"iam_service_role_arn", "iamServiceRoleArn", AMPLIFY_TEXT,
	.meaning = "ARN of the IAM role that Amplify builds and deploys the app with."},
	{"compute_role_arn", "computeRoleArn", AMPLIFY_TEXT,
	.meaning = "ARN of the IAM role that server-side code of the app runs as."},
	{"environment_variables", "environmentVariables", AMPLIFY_JSON, .sensitive = true,
	.meaning = "Environment variables of the app, as an object; they often hold secrets."},
	{"default_domain", "defaultDomain", AMPLIFY_TEXT,
	.meaning = "Domain under which Amplify serves the branches of the app."},
	{"enable_branch_auto_build", "enableBranchAutoBuild", AMPLIFY_BOOLEAN,
	.meaning = "Whether branches are built on each push unless they say otherwise."},
	{"enable_branch_auto_deletion", "enableBranchAutoDeletion", AMPLIFY_BOOLEAN,
	.meaning = "Whether a branch is disconnected when it is deleted in the repository."},
	{"enable_basic_auth", "enableBasicAuth", AMPLIFY_BOOLEAN,
	.meaning = "Whether visitors of the app need a user name and a password."},
	{"basic_auth_credentials", "basicAuthCredentials", AMPLIFY_TEXT, .sensitive = true,
	.meaning = "That user name and password, encoded in Base64."},
	{"custom_rules", "customRules", AMPLIFY_JSON,
	.meaning = "Redirects and rewrites of URLs, as an array."},
	{"custom_headers", "customHeaders", AMPLIFY_TEXT,
	.meaning = "HTTP headers that the app is served with, in YAML."},
	{"build_spec", "buildSpec", AMPLIFY_TEXT, .sensitive = true,
	.meaning = "Build specification of the app, in YAML."},
	{"production_branch", "productionBranch", AMPLIFY_JSON, .sensitive = true,
	.meaning = "The production branch, as an object."},
	{"production_branch_name", "productionBranch.branchName", AMPLIFY_TEXT,
	.meaning = "Name of the production branch."},
	{"production_branch_status", "productionBranch.status", AMPLIFY_TEXT,
	.meaning = "Status of the latest deployment of the production branch."},
	{"production_branch_last_deploy_time", "productionBranch.lastDeployTime", AMPLIFY_TIMESTAMP,
	.meaning = "When the production branch was last deployed."},
	{"production_branch_thumbnail_url", "productionBranch.thumbnailUrl", AMPLIFY_TEXT, .sensitive = true,
	.meaning = "Signed URL of a picture of the production branch."},
	{"enable_auto_branch_creation", "enableAutoBranchCreation", AMPLIFY_BOOLEAN,
	.meaning = "Whether branches that match a pattern are connected by themselves."},
	{"auto_branch_creation_patterns", "autoBranchCreationPatterns", AMPLIFY_JSON,
	.meaning = "Patterns of the names of branches that are connected by themselves, as an array."},
	{"auto_branch_creation_config", "autoBranchCreationConfig", AMPLIFY_JSON, .sensitive = true,
	.meaning = "Settings of branches that are connected by themselves, as an object; it may hold secrets."},
	{"cache_config", "cacheConfig", AMPLIFY_JSON,
	.meaning = "What of the app is cached, as an object."},
	{"cache_config_type", "cacheConfig.type", AMPLIFY_TEXT,
	.meaning = "How responses are cached: AMPLIFY_MANAGED, or AMPLIFY_MANAGED_NO_COOKIES."},
	{"waf_configuration", "wafConfiguration", AMPLIFY_JSON,
	.meaning = "The web application firewall of the app, as an object."},
	{"waf_web_acl_arn", "wafConfiguration.webAclArn", AMPLIFY_TEXT,
	.meaning = "ARN of the access control list of that firewall."},
	{"waf_status", "wafConfiguration.wafStatus", AMPLIFY_TEXT,
	.meaning = "Status of that firewall."},
	{"job_config", "jobConfig", AMPLIFY_JSON,
	.meaning = "How jobs of the app are run, as an object."},
	{"job_config_build_compute_type", "jobConfig.buildComputeType", AMPLIFY_TEXT,
	.meaning = "Size of the machine that builds the app."},
	REGION,
	ACCOUNT_ID,
};

static AmplifyOperation get_app = {
	"GetApp", "/apps/{app_id}",
	"app", false
};
static AmplifyOperation list_apps = {
	"ListApps", "/apps",
	"apps", true, 100
};

static AmplifyResource apps = {
	"apps", apps_columns, lengthof(apps_columns),
	&get_app, &list_apps, NULL,
	"apps/{app_id}",
	1000,						/* AWS's quota of 25 is raised on request */
	.meaning = "An app of Amplify Hosting, of either generation."
};

/* ---------- backend_environments ---------- */

static const AmplifyColumn backend_environments_columns[] = {
	APP_ID_OF_REQUEST("Identifier of the app that the environment belongs to."),
	{"environment_name", "environmentName", AMPLIFY_TEXT, .key = AMPLIFY_NAME,
	.meaning = "Name of the environment, such as dev or prod."},
	{"backend_environment_arn", "backendEnvironmentArn", AMPLIFY_TEXT, .key = AMPLIFY_ARN,
	.meaning = "ARN of the environment."},
	{"stack_name", "stackName", AMPLIFY_TEXT,
	.meaning = "Name of the CloudFormation stack that holds the environment."},
	{"deployment_artifacts", "deploymentArtifacts", AMPLIFY_TEXT,
	.meaning = "Name of the S3 bucket that holds the deployment artifacts."},
	{"create_time", "createTime", AMPLIFY_TIMESTAMP,
	.meaning = "When the environment was created."},
	{"update_time", "updateTime", AMPLIFY_TIMESTAMP,
	.meaning = "When the environment was last changed."},
	REGION,
	ACCOUNT_ID,
};

static AmplifyOperation get_backend_environment = {
	"GetBackendEnvironment",
	"/apps/{app_id}/backendenvironments/{environment_name}",
	"backendEnvironment", false
};
static AmplifyOperation list_backend_environments = {
	"ListBackendEnvironments", "/apps/{app_id}/backendenvironments",
	"backendEnvironments", true, 50, "environmentName"
};

static AmplifyResource backend_environments = {
	"backend_environments", backend_environments_columns,
	lengthof(backend_environments_columns),
	&get_backend_environment, &list_backend_environments, &apps,
	"apps/{app_id}/backendenvironments/{environment_name}",
	4,
	.meaning = "A backend environment of a Gen 1 app; apps of Gen 2 have none."
};

/* ---------- branches ---------- */

static const AmplifyColumn branches_columns[] = {
	APP_ID_OF_REQUEST("Identifier of the app that the branch belongs to."),
	{"branch_name", "branchName", AMPLIFY_TEXT, .key = AMPLIFY_NAME,
	.meaning = "Name of the branch."},
	{"branch_arn", "branchArn", AMPLIFY_TEXT, .key = AMPLIFY_ARN,
	.meaning = "ARN of the branch."},
	{"display_name", "displayName", AMPLIFY_TEXT,
	.meaning = "Name of the branch in its default domain."},
	{"description", "description", AMPLIFY_TEXT,
	.meaning = "Description of the branch."},
	{"tags", "tags", AMPLIFY_JSON,
	.meaning = "Tags of the branch, as an object."},
	{"stage", "stage", AMPLIFY_TEXT,
	.meaning = "What the branch is for: PRODUCTION, BETA, DEVELOPMENT, EXPERIMENTAL or PULL_REQUEST."},
	{"framework", "framework", AMPLIFY_TEXT,
	.meaning = "Framework of the app, as Amplify has found it."},
	{"create_time", "createTime", AMPLIFY_TIMESTAMP,
	.meaning = "When the branch was created."},
	{"update_time", "updateTime", AMPLIFY_TIMESTAMP,
	.meaning = "When the branch was last changed."},
	{"active_job_id", "activeJobId", AMPLIFY_JOB_NUMBER,
	.meaning = "Number of the job whose result is deployed."},
	{"total_number_of_jobs", "totalNumberOfJobs", AMPLIFY_TEXT,
	.meaning = "How many jobs the branch has had."},
	{"backend_environment_arn", "backendEnvironmentArn", AMPLIFY_TEXT,
	.meaning = "ARN of the backend environment that the branch of a Gen 1 app uses."},
	{"backend", "backend", AMPLIFY_JSON,
	.meaning = "Backend of the branch of a Gen 2 app, as an object."},
	{"backend_stack_arn", "backend.stackArn", AMPLIFY_TEXT,
	.meaning = "ARN of the CloudFormation stack of that backend; it is not null for a branch of a Gen 2 app with a backend."},
	{"compute_role_arn", "computeRoleArn", AMPLIFY_TEXT,
	.meaning = "ARN of the IAM role that server-side code of the branch runs as."},
	{"environment_variables", "environmentVariables", AMPLIFY_JSON, .sensitive = true,
	.meaning = "Environment variables of the branch, as an object; they often hold secrets."},
	{"enable_auto_build", "enableAutoBuild", AMPLIFY_BOOLEAN,
	.meaning = "Whether each push to the branch starts a build."},
	{"enable_notification", "enableNotification", AMPLIFY_BOOLEAN,
	.meaning = "Whether e-mails tell of its builds."},
	{"enable_performance_mode", "enablePerformanceMode", AMPLIFY_BOOLEAN,
	.meaning = "Whether the branch is cached for longer."},
	{"enable_skew_protection", "enableSkewProtection", AMPLIFY_BOOLEAN,
	.meaning = "Whether clients are served by the deployment that they have started with."},
	{"enable_basic_auth", "enableBasicAuth", AMPLIFY_BOOLEAN,
	.meaning = "Whether visitors of the branch need a user name and a password."},
	{"basic_auth_credentials", "basicAuthCredentials", AMPLIFY_TEXT, .sensitive = true,
	.meaning = "That user name and password, encoded in Base64."},
	{"build_spec", "buildSpec", AMPLIFY_TEXT, .sensitive = true,
	.meaning = "Build specification of the branch, in YAML."},
	{"ttl", "ttl", AMPLIFY_TEXT,
	.meaning = "How long its content is cached, in seconds."},
	{"custom_domains", "customDomains", AMPLIFY_JSON,
	.meaning = "Custom domains of the branch, as an array."},
	{"associated_resources", "associatedResources", AMPLIFY_JSON,
	.meaning = "ARNs of other resources that belong to the branch, as an array."},
	{"thumbnail_url", "thumbnailUrl", AMPLIFY_TEXT, .sensitive = true,
	.meaning = "Signed URL of a picture of the branch."},
	{"enable_pull_request_preview", "enablePullRequestPreview", AMPLIFY_BOOLEAN,
	.meaning = "Whether pull requests against the branch get a preview."},
	{"pull_request_environment_name", "pullRequestEnvironmentName", AMPLIFY_TEXT,
	.meaning = "Name of the backend environment of those previews."},
	{"source_branch", "sourceBranch", AMPLIFY_TEXT,
	.meaning = "The branch that a preview of a pull request is made from."},
	{"destination_branch", "destinationBranch", AMPLIFY_TEXT,
	.meaning = "The branch that the pull request of a preview goes to."},
	REGION,
	ACCOUNT_ID,
};

static AmplifyOperation get_branch = {
	"GetBranch", "/apps/{app_id}/branches/{branch_name}",
	"branch", false
};
static AmplifyOperation list_branches = {
	"ListBranches", "/apps/{app_id}/branches",
	"branches", true, 50
};

static AmplifyResource branches = {
	"branches", branches_columns, lengthof(branches_columns),
	&get_branch, &list_branches, &apps,
	"apps/{app_id}/branches/{branch_name}",
	5,
	.meaning = "A branch of an app that Amplify builds and serves."
};

/* ---------- domain_associations ---------- */

static const AmplifyColumn domain_associations_columns[] = {
	APP_ID_OF_REQUEST("Identifier of the app that the domain is connected to."),
	{"domain_name", "domainName", AMPLIFY_TEXT, .key = AMPLIFY_DOMAIN,
	.meaning = "Name of the domain."},
	{"domain_association_arn", "domainAssociationArn", AMPLIFY_TEXT, .key = AMPLIFY_ARN,
	.meaning = "ARN of the association."},
	{"domain_status", "domainStatus", AMPLIFY_TEXT,
	.meaning = "Status of the association, such as AVAILABLE or PENDING_VERIFICATION."},
	{"status_reason", "statusReason", AMPLIFY_TEXT,
	.meaning = "Why the association has this status."},
	{"update_status", "updateStatus", AMPLIFY_TEXT,
	.meaning = "Status of the latest change of the association."},
	{"enable_auto_sub_domain", "enableAutoSubDomain", AMPLIFY_BOOLEAN,
	.meaning = "Whether branches that are connected by themselves get a subdomain."},
	{"auto_sub_domain_creation_patterns", "autoSubDomainCreationPatterns", AMPLIFY_JSON,
	.meaning = "Patterns of the names of branches that get one, as an array."},
	{"auto_sub_domain_iam_role", "autoSubDomainIAMRole", AMPLIFY_TEXT,
	.meaning = "ARN of the IAM role that makes these subdomains."},
	{"certificate_verification_dns_record", "certificateVerificationDNSRecord", AMPLIFY_TEXT,
	.meaning = "DNS record that verifies the certificate."},
	{"certificate", "certificate", AMPLIFY_JSON,
	.meaning = "Certificate of the domain, as an object."},
	{"certificate_type", "certificate.type", AMPLIFY_TEXT,
	.meaning = "Whose certificate it is: AMPLIFY_MANAGED or CUSTOM."},
	{"certificate_custom_certificate_arn", "certificate.customCertificateArn", AMPLIFY_TEXT,
	.meaning = "ARN of the certificate in Certificate Manager, if it is one of your own."},
	{"sub_domains", "subDomains", AMPLIFY_JSON,
	.meaning = "Subdomains of the domain, as an array; table sub_domains has a row for each."},
	REGION,
	ACCOUNT_ID,
};

static AmplifyOperation get_domain_association = {
	"GetDomainAssociation", "/apps/{app_id}/domains/{domain_name}",
	"domainAssociation", false
};
static AmplifyOperation list_domain_associations = {
	"ListDomainAssociations", "/apps/{app_id}/domains",
	"domainAssociations", true, 50
};

static AmplifyResource domain_associations = {
	"domain_associations", domain_associations_columns,
	lengthof(domain_associations_columns),
	&get_domain_association, &list_domain_associations, &apps,
	"apps/{app_id}/domains/{domain_name}",
	1,
	.meaning = "A custom domain that is connected to an app."
};

/* ---------- sub_domains: an array in each domain association ---------- */

static const AmplifyColumn sub_domains_columns[] = {
	APP_ID_OF_REQUEST("Identifier of the app that the domain is connected to."),
	{"domain_name", "../domainName", AMPLIFY_TEXT, .key = AMPLIFY_DOMAIN,
	.meaning = "Name of the domain."},
	{"domain_association_arn", "../domainAssociationArn", AMPLIFY_TEXT, .key = AMPLIFY_ARN,
	.meaning = "ARN of the domain's association."},
	{"sub_domain_setting", "subDomainSetting", AMPLIFY_JSON,
	.meaning = "What the subdomain is called and shows, as an object."},
	{"prefix", "subDomainSetting.prefix", AMPLIFY_PREFIX,
	.meaning = "Name of the subdomain below the domain; empty for the domain itself."},
	{"branch_name", "subDomainSetting.branchName", AMPLIFY_TEXT,
	.meaning = "Name of the branch that the subdomain shows."},
	{"verified", "verified", AMPLIFY_BOOLEAN,
	.meaning = "Whether the DNS record of the subdomain is verified."},
	{"dns_record", "dnsRecord", AMPLIFY_TEXT,
	.meaning = "DNS record that the subdomain needs."},
	REGION,
	ACCOUNT_ID,
};

static AmplifyOperation get_sub_domains = {
	"GetDomainAssociation", "/apps/{app_id}/domains/{domain_name}",
	"domainAssociation.subDomains", true
};
static AmplifyOperation list_sub_domains = {
	"ListDomainAssociations", "/apps/{app_id}/domains",
	"domainAssociations[].subDomains", true, 50
};

static AmplifyResource sub_domains = {
	"sub_domains", sub_domains_columns, lengthof(sub_domains_columns),
	&get_sub_domains, &list_sub_domains, &apps,
	"apps/{app_id}/domains/{domain_name}",
	3,
	.meaning = "A subdomain of a custom domain."
};

/* ---------- jobs ---------- */

static const AmplifyColumn jobs_columns[] = {
	APP_ID_OF_REQUEST("Identifier of the app that the job belongs to."),
	BRANCH_NAME_OF_REQUEST("Name of the branch that the job is of."),
	{"job_id", "jobId", AMPLIFY_JOB_NUMBER, .key = AMPLIFY_JOB_ID,
	.meaning = "Number of the job in its branch."},
	{"job_arn", "jobArn", AMPLIFY_TEXT, .key = AMPLIFY_ARN,
	.meaning = "ARN of the job."},
	{"job_type", "jobType", AMPLIFY_TEXT,
	.meaning = "What has started the job: RELEASE, RETRY, MANUAL or WEB_HOOK."},
	{"status", "status", AMPLIFY_TEXT,
	.meaning = "Status of the job, such as SUCCEED, FAILED or RUNNING."},
	{"commit_id", "commitId", AMPLIFY_TEXT,
	.meaning = "Commit that the job is about."},
	{"commit_message", "commitMessage", AMPLIFY_TEXT,
	.meaning = "Message of that commit."},
	{"commit_time", "commitTime", AMPLIFY_TIMESTAMP,
	.meaning = "Time of that commit."},
	{"start_time", "startTime", AMPLIFY_TIMESTAMP,
	.meaning = "When the job started."},
	{"end_time", "endTime", AMPLIFY_TIMESTAMP,
	.meaning = "When the job ended."},
	{"source_url", "sourceUrl", AMPLIFY_TEXT, .sensitive = true,
	.meaning = "URL that a manual deployment was made from."},
	{"source_url_type", "sourceUrlType", AMPLIFY_TEXT,
	.meaning = "What that URL names: ZIP or BUCKET_PREFIX."},
	REGION,
	ACCOUNT_ID,
};

static AmplifyOperation get_job = {
	"GetJob", "/apps/{app_id}/branches/{branch_name}/jobs/{job_id}",
	"job.summary", false
};
static AmplifyOperation list_jobs = {
	"ListJobs", "/apps/{app_id}/branches/{branch_name}/jobs",
	"jobSummaries", true, 50
};

static AmplifyResource jobs = {
	"jobs", jobs_columns, lengthof(jobs_columns),
	&get_job, &list_jobs, &branches,
	"apps/{app_id}/branches/{branch_name}/jobs/{job_id}",
	20,
	.meaning = "A job of a branch: a build and its deployment."
};

/* ---------- job_steps: an array inside each job, in GetJob only ---------- */

static const AmplifyColumn job_steps_columns[] = {
	APP_ID_OF_REQUEST("Identifier of the app that the job belongs to."),
	BRANCH_NAME_OF_REQUEST("Name of the branch that the job is of."),
	{"job_id", "../summary.jobId", AMPLIFY_JOB_NUMBER, .key = AMPLIFY_JOB_ID,
	.meaning = "Number of the job in its branch."},
	{"job_arn", "../summary.jobArn", AMPLIFY_TEXT, .key = AMPLIFY_ARN,
	.meaning = "ARN of the job."},
	{"step_name", "stepName", AMPLIFY_TEXT,
	.meaning = "Name of the step."},
	{"status", "status", AMPLIFY_TEXT,
	.meaning = "Status of the step, such as SUCCEED, FAILED or RUNNING."},
	{"status_reason", "statusReason", AMPLIFY_TEXT,
	.meaning = "Why the step has this status."},
	{"start_time", "startTime", AMPLIFY_TIMESTAMP,
	.meaning = "When the step started."},
	{"end_time", "endTime", AMPLIFY_TIMESTAMP,
	.meaning = "When the step ended."},
	{"context", "context", AMPLIFY_TEXT,
	.meaning = "Context of the step, for a build that is started by the service."},
	{"log_url", "logUrl", AMPLIFY_TEXT, .sensitive = true,
	.meaning = "Signed URL of the log of the step."},
	{"artifacts_url", "artifactsUrl", AMPLIFY_TEXT, .sensitive = true,
	.meaning = "Signed URL of the artifacts of the step."},
	{"test_artifacts_url", "testArtifactsUrl", AMPLIFY_TEXT, .sensitive = true,
	.meaning = "Signed URL of the artifacts of its tests."},
	{"test_config_url", "testConfigUrl", AMPLIFY_TEXT, .sensitive = true,
	.meaning = "Signed URL of the configuration of its tests."},
	{"screenshots", "screenshots", AMPLIFY_JSON, .sensitive = true,
	.meaning = "Signed URLs of screenshots by the names of tests, as an object."},
	REGION,
	ACCOUNT_ID,
};

static AmplifyOperation list_job_steps = {
	"GetJob", "/apps/{app_id}/branches/{branch_name}/jobs/{job_id}",
	"job.steps", true
};

static AmplifyResource job_steps = {
	"job_steps", job_steps_columns, lengthof(job_steps_columns),
	NULL, &list_job_steps, &jobs,
	"apps/{app_id}/branches/{branch_name}/jobs/{job_id}",
	3,
	.meaning = "A step of a job, such as BUILD or DEPLOY."
};

/* ---------- artifacts: without an ARN ---------- */

static const AmplifyColumn artifacts_columns[] = {
	APP_ID_OF_REQUEST("Identifier of the app that the job belongs to."),
	BRANCH_NAME_OF_REQUEST("Name of the branch that the job is of."),
	{"job_id", NULL, AMPLIFY_JOB_NUMBER, AMPLIFY_KEY, AMPLIFY_JOB_ID,
	.meaning = "Number of the job in its branch."},
	{"artifact_id", "artifactId", AMPLIFY_TEXT,
	.meaning = "Identifier of the artifact."},
	{"artifact_file_name", "artifactFileName", AMPLIFY_TEXT,
	.meaning = "Name of the file."},
	REGION,
	ACCOUNT_ID,
};

static AmplifyOperation list_artifacts = {
	"ListArtifacts",
	"/apps/{app_id}/branches/{branch_name}/jobs/{job_id}/artifacts",
	"artifacts", true, 50
};

static AmplifyResource artifacts = {
	"artifacts", artifacts_columns, lengthof(artifacts_columns),
	NULL, &list_artifacts, &jobs,
	NULL,
	2,
	.meaning = "A file that the tests of a job have left."
};

/*
 * ---------- artifact_urls ----------
 *
 * A resource of its own and not a column of artifacts, because each costs a
 * call and is a signed URL: who wants some joins the two.
 */

static const AmplifyColumn artifact_urls_columns[] = {
	{"artifact_id", "artifactId", AMPLIFY_TEXT, .key = AMPLIFY_NAME,
	.meaning = "Identifier of the artifact."},
	{"artifact_url", "artifactUrl", AMPLIFY_TEXT, .sensitive = true,
	.meaning = "Signed URL of the artifact."},
	REGION,
	ACCOUNT_ID,
};

static AmplifyOperation get_artifact_url = {
	"GetArtifactUrl", "/artifacts/{artifact_id}",
	NULL, false
};

static AmplifyResource artifact_urls = {
	"artifact_urls", artifact_urls_columns, lengthof(artifact_urls_columns),
	&get_artifact_url, &get_artifact_url, &artifacts,
	NULL,
	1, .sensitive = true,
	.meaning = "The URL of an artifact, which costs a call of its own."
};

/* ---------- webhooks ---------- */

static const AmplifyColumn webhooks_columns[] = {
	{"app_id", "appId", AMPLIFY_TEXT, AMPLIFY_KEY, AMPLIFY_APP_ID,
	.meaning = "Identifier of the app that the webhook belongs to."},
	{"webhook_id", "webhookId", AMPLIFY_TEXT, .key = AMPLIFY_NAME,
	.meaning = "Identifier of the webhook."},
	{"webhook_arn", "webhookArn", AMPLIFY_TEXT, .key = AMPLIFY_ARN,
	.meaning = "ARN of the webhook."},
	{"webhook_url", "webhookUrl", AMPLIFY_TEXT, .sensitive = true,
	.meaning = "URL that starts a build, for whoever knows it."},
	{"branch_name", "branchName", AMPLIFY_TEXT,
	.meaning = "Name of the branch that the webhook builds."},
	{"description", "description", AMPLIFY_TEXT,
	.meaning = "Description of the webhook."},
	{"create_time", "createTime", AMPLIFY_TIMESTAMP,
	.meaning = "When the webhook was created."},
	{"update_time", "updateTime", AMPLIFY_TIMESTAMP,
	.meaning = "When the webhook was last changed."},
	REGION,
	ACCOUNT_ID,
};

static AmplifyOperation get_webhook = {
	"GetWebhook", "/webhooks/{webhook_id}",
	"webhook", false
};
static AmplifyOperation list_webhooks = {
	"ListWebhooks", "/apps/{app_id}/webhooks",
	"webhooks", true, 50
};

static AmplifyResource webhooks = {
	"webhooks", webhooks_columns, lengthof(webhooks_columns),
	&get_webhook, &list_webhooks, &apps,
	"apps/{app_id}/webhooks/{webhook_id}",
	2,
	.meaning = "A webhook that starts a build of a branch."
};

/* Those that a foreign table can show; a parent stands above its children */
AmplifyResource *const amplify_resources[] = {
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
