/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * supd TREE.yaml: runs a tree of ordinary programs and of its own services.
 *
 *	supd.app (server)
 *	  supd (supervisor, restarts nothing)
 *	    supd.control (supervisor)
 *	      control (thread: the control socket)
 *	    the root of TREE.yaml (supervisor)
 *	      ...
 *
 * The main thread starts them and waits for signals and for the end.
 */
#include "app.h"
#include "config.h"
#include "control.h"
#include "events.h"
#include "keep.h"
#include "message.h"
#include "notify.h"
#include "proto.h"
#include "state.h"
#include "supd_options.h"
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <syslog.h>
#include <unistd.h>

struct supd {
	struct supd_options options;
	struct config_child *config;
	struct unit *tree;
	struct control *control;
	struct app *app;
	struct sup_child_spec control_child;
	struct sup_supervisor_spec control_supervisor;
	struct sup_child_spec children[2];	/* of the top */
	int signal_fd;
	bool stopping;		/* a signal asked for it */
};

static int load(struct supd *s)
{
	char *text;
	int ret;

	ret = config_load(s->options.file, &s->config, &text);
	if (ret < 0)
		fprintf(stderr, "%s", text != NULL ? text : "");
	free(text);
	if (ret == 0)
		return 0;
	return ret == -EINVAL ? PROTO_USAGE : PROTO_SYSTEM;
}

/* Blocked in every thread to come; programs get a fresh mask from libsup. */
static int take_signals(struct supd *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? -errno : 0;
}

/* Takes over what the supd before has left, or begins afresh. */
static int open_runtime(struct supd *s, bool *ret_adopted)
{
	struct sup_options *o = &s->options.sup;
	int ret;

	*ret_adopted = false;
	if (o->policy == SUP_OWNER_RETAIN) {
		ret = keep_open(s->options.state_dir, o, ret_adopted);
		if (ret < 0)
			return ret;
	}
	ret = sup_open(o);
	if (ret < 0 && *ret_adopted) {
		message(LOG_WARNING, "nothing is adopted: %s", sup_error());
		o->adopt_token = NULL;
		o->adopt_group = 0;
		*ret_adopted = false;
		ret = sup_open(o);
	}
	return ret;
}

static int check_source(const struct supd *s)
{
	struct sup_source_info info;
	int ret;

	ret = sup_exit_source(&info);
	if (ret < 0)
		return ret;
	if (s->options.sup.policy == SUP_OWNER_RETAIN &&
	    (info.lacks & SUP_LACKS_ADOPTION)) {
		message(LOG_ERR, "--policy retain needs the module: %s",
			info.why);
		return -EOPNOTSUPP;
	}
	if (info.why[0] != '\0' && s->options.sup.source == SUP_SOURCE_AUTO)
		message(LOG_NOTICE, "source %s: %s", info.name, info.why);
	return 0;
}

static int start_app(struct supd *s)
{
	s->control_child = control_spec(s->control);
	s->control_supervisor = (struct sup_supervisor_spec){
		.size = sizeof(s->control_supervisor),
		.name = "supd.control",
		.intensity = 5,
		.period_s = 10,
		.children = &s->control_child,
		.n_children = 1,
	};
	s->children[0] = (struct sup_child_spec){
		.size = sizeof(s->children[0]),
		.id = "supd.control",
		.start = sup_supervisor_start,
		.arg = &s->control_supervisor,
		.type = SUP_SUPERVISOR,
	};
	s->children[1] = *unit_spec(s->tree);
	return app_start(s->children, &s->app);
}

static int start(struct supd *s)
{
	const struct control_options opts = {
		.state_dir = s->options.state_dir,
		.tree = s->config->id,
		.policy = s->options.sup.policy == SUP_OWNER_RETAIN ?
			"retain" : "kill",
		.verbose = s->options.verbose,
	};
	bool adopted;
	int ret;

	s->options.sup.name = s->config->id;
	ret = open_runtime(s, &adopted);
	if (ret < 0)
		message(LOG_ERR, "%s", sup_error()[0] != '\0' ? sup_error() :
			strerror(-ret));
	if (ret == 0)
		ret = check_source(s);
	if (ret < 0)
		return ret;
	ret = keep_begin(adopted);
	if (ret == 0)
		ret = unit_new(s->config, &s->tree);
	if (ret == 0)
		ret = control_new(&opts, &s->control);
	if (ret == 0)
		ret = start_app(s);
	if (ret < 0)
		message(LOG_ERR, "cannot start: %s", strerror(-ret));
	return ret;
}

/*
 * The last child whose end was that of the root, for the farewell; and the
 * exit status.
 */
static int say_why(const struct supd *s, const struct sup_reason *reason)
{
	struct numbered_event e;
	uint64_t seq = 0;
	char text[160];
	bool found = false;
	struct sup_event last = { 0 };

	while (events_next(seq, &e) == 0) {
		seq = e.seq;
		if (e.ev.kind != SUP_EVENT_GIVE_UP &&
		    e.ev.kind != SUP_EVENT_AUTO_SHUTDOWN)
			continue;
		if (strcmp(e.ev.supervisor_name, s->config->id) == 0) {
			last = e.ev;
			found = true;
		}
	}
	if (!found)
		message(LOG_ERR, "the tree \"%s\" ended: %s", s->config->id,
			sup_reason_format(reason, text, sizeof(text)));
	else if (last.kind == SUP_EVENT_GIVE_UP)
		message(LOG_ERR, "the tree \"%s\" gave up: child \"%s\" ended "
			"once too often, with %s", s->config->id,
			last.child_id, sup_reason_format(&last.reason, text,
							 sizeof(text)));
	else
		message(LOG_INFO, "the tree \"%s\" ended with its child \"%s\"",
			s->config->id, last.child_id);
	return found && last.kind == SUP_EVENT_AUTO_SHUTDOWN ? PROTO_OK :
							       PROTO_NO;
}

static void read_signal(struct supd *s)
{
	struct signalfd_siginfo info;

	if (read(s->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (!s->stopping)
		message(LOG_INFO, "SIG%s: stopping",
			sigabbrev_np((int)info.ssi_signo));
	s->stopping = true;
	notify("STOPPING=1");
	unit_stop_starting();
	app_stop(s->app);
}

/* What the news mean for the exit status; -1: go on. */
static int judge(struct supd *s, const struct app_news *news)
{
	switch (news->state) {
	case APP_STARTING:
		return -1;
	case APP_RUNNING:
		if (s->stopping) {
			app_stop(s->app);
			return -1;
		}
		keep_settle();
		notify("READY=1");
		if (s->options.verbose)
			message(LOG_INFO, "the tree \"%s\" is up",
				s->config->id);
		return -1;
	case APP_FAILED:
		if (s->stopping)
			return PROTO_OK;
		message(LOG_ERR, "the tree \"%s\" did not start: %s",
			s->config->id, news->text);
		return PROTO_NO;
	case APP_ENDED:
		if (s->stopping)
			return PROTO_OK;
		return say_why(s, &news->reason);
	}
	return PROTO_SYSTEM;
}

static int run(struct supd *s)
{
	struct app_news news;
	int status = -1;

	while (status < 0) {
		struct pollfd fds[] = {
			{ s->signal_fd, POLLIN, 0 },
			{ app_fd(s->app), POLLIN, 0 },
		};

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return PROTO_SYSTEM;
		if (fds[0].revents != 0)
			read_signal(s);
		if (fds[1].revents == 0)
			continue;
		app_look(s->app, &news);
		status = judge(s, &news);
	}
	return status;
}

static int supervise(struct supd *s)
{
	int status = PROTO_SYSTEM;

	if (take_signals(s) == 0 && start(s) == 0)
		status = run(s);
	sup_close();
	app_free(s->app);
	control_free(s->control);
	unit_free(s->tree);
	keep_end();
	return status;
}

int main(int argc, char **argv)
{
	struct supd s = { .signal_fd = -1 };
	int status;

	supd_options_read(argc, argv, &s.options);
	status = load(&s);
	if (status == 0 && s.options.check)
		printf("%s: correct\n", s.options.file);
	if (status == 0 && !s.options.check) {
		notify_init();
		status = state_open(s.options.state_dir) < 0 ?
			PROTO_SYSTEM : supervise(&s);
		state_close();
	}
	config_free(s.config);
	free(s.options.state_dir);
	return status;
}
