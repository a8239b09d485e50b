#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Boots a stock kernel in QEMU, runs one command in it and brings back its
# verdict.
#
# usage: tests/vm/run.sh [-l LIST]... [-e NAME=VALUE]... [-o FOLDER] [-n NAME]
#                        [-t SECONDS] [-m MIB] [-k KVER] [-a "KERNEL ARGS"]
#                        [-c] [-d uml|smp] [-i] [-q] [--] COMMAND [ARGUMENT]...
#
#   -l LIST     adds the files of LIST (format: mkinitramfs.sh) to the machine;
#               tests/vm/base.list (bash, busybox) is always there
#   -e N=V      an environment variable of the command
#   -o FOLDER   where to unpack /out of the machine (default: build/vm/NAME/out)
#   -t SECONDS  hard limit for the whole run (default 300)
#   -m MIB      memory of the machine (default 1024)
#   -k KVER     kernel (default: the newest 6.1 with headers installed)
#   -a ARGS     more words for the kernel's command line
#   -n NAME     name of the run, for its logs (default: run)
#   -c          one CPU whose clock counts instructions: one is one nanosecond
#   -d uml|smp  a debug kernel instead, with the kernel's own checkers
#               (debug-build.sh): User-Mode Linux, which has one CPU and needs
#               no emulation, or one for QEMU
#   -i          interactive: the terminal is the command's (make vm)
#   -q          no line of our own on stderr unless something is wrong
#
# The machine has 2 CPUs, no network but lo, and the files of this tree at
# /sup, which is the working directory; the command is root.
#   tests/vm/run.sh uname -r
#   tests/vm/run.sh -l my.list -t 60 sh -c 'insmod build/kmod/*/sup.ko; dmesg'
#
# Exit status: the command's (128+N for signal N); 99 when the command
# succeeded but the kernel's log is dirty; 124 when time ran out; 123 when the
# machine ended without a verdict. build/vm/NAME/kernel.log has what the
# kernel complained of, build/vm/NAME/console.log what the command printed.
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

lists=("$top/tests/vm/base.list") env=() out='' limit=300 mem=1024
name=run kver='' append='' interactive=no quiet=no debug=''
clock=(-smp 2)
while getopts l:e:o:t:m:k:a:n:cd:iq opt; do
	case $opt in
	l) lists+=("$OPTARG") ;;
	e) env+=("$OPTARG") ;;
	o) out=$OPTARG ;;
	t) limit=$OPTARG ;;
	m) mem=$OPTARG ;;
	k) kver=$OPTARG ;;
	a) append=$OPTARG ;;
	n) name=$OPTARG ;;
	c) clock=(-smp 1 -icount "shift=0,sleep=off") ;;
	d) debug=$OPTARG ;;
	i) interactive=yes ;;
	q) quiet=yes ;;
	*) usage "wrong option; see the top of $0" ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || usage "no command; see the top of $0"
[ $interactive = no ] || [ -t 0 ] || usage "-i needs a terminal"

say() {
	[ $quiet = yes ] || echo "vm: $*" >&2
}

# The static init, as an archive of its own.
init_archive() {
	local bin=$build/vm/init

	mkdir -p "$build/vm"
	if [ "$top/tests/vm/init.c" -nt "$bin" ]; then
		${CC:-gcc} -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror \
			-static -o "$tmp/init" "$top/tests/vm/init.c"
		mv "$tmp/init" "$bin"
	fi
	mkdir -p "$tmp/root/vm"
	cp "$bin" "$tmp/root/init"
	printf '%s\0' "$@" >"$tmp/root/vm/argv"
	printf '%s\0' PATH=/usr/bin:/usr/sbin HOME=/root TERM="${TERM:-dumb}" \
		LC_ALL=C SUP_VM=1 ${env[@]+"${env[@]}"} >"$tmp/root/vm/env"
	[ $interactive = no ] || : >"$tmp/root/vm/tty"
	[ "$debug" != uml ] || : >"$tmp/root/vm/noisy-boot"
	(cd "$tmp/root" && find . -mindepth 1 |
		cpio -o -H newc -R 0:0 --quiet) >"$tmp/init.cpio"
}

initramfs() {
	local l a

	init_archive "$@"
	for l in "${lists[@]}"; do
		a=$("$top/tests/vm/mkinitramfs.sh" "$l") || exit
		cat "$a" >>"$tmp/initrd"
	done
	cat "$tmp/init.cpio" >>"$tmp/initrd"
}

# ttyS0 is this terminal; what goes to ttyS1-3 is read after the end.
boot_uml() {
	exec timeout -k 5 "$limit" "$image" mem="${mem}M" \
		initrd="$tmp/initrd" con=null con0=null ssl0=fd:0,fd:1 \
		ssl1=null,fd:21 ssl2=null,fd:22 ssl3=null,fd:23 \
		console=ttyS3 loglevel=5 panic=-1 $append \
		21>"$tmp/verdict" 22>"$tmp/out.tar" 23>"$log/kernel.log"
}

boot_qemu() {
	exec timeout --foreground -k 5 "$limit" qemu-system-x86_64 \
		-accel "$accel" "${clock[@]}" -cpu "${SUP_CPU:-max}" -m "$mem" \
		-nodefaults -no-user-config -display none -no-reboot -nic none \
		-chardev stdio,id=s0,signal=off -serial chardev:s0 \
		-serial "file:$tmp/verdict" -serial "file:$tmp/out.tar" \
		-serial "file:$log/kernel.log" \
		-kernel "$image" -initrd "$tmp/initrd" -append "$cmdline"
}

# Prints why the run is bad, if it is, and exits with the verdict.
judge() {
	local boot_status=$1 status

	status=$(awk '$1 == "exit" { print $2 }' "$tmp/verdict")
	if ! grep -qx done "$tmp/verdict" || [ -z "$status" ]; then
		tail -n 40 "$log/kernel.log" >&2
		if [ "$boot_status" -eq 124 ] || [ "$boot_status" -eq 137 ]
		then
			say_bad "time limit of $limit s reached"
			exit 124
		fi
		say_bad "ended without a verdict (QEMU: $boot_status)"
		exit 123
	fi
	if grep -q '^dirty' "$tmp/verdict"; then
		sed -n 's/^dirty //p' "$tmp/verdict" | head -n 40 >&2
		say_bad "the kernel's log is dirty: $log/kernel.log"
		[ "$status" -ne 0 ] || status=99
	fi
	say "exit $status"
	exit "$status"
}

say_bad() {
	echo "vm: $*" >&2
}

# The folder of an earlier run goes, if it is one of ours.
clear_out() {
	case $out in
	"$build"/*) rm -rf "$out" ;;
	esac
}

unpack_out() {
	[ -s "$tmp/out.tar" ] || return 0
	mkdir -p "$out"
	tar -xf "$tmp/out.tar" -C "$out" --no-same-owner 2>/dev/null ||
		say_bad "/out came over damaged"
}

find_debug() {
	local dir

	dir=$("$top/tests/vm/debug-build.sh" "$debug")
	image=$dir/kernel
	kver=$(cat "$dir/o/include/config/kernel.release")
}

find_stock() {
	kver=${kver:-$(target_kver)}
	[ -n "$kver" ] ||
		die "no headers of a 6.1 kernel installed (make setup)"
	image=$(kernel_image "$kver")
	[ -r "$image" ] || die "$image: not there (make setup)"
}

find_qemu() {
	command -v qemu-system-x86_64 >/dev/null ||
		die "qemu-system-x86_64: not installed (make setup)"
	accel=${SUP_PROBE:-$("$top/tests/vm/accel.sh")}
	boot=boot_qemu
}

if [ -n "$debug" ]; then
	find_debug
else
	find_stock
fi
if [ "$debug" = uml ]; then
	accel=User-Mode
	boot=boot_uml
else
	find_qemu
fi
# On a busy host the kernel may count too few timer interrupts at boot, and
# panic about an IO-APIC that is fine: no_timer_check.
cmdline="console=ttyS3 loglevel=5 panic=-1 oops=panic tsc=reliable
clocksource=tsc no_timer_check mitigations=off random.trust_cpu=on $append"
cmdline=${cmdline//$'\n'/ }
log=$build/vm/$name
out=${out:-$log/out}
mkdir -p "$log"
clear_out
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
initramfs "$@"
: >"$tmp/verdict"
say "Linux $kver, $mem MiB, $accel: $*"
boot_status=0
if [ $interactive = yes ]; then
	($boot) || boot_status=$?
else
	mkfifo "$tmp/console"
	tee "$log/console.log" <"$tmp/console" &
	$boot </dev/null >"$tmp/console" 2>"$log/qemu.log" &
	machine=$!
	trap 'kill $machine 2>/dev/null || true; exit 130' INT TERM HUP
	wait $machine || boot_status=$?
	wait
	[ $boot = boot_uml ] || cat "$log/qemu.log" >&2
fi
unpack_out
judge "$boot_status"
