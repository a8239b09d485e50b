#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Regenerates what comes from Documentation/netlink/specs/sup.yaml:
# kmod/include/uapi/linux/sup.h, kmod/netlink_gen.[ch] and
# Documentation/protocol-reference.md.
#
#	kmod/regen.sh [--check] [KSRC]
#
# KSRC is an unpacked Linux source that has tools/net/ynl; by default
# $KSRC, or build/cache/linux-source-6.12. With --check nothing is written:
# a difference is printed and the exit status is 1. 2: cannot generate.
set -eu

check=
if [ "${1:-}" = --check ]; then
	check=1
	shift
fi
top=$(cd "$(dirname "$0")/.." && pwd)
ksrc=${1:-${KSRC:-$top/build/cache/linux-source-6.12}}
ynl=$ksrc/tools/net/ynl
gen=$ynl/ynl-gen-c.py
if [ ! -f "$gen" ]; then
	echo "regen: no generator: $gen" >&2
	exit 2
fi

# The generator looks for a file named MAINTAINERS in the folders above the
# spec, and for the schema beside the folder of the specs.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/Documentation/netlink/specs" "$scratch/out"
touch "$scratch/MAINTAINERS"
cp "$ksrc"/Documentation/netlink/*.yaml "$scratch/Documentation/netlink/"
spec=$scratch/Documentation/netlink/specs/sup.yaml
cp "$top/Documentation/netlink/specs/sup.yaml" "$spec"

run() {
	timeout 60 python3 "$gen" --spec "$spec" "$@" || exit 2
}
run --mode uapi --header -o "$scratch/out/sup.h"
run --mode kernel --header -o "$scratch/out/netlink_gen.h"
run --mode kernel --source -o "$scratch/out/netlink_gen.c"
timeout 60 python3 "$top/kmod/reference.py" "$ynl" "$spec" \
	"$scratch/out/sup.h" >"$scratch/out/protocol-reference.md" || exit 2

status=0
for file in kmod/include/uapi/linux/sup.h kmod/netlink_gen.h \
	    kmod/netlink_gen.c Documentation/protocol-reference.md; do
	new=$scratch/out/${file##*/}
	old=$top/$file
	if [ -z "$check" ]; then
		cmp -s "$new" "$old" || { cp "$new" "$old"; echo "GEN $old"; }
	elif ! diff -u "$old" "$new"; then
		echo "regen: $file is not what the spec says" >&2
		status=1
	fi
done
exit $status
