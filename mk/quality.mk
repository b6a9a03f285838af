# SPDX-License-Identifier: BSD-2-Clause
# Targets that judge the code rather than build it, and the demonstration.

.PHONY: check states format asan same-trace fuzz fuzz-build fuzz-keep ct ct-build coverage bench bench-build demo reference

check: setup-dev ## the house rules: symbols, headers, arrows, licences, specification, format, clang-tidy
	@$(QUIETLY) lib $(O)/bin/states
	@$(PYTHON) tools/check --build $(O) --jobs $(JOBS) $(CHECKS)

# The state tables of the core, printed from the code; `make check` compares them with docs/spec.md.
$(O)/bin/states: tools/states.c $(O)/obj/core/tests/dot.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CORE_INC) -Icore/tests $(DEF) $^ -lsodium -o $@
states: setup ## print the state tables of the core, and draw them: build/states/*.dot
	@$(QUIETLY) $(O)/bin/states
	@mkdir -p $(O)/states
	@$(O)/bin/states --dot $(O)/states
	@$(O)/bin/states

format: setup-dev ## rewrite the sources as .clang-format says
	clang-format -i $$(git ls-files '*.c' '*.h' '*.cc')

ASAN = O=build-asan SAN=address,undefined OPT='-O1 -g'
asan: setup ## every test under the address and undefined-behaviour sanitizers
	@$(MAKE) --no-print-directory $(ASAN) TEST_ARGS='--timeout 900 $(TEST_ARGS)' test

# Same seed, same bytes, whatever compiled them.
SAME ?= $(filter-out scenarios/latency/breakeven%,$(wildcard scenarios/latency/*.yaml))
same-trace: setup-dev ## play scenarios with gcc, clang and sanitizer builds and compare every trace hash
	@$(QUIETLY) sim
	@$(QUIETLY) O=build-clang CC=clang CXX=clang++ sim
	@$(QUIETLY) $(ASAN) sim
	@$(PYTHON) tools/same-trace $(O) build-clang build-asan -- $(SAME)

# Fuzzing: core/fuzz/fuzz_NAME.c with the inputs of core/fuzz/corpus/NAME.
FUZZ_TIME ?= 60
FUZZ := $(patsubst core/fuzz/%.c,$(O)/fuzz/%,$(wildcard core/fuzz/fuzz_*.c))
IN_FUZZ = $(QUIETLY) O=build-fuzz CC=clang CXX=clang++ SAN=address,undefined,fuzzer-no-link OPT='-O1 -g' fuzz-build
fuzz-build: $(FUZZ)
$(O)/fuzz/%: $(O)/obj/core/fuzz/%.o $(FUZZ_HELP) $(CORE_HELP) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer $(filter %.o,$^) $(CORE_LIBS) -o $@
fuzz: setup-dev ## libFuzzer on every target, FUZZ_TIME=60 seconds each; new inputs stay in build-fuzz/corpus
	@$(IN_FUZZ)
	@$(PYTHON) tools/run-fuzz --build build-fuzz --seconds $(FUZZ_TIME) --jobs $(JOBS) $(FUZZ_ARGS)
fuzz-keep: setup-dev ## add to core/fuzz/corpus what the work corpus covers and it does not
	@$(IN_FUZZ)
	@$(PYTHON) tools/run-fuzz --build build-fuzz --keep --jobs $(JOBS) $(FUZZ_ARGS)

# Constant time: core/tests/ct_*.c in a build where secrets are undefined memory, under valgrind.
CT := $(patsubst core/tests/%.c,$(O)/ct/%,$(wildcard core/tests/ct_*.c)) $(O)/ct/selftest
ct-build: $(CT)
$(O)/ct/%: $(O)/obj/core/tests/%.o $(CORE_HELP) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $< $(CORE_HELP) $(CORE_LIBS) -o $@
$(O)/ct/selftest: tools/ct-selftest.c core/src/crypto/wipe.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CORE_INC) $< -o $@
ct: setup-dev ## no branch and no address depends on a secret: core/tests/ct_*.c under valgrind
	@$(QUIETLY) O=build-ct DEF=-DCSEP_CT ct-build
	@tools/run-ct build-ct/ct

coverage: setup-dev ## lines and branches that the tests reach: build-cov/html
	@$(MAKE) --no-print-directory O=build-cov OPT='-O0 -g --coverage' test
	@tools/coverage.sh build-cov

BENCH_OBJ := $(patsubst %.c,$(O)/obj/%.o,$(wildcard bench/*.c))
bench-build: $(BENCH)
$(O)/bin/csep-bench: $(BENCH_OBJ) $(SIM_PART) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(BENCH_OBJ) $(SIM_PART) $(SIM_LIBS) -lgnutls -o $@
bench: setup ## measure speed and memory against other stacks; writes results/bench
	@$(QUIETLY) bench-build
	@$(O)/bin/csep-bench $(BENCH_ARGS)

# The demo: every scenario of the latency theme, then tables, figures and the claims page. Unmet expectations (status 1)
# are reported like the others, and told at the end.
DEMO_OUT = results/latency
demo: setup ## the first verdicts: run scenarios/latency and write results/latency
	@echo "building into $(O)/ (the first time takes a few minutes)"
	@$(QUIETLY) sim
	@$(SIM) run scenarios/latency/*.yaml --out $(DEMO_OUT) --pcap --jobs $(JOBS); status=$$?; [ $$status -le 1 ] || exit $$status; \
	$(PYTHON) report/latency.py $(DEMO_OUT) $(REPORT_ARGS) || exit; \
	echo "open $(DEMO_OUT)/claims.html; captures and keys.log are in $(DEMO_OUT)/captures/"; exit $$status
reference: ## the demo again, keeping its small results in results/reference and the table in README.md
	@$(MAKE) --no-print-directory demo REPORT_ARGS="--reference results/reference/latency --readme README.md"
