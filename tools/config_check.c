/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_check.h"
#include "signals.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID_MAX 63
#define COUNT_MAX 100000u

enum kind {
	PROGRAM = 1,
	SERVICE = 2,
	SUPERVISOR = 4,
};

struct check {
	struct config_report *r;
	uint8_t ports[65536 / 8];
	unsigned int depth;
};

/* For whom a key is, and what they are called. */
static const struct {
	const char *key;
	unsigned int kinds;
	const char *whom;
} key_kinds[] = {
	{ "env", PROGRAM, "programs (argv)" },
	{ "cwd", PROGRAM, "programs (argv)" },
	{ "output", PROGRAM, "programs (argv)" },
	{ "capture", PROGRAM, "programs (argv)" },
	{ "ready", PROGRAM, "programs (argv)" },
	{ "ready_fd", PROGRAM, "programs (argv)" },
	{ "ready_timeout", PROGRAM, "programs (argv)" },
	{ "watchdog", PROGRAM, "programs (argv)" },
	{ "stop_signal", PROGRAM, "programs (argv)" },
	{ "port", SERVICE, "services" },
	{ "contain", SERVICE, "services" },
	{ "strategy", SUPERVISOR, "supervisors (children)" },
	{ "intensity", SUPERVISOR, "supervisors (children)" },
	{ "period", SUPERVISOR, "supervisors (children)" },
	{ "hold", SUPERVISOR, "supervisors (children)" },
	{ "auto_shutdown", SUPERVISOR, "supervisors (children)" },
};

static void check_id(struct check *c, const struct config_path *path,
		     const char *key, const char *id)
{
	const char *p;

	for (p = id; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("._:@-", *p) == NULL)
			break;
	if (id[0] == '\0' || *p != '\0' || strlen(id) > ID_MAX)
		config_report(c->r, path, key, PLACE_VALUE,
			      "\"%s\": \"%s\" is not 1 to %d letters, digits "
			      "and ._:@-", key, id, ID_MAX);
}

/* Milliseconds of "500ms", "5s", "2min"; -1: it is none. */
static int64_t duration_ms(const char *text)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "min", 60000 },
	};
	int64_t v = 0;
	size_t i;

	if (!isdigit((unsigned char)*text))
		return -1;
	for (; isdigit((unsigned char)*text); text++) {
		v = v * 10 + (*text - '0');
		if (v > 1000000000)
			return -1;
	}
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(text, units[i].unit) == 0)
			return v * units[i].ms;
	return -1;
}

static void check_shutdown(struct check *c, const struct config_path *path,
			   struct config_child *child)
{
	if (child->shutdown == NULL) {
		child->shutdown_ms = SUP_SHUTDOWN_DEFAULT;
	} else if (strcmp(child->shutdown, "infinity") == 0) {
		child->shutdown_ms = SUP_SHUTDOWN_INFINITY;
	} else if (strcmp(child->shutdown, "kill") == 0) {
		child->shutdown_ms = SUP_SHUTDOWN_KILL;
	} else {
		child->shutdown_ms = duration_ms(child->shutdown);
		if (child->shutdown_ms <= 0)
			config_report(c->r, path, "shutdown", PLACE_VALUE,
				      "\"shutdown\": \"%s\" is not a time "
				      "such as 5s or 500ms, infinity or kill",
				      child->shutdown);
	}
}

/* libcyaml takes what begins with a number for one. */
static bool is_number(struct check *c, const struct config_path *path,
		      const char *key, unsigned int max)
{
	struct config_path at = *path;
	const char *text;

	config_path_push(&at, key, 0);
	text = locator_scalar(c->r->loc, at.steps, at.n);
	if (text != NULL && text[0] != '\0' &&
	    text[strspn(text, "0123456789")] == '\0')
		return true;
	config_report(c->r, path, key, PLACE_VALUE, "\"%s\": \"%s\" is not a "
		      "whole number from 0 to %u", key,
		      text != NULL ? text : "", max);
	return false;
}

static void check_time(struct check *c, const struct config_path *path,
		       const char *key, const char *text, int64_t *ret_ms)
{
	if (text == NULL)
		return;
	*ret_ms = duration_ms(text);
	if (*ret_ms <= 0)
		config_report(c->r, path, key, PLACE_VALUE,
			      "\"%s\": \"%s\" is not a time such as 5s or "
			      "500ms", key, text);
}

/* One that is counted in 32 bits. */
static void check_wait(struct check *c, const struct config_path *path,
		       const char *key, const char *text, int64_t *ret_ms)
{
	check_time(c, path, key, text, ret_ms);
	if (text != NULL && *ret_ms > UINT32_MAX)
		config_report(c->r, path, key, PLACE_VALUE, "\"%s\": \"%s\" is "
			      "longer than 71000min", key, text);
}

static void check_count(struct check *c, const struct config_path *path,
			const char *key, const unsigned int *count,
			unsigned int least, unsigned int most)
{
	if (count == NULL || !is_number(c, path, key, ~0u))
		return;
	if (*count > most)
		config_report(c->r, path, key, PLACE_VALUE,
			      "\"%s\": %u is more than %u", key, *count, most);
	else if (*count < least)
		config_report(c->r, path, key, PLACE_VALUE,
			      "\"%s\": %u is less than %u", key, *count, least);
}

/* Whole seconds, as those of restarts are counted. */
static void check_period(struct check *c, const struct config_path *path,
			 const char *key, const char *text, int64_t *ret_ms)
{
	check_wait(c, path, key, text, ret_ms);
	if (text != NULL && *ret_ms > 0 && *ret_ms % 1000 != 0)
		config_report(c->r, path, key, PLACE_VALUE, "\"%s\": \"%s\" is "
			      "not a time of whole seconds such as 5s", key,
			      text);
}

/* A key that says more of another one. */
static void check_goes_with(struct check *c, const struct config_path *path,
			    const struct config_child *child, const char *key,
			    const char *with)
{
	if (config_has(c->r, path, key) && !config_has(c->r, path, with))
		config_report(c->r, path, key, PLACE_KEY, "child \"%s\": "
			      "\"%s\" goes with \"%s\" only", child->id, key,
			      with);
}

/* How it is restarted, beyond what its supervisor says. */
static void check_restarts(struct check *c, const struct config_path *path,
			   struct config_child *child)
{
	check_wait(c, path, "backoff", child->backoff, &child->backoff_ms);
	check_wait(c, path, "backoff_max", child->backoff_max,
		   &child->backoff_max_ms);
	if (child->backoff_max_ms > 0 &&
	    child->backoff_max_ms < child->backoff_ms)
		config_report(c->r, path, "backoff_max", PLACE_VALUE,
			      "child \"%s\": \"backoff_max\" is less than "
			      "\"backoff\"", child->id);
	check_count(c, path, "backoff_factor", child->backoff_factor, 100,
		    COUNT_MAX);
	check_count(c, path, "backoff_jitter", child->backoff_jitter, 0, 100);
	check_wait(c, path, "backoff_stable", child->backoff_stable,
		   &child->backoff_stable_ms);
	check_count(c, path, "budget", child->budget, 0, COUNT_MAX);
	check_period(c, path, "budget_period", child->budget_period,
		     &child->budget_period_ms);
	check_count(c, path, "flapping", child->flapping, 1, COUNT_MAX);
	check_period(c, path, "flapping_period", child->flapping_period,
		     &child->flapping_period_ms);
	check_wait(c, path, "flapping_stable", child->flapping_stable,
		   &child->flapping_stable_ms);
	check_goes_with(c, path, child, "backoff_max", "backoff");
	check_goes_with(c, path, child, "backoff_factor", "backoff");
	check_goes_with(c, path, child, "backoff_jitter", "backoff");
	check_goes_with(c, path, child, "backoff_stable", "backoff");
	check_goes_with(c, path, child, "budget_period", "budget");
	check_goes_with(c, path, child, "budget_spent", "budget");
	check_goes_with(c, path, child, "flapping_period", "flapping");
	check_goes_with(c, path, child, "flapping_stable", "flapping");
}

static void check_supervisor(struct check *c, const struct config_path *path,
			     struct config_child *s)
{
	int64_t ms = s->period != NULL ? duration_ms(s->period) : 5000;

	if (ms < 1000 || ms % 1000 != 0)
		config_report(c->r, path, "period", PLACE_VALUE,
			      "\"period\": \"%s\" is not a time of whole "
			      "seconds such as 5s", s->period);
	else
		s->period_s = (unsigned int)(ms / 1000);
	check_count(c, path, "intensity", s->intensity, 0, COUNT_MAX);
	check_wait(c, path, "hold", s->hold, &s->hold_ms);
}

/* Whether execve would have something to try; as execvp(3) looks for it. */
static int look_up(const char *cwd, const char *dir, size_t dir_len,
		   const char *name)
{
	struct stat st;
	char *path;
	int ret = 0;

	if (asprintf(&path, "%s%s%.*s%s%s",
		     cwd != NULL && (dir_len > 0 ? dir : name)[0] != '/' ?
		     cwd : "",
		     cwd != NULL && (dir_len > 0 ? dir : name)[0] != '/' ?
		     "/" : "",
		     (int)dir_len, dir, dir_len > 0 ? "/" : "", name) < 0)
		return -ENOMEM;
	if (stat(path, &st) < 0)
		ret = -errno;
	else if (!S_ISREG(st.st_mode) || access(path, X_OK) < 0)
		ret = -EACCES;
	free(path);
	return ret;
}

static int find_program(const char *cwd, const char *name)
{
	const char *dir = getenv("PATH");
	int ret = -ENOENT, one;

	if (strchr(name, '/') != NULL)
		return look_up(cwd, "", 0, name);
	if (dir == NULL)
		dir = "/usr/bin:/bin";
	for (;;) {
		size_t len = strcspn(dir, ":");

		one = look_up(cwd, dir, len, name);
		if (one == 0)
			return 0;
		if (one == -EACCES)
			ret = one;
		if (dir[len] == '\0')
			return ret;
		dir += len + 1;
	}
}

static void check_argv(struct check *c, const struct config_path *path,
		       const struct config_child *child)
{
	int ret;

	if (child->n_argv == 0 || child->argv[0][0] == '\0') {
		config_report(c->r, path, "argv", PLACE_VALUE,
			      "child \"%s\": \"argv\" names no program",
			      child->id);
		return;
	}
	ret = find_program(child->cwd, child->argv[0]);
	if (ret == -ENOENT || ret == -ENOTDIR)
		config_report(c->r, path, "argv", PLACE_VALUE,
			      "child \"%s\": there is no program \"%s\"%s",
			      child->id, child->argv[0],
			      strchr(child->argv[0], '/') == NULL ?
			      " in PATH" : "");
	else if (ret < 0)
		config_report(c->r, path, "argv", PLACE_VALUE,
			      "child \"%s\": \"%s\" cannot be run: %s",
			      child->id, child->argv[0], strerror(-ret));
}

static void check_folder(struct check *c, const struct config_path *path,
			 const char *key, const char *text)
{
	struct stat st;
	int err = 0;

	if (stat(text, &st) < 0)
		err = errno;
	else if (!S_ISDIR(st.st_mode))
		err = ENOTDIR;
	else if (access(text, X_OK) < 0)
		err = errno;
	if (err != 0)
		config_report(c->r, path, key, PLACE_VALUE,
			      "\"%s\": \"%s\": %s", key, text,
			      strerror(err));
}

/* The output is opened by the child before it changes its folder. */
static void check_output(struct check *c, const struct config_path *path,
			 const char *output)
{
	const char *slash = strrchr(output, '/');
	struct stat st;
	char *dir;

	if (output[0] == '\0' || (stat(output, &st) == 0 &&
				  S_ISDIR(st.st_mode))) {
		config_report(c->r, path, "output", PLACE_VALUE,
			      "\"output\": \"%s\" is no file", output);
		return;
	}
	if (slash == NULL || slash == output)
		return;
	dir = strndup(output, (size_t)(slash - output));
	if (dir != NULL)
		check_folder(c, path, "output", dir);
	free(dir);
}

/* What is wrong with one of its environment. */
static const char *bad_entry(const struct config_child *child, unsigned int i)
{
	const char *entry = child->env[i];
	size_t len = strcspn(entry, "=");
	unsigned int j;

	if (len == 0 || entry[len] == '\0')
		return "is not NAME=value";
	for (j = 0; j < i; j++)
		if (strncmp(child->env[j], entry, len + 1) == 0)
			return "sets a name that is set above";
	return NULL;
}

static void check_env(struct check *c, const struct config_path *path,
		      const struct config_child *child)
{
	struct config_path at = *path;
	unsigned int i;

	config_path_push(&at, "env", 0);
	for (i = 0; i < child->n_env; i++) {
		const char *bad = bad_entry(child, i);
		struct config_path entry = at;

		if (bad == NULL)
			continue;
		config_path_push(&entry, NULL, i);
		config_report(c->r, &entry, NULL, PLACE_VALUE,
			      "\"env\": \"%s\" %s", child->env[i], bad);
	}
}

static void check_ready_fd(struct check *c, const struct config_path *path,
			   const struct config_child *child)
{
	if (child->ready_fd == NULL ||
	    !is_number(c, path, "ready_fd", UINT16_MAX))
		return;
	if (child->ready != SUP_READY_FD)
		config_report(c->r, path, "ready_fd", PLACE_KEY,
			      "child \"%s\": \"ready_fd\" goes with "
			      "\"ready: fd\" only", child->id);
	else if (*child->ready_fd < 3 || *child->ready_fd > SUP_FD_MAX)
		config_report(c->r, path, "ready_fd", PLACE_VALUE,
			      "\"ready_fd\": %u is not a descriptor from 3 to "
			      "%d", *child->ready_fd, SUP_FD_MAX);
}

static void check_program(struct check *c, const struct config_path *path,
			  struct config_child *child)
{
	if (child->cwd != NULL)
		check_folder(c, path, "cwd", child->cwd);
	check_argv(c, path, child);
	check_env(c, path, child);
	if (child->output != NULL)
		check_output(c, path, child->output);
	if (child->output != NULL && child->capture == SUP_CAPTURE_OUTPUT)
		config_report(c->r, path, "capture", PLACE_VALUE,
			      "\"capture\": \"output\" says where that goes; "
			      "\"errors\" can be captured beside it");
	check_ready_fd(c, path, child);
	check_time(c, path, "ready_timeout", child->ready_timeout,
		   &child->ready_timeout_ms);
	check_time(c, path, "watchdog", child->watchdog, &child->watchdog_ms);
	if (child->stop_signal != NULL) {
		child->stop_signo = signal_number(child->stop_signal);
		if (child->stop_signo < 0)
			config_report(c->r, path, "stop_signal", PLACE_VALUE,
				      "\"stop_signal\": \"%s\" is no signal; "
				      "one such as TERM, INT, QUIT expected",
				      child->stop_signal);
	}
}

static void check_service(struct check *c, const struct config_path *path,
			  const struct config_child *child)
{
	unsigned int port;

	if (child->port != NULL && !is_number(c, path, "port", UINT16_MAX))
		return;
	if (child->port == NULL || *child->port == 0) {
		config_report(c->r, path, child->port ? "port" : NULL,
			      PLACE_VALUE, "child \"%s\": a service needs a "
			      "\"port\" from 1 to 65535", child->id);
		return;
	}
	port = *child->port;
	if (c->ports[port / 8] & 1u << port % 8)
		config_report(c->r, path, "port", PLACE_VALUE,
			      "child \"%s\": port %u is taken by another child",
			      child->id, port);
	c->ports[port / 8] |= (uint8_t)(1u << port % 8);
}

/* Which kind a child is; 0 and a report if it is none, or several. */
static unsigned int kind_of(struct check *c, const struct config_path *path,
			    const struct config_child *child)
{
	unsigned int kinds = 0;

	if (config_has(c->r, path, "argv"))
		kinds |= PROGRAM;
	if (config_has(c->r, path, "service"))
		kinds |= SERVICE;
	if (config_has(c->r, path, "children"))
		kinds |= SUPERVISOR;
	if (kinds == PROGRAM || kinds == SERVICE || kinds == SUPERVISOR)
		return kinds;
	config_report(c->r, path, NULL, PLACE_VALUE,
		      "child \"%s\": exactly one of \"argv\", \"service\", "
		      "\"children\" expected", child->id);
	return 0;
}

static void check_children(struct check *c, const struct config_path *path,
			   struct config_child *s);

static void check_child(struct check *c, const struct config_path *path,
			struct config_child *child)
{
	unsigned int kind;
	size_t i;

	check_id(c, path, "id", child->id);
	check_shutdown(c, path, child);
	check_restarts(c, path, child);
	kind = kind_of(c, path, child);
	for (i = 0; kind != 0 && i < sizeof(key_kinds) / sizeof(key_kinds[0]);
	     i++)
		if (!(key_kinds[i].kinds & kind) &&
		    config_has(c->r, path, key_kinds[i].key))
			config_report(c->r, path, key_kinds[i].key, PLACE_KEY,
				      "child \"%s\": \"%s\" is for %s only",
				      child->id, key_kinds[i].key,
				      key_kinds[i].whom);
	if (kind == PROGRAM)
		check_program(c, path, child);
	else if (kind == SERVICE)
		check_service(c, path, child);
	else if (kind == SUPERVISOR)
		check_children(c, path, child);
}

/* As OTP has it: one that always comes back has no end that could matter. */
static void check_significant(struct check *c, const struct config_path *path,
			      const struct config_child *s,
			      const struct config_child *child)
{
	if (child->significant == CONFIG_NO)
		return;
	if (child->restart == SUP_PERMANENT)
		config_report(c->r, path, "significant", PLACE_KEY,
			      "child \"%s\": \"significant\" needs "
			      "\"restart: transient\" or \"temporary\"",
			      child->id);
	if (s->auto_shutdown == SUP_AUTO_SHUTDOWN_NEVER)
		config_report(c->r, path, "significant", PLACE_KEY,
			      "child \"%s\": \"significant\" needs an "
			      "\"auto_shutdown\" of \"%s\"", child->id, s->id);
}

static bool is_duplicate(const struct config_child *s, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (strcmp(s->children[i].id, s->children[n].id) == 0)
			return true;
	return false;
}

static void check_children(struct check *c, const struct config_path *path,
			   struct config_child *s)
{
	unsigned int i;

	check_supervisor(c, path, s);
	if (++c->depth > CONFIG_DEPTH_MAX) {
		config_report(c->r, path, "children", PLACE_KEY,
			      "supervisors are nested deeper than %d",
			      CONFIG_DEPTH_MAX);
		c->depth--;
		return;
	}
	for (i = 0; i < s->n_children; i++) {
		struct config_path at = *path;

		config_path_push(&at, "children", 0);
		config_path_push(&at, NULL, i);
		if (is_duplicate(s, i))
			config_report(c->r, &at, "id", PLACE_VALUE,
				      "the id \"%s\" stands twice in \"%s\"",
				      s->children[i].id, s->id);
		check_child(c, &at, &s->children[i]);
		check_significant(c, &at, s, &s->children[i]);
	}
	config_check_depends(c->r, path, s);
	c->depth--;
}

void config_check(struct config_report *r, struct config_child *root)
{
	struct check c = { .r = r };
	struct config_path path = { .n = 0 };

	check_id(&c, &path, "name", root->id);
	check_children(&c, &path, root);
}
