/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server that stands for a store in a process. It starts the process, which
 * is its child, and ends with it; so to its supervisor and to its callers the
 * two are one. What is asked while the process is at a group waits here, in
 * memory of the task, and is the next group: the more come meanwhile, the more
 * share a commit, and a lone one goes on at once.
 *
 * Killed, it leaves the process to end by itself; the next one waits for that,
 * since the process has a name.
 */
#include "foundation/event_front.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <foundation/event_process.h>
#include <sup/sup.h>

#include "foundation/event_work.h"
#include "foundation/service.h"

#define SEND_MS 60000
#define CLOSE_MS 5000
#define LEFT_MS 30000

/* One that waits for the next group. */
struct request {
	struct request *next;
	struct sup_from from;
	uint64_t tag;
	size_t len;
	uint64_t data[];
};

struct front {
	struct sup_pid process;		/* none: it has ended */
	struct request *first, **end;
	/* The group that is under way, in the order of its answers. */
	struct sup_from asked[FND__COMMIT_REQUESTS];
	size_t n_asked, n_answered;
	unsigned char *answer;		/* the one of which some has come */
	size_t len, size;
};

/* Why the process did not come up, if it has said so. */
static int error_of(int fd, int error)
{
	struct fnd__event_error e;

	if (read(fd, &e, sizeof(e)) != sizeof(e) || e.error >= 0)
		return error;
	e.sentence[sizeof(e.sentence) - 1] = '\0';
	return sup_set_error(e.error, "%s", e.sentence);
}

static int start_process(const struct sup_function_spec *function, int fd,
			 struct sup_pid *ret_pid)
{
	const struct sup_fd fds = { fd, FND__EVENT_ERROR_FD };
	const struct sup_process_spec spec = {
		.size = sizeof(spec), .name = FND__EVENT_PROCESS, .reg = true,
		.readiness = SUP_READY_MESSAGE, .function = function,
		.fds = &fds, .n_fds = 1,
	};
	const int64_t deadline = sup_deadline_ms(LEFT_MS);
	int ret;

	/* One that a front has left has been told to end. */
	ret = sup_process_start(&spec, ret_pid);
	while (ret == -EEXIST && !sup_wait(*ret_pid, NULL, deadline))
		ret = sup_process_start(&spec, ret_pid);
	return ret;
}

/* Its first message comes only if it has opened the file. */
static int start(const struct sup_function_spec *function,
		 struct sup_pid *ret_pid)
{
	int fds[2], ret;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return sup_set_error(-errno, "no pipe for a process");
	ret = sup_own_fd(fds[0]);
	if (ret)
		goto close_both;
	ret = sup_own_fd(fds[1]);
	if (ret) {
		sup_disown_fd(fds[0]);
		goto close_both;
	}
	ret = start_process(function, fds[1], ret_pid);
	if (ret == -ECHILD)
		ret = error_of(fds[0], ret);
	sup_close_fd(fds[1]);
	sup_close_fd(fds[0]);
	return ret;

close_both:
	close(fds[1]);
	close(fds[0]);
	return ret;
}

static int start_with(const struct fnd_event_store_options *o,
		      struct sup_pid *ret_pid)
{
	size_t size = o->file ? strlen(o->file) + 1 : 0;
	struct fnd__event_process *given = sup_alloc(sizeof(*given) + size);
	const struct sup_function_spec function = {
		.size = sizeof(function), .function = FND_EVENT_STORE_FUNCTION,
		.arg = given, .arg_len = sizeof(*given) + size,
		.send_timeout_ms = SEND_MS,
	};
	int ret;

	if (!given)
		return -ENOMEM;
	*given = (struct fnd__event_process){
		.max_age_ms = o->max_age_ms, .max_events = o->max_events,
		.durability = o->durability, .has_file = !!o->file,
	};
	if (size)
		memcpy(given + 1, o->file, size);
	ret = start(&function, ret_pid);
	sup_free(given);
	return ret;
}

static int init(void *arg, void **ret_state)
{
	struct fnd_event_store_options options;
	struct front *f = sup_alloc(sizeof(*f));
	int ret;

	if (!f)
		return -ENOMEM;
	ret = fnd__event_options(arg, &options);
	if (!ret)
		ret = start_with(&options, &f->process);
	f->end = &f->first;
	*ret_state = f;
	return ret;
}

static int send_request(struct front *f, struct request *r, bool last)
{
	struct sup_msg piece = { .len = 0 };
	size_t at = 0;
	int ret;

	do {
		piece.data = (unsigned char *)r->data + at;
		piece.len = r->len - at;
		piece.tag = r->tag | (last ? FND__GROUP_END : 0);
		if (piece.len > SUP_FUNCTION_MAX) {
			piece.len = SUP_FUNCTION_MAX;
			piece.tag = r->tag | FND__PIECE;
		}
		ret = sup_send(f->process, &piece, SUP_FOREVER);
		at += piece.len;
	} while (!ret && at < r->len);
	return ret;
}

/*
 * All that wait, as far as they make one commit: what is no store is the last
 * of its group, so that one large answer is kept at a time.
 */
static int send_group(struct front *f)
{
	struct request *r;
	size_t bytes = 0;
	bool last = false;
	int ret;

	f->n_asked = f->n_answered = 0;
	while (!last && (r = f->first)) {
		bytes += r->len;
		last = !r->next || r->tag != FND__STORE ||
		       f->n_asked + 1 == FND__COMMIT_REQUESTS ||
		       bytes > FND__COMMIT_BYTES;
		f->asked[f->n_asked++] = r->from;
		ret = send_request(f, r, last);
		/* It has ended, and we do when we are told so. */
		if (ret)
			return ret == -ESRCH ? SUP_CONTINUE : ret;
		f->first = r->next;
		if (!f->first)
			f->end = &f->first;
		sup_free(r);
	}
	return SUP_CONTINUE;
}

static bool is_idle(const struct front *f)
{
	return f->n_answered == f->n_asked;
}

static int call(void *state, struct sup_from from, struct sup_msg *req)
{
	struct front *f = state;
	struct request *r;

	if (req->tag >= FND__EVENT_REQUESTS) {
		sup_reply_error(from, -EINVAL);
		return SUP_CONTINUE;
	}
	r = sup_alloc(sizeof(*r) + req->len);
	if (!r) {
		sup_reply_error(from, -ENOMEM);
		return SUP_CONTINUE;
	}
	r->from = from;
	r->tag = req->tag;
	r->len = req->len;
	if (req->len)
		memcpy(r->data, req->data, req->len);
	*f->end = r;
	f->end = &r->next;
	return is_idle(f) ? send_group(f) : SUP_CONTINUE;
}

static bool add_piece(struct front *f, const struct sup_msg *msg)
{
	size_t size = f->size ? f->size : 2 * SUP_FUNCTION_MAX;
	unsigned char *answer = f->answer;

	while (size - f->len < msg->len)
		size *= 2;
	if (size > f->size)
		answer = sup_realloc(f->answer, size);
	if (!answer)
		return false;
	memcpy(answer + f->len, msg->data, msg->len);
	f->answer = answer;
	f->size = size;
	f->len += msg->len;
	return true;
}

static void reply(struct sup_from from, struct sup_msg *msg)
{
	if (!sup_reply(from, msg))
		return;
	sup_msg_free(msg);
	sup_reply_error(from, -ENOMEM);
}

static void reply_all(struct front *f, struct sup_from from)
{
	struct sup_msg whole = {
		.data = f->answer, .len = f->len, .free = sup_free,
	};

	sup_give(f->answer);
	f->answer = NULL;
	f->len = f->size = 0;
	reply(from, &whole);
}

/* -ENOMEM: an answer cannot be put together; it was one of many parts. */
static int answered(struct front *f, struct sup_msg *msg)
{
	int error = -(int)(uint32_t)msg->tag;
	struct sup_from from;

	/* Somebody may have called before that. */
	if (msg->tag == FND__OPENED)
		return SUP_CONTINUE;
	if (is_idle(f))
		return -EPROTO;
	from = f->asked[f->n_answered];
	if ((msg->tag & FND__PIECE || f->len) && !add_piece(f, msg))
		return -ENOMEM;
	if (msg->tag & FND__PIECE)
		return SUP_CONTINUE;
	if (error)
		sup_reply_error(from, error);
	else if (f->len)
		reply_all(f, from);
	else
		reply(from, msg);
	f->n_answered++;
	return is_idle(f) && f->first ? send_group(f) : SUP_CONTINUE;
}

static int info(void *state, struct sup_info *info)
{
	struct front *f = state;

	if (info->pid.v != f->process.v)
		return SUP_CONTINUE;
	switch (info->kind) {
	case SUP_INFO_MSG:
		return answered(f, &info->msg);
	case SUP_INFO_EXIT:
		f->process = SUP_PID_NONE;
		sup_server_stop_with(&info->reason);
		return SUP_STOP;
	default:
		return SUP_CONTINUE;
	}
}

/*
 * One that has nothing under way closes its file; else it is told to end with
 * its parent, and whoever was not answered is told so by his call.
 */
static void terminate(void *state, const struct sup_reason *reason)
{
	const struct sup_msg close_msg = { .tag = FND__CLOSE };
	struct front *f = state;

	(void)reason;
	if (f->process.v && is_idle(f) &&
	    !sup_send(f->process, &close_msg, SUP_FOREVER))
		sup_wait(f->process, NULL, sup_deadline_ms(CLOSE_MS));
}

const struct sup_server_ops fnd__event_front = {
	.size = sizeof(fnd__event_front), .init = init, .call = call,
	.info = info, .terminate = terminate,
};
