#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# DKMS adds, builds, signs, installs and removes the module, for the headers
# of the stock kernel, in trees of this test alone. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/env.sh"
. "$top/tests/lib/tap.inc"

PATH=$PATH:/usr/sbin:/sbin
kver=$(target_kver)
headers=/usr/src/linux-headers-$kver
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/dkms
modules=$work/lib/modules
version=$(sed -n 's/^SUP_VERSION := //p' "$top/kmod/version.mk")
source=$work/usr/src/sup-$version
ko=$modules/$kver/updates/dkms/sup.ko

# Where DKMS of the system keeps things, and their times.
host_state() {
	find /var/lib/dkms /lib/modules "/usr/src/sup-$version" -ls 2>/dev/null
}

# A key of this test: DKMS makes one where none is named. Its configuration
# of the system, if there is any, goes before this.
run_dkms() {
	env mok_signing_key="$work/key" mok_certificate="$work/certificate" \
		dkms "$@" --no-depmod --dkmstree "$tree" \
		--sourcetree "$work/usr/src" --installtree "$modules" \
		-k "${for_kernel:-$kver}/x86_64" \
		--kernelsourcedir "${for_headers:-$headers}" "sup/$version"
}

make_key() {
	openssl req -new -x509 -nodes -days 1 -newkey rsa:2048 \
		-subj '/CN=sup test' -keyout "$work/key" -outform DER \
		-out "$work/certificate"
}

install_source() {
	make --no-print-directory -C "$top" install-dkms DESTDIR="$work"
}

# modinfo's field $1 is $2.
field_is() {
	local value

	value=$(modinfo -F "$1" "$ko") || return
	[ "$value" = "$2" ] || { echo "$1: $value, not $2"; return 1; }
}

for_this_kernel() {
	case $(modinfo -F vermagic "$ko") in
	"$kver "*) ;;
	*) modinfo "$ko"; return 1 ;;
	esac
}

# What the administrator would do next; in the same tree.
modprobe_finds_it() {
	depmod -b "$work" "$kver" &&
		modprobe -d "$work" -S "$kver" --show-depends sup | grep "$ko"
}

# What modprobe makes of the kernel's request, with configuration $1.
resolve() {
	mkdir -p "$work/etc"
	modprobe -d "$work" -S "$kver" -C "$1" -R \
		net-pf-16-proto-16-family-sup
}

no_autoload() {
	! resolve "$source/modprobe.conf" && ! modinfo -F alias "$ko" | grep .
}

autoload_if_asked() {
	sed 's/^#alias/alias/' "$source/modprobe.conf" >"$work/on.conf"
	[ "$(resolve "$work/on.conf")" = sup ]
}

# What building ends with, for a kernel $1 with the line $2 in its
# configuration: 77, passed over, which has DKMS go on with other kernels; or
# 10, since these headers are none.
build_ends_with() {
	local -r for_kernel=$2 for_headers=$work/headers

	mkdir -p "$for_headers/include"
	{ cat "$headers/.config"; echo "$3"; } >"$for_headers/.config"
	run_dkms build
	[ $? -eq "$1" ]
}

is_gone() {
	run_dkms remove || return
	find "$tree" "$modules" -name 'sup*' | grep . && return 1
	make --no-print-directory -C "$top" uninstall-dkms DESTDIR="$work"
	! find "$work/usr/src" -mindepth 1 | grep .
}

host_is_untouched() {
	diff <(cat <<<"$before") <(host_state)
}

command -v dkms >/dev/null || die "dkms: not installed (make setup)"
before=$(host_state)
mkdir -p "$tree" "$modules/$kver"
: >"$modules/$kver/modules.order"
: >"$modules/$kver/modules.builtin"
ok "a key is made" make_key
ok "the source is installed" install_source
ok "DKMS takes it" run_dkms add
ok "builds it" run_dkms build
ok "installs it" run_dkms install
ok "it is for that kernel" for_this_kernel
ok "it has the version of the tree" field_is version "$version"
ok "it is signed with the key" field_is signer "sup test"
ok "modprobe finds it" modprobe_finds_it
ok "nothing loads it on demand" no_autoload
ok "unless the administrator says so" autoload_if_asked
rt=CONFIG_PREEMPT_RT=y
ok "a kernel before 6.1 is passed over" build_ends_with 77 6.0.0-1-amd64 ''
ok "so is PREEMPT_RT" build_ends_with 77 6.1.0-1-rt-amd64 $rt
ok "6.1 is not" build_ends_with 10 6.1.0-1-amd64 ''
ok "nor is PREEMPT_RT from 7.0 on" build_ends_with 10 7.0.0-1-rt-amd64 $rt
ok "removal leaves nothing" is_gone
ok "nothing of the system has changed" host_is_untouched
tap_end
