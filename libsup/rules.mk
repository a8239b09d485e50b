# SPDX-License-Identifier: LGPL-2.1-or-later
# What every library and every test of this tree is compiled with.
# Set TOP (the top of the tree) before including this.
# Switches: ASAN=1 (with UBSan), TSAN=1, WARN_ONLY=1, V=1, CC=clang, BUILD=.

BUILD ?= $(TOP)/build
ifdef ASAN
VARIANT := asan
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
else ifdef TSAN
VARIANT := tsan
SANITIZE := -fsanitize=thread
endif
# Everything of a variant lies below here: lib/, obj/, tests/.
ROOT := $(BUILD)$(if $(VARIANT),/$(VARIANT))
LIB := $(ROOT)/lib

WARN := -Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes \
	-Wdeclaration-after-statement -Wvla $(if $(WARN_ONLY),,-Werror)
OPT ?= -O2
CFLAGS ?= -g
SUP_CFLAGS := -std=gnu11 $(OPT) $(WARN) -D_GNU_SOURCE -pthread -fPIC \
	-fno-omit-frame-pointer -MMD -MP $(SANITIZE) \
	-fmacro-prefix-map=$(TOP)/= \
	-I$(TOP)/libsup/include -I$(TOP)/libsup \
	-I$(TOP)/kmod/include/uapi
ifneq ($(findstring clang,$(CC)),)
SUP_CFLAGS += -Wthread-safety
endif
# In a program, before the libraries of the system.
SUP_LDFLAGS := -pthread $(SANITIZE) -Wl,-z,relro,-z,now

NL_CFLAGS := $(shell pkg-config --cflags libnl-3.0 libnl-genl-3.0)
NL_LIBS := $(shell pkg-config --libs libnl-3.0 libnl-genl-3.0)

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$@)')

# $(call flags-stamp,FILE,TEXT): FILE changes when TEXT does.
define flags-stamp
$(1): FORCE
	@mkdir -p $$(@D)
	@echo '$(2)' | cmp -s - $$@ || echo '$(2)' > $$@
endef
.PHONY: FORCE

# $(call link-shared): the one rule that makes a shared library.
link-shared = $(CC) -shared $(SUP_LDFLAGS) $(LDFLAGS) -Wl,-soname,$(SONAME) \
	-Wl,--version-script=$(MAP) $(if $(SANITIZE),,-Wl,-z,defs) \
	-o $@ $(OBJS) $(LIBS)
