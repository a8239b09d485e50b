/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a program that does things at random begins with, and says. */
#ifndef TESTS_FOUNDATION_SEED_H
#define TESTS_FOUNDATION_SEED_H

#include "foundation.h"

#include <unistd.h>

static unsigned int seed;

static inline void take_seed(int argc, char **argv)
{
	sup_set_log_level(-1);
	seed = argc > 1 ? strtoul(argv[1], NULL, 10) : (unsigned int)getpid();
	print_message("seed %u\n", seed);
}

#endif
