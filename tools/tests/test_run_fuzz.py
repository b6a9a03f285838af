# SPDX-License-Identifier: BSD-2-Clause
"""tools/run-fuzz with shell scripts in the place of libFuzzer targets."""
import os
import subprocess
import sys

TOOL = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "run-fuzz"))
FINE = 'echo "#9 DONE cov: 42 ft: 50"; echo "stat::number_of_executed_units: 9"; echo new >"$7/input"; exit 0'
CRASH = 'echo "==7== ERROR: libFuzzer: deadly signal"; echo "Test unit written to build-fuzz/crashes/bad-crash-1"; exit 77'


def target(folder, name, script):
    path = folder / "build-fuzz" / "fuzz" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)


def run(folder, *args):
    return subprocess.run([sys.executable, TOOL, "--seconds", "1", *args], cwd=folder, capture_output=True, text=True, timeout=60)


def test_all_is_well(tmp_path):
    target(tmp_path, "fuzz_grant", FINE)
    got = run(tmp_path)
    assert got.returncode == 0
    assert got.stdout.splitlines() == [
        f"ok   {'grant':24} {9:>10} runs, {42:>5} edges, 1 inputs", "fuzz: 1 targets, 0 failed, 1 s each"]
    assert (tmp_path / "core" / "fuzz" / "corpus" / "grant").is_dir()


def test_a_crash_gives_its_reproducer(tmp_path):
    target(tmp_path, "fuzz_good", FINE)
    target(tmp_path, "fuzz_bad", CRASH)
    got = run(tmp_path)
    assert got.returncode == 1
    assert "deadly signal" in got.stdout
    assert "run it again: build-fuzz/fuzz/fuzz_bad build-fuzz/crashes/bad-crash-1" in got.stdout
    assert got.stdout.splitlines()[-1] == "fuzz: 2 targets, 1 failed, 1 s each"


def test_one_target_by_name_and_none_at_all(tmp_path):
    target(tmp_path, "fuzz_good", FINE)
    target(tmp_path, "fuzz_bad", CRASH)
    assert run(tmp_path, "good").returncode == 0
    assert run(tmp_path, "nobody").returncode == 1
