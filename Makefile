# SPDX-License-Identifier: BSD-2-Clause
# csep: `make demo` shows the first verdicts, `make test` runs every test; both install what is missing first.
# `make help` lists all targets. Sanitizer or coverage builds go to another folder: make O=build-asan SAN=address,undefined test

O      ?= build
SAN    ?=
JOBS   ?= $(shell nproc)
# Debian's own interpreter, which has the Debian packages; another python3 on PATH may not.
PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)

ifeq ($(origin CC),default)
CC  = gcc
CXX = g++
endif
OPT ?= -O2 -g
DEF ?=
WARN = -Wall -Wextra -Wshadow -Wpointer-arith -Wwrite-strings -Wundef -Werror
CWARN = $(WARN) -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
SANFLAGS = $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
# A C caller may pass any number as an enum, and the C++ behind the interface looks before it believes: no UB check there.
CXXSAN   = $(SANFLAGS) $(if $(SAN),-fno-sanitize=enum)
CFLAGS   += -std=c11 $(OPT) $(DEF) $(CWARN) $(SANFLAGS)
CXXFLAGS += -std=c++17 $(OPT) $(DEF) $(WARN) $(CXXSAN)
LDFLAGS  += $(OPT) $(SANFLAGS)
CORE_INC = -Icore/include -Icore/src
DEP = -MMD -MP

# What is built follows from what files there are.
CORE_OBJ  := $(patsubst %.c,$(O)/obj/%.o,$(wildcard core/src/*/*.c))
LIB       := $(O)/lib/libcsep.a
CORE_TEST := $(patsubst core/tests/%.c,$(O)/tests/core/%,$(wildcard core/tests/test_*.c))
CORE_HELP := $(patsubst %.c,$(O)/obj/%.o,$(filter-out core/tests/test_%.c core/tests/ct_%.c,$(wildcard core/tests/*.c)))
REPLAY    := $(patsubst core/fuzz/fuzz_%.c,$(O)/tests/core/replay_%,$(wildcard core/fuzz/fuzz_*.c))
FUZZ_HELP := $(patsubst %.c,$(O)/obj/%.o,$(filter-out core/fuzz/fuzz_%.c core/fuzz/replay.c,$(wildcard core/fuzz/*.c)))
CORE_LIBS := $(LIB) -lsodium -lcmocka -ljansson -lssl -lcrypto -lgnutls

SIM_OBJ  := $(patsubst %,$(O)/obj/%.o,$(basename $(wildcard sim/*.c sim/*.cc)))
SIM_PART := $(filter-out $(O)/obj/sim/main.o,$(SIM_OBJ))
SIM_TEST := $(patsubst sim/tests/%.c,$(O)/tests/sim/%,$(wildcard sim/tests/test_*.c))
SIM_HELP := $(patsubst %.c,$(O)/obj/%.o,$(filter-out sim/tests/test_%.c,$(wildcard sim/tests/*.c)))
NS3_LIBS := -lns3-core -Wl,--no-as-needed -lns3-network -lns3-internet -lns3-point-to-point -Wl,--as-needed \
            -lns3-traffic-control -lns3-bridge -lns3-stats -lstdc++ -lm
SIM_LIBS := $(LIB) -lsodium -lyaml -ljansson -lssl -lcrypto $(NS3_LIBS)
SIM      := $(if $(wildcard sim/main.c),$(O)/bin/csep-sim)
HARNESS_OBJ := $(patsubst %.c,$(O)/obj/%.o,$(wildcard conformance/harness/*.c))
HARNESS  := $(if $(HARNESS_OBJ),$(O)/bin/csep-harness)
BENCH    := $(if $(wildcard bench/*.c),$(O)/bin/csep-bench)

.PHONY: all lib sim test-build test core-test sim-test setup setup-dev clean help
all: lib sim test-build ## build everything that `make test` needs
lib: $(LIB)             ## build/lib/libcsep.a alone
sim: $(SIM)             ## build/bin/csep-sim alone
test-build: $(CORE_TEST) $(REPLAY) $(SIM_TEST) $(HARNESS)

$(LIB): $(CORE_OBJ)
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

# Every object waits for `setup`, which returns at once when nothing is missing, and is made again when the flags change.
FLAGS = $(CC) $(CXX) $(CFLAGS) $(CXXFLAGS)
$(O)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FLAGS)' | cmp -s - $@ || echo '$(FLAGS)' >$@
FORCE:

$(O)/obj/core/%.o: core/%.c $(O)/flags | setup
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CORE_INC) $(DEP) -c $< -o $@

$(O)/obj/core/tests/%.o: core/tests/%.c $(O)/flags | setup
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CORE_INC) -Icore/tests $(DEP) -c $< -o $@

$(O)/obj/core/fuzz/%.o: core/fuzz/%.c $(O)/flags | setup
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CORE_INC) -Icore/tests $(DEP) -c $< -o $@

# sim/, bench/ and conformance/ see the core's public headers only.
$(O)/obj/%.o: %.c $(O)/flags | setup
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -D_GNU_SOURCE -Icore/include -Isim $(DEP) -c $< -o $@

$(O)/obj/sim/%.o: sim/%.cc $(O)/flags | setup
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -isystem /usr/include/ns3.37 -Icore/include -Isim $(DEP) -c $< -o $@

$(O)/bin/csep-sim: $(SIM_OBJ) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(SIM_OBJ) $(SIM_LIBS) -o $@

$(O)/tests/core/%: $(O)/obj/core/tests/%.o $(CORE_HELP) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $< $(CORE_HELP) $(CORE_LIBS) -o $@

# The ends of libcsep that the tests of conformance/ drive.
$(O)/bin/csep-harness: $(HARNESS_OBJ) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(HARNESS_OBJ) $(LIB) -lsodium -ljansson -o $@

# A fuzz target without a fuzzer: plays its kept inputs and seeded mutations of them.
$(O)/tests/core/replay_%: $(O)/obj/core/fuzz/fuzz_%.o $(O)/obj/core/fuzz/replay.o $(FUZZ_HELP) $(CORE_HELP) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(filter %.o,$^) $(CORE_LIBS) -o $@

$(O)/tests/sim/%: $(O)/obj/sim/tests/%.o $(SIM_HELP) $(SIM_PART) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $< $(SIM_HELP) $(SIM_PART) $(SIM_LIBS) -lcmocka -o $@

# A make inside make that builds without words and with all cores, unless -j was given.
QUIETLY = $(MAKE) -s --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS))
RUN_TESTS = $(PYTHON) tools/run-tests --build $(O) --jobs $(JOBS) $(TEST_ARGS)

test: setup ## every test; output of failures only. ONLY: make test TEST_ARGS='--only tls'
	@echo "building into $(O)/ (the first time takes a few minutes)"
	@$(QUIETLY) all
	@$(RUN_TESTS) $(CORE_TEST) $(REPLAY) $(SIM_TEST)
core-test: setup ## the tests of core/ alone
	@$(QUIETLY) lib $(CORE_TEST) $(REPLAY)
	@$(RUN_TESTS) --no-python $(CORE_TEST) $(REPLAY)
sim-test: setup ## the tests of sim/ alone
	@$(QUIETLY) sim $(SIM_TEST)
	@$(RUN_TESTS) --no-python $(SIM_TEST)

setup: ## install the Debian packages that building, testing and the demo need
	@tools/setup.sh test
setup-dev: ## the same, and what check, fuzz, ct and coverage need
	@tools/setup.sh test dev

clean: ## remove every build folder
	rm -rf build build-*
help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1|/p' Makefile mk/*.mk | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

include mk/quality.mk
# Objects stay, though no rule names them. (A bare .SECONDARY would also let a missing file pass as up to date.)
.PRECIOUS: $(addprefix $(O)/obj/,%.o core/%.o core/tests/%.o core/fuzz/%.o sim/%.o)
-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)
