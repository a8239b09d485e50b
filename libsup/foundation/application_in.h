/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the application knows of the tree of the services. */
#ifndef SUP_FOUNDATION_APPLICATION_IN_H
#define SUP_FOUNDATION_APPLICATION_IN_H

#include <foundation/application.h>
#include <foundation/service_registry.h>
#include <sup/explain.h>

/* The task supervisor, as a service of production. */
#define FND__TASKS_SERVICE "task_supervisor"

/* The ith of the table in foundation.c; false: there is none. */
bool fnd__part(size_t i, const char **ret_id, enum fnd_phase *ret_phase);

/* That of a service of production, by its name. */
enum fnd_phase fnd__phase_of(const char *name);

/* The first that it needs and that is down, or NULL. */
const char *fnd__missing_of(const struct fnd_service *s);

/* Whether a restart has stopped it, and was ended before it started it. */
bool fnd__restart_is_broken_off(const struct fnd_service *s,
				const struct sup_explanation *e);

/* A task supervisor begins: the restarts that ended with the last one go on. */
void fnd__restarts_go_on(struct sup_pid tasks);

#endif
