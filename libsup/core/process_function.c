/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions in processes of their own, the parent's side: what such a process
 * is started with, what it sends, what it is sent. core/function.c is the
 * other side, core/frame.h what goes between them.
 *
 * The runtime's thread takes in what it sends and puts it into a mailbox, and
 * must not wait there. So one whose receiver has no room is stalled: its
 * message is kept, its socket not read, which makes the process wait in the
 * end, and it queues up at the mailbox, with a seat that nobody sits on and
 * whose bell the runtime's thread hears. All that are stalled try again then.
 */
#include "core/process_function.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include <sup/function.h>

#include "base/alloc.h"
#include "base/build.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/spec.h"
#include "core/frame.h"
#include "core/function.h"
#include "core/mailbox.h"
#include "core/process_in.h"
#include "core/registry.h"
#include "core/table.h"
#include "core/task.h"
#include "exit/program.h"

#define ROUND_MESSAGES 16
#define SEND_MS 5000

struct sup__function {
	const char *argv[3];
	char name[SUP_FUNCTION_NAME_MAX + 1];
	char *start;		/* data of its START, until it is born */
	size_t start_len;
	struct sup_pid starter;
	char *to;			/* NULL: its starter */
	int64_t send_timeout_ms;
	enum sup_readiness readiness;

	/* sup__processes protects the next two. */
	bool greeted;			/* it has said that it runs it */
	int error;			/* why it will not, or 0 */

	/* The runtime's thread's: */
	struct sup__letter *letter;	/* has no room yet at the receiver */
	struct sup__task *receiver;
	struct sup__room room;
	struct sup__process *process;	/* with a reference while stalled */
	struct sup__function *prev, *next;	/* of those that are */
	unsigned long n_dropped;
};

static struct sup__seat *seat;		/* on which all that are stalled wait */
static int bell_fd = -1;		/* its bell */

/* The runtime's thread's. */
static struct sup__function *stalled;
static char incoming[SUP_FUNCTION_MAX];

int sup__process_functions_open(void)
{
	int ret = sup__function_check_main();

	if (ret)
		return ret;
	seat = sup__seat_new();
	if (!seat)
		return -ENOMEM;
	bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = bell_fd < 0 ? -errno : sup__process_watch_bell(bell_fd);
	if (ret) {
		sup__error_sys(ret, "an eventfd");
		goto close_bell;
	}
	sup__seat_set_bell(seat, bell_fd);
	sup__program_open();
	return 0;

close_bell:
	if (bell_fd >= 0)
		close(bell_fd);
	bell_fd = -1;
	sup__seat_free(seat);
	return ret;
}

void sup__process_functions_close(void)
{
	sup__program_close();
	sup__seat_set_bell(seat, -1);
	close(bell_fd);
	bell_fd = -1;
	sup__seat_free(seat);
}

static int check_spec(const struct sup_function_spec *f,
		      const struct sup_process_spec *spec)
{
	if (spec->argv)
		return sup__error(-EINVAL, "function and argv are both given");
	if (!f->function)
		return sup__error(-EINVAL, "function: its name is missing");
	if (f->arg_len > SUP_FUNCTION_MAX || (f->arg_len && !f->arg))
		return sup__error(-EINVAL, "function: arg_len is %zu, of at "
				  "most %d, or arg is missing", f->arg_len,
				  SUP_FUNCTION_MAX);
	if (f->send_timeout_ms < 0)
		return sup__error(-EINVAL, "function: send_timeout_ms is "
				  "negative");
	if (!f->to && !sup_self().v)
		return sup__error(-EINVAL, "function: to is missing, and who "
				  "starts it is no task");
	if (f->to && sup__registry_check_name(f->to))
		return sup__error(-EINVAL, "function: to: %s", sup_error());
	return sup__function_check(f->function);
}

/* In the table there are no names that are too long. */
static int fill_in(struct sup__function *fn, const struct sup_function_spec *f)
{
	size_t len = strlen(f->function) + 1;

	memcpy(fn->name, f->function, len);
	fn->argv[0] = program_invocation_name;
	fn->argv[1] = fn->name;
	fn->starter = sup_self();
	fn->send_timeout_ms = f->send_timeout_ms ?: SEND_MS;
	fn->start_len = len + f->arg_len;
	fn->start = sup__alloc(fn->start_len);
	if (fn->start) {
		memcpy(fn->start, f->function, len);
		if (f->arg_len)
			memcpy(fn->start + len, f->arg, f->arg_len);
	}
	if (f->to)
		fn->to = sup__strdup(f->to);
	return fn->start && (fn->to || !f->to) ? 0 :
	       sup__error_nomem("a function");
}

int sup__process_function_init(struct sup__process *p,
			       struct sup_process_spec *spec)
{
	struct sup_function_spec f;
	int ret;

	if (!spec->function)
		return 0;
	ret = sup__spec_copy(&f, sizeof(f), spec->function,
			     "sup_function_spec");
	if (!ret)
		ret = check_spec(&f, spec);
	if (ret)
		return ret;
	p->function = sup__zalloc(sizeof(*p->function));
	if (!p->function)
		return sup__error_nomem("a function");
	p->function->process = p;
	p->function->room.seat = seat;
	p->function->readiness = spec->readiness;
	ret = fill_in(p->function, &f);
	spec->argv = p->function->argv;
	spec->name = spec->name ?: p->function->name;
	return ret;
}

void sup__process_function_free(struct sup__process *p)
{
	if (!p->function)
		return;
	sup__free(p->function->start);
	sup__free(p->function->to);
	sup__free(p->function);
}

int sup__process_function_born(struct sup__process *p)
{
	struct sup__function *fn = p->function;
	struct sup__frame frame;
	int ret;

	if (!fn)
		return 0;
	frame = (struct sup__frame){
		.kind = SUP__FRAME_START, .tag = sup__build_number(),
		.len = fn->start_len,
	};
	ret = sup__frame_send(p->proc.function_fd, frame, fn->start);
	sup__free(fn->start);
	fn->start = NULL;
	return ret ? sup__error_sys(ret, "function \"%s\": what it gets",
				    fn->name) : 0;
}

int sup__process_function_not_ready(struct sup__process *p, int err,
				    const char *what)
{
	struct sup__function *fn = p->function;
	bool greeted, broken;
	int error;

	if (!fn)
		return 0;
	sup__lock(&sup__processes);
	greeted = fn->greeted;
	broken = p->broken;
	error = fn->error;
	sup__unlock(&sup__processes);
	if (broken)
		return sup__error(-EPROTO, "function \"%s\": pid %d sent what "
				  "is no message", fn->name, (int)p->proc.pid);
	if (error == -EPROTO)
		return sup__error(error, "function \"%s\": pid %d is of "
				  "another build of the program or of libsup",
				  fn->name, (int)p->proc.pid);
	if (error)
		return sup__error_sys(error, "function \"%s\": pid %d has it "
				      "not", fn->name, (int)p->proc.pid);
	if (!greeted)
		return sup__error(err, "pid %d %s before it said that it runs "
				  "the function \"%s\": does its main() begin "
				  "with sup_functions()?", (int)p->proc.pid,
				  what, fn->name);
	if (fn->readiness != SUP_READY_MESSAGE)
		return 0;
	return sup__error(err, "pid %d %s before it sent a message",
			  (int)p->proc.pid, what);
}

/* What cannot be delivered, now and for good. */
static void dropped(struct sup__process *p, const char *why)
{
	struct sup__function *fn = p->function;

	fn->n_dropped++;
	/* Once for each doubling. */
	if (fn->n_dropped & (fn->n_dropped - 1))
		return;
	sup__log(LOG_WARNING, "pid %d: a message of function \"%s\" is "
		 "dropped, %s; that makes %lu", (int)p->pid, fn->name, why,
		 fn->n_dropped);
}

static void stall(struct sup__process *p, struct sup__letter *letter,
		  struct sup__task *receiver)
{
	struct sup__function *fn = p->function;

	fn->letter = letter;
	fn->receiver = receiver;
	if (!stalled)
		sup__process_hear_bell(bell_fd, true);
	DL_APPEND(stalled, fn);
	sup__task_ref(p->task);
	sup__lock(&sup__processes);
	if (p->proc.function_fd >= 0)
		sup__process_pause_locked(p->proc.function_fd);
	sup__unlock(&sup__processes);
}

/* The letter has gone, one way or the other. p may go with it. */
static void unstall(struct sup__process *p)
{
	struct sup__function *fn = p->function;
	int ret = 0;

	sup__task_put(fn->receiver);
	fn->letter = NULL;
	fn->receiver = NULL;
	DL_DELETE(stalled, fn);
	if (!stalled)
		sup__process_hear_bell(bell_fd, false);
	sup__lock(&sup__processes);
	if (p->proc.function_fd >= 0)
		ret = sup__process_resume_locked(p, p->proc.function_fd);
	sup__unlock(&sup__processes);
	if (ret) {
		sup__log(LOG_ERR, "%s cannot be heard: it is killed",
			 sup_error());
		sup__process_kill(p);
	}
	sup__task_put(p->task);
}

/* True: it has been put, or dropped. False: it waits, if it may. */
static bool put(struct sup__process *p, struct sup__letter *letter,
		struct sup__task *receiver, bool may_wait)
{
	struct sup__room *room = &p->function->room;
	int ret;

	ret = sup__mailbox_put_or_join(&receiver->mailbox, letter, room);
	if (!ret)
		return true;
	if (ret == -EAGAIN && may_wait)
		return false;
	sup__mailbox_leave(&receiver->mailbox, room);
	sup__letter_drop(letter);
	dropped(p, ret == -EAGAIN ? "as it has ended, and its receiver has no "
		"room" : "as its receiver has ended");
	return true;
}

static void deliver(struct sup__process *p, const struct sup__frame *frame,
		    bool may_wait)
{
	struct sup__function *fn = p->function;
	const struct sup_msg msg = {
		.tag = frame->tag, .data = incoming, .len = frame->len,
	};
	struct sup__task *receiver;
	struct sup__letter *letter;

	receiver = sup__task_get(fn->to ? sup_whereis(fn->to) : fn->starter);
	if (!receiver) {
		dropped(p, "as nobody is there to receive it");
		return;
	}
	letter = sup__letter_make(&receiver->mailbox, SUP__LETTER_SEND, &msg);
	if (!letter) {
		dropped(p, "for want of memory");
	} else {
		letter->from.pid = sup__task_pid(p->task);
		if (!put(p, letter, receiver, may_wait)) {
			stall(p, letter, receiver);
			return;
		}
	}
	sup__task_put(receiver);
}

/* It will never be what it was started as: nothing more of it is heard. */
static void refuse(struct sup__process *p, int error)
{
	sup__lock(&sup__processes);
	p->function->error = error;
	sup__process_unwatch_one_locked(&p->proc.function_fd);
	sup__unlock(&sup__processes);
	sup__process_never_ready(p);
	sup__process_kill(p);
}

static void break_off(struct sup__process *p)
{
	sup__log(LOG_ERR, "pid %d: function \"%s\" sent what is no message: "
		 "it is killed", (int)p->pid, p->function->name);
	sup__lock(&sup__processes);
	p->broken = true;
	sup__unlock(&sup__processes);
	refuse(p, -EPROTO);
}

static void greet(struct sup__process *p, const struct sup__frame *hello)
{
	int error = hello->error;

	if (!error && hello->tag != sup__build_number())
		error = -EPROTO;
	if (error) {
		refuse(p, error < 0 && error > -4096 ? error : -EPROTO);
		return;
	}
	sup__lock(&sup__processes);
	p->function->greeted = true;
	if (p->function->readiness == SUP_READY_EXEC)
		sup__process_ready_locked(p, SUP__READY_YES);
	sup__unlock(&sup__processes);
}

static void message_came(struct sup__process *p)
{
	if (p->function->readiness != SUP_READY_MESSAGE)
		return;
	sup__lock(&sup__processes);
	sup__process_ready_locked(p, SUP__READY_YES);
	sup__unlock(&sup__processes);
}

/* -EAGAIN there is none, -EPIPE nor will be. */
static int next_frame(struct sup__process *p, struct sup__frame *ret_frame)
{
	int ret = -EAGAIN;

	sup__lock(&sup__processes);
	if ((p->alive || p->draining) && p->proc.function_fd >= 0)
		ret = sup__frame_receive(p->proc.function_fd, ret_frame,
					 incoming, sizeof(incoming));
	if (ret == -EPIPE)
		sup__process_unwatch_one_locked(&p->proc.function_fd);
	sup__unlock(&sup__processes);
	return ret;
}

/* False: there is nothing more, or it is not to be taken in. */
static bool hear(struct sup__process *p, bool may_wait)
{
	struct sup__function *fn = p->function;
	struct sup__frame frame;
	int ret;

	ret = next_frame(p, &frame);
	if (!ret && frame.kind == SUP__FRAME_MESSAGE && fn->greeted) {
		deliver(p, &frame, may_wait);
		message_came(p);
		return true;
	}
	if (!ret && frame.kind == SUP__FRAME_HELLO && !fn->greeted) {
		greet(p, &frame);
		return true;
	}
	if (ret == -EPROTONOSUPPORT && !fn->greeted)
		refuse(p, -EPROTO);
	else if (!ret || ret == -EPROTO || ret == -EPROTONOSUPPORT)
		break_off(p);
	return false;
}

void sup__process_function_hear(struct sup__process *p)
{
	int i;

	if (!p->function)
		return;
	for (i = 0; i < ROUND_MESSAGES; i++)
		if (p->function->letter || !hear(p, true))
			break;
}

/* What has been sent by now; nobody sends any more. */
void sup__process_function_rest(struct sup__process *p)
{
	struct sup__function *fn = p->function;

	if (!fn)
		return;
	sup__lock(&sup__processes);
	if (p->proc.function_fd >= 0)
		shutdown(p->proc.function_fd, SHUT_RDWR);
	sup__unlock(&sup__processes);
	if (fn->letter) {
		put(p, fn->letter, fn->receiver, false);
		unstall(p);
	}
	while (hear(p, false))
		;
}

void sup__process_function_retry(void)
{
	struct sup__function *fn, *next;
	eventfd_t n;

	/* ORDER: before the tries, so that a ring during them is heard. */
	eventfd_read(bell_fd, &n);
	DL_FOREACH_SAFE(stalled, fn, next)
		if (put(fn->process, fn->letter, fn->receiver, true))
			unstall(fn->process);
}

/* A copy of its socket that can be polled, or -EAGAIN's better. */
static int try_send(struct sup__process *p, const struct sup_msg *msg,
		    bool may_wait, int *ret_fd)
{
	const struct sup__frame frame = {
		.kind = SUP__FRAME_MESSAGE, .tag = msg->tag,
		.len = msg->data ? msg->len : 0,
	};
	int ret = -EPIPE;

	sup__lock(&sup__processes);
	if (p->alive && p->proc.function_fd >= 0)
		ret = sup__frame_send(p->proc.function_fd, frame, msg->data);
	if (ret == -EAGAIN && may_wait) {
		*ret_fd = fcntl(p->proc.function_fd, F_DUPFD_CLOEXEC, 3);
		if (*ret_fd < 0)
			ret = -errno;
	}
	sup__unlock(&sup__processes);
	return ret;
}

static int64_t send_deadline(const struct sup__function *fn, int64_t deadline)
{
	int64_t limit = sup_deadline_ms(fn->send_timeout_ms);

	return deadline == SUP_FOREVER || deadline > limit ? limit : deadline;
}

static int send_or_wait(struct sup__process *p, const struct sup_msg *msg,
			int64_t deadline)
{
	int ret, waited = 0, fd = -1;

	if (deadline != SUP_TRY)
		deadline = send_deadline(p->function, deadline);
	do {
		ret = try_send(p, msg, deadline != SUP_TRY && !waited, &fd);
		if (ret != -EAGAIN || deadline == SUP_TRY || waited)
			break;
		waited = sup__frame_wait(fd, POLLOUT, deadline);
		close(fd);
		if (sup__task_must_end())
			return -ECANCELED;
		if (waited == -EINTR)
			waited = 0;
	} while (true);
	return ret == -EAGAIN && waited ? waited : ret;
}

int sup__process_function_send(void *process, const struct sup_msg *msg,
			       int64_t deadline)
{
	struct sup__process *p = process;
	int ret;

	if (!p->function)
		return sup__error(-EINVAL, "to: pid %d is a process that runs "
				  "no function", (int)p->proc.pid);
	if (msg->data && msg->len > SUP_FUNCTION_MAX)
		return sup__error(-EMSGSIZE, "a message of %zu bytes, of at "
				  "most %d", msg->len, SUP_FUNCTION_MAX);
	ret = send_or_wait(p, msg, deadline);
	switch (ret) {
	case 0:
	case -ECANCELED:
		return ret;
	case -EPIPE:
		return sup__error(-ESRCH, "function \"%s\" has ended, or "
				  "closed its socket", p->function->name);
	case -EAGAIN:
	case -ETIMEDOUT:
		return sup__error(ret, "function \"%s\" does not read what it "
				  "is sent", p->function->name);
	}
	return sup__error_sys(ret, "a message to function \"%s\"",
			      p->function->name);
}
