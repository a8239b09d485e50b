/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "signals.h"
#include "supctl.h"

#include <stdio.h>
#include <stdlib.h>

struct args {
	struct ctl *ctl;
	const char *target;
	int signo;		/* 0: not said */
	bool tree;
};

static const struct argp_option options[] = {
	{ "signal", 's', "SIGNAL", 0, "name or number (default: TERM; with "
	  "--tree, or for a thread: KILL)", 0 },
	{ "tree", 't', NULL, 0, "with all its descendants, by KILL", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = args->ctl;
		return 0;
	case 's':
		args->signo = signal_number(arg);
		if (args->signo < 0)
			argp_error(state, "-s: \"%s\" is no signal", arg);
		return 0;
	case 't':
		args->tree = true;
		return 0;
	case ARGP_KEY_ARG:
		if (args->target != NULL)
			argp_error(state, "one id or pid, please");
		args->target = arg;
		return 0;
	case ARGP_KEY_END:
		if (args->target == NULL)
			argp_error(state, "an id or pid is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void ask(const struct args *args)
{
	char request[PROTO_REQUEST_MAX];
	struct json_writer w;
	json_open(&w, request, sizeof(request));
	json_put_int(&w, "v", PROTO_VERSION);
	json_put_string(&w, "op", "kill");
	json_put_string(&w, "id", args->target);
	if (args->signo != 0)
		json_put_int(&w, "signal", args->signo);
	json_put_bool(&w, "tree", args->tree);
	if (json_close(&w) < 0) {
		fprintf(stderr, "supctl: the id is too long\n");
		exit(PROTO_USAGE);
	}
	ctl_ask(args->ctl, request);
}

int ctl_kill(struct ctl *ctl, int argc, char **argv)
{
	const struct argp_child children[] = { { &ctl_argp, 0, NULL, 0 },
					       { 0 } };
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "ID|PID",
		.doc = "Sends a signal to a child. What its supervisor then "
		       "does is its own affair.",
		.children = children,
	};
	struct args args = { .ctl = ctl };

	ctl_parse(&argp, argc, argv, &args);
	ask(&args);
	return ctl_end(ctl);
}
