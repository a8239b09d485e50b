/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The folder of supd's state: ours alone, for one supd at a time. */
#ifndef TOOLS_STATE_H
#define TOOLS_STATE_H

/*
 * Makes the folder if it is not there, and locks it. Says itself what is
 * wrong. -EBUSY: another supd has it; -EPERM: others may write there;
 * -errno.
 */
int state_open(const char *dir);

void state_close(void);

#endif
