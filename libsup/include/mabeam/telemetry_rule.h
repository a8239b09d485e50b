/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules of Telemetry: which values are bad, and what alerts that makes. Any
 * thread; none of these calls is a safe point.
 */
#ifndef MABEAM_TELEMETRY_RULE_H
#define MABEAM_TELEMETRY_RULE_H

#include <mabeam/telemetry.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mab_comparison {
	MAB_ABOVE = 1, MAB_AT_LEAST, MAB_BELOW, MAB_AT_MOST, MAB_EQUAL,
};

/* A value that compares so with the threshold is bad. */
struct mab_alert_rule {
	size_t size;
	const char *id;
	uint32_t sources;	/* MAB_SOURCE_BIT()s; 0: any */
	const char *of;		/* NULL: each, by itself */
	const char *name;	/* of the metric */
	enum mab_comparison comparison;
	double threshold;
	int64_t window_ms;	/* the mean of that time; default: a value */
};

#define MAB_ALERT_RULES_MAX 32

/*
 * A rule is for what is recorded from then on, if it is not older than what was
 * before. It is copied. add: -EINVAL names what is missing or none;
 * -ENAMETOOLONG; -EEXIST; -ENOSPC there are MAB_ALERT_RULES_MAX. remove clears
 * its alerts: -ENOENT.
 */
SUP_API int mab_telemetry_rule_add(const struct mab_alert_rule *rule);
SUP_API int mab_telemetry_rule_remove(const char *id);

/*
 * An alert is raised once, and cleared by the next value that is well, or when
 * there is none any more. Both are events of telemetry,
 * foundation.mabeam.telemetry.alert_raised, and alert_cleared.
 */
struct mab_rule_alert {
	char rule[MAB_NAME_MAX + 1];
	struct mab_metric metric;	/* by which; value: or the mean */
	double threshold;
};

/* Those that are raised, oldest first: to free(3), or NULL. -ENOMEM. */
SUP_API int mab_telemetry_alerts(struct mab_rule_alert **ret_alerts,
				 size_t *ret_n);

#ifdef __cplusplus
}
#endif

#endif
