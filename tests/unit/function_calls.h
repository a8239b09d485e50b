/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tests of functions in processes of their own do on the parent's side;
 * in a task, as foreign threads have no mailbox.
 */
#ifndef TESTS_UNIT_FUNCTION_CALLS_H
#define TESTS_UNIT_FUNCTION_CALLS_H

#include "processes.h"

#include <errno.h>
#include <sys/wait.h>

#include <sup/call.h>
#include <sup/function.h>
#include <sup/loop.h>

#include "base/log.h"

#define LIMIT sup_deadline_ms(LIMIT_MS)
#define MAILBOX 64

static inline int run_body(void *arg)
{
	void (*body)(void) = *(void (**)(void))arg;

	body();
	return 0;
}

static inline void in_task(void (*body)(void))
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = run_body, .arg = &body,
		.mailbox = MAILBOX,
	};
	struct sup_reason reason;

	assert_int_equal(sup_thread_run(&spec, &reason), 0);
	assert_int_equal(reason.kind, SUP_REASON_NORMAL);
}

#define IN_TASK(f) \
	static void f##_in_task(void **state) \
	{ \
		(void)state; \
		in_task(f); \
	}

#define FUNCTION(name, ...) \
	((struct sup_process_spec){ \
		.size = sizeof(struct sup_process_spec), \
		.function = &(struct sup_function_spec){ \
			.size = sizeof(struct sup_function_spec), \
			.function = name, __VA_ARGS__ }, \
	})

static inline void tell(struct sup_pid pid, uint64_t tag, const void *data,
			size_t len)
{
	const struct sup_msg msg = {
		.tag = tag, .data = (void *)data, .len = len,
	};

	if (sup_send(pid, &msg, LIMIT)) {
		print_error("%s\n", sup_error());
		fail();
	}
}

static inline struct sup_info receive(void)
{
	struct sup_info info;

	assert_int_equal(sup_receive(&info, LIMIT), 0);
	return info;
}

static inline void expect_msg(struct sup_pid from, uint64_t tag,
			      const void *data, size_t len)
{
	struct sup_info info = receive();

	assert_int_equal(info.kind, SUP_INFO_MSG);
	assert_int_equal(info.pid.v, from.v);
	assert_int_equal(info.msg.tag, tag);
	assert_int_equal(info.msg.len, len);
	if (len)
		assert_memory_equal(info.msg.data, data, len);
	sup_msg_free(&info.msg);
}

static inline void expect_exit(struct sup_pid from,
			       enum sup_reason_kind kind, int code)
{
	struct sup_info info = receive();

	assert_int_equal(info.kind, SUP_INFO_EXIT);
	assert_int_equal(info.pid.v, from.v);
	assert_int_equal(info.reason.kind, kind);
	assert_int_equal(info.reason.code, code);
}

static inline void end_it(struct sup_pid pid)
{
	assert_int_equal(sup_exit(pid, &SUP_SHUTDOWN), 0);
	expect_exit(pid, SUP_REASON_SHUTDOWN, 0);
}

static inline void expect_refusal(struct sup_process_spec spec, int error,
				     const char *word)
{
	struct sup_pid pid;

	assert_int_equal(sup_process_start(&spec, &pid), error);
	if (!strstr(sup_error(), word)) {
		print_error("%s\n", sup_error());
		fail();
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

#endif
