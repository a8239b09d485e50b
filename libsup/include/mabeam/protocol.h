/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Protocols: how agents come to one outcome. A protocol says which parameters
 * it takes, what each agent is asked, what an answer counts, and what all of
 * them come to; <mabeam/coordination.h> asks the agents. Those that are built
 * in are in Documentation/mabeam.md. Any thread.
 */
#ifndef MABEAM_PROTOCOL_H
#define MABEAM_PROTOCOL_H

#include <mabeam/agent.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MAB_ROUND_AGENTS_MAX 1024
#define MAB_PROTOCOLS_MAX 256

/* One round of questions and answers, as a protocol sees it. */
struct mab_round {
	uint64_t session;	/* its number; 0 while parameters are checked */
	uint64_t seed;		/* of whatever is drawn by lot */
	const char *const *agents;	/* n ids, no two of them alike */
	size_t n;
	const char *params;	/* len bytes and a NUL: a JSON object or none */
	size_t len;
	void *state;		/* of the protocol: zeroed when it begins */
};

/* What outcome() returns besides errors. */
#define MAB_AGREED	0
#define MAB_NOT_AGREED	1	/* there is an outcome: that there is none */

/*
 * None of these may call what is a safe point, nor hold anything beyond its
 * return but state. What comes out depends on the round and on the answers, not
 * on their order. ret_body is malloc(3)'ed text of JSON.
 */
struct mab_protocol {
	size_t size;
	const char *name;
	const char *method;	/* by which agents are asked */
	size_t state_size;	/* bytes of state, */
	size_t agent_size;	/* and, for each agent, these more */
	/*
	 * Checks the parameters and fills in state: once for who starts a
	 * session, on that thread, and once more, elsewhere, before agents are
	 * asked. Negative: it does not begin; sup_set_error() names the field.
	 */
	int (*begin)(struct mab_round *round);
	/* What all of the agents are asked. */
	int (*question)(const struct mab_round *round, char **ret_body);
	/*
	 * The agent has answered; or, body NULL, it abstains: what is returned
	 * does not count then. Negative: it is no answer, and the agent
	 * abstains, for the reason that sup_set_error() gives.
	 */
	int (*answer)(struct mab_round *round, size_t agent, const char *body,
		      size_t len);
	/* No other answer would change the outcome. NULL: all are awaited. */
	bool (*decided)(const struct mab_round *round);
	/* An object: MAB_AGREED, MAB_NOT_AGREED, or negative. The last one. */
	int (*outcome)(struct mab_round *round, char **ret_body);
};

/*
 * Makes a protocol known; it is copied, but for its functions. -EEXIST the name
 * is taken; -EINVAL names the field; -ENAMETOOLONG; -ENOSPC there are
 * MAB_PROTOCOLS_MAX; -ENOMEM. Not a safe point; the others are.
 */
SUP_API int mab_protocol_register(const struct mab_protocol *protocol);

/* -ENOENT no such protocol; -EPERM it is built in; -EBUSY a session has it. */
SUP_API int mab_protocol_unregister(const char *name);

/* A protocol, and what came of its sessions. */
struct mab_protocol_info {
	char name[MAB_NAME_MAX + 1];
	const struct mab_protocol *protocol;	/* until it is unregistered */
	bool built_in;
	uint64_t runs;		/* sessions that were started; of these */
	uint64_t active;	/* are not over yet; the others are: */
	uint64_t agreed, not_agreed;
	uint64_t timed_out;	/* not agreed, and agents were silent */
	uint64_t failed, cancelled;
	int64_t mean_ns;	/* of the agreed ones; 0: none */
};

/* -ENOENT. */
SUP_API int mab_protocol_get(const char *name,
			     struct mab_protocol_info *ret_info);

/* All, by name. *ret_infos is to free(3). -ENOMEM. */
SUP_API int mab_protocol_list(struct mab_protocol_info **ret_infos,
			      size_t *ret_n);

#ifdef __cplusplus
}
#endif

#endif
