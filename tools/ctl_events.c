/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "event_text.h"
#include "supctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct args {
	struct ctl *ctl;
	bool follow;
	int64_t since, last;
};

enum {
	KEY_SINCE = 256,
};

static const struct argp_option options[] = {
	{ "follow", 'f', NULL, 0, "go on with those to come", 0 },
	{ "last", 'n', "N", 0, "the last N only", 0 },
	{ "since", KEY_SINCE, "SEQ", 0, "those after number SEQ", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = args->ctl;
		return 0;
	case 'f':
		args->follow = true;
		return 0;
	case 'n':
		args->last = ctl_number(state, arg);
		return 0;
	case KEY_SINCE:
		args->since = ctl_number(state, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void ask(const struct args *args)
{
	char request[256];
	struct json_writer w;

	json_open(&w, request, sizeof(request));
	json_put_int(&w, "v", PROTO_VERSION);
	json_put_string(&w, "op", "events");
	json_put_bool(&w, "follow", args->follow);
	if (args->since >= 0)
		json_put_int(&w, "since", args->since);
	if (args->last >= 0)
		json_put_int(&w, "last", args->last);
	json_close(&w);
	ctl_ask(args->ctl, request);
}

static void print_row(const struct ctl *ctl)
{
	if (ctl->json)
		puts(ctl->packet);
	else if (strcmp(json_string(&ctl->row, "t", ""), "gap") == 0)
		printf("                %" PRId64 " events are not kept any "
		       "more\n", json_int(&ctl->row, "lost", 0));
	else
		event_text_print_row(stdout, &ctl->row, ctl->color);
}

int ctl_events(struct ctl *ctl, int argc, char **argv)
{
	const struct argp_child children[] = { { &ctl_argp, 0, NULL, 0 },
					       { 0 } };
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Prints what has happened. The time is in seconds since "
		       "boot: in brackets the kernel's own of the exit, else "
		       "that of the report.",
		.children = children,
	};
	struct args args = { .ctl = ctl, .since = -1, .last = -1 };
	int code;

	ctl_parse(&argp, argc, argv, &args);
	ask(&args);
	while (ctl_row(ctl, -1, &code) > 0) {
		print_row(ctl);
		if (ferror(stdout))
			return PROTO_SYSTEM;
	}
	return code;
}
