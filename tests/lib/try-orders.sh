#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# examples/orders does what it says, also when it is killed. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/env.sh"

make --no-print-directory -C "$top/examples" all >&2 || exit
exec python3 "$top/tests/lib/orders.py" "$build/bin/orders"
