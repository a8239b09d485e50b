/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/fault.h"

#include <signal.h>
#include <stddef.h>

#define N(a) ((int)(sizeof(a) / sizeof((a)[0])))
#define NAME(x) [x] = #x

static const char *const segv[] = {
	NAME(SEGV_MAPERR), NAME(SEGV_ACCERR), NAME(SEGV_BNDERR),
	NAME(SEGV_PKUERR),
};
static const char *const bus[] = {
	NAME(BUS_ADRALN), NAME(BUS_ADRERR), NAME(BUS_OBJERR),
	NAME(BUS_MCEERR_AR), NAME(BUS_MCEERR_AO),
};
static const char *const fpe[] = {
	NAME(FPE_INTDIV), NAME(FPE_INTOVF), NAME(FPE_FLTDIV), NAME(FPE_FLTOVF),
	NAME(FPE_FLTUND), NAME(FPE_FLTRES), NAME(FPE_FLTINV), NAME(FPE_FLTSUB),
};
static const char *const ill[] = {
	NAME(ILL_ILLOPC), NAME(ILL_ILLOPN), NAME(ILL_ILLADR), NAME(ILL_ILLTRP),
	NAME(ILL_PRVOPC), NAME(ILL_PRVREG), NAME(ILL_COPROC), NAME(ILL_BADSTK),
};

const char *sup__fault_name(int signo, int code)
{
	if (code == SI_KERNEL)
		return "SI_KERNEL";
	if (code <= 0)
		return NULL;
	switch (signo) {
	case SIGSEGV:
		return code < N(segv) ? segv[code] : NULL;
	case SIGBUS:
		return code < N(bus) ? bus[code] : NULL;
	case SIGFPE:
		return code < N(fpe) ? fpe[code] : NULL;
	case SIGILL:
		return code < N(ill) ? ill[code] : NULL;
	default:
		return NULL;
	}
}
