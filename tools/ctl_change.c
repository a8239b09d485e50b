/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stop, start, restart */
#include "supctl.h"

#include <string.h>

struct args {
	struct ctl *ctl;
	const char *id;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = args->ctl;
		return 0;
	case ARGP_KEY_ARG:
		if (args->id != NULL)
			argp_error(state, "one id, please");
		args->id = arg;
		return 0;
	case ARGP_KEY_END:
		if (args->id == NULL)
			argp_error(state, "an id is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const char *ctl_parse_id(struct ctl *ctl, int argc, char **argv,
			 const char *doc)
{
	const struct argp_child children[] = { { &ctl_argp, 0, NULL, 0 },
					       { 0 } };
	const struct argp argp = {
		.parser = parse,
		.args_doc = "ID",
		.doc = doc,
		.children = children,
	};
	struct args args = { .ctl = ctl };

	ctl_parse(&argp, argc, argv, &args);
	return args.id;
}

int ctl_change(struct ctl *ctl, int argc, char **argv)
{
	const char *op = argv[0], *id;

	id = ctl_parse_id(ctl, argc, argv, "Stops, starts or restarts a child "
			  "and waits until that is done. ID is an id, or a "
			  "path such as root/id.");
	ctl_ask_id(ctl, op, id);
	return ctl_end(ctl);
}
