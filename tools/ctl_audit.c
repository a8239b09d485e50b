/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "supctl.h"

#include <inttypes.h>
#include <stdio.h>

static const char *origin(const struct json *row)
{
	if (json_find(row, "tid") != NULL)
		return "not started by libsup";
	if (json_bool(row, "adopted"))
		return "adopted, not taken over";
	return json_bool(row, "first") ? "not started by libsup" :
					 "left by what supd started";
}

static void print_stray(const struct json *row)
{
	char age[24];

	printf("%-7s  %7" PRId64 "  %7" PRId64 "  %6s  %-15s  %s\n",
	       json_string(row, "type", ""), json_int(row, "pid", 0),
	       json_int(row, "tid", 0),
	       ctl_uptime(json_int(row, "age_ns", 0), age, sizeof(age)),
	       json_string(row, "name", ""), origin(row));
}

int ctl_audit(struct ctl *ctl, int argc, char **argv)
{
	struct argp argp = ctl_argp;
	int code, any = 0;

	argp.doc = "Prints who runs in supd's group and is not supervised. "
		   "Exit status 1: there is somebody.";
	ctl_parse(&argp, argc, argv, ctl);
	ctl_ask(ctl, "{\"v\":1,\"op\":\"audit\"}");
	while (ctl_row(ctl, -1, &code) > 0) {
		any = 1;
		if (ctl->json)
			puts(ctl->packet);
		else
			print_stray(&ctl->row);
	}
	return code == PROTO_OK && any ? PROTO_NO : code;
}
