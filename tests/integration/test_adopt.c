/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program with children is killed; another takes its group over, and brings
 * the children, who noticed nothing, under tasks again.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <sup/monitor.h>
#include <sup/process.h>
#include <sup/runtime.h>
#include <sup/task.h>

#define LIMIT_MS 60000

static enum sup_source source;

struct handover {
	uint64_t group;
	unsigned char token[SUP_TOKEN_SIZE];
	pid_t lives, dies;
};

/* The first dies with its owner; its child stays behind in its lineage. */
static const char *const argv_lives[] = {
	"sh", "-c", "sleep 1000 & wait", NULL,
};
static const char *const argv_dies[] = {
	"sh", "-c", "setsid sleep 1000 & wait", NULL,
};

static int start(const char *const *argv, uint64_t lineage,
		 struct sup_pid *ret_pid, pid_t *ret_os)
{
	struct sup_process_spec spec = {
		.size = sizeof(spec), .argv = argv, .adopt_lineage = lineage,
	};
	pid_t tid;
	int ret;

	ret = sup_process_start(&spec, ret_pid);
	return ret ? ret : sup_os_pid(*ret_pid, ret_os, &tid);
}

static void be_owner(int fd)
{
	struct sup_options opts = {
		.size = sizeof(opts), .source = source,
		.policy = SUP_OWNER_RETAIN,
	};
	struct handover h;
	struct sup_pid pid;

	if (sup_open(&opts) || start(argv_lives, 0, &pid, &h.lives) ||
	    start(argv_dies, 0, &pid, &h.dies) ||
	    sup_owner_token(&h.group, h.token) ||
	    write(fd, &h, sizeof(h)) != sizeof(h))
		_exit(1);
	pause();
	_exit(2);
}

static void kill_an_owner(struct handover *ret_h)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid)
		be_owner(fds[1]);
	close(fds[1]);
	assert_int_equal(read(fds[0], ret_h, sizeof(*ret_h)), sizeof(*ret_h));
	close(fds[0]);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

struct seen {
	const struct handover *h;
	uint64_t lives, dies;	/* their lineages */
	pid_t left_by_dies;
	int n;
};

static int note(const struct sup_orphan *o, void *arg)
{
	struct seen *seen = arg;

	seen->n++;
	if (o->pid == seen->h->lives && o->lineage_first)
		seen->lives = o->lineage;
	else if (o->pid == seen->h->dies && o->lineage_first)
		seen->dies = o->lineage;
	else if (!strcmp(o->comm, "sleep") && o->lineage != seen->lives)
		seen->left_by_dies = o->pid;
	return 0;
}

static struct sup_reason end_of(struct sup_pid pid)
{
	struct sup_reason reason;

	assert_int_equal(sup_wait(pid, &reason, sup_deadline_ms(LIMIT_MS)), 0);
	return reason;
}

static void open_as_heir(const struct handover *h)
{
	struct sup_options opts = {
		.size = sizeof(opts), .source = source,
		.adopt_group = h->group, .adopt_token = h->token,
	};
	int ret = sup_open(&opts);

	if (ret)
		print_error("%s\n", sup_error());
	assert_int_equal(ret, 0);
}

static void children_are_taken_over(void **state)
{
	struct sup_pid pid, first;
	struct handover h;
	struct seen seen = { .h = &h };
	struct sup_reason reason;
	pid_t os;

	(void)state;
	kill_an_owner(&h);
	open_as_heir(&h);
	assert_int_equal(sup_orphans(note, &seen), 0);
	assert_true(seen.n >= 2);
	assert_true(seen.lives && seen.dies);
	assert_int_equal(start(argv_lives, seen.lives, &first, &os), 0);
	assert_int_equal(os, h.lives);
	assert_true(sup_is_alive(first));
	/* One that died before it was claimed is started anew, cleanly. */
	assert_int_equal(kill(h.dies, SIGKILL), 0);
	assert_int_equal(start(argv_dies, seen.dies, &pid, &os), 0);
	if (os == h.dies) {
		/* It was claimed while it was still on its way out. */
		assert_int_equal(end_of(pid).signo, SIGKILL);
		assert_int_equal(start(argv_dies, seen.dies, &pid, &os), 0);
	}
	assert_true(os != h.dies);
	assert_true(!seen.left_by_dies || kill(seen.left_by_dies, 0) < 0);
	assert_int_equal(sup_kill(pid, SUP_FOREVER), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_KILLED);
	/* What was taken over ends with its true reason, and is replaced. */
	assert_int_equal(kill(h.lives, SIGTERM), 0);
	reason = end_of(first);
	assert_int_equal(reason.kind, SUP_REASON_SIGNAL);
	assert_int_equal(reason.signo, SIGTERM);
	assert_int_equal(reason.sender_pid, getpid());
	assert_int_equal(start(argv_lives, seen.lives, &pid, &os), 0);
	assert_true(os != h.lives);
	assert_int_equal(sup_close(), 0);
}

static void heir_can_be_told_to_close(void **state)
{
	static const struct sup_reason shutdown = {
		.kind = SUP_REASON_SHUTDOWN,
	};
	struct handover h;
	struct seen seen = { .h = &h };
	struct sup_pid pid;
	pid_t os;

	(void)state;
	kill_an_owner(&h);
	open_as_heir(&h);
	assert_int_equal(sup_orphans(note, &seen), 0);
	assert_int_equal(start(argv_lives, seen.lives, &pid, &os), 0);
	assert_int_equal(sup_exit(pid, &shutdown), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(start(argv_dies, seen.dies, &pid, &os), 0);
	assert_int_equal(os, h.dies);
	assert_int_equal(sup_close(), 0);
}

static void without_the_module_it_is_refused(void **state)
{
	static const unsigned char token[SUP_TOKEN_SIZE];
	struct sup_options opts = {
		.size = sizeof(opts), .source = source,
		.adopt_group = 1, .adopt_token = token,
	};

	(void)state;
	assert_int_equal(sup_open(&opts), -EOPNOTSUPP);
	assert_non_null(strstr(sup_error(), "needs the module"));
}

int main(void)
{
	const struct CMUnitTest with_module[] = {
		cmocka_unit_test(children_are_taken_over),
		cmocka_unit_test(heir_can_be_told_to_close),
	};
	const struct CMUnitTest without[] = {
		cmocka_unit_test(without_the_module_it_is_refused),
	};
	const char *name = getenv("SOURCE");

	if (name && !strcmp(name, "module")) {
		source = SUP_SOURCE_MODULE;
		return !!cmocka_run_group_tests(with_module, NULL, NULL);
	}
	source = SUP_SOURCE_PIDFD;
	return !!cmocka_run_group_tests(without, NULL, NULL);
}
