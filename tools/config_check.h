/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TOOLS_CONFIG_CHECK_H
#define TOOLS_CONFIG_CHECK_H

#include "config.h"
#include "config_report.h"

/* Checks what a schema cannot say, and works out times and signals. */
void config_check(struct config_report *r, struct config_child *root);

/* depends_on of the children of s, which path leads to. */
void config_check_depends(struct config_report *r,
			  const struct config_path *path,
			  const struct config_child *s);

#endif
