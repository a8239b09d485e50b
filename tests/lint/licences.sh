#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each file says its licence in its first lines, it is that of its folder, and
# the text stands in LICENSES.
. "$(dirname "$0")/lint.inc"

uapi='((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)'

# Sets wanted to the licence file $1 has to have; several are separated by "|".
set_wanted() {
	case $1 in
	kmod/include/uapi/* | Documentation/netlink/specs/*) wanted=$uapi ;;
	kmod/netlink_gen.*) wanted=$uapi ;;
	kmod/*.sh) wanted="GPL-2.0-or-later|GPL-2.0-only" ;;
	kmod/*) wanted="GPL-2.0-only|GPL-2.0" ;;
	tests/kselftest/*) wanted="GPL-2.0|GPL-2.0-only" ;;
	tests/* | tools/* | Makefile | .ci/* | .*) wanted=GPL-2.0-or-later ;;
	libsup/*) wanted=LGPL-2.1-or-later ;;
	examples/*) wanted=0BSD ;;
	*) wanted=any ;;
	esac
}

# Sets text to the file that has the text of a licence or exception.
set_text() {
	case $1 in
	GPL-2.0*) text=LICENSES/GPL-2.0.txt ;;
	LGPL-2.1*) text=LICENSES/LGPL-2.1.txt ;;
	*) text=LICENSES/$1.txt ;;
	esac
}

# Prints for each file its name, a tab, and what its first lines say. One
# process for all of them: a few for each file made this the slowest lint.
licences() {
	awk 'BEGIN {
		for (i = 1; i < ARGC; i++) {
			found = ""
			for (n = 0; n < 3 && (getline line <ARGV[i]) > 0; n++)
				if (found == "" && match(line,
				    /SPDX-License-Identifier: */)) {
					found = substr(line, RSTART + RLENGTH)
					sub(/[ *\/>-]+$/, "", found)
				}
			close(ARGV[i])
			print ARGV[i] "\t" found
		}
	}' "$@"
}

check() {
	local f=$1 found=$2 wanted word text

	if [ -z "$found" ]; then
		bad "$f: no SPDX-License-Identifier"
		return
	fi
	set_wanted "$f"
	case "|$wanted|any|" in
	*"|$found|"*) ;;
	*) [ "$wanted" = any ] || bad "$f: $found, should be $wanted" ;;
	esac
	for word in ${found//[()]/}; do
		case $word in
		WITH | OR | AND) continue ;;
		esac
		set_text "$word"
		[ -s "$text" ] || bad "$f: $word, but there is no $text"
	done
}

mapfile -t all < <(files '*.[chS]' '*.sh' '*.awk' '*.py' '*.mk' '*Makefile' \
	'*Kbuild' '*.yaml' '*.list' '*.map' '.ci/*' '*.[1-8]')
while IFS=$'\t' read -r f found; do
	check "$f" "$found"
done < <(licences "${all[@]}")
verdict "${#all[@]}" "files with a licence"
