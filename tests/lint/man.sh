#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The manual pages: mandoc and groff find nothing, what one refers to among our
# own is there, sup(4) has the names and defaults that the module has, and each
# call of libsup has a page with its prototype, its errors, where it may be
# called, and a program (man-calls.awk). sup(7) refers to each of those pages.
. "$(dirname "$0")/lint.inc"

for program in mandoc groff; do
	command -v $program >/dev/null ||
		skip "$program is not installed (make setup)"
done
mapfile -t all < <(files 'Documentation/man/*.[1-9]')

# The names a page has, that of its file, too: PAGE(SECTION), one a line.
names() {
	local file

	for file in "${all[@]}"; do
		basename "$file" | sed -E 's/\.([0-9])$/(\1)/'
		awk -v s="${file##*.}" '$1 == ".Sh" { on = $2 == "NAME" }
			on && $1 == ".Nm" { print $2 "(" s ")" }' "$file"
	done
}

# "Xr NAME SECTION" of each page that is one of ours by its name.
references() {
	local file name section known

	known=$(names)
	awk '$1 == ".Xr" { print FILENAME, $2, $3 }' "${all[@]}" | sort -u |
		while read -r file name section; do
			case $name in
			sup* | libsup* | fnd_* | mab_*) ;;
			*) continue ;;
			esac
			grep -qxF "$name($section)" <<<"$known" ||
				echo "$file: there is no $name($section)"
		done
}

# Pages of calls of which the overview names no call.
not_in_overview() {
	awk 'FILENAME == ARGV[1] && $1 == ".Xr" { seen[$2] = 1 }
		FILENAME == ARGV[1] { next }
		FNR == 1 { found[FILENAME] = on = 0 }
		$1 == ".Sh" { on = $2 == "NAME" }
		on && $1 == ".Nm" && seen[$2] { found[FILENAME] = 1 }
		END { for (file in found)
			if (!found[file])
				print file ": not in " ARGV[1] }
		' "$overview" Documentation/man/man3/sup_*.3
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

# What pages of section 3 lack. Arguments: library, prefix, folder of headers.
calls() {
	local -r map=libsup/$1.map prefix=$2 api=libsup/include/$3
	local header
	local -r headers=$(mktemp)

	for header in "$api"/*.h; do
		stripped "$header"
	done >"$headers"
	awk -v prefix="${prefix}_" -f "$lint/man-calls.awk" "$map" \
		"$api"/*.h "$headers" \
		Documentation/man/man3/"$prefix"_*.3 | sort
	rm -f "$headers"
}

page=Documentation/man/man4/sup.4
overview=Documentation/man/man7/sup.7
if [ -e "$page" ]; then
	bad_lines < <(undocumented)
fi
if [ ${#all[@]} -gt 0 ]; then
	# A page that is not installed here is none that is missing; what
	# mandoc thinks of its index it says on stderr.
	bad_lines < <(mandoc -T lint -W style "${all[@]}" 2>/dev/null |
		grep -v 'referenced manual not found')
	bad_lines < <(groff -ww -mdoc -Tutf8 -z "${all[@]}" 2>&1)
	bad_lines < <(references)
	[ ! -e "$overview" ] ||
		bad_lines < <(not_in_overview)
	bad_lines < <(calls libsup sup sup)
	[ ! -e libsup/libsup-foundation.map ] ||
		bad_lines < <(calls libsup-foundation fnd foundation)
	[ ! -e libsup/libsup-mabeam.map ] ||
		bad_lines < <(calls libsup-mabeam mab mabeam)
fi
verdict ${#all[@]} "manual pages are well"
