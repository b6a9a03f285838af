# SPDX-License-Identifier: BSD-2-Clause
# csep: `make demo` shows the first verdicts, `make test` runs every test; both install what is missing first.
# `make help` lists all targets. Sanitizer or coverage builds go to another folder: make O=build-asan SAN=address,undefined test

O   ?= build
SAN ?=
PYTHON ?= $(shell for p in /usr/bin/python3 python3; do $$p -c 'import pytest, cryptography, matplotlib' 2>/dev/null && echo $$p && break; done)
ifeq ($(PYTHON),)
PYTHON := /usr/bin/python3
endif

CC  ?= gcc
CXX ?= g++
OPT ?= -O2 -g
WARN = -Wall -Wextra -Wshadow -Wpointer-arith -Wwrite-strings -Wundef -Werror
CWARN = $(WARN) -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
SANFLAGS = $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
CFLAGS   += -std=c11 $(OPT) $(CWARN) $(SANFLAGS)
CXXFLAGS += -std=c++17 $(OPT) $(WARN) $(SANFLAGS)
LDFLAGS  += $(SANFLAGS)
CORE_INC = -Icore/include -Icore/src
DEP = -MMD -MP

CORE_SRC  := $(wildcard core/src/*/*.c)
CORE_OBJ  := $(CORE_SRC:%.c=$(O)/obj/%.o)
LIB       := $(O)/lib/libcsep.a
CORE_TEST := $(patsubst core/tests/%.c,$(O)/tests/core/%,$(wildcard core/tests/test_*.c))
CORE_HELP := $(patsubst %.c,$(O)/obj/%.o,$(filter-out core/tests/test_%.c,$(wildcard core/tests/*.c)))

SIM_SRC  := $(wildcard sim/*.c)
SIM_CC   := $(wildcard sim/*.cc)
SIM_OBJ  := $(SIM_SRC:%.c=$(O)/obj/%.o) $(SIM_CC:%.cc=$(O)/obj/%.o)
SIM_PART := $(filter-out $(O)/obj/sim/main.o,$(SIM_OBJ))
SIM_TEST := $(patsubst sim/tests/%.c,$(O)/tests/sim/%,$(wildcard sim/tests/test_*.c))
NS3_LIBS := -lns3-core -Wl,--no-as-needed -lns3-network -lns3-internet -lns3-point-to-point -Wl,--as-needed \
            -lns3-traffic-control -lns3-bridge -lns3-stats -lstdc++ -lm
SIM_LIBS := $(LIB) -lsodium -lcyaml -lyaml -ljansson -lssl -lcrypto $(NS3_LIBS)
SIM      := $(if $(wildcard sim/main.c),$(O)/bin/csep-sim)

.PHONY: all lib sim test-build test core-test sim-test clean help format setup demo
all: lib sim test-build
lib: $(LIB)
sim: $(SIM)
test-build: $(CORE_TEST) $(SIM_TEST)

$(LIB): $(CORE_OBJ)
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

$(O)/obj/core/%.o: core/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CORE_INC) $(DEP) -c $< -o $@

$(O)/obj/core/tests/%.o: core/tests/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CORE_INC) -Icore/tests $(DEP) -c $< -o $@

# sim/ sees the core's public headers only.
$(O)/obj/sim/%.o: sim/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -D_GNU_SOURCE -Icore/include -Isim $(DEP) -c $< -o $@

$(O)/obj/sim/%.o: sim/%.cc
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -isystem /usr/include/ns3.37 -Isim $(DEP) -c $< -o $@

$(O)/bin/csep-sim: $(SIM_OBJ) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(SIM_OBJ) $(SIM_LIBS) -o $@

$(O)/tests/core/%: $(O)/obj/core/tests/%.o $(CORE_HELP) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $< $(CORE_HELP) $(LIB) -lsodium -lcmocka -ljansson -lssl -lcrypto -lgnutls -o $@

$(O)/tests/sim/%: $(O)/obj/sim/tests/%.o $(SIM_PART) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $< $(SIM_PART) $(SIM_LIBS) -lcmocka -o $@

core-test: $(CORE_TEST)
	@set -e; for t in $(CORE_TEST); do echo "== $$t"; $$t; done
sim-test: $(SIM_TEST) $(SIM)
	@set -e; for t in $(SIM_TEST); do echo "== $$t"; $$t; done
test: core-test sim-test

clean:
	rm -rf $(O)
format:
	clang-format -i $$(git ls-files '*.c' '*.h' '*.cc')

.SECONDARY:
-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)
