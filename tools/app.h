/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The task that starts supd's tree and sees it end, so that the main thread
 * is free to hear signals.
 */
#ifndef TOOLS_APP_H
#define TOOLS_APP_H

#include <stdbool.h>

#include <sup/supervisor.h>

struct app;

enum app_state {
	APP_STARTING,
	APP_FAILED,		/* error, text: why it did not start */
	APP_RUNNING,
	APP_ENDED,		/* reason */
};

struct app_news {
	enum app_state state;
	int error;
	char text[256];
	struct sup_reason reason;
};

/*
 * Begins to start children below a supervisor SUPD_TOP, and returns at once.
 * children is borrowed until sup_close().
 */
int app_start(const struct sup_child_spec children[2], struct app **ret_app);

/* An eventfd: written to when there is news. */
int app_fd(const struct app *app);

/* How it stands; clears the eventfd. */
void app_look(struct app *app, struct app_news *ret_news);

/* Asks the tree to stop. APP_ENDED follows. */
void app_stop(struct app *app);

/* After sup_close(). */
void app_free(struct app *app);

#endif
