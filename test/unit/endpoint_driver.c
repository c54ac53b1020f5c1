/*
 * endpoint_driver.c
 *	  Prints the endpoints that src/aws/endpoint.c finds.
 *
 * A line on standard input is "SERVICE REGION FIPS DUALSTACK", the last two 0
 * or 1; the line printed for it is the URL.
 */
#include "postgres.h"

#include "aws/amplify_aws.h"

/* What endpoint.c has of the server */
char *
psprintf(const char *format,...)
{
	char	   *result = malloc(1024);
	va_list		args;

	va_start(args, format);
	vsnprintf(result, 1024, format, args);
	va_end(args);
	return result;
}

char *
pstrdup(const char *text)
{
	return strdup(text);
}

char *
pnstrdup(const char *text, Size length)
{
	return strndup(text, length);
}

#if PG_VERSION_NUM < 190000		/* later ones have it in a header */
unsigned char
pg_ascii_tolower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c;
}
#endif

int
pg_vsnprintf(char *text, size_t size, const char *format, va_list args)
{
#undef vsnprintf
	return vsnprintf(text, size, format, args);
}

int
pg_printf(const char *format,...)
{
	va_list		args;
	int			result;

	va_start(args, format);
#undef vprintf
	result = vprintf(format, args);
	va_end(args);
	return result;
}

int
main(void)
{
	char		service[32];
	char		region[64];
	int			fips;
	int			dualstack;

	/* NOLINTNEXTLINE(cert-err34-c): our own script writes it */
	while (scanf("%31s %63s %d %d", service, region, &fips, &dualstack) == 4)
	{
		AmplifyEndpoint endpoint = {0};
		AmplifyEndpointSpec spec = {
			.service = service,
			.region = region,
			.use_fips = fips,
			.use_dualstack = dualstack,
		};

		amplify_endpoint_resolve(&spec, &endpoint);
		puts(endpoint.url);
	}
	return 0;
}
