/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "supctl.h"

#include <stdio.h>

int ctl_explain(struct ctl *ctl, int argc, char **argv)
{
	const char *id;
	int code;

	id = ctl_parse_id(ctl, argc, argv, "Says why a child is in the state "
			  "that it is in. ID is an id, a path such as "
			  "root/id, or a pid.");
	ctl_ask_id(ctl, "explain", id);
	while (ctl_row(ctl, -1, &code) > 0)
		puts(ctl->json ? ctl->packet :
		     json_string(&ctl->row, "text", ""));
	return code;
}
