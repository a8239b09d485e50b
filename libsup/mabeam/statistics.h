/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUP_MABEAM_STATISTICS_H
#define SUP_MABEAM_STATISTICS_H

#include <mabeam/figures.h>

/* Of n finite values, which are sorted. */
void mab__statistics(double *values, size_t n, struct mab_statistics *ret);

#endif
