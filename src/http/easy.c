/*-------------------------------------------------------------------------
 *
 * easy.c
 *	  What libcurl is told of one request, and what it asks us meanwhile.
 *
 * With http.c the only file that knows libcurl; its rules hold here, too.
 *
 * src/http/easy.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <curl/curl.h>

#include "http/amplify_http.h"

#define KEEPALIVE_IDLE		30	/* s without a byte until a probe is sent */
#define KEEPALIVE_INTERVAL	10	/* s until the next one */

/*
 * Each transfer has a buffer for what it reads, which is overwritten at its
 * end.  Most responses are of one item; longer ones are read in pieces.
 */
#define BUFFER_SIZE			4096

static const curl_version_info_data *built = NULL;	/* this libcurl */

static CURLcode set_constants(CURL *easy, void *share, const char **refused);
static CURLcode set_request(AmplifyTransfer *transfer, const char **refused);
static CURLcode set_absolute_target(AmplifyTransfer *transfer);
static size_t write_callback(char *data, size_t size, size_t n, void *arg);
static size_t header_callback(char *data, size_t size, size_t n, void *arg);
static curl_socket_t open_socket_callback(void *arg, curlsocktype purpose,
										  struct curl_sockaddr *address);
static bool is_same_origin(const char *url, const char *understood);
static int	close_socket_callback(void *arg, curl_socket_t fd);
static int	prereq_callback(void *arg, char *peer_ip, char *local_ip,
							int peer_port, int local_port);

/*
 * All of the request, onto a handle that may have been another transfer's; a
 * new one first gets what is the same for all.  An option that this libcurl
 * does not know ends the transfer, and it says which; no other transfer may
 * have the handle then.
 */
int
amplify_easy_options(AmplifyTransfer *transfer, void *share, bool is_new)
{
	const char *refused = NULL;
	CURLcode	rc = CURLE_OK;

	/* asking makes it anew each time */
	if (built == NULL)
		built = curl_version_info(CURLVERSION_NOW);
	if (is_new)
		rc = set_constants(transfer->easy, share, &refused);
	if (rc == CURLE_OK)
		rc = set_request(transfer, &refused);
	if (rc != CURLE_OK && rc != CURLE_OUT_OF_MEMORY)
	{
		transfer->result = AMPLIFY_HTTP_UNABLE;
		snprintf(transfer->reason, sizeof(transfer->reason),
				 "libcurl %s refuses %s", built->version, refused);
	}
	return rc;
}

/* In what follows; refused is the first that fails */
#define SET(option, value) \
	if (rc == CURLE_OK && \
		(rc = curl_easy_setopt(easy, option, value)) != CURLE_OK) \
		*refused = #option

static CURLcode
set_constants(CURL *easy, void *share, const char **refused)
{
	CURLcode	rc = CURLE_OK;

	SET(CURLOPT_NOSIGNAL, 1L);
	/* is about the thread of its resolver */
	if ((built->features & CURL_VERSION_ASYNCHDNS) != 0)
		SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PATH_AS_IS, 1L);
	/* "" keeps libcurl from reading no_proxy and the like */
	SET(CURLOPT_NOPROXY, "");
	SET(CURLOPT_PROXYAUTH, CURLAUTH_BASIC);
	/* what a proxy says to CONNECT is not the service's response */
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SHARE, share);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_ACCEPT_ENCODING,
		(built->features & CURL_VERSION_LIBZ) != 0 ? "gzip" : NULL);
	SET(CURLOPT_BUFFERSIZE, (long) BUFFER_SIZE);
	SET(CURLOPT_TCP_NODELAY, 1L);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_TCP_KEEPIDLE, (long) KEEPALIVE_IDLE);
	SET(CURLOPT_TCP_KEEPINTVL, (long) KEEPALIVE_INTERVAL);
	SET(CURLOPT_WRITEFUNCTION, write_callback);
	SET(CURLOPT_HEADERFUNCTION, header_callback);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket_callback);
	SET(CURLOPT_CLOSESOCKETFUNCTION, close_socket_callback);
	SET(CURLOPT_PREREQFUNCTION, prereq_callback);
	return rc;
}

static CURLcode
set_request(AmplifyTransfer *transfer, const char **refused)
{
	CURL	   *easy = transfer->easy;
	const AmplifyHttpWay *way = &transfer->way;
	const char *bundle = way->ca_bundle ? way->ca_bundle : built->cainfo;
	bool		tls = strncmp(transfer->url, "https:", 6) == 0;
	bool		http2 = tls && (built->features & CURL_VERSION_HTTP2) != 0;
	CURLcode	rc = CURLE_OK;

	SET(CURLOPT_PRIVATE, transfer);
	SET(CURLOPT_URL, transfer->url);
	/* the bytes that were signed, which libcurl must not normalize */
	SET(CURLOPT_REQUEST_TARGET, transfer->target);
	/* a proxy is told the host as well (RFC 9112, 3.2.2) */
	if (rc == CURLE_OK && way->proxy != NULL && !tls)
		rc = set_absolute_target(transfer);
	SET(CURLOPT_HTTPHEADER, transfer->slist);
	SET(CURLOPT_POSTFIELDS, transfer->post_body);
	if (transfer->post_body == NULL)
	{
		SET(CURLOPT_HTTPGET, 1L);
	}
	SET(CURLOPT_CUSTOMREQUEST, transfer->method);
	/* "" keeps libcurl from reading http_proxy and the like */
	SET(CURLOPT_PROXY, way->proxy ? way->proxy : "");
	SET(CURLOPT_PROXYUSERNAME, way->proxy_user);
	SET(CURLOPT_PROXYPASSWORD, way->proxy_password);
	SET(CURLOPT_CAINFO, bundle);

	/*
	 * libcurl parses a bundle once and keeps it, but not beside a folder, and
	 * then each handshake would begin with 20 ms of that.
	 */
	SET(CURLOPT_CAPATH, bundle ? NULL : built->capath);

	/*
	 * Over TLS, HTTP/2 if the server has it: then all requests go over one
	 * connection, for which the later ones of a burst wait.  Measured, a
	 * fresh session is faster by its handshakes, a warm one the same.
	 */
	SET(CURLOPT_HTTP_VERSION, (long) (http2 ? CURL_HTTP_VERSION_2TLS :
									  CURL_HTTP_VERSION_1_1));
	SET(CURLOPT_PIPEWAIT, (long) http2);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long) way->connect_timeout);
	SET(CURLOPT_TIMEOUT_MS, (long) way->timeout);
	SET(CURLOPT_FRESH_CONNECT, (long) transfer->fresh);
	SET(CURLOPT_ERRORBUFFER, transfer->reason);
	SET(CURLOPT_WRITEDATA, transfer);
	SET(CURLOPT_HEADERDATA, transfer);
	SET(CURLOPT_OPENSOCKETDATA, transfer);
	SET(CURLOPT_PREREQDATA, transfer);
	return rc;
}
#undef SET

static CURLcode
set_absolute_target(AmplifyTransfer *transfer)
{
	size_t		size = strlen(transfer->url) + strlen(transfer->target) + 1;
	char	   *target = malloc(size);
	CURLcode	rc = CURLE_OUT_OF_MEMORY;

	if (target != NULL)
	{
		snprintf(target, size, "%s%s", transfer->url, transfer->target);
		rc = curl_easy_setopt(transfer->easy, CURLOPT_REQUEST_TARGET, target);
	}
	free(target);
	return rc;
}

static size_t
write_callback(char *data, size_t size, size_t n, void *arg)
{
	return amplify_transfer_body(arg, data, size * n) ? size * n : 0;
}

static size_t
header_callback(char *data, size_t size, size_t n, void *arg)
{
	return amplify_transfer_header(arg, data, size * n) ? size * n : 0;
}

/*
 * Every socket of libcurl is made here, so that it is counted, and so that a
 * name which resolves to this machine or to the metadata service is refused
 * after resolution, when nothing can change it any more.
 */
static curl_socket_t
open_socket_callback(void *arg, curlsocktype purpose,
					 struct curl_sockaddr *address)
{
	AmplifyTransfer *transfer = arg;
	int			fd;

	if (transfer->public_only && amplify_transfer_is_local(&address->addr))
	{
		transfer->refusal =
			"the name of the endpoint resolves to a local address";
		return CURL_SOCKET_BAD;
	}
	fd = amplify_socket_open(address->family, address->socktype,
							 address->protocol, transfer);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	/* further addresses of the name are tried for the same connection */
	if (!transfer->connecting)
		transfer->use->connections++;
	transfer->connecting = true;
	return fd;
}

static int
close_socket_callback(void *arg, curl_socket_t fd)
{
	return amplify_socket_close(fd);
}

/* The request is about to be sent on the connection with these addresses */
static int
prereq_callback(void *arg, char *peer_ip, char *local_ip, int peer_port,
				int local_port)
{
	AmplifyTransfer *transfer = arg;

	/* libcurl may have tried another one before */
	amplify_socket_end(transfer->socket, false);
	transfer->socket = amplify_socket_by_addresses(local_ip, local_port,
												   peer_ip, peer_port);
	transfer->sent = amplify_loop_now();
	if (amplify_socket_begin(transfer->socket))
		return CURL_PREREQFUNC_OK;
	transfer->socket = 0;
	transfer->result = AMPLIFY_HTTP_BROKEN;
	transfer->refusal = "there was unread input on the connection";
	return CURL_PREREQFUNC_ABORT;
}

/*
 * Does libcurl understand that URL as it stands, as a scheme, a host and maybe
 * a port?  Else requests would go elsewhere than it seems, or nowhere: there
 * are many ways to write an address.  Also true if there is no memory to tell.
 * Never throws.
 */
bool
amplify_easy_is_origin(const char *url)
{
	CURLU	   *parser = curl_url();
	char	   *understood = NULL;
	char	   *port = NULL;
	CURLUcode	rc = CURLUE_OUT_OF_MEMORY;
	bool		good;

	if (parser != NULL)
		rc = curl_url_set(parser, CURLUPART_URL, url, 0);
	if (rc == CURLUE_OK)
		rc = curl_url_get(parser, CURLUPART_URL, &understood, 0);
	good = rc == CURLUE_OUT_OF_MEMORY ||
		(rc == CURLUE_OK && is_same_origin(url, understood));
	if (good && rc == CURLUE_OK &&
		curl_url_get(parser, CURLUPART_PORT, &port, 0) == CURLUE_OK)
		good = strcmp(port, "0") != 0;
	curl_free(port);
	curl_free(understood);
	curl_url_cleanup(parser);
	return good;
}

/* Case aside, and the path that libcurl adds; IPv6 addresses it may rewrite */
static bool
is_same_origin(const char *url, const char *understood)
{
	size_t		length = strlen(url);

	if (strchr(url, '[') != NULL)
		return true;
	return pg_strncasecmp(url, understood, length) == 0 &&
		strcmp(understood + length, "/") == 0;
}
