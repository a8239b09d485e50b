/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <linux/sup.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <signal.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "exit/netlink_record.h"

static struct nl_msg *msg;
static struct nlattr *nest;

static int begin(void **state)
{
	(void)state;
	msg = nlmsg_alloc_simple(0, 0);
	nest = msg ? nla_nest_start(msg, SUP_A_BATCH_RECORD) : NULL;
	return nest ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	nlmsg_free(msg);
	return 0;
}

static void put(int attr, uint32_t value)
{
	assert_int_equal(nla_put_u32(msg, attr, value), 0);
}

static void put64(int attr, uint64_t value)
{
	assert_int_equal(nla_put_u64(msg, attr, value), 0);
}

static int parse(struct sup__record *ret_r)
{
	nla_nest_end(msg, nest);
	return sup__record_parse(nest, ret_r);
}

static void put_exit(enum sup_member_kind kind)
{
	put64(SUP_A_RECORD_SEQ, 12);
	put(SUP_A_RECORD_KIND, SUP_RECORD_KIND_EXIT);
	put(SUP_A_RECORD_MEMBER_KIND, kind);
	put64(SUP_A_RECORD_TIME, 123456789);
	put64(SUP_A_RECORD_LINEAGE, 34);
	put(SUP_A_RECORD_PID, 500);
	put(SUP_A_RECORD_TGID, 499);
}

static void process_ended_by_a_signal(void **state)
{
	struct sup__record r;

	(void)state;
	put_exit(SUP_MEMBER_KIND_PROCESS);
	put(SUP_A_RECORD_SIGNAL, SIGSEGV);
	put(SUP_A_RECORD_FLAGS, SUP_RECORD_FLAG_CORE | SUP_RECORD_FLAG_SENDER);
	put(SUP_A_RECORD_SENDER_PID, 88);
	put(SUP_A_RECORD_SENDER_UID, 99);
	put(SUP_A_RECORD_SENDER_KIND, SUP_SENDER_PROCESS);
	nla_put_string(msg, SUP_A_RECORD_SENDER_COMM, "k\033ll\n");
	put64(SUP_A_RECORD_UTIME, 1);
	put64(SUP_A_RECORD_STIME, 2);
	put64(SUP_A_RECORD_MAX_RSS, 3);
	nla_put_string(msg, SUP_A_RECORD_COMM, "fifteen-letters-and-more");
	assert_int_equal(parse(&r), 0);
	assert_true(r.tell);
	assert_int_equal(r.seq, 12);
	assert_int_equal(r.ev.kind, SUP__EXIT_PROCESS);
	assert_int_equal(r.ev.pid, 500);
	assert_int_equal(r.ev.lineage, 34);
	assert_int_equal(r.ev.exit_ns, 123456789);
	assert_int_equal(r.ev.reason.kind, SUP_REASON_SIGNAL);
	assert_int_equal(r.ev.reason.signo, SIGSEGV);
	assert_true(r.ev.reason.core);
	assert_false(r.ev.reason.oom);
	assert_int_equal(r.ev.reason.sent_by, SUP_SENT_BY_PROCESS);
	assert_int_equal(r.ev.reason.sender_pid, 88);
	assert_int_equal(r.ev.reason.sender_uid, 99);
	assert_string_equal(r.ev.reason.sender_comm, "k?ll?");
	assert_false(r.ev.reason.has_fault);
	assert_int_equal(r.ev.utime_ns + r.ev.stime_ns + r.ev.max_rss, 6);
	assert_string_equal(r.ev.comm, "fifteen-letters");
	assert_false(r.ev.reaped);
}

static void crash_has_its_place(void **state)
{
	struct sup__record r;

	(void)state;
	put_exit(SUP_MEMBER_KIND_PROCESS);
	put(SUP_A_RECORD_SIGNAL, SIGSEGV);
	put(SUP_A_RECORD_FLAGS, SUP_RECORD_FLAG_FAULT);
	put(SUP_A_RECORD_SENDER_KIND, SUP_SENDER_KERNEL);
	put64(SUP_A_RECORD_FAULT_ADDR, 4096);
	put(SUP_A_RECORD_FAULT_CODE, SEGV_MAPERR);
	nla_put_string(msg, SUP_A_RECORD_COMM, "worker-1");
	nla_put_string(msg, SUP_A_RECORD_EXEC_NAME, "program");
	assert_int_equal(parse(&r), 0);
	assert_int_equal(r.ev.reason.sent_by, SUP_SENT_BY_KERNEL);
	assert_true(r.ev.reason.has_fault);
	assert_int_equal(r.ev.reason.fault_addr, 4096);
	assert_int_equal(r.ev.reason.fault_code, SEGV_MAPERR);
	assert_string_equal(r.ev.comm, "program");
}

/* Its sender is of a kind that came after us. */
static void cause_that_is_withheld_or_unknown(void **state)
{
	struct sup__record r;

	(void)state;
	put_exit(SUP_MEMBER_KIND_PROCESS);
	put(SUP_A_RECORD_SIGNAL, SIGKILL);
	put(SUP_A_RECORD_FLAGS, SUP_RECORD_FLAG_WITHHELD);
	put(SUP_A_RECORD_SENDER_KIND, 1000);
	assert_int_equal(parse(&r), 0);
	assert_true(r.ev.reason.withheld);
	assert_int_equal(r.ev.reason.sent_by, SUP_SENT_BY_UNKNOWN);
}

static void process_that_exited(void **state)
{
	struct sup__record r;

	(void)state;
	put_exit(SUP_MEMBER_KIND_PROCESS);
	put(SUP_A_RECORD_CODE, 7);
	assert_int_equal(parse(&r), 0);
	assert_int_equal(r.ev.reason.kind, SUP_REASON_EXIT);
	assert_int_equal(r.ev.reason.code, 7);
}

static void thread_names_its_process(void **state)
{
	struct sup__record r;

	(void)state;
	put_exit(SUP_MEMBER_KIND_THREAD);
	assert_int_equal(parse(&r), 0);
	assert_int_equal(r.ev.kind, SUP__EXIT_THREAD);
	assert_int_equal(r.ev.tid, 500);
	assert_int_equal(r.ev.pid, 499);
	assert_int_equal(r.ev.reason.kind, SUP_REASON_NORMAL);
}

static void lineage_is_empty(void **state)
{
	struct sup__record r;

	(void)state;
	put64(SUP_A_RECORD_SEQ, 1);
	put(SUP_A_RECORD_KIND, SUP_RECORD_KIND_LINEAGE_EMPTY);
	put64(SUP_A_RECORD_LINEAGE, 34);
	assert_int_equal(parse(&r), 0);
	assert_true(r.tell);
	assert_int_equal(r.ev.kind, SUP__EXIT_LINEAGE);
	assert_int_equal(r.ev.lineage, 34);
}

static char logged[256];

static void keep_log(int level, const char *text, void *arg)
{
	(void)level;
	(void)arg;
	strncpy(logged, text, sizeof(logged) - 1);
}

static void overflow_is_logged(void **state)
{
	struct sup__record r;

	(void)state;
	put64(SUP_A_RECORD_SEQ, 1);
	put(SUP_A_RECORD_KIND, SUP_RECORD_KIND_OVERFLOW);
	put(SUP_A_RECORD_CAUSE, SUP_OVERFLOW_CAUSE_LIMIT);
	put(SUP_A_RECORD_KILLED, 4);
	sup_set_log_sink(keep_log, NULL);
	assert_int_equal(parse(&r), 0);
	sup_set_log_sink(NULL, NULL);
	assert_int_equal(r.ev.kind, SUP__EXIT_OVERFLOW);
	assert_non_null(strstr(logged, "limit"));
	assert_non_null(strstr(logged, "4 new processes"));
}

static void owner_lost_is_logged(void **state)
{
	struct sup__record r;

	(void)state;
	put64(SUP_A_RECORD_SEQ, 1);
	put(SUP_A_RECORD_KIND, SUP_RECORD_KIND_OWNER_LOST);
	put(SUP_A_RECORD_OWNER_LOSS, SUP_OWNER_LOSS_HANDED_OVER);
	logged[0] = '\0';
	sup_set_log_level(LOG_NOTICE);
	sup_set_log_sink(keep_log, NULL);
	assert_int_equal(parse(&r), 0);
	sup_set_log_sink(NULL, NULL);
	assert_int_equal(r.ev.kind, SUP__EXIT_OWNER);
	assert_non_null(strstr(logged, "given it away"));
}

static void unknown_kinds_count_but_are_not_told(void **state)
{
	struct sup__record r;

	(void)state;
	put64(SUP_A_RECORD_SEQ, 9);
	put(SUP_A_RECORD_KIND, 1000);
	assert_int_equal(parse(&r), 0);
	assert_false(r.tell);
	assert_int_equal(r.seq, 9);
}

static void record_without_a_number_is_refused(void **state)
{
	struct sup__record r;

	(void)state;
	put(SUP_A_RECORD_KIND, SUP_RECORD_KIND_EXIT);
	assert_int_equal(parse(&r), -EBADMSG);
	assert_non_null(strstr(sup_error(), "without a number"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
		T(process_ended_by_a_signal),
		T(crash_has_its_place),
		T(cause_that_is_withheld_or_unknown),
		T(owner_lost_is_logged),
		T(process_that_exited),
		T(thread_names_its_process),
		T(lineage_is_empty),
		T(overflow_is_logged),
		T(unknown_kinds_count_but_are_not_told),
		T(record_without_a_number_is_refused),
	};

	return RUN_TESTS(tests);
}
