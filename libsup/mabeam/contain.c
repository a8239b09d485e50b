/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The callbacks of a program's agents run on tasks that the code here calls
 * them from. A contained fault of theirs leaves it, which holds nothing then.
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
