/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events as lines for people. */
#ifndef TOOLS_EVENT_TEXT_H
#define TOOLS_EVENT_TEXT_H

#include "json.h"

#include <stdio.h>

/*
 * Prints an event that was made by events_format(). The time in [brackets] is
 * the kernel's own of the exit, without them it is that of the report, both
 * in seconds since boot.
 */
void event_text_print(FILE *f, const char *json, bool color);

void event_text_print_row(FILE *f, const struct json *row, bool color);

#endif
