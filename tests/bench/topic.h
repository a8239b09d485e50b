/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What callers do, over and over, while they are timed. */
#ifndef TESTS_BENCH_TOPIC_H
#define TESTS_BENCH_TOPIC_H

#include <stddef.h>
#include <stdint.h>

#define CALLERS 16

struct topic {
	const char *name;
	int (*once)(int nth);	/* which of the callers */
	size_t n;		/* calls of all callers */
	size_t per_call;	/* operations */
};

int64_t now_ns(void);

/* Ends the program, and says why, if ret is an error. */
void must(int ret, const char *what);

/* How many times less is to be done: the word, which is a number from 1 up. */
void topics_divide(const char *word);
size_t topics_scale(size_t n);

/* "NAME VALUE": microseconds for each operation. */
void topic_result(const char *name, double us);

/* Of one caller, and, as NAME_16, of sixteen: wall time, by all they did. */
void topics_run(const struct topic *topics, size_t n);

#endif
