#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs the tests that need the module; meant for the test machine. Results and
# logs go to /out, which the machine sends to the host.
#
# usage: inside.sh PART...
#
# A part is a file build/tests/PART.programs, which has the programs' paths;
# those of "failslab" run while the module's allocations fail. SUP_MACHINE
# names the machine in the suites' names; SUP_SLOW multiplies the programs'
# time limits.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"

SUP_KO=$build/kmod/$(uname -r)/sup.ko
export SUP_KO
export SUP_HOLDER=$build/tests/kselftest/sup_holder
export SOURCE=module
status=0

for part; do
	# Less than in tests/kselftest/sup/settings, which has to do for any
	# machine. Clients in Python that read the spec anew each time took
	# 30 s of a CPU that was theirs alone.
	wrapper='' limit=$((300 * ${SUP_SLOW:-1}))
	# One program, which runs all of kselftest.
	[ "$part" != intree ] || limit=$((5 * limit))
	[ "$part" != failslab ] || wrapper=$top/tests/vm/failslab.sh
	# shellcheck disable=SC2046
	"$top/tests/vm/with-module.sh" "$top/tests/lib/runtests.sh" \
		-s "$part-${SUP_MACHINE:-module}" -o /out -t $limit \
		-w "$wrapper" \
		$(sed "s,^,$top/," "$build/tests/$part.programs") || status=1
done
exit $status
