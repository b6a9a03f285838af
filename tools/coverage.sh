#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# coverage.sh BUILD: turn the counters of a --coverage build into BUILD/html and a summary.
set -euo pipefail
build=$1
quiet() { "$@" --quiet --rc lcov_branch_coverage=1 2> >(grep -v '^Subroutine .* redefined' >&2); }

# --initial also counts files that no test has run.
quiet lcov --capture --initial --directory "$build/obj" --output-file "$build/none.info"
quiet lcov --capture --directory "$build/obj" --output-file "$build/run.info"
quiet lcov --add-tracefile "$build/none.info" --add-tracefile "$build/run.info" --output-file "$build/all.info"
quiet lcov --extract "$build/all.info" "$PWD/core/src/*" "$PWD/core/include/*" "$PWD/sim/*" --output-file "$build/own.info"
quiet lcov --remove "$build/own.info" "$PWD/sim/tests/*" --output-file "$build/coverage.info"
quiet genhtml --branch-coverage --prefix "$PWD" --output-directory "$build/html" "$build/coverage.info"
lcov --rc lcov_branch_coverage=1 --list "$build/coverage.info"
echo "coverage: $build/html/index.html"
