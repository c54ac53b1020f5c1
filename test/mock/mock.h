/*
 * mock.h
 *	  Shared declarations of amplify-mock, the stand-in for the AWS Amplify
 *	  endpoint that the tests of amplify_fdw talk to.
 *
 * Only what more than one file needs is here.  Nothing of this is linked
 * into the extension, and nothing of the extension is used here: the mock
 * checks signatures with code of its own, so that one cannot hide an error
 * of the other.
 */
#ifndef MOCK_H
#define MOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <openssl/ssl.h>

#define lengthof(a)		(sizeof(a) / sizeof((a)[0]))

#define MAX_HEADERS		64
#define MAX_PARAMS		48
#define MAX_SEGMENTS	10
#define MAX_REQUEST		(2 * 1024 * 1024)

/* A piece of text that somebody else owns; not NUL-terminated. */
typedef struct Slice
{
	const char *p;
	size_t		n;
} Slice;

/* A growing buffer; p[n] is always a NUL that is not counted. */
typedef struct Buf
{
	char	   *p;
	size_t		n;
	size_t		cap;
} Buf;

/* ---- util.c ---- */

typedef struct Param
{
	Slice		key;
	Slice		value;			/* NUL-terminated as well */
} Param;

typedef struct Params
{
	int			n;
	Param		item[MAX_PARAMS];
	Buf			store;
} Params;

extern void die(const char *fmt,...)
			__attribute__((format(printf, 1, 2), noreturn));
extern void *xalloc(size_t size);
extern char *xstrndup(const char *p, size_t n);
extern Slice slice(const char *s);
extern Slice slice_dup(Slice s);
extern bool slice_eq(Slice a, Slice b);
extern bool slice_is(Slice a, const char *s);
extern bool slice_same_nocase(Slice a, const char *s);
extern void buf_reserve(Buf *b, size_t more);
extern void buf_put(Buf *b, const void *p, size_t n);
extern void buf_puts(Buf *b, const char *s);
extern void buf_putc(Buf *b, char c);
extern void buf_slice(Buf *b, Slice s);
extern void buf_uint(Buf *b, uint64_t v);
extern void buf_printf(Buf *b, const char *fmt,...)
			__attribute__((format(printf, 2, 3)));
extern void buf_json(Buf *b, Slice s);
extern void buf_percent(Buf *b, Slice s);
extern void buf_free(Buf *b);
extern Slice buf_view(const Buf *b);
extern size_t percent_decode(Slice s, char *dst);
extern bool params_parse(Params *ps, Slice query, bool form);
extern const char *param(const Params *ps, const char *name);
extern const Param *param_find(const Params *ps, const char *name);
extern bool parse_long(const char *s, long min, long max, long *out);
extern uint64_t hash_bytes(uint64_t seed, const void *p, size_t n);
extern uint64_t mix64(uint64_t x);
extern uint64_t now_ms(void);
extern double mock_time(void);
extern char *read_whole_file(const char *path, size_t *size);

/* ---- data.c: the tree of things that the operations show ---- */

typedef enum Kind
{
	K_ROOT,
	K_APP,
	K_ENV,
	K_BRANCH,
	K_DOMAIN,
	K_WEBHOOK,
	K_JOB,
	K_ARTIFACT,
	NKINDS
} Kind;

typedef struct KindInfo
{
	Kind		parent;
	const char *noun;			/* in messages */
	const char *missing;		/* what follows the name in a 404 */
	const char *id;				/* member that names the thing */
	const char *collection;		/* member of the parent in a data file */
	const char *arn;			/* member to look tags up by, or NULL */
	bool		global;			/* can be had by its id alone */
} KindInfo;

typedef struct Node Node;

typedef struct List
{
	Node	  **item;
	uint32_t	n;
	uint32_t	cap;
} List;

struct Node
{
	Kind		kind;
	Node	   *parent;
	Slice		name;
	Slice		json;			/* as a list shows it */
	Slice		full;			/* as Get shows it; p is NULL if the same */
	Slice		arn;			/* p is NULL if not to be found by it */
	Slice		tags;			/* JSON object, or p is NULL */
	List	   *lists;			/* NKINDS of them, or NULL */
};

extern const KindInfo kind_info[NKINDS];
extern Node data_root;

extern Node *node_add(Node *parent, Kind kind, Slice name, Slice json);
extern void node_set_json(Node *node, Slice json);
extern void node_set_full(Node *node, Slice full);
extern void node_set_tags(Node *node, Slice arn, Slice tags);
extern void node_delete(Node *node);
extern Node *node_child(const Node *parent, Kind kind, Slice name);
extern Node *node_global(Kind kind, Slice id);
extern Node *node_by_arn(Slice arn);
extern const List *node_list(const Node *parent, Kind kind);
extern void data_free(void);

/* ---- load.c, generate.c ---- */

extern void load_data_file(const char *path);
extern void generate_data(long apps, long envs, long seed, bool odd_names);
extern const char *change_data(const Params *ps);

/* ---- http.c: requests ---- */

typedef struct Header
{
	Slice		name;			/* lower case */
	Slice		value;			/* without blanks at the ends */
} Header;

typedef struct Request
{
	Slice		method;
	Slice		target;			/* raw, as sent */
	Slice		path;
	Slice		query;
	Slice		body;
	bool		keepalive;
	bool		control;		/* path under /_mock/ */
	int			nheaders;
	Header		header[MAX_HEADERS];
	size_t		total;			/* bytes of the whole request */
} Request;

/* > 0: complete; 0: more needed; < 0: minus the HTTP status of a refusal */
extern int	request_parse(Request *req, char *p, size_t n);
extern Slice request_header(const Request *req, const char *name);

/* ---- reply.c ---- */

/* What the faults ask of a reply; all 0 or empty means an honest one. */
typedef struct Wishes
{
	long		status;
	long		where;
	long		latency;
	long		stall;
	long		cut;			/* 1 + bytes of the body; 0 = none */
	long		reset;
	long		drip;
	long		length;
	long		nolength;
	long		chunked;
	long		badchunk;
	long		gzip;
	long		repeat;
	long		junk;
	long		junk_trailers;
	long		junk_line;
	long		close;
	long		closeidle;
	long		halfclose;
	long		token;
	long		nest;
	long		http09;
	long		badstatus;
	Slice		code;
	Slice		message;
	Slice		messagekey;
	Slice		type;
	Slice		body;
	Slice		redirect;
	Slice		early;
	Slice		trailer;
	Buf			headers;
} Wishes;

enum
{
	WHERE_HEADER = 1, WHERE_BODY, WHERE_CAPITAL, WHERE_TYPE, WHERE_NONE
};
enum
{
	STALL_REQUEST = 1, STALL_HEADERS, STALL_BODY
};
enum
{
	RESET_HEADERS = 1, RESET_BODY
};
enum
{
	TOKEN_SAME = 1, TOKEN_CYCLE, TOKEN_NEW, TOKEN_LONG
};

enum
{
	QUERY_JSON = 1, QUERY_XML
};

typedef struct Reply
{
	int			status;
	bool		failed;			/* build an error body */
	int			query;			/* ... of the query protocol, QUERY_... */
	bool		code_in_body;
	const char *type;
	const char *code;
	Buf			message;
	Buf			headers;		/* whole lines */
	Buf			body;
	char		region[32];		/* that the request is signed for */
	Wishes		wish;
} Reply;

typedef enum After
{
	AFTER_KEEP,
	AFTER_CLOSE,
	AFTER_DROP,					/* close without a TLS farewell */
	AFTER_RESET,
	AFTER_HOLD,
	AFTER_HALFCLOSE
} After;

/* How the bytes of Conn.out go out. */
typedef struct Plan
{
	uint64_t	pad_at;			/* here come pad_len bytes of padding */
	uint64_t	pad_len;
	uint64_t	stop_at;		/* send no more than this */
	uint64_t	drip_from;		/* from here byte by byte */
	long		drip;			/* ms between two of them, 0 = off */
	After		after;
} Plan;

extern void reply_begin(Reply *r);
extern void reply_error(Reply *r, int status, const char *code, const char *fmt,...)
			__attribute__((format(printf, 4, 5)));
extern int	reply_render(Reply *r, Buf *out, Plan *plan, bool keepalive);
extern const char *http_date(void);

/* body.c: bodies that lie */
extern void body_move(Buf *body, const char *region);
extern uint64_t body_stuff(Reply *r, Buf *body, uint64_t *pad_at);
extern void body_gzip(Buf *body, uint64_t pad_at, uint64_t *pad_len);
extern void put_junk_headers(Buf *out, long bytes);
extern void body_chunked(const Wishes *w, const Buf *body, Buf *out, Plan *plan);
extern const char padding[];
extern const size_t padding_size;

/* ---- digest.c ---- */

#define SHA_LEN			32
#define SHA_BLOCK		64

extern void hash_pieces(const Slice *piece, int n, unsigned char *out);
extern void hmac(Slice key, Slice text, unsigned char *out);
extern void put_hex(Buf *b, const unsigned char *p, size_t n);
extern void digest_free(void);

/* ---- signature.c ---- */

extern void credential_add(const char *spec);
extern void credential_issue(const char *id, const char *secret, const char *token,
							 time_t expires, long uses);
extern void credentials_expire(void);
extern void credentials_free(void);
extern bool signature_check(const Request *req, const char *service, Reply *r);
extern Slice signature_key_id(const Request *req);

/* ---- api.c ---- */

typedef struct Op
{
	const char *name;
	const char *path;			/* literal segments and {} */
	Kind		kind;
	int			form;
	const char *result;			/* member of the reply */
	int			page;			/* default size of a page, 0 = no list */
	int			max_page;
} Op;

typedef struct Call
{
	const Op   *op;				/* NULL: no such operation */
	int			identity;		/* number of identity.c's; -1: of the API */
	int			nseg;
	Slice		seg[MAX_SEGMENTS];	/* decoded */
	int			narg;
	Slice		arg[MAX_SEGMENTS];	/* those that stand for {} */
} Call;

extern const Op api_ops[];
extern const int api_nops;

extern void api_route(const Request *req, Call *call);
extern void api_run(const Request *req, const Call *call, Reply *r);

/* identity.c: temporary credentials */
extern int	identity_route(const Request *req, const Op **op);
extern bool identity_check(int number, const Request *req, Reply *r);
extern void identity_run(int number, const Request *req, Reply *r);
extern Slice identity_target(int number, const Request *req);
extern long identity_latency(void);
extern void identity_reset(void);
extern const char *identity_set(const Params *ps);

/* page.c: tokens and pages */
extern bool page_start(const Op *op, Slice owner, const Param *token,
					   const Wishes *w, uint32_t *pos);
extern void page_token(const Op *op, Slice owner, uint32_t pos, bool more,
					   const Wishes *w, Buf *body);

/* ---- fault.c ---- */

extern const char *fault_add(const Params *ps);
extern void fault_apply(const char *op, Slice target, Wishes *w);
extern void faults_clear(void);
extern const char *rate_set(const Params *ps);
extern bool rate_exceeded(const char *op, Reply *r);
extern void rate_clear(void);

/* ---- control.c ---- */

typedef struct Stats
{
	uint64_t	accepted;
	uint64_t	open;
	uint64_t	in_flight;
	uint64_t	max_in_flight;
	uint64_t	requests;
	uint64_t	held;
} Stats;

extern Stats stats;

extern void stats_count(const Op *op);
extern void stats_flight(int change);
extern void stats_log(uint64_t when, int status, const Op *op, Slice target,
					  Slice key_id);
extern void control_start(void);
extern void control_free(void);

/* ---- server.c and conn.c ---- */

typedef enum State
{
	S_HANDSHAKE,
	S_READ,						/* waits for a request */
	S_READY,					/* has one, is in the queue */
	S_DELAY,					/* reply is ready, its time is not */
	S_WRITE,
	S_DRIP,
	S_HELD,						/* stalled on purpose */
	S_WAIT,						/* /_mock/wait */
	S_BLACKHOLE,				/* accepted and left unread */
	S_DEAD
} State;

typedef struct Conn
{
	int			fd;
	SSL		   *ssl;
	State		state;
	bool		readable;
	bool		hangup;			/* the peer has closed its side */
	bool		counted;		/* in stats.open */
	bool		used;			/* has carried a request of the API */
	bool		in_flight;
	bool		held;
	Buf			in;
	Buf			out;
	uint64_t	sent;
	Plan		plan;
	uint64_t	due;			/* of the timer */
	int			heap;			/* place in the timers' heap, -1 = none */
	long		wait_held;
	long		wait_requests;
	struct Conn *next_ready;
	struct Conn *prev;
	struct Conn *next;
	Request		req;
} Conn;

typedef enum AcceptMode
{
	ACCEPT_NORMAL,
	ACCEPT_STALL,
	ACCEPT_REFUSE,
	ACCEPT_RESET
} AcceptMode;

typedef struct Options
{
	long		port;
	long		tls_port;
	const char *cert;
	const char *key;
	const char *port_file;
	const char *region;
	bool		any_region;
	const char *account;
	long		latency;
	long		clock_offset;
	const char *unknown_app;
	bool		exit_with_stdin;
} Options;

extern Options options;
extern long latency_now;
extern AcceptMode accept_mode;
extern long accept_left;		/* connections that it is for, -1 = all */

extern void server_run(void);
extern void conn_open(int fd, SSL_CTX *tls, bool control);
extern void conn_event(Conn *c, bool readable, bool hangup);
extern void conn_timer(Conn *c);
extern void conns_run_ready(void);
extern void conns_check_waiting(void);
extern void conns_bury(void);
extern void conns_release(void);
extern void conns_speak(Slice text);
extern void conns_deafen(void);
extern void conns_free(void);
extern bool server_watch(Conn *c);
extern void timer_set(Conn *c, uint64_t due);
extern void timer_clear(Conn *c);

/* false: no response now, the connection waits */
extern bool control_run(Conn *c, Reply *r);
extern bool control_wait_over(const Conn *c);

#endif							/* MOCK_H */
