#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds and runs the tests, all or those of the parts named, and ends with
# one line "N passed, N failed, N skipped". Results and logs: build/check.
#
# usage: check.sh [lint|unit|integration|kselftest|ynl|intree|fuzz|kernels|
#                  debug]...
#
# kernels and debug are more than "all": the tests of the module on every
# kernel that Debian has, and in the debug kernels.
#
# SOURCE=pidfd or SOURCE=module restricts the integration tests to one exit
# source, KVER those of the module to one stock kernel.
#
# Exit status: 0 when nothing failed, 1 when something did, 111 when
# set-up was not possible.
set -euo pipefail
. "$(dirname "$0")/env.sh"
. "$top/tests/lib/machine.inc"

out=$build/check
tests=$top/tests/lib/runtests.sh
failed=0
went_well=yes
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
	build foundation -C "$top/libsup/foundation" all
	build mabeam -C "$top/libsup/mabeam" all
	build tools -C "$top/tools" all
	build examples -C "$top/examples" all
}

# The other compiler's warnings; what it builds is not used.
build_with_clang() {
	local folder

	section "Build with clang"
	for folder in libsup libsup/foundation libsup/mabeam tools examples \
		tests/unit; do
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
	# What sanitizers would change: ends of processes, memory that is flat.
	section "Unit tests (as they are)"
	run_programs unit '' "$top/tests/unit" \
		ONLY="test_call test_contain test_ending"
	suite -s unit -t 400 -c call-100000 \
		"$build/tests/unit/test_call" 100000
	section "The services (ASan, UBSan; TSan; as they are)"
	run_programs foundation-asan '' "$top/tests/foundation" ASAN=1
	run_programs foundation-tsan "setarch $(uname -m) -R" \
		"$top/tests/foundation" TSAN=1
	run_programs foundation '' "$top/tests/foundation"
	section "Agents (ASan, UBSan; TSan; as they are)"
	run_programs mabeam-asan '' "$top/tests/mabeam" ASAN=1
	run_programs mabeam-tsan "setarch $(uname -m) -R" \
		"$top/tests/mabeam" TSAN=1
	run_programs mabeam '' "$top/tests/mabeam"
	section "Simulation"
	run_programs sim-asan '' "$top/tests/sim" ASAN=1
	section "The same traces on OTP's supervisor and on ours"
	suite -s conformance -t 300 \
		-c random env -u SEED -u TRACE N=300 \
		"$top/tests/conformance/run.sh"
	suite -s conformance -t 300 \
		-c self-test env -u TRACE SEED=1 N=300 \
		"$top/tests/conformance/run.sh" -s
	section "Tests of the tools"
	run_programs tools '' "$top/tests/tools"
}

# Is there a figure for each name? What they are is for "make bench" to say.
run_bench() {
	section "Benchmarks of the library, in small"
	suite -s bench -t 180 -c lib-programs "$top/tests/lib/quietly.sh" \
		make -C "$top/tests/bench" lib_programs
	suite -s bench -t 180 "$top/tests/bench/smoke.sh"
	suite -s bench -t 300 -c source "$top/tests/bench/source.sh" -s
	suite -s bench -t 180 -c foundation "$top/tests/bench/fnd.sh" -s
	suite -s bench -t 180 -c mabeam "$top/tests/bench/mab.sh" -s
}

run_integration_here() {
	section "Integration tests (pidfd, here)"
	SOURCE=pidfd run_programs integration-pidfd '' "$top/tests/integration"
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
	section "Installation, README, an example service"
	suite -s install -t 600 "$top"/tests/lib/try-*.sh
}

# The tests of the module for every change. On 6.1 all kinds share one boot.
run_module() {
	local on_first=$1

	if [ -n "$chosen" ]; then
		run_stock "$chosen" $on_first
		return
	fi
	[ -n "$parts" ] || start_uml
	run_stock 6.1 $on_first
	! wanted kselftest || run_stock 6.12 kselftest
	[ -z "$uml" ] || finish_uml
}

# User-Mode Linux has one CPU, and so has the emulator that runs meanwhile. It
# gets a process group of its own, which ends with this script, however that
# does.
uml=''
start_uml() {
	section "Linux under its own checkers (uml): built here, shown below"
	build_debug uml kselftest fuzz || return 0
	trap end_uml EXIT
	trap 'exit 1' INT TERM
	set -m
	boot_debug uml kselftest fuzz >"$out/uml.log" 2>&1 &
	set +m
	uml=$!
}

end_uml() {
	[ -z "$uml" ] || kill -- -"$uml" 2>/dev/null || true
}

finish_uml() {
	section "Linux under its own checkers (uml): kselftest fuzz"
	wait "$uml" || failed=1
	uml=''
	cat "$out/uml.log"
}

run_kernels() {
	local name

	for name in 6.1 6.12 7; do
		run_stock $name kselftest
	done
	run_refused 6.12-rt
}

run_debug_kernels() {
	run_debug uml kselftest fuzz
	run_debug smp kselftest fuzz failslab
}

parts=$*
purpose=
for part in $parts; do
	case $part in
	lint | unit | integration | kselftest | ynl | intree | fuzz) ;;
	kernels | debug) purpose=$part ;;
	*) usage "unknown part \"$part\"" ;;
	esac
done
chosen=${KVER:-}
"$top/tests/lib/setup.sh" $purpose
KVER=$(target_kver)
export KVER
mkdir -p "$build"
exec 9>"$build/check.lock"
flock -n 9 || die "another check is running in this tree"
rm -rf "$out"
build_all
! wanted lint || run_lint
! wanted unit || run_unit
with_module=''
! wanted kselftest || with_module=kselftest
if wanted integration; then
	[ "${SOURCE:-pidfd}" != pidfd ] || run_integration_here
	[ "${SOURCE:-module}" != module ] ||
		with_module="$with_module integration"
fi
for part in ynl intree fuzz; do
	! wanted $part || with_module="$with_module $part"
done
[ -z "$with_module" ] || run_module "$with_module"
case $purpose in
kernels) run_kernels ;;
debug) run_debug_kernels ;;
esac
[ -n "$parts" ] || build_with_clang
[ -n "$parts" ] || run_bench
[ -n "$parts" ] || run_demo
[ -n "$parts" ] || run_install
"$top/tests/lib/count.sh" "$out" || failed=1
exit $failed
