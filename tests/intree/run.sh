#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs what build.sh has installed by the kernel's own run_kselftest.sh, which
# speaks TAP: a case is a program. Needs root and the module; meant for the
# test machine.
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

cd "$build/tests/intree"
exec ./run_kselftest.sh -c sup
