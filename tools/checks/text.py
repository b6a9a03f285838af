# SPDX-License-Identifier: BSD-2-Clause
"""What can be seen in the text of the files: licence lines, stray paths, floating point, size."""
import re

from . import Report, run

SOURCE = (".c", ".h", ".cc", ".py", ".sh", ".mk", ".yaml", ".lua")
NAMED = ("Makefile", ".ci/run", "tools/run-tests", "tools/run-fuzz", "tools/run-ct", "tools/same-trace", "tools/check")
GPL = ("sim/", "dissector/")  # they link GPL code
EITHER = ("bench/",)  # one part of it links sim/


def sources(tree):
    return [n for n in tree.files() if n.endswith(SOURCE) or n in NAMED]


def licences(tree):
    findings = []
    names = sources(tree)
    for name in names:
        wanted = "GPL-2.0-or-later" if name.startswith(GPL) else "BSD-2-Clause"
        found = re.search(r"SPDX-License-Identifier: (\S+)", "\n".join(tree.text(name).splitlines()[:5]))
        if not found:
            findings.append(f"{name}:1: no SPDX-License-Identifier in the first five lines; here it is {wanted}")
        elif found[1] != wanted and not (name.startswith(EITHER) and found[1] == "GPL-2.0-or-later"):
            findings.append(f"{name}:1: SPDX says {found[1]}, here it is {wanted}")
    return Report(f"{len(names)} files", findings)


# Paths of somebody's machine; written so that these lines do not find themselves.
MACHINE_PATH = re.compile(r"(?<![\w.$}~-])/(?:work|root|home/\w+|tmp)/[\w.]")
IN_TESTS = re.compile(MACHINE_PATH.pattern.replace("|tmp", ""))  # a test may have temporary files


def paths(tree):
    findings, count = [], 0
    for name in tree.files():
        if re.search(r"\.(pcap(ng)?|bin|png|svg|gz)$", name) or name.startswith(("core/fuzz/corpus/", "tools/tests/")):
            continue
        count += 1
        pattern = IN_TESTS if "/tests/" in name else MACHINE_PATH
        for number, line in enumerate(tree.text(name).splitlines(), 1):
            if pattern.search(line):
                findings.append(f"{name}:{number}: a path of one machine: {line.strip()[:80]}")
    return Report(f"{count} files", findings)


def strip_comments(text):
    """Comments and strings away, lines kept."""
    def blank(match):
        return "\n" * match[0].count("\n") if match[0][0] == "/" else '""'
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def integers(tree):
    """The core computes in integers, so that a seed gives the same run on every machine."""
    findings, names = [], list(tree.files(".c", ".h", under="core/src/")) + list(tree.files(".h", under="core/include/"))
    for name in names:
        for number, line in enumerate(strip_comments(tree.text(name)).splitlines(), 1):
            if re.search(r"\b(float|double)\b", line):
                findings.append(f"{name}:{number}: floating point in the core")
    return Report(f"{len(names)} files of core/", findings)


def formatting(tree):
    names = list(tree.files(".c", ".h", ".cc"))
    code, text = run(["clang-format", "--dry-run", "-Werror", "--ferror-limit=2", *names], tree.root)
    findings = [line for line in text.splitlines() if "error:" in line] if code else []
    return Report(f"{len(names)} files", findings + (["run `make format`"] if code else []))
