/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions, from inside the process that runs one; and the table, which both
 * sides look at. The parent's side is process_function.c.
 *
 * The child is told by the environment, which it takes away at once, so that
 * nobody whom it starts believes it is meant.
 */
#include "core/function.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sup/function.h>

#include "base/alloc.h"
#include "base/build.h"
#include "base/error.h"
#include "core/frame.h"
#include "core/task.h"
#include "exit/plan.h"

#define CANNOT_RUN 127	/* as a shell's, of a program that it cannot find */

static const struct sup_function *table;
static size_t n_table;
static bool have_table;

/* Of a process that runs one; fixed before it does. */
static int parent_fd = -1;
static const struct sup_function *running;
static char *given;			/* what it gets; never freed */

static const struct sup_function *find(const char *name)
{
	size_t i;

	for (i = 0; i < n_table; i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

int sup__function_check(const char *name)
{
	if (!have_table)
		return sup__error(-EPERM, "function \"%s\": main() did not "
				  "call sup_functions()", name);
	/* It would not see what its environment tells it. */
	if (getauxval(AT_SECURE))
		return sup__error(-EPERM, "function \"%s\": a program that "
				  "raises rights is not executed again", name);
	if (!find(name))
		return sup__error(-ENOENT, "function \"%s\" is not in the "
				  "table of sup_functions()", name);
	return 0;
}

int sup__function_check_main(void)
{
	if (have_table || !secure_getenv(SUP__FUNCTION_ENV))
		return 0;
	return sup__error(-EPERM, "this process was started to run a "
			  "function: main() must begin with sup_functions()");
}

static int check_table(const struct sup_function *functions, size_t n)
{
	const struct sup_function *f;
	size_t i, k;

	for (i = 0; i < n; i++) {
		f = &functions[i];
		if (!f->name || !f->name[0] || !f->run)
			return sup__error(-EINVAL, "functions[%zu]: name or "
					  "run is missing", i);
		if (strlen(f->name) > SUP_FUNCTION_NAME_MAX)
			return sup__error(-EINVAL, "functions[%zu]: \"%s\" is "
					  "longer than %d bytes", i, f->name,
					  SUP_FUNCTION_NAME_MAX);
		for (k = 0; k < i; k++)
			if (!strcmp(functions[k].name, f->name))
				return sup__error(-EINVAL, "functions[%zu]: "
						  "\"%s\" is there twice", i,
						  f->name);
	}
	return 0;
}

static void __attribute__((noreturn, format(printf, 1, 2)))
cannot_run(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	_exit(CANNOT_RUN);
}

/* The descriptor that the environment names, if it is what it should be. */
static int take_fd(const char *value)
{
	socklen_t len = sizeof(int);
	int type = 0;
	char *end;
	long fd;

	fd = strtol(value, &end, 10);
	if (end == value || *end || fd < 0 || fd > INT_MAX ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) ||
	    type != SOCK_SEQPACKET || fcntl(fd, F_SETFD, FD_CLOEXEC))
		cannot_run(SUP__FUNCTION_ENV "=%s: no socket of a parent",
			   value);
	return fd;
}

/* Of a START, whose data end with what the function gets. */
static int choose(const struct sup__frame *start, char *data,
		  const struct sup_function **ret_f)
{
	if (start->tag != sup__build_number())
		return -EPROTO;
	if (start->kind != SUP__FRAME_START || !memchr(data, 0, start->len))
		return -EPROTO;
	*ret_f = find(data);
	return *ret_f ? 0 : -ENOENT;
}

/* What it gets moves to the beginning, where it is aligned. */
static void __attribute__((noreturn))
run(const struct sup_function *f, char *data, size_t len)
{
	size_t name = strlen(data) + 1;

	running = f;
	given = data;
	prctl(PR_SET_NAME, f->name);
	memmove(given, given + name, len - name);
	exit(f->run(given, len - name));
}

/* The parent has sent START before it let this process go. */
static void __attribute__((noreturn)) be_function(const char *value, int error)
{
	char *data = sup__alloc(SUP__FRAME_DATA_MAX);
	struct sup__frame start = { .len = 0 }, hello = {
		.kind = SUP__FRAME_HELLO, .tag = sup__build_number(),
	};
	const struct sup_function *f = NULL;
	int ret;

	parent_fd = take_fd(value);
	unsetenv(SUP__FUNCTION_ENV);
	ret = data ? sup__frame_receive(parent_fd, &start, data,
					SUP__FRAME_DATA_MAX) : -ENOMEM;
	if (ret == -EAGAIN || ret == -EPIPE)
		cannot_run("no parent says which function to run");
	if (!ret)
		ret = error ? error : choose(&start, data, &f);
	hello.error = ret == -EPROTONOSUPPORT ? -EPROTO : ret;
	if (sup__frame_send(parent_fd, hello, NULL) || hello.error)
		_exit(CANNOT_RUN);
	run(f, data, start.len);
}

int sup_functions(const struct sup_function *functions, size_t n)
{
	const char *value = secure_getenv(SUP__FUNCTION_ENV);
	int ret = check_table(functions, n);

	if (!ret && have_table)
		return sup__error(-EALREADY, "there is a table already");
	if (!ret) {
		table = functions;
		n_table = n;
		have_table = true;
	}
	if (value)
		be_function(value, ret);
	return ret;
}

/*
 * The parent is gone. Most functions have nothing more to do then, and who
 * waits for what will never come must not wait for ever.
 */
static int parent_is_gone(void)
{
	if (!running->stays)
		exit(0);
	return sup__error(-EPIPE, "the parent is gone");
}

static int begin(void)
{
	if (!running)
		return sup__error(-EPERM, "this process runs no function");
	sup__task_checkpoint();
	return 0;
}

/* 0: try again. */
static int wait_for(short events, int64_t deadline)
{
	int ret;

	do {
		ret = sup__frame_wait(parent_fd, events, deadline);
		if (ret == -EINTR)
			sup__task_checkpoint();
	} while (ret == -EINTR);
	return ret;
}

/* What cannot be taken in is said, and goes. */
static int take(struct sup_msg *ret_msg, char *data)
{
	struct sup__frame frame;
	char *fitting;
	int ret;

	ret = sup__frame_receive(parent_fd, &frame, data, SUP_FUNCTION_MAX);
	if (!ret && frame.kind != SUP__FRAME_MESSAGE)
		ret = -EPROTO;
	if (ret)
		return ret == -EPROTONOSUPPORT ? -EPROTO : ret;
	*ret_msg = (struct sup_msg){ .tag = frame.tag };
	if (!frame.len) {
		sup__free(data);
		return 0;
	}
	fitting = sup__realloc(data, frame.len);
	ret_msg->data = fitting ? fitting : data;
	ret_msg->len = frame.len;
	ret_msg->free = sup__free;
	return 0;
}

/* One that is told to end does so without data in its hand. */
int sup_function_receive(struct sup_msg *ret_msg, int64_t deadline)
{
	int ret = begin(), waited = 0;
	char *data;

	if (ret)
		return ret;
	do {
		data = sup__alloc(SUP_FUNCTION_MAX);
		if (!data)
			return sup__error_nomem("a message");
		ret = take(ret_msg, data);
		if (!ret)
			return 0;
		sup__free(data);
		if (ret != -EAGAIN || waited)
			break;
		waited = wait_for(POLLIN, deadline);
	} while (true);
	if (ret == -EPIPE)
		return parent_is_gone();
	if (ret == -EAGAIN)
		ret = waited;
	return sup__error_sys(ret, "a message from the parent");
}

int sup_function_send(const struct sup_msg *msg, int64_t deadline)
{
	struct sup__frame frame = {
		.kind = SUP__FRAME_MESSAGE, .tag = msg->tag,
		.len = msg->data ? msg->len : 0,
	};
	int ret = begin(), waited = 0;

	if (ret)
		return ret;
	if (msg->data && msg->len > SUP_FUNCTION_MAX)
		return sup__error(-EMSGSIZE, "a message of %zu bytes, of at "
				  "most %d", msg->len, SUP_FUNCTION_MAX);
	do {
		ret = sup__frame_send(parent_fd, frame, msg->data);
		if (ret != -EAGAIN || waited || deadline == SUP_TRY)
			break;
		waited = wait_for(POLLOUT, deadline);
	} while (true);
	if (ret == -EPIPE)
		return parent_is_gone();
	if (ret)
		return sup__error_sys(waited ? waited : ret, "a message of "
				      "%u bytes to the parent", frame.len);
	sup__task_gave_copy(msg);
	return 0;
}
