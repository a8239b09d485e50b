// SPDX-License-Identifier: GPL-2.0-or-later
/* Small things, and the tables that spec_table.py has made. */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sup.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WITH_TABLES
#include "spec_table.h"

_Static_assert(ARRAY_SIZE(ops) <= MAX_OPS, "more commands than are counted");

const struct attr_set *const spec_sets = attr_sets;
const struct op *const spec_ops = ops;
const size_t spec_nops = ARRAY_SIZE(ops);

struct shared *shared;

const struct op *op_of_cmd(uint8_t cmd)
{
	size_t i;

	for (i = 0; i < spec_nops; i++)
		if (ops[i].cmd == cmd)
			return &ops[i];
	return NULL;
}

int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t z = a + b * 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint64_t rnd(struct fuzz *f)
{
	f->rng += 0x9e3779b97f4a7c15;
	return mix(f->rng, 0);
}

uint32_t below(struct fuzz *f, uint32_t n)
{
	return (rnd(f) >> 32) % n;
}

bool chance(struct fuzz *f, uint32_t percent)
{
	return below(f, 100) < percent;
}

void add(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

void fail(const char *format, ...)
{
	va_list ap;

	if (shared->failure[0])
		return;
	va_start(ap, format);
	vsnprintf(shared->failure, sizeof(shared->failure), format, ap);
	va_end(ap);
}

/* What cannot be written has no effect, which the counts will show. */
bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int error;
	ssize_t n;

	if (fd < 0)
		return false;
	n = write(fd, text, strlen(text));
	error = errno;
	close(fd);
	errno = error;
	return n >= 0;
}

void thing_put_number(struct thing *t, enum class class, uint64_t number)
{
	t->has |= 1ull << class;
	t->values[class].number = number;
}

bool thing_has(const struct thing *t, enum class class)
{
	return class != CLASS_NONE && t && t->has & (1ull << class);
}
