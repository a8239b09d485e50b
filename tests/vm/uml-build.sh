#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds the debug kernel, User-Mode Linux with the checkers of uml.config,
# from Debian's kernel source, and prints the folder it is in: the program
# "linux", and what the module is built against (KDIR). The folder is named by
# version and configuration; what is there already is not built again. Takes
# about six minutes on two CPUs.
#
# usage: uml-build.sh
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

source_package=linux-source-6.1
config=$top/tests/vm/uml.config

version=$(apt-cache show --no-all-versions $source_package 2>/dev/null |
	awk '$1 == "Version:" { print $2; exit }')
[ -n "$version" ] || die "$source_package: not in the package lists"
hash=$(grep -v '^#' "$config" | cat - <(gcc -dumpfullversion) | sha256sum |
	cut -c1-12)
dir=$cache/uml-$version-$hash
if [ -x "$dir/linux" ]; then
	echo "$dir"
	exit 0
fi

for tool in flex bison bc; do
	command -v $tool >/dev/null || die "$tool: not installed (make setup)"
done
tmp=$(mktemp -d "$cache/uml.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
step() {
	echo "uml: $1" >&2
	shift
	"$@" >"$tmp/log" 2>&1 || { tail -n 20 "$tmp/log" >&2
		die "failed: $*"; }
}

fetch() {
	cd "$tmp"
	apt-get -q -o APT::Sandbox::User=root download \
		"$source_package=$version"
	dpkg-deb -x ./*.deb root
	mkdir src
	tar -xJf root/usr/src/$source_package.tar.xz -C src \
		--strip-components=1 --no-same-owner
	rm -rf root ./*.deb
}

configure() {
	make -C "$tmp/src" ARCH=um O="$tmp/o" tinyconfig
	cd "$tmp/src"
	ARCH=um scripts/kconfig/merge_config.sh -m -O "$tmp/o" \
		"$tmp/o/.config" "$config"
	make -C "$tmp/src" ARCH=um O="$tmp/o" olddefconfig
}

# An option that Kconfig dropped would leave a checker out unseen.
check_config() {
	local line bad=0

	while read -r line; do
		grep -qx "$line" "$tmp/o/.config" || { echo "lost: $line"
			bad=1; }
	done < <(grep '^CONFIG_.*=y' "$config")
	return $bad
}

step "fetching $source_package $version (not installed)" fetch
step "configuring" configure
step "checking that no option was dropped" check_config
rm -rf "$dir"
mkdir -p "$dir"
mv "$tmp/src" "$dir/src"
mkdir "$dir/o"
cp "$tmp/o/.config" "$dir/o/"
step "building (a few minutes)" make -C "$dir/src" ARCH=um O="$dir/o" \
	-j"$(nproc)" linux modules
cp "$dir/o/linux" "$dir/linux.new"
strip "$dir/linux.new"
mv "$dir/linux.new" "$dir/linux"
echo "$dir"
