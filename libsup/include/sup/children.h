/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking a supervisor about its children, in its turn (OTP which_children/1 and
 * its like). <sup/tree.h> has pictures that wait for nobody.
 */
#ifndef SUP_CHILDREN_H
#define SUP_CHILDREN_H

#include <sup/registry.h>
#include <sup/supervisor.h>
#include <sup/tree.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A child as its supervisor lists it. */
struct sup_child {
	char id[SUP_NAME_MAX + 1];
	struct sup_pid pid;	/* none: no task at this moment */
	enum sup_child_state state;
	/*
	 * As it was given, defaults filled in (OTP get_childspec/2). Its id is
	 * NULL: it stands above. arg is the supervisor's, and may have been
	 * freed if the child has gone.
	 */
	struct sup_child_spec spec;
};

/*
 * All children, newest start first. The array is the caller's, to free(3); it
 * is NULL if there are none. Errors, of all calls here: -ESRCH it has ended;
 * -EDEADLK from its own thread, or that of a child it starts or stops;
 * -EINVAL it is no supervisor; -ENOMEM. Any thread.
 */
SUP_API int sup_which_children(struct sup_pid sup,
			       struct sup_child **ret_children, size_t *ret_n);

/* One of them, by id, or by pid. -ENOENT; by id also -EOPNOTSUPP. */
SUP_API int sup_which_child(struct sup_pid sup, const char *id,
			    struct sup_child *ret_child);
SUP_API int sup_which_child_pid(struct sup_pid sup, struct sup_pid pid,
				struct sup_child *ret_child);

struct sup_child_counts {
	size_t specs;		/* SIMPLE_ONE_FOR_ONE: 1 */
	size_t active;		/* those whose task lives */
	size_t supervisors, workers;	/* in whatever state */
};

/* How many there are. */
SUP_API int sup_count_children(struct sup_pid sup,
			       struct sup_child_counts *ret_counts);

#ifdef __cplusplus
}
#endif

#endif
