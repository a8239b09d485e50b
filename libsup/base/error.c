/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sup/error.h>

static _Thread_local char sentence[SUP__ERROR_MAX];

/*
 * Formats aside first, for the old sentence may be among the arguments. What is
 * too long for the tail loses its own end: the reason counts for more.
 */
static void set_sentence(const char *fmt, va_list ap, const char *tail)
{
	size_t room = SUP__ERROR_MAX - 1, len;
	char text[SUP__ERROR_MAX];

	if (tail)
		room -= strlen(tail) + 2;
	len = vsnprintf(text, sizeof(text), fmt, ap);
	if (len > room) {
		len = room;
		memcpy(text + len - 3, "...", 4);
	}
	if (tail)
		snprintf(text + len, sizeof(text) - len, ": %s", tail);
	memcpy(sentence, text, sizeof(text));
}

int sup__error(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_sentence(fmt, ap, NULL);
	va_end(ap);
	return err;
}

int sup_set_error(int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_sentence(fmt, ap, NULL);
	va_end(ap);
	return error;
}

int sup__error_sys(int err, const char *fmt, ...)
{
	const char *tail = strerrordesc_np(err < 0 ? -err : err);
	va_list ap;

	va_start(ap, fmt);
	set_sentence(fmt, ap, tail ? tail : "unknown error");
	va_end(ap);
	return err;
}

void sup__error_clear(void)
{
	sentence[0] = '\0';
}

int sup__error_nomem(const char *what)
{
	return sup__error(-ENOMEM, "no memory for %s", what);
}

const char *sup_error(void)
{
	return sentence;
}
