/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "supctl.h"

#include <inttypes.h>
#include <stdio.h>

static void print_status(const struct json *row)
{
	const char *why = json_string(row, "why", "");
	const char *lacks = json_string(row, "lacks", "");
	char up[24];

	printf("supd      pid %" PRId64 ", up %s, tree \"%s\"\n",
	       json_int(row, "pid", 0),
	       ctl_uptime(json_int(row, "uptime_ns", 0), up, sizeof(up)),
	       json_string(row, "tree", ""));
	printf("children  %" PRId64 " of %" PRId64 " running\n",
	       json_int(row, "running", 0), json_int(row, "children", 0));
	printf("events    %" PRId64 "\n", json_int(row, "events", 0));
	printf("source    %s\n", json_string(row, "source", ""));
	if (why[0] != '\0')
		printf("because   %s\n", why);
	if (lacks[0] != '\0')
		printf("lacks     %s\n", lacks);
	printf("policy    %s\n", json_string(row, "policy", ""));
}

int ctl_status(struct ctl *ctl, int argc, char **argv)
{
	int code, running = 0;
	struct argp argp = ctl_argp;

	argp.doc = "Prints how supd itself is. Exit status 1: a child does not "
		   "run.";
	ctl_parse(&argp, argc, argv, ctl);
	ctl_ask(ctl, "{\"v\":1,\"op\":\"status\"}");
	while (ctl_row(ctl, -1, &code) > 0) {
		running = json_int(&ctl->row, "running", 0) ==
			  json_int(&ctl->row, "children", -1);
		if (ctl->json)
			puts(ctl->packet);
		else
			print_status(&ctl->row);
	}
	return code == PROTO_OK && !running ? PROTO_NO : code;
}
