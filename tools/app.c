/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app.h"
#include "control_ops.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <sup/server.h>
#include <sup/task.h>

struct app {
	int fd;
	struct sup_pid task;
	struct sup_server_spec spec;
	struct sup_supervisor_spec top_spec;

	pthread_mutex_t lock;	/* of everything below */
	struct sup_pid top;
	struct app_news news;
};

static int init(void *arg, void **ret_state)
{
	*ret_state = arg;
	return 0;
}

static void tell(struct app *app, const struct app_news *news)
{
	pthread_mutex_lock(&app->lock);
	app->news = *news;
	pthread_mutex_unlock(&app->lock);
	eventfd_write(app->fd, 1);
}

/* The one cast there is: start. */
static int cast(void *state, struct sup_msg *msg)
{
	struct app_news news = { .state = APP_RUNNING };
	struct app *app = state;
	struct sup_pid top;

	(void)msg;
	news.error = sup_supervisor_start(&app->top_spec, &top);
	if (news.error < 0) {
		news.state = APP_FAILED;
		snprintf(news.text, sizeof(news.text), "%s",
			 sup_error()[0] != '\0' ? sup_error() :
			 strerror(-news.error));
	} else {
		pthread_mutex_lock(&app->lock);
		app->top = top;
		pthread_mutex_unlock(&app->lock);
	}
	tell(app, &news);
	return SUP_CONTINUE;
}

static int info(void *state, struct sup_info *inf)
{
	struct app_news news = { .state = APP_ENDED, .reason = inf->reason };
	struct app *app = state;

	if (inf->kind == SUP_INFO_EXIT && app->top.v != 0 &&
	    inf->pid.v == app->top.v)
		tell(app, &news);
	return SUP_CONTINUE;
}

static const struct sup_server_ops ops = {
	.size = sizeof(ops),
	.init = init,
	.cast = cast,
	.info = info,
};

int app_start(const struct sup_child_spec children[2], struct app **ret_app)
{
	const struct sup_msg start = { 0 };
	struct app *app = calloc(1, sizeof(*app));
	int ret;

	if (app == NULL)
		return -ENOMEM;
	pthread_mutex_init(&app->lock, NULL);
	app->top_spec = (struct sup_supervisor_spec){
		.size = sizeof(app->top_spec),
		.name = SUPD_TOP,
		.reg = true,
		.strategy = SUP_ONE_FOR_ONE,
		.intensity = SUP_INTENSITY_NONE,
		.children = children,
		.n_children = 2,
	};
	app->spec = (struct sup_server_spec){
		.size = sizeof(app->spec),
		.name = "supd.app",
		.ops = &ops,
		.arg = app,
	};
	app->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = app->fd < 0 ? -errno : 0;
	if (ret == 0)
		ret = sup_server_start(&app->spec, &app->task);
	if (ret == 0)
		ret = sup_cast(app->task, &start, SUP_FOREVER);
	if (ret < 0) {
		app_free(app);
		return ret;
	}
	*ret_app = app;
	return 0;
}

int app_fd(const struct app *app)
{
	return app->fd;
}

void app_look(struct app *app, struct app_news *ret_news)
{
	eventfd_read(app->fd, &(eventfd_t){ 0 });
	pthread_mutex_lock(&app->lock);
	*ret_news = app->news;
	pthread_mutex_unlock(&app->lock);
}

void app_stop(struct app *app)
{
	struct sup_pid top;

	pthread_mutex_lock(&app->lock);
	top = app->top;
	pthread_mutex_unlock(&app->lock);
	/* Already ended: then its end has been told. */
	if (top.v != 0)
		sup_server_stop(top, &SUP_SHUTDOWN, NULL, SUP_TRY);
}

void app_free(struct app *app)
{
	if (app == NULL)
		return;
	if (app->fd >= 0)
		close(app->fd);
	pthread_mutex_destroy(&app->lock);
	free(app);
}
