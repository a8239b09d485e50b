/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of a supervisor's report: the line that supd writes of an event. */
#include "events.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct numbered_event report(enum sup_event_kind kind)
{
	return (struct numbered_event){
		.seq = 7,
		.ev = {
			.kind = kind, .time_ns = 12, .os_pid = 34,
			.supervisor_name = "top", .child_id = "c",
			.restarts = 1, .budget_used = 2, .intensity = 3,
		},
	};
}

static const char *text(const struct numbered_event *e)
{
	static char buf[2048];
	int len = events_format(e, buf, sizeof(buf));

	assert_int_equal(len, strlen(buf));
	return buf;
}

#define HEAD(kind) "{\"t\":\"event\",\"seq\":7,\"event\":\"" kind "\"," \
	"\"time_ns\":12,\"supervisor\":\"top\",\"id\":\"c\",\"pid\":34"
#define TAIL ",\"restarts\":1,\"used\":2,\"intensity\":3}"

static void SUP_87_text_of_each_report(void **state)
{
	struct numbered_event e = report(SUP_EVENT_STARTED);

	(void)state;
	assert_string_equal(text(&e), HEAD("started") TAIL);
	e = report(SUP_EVENT_START_ERROR);
	e.ev.error = -EIO;
	assert_string_equal(text(&e), HEAD("start_error") ",\"error\":-5"
			    TAIL);
	e = report(SUP_EVENT_CHILD_TERMINATED);
	e.ev.os_tid = 35;
	e.ev.reason = (struct sup_reason){
		.kind = SUP_REASON_SIGNAL, .signo = SIGSEGV,
		.has_fault = true, .fault_addr = 16, .fault_code = SEGV_MAPERR,
	};
	assert_string_equal(text(&e), HEAD("child_terminated") ",\"tid\":35,"
			    "\"reason\":\"signal 11 (SEGV), at 0x10 "
			    "(SEGV_MAPERR)\",\"kind\":\"signal\","
			    "\"signal\":11,\"core\":false,"
			    "\"fault_addr\":\"0x10\",\"fault_code\":1" TAIL);
	e = report(SUP_EVENT_SHUTDOWN_ERROR);
	e.ev.reason.kind = SUP_REASON_KILLED;
	assert_string_equal(text(&e), HEAD("shutdown_error")
			    ",\"reason\":\"killed\",\"kind\":\"killed\"" TAIL);
	e = report(SUP_EVENT_GIVE_UP);
	e.ev.reason = (struct sup_reason){
		.kind = SUP_REASON_EXIT, .code = 3,
	};
	assert_string_equal(text(&e), HEAD("give_up") ",\"reason\":"
			    "\"exit status 3\",\"kind\":\"exit\",\"code\":3"
			    TAIL);
}

/* Whatever a process wrote: one line, and as much as there is room for. */
static void SUP_87_what_a_report_cites(void **state)
{
	struct numbered_event e = report(SUP_EVENT_CHILD_TERMINATED);
	char buf[64];

	(void)state;
	e.ev.reason = (struct sup_reason){
		.kind = SUP_REASON_EXIT, .code = 1,
	};
	strcpy(e.output, "a \"b\"\n\tc\n");
	assert_non_null(strstr(text(&e),
			       ",\"output\":\"a \\\"b\\\"\\u000a"
			       "\\u0009c\\u000a\"" TAIL));
	assert_int_equal(events_format(&e, buf, sizeof(buf)), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(SUP_87_text_of_each_report),
		cmocka_unit_test(SUP_87_what_a_report_cites),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
