/* SPDX-License-Identifier: 0BSD */
/*
 * burst N: at SIGUSR1 starts N processes that end at once, and reaps them.
 * Their pids are in the file "burst.pids" before the fifo "burst.done" says
 * so.
 */
#include "ready.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

static int run(int n)
{
	FILE *pids = fopen("burst.pids.new", "w");
	pid_t pid;

	if (pids == NULL)
		return -1;
	setvbuf(pids, NULL, _IOFBF, 1 << 16);
	while (n-- > 0) {
		pid = fork();
		if (pid == 0)
			_exit(n % 100);
		if (pid < 0)
			return -1;
		fprintf(pids, "%d\n", pid);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	while (waitpid(-1, NULL, 0) > 0)
		;
	return fclose(pids) != 0 || rename("burst.pids.new", "burst.pids") < 0 ?
		-1 : 0;
}

static int tell(void)
{
	FILE *done = fopen("burst.done", "w");

	if (done == NULL)
		return -1;
	fputs("done\n", done);
	return fclose(done);
}

int main(int argc, char **argv)
{
	sigset_t set;
	int signo;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	say_ready();
	while (argc == 2 && sigwait(&set, &signo) == 0) {
		if (run(atoi(argv[1])) < 0 || tell() < 0) {
			perror("burst");
			return 1;
		}
	}
	return 100;
}
