# SPDX-License-Identifier: BSD-2-Clause
# Targets that judge the code rather than build it, and the demonstration.

.PHONY: format demo bench

format: setup-dev ## rewrite the sources as .clang-format says
	clang-format -i $$(git ls-files '*.c' '*.h' '*.cc')

# What the demo shows once its runs are there: tables, figures, the claims page.
DEMO_RUN    ?= $(O)/bin/csep-sim run scenarios/latency/*.yaml --out results/latency
DEMO_REPORT ?=
demo: setup ## the first verdicts: run scenarios/latency and write results/latency
	@echo "building into $(O)/ (the first time takes a few minutes)"
	@$(QUIETLY) sim
	@$(DEMO_RUN)
	@$(DEMO_REPORT)

BENCH_OBJ := $(patsubst %.c,$(O)/obj/%.o,$(wildcard bench/*.c))
$(O)/bin/csep-bench: $(BENCH_OBJ) $(SIM_PART) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(BENCH_OBJ) $(SIM_PART) $(SIM_LIBS) -lgnutls -o $@
bench: setup ## measure speed and memory against other stacks; writes results/bench
	@$(QUIETLY) lib $(O)/bin/csep-bench
	@$(O)/bin/csep-bench
