#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Adds up what runtests.sh has noted: prints each failed program's output,
# the skips with their reasons, what has failed in short (where a log is cut,
# its end is kept), and, last, one line with the three counts.
#
# usage: count.sh [FOLDER]		(default: build/check)
#
# Exit status: 0 when something passed and nothing failed, else 1.
set -euo pipefail
. "$(dirname "$0")/env.sh"

folder=${1:-$build/check}
shopt -s nullglob
results=("$folder"/results/*)
all=$(cat /dev/null "${results[@]}")

failed_logs() {
	awk -F'\t' '$1 == "failed" { print $2 }' <<<"$all" | sort -u
}

show_failures() {
	local name

	failed_logs | while read -r name; do
		printf '\n==== %s\n' "$name"
		awk -F'\t' -v name="$name" '
			$1 == "failed" && $2 == name {
				print "FAILED " $3 ($4 == "" ? "" : ": " $4)
			}' <<<"$all"
		tail -n 120 "$folder/logs/$name.log" 2>/dev/null || true
	done
}

show_skips() {
	awk -F'\t' '$1 == "skipped" {
		if (!n++) print "\nSkipped:"
		print "  " $2 " " $3 ": " $4
	}' <<<"$all"
}

# The lines in which a failed program's log names a place in a source.
places() {
	grep -aE '^#? *[^ ]+\.[ch]:[0-9]+' "$folder/logs/$1.log" 2>/dev/null |
		head -n 20 || true
}

list_failures() {
	local name

	[ -z "$(failed_logs)" ] || printf '\nFailed:\n'
	failed_logs | while read -r name; do
		awk -F'\t' -v name="$name" '
			$1 == "failed" && $2 == name {
				print "  " $2 " " $3 ($4 == "" ? "" : ": " $4)
			}' <<<"$all"
		places "$name" | sed 's/^/    /'
	done
}

count() {
	awk -F'\t' -v w="$1" '$1 == w { n++ } END { print n + 0 }' <<<"$all"
}

show_skips
show_failures
list_failures
passed=$(count passed) failed=$(count failed) skipped=$(count skipped)
printf '\n%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
