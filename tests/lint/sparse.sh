#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# sparse, and the compiler's extra warnings, on the module.
. "$(dirname "$0")/lint.inc"

command -v sparse >/dev/null || skip "sparse is not installed (make setup)"
[ -e kmod/Makefile ] || die "no module here"
KVER=$(target_kver)
export KVER

# In a folder of its own, so that what is built stays.
out=$tree/build/lint/kmod
rm -rf "$out"
mkdir -p "$out"
log=$out.log
make --no-print-directory -C kmod check OUT="$out" >"$log" 2>&1 ||
	bad "make -C kmod check failed"
[ ! -e "$out/check.log" ] || cat "$out/check.log" >>"$log"
grep -E '(warning|error):' "$log" | bad_lines
[ ! -s "$complaints" ] || tail -n 40 "$log"
grep -qE 'CHECK' "$log" || bad "sparse was not run: $(tail -n 1 "$log")"
verdict "$(grep -c CHECK "$log")" "files of the module are clean"
