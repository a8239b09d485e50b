#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The demo, with everything it needs: installs what is missing, builds, and
# runs examples/demo/run.sh
#   in the test machine, with the module (default),
#   here, without the module (SOURCE=pidfd), or
#   here, with the module loaded into this machine's kernel (HOST=1).
#
# Exit status: the demo's verdict; 1 when HOST=1 is not possible; 111 when
# set-up was not possible. Artefacts: build/demo.
set -euo pipefail
. "$(dirname "$0")/env.sh"

out=$build/demo

no_host() {
	echo "demo: HOST=1 is not possible here: $*" >&2
	exit 1
}

# Why this machine cannot load the module, if it cannot.
check_host() {
	local -r running=$(uname -r) lockdown=/sys/kernel/security/lockdown

	[ -e /proc/modules ] ||
		no_host "the running kernel ($running) cannot load modules"
	[ "$(id -u)" -eq 0 ] || no_host "loading a module needs root"
	[ "$(cat /proc/sys/kernel/modules_disabled)" = 0 ] ||
		no_host "kernel.modules_disabled is set"
	! grep -qsE '\[(integrity|confidentiality)\]' $lockdown ||
		no_host "the kernel is locked down (Secure Boot):" \
			"sup.ko would have to be signed"
	[ -e "/lib/modules/$running/build/Makefile" ] ||
		no_host "no headers of the running kernel:" \
			"install linux-headers-$running"
	! grep -q '^sup ' /proc/modules ||
		no_host "a module called sup is loaded already"
}

build_all() {
	make --no-print-directory -C "$top" all ||
		die "the build failed"
}

run_here() {
	local source=$1
	shift
	rm -rf "$out"
	mkdir -p "$out"
	(cd "$top" && OUT=$out SOURCE=$source "$@" examples/demo/run.sh)
}

run_in_machine() {
	"$top/tests/vm/run.sh" -n demo -o "$out" -t 300 -q \
		-l "$top/tests/vm/system.list" -l "$top/tests/vm/tree.list" \
		-l "$top/examples/demo/vm.list" -e OUT=/out -e SOURCE=module \
		tests/vm/with-module.sh examples/demo/run.sh
}

case ${HOST:-0},${SOURCE:-module} in
0,module | 0,pidfd) ;;
1,module) check_host ;;
*) usage "SOURCE is module or pidfd; HOST=1 goes with module alone" ;;
esac
"$top/tests/lib/setup.sh"
case ${HOST:-0},${SOURCE:-module} in
0,module)
	KVER=$(target_kver)
	export KVER
	build_all
	run_in_machine
	;;
0,pidfd)
	make --no-print-directory -C "$top" lib tools examples ||
		die "the build failed"
	run_here pidfd env
	;;
1,module)
	KVER=$(uname -r)
	export KVER
	build_all
	run_here module "$top/tests/vm/with-module.sh"
	;;
esac
