# SPDX-License-Identifier: GPL-2.0-or-later
# Verbs only; every folder has its own Makefile. "make help" lists the verbs.
# Everything that is built goes to build/.

TOP := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
ifneq ($(words $(TOP)),1)
$(error this tree stands at a path with a space in it: make cannot cope)
endif

# Used by install and uninstall; the sub-Makefiles know their defaults.
export DESTDIR PREFIX LIBDIR INCLUDEDIR MANDIR
$(foreach v,DESTDIR PREFIX LIBDIR INCLUDEDIR MANDIR,\
	$(if $($(v)),,$(eval unexport $(v))))

# As many jobs as there are CPUs, unless the caller says otherwise.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif
SUB := +@$(MAKE) --no-print-directory -C $(TOP)
RUN := @$(TOP)/tests/lib

all: modules lib tools examples ## build everything

help: ## list the verbs
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## / \
		{ printf "  %-14s %s\n", $$1, $$2 }' $(TOP)/Makefile

setup: ## install what is missing (Debian packages), fetch a kernel
	$(RUN)/setup.sh

demo: ## the demo in the test machine; SOURCE=pidfd or HOST=1: here
	$(RUN)/demo.sh

check: ## everything that is checked for every change
	$(RUN)/check.sh

unit: ## unit tests, with ASan+UBSan and with TSan
	$(RUN)/check.sh unit

conformance: ## traces on OTP's supervisor and ours; SEED= N= TRACE=file
	$(RUN)/../conformance/run.sh

million: ## a million servers end while they are called
	$(SUB)/tests/unit all
	@$(TOP)/build/tests/unit/test_call 1000000

chaos: ## agents, and their services, killed at random; SECONDS= SEED=
	$(SUB)/tests/mabeam test_chaos
	@$(TOP)/build/tests/mabeam/test_chaos $(or $(SECONDS),300) $(SEED)

integration: ## integration tests; SOURCE=pidfd: here, SOURCE=module: VM
	$(RUN)/check.sh integration

kselftest: ## tests of the module, on Linux 6.1 and 6.12, or on KVER=
	$(RUN)/check.sh kselftest

check-kernels: ## the same, on every series that Debian has a kernel of
	$(RUN)/check.sh kernels

check-debug: ## the same, under KASAN, lockdep, kmemleak, with failing memory
	$(RUN)/check.sh debug

fuzz: ## an hour of fuzzing in a debug kernel; MINUTES= SEED= KERNEL=
	$(RUN)/../fuzz/run.sh

bench: bench-kmod bench-lib bench-source bench-foundation bench-mabeam ## all

bench-kmod: ## what the module costs, in the test machine (15 minutes)
	$(RUN)/../bench/kmod.sh

bench-lib: ## the library beside Erlang and Elixir, here (3 minutes)
	$(RUN)/../bench/lib.sh

bench-source: ## the library with the module, in the test machine (4 minutes)
	$(RUN)/../bench/source.sh

bench-foundation: ## the services beside Elixir, here (a minute)
	$(RUN)/../bench/fnd.sh

bench-mabeam: ## agents beside Elixir's, here (a minute)
	$(RUN)/../bench/mab.sh

vm: modules lib tools examples ## a shell in the test machine
	$(RUN)/../vm/shell.sh

modules: ## the kernel module, for the stock kernel or KVER=
	$(SUB)/kmod module $(if $(KVER),KVER=$(KVER))

lib: ## libsup, libsup-foundation, libsup-mabeam
	$(SUB)/libsup all
	$(SUB)/libsup/foundation all
	$(SUB)/libsup/mabeam all

tools: lib ## supd and supctl
	$(SUB)/tools all

examples: lib ## the examples
	$(SUB)/examples all

lint: modules lib tools ## layers, symbols, spawn sites, style, licences
	$(RUN)/check.sh lint

style: ## the style checks alone
	$(RUN)/../lint/style.sh

sparse: ## sparse and checkpatch on the module
	$(RUN)/../lint/sparse.sh
	$(RUN)/../lint/checkpatch.sh

regen: ## generate the netlink code, and its reference, again
	@$(TOP)/kmod/regen.sh

regen-check: ## does generating the netlink code change anything?
	@$(TOP)/kmod/regen.sh --check

# No module: that needs the headers of a kernel. The loader does not look into
# a folder again by itself.
install: lib tools ## DESTDIR= PREFIX= LIBDIR= INCLUDEDIR= MANDIR=
	$(SUB)/libsup install
	$(SUB)/libsup/foundation install
	$(SUB)/libsup/mabeam install
	$(SUB)/tools install
	$(SUB)/kmod install-user
	@[ "$(DESTDIR)" ] || [ "$$(id -u)" -ne 0 ] || \
		PATH=$$PATH:/usr/sbin:/sbin ldconfig

uninstall: ## remove what install has put there
	$(SUB)/libsup uninstall
	$(SUB)/libsup/foundation uninstall
	$(SUB)/libsup/mabeam uninstall
	$(SUB)/tools uninstall
	$(SUB)/kmod uninstall-user

install-dkms: ## the module's source, for DKMS; DESTDIR=
	$(SUB)/kmod install-dkms

uninstall-dkms: ## remove it; first: dkms remove sup/VERSION --all
	$(SUB)/kmod uninstall-dkms

clean: ## remove what is built, keep what was downloaded
	@[ ! -d $(TOP)/build ] || find $(TOP)/build -mindepth 1 -maxdepth 1 \
		! -name cache -exec rm -rf {} +

distclean: ## remove downloads, too
	@rm -rf $(TOP)/build

# Verbs run one after the other, what each of them builds in parallel.
.NOTPARALLEL:
.PHONY: all help setup demo check unit conformance million chaos integration \
	kselftest check-kernels check-debug fuzz bench bench-kmod bench-lib \
	bench-source bench-foundation bench-mabeam vm modules lib tools \
	examples lint style sparse regen regen-check install uninstall \
	install-dkms uninstall-dkms clean distclean
