/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <foundation/error.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <foundation/telemetry.h>
#include <sup/error.h>
#include <sup/task.h>

#include "foundation/error_in.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
#define ERRNO_MAX 4095
#define MORE "..."

void fnd__cut(char *to, size_t size, const char *from)
{
	size_t len = strnlen(from, size), end;

	if (len < size) {
		memcpy(to, from, len + 1);
		return;
	}
	/* The second bytes of characters, and those after, are 10xxxxxx. */
	end = size - sizeof(MORE);
	while (end && (from[end] & 0xc0) == 0x80)
		end--;
	memcpy(to, from, end);
	memcpy(to + end, MORE, sizeof(MORE));
}

const char *fnd__pair_get(const struct fnd_error_pair *pairs, size_t n,
			  const char *key)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(pairs[i].key, key))
			return pairs[i].value;
	return NULL;
}

int fnd__pair_put(struct fnd_error_pair *pairs, size_t *n, const char *key,
		  const char *value)
{
	size_t i;

	if (!key || !*key || !value)
		return sup_set_error(-EINVAL, "pair: it has no %s",
				     key && *key ? "value" : "key");
	if (strlen(key) > FND_ERROR_KEY_MAX)
		return sup_set_error(-ENAMETOOLONG, "key: \"%.16s...\" has more "
				     "than %d bytes", key, FND_ERROR_KEY_MAX);
	for (i = 0; i < *n && strcmp(pairs[i].key, key); i++)
		;
	if (i == FND_ERROR_PAIRS_MAX)
		return sup_set_error(-ENOSPC, "key: no room for \"%s\": there "
				     "are %d pairs", key, FND_ERROR_PAIRS_MAX);
	strcpy(pairs[i].key, key);
	fnd__cut(pairs[i].value, sizeof(pairs[i].value), value);
	if (i == *n)
		(*n)++;
	return 0;
}

void fnd_error_set(struct fnd_error *ret_error, unsigned int code,
		   const char *message)
{
	const struct fnd_error_code *row = fnd_error_find(code);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	memset(ret_error, 0, sizeof(*ret_error));
	ret_error->code = row->code;
	ret_error->time = now.tv_sec * NS_PER_S + now.tv_nsec;
	ret_error->pid = sup_self();
	fnd__cut(ret_error->message, sizeof(ret_error->message),
		 message ? message : row->text);
}

void fnd_error_of_errno(enum fnd_error_area area, int error,
			struct fnd_error *ret_error)
{
	const char *message = sup_error();

	/* Of none that there is this is NULL, and then it is the number's. */
	if (!*message)
		message = error < -ERRNO_MAX ? NULL : strerrordesc_np(-error);
	fnd_error_set(ret_error, fnd_error_number(area, error), message);
	ret_error->error = error;
}

static unsigned int number_of_exit(const struct sup_reason *reason)
{
	if (reason->code < 0)
		return fnd_error_number(FND_AREA_ANY, reason->code);
	return FND_ERROR_EXTERNAL_SERVICE_ERROR;
}

static unsigned int number_of_reason(const struct sup_reason *reason)
{
	switch (reason->kind) {
	case SUP_REASON_EXIT:
		return number_of_exit(reason);
	case SUP_REASON_SIGNAL:
		return reason->oom ? FND_ERROR_RESOURCE_EXHAUSTED :
			FND_ERROR_INTERNAL_ERROR;
	case SUP_REASON_KILLED:
		return FND_ERROR_SERVICE_UNAVAILABLE;
	case SUP_REASON_NOPROC:
		return FND_ERROR_SERVICE_NOT_FOUND;
	case SUP_REASON_LOST:
		return FND_ERROR_DEPENDENCY_FAILED;
	case SUP_REASON_WATCHDOG:
		return FND_ERROR_TIMEOUT;
	default:
		return FND_ERROR_UNKNOWN;
	}
}

bool fnd_error_of_reason(const struct sup_reason *reason,
			 struct fnd_error *ret_error)
{
	char text[FND_ERROR_MESSAGE_MAX + 1];

	if (sup_reason_is_clean(reason))
		return false;
	fnd_error_set(ret_error, number_of_reason(reason),
		      sup_reason_format(reason, text, sizeof(text)));
	if (reason->kind == SUP_REASON_EXIT && reason->code < 0)
		ret_error->error = reason->code;
	return true;
}

int fnd_error_add(struct fnd_error *error, const char *key, const char *value)
{
	return fnd__pair_put(error->pairs, &error->n_pairs, key, value);
}

const char *fnd_error_get(const struct fnd_error *error, const char *key)
{
	return fnd__pair_get(error->pairs, error->n_pairs, key);
}

int fnd_error_wrap(struct fnd_error *error, unsigned int code,
		   const char *message)
{
	int ret;

	ret = fnd_error_add(error, "wrapped_by", fnd_error_find(code)->name);
	if (!ret && message)
		ret = fnd_error_add(error, "wrapper_message", message);
	return ret;
}

int fnd_error_retry_at(const struct fnd_error *error, unsigned int nth,
		       int64_t deadline, int64_t *ret_at)
{
	int64_t ms = fnd_retry_ms(fnd_error_find(error->code)->retry, nth);
	int64_t now = sup_deadline_ms(0), wait = ms * NS_PER_MS, at;

	if (ms < 0 || error->retry_ns < 0)
		return sup_set_error(-ECANCELED, "to try again is of no use");
	if (wait < error->retry_ns)
		wait = error->retry_ns;
	if (__builtin_add_overflow(now, wait, &at) ||
	    (deadline != SUP_FOREVER && at > deadline))
		return sup_set_error(-ETIMEDOUT, "to try again would be too "
				     "late");
	*ret_at = at;
	return 0;
}

int fnd_error_emit(struct fnd_error *error)
{
	const struct fnd_error_code *row = fnd_error_find(error->code);
	char name[FND_NAME_MAX + 1], code[16];
	const struct fnd_pair pairs[] = {
		{ "error_type", row->name },
		{ "severity", fnd_severity_name(row->severity) },
		{ "code", code },
	};
	int ret;

	if (error->emitted)
		return 0;
	snprintf(code, sizeof(code), "%u", row->code);
	snprintf(name, sizeof(name), "foundation.errors.%s.%s", row->category,
		 row->subcategory);
	ret = fnd_telemetry_count(name, 1, &(struct fnd_metadata){ pairs, 3 });
	error->emitted = !ret;
	return ret;
}

void fnd__line_add(struct fnd__line *line, const char *fmt, ...)
{
	size_t room = line->len - line->at;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line->buf + line->at, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		line->at += (size_t)n < room ? (size_t)n : room - !!room;
}

void fnd__line_add_time(struct fnd__line *line, int64_t ns)
{
	static const char *const units[] = { "us", "ms", "s" };
	double value = ns / 1e3;
	size_t i = 0;

	/* What would be rounded to 1000.0 is 1.0 of the next. */
	while (i < 2 && value >= 999.95) {
		value /= 1e3;
		i++;
	}
	fnd__line_add(line, "%.1f %s", value, units[i]);
}

const char *fnd__line_end(struct fnd__line *line)
{
	size_t i;

	for (i = 0; i < line->at; i++)
		if ((unsigned char)line->buf[i] < ' ' || line->buf[i] == 0x7f)
			line->buf[i] = '?';
	return line->buf;
}

static void add_operation(struct fnd__line *line, const struct fnd_error *e)
{
	size_t i;

	fnd__line_add(line, " | %s.%s after ", e->module, e->operation);
	fnd__line_add_time(line, e->duration_ns);
	for (i = 0; i < e->n_crumbs; i++)
		fnd__line_add(line, "%s%s.%s", i ? " -> " : ": ",
			      e->crumbs[i].module, e->crumbs[i].operation);
}

const char *fnd_error_format(const struct fnd_error *error, char *buf,
			     size_t len)
{
	const struct fnd_error_code *row = fnd_error_find(error->code);
	struct fnd__line line = { buf, len, 0 };
	size_t i;

	fnd__line_add(&line, "[%u:%s] %s", row->code, row->name,
		      error->message);
	for (i = 0; i < error->n_pairs; i++)
		fnd__line_add(&line, "%s%s=%s", i ? ", " : " | ",
			      error->pairs[i].key, error->pairs[i].value);
	fnd__line_add(&line, " | severity %s, %s/%s, retry %s",
		      fnd_severity_name(row->severity), row->category,
		      row->subcategory, fnd_retry_name(row->retry));
	if (error->correlation[0])
		fnd__line_add(&line, " | correlation %s", error->correlation);
	if (error->operation_id)
		add_operation(&line, error);
	return fnd__line_end(&line);
}
