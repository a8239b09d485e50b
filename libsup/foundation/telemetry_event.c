/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events: what is measured goes to figures, and all of it to handlers. */
#include <foundation/telemetry.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <sup/error.h>
#include <sup/types.h>

#include "foundation/handler.h"
#include "foundation/figure.h"
#include "foundation/service.h"

/* What a double can count one by one. */
#define COUNT_MAX 9007199254740992.0

static int check_value(const struct fnd_measurement *m,
		       struct fnd__update *ret_update)
{
	struct fnd__update u = { .kind = m->kind, .value = m->value };

	switch (m->kind) {
	case FND_METRIC_COUNTER:
		if (!(m->value >= 0 && m->value <= COUNT_MAX) ||
		    m->value != (double)(uint64_t)m->value)
			return sup_set_error(-EINVAL, "value: %g is no count",
					     m->value);
		u.n = m->value;
		break;
	case FND_METRIC_GAUGE:
		break;
	case FND_METRIC_HISTOGRAM:
	case FND_METRIC_SUMMARY:
		if (isnan(m->value) ||
		    (m->kind == FND_METRIC_SUMMARY && m->value < 0))
			return sup_set_error(-EINVAL, "value: %g", m->value);
		break;
	default:
		return sup_set_error(-EINVAL, "kind: %d is none",
				     (int)m->kind);
	}
	*ret_update = u;
	return 0;
}

static int measure(const char *event, const struct fnd_measurement *m,
		   const struct fnd__labels *labels,
		   const struct fnd__update *exact)
{
	char name[2 * FND_NAME_MAX + 2];
	struct fnd__update u;
	int ret;

	ret = check_value(m, &u);
	if (ret || !m->name)
		return ret ? ret : fnd__metric_update(event, labels,
						      exact ? exact : &u);
	ret = fnd__check_words("measurement", m->name);
	if (ret)
		return ret;
	snprintf(name, sizeof(name), "%s.%s", event, m->name);
	ret = fnd__check_name("measurement", name);
	return ret ? ret : fnd__metric_update(name, labels, exact ? exact : &u);
}

/* exact: what the one measurement is, where a double is not all of it. */
static int execute(const char *event, const struct fnd_measurement *m, size_t n,
		   const struct fnd_metadata *metadata,
		   const struct fnd__update *exact)
{
	struct fnd__labels labels;
	size_t i;
	int ret;

	ret = fnd__check_words("event", event);
	if (!ret)
		ret = fnd__labels_pack(metadata, &labels);
	if (ret)
		return ret;
	if (n > FND_MEASUREMENTS_MAX)
		return sup_set_error(-EINVAL, "n: %zu, of %d at most", n,
				     FND_MEASUREMENTS_MAX);
	for (i = 0; !ret && i < n; i++)
		ret = measure(event, &m[i], &labels, exact);
	if (!ret)
		fnd__handlers_tell(event, m, n, &labels);
	return ret;
}

int fnd_telemetry_execute(const char *event, const struct fnd_measurement *m,
			  size_t n, const struct fnd_metadata *metadata)
{
	return execute(event, m, n, metadata, NULL);
}

int fnd_telemetry_count(const char *event, uint64_t n,
			const struct fnd_metadata *metadata)
{
	const struct fnd_measurement m = {
		.kind = FND_METRIC_COUNTER,
		.value = n < COUNT_MAX ? (double)n : COUNT_MAX,
	};
	const struct fnd__update exact = { .kind = FND_METRIC_COUNTER, .n = n };

	return execute(event, &m, 1, metadata, &exact);
}

int fnd_telemetry_gauge(const char *event, double value,
			const struct fnd_metadata *metadata)
{
	const struct fnd_measurement m = {
		.kind = FND_METRIC_GAUGE, .value = value,
	};

	return execute(event, &m, 1, metadata, NULL);
}

int fnd_telemetry_histogram(const char *event, double value,
			    const struct fnd_metadata *metadata)
{
	const struct fnd_measurement m = {
		.kind = FND_METRIC_HISTOGRAM, .value = value,
	};

	return execute(event, &m, 1, metadata, NULL);
}

static void notify(const char *event, enum fnd_metric_kind kind, double value,
		   const struct fnd_metadata *metadata)
{
	const struct fnd_measurement m = { .kind = kind, .value = value };
	struct fnd__labels labels;

	if (!fnd__labels_pack(metadata, &labels))
		fnd__handlers_tell(event, &m, 1, &labels);
}

void fnd__notify(const char *event, const struct fnd_pair *pairs, size_t n)
{
	notify(event, FND_METRIC_COUNTER, 1,
	       &(struct fnd_metadata){ pairs, n });
}

void fnd__notify_value(const char *event, double value,
		       const struct fnd_pair *pairs, size_t n)
{
	notify(event, FND_METRIC_GAUGE, value,
	       &(struct fnd_metadata){ pairs, n });
}

void fnd__notify_duration(const char *event, int64_t ns,
			  const struct fnd_pair *pairs, size_t n)
{
	notify(event, FND_METRIC_SUMMARY, ns / 1e9,
	       &(struct fnd_metadata){ pairs, n });
}

static int execute_duration(const char *event, const char *name, int64_t ns,
			    const struct fnd_metadata *metadata)
{
	const struct fnd_measurement m = {
		.name = name, .kind = FND_METRIC_SUMMARY, .value = ns / 1e9,
	};
	const struct fnd__update exact = {
		.kind = FND_METRIC_SUMMARY, .is_ns = true, .ns = ns,
	};

	return execute(event, &m, 1, metadata, &exact);
}

int fnd_telemetry_duration(const char *event, int64_t ns,
			   const struct fnd_metadata *metadata)
{
	return execute_duration(event, NULL, ns, metadata);
}

int fnd_telemetry_measure(const char *event,
			  const struct fnd_metadata *metadata,
			  int (*fn)(void *arg), void *arg, int *ret_result)
{
	char name[FND_NAME_MAX + 16];
	int64_t began = sup_deadline_ms(0), ns;
	int result, ret;

	result = fn(arg);
	ns = sup_deadline_ms(0) - began;
	if (ret_result)
		*ret_result = result;
	ret = fnd__check_words("event", event);
	if (ret)
		return ret;
	snprintf(name, sizeof(name), "%s.%s", event,
		 result < 0 ? "exception" : "stop");
	return execute_duration(name, "duration", ns, metadata);
}
