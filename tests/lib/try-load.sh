#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Signs the module by hand, as Documentation/install.md says, installs it with
# depmod's lists and the sample of modprobe.d in the test machine, and has it
# loaded there: tests/vm/load.sh, whose TAP this prints.
set -uo pipefail
. "$(dirname "$0")/env.sh"

PATH=$PATH:/usr/sbin:/sbin
kver=$(target_kver)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
modules=$work/lib/modules/$kver

make_key() {
	openssl req -new -x509 -nodes -days 1 -newkey rsa:2048 \
		-subj "/CN=sup test" -addext \
		"extendedKeyUsage=codeSigning,1.3.6.1.4.1.2312.16.1.2" \
		-keyout "$work/key" -outform DER -out "$work/certificate" \
		2>/dev/null
}

sign() {
	"$(readlink -f "/usr/src/linux-headers-$kver/scripts")/sign-file" \
		sha256 "$work/key" "$work/certificate" "$1" &&
		[ "$(modinfo -F signer "$1")" = "sup test" ]
}

# What depmod misses when no kernel is installed.
make_lists() {
	mkdir -p "$modules"
	: >"$modules/modules.order"
	: >"$modules/modules.builtin"
	: >"$modules/modules.builtin.modinfo"
}

install_module() {
	make --no-print-directory -s -C "$top/kmod" install KVER="$kver" \
		INSTALL_MOD_PATH="$work" >"$work/log" 2>&1 ||
		{ cat "$work/log"; return 1; }
	make_key && sign "$modules/updates/sup.ko" && make_lists &&
		depmod -b "$work" "$kver"
}

machine() {
	cat >"$work/load.list" <<-EOF
		tree $modules /usr/lib/modules/$kver
		file kmod/modprobe.conf /etc/modprobe.d/sup.conf
		sup build/kmod/$kver/sup.ko build/bin/watch kmod/version.mk
		sup tests/lib/*.inc tests/lib/env.sh tests/vm/load.sh
		bin modprobe setpriv
	EOF
	"$top/tests/vm/run.sh" -q -n load -k "$kver" -l "$work/load.list" \
		tests/vm/load.sh
}

install_module || die "the module cannot be signed and installed"
machine | tr -d '\r'
