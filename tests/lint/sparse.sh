#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# sparse, and the compiler's extra warnings, on the module.
. "$(dirname "$0")/lint.inc"

command -v sparse >/dev/null || skip "sparse is not installed (make setup)"
[ -e kmod/Makefile ] || die "no module here"
log=$(mktemp)
trap 'rm -f "$complaints" "$log"' EXIT
make --no-print-directory -C kmod check >"$log" 2>&1 ||
	bad "make -C kmod check failed"
grep -E '(warning|error):' "$log" | bad_lines
[ ! -s "$complaints" ] || cat "$log"
grep -qE 'CHECK' "$log" || bad "sparse was not run: $(tail -n 1 "$log")"
verdict "$(grep -c CHECK "$log")" "files of the module are clean"
