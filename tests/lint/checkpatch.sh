#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The kernel's own style checker on the module and its tests.
. "$(dirname "$0")/lint.inc"

source=$cache/linux-source-6.12
checkpatch=$source/scripts/checkpatch.pl
[ -r "$checkpatch" ] || skip "no checkpatch.pl in $source (make setup)"

run() {
	local -r ignored=$1
	shift

	[ $# -eq 0 ] || perl "$checkpatch" --no-tree --terse --show-types \
		--no-summary --max-line-length=80 --ignore "$ignored" -f "$@"
}

quiet=SPDX_LICENSE_TAG,FILE_PATH_CHANGES
# Advice that is for the kernel proper, and not for programs that test it.
kernel_only=STRCPY,VOLATILE,STATIC_CONST_CHAR_ARRAY,EMBEDDED_FUNCTION_NAME
compat=() all=() programs=()
while IFS= read -r f; do
	is_generated "$f" && continue
	case $f in
	kmod/compat.h) compat+=("$f") ;;
	tests/*) programs+=("$f") ;;
	*) all+=("$f") ;;
	esac
done < <(files 'kmod/*.[ch]' 'tests/kselftest/*.[ch]')
bad_lines < <(run $quiet ${all[@]+"${all[@]}"})
bad_lines < <(run $quiet,$kernel_only ${programs[@]+"${programs[@]}"})

# The place of version checks, in which a constant stands left.
bad_lines < <(run $quiet,LINUX_VERSION_CODE,CONSTANT_COMPARISON \
	${compat[@]+"${compat[@]}"})
verdict ${#all[@]} "files please checkpatch.pl"
