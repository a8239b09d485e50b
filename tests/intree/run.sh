#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs what build.sh has installed by the kernel's own run_kselftest.sh, which
# speaks TAP: a case is a program. All of them if this part was asked for by
# name (SUP_ASKED); else a few, as all have run before, without that script.
# Needs root and the module; meant for the test machine.
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

what='-t sup:sup_group_test -t sup:sup_kill_test -t sup:sup_load.sh'
case " ${SUP_ASKED:-intree} " in
*" intree "*) what='-c sup' ;;
esac
cd "$build/tests/intree"
# shellcheck disable=SC2086
exec ./run_kselftest.sh $what
