/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of replies, as JSON. Each returns its length, or -errno. */
#ifndef TOOLS_ROWS_H
#define TOOLS_ROWS_H

#include <stddef.h>

#include <sup/audit.h>
#include <sup/explain.h>
#include <sup/tree.h>

struct client_view;

int row_node(const struct sup_node *node, char *buf, size_t size);
int row_explanation(const struct sup_explanation *e, char *buf, size_t size);
int row_stray(const struct sup_stray *stray, char *buf, size_t size);
int row_status(const struct client_view *view, char *buf, size_t size);

#endif
