// SPDX-License-Identifier: GPL-2.0
/*
 * What tests have members execute, and the kernel as a handler of core dumps.
 *
 * usage: sup_helper exit CODE [NAME]	ends, under that name if given
 *        sup_helper fork NAME		has a child that ends under that name
 *        sup_helper wait		until it is killed
 *        sup_helper hold FD		has a child that waits; tells FD so
 *        sup_helper dump FOLDER	opens FOLDER/up for writing, to say that
 *					it runs, then waits for FOLDER/go to be
 *					written to or closed
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_in(const char *folder, const char *name, int flags)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return open(path, flags);
}

static int dump(const char *folder)
{
	int up, go;
	char c;

	up = open_in(folder, "up", O_WRONLY);
	go = open_in(folder, "go", O_RDONLY);
	if (up < 0 || go < 0 || write(up, "", 1) != 1)
		return 1;
	return read(go, &c, 1) < 0;
}

static int fork_as(const char *name)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_NAME, name);
		_exit(0);
	}
	return waitpid(pid, NULL, 0) != pid;
}

static int hold(int fd)
{
	if (!fork())
		for (;;)
			pause();
	if (write(fd, "", 1) != 1)
		return 1;
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "wait"))
		for (;;)
			pause();
	if (argc < 3)
		return 2;
	if (!strcmp(what, "exit")) {
		if (argc > 3)
			prctl(PR_SET_NAME, argv[3]);
		return atoi(argv[2]);
	}
	if (!strcmp(what, "fork"))
		return fork_as(argv[2]);
	if (!strcmp(what, "hold"))
		return hold(atoi(argv[2]));
	if (!strcmp(what, "dump"))
		return dump(argv[2]);
	return 2;
}
