/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tests of running processes begin with: the real runtime, over pidfds,
 * or over the module if SOURCE says so.
 */
#ifndef TESTS_UNIT_PROCESSES_H
#define TESTS_UNIT_PROCESSES_H

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include <sup/monitor.h>
#include <sup/process.h>
#include <sup/runtime.h>
#include <sup/task.h>

#define LIMIT_MS 60000

/* Perl starts quickly. say(text) is for NOTIFY_SOCKET. */
#define SAY "use Socket; use POSIX; $| = 1;\n" \
	"sub say { socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;\n" \
	"  my $n = $ENV{NOTIFY_SOCKET}; $n =~ s/^@/\\0/;\n" \
	"  send($s, $_[0], 0, pack('Sa*', AF_UNIX, $n)) or die; }\n"

static inline int open_runtime(void **state)
{
	const char *source = getenv("SOURCE");
	struct sup_options opts = {
		.size = sizeof(opts),
		.source = source && !strcmp(source, "module") ?
			  SUP_SOURCE_MODULE : SUP_SOURCE_PIDFD,
	};

	(void)state;
	if (!sup_open(&opts))
		return 0;
	print_error("%s\n", sup_error());
	return -1;
}

static inline int close_runtime(void **state)
{
	(void)state;
	return sup_close();
}

static inline struct sup_pid start(struct sup_process_spec spec)
{
	struct sup_pid pid = SUP_PID_NONE;

	if (sup_process_start(&spec, &pid)) {
		print_error("%s\n", sup_error());
		fail();
	}
	assert_int_not_equal(pid.v, 0);
	return pid;
}

static inline struct sup_reason end_of(struct sup_pid pid)
{
	struct sup_reason reason;

	assert_int_equal(sup_wait(pid, &reason, sup_deadline_ms(LIMIT_MS)), 0);
	return reason;
}

#endif
