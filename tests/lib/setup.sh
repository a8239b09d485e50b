#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Makes this machine able to build and test everything here: installs the
# Debian packages that are missing and unpacks a kernel image, a part of a
# kernel source and readers of /metrics into build/cache (nothing of these is
# installed). A second run finds everything there and says so.
#
# usage: setup.sh [debug|kernels|bench]	with what "make check-debug", "make
#				check-kernels" or "make bench" need, too
#
# Exit status: 0, or 111 with one line when something cannot be had.
set -euo pipefail
. "$(dirname "$0")/env.sh"
. "$top/tests/lib/deb.inc"

export DEBIAN_FRONTEND=noninteractive
purpose=${1:-}
source_package=linux-source-6.12
policy=/usr/sbin/policy-rc.d
policy_ours=no

# package[|alternative] reason
packages() {
	cat <<'LIST'
build-essential		compiler and make
pkg-config		finds libraries
linux-headers-amd64	builds the module for the stock kernel
libnl-3-dev		netlink, for libsup
libnl-genl-3-dev	generic netlink, for libsup
uthash-dev		hash tables, for libsup
libcyaml-dev		reads the trees of supd
libyaml-dev		reads settings; says where in a tree something stands
libsqlite3-dev		keeps events, for libsup-foundation
libmicrohttpd-dev	serves /metrics, for libsup-foundation
libjansson-dev		what agents say, for libsup-mabeam
libcmocka-dev		unit tests
erlang-base		its supervisor, to compare ours with
clang			second compiler: its warnings
sparse			checks the module
qemu-system-x86		boots the test machine
busybox-static		userland of the test machine
cpio			packs the test machine
xz-utils		unpacks the kernel
zstd			unpacks newer kernels
flex			builds User-Mode Linux
bison			builds User-Mode Linux
bc			builds User-Mode Linux
python3			part of the demo, netlink generator
python3-yaml		netlink generator
python3-jsonschema	netlink generator
libnl-utils		genl-ctrl-list, in a test
rsync			installs kselftests as a kernel tree does
kmod			loads the module
dkms			builds and installs the module, in its test
openssl			keys for signing the module
mandoc			checks the manual pages
groff-base		the same
procps			process tables, in tests
redis-server		supervised by the demo
nginx			supervised by the demo
LIST
	[ "$purpose" != debug ] || cat <<'LIST'
libelf-dev		builds the debug kernel for QEMU
LIST
	[ "$purpose" != kernels ] || cat <<'LIST'
debootstrap		a root of Debian 13 for the headers of 7.x
LIST
	[ "$purpose" != bench ] || cat <<'LIST'
elixir			its registry, to compare ours with
LIST
}

say() {
	echo "setup: $*"
}

updated=no
update_lists() {
	[ $updated = no ] || return 1
	[ "$(id -u)" -eq 0 ] || return 1
	updated=yes
	say "reading the package lists (apt-get update)"
	apt update >"$log" 2>&1 || { tail -n 5 "$log" >&2; return 1; }
}

have_lists() {
	compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null
}

# A package that brings a daemon must not start it here.
guard_services() {
	[ ! -e $policy ] || return 0
	policy_ours=yes
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
}

unguard_services() {
	[ $policy_ours = no ] || rm -f $policy
	policy_ours=no
}

# Prints "package<TAB>reason" for every package that is not installed.
missing_packages() {
	local installed names reason name found

	installed=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' \
		2>/dev/null) "
	packages | while read -r names reason; do
		found=no
		for name in ${names//|/ }; do
			case $installed in
			*" installed:$name "*) found=yes ;;
			esac
		done
		[ $found = yes ] || printf '%s\t%s\n' "${names%%|*}" "$reason"
	done
}

# A daemon that came with us stays off at the next boot, too.
disable_services() {
	local name

	for name; do
		case $name in
		redis-server | nginx)
			update-rc.d "$name" disable >/dev/null 2>&1 || true
			;;
		esac
	done
}

install_packages() {
	local missing=$1 names

	names=$(cut -f1 <<<"$missing" | xargs)
	[ "$(id -u)" -eq 0 ] ||
		die "not root, and these packages are missing: $names"
	say "installing Debian packages:"
	sed 's/\t/: /; s/^/setup:   /' <<<"$missing"
	have_lists || update_lists || die "apt-get update failed"
	guard_services
	# shellcheck disable=SC2086
	if ! apt install --no-install-recommends $names >"$log" 2>&1; then
		update_lists &&
			apt install --no-install-recommends $names \
				>"$log" 2>&1 || {
			tail -n 20 "$log" >&2
			die "could not install: $names"
		}
	fi
	unguard_services
	# shellcheck disable=SC2086
	disable_services $names
}

fetch_image() {
	local kver=$1 dir=$cache/linux-image-$1 version deb
	local -r spec=linux-image-$1

	[ ! -s "$dir/stamp" ] || return 0
	version=$(dpkg-query -W -f '${Version}' "linux-headers-$kver" \
		2>/dev/null || true)
	say "fetching $spec (not installed): kernel of the test machine"
	have_lists || update_lists || true
	deb=$(download "$spec${version:+=$version}" "$tmp/image" ||
		download "$spec" "$tmp/image") || return
	keep_kernel "$deb" "$dir" || return
	rm -rf "$tmp/image"
}

# An archive no longer has the image of old headers: newer headers, then.
fetch_matching_image() {
	local kver

	kver=$(target_kver)
	[ -n "$kver" ] || die "linux-headers-amd64 is not for a 6.1 kernel"
	fetch_image "$kver" && return
	update_lists && fetch_image "$kver" && return
	[ "$(id -u)" -eq 0 ] ||
		die "cannot download linux-image-$kver: $(tail -n 1 "$log")"
	say "linux-image-$kver is gone from the archive: newer headers"
	apt install --no-install-recommends linux-headers-amd64 \
		>"$log" 2>&1 || die "could not install linux-headers-amd64"
	kver=$(target_kver)
	fetch_image "$kver" ||
		die "cannot download linux-image-$kver: $(tail -n 1 "$log")"
}

# The parts of the kernel source that building and testing here uses.
source_members() {
	local t=tools/testing/selftests

	printf '%s\n' $t/Makefile $t/lib.mk \
		$t/kselftest.h $t/kselftest_harness.h \
		$t/kselftest_deps.sh $t/kselftest_install.sh \
		$t/run_kselftest.sh $t/gen_kselftest_tar.sh $t/kselftest \
		tools/net/ynl tools/scripts scripts/checkpatch.pl \
		scripts/spelling.txt scripts/const_structs.checkpatch \
		scripts/kernel-doc scripts/subarch.include \
		include/uapi/linux \
		Documentation/netlink/genetlink.yaml \
		Documentation/netlink/genetlink-c.yaml \
		Documentation/netlink/genetlink-legacy.yaml \
		Documentation/netlink/netlink-raw.yaml
}

# All of it, that is: the list may have grown.
source_is_here() {
	local -r dir=$cache/$source_package
	local member

	[ -s "$dir/stamp" ] || return
	for member in $(source_members); do
		[ -e "$dir/$member" ] || return
	done
}

fetch_source() {
	local dir=$cache/$source_package tar

	! source_is_here || return 0
	say "fetching $source_package (not installed):" \
		"kselftest, checkpatch, netlink generator"
	have_lists || update_lists || true
	download_unpacked $source_package "$tmp/source" ||
		{ update_lists &&
			download_unpacked $source_package "$tmp/source"; } ||
		die "cannot download $source_package: $(tail -n 1 "$log")"
	tar=$tmp/source/root/usr/src/$source_package.tar.xz
	rm -rf "$dir"
	mkdir -p "$dir"
	source_members | sed "s,^,$source_package/," |
		tar -xJf "$tar" -C "$dir" --strip-components=1 \
			--no-same-owner -T - >"$log" 2>&1 ||
		die "$source_package: $(tail -n 1 "$log")"
	mv "$tmp/source/version" "$dir/stamp"
	rm -rf "$tmp/source"
}

# The second stock kernel that the module is tested on for every change.
second_series=6.12
fetch_second() {
	! compgen -G "$cache/linux-headers-$second_series.*/stamp" \
		>/dev/null || return 0
	say "fetching the newest Linux $second_series (not installed)"
	have_lists || update_lists || true
	"$top/tests/vm/kernel-fetch.sh" $second_series >/dev/null ||
		{ update_lists && "$top/tests/vm/kernel-fetch.sh" \
			$second_series >/dev/null; } ||
		die "cannot get a kernel $second_series"
}

# Others' readers of /metrics, for a test, which is skipped without them.
readers=$cache/readers
fetch_readers() {
	local -r python=usr/lib/python3/dist-packages/prometheus_client
	local package

	[ ! -s "$readers/stamp" ] || return 0
	say "fetching prometheus and python3-prometheus-client (not" \
		"installed): they read /metrics, in a test"
	have_lists || update_lists || true
	for package in prometheus python3-prometheus-client; do
		download_unpacked $package "$tmp/$package" && continue
		say "cannot download $package: that test is skipped"
		return 0
	done
	rm -rf "$readers"
	mkdir -p "$readers"
	mv "$tmp/prometheus/root/usr/bin/promtool" "$readers"
	mv "$tmp/python3-prometheus-client/root/$python" "$readers"
	mv "$tmp/prometheus/version" "$readers/stamp"
	rm -rf "$tmp/prometheus" "$tmp/python3-prometheus-client"
}

clean_up() {
	unguard_services
	[ -z "${tmp:-}" ] || rm -rf "$tmp"
}

is_complete() {
	local kver

	kver=$(target_kver)
	[ -n "$kver" ] && [ -s "$cache/linux-image-$kver/stamp" ] &&
		source_is_here && [ -s "$readers/stamp" ] &&
		compgen -G "$cache/linux-headers-$second_series.*/stamp" \
			>/dev/null
}

command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
	die "needs Debian 12: apt-get and dpkg are not here"
missing=$(missing_packages)
if [ -z "$missing" ] && is_complete; then
	say "nothing to do: packages, Linux $(target_kver) and" \
		"$source_package are here"
	exit 0
fi
mkdir -p "$cache"
tmp=$(mktemp -d "$cache/setup.XXXXXX")
log=$tmp/log
: >"$log"
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
[ -z "$missing" ] || install_packages "$missing"
fetch_matching_image
fetch_source
fetch_second
fetch_readers
say "done"
