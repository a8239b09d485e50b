/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What processes write: read by the runtime's thread, kept in a ring for each,
 * and for the last few that have ended here, because who is told of an end asks
 * afterwards, when the task may be gone.
 *
 * Lock: recent_lock, a leaf, of what is kept of those that have ended.
 */
#include "core/process_in.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <sup/process_status.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "core/task.h"

#define DEFAULT_BYTES 16384
#define DEFAULT_LINES 50
#define ROUND_BYTES 16384
#define N_RECENT 32

static struct sup__lock recent_lock = SUP__LOCK_INIT;	/* the next two */
static struct {
	uint64_t pid;
	char *text;
} recent[N_RECENT];
static unsigned int next_recent;

int sup__process_output_init(struct sup__process *p,
			     const struct sup_process_spec *spec)
{
	const char *name = spec->name ?: spec->argv ? spec->argv[0] : NULL;

	strncpy(p->name, name ?: "", sizeof(p->name) - 1);
	p->forward = spec->capture_log;
	/* What is wrong with the spec is said by the plan. */
	if (!spec->capture || spec->capture_bytes > SUP_CAPTURE_MAX)
		return 0;
	return sup__output_init(&p->output,
				spec->capture_bytes ?: DEFAULT_BYTES,
				spec->capture_lines ?: DEFAULT_LINES);
}

/* "<N>" says how urgent it is, sd-daemon(3). */
static void log_line(const struct sup__process *p, const char *line)
{
	int level = LOG_INFO;

	if (line[0] == '<' && line[1] >= '0' && line[1] <= '7' &&
	    line[2] == '>') {
		level = line[1] - '0';
		line += 3;
	}
	sup__log(level, "%s[%d]: %s", p->name, (int)p->pid, line);
}

static void forward(struct sup__process *p, const char *bytes, size_t n)
{
	while (sup__line_next(&p->line, &bytes, &n))
		log_line(p, p->line.text);
}

/* At most limit bytes. Returns how many there were. */
static size_t hear(struct sup__process *p, size_t limit)
{
	char bytes[ROUND_BYTES];
	ssize_t n = -1;

	sup__lock(&sup__processes);
	if ((p->alive || p->draining) && p->proc.output_fd >= 0)
		n = read(p->proc.output_fd, bytes,
			 limit < sizeof(bytes) ? limit : sizeof(bytes));
	if (n > 0)
		sup__output_add(&p->output, bytes, n);
	/* Nobody can write there any more. */
	if (!n && limit)
		sup__process_unwatch_one_locked(&p->proc.output_fd);
	sup__unlock(&sup__processes);
	if (n > 0 && p->forward)
		forward(p, bytes, n);
	return n > 0 ? n : 0;
}

void sup__process_hear_output(struct sup__process *p)
{
	hear(p, ROUND_BYTES);
}

/* What is there by now, and no more: somebody may be writing still. */
void sup__process_hear_rest(struct sup__process *p)
{
	int left = 0;
	size_t n;

	if (p->proc.output_fd >= 0)
		ioctl(p->proc.output_fd, FIONREAD, &left);
	while (left > 0 && (n = hear(p, left)))
		left -= n;
	if (p->forward && sup__line_last(&p->line))
		log_line(p, p->line.text);
}

static void log_lines(char *text)
{
	char *line, *rest;

	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		sup__log(LOG_ERR, "  | %s", line);
}

static void report(const struct sup__process *p,
		   const struct sup_reason *reason, char *text)
{
	char how[192];

	sup_reason_format(reason, how, sizeof(how));
	sup__log(LOG_ERR, "process \"%s\" (%d) ended: %s; %s", p->name,
		 (int)p->pid, how, text && text[0] ? "it wrote last:" :
		 "it wrote nothing");
	if (text)
		log_lines(text);
}

static void keep(uint64_t pid, char *text)
{
	char *old;

	sup__lock(&recent_lock);
	old = recent[next_recent].text;
	recent[next_recent].pid = pid;
	recent[next_recent].text = text;
	next_recent = (next_recent + 1) % N_RECENT;
	sup__unlock(&recent_lock);
	sup__free(old);
}

/* Only the runtime's thread adds to the ring, so it may read it as it is. */
void sup__process_output_ended(struct sup__process *p,
			       const struct sup_reason *reason)
{
	size_t size = p->output.len + 1;
	char *text;

	if (!p->output.bytes)
		return;
	text = sup__alloc(size);
	if (text && sup__output_copy(&p->output, text, size))
		keep(sup__task_pid(p->task).v, sup__strdup(text));
	if (!sup_reason_is_clean(reason) && !sup__task_killed(p->task))
		report(p, reason, text);
	sup__free(text);
}

void sup__process_output_close(void)
{
	unsigned int i;

	for (i = 0; i < N_RECENT; i++)
		keep(0, NULL);
}

static bool copy_recent(uint64_t pid, char *buf, size_t size)
{
	struct sup__output o = { .max_lines = -1U };
	bool found = false;
	unsigned int i;

	sup__lock(&recent_lock);
	for (i = 0; i < N_RECENT && !found; i++)
		if (recent[i].pid == pid && recent[i].text) {
			o.bytes = recent[i].text;
			o.size = o.len = strlen(o.bytes);
			sup__output_copy(&o, buf, size);
			found = true;
		}
	sup__unlock(&recent_lock);
	return found;
}

static bool copy_living(struct sup_pid pid, char *buf, size_t size)
{
	struct sup__process *p = sup__process_get(pid);
	bool found;

	if (!p)
		return false;
	sup__lock(&sup__processes);
	found = p->output.bytes;
	if (found)
		sup__output_copy(&p->output, buf, size);
	sup__unlock(&sup__processes);
	sup__task_put(p->task);
	return found;
}

bool sup__process_recall_output(struct sup_pid pid, char *buf, size_t size)
{
	return copy_living(pid, buf, size) ||
	       (pid.v && copy_recent(pid.v, buf, size));
}

int sup_process_output(struct sup_pid pid, char *buf, size_t size)
{
	if (!size)
		return sup__error(-EINVAL, "size: there is no room for a "
				  "terminator");
	if (!sup__process_recall_output(pid, buf, size))
		return sup__error(-ESRCH, "no such process, or nothing of it "
				  "is captured");
	return 0;
}
