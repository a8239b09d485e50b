/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What comes late, when the runtime has been closed meanwhile. */
#include "tasks.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/press.h"
#include "core/runtime.h"
#include "core/slot.h"
#include "core/task.h"

#define N_FDS 16

/* As a thread that was one of its tasks, and is slow to say that it is over. */
static void a_late_ring_is_written_to_no_other_file(void **state)
{
	int fds[N_FDS], i;
	uint64_t n;

	(void)state;
	assert_int_equal(sup_open(&pidfd), 0);
	assert_int_equal(sup_close(), 0);
	/* One of them has the number that the bell had. */
	for (i = 0; i < N_FDS; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		assert_true(fds[i] >= 0);
	}
	sup__runtime_ring();
	for (i = 0; i < N_FDS; i++) {
		assert_int_equal(read(fds[i], &n, sizeof(n)), -1);
		close(fds[i]);
	}
}

static int keep_task(void *arg)
{
	*(struct sup__task **)arg = sup__task_get(sup_self());
	return 0;
}

/*
 * As somebody who kills a task that ends meanwhile. Its thread is there still,
 * and a signal without the runtime's handler would end the process.
 */
static void a_late_press_does_nothing(void **state)
{
	struct sup__task *t = NULL;
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = keep_task, .arg = &t,
	};

	(void)state;
	assert_int_equal(sup_open(&pidfd), 0);
	assert_int_equal(sup_thread_run(&spec, NULL), 0);
	assert_int_equal(sup_close(), 0);
	assert_non_null(t);
	sup__press(t, SUP_FOREVER, false);
	assert_false(t->pressed);
	sup__task_put(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_late_ring_is_written_to_no_other_file),
		cmocka_unit_test(a_late_press_does_nothing),
	};

	return RUN_TESTS(tests);
}
