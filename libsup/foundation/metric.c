/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of figures, by name and labels: stripes, each with a lock of its
 * own. Under another lock, taken with one of those or alone, are the families,
 * one for all figures of a name: their kind, bounds and help.
 *
 * A figure that was opened stays for ever, so that who has it counts with no
 * lock at all. One that only events have made is looked for by its name each
 * time, and counted in under the lock of its stripe, so that nothing is lost
 * when it is forgotten.
 *
 * No lock is held over a safe point, so nobody who is ended holds one.
 */
#include "foundation/figure.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include <sup/error.h>

#include "foundation/family.h"
#include "foundation/service.h"

#define STRIPES 64
#define KEY_MAX (FND_NAME_MAX + 1 + FND__LABELS_BYTES)

struct fnd_metric {
	UT_hash_handle hh;
	struct fnd__family *family;
	struct fnd__cells cells;
	bool is_open;		/* somebody has it: it stays */
	int64_t last;		/* an event's, else */
	char key[];		/* name, 0, labels */
};

static struct stripe {
	pthread_mutex_t lock;
	struct fnd_metric *metrics;
} __attribute__((aligned(64))) stripes[STRIPES] = {
	[0 ... STRIPES - 1] = {
		.lock = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP,
	},
};

static _Atomic size_t n_metrics;

struct key {
	size_t len;
	unsigned int hash;
	struct stripe *stripe;
	char bytes[KEY_MAX];
};

int64_t fnd__coarse_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

size_t fnd__metrics_n(void)
{
	return atomic_load(&n_metrics);
}

static void make_key(const char *name, const struct fnd__labels *labels,
		     struct key *key)
{
	size_t n = strlen(name) + 1;

	memcpy(key->bytes, name, n);
	memcpy(key->bytes + n, labels->bytes, labels->len);
	key->len = n + labels->len;
	HASH_VALUE(key->bytes, key->len, key->hash);
	key->stripe = &stripes[key->hash / 64 % STRIPES];
}

static struct fnd_metric *find_locked(const struct key *key)
{
	struct fnd_metric *m;

	HASH_FIND_BYHASHVALUE(hh, key->stripe->metrics, key->bytes, key->len,
			      key->hash, m);
	return m;
}

static int take_place(void)
{
	if (atomic_fetch_add(&n_metrics, 1) < FND_METRICS_MAX)
		return 0;
	atomic_fetch_sub(&n_metrics, 1);
	return sup_set_error(-ENOSPC, "there are %d figures", FND_METRICS_MAX);
}

static int new_metric(const struct key *key, const struct fnd_metric_spec *spec,
		      struct fnd_metric **ret_metric)
{
	struct fnd_metric *m;
	int ret;

	m = calloc(1, sizeof(*m) + key->len);
	if (!m)
		return fnd__nomem("a figure");
	memcpy(m->key, key->bytes, key->len);
	ret = fnd__family_get(spec, &m->family);
	if (ret)
		goto err_metric;
	ret = fnd__cells_init(&m->cells, m->family->kind, m->family->bounds,
			      m->family->n_bounds);
	if (ret) {
		fnd__nomem("a figure");
		goto err_family;
	}
	*ret_metric = m;
	return 0;

err_family:
	fnd__family_put(m->family);
err_metric:
	free(m);
	return ret;
}

static void free_metric(struct fnd_metric *m)
{
	fnd__cells_fini(&m->cells);
	fnd__family_put(m->family);
	free(m);
	atomic_fetch_sub(&n_metrics, 1);
}

static int add_locked(const struct key *key, const struct fnd_metric_spec *spec,
		      struct fnd_metric **ret_metric)
{
	struct fnd_metric *m = NULL;
	int ret;

	ret = take_place();
	if (ret)
		return ret;
	ret = new_metric(key, spec, &m);
	if (ret) {
		atomic_fetch_sub(&n_metrics, 1);
		return ret;
	}
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, key->stripe->metrics, m->key, key->len,
				    key->hash, m);
	if (!m->hh.tbl) {
		free_metric(m);
		return fnd__nomem("a figure");
	}
	*ret_metric = m;
	return 0;
}

static int find_or_add_locked(const struct key *key,
			      const struct fnd_metric_spec *spec,
			      struct fnd_metric **ret_metric)
{
	struct fnd_metric *m = find_locked(key);
	int ret;

	if (!m)
		return add_locked(key, spec, ret_metric);
	ret = fnd__family_fits(m->family, spec);
	if (!ret)
		*ret_metric = m;
	return ret;
}

static int check_bounds(const struct fnd_metric_spec *spec)
{
	size_t i;

	if (!spec->n_bounds)
		return 0;
	if (spec->kind != FND_METRIC_HISTOGRAM)
		return sup_set_error(-EINVAL, "bounds: it is no histogram");
	if (spec->n_bounds > FND_METRIC_BOUNDS_MAX || !spec->bounds)
		return sup_set_error(-EINVAL, "n_bounds: %zu, of %d at most",
				     spec->n_bounds, FND_METRIC_BOUNDS_MAX);
	for (i = 0; i < spec->n_bounds; i++)
		if (!isfinite(spec->bounds[i]) ||
		    (i && spec->bounds[i] <= spec->bounds[i - 1]))
			return sup_set_error(-EINVAL, "bounds[%zu]: they do "
					     "not ascend", i);
	return 0;
}

static int check_spec(const struct fnd_metric_spec *given,
		      struct fnd_metric_spec *spec)
{
	int ret;

	if (!given)
		return sup_set_error(-EINVAL, "spec: it is NULL");
	ret = fnd__copy_options(spec, sizeof(*spec), given);
	if (!ret)
		ret = fnd__check_words("name", spec->name);
	if (ret)
		return ret;
	if ((unsigned int)spec->kind > FND_METRIC_SUMMARY)
		return sup_set_error(-EINVAL, "kind: %d is none",
				     (int)spec->kind);
	return check_bounds(spec);
}

int fnd_metric_open(const struct fnd_metric_spec *given,
		    struct fnd_metric **ret_metric)
{
	struct fnd__labels labels;
	struct fnd_metric_spec spec;
	struct fnd_metric *m;
	struct key key;
	int ret;

	ret = check_spec(given, &spec);
	if (!ret)
		ret = fnd__labels_pack(&spec.labels, &labels);
	if (ret)
		return ret;
	make_key(spec.name, &labels, &key);
	pthread_mutex_lock(&key.stripe->lock);
	ret = find_or_add_locked(&key, &spec, &m);
	if (!ret) {
		m->is_open = true;
		*ret_metric = m;
	}
	pthread_mutex_unlock(&key.stripe->lock);
	return ret;
}

static void apply(struct fnd__cells *c, const struct fnd__update *u)
{
	switch (u->kind) {
	case FND_METRIC_COUNTER:
		fnd__cells_count(c, u->n);
		break;
	case FND_METRIC_GAUGE:
		fnd__cells_set(c, u->value);
		break;
	default:
		if (u->is_ns)
			fnd__cells_duration(c, u->ns);
		else
			fnd__cells_observe(c, u->value);
	}
}

int fnd__metric_update(const char *name, const struct fnd__labels *labels,
		       const struct fnd__update *u)
{
	const struct fnd_metric_spec spec = {
		.size = sizeof(spec), .name = name, .kind = u->kind,
	};
	struct fnd_metric *m;
	struct key key;
	int ret;

	make_key(name, labels, &key);
	pthread_mutex_lock(&key.stripe->lock);
	ret = find_or_add_locked(&key, &spec, &m);
	if (!ret) {
		m->last = fnd__coarse_now();
		apply(&m->cells, u);
	}
	pthread_mutex_unlock(&key.stripe->lock);
	return ret;
}

static int wrong_kind(const struct fnd_metric *m)
{
	return sup_set_error(-EINVAL, "metric: \"%s\" is a %s", m->family->name,
			     fnd__kind_name(m->family->kind));
}

int fnd_metric_count(struct fnd_metric *m, uint64_t n)
{
	if (m->cells.kind != FND_METRIC_COUNTER)
		return wrong_kind(m);
	fnd__cells_count(&m->cells, n);
	return 0;
}

int fnd_metric_set(struct fnd_metric *m, double value)
{
	if (m->cells.kind != FND_METRIC_GAUGE)
		return wrong_kind(m);
	fnd__cells_set(&m->cells, value);
	return 0;
}

int fnd_metric_add(struct fnd_metric *m, double value)
{
	if (m->cells.kind != FND_METRIC_GAUGE)
		return wrong_kind(m);
	fnd__cells_add(&m->cells, value);
	return 0;
}

static bool is_observed(const struct fnd_metric *m)
{
	return m->cells.kind == FND_METRIC_HISTOGRAM ||
		m->cells.kind == FND_METRIC_SUMMARY;
}

int fnd_metric_observe(struct fnd_metric *m, double value)
{
	if (!is_observed(m))
		return wrong_kind(m);
	if (isnan(value) ||
	    (m->cells.kind == FND_METRIC_SUMMARY && value < 0))
		return sup_set_error(-EINVAL, "value: %g", value);
	fnd__cells_observe(&m->cells, value);
	return 0;
}

int fnd_metric_duration(struct fnd_metric *m, int64_t ns)
{
	if (!is_observed(m))
		return wrong_kind(m);
	if (ns < 0)
		return sup_set_error(-EINVAL, "ns: %lld", (long long)ns);
	fnd__cells_duration(&m->cells, ns);
	return 0;
}

int fnd__metrics_each(int (*cb)(const struct fnd__metric_view *view, void *arg),
		      void *arg)
{
	struct fnd__metric_view v;
	struct fnd_metric *m;
	int i, ret = 0;

	for (i = 0; !ret && i < STRIPES; i++) {
		pthread_mutex_lock(&stripes[i].lock);
		for (m = stripes[i].metrics; !ret && m; m = m->hh.next) {
			v.name = m->key;
			v.help = m->family->help;
			v.labels = m->key + strlen(m->key) + 1;
			v.labels_len = m->hh.keylen - (v.labels - m->key);
			v.cells = &m->cells;
			ret = cb(&v, arg);
		}
		pthread_mutex_unlock(&stripes[i].lock);
	}
	return ret;
}

void fnd__metrics_forget(int64_t since)
{
	struct fnd_metric *m, *next;
	int i;

	for (i = 0; i < STRIPES; i++) {
		pthread_mutex_lock(&stripes[i].lock);
		HASH_ITER(hh, stripes[i].metrics, m, next) {
			if (m->is_open || m->last >= since)
				continue;
			HASH_DEL(stripes[i].metrics, m);
			free_metric(m);
		}
		pthread_mutex_unlock(&stripes[i].lock);
	}
}

void fnd__metrics_reset(void)
{
	struct fnd_metric *m;
	int i;

	fnd__metrics_forget(INT64_MAX);
	for (i = 0; i < STRIPES; i++) {
		pthread_mutex_lock(&stripes[i].lock);
		for (m = stripes[i].metrics; m; m = m->hh.next)
			fnd__cells_clear(&m->cells);
		pthread_mutex_unlock(&stripes[i].lock);
	}
}
