/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What subscribers of variables hear, and when they do not. */
#include "variables.h"

#define CORE "mab_core"

static void make(const char *name)
{
	assert_int_equal(mab_variable_register(VARIABLE(name, "1")), 0);
}

static void write_often(const char *name, int n)
{
	char text[32];
	int i;

	for (i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_int_equal(SET(name, text, .by = "me"), 0);
	}
}

static void each_change_comes_once_in_order(void **state)
{
	struct listener l[3] = {
		{ .name = "v", .last = 101 }, { .name = "v", .last = 101 },
		{ .name = "w", .last = 51 },
	};
	size_t i;

	(void)state;
	make("v");
	make("w");
	for (i = 0; i < N_OF(l); i++)
		begin_listener(&l[i]);
	assert_int_equal(stats_of("v").subscribers, 2);
	write_often("v", 50);
	write_often("w", 50);
	write_often("v", 50);
	for (i = 0; i < N_OF(l); i++) {
		end_listener(&l[i]);
		assert_int_equal(l[i].n, l[i].last - 1);
		assert_string_equal(l[i].value, "49");
		assert_string_equal(l[i].who, "me");
	}
	assert_int_equal(stats_of("v").subscribers, 0);
}

/* Before it subscribed it heard nothing. */
static void news_begin_with_the_subscription(void **state)
{
	struct listener l = { .name = "v", .last = 12 };

	(void)state;
	make("v");
	write_often("v", 10);
	begin_listener(&l);
	write_often("v", 1);
	end_listener(&l);
	assert_int_equal(l.n, 1);
}

/* All that the history keeps comes when there is room. */
static void who_has_no_room_is_waited_for(void **state)
{
	struct listener slow = {
		.name = "v", .last = 41, .mailbox = 2, .waits = true,
	}, quick = { .name = "v", .last = 41 };

	(void)state;
	make("v");
	begin_listener(&slow);
	begin_listener(&quick);
	write_often("v", 40);
	end_listener(&quick);
	assert_int_equal(quick.n, 40);
	atomic_store(&slow.waits, false);
	end_listener(&slow);
	assert_int_equal(slow.n, 40);
}

static void what_is_not_kept_is_missed(void **state)
{
	struct listener slow = {
		.name = "v", .last = 41, .mailbox = 2, .waits = true,
	}, quick = { .name = "w", .last = 2 };

	(void)state;
	assert_int_equal(mab_variable_register(VARIABLE("v", "1",
						.history = 5)), 0);
	make("w");
	begin_listener(&slow);
	begin_listener(&quick);
	write_often("v", 40);
	/* Core has been at it. */
	write_often("w", 1);
	end_listener(&quick);
	atomic_store(&slow.waits, false);
	end_listener(&slow);
	assert_in_range(slow.n, 5, 7);
	assert_int_equal(stats_of("v").history, 5);
}

static void a_deletion_is_the_last_news(void **state)
{
	struct listener l = { .name = "v", .last = 3 };

	(void)state;
	make("v");
	begin_listener(&l);
	write_often("v", 1);
	assert_int_equal(mab_variable_delete("v", NULL), 0);
	/* Another one of that name is not what it subscribed to. */
	make("v");
	write_often("v", 9);
	end_listener(&l);
	assert_true(l.deleted);
	assert_int_equal(l.n, 2);
	assert_int_equal(stats_of("v").subscribers, 0);
}

static int leaves(void *arg)
{
	struct sup_info info;

	(void)arg;
	EXPECT(!mab_variable_subscribe("v", NULL));
	EXPECT(!mab_variable_subscribe("w", NULL));
	EXPECT(!mab_variable_unsubscribe("v"));
	EXPECT(!mab_variable_unsubscribe("v"));
	EXPECT(!SET("v", "2"));
	EXPECT(!SET("w", "2"));
	EXPECT(!sup_receive(&info, LONG));
	EXPECT(!strcmp(((struct mab_variable_news *)info.msg.data)->name, "w"));
	sup_msg_free(&info.msg);
	EXPECT(!mab_variable_subscribe("v", NULL));
	EXPECT(!SET("v", "3"));
	EXPECT(!sup_receive(&info, LONG));
	EXPECT(((struct mab_variable_news *)info.msg.data)->version == 3);
	sup_msg_free(&info.msg);
	return 0;
}

static void who_unsubscribes_hears_no_more(void **state)
{
	(void)state;
	make("v");
	make("w");
	run_with(leaves, NULL);
}

static int is_not_allowed(void *arg)
{
	(void)arg;
	EXPECT(mab_variable_subscribe("v", "a") == -EACCES);
	EXPECT(mab_variable_subscribe("w", "a") == -ENOENT);
	EXPECT(!mab_variable_subscribe("v", "owner"));
	return 0;
}

static void who_may_not_read_hears_nothing(void **state)
{
	(void)state;
	assert_int_equal(mab_variable_register(VARIABLE("v", "1",
			 .owner = "owner", .permissions.read.kind =
			 MAB_ACCESS_RESTRICTED)), 0);
	run_with(is_not_allowed, NULL);
}

/* Nothing is changed for want of the service, and nothing is lost. */
static void news_outlive_the_service(void **state)
{
	struct listener l = { .name = "v", .last = 31 };
	int i;

	(void)state;
	make("v");
	begin_listener(&l);
	for (i = 0; i < 3; i++) {
		write_often("v", 5);
		foundation = mabeam;
		restart_by_kill(CORE);
		write_often("v", 5);
	}
	end_listener(&l);
	assert_int_equal(l.n, 30);
}

/* What a caller that is killed has changed is told of all the same. */
static struct {
	_Atomic bool begun, go;
} cut;

static int is_cut_short(void *arg)
{
	(void)arg;
	atomic_store(&cut.begun, true);
	while (!atomic_load(&cut.go))
		;
	SET("v", "2");
	return 1;
}

static void who_is_killed_as_it_writes_is_heard(void **state)
{
	struct listener l = { .name = "v", .last = 2 };
	struct sup_pid pid;

	(void)state;
	make("v");
	begin_listener(&l);
	pid = start(is_cut_short, NULL);
	AWAIT(atomic_load(&cut.begun));
	assert_int_equal(sup_kill(pid, LONG), 0);
	atomic_store(&cut.go, true);
	assert_int_equal(end_of(pid).kind, SUP_REASON_KILLED);
	assert_int_equal(stats_of("v").version, 2);
	end_listener(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CORE_CASE(each_change_comes_once_in_order),
		CORE_CASE(news_begin_with_the_subscription),
		CORE_CASE(who_has_no_room_is_waited_for),
		CORE_CASE(what_is_not_kept_is_missed),
		CORE_CASE(a_deletion_is_the_last_news),
		CORE_CASE(who_unsubscribes_hears_no_more),
		CORE_CASE(who_may_not_read_hears_nothing),
		CORE_CASE(news_outlive_the_service),
		CORE_CASE(who_is_killed_as_it_writes_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
