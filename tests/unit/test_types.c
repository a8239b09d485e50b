/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <sup/types.h>

#include "base/clock.h"

static void reasons_read_well(void **state)
{
	static const struct {
		struct sup_reason reason;
		const char *text;
	} rows[] = {
		{ { .kind = SUP_REASON_NORMAL }, "normal" },
		{ { .kind = SUP_REASON_SHUTDOWN }, "shutdown" },
		{ { .kind = SUP_REASON_SHUTDOWN, .term = -7 },
		  "shutdown (-7)" },
		{ { .kind = SUP_REASON_KILLED }, "killed" },
		{ { .kind = SUP_REASON_EXIT, .code = 3 }, "exit status 3" },
		{ { .kind = SUP_REASON_WATCHDOG, .signo = SIGABRT,
		    .core = true },
		  "watchdog, then signal 6 (ABRT), core dumped" },
		{ { .kind = SUP_REASON_WATCHDOG },
		  "watchdog, then exit status 0" },
		{ { .kind = SUP_REASON_EXIT, .code = -ENOENT },
		  "error -2 (No such file or directory)" },
		{ { .kind = SUP_REASON_SIGNAL, .signo = SIGSEGV, .core = true,
		    .sent_by = SUP_SENT_BY_KERNEL, .has_fault = true,
		    .fault_addr = 16 },
		  "signal 11 (SEGV), core dumped, at 0x10" },
		{ { .kind = SUP_REASON_SIGNAL, .signo = SIGBUS,
		    .has_fault = true, .fault_addr = 32,
		    .fault_code = BUS_ADRERR },
		  "signal 7 (BUS), at 0x20 (BUS_ADRERR)" },
		{ { .kind = SUP_REASON_SIGNAL, .signo = SIGFPE,
		    .has_fault = true, .fault_code = 1000 },
		  "signal 8 (FPE), at 0x0" },
		{ { .kind = SUP_REASON_SIGNAL, .signo = SIGKILL,
		    .sent_by = SUP_SENT_BY_PROCESS, .sender_pid = 12,
		    .sender_uid = 5 },
		  "signal 9 (KILL), sent by pid 12 of uid 5" },
		{ { .kind = SUP_REASON_SIGNAL, .signo = SIGTERM,
		    .sent_by = SUP_SENT_BY_PROCESS, .sender_pid = 12,
		    .sender_uid = 5, .sender_comm = "bash" },
		  "signal 15 (TERM), sent by pid 12 (bash) of uid 5" },
		{ { .kind = SUP_REASON_SIGNAL, .signo = SIGHUP,
		    .sent_by = SUP_SENT_BY_KERNEL },
		  "signal 1 (HUP), from the kernel" },
		{ { .kind = SUP_REASON_SIGNAL, .signo = SIGKILL,
		    .sent_by = SUP_SENT_BY_GROUP },
		  "signal 9 (KILL), with all of its group or lineage" },
		{ { .kind = SUP_REASON_SIGNAL, .signo = SIGKILL,
		    .withheld = true },
		  "signal 9 (KILL), its cause is withheld from us" },
		{ { .kind = SUP_REASON_SIGNAL, .signo = SIGKILL, .oom = true,
		    .sent_by = SUP_SENT_BY_OOM_KILLER },
		  "signal 9 (KILL), out of memory, from the OOM killer" },
		{ { .kind = SUP_REASON_SIGNAL, .signo = 40 }, "signal 40" },
		{ { .kind = SUP_REASON_NOPROC }, "no such task" },
		{ { .kind = SUP_REASON_LOST },
		  "lost: it ended and nobody could tell how" },
		{ { .kind = 99 }, "unknown reason 99" },
	};
	char buf[128];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(rows); i++) {
		assert_ptr_equal(sup_reason_format(&rows[i].reason, buf,
						   sizeof(buf)), buf);
		assert_string_equal(buf, rows[i].text);
	}
}

/* Whatever its size: terminated, and nothing written behind it. */
static void reason_fits_any_buffer(void **state)
{
	struct sup_reason r = {
		.kind = SUP_REASON_SIGNAL, .signo = SIGSEGV, .core = true,
		.sent_by = SUP_SENT_BY_PROCESS, .sender_pid = 1,
		.has_fault = true, .fault_addr = 1,
	};
	char whole[128], buf[128];
	size_t len;

	(void)state;
	sup_reason_format(&r, whole, sizeof(whole));
	for (len = 0; len <= strlen(whole) + 1; len++) {
		memset(buf, '#', sizeof(buf));
		sup_reason_format(&r, buf, len);
		assert_int_equal(buf[len], '#');
		if (!len)
			continue;
		assert_int_equal(strlen(buf), len - 1);
		assert_memory_equal(buf, whole, len - 1);
	}
}

static void clean_is_normal_and_shutdown(void **state)
{
	int kind;

	(void)state;
	for (kind = SUP_REASON_NORMAL; kind <= SUP_REASON_WATCHDOG; kind++) {
		struct sup_reason r = { .kind = kind };

		assert_int_equal(sup_reason_is_clean(&r),
				 kind == SUP_REASON_NORMAL ||
				 kind == SUP_REASON_SHUTDOWN);
	}
}

static int freed;

static void count_free(void *data)
{
	freed++;
	free(data);
}

static void message_is_freed_once(void **state)
{
	struct sup_msg msg = { 0 }, taken;

	(void)state;
	freed = 0;
	sup_msg_free(&msg);
	msg = (struct sup_msg){
		.tag = 5, .data = malloc(3), .len = 3, .free = count_free,
	};
	sup_msg_take(&msg, &taken);
	sup_msg_free(&msg);
	assert_int_equal(freed, 0);
	assert_int_equal(taken.tag, 5);
	assert_int_equal(taken.len, 3);
	sup_msg_free(&taken);
	sup_msg_free(&taken);
	assert_int_equal(freed, 1);
}

static void deadlines_do_not_overflow(void **state)
{
	(void)state;
	sup__clock_fake(1000);
	assert_int_equal(sup_deadline_ms(0), 1000);
	assert_int_equal(sup_deadline_ms(2), 2001000);
	assert_int_equal(sup_deadline_ms(-1), SUP_FOREVER);
	assert_int_equal(sup_deadline_ms(INT64_MAX), INT64_MAX);
	sup__clock_fake(1000000);
	assert_int_equal(sup_deadline_ms(INT64_MAX / 1000000), INT64_MAX);
	sup__clock_fake(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reasons_read_well),
		cmocka_unit_test(reason_fits_any_buffer),
		cmocka_unit_test(clean_is_normal_and_shutdown),
		cmocka_unit_test(message_is_freed_once),
		cmocka_unit_test(deadlines_do_not_overflow),
	};

	return RUN_TESTS(tests);
}
