/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of orchestrations have in common. */
#ifndef TESTS_MABEAM_ORCHESTRATIONS_H
#define TESTS_MABEAM_ORCHESTRATIONS_H

#include "mabeam.h"

#define ORCHESTRATION(i, f, ...) (&(struct mab_orchestration_spec){ \
	.size = sizeof(struct mab_orchestration_spec), .id = (i), \
	.coordinate = (f), ##__VA_ARGS__ })

/* One that nothing makes late. */
#define LASTING(i, f, ...) \
	ORCHESTRATION(i, f, .timeout_ms = 3600000, ##__VA_ARGS__)

/* Orchestrations are the process's: each test begins without any. */
static inline int clear_orchestrations(void)
{
	const char **ids;
	size_t i, n;
	int ret;

	ret = mab_orchestration_list(&ids, &n);
	for (i = 0; i < n && !ret; i++)
		ret = mab_orchestration_unregister(ids[i]);
	free(ids);
	return ret;
}

static inline int tear_down_runs(void **state)
{
	return clear_orchestrations() || tear_down_mabeam(state);
}

#define RUN_CASE(f) \
	cmocka_unit_test_setup_teardown(f, set_up_mabeam, tear_down_runs)

static inline struct mab_core_status status_now(void)
{
	struct mab_core_status status;

	assert_int_equal(mab_core_status(&status), 0);
	return status;
}

static inline void set_text(struct sup_msg *result, const char *text)
{
	sup_msg_free(result);
	*result = (struct sup_msg){
		.tag = 7, .data = strdup(text), .len = strlen(text) + 1,
		.free = free,
	};
}

static inline int says_done(const struct mab_orchestration *o,
			    struct sup_msg *ret_result)
{
	(void)o;
	set_text(ret_result, "done");
	return 0;
}

/* Until it is told to end. */
static inline int waits(const struct mab_orchestration *o,
			struct sup_msg *ret_result)
{
	struct sup_info info;

	if (o->arg)
		atomic_fetch_add((_Atomic int *)o->arg, 1);
	(void)ret_result;
	while (!sup_receive(&info, SUP_FOREVER))
		sup_msg_free(&info.msg);
	return -EINVAL;
}

#endif
