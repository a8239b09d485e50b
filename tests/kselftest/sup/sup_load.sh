#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Loading and unloading: again and again, and not while there is a group.
# SUP_KO is the module; without it, modprobe finds it. What this needs of the
# test programs is in the same folder, or where it was built.

here=$(cd "$(dirname "$0")" && pwd)
holder=${SUP_HOLDER:-$here/sup_holder}
tests=0 failed=0

load() {
	if [ -n "$SUP_KO" ]; then insmod "$SUP_KO" "$@"; else
		modprobe sup "$@"
	fi
}

# An owner's death is followed by a work or two before the module is free.
unload() {
	tries=0
	until rmmod sup 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 1000 ] || return 1
	done
}

report() {
	tests=$((tests + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tests $2"
	else
		echo "not ok $tests $2"
		failed=1
	fi
}

param() {
	cat "/sys/module/sup/parameters/$1"
}

# Runs "$@" while a process owns a group.
with_group() {
	fifo=$(mktemp -u)
	mkfifo "$fifo"
	"$holder" <"$fifo" >"$fifo.up" 2>&1 &
	exec 8>"$fifo"
	until grep -q ready "$fifo.up"; do
		kill -0 $! 2>/dev/null || break
	done
	"$@"
	ret=$?
	exec 8>&-
	wait $!
	rm -f "$fifo" "$fifo.up"
	return $ret
}

if [ "$(id -u)" != 0 ] || [ ! -x "$holder" ]; then
	echo "1..0 # SKIP needs root, and $holder"
	exit 4
fi
was_loaded=0
[ ! -d /sys/module/sup ] || was_loaded=1
if [ $was_loaded = 0 ] && ! load; then
	echo "1..0 # SKIP no module"
	exit 4
fi
echo "TAP version 13"
echo "1..7"

unload
report $? "unload when idle"

# Each unload waits for grace periods of several kinds: up to a second where
# others have the CPU, too.
ret=0 i=0
while [ $i -lt 30 ]; do
	load && unload || { ret=1; break; }
	i=$((i + 1))
done
report $ret "load and unload 30 times"

load unhook_delay=0
[ "$(param hooked)" = N ]
report $? "no hooks before the first group"

refused() {
	[ "$(param hooked)" = Y ] && ! rmmod sup 2>/dev/null
}
with_group refused
report $? "hooks, and no unload, while there is a group"

ret=1 i=0
while [ $i -lt 1000 ]; do
	[ "$(param hooked)" = Y ] || { ret=0; break; }
	i=$((i + 1))
done
report $ret "no hooks after the last group"

ret=0 i=0
while [ $i -lt 10 ]; do
	with_group true
	unload && load unhook_delay=0 || { ret=1; break; }
	i=$((i + 1))
done
report $ret "unload right after the last group"

drained() {
	echo kill >/sys/module/sup/parameters/drain && unload
}
with_group drained
report $? "unload a drained module while the owner of a group lives"
load

[ $was_loaded = 1 ] && { unload; load; } || unload
exit $failed
