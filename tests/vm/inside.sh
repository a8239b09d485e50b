#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs the tests that need the module; meant for the test machine. Results and
# logs go to /out, which the machine sends to the host.
#
# usage: inside.sh [kselftest|integration]...
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"

runtests=$top/tests/lib/runtests.sh
ko=$build/kmod/$(uname -r)/sup.ko
status=0

for part; do
	case $part in
	kselftest)
		export SUP_KO=$ko
		export SUP_HOLDER=$build/tests/kselftest/sup_holder
		;;
	integration)
		export SOURCE=module
		;;
	esac
	list=$build/tests/$part.programs
	# shellcheck disable=SC2046
	"$top/tests/vm/with-module.sh" "$runtests" -s "$part-module" -o /out \
		-t 120 $(sed "s,^,$top/," "$list") || status=1
done
exit $status
