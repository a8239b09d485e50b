#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The manual pages: mandoc finds nothing, what one refers to among our own is
# there, and sup(4) has the names and defaults that the module has.
. "$(dirname "$0")/lint.inc"

command -v mandoc >/dev/null || skip "mandoc is not installed (make setup)"
mapfile -t all < <(files 'Documentation/man/*.[1-9]')

# "Xr NAME SECTION" of each page that is one of ours by its name.
references() {
	local file name section

	awk '$1 == ".Xr" { print FILENAME, $2, $3 }' "${all[@]}" | sort -u |
		while read -r file name section; do
			case $name in
			sup* | libsup*) ;;
			*) continue ;;
			esac
			[ -e "Documentation/man/man$section/$name.$section" ] ||
				echo "$file: there is no $name($section)"
		done
}

# What of the module has to be in its page, and how it is written there.
interface() {
	sed -nE 's/^module_param(_cb)?\(([a-z_]+),.*/Sy \2/p' kmod/*.c
	sed -nE '/^MODULE_PARM_DESC\(/{:l
		/;$/!{N;bl}
		s/\n/ /g
		s/.*\(([a-z_]+),.*\(([a-z0-9]+)\)"\);/Sy \1 Pq \2/p}' kmod/*.c
	sed -nE 's/^\t(SUP_(RECORD_KIND|GROUP_FLAG|POLICY)_[A-Z_]+)\b.*/\1/p' \
		kmod/include/uapi/linux/sup.h
}

undocumented() {
	interface | grep -v '_MAX$' | while IFS= read -r name; do
		grep -qwF "$name" "$page" || echo "$page: not there: $name"
	done
}

page=Documentation/man/man4/sup.4
if [ -e "$page" ]; then
	bad_lines < <(undocumented)
fi
if [ ${#all[@]} -gt 0 ]; then
	# A page that is not installed here is none that is missing.
	bad_lines < <(mandoc -T lint -W style "${all[@]}" 2>&1 | grep -v \
		-e 'referenced manual not found' -e 'outdated mandoc\.db')
	bad_lines < <(references)
fi
verdict ${#all[@]} "manual pages are well"
