/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "signals.h"

#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int signal_number(const char *text)
{
	const char *name;
	char *end;
	long n;
	int i;

	if (isdigit((unsigned char)text[0])) {
		n = strtol(text, &end, 10);
		return *end == '\0' && n > 0 && n <= SIGRTMAX ? (int)n : -1;
	}
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (i = 1; i < NSIG; i++) {
		name = sigabbrev_np(i);
		if (name != NULL && strcasecmp(name, text) == 0)
			return i;
	}
	return -1;
}
