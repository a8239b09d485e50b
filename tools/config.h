/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a tree file says, as loaded and checked; see supd.yaml(5). */
#ifndef TOOLS_CONFIG_H
#define TOOLS_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include <sup/process.h>
#include <sup/supervisor.h>
#include <sup/task.h>

enum config_service {
	CONFIG_SERVICE_NONE,
	CONFIG_SERVICE_ECHO,
	CONFIG_SERVICE_COUNTER,
};

enum config_answer {
	CONFIG_NO,
	CONFIG_YES,
};

/* One child, or the root. What it is, argv, service or children tell. */
struct config_child {
	char *id;		/* of the root: its name */

	/* a supervisor */
	struct config_child *children;
	unsigned int n_children;
	enum sup_strategy strategy;
	unsigned int *intensity;	/* NULL: not said */
	char *period;
	char *hold;
	enum sup_auto_shutdown auto_shutdown;

	/* a program */
	char **argv;
	unsigned int n_argv;
	char **env;
	unsigned int n_env;
	char *cwd;
	char *output;
	enum sup_capture capture;
	enum sup_readiness ready;
	uint16_t *ready_fd;	/* NULL: not said */
	char *ready_timeout;
	char *watchdog;
	char *stop_signal;

	/* a service of supd's own */
	enum config_service service;
	uint16_t *port;
	enum sup_containment contain;

	/* any child */
	enum sup_restart restart;
	enum config_answer significant;
	char *shutdown;
	char **depends_on;
	unsigned int n_depends_on;
	char *backoff;
	char *backoff_max;
	unsigned int *backoff_factor;	/* percent; NULL: not said */
	unsigned int *backoff_jitter;
	char *backoff_stable;
	unsigned int *budget;		/* NULL: none of its own */
	char *budget_period;
	enum sup_spent budget_spent;
	unsigned int *flapping;		/* NULL: never */
	char *flapping_period;
	char *flapping_stable;

	/* worked out by the check */
	unsigned int period_s;
	int64_t ready_timeout_ms;
	int64_t watchdog_ms;
	int64_t shutdown_ms;
	int stop_signo;
	int64_t hold_ms;
	int64_t backoff_ms, backoff_max_ms, backoff_stable_ms;
	int64_t budget_period_ms;
	int64_t flapping_period_ms, flapping_stable_ms;
};

/*
 * Loads a file and checks it completely: nothing has to be looked up or can be
 * misspelt afterwards. Returns 0; -EINVAL what it says is wrong; or what kept
 * it from being read. Then *ret_text, for free(3), is what to tell people:
 * lines of "file:line:column: sentence".
 */
int config_load(const char *path, struct config_child **ret_root,
		char **ret_text);

void config_free(struct config_child *root);

#endif
