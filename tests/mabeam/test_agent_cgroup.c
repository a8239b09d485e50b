/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs in cgroups of their own, with limits. What the machine lacks of that
 * is told, and skipped here.
 */
#include "programs.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const argv[] = { "/usr/bin/python3", "-S", ODD_AGENT, NULL };

#define PROGRAM(...) { \
	.size = sizeof(struct mab_program), .argv = argv, \
	.env_set = programs_env, __VA_ARGS__ }

static char parent[PATH_MAX];

/* Where a cgroup v2 is mounted. */
static bool find_mount(char *path)
{
	FILE *f = fopen("/proc/mounts", "r");
	char line[1024], type[64];
	bool found = false;

	assert_non_null(f);
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s %255s %63s", path, type) == 2 &&
			!strcmp(type, "cgroup2");
	fclose(f);
	return found;
}

static bool write_to(const char *file, const char *text)
{
	char path[PATH_MAX + 64];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", parent, file);
	fd = open(path, O_WRONLY);
	ok = fd >= 0 && write(fd, text, strlen(text)) > 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

/* A cgroup of the test's, for those of its agents. */
static int set_up_cgroup(void **state)
{
	char mount[256];

	parent[0] = '\0';
	if (find_mount(mount)) {
		snprintf(parent, sizeof(parent), "%s/mab-test-%d", mount,
			 (int)getpid());
		if (mkdir(parent, 0755))
			parent[0] = '\0';
	}
	return set_up_mabeam(state);
}

/* It can be removed only if nothing is left of the agents'. */
static int tear_down_cgroup(void **state)
{
	int ret = tear_down_mabeam(state);

	if (parent[0] && rmdir(parent)) {
		print_message("%s: %s\n", parent, strerror(errno));
		return -1;
	}
	return ret;
}

static void need_cgroup(void)
{
	if (parent[0])
		return;
	print_message("skip: there is no cgroup v2 that can be written\n");
	skip();
}

static void need_controllers(const char *which)
{
	need_cgroup();
	if (write_to("cgroup.subtree_control", which))
		return;
	print_message("skip: the cgroup v2 has not %s\n", which);
	skip();
}

static void start_in(const struct mab_program *program, int error)
{
	assert_int_equal(mab_agent_register(PROGRAM_AGENT(program,
				.id = "odd")), 0);
	assert_int_equal(mab_agent_start("odd", NULL), error);
}

static void no_cgroup_is_told_with_the_reason(void **state)
{
	static const struct mab_program none = PROGRAM(.cgroup = "/tmp");
	static const struct mab_program relative = PROGRAM(.cgroup = "x");

	(void)state;
	start_in(&none, -EOPNOTSUPP);
	assert_non_null(strstr(sup_error(), "\"/tmp\" is no cgroup v2"));
	assert_int_equal(state_of("odd"), MAB_CRASHED);
	assert_int_equal(children_of_agents(), 0);
	assert_int_equal(mab_agent_deregister("odd"), 0);
	start_in(&relative, -EINVAL);
}

static void no_controller_is_told_with_the_reason(void **state)
{
	static const struct mab_program program = PROGRAM(.cgroup = parent,
							  .group_pids = 100);

	(void)state;
	need_cgroup();
	/* They are off in the test's own, as long as nobody turns them on. */
	start_in(&program, -EOPNOTSUPP);
	assert_non_null(strstr(sup_error(), "has no pids.max"));
}

static bool is_in_its_cgroup(pid_t pid)
{
	char path[64], line[PATH_MAX], expected[64];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	snprintf(expected, sizeof(expected), "/mab-%d-odd\n", (int)getpid());
	f = fopen(path, "r");
	assert_non_null(f);
	while (!found && fgets(line, sizeof(line), f))
		found = !strncmp(line, "0::", 3) && strstr(line, expected);
	fclose(f);
	return found;
}

static pid_t ask_pid(const char *method)
{
	struct sup_msg reply;
	pid_t pid;

	assert_int_equal(mab_agent_ask("odd", SAY(method, ""), &reply, NULL,
				       LONG), 0);
	pid = atoi(reply.data);
	sup_msg_free(&reply);
	assert_true(pid > 1);
	return pid;
}

static void it_is_in_a_cgroup_of_its_own(void **state)
{
	static const struct mab_program program = PROGRAM(.cgroup = parent);
	char path[PATH_MAX + 64];

	(void)state;
	need_cgroup();
	start_in(&program, 0);
	assert_true(is_in_its_cgroup(ask_pid("pid")));
	assert_true(is_in_its_cgroup(ask_pid("child")));
	/* Whoever comes after one that was killed is there, too. */
	kill_and_wait(mab_agent_whereis("odd"));
	assert_int_equal(mab_agent_start("odd", NULL), 0);
	assert_true(is_in_its_cgroup(ask_pid("pid")));
	assert_int_equal(mab_agent_stop("odd"), 0);
	snprintf(path, sizeof(path), "%s/mab-%d-odd", parent, (int)getpid());
	assert_int_equal(access(path, F_OK), -1);
}

static void one_that_was_killed_leaves_none(void **state)
{
	static const struct mab_program program = PROGRAM(.cgroup = parent);

	(void)state;
	need_cgroup();
	start_in(&program, 0);
	kill_and_wait(mab_agent_whereis("odd"));
	/* The end of the test removes what is above it. */
	assert_int_equal(mab_agent_deregister("odd"), 0);
}

static void assert_limit(const char *file, const char *expected)
{
	char path[PATH_MAX + 64], text[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/mab-%d-odd/%s", parent, (int)getpid(),
		 file);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	assert_string_equal(text, expected);
}

static void limits_hold(void **state)
{
	static const struct mab_program program = PROGRAM(.cgroup = parent,
			.group_pids = 1, .group_memory_bytes = 1 << 28,
			.group_cpu_percent = 50);
	struct sup_msg reply;

	(void)state;
	need_controllers("+pids +memory +cpu");
	start_in(&program, 0);
	assert_int_equal(mab_agent_ask("odd", SAY("child", ""), &reply, NULL,
				       LONG), -EREMOTEIO);
	assert_limit("cpu.max", "50000 100000\n");
	assert_limit("memory.max", "268435456\n");
}

static void those_of_one_that_was_killed_are_gone(void **state)
{
	static const struct mab_program before = PROGRAM(.cgroup = parent,
							 .group_pids = 1);
	static const struct mab_program after = PROGRAM(.cgroup = parent);

	(void)state;
	need_controllers("+pids");
	start_in(&before, 0);
	kill_and_wait(mab_agent_whereis("odd"));
	assert_int_equal(mab_agent_update(PROGRAM_AGENT(&after, .id = "odd"),
					  1, 0, NULL), 0);
	assert_int_equal(mab_agent_start("odd", NULL), 0);
	assert_limit("pids.max", "max\n");
	ask_pid("child");
}

#define CGROUP_CASE(f) \
	cmocka_unit_test_setup_teardown(f, set_up_cgroup, tear_down_cgroup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CGROUP_CASE(no_cgroup_is_told_with_the_reason),
		CGROUP_CASE(no_controller_is_told_with_the_reason),
		CGROUP_CASE(it_is_in_a_cgroup_of_its_own),
		CGROUP_CASE(one_that_was_killed_leaves_none),
		CGROUP_CASE(limits_hold),
		CGROUP_CASE(those_of_one_that_was_killed_are_gone),
	};

	return RUN_TESTS(tests);
}
