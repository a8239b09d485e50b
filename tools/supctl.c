/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "supctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	int (*run)(struct ctl *ctl, int argc, char **argv);
	const char *help;
} commands[] = {
	{ "tree", ctl_tree, "the tree, with states and last exits" },
	{ "list", ctl_list, "one line per child" },
	{ "status", ctl_status, "how supd itself is; 1 if a child is down" },
	{ "explain", ctl_explain, "why a child is in its state" },
	{ "audit", ctl_audit, "who is not supervised; 1 if anybody" },
	{ "events", ctl_events, "what has happened" },
	{ "wait", ctl_wait, "until something happens" },
	{ "kill", ctl_kill, "send a signal to a child" },
	{ "stop", ctl_change, "stop a child; its supervisor keeps it so" },
	{ "start", ctl_change, "start a stopped child" },
	{ "restart", ctl_change, "stop a child and start it again" },
};

enum {
	KEY_STATE = 512,
	KEY_JSON,
};

static const struct argp_option options[] = {
	{ "state", KEY_STATE, "DIR", 0, "the folder of supd's control socket "
	  "(default: supd in $XDG_RUNTIME_DIR, or /run/supd)", 0 },
	{ "json", KEY_JSON, NULL, 0, "one JSON object a line", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct ctl *ctl = state->input;

	switch (key) {
	case KEY_STATE:
		ctl->state_dir = arg;
		return 0;
	case KEY_JSON:
		ctl->json = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp ctl_argp = { .options = options, .parser = parse };

struct command {
	struct ctl *ctl;
	int argc;
	char **argv;		/* from the name of the command */
};

/* Takes the first word and leaves the rest to its command. */
static error_t parse_command(int key, char *arg, struct argp_state *state)
{
	struct command *c = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = c->ctl;
		return 0;
	case ARGP_KEY_ARG:
		(void)arg;
		c->argv = state->argv + state->next - 1;
		c->argc = state->argc - state->next + 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_END:
		if (c->argc == 0)
			argp_error(state, "a command is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static char *help(int key, const char *text, void *input)
{
	size_t i, len;
	char *list;
	FILE *f;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	f = open_memstream(&list, &len);
	if (f == NULL)
		return NULL;
	fprintf(f, "Commands:\n");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].help);
	fprintf(f, "\nExit status: 0; 1 no, or not done; 100 wrong usage; 111 "
		"supd cannot be asked.");
	fclose(f);
	return list;
}

int64_t ctl_number(struct argp_state *state, const char *arg)
{
	long long v;
	char *end;

	errno = 0;
	v = strtoll(arg, &end, 10);
	if (arg[0] < '0' || arg[0] > '9' || *end != '\0' || errno)
		argp_error(state, "\"%s\" is not a number", arg);
	return v;
}

void ctl_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	char name[64];

	snprintf(name, sizeof(name), "supctl %s", argv[0]);
	argv[0] = name;
	argp_parse(argp, argc, argv, 0, NULL, input);
}

int main(int argc, char **argv)
{
	static struct ctl ctl = { .fd = -1 };
	struct command c = { .ctl = &ctl };
	const struct argp_child children[] = { { &ctl_argp, 0, NULL, 0 },
					       { 0 } };
	const struct argp argp = {
		.parser = parse_command,
		.args_doc = "COMMAND [ARGUMENT...]",
		.doc = "Looks at, and changes, the tree that supd runs.\v",
		.children = children,
		.help_filter = help,
	};
	size_t i;

	argp_err_exit_status = PROTO_USAGE;
	ctl.color = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
	setvbuf(stdout, NULL, _IOLBF, 0);
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &c);
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, c.argv[0]) == 0)
			return commands[i].run(&ctl, c.argc, c.argv);
	fprintf(stderr, "supctl: there is no command \"%s\"\n"
		"Try `supctl --help' for more information.\n", c.argv[0]);
	return PROTO_USAGE;
}
