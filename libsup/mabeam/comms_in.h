/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of Comms share. */
#ifndef SUP_MABEAM_COMMS_IN_H
#define SUP_MABEAM_COMMS_IN_H

#include <mabeam/comms.h>

/* So many messages of so many bytes each are on their way. */
void mab__comms_sent(enum mab_comms_kind kind, size_t n, size_t bytes);

/* What came of one of them. */
void mab__comms_over(enum mab_comms_kind kind, int error, size_t bytes);
void mab__comms_duplicate(void);

/* Tasks that are to be told something; memory of who tells. */
struct mab__audience {
	struct sup_pid *pids;
	size_t n, room;
};

/* Adds one to an audience; not a safe point. -ENOMEM. */
int mab__audience_add(struct sup_pid pid, void *audience);

/* Tells them, and frees the audience. A safe point. */
int mab__audience_tell(struct mab__audience *audience, enum mab_comms_kind kind,
		       const struct mab_message *what, size_t *ret_n);

#endif
