/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Agents that are programs, in Python. */
#ifndef TESTS_MABEAM_PROGRAMS_H
#define TESTS_MABEAM_PROGRAMS_H

#include "mabeam.h"

#define ODD_AGENT TOP "/tests/mabeam/odd_agent.py"

static const char *const programs_env[] = {
	"PYTHONPATH=" TOP "/examples", "PYTHONDONTWRITEBYTECODE=1", NULL,
};

#define PROGRAM_AGENT(p, ...) AGENT_OF(mab_agent_process(), \
	.arg = (void *)(p), __VA_ARGS__)

/* A reply as it stands there, or the error. */
static inline int says(const char *id, const struct mab_message *what,
		       const char *expected)
{
	struct sup_msg reply;
	int ret = mab_agent_ask(id, what, &reply, NULL, LONG);

	if (ret)
		return ret;
	assert_string_equal(reply.data, expected);
	sup_msg_free(&reply);
	return 0;
}

#endif
