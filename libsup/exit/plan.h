/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a child needs between clone and execve, made before, because there it
 * may neither allocate nor take a lock.
 */
#ifndef SUP_EXIT_PLAN_H
#define SUP_EXIT_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "exit/ids.h"

struct sup_fd;
struct sup_process_spec;

/* What it gets from us besides. */
struct sup__plan_extra {
	const char *notify_name;	/* of NOTIFY_SOCKET; NULL: none */
	int ready_fd;		/* what is its ready_fd */
	int output_fd;		/* what is captured is written there */
	int function_fd;	/* of a function: its end of the socket */
	int program_fd;		/* and our own program */
};

struct sup__plan {
	const struct sup_process_spec *spec;
	char **paths;		/* where argv[0] may lie, in order, then NULL */
	int program_fd;		/* executed instead; -1: none */
	char **envp;
	char *notify_env;	/* "NOTIFY_SOCKET=@...", or NULL */
	char watchdog_env[48];	/* "WATCHDOG_USEC=..." */
	char watchdog_pid[32];	/* "WATCHDOG_PID=", its number is the child's */
	char function_env[32];	/* "SUP_FUNCTION=..." */
	int function_to;	/* its descriptor there */
	struct sup_fd *fds;	/* by rising to; the spec's and ours */
	size_t n_fds;
	int *fd_scratch;	/* as many, the child's */
	struct sup__ids ids;
};

/*
 * Checks the spec and makes the plan. extra, which may be NULL, is borrowed for
 * the call; its descriptors until the child has run. One with a function has
 * argv, too: the program's name, and the function's. Errors: -EINVAL names the
 * field; those of sup__ids_init(); -ENOMEM.
 */
int sup__plan_init(struct sup__plan *plan, const struct sup_process_spec *spec,
		   const struct sup__plan_extra *extra);

/* The ready_fd of a spec, its default filled in. */
int sup__plan_ready_fd(const struct sup_process_spec *spec);

/* plan_env.c, a part of it: makes envp. -EINVAL, -ENOMEM. */
int sup__plan_env(struct sup__plan *plan, const char *notify_name);

/* Names the descriptor of a process that is to run a function. */
#define SUP__FUNCTION_ENV "SUP_FUNCTION"

/* Before its number: the child writes that. */
#define SUP__WATCHDOG_PID "WATCHDOG_PID="

/* Safe on zeroed memory, and twice. */
void sup__plan_fini(struct sup__plan *plan);

/* Where in the child's way to execve something failed. */
enum sup__step {
	SUP__STEP_DESCRIPTORS,
	SUP__STEP_SESSION,
	SUP__STEP_FD,		/* of n */
	SUP__STEP_INPUT,
	SUP__STEP_OUTPUT,
	SUP__STEP_ERRORS,
	SUP__STEP_RLIMIT,	/* of n */
	SUP__STEP_GROUPS,
	SUP__STEP_GROUP,
	SUP__STEP_USER,
	SUP__STEP_CWD,
	SUP__STEP_EXEC,
};

/* Where, for a step that there are many of: which. */
struct sup__failure {
	int step;		/* enum sup__step */
	int n;
	int err;		/* negative */
};

/* Sets the sentence for a failed step and returns its err. */
int sup__plan_error(const struct sup__plan *plan,
		    const struct sup__failure *failure);

#endif
