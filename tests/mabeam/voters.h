/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Agents that vote, bid and demand. An agent's arg is what it answers whatever
 * it is asked, as JSON, or how it behaves.
 */
#ifndef TESTS_MABEAM_VOTERS_H
#define TESTS_MABEAM_VOTERS_H

#include "mabeam.h"

#define SILENT "silent"
#define CRASHES "crashes"
#define REFUSES "refuses"
/* Answers with what follows when it is told to: notified of "go". */
#define LATER "later "

static _Atomic int voters_asked;

struct voter_state {
	const char *answer;
	struct sup_from from;	/* LATER: who waits */
};

static inline int voter_init(const char *id, void *arg, void **ret_state)
{
	struct voter_state *v = sup_alloc(sizeof(*v));

	(void)id;
	if (!v)
		return -ENOMEM;
	v->answer = arg;
	*ret_state = v;
	return 0;
}

static inline int voter_request(void *state, struct sup_from from,
				const struct mab_message *m)
{
	struct voter_state *v = state;

	(void)m;
	v->from = from;
	atomic_fetch_add(&voters_asked, 1);
	if (!strcmp(v->answer, CRASHES))
		return -EIO;
	if (!strcmp(v->answer, REFUSES))
		return mab_reply_error(from, "not me");
	if (!strcmp(v->answer, SILENT) ||
	    !strncmp(v->answer, LATER, strlen(LATER)))
		return SUP_CONTINUE;
	return mab_reply(from, v->answer, strlen(v->answer));
}

static inline int voter_notify(void *state, const struct mab_message *m)
{
	struct voter_state *v = state;

	const char *answer = v->answer + strlen(LATER);

	(void)m;
	return mab_reply(v->from, answer, strlen(answer));
}

static const struct mab_agent_ops voter_ops = {
	.size = sizeof(voter_ops), .init = voter_init,
	.request = voter_request, .notify = voter_notify,
};

static inline void start_voter(const char *id, const char *answer)
{
	start_agent(AGENT_OF(&voter_ops, .id = id, .arg = (void *)answer));
}

static inline void go(const char *id)
{
	assert_int_equal(mab_agent_notify(id, SAY("go", ""), LONG), 0);
}

#define IDS(...) .agents = (const char *const[]){ __VA_ARGS__ }, \
	.n_agents = N_OF(((const char *const[]){ __VA_ARGS__ }))

#define COORDINATION(...) (&(struct mab_coordination){ \
	.size = sizeof(struct mab_coordination), __VA_ARGS__ })

static inline uint64_t begin_session(const struct mab_coordination *c)
{
	uint64_t nr;

	assert_int_equal(mab_coordinate_start(c, &nr), 0);
	return nr;
}

static inline struct mab_session *session_of(uint64_t nr)
{
	struct mab_session *s;

	assert_int_equal(mab_coordinate_get(nr, &s), 0);
	assert_int_equal(s->nr, nr);
	return s;
}

static inline enum mab_session_state session_state(uint64_t nr)
{
	struct mab_session *s = session_of(nr);
	enum mab_session_state state = s->state;

	free(s);
	return state;
}

static inline struct mab_session *session_over(uint64_t nr)
{
	struct mab_session *s;

	assert_int_equal(mab_coordinate_wait(nr, &s, LONG), 0);
	return s;
}

/* It is over like this, and that is its outcome. */
static inline void check_over(uint64_t nr, enum mab_session_state state,
			      const char *outcome)
{
	struct mab_session *s = session_over(nr);

	assert_string_equal(mab_session_state_name(s->state),
			    mab_session_state_name(state));
	assert_string_equal(s->outcome, outcome);
	assert_int_equal(s->len, strlen(outcome));
	assert_true(s->ended_ns >= s->begun_ns);
	free(s);
}

static inline void check_failed(uint64_t nr, enum sup_reason_kind kind,
				int code)
{
	struct mab_session *s = session_over(nr);

	assert_int_equal(s->state, MAB_SESSION_FAILED);
	assert_int_equal(s->reason.kind, kind);
	assert_int_equal(s->reason.code, code);
	assert_null(s->outcome);
	free(s);
}

static inline struct mab_coordination_stats stats_now(void)
{
	struct mab_coordination_stats stats;

	mab_coordinate_stats(&stats);
	return stats;
}

#endif
