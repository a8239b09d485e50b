/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links of tasks that end while they are linked and unlinked. */
#include "tasks.h"

#define ROUNDS SLOWLY(3000)

/* Two that link with each other at once, and one that ends at that time. */
static int links_and_ends(void *arg)
{
	struct sup_reason why = shutdown_of(77);

	EXPECT(!sup_trap_exits(true, NULL));
	sup_link(*(struct sup_pid *)arg);
	sup_exit_self(&why);
}

static int storm(void *arg)
{
	struct sup_pid self = sup_self(), pid;
	int i, exits;
	struct sup_info info;

	(void)arg;
	EXPECT(!sup_trap_exits(true, NULL));
	for (i = 0; i < ROUNDS; i++) {
		pid = start(links_and_ends, &self);
		EXPECT(!sup_link(pid));
		EXPECT(!sup_wait(pid, NULL, LONG));
		/* One EXIT of its link; one more if ours came too late. */
		exits = 0;
		while (!sup_receive(&info, exits ? SUP_TRY : LONG)) {
			EXPECT(info.kind == SUP_INFO_EXIT);
			EXPECT(info.pid.v == pid.v && info.reason.term == 77);
			exits++;
		}
		EXPECT(exits == 1 || exits == 2);
	}
	return 0;
}

static void LINK_no_exit_signal_is_lost(void **state)
{
	(void)state;
	run_with(storm, NULL);
}

static int receives(void *arg)
{
	struct sup_info info;

	(void)arg;
	while (!sup_receive(&info, LONG))
		sup_msg_free(&info.msg);
	return 1;
}

/* After sup_unlink() the other's end does nothing, however close it is. */
static int unlinks_the_dying(void *arg)
{
	struct sup_reason why = { .kind = SUP_REASON_EXIT, .code = 5 };
	struct sup_pid pid;
	struct sup_info info;
	int i;

	(void)arg;
	for (i = 0; i < ROUNDS; i++) {
		pid = start(receives, NULL);
		EXPECT(!sup_link(pid));
		EXPECT(!sup_unlink(pid, false));
		EXPECT(!sup_exit(pid, &why));
		EXPECT(!sup_receive(&info, LONG) && info.pid.v == pid.v);
		EXPECT(!sup_wait(pid, NULL, LONG));
		sup_checkpoint();
	}
	return 0;
}

static void LINK_unlinked_is_unlinked(void **state)
{
	(void)state;
	run_with(unlinks_the_dying, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(LINK_no_exit_signal_is_lost),
		CASE(LINK_unlinked_is_unlinked),
	};

	return RUN_TESTS(tests);
}
