/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * To be preloaded into a program: a thread that the program knows nothing of,
 * which waits for a byte from the fifo that STRAY names, then makes a process,
 * and says so in the same fifo's other, STRAY.done.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static char fifo[200], done[220];

static void *make_process(void *unused)
{
	int in = open(fifo, O_RDONLY | O_CLOEXEC), out;
	char byte;

	(void)unused;
	if (in < 0 || read(in, &byte, 1) != 1)
		abort();
	if (!fork()) {
		prctl(PR_SET_NAME, "stray-process");
		for (;;)
			pause();
	}
	out = open(done, O_WRONLY | O_CLOEXEC);
	if (out < 0 || write(out, "\n", 1) != 1)
		abort();
	for (;;)
		pause();
	return NULL;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("STRAY");
	pthread_t thread;

	if (!path)
		return;
	snprintf(fifo, sizeof(fifo), "%s", path);
	snprintf(done, sizeof(done), "%s.done", path);
	unsetenv("STRAY");
	unsetenv("LD_PRELOAD");
	if (pthread_create(&thread, NULL, make_process, NULL))
		abort();
	pthread_setname_np(thread, "stray-thread");
}
