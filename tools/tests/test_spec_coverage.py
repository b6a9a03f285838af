# SPDX-License-Identifier: BSD-2-Clause
"""tools/spec-coverage.py: what it reads, what it lists, what it refuses."""
import importlib.util
import json
import os
import subprocess
import sys

import pytest

TOOL = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "spec-coverage.py"))
spec = importlib.util.spec_from_file_location("spec_coverage", TOOL)
cover = importlib.util.module_from_spec(spec)
sys.modules["spec_coverage"] = cover
spec.loader.exec_module(cover)

SPEC = """# 4 Negotiation

**NEG-1** The client MUST speak first
when it is spoken to.

- **NEG-2** The server SHOULD NOT care, see **NEG-1** for more.
- **NEG-3** Both MAY leave; `MUST` in code does not count.

Some text that MUST not be read as a requirement.

```
**NEG-9** The example MUST be skipped.
```
"""


def read(text):
    errors = []
    return cover.read_spec(text, "spec.md", errors), errors


def test_requirements_are_found_with_their_keyword_and_section():
    found, errors = read(SPEC)
    assert not errors
    assert [(r.id, r.keyword, r.section) for r in found.values()] == [
        ("NEG-1", "MUST", "4 Negotiation"), ("NEG-2", "SHOULD NOT", "4 Negotiation"), ("NEG-3", "MAY", "4 Negotiation")]
    assert found["NEG-1"].text == "The client MUST speak first when it is spoken to."


@pytest.mark.parametrize("line, complaint", [
    ("**NEG-4** The client must do it.", "no keyword"),
    ("**NEG-4** The client MUST do it and MAY rest.", "2 keywords: MUST, MAY"),
    ("**NEG-1** The client MUST do it again.", "is there already, in line 3"),
])
def test_bad_requirements_are_errors(line, complaint):
    _, errors = read(SPEC + "\n" + line + "\n")
    assert len(errors) == 1 and complaint in errors[0]


@pytest.mark.parametrize("name, line, state", [
    ("core/src/x.c", "    //= NEG-1", "implemented"),
    ("core/src/x.c", "    f(); //= NEG-2, NEG-1", "implemented"),
    ("core/src/x.c", "    f(); //= NEG-2 NEG-1", "implemented"),
    ("core/src/x.c", "    f(); //= NEG-2 //= NEG-1", "implemented"),
    ("core/src/x.c", "/* ---- Keys //= NEG-2, NEG-1 ---- */", "implemented"),
    ("core/src/x.c", "/* A word first. //= NEG-1 */", "implemented"),
    ("core/src/x.c", "    //= NEG-1 type=test", "tested"),
    ("core/tests/test_x.c", "    //= NEG-1", "tested"),
    ("docs/vectors/make.py", "#= NEG-1 type=test", "tested"),
    ("core/src/x.c", "    //= NEG-1 type=exception needs a clock", "excepted"),
    ("core/src/x.c", '    url = "http://=";', "missing"),
])
def test_citations(name, line, state):
    found, errors = read(SPEC)
    cover.read_citations("first line\n" + line + "\n", name, found, errors)
    assert not errors
    assert found["NEG-1"].state == state
    if state == "excepted":
        assert found["NEG-1"].exceptions == [{"at": "core/src/x.c:2", "reason": "needs a clock"}]


@pytest.mark.parametrize("line, complaint", [
    ("//= NEG-77", "x.c:1: cites NEG-77, which the specification does not have"),
    ("//= NEG-1 type=exception", "an exception needs a reason"),
    ("//= NEG-1 type=wish", "unknown type=wish"),
    ("//= see the specification", "not a citation"),
])
def test_bad_citations_are_errors(line, complaint):
    found, errors = read(SPEC)
    cover.read_citations(line, "x.c", found, errors)
    assert len(errors) == 1 and complaint in errors[0]


def run(root):
    return subprocess.run([sys.executable, TOOL, "--root", str(root), "--out", str(root / "build" / "cov")],
                          capture_output=True, text=True, timeout=60)


def test_whole_run(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "spec.md").write_text(SPEC)
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "x.c").write_text("//= NEG-1\n")
    got = run(tmp_path)
    assert got.returncode == 0
    assert got.stdout.startswith("3 requirements: 0 tested, 1 implemented, 0 excepted, 2 missing")
    rows = json.loads((tmp_path / "build" / "cov.json").read_text())
    assert rows["totals"] == {"implemented": 1, "missing": 2}
    assert rows["requirements"][0]["implementation"] == ["core/x.c:1"]
    assert "not yet implemented" in (tmp_path / "build" / "cov.txt").read_text()
    (tmp_path / "core" / "x.c").write_text("//= NEG-99\n")
    assert run(tmp_path).returncode == 1
