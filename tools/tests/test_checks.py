# SPDX-License-Identifier: BSD-2-Clause
"""The house rules see a violation that was planted, and leave good code alone."""
import os
import subprocess
import sys

import pytest

TOOLS = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, TOOLS)
from checks import Tree, headers, includes, numbers, states, symbols, text  # noqa: E402

SPDX = "/* SPDX-License-Identifier: BSD-2-Clause */\n"


def plant(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return Tree(str(root), str(root / "build"))


def with_rules(files):
    with open(os.path.join(TOOLS, "include-rules.txt"), encoding="utf-8") as f:
        return {"tools/include-rules.txt": f.read(), **files}


GOOD = {
    "core/include/csep/wire.h": "enum { CSEP_ONE = 1 };\n",
    "core/include/csep/tls.h": '#include <stdint.h>\n#include "csep/time.h"\n',
    "core/include/csep/time.h": "",
    "core/include/csep/context.h": "",
    "core/src/base/cursor.h": "",
    "core/src/tls/record.h": "",
    "core/src/tls/record.c": '#include "tls/record.h"\n#include "base/cursor.h"\n#include <string.h>\n',
    "core/src/data/x.c": '#include "csep/wire.h"\n',
    "sim/ns3_tcp.cc": '#include "ns3/node.h"\n#include "csep/time.h"\n',
    "sim/main.c": '#include <stdio.h>\n#include "csep/tls.h"\n',
}


def test_arrows_that_are_right(tmp_path):
    report = includes.check(plant(tmp_path, with_rules(GOOD)))
    assert report.findings == [] and report.note == "10 include lines"


@pytest.mark.parametrize("name, line, complaint", [
    ("core/src/tls/a.c", '#include "csep/context.h"', "may not look into core/include/csep/context.h"),
    ("core/src/data/a.c", '#include "tls/record.h"', "may not look into core/src/tls/record.h"),
    ("core/src/data/a.c", '#include "../tls/record.h"', "may not look into core/src/tls/record.h"),
    ("core/src/negotiate/a.c", '#include "csep/tls.h"', "may not look into core/include/csep/tls.h"),
    ("core/src/base/a.c", '#include "tls/record.h"', "may not look into core/src/tls/record.h"),
    ("core/src/data/a.c", "#include <time.h>", "<time.h> is not for this place"),
    ("core/src/data/a.c", "#include <sodium.h>", "<sodium.h> is not for this place"),
    ("core/include/csep/wire.h", '#include "csep/time.h"', "may not look into core/include/csep/time.h"),
    ("sim/a.c", '#include "base/cursor.h"', "may not look into core/src/base/cursor.h"),
    ("sim/a.cc", '#include "ns3/node.h"', "may not look into ns3/node.h"),
    ("sim/a.c", '#include "nowhere.h"', "is not a file of this project"),
    ("newroom/a.c", '#include "csep/tls.h"', "no rule"),
])
def test_planted_include_is_found(tmp_path, name, line, complaint):
    report = includes.check(plant(tmp_path, with_rules({**GOOD, name: "/* first */\n" + line + "\n"})))
    assert len(report.findings) == 1
    assert report.findings[0].startswith(f"{name}:2: ") and complaint in report.findings[0]


def library(root, source):
    (root / "x.c").write_text(source)
    (root / "build" / "lib").mkdir(parents=True)
    subprocess.run(["gcc", "-O1", "-fno-builtin", "-c", "x.c", "-o", "x.o"], cwd=root, check=True)
    subprocess.run(["ar", "rcs", "build/lib/libcsep.a", "x.o"], cwd=root, check=True)
    return symbols.check(Tree(str(root), str(root / "build")))


def test_library_that_asks_for_nothing(tmp_path):
    assert library(tmp_path, "#include <string.h>\nextern int crypto_sign_seed_keypair(void);\n"
                             "static int help(void) { return crypto_sign_seed_keypair(); }\n"
                             "const char *const csep_names[] = {\"a\", \"b\"};\n"
                             "void csep_f(char *a, const char *b) { memcpy(a, b, (size_t)help()); }\n").findings == []


@pytest.mark.parametrize("call", ["malloc", "time", "socket", "clock_gettime", "printf", "randombytes_buf", "sodium_malloc",
                                  "crypto_box_keypair", "crypto_aead_chacha20poly1305_ietf_keygen", "crypto_pwhash"])
def test_planted_call_is_found(tmp_path, call):
    findings = library(tmp_path, f"extern long {call}();\nlong csep_f(void) {{ return (long){call}(1); }}\n").findings
    assert len(findings) == 1 and f"calls {call}," in findings[0]


@pytest.mark.parametrize("variable", ["int csep_count;", "static int count = 3; int csep_f(void) { return ++count; }"])
def test_planted_global_is_found(tmp_path, variable):
    findings = library(tmp_path, variable + "\n").findings
    assert len(findings) == 1 and "writable global" in findings[0]


def test_header_that_leans_on_another(tmp_path):
    tree = plant(tmp_path, {"core/include/csep/good.h": "#ifndef G\n#define G\n#include <stdint.h>\ntypedef uint8_t csep_g;\n#endif\n",
                            "core/include/csep/bad.h": "uint8_t csep_bad(void);\n",
                            "core/include/csep/conly.h": "#ifndef C\n#define C\nint csep_f(int class);\n#endif\n"})
    findings = headers.check(tree).findings
    assert [f.split(":")[0] + f.split(" as ")[1][:5] for f in findings] == [
        "core/include/csep/bad.hc11:\n", "core/include/csep/bad.hc++17", "core/include/csep/conly.hc++17"]


def test_licence_lines(tmp_path):
    tree = plant(tmp_path, {"core/a.c": SPDX, "core/b.c": "int x;\n", "sim/c.c": SPDX, "README.md": "text\n",
                            "sim/d.c": SPDX.replace("BSD-2-Clause", "GPL-2.0-or-later")})
    assert [f.split(":")[0] for f in text.licences(tree).findings] == ["core/b.c", "sim/c.c"]


def test_machine_paths(tmp_path):
    tree = plant(tmp_path, {"a.md": "see https://example.org/work/x and ./work/y and $HOME/tmp/z\n",
                            "b.md": "first\nopen /root/notes.txt\n", "c.py": 'out = "/tmp/run1"\n',
                            "sim/tests/d.c": 'open("/tmp/x"); open("/root/x")\n', "sim/tests/e.c": 'open("/tmp/x")\n'})
    assert [f.rsplit(": a path", 1)[0] for f in text.paths(tree).findings] == ["b.md:2", "c.py:1", "sim/tests/d.c:1"]


def test_floating_point(tmp_path):
    tree = plant(tmp_path, {"core/src/a.c": "/* a double\nfloat */ int a; // float\nconst char *s = \"double\";\n",
                            "core/src/b.c": "int b;\ndouble c;\n", "sim/d.c": "double d;\n"})
    assert [f.rsplit(": ", 1)[0] for f in text.integers(tree).findings] == ["core/src/b.c:2"]


NUMBERS = {
    "docs/spec.md": "### 4.1 Messages\n| 1 | GRANT | server |\n### 4.2 Fields\n| 1 | HANDLE | x |\n"
                    "### 7.1 Rules\n| 0x00 | PADDING | x |\n| 0x0a | TICKETS | x |\n### 7.3 Parameters\n| 1 | MAX_DATA | x |\n"
                    "## 10. Errors\n| 0x0000 | NONE | x |\n| 0x0002 | DECODE | x |\n## 11. More\n| 7 | OTHER | x |\n",
    "core/include/csep/wire.h": "enum { CSEP_MSG_GRANT = 1 }; enum { CSEP_FIELD_HANDLE = 1 };\n"
                                "enum { CSEP_FRAME_PADDING = 0x00, CSEP_FRAME_TICKETS = 0x0a };\nenum { CSEP_PARAM_MAX_DATA = 1 };\n",
    "core/include/csep/status.h": '    X(ERR_DECODE, 0x0002, 50, PEER, "malformed") \\\n    X(ERR_LIMIT, 0x001a, 0, LOCAL, "x")\n',
}


def test_numbers_agree(tmp_path):
    report = numbers.check(plant(tmp_path, NUMBERS))
    assert report.findings == [] and report.note.startswith("6 of")


@pytest.mark.parametrize("name, old, new, complaint", [
    ("docs/spec.md", "| 0x0a | TICKETS |", "| 0x0b | TICKETS |", "TICKETS is 11 in the specification, 10 in the header"),
    ("docs/spec.md", "| 1 | HANDLE |", "| 1 | HANDLE | x |\n| 2 | LIFETIME |", "LIFETIME = 2 is in the specification only"),
    ("docs/spec.md", "| 0x0002 | DECODE |", "| 0x0003 | DECODE |", "DECODE is 3 in the specification, 2 in the header"),
    ("core/include/csep/wire.h", "CSEP_MSG_GRANT = 1", "CSEP_MSG_GRANT = 1, CSEP_MSG_X = 9", "X = 9 is in the header only"),
])
def test_planted_number_is_found(tmp_path, name, old, new, complaint):
    findings = numbers.check(plant(tmp_path, {**NUMBERS, name: NUMBERS[name].replace(old, new)})).findings
    assert len(findings) == 1 and complaint in findings[0]


def code_of(rows):
    """What tools/states.c would print: one machine, `context`, with these rows of what follows each input."""
    inputs = states.TABLES[-1][3]
    return {"context": {state: dict(zip(inputs, follows)) for state, follows in rows.items()}}


STATE_TABLE = """### 9.1 States

| state | negotiate | granted | failed | soft | hard | refused | used | revoke | forget |
|---|---|---|---|---|---|---|---|---|---|
| NONE, EXPIRED | SOFT | - | - | drop | - | - | SOFT, or NONE on ACK | - | - |
| SOFT | SOFT | - | - | - | - | - | - | - | - |
"""
ROW = ["SOFT", "-", "-", "drop", "-", "-", "NONE SOFT", "-", "-"]
STATE_ROWS = {"NONE": ROW, "EXPIRED": ROW, "SOFT": ["SOFT"] + ["-"] * 8}


def state_findings(spec, rows, monkeypatch):
    monkeypatch.setattr(states, "TABLES", states.TABLES[-1:])
    return states.compare(spec, code_of(rows))[1]


def test_state_tables_agree(monkeypatch):
    assert state_findings(STATE_TABLE, STATE_ROWS, monkeypatch) == []


@pytest.mark.parametrize("old, new, complaint", [
    ("| SOFT | SOFT |", "| SOFT | NONE |", "docs/spec.md:6: context, SOFT, NEGOTIATE: 'NONE' here, SOFT in the code"),
    ("| drop |", "| - |", "docs/spec.md:5: context, NONE, SOFT_LIMIT: '-' here, drop in the code"),
    (", or NONE on ACK", "", "'SOFT' here, NONE SOFT in the code"),
    ("| NONE, EXPIRED |", "| NONE |", "has no row EXPIRED"),
    ("| SOFT | SOFT | -", "| FRESH | SOFT | -", "the code has no state FRESH"),
    ("### 9.1", "### 9.9", "no state table"),
    ("- | - |\n| SOFT |", "- |\n| SOFT |", "8 places for 9 inputs"),
])
def test_planted_state_is_found(monkeypatch, old, new, complaint):
    spec = STATE_TABLE.replace(old, new)
    found = state_findings(spec, STATE_ROWS, monkeypatch)
    assert any(complaint in f for f in found), found


def test_states_of_the_code_that_nobody_wrote_down(monkeypatch):
    rows = {**STATE_ROWS, "LOST": ROW}
    assert any("has no row LOST" in f for f in state_findings(STATE_TABLE, rows, monkeypatch))
