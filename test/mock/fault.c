/*
 * fault.c
 *	  Rules that make replies go wrong, and the limit on the rate of calls.
 *
 * A kind of fault is one row of a table: its name, how its value is read and
 * what it does to the wishes for a reply.  How a wish is carried out is the
 * business of reply.c, body.c and conn.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock.h"

#define MAX_ARGS	24

typedef struct FaultKind FaultKind;

typedef struct FaultArg
{
	const FaultKind *kind;
	long		num;
	Slice		text;
} FaultArg;

struct FaultKind
{
	const char *name;
	bool		(*parse) (const FaultKind *kind, Slice value, FaultArg *arg);
	void		(*apply) (const FaultArg *arg, Wishes *w);
	size_t		field;			/* of Wishes */
	const char *const *choices; /* of parse_choice */
	long		max;			/* of parse_number */
};

typedef struct Rule
{
	struct Rule *next;
	char	   *op;				/* NULL: any */
	char	   *match;			/* NULL: any */
	long		skip;
	long		left;			/* -1: for ever */
	long		every;
	long		percent;
	uint64_t	seen;
	int			nargs;
	FaultArg	arg[MAX_ARGS];
} Rule;

static Rule *rules;

static const char *const where_names[] =
{"header", "body", "Code", "type", "none", NULL};
static const char *const stall_names[] = {"request", "headers", "body", NULL};
static const char *const reset_names[] = {"headers", "body", NULL};
static const char *const token_names[] = {"same", "cycle", "new", "long", NULL};

/* ---- parsers ---- */

static bool
parse_number(const FaultKind *kind, Slice value, FaultArg *arg)
{
	return parse_long(value.p, 0, kind->max, &arg->num);
}

static bool
parse_signed(const FaultKind *kind, Slice value, FaultArg *arg)
{
	return parse_long(value.p, -kind->max, kind->max, &arg->num);
}

static bool
parse_choice(const FaultKind *kind, Slice value, FaultArg *arg)
{
	for (int i = 0; kind->choices[i] != NULL; i++)
	{
		if (slice_is(value, kind->choices[i]))
		{
			arg->num = i + 1;
			return true;
		}
	}
	return false;
}

static bool
parse_text(const FaultKind *kind, Slice value, FaultArg *arg)
{
	(void) kind;
	arg->text = slice_dup(value);
	return true;
}

static bool
parse_file(const FaultKind *kind, Slice value, FaultArg *arg)
{
	(void) kind;
	arg->text.p = read_whole_file(value.p, &arg->text.n);
	return arg->text.p != NULL;
}

static bool
parse_length(const FaultKind *kind, Slice value, FaultArg *arg)
{
	if (slice_is(value, "none"))
	{
		arg->text = slice_dup(value);
		return true;
	}
	return parse_signed(kind, value, arg);
}

/* ---- what they do ---- */

static void
apply_number(const FaultArg *arg, Wishes *w)
{
	*(long *) ((char *) w + arg->kind->field) = arg->num;
}

/* 0 bytes is a wish as well: it is kept as one more. */
static void
apply_cut(const FaultArg *arg, Wishes *w)
{
	w->cut = arg->num + 1;
}

static void
apply_text(const FaultArg *arg, Wishes *w)
{
	*(Slice *) ((char *) w + arg->kind->field) = arg->text;
}

static void
apply_header(const FaultArg *arg, Wishes *w)
{
	buf_slice(&w->headers, arg->text);
	buf_puts(&w->headers, "\r\n");
}

static void
apply_length(const FaultArg *arg, Wishes *w)
{
	w->nolength = arg->text.p != NULL;
	w->length = arg->num;
}

#define FIELD(f)	offsetof(Wishes, f)
#define DAY_MS		86400000L

static const FaultKind kinds[] = {
	{"status", parse_number, apply_number, FIELD(status), NULL, 999},
	{"code", parse_text, apply_text, FIELD(code), NULL, 0},
	{"where", parse_choice, apply_number, FIELD(where), where_names, 0},
	{"message", parse_text, apply_text, FIELD(message), NULL, 0},
	{"messagekey", parse_text, apply_text, FIELD(messagekey), NULL, 0},
	{"header", parse_text, apply_header, 0, NULL, 0},
	{"type", parse_text, apply_text, FIELD(type), NULL, 0},
	{"body", parse_text, apply_text, FIELD(body), NULL, 0},
	{"bodyfile", parse_file, apply_text, FIELD(body), NULL, 0},
	{"redirect", parse_text, apply_text, FIELD(redirect), NULL, 0},
	{"early", parse_text, apply_text, FIELD(early), NULL, 0},
	{"trailer", parse_text, apply_text, FIELD(trailer), NULL, 0},
	{"latency", parse_number, apply_number, FIELD(latency), NULL, DAY_MS},
	{"stall", parse_choice, apply_number, FIELD(stall), stall_names, 0},
	{"cut", parse_number, apply_cut, 0, NULL, 1L << 40},
	{"reset", parse_choice, apply_number, FIELD(reset), reset_names, 0},
	{"drip", parse_number, apply_number, FIELD(drip), NULL, DAY_MS},
	{"length", parse_length, apply_length, 0, NULL, 1L << 40},
	{"chunked", parse_number, apply_number, FIELD(chunked), NULL, 1},
	{"badchunk", parse_number, apply_number, FIELD(badchunk), NULL, 1},
	{"gzip", parse_number, apply_number, FIELD(gzip), NULL, 1},
	{"repeat", parse_number, apply_number, FIELD(repeat), NULL, 1L << 20},
	{"headers", parse_number, apply_number, FIELD(junk), NULL, 1L << 30},
	{"line", parse_number, apply_number, FIELD(junk_line), NULL, 1L << 30},
	{"trailers", parse_number, apply_number, FIELD(junk_trailers), NULL, 1L << 30},
	{"close", parse_number, apply_number, FIELD(close), NULL, 1},
	{"closeidle", parse_number, apply_number, FIELD(closeidle), NULL, 1},
	{"halfclose", parse_number, apply_number, FIELD(halfclose), NULL, 1},
	{"token", parse_choice, apply_number, FIELD(token), token_names, 0},
	{"nest", parse_number, apply_number, FIELD(nest), NULL, 1L << 24},
	{"http09", parse_number, apply_number, FIELD(http09), NULL, 1},
	{"badstatus", parse_number, apply_number, FIELD(badstatus), NULL, 1},
};

/* ---- rules ---- */

static void
rule_free(Rule *rule)
{
	for (int i = 0; i < rule->nargs; i++)
		free((char *) rule->arg[i].text.p);
	free(rule->op);
	free(rule->match);
	free(rule);
}

static const char *
read_selector(Rule *rule, const Param *item, bool *known)
{
	const struct
	{
		const char *name;
		long	   *value;
		long		min;
		long		max;
	}			numbers[] = {
		{"skip", &rule->skip, 0, 1L << 40},
		{"n", &rule->left, -1, 1L << 40},
		{"every", &rule->every, 1, 1L << 40},
		{"percent", &rule->percent, 0, 100},
	};

	*known = true;
	if (slice_is(item->key, "op") && rule->op == NULL)
	{
		rule->op = xstrndup(item->value.p, item->value.n);
		for (int i = 0; i < api_nops; i++)
			if (strcmp(rule->op, api_ops[i].name) == 0)
				return NULL;
		return strcmp(rule->op, "any") == 0 ? NULL : "op is no operation";
	}
	if (slice_is(item->key, "match") && rule->match == NULL)
	{
		rule->match = xstrndup(item->value.p, item->value.n);
		return NULL;
	}
	for (size_t i = 0; i < lengthof(numbers); i++)
		if (slice_is(item->key, numbers[i].name))
			return parse_long(item->value.p, numbers[i].min, numbers[i].max,
							  numbers[i].value) ? NULL : "a selector is out of range";
	*known = false;
	return NULL;
}

static const char *
read_effect(Rule *rule, const Param *item)
{
	FaultArg   *arg = &rule->arg[rule->nargs];

	for (size_t i = 0; i < lengthof(kinds); i++)
	{
		if (!slice_is(item->key, kinds[i].name))
			continue;
		if (rule->nargs == MAX_ARGS)
			return "too many effects in one rule";
		arg->kind = &kinds[i];
		if (!kinds[i].parse(&kinds[i], item->value, arg))
			return "the value of an effect is wrong";
		rule->nargs++;
		return NULL;
	}
	return "there is no such selector or effect";
}

/* Rules that have done all they should go when the next one comes. */
static Rule **
drop_spent_rules(void)
{
	Rule	  **at = &rules;

	while (*at != NULL)
	{
		Rule	   *rule = *at;

		if (rule->left == 0)
		{
			*at = rule->next;
			rule_free(rule);
		}
		else
			at = &rule->next;
	}
	return at;
}

/* Returns what is wrong with it, or NULL. */
const char *
fault_add(const Params *ps)
{
	static char text[200];
	Rule	   *rule = xalloc(sizeof(Rule));

	rule->left = 1;
	rule->percent = 100;
	for (int i = 0; i < ps->n; i++)
	{
		bool		known;
		const char *error = read_selector(rule, &ps->item[i], &known);

		if (error == NULL && !known)
			error = read_effect(rule, &ps->item[i]);
		if (error != NULL)
		{
			rule_free(rule);
			snprintf(text, sizeof(text), "%s: %.60s=%.60s", error,
					 ps->item[i].key.p, ps->item[i].value.p);
			return text;
		}
	}
	if (rule->nargs == 0)
	{
		rule_free(rule);
		return "a rule without an effect";
	}
	*drop_spent_rules() = rule;
	return NULL;
}

void
faults_clear(void)
{
	while (rules != NULL)
	{
		Rule	   *next = rules->next;

		rule_free(rules);
		rules = next;
	}
}

static bool
rule_fires(Rule *rule, const char *op, Slice target)
{
	uint64_t	nth;

	if (rule->left == 0 ||
		(rule->op && strcmp(rule->op, "any") != 0 && strcmp(rule->op, op) != 0))
		return false;
	if (rule->match &&
		memmem(target.p, target.n, rule->match, strlen(rule->match)) == NULL)
		return false;
	nth = ++rule->seen;
	if (nth <= (uint64_t) rule->skip)
		return false;
	nth -= (uint64_t) rule->skip;
	if (rule->every > 0 && nth % (uint64_t) rule->every != 0)
		return false;
	if (mix64(nth * UINT64_C(0x9e3779b97f4a7c15)) % 100 >= (uint64_t) rule->percent)
		return false;
	if (rule->left > 0)
		rule->left--;
	return true;
}

/* The first rule that fires is the one that counts. */
void
fault_apply(const char *op, Slice target, Wishes *w)
{
	for (Rule *rule = rules; rule != NULL; rule = rule->next)
	{
		if (!rule_fires(rule, op, target))
			continue;
		for (int i = 0; i < rule->nargs; i++)
			rule->arg[i].kind->apply(&rule->arg[i], w);
		return;
	}
}

/* ---- the rate of calls ---- */

static struct
{
	long		rps;			/* 0: no limit */
	long		burst;
	long		status;
	long		retry_after;	/* -1: not said */
	char		code[100];
	double		tokens;
	uint64_t	when;
}			rate;

void
rate_clear(void)
{
	rate.rps = 0;
}

const char *
rate_set(const Params *ps)
{
	const char *v;

	rate.status = 429;
	rate.retry_after = -1;
	if (!(v = param(ps, "rps")) || !parse_long(v, 0, 10000000, &rate.rps))
		return "rps is a number";
	rate.burst = rate.rps;
	if ((v = param(ps, "burst")) && !parse_long(v, 1, 10000000, &rate.burst))
		return "burst is a number";
	if ((v = param(ps, "status")) && !parse_long(v, 100, 999, &rate.status))
		return "status is a number";
	if ((v = param(ps, "retry_after")) && !parse_long(v, 0, 100000, &rate.retry_after))
		return "retry_after is a number";
	v = param(ps, "code");
	snprintf(rate.code, sizeof(rate.code), "%s", v ? v : "TooManyRequestsException");
	rate.tokens = (double) rate.burst;
	rate.when = now_ms();
	return NULL;
}

/* True, with an error in the reply, if this call is one too many. */
bool
rate_exceeded(const char *op, Reply *r)
{
	uint64_t	now;

	if (rate.rps == 0)
		return false;
	now = now_ms();
	rate.tokens += (double) (now - rate.when) * (double) rate.rps / 1000.0;
	rate.when = now;
	if (rate.tokens > (double) rate.burst)
		rate.tokens = (double) rate.burst;
	if (rate.tokens >= 1.0)
	{
		rate.tokens -= 1.0;
		return false;
	}
	reply_error(r, (int) rate.status, rate.code,
				"Rate exceeded while calling %s, please slow down or try "
				"again later.", op);
	if (rate.retry_after >= 0)
		buf_printf(&r->headers, "Retry-After: %ld\r\n", rate.retry_after);
	return true;
}
