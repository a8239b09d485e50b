#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The form of files: tabs of 8, 80 columns, /* */ comments, sizes of files and
# functions, no sleep in tests, no path of one machine, nothing left for later.
. "$(dirname "$0")/lint.inc"

# The words are split so that this file does not find itself.
later='(^|[^A-Za-z_])(TO''DO|FIX''ME|XX''X|HA''CK)([^A-Za-z_]|$)'
machine='(^|[^A-Za-z0-9._-])(/wo''rk/|/ho''me/[a-z]|/tmp/te''am)'

# Lines of text that no tool of ours has written.
check_text() {
	local f=$1

	expand -t8 "$f" | awk -v f="$f" 'length($0) > 80 && !is_sentence($0) {
		print f ":" NR ": " length($0) " columns"
	}
	# In C, what is shown to people is not broken, so that it can be found.
	function is_sentence(line)
	{
		return f ~ /\.c$/ && gsub(/"([^"\\]|\\.)*"/, "", line) &&
			length(line) <= 72
	}' | bad_lines
	grep -nE '[ 	]+$' "$f" |
		sed "s|^\([0-9]*\):.*|$f:\1: ends in blanks|" | bad_lines
	grep -nE '^	* {8}' "$f" |
		sed "s|^\([0-9]*\):.*|$f:\1: spaces where a tab should be|" |
		bad_lines
	grep -nE "$later" "$f" | sed "s|^|$f:|; s|\$|: left for later|" |
		bad_lines
}

max_lines() {
	case $1 in
	kmod/sup.h) echo 350 ;;
	libsup/include/*.h) echo 150 ;;
	tests/vm/init.c) echo 300 ;;
	*.h) echo 160 ;;
	*) echo 600 ;;
	esac
}

max_function() {
	case $1 in
	kmod/netlink*.c | libsup/exit/netlink*.c) echo 110 ;;
	*) echo 70 ;;
	esac
}

check_c() {
	local f=$1 lines

	lines=$(wc -l <"$f")
	[ "$lines" -le "$(max_lines "$f")" ] ||
		bad "$f: $lines lines, more than $(max_lines "$f")"
	stripped "$f" | grep -n '//' | grep -v '^1:// SPDX' |
		sed "s|^\([0-9]*\):.*|$f:\1: a // comment|" | bad_lines
	awk -v f="$f" -v max="$(max_function "$f")" '
		/^{/ { start = NR }
		/^}/ {
			if (start && NR - start - 1 > max)
				print f ":" start ": a function of " \
					NR - start - 1 " lines"
			start = 0
		}' "$f" | bad_lines
	grep -nE '^[a-z].*\) *\{$' "$f" | grep -vE '^[0-9]+:[a-zA-Z_]+\(' |
		sed "s|^\([0-9]*\):.*|$f:\1: brace of a function|" | bad_lines
}

# Tests synchronise on an event. A program called sleep, run in the
# background or as someone else's argument, is no synchronisation.
check_sleep() {
	local f=$1

	case $f in
	*.c | *.h)
		stripped "$f" |
			grep -nE '(^|[^a-z_])(u|(clock_)?nano)?sleep *\(' |
			sed "s|^\([0-9]*\):.*|$f:\1: sleeps|" | bad_lines
		;;
	*.sh | *.py)
		grep -nE '^[ 	]*(time\.)?sleep[ (]' "$f" | grep -v '&$' |
			sed "s|^\([0-9]*\):.*|$f:\1: sleeps|" | bad_lines
		;;
	esac
}

check_paths() {
	grep -nE "$machine" "$1" | grep -v '^[0-9]*:#!' |
		sed "s|^\([0-9]*\):.*|$1:\1: a path of one machine|" | bad_lines
}

n=0
while IFS= read -r f; do
	n=$((n + 1))
	check_paths "$f"
	is_generated "$f" && continue
	case $f in
	*.c | *.h) check_text "$f"; check_c "$f" ;;
	*.sh | *.awk | *.mk | *Makefile | *Kbuild) check_text "$f" ;;
	esac
	case $f in
	tests/lint/*) ;;
	tests/* | examples/*) check_sleep "$f" ;;
	esac
done < <(files '*.[chS]' '*.sh' '*.awk' '*.py' '*.mk' '*Makefile' '*Kbuild' \
	'*.md' '*.yaml' '*.list' '*.map' '*.pc.in' '.ci/*' '*.[1-8]')
verdict "$n" "files in good form"
