/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server of Telemetry only keeps time: it cleans up again and again, and
 * when it is asked to. It has nothing of its own, and may be killed any time.
 */
#include <errno.h>

#include <sup/sup.h>

#include "mabeam/service.h"
#include "mabeam/telemetry_in.h"

#define NS_PER_MS INT64_C(1000000)

/* Of its timer, of a call, and of a cast: the interval is another one. */
enum { CLEAN_UP = 1, ARM };

static int arm(void)
{
	int64_t cleanup_ms;

	pthread_mutex_lock(&mab__telemetry.lock);
	cleanup_ms = mab__telemetry.options.cleanup_ms;
	pthread_mutex_unlock(&mab__telemetry.lock);
	return sup_server_timer(CLEAN_UP, cleanup_ms);
}

static int init(void *arg, void **ret_state)
{
	*ret_state = arg;
	return arm();
}

static int call(void *state, struct sup_from from, struct sup_msg *req)
{
	static const struct sup_msg done = { .tag = CLEAN_UP };
	int ret = -EINVAL;

	(void)state;
	if (req->tag == CLEAN_UP) {
		mab__telemetry_round();
		ret = sup_reply(from, &done);
	}
	if (ret)
		sup_reply_error(from, ret);
	return SUP_CONTINUE;
}

static int cast(void *state, struct sup_msg *msg)
{
	(void)state;
	return msg->tag == ARM ? arm() : SUP_CONTINUE;
}

static int info(void *state, struct sup_info *info)
{
	(void)state;
	if (info->kind != SUP_INFO_TIMER || info->msg.tag != CLEAN_UP)
		return SUP_CONTINUE;
	mab__telemetry_round();
	return arm();
}

static int check_count(const char *what, size_t *n, size_t standard)
{
	if (!*n)
		*n = standard;
	if (*n > MAB_METRICS_MAX)
		return sup_set_error(-EINVAL, "%s: %zu is more than %d", what,
				     *n, MAB_METRICS_MAX);
	return 0;
}

static int check_options(struct mab_telemetry_options *o)
{
	static const struct mab_telemetry_options standard =
		MAB__TELEMETRY_OPTIONS;
	const int64_t most = INT64_MAX / NS_PER_MS / 2;
	int ret;

	if (!o->retention_ms)
		o->retention_ms = standard.retention_ms;
	if (!o->cleanup_ms)
		o->cleanup_ms = standard.cleanup_ms;
	if (o->retention_ms > most)
		return sup_set_error(-EINVAL, "retention_ms: it is too long");
	if (o->cleanup_ms < 0 || o->cleanup_ms > most)
		return sup_set_error(-EINVAL, "cleanup_ms: %lld is none",
				     (long long)o->cleanup_ms);
	ret = check_count("each", &o->each, standard.each);
	if (!ret)
		ret = check_count("total", &o->total, standard.total);
	o->size = sizeof(*o);
	return ret;
}

static int set_options(const void *given)
{
	struct mab_telemetry_options o;
	int ret;

	ret = mab__copy_options(&o, sizeof(o), given);
	if (!ret)
		ret = check_options(&o);
	if (ret)
		return ret;
	pthread_mutex_lock(&mab__telemetry.lock);
	mab__telemetry.options = o;
	pthread_mutex_unlock(&mab__telemetry.lock);
	mab__telemetry_shrink();
	return 0;
}

int mab_telemetry_configure(const struct mab_telemetry_options *o)
{
	const struct sup_msg msg = { .tag = ARM };
	int ret;

	ret = set_options(o);
	/* One that has just been started, or has no room, will see it soon. */
	if (!ret)
		sup_cast(sup_whereis(MAB__TELEMETRY), &msg, SUP_TRY);
	return ret;
}

int mab_telemetry_start(const void *options, struct sup_pid *ret_pid)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .call = call, .cast = cast,
		.info = info,
	};
	static const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = MAB__TELEMETRY, .reg = true,
		.ops = &ops,
	};
	int ret;

	ret = options ? set_options(options) : 0;
	return ret ? ret : sup_server_start(&spec, ret_pid);
}

int mab_telemetry_clean_up(int64_t deadline)
{
	return mab__service_do(MAB__TELEMETRY, CLEAN_UP, deadline);
}
