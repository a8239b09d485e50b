# SPDX-License-Identifier: LGPL-2.1-or-later
# What makes one library: NAME.so.0, NAME.a, NAME_test.a (hidden symbols
# visible), NAME.pc. Verbs: all, install, uninstall, clean.
# Include rules.mk and version.mk first, and set:
#   NAME        libsup
#   MAP         its version script
#   FILES       its sources, from libsup/
#   LIBS        what it is linked with
#   API         the folder of its public headers, in libsup/include
#   PAGES       its manual pages
#   REQUIRES    packages that NAME.pc names
#   FLAGS       what is built anew when it changes, besides
#   cflags      a function of a source: more flags for it

SRC := $(TOP)/libsup
SONAME := $(NAME).so.0
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
INSTALL ?= install
LD ?= ld
OBJCOPY ?= objcopy

OBJ := $(ROOT)/obj/$(NAME)
OBJS := $(FILES:%.c=$(OBJ)/%.o)

all: $(LIB)/$(NAME)_test.a $(LIB)/$(NAME).a $(LIB)/$(NAME).so $(LIB)/$(NAME).pc

$(eval $(call flags-stamp,$(OBJ)/flags,$(CC) $(SUP_CFLAGS) $(CFLAGS) \
	-fno-plt $(FLAGS) $(FILES)))

# Code goes to a section of its own, whose bounds the linker tells, and calls
# others not by way of the program's PLT, so that libsup's frames are known in a
# program that it is a part of (core/stacks.c).
TEXTS := .text .text.hot .text.unlikely .text.unlikely. .text.startup .text.exit
RENAME := $(foreach t,$(TEXTS),--rename-section $(t)=sup_text)

$(OBJ)/%.o: $(SRC)/%.c $(OBJ)/flags
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(SUP_CFLAGS) $(call cflags,$<) -fvisibility=hidden \
		-fno-plt $(CFLAGS) -c -o $@ $<
	$(Q)$(OBJCOPY) $(RENAME) $@

$(LIB)/$(NAME)_test.a: $(OBJS)
	@mkdir -p $(@D)
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $(OBJS)

# For users: one object, in which what is hidden is local.
$(LIB)/$(NAME).a: $(OBJS)
	@mkdir -p $(@D)
	$(call say,AR)
	$(Q)$(LD) -r -o $(OBJ)/$(NAME).o $(OBJS)
	$(Q)$(OBJCOPY) --localize-hidden $(OBJ)/$(NAME).o
	$(Q)rm -f $@ && $(AR) rcs $@ $(OBJ)/$(NAME).o

$(LIB)/$(SONAME): $(OBJS) $(MAP)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(link-shared)

$(LIB)/$(NAME).so: $(LIB)/$(SONAME)
	@ln -sf $(SONAME) $@

PC = sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|' \
	-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|; s|@VERSION@|$(SUP_VERSION)|g' \
	-e 's|@REQUIRES@|$(REQUIRES)|' $(SRC)/$(NAME).pc.in

$(LIB)/$(NAME).pc: $(SRC)/$(NAME).pc.in $(SRC)/library.mk \
		$(TOP)/kmod/version.mk
	@mkdir -p $(@D)
	$(call say,GEN)
	$(Q)$(PC) > $@

# "PAGE NAME" of each name that a page of section 3 has besides its file's.
ALIASES = awk '$$1 == ".Sh" { on = $$2 == "NAME" } \
	on && $$1 == ".Nm" { page = FILENAME; sub(/.*\//, "", page); \
	if (page != $$2 ".3") print page, $$2 }' $(filter %.3,$(PAGES))
MAN3 := $(DESTDIR)$(MANDIR)/man3
MAN7 := $(DESTDIR)$(MANDIR)/man7
HEADERS := $(DESTDIR)$(INCLUDEDIR)/$(API)

install: all
	$(INSTALL) -d $(DESTDIR)$(LIBDIR)/pkgconfig $(HEADERS)
	$(INSTALL) -m 644 $(SRC)/include/$(API)/*.h $(HEADERS)
	$(INSTALL) -m 755 $(LIB)/$(SONAME) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/$(NAME).so
	$(INSTALL) -m 644 $(LIB)/$(NAME).a $(DESTDIR)$(LIBDIR)
	$(PC) > $(DESTDIR)$(LIBDIR)/pkgconfig/$(NAME).pc
	$(INSTALL) -d $(MAN3) $(MAN7)
	$(INSTALL) -m 644 $(filter %.3,$(PAGES)) $(MAN3)
	$(if $(filter %.7,$(PAGES)),\
		$(INSTALL) -m 644 $(filter %.7,$(PAGES)) $(MAN7))
	$(ALIASES) | while read -r page name; do \
		echo ".so man3/$$page" >$(MAN3)/$$name.3; \
		chmod 644 $(MAN3)/$$name.3; \
	done

uninstall:
	rm -f $(DESTDIR)$(LIBDIR)/$(SONAME) $(DESTDIR)$(LIBDIR)/$(NAME).so \
		$(DESTDIR)$(LIBDIR)/$(NAME).a \
		$(DESTDIR)$(LIBDIR)/pkgconfig/$(NAME).pc
	rm -rf $(HEADERS)
	rm -f $(addprefix $(MAN3)/,$(notdir $(filter %.3,$(PAGES)))) \
		$(addprefix $(MAN7)/,$(notdir $(filter %.7,$(PAGES))))
	$(ALIASES) | while read -r page name; do \
		rm -f $(MAN3)/$$name.3; \
	done

clean:
	rm -rf $(OBJ) $(addprefix $(LIB)/$(NAME),.a _test.a .so .so.0 .pc)

.PHONY: all install uninstall clean
.DELETE_ON_ERROR:
-include $(OBJS:.o=.d)
