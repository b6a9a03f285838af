# SPDX-License-Identifier: BSD-2-Clause
"""tools/run-tests counts what ran, shows what failed, and never calls silence a success."""
import os
import subprocess
import sys

TOOL = os.path.join(os.path.dirname(__file__), "..", "run-tests")


def program(folder, name, script):
    path = folder / "build" / "tests" / "core" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return str(path.relative_to(folder))


def run(folder, *args):
    return subprocess.run([sys.executable, os.path.abspath(TOOL), *args], cwd=folder, capture_output=True, text=True,
                          timeout=60)


PASSES = "echo '[==========] 3 test(s) run.'; echo '[  PASSED  ] 3 test(s).'"
FAILS = ("echo 'src/x.c:7: error: 1 != 2'; echo '[  PASSED  ] 1 test(s).'; "
         "echo '[  FAILED  ] 1 test(s), listed below:'; exit 1")


def test_counts_and_own_lines(tmp_path):
    got = run(tmp_path, program(tmp_path, "test_a", PASSES), program(tmp_path, "test_b", PASSES))
    assert got.returncode == 0
    assert got.stdout.splitlines()[-1] == "6 passed, 0 failed"
    assert got.stdout.splitlines().count("[  PASSED  ] 3 test(s).") == 2


def test_failure_is_shown_and_counted(tmp_path):
    got = run(tmp_path, program(tmp_path, "test_a", PASSES), program(tmp_path, "test_b", FAILS))
    assert got.returncode == 1
    assert "src/x.c:7: error: 1 != 2" in got.stdout
    assert got.stdout.splitlines()[-2:] == ["failed: core/test_b", "4 passed, 1 failed"]


def test_crash_and_hang_and_silence_are_failures(tmp_path):
    got = run(tmp_path, "--timeout", "1", program(tmp_path, "test_crash", "kill -SEGV $$"),
              program(tmp_path, "test_hang", "sleep 30"), program(tmp_path, "test_silent", "exit 0"),
              program(tmp_path, "test_odd", PASSES + "; exit 3"))
    assert got.returncode == 1
    for words in ("killed by SIGSEGV", "still running after 1 s", "ran no test", "exit status 3"):
        assert words in got.stdout
    assert got.stdout.splitlines()[-1] == "3 passed, 4 failed"


def test_pytest_counts(tmp_path):
    (tmp_path / "test_x.py").write_text("def test_good():\n    pass\n\n\ndef test_bad():\n    assert 1 == 2\n")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "test_not_ours.py").write_text("raise SystemError\n")
    got = run(tmp_path)
    assert got.returncode == 1
    assert got.stdout.splitlines()[-1] == "1 passed, 1 failed"


def test_nothing_to_run_is_a_failure(tmp_path):
    assert run(tmp_path).returncode == 1
