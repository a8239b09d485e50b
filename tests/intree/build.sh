#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Copies tests/kselftest/sup into a kernel tree (the part of one that setup.sh
# has unpacked), and builds and installs it there as anyone would:
#	make -C tools/testing/selftests TARGETS=sup install
# The tree is build/intree, what is installed build/tests/intree.
#
# The module's header is where a patch would put it, include/uapi/linux; that
# it is found in usr/include, too, where "make headers" puts it, is tried.
#
# usage: build.sh
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

source=$cache/linux-source-6.12
tree=$build/intree
selftests=$tree/tools/testing/selftests

copy_tree() {
	rm -rf "$tree"
	mkdir -p "$selftests" "$tree/scripts" "$tree/include/uapi/linux"
	cp -r "$source/tools/testing/selftests/." "$selftests/"
	cp "$source/scripts/subarch.include" "$tree/scripts/"
	cp -r "$top/tests/kselftest/sup" "$selftests/sup"
	cp "$top/kmod/include/uapi/linux/sup.h" "$tree/include/uapi/linux/"
}

build_and_install() {
	local -r path=$build/tests/intree

	rm -rf "$path"
	mkdir -p "$path"
	make --no-print-directory -j"$(nproc)" -C "$selftests" TARGETS=sup \
		FORCE_TARGETS=1 KSFT_INSTALL_PATH="$path" install
}

# One program is enough.
build_with_installed_header() {
	mkdir -p "$tree/usr/include/linux"
	mv "$tree/include/uapi/linux/sup.h" "$tree/usr/include/linux/"
	rm "$selftests/sup/sup_holder"
	make --no-print-directory -C "$selftests/sup" \
		"$selftests/sup/sup_holder" OUTPUT="$selftests/sup"
}

[ -r "$source/tools/testing/selftests/Makefile" ] ||
	die "$source: no selftests (make setup)"
copy_tree
build_and_install
build_with_installed_header
