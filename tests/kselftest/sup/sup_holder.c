// SPDX-License-Identifier: GPL-2.0
/* Owns a group with a few members until its standard input ends. */
#include <stdio.h>
#include <unistd.h>

#include "sup_nl.h"

int main(void)
{
	struct member m;
	struct group g;
	struct sup s;
	char c;
	int i;

	if (sup_open(&s) ||
	    group_new(&s, SUP_GROUP_FLAG_INHERIT_THREADS |
			  SUP_GROUP_FLAG_INHERIT_CHILDREN, 0, 0, &g) ||
	    member_add_self(&s, g.id, 0, &m))
		return 1;
	for (i = 0; i < 3; i++) {
		if (!fork()) {
			close(0);
			for (;;)
				pause();
		}
	}
	puts("ready");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	return 0;
}
