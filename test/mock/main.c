/*
 * main.c
 *	  Command line of amplify-mock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mock.h"

static const char usage[] =
"amplify-mock: a stand-in for the AWS Amplify endpoint, for tests.\n"
"It listens on 127.0.0.1 and verifies the signature of every API request.\n"
"\n"
"  --port N             port for HTTP (0: a free one, the default)\n"
"  --tls-port N         port for HTTPS, with --cert (0: a free one)\n"
"  --cert FILE          certificate chain, PEM\n"
"  --key FILE           its key, PEM\n"
"  --port-file FILE     write the ports there when ready\n"
"  --data FILE          data to serve, JSON (as demo.json)\n"
"  --generate A,E[,S]   make up A apps with E environments each, seed S\n"
"  --odd-names          odd environment names in every 5th app of those\n"
"  --credential C       AKID:SECRET[:TOKEN], more than once if wanted\n"
"  --region R           us-east-1\n"
"  --any-region         take requests for any region; ARNs are of that\n"
"  --account N          111122223333\n"
"  --latency MS         delay of each reply of the API (0)\n"
"  --clock SECONDS      the mock's clock is so much ahead (0)\n"
"  --unknown-app HOW    ListBackendEnvironments of an unknown app:\n"
"                       404 (default), 400 or empty\n"
"  --exit-with-stdin    end when standard input ends\n"
"  --help\n"
"\n"
"Made-up data: app i = 1, 2, ... has the appId printf(\"d%011d\", i) and the\n"
"name app<i>; its environments j = 1, 2, ... are dev, test, prod, staging,\n"
"qa, env06, env07, ...; an environment's stack is amplify-app<i>-<env>-NNNNNN.\n"
"Each app has the branches main and develop, which deploy the first two of\n"
"them and have the jobs 1 and 2, one artifact each, the domain\n"
"app<i>.example.com and the webhook wh-<i>.\n"
"The default credential is AKIDEXAMPLE with AWS's well-known example secret.\n";

#define DEFAULT_CREDENTIAL \
"AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

Options		options = {
	.region = "us-east-1",
	.account = "111122223333",
	.unknown_app = "404",
};

static const char *data_file;
static const char *generate;
static bool odd_names;
static bool have_credential;

static void
set_credential(const char *value)
{
	credential_add(value);
	have_credential = true;
}

static void
set_unknown_app(const char *value)
{
	if (strcmp(value, "404") != 0 && strcmp(value, "400") != 0 &&
		strcmp(value, "empty") != 0)
		die("--unknown-app is 404, 400 or empty");
	options.unknown_app = value;
}

/* One of flag, number, text and call says where the value goes. */
static const struct
{
	const char *name;
	bool	   *flag;
	long	   *number;
	const char **text;
	void		(*call) (const char *value);
}			table[] = {
	{"--port", .number = &options.port},
	{"--tls-port", .number = &options.tls_port},
	{"--cert", .text = &options.cert},
	{"--key", .text = &options.key},
	{"--port-file", .text = &options.port_file},
	{"--data", .text = &data_file},
	{"--generate", .text = &generate},
	{"--odd-names", .flag = &odd_names},
	{"--credential", .call = set_credential},
	{"--region", .text = &options.region},
	{"--any-region", .flag = &options.any_region},
	{"--account", .text = &options.account},
	{"--latency", .number = &options.latency},
	{"--clock", .number = &options.clock_offset},
	{"--unknown-app", .call = set_unknown_app},
	{"--exit-with-stdin", .flag = &options.exit_with_stdin},
};

static bool
take_option(const char *name, const char *value)
{
	for (size_t i = 0; i < lengthof(table); i++)
	{
		if (strcmp(name, table[i].name) != 0)
			continue;
		if (table[i].flag != NULL)
		{
			*table[i].flag = true;
			return false;
		}
		if (value == NULL)
			die("%s needs a value", name);
		if (table[i].number != NULL &&
			!parse_long(value, -1000000000, 1000000000, table[i].number))
			die("%s needs a number", name);
		if (table[i].text != NULL)
			*table[i].text = value;
		if (table[i].call != NULL)
			table[i].call(value);
		return true;
	}
	die("unknown option %s, see --help", name);
}

static void
generate_as_told(const char *spec)
{
	long		apps;
	long		envs;
	long		seed = 1;
	char		rest;

	/* NOLINTNEXTLINE(cert-err34-c): whoever starts a mock knows how many */
	if (sscanf(spec, "%ld,%ld,%ld%c", &apps, &envs, &seed, &rest) < 2 ||
		apps < 0 || envs < 0)
		die("--generate needs APPS,ENVS[,SEED]");
	generate_data(apps, envs, seed, odd_names);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
	{
		if (strcmp(argv[i], "--help") == 0)
		{
			fputs(usage, stdout);
			return 0;
		}
		if (take_option(argv[i], argv[i + 1]))
			i++;
	}
	/* One of an earlier run must not be taken for this one's. */
	if (options.port_file != NULL)
		unlink(options.port_file);
	if (!have_credential)
		credential_add(DEFAULT_CREDENTIAL);
	if (data_file != NULL)
		load_data_file(data_file);
	if (generate != NULL)
		generate_as_told(generate);
	latency_now = options.latency;
	control_start();
	server_run();
	if (options.port_file != NULL)
		unlink(options.port_file);
	data_free();
	faults_clear();
	control_free();
	credentials_free();
	return 0;
}
