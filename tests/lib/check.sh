#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds and runs the tests, all or those of the parts named, and ends with
# one line "N passed, N failed, N skipped". Results and logs: build/check.
#
# usage: check.sh [lint|unit|integration|kselftest|debug]...
#
# SOURCE=pidfd or SOURCE=module restricts the integration tests to one exit
# source. Exit status: 0 when nothing failed, 1 when something did, 111 when
# set-up was not possible.
set -euo pipefail
. "$(dirname "$0")/env.sh"

out=$build/check
tests=$top/tests/lib/runtests.sh
failed=0
went_well=yes
in_machine='' packed=''
jobs=$(nproc)

wanted() {
	[ -z "$parts" ] && return
	case " $parts " in
	*" $1 "*) return 0 ;;
	esac
	return 1
}

# runtests.sh with this run's folder. A failure does not end the run.
suite() {
	went_well=yes
	"$tests" -o "$out" "$@" 9>&- && return
	went_well=no
	failed=1
}

# One build step is one test case: it must end well and print no warning.
build() {
	local -r name=$1
	shift
	suite -s build -t 900 -c "$name" "$top/tests/lib/quietly.sh" \
		make --no-print-directory -j"$jobs" "$@"
}

section() {
	printf '\n%s\n' "$*"
}

build_all() {
	section "Build"
	build module -C "$top/kmod" module
	build lib -C "$top/libsup" all
	build tools -C "$top/tools" all
	build examples -C "$top/examples" all
}

# The other compiler's warnings; what it builds is not used.
build_with_clang() {
	local folder

	section "Build with clang"
	for folder in libsup tools examples tests/unit; do
		build "clang-${folder##*/}" -C "$top/$folder" all CC=clang \
			BUILD="$build/clang"
	done
}

run_lint() {
	section "Lint"
	suite -s lint -t 300 "$top"/tests/lint/*.sh
	build regen-check -C "$top" regen-check
}

# The programs that the verb list of a test Makefile names.
programs() {
	make -s --no-print-directory -C "$@" list 2>/dev/null |
		grep "^$top/" || true
}

# Arguments: name of the suite, wrapper, folder, variables of make.
run_programs() {
	local -r name=$1 wrapper=$2
	local list
	shift 2

	build "$name" -C "$@"
	[ $went_well = yes ] || return 0
	list=$(programs "$@")
	# No programs are no success: runtests.sh says so.
	# shellcheck disable=SC2086
	suite -s "$name" -t 180 -w "$wrapper" ${list:-false}
}

run_unit() {
	section "Unit tests (ASan, UBSan)"
	run_programs unit-asan '' "$top/tests/unit" ASAN=1
	section "Unit tests (TSan)"
	run_programs unit-tsan "setarch $(uname -m) -R" "$top/tests/unit" TSAN=1
	section "Simulation"
	run_programs sim-asan '' "$top/tests/sim" ASAN=1
	section "Tests of the tools"
	run_programs tools '' "$top/tests/tools"
}

run_integration_here() {
	section "Integration tests (pidfd, here)"
	SOURCE=pidfd run_programs integration-pidfd '' "$top/tests/integration"
}

# Builds the tests in a folder; notes their paths for inside.sh and packs them
# with everything that stands beside them.
pack_tests() {
	local -r part=$1 folder=$2
	local -r list=$build/tests/$part.programs

	build "$part" -C "$top/$folder"
	[ $went_well = yes ] || return 0
	packed="$packed $part"
	mkdir -p "$build/tests"
	programs "$top/$folder" | sed "s,^$top/,," >"$list"
	{
		sed 's/^/sup /' "$list"
		echo "sup build/tests/$part.programs"
		echo "sup? build/tests/$part $folder/*.sh $folder/settings"
	} >>"$build/tests/machine.list"
}

# Both kinds of tests that need the module share one boot.
run_machine() {
	section "In the test machine:$in_machine"
	rm -f "$build/tests/machine.list"
	case $in_machine in
	*kselftest*) pack_tests kselftest tests/kselftest/sup ;;
	esac
	case $in_machine in
	*integration*) pack_tests integration tests/integration ;;
	esac
	[ -n "$packed" ] || return 0
	# shellcheck disable=SC2086
	suite -s machine -t 900 -c run "$top/tests/vm/run.sh" -n check \
		-o "$out/machine" -t 840 -l "$top/tests/vm/system.list" \
		-l "$top/tests/vm/tree.list" -l "$build/tests/machine.list" \
		tests/vm/inside.sh $packed
	cat "$out/logs/machine/run.log"
	[ ! -d "$out/machine/results" ] ||
		cp -r "$out/machine/results" "$out/machine/logs" "$out/"
}

# The tests of the module under the kernel's own checkers. "make check" does
# without: the kernel has to be built first, and that takes minutes.
run_debug() {
	local dir kver

	section "In the debug kernel"
	suite -s build -t 1800 -c debug-kernel "$top/tests/vm/uml-build.sh"
	dir=$("$top/tests/vm/uml-build.sh") || return 0
	kver=$(cat "$dir/o/include/config/kernel.release")
	build debug-module -C "$top/kmod" module KVER="$kver" KDIR="$dir/o" \
		KARGS=ARCH=um
	rm -f "$build/tests/machine.list"
	packed=''
	pack_tests kselftest tests/kselftest/sup
	[ -n "$packed" ] || return 0
	suite -s machine -t 900 -c debug "$top/tests/vm/run.sh" -u -n debug \
		-o "$out/debug" -t 840 -l "$top/tests/vm/tree.list" \
		-l "$build/tests/machine.list" tests/vm/inside.sh kselftest
	cat "$out/logs/machine/debug.log"
	[ ! -d "$out/debug/results" ] ||
		cp -r "$out/debug/results" "$out/debug/logs" "$out/"
}

run_demo() {
	local source

	section "Demo"
	for source in pidfd module; do
		suite -s demo -t 330 -c $source env -u HOST SOURCE=$source \
			"$top/tests/lib/demo.sh"
	done
}

run_install() {
	section "Installation and README"
	suite -s install "$top"/tests/lib/try-*.sh
}

parts=$*
for part in $parts; do
	case $part in
	lint | unit | integration | kselftest | debug) ;;
	*) usage "unknown part \"$part\"" ;;
	esac
done
case " $parts " in
*" debug "*) "$top/tests/lib/setup.sh" debug ;;
*) "$top/tests/lib/setup.sh" ;;
esac
KVER=$(target_kver)
export KVER
mkdir -p "$build"
exec 9>"$build/check.lock"
flock -n 9 || die "another check is running in this tree"
rm -rf "$out"
build_all
! wanted lint || run_lint
! wanted unit || run_unit
if wanted integration; then
	[ "${SOURCE:-pidfd}" != pidfd ] || run_integration_here
	[ "${SOURCE:-module}" != module ] ||
		in_machine="$in_machine integration"
fi
! wanted kselftest || in_machine=" kselftest$in_machine"
[ -z "$in_machine" ] || run_machine
case " $parts " in
*" debug "*) run_debug ;;
esac
[ -n "$parts" ] || build_with_clang
[ -n "$parts" ] || run_demo
[ -n "$parts" ] || run_install
"$top/tests/lib/count.sh" "$out" || failed=1
exit $failed
