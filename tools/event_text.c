/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "event_text.h"

#include <inttypes.h>
#include <string.h>

static void print_time(FILE *f, const struct json *row)
{
	int64_t exit_ns = json_int(row, "exit_ns", 0);
	int64_t ns = exit_ns != 0 ? exit_ns : json_int(row, "time_ns", 0);

	fprintf(f, exit_ns != 0 ? "[%5" PRId64 ".%06" PRId64 "]" :
		" %5" PRId64 ".%06" PRId64 " ", ns / 1000000000,
		ns / 1000 % 1000000);
}

static const char *color_of(const char *event)
{
	if (strcmp(event, "started") == 0)
		return "\033[32m";
	if (strcmp(event, "stopped") == 0 || strcmp(event, "task_exit") == 0)
		return "";
	return "\033[31m";
}

/* Which task it is about: supervisor/id, and its pid or thread. */
static void print_who(FILE *f, const struct json *row)
{
	const char *supervisor = json_string(row, "supervisor", "");
	const char *id = json_string(row, "id", "");
	int64_t tid = json_int(row, "tid", 0), pid = json_int(row, "pid", 0);

	fprintf(f, " %s%s%s", supervisor,
		supervisor[0] != '\0' && id[0] != '\0' ? "/" : "", id);
	if (tid != 0 && tid != pid)
		fprintf(f, " thread %" PRId64, tid);
	else if (pid != 0)
		fprintf(f, " pid %" PRId64, pid);
}

static void print_output(FILE *f, const char *output)
{
	size_t len;

	for (; *output != '\0'; output += len + (output[len] != '\0')) {
		len = strcspn(output, "\n");
		fprintf(f, "    | %.*s\n", (int)len, output);
	}
}

void event_text_print_row(FILE *f, const struct json *row, bool color)
{
	const char *event = json_string(row, "event", "?");
	const char *reason = json_string(row, "reason", "");
	int64_t exit_ns = json_int(row, "exit_ns", 0);
	int64_t error = json_int(row, "error", 0);

	print_time(f, row);
	fprintf(f, " %s%-16s%s", color ? color_of(event) : "", event,
		color ? "\033[0m" : "");
	print_who(f, row);
	if (reason[0] != '\0')
		fprintf(f, ": %s", reason);
	if (error != 0)
		fprintf(f, ": %s", strerror((int)(error < 0 ? -error : error)));
	if (exit_ns != 0)
		fprintf(f, ", told after %" PRId64 " us",
			(json_int(row, "time_ns", 0) - exit_ns) / 1000);
	if (json_int(row, "restarts", 0) != 0)
		fprintf(f, ", restarts %" PRId64,
			json_int(row, "restarts", 0));
	fputc('\n', f);
	print_output(f, json_string(row, "output", ""));
}

void event_text_print(FILE *f, const char *json, bool color)
{
	const char *why;
	struct json row;
	size_t at;

	if (json_parse(&row, json, strlen(json), &why, &at) == 0)
		event_text_print_row(f, &row, color);
}
