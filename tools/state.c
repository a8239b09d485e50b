/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state.h"
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

static int lock_fd = -1;

static int check_folder(const char *dir)
{
	struct stat st;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (lstat(dir, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return st.st_uid != geteuid() || (st.st_mode & 022) ? -EPERM : 0;
}

/* The lock ends with us, however that comes. */
static int lock(const char *dir)
{
	char path[512], pid[16];
	int len;

	if (snprintf(path, sizeof(path), "%s/lock", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock_fd < 0)
		return -errno;
	if (flock(lock_fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	len = snprintf(pid, sizeof(pid), "%d\n", getpid());
	if (ftruncate(lock_fd, 0) < 0 || write(lock_fd, pid, (size_t)len) < 0)
		return -errno;
	return 0;
}

int state_open(const char *dir)
{
	int ret;

	ret = check_folder(dir);
	if (ret == 0)
		ret = lock(dir);
	if (ret == -EBUSY)
		message(LOG_ERR, "%s: another supd uses it", dir);
	else if (ret == -EPERM)
		message(LOG_ERR, "%s: others may write there", dir);
	else if (ret < 0)
		message(LOG_ERR, "%s: %s", dir, strerror(-ret));
	return ret;
}

void state_close(void)
{
	if (lock_fd >= 0)
		close(lock_fd);
	lock_fd = -1;
}
