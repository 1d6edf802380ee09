# SPDX-License-Identifier: AGPL-3.0-or-later
# Builds, tests and installs simplexmq-c on Debian 12.
#
# Targets (`make` alone is `make all`):
#   all        the programs and libsmq.a, libsmq.so
#   deps       Debian packages that building and testing need; asks for root only when one is missing
#   demo       a router in a temporary folder: messages sent, router killed, restarted, all messages received
#   test       every test; ends with `N passed, N failed`
#   stress     the stress tests of the concurrent structures
#   fuzz       each fuzzer for SECONDS seconds (clang, libFuzzer)
#   bench      smq-bench against a router of its own, each mode for SECONDS seconds
#   lint       formatting, include directions, forbidden calls, cppcheck, clang-tidy
#   format     rewrites the sources with clang-format
#   install    programs, libraries, headers, manual pages, units, completion, documents; for a machine also users, folders
#   uninstall  removes exactly that, with the same PREFIX and DESTDIR; users, settings and data stay
#   static     the programs as one file each, for any Linux of this architecture: build/release/static
#   deb        Debian packages, in build/deb
#   test-packaging  installs, packages and programs of one file tried in chroots; as root, takes minutes
#   clean      removes the build folder
#   help       this text
#
# Knobs (make NAME=VALUE ...):
#   SAN=asan   AddressSanitizer and UndefinedBehaviorSanitizer, objects in build/asan
#   SAN=tsan   ThreadSanitizer, objects in build/tsan
#   DEBUG=1    little optimisation, fault points, objects in build/debug; what `make test` uses
#   V=1        show every command
#   J=N        parallel jobs; default: the number of processors
#   T=TEXT     test, stress, fuzz: only programs whose path contains TEXT, e.g. T=unit/queues
#   SECONDS=N  how long each fuzzer or benchmark runs; default 20
#   BUILD=DIR  where all objects go; default build
#   NODEPS=1   do not look for missing packages
#   WERROR=0   warnings are not errors, for compilers other than Debian's
#   CC=, CFLAGS=, LDFLAGS=            the compiler, and flags added to ours
#   PREFIX=/usr/local, LIBDIR=PREFIX/lib, DESTDIR=   where `make install` puts things
#
# A single program: `make build/debug/test/unit/queues/test_mailbox`; the second word of the path chooses the tree
# (release, debug, asan or tsan).

VERSION := 0.1.0
SOVERSION := 0

# ---- knobs

BUILD ?= build
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
DESTDIR ?=
SECONDS ?= 20
SAN ?=
DEBUG ?=
T ?=
WERROR ?= 1
J ?= $(shell nproc)

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(J)
endif
MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.DELETE_ON_ERROR:

ifeq ($(origin CC),default)
CC := cc
endif
ifeq ($(origin CC),undefined)
CC := cc
endif
AR := ar
OBJCOPY := objcopy
STRIP := strip

ifeq ($(V),1)
quiet =
say = @:
else
quiet = @
say = @printf '  %-8s %s\n'
endif

# ---- which tree

goal_modes := $(foreach goal,$(filter-out $(BUILD)/lint/%,$(filter $(BUILD)/%,$(MAKECMDGOALS))),$(firstword $(subst /, ,$(patsubst $(BUILD)/%,%,$(goal)))))
ifneq ($(words $(sort $(goal_modes))),0)
MODE ?= $(firstword $(goal_modes))
else ifneq ($(SAN),)
MODE ?= $(SAN)
else ifeq ($(DEBUG),1)
MODE ?= debug
else
MODE ?= release
endif
ifeq ($(filter $(MODE),release debug asan tsan fuzz),)
$(error SAN is asan or tsan, not '$(MODE)')
endif

# Tests need the fault points, which release builds do not have.
TEST_MODE := $(if $(filter release,$(MODE)),debug,$(MODE))

OUT := $(BUILD)/$(MODE)

# ---- flags

warnings := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
  -Wwrite-strings -Wvla -Wundef -Wformat=2
ifneq ($(WERROR),0)
warnings += -Werror
endif

optimise.release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
optimise.debug := -O1 -g -DDEBUG_FAULTS -fno-omit-frame-pointer
optimise.asan := -O1 -g -DDEBUG_FAULTS -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
optimise.tsan := -O1 -g -DDEBUG_FAULTS -fno-omit-frame-pointer -fsanitize=thread
optimise.fuzz := -O1 -g -DDEBUG_FAULTS -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
  -fno-sanitize-recover=undefined
link.release := -Wl,-z,relro,-z,now
link.asan := -fsanitize=address,undefined
link.tsan := -fsanitize=thread
link.fuzz := -fsanitize=fuzzer,address,undefined
ifeq ($(MODE),fuzz)
override CC := clang
warnings += -Wno-microsoft-anon-tag
warnings += -Wno-cast-qual # clang reports it inside macros of system headers (liburcu, OpenSSL), gcc does not
endif

includes := -I. -Iqueues/base -Iactors/client -Iactors/client_agent
# -fms-extensions: EXTENDS (queues/base/owner.h).
dialect := -std=gnu11 -fms-extensions -D_GNU_SOURCE
compile_flags := $(dialect) $(includes) -pthread -fPIC $(warnings) $(optimise.$(MODE)) $(CFLAGS)
link_flags := -pthread $(link.$(MODE)) $(LDFLAGS)

libs.queues := -lurcu-cds -lurcu-memb -lurcu-common -lsodium
libs.transport := -lssl -lcrypto -ljansson -lwslay -lnghttp2 -lhttp_parser -lyaml -lz $(libs.queues)
libs.stores := -llmdb -lxxhash $(libs.queues)
libs.actors := -lssl -lcrypto -llmdb -lxxhash -ljansson -lwslay -lcares -lnghttp2 -lhttp_parser -lqrencode -lyaml -lz $(libs.queues)
libs.bin := $(libs.actors)

# ---- sources

sources_in = $(sort $(shell find $(1) -name '*.c' 2>/dev/null))
objects_of = $(patsubst %.c,$(OUT)/objects/%.o,$(1))

queues_sources := $(call sources_in,queues)
transport_sources := $(call sources_in,transport)
stores_sources := $(call sources_in,stores)
actors_sources := $(call sources_in,actors)
support_sources := $(call sources_in,test/support)
program_sources := $(wildcard bin/*.c)
programs_sources := $(call sources_in,bin/common) $(foreach program,$(basename $(program_sources)),$(call sources_in,$(program)))
test_sources := $(call sources_in,test/unit) $(call sources_in,test/integration)
stress_sources := $(call sources_in,test/stress)
fuzz_sources := $(sort $(wildcard test/fuzz/fuzz_*.c))
example_sources := $(wildcard docs/examples/*.c)
all_sources := $(queues_sources) $(transport_sources) $(stores_sources) $(actors_sources) $(programs_sources) \
  $(program_sources) $(call sources_in,test) $(example_sources)
all_headers := $(sort $(shell find queues transport stores actors bin test -name '*.h' 2>/dev/null))

# libsmq is the client side: everything but the stores, the routers' roles, and what only servers speak.
library_sources := $(queues_sources) $(filter-out transport/net/websocket% transport/http1/%,$(transport_sources)) \
  $(filter-out actors/net/http_engine_1.c,$(foreach part,runtime net client client_agent,$(call sources_in,actors/$(part))))
public_headers := queues/base/smq/result.h $(sort $(wildcard actors/client/smq/*.h actors/client_agent/smq/*.h))

programs := $(patsubst bin/%.c,$(OUT)/bin/%,$(program_sources))
tests := $(patsubst %.c,$(OUT)/%,$(filter test/%,$(foreach source,$(test_sources),$(if $(filter test_%,$(notdir $(source))),$(source)))))
stress_tests := $(patsubst %.c,$(OUT)/%,$(filter test/stress/stress_%,$(stress_sources)))
replays := $(patsubst test/fuzz/fuzz_%.c,$(OUT)/test/fuzz/replay_%,$(fuzz_sources))
fuzzers := $(patsubst test/fuzz/%.c,$(OUT)/test/fuzz/%,$(fuzz_sources))
examples := $(patsubst docs/examples/%.c,$(OUT)/examples/%,$(example_sources))
only = $(if $(T),$(foreach program,$(1),$(if $(findstring $(T),$(program)),$(program))),$(1))

archives := queues transport stores actors programs support
archive = $(foreach layer,$(1),$(OUT)/lib$(layer).a)

# ---- packages

packages := build-essential pkg-config libssl-dev liburcu-dev libnghttp2-dev liblmdb-dev libsodium-dev libxxhash-dev \
  libjansson-dev libwslay-dev libc-ares-dev libhttp-parser-dev libqrencode-dev libyaml-dev zlib1g-dev libpq-dev postgresql-15 \
  libcmocka-dev valgrind mandoc
lint_packages := clang-format clang-tidy cppcheck shellcheck
fuzz_packages := clang libclang-rt-14-dev
needed_packages := $(packages) $(if $(filter fuzz,$(MODE)),$(fuzz_packages))

define install_missing
	@test -n "$(NODEPS)" || test/install-packages.sh $(1)
endef

# ---- targets

.PHONY: all deps check-deps deps-lint demo web-look test run-test stress run-stress fuzz run-fuzz bench lint format install clean \
  help force libraries build-tests

all: $(programs) libraries

libraries: $(OUT)/libsmq.a $(OUT)/libsmq.so $(OUT)/smq.pc

deps:
	$(call install_missing,$(packages))

check-deps:
	$(call install_missing,$(needed_packages))

deps-lint:
	$(call install_missing,$(packages) $(lint_packages))

help:
	@sed -n '/^# Builds/,/^$$/s/^# \{0,1\}//p' Makefile

# Needs chromium and zbar-tools, which are large: it is not part of `make test`.
web-look: all
	$(call install_missing,chromium zbar-tools)
	$(quiet)test/web-look.sh $(OUT)

demo: all
	$(quiet)test/demo.sh $(OUT)

# Several of these in one call (make test stress) run one after the other: they build into the same tree.
ifeq ($(MAKELEVEL),0)
goal_before :=
$(foreach goal,$(filter all demo test stress fuzz lint bench,$(MAKECMDGOALS)),\
  $(if $(goal_before),$(eval $(goal): | $(goal_before)))$(eval goal_before := $(goal)))
endif

test stress:
	$(quiet)+$(MAKE) --no-print-directory MODE=$(TEST_MODE) run-$@

fuzz:
	$(quiet)+$(MAKE) --no-print-directory MODE=fuzz run-fuzz

# Only integration and stress tests start our programs.
build-tests: $(call only,$(tests) $(replays)) \
  $(if $(filter $(OUT)/test/integration/%,$(call only,$(tests))),$(programs) $(examples))

run-test: build-tests
	$(quiet)test/run-tests.sh $(MODE) $(OUT) $(call only,$(tests) $(replays))

run-stress: $(call only,$(stress_tests)) $(programs)
	$(quiet)test/run-tests.sh $(MODE) $(OUT) $(call only,$(stress_tests))

run-fuzz: $(call only,$(fuzzers))
	$(quiet)test/fuzz/run-fuzz.sh $(OUT) $(SECONDS) $(call only,$(fuzzers))

bench: all
	$(quiet)test/bench/run-bench.sh $(OUT) $(SECONDS)

clean:
	rm -rf $(BUILD)

# ---- compiling

# The stamps change only when their text does: other flags rebuild everything, other files rebuild the archives.
$(OUT)/.flags: force
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(CC) $(compile_flags) | $(link_flags) | $(VERSION))' | cmp -s - $@ || \
	  echo '$(subst ','\'',$(CC) $(compile_flags) | $(link_flags) | $(VERSION))' > $@

$(OUT)/.sources: force
	@mkdir -p $(@D)
	@echo '$(all_sources)' | cmp -s - $@ || echo '$(all_sources)' > $@

$(OUT)/objects/%.o: %.c $(OUT)/.flags | check-deps
	@mkdir -p $(@D)
	$(say) CC $<
	$(quiet)$(CC) $(compile_flags) $(file_flags) -MMD -MP -c -o $@ $<

$(OUT)/objects/bin/%.o: file_flags := -DSMQ_VERSION='"$(VERSION)"'
# In every tree as it is released: its test looks at the compiler's work, for branches and indexes that depend on secrets.
# It shares nothing between threads, so that ThreadSanitizer could only make it slow.
$(OUT)/objects/transport/crypto/sntrup761/%.o: file_flags := -O2 -fno-sanitize=thread
$(OUT)/objects/test/%.o: file_flags := -DBUILD_DIR='"$(OUT)"' -DSMQ_VERSION='"$(VERSION)"'

# It takes these files in.
$(OUT)/objects/actors/router/operator/web_templates.o: $(wildcard actors/router/operator/pages/*)

define archive_rule
$(OUT)/lib$(1).a: $(call objects_of,$($(1)_sources)) $(OUT)/.sources
	$$(say) AR $$@
	$$(quiet)rm -f $$@ && $(AR) rcs $$@ $$(filter %.o,$$^)
endef
$(foreach layer,$(archives),$(eval $(call archive_rule,$(layer))))

# Each kind of program names the layers it may use; a broken layer above does not stop it from linking.
define link
	@mkdir -p $(@D)
	$(say) LINK $@
	$(quiet)$(CC) $(link_flags) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(1)
endef

router_layers := actors stores transport queues

$(OUT)/bin/%: $(OUT)/objects/bin/%.o $(call archive,programs $(router_layers))
	$(call link,$(libs.bin))

$(OUT)/test/unit/queues/%: $(OUT)/objects/test/unit/queues/%.o $(call archive,queues)
	$(call link,-lcmocka $(libs.queues))

$(OUT)/test/unit/transport/%: $(OUT)/objects/test/unit/transport/%.o $(call archive,support transport queues)
	$(call link,-lcmocka $(libs.transport))

$(OUT)/test/unit/stores/%: $(OUT)/objects/test/unit/stores/%.o $(call archive,stores queues)
	$(call link,-lcmocka -lz $(libs.stores))

$(OUT)/test/bench/%: $(OUT)/objects/test/bench/%.o $(call archive,stores transport queues)
	$(call link,-llmdb -lxxhash $(libs.transport))

$(OUT)/test/unit/actors/%: $(OUT)/objects/test/unit/actors/%.o $(call archive,support $(router_layers))
	$(call link,-lcmocka $(libs.actors))

$(OUT)/test/unit/bin/%: $(OUT)/objects/test/unit/bin/%.o $(call archive,support programs $(router_layers))
	$(call link,-lcmocka $(libs.bin))

$(OUT)/test/integration/%: $(OUT)/objects/test/integration/%.o $(call archive,support programs $(router_layers))
	$(call link,-lcmocka $(libs.bin))

$(OUT)/test/stress/%: $(OUT)/objects/test/stress/%.o $(call archive,support programs $(router_layers))
	$(call link,-lcmocka $(libs.bin))

$(OUT)/test/fuzz/replay_%: $(OUT)/objects/test/fuzz/fuzz_%.o $(OUT)/objects/test/fuzz/replay.o $(call archive,stores transport queues)
	$(call link,-llmdb $(libs.transport))

$(OUT)/test/fuzz/fuzz_%: $(OUT)/objects/test/fuzz/fuzz_%.o $(call archive,stores transport queues)
	$(call link,-llmdb $(libs.transport))

# Examples are built as a stranger would: public headers and libsmq only.
$(OUT)/include/.copied: $(public_headers)
	@mkdir -p $(OUT)/include/smq
	@cp $(public_headers) $(OUT)/include/smq/
	@touch $@

$(OUT)/examples/%: docs/examples/%.c $(OUT)/libsmq.a $(OUT)/include/.copied $(OUT)/.flags
	@mkdir -p $(@D)
	$(say) EXAMPLE $@
	$(quiet)$(CC) -std=gnu11 -Wall -Wextra -I$(OUT)/include $(link_flags) -o $@ $< $(OUT)/libsmq.a $(libs.library)

# ---- libsmq

libs.library := -lssl -lcrypto -ljansson -lcares -lnghttp2 -lyaml -lz $(libs.queues)
library_objects := $(call objects_of,$(library_sources))

# One relocatable object in which only smq_* is global: names of ours cannot clash with the embedding program's.
$(OUT)/libsmq.a: $(library_objects) $(OUT)/.sources
	$(say) AR $@
	$(quiet)$(CC) -r -nostdlib -o $(OUT)/libsmq.o $(filter %.o,$^)
	$(quiet)$(OBJCOPY) --wildcard --keep-global-symbol='smq_*' $(OUT)/libsmq.o
	$(quiet)rm -f $@ && $(AR) rcs $@ $(OUT)/libsmq.o

# It is never unloaded: helper threads (liburcu's, the log's) stay until the process ends.
$(OUT)/libsmq.so.$(VERSION): $(library_objects) $(OUT)/.sources actors/client/libsmq.map
	$(say) LINK $@
	$(quiet)$(CC) -shared $(link_flags) -Wl,-z,nodelete -Wl,-soname,libsmq.so.$(SOVERSION) -Wl,--version-script=actors/client/libsmq.map \
	  -o $@ $(filter %.o,$^) $(libs.library)

$(OUT)/libsmq.so: $(OUT)/libsmq.so.$(VERSION)
	$(quiet)ln -sf libsmq.so.$(VERSION) $(OUT)/libsmq.so.$(SOVERSION)
	$(quiet)ln -sf libsmq.so.$(SOVERSION) $@

$(OUT)/smq.pc: force
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))' 'includedir=$${prefix}/include' '' 'Name: smq' \
	  'Description: SimpleX Messaging Protocol client library' 'Version: $(VERSION)' \
	  'Libs: -L$${libdir} -lsmq' 'Libs.private: $(libs.library) -pthread' 'Cflags: -I$${includedir}' > $@

include contrib/packaging.mk

# ---- lint

lint_sources := $(all_sources) $(all_headers)
tidy_stamps := $(patsubst %.c,$(BUILD)/lint/%.tidy,$(all_sources))

lint: deps-lint
	$(quiet)test/lint.sh $(lint_sources)
	$(quiet)+$(MAKE) --no-print-directory run-tidy run-cppcheck run-duplicates run-circles
	@echo 'lint: clean'

.PHONY: run-tidy run-cppcheck run-duplicates run-circles
run-tidy: $(tidy_stamps)

$(BUILD)/lint/%.tidy: %.c .clang-tidy test/.clang-tidy
	@mkdir -p $(@D)
	$(say) TIDY $<
	$(quiet)clang-tidy --quiet --warnings-as-errors='*' $< -- $(dialect) -Wno-microsoft-anon-tag -DDEBUG_FAULTS $(includes) \
	  -DBUILD_DIR='""' -DSMQ_VERSION='""' 2>$@.log || { cat $@.log; exit 1; }
	$(quiet)$(CC) $(dialect) $(includes) -DBUILD_DIR='""' -DSMQ_VERSION='""' -MM -MP -MT $@ -MF $(@:.tidy=.d) $<
	@touch $@

run-cppcheck:
	@mkdir -p $(BUILD)/lint/cppcheck
	$(say) CPPCHECK
	$(quiet)cppcheck --quiet -j$(J) --std=c11 --error-exitcode=1 --inline-suppr --enable=warning,performance,portability \
	  --suppress=missingIncludeSystem --suppress=internalAstError --suppress=uninitStructMember \
	  --cppcheck-build-dir=$(BUILD)/lint/cppcheck $(includes) -D_GNU_SOURCE -DDEBUG_FAULTS -DSMQ_VERSION='""' \
	  $(filter-out test/%,$(all_sources))

# Layers share one name space; a program would get either of two functions with the same name, or fail to link.
run-duplicates: $(call archive,programs $(router_layers))
	$(say) NAMES
	$(quiet)nm -A --defined-only $^ | awk 'NF >= 3 && $$(NF-1) ~ /^[TDBR]$$/ { \
	  if ($$NF in file) { print "defined twice: " $$NF, file[$$NF], $$1; bad = 1 } file[$$NF] = $$1 } END { exit bad }'

# Files of a folder that all need each other.
run-circles: $(call archive,programs $(router_layers))
	$(say) CIRCLES
	$(quiet)test/circles.sh $(OUT)/objects $(sort $(dir $(filter queues/% transport/% stores/% actors/% bin/%,$(all_sources))))

format: deps-lint
	clang-format -i $(lint_sources)

# Keep the objects of programs: make would delete them as intermediate files.
.SECONDARY:

-include $(shell find $(OUT) $(BUILD)/lint -name '*.d' 2>/dev/null)
