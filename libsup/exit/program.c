/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exit/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

static _Atomic int program = -ENOTCONN;
static int test_fd = -1;

/* Not "readlink": the link leads to the file itself, whatever its name. */
void sup__program_open(void)
{
	int fd;

	if (test_fd >= 0)
		fd = fcntl(test_fd, F_DUPFD_CLOEXEC, 3);
	else
		fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	atomic_store(&program, fd < 0 ? -errno : fd);
}

void sup__program_close(void)
{
	int fd = atomic_exchange(&program, -ENOTCONN);

	if (fd >= 0)
		close(fd);
}

int sup__program_fd(void)
{
	return atomic_load(&program);
}

void sup__program_set(int fd)
{
	test_fd = fd;
}
