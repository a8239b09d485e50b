#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# No unsupervised task: in libsup and tools together one call makes threads,
# one makes processes, and one replaces a program, the last two in one file.
. "$(dirname "$0")/lint.inc"

threads='(^|[^a-z_])(pthread_create|thrd_create)[ \t]*\('
processes='(^|[^a-z_])(fork|vfork|clone|clone3|posix_spawnp?|forkpty)[ \t]*\(
|(SYS|__NR)_(fork|vfork|clone|clone3)($|[^a-z0-9_])'
processes=${processes//$'\n'/}
programs='(^|[^a-z_])f?exec(l|le|lp|v|ve|vp|vpe|veat)[ \t]*\(
|(SYS|__NR)_(execve|execveat)($|[^a-z0-9_])'
programs=${programs//$'\n'/}
never='(^|[^a-z_>.])(system|popen|daemon)[ \t]*\('

mapfile -t all < <(files 'libsup/*.[ch]' 'tools/*.[ch]')
[ ${#all[@]} -gt 0 ] || die "no files of libsup and tools"
code=$(awk -f "$lint/strip.awk" -f /dev/fd/3 "${all[@]}" 3<<'AWK'
FNR == 1 { in_comment = 0 }
{ line = strip($0) }
line !~ /^[ \t]*(#|$)/ { print FILENAME ":" FNR ": " line }
AWK
)

# Prints "file:line: text" for each match in the code of libsup and tools.
places() {
	grep -E "$1" <<<"$code"
}

exactly_one() {
	local -r what=$1 found=$2
	local n

	n=$(grep -c . <<<"$found")
	[ "$n" -eq 1 ] && return
	bad "$n places $what, where there has to be one:"
	[ -z "$found" ] || sed 's/^/  /' <<<"$found"
}

made=$(places "$processes")
exec=$(places "$programs")
exactly_one "make threads" "$(places "$threads")"
exactly_one "make processes" "$made"
exactly_one "replace the program" "$exec"
[ "${made%%:*}" = "${exec%%:*}" ] ||
	bad "processes are made in ${made%%:*}, programs in ${exec%%:*}"
places "$never" | sed 's/$/: starts a task behind our back/' | bad_lines
verdict ${#all[@]} \
	"files: one call makes threads, one makes processes"
