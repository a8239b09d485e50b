/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server of the ConfigServer, and its calls. What it changes is the
 * process's (config_store.c); between two safe points a change is done, on the
 * disk and for readers. So a kill of the server loses no change that its caller
 * was told of, and the next one goes on with what there is.
 *
 * Who subscribes is a task in a registry of libsup, under its own number, with
 * the last change that it has been told of as the value. The entry goes with
 * the task, and is there for the next server. Each setting knows its last
 * change: what one has to be told is what changed after that, in order. So
 * nothing is kept for one who has no room: it is looked again, by a timer.
 */
#include <foundation/config_server.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <foundation/metric.h>
#include <sup/sup.h>

#include "foundation/config_store.h"
#include "foundation/config_value.h"
#include "foundation/file.h"
#include "foundation/handler.h"
#include "foundation/metadata.h"
#include "foundation/service.h"

#define NS_PER_MS 1000000

/* Of upstream's names. */
#define UPDATES "foundation.config_updates"
#define RESETS "foundation.config_resets"

/* The timer after which those who had no room are told. */
#define AGAIN 1
#define AGAIN_MS 10

/*
 * All are calls. UPDATE has packed pairs of path and text, ROLLBACK a version.
 * Down to RELOAD the reply's tag is an error without its sign, or 0, and its
 * data the sentence.
 */
enum tag {
	UPDATE, RESET, ROLLBACK, RELOAD,
	STATS,		/* the reply: struct fnd_config_stats */
	SUBSCRIBE, UNSUBSCRIBE,
};

struct state {
	struct fnd__config *config;
	int64_t began;
	int64_t last_update;
	uint64_t updates;
	struct fnd_metric *versions, *resets;
	char sentence[512];	/* of what has failed */
};

/* The value of a subscriber's entry: what it was told of last. */
struct position {
	const struct fnd__config *of;
	uint64_t version;
	size_t index;		/* of those of one version */
};

static _Atomic uint64_t subscribers_id;

static struct sup_registry subscribers(void)
{
	return (struct sup_registry){ atomic_load(&subscribers_id) };
}

static struct sup_bytes key_of(const struct sup_pid *pid)
{
	return (struct sup_bytes){ pid, sizeof(*pid) };
}

/* Of all changes that there have been: nothing comes after it but a new one. */
static struct position now(const struct fnd__config *c)
{
	return (struct position){ c, c->version, SIZE_MAX };
}

static bool comes_after(const struct fnd__setting *s, const struct position *p)
{
	return s->version > p->version ||
		(s->version == p->version && s->index > p->index);
}

/* The first change that one at p has not been told of, or NULL. */
static const struct fnd__setting *next_news(const struct fnd__config *c,
					    const struct position *p)
{
	const struct fnd__setting *s, *first = NULL;

	/* Of those of one version the first is found first. */
	for (s = c->settings; s < c->settings + c->n; s++)
		if (s->version && comes_after(s, p) &&
		    (!first || s->version < first->version))
			first = s;
	return first;
}

static int tell_of(const struct fnd__config *c, const struct fnd__setting *s,
		   struct sup_pid pid)
{
	struct fnd_config_news news = {
		.version = s->version, .time = s->time, .cause = s->cause,
	};
	struct sup_msg msg = {
		.tag = FND_CONFIG_NEWS, .data = &news, .len = sizeof(news),
	};

	fnd__config_read(c, s, &news.value, news.string);
	if (news.value.kind == FND_CONFIG_STRING)
		news.value.string = NULL;
	strcpy(news.path, s->entry.path);
	return sup_send(pid, &msg, SUP_TRY);
}

/* False: it must be looked again. */
static bool tell_one(const struct fnd__config *c,
		     const struct sup_registry_entry *e)
{
	const struct fnd__setting *s;
	struct position p;
	bool moved = false;
	int ret = 0;

	memcpy(&p, e->value.data, sizeof(p));
	if (p.of != c) {
		/* There was another schema: it begins with this one. */
		p = now(c);
		moved = true;
	}
	while ((s = next_news(c, &p))) {
		ret = tell_of(c, s, e->pid);
		if (ret)
			break;
		p.version = s->version;
		p.index = s->index;
		moved = true;
	}
	if (moved)
		sup_registry_update(subscribers(), e->pid, e->key,
				    (struct sup_bytes){ &p, sizeof(p) });
	return !ret || ret == -ESRCH;
}

static void tell(struct state *s)
{
	struct sup_registry_query all = { .key = NULL };
	struct sup_registry_entry *entries = NULL;
	bool told = true;
	size_t i, n = 0;

	if (fnd__select(subscribers(), &all, &entries, &n))
		told = false;
	for (i = 0; i < n; i++)
		if (!tell_one(s->config, &entries[i]))
			told = false;
	fnd__free(entries);
	if (!told)
		sup_server_timer(AGAIN, AGAIN_MS);
}

/* Without one that has no room, or no memory, the service does its work. */
static struct fnd_metric *counter(const char *name, const char *help)
{
	const struct fnd_metric_spec spec = {
		.size = sizeof(spec), .name = name, .help = help,
	};
	struct fnd_metric *metric = NULL;

	fnd_metric_open(&spec, &metric);
	return metric;
}

static void count(struct state *s, enum fnd_config_cause cause)
{
	bool is_reset = cause == FND_CONFIG_RESET;
	struct fnd_metric *metric = is_reset ? s->resets : s->versions;

	if (metric)
		fnd_metric_count(metric, 1);
	if (fnd__handlers_any())
		fnd__notify(is_reset ? RESETS : UPDATES, NULL, 0);
}

/* ret: whether it could be proposed. */
static int change(struct state *s, enum fnd_config_cause cause, int ret)
{
	uint64_t before = s->config->version;

	if (!ret)
		ret = fnd__config_commit(s->config, cause);
	snprintf(s->sentence, sizeof(s->sentence), "%s",
		 ret ? sup_error() : "");
	fnd__config_drop(s->config);
	if (s->config->version != before) {
		s->updates++;
		s->last_update = fnd__real_now();
		count(s, cause);
		tell(s);
	}
	return ret;
}

/* Whoever has the pid may call, with anything. */
static bool are_pairs(const struct sup_msg *req)
{
	const char *bytes = req->data;
	size_t i, zeroes = 0;

	for (i = 0; i < req->len; i++)
		zeroes += !bytes[i];
	return !req->len || (!bytes[req->len - 1] && !(zeroes % 2));
}

static int update(struct state *s, const struct sup_msg *req)
{
	struct sup_bytes packed = { req->data, req->len };
	struct fnd__setting *setting;
	struct fnd_pair p;
	size_t at = 0;
	int ret = 0;

	if (!are_pairs(req))
		ret = sup_set_error(-EINVAL, "it is no update");
	while (!ret && fnd__pair_next(&packed, &at, &p)) {
		setting = fnd__config_find(s->config, p.key);
		if (!setting)
			ret = sup_set_error(-ENOENT, "%s: there is no such "
					    "setting", p.key);
		else if (!setting->entry.updatable)
			ret = sup_set_error(-EPERM, "%s: it is not updatable",
					    p.key);
		else
			ret = fnd__config_propose(setting, p.value);
	}
	return change(s, FND_CONFIG_UPDATE, ret);
}

static int reset(struct state *s, const struct sup_msg *req)
{
	struct fnd__config *c = s->config;
	struct fnd__setting *setting;
	int ret = 0;

	(void)req;
	for (setting = c->settings; !ret && setting < c->settings + c->n;
	     setting++)
		if (setting->entry.updatable)
			ret = fnd__config_propose(setting, setting->initial);
	return change(s, FND_CONFIG_RESET, ret);
}

static int roll_back(struct state *s, const struct sup_msg *req)
{
	uint64_t version = UINT64_MAX;

	if (req->len == sizeof(version))
		memcpy(&version, req->data, sizeof(version));
	return change(s, FND_CONFIG_ROLLBACK,
		      fnd__config_propose_version(s->config, version));
}

/* What is not there has its default. */
static int complete(struct fnd__config *c)
{
	struct fnd__setting *s;
	int ret = 0;

	for (s = c->settings; !ret && s < c->settings + c->n; s++) {
		if (!s->proposed)
			ret = fnd__config_propose(s, s->initial);
		if (!ret && !s->entry.updatable && strcmp(s->proposed, s->text))
			ret = sup_set_error(-EPERM, "%s: it is not updatable",
					    s->entry.path);
	}
	return ret;
}

static int reload(struct state *s, const struct sup_msg *req)
{
	int ret;

	(void)req;
	if (!s->config->file)
		ret = sup_set_error(-EINVAL, "file: there is none");
	else
		ret = fnd__config_file_load(s->config, false);
	if (!ret)
		ret = complete(s->config);
	return change(s, FND_CONFIG_RELOAD, ret);
}

static int tell_stats(struct state *s, struct sup_from from)
{
	struct sup_registry_query all = { .key = NULL };
	struct fnd__config *c = s->config;
	struct fnd_config_stats stats = {
		.version = c->version, .oldest = c->oldest,
		.updates = s->updates, .last_update = s->last_update,
		.settings = c->n,
		.uptime_ms = (sup_deadline_ms(0) - s->began) / NS_PER_MS,
	};
	int ret;

	ret = sup_registry_select(subscribers(), &all, NULL,
				  &stats.subscribers);
	return ret ? ret : sup_reply(from, &(struct sup_msg){
					.data = &stats, .len = sizeof(stats) });
}

static int subscribe(struct state *s, struct sup_from from)
{
	struct position p = now(s->config);
	struct sup_bytes value = { &p, sizeof(p) };
	int ret;

	ret = sup_registry_put(subscribers(), from.pid, key_of(&from.pid),
			       value, NULL);
	/* One that has subscribed before goes on from where it is. */
	if (ret && ret != -EEXIST)
		return ret;
	return sup_reply(from, &(struct sup_msg){ .tag = 0 });
}

static int take_away(struct sup_pid pid)
{
	struct sup_registry_query q = { .pid = pid };

	return subscribers().v ? sup_registry_remove(subscribers(), &q) : 0;
}

static int unsubscribe(struct state *s, struct sup_from from)
{
	int ret = take_away(from.pid);

	(void)s;
	return ret ? ret : sup_reply(from, &(struct sup_msg){ .tag = 0 });
}

static int answer(struct state *s, struct sup_from from, int error)
{
	return sup_reply(from, &(struct sup_msg){
			.tag = -error, .data = s->sentence,
			.len = strlen(s->sentence) + 1 });
}

static int call(void *state, struct sup_from from, struct sup_msg *msg)
{
	static int (*const changes[])(struct state *s,
				      const struct sup_msg *req) = {
		[UPDATE] = update, [RESET] = reset, [ROLLBACK] = roll_back,
		[RELOAD] = reload,
	};
	struct state *s = state;
	int ret = -EINVAL;

	if (msg->tag <= RELOAD)
		ret = answer(s, from, changes[msg->tag](s, msg));
	else if (msg->tag == STATS)
		ret = tell_stats(s, from);
	else if (msg->tag == SUBSCRIBE && from.pid.v)
		ret = subscribe(s, from);
	else if (msg->tag == UNSUBSCRIBE && from.pid.v)
		ret = unsubscribe(s, from);
	if (ret)
		sup_reply_error(from, ret);
	return SUP_CONTINUE;
}

static int info(void *state, struct sup_info *info)
{
	if (info->kind == SUP_INFO_TIMER && info->msg.tag == AGAIN)
		tell(state);
	return SUP_CONTINUE;
}

static int init(void *arg, void **ret_state)
{
	struct state *s = sup_alloc(sizeof(*s));
	struct fnd_config_options options;
	int ret;

	if (!s)
		return -ENOMEM;
	ret = fnd__copy_options(&options, sizeof(options), arg);
	if (!ret && options.n && !options.schema)
		ret = sup_set_error(-EINVAL, "schema: it is NULL");
	if (!ret && options.file)
		ret = fnd__file_lock(options.file);
	if (!ret)
		ret = fnd__registry_open(&subscribers_id, false);
	if (!ret)
		ret = fnd__config_open(&options, &s->config);
	if (ret)
		return ret;
	fnd__config_publish(s->config);
	s->began = sup_deadline_ms(0);
	s->versions = counter(UPDATES, "Changes of settings, but resets.");
	s->resets = counter(RESETS, "Resets of settings that changed some.");
	*ret_state = s;
	tell(s);
	return 0;
}

int fnd_config_server_start(const void *options, struct sup_pid *ret_pid)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .call = call, .info = info,
	};
	const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = FND__CONFIG_SERVER, .reg = true,
		.ops = &ops, .arg = (void *)options,
	};

	return sup_server_start(&spec, ret_pid);
}

static int ask(enum tag tag, const void *data, size_t len,
	       struct sup_msg *ret_reply, int64_t deadline)
{
	const struct sup_msg req = {
		.tag = tag, .data = (void *)data, .len = len,
	};

	return fnd__call(FND__CONFIG_SERVER, &req, ret_reply, deadline);
}

static int ask_to_change(enum tag tag, const void *data, size_t len,
			 int64_t deadline)
{
	struct sup_msg reply;
	int ret;

	ret = ask(tag, data, len, &reply, deadline);
	if (ret)
		return ret;
	ret = -(int)reply.tag;
	if (ret)
		sup_set_error(ret, "%s", (const char *)reply.data);
	sup_msg_free(&reply);
	return ret;
}

static int check_all(const struct fnd_config_setting *settings, size_t n)
{
	size_t i;
	int ret;

	for (i = 0; i < n; i++) {
		ret = fnd_config_check(&settings[i]);
		if (ret)
			return n == 1 ? ret : sup_set_error(ret,
					"settings[%zu]: %s", i, sup_error());
	}
	return 0;
}

static char *pack(const struct fnd_config_setting *settings, size_t n,
		  size_t *ret_len)
{
	char text[FND__CONFIG_TEXT];
	char *packed, *at;
	size_t i, len = 0;

	for (i = 0; i < n; i++) {
		fnd__config_format(&settings[i].value, text);
		len += strlen(settings[i].path) + strlen(text) + 2;
	}
	packed = at = fnd__alloc(len);
	for (i = 0; packed && i < n; i++) {
		at = stpcpy(at, settings[i].path) + 1;
		fnd__config_format(&settings[i].value, at);
		at += strlen(at) + 1;
	}
	*ret_len = len;
	return packed;
}

int fnd_config_update_all(const struct fnd_config_setting *settings, size_t n,
			  int64_t deadline)
{
	char *packed;
	size_t len;
	int ret;

	sup_checkpoint();
	ret = check_all(settings, n);
	if (ret || !n)
		return ret;
	packed = pack(settings, n, &len);
	if (!packed)
		return fnd__nomem("an update");
	ret = ask_to_change(UPDATE, packed, len, deadline);
	fnd__free(packed);
	return ret;
}

int fnd_config_update(const struct fnd_config_setting *setting,
		      int64_t deadline)
{
	return fnd_config_update_all(setting, 1, deadline);
}

int fnd_config_reset(int64_t deadline)
{
	return ask_to_change(RESET, NULL, 0, deadline);
}

int fnd_config_rollback(uint64_t version, int64_t deadline)
{
	return ask_to_change(ROLLBACK, &version, sizeof(version), deadline);
}

int fnd_config_reload(int64_t deadline)
{
	return ask_to_change(RELOAD, NULL, 0, deadline);
}

int fnd_config_stats(struct fnd_config_stats *ret_stats, int64_t deadline)
{
	struct sup_msg reply;
	int ret;

	ret = ask(STATS, NULL, 0, &reply, deadline);
	if (ret)
		return ret;
	memcpy(ret_stats, reply.data, sizeof(*ret_stats));
	sup_msg_free(&reply);
	return 0;
}

static int no_task(void)
{
	return sup_set_error(-EPERM, "the caller is no task");
}

static bool has_gone(int error)
{
	return error == -EPIPE || error == -ENOTCONN;
}

static int ask_of_self(enum tag tag)
{
	struct sup_msg reply;

	return ask(tag, NULL, 0, &reply, SUP_FOREVER);
}

/*
 * Twice: a server that has ended may have left our entry to the next one. When
 * that is removed, one that does not run yet will not find it.
 */
int fnd_config_unsubscribe(void)
{
	int ret;

	if (!sup_self().v)
		return no_task();
	ret = ask_of_self(UNSUBSCRIBE);
	if (!has_gone(ret))
		return ret;
	ret = take_away(sup_self());
	if (!ret)
		ret = ask_of_self(UNSUBSCRIBE);
	return has_gone(ret) ? 0 : ret;
}

int fnd_config_subscribe(void)
{
	int ret;

	if (!sup_self().v)
		return no_task();
	ret = ask_of_self(SUBSCRIBE);
	if (!ret)
		return 0;
	while (fnd_config_unsubscribe() == -ENOMEM)
		;
	switch (ret) {
	case -ENOTCONN:
		return sup_set_error(ret, "the service does not run");
	case -EPIPE:
		return sup_set_error(ret, "the service has ended meanwhile");
	case -ENOMEM:
		return fnd__nomem("a subscriber");
	}
	return ret;
}
