/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One loop for three descriptors: the task's own mailbox, what the program
 * writes, what it reads. The next message is taken from the mailbox when the
 * last one has been written: a program that does not read fills the mailbox,
 * and then who asks is told so, and nobody else waits. A program that writes
 * without end waits for the agent's mailbox.
 *
 * Its end is told after all that it has written. Then this task waits to be
 * ended by the agent's. All is memory of this task; a cast copies.
 */
#include "mabeam/agent_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mabeam/agent_process.h>
#include <sup/sup.h>

#include "mabeam/agent_cgroup.h"

#define CHUNK 65536
#define STOP_MS 2000	/* from SIGTERM to SIGKILL */
#define MAILBOX 64	/* lines that wait to be written */

struct pipe {
	struct sup_pid agent, process;
	int control, in, out;	/* its stdin, its stdout: our ends */
	size_t line_max;
	char *buf;		/* what of a line has come */
	size_t len, size;
	char *line;		/* what is being written */
	size_t written, line_len;
	bool silent;		/* nothing of use will come any more */
	bool deaf;		/* it does not read any more */
	bool ended;
	struct sup_reason reason;
};

static void tell(const struct pipe *p, enum mab__pipe_tag tag,
		 const void *data, size_t len)
{
	const struct sup_msg msg = {
		.tag = tag, .data = (void *)data, .len = len,
	};

	sup_cast(p->agent, &msg, SUP_FOREVER);
}

static void is_bad(struct pipe *p, int error)
{
	tell(p, MAB__PIPE_BAD, &error, sizeof(error));
}

static size_t limits_of(const struct mab_program *program,
			struct sup_rlimit limits[3])
{
	const struct sup_rlimit all[] = {
		{ RLIMIT_AS, program->memory_bytes, program->memory_bytes },
		{ RLIMIT_CPU, program->cpu_s, program->cpu_s },
		{ RLIMIT_NOFILE, program->files, program->files },
	};
	size_t i, n = 0;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].hard)
			limits[n++] = all[i];
	return n;
}

static int own(const int fds[2])
{
	int ret = sup_own_fd(fds[0]);

	if (ret) {
		close(fds[0]);
		close(fds[1]);
		return ret;
	}
	ret = sup_own_fd(fds[1]);
	if (ret)
		close(fds[1]);
	return ret;
}

/* Its stdin is a socket, so that writing to nobody raises no signal here. */
static int open_ends(struct pipe *p, struct sup_fd ends[2])
{
	int in[2], out[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in))
		return -errno;
	ret = own(in);
	if (ret)
		return ret;
	if (pipe2(out, O_CLOEXEC))
		return -errno;
	ret = own(out);
	if (ret)
		return ret;
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	p->in = in[0];
	p->out = out[0];
	ends[0] = (struct sup_fd){ in[1], 0 };
	ends[1] = (struct sup_fd){ out[1], 1 };
	return 0;
}

static int start_program(struct pipe *p, uint64_t key, const char *id,
			 const struct mab_program *program)
{
	struct sup_rlimit limits[3];
	struct sup_fd ends[2];
	const struct sup_process_spec spec = {
		.size = sizeof(spec), .argv = mab__cgroup_argv(program, id),
		.env_set = program->env_set, .cwd = program->cwd,
		.fds = ends, .n_fds = 2, .rlimits = limits,
		.n_rlimits = limits_of(program, limits),
		.stop_timeout_ms = STOP_MS, .capture = SUP_CAPTURE_ERRORS,
	};
	struct sup_ref ref;
	int ret;

	ret = spec.argv ? open_ends(p, ends) : -ENOMEM;
	if (!ret)
		ret = sup_process_start(&spec, &p->process);
	if (ret)
		return ret;
	mab__process_is(key, p->process);
	sup_close_fd(ends[0].from);
	sup_close_fd(ends[1].from);
	ret = sup_monitor(p->process, &ref);
	if (!ret)
		tell(p, MAB__PIPE_STARTED, &p->process, sizeof(p->process));
	return ret;
}

/* Hands on the whole lines that are there. */
static void hand_on(struct pipe *p)
{
	char *at = p->buf, *end;
	size_t left = p->len;

	while ((end = memchr(at, '\n', left)) &&
	       (size_t)(end - at) <= p->line_max) {
		*end = '\0';
		tell(p, MAB__PIPE_LINE, at, end - at + 1);
		left -= end + 1 - at;
		at = end + 1;
	}
	memmove(p->buf, at, left);
	p->len = left;
	if (end || left > p->line_max) {
		p->silent = true;
		is_bad(p, -EMSGSIZE);
	}
}

/* False: there is no more at this moment. */
static bool read_more(struct pipe *p)
{
	ssize_t n;
	char *buf;

	if (p->size - p->len < CHUNK) {
		buf = sup_realloc(p->buf, p->size + CHUNK);
		if (!buf) {
			p->silent = true;
			is_bad(p, -ENOMEM);
			return false;
		}
		p->buf = buf;
		p->size += CHUNK;
	}
	n = read(p->out, p->buf + p->len, p->size - p->len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		p->silent = true;
		is_bad(p, -EPIPE);
		return false;
	}
	p->len += n;
	hand_on(p);
	return !p->silent;
}

static void write_more(struct pipe *p)
{
	ssize_t n = send(p->in, p->line + p->written, p->line_len - p->written,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		p->deaf = true;
		is_bad(p, -EPIPE);
	}
	if (n > 0)
		p->written += n;
	if (n < 0 || p->written == p->line_len) {
		sup_free(p->line);
		p->line = NULL;
	}
}

static void take_line(struct pipe *p, const struct sup_msg *msg)
{
	p->line = sup_alloc(msg->len);
	p->line_len = msg->len;
	p->written = 0;
	if (p->line)
		memcpy(p->line, msg->data, msg->len);
	else
		p->deaf = true;
}

static int take(struct sup_info *info, void *arg)
{
	struct pipe *p = arg;
	bool was_deaf = p->deaf;

	if (info->kind == SUP_INFO_DOWN) {
		p->ended = true;
		p->reason = info->reason;
	} else if (info->kind == SUP_INFO_MSG && !p->deaf &&
		   info->msg.tag == MAB__PIPE_WRITE) {
		take_line(p, &info->msg);
	}
	sup_msg_free(&info->msg);
	/* Whoever asked by that line would wait for ever. */
	if (p->deaf && !was_deaf)
		is_bad(p, -ENOMEM);
	return p->line || p->ended;
}

static void wait_and_do(struct pipe *p)
{
	struct pollfd fds[] = {
		{ .fd = p->line ? -1 : p->control, .events = POLLIN },
		{ .fd = p->silent ? -1 : p->out, .events = POLLIN },
		{ .fd = p->line ? p->in : -1, .events = POLLOUT },
	};

	if (poll(fds, 3, -1) < 0) {
		sup_checkpoint();
		return;
	}
	if (fds[1].revents)
		read_more(p);
	if (fds[2].revents)
		write_more(p);
	if (fds[0].revents)
		sup_dispatch(take, p);
}

/* Of whom it is: who starts it can tell it that when it is there. */
struct life {
	uint64_t key;
	struct sup_pid pid;
};

static int hear_of_life(struct life *life)
{
	struct sup_info info;
	int ret;

	ret = sup_receive(&info, SUP_FOREVER);
	if (ret)
		return ret;
	if (info.kind == SUP_INFO_MSG && info.msg.tag == MAB__PIPE_BEGIN)
		memcpy(life, info.msg.data, sizeof(*life));
	else
		ret = -EPROTO;
	sup_msg_free(&info.msg);
	return ret;
}

static int begin(struct pipe *p)
{
	const struct mab_program *program;
	struct mab__config *config;
	struct life life;
	int ret;

	ret = hear_of_life(&life);
	if (!ret)
		ret = mab__pipe_is(life.key, life.pid, &config);
	if (ret)
		return ret;
	program = config->spec.arg;
	p->agent = life.pid;
	p->line_max = program->line_max ? program->line_max : MAB_LINE_MAX;
	ret = sup_fd(&p->control);
	return ret ? ret : start_program(p, life.key, config->strings,
					 program);
}

static int run(void *arg)
{
	struct pipe p = { .len = 0 };
	struct sup_info info;
	int ret;

	(void)arg;
	ret = begin(&p);
	if (ret)
		return ret;
	while (!p.ended)
		wait_and_do(&p);
	while (!p.silent && read_more(&p))
		;
	tell(&p, MAB__PIPE_ENDED, &p.reason, sizeof(p.reason));
	while (!sup_receive(&info, SUP_FOREVER))
		sup_msg_free(&info.msg);
	return 0;
}

int mab__pipe_start(uint64_t key, struct sup_pid *ret_pid)
{
	static const struct sup_thread_spec spec = {
		.size = sizeof(spec), .name = "mab_pipe", .run = run,
		.mailbox = MAILBOX,
	};
	struct life life = { key, sup_self() };
	const struct sup_msg msg = {
		.tag = MAB__PIPE_BEGIN, .data = &life, .len = sizeof(life),
	};
	int ret;

	ret = sup_thread_start(&spec, ret_pid);
	return ret ? ret : sup_send(*ret_pid, &msg, SUP_TRY);
}

void mab__pipe_await_end(const char *id)
{
	struct sup_pid pipe, process;

	/* It ends with its life, and starts no other program then. */
	mab__process_of(id, &pipe, &process);
	if (pipe.v)
		sup_wait(pipe, NULL, SUP_FOREVER);
	mab__process_of(id, &pipe, &process);
	if (process.v && !sup_kill(process, SUP_FOREVER))
		sup_wait(process, NULL, SUP_FOREVER);
}
