#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The form of files: tabs of 8, 80 columns, /* */ comments, sizes of files and
# functions, no sleep in tests, no path of one machine, nothing left for later.
. "$(dirname "$0")/lint.inc"

# The words are split so that this file does not find itself.
later='(^|[^A-Za-z_])(TO''DO|FIX''ME|XX''X|HA''CK)([^A-Za-z_]|$)'
machine='(^|[^A-Za-z0-9._-])(/wo''rk/|/ho''me/[a-z]|/tmp/te''am)'

mapfile -t all < <(files '*.[chS]' '*.sh' '*.inc' '*.awk' '*.py' '*.mk' \
	'*Makefile' '*Kbuild' '*.md' '*.yaml' '*.list' '*.map' '*.pc.in' \
	'.ci/*' '*.[1-8]')
[ ${#all[@]} -eq 0 ] ||
	bad_lines < <(awk -v later="$later" -v machine="$machine" \
		-f "$lint/strip.awk" -f "$lint/style.awk" "${all[@]}")
verdict ${#all[@]} "files in good form"
