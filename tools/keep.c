/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process is told from a later one with its number by its start time. The
 * file is replaced, never changed, so that it is whole whenever supd dies.
 */
#include "keep.h"
#include "keep_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

#include <sup/task.h>

#include "message.h"

static struct {
	pthread_mutex_t lock;	/* of everything below */
	bool open, adopted;
	char *path, *temporary;	/* of the file */
	struct keep_file file;
	unsigned char adopt_token[SUP_TOKEN_SIZE];
} keep = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Field 22 of /proc/PID/stat: clock ticks from boot to start. */
static int start_of(pid_t pid, uint64_t *ret_start)
{
	char name[64], text[1024], *p;
	size_t len;
	FILE *f;
	int field;

	snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	f = fopen(name, "re");
	if (f == NULL)
		return -ESRCH;
	len = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[len] = '\0';
	/* The name of the program may hold spaces and brackets. */
	p = strrchr(text, ')');
	for (field = 2; p != NULL && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (p == NULL)
		return -ESRCH;
	*ret_start = strtoull(p + 1, NULL, 10);
	return 0;
}

static void save(void)
{
	int fd;
	FILE *f;

	fd = open(keep.temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
		  O_NOFOLLOW, 0600);
	f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (f == NULL) {
		message(LOG_ERR, "%s: %s", keep.temporary, strerror(errno));
		return;
	}
	keep_file_write(f, &keep.file);
	if (fclose(f) != 0 || rename(keep.temporary, keep.path) < 0)
		message(LOG_ERR, "%s: %s", keep.path, strerror(errno));
}

static int read_file(bool *ret_found)
{
	FILE *f = fopen(keep.path, "re");
	int ret;

	if (f == NULL)
		return errno == ENOENT ? 0 : -errno;
	ret = keep_file_read(f, &keep.file);
	fclose(f);
	if (ret == -EINVAL) {
		message(LOG_WARNING, "%s: damaged, nothing is adopted",
			keep.path);
		return 0;
	}
	*ret_found = ret == 0;
	return ret;
}

int keep_open(const char *state_dir, struct sup_options *opts, bool *ret_found)
{
	int ret;

	*ret_found = false;
	if (asprintf(&keep.path, "%s/keep", state_dir) < 0 ||
	    asprintf(&keep.temporary, "%s/keep.new", state_dir) < 0)
		return -ENOMEM;
	ret = read_file(ret_found);
	if (ret < 0 || !*ret_found)
		return ret;
	memcpy(keep.adopt_token, keep.file.token, SUP_TOKEN_SIZE);
	opts->adopt_token = keep.adopt_token;
	opts->adopt_group = keep.file.group;
	return 0;
}

static bool is_same(const struct kept_child *c, const struct sup_orphan *o)
{
	uint64_t tick_ns = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);

	return c->pid == o->pid && c->start == o->start_ns / tick_ns;
}

static int match(const struct sup_orphan *o, void *arg)
{
	struct kept_child *c;

	(void)arg;
	for (c = keep.file.children; c != NULL; c = c->next)
		if (o->lineage_first && is_same(c, o))
			c->lineage = o->lineage;
	return 0;
}

/* Kills by a handle, after another look at whether it still is the one. */
static void kill_orphan(const struct sup_orphan *o)
{
	const struct kept_child as = { .pid = o->pid };
	struct kept_child now = as;
	int fd = (int)syscall(SYS_pidfd_open, o->pid, 0);

	if (fd < 0)
		return;
	if (start_of(o->pid, &now.start) == 0 && is_same(&now, o)) {
		message(LOG_NOTICE, "pid %d (%s) belongs to no child: killed",
			o->pid, o->comm);
		syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	}
	close(fd);
}

/* arg: a flag, that those which nobody has taken are to go, too. */
static int kill_unknown(const struct sup_orphan *o, void *arg)
{
	const bool *settle = arg;
	const struct kept_child *c;

	for (c = keep.file.children; c != NULL; c = c->next)
		if (c->lineage != 0 && c->lineage == o->lineage &&
		    (!*settle || c->adopted))
			return 0;
	kill_orphan(o);
	return 0;
}

int keep_begin(bool adopted)
{
	int ret;

	if (keep.path == NULL)
		return 0;
	if (!adopted)
		keep_file_fini(&keep.file);
	ret = sup_owner_token(&keep.file.group, keep.file.token);
	if (ret == 0 && adopted)
		ret = sup_orphans(match, NULL);
	if (ret == 0 && adopted)
		ret = sup_orphans(kill_unknown, &(bool){ false });
	if (ret < 0)
		return ret;
	keep.file.has_token = true;
	keep.open = true;
	keep.adopted = adopted;
	save();
	return 0;
}

void keep_settle(void)
{
	pthread_mutex_lock(&keep.lock);
	if (keep.open && keep.adopted)
		sup_orphans(kill_unknown, &(bool){ true });
	pthread_mutex_unlock(&keep.lock);
}

/* Finds a living process of the supd before, and takes it out of the list. */
static bool take(const char *path, struct sup_process_spec *spec)
{
	struct kept_child *c;
	bool found = false;

	pthread_mutex_lock(&keep.lock);
	c = keep.open ? keep_file_child(&keep.file, path) : NULL;
	if (c != NULL && c->lineage != 0 && !c->taken) {
		spec->adopt_lineage = c->lineage;
		c->adopted = found = true;
	}
	if (c != NULL)
		c->taken = true;
	pthread_mutex_unlock(&keep.lock);
	return found;
}

int keep_adopt(const char *path, const struct sup_process_spec *spec,
	       struct sup_pid *ret_pid)
{
	struct sup_process_spec adopting = *spec;

	/* Should it have ended in the meantime, it is started by this. */
	return take(path, &adopting) ? sup_process_start(&adopting, ret_pid) :
		-ENOENT;
}

void keep_note(const char *path, struct sup_pid pid)
{
	struct kept_child *c;
	pid_t os_pid, os_tid;
	uint64_t start;

	pthread_mutex_lock(&keep.lock);
	c = keep.open ? keep_file_child(&keep.file, path) : NULL;
	if (c != NULL && sup_os_pid(pid, &os_pid, &os_tid) == 0 &&
	    start_of(os_pid, &start) == 0) {
		c->pid = os_pid;
		c->start = start;
		save();
	}
	pthread_mutex_unlock(&keep.lock);
}

void keep_end(void)
{
	pthread_mutex_lock(&keep.lock);
	if (keep.open)
		unlink(keep.path);
	keep.open = false;
	keep_file_fini(&keep.file);
	free(keep.path);
	free(keep.temporary);
	keep.path = keep.temporary = NULL;
	pthread_mutex_unlock(&keep.lock);
}
