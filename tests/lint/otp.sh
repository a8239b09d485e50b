#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Documentation/otp.md tells the truth about tests: each case that it marks
# same or different has a test whose name carries the case's id, what is not the
# same has a why, each test that a table names is there, no number of a family
# is left out (otp.awk); and what the comparison with Erlang masks is listed.
. "$(dirname "$0")/lint.inc"

doc=Documentation/otp.md
masks=tests/conformance/compare.awk
mapfile -t sources < <(files 'tests/*.c')

unlisted_masks() {
	sed -nE '/^function mask/,/^}/s/.*return "(.+)".*/\1/p' "$masks" |
		while IFS= read -r name; do
			grep -qF "| \`$name\` |" "$doc" ||
				echo "$masks: $name is not in $doc"
		done
}

bad_lines < <(awk -f "$lint/otp.awk" "${sources[@]}" "$doc")
bad_lines < <(unlisted_masks)
verdict "$(grep -cE '^\|.*\| [sdn] \|' "$doc")" "rows of $doc are true"
