/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the application knows of the tree of the services. */
#ifndef SUP_FOUNDATION_APPLICATION_IN_H
#define SUP_FOUNDATION_APPLICATION_IN_H

#include <foundation/application.h>

/* The ith of the table in foundation.c; false: there is none. */
bool fnd__part(size_t i, const char **ret_id, enum fnd_phase *ret_phase);

/* That of a service of production, by its name. */
enum fnd_phase fnd__phase_of(const char *name);

#endif
