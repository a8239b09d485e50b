#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An interactive shell in the test machine, with everything that is built and
# the module loaded. "exit" ends the machine.
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

"$top/tests/lib/setup.sh"
exec "$top/tests/vm/run.sh" -i -n shell -t 86400 \
	-l "$top/tests/vm/system.list" -l "$top/tests/vm/tree.list" \
	tests/vm/with-module.sh bash -i
