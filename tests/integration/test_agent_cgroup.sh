#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The limits of agents that are programs, by cgroups, where the controllers are
# to be had: in the test machine, whose cgroups are nobody else's. Speaks TAP.
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

if [ -z "${SUP_VM:-}" ]; then
	echo "1..0 # SKIP in the test machine alone"
	exit 0
fi
# The program has the names of files from where it was built.
built=$(cat "$build/tests/integration/top")
if [ ! -e "$built/tests/mabeam" ]; then
	mkdir -p "$built/tests"
	ln -s "$top/tests/mabeam" "$built/tests/mabeam"
	ln -sfn "$top/examples" "$built/examples"
fi
echo "+pids +memory +cpu" >/sys/fs/cgroup/cgroup.subtree_control
exec "$build/tests/mabeam/test_agent_cgroup"
