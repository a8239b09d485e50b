/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server that OTP's gen_server_SUITE has under test, as far as we need. */
#ifndef TESTS_LIB_GS_H
#define TESTS_LIB_GS_H

#include <stdatomic.h>

#include <sup/sup.h>

enum gs_tag {
	GS_PING = 1,		/* call: answered with the same tag */
	GS_DELAYED,		/* arg ms: answered from a timer */
	GS_CALL_WITHIN,		/* arg ms: GS_NEXT must come by then */
	GS_NEXT,		/* call: tag 1 if it did, else 0 */
	GS_STOP,	/* stops with the term arg; call: answers last */
	GS_BAD,			/* a callback returns junk */
	GS_CONTINUE,		/* arg: how often; call: answered before */
	GS_CONTINUE_STOP,
	GS_LOG,			/* call: what has happened, as text */
	GS_SLEEP,		/* blocks arg ms in the callback */
	GS_FAIL,		/* a callback returns -arg */
	GS_RELEASE,		/* cast: answers GS_DELAYED of -1 */
};

struct gs {
	int init_result;
	int64_t init_ms;		/* it takes that long */
	uint64_t init_continues;
	const char *init_registers;	/* a name of its own, kept to the end */
	bool init_stop_with;

	char log[64];			/* one letter for each event */
	struct sup_from delayed;
	int64_t within;
	struct sup_reason end;
	int64_t terminate_ms;
	int terminates;
	_Atomic int timeouts;
};

extern const struct sup_server_ops gs_ops;

/* Some of its callbacks, for servers that have but a few. */
int gs_init(void *arg, void **ret_state);
int gs_call(void *state, struct sup_from from, struct sup_msg *req);

int gs_answer(struct sup_from from, uint64_t tag);

/* A wait that hears of a kill: for what real code would do in that time. */
void gs_sleep(int64_t ms);

/* Registered if it has a name. */
struct sup_server_spec gs_spec(struct gs *g, const char *name);
struct sup_pid gs_start(struct gs *g);

/* arg must live as long as the message; it may be NULL. */
struct sup_msg gs_msg(enum gs_tag tag, const int64_t *arg);

/* The tag of the reply, or the error. */
int gs_ask_by(struct sup_pid pid, enum gs_tag tag, int64_t arg,
	      int64_t deadline);
int gs_ask(struct sup_pid pid, enum gs_tag tag, int64_t arg);

#endif
