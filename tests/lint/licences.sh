#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each file says its licence in its first lines, it is that of its folder, and
# the text stands in LICENSES.
. "$(dirname "$0")/lint.inc"

uapi='((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)'

# The licence a file has to have; several are separated by "|".
licence_of() {
	case $1 in
	kmod/include/uapi/* | Documentation/netlink/specs/*) echo "$uapi" ;;
	kmod/netlink_gen.*) echo "$uapi" ;;
	kmod/*.sh) echo "GPL-2.0-or-later|GPL-2.0-only" ;;
	kmod/*) echo "GPL-2.0-only|GPL-2.0" ;;
	tests/kselftest/*) echo "GPL-2.0|GPL-2.0-only" ;;
	tests/* | tools/* | Makefile | .ci/* | .*) echo "GPL-2.0-or-later" ;;
	libsup/*) echo "LGPL-2.1-or-later" ;;
	examples/*) echo "0BSD" ;;
	*) echo any ;;
	esac
}

# The file that has the text of a licence or exception.
text_of() {
	case $1 in
	GPL-2.0*) echo LICENSES/GPL-2.0.txt ;;
	LGPL-2.1*) echo LICENSES/LGPL-2.1.txt ;;
	*) echo "LICENSES/$1.txt" ;;
	esac
}

check() {
	local f=$1 found wanted word text

	found=$(head -n 3 "$f" |
		sed -nE 's/.*SPDX-License-Identifier: *(.*[^ */>-]).*/\1/p' |
		sed -E 's/ *(\*\/|-->)$//' | head -n 1)
	if [ -z "$found" ]; then
		bad "$f: no SPDX-License-Identifier"
		return
	fi
	wanted=$(licence_of "$f")
	case "|$wanted|any|" in
	*"|$found|"*) ;;
	*) [ "$wanted" = any ] || bad "$f: $found, should be $wanted" ;;
	esac
	for word in $(tr -d '()' <<<"$found"); do
		case $word in
		WITH | OR | AND) continue ;;
		esac
		text=$(text_of "$word")
		[ -s "$text" ] || bad "$f: $word, but there is no $text"
	done
}

n=0
while IFS= read -r f; do
	check "$f"
	n=$((n + 1))
done < <(files '*.[chS]' '*.sh' '*.awk' '*.py' '*.mk' '*Makefile' '*Kbuild' \
	'*.yaml' '*.list' '*.map' '.ci/*' '*.[1-8]')
verdict "$n" "files with a licence"
