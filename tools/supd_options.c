/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "supd_options.h"
#include "proto.h"

#include <argp.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEY_SOURCE = 256,
	KEY_POLICY,
	KEY_GRACE,
	KEY_STATE,
	KEY_CHECK,
	KEY_FOREGROUND,
};

static const struct argp_option options[] = {
	{ "source", KEY_SOURCE, "SOURCE", 0, "where the news of exits come "
	  "from: auto, module or pidfd (default: auto)", 0 },
	{ "policy", KEY_POLICY, "POLICY", 0, "what becomes of the children if "
	  "supd is killed: kill, or retain them to be adopted by the next supd "
	  "(default: kill)", 0 },
	{ "grace", KEY_GRACE, "MS", 0, "how long they are retained (default: "
	  "as the module says)", 0 },
	{ "state", KEY_STATE, "DIR", 0, "the folder of the control socket "
	  "(default: supd in $XDG_RUNTIME_DIR, or /run/supd)", 0 },
	{ "check", KEY_CHECK, NULL, 0, "check TREE.yaml and start nothing", 0 },
	{ "verbose", 'v', NULL, 0, "print every event on stderr", 0 },
	{ "foreground", KEY_FOREGROUND, NULL, 0, "do not detach; it never does",
	  0 },
	{ 0 },
};

static void read_source(struct argp_state *state, const char *arg,
			struct sup_options *o)
{
	if (strcmp(arg, "auto") == 0)
		o->source = SUP_SOURCE_AUTO;
	else if (strcmp(arg, "module") == 0)
		o->source = SUP_SOURCE_MODULE;
	else if (strcmp(arg, "pidfd") == 0)
		o->source = SUP_SOURCE_PIDFD;
	else
		argp_error(state, "--source: \"%s\" is not one of auto, "
			   "module, pidfd", arg);
}

static void read_policy(struct argp_state *state, const char *arg,
			struct sup_options *o)
{
	if (strcmp(arg, "kill") == 0)
		o->policy = SUP_OWNER_KILL;
	else if (strcmp(arg, "retain") == 0)
		o->policy = SUP_OWNER_RETAIN;
	else
		argp_error(state, "--policy: \"%s\" is not one of kill, retain",
			   arg);
}

static void read_grace(struct argp_state *state, const char *arg,
		       struct sup_options *o)
{
	unsigned long ms;
	char *end;

	ms = strtoul(arg, &end, 10);
	if (arg[0] < '0' || arg[0] > '9' || *end != '\0' || ms == 0 ||
	    ms > UINT32_MAX)
		argp_error(state, "--grace: \"%s\" is not a number of "
			   "milliseconds", arg);
	o->grace_ms = (uint32_t)ms;
}

static void check_whole(struct argp_state *state, const struct supd_options *o)
{
	if (o->sup.grace_ms != 0 && o->sup.policy != SUP_OWNER_RETAIN)
		argp_error(state, "--grace is for --policy retain");
	if (o->sup.policy == SUP_OWNER_RETAIN &&
	    o->sup.source == SUP_SOURCE_PIDFD)
		argp_error(state, "--policy retain needs the module: a pidfd "
			   "ends with its process");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct supd_options *o = state->input;

	switch (key) {
	case KEY_SOURCE:
		read_source(state, arg, &o->sup);
		break;
	case KEY_POLICY:
		read_policy(state, arg, &o->sup);
		break;
	case KEY_GRACE:
		read_grace(state, arg, &o->sup);
		break;
	case KEY_STATE:
		free(o->state_dir);
		o->state_dir = proto_state_dir(arg);
		break;
	case KEY_CHECK:
		o->check = true;
		break;
	case KEY_FOREGROUND:
		break;
	case 'v':
		o->verbose = true;
		break;
	case ARGP_KEY_ARG:
		if (o->file != NULL)
			argp_error(state, "one TREE.yaml, please");
		o->file = arg;
		break;
	case ARGP_KEY_END:
		if (o->file == NULL)
			argp_error(state, "TREE.yaml is missing");
		check_whole(state, o);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "TREE.yaml",
	.doc = "Runs a tree of supervisors, programs and services, in the "
	       "foreground, until SIGTERM or SIGINT.\vExit status: 0 after an "
	       "orderly stop; 1 the tree gave up, or did not start; 100 wrong "
	       "usage or TREE.yaml; 111 the system refused something.",
};

void supd_options_read(int argc, char **argv, struct supd_options *ret_o)
{
	memset(ret_o, 0, sizeof(*ret_o));
	ret_o->sup.size = sizeof(ret_o->sup);
	argp_err_exit_status = PROTO_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, ret_o);
	if (ret_o->state_dir == NULL)
		ret_o->state_dir = proto_state_dir(NULL);
	if (ret_o->state_dir == NULL)
		err(PROTO_SYSTEM, "supd");
}
