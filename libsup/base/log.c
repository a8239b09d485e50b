/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sink is a pair that must be read whole but without a lock, because it
 * may log or be replaced from inside: a sequence counter, odd while it is
 * being written, tells a reader to look again.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "base/lock.h"

#define LOG_TEXT_MAX 2048

typedef void (*log_cb)(int level, const char *text, void *arg);

static struct sup__lock writer = SUP__LOCK_INIT;	/* protects sink_* */
static _Atomic unsigned int sink_seq;
static _Atomic(log_cb) sink_cb;
static void *_Atomic sink_arg;

static _Atomic int max_level = LOG_WARNING;

void sup_set_log_sink(void (*cb)(int level, const char *text, void *arg),
		      void *arg)
{
	sup__lock(&writer);
	atomic_fetch_add(&sink_seq, 1);
	atomic_store(&sink_cb, cb);
	atomic_store(&sink_arg, arg);
	atomic_fetch_add(&sink_seq, 1);
	sup__unlock(&writer);
}

void sup_set_log_level(int level)
{
	atomic_store_explicit(&max_level, level, memory_order_relaxed);
}

static log_cb read_sink(void **ret_arg)
{
	unsigned int seq;
	log_cb cb;

	do {
		seq = atomic_load(&sink_seq) & ~1u;
		cb = atomic_load(&sink_cb);
		*ret_arg = atomic_load(&sink_arg);
	} while (atomic_load(&sink_seq) != seq);
	return cb;
}

/* One write, so that lines of several threads do not mix. */
static void write_stderr(int level, const char *text)
{
	char line[LOG_TEXT_MAX + 8];
	ssize_t done;
	int len;

	len = snprintf(line, sizeof(line), "<%d>%s\n", level & 7, text);
	do {
		done = write(STDERR_FILENO, line, len);
	} while (done < 0 && len > 0 && errno == EINTR);
}

void sup__log(int level, const char *fmt, ...)
{
	char text[LOG_TEXT_MAX];
	va_list ap;
	void *arg;
	log_cb cb;

	if (level > atomic_load_explicit(&max_level, memory_order_relaxed))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cb = read_sink(&arg);
	if (!cb) {
		write_stderr(level, text);
		return;
	}
	sup__stay_begin();
	cb(level, text, arg);
	sup__stay_end();
}
