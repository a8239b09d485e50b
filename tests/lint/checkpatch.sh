#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The kernel's own style checker on the module and its tests.
. "$(dirname "$0")/lint.inc"

source=$cache/linux-source-6.12
checkpatch=$source/scripts/checkpatch.pl
[ -r "$checkpatch" ] || skip "no checkpatch.pl in $source (make setup)"

quiet=SPDX_LICENSE_TAG,FILE_PATH_CHANGES

# compat.h is the place of version checks, in which a constant stands left.
quiet_in() {
	case $1 in
	kmod/compat.h) echo "$quiet,LINUX_VERSION_CODE,CONSTANT_COMPARISON" ;;
	*) echo "$quiet" ;;
	esac
}

n=0
while IFS= read -r f; do
	is_generated "$f" && continue
	n=$((n + 1))
	perl "$checkpatch" --no-tree --terse --show-types --no-summary \
		--max-line-length=80 --ignore "$(quiet_in "$f")" -f "$f" | bad_lines
done < <(files 'kmod/*.[ch]' 'tests/kselftest/*.[ch]')
[ "$n" -gt 0 ] || die "no files of the module"
verdict "$n" "files please checkpatch.pl"
