/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* One write per line, so that lines of threads do not mix. */
void message(int level, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	/* systemd sets this for a service whose stderr is the journal. */
	if (getenv("JOURNAL_STREAM") != NULL)
		fprintf(stderr, "<%d>supd: %s\n", level, text);
	else
		fprintf(stderr, "supd: %s\n", text);
}
