/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ring that reporting threads write to and the control thread reads. A
 * reporter only copies and writes to an eventfd that never blocks: the
 * supervisors do not depend on how fast anybody reads.
 */
#include "events.h"
#include "json.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include <sup/runtime.h>

static struct {
	pthread_mutex_t lock;	/* of everything below */
	struct kept {
		struct sup_event ev;	/* without output */
		char *output;		/* or NULL */
	} *ring;
	uint64_t newest;
	int wake_fd;
	bool kernel_time;	/* what is said of exits is the kernel's */
} events = { .lock = PTHREAD_MUTEX_INITIALIZER, .wake_fd = -1 };

/* The last whole lines that there is room for. */
static char *copy_output(const char *output)
{
	size_t len = strlen(output);
	const char *line;

	if (len >= EVENT_OUTPUT_MAX) {
		output += len - (EVENT_OUTPUT_MAX - 1);
		line = strchr(output, '\n');
		if (line != NULL && line[1] != '\0')
			output = line + 1;
	}
	return strdup(output);
}

static void note(const struct sup_event *ev, void *arg)
{
	char *output = ev->output != NULL ? copy_output(ev->output) : NULL;
	struct kept *kept;

	(void)arg;
	pthread_mutex_lock(&events.lock);
	events.newest++;
	kept = &events.ring[events.newest % EVENTS_KEPT];
	free(kept->output);
	kept->ev = *ev;
	kept->ev.output = NULL;
	kept->output = output;
	eventfd_write(events.wake_fd, 1);
	pthread_mutex_unlock(&events.lock);
}

int events_start(int wake_fd)
{
	struct sup_source_info info;
	int ret;

	ret = sup_exit_source(&info);
	if (ret < 0)
		return ret;
	events.kernel_time = !(info.lacks & SUP_LACKS_KERNEL_TIME);
	events.ring = calloc(EVENTS_KEPT, sizeof(*events.ring));
	if (events.ring == NULL)
		return -ENOMEM;
	events.wake_fd = wake_fd;
	return sup_set_event_sink(note, NULL);
}

void events_stop(void)
{
	size_t i;

	sup_set_event_sink(NULL, NULL);
	for (i = 0; events.ring != NULL && i < EVENTS_KEPT; i++)
		free(events.ring[i].output);
	free(events.ring);
	events.ring = NULL;
}

uint64_t events_newest(void)
{
	uint64_t newest;

	pthread_mutex_lock(&events.lock);
	newest = events.newest;
	pthread_mutex_unlock(&events.lock);
	return newest;
}

int events_next(uint64_t seq, struct numbered_event *ret_ev)
{
	const struct kept *kept;
	int ret = -ENOENT;

	pthread_mutex_lock(&events.lock);
	if (events.newest > EVENTS_KEPT && seq < events.newest - EVENTS_KEPT)
		seq = events.newest - EVENTS_KEPT;
	if (seq < events.newest) {
		ret_ev->seq = seq + 1;
		kept = &events.ring[ret_ev->seq % EVENTS_KEPT];
		ret_ev->ev = kept->ev;
		snprintf(ret_ev->output, sizeof(ret_ev->output), "%s",
			 kept->output != NULL ? kept->output : "");
		ret = 0;
	}
	pthread_mutex_unlock(&events.lock);
	return ret;
}

static void put_signal(struct json_writer *w, const struct sup_reason *r)
{
	static const char *const senders[] = {
		[SUP_SENT_BY_PROCESS] = "process",
		[SUP_SENT_BY_KERNEL] = "kernel",
		[SUP_SENT_BY_OOM_KILLER] = "oom_killer",
		[SUP_SENT_BY_GROUP] = "group",
	};
	char addr[24];

	json_put_int(w, "signal", r->signo);
	json_put_bool(w, "core", r->core);
	if (r->oom)
		json_put_bool(w, "oom", true);
	if (r->withheld)
		json_put_bool(w, "withheld", true);
	if (r->sent_by != SUP_SENT_BY_UNKNOWN)
		json_put_string(w, "sent_by", senders[r->sent_by]);
	if (r->sent_by == SUP_SENT_BY_PROCESS) {
		json_put_int(w, "sender_pid", r->sender_pid);
		json_put_int(w, "sender_uid", r->sender_uid);
		json_put_string(w, "sender", r->sender_comm);
	}
	if (r->has_fault) {
		snprintf(addr, sizeof(addr), "0x%" PRIx64, r->fault_addr);
		json_put_string(w, "fault_addr", addr);
		json_put_int(w, "fault_code", r->fault_code);
	}
}

static void put_reason(struct json_writer *w, const struct sup_reason *r)
{
	static const char *const kinds[] = {
		[SUP_REASON_NORMAL] = "normal",
		[SUP_REASON_SHUTDOWN] = "shutdown",
		[SUP_REASON_KILLED] = "killed",
		[SUP_REASON_EXIT] = "exit",
		[SUP_REASON_SIGNAL] = "signal",
		[SUP_REASON_NOPROC] = "noproc",
		[SUP_REASON_LOST] = "lost",
		[SUP_REASON_WATCHDOG] = "watchdog",
	};
	char text[160];

	json_put_string(w, "reason", sup_reason_format(r, text, sizeof(text)));
	json_put_string(w, "kind", kinds[r->kind]);
	if (r->kind == SUP_REASON_EXIT)
		json_put_int(w, "code", r->code);
	if (r->signo != 0)
		put_signal(w, r);
}

static bool has_reason(enum sup_event_kind kind)
{
	return !(SUP_EVENT_BIT(kind) &
		 (SUP_EVENT_BIT(SUP_EVENT_STARTED) |
		  SUP_EVENT_BIT(SUP_EVENT_START_ERROR) |
		  SUP_EVENT_BIT(SUP_EVENT_DECLINED) |
		  SUP_EVENT_BIT(SUP_EVENT_STOPPING) |
		  SUP_EVENT_BIT(SUP_EVENT_UP)));
}

/* A supervised thread tells of its end itself, by its own look at the clock. */
static bool has_kernel_time(const struct sup_event *ev)
{
	return ev->exit_ns != 0 && events.kernel_time &&
	       (ev->os_tid == 0 || ev->kind == SUP_EVENT_TASK_EXIT);
}

int events_format(const struct numbered_event *e, char *buf, size_t size)
{
	const struct sup_event *ev = &e->ev;
	struct json_writer w;

	json_open(&w, buf, size);
	json_put_string(&w, "t", "event");
	json_put_int(&w, "seq", (int64_t)e->seq);
	json_put_string(&w, "event", sup_event_name(ev->kind));
	json_put_int(&w, "time_ns", ev->time_ns);
	if (has_kernel_time(ev))
		json_put_int(&w, "exit_ns", ev->exit_ns);
	json_put_string(&w, "supervisor", ev->supervisor_name);
	json_put_string(&w, "id", ev->child_id);
	json_put_int(&w, "pid", ev->os_pid);
	if (ev->os_tid != 0)
		json_put_int(&w, "tid", ev->os_tid);
	if (has_reason(ev->kind))
		put_reason(&w, &ev->reason);
	if (ev->kind == SUP_EVENT_START_ERROR)
		json_put_int(&w, "error", ev->error);
	if (e->output[0] != '\0')
		json_put_string(&w, "output", e->output);
	json_put_int(&w, "restarts", ev->restarts);
	json_put_int(&w, "used", ev->budget_used);
	json_put_int(&w, "intensity", ev->intensity);
	return json_close(&w);
}
