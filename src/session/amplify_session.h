/*-------------------------------------------------------------------------
 *
 * amplify_session.h
 *	  What session/ offers: a server as a user sees it, and the credentials.
 *
 * src/session/amplify_session.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef AMPLIFY_SESSION_H
#define AMPLIFY_SESSION_H

#include "model/amplify_model.h"
#include "utils/memutils.h"

/* ---------- rate.c: the rates that AWS grants, for all sessions ---------- */

/* How fast an endpoint may be asked: throttle.c's */
typedef struct AmplifyRate
{
	double		rate;			/* calls a second; 0: not limited */
	int64		next_start;		/* of a call that has not been given one */
	int64		wished;			/* AWS wants no call before that */
	int64		slowed;			/* when rate was last lowered */
	int64		window_start;	/* the interval that is being measured: */
	int			window_accepted;
	int			window_throttled;
	bool		pressed;		/* somebody had to wait in it */
	int64		learnt;			/* end of the last with refusals; 0: none */
	int64		learnt_accepted;	/* since then */
	int			calm;			/* intervals without refusals since then */
	int			refusals;		/* in a row, with nothing accepted between */
	uint32		pauses;			/* how often starts were put off */
} AmplifyRate;

extern void amplify_rate_install(void);
extern void amplify_rate_attach(void);
extern bool amplify_rate_is_shared(void);
extern uint64 amplify_rate_key(const AmplifyEndpoint *endpoint,
							   const char *owner);
extern uint64 amplify_rate_account(uint64 identity, int64 now);
extern void amplify_rate_tell_account(uint64 identity, uint64 account,
									  int64 now);
extern AmplifyRate *amplify_rate_lock(uint64 account, int64 now);
extern void amplify_rate_unlock(void);
extern void amplify_rate_tell(void);

/* ---------- connection.c: what a session keeps per server and user -- */

/* Numbers that stat.c shows; all since the session's start or the reset */
typedef struct AmplifyStats
{
	int64		calls;
	int64		retries;
	int64		throttled;
	int64		not_found;
	int64		failed;
	int64		bytes;
} AmplifyStats;

#define AMPLIFY_MAX_OPERATIONS	16

/* Calls by operation; those behind the last one have none */
typedef struct AmplifyOperationCalls
{
	const AmplifyOperation *operation;
	int64		calls;
} AmplifyOperationCalls;

/* What all connections of one server share; lives as long as the session */
typedef struct AmplifyServer
{
	Oid			serverid;		/* hash key */
	bool		used;			/* since the session's start or DISCARD ALL */
	bool		concurrency_told;	/* that max_concurrency can't be had */
	AmplifyHttpUse use;
	AmplifyStats stats;
	AmplifyOperationCalls by_operation[AMPLIFY_MAX_OPERATIONS];
	int64		clock_offset;	/* seconds that the service's clock is ahead */
	double		max_rate;		/* calls a second, as the option says */
	/* the rest is pace.c's */
	int64		own_start;		/* no call starts before this, by max_rate */
	AmplifyRate rate;			/* of connections that do not share one, */
	uint32		rate_endpoint;	/* but are at that: a hash of its URL */
} AmplifyServer;

/* The start of a call, given to a session: throttle.c's */
typedef struct AmplifyTurn
{
	int64		start;			/* 0: none */
	uint32		pauses;			/* of the rate, when it was given */
} AmplifyTurn;

/*
 * One server as one user sees it.  Pinned by each statement that uses it;
 * goes away when no statement does and its catalog rows have changed.
 */
typedef struct AmplifyConnection
{
	MemoryContext context;		/* holds this struct and all it points to */
	int			pins;
	bool		invalid;		/* not for statements that start from now on */
	Oid			userid;
	char	   *servername;
	bool		has_mapping;
	bool		of_public;		/* it is PUBLIC's, whose options only its
								 * server's owner may see */
	const char *mappings;		/* versions of the user mappings that it has
								 * its credentials from; NULL: none */
	Oid			sourceid;		/* the server whose mapping has the
								 * credentials; 0: this one's own has */
	AmplifyServer *shared;
	AmplifyOptions options;		/* of server and mapping */
	AmplifyEndpoint endpoint;
	AmplifySigner *signer;
	struct AmplifyIdentityUse *identity;	/* identity.c's, when needed */
	uint64		statement;		/* the last that has pinned it */
	/* the rest is pace.c's */
	uint64		rate_identity;	/* for the sessions of the same mapping; 0: it
								 * does not decide the account */
	uint64		rate_key;		/* of the account's rate; 0: not known */
	int			rate_generation;	/* of the credentials that have told */
	int64		refused;		/* start of the last call that was refused
								 * while it was not known; 0: none */
	AmplifyTurn turn;
	int64		next_start;		/* no call can start before this */
	int64		wished;			/* the rate's, when it was asked last */
	dlist_node	node;
} AmplifyConnection;

extern void amplify_connection_install(void);
extern AmplifyConnection *amplify_connection_pin(Oid serverid, Oid userid,
												 uint64 statement);
extern void amplify_connection_unpin(AmplifyConnection *connection);
extern void amplify_connection_endpoint(const AmplifyOptions *options,
										const char *service, const char *url,
										AmplifyEndpoint *endpoint);
extern void amplify_connection_exchange(AmplifyConnection *connection,
										AmplifyExchangeSpec *spec);
extern int	amplify_connection_drop(const char *servername);
extern dlist_head *amplify_connection_list(void);
extern List *amplify_connection_servers(void);
extern void amplify_connection_reset_stats(void);
extern void amplify_connection_forget_session(void);
extern void amplify_connection_count(AmplifyOperationCalls *by_operation,
									 const AmplifyOperation *operation);

/* ---------- lookup.c: what all sources of credentials need ---------- */

typedef enum AmplifyProvision
{
	AMPLIFY_PROVISION_OK,
	AMPLIFY_PROVISION_NONE,		/* not set up here: the next one is asked */
	AMPLIFY_PROVISION_PENDING,	/* a request for them is under way */
	AMPLIFY_PROVISION_FAILED	/* set up, but it gives none */
} AmplifyProvision;

typedef struct AmplifyInquiry AmplifyInquiry;

/*
 * One attempt to find credentials.  Providers run in a context of the lookup's
 * own, which cancels what is under way and overwrites what is secret when it
 * goes away, so that they may be interrupted anywhere.
 */
typedef struct AmplifyLookup
{
	AmplifyConnection *connection;	/* with what, and by which way */
	MemoryContext context;		/* below the connection's */
	bool		begun;			/* a provider has been found */
	bool		broken;			/* an error has left it in the middle */
	AmplifyProvider provider;	/* the one that is asked */
	AmplifyInquiry *inquiry;	/* PENDING: what of it */
	List	   *roles;			/* AmplifyRoles that the keys are to be
								 * changed for, one after the other */
	AmplifyCredentials keys;	/* OK: what was found */
	bool		refreshable;	/* asking again may give other ones */
	AmplifyFailureKind kind;	/* FAILED: what a call fails of, */
	const char *reason;			/* and a sentence; never a secret in it */
	const char *code;			/* AWS's, of the last exchange that has
								 * failed; NULL: none, */
	int			status;			/* and of HTTP; 0 without a response */
	bool		of_region;		/* FAILED: with the signature of another
								 * region it might not */
	const char *action;			/* of sts.c: what is asked, */
	const char *role;			/* and for which role */
} AmplifyLookup;

/* One exchange of a lookup, and after it the next */
struct AmplifyInquiry
{
	AmplifyTransfer transfer;
	AmplifyExchangeSpec spec;	/* the caller's; so is what it points to */
	AmplifyAttempts attempts;
	AmplifyFailure failure;
	AmplifyLookup *lookup;
	AmplifyProvision (*answered) (AmplifyInquiry *inquiry, bool failed);
	bool		under_way;
	dlist_head	completed;
	MemoryContextCallback callback;
};

typedef struct AmplifyRole
{
	const char *arn;
	const char *session_name;	/* NULL: our own */
	const char *external_id;	/* NULL: none */
	const char *duration;		/* seconds; NULL: STS's default */
	bool		of_mapping;		/* and not of a profile */
} AmplifyRole;

extern AmplifyLookup *amplify_lookup_start(AmplifyConnection *connection);
extern void amplify_lookup_end(AmplifyLookup *lookup);
extern char *amplify_lookup_copy(MemoryContext context, const char *text);
extern const char *amplify_lookup_getenv(const char *name);
extern char *amplify_lookup_read_file(AmplifyLookup *lookup,
									  const char *path, size_t max_size);
extern AmplifyProvision amplify_lookup_fail(AmplifyLookup *lookup,
											const char *format,...) pg_attribute_printf(2, 3);
extern AmplifyProvision amplify_lookup_accept(AmplifyLookup *lookup,
											  const char *access_key_id,
											  const char *secret_access_key,
											  const char *session_token,
											  int64 expires);
extern AmplifyProvision amplify_lookup_json(AmplifyLookup *lookup,
											const AmplifyTransfer *transfer,
											const char *result,
											const char *token_member);
extern AmplifyProvision amplify_lookup_environment(AmplifyLookup *lookup);
extern void amplify_lookup_add_role(AmplifyLookup *lookup,
									const AmplifyRole *role);
extern AmplifyInquiry *amplify_lookup_inquire(AmplifyLookup *lookup);
extern AmplifyProvision amplify_lookup_send(AmplifyInquiry *inquiry,
											AmplifyProvision (*answered) (AmplifyInquiry *inquiry,
																		  bool failed));
extern AmplifyProvision amplify_lookup_poll(AmplifyLookup *lookup);
extern int64 amplify_lookup_ready_at(const AmplifyLookup *lookup);

/* ---------- sts.c: a role's temporary credentials ---------- */

extern AmplifyProvision amplify_sts_assume_role(AmplifyLookup *lookup,
												const AmplifyRole *role);
extern AmplifyProvision amplify_sts_web_identity(AmplifyLookup *lookup,
												 const AmplifyRole *role,
												 const char *token_file);

/* ---------- metadata.c: the container's and the instance's role ---------- */

extern AmplifyProvision amplify_metadata_container(AmplifyLookup *lookup);
extern AmplifyProvision amplify_metadata_instance(AmplifyLookup *lookup);

/* ---------- profile.c: the shared configuration files ---------- */

/* What of a profile may be used; in this order */
#define AMPLIFY_PROFILE_ROLE			0x01
#define AMPLIFY_PROFILE_WEB_IDENTITY	0x02
#define AMPLIFY_PROFILE_KEYS			0x04
#define AMPLIFY_PROFILE_ALL				0x07

extern AmplifyProvision amplify_profile_get(AmplifyLookup *lookup,
											const char *name, int parts);

/* ---------- provider.c: the sources, in their order ---------- */

/* For messages */
typedef struct AmplifyProviderText
{
	const char *name;			/* after "from"; NULL: of none in particular */
	const char *hint;
} AmplifyProviderText;

/* indexed by AmplifyProvider */
extern const AmplifyProviderText amplify_provider_texts[];

extern AmplifyProvision amplify_provider_poll(AmplifyLookup *lookup);

/* ---------- identity.c: credentials that connections share ---------- */

/* Why there are none; a local shortage has another kind than the rest */
typedef struct AmplifyLack
{
	AmplifyFailureKind kind;
	AmplifyProvider provider;
	const char *reason;			/* a sentence, or NULL */
	const char *code;			/* AWS's, ASCII, or NULL */
	int			status;			/* of HTTP; 0 without a response */
} AmplifyLack;

extern AmplifyProvision amplify_identity_ask(AmplifyConnection *connection,
											 const AmplifyLack **lack);
extern int64 amplify_identity_ready_at(const AmplifyConnection *connection);
extern const AmplifyCredentials *amplify_identity_keys(const AmplifyConnection *connection);
extern const AmplifyLack *amplify_identity_lack(const AmplifyConnection *connection,
												TimestampTz *failed_at);
extern bool amplify_identity_expired(const AmplifyConnection *connection,
									 int generation);
extern void amplify_identity_mask(const AmplifyConnection *connection,
								  AmplifyFailure *failure);
extern void amplify_identity_rest(void);

/* ---------- credential.c: whose credentials are used ---------- */

extern AmplifyProvision amplify_credential_get(AmplifyConnection *connection,
											   AmplifyCredentials *credentials,
											   AmplifyLack *lack);
extern void amplify_credential_mask(const AmplifyConnection *connection,
									AmplifyFailure *failure);
extern bool amplify_credential_may_know(Oid userid, bool of_public);
extern void amplify_credential_report(int elevel, AmplifyProvider provider,
									  const char *reason,
									  const AmplifyConnection *connection);
extern const char *amplify_credential_sentence(const char *reason);
extern void amplify_credential_refuse(const AmplifyConnection *connection);

#endif							/* AMPLIFY_SESSION_H */
