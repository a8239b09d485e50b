/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Agents that are programs: whatever reads and writes lines of JSON, on stdin
 * and stdout, may be one. Documentation/mabeam.md has the lines. A task of this
 * process stands for the program: it is the agent's pid, ends when the program
 * does, with the same reason, and ends it when it is stopped.
 */
#ifndef MABEAM_AGENT_PROCESS_H
#define MABEAM_AGENT_PROCESS_H

#include <mabeam/agent.h>
#include <sup/process.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MAB_LINE_MAX 2097152

/* The program; it, and what it points to, lasts as long as the agent. */
struct mab_program {
	size_t size;
	const char *const *argv;	/* argv[0] is looked up in PATH */
	const char *const *env_set;	/* "NAME=value"; NULL: none */
	const char *cwd;		/* NULL: ours */
	/* Limits of setrlimit(2), on each of its processes; 0: ours. */
	uint64_t memory_bytes;		/* RLIMIT_AS */
	uint64_t cpu_s;			/* RLIMIT_CPU */
	uint64_t files;			/* RLIMIT_NOFILE */
	/*
	 * It has to say something at least so often, once it is ready, or it is
	 * killed and ends by WATCHDOG. 0: it may be silent.
	 */
	int64_t heartbeat_ms;
	/* Of what it says; longer is -EMSGSIZE. Default MAB_LINE_MAX. */
	size_t line_max;
	/* It has told something, on the agent's thread. NULL: dropped. */
	void (*notified)(const char *id, const struct mab_message *message,
			 void *arg);
	void *notified_arg;
	/*
	 * A cgroup v2 that we may write, by its absolute path: the program is
	 * in one of its own below that, from before it runs until it has ended,
	 * with all of its children. NULL: ours. The limits are of all of these
	 * together; 0: none. The controllers must be on in it.
	 */
	const char *cgroup;
	uint64_t group_memory_bytes;	/* memory.max */
	unsigned int group_cpu_percent;	/* cpu.max; 100: one CPU */
	unsigned int group_pids;	/* pids.max: processes and threads */
};

/*
 * The ops of an agent that is a program: mab_agent_spec.arg is a struct
 * mab_program. Its start is over when it says that it is ready. What it may be
 * asked is JSON, else the request is answered with -EINVAL; with -EAGAIN if it
 * does not read what it is asked, or has a thousand requests to answer; what it
 * is told is dropped then. What ends the agent, besides the end of the program,
 * as EXIT with a code: -EPROTO it has written what is no such line; -EMSGSIZE
 * one that is too long; -EPIPE it has closed its stdout and lives on. Errors of
 * a start: those of sup_process_start(), but of a program in a cgroup of its
 * own -ECHILD, with the exit code 126 or 127, if it cannot be executed;
 * -EOPNOTSUPP there is no such cgroup, it cannot be written, or has no such
 * controller, and sup_error() says which; -EPROTO, -EMSGSIZE, -EPIPE; -ECHILD
 * it has ended before it was ready; -ETIMEDOUT it was not ready within 30 s;
 * -EINVAL. Any thread.
 */
SUP_API const struct mab_agent_ops *mab_agent_process(void);

#ifdef __cplusplus
}
#endif

#endif
