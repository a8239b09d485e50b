#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The kernel's own style checker on the module and its tests.
. "$(dirname "$0")/lint.inc"

source=$cache/linux-source-6.12
checkpatch=$source/scripts/checkpatch.pl
[ -r "$checkpatch" ] || skip "no checkpatch.pl in $source (make setup)"

# compat.h is the place of version checks; the rest of kmod has none.
quiet=LINUX_VERSION_CODE,SPDX_LICENSE_TAG,FILE_PATH_CHANGES
n=0
while IFS= read -r f; do
	is_generated "$f" && continue
	n=$((n + 1))
	perl "$checkpatch" --no-tree --terse --show-types --no-summary \
		--max-line-length=80 --ignore "$quiet" -f "$f" | bad_lines
done < <(files 'kmod/*.[ch]' 'tests/kselftest/*.[ch]')
[ "$n" -gt 0 ] || die "no files of the module"
verdict "$n" "files please checkpatch.pl"
