/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The process that a store may be: one thread without a runtime, which reads a
 * group of requests, does them, commits, and answers. It is there for its
 * parent alone, and ends when that has ended; what was committed stays, however
 * it ends.
 */
#include <foundation/event_process.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sup/sup.h>

#include "foundation/event_front.h"
#include "foundation/event_work.h"

struct answer {
	int error;
	struct sup_msg msg;
};

static struct answer answers[FND__COMMIT_REQUESTS];

/* A request of which not all has come. */
struct request {
	unsigned char *bytes;
	size_t len, size;
	bool lost;		/* there was no memory for it */
};

/* Kept until the group is at its end: only then does the parent read. */
static void keep(struct sup_from from, int error, struct sup_msg *msg)
{
	struct answer *a = &answers[from.slot];

	*a = (struct answer){ .error = error, .msg = *msg };
	if (error || !msg->len || msg->free)
		return;
	a->msg.data = malloc(msg->len);
	a->msg.free = free;
	if (a->msg.data)
		memcpy(a->msg.data, msg->data, msg->len);
	else
		*a = (struct answer){ .error = -ENOMEM };
}

static int send_answer(struct answer *a)
{
	struct sup_msg piece = { .len = 0 };
	size_t at = 0;
	int ret;

	do {
		piece.data = (unsigned char *)a->msg.data + at;
		piece.len = a->msg.len - at;
		piece.tag = (uint32_t)-a->error;
		if (piece.len > SUP_FUNCTION_MAX) {
			piece.len = SUP_FUNCTION_MAX;
			piece.tag |= FND__PIECE;
		}
		ret = sup_function_send(&piece, SUP_FOREVER);
		at += piece.len;
	} while (!ret && at < a->msg.len);
	sup_msg_free(&a->msg);
	return ret;
}

static int send_answers(size_t n)
{
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < n; i++)
		ret = send_answer(&answers[i]);
	return ret;
}

static void add_piece(struct request *r, const struct sup_msg *msg)
{
	size_t size = r->size ? r->size : 2 * SUP_FUNCTION_MAX;
	unsigned char *bytes;

	while (size - r->len < msg->len)
		size *= 2;
	bytes = size > r->size ? realloc(r->bytes, size) : r->bytes;
	if (!bytes) {
		r->lost = true;
		return;
	}
	r->bytes = bytes;
	r->size = size;
	if (msg->len)
		memcpy(r->bytes + r->len, msg->data, msg->len);
	r->len += msg->len;
}

/* The nth of its group. r has what came of it before; msg is the rest. */
static void do_request(struct fnd__event_work *work, struct request *r,
		       const struct sup_msg *msg, size_t nth)
{
	const struct sup_from from = { .slot = (uint32_t)nth };
	struct sup_msg whole = *msg, none = { .len = 0 };

	whole.tag = (uint32_t)msg->tag;
	if (r->len && !r->lost) {
		add_piece(r, msg);
		whole.data = r->bytes;
		whole.len = r->len;
	}
	if (r->lost)
		keep(from, -ENOMEM, &none);
	else
		fnd__event_work_do(work, from, &whole);
	free(r->bytes);
	*r = (struct request){ .len = 0 };
}

/* Until the parent wants no more, or goes, or something goes wrong. */
static int serve(struct fnd__event_work *work)
{
	const int64_t tick_ms = fnd__event_work_tick_ms(work);
	int64_t tick = sup_deadline_ms(tick_ms);
	struct request r = { .len = 0 };
	struct sup_msg msg;
	uint64_t tag;
	size_t n = 0;
	int ret;

	for (;;) {
		ret = sup_function_receive(&msg, tick);
		if (ret == -ETIMEDOUT) {
			fnd__event_work_commit(work);
			tick = sup_deadline_ms(tick_ms);
			continue;
		}
		if (ret || msg.tag & FND__CLOSE)
			return ret;
		tag = msg.tag;
		if (tag & FND__PIECE)
			add_piece(&r, &msg);
		else
			do_request(work, &r, &msg, n++);
		sup_msg_free(&msg);
		if (!(tag & FND__GROUP_END))
			continue;
		if (fnd__event_work_waits(work))
			fnd__event_work_commit(work);
		ret = send_answers(n);
		if (ret)
			return ret;
		n = 0;
	}
}

static int tell_error(int error)
{
	struct fnd__event_error e = { .error = error };

	snprintf(e.sentence, sizeof(e.sentence), "%s", sup_error());
	return write(FND__EVENT_ERROR_FD, &e, sizeof(e)) != sizeof(e) ? 2 : 1;
}

int fnd_event_store_run(const void *arg, size_t len)
{
	const struct fnd__event_process *given = arg;
	const struct fnd_event_store_options options = {
		.size = sizeof(options), .max_age_ms = given->max_age_ms,
		.max_events = given->max_events,
		.durability = given->durability,
		.file = given->has_file ? (const char *)(given + 1) : NULL,
	};
	const struct sup_msg opened = { .tag = FND__OPENED };
	struct fnd__event_work *work;
	int ret;

	(void)len;
	/* Too long a file is an error of write(2), and not the end. */
	signal(SIGXFSZ, SIG_IGN);
	ret = fnd__event_work_open(&options, keep, &work);
	if (ret)
		return tell_error(ret);
	ret = sup_function_send(&opened, SUP_FOREVER);
	if (!ret)
		ret = serve(work);
	fnd__event_work_close(work);
	return ret ? 1 : 0;
}
