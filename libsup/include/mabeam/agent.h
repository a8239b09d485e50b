/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Agents: what they are, and the AgentRegistry, which knows them all. An agent
 * has an id, a type and capabilities; it is registered, then started as often
 * as one likes (<mabeam/agent_supervisor.h>), and asked (<mabeam/agent_ask.h>).
 * What is known of agents is the process's: no task that ends takes any of it
 * along. The laws of <sup/types.h> hold. Any thread.
 */
#ifndef MABEAM_AGENT_H
#define MABEAM_AGENT_H

#include <sup/call.h>
#include <sup/supervisor_spec.h>
#include <sup/task.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of ids, types, capabilities and methods, without their terminator. */
#define MAB_NAME_MAX 63
#define MAB_CAPABILITIES_MAX 32
#define MAB_BODY_MAX 1048576

/*
 * What an agent is asked, or told: a method, and a body, which is JSON text by
 * convention, so that an agent may be written in any language. A body that an
 * agent gets has a NUL behind it.
 */
struct mab_message {
	const char *method;
	const char *body;	/* may be NULL if len is 0 */
	size_t len;
	int64_t deadline;	/* of who asks; not read in a call */
};

/*
 * An agent that is a thread: a server, whose callbacks these are. All but init
 * may be NULL. They return SUP_CONTINUE, SUP_STOP or a negative errno, as those
 * of <sup/server.h>, whose calls they may use.
 */
struct mab_agent_ops {
	size_t size;
	/* As a server's. id lasts as long as the agent lives. */
	int (*init)(const char *id, void *arg, void **ret_state);
	/* Answer with mab_reply() or mab_reply_error(), now or later. */
	int (*request)(void *state, struct sup_from from,
		       const struct mab_message *message);
	int (*notify)(void *state, const struct mab_message *message);
	int (*info)(void *state, struct sup_info *info);
	void (*terminate)(void *state, const struct sup_reason *reason);
};

/* When it is started again; default: never. */
enum mab_restart {
	MAB_TEMPORARY,
	MAB_TRANSIENT,		/* after an end that was not clean */
	MAB_PERMANENT,
};

struct mab_agent_spec {
	size_t size;
	const char *id;
	const char *type;	/* default "agent" */
	const char *const *capabilities;	/* up to a NULL; NULL: none */
	const struct mab_agent_ops *ops;	/* lasts as long as the agent */
	void *arg;		/* handed to each init */
	enum mab_restart restart;
	/* Restarts that it may have within the period; then it stays down. */
	int max_restarts;	/* default 3; SUP_INTENSITY_NONE: 0 */
	uint32_t period_s;	/* default 60 */
	struct sup_backoff backoff;	/* default: at once */
	int64_t shutdown_ms;	/* from its stop to its kill; default 5 s */
	size_t mailbox;		/* messages held at most; default 1024 */
	enum sup_containment containment;
};

/*
 * Makes an agent known. The spec is copied, but for ops and arg. Errors:
 * -EEXIST the id is taken; -EINVAL names the field; -ENAMETOOLONG; -ENOMEM.
 */
SUP_API int mab_agent_register(const struct mab_agent_spec *spec);

/*
 * Makes it unknown: stops it first, as mab_agent_stop(). A safe point.
 * -ENOENT; -EINVAL; -ENAMETOOLONG; as mab_agent_stop() otherwise.
 */
SUP_API int mab_agent_deregister(const char *id);

enum mab_agent_state {
	MAB_REGISTERED,		/* it has not been started yet */
	MAB_STARTING,
	MAB_RUNNING,
	MAB_RESTARTING,		/* it has ended, and will start again, maybe */
				/* under the next AgentSupervisor */
	MAB_CRASHED,		/* and stays so: reason; or its start: error */
	MAB_COMPLETED,		/* it ended, normally */
	MAB_STOPPED,		/* it ended as it was asked to */
	MAB_STATES
};

#define MAB_STATE_BIT(state) (1u << (state))

/* An agent at one moment. */
struct mab_agent {
	const char *id, *type;
	const char *const *capabilities;	/* n_capabilities, then NULL */
	size_t n_capabilities;
	enum mab_agent_state state;
	struct sup_pid pid;	/* STARTING, RUNNING; else none */
	struct sup_pid last_pid;
	unsigned int restarts;	/* in all of its time, that came up */
	bool has_ended;
	struct sup_reason reason;	/* has_ended: of its last end */
	int error;		/* of its last start, or 0 */
	int64_t registered_ns, started_ns;	/* CLOCK_MONOTONIC; 0: never */
};

/* *ret_agent is to free(3). A safe point. -ENOENT; -EINVAL; -ENOMEM. */
SUP_API int mab_agent_get(const char *id, struct mab_agent **ret_agent);

struct mab_agent_query {
	const char *type;	/* NULL: of any */
	const char *const *capabilities; /* it has all; up to a NULL */
	uint32_t states;	/* MAB_STATE_BIT()s; 0: in any */
};

/*
 * All agents that match, by id; query may be NULL. *ret_agents is one block, to
 * free(3), NULL if there are none. A safe point. -ENOMEM.
 */
SUP_API int mab_agent_find(const struct mab_agent_query *query,
			   struct mab_agent **ret_agents, size_t *ret_n);

/* The task that it is now, if it runs, or SUP_PID_NONE. Not a safe point. */
SUP_API struct sup_pid mab_agent_whereis(const char *id);

/* Its name, as "running"; "unknown" for what is no state. */
SUP_API const char *mab_agent_state_name(enum mab_agent_state state);

#ifdef __cplusplus
}
#endif

#endif
