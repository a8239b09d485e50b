// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way to an unloadable module, for root: the parameter drain refuses new
 * groups and, if asked to, ends those that there are.
 */
#include "sup.h"

#include <linux/moduleparam.h>
#include <linux/string.h>

static const char *const words[] = { "off", "refuse", "release", "kill" };

enum { OFF, REFUSE, RELEASE, KILL };

static int drain = OFF;
static DEFINE_MUTEX(mutex);

bool sup_draining(void)
{
	return READ_ONCE(drain) != OFF;
}

static void end_all(bool kill)
{
	struct sup_info info = { .kind = SUP_RECORD_KIND_ENDED };
	struct sup_group *group;
	u64 id = 0;

	while ((group = sup_group_next(&id))) {
		/* One that is being made looks at drain when it is complete. */
		if (sup_group_is_complete(group)) {
			sup_inform(group, &info);
			/* Before the end takes the owner away. */
			sup_deliver_outbox(group);
			if (kill)
				sup_close_drained(group);
			else
				sup_group_end(group);
		}
		sup_group_put(group);
		cond_resched();
	}
}

static int set(const char *value, const struct kernel_param *kp)
{
	int word = sysfs_match_string(words, value);

	if (word < 0)
		return word;
	mutex_lock(&mutex);
	WRITE_ONCE(drain, word);
	/* ORDER: who makes a group publishes it, then looks at drain. */
	smp_mb();
	if (word >= RELEASE)
		end_all(word == KILL);
	mutex_unlock(&mutex);
	return 0;
}

static int get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", words[READ_ONCE(drain)]);
}

static const struct kernel_param_ops ops = {
	.set = set,
	.get = get,
};

module_param_cb(drain, &ops, NULL, 0600);
MODULE_PARM_DESC(drain,
		 "off; refuse: no new groups; release, kill: ends all, members go on or are killed (off)");
