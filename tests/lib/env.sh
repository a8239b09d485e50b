# SPDX-License-Identifier: GPL-2.0-or-later
# Paths and small helpers that every script of the tree shares. Sourced:
#   . "$(dirname "$0")/../lib/env.sh"

export LC_ALL=C
# A make called from here is one of its own, not a part of the one above.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$top/build
cache=$build/cache

# One line on stderr and exit 111: something of the system is missing.
die() {
	echo "${0##*/}: $*" >&2
	exit 111
}

# One line on stderr and exit 100: wrong usage.
usage() {
	echo "${0##*/}: $*" >&2
	exit 100
}

# The kernel the module is built for and tested on: KVER, or the newest
# stock 6.1 whose headers are installed. Prints nothing when there is none.
target_kver() {
	if [ -n "${KVER:-}" ]; then
		echo "$KVER"
		return
	fi
	local d
	for d in /usr/src/linux-headers-6.1*-amd64; do
		d=${d#/usr/src/linux-headers-}
		case $d in
		*-cloud-* | *-rt-* | '6.1*-amd64') ;;
		*) echo "$d" ;;
		esac
	done | sort -V | tail -n 1
}

# The kernel that setup.sh has fetched for version $1: the ELF file, which
# starts seconds sooner under emulation, or the compressed image.
kernel_image() {
	local dir=$cache/linux-image-$1

	if [ -s "$dir/vmlinux" ]; then
		echo "$dir/vmlinux"
	else
		echo "$dir/vmlinuz"
	fi
}
