#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Gets the newest stock kernel of a series, and its headers, and prints its
# version (KVER). Nothing is installed; build/cache then has
#   linux-image-KVER/    the image, for run.sh -k KVER
#   linux-headers-KVER/  the header packages; "build" is the KDIR. If there is
#                        "needs-trixie", its programs run in a root of Debian
#                        13 only (in-trixie.sh).
# What is there already is not fetched again.
#
# usage: kernel-fetch.sh SERIES		e.g. 6.12, 6.12-rt, 7
#
# A series that the machine's own package lists lack is looked for in those of
# Debian 13 and its backports, which are kept in build/cache/apt, for a day.
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$top/tests/lib/deb.inc"

[ $# -eq 1 ] || usage "which series? See the top of $0"
series=${1%-rt}
flavour=
[ "$series" = "$1" ] || flavour=rt-
case $series in
[0-9]*) ;;
*) usage "\"$1\" is no series of kernels" ;;
esac
mkdir -p "$cache"
tmp=$(mktemp -d "$cache/kernel.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
log=$tmp/log
: >"$log"

say() {
	echo "kernel $series: $*" >&2
}

fail() {
	tail -n 5 "$log" >&2
	die "$*"
}

# From here on, apt knows Debian 13 and nothing else.
use_trixie() {
	local apt=$cache/apt url suite
	local -r keyring=/usr/share/keyrings/debian-archive-keyring.gpg

	url=$(mirror)
	[ -n "$url" ] || { say "no mirror of Debian in apt's sources"
		return; }
	mkdir -p "$apt/lists/partial" "$apt/archives/partial"
	for suite in trixie trixie-backports; do
		echo "deb [signed-by=$keyring]" \
			"$url $suite main"
	done >"$apt/sources.list"
	apt_options+=(-o Dir::Etc::sourcelist="$apt/sources.list"
		-o Dir::Etc::sourceparts=- -o Dir::State::lists="$apt/lists"
		-o Dir::Cache="$apt" -o Dir::Cache::archives="$apt/archives")
	[ -z "$(find "$apt/updated" -mmin -1440 2>/dev/null)" ] || return 0
	say "reading the package lists of Debian 13"
	{ apt update >"$log" 2>&1 && touch "$apt/updated"; } ||
		say "cannot read them: $(tail -n 1 "$log")"
}

# The newest version in the lists that has both headers and an image.
newest() {
	apt-cache "${apt_options[@]}" pkgnames linux- |
		awk -v series="$series" -v end="-${flavour}amd64" '
		{
			kind = $0
			sub(/^linux-/, "", kind)
			kver = kind
			sub(/-.*/, "", kind)
			sub(/^[a-z]*-/, "", kver)
			re = kver
			sub(/\+deb[0-9.]+/, "", re)
			if (index(re, series ".") == 1 && re != kver &&
			    re ~ "^[0-9.]+" end "$")
				has[kver] = has[kver] " " kind
		}
		END {
			for (kver in has)
				if (has[kver] ~ / headers/ &&
				    has[kver] ~ / (image|binary)/)
					print kver
		}' | sort -V | tail -n 1
}

newest_here() {
	local d

	for d in "$cache/linux-headers-$series".*-"${flavour}amd64"; do
		[ ! -s "$d/stamp" ] || echo "${d#"$cache/linux-headers-"}"
	done | grep -E "deb[0-9.]+-${flavour}amd64$" | sort -V | tail -n 1
}

# The packages of a kernel's headers: what it depends on of the same source.
header_packages() {
	local kver=$1

	echo "linux-headers-$kver"
	apt-cache "${apt_options[@]}" show "linux-headers-$kver" |
		awk -F': ' '$1 == "Depends" { print $2; exit }' |
		tr -s ',|' '\n' | awk '/linux-(headers|kbuild)-/ { print $1 }'
}

# Do the programs of the headers find the libraries they want?
runs_here() {
	! grep -q 'not found' < <(find "$1/usr/lib" -type f -perm -1 \
		-exec ldd {} + 2>&1)
}

fetch_headers() {
	local kver=$1 dir=$cache/linux-headers-$1 package

	[ ! -s "$dir/stamp" ] || return 0
	rm -rf "$dir"
	mkdir -p "$dir"
	for package in $(header_packages "$kver"); do
		download_unpacked "$package" "$tmp/deb" ||
			fail "cannot download $package"
		cp -r "$tmp/deb/root/usr" "$dir/"
	done
	sed -i "1i here := \$(realpath \$(dir \$(lastword \$(MAKEFILE_LIST)))..)
		s,/usr/src/,\$(here)/," \
		"$dir/usr/src/linux-headers-$kver/Makefile"
	ln -s "usr/src/linux-headers-$kver" "$dir/build"
	runs_here "$dir" || : >"$dir/needs-trixie"
	mv "$tmp/deb/version" "$dir/stamp"
}

fetch_image() {
	local kver=$1 dir=$cache/linux-image-$1 deb

	[ ! -s "$dir/stamp" ] || return 0
	deb=$(download "linux-binary-$kver" "$tmp/deb" ||
		download "linux-image-$kver" "$tmp/deb") ||
		fail "cannot download linux-image-$kver"
	keep_kernel "$deb" "$dir" || fail "$deb: no kernel in it"
}

kver=$(newest)
if [ -z "$kver" ]; then
	use_trixie
	kver=$(newest)
fi
[ -n "$kver" ] || kver=$(newest_here)
[ -n "$kver" ] || fail "no kernel of the series $1 in the package lists"
[ -s "$cache/linux-headers-$kver/stamp" ] &&
	[ -s "$cache/linux-image-$kver/stamp" ] ||
	say "fetching $kver (not installed)"
fetch_headers "$kver"
fetch_image "$kver"
echo "$kver"
