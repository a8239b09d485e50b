/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Telemetry from within: a table of the process's, with one lock, under which
 * no other is taken. No call here is a safe point.
 */
#ifndef SUP_MABEAM_TELEMETRY_IN_H
#define SUP_MABEAM_TELEMETRY_IN_H

#include <pthread.h>

#include <mabeam/telemetry_rule.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct mab__series;

/* One value, in the list of its series, and in that of all: as they came. */
struct mab__point {
	struct mab__point *prev, *next;
	struct mab__point *all_prev, *all_next;
	struct mab__series *series;
	double value;
	int64_t time_ns;
};

/* Of what is raised. */
struct mab__raised {
	struct mab__raised *next;
	unsigned int slot;		/* of the rule */
	uint64_t nr;			/* the how manieth alert it was */
	double value;
	int64_t time_ns;
};

struct mab__series_key {
	enum mab_source source;
	char of[MAB_NAME_MAX + 1];	/* zeroed behind the string */
	char name[MAB_NAME_MAX + 1];
};

/* The values of one name of one; there is one, as long as the series is. */
struct mab__series {
	UT_hash_handle hh;
	struct mab__series *prev, *next;
	struct mab__series_key key;
	struct mab__point *points;
	size_t n;
	int64_t newest_ns;		/* of all that ever came */
	struct mab__raised *raised;
	uint64_t round;			/* in which it was cleaned up last */
};

struct mab__rule {
	bool used;
	char id[MAB_NAME_MAX + 1];
	struct mab_alert_rule spec;	/* of and name stand for these: */
	char of[MAB_NAME_MAX + 1];
	char name[MAB_NAME_MAX + 1];
};

#define MAB__TELEMETRY_OPTIONS { \
	.size = sizeof(struct mab_telemetry_options), \
	.retention_ms = 3600000, .cleanup_ms = 30000, \
	.each = 100, .total = 10000, \
}

struct mab__telemetry {
	pthread_mutex_t lock;		/* of all below */
	struct mab__series *series;	/* by key */
	struct mab__series *list;
	struct mab__point *all;
	size_t n;
	struct mab_telemetry_options options;
	struct mab__rule rules[MAB_ALERT_RULES_MAX];
	uint64_t alert_nr, recorded, forgotten, rounds;
};

extern struct mab__telemetry mab__telemetry;

/*
 * What has become of alerts, to be told when no lock is held: of one series
 * that has a new value, and of another one that has lost its last.
 */
struct mab__tidings {
	size_t n;
	struct mab__tiding {
		bool raised;
		struct mab_rule_alert alert;
	} of[2 * MAB_ALERT_RULES_MAX];
};

void mab__tidings_tell(const struct mab__tidings *t);

/* A value has come to a series, which is its newest: what rules say. */
void mab__rules_judge_locked(struct mab__series *s, const struct mab__point *p,
			     struct mab__tidings *t);

/* What those with a window say now, without a new value. */
void mab__rules_look_locked(struct mab__series *s, struct mab__tidings *t);

/* Clears the alerts of a series. */
void mab__rules_clear_locked(struct mab__series *s, struct mab__tidings *t);

/* The time, and how old a value may be. */
int64_t mab__telemetry_now(void);
int64_t mab__telemetry_oldest_locked(void);

/* For tests: what is taken for the time; NULL: the clock. */
void mab__telemetry_set_clock(int64_t (*now)(void));

/* Forgets what is too old, and has rules look, in a round. */
void mab__telemetry_round(void);

/* Forgets what is more than is kept. */
void mab__telemetry_shrink(void);

#endif
