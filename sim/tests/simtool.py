# SPDX-License-Identifier: GPL-2.0-or-later
"""csep-sim and tshark as a user starts them, for the tests beside this file."""
import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SIM = (ROOT / os.environ.get("CSEP_BUILD", "build") / "bin" / "csep-sim").resolve()
PAYLOAD = b"These are the application's bytes. "  # sim/payload.h


def sim(*args, cwd=ROOT, **kw):
    """Runs csep-sim without a terminal; the result has returncode, stdout and stderr."""
    return subprocess.run([SIM, *map(str, args)], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120, **kw)


def play(out, *args, status=0):
    """A quiet run into `out` that has to end with `status`; its rows.json."""
    got = sim("run", *args, "--quiet", "--out", out)
    assert got.returncode == status, got.stdout + got.stderr
    return rows(out)


def rows(out):
    return json.loads((Path(out) / "rows.json").read_text(encoding="utf-8"))


def scenario(folder, text, name="s.yaml"):
    path = Path(folder) / name
    path.write_text("question: q\nclaims: [C22]\n" + text, encoding="utf-8")
    return path


def tshark(capture, *args, keys=True):
    """tshark's output on a capture; with `keys`, secrets come from the keys.log beside it."""
    secrets = ["-o", f"tls.keylog_file:{Path(capture).parent / 'keys.log'}"] if keys else []
    got = subprocess.run(["tshark", "-n", "-r", str(capture), "-d", "tcp.port==4433,tls", *secrets, *args],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                         env=dict(os.environ, LC_ALL="C.UTF-8", TZ="UTC"))
    assert got.returncode == 0, got.stderr
    return got.stdout


def lines(text):
    """The lines of tshark's output with -T fields that hold anything, each a list of values."""
    return [line.split("\t") for line in text.splitlines() if line.strip()]
