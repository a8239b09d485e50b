/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handlers, jobs and checks of a program's run on tasks of the services'. A
 * contained fault of theirs leaves the code here that called them, which holds
 * nothing then. (Linked statically it is in libsup's section, which is known.)
 */
#include <sup/contain.h>

/* The linker's names for where the section begins and ends. */
extern const char text_begins[] __asm__("__start_sup_text")
	__attribute__((visibility("hidden")));
extern const char text_ends[] __asm__("__stop_sup_text")
	__attribute__((visibility("hidden")));

/* There is room: this is when the program is loaded. */
__attribute__((constructor))
static void name_our_code(void)
{
	sup_contain_below(text_begins, text_ends);
}
