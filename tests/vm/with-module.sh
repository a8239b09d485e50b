#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Loads sup.ko of the running kernel, runs a command, unloads it. The exit
# status is the command's, or 111 when the module can be neither loaded nor
# unloaded: a module that is still in use after its users have gone is a bug.
# So is memory that it has lost, which a kernel with kmemleak tells.
#
# usage: with-module.sh COMMAND [ARGUMENT]...
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

[ $# -gt 0 ] || usage "no command"
ko=$build/kmod/$(uname -r)/sup.ko
[ -r "$ko" ] || die "$ko: not built (make modules)"
leaks=$top/tests/vm/leaks.sh
"$leaks" forget
insmod "$ko" || die "$ko: cannot be loaded"
status=0
"$@" || status=$?
# What is left of an owner that has ended goes in the background, soon.
end=$((SECONDS + 10))
while [ "$(cat /sys/module/sup/refcnt)" -ne 0 ] && [ $SECONDS -lt $end ]; do
	read -rt 0.05 <> <(:) || :
done
"$leaks" || { [ $status -ne 0 ] || status=1; }
if ! rmmod sup; then
	[ $status -ne 0 ] || die "sup.ko cannot be unloaded"
fi
"$leaks" || { [ $status -ne 0 ] || status=1; }
exit $status
