#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Makes a cpio archive (one segment of an initramfs) from a list of files and
# prints its path. The archive is kept under build/vm and named by the
# content of everything in it, so an unchanged list costs no work.
#
# usage: mkinitramfs.sh LIST
#
# Lines of a list ('#' starts a comment; relative sources are relative to the
# top of the tree; executables and shared objects bring their libraries along):
#   sup PATTERN...     files or folders of this tree, to /sup/<same path>
#   sup? PATTERN...    the same, but nothing may match
#   bin NAME...        programs by name (found in PATH) or absolute path
#   file SOURCE DEST   one file
#   tree FOLDER DEST   everything below a folder
#   dir NAME...        empty folders
#   link TARGET NAME   a symbolic link
#   python3 MODULE...  Debian's python3 with just these modules
#   busybox            busybox and a link for each of its applets
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

[ $# -eq 1 ] || usage "usage: mkinitramfs.sh LIST"
list=$1
[ -r "$list" ] || die "$list: cannot read"
PATH=$PATH:/usr/sbin:/sbin
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
manifest=$tmp/manifest

# Debian's root has bin, sbin, lib and lib64 as links into usr.
in_image() {
	case $1 in
	"$top"/*) echo "/sup/${1#"$top"/}" ;;
	/bin/* | /sbin/* | /lib/* | /lib64/*) echo "/usr$1" ;;
	*) echo "$1" ;;
	esac
}

# A path below the top of the tree stays relative to it in the manifest's
# source column; a dot-dot would fool in_image.
put_file() {
	local src=$1 dest=$2

	[ -f "$src" ] || die "$list: $src: no such file"
	printf 'f\t%s\t%s\n' "$src" "$dest" >>"$manifest"
}

put_tree() {
	local src=${1%/} dest=${2%/} f

	while IFS= read -r -d '' f; do
		put_file "$f" "$dest${f#"$src"}"
	done < <(find "$src" -type f -print0 | sort -z)
	while IFS= read -r -d '' f; do
		printf 'l\t%s\t%s\n' "$(readlink "$f")" \
			"$dest${f#"$src"}" >>"$manifest"
	done < <(find "$src" -type l -print0 | sort -z)
}

put_sup() {
	local optional=$1 pattern f n

	shift
	for pattern; do
		n=0
		for f in "$top"/$pattern; do
			[ -e "$f" ] || continue
			n=$((n + 1))
			if [ -d "$f" ]; then
				put_tree "$f" "/sup/${f#"$top"/}"
			else
				put_file "$f" "/sup/${f#"$top"/}"
			fi
		done
		[ $n -gt 0 ] || [ "$optional" = yes ] ||
			die "$list: $pattern: not built or not there"
	done
}

put_bin() {
	local name path

	for name; do
		path=$(command -v "$name") ||
			die "$list: $name: not installed (make setup)"
		put_file "$path" "$(in_image "$path")"
	done
}

put_busybox() {
	local busybox applet

	busybox=$(command -v busybox) ||
		die "busybox: not installed (make setup)"
	put_file "$busybox" /usr/bin/busybox
	for applet in $("$busybox" --list); do
		printf 'a\tbusybox\t/usr/bin/%s\n' "$applet" >>"$manifest"
	done
}

# The files that importing the modules loads, and the interpreter's start.
put_python() {
	local f real

	real=$(readlink -f /usr/bin/python3) || die "python3: not installed"
	put_file "$real" "$real"
	printf 'l\t%s\t/usr/bin/python3\n' "${real##*/}" >>"$manifest"
	/usr/bin/python3 -I "$top/tests/vm/pyfiles.py" "$@" >"$tmp/py" ||
		die "python3: no module of these: $*"
	while IFS= read -r f; do
		put_file "$f" "$f"
	done < <(sort -u "$tmp/py")
}

read_list() {
	local verb a
	while read -r verb a; do
		set -f
		set -- $a
		set +f
		case $verb in
		'' | '#'*) ;;
		sup) put_sup no "$@" ;;
		'sup?') put_sup yes "$@" ;;
		bin) put_bin "$@" ;;
		file) (cd "$top" && put_file "$(realpath "$1")" "$2") ;;
		tree) put_tree "$(cd "$top" && realpath "$1")" "$2" ;;
		dir) printf 'd\t-\t%s\n' "$@" >>"$manifest" ;;
		link) printf 'l\t%s\t%s\n' "$1" "$2" >>"$manifest" ;;
		python3) put_python "$@" ;;
		busybox) put_busybox ;;
		*) die "$list: unknown word \"$verb\"" ;;
		esac
	done <"$list"
}

# Adds what the dynamic loader would load for the ELF files of the manifest.
put_libraries() {
	local lib

	awk -F'\t' '$1 == "f" { print $2 }' "$manifest" | sort -u |
		while IFS= read -r f; do
			case $f in
			*.ko | *.o | *.a) continue ;;
			esac
			[ "$(head -c 4 "$f" | tr -d '\0')" = $'\177ELF' ] &&
				printf '%s\0' "$f"
		done >"$tmp/elf" || true
	[ -s "$tmp/elf" ] || return 0
	# Our libraries are where what is linked with them looks first.
	LD_LIBRARY_PATH=$build/lib xargs -0 ldd <"$tmp/elf" 2>/dev/null \
		>"$tmp/ldd" || true
	if grep -q 'not found' "$tmp/ldd"; then
		die "$list: $(grep -m1 'not found' "$tmp/ldd" | xargs)"
	fi
	awk '$2 == "=>" && $3 ~ /^\// { print $3; next }
	     $1 ~ /^\// && $2 ~ /^\(/ { print $1 }' "$tmp/ldd" |
		sort -u | while IFS= read -r lib; do
		lib=$(cd "${lib%/*}" && pwd)/${lib##*/}
		put_file "$lib" "$(in_image "$lib")"
	done
}

# Explicit files win over the applets of busybox.
stage_files() {
	local root=$1 kind src dest

	mkdir -p "$root"/{proc,sys,dev,vm,usr/bin,usr/sbin,usr/lib,usr/lib64}
	mkdir -p "$root"/sup
	ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root/"
	sort -t "$(printf '\t')" -k1,1r -k3,3 "$manifest" |
		while IFS=$'\t' read -r kind src dest; do
		mkdir -p "$root${dest%/*}"
		case $kind in
		f) cp -p --reflink=auto "$src" "$root$dest" ;;
		l) ln -sfn "$src" "$root$dest" ;;
		d) mkdir -p "$root$dest" ;;
		a) [ -e "$root$dest" ] || ln -s "$src" "$root$dest" ;;
		esac
	done
}

content_name() {
	{
		cat "$0" "$manifest"
		awk -F'\t' '$1 == "f" { print $2 }' "$manifest" |
			tr '\n' '\0' | xargs -0 -r sha1sum
		awk -F'\t' '$1 == "f" { print $2 }' "$manifest" |
			tr '\n' '\0' | xargs -0 -r stat -Lc '%a'
	} | sha1sum | cut -c1-16
}

: >"$manifest"
read_list
put_libraries
sort -u -o "$manifest" "$manifest"
name=${list##*/}
name=${name%.list}
out=$build/vm/$name-$(content_name).cpio
if [ ! -s "$out" ]; then
	mkdir -p "$build/vm"
	find "$build/vm" -maxdepth 1 -name "$name-????????????????.cpio" \
		-mmin +120 -delete
	stage_files "$tmp/root"
	(cd "$tmp/root" && find . -mindepth 1 | sort |
		cpio -o -H newc -R 0:0 --quiet) >"$tmp/cpio"
	mv "$tmp/cpio" "$out"
fi
echo "$out"
