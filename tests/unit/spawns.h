/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of what a child finds when it runs share. */
#ifndef TESTS_UNIT_SPAWNS_H
#define TESTS_UNIT_SPAWNS_H

#include "unit.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "exit/proc.h"

static char dir[] = "/tmp/sup-spawn-XXXXXX", out[64], other[64];

static inline struct sup_process_spec sh(const char *const argv[4])
{
	return (struct sup_process_spec){
		.size = sizeof(struct sup_process_spec), .argv = argv,
		.output = out,
	};
}

#define SH(script) sh((const char *const[4]){ "sh", "-c", script, NULL })

static inline void finish(struct sup__proc *p)
{
	struct pollfd fd = { .fd = p->pidfd, .events = POLLIN };
	struct sup_reason reason;

	assert_int_equal(poll(&fd, 1, 20000), 1);
	assert_int_equal(sup__proc_reap(p, &reason, NULL), 0);
	sup__proc_close(p);
}

/* What it writes to its ready_fd, to the end; the rest is zeros. */
static inline void finish_reading(struct sup__proc *p, char *buf, size_t size)
{
	struct pollfd fd = { .fd = p->ready_fd, .events = POLLIN };
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len < size - 1 && poll(&fd, 1, 20000) == 1) {
		n = read(p->ready_fd, buf + len, size - 1 - len);
		len += n > 0 ? n : 0;
	}
	finish(p);
}

static inline int try(const struct sup_process_spec *spec)
{
	struct sup__proc_start start = { .spec = spec };
	struct sup__proc p = SUP__PROC_INIT;
	int ret = sup__proc_spawn(&start, &p);

	if (p.pid)
		finish(&p);
	return ret;
}

/* Runs it to its end. */
static inline void run(const struct sup_process_spec *spec)
{
	if (!try(spec))
		return;
	print_error("%s\n", sup_error());
	fail();
}

static inline const char *contents(const char *path)
{
	static char text[8192];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	unlink(path);
	return text;
}

static inline void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static inline void need_root(void)
{
	if (!geteuid())
		return;
	print_message("skip: needs root\n");
	skip();
}

/* Makes the folder that they write to, and takes it away again. */
static inline int run_in_folder(int (*tests)(void))
{
	int ret;

	if (!mkdtemp(dir))
		return 1;
	snprintf(out, sizeof(out), "%s/out", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	ret = tests();
	unlink(out);
	unlink(other);
	rmdir(dir);
	return ret;
}

#endif
