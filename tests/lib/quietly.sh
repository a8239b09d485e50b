#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs a command; fails, too, when its output has a compiler's warning.
#
# usage: quietly.sh COMMAND [ARGUMENT]...
set -uo pipefail

log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
if grep -qE '(^|[ :])[Ww]arning:' "$log"; then
	echo "there are warnings"
	[ "$status" -ne 0 ] || status=1
fi
exit "$status"
