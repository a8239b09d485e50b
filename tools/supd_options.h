/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TOOLS_SUPD_OPTIONS_H
#define TOOLS_SUPD_OPTIONS_H

#include <stdbool.h>

#include <sup/runtime.h>

struct supd_options {
	const char *file;
	char *state_dir;	/* for free(3) */
	struct sup_options sup;
	bool check, verbose;
};

/* Exits with 100 when they are wrong. */
void supd_options_read(int argc, char **argv, struct supd_options *ret_o);

#endif
