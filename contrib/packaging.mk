# SPDX-License-Identifier: AGPL-3.0-or-later
# What is installed and packaged: manual pages, units, completion, programs of one file, Debian packages. Included by the
# Makefile.

RELEASE_DATE := 2026-11-29

program_names := $(notdir $(programs))
router_names := $(filter %-server,$(program_names))

# ---- manual pages: those of docs/man, and those made from the sources that they would repeat

man_pages := $(patsubst docs/man/%,$(OUT)/man/%,$(wildcard docs/man/*.[0-9])) $(OUT)/man/smp-server.ini.5 $(OUT)/man/libsmq.3

.PHONY: man units completion
man: $(man_pages)

$(OUT)/man/%: docs/man/%
	@mkdir -p $(@D)
	$(quiet)sed 's/^\(\.TH [^ ]* [0-9]\) ""/\1 $(RELEASE_DATE)/;s/"simplexmq-c"/"simplexmq-c $(VERSION)"/' $< > $@

$(OUT)/man/smp-server.ini.5: docs/operating.md contrib/man/ini-page.awk
	@mkdir -p $(@D)
	$(quiet)awk -v version=$(VERSION) -v date=$(RELEASE_DATE) -f contrib/man/ini-page.awk $< > $@

# Makes a page for each group of functions, too, and a link to it for each further function.
$(OUT)/man/libsmq.3: $(public_headers) contrib/man/header-pages.awk
	@mkdir -p $(@D)
	$(quiet)rm -f $(OUT)/man/*.3
	$(quiet)awk -v version=$(VERSION) -v date=$(RELEASE_DATE) -v folder=$(OUT)/man -f contrib/man/header-pages.awk $(public_headers)

# ---- services and completion

units: force
	$(quiet)contrib/systemd/make-units.sh $(PREFIX) $(OUT)/systemd $(router_names)

completion: $(patsubst %,$(OUT)/completion/%,$(program_names))

$(OUT)/completion/%: contrib/bash-completion/smq.bash
	@mkdir -p $(@D)
	$(quiet)sed 's/@PROGRAMS@/$*/' $< > $@

# ---- installing

$(OUT)/installed.env: force
	@mkdir -p $(@D)
	@printf '%s\n' "VERSION='$(VERSION)'" "SOVERSION='$(SOVERSION)'" "PROGRAMS='$(program_names)'" \
	  "HEADERS='$(public_headers)'" > $@

what_is_installed := all man units completion $(OUT)/installed.env
installing := PREFIX=$(PREFIX) LIBDIR=$(LIBDIR) DESTDIR=$(DESTDIR) contrib/install.sh

.PHONY: uninstall list-installed
install: $(what_is_installed)
	$(quiet)$(installing) install $(OUT)

uninstall: man units $(OUT)/installed.env
	$(quiet)$(installing) uninstall $(OUT)

list-installed: man units $(OUT)/installed.env
	@$(installing) list $(OUT)

# ---- programs of one file

# Against glibc's static libraries, with the little that needs care: names are looked up by what is in libc.a, and
# there are no WebSockets and no QR codes, since Debian has no libwslay.a and no libqrencode.a.
static_out := $(OUT)/static
static_objects := $(patsubst contrib/static/%.c,$(static_out)/objects/%.o,$(wildcard contrib/static/*.c))
# OpenSSL and c-ares name functions that would load libraries; none of them is called.
static_warnings := (In|in) function|statically linked applications requires at runtime

.PHONY: static
static: $(patsubst %,$(static_out)/%,$(program_names))

$(static_out)/objects/%.o: contrib/static/%.c | check-deps
	@mkdir -p $(@D)
	$(quiet)$(CC) $(compile_flags) -c -o $@ $<

$(static_out)/%: $(OUT)/objects/bin/%.o $(static_objects) $(call archive,programs $(router_layers))
	$(say) STATIC $@
	$(quiet)$(CC) $(link_flags) -static-pie -o $@.linked $(filter %.o,$^) $(filter %.a,$^) \
	  $(filter-out -lwslay -lqrencode,$(libs.bin)) 2>$(static_out)/objects/$*.log || \
	  { cat $(static_out)/objects/$*.log; exit 1; }
	$(quiet)! grep -vE '$(static_warnings)' $(static_out)/objects/$*.log
	$(quiet)$(STRIP) -o $@ $@.linked && rm $@.linked

# ---- Debian packages

deb_packages := debhelper dpkg-dev lintian
# What only tests need.
test_packages := libcmocka-dev valgrind mandoc postgresql-%
deb_tree := $(BUILD)/deb/simplexmq-c-$(VERSION)

.PHONY: deb deps-deb
deps-deb:
	$(call install_missing,$(packages) $(deb_packages))

deb: deps-deb
	$(quiet)DEB_JOBS=$(J) contrib/debian/build.sh $(deb_tree) $(VERSION) $(SOVERSION) $(RELEASE_DATE) \
	  $(filter-out build-essential $(test_packages),$(packages))

# ---- tests

# The quick parts are integration tests.
build-tests: $(if $(filter $(OUT)/test/integration/packaging/%,$(call only,$(tests))),$(what_is_installed))

# In chroots of Debian, as root.
.PHONY: test-packaging deps-test-packaging
deps-test-packaging:
	$(call install_missing,$(packages) $(deb_packages) debootstrap busybox-static iproute2)

test-packaging: deps-test-packaging $(what_is_installed) static deb
	$(quiet)test/packaging/test-packaging.sh $(OUT)
