#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The manual pages: mandoc finds nothing, and what one refers to among our
# own is there.
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

if [ ${#all[@]} -gt 0 ]; then
	# A page that is not installed here is none that is missing.
	bad_lines < <(mandoc -T lint -W style "${all[@]}" 2>&1 | grep -v \
		-e 'referenced manual not found' -e 'outdated mandoc\.db')
	bad_lines < <(references)
fi
verdict ${#all[@]} "manual pages are well"
