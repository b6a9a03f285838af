# SPDX-License-Identifier: BSD-2-Clause
"""The peer, and the modules of docs/vectors on which it stands, can be imported; `harness` is one process of libcsep's ends."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers" / "python"))

import csep_peer  # noqa: E402,F401  (adds docs/vectors)
from ends import Harness  # noqa: E402


@pytest.fixture(name="harness")
def fixture_harness():
    harness = Harness()
    yield harness
    harness.done()
