/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a test must not leave behind: threads, descriptors, children. Noted
 * before, looked at afterwards. Memory is for ASan to look at, processes that
 * are no children any more for runtests.sh.
 */
#ifndef TESTS_LIB_LEFTOVERS_H
#define TESTS_LIB_LEFTOVERS_H

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <sup/types.h>

struct leftovers {
	int fds, threads;
};

static inline int leftovers_count(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	if (!dir)
		abort();
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static inline void *leftovers_end(void *arg)
{
	return arg;
}

static inline struct leftovers leftovers_note(void)
{
#ifdef __SANITIZE_THREAD__
	pthread_t thread;

	/* With the first thread TSan starts one of its own, which stays. */
	if (!pthread_create(&thread, NULL, leftovers_end, NULL))
		pthread_join(thread, NULL);
#endif
	return (struct leftovers){
		.fds = leftovers_count("/proc/self/fd"),
		.threads = leftovers_count("/proc/self/task"),
	};
}

/*
 * A joined thread may be listed for a moment more; there is no event for the
 * end of that.
 */
static inline bool leftovers_threads_gone(int before)
{
	int64_t limit = sup_deadline_ms(60000);

	while (leftovers_count("/proc/self/task") > before)
		if (sup_deadline_ms(0) > limit)
			return false;
	return true;
}

/* 0, or -1 and a word on stderr. */
static inline int leftovers_check(const struct leftovers *before)
{
	const char *what = NULL;

	if (!leftovers_threads_gone(before->threads))
		what = "thread";
	else if (leftovers_count("/proc/self/fd") != before->fds)
		what = "descriptor";
	else if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
		what = "child process";
	if (what)
		fprintf(stderr, "a %s is left over\n", what);
	return what ? -1 : 0;
}

#endif
