/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a child needs between clone and execve, made before, because there it
 * may neither allocate nor take a lock.
 */
#ifndef SUP_EXIT_PLAN_H
#define SUP_EXIT_PLAN_H

#include <stddef.h>

struct sup_process_spec;

struct sup__plan {
	const struct sup_process_spec *spec;
	char **paths;		/* where argv[0] may lie, in order, then NULL */
	char **envp;
	char *notify_env;	/* "NOTIFY_SOCKET=@...", or NULL */
};

/*
 * Checks the spec and makes the plan. notify_name, from
 * sup__notify_open(), is put into the environment; NULL: none. Errors:
 * -EINVAL names the field; -ENOENT argv[0] is nowhere; -ENOMEM.
 */
int sup__plan_init(struct sup__plan *plan, const struct sup_process_spec *spec,
		   const char *notify_name);

/* Safe on zeroed memory, and twice. */
void sup__plan_fini(struct sup__plan *plan);

/* Where in the child's way to execve something failed. */
enum sup__step {
	SUP__STEP_DESCRIPTORS,
	SUP__STEP_SESSION,
	SUP__STEP_STDIN,
	SUP__STEP_OUTPUT,
	SUP__STEP_CWD,
	SUP__STEP_EXEC,
};

/* Sets the sentence for a failed step and returns err, a negative errno. */
int sup__plan_error(const struct sup__plan *plan, enum sup__step step, int err);

#endif
