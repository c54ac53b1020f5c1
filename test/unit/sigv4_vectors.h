/*
 * sigv4_vectors.h
 *	  Requests and their signatures, as other signers make them.  Data of
 *	  sigv4_test.c only.
 */
typedef struct Vector
{
	const char *path;
	const char *query;
	bool		token;
	const char *canonical_path;
	const char *canonical_query;
	const char *signature;
} Vector;

static const Vector vectors[] = {
	{BACKENDS "/dev", "", false, BACKENDS "/dev", "",
	"f104c9d7bc20adacd56031bb0fcf73608c7a34c586f8111beccf50d81f87d762"},
	{BACKENDS "/dev", "", true, BACKENDS "/dev", "",
	"447b54ed8ab41c56628c456a9e21e3a72a4333f5523cf30955523aeb8e75d376"},
	{BACKENDS "/dev%20%C3%A9%2Fx%20y", "", true,
		BACKENDS "/dev%2520%25C3%25A9%252Fx%2520y", "",
	"6150efbf573e84251656c2b70f00e1b5dcca7e3ddab5cf9f3f4e272635890c93"},
	{BACKENDS "/a%27b%28c%29%2A%21~%2B%3D%40%3A%2525", "", true,
		BACKENDS "/a%2527b%2528c%2529%252A%2521~%252B%253D%2540%253A%252525",
		"",
	"4d18a8d8c75405f9a52789f88f082c22b2fd7c5e6f6f9703b86a72ec172c3e65"},
	{BACKENDS,
		"nextToken=a%20b%2F%2B%3D%2A&maxResults=50"
		"&environmentName=dev%20%C3%A9", true, BACKENDS,
		"environmentName=dev%20%C3%A9&maxResults=50"
		"&nextToken=a%20b%2F%2B%3D%2A",
	"569335aebd64c892a6901f27c24a3d01d535c3d2874b8e3190c06135626ddc2a"},
	{"/apps", "maxResults=100", true, "/apps", "maxResults=100",
	"03ff2887ed860ba4bc4a5a0cefc1d374a01750587f0ddc1fe0ef658df92c0581"},
};
