/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file STATE/keep: lines of words; see keep.h for what it is for. */
#ifndef TOOLS_KEEP_FILE_H
#define TOOLS_KEEP_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <sup/runtime.h>

struct kept_child {
	struct kept_child *next;
	char *path;		/* ids from the root, with slashes */
	pid_t pid;
	uint64_t start;		/* field 22 of /proc/PID/stat */
	bool taken;		/* its start was asked for since */
	bool adopted;		/* and was a taking over */
	uint64_t lineage;	/* of the living orphan; 0: it has ended */
};

struct keep_file {
	bool has_token;
	uint64_t group;
	unsigned char token[SUP_TOKEN_SIZE];
	struct kept_child *children;
};

/* -EINVAL: it is not such a file; *k is then empty. -ENOMEM. */
int keep_file_read(FILE *f, struct keep_file *k);
void keep_file_write(FILE *f, const struct keep_file *k);

/* The entry of a path; made if there is none. NULL: no memory. */
struct kept_child *keep_file_child(struct keep_file *k, const char *path);

void keep_file_fini(struct keep_file *k);

#endif
