/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A checked configuration as the specs that libsup starts a tree from. */
#ifndef TOOLS_UNIT_H
#define TOOLS_UNIT_H

#include "config.h"

struct unit;

/* root is borrowed. -ENOMEM. */
int unit_new(const struct config_child *root, struct unit **ret_root);

/* The child spec of the root, whose supervisor restarts it never. */
const struct sup_child_spec *unit_spec(const struct unit *root);

/* From now on no child is started: the starts fail with -ECANCELED. */
void unit_stop_starting(void);

/* Only when the tree has ended. */
void unit_free(struct unit *root);

#endif
