# SPDX-License-Identifier: GPL-2.0-or-later
# What makes the tests of a library on top of libsup: one program per test_*.c,
# linked with the libraries, hidden symbols visible. Verbs: all, check, list,
# clean, and any name (test_x) to build one. ASAN=1, TSAN=1: that variant.
# Set first:
#   TOP, NAME    the folder is tests/NAME, the library's libsup/NAME
#   LIBRARIES    those that are linked, the uppermost first
#   SYSTEM       what they need of the system
#   FLAGS        of the compiler, besides

SRC := $(TOP)/tests/$(NAME)
include $(TOP)/libsup/rules.mk

OUT := $(ROOT)/tests/$(NAME)
TESTS := $(sort $(patsubst $(SRC)/%.c,%,$(wildcard $(SRC)/test_*.c)))
LIBS := $(patsubst %,$(LIB)/%_test.a,$(LIBRARIES))
TIMEOUT ?= 120
RUNNER ?= timeout -k 5 $(TIMEOUT)

all: $(addprefix $(OUT)/,$(TESTS))

$(OUT)/flags $(TESTS): | lib
lib:
	$(Q)$(MAKE) --no-print-directory -C $(TOP)/libsup/$(NAME) all

$(eval $(call flags-stamp,$(OUT)/flags,$(CC) $(SUP_CFLAGS) $(FLAGS) $(CFLAGS)))

$(LIBS): lib ;

# A function __wrap_x in a test, or in a header of services that it includes, or
# that one of these does, becomes the linker's --wrap=x.
FIND_WRAPS := s/.*__wrap_\([a-z0-9_]*\)(.*/-Wl,--wrap=\1/p
HEADERS := $(SRC)/\1 $(TOP)/tests/foundation/\1
FIND_HEADERS := s,^\#include "\([a-z_]*\.h\)",$(HEADERS),p
headers = $$(ls $$(sed -n '$(FIND_HEADERS)' $(1)) 2>/dev/null)
wraps = $(sort $(shell sed -n '$(FIND_WRAPS)' $< $(call headers,$<) \
	$(call headers,$< $(call headers,$<))))

# A server of which tests say what it does.
$(OUT)/gs.o: $(TOP)/tests/lib/gs.c $(OUT)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(SUP_CFLAGS) -I$(TOP)/tests $(CFLAGS) -c -o $@ $<

$(OUT)/test_%: $(SRC)/test_%.c $(OUT)/gs.o $(LIBS) $(OUT)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(SUP_CFLAGS) -I$(TOP)/tests -I$(TOP)/tests/unit \
		$(FLAGS) $(CFLAGS) $(SUP_LDFLAGS) $(LDFLAGS) $(wraps) \
		-o $@ $< $(OUT)/gs.o $(LIBS) \
		-lcmocka $(SYSTEM) $(NL_LIBS) -ldl

$(TESTS): %: $(OUT)/%

check: all
	$(Q)failed=; for t in $(TESTS); do \
		$(RUNNER) $(OUT)/$$t || failed="$$failed $$t"; \
	done; \
	if [ "$$failed" ]; then echo "failed:$$failed"; exit 1; fi

# The programs check would run, one a line, for other runners.
list: all
	@printf '%s\n' $(addprefix $(OUT)/,$(TESTS))

clean:
	rm -rf $(OUT)

.PHONY: all check list clean lib $(TESTS)
.DELETE_ON_ERROR:
-include $(wildcard $(OUT)/*.d)
