/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Specs of supervisors: checked, and copied to a board. */
#ifndef SUP_CORE_SUPERVISOR_SPEC_H
#define SUP_CORE_SUPERVISOR_SPEC_H

#include <sup/supervisor.h>

struct sup__board;

/* The default intensity of what is Elixir's. */
#define SUP__INTENSITY_ELIXIR 3

/* The flags alone, of a spec of our own age. -EINVAL names the field. */
int sup__supervisor_check(const struct sup_supervisor_spec *spec);

/*
 * Checks all of a spec of our own age and fills in a new board: flags and
 * children. -EINVAL, -EEXIST, -ENOMEM.
 */
int sup__supervisor_fill(struct sup__board *b,
			 const struct sup_supervisor_spec *spec);

#endif
