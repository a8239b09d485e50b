/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the services of production are. */
#include <foundation/application.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <foundation/foundation.h>
#include <sup/sup.h>

#include "foundation/application_in.h"
#include "foundation/service.h"

/* One that is asked: of the calling task. */
struct asked {
	char name[FND_NAME_MAX + 1];
	char missing[FND_NAME_MAX + 1];
	struct fnd_health_report report;
};

static enum fnd_health health_of(enum fnd_health_outcome outcome)
{
	switch (outcome) {
	case FND_HEALTH_OK:
	case FND_HEALTH_VALUE:
	case FND_HEALTH_ALIVE:
		return FND_HEALTHY;
	case FND_HEALTH_DEGRADED:
	case FND_HEALTH_FAILED:
	case FND_HEALTH_TIMEOUT:
		return FND_DEGRADED;
	default:
		return FND_UNHEALTHY;
	}
}

static const char *advice_of(const struct asked *a)
{
	switch (a->report.outcome) {
	case FND_HEALTH_DEGRADED:
		return "it works, but not well: look at its code";
	case FND_HEALTH_FAILED:
		return "it says that it fails: look at its code";
	case FND_HEALTH_TIMEOUT:
		return "it does not answer in time: see what it waits for, or "
			"restart it";
	case FND_HEALTH_ERROR:
	case FND_HEALTH_CRASHED:
		return "it crashes when it is asked: mend its health function";
	case FND_HEALTH_DOWN:
		return a->missing[0] ? "start what it needs, then restart it" :
			"restart it";
	default:
		return a->missing[0] ? "start what it needs" : NULL;
	}
}

const char *fnd__missing_of(const struct fnd_service *s)
{
	const char *const *name;

	for (name = s->depends_on; name && *name; name++)
		if (!fnd_service_whereis(s->ns, *name).v)
			return *name;
	return NULL;
}

/* No call in here is a safe point: the list is of malloc(3). */
static int take_names(struct asked **ret_asked, size_t *ret_n)
{
	struct fnd_service *services;
	const char *missing;
	struct asked *asked;
	size_t i, n;
	int ret;

	ret = fnd_service_list(FND_PRODUCTION, &services, &n);
	if (ret)
		return ret;
	if (!n)
		return sup_set_error(-ENOTCONN, "no service runs");
	asked = fnd__alloc(n * sizeof(*asked));
	for (i = 0; asked && i < n; i++) {
		asked[i] = (struct asked){ .report.pid = services[i].pid };
		strcpy(asked[i].name, services[i].name);
		missing = fnd__missing_of(&services[i]);
		if (missing)
			strcpy(asked[i].missing, missing);
	}
	free(services);
	if (!asked)
		return fnd__nomem("services");
	*ret_asked = asked;
	*ret_n = n;
	return 0;
}

static void ask(struct asked *a, int64_t deadline)
{
	int ret;

	ret = fnd_service_check(FND_PRODUCTION, a->name, &a->report, deadline);
	if (!ret)
		return;
	/* There is no report: it can be said at least whether it is there. */
	a->report.code = ret;
	a->report.at_ns = sup_deadline_ms(0);
	if (!fnd_service_whereis(FND_PRODUCTION, a->name).v)
		a->report.outcome = FND_HEALTH_DOWN;
	else
		a->report.outcome = ret == -ETIMEDOUT ? FND_HEALTH_TIMEOUT :
			FND_HEALTH_FAILED;
}

static void count(struct fnd_application_health *h, enum fnd_health health)
{
	size_t *const counts[] = {
		[FND_HEALTHY] = &h->healthy, [FND_DEGRADED] = &h->degraded,
		[FND_UNHEALTHY] = &h->unhealthy,
	};

	++*counts[health];
	if (health > h->overall)
		h->overall = health;
}

static char *put(char **at, const char *text)
{
	char *begin = *at;

	*at = stpcpy(begin, text) + 1;
	return begin;
}

static int pack(const struct asked *asked, size_t n,
		struct fnd_application_health **ret_health)
{
	struct fnd_application_health *h;
	size_t i, size = 0;
	char *at;

	for (i = 0; i < n; i++)
		size += strlen(asked[i].name) + strlen(asked[i].missing) + 2;
	h = malloc(sizeof(*h) + n * sizeof(h->services[0]) + size);
	if (!h)
		return fnd__nomem("health");
	*h = (struct fnd_application_health){ .total = n };
	at = (char *)&h->services[n];
	for (i = 0; i < n; i++) {
		h->services[i] = (struct fnd_application_service){
			.name = put(&at, asked[i].name),
			.phase = fnd__phase_of(asked[i].name),
			.report = asked[i].report,
			.health = health_of(asked[i].report.outcome),
			.advice = advice_of(&asked[i]),
		};
		if (asked[i].missing[0]) {
			h->services[i].missing = put(&at, asked[i].missing);
			if (h->services[i].health == FND_HEALTHY)
				h->services[i].health = FND_DEGRADED;
		}
		count(h, h->services[i].health);
	}
	/* To the next tenth. */
	h->percentage = ((2 * h->healthy + h->degraded) * 1000 + n) / (2 * n) /
		10.0;
	*ret_health = h;
	return 0;
}

int fnd_application_health(struct fnd_application_health **ret_health,
			   int64_t deadline)
{
	struct asked *asked = NULL;
	size_t i, n = 0;
	int ret;

	sup_checkpoint();
	ret = take_names(&asked, &n);
	if (ret)
		return ret;
	for (i = 0; i < n; i++)
		ask(&asked[i], deadline);
	ret = pack(asked, n, ret_health);
	fnd__free(asked);
	return ret;
}
