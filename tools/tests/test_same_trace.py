# SPDX-License-Identifier: BSD-2-Clause
"""tools/same-trace with shell scripts in the place of csep-sim."""
import json
import os
import subprocess
import sys

TOOL = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "same-trace"))


def row(trace_hash, delay=5, name="S1"):
    return {"row": name, "rtt_ms": 20, "ip": 4, "delay_ns": delay, "trace_hash": trace_hash}


def simulator(folder, build, rows, status=0):
    path = folder / build / "bin" / "csep-sim"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\nmkdir -p {build}/same-trace\ncat >{build}/same-trace/rows.json <<'X'\n{json.dumps(rows)}\nX\n"
                    f"echo some words\nexit {status}\n")
    path.chmod(0o755)


def run(folder, *builds):
    return subprocess.run([sys.executable, TOOL, *builds, "--", "a.yaml"], cwd=folder, capture_output=True, text=True, timeout=60)


def test_equal(tmp_path):
    simulator(tmp_path, "one", [row("a"), row("b")], status=1)
    simulator(tmp_path, "two", [row("a"), row("b")])
    got = run(tmp_path, "one", "two")
    assert got.returncode == 0
    assert got.stdout.splitlines() == ["ok   one and two: 2 results, 0 differ", "same-trace: 2 builds, 0 differences"]


def test_differences_are_named(tmp_path):
    simulator(tmp_path, "one", [row("a"), row("b")])
    simulator(tmp_path, "two", [row("a"), row("c", delay=6)])
    simulator(tmp_path, "three", [row("a"), row("b"), row("d", name="W1")])
    got = run(tmp_path, "one", "two", "three")
    assert got.returncode == 1
    assert "S1 at 20 ms over IPv4: delay_ns 5 and 6, trace_hash b and c" in got.stdout
    assert "W1 at 20 ms over IPv4: only in one of them" in got.stdout


def test_a_fault_or_nothing_is_a_failure(tmp_path):
    simulator(tmp_path, "one", [])
    simulator(tmp_path, "two", [], status=4)
    got = run(tmp_path, "one", "two")
    assert got.returncode == 1 and "two/bin/csep-sim: exit status 4" in got.stderr
    assert run(tmp_path, "one", "one").returncode == 1
