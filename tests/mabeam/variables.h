/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of variables have in common: specs, updates, and who listens. */
#ifndef TESTS_MABEAM_VARIABLES_H
#define TESTS_MABEAM_VARIABLES_H

#include "mabeam.h"

#define VARIABLE(n, v, ...) (&(struct mab_variable_spec){ \
	.size = sizeof(struct mab_variable_spec), .name = (n), .value = (v), \
	##__VA_ARGS__ })
#define UPDATE(v, ...) (&(struct mab_update){ \
	.size = sizeof(struct mab_update), .value = (v), ##__VA_ARGS__ })
#define SET(n, v, ...) mab_variable_update(n, UPDATE(v, ##__VA_ARGS__), NULL)

/* Variables are the process's: they are nobody's, or of "owner". */
static inline int clear_variables(void)
{
	const char **names;
	size_t i, n;
	int ret;

	ret = mab_variable_list(&names, &n);
	for (i = 0; i < n && !ret; i++) {
		ret = mab_variable_delete(names[i], NULL);
		if (ret == -EACCES)
			ret = mab_variable_delete(names[i], "owner");
	}
	free(names);
	return ret;
}

static inline int tear_down_core(void **state)
{
	return clear_variables() || tear_down_mabeam(state);
}

#define CORE_CASE(f) \
	cmocka_unit_test_setup_teardown(f, set_up_mabeam, tear_down_core)

/* A task that subscribes, waits if it is to, and hears until that version. */
struct listener {
	const char *name, *by;
	uint64_t last;
	size_t mailbox;
	_Atomic bool subscribed, waits;
	_Atomic uint64_t heard;		/* the version of the last news */
	_Atomic size_t n;
	_Atomic bool deleted;
	char value[32], who[MAB_NAME_MAX + 1];	/* of the last news */
	struct sup_pid pid;
};

static inline int note_news(struct listener *l, const struct sup_msg *msg)
{
	const struct mab_variable_news *news = msg->data;

	EXPECT(msg->tag == MAB_VARIABLE_NEWS);
	EXPECT(msg->len == sizeof(*news) + strlen(news->value) + 1);
	EXPECT(!strcmp(news->name, l->name));
	EXPECT(news->version > atomic_load(&l->heard));
	snprintf(l->value, sizeof(l->value), "%s", news->value);
	snprintf(l->who, sizeof(l->who), "%s", news->by);
	atomic_store(&l->deleted, news->deleted);
	atomic_fetch_add(&l->n, 1);
	atomic_store(&l->heard, news->version);
	return 0;
}

static inline int listens(void *arg)
{
	struct listener *l = arg;
	struct sup_info info;
	int ret;

	EXPECT(!mab_variable_subscribe(l->name, l->by));
	/* Twice is once. */
	EXPECT(!mab_variable_subscribe(l->name, l->by));
	atomic_store(&l->subscribed, true);
	while (atomic_load(&l->waits))
		sup_checkpoint();
	while (atomic_load(&l->heard) < l->last) {
		EXPECT(!sup_receive(&info, LONG));
		EXPECT(info.kind == SUP_INFO_MSG);
		ret = note_news(l, &info.msg);
		sup_msg_free(&info.msg);
		if (ret)
			return ret;
	}
	return 0;
}

static inline void begin_listener(struct listener *l)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = listens, .arg = l,
		.mailbox = l->mailbox,
	};

	assert_int_equal(sup_thread_start(&spec, &l->pid), 0);
	AWAIT(atomic_load(&l->subscribed));
}

static inline void end_listener(struct listener *l)
{
	struct sup_reason reason = end_of(l->pid);

	assert_int_equal(reason.code, 0);
	assert_int_equal(reason.kind, SUP_REASON_NORMAL);
}

static inline struct mab_variable_stats stats_of(const char *name)
{
	struct mab_variable_stats stats;

	assert_int_equal(mab_variable_stats(name, &stats), 0);
	return stats;
}

#endif
