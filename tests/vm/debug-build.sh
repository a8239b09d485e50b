#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds a debug kernel, with the kernel's own checkers, from Debian's kernel
# source, and prints the folder it is in: the kernel itself ("kernel"), and
# what the module is built against ("o", the KDIR). The folder is named by
# version and configuration; what is there already is not built again.
#
# usage: debug-build.sh uml|smp
#
#   uml  User-Mode Linux 6.1 (debug-uml.config): one CPU, needs no emulation
#   smp  6.12 for QEMU, with two CPUs and preemption (debug-smp.config)
#
# Two CPUs build the first in six minutes, the second in ten.
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

kind=${1:-}
case $kind in
uml) package=linux-source-6.1 arch=um built=linux ;;
smp) package=linux-source-6.12 arch=x86 built=vmlinux ;;
*) usage "uml or smp? See the top of $0" ;;
esac
config=$top/tests/vm/debug-$kind.config

hash=$(grep -E '^(# )?CONFIG_' "$config" | cat - <(gcc -dumpfullversion) |
	sha256sum | cut -c1-12)
version=$(apt-cache show --no-all-versions $package 2>/dev/null |
	awk '$1 == "Version:" { print $2; exit }')
# Without package lists, the newest that is here.
[ -n "$version" ] ||
	version=$(find "$cache" -maxdepth 1 -name "debug-$kind-*-$hash" |
		sed "s/.*debug-$kind-//; s/-$hash\$//" | sort -V | tail -n 1)
[ -n "$version" ] || die "$package: not in the package lists"
dir=$cache/debug-$kind-$version-$hash
mkdir -p "$cache"
exec 8>"$dir.lock"
flock 8
if [ -x "$dir/kernel" ]; then
	echo "$dir"
	exit 0
fi

for tool in flex bison bc; do
	command -v $tool >/dev/null || die "$tool: not installed (make setup)"
done
tmp=$(mktemp -d "$cache/debug.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
step() {
	echo "debug kernel: $1" >&2
	shift
	"$@" >"$tmp/log" 2>&1 || { tail -n 20 "$tmp/log" >&2
		die "failed: $*"; }
}

fetch() {
	cd "$tmp"
	apt-get -q -o APT::Sandbox::User=root download "$package=$version"
	dpkg-deb -x ./*.deb root
	mkdir src
	tar -xJf root/usr/src/$package.tar.xz -C src \
		--strip-components=1 --no-same-owner
	rm -rf root ./*.deb
}

configure() {
	make -C "$tmp/src" ARCH=$arch O="$tmp/o" tinyconfig
	cd "$tmp/src"
	ARCH=$arch scripts/kconfig/merge_config.sh -m -O "$tmp/o" \
		"$tmp/o/.config" "$config"
	make -C "$tmp/src" ARCH=$arch O="$tmp/o" olddefconfig
}

# An option that Kconfig dropped would leave a checker out unseen.
check_config() {
	local line bad=0

	while read -r line; do
		grep -qx "$line" "$tmp/o/.config" || { echo "lost: $line"
			bad=1; }
	done < <(grep '^CONFIG_.*=' "$config")
	for line in $(awk '/^# CONFIG_.* is not set/ { print $2 }' "$config")
	do
		! grep "^$line=" "$tmp/o/.config" || bad=1
	done
	return $bad
}

step "fetching $package $version (not installed)" fetch
step "configuring" configure
step "checking that no option was dropped" check_config
rm -rf "$dir"
mkdir -p "$dir"
mv "$tmp/src" "$dir/src"
mkdir "$dir/o"
cp "$tmp/o/.config" "$dir/o/"
step "building (some minutes)" make -C "$dir/src" ARCH=$arch O="$dir/o" \
	-j"$(nproc)" $built modules
cp "$dir/o/$built" "$dir/kernel.new"
strip "$dir/kernel.new"
mv "$dir/kernel.new" "$dir/kernel"
echo "$dir"
