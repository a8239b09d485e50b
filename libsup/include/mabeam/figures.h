/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Figures of agents, and what many values come to. */
#ifndef MABEAM_FIGURES_H
#define MABEAM_FIGURES_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mab_figure {
	MAB_CPU_USAGE,		/* of 1 CPU; sampled */
	MAB_MEMORY_USAGE,	/* bytes in RAM; sampled of programs: a */
				/* thread has none that is its own */
	MAB_THROUGHPUT,		/* requests and notifications that have come */
				/* to it, in a second; sampled */
	MAB_MAILBOX_LENGTH,	/* messages that wait for it; sampled */
	MAB_ERROR_RATE,		/* of 1; pushed alone */
	MAB_FIGURES
};

#define MAB_FIGURE_BIT(figure) (1u << (figure))

/* As "cpu_usage"; "unknown" for what is none. */
SUP_API const char *mab_figure_name(enum mab_figure figure);

/* What is known of an agent at one time. */
struct mab_figures {
	int64_t time_ns;	/* since 1970, UTC */
	struct sup_pid pid;	/* the life that was looked at; pushed: none */
	uint32_t has;		/* MAB_FIGURE_BIT()s: these values are there */
	double values[MAB_FIGURES];
};

/* All 0 without a value. Percentiles are values: of the nearest rank. */
struct mab_statistics {
	size_t n;
	double mean, min, max, p50, p90, p99;
};

#ifdef __cplusplus
}
#endif

#endif
