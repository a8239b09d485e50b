/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "foundation/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sup/error.h>
#include <sup/resource.h>
#include <sup/task.h>

#include "foundation/service.h"

#define READ_MAX (64 << 20)
#define LOCK_MS 10
#define LEFT_MS 5000

static int fail_of(const char *path)
{
	int error = errno;

	return sup_set_error(-error, "file: \"%s\": %s", path,
			     strerror(error));
}

static int add(char *path, const char *file, const char *end)
{
	if ((size_t)snprintf(path, FND__FILE_MAX, "%s%s", file, end) >=
	    FND__FILE_MAX)
		return sup_set_error(-ENAMETOOLONG, "file: it is too long");
	return 0;
}

/* A signal may come between: who is told to end gets some. */
static int open_file(const char *path, int flags)
{
	return TEMP_FAILURE_RETRY(open(path, flags | O_CLOEXEC, 0644));
}

/* Nobody tells when who has it ends: so it is tried again. */
static int take_lock(int fd, int64_t ms)
{
	const struct timespec a_while = { .tv_nsec = LOCK_MS * 1000000 };

	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno == EWOULDBLOCK && ms > 0) {
			nanosleep(&a_while, NULL);
			ms -= LOCK_MS;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

int fnd__file_lock(const char *file)
{
	char path[FND__FILE_MAX];
	int fd, ret;

	ret = add(path, file, "-lock");
	if (ret)
		return ret;
	fd = open_file(path, O_RDWR | O_CREAT);
	if (fd < 0)
		return fail_of(path);
	ret = take_lock(fd, sup_self().v ? 0 : LEFT_MS);
	if (!ret)
		ret = sup_self().v ? sup_own_fd(fd) : 0;
	else if (ret == -EWOULDBLOCK)
		ret = sup_set_error(-EBUSY, "file: another service has it");
	else
		ret = fail_of(path);
	if (ret)
		close(fd);
	return ret;
}

static int read_all(int fd, const char *path, char *text, size_t size,
		    size_t *ret_len)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = TEMP_FAILURE_RETRY(read(fd, text + len, size - len));
		if (n < 0)
			return fail_of(path);
		len += n;
	} while (n && len < size);
	text[len] = '\0';
	*ret_len = len;
	return 0;
}

int fnd__file_read(const char *file, char **ret_text, size_t *ret_len)
{
	struct stat st;
	char *text;
	int fd, ret;

	*ret_text = NULL;
	fd = open_file(file, O_RDONLY);
	if (fd < 0)
		return errno == ENOENT ? 0 : fail_of(file);
	if (fstat(fd, &st)) {
		ret = fail_of(file);
		goto out;
	}
	ret = sup_set_error(-EFBIG, "file: \"%s\" is too large", file);
	if (st.st_size > READ_MAX)
		goto out;
	ret = fnd__nomem("a file");
	text = malloc(st.st_size + 1);
	if (!text)
		goto out;
	ret = read_all(fd, file, text, st.st_size, ret_len);
	if (ret)
		free(text);
	else
		*ret_text = text;
out:
	close(fd);
	return ret;
}

static int write_all(int fd, const char *path, const char *text, size_t len)
{
	ssize_t n;

	while (len) {
		n = TEMP_FAILURE_RETRY(write(fd, text, len));
		if (n < 0)
			return fail_of(path);
		text += n;
		len -= n;
	}
	if (TEMP_FAILURE_RETRY(fsync(fd)))
		return fail_of(path);
	return 0;
}

/* Who may read it is who could read the one before. */
static int write_new(const char *path, const char *file, const char *text,
		     size_t len)
{
	struct stat st;
	int fd, ret;

	/* One that is left from a kill may be another's. */
	unlink(path);
	fd = open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
	if (fd < 0)
		return fail_of(path);
	ret = !stat(file, &st) && fchmod(fd, st.st_mode & 0777) ?
		fail_of(path) : 0;
	if (!ret)
		ret = write_all(fd, path, text, len);
	if (close(fd) && !ret)
		ret = fail_of(path);
	if (ret)
		unlink(path);
	return ret;
}

/* That a file has another name is in its directory. */
static int sync_directory(const char *file)
{
	char path[FND__FILE_MAX];
	const char *dir;
	int fd, ret = 0;

	strcpy(path, file);
	dir = dirname(path);
	fd = open_file(dir, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fail_of(dir);
	/* Some filesystems have nothing to sync there. */
	if (TEMP_FAILURE_RETRY(fsync(fd)) && errno != EINVAL)
		ret = fail_of(dir);
	close(fd);
	return ret;
}

int fnd__file_replace(const char *file, const char *text, size_t len,
		      bool *ret_is_new)
{
	char path[FND__FILE_MAX];
	int ret;

	*ret_is_new = false;
	ret = add(path, file, "-new");
	if (!ret)
		ret = write_new(path, file, text, len);
	if (ret)
		return ret;
	/* ORDER: on the disk, then in its place. */
	if (rename(path, file)) {
		ret = fail_of(path);
		unlink(path);
		return ret;
	}
	*ret_is_new = true;
	return sync_directory(file);
}
