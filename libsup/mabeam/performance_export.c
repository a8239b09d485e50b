/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is known of agents' performance as text. One history after the other is
 * copied, and written when no lock is held: each is as it was at one moment.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <sup/sup.h>

#include "mabeam/performance_in.h"
#include "mabeam/service.h"

/* Calls one with each agent's history, until it returns not 0. */
static int for_each(size_t limit,
		    int (*one)(const char *id, const struct mab_figures *f,
			       size_t n, void *arg), void *arg)
{
	char (*ids)[MAB_NAME_MAX + 1];
	struct mab_figures *f;
	size_t i, n, n_ids;
	int ret;

	ret = mab__performance_ids(&ids, &n_ids);
	if (ret)
		return ret;
	for (i = 0; i < n_ids && !ret; i++) {
		ret = mab_performance_history(ids[i], limit, &f, &n);
		if (ret == -ENOENT) {
			ret = 0;	/* it has been pruned meanwhile */
			continue;
		}
		if (!ret) {
			ret = one(ids[i], f, n, arg);
			free(f);
		}
	}
	free(ids);
	return ret;
}

/* A field of its own: quoted if it has to be, a quote becomes two. */
static void write_field(FILE *out, const char *text)
{
	if (!text[strcspn(text, ",\"\r\n")]) {
		fputs(text, out);
		return;
	}
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', out);
		putc(*text, out);
	}
	putc('"', out);
}

static int write_lines(const char *id, const struct mab_figures *f, size_t n,
		       void *arg)
{
	enum mab_figure figure;
	FILE *out = arg;
	size_t i;

	for (i = 0; i < n; i++) {
		write_field(out, id);
		fprintf(out, ",%" PRId64 ",%s", f[i].time_ns,
			f[i].pid.v ? "sampled" : "pushed");
		for (figure = 0; figure < MAB_FIGURES; figure++) {
			putc(',', out);
			if (f[i].has & MAB_FIGURE_BIT(figure))
				fprintf(out, "%.17g", f[i].values[figure]);
		}
		fputs("\r\n", out);
	}
	return 0;
}

static int export_csv(size_t limit, char **ret_text, size_t *ret_len)
{
	enum mab_figure figure;
	char *text = NULL;
	size_t len = 0;
	FILE *out;
	int ret;

	out = open_memstream(&text, &len);
	if (!out)
		return mab__nomem("the text");
	fputs("agent,time_ns,source", out);
	for (figure = 0; figure < MAB_FIGURES; figure++)
		fprintf(out, ",%s", mab_figure_name(figure));
	fputs("\r\n", out);
	ret = for_each(limit, write_lines, out);
	if (!ret && ferror(out))
		ret = mab__nomem("the text");
	if (fclose(out) && !ret)
		ret = mab__nomem("the text");
	if (ret) {
		free(text);
		return ret;
	}
	*ret_text = text;
	*ret_len = len;
	return 0;
}

/* jansson frees what it is given, also if it fails. */
static int put(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value);
}

static json_t *json_of_figures(const struct mab_figures *f)
{
	json_t *object = json_object();
	enum mab_figure i;
	int bad;

	bad = put(object, "time_ns", json_integer(f->time_ns)) ||
		put(object, "source",
		    json_string(f->pid.v ? "sampled" : "pushed"));
	for (i = 0; i < MAB_FIGURES && !bad; i++)
		if (f->has & MAB_FIGURE_BIT(i))
			bad = put(object, mab_figure_name(i),
				  json_real(f->values[i]));
	if (!bad)
		return object;
	json_decref(object);
	return NULL;
}

static int put_agent(const char *id, const struct mab_figures *f, size_t n,
		     void *arg)
{
	json_t *list = json_array();
	size_t i;
	int bad = 0;

	for (i = 0; i < n && !bad; i++)
		bad = json_array_append_new(list, json_of_figures(&f[i]));
	if (!bad)
		return put(arg, id, list) ? mab__nomem("the text") : 0;
	json_decref(list);
	return mab__nomem("the text");
}

static json_t *json_of_alert(const struct mab_alert *a)
{
	return json_pack("{s:s,s:s,s:f,s:f,s:I}", "agent", a->id, "alert",
			 mab_alert_name(a->kind), "value", a->value, "bound",
			 a->bound, "raised_ns", (json_int_t)a->raised_ns);
}

static int put_alerts(json_t *list)
{
	struct mab_alert *alerts;
	size_t i, n;
	int bad = 0, ret;

	ret = mab_performance_alerts(&alerts, &n);
	if (ret)
		return ret;
	for (i = 0; i < n && !bad; i++)
		bad = json_array_append_new(list, json_of_alert(&alerts[i]));
	free(alerts);
	return bad ? mab__nomem("the text") : 0;
}

static int export_json(size_t limit, char **ret_text, size_t *ret_len)
{
	json_t *agents = json_object(), *alerts = json_array();
	json_t *root = json_pack("{s:O?,s:O?}", "agents", agents, "alerts",
				 alerts);
	char *text = NULL;
	int ret;

	ret = root && agents && alerts ? 0 : mab__nomem("the text");
	if (!ret)
		ret = for_each(limit, put_agent, agents);
	if (!ret)
		ret = put_alerts(alerts);
	if (!ret) {
		text = json_dumps(root, JSON_COMPACT);
		ret = text ? 0 : mab__nomem("the text");
	}
	json_decref(root);
	json_decref(agents);
	json_decref(alerts);
	if (ret)
		return ret;
	*ret_text = text;
	*ret_len = strlen(text);
	return 0;
}

int mab_performance_export(enum mab_export format, size_t limit,
			   char **ret_text, size_t *ret_len)
{
	switch (format) {
	case MAB_JSON:
		return export_json(limit, ret_text, ret_len);
	case MAB_CSV:
		return export_csv(limit, ret_text, ret_len);
	}
	return sup_set_error(-EINVAL, "format: %d is unknown", (int)format);
}
