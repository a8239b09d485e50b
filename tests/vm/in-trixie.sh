#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs a command in a root of Debian 13, whose C library the programs of newer
# kernels' headers want. The tree is there at its own path, the working
# directory is the same. The root is made at first need, with debootstrap,
# under build/cache: half a minute and 500 MB.
#
# usage: in-trixie.sh COMMAND [ARGUMENT]...
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$top/tests/lib/deb.inc"

packages=gcc-14,make,libelf1t64,libssl3t64,zlib1g,pahole
root=$cache/trixie

[ $# -gt 0 ] || usage "no command"
[ "$(id -u)" -eq 0 ] || die "not root: cannot enter another root"

make_root() {
	local url
	log=$cache/trixie.log

	PATH=$PATH:/usr/sbin
	command -v debootstrap >/dev/null ||
		die "debootstrap: not installed (make check-kernels)"
	url=$(mirror)
	[ -n "$url" ] || die "no mirror of Debian in apt's sources"
	echo "in-trixie: making a root of Debian 13" >&2
	rm -rf "$root" "$root.new"
	debootstrap --variant=minbase --include=$packages trixie \
		"$root.new" "$url" >"$log" 2>&1 ||
		{ tail -n 5 "$log" >&2; die "debootstrap failed"; }
	mv "$root.new" "$root"
}

exec 8>"$root.lock"
flock 8
[ -x "$root/usr/bin/gcc-14" ] || make_root
exec 8>&-
# Of its own: the mounts end with the command.
exec unshare --mount --propagation private "$BASH" -c '
	set -e
	root=$1 top=$2 cache=$3 cwd=$4
	shift 4
	mount -t proc proc "$root/proc"
	for dir in "$top" "$cache"; do
		mkdir -p "$root$dir"
		mount --bind "$dir" "$root$dir"
	done
	exec chroot "$root" env --chdir="$cwd" "$@"
' in-trixie "$root" "$top" "$(readlink -f "$cache")" "$PWD" "$@"
