#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Do the lints find anything? Each case plants one violation in a small tree
# of its own, which is clean before, and expects its lint to fail and to name
# it. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
clean=$work/clean
n=0

spdx() {
	echo "/* SPDX-License-Identifier: $1 */"
}

# Writes a C file: name, licence, text.
write() {
	mkdir -p "$(dirname "$1")"
	{ spdx "$2"; printf '%b' "$3"; } >"$1"
}

lgpl=LGPL-2.1-or-later
gpl=GPL-2.0-or-later

make_clean_tree() {
	mkdir -p "$clean"
	cd "$clean" || exit 111
	cp -r "$top/LICENSES" .
	write libsup/include/sup/a.h $lgpl \
		'#define SUP_API\nSUP_API int sup_a(void);\n'
	write libsup/base/thread.h $lgpl 'int sup__thread(void);\n'
	write libsup/base/thread.c $lgpl '#include "base/thread.h"
int sup__thread(void)\n{\n\treturn pthread_create(0, 0, 0, 0);\n}\n'
	write libsup/exit/proc.c $lgpl '#include "base/thread.h"
int sup__proc(void)\n{\n\tif (syscall(SYS_clone3, 0, 0) == 0)
\t\texecve("/bin/true", 0, 0);\n\treturn 0;\n}\n'
	write libsup/core/mailbox.h $lgpl '#include "base/thread.h"\n'
	write libsup/core/supervisor.h $lgpl '#include "core/mailbox.h"\n'
	write libsup/core/a.c $lgpl '#include <sup/a.h>
int sup_a(void)\n{\n\treturn 1;\n}\n'
	write libsup/libsup.map $lgpl \
		'SUP_0 {\nglobal:\n\tsup_a;\nlocal:\n\t*;\n};\n'
	write tools/t.c $gpl '#include <sup/a.h>\n'
	write tests/t.c $gpl 'int x;\n'
	write examples/t.c 0BSD 'int x;\n'
	write kmod/main.c GPL-2.0-only '#include <linux/module.h>
int sup_main(void)\n{\n\treturn 0;\n}\n'
	make_kmod_check
	make_page
	make_cases
	build_clean_tree
}

make_page() {
	mkdir -p Documentation/man/man8
	printf '%s\n' '.\" SPDX-License-Identifier: GPL-2.0-or-later' \
		'.Dd November 25, 2026' '.Dt SUPX 8' .Os '.Sh NAME' \
		'.Nm supx' '.Nd a page' '.Sh SEE ALSO' '.Xr ls 1' \
		>Documentation/man/man8/supx.8
	mkdir -p Documentation/man/man3
	printf '%s\n' '.\" SPDX-License-Identifier: LGPL-2.1-or-later' \
		'.Dd November 25, 2026' '.Dt SUP_A 3' .Os '.Sh NAME' \
		'.Nm sup_a' '.Nd a call' '.Sh LIBRARY' 'libsup' \
		'.Sh SYNOPSIS' '.Ft int' '.Fn sup_a void' '.Sh EXAMPLES' \
		'.Bd -literal' '#include <sup/a.h>' 'sup_a();' .Ed \
		'.Sh ATTRIBUTES' '.Bl -column sup_a' '.It Fn sup_a Ta any' \
		.El >Documentation/man/man3/sup_a.3
}

make_cases() {
	write tests/unit/test_x.c $gpl 'static void X_01_to_02_a(void **state)
{\n}\n\nstatic void b(void **state)\n{\n}\n'
	printf '%s\n' '<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->' \
		'Tests are in `test_x`.' '' '| case | test | | |' \
		'|---|---|---|---|' '| X-01 … 02 a, a | `X_01_…` | s | |' \
		'| X-03 c | – | n | why |' '' '| rule | test | | |' \
		'|---|---|---|---|' '| b | `b` | d | why |' '' \
		'| name | |' '|---|---|' '| `mask` | |' >Documentation/otp.md
	mkdir -p tests/conformance
	printf '%s\n' '# SPDX-License-Identifier: GPL-2.0-or-later' \
		'function mask(op) {' '	return "mask"' '}' \
		>tests/conformance/compare.awk
}

make_kmod_check() {
	printf '%s\n' '# SPDX-License-Identifier: GPL-2.0-only' check: \
		'	@echo CHECK main.c; sparse addr.c' >kmod/Makefile
	write kmod/addr.c GPL-2.0-only 'static int x;\n'
	sed -i '1s,.*,// SPDX-License-Identifier: GPL-2.0-only,' kmod/*.c
}

build_clean_tree() {
	mkdir -p build/lib build/obj/libsup build/kmod/v
	gcc -w -fPIC -Ilibsup -Ilibsup/include -c -o build/obj/libsup/a.o \
		libsup/core/a.c
	gcc -w -Ikmod -c -x c -o build/kmod/v/sup.ko - <<<'int sup_main;'
	gcc -shared -o build/lib/libsup.so.0 build/obj/libsup/a.o \
		-Wl,--version-script=libsup/libsup.map
}

# Arguments: lint, name of the case, what the lint has to say, and a command
# that makes the violation in the current folder.
plant() {
	local -r lint=$1 name=$2 expected=$3
	local output status
	shift 3

	rm -rf "$work/tree"
	cp -r "$clean" "$work/tree"
	cd "$work/tree" || exit 111
	"$@"
	output=$(LINT_TOP=$work/tree "$top/tests/lint/$lint.sh" 2>&1)
	status=$?
	n=$((n + 1))
	if [ $status -eq 1 ] && grep -qE "$expected" <<<"$output"; then
		echo "ok $n - $lint finds $name"
	else
		sed 's/^/# /' <<<"$output"
		echo "not ok $n - $lint finds $name # exit status $status"
	fi
}

passes() {
	local -r lint=$1
	local output status

	output=$(LINT_TOP=$clean "$top/tests/lint/$lint.sh" 2>&1)
	status=$?
	n=$((n + 1))
	if [ $status -eq 77 ]; then
		echo "ok $n - $lint passes a clean tree # SKIP ${output#skip: }"
		return 1
	fi
	[ $status -eq 0 ] && echo "ok $n - $lint passes a clean tree" && return
	sed 's/^/# /' <<<"$output"
	echo "not ok $n - $lint passes a clean tree"
}

add() {
	printf '%b' "$2" >>"$1"
}

rebuild() {
	add libsup/core/a.c "$1"
	[ -z "${2:-}" ] || sed -i "$2" libsup/libsup.map
	build_clean_tree
}

link_without_map() {
	gcc -shared -o build/lib/libsup.so.0 build/obj/libsup/a.o
	sed -i 's/sup_a;/sup_b;/' libsup/libsup.map
}

rebuild_kmod() {
	gcc -c -x c -o build/kmod/v/sup.ko - <<<"int $1;"
}

long_function() {
	{
		printf '\nint sup__l(void)\n{\n'
		yes '	sup__thread();' | head -n 71
		printf '}\n'
	} >>libsup/core/a.c
}

long_file() {
	yes 'extern int x;' | head -n 600 >>libsup/core/a.c
}

test_layers() {
	passes layers || return
	plant layers "a back edge" 'rank 0 includes' \
		add libsup/base/thread.h '#include "core/mailbox.h"\n'
	plant layers "a back edge inside core" 'rank 22 includes' \
		add libsup/core/mailbox.h '#include "core/supervisor.h"\n'
	plant layers "a tool that uses private headers" 'private to' \
		add tools/t.c '#include "core/mailbox.h"\n'
	plant layers "an example that uses private headers" 'private to' \
		add examples/t.c '#include "base/thread.h"\n'
	plant layers "a public header that uses a private one" 'private to' \
		add libsup/include/sup/a.h '#include "base/thread.h"\n'
	plant layers "a service that uses private headers" 'private to' \
		write libsup/foundation/f.c $lgpl '#include "base/thread.h"\n'
	plant layers "a service's header in libsup" 'above libsup' \
		add libsup/core/a.c '#include <foundation/f.h>\n'
	plant layers "netlink outside its file" 'belongs to' \
		add libsup/core/a.c '#include <netlink/netlink.h>\n'
	plant layers "an include not written from libsup" 'write it from' \
		add libsup/core/a.c '#include "mailbox.h"\n'
	plant layers "libsup in the kernel" 'in the kernel' \
		add kmod/main.c '#include <sup/a.h>\n'
}

test_spawn() {
	passes spawn || return
	plant spawn "a second pthread_create" '2 places make threads' \
		add libsup/core/a.c 'int y = pthread_create(0, 0, 0, 0);\n'
	plant spawn "a fork" '2 places make processes' \
		add tools/t.c 'int y = fork();\n'
	plant spawn "a second exec" '2 places replace' \
		add tools/t.c 'int y = execvp(0, 0);\n'
	plant spawn "a call of system" 'behind our back' \
		add tools/t.c 'int y = system("true");\n'
	plant spawn "that nothing makes threads" '0 places make threads' \
		rm libsup/base/thread.c
}

test_symbols() {
	passes symbols || return
	plant symbols "a name without prefix" 'not sup__' \
		rebuild 'int other(void)\n{\n\treturn 1;\n}\n'
	plant symbols "an export that is not sup_" 'not called sup_' \
		rebuild 'int other(void)\n{\n\treturn 1;\n}\n' \
		's/sup_a;/sup_a; other;/'
	plant symbols "an export that no map lists" 'exported, but not in' \
		link_without_map
	plant symbols "a pattern in the map" 'a pattern' \
		rebuild '' 's/sup_a;/sup_*;/'
	plant symbols "a map's name that is nowhere" 'not in the lib' \
		rebuild '' 's/sup_a;/sup_a; sup_b;/'
	plant symbols "a declared function that is not there" 'not exported' \
		add libsup/include/sup/a.h 'int sup_c(void);\n'
	plant symbols "a call by way of the PLT" 'way of the PLT' \
		rebuild 'int other(void);\nint sup__o(void)\n{\n\tother();\n}\n'
	plant symbols "a name in the module" 'shared by kmod' \
		rebuild_kmod other
}

test_style() {
	passes style || return
	plant style "a long line" 'columns' \
		add libsup/core/a.c "int x$(printf '%080d' 0);\n"
	plant style "a long line of a script" 'columns' \
		add tests/a.sh "echo $(printf '%080d' 0)\n"
	plant style "blanks at the end" 'ends in blanks' \
		add libsup/core/a.c 'int z; \n'
	plant style "spaces for a tab" 'spaces where' \
		add libsup/core/a.c '        int z;\n'
	plant style "a // comment" 'a // comment' \
		add libsup/core/a.c 'int z; // why\n'
	plant style "a long function" 'a function of' long_function
	plant style "a long file" 'more than 600 lines' long_file
	plant style "a brace" 'brace of a function' \
		add libsup/core/a.c 'int z(void) {\n}\n'
	plant style "a sleep in a test" 'sleeps' \
		add tests/t.c 'int z = usleep(1);\n'
	plant style "a sleep in a script" 'sleeps' \
		add tests/a.sh '\tsleep 1\n'
	plant style "a path of one machine" 'path of one' \
		add libsup/core/a.c '/* /ho''me/someone */\n'
	plant style "a thing left for later" 'left for later' \
		add libsup/core/a.c '/* TO''DO */\n'
}

test_licences() {
	passes licences || return
	plant licences "a file without one" 'no SPDX' \
		sed -i 1d libsup/core/a.c
	plant licences "the wrong one" 'should be' \
		sed -i '1s/LGPL-2.1/GPL-2.0/' libsup/core/a.c
	plant licences "a missing text" 'there is no' rm LICENSES/0BSD.txt
}

test_kernel_style() {
	! passes checkpatch ||
		plant checkpatch "a missing blank" 'SPACING' \
			add kmod/main.c '\nint sup_x(int a)\n{\n\tif(a)
\t\treturn 1;\n\treturn 0;\n}\n'
	! passes sparse ||
		plant sparse "an address space" 'address space' \
			add kmod/addr.c \
'static int *f(int __attribute__((noderef, address_space(1))) *p)\n{
\treturn p;\n}\n'
}

undocumented_parameter() {
	mkdir -p Documentation/man/man4 kmod/include/uapi/linux
	sed 's/SUPX 8/SUP 4/; s/supx/sup/' Documentation/man/man8/supx.8 \
		>Documentation/man/man4/sup.4
	touch kmod/include/uapi/linux/sup.h
	add kmod/main.c 'module_param(level, uint, 0644);\n'
}

overview_of_nothing() {
	mkdir -p Documentation/man/man7
	sed 's/SUPX 8/SUP 7/; s/supx/sup/' Documentation/man/man8/supx.8 \
		>Documentation/man/man7/sup.7
}

test_man() {
	local -r page=Documentation/man/man8/supx.8

	passes man || return
	plant man "a macro that does not exist" 'unknown' add $page '.Xy\n'
	plant man "a page that does not exist" 'there is no supy\(8\)' \
		add $page ',\n.Xr supy 8\n'
	plant man "a call without a page" 'map:[0-9]+: sup_b: no page' \
		sed -i 's/\tsup_a;/&\n\tsup_b;/' libsup/libsup.map
	plant man "a page of what is no call" 'NAME: sup_a is not exported' \
		sed -i 's/sup_a;/sup_b;/' libsup/libsup.map
	plant man "another prototype" 'the header has: int sup_a\(int a\)' \
		sed -i 's/sup_a(void)/sup_a(int a)/' libsup/include/sup/a.h
	plant man "an error that the page has not" 'a may fail with ENOMEM' \
		sed -i 's,^SUP_API,/* -ENOMEM. */\n&,' libsup/include/sup/a.h
	plant man "a call without an example" 'no program uses sup_a' \
		sed -i '/^sup_a();/d' Documentation/man/man3/sup_a.3
	plant man "a call of unknown threads" 'no line for sup_a' \
		sed -i '/^.It Fn sup_a/s/sup_a/sup_b/' \
		Documentation/man/man3/sup_a.3
	plant man "a page that the overview leaves out" 'not in .*sup.7' \
		overview_of_nothing
	plant man "a word that fits in no line" "can't break line" \
		add $page "$(printf 'x%.0s' {1..100})\\n"
	plant man "a parameter that is not documented" 'there: Sy level' \
		undocumented_parameter
}

test_otp() {
	local -r doc=Documentation/otp.md

	passes otp || return
	plant otp "a case without a test" 'no test has X_02' \
		sed -i 's/X_01_to_02_a/X_01_a/' tests/unit/test_x.c
	plant otp "a test of no case" 'no row has X-04, which X_01_to_04_a' \
		sed -i 's/X_01_to_02_a/X_01_to_04_a/' tests/unit/test_x.c
	plant otp "a number that is left out" 'no row has X-02' \
		sed -i 's/X-01 … 02/X-01/' $doc
	plant otp "a test that does not exist" 'there is no test c' \
		sed -i 's/`b`/`c`/' $doc
	plant otp "a beginning of no test" 'there is no test X_02' \
		sed -i 's/`X_01_…`/`X_02_…`/' $doc
	plant otp "a program that does not exist" 'there is no test test_y' \
		sed -i 's/`test_x`/`test_y`/' $doc
	plant otp "a row that names no test" 'no test is named' \
		sed -i 's/`b`/–/' $doc
	plant otp "a mark that is none" 'marked " a "' \
		sed -i 's/| d |/| a |/' $doc
	plant otp "a difference without a why" 'there is no why' \
		sed -i 's/| d | why |/| d | |/' $doc
	plant otp "a mask that is not listed" 'mask2 is not in' \
		sed -i 's/"mask"/"mask2"/' tests/conformance/compare.awk
}

make_clean_tree
test_layers
test_spawn
test_symbols
test_style
test_licences
test_man
test_otp
test_kernel_style
echo "1..$n"
