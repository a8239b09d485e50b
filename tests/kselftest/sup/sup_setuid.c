// SPDX-License-Identifier: GPL-2.0
/*
 * A program for tests to install setuid root. As such programs do, it writes
 * to whatever its standard output is, and waits for whatever its input is.
 *
 *	sup_setuid copy		its input to its output, a read at a time
 *	sup_setuid wait		says that it is up, waits, exits with 21
 *	sup_setuid root		the same, as root altogether
 *	sup_setuid crash	waits, and ends by a fault
 *	sup_setuid fork		the same, after a child that exits with 22
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int copy(void)
{
	static char buf[65536];
	ssize_t n;

	while ((n = read(0, buf, sizeof(buf))) > 0)
		if (write(1, buf, n) != n)
			return 1;
	return 0;
}

static int wait_for_end(int code)
{
	char c;

	if (write(1, "", 1) != 1)
		return 1;
	while (read(0, &c, 1) > 0)
		;
	return code;
}

static int crash(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){});
	wait_for_end(0);
	/* An address of its own, which is nobody's business. */
	*(volatile char *)mmap(NULL, 4096, PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) = 0;
	return 3;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int ret;

	if (!strcmp(what, "copy"))
		return copy();
	if (!strcmp(what, "crash"))
		return crash();
	if (strcmp(what, "wait") && setresuid(0, 0, 0))
		return 2;
	if (!strcmp(what, "fork") && !fork())
		return wait_for_end(22);
	ret = wait_for_end(21);
	while (wait(NULL) > 0)
		;
	return ret;
}
