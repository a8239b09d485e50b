#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Installs into a scratch folder and builds a user's program against it with
# pkg-config alone, dynamically and statically. Speaks TAP.
set -uo pipefail
. "$(dirname "$0")/env.sh"
. "$top/tests/lib/tap.inc"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dest=$work/dest
prefix=/opt/sup

# In place of the loader's own, which would look at this machine's folders.
mkdir "$work/bin"
printf '#!/bin/sh\n: >"%s/looked"\n' "$work" >"$work/bin/ldconfig"
chmod 755 "$work/bin/ldconfig"

install_to() {
	PATH=$work/bin:$PATH make --no-print-directory -C "$top" install "$@"
}

install_all() {
	install_to DESTDIR="$dest" PREFIX=$prefix && [ ! -e "$work/looked" ]
}

# The linker's path aside, a program finds it without a word.
install_for_real() {
	install_to DESTDIR= PREFIX="$work/real" &&
		[ -e "$work/real/lib/libsup.so.0" ] &&
		{ [ -e "$work/looked" ] || [ "$(id -u)" -ne 0 ]; }
}

# pkg-config with the scratch folder as root.
config_of() {
	PKG_CONFIG_PATH=$dest$prefix/lib/pkgconfig \
		PKG_CONFIG_SYSROOT_DIR=$dest pkg-config "$@"
}

config() {
	config_of "$@" libsup
}

compile() {
	# shellcheck disable=SC2046
	${CC:-cc} -Wall -Wextra -Werror -o "$work/user" \
		"$top/examples/counter.c" $(config --cflags --libs)
}

# One that uses services, and finds libsup by way of their library. With an
# argument a task faults in it, else, and contained, in what it calls.
compile_services() {
	# shellcheck disable=SC2046
	${CC:-cc} -Wall -Wextra -Werror -o "$work/services" -x c - \
		$(config_of --cflags --libs libsup-foundation) <<'C' &&
#include <foundation/foundation.h>
#include <sup/sup.h>

static int fault(const struct fnd_telemetry_event *event, void *arg)
{
	(void)event;
	return *(volatile int *)arg;
}

static int fault_in_service(void *arg)
{
	fnd_telemetry_status(arg);
	return 0;
}

static void in_service(void)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = fault_in_service,
		.arg = (void *)16, .containment = SUP_CONTAIN,
	};
	struct sup_pid pid;

	if (!sup_thread_start(&spec, &pid))
		sup_wait(pid, NULL, SUP_FOREVER);
}

int main(int argc, char **argv)
{
	struct fnd_handler_spec spec = {
		.size = sizeof(spec), .id = "bad", .prefix = "",
		.handle = fault, .arg = (void *)16,
		.containment = SUP_CONTAIN,
	};
	struct fnd_telemetry_status status = { .failed = 0 };
	struct sup_pid pid;
	int64_t value;

	(void)argv;
	if (sup_open(NULL) || fnd_foundation_start(NULL, &pid) ||
	    fnd_counter_add("runs", 1, &value) || value != 1)
		return 1;
	if (argc > 1)
		in_service();
	if (fnd_telemetry_attach(&spec) ||
	    fnd_telemetry_execute("an.event", NULL, 0, NULL))
		return 2;
	while (!status.failed)
		fnd_telemetry_status(&status);
	return sup_close();
}
C
		LD_LIBRARY_PATH=$dest$prefix/lib "$work/services"
}

fault_in_service_ends_it() {
	local status=0

	(ulimit -c 0; LD_LIBRARY_PATH=$dest$prefix/lib exec "$work/services" \
		x) || status=$?
	[ $status -eq $((128 + $(kill -l SEGV))) ]
}

# One that uses agents, and finds both libraries below by way of theirs.
compile_agents() {
	# shellcheck disable=SC2046
	${CC:-cc} -Wall -Wextra -Werror -o "$work/agents" -x c - \
		$(config_of --cflags --libs libsup-mabeam) <<'C' &&
#include <foundation/foundation.h>
#include <errno.h>
#include <mabeam/mabeam.h>
#include <signal.h>
#include <sup/sup.h>

static int init(const char *id, void *arg, void **ret_state)
{
	*ret_state = arg;
	return id[0] != 'a';
}

static int fault(void *state, struct sup_from from,
		 const struct mab_message *message)
{
	return mab_reply(from, message->body, *(volatile int *)state);
}

int main(void)
{
	const struct mab_agent_ops ops = {
		.size = sizeof(ops), .init = init, .request = fault,
	};
	const struct mab_agent_spec spec = {
		.size = sizeof(spec), .id = "a", .ops = &ops,
		.arg = (void *)16, .containment = SUP_CONTAIN,
	};
	const struct mab_message message = { .method = "m" };
	struct sup_reason reason;
	struct sup_msg reply;
	struct sup_pid pid;

	if (sup_open(NULL) || fnd_foundation_start(NULL, &pid) ||
	    mab_mabeam_start(NULL, &pid) || mab_agent_whereis("none").v)
		return 1;
	if (mab_agent_register(&spec) || mab_agent_start("a", NULL) ||
	    mab_agent_ask("a", &message, &reply, &reason, SUP_FOREVER) !=
	    -EPIPE || reason.signo != SIGSEGV)
		return 2;
	return sup_close();
}
C
		LD_LIBRARY_PATH=$dest$prefix/lib "$work/agents"
}

# The example of a service.
compile_orders() {
	# shellcheck disable=SC2046
	${CC:-cc} -Wall -Wextra -Werror -o "$work/orders" \
		"$top"/examples/orders/*.c \
		$(config_of --cflags --libs libsup-foundation)
}

# That of sup(4), which needs the module's header alone.
compile_netlink() {
	# shellcheck disable=SC2046
	${CC:-cc} -Wall -Wextra -Werror -o "$work/watch" \
		-I"$dest$prefix/include" "$top/examples/netlink/watch.c" \
		$(pkg-config --cflags --libs libnl-genl-3.0)
}

compile_static() {
	local libs

	libs=$(config --static --libs) || return
	# shellcheck disable=SC2046,SC2086
	${CC:-cc} -Wall -Wextra -Werror -o "$work/static" \
		"$top/examples/counter.c" $(config --cflags) \
		-Wl,-Bstatic ${libs%%-lsup*} -lsup -Wl,-Bdynamic \
		${libs#*-lsup}
}

needs_library() {
	readelf -d "$1" | grep 'NEEDED.*libsup\.so\.0'
}

needs_no_library() {
	[ -x "$1" ] && ! needs_library "$1"
}

# Each public header compiles alone, as C and as C++.
header_alone() {
	local header line

	for header in "$dest$prefix"/include/*/*.h; do
		line="#include <${header#"$dest$prefix"/include/}>"
		# shellcheck disable=SC2046
		${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -fsyntax-only \
			$(config --cflags) -x c - <<<"$line" &&
		${CXX:-c++} -std=c++11 -Wall -Wextra -Wpedantic -Werror \
			-fsyntax-only $(config --cflags) -x c++ - <<<"$line" ||
			return
	done
}

# A server whose state is an object. With an argument its callback throws.
compile_cxx() {
	# shellcheck disable=SC2046
	${CXX:-c++} -std=c++11 -Wall -Wextra -Werror -o "$work/cxx" -x c++ - \
		$(config --cflags --libs) <<'CXX' &&
#include <stdexcept>
#include <sup/sup.h>

static int living;

class Counter {
	uint64_t n = 0;
public:
	bool throws;
	Counter(bool throws) : throws(throws) { living++; }
	~Counter() { living--; }
	uint64_t next() { return ++n; }
};

static int init(void *arg, void **state)
{
	*state = new Counter(arg != nullptr);
	return 0;
}

static int call(void *state, sup_from from, sup_msg *)
{
	Counter *counter = static_cast<Counter *>(state);
	sup_msg reply = sup_msg();

	if (counter->throws)
		throw std::runtime_error("a callback's");
	reply.tag = counter->next();
	return sup_reply(from, &reply);
}

static void terminate(void *state, const sup_reason *)
{
	delete static_cast<Counter *>(state);
}

int main(int argc, char **argv)
{
	sup_server_ops ops = sup_server_ops();
	sup_server_spec spec = sup_server_spec();
	sup_msg msg = sup_msg(), reply;
	sup_pid pid;

	ops.size = sizeof(ops);
	ops.init = init;
	ops.call = call;
	ops.terminate = terminate;
	spec.size = sizeof(spec);
	spec.ops = &ops;
	spec.arg = argc > 1 ? argv : nullptr;
	if (sup_open(nullptr) || sup_server_start(&spec, &pid))
		return 1;
	for (uint64_t i = 1; i <= 3; i++)
		if (sup_call(pid, &msg, &reply, nullptr, SUP_FOREVER) ||
		    reply.tag != i)
			return 2;
	if (sup_server_stop(pid, &SUP_SHUTDOWN, nullptr, SUP_FOREVER))
		return 3;
	return sup_close() || living || !sup_reason_is_clean(&SUP_NORMAL);
}
CXX
		LD_LIBRARY_PATH=$dest$prefix/lib "$work/cxx"
}

exception_ends_the_process() {
	local status=0

	(ulimit -c 0; LD_LIBRARY_PATH=$dest$prefix/lib exec "$work/cxx" x) ||
		status=$?
	[ $status -eq $((128 + $(kill -l ABRT))) ]
}

# Each call has a page of its name, that of its family or one that names it.
a_page_for_each_call() {
	local -r man=$dest$prefix/share/man
	local -r lib=$dest$prefix/lib
	local name page status=0

	[ -e "$lib/libsup.so.0" ] && [ -e "$lib/libsup-foundation.so.0" ] &&
		[ -e "$lib/libsup-mabeam.so.0" ] || return
	for name in $(nm -D --defined-only "$lib"/libsup*.so.0 |
		awk '$3 ~ /^(sup|fnd|mab)_/ {
			sub(/@.*/, "", $3); print $3 }'); do
		page=$man/man3/$name.3
		if [ "$(head -c 4 "$page" 2>&1)" = ".so " ]; then
			page=$man/$(cut -d ' ' -f 2 "$page")
		fi
		grep -qE "^\.Nm $name( ,)?$" "$page" ||
			{ echo "no page: $name"; status=1; }
	done
	[ -s "$man/man7/sup.7" ] && return $status
}

# Debug information apart, which says where the source was.
no_path_of_build() {
	[ -e "$dest$prefix/lib/libsup.so.0" ] || return
	find "$dest" -type f \( -name '*.so*' -o -name '*.a' -o -perm -1 \) \
		-exec strip --strip-debug {} + && ! grep -rlF "$top" "$dest"
}

nothing_left() {
	make --no-print-directory -C "$top" uninstall DESTDIR="$dest" \
		PREFIX=$prefix && [ -z "$(find "$dest" ! -type d)" ]
}

ok "installs into a DESTDIR" install_all
ok "to a folder of its own, of which the loader is told" install_for_real
ok "pkg-config knows it" config --exists --print-errors
ok "each header compiles alone" header_alone
ok "a program builds against it" compile
ok "and needs libsup.so.0" needs_library "$work/user"
ok "a program in C++ builds, and runs" compile_cxx
ok "an exception that leaves a callback ends it" exception_ends_the_process
ok "a program builds with libsup.a" compile_static
ok "and needs no libsup.so" needs_no_library "$work/static"
ok "a program builds with libsup-foundation, and runs" compile_services
ok "a fault in libsup-foundation ends it" fault_in_service_ends_it
ok "a program builds with libsup-mabeam, and runs" compile_agents
ok "the service of the README builds with it" compile_orders
ok "a program builds that has no libsup, but the module" compile_netlink
ok "and needs no libsup.so" needs_no_library "$work/watch"
ok "each call has a page" a_page_for_each_call
ok "no path of the build folder is installed" no_path_of_build
ok "uninstall leaves no file" nothing_left
tap_end
