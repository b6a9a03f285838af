# SPDX-License-Identifier: BSD-2-Clause
"""The peer, and the modules of docs/vectors on which it stands, can be imported; `harness` is one process of ends of libcsep;
`pair` makes the two ends of a connection, in each of the ways in which two implementations can meet."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers" / "python"))

import csep_peer  # noqa: E402,F401  (adds docs/vectors)
from ends import Harness, lib_acceptor, lib_opener, python_acceptor, python_opener  # noqa: E402


PAIRS = ("python-lib", "lib-python", "python-python")


@pytest.fixture(name="harness")
def fixture_harness():
    harness = Harness()
    yield harness
    harness.done()


@pytest.fixture(name="pair", params=PAIRS)
def fixture_pair(request, harness):
    """Makes the opener and the acceptor of one connection: pair(slot, transport, service, **of both, or of one)."""
    opener_is, acceptor_is = request.param.split("-")
    seeds = []

    def make(one, transport, service, opener=None, acceptor=None, known=None, **both):
        opener, acceptor = {**both, **(opener or {})}, {**both, **(acceptor or {})}
        opener["seed"] = acceptor["seed"] = len(seeds)
        seeds.append(one)
        known = [one] if known is None else known
        o = python_opener(one, transport, service, **opener) if opener_is == "python" else \
            lib_opener(harness, one, transport, service, **opener)
        a = python_acceptor(known, transport, **acceptor) if acceptor_is == "python" else \
            lib_acceptor(harness, known, transport, **acceptor)
        return o, a
    return make
