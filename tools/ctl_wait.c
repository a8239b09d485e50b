/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "event_text.h"
#include "supctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct args {
	struct ctl *ctl;
	const char *event, *id;
	int64_t pid, since, timeout_ms, count;
};

enum {
	KEY_FOR = 256,
	KEY_ID,
	KEY_PID,
	KEY_SINCE,
	KEY_TIMEOUT,
	KEY_COUNT,
};

static const struct argp_option options[] = {
	{ "for", KEY_FOR, "EVENT", 0, "its name, such as started", 0 },
	{ "id", KEY_ID, "ID", 0, "of the child it is about", 0 },
	{ "pid", KEY_PID, "PID", 0, "of the process it is about", 0 },
	{ "since", KEY_SINCE, "SEQ", 0, "after number SEQ (default: from now)",
	  0 },
	{ "count", KEY_COUNT, "N", 0, "until it has happened N times", 0 },
	{ "timeout", KEY_TIMEOUT, "MS", 0, "then exit status 1 (default: "
	  "10000)", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = args->ctl;
		return 0;
	case KEY_FOR:
		args->event = arg;
		return 0;
	case KEY_ID:
		args->id = arg;
		return 0;
	case KEY_PID:
		args->pid = ctl_number(state, arg);
		return 0;
	case KEY_SINCE:
		args->since = ctl_number(state, arg);
		return 0;
	case KEY_TIMEOUT:
		args->timeout_ms = ctl_number(state, arg);
		return 0;
	case KEY_COUNT:
		args->count = ctl_number(state, arg);
		return 0;
	case ARGP_KEY_END:
		if (args->event == NULL)
			argp_error(state, "--for EVENT is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void ask(const struct args *args)
{
	char request[256];
	struct json_writer w;

	json_open(&w, request, sizeof(request));
	json_put_int(&w, "v", PROTO_VERSION);
	json_put_string(&w, "op", "events");
	json_put_bool(&w, "follow", true);
	if (args->since >= 0)
		json_put_int(&w, "since", args->since);
	else
		json_put_int(&w, "last", 0);
	json_close(&w);
	ctl_ask(args->ctl, request);
}

static bool is_wanted(const struct args *args)
{
	const struct json *row = &args->ctl->row;

	return strcmp(json_string(row, "event", ""), args->event) == 0 &&
	       (args->pid == 0 || json_int(row, "pid", 0) == args->pid) &&
	       (args->id == NULL ||
		strcmp(json_string(row, "id", ""), args->id) == 0);
}

static int wait_for(struct args *args)
{
	int64_t end = now_ms() + args->timeout_ms, left;
	int code;

	for (;;) {
		left = end - now_ms();
		if (left < 0 || ctl_row(args->ctl, (int)left, &code) < 0)
			return PROTO_NO;
		if (strcmp(json_string(&args->ctl->row, "t", ""), "end") == 0)
			return code;
		if (is_wanted(args) && --args->count <= 0)
			return PROTO_OK;
	}
}

int ctl_wait(struct ctl *ctl, int argc, char **argv)
{
	const struct argp_child children[] = { { &ctl_argp, 0, NULL, 0 },
					       { 0 } };
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Waits until something happens, and prints it.",
		.children = children,
	};
	struct args args = { .ctl = ctl, .since = -1, .timeout_ms = 10000,
			     .count = 1 };
	int code;

	ctl_parse(&argp, argc, argv, &args);
	ask(&args);
	code = wait_for(&args);
	if (code != PROTO_OK)
		return code;
	if (ctl->json)
		puts(ctl->packet);
	else
		event_text_print_row(stdout, &ctl->row, ctl->color);
	return PROTO_OK;
}
