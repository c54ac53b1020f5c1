/*-------------------------------------------------------------------------
 *
 * transfer.c
 *	  What is kept of a response while it comes in, and which addresses a
 *	  response of AWS can't come from.
 *
 * Called from inside libcurl, by http.c's callbacks: nothing here may throw
 * or palloc.
 *
 * src/http/transfer.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "http/amplify_http.h"

#define MAX_HEADER_BYTES		(128 * 1024)

static bool is_local_ipv4(const unsigned char *ipv4);
static bool is_interim(const char *line, size_t bytes);
static bool is_blank(const char *line, size_t bytes);
static bool keep_header(AmplifyTransfer *transfer, const char *data,
						size_t bytes);
static void copy_value(char *dst, size_t size, const char *value,
					   size_t bytes);

/* Append to the body; false, with the result set, if that can't be */
bool
amplify_transfer_body(AmplifyTransfer *transfer, const char *data,
					  size_t bytes)
{
	size_t		needed = transfer->body_length + bytes + 1;

	if (transfer->body_length + bytes > transfer->way.max_size)
	{
		transfer->result = AMPLIFY_HTTP_TOO_LARGE;
		transfer->refusal = "the rest was not read";
		return false;
	}
	if (needed > transfer->body_allocated)
	{
		size_t		allocate = Max(needed, transfer->body_allocated * 2);
		char	   *body;

		allocate = Max(allocate, 1024);
		body = transfer->secret ?
			amplify_memory_realloc(transfer->body, allocate) :
			realloc(transfer->body, allocate);
		if (body == NULL)
		{
			transfer->result = AMPLIFY_HTTP_MEMORY;
			transfer->refusal = "no memory for the body";
			return false;
		}
		transfer->body = body;
		transfer->body_allocated = allocate;
	}
	memcpy(transfer->body + transfer->body_length, data, bytes);
	transfer->body_length += bytes;
	transfer->body[transfer->body_length] = '\0';
	transfer->received += bytes;
	return true;
}

/*
 * One line of a head, or a trailer.  All are counted, since libcurl keeps
 * them, but only those of the final response's head say anything: what else
 * comes in lines (1xx responses, trailers, whatever a proxy says to CONNECT,
 * which http.c does not let through) is not the service's response.
 */
bool
amplify_transfer_header(AmplifyTransfer *transfer, const char *data,
						size_t bytes)
{
	transfer->received += bytes;
	transfer->header_bytes += bytes;
	if (transfer->header_bytes > MAX_HEADER_BYTES)
	{
		transfer->result = AMPLIFY_HTTP_BROKEN;
		transfer->refusal = "the headers are too large";
		return false;
	}
	switch (transfer->head)
	{
		case AMPLIFY_HEAD_STATUS:
			transfer->head = is_interim(data, bytes) ?
				AMPLIFY_HEAD_INTERIM : AMPLIFY_HEAD_FINAL;
			break;
		case AMPLIFY_HEAD_INTERIM:
			if (is_blank(data, bytes))
				transfer->head = AMPLIFY_HEAD_STATUS;
			break;
		case AMPLIFY_HEAD_FINAL:
			if (is_blank(data, bytes))
				transfer->head = AMPLIFY_HEAD_OVER;
			else
				return keep_header(transfer, data, bytes);
			break;
		case AMPLIFY_HEAD_OVER:
			break;
	}
	return true;
}

/* Is it "HTTP/1.1 1xx ..." or the like? */
static bool
is_interim(const char *line, size_t bytes)
{
	const char *space = memchr(line, ' ', bytes);

	return space != NULL && space + 1 < line + bytes && space[1] == '1';
}

/* Is it the line that ends a head? */
static bool
is_blank(const char *line, size_t bytes)
{
	return bytes == 0 || line[0] == '\r' || line[0] == '\n';
}

/*
 * Keep the few headers that somebody reads.  False, with the result set, if
 * one that a response has once is there twice, and differs.
 */
static bool
keep_header(AmplifyTransfer *transfer, const char *data, size_t bytes)
{
	static const struct
	{
		const char *name;
		size_t		length;		/* of the name */
		bool		once;
		size_t		offset;
		size_t		size;
	}			wanted[] = {
#define WANTED(name, once, member) \
	{name, sizeof(name) - 1, once, offsetof(AmplifyHttpHeaders, member), sizeof(((AmplifyHttpHeaders *) 0)->member)}
		WANTED("x-amzn-errortype:", true, error_type),
		WANTED("content-length:", true, content_length),
		WANTED("content-encoding:", false, encoding),
		WANTED("x-amzn-requestid:", false, request_id),
		WANTED("retry-after:", false, retry_after),
		WANTED("x-amz-retry-after:", false, amz_retry_after),
		WANTED("date:", false, date),
		WANTED("age:", false, age),
	};

	for (int i = 0; i < lengthof(wanted); i++)
	{
		size_t		length = wanted[i].length;
		char	   *dst = (char *) &transfer->response + wanted[i].offset;
		char		former[sizeof(transfer->response.error_type)];

		if (bytes < length ||
			(char) pg_ascii_tolower((unsigned char) data[0]) != wanted[i].name[0] ||
			pg_strncasecmp(data, wanted[i].name, length) != 0)
			continue;
		memcpy(former, dst, wanted[i].size);	/* none is longer */
		copy_value(dst, wanted[i].size, data + length, bytes - length);
		if (wanted[i].once && former[0] != '\0' && strcmp(former, dst) != 0)
		{
			transfer->result = AMPLIFY_HTTP_BROKEN;
			transfer->refusal = "two headers of one name contradict each other";
			return false;
		}
	}
	return true;
}

/* A header's value, less what is around it */
static void
copy_value(char *dst, size_t size, const char *value, size_t bytes)
{
	while (bytes > 0 && strchr(" \t\r\n", value[bytes - 1]) != NULL)
		bytes--;
	while (bytes > 0 && strchr(" \t", value[0]) != NULL)
	{
		value++;
		bytes--;
	}
	bytes = Min(bytes, size - 1);
	for (size_t i = 0; i < bytes; i++)
		dst[i] = (value[i] >= ' ' && value[i] <= '~') ? value[i] : '?';
	dst[bytes] = '\0';
}

/*
 * Loopback, link-local (the metadata service) and unspecified addresses, also
 * where IPv6 has an IPv4 address in it: mapped and compatible ones, those of
 * NAT64 (64:ff9b::/96) and of 6to4 (2002::/16).
 */
bool
amplify_transfer_is_local(const struct sockaddr *address)
{
	static const struct
	{
		unsigned char prefix[12];
		int			length;		/* bytes of it; the IPv4 address follows */
	}			holders[] = {
		{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 12},
		{{0}, 12},
		{{0, 0x64, 0xff, 0x9b}, 12},
		{{0x20, 0x02}, 2},
	};
	const unsigned char *ipv6;

	if (address->sa_family != AF_INET6)
		return is_local_ipv4((const unsigned char *)
							 &((const struct sockaddr_in *) address)->sin_addr);

	ipv6 = ((const struct sockaddr_in6 *) address)->sin6_addr.s6_addr;
	/* fe80::/10 and fd00:ec2::/32; ::1 and :: look like 0.0.0.0/8 */
	if ((ipv6[0] == 0xfe && (ipv6[1] & 0xc0) == 0x80) ||
		memcmp(ipv6, "\xfd\x00\x0e\xc2", 4) == 0)
		return true;
	for (int i = 0; i < lengthof(holders); i++)
	{
		if (memcmp(ipv6, holders[i].prefix, holders[i].length) == 0)
			return is_local_ipv4(ipv6 + holders[i].length);
	}
	return false;
}

static bool
is_local_ipv4(const unsigned char *ipv4)
{
	return ipv4[0] == 127 || ipv4[0] == 0 ||
		(ipv4[0] == 169 && ipv4[1] == 254);
}
