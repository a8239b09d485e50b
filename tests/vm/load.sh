#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the kernel makes of the module as modprobe loads it: on demand, signed
# with a key that the kernel does not know, and locked down. For the test
# machine of try-load.sh. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$top/tests/lib/tap.inc"

conf=/etc/modprobe.d/sup.conf
ko=/lib/modules/$(uname -r)/updates/sup.ko
asked=/tmp/asked

# Notes what the kernel asks modprobe for.
spy_on_modprobe() {
	cat >/tmp/modprobe <<-EOF
		#!/bin/sh
		echo "\$*" >>$asked
		exec /usr/sbin/modprobe "\$@"
	EOF
	chmod 755 /tmp/modprobe
	echo /tmp/modprobe >/proc/sys/kernel/modprobe
}

loaded() {
	[ -d /sys/module/sup ]
}

# The example of sup(4), by a user who is nobody.
watch() {
	setpriv --reuid=nobody --regid=nogroup --clear-groups \
		"$build/bin/watch" true
}

not_on_demand() {
	! watch && ! loaded && [ "$(tail -n 1 $asked)" = \
		"-q -- net-pf-16-proto-16-family-sup" ]
}

# "O" out of tree, "E" signed by nobody whom the kernel knows.
on_demand() {
	sed -i 's/^#alias/alias/' $conf
	watch | grep '^true, pid [0-9]*: code 0, signal 0' && loaded &&
		grep -x OE /sys/module/sup/taint
}

says_version() {
	grep -x "$(sed -n 's/^SUP_VERSION := //p' "$top/kmod/version.mk")" \
		/sys/module/sup/version
}

# A group, with a process that waits for what never comes.
hold_group() {
	mkfifo /tmp/up /tmp/hold
	"$build/bin/watch" sh -c 'echo up >/tmp/up; exec cat /tmp/hold' &
	read -r _ </tmp/up
}

busy() {
	! rmmod sup && loaded
}

# What is left of a group that has ended goes in the background, soon.
drained() {
	local -r end=$((SECONDS + 10))

	echo kill >/sys/module/sup/parameters/drain || return
	wait
	until rmmod sup 2>/dev/null || [ $SECONDS -ge $end ]; do
		read -rt 0.05 <> <(:)
	done
	! loaded
}

# Loading module $1 is refused with message $2.
refused() {
	local output

	output=$(insmod "$1" 2>&1) && return 1
	echo "$output"
	grep -F "$2" <<<"$output" && ! loaded
}

lock_down() {
	mount -t securityfs securityfs /sys/kernel/security
	echo integrity >/sys/kernel/security/lockdown &&
		grep -F '[integrity]' /sys/kernel/security/lockdown
}

enforce_signatures() {
	echo Y >/sys/module/module/parameters/sig_enforce &&
		grep -x Y /sys/module/module/parameters/sig_enforce
}

spy_on_modprobe
ok "not loaded on demand, and the kernel asks by this name" not_on_demand
ok "loaded on demand, when the alias is there" on_demand
ok "it says its version" says_version
hold_group
ok "it is not unloaded while there is a group" busy
ok "drained it is unloaded" drained
ok "lockdown" lock_down
ok "refuses it without signature" \
	refused "$build"/kmod/*/sup.ko "Operation not permitted"
ok "refuses it signed with an unknown key" \
	refused "$ko" "Operation not permitted"
ok "enforcing of signatures, as with Secure Boot" enforce_signatures
ok "refuses it without signature, otherwise" \
	refused "$build"/kmod/*/sup.ko "Key was rejected by service"
ok "refuses it signed with an unknown key, otherwise" \
	refused "$ko" "Key was rejected by service"
tap_end
