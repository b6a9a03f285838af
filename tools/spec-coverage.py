#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Which requirements of docs/spec.md are implemented, tested, excepted or missing.

A requirement starts a line or a list item:  **NEG-12** The client MUST ...
and has exactly one of MUST, MUST NOT, SHOULD, SHOULD NOT, MAY. Code cites it:

    //= NEG-12, NEG-13            the line that obeys it (in Python and YAML: #= NEG-12)
    //= NEG-12 type=test          the test that proves it; in a test file, type=test is understood
    //= NEG-12 type=exception why a deliberate gap, with its reason

Writes OUT.txt and OUT.json. Exit status 1 if the specification or a citation is wrong: an id given
twice, no or several keywords, an id that does not exist, an exception without a reason. A requirement
that nobody cites is not an error; the list calls it "not yet implemented".
"""
import argparse
import json
import os
import re
import sys
from collections import Counter
from dataclasses import dataclass, field

ID = r"[A-Z][A-Z0-9]*-[0-9]+[a-z]?"
START = re.compile(rf"^\s*(?:[-*+]\s+|\d+\.\s+|>\s*)?\*\*({ID})\*\*[:.]?\s*(.*)$")
ENDS = re.compile(r"^\s*$|^\s*(?:[-*+]|\d+\.)\s|^#|^\s*```|^\s*\|")
KEYWORD = re.compile(r"\b(MUST NOT|MUST|SHOULD NOT|SHOULD|MAY)\b")
CITATION = re.compile(r"(?:^|\s)(?://|#)=\s+(.*?)\s*(?=\s(?://|#)=\s|\*/|-{3,}|$)")  # several may share a line
CITED = re.compile(rf"^({ID}(?:(?:\s*,\s*|\s+){ID})*)(?:\s+type=(\w+)\s*(.*))?$")
SUFFIXES = (".c", ".h", ".cc", ".py", ".yaml", ".lua")
IS_TEST = re.compile(r"(?:^|/)(?:tests|fuzz|conformance)/|(?:^|/)test_[^/]*$")
STATES = ("tested", "implemented", "excepted", "missing")
MEANING = {"tested": "implemented and tested", "implemented": "implemented, cited by no test",
           "excepted": "left out on purpose", "missing": "not yet implemented"}


@dataclass
class Requirement:
    id: str
    line: int
    section: str
    text: str
    keyword: str = ""
    implementation: list = field(default_factory=list)
    tests: list = field(default_factory=list)
    exceptions: list = field(default_factory=list)

    @property
    def state(self):
        if self.exceptions:
            return "excepted"
        if self.tests:
            return "tested"
        return "implemented" if self.implementation else "missing"


def read_spec(text, name, errors):
    """Requirements in order; what is wrong with them goes to errors."""
    found, section, lines, fenced = {}, "", text.splitlines(), False
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        if not fenced and line.startswith("#"):
            section = line.lstrip("#").strip()
        match = None if fenced else START.match(line)
        if not match:
            continue
        words = [match[2].strip()]
        for more in lines[number:]:
            if ENDS.match(more) or START.match(more):
                break
            words.append(more.strip())
        req = Requirement(match[1], number, section, " ".join(words).strip())
        keywords = KEYWORD.findall(re.sub(r"`[^`]*`", "", req.text))
        if len(keywords) != 1:
            errors.append(f"{name}:{number}: {req.id} has {len(keywords) or 'no'} keyword{'s' * (len(keywords) > 1)}"
                          f"{': ' + ', '.join(keywords) if keywords else ''}; it needs one of MUST, SHOULD, MAY")
        req.keyword = keywords[0] if keywords else ""
        if req.id in found:
            errors.append(f"{name}:{number}: {req.id} is there already, in line {found[req.id].line}")
        else:
            found[req.id] = req
    return found


def read_citations(text, name, requirements, errors):
    """Enter the citations of one file into the requirements."""
    for number, line in enumerate(text.splitlines(), 1):
        for cited in CITATION.findall(line):
            enter(cited, name, f"{name}:{number}", requirements, errors)


def enter(text, name, at, requirements, errors):
    """One citation: what follows //=."""
    cited = CITED.match(text.strip())
    if not cited:
        errors.append(f"{at}: not a citation: {text.strip()}")
        return
    kind, reason = cited[2] or ("test" if IS_TEST.search(name) else "implementation"), (cited[3] or "").strip()
    if kind not in ("test", "exception", "implementation"):
        errors.append(f"{at}: unknown type={kind}; there are test and exception")
        return
    if kind == "exception" and not reason:
        errors.append(f"{at}: an exception needs a reason after type=exception")
    for one in re.findall(ID, cited[1]):
        req = requirements.get(one)
        if req is None:
            errors.append(f"{at}: cites {one}, which the specification does not have")
        elif kind == "exception":
            req.exceptions.append({"at": at, "reason": reason})
        else:
            (req.tests if kind == "test" else req.implementation).append(at)


def source_files(root):
    for folder, below, names in os.walk(root):
        below[:] = sorted(d for d in below if not re.match(r"\.|build|__pycache__", d)
                          and os.path.relpath(os.path.join(folder, d), root) not in ("tools", "results"))
        for n in sorted(names):
            if n.endswith(SUFFIXES):
                yield os.path.relpath(os.path.join(folder, n), root)


def as_text(requirements, spec):
    """The list for people: totals, then what is missing, then all by section."""
    everything = list(requirements.values())
    out = [f"{spec}: {len(everything)} requirements", ""]
    out.append(f"{'':12}" + "".join(f"{k:>12}" for k in ("all", "MUST (NOT)", "SHOULD", "MAY")))
    for state in STATES:
        of_state = [r for r in everything if r.state == state]
        row = [len(of_state)] + [sum(r.keyword.startswith(k) for r in of_state) for k in ("MUST", "SHOULD", "MAY")]
        out.append(f"{state:12}" + "".join(f"{n:12}" for n in row) + f"   {MEANING[state]}")
    section = None
    for req in everything:
        if req.section != section:
            section = req.section
            out += ["", section]
        where = req.implementation[:2] + req.tests[:2] + [f"{e['at']} ({e['reason']})" for e in req.exceptions]
        note = ", ".join(where) or MEANING["missing"]
        out.append(f"  {req.id:10} {req.keyword:10} {req.state:12} {note}")
    return "\n".join(out) + "\n"


def as_json(requirements, spec):
    rows = [{"id": r.id, "section": r.section, "line": r.line, "keyword": r.keyword, "state": r.state, "text": r.text,
             "implementation": r.implementation, "tests": r.tests, "exceptions": r.exceptions}
            for r in requirements.values()]
    return json.dumps({"spec": spec, "totals": Counter(r["state"] for r in rows), "requirements": rows}, indent=1) + "\n"


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--root", default=".")
    ap.add_argument("--spec", default="docs/spec.md", help="relative to the root")
    ap.add_argument("--out", default="build/spec-coverage", help="two files, .txt and .json")
    args = ap.parse_args()
    errors = []
    with open(os.path.join(args.root, args.spec), encoding="utf-8") as f:
        requirements = read_spec(f.read(), args.spec, errors)
    if not requirements:
        errors.append(f"{args.spec}: no requirement in it")
    for name in source_files(args.root):
        with open(os.path.join(args.root, name), encoding="utf-8", errors="replace") as f:
            read_citations(f.read(), name, requirements, errors)
    os.makedirs(os.path.dirname(args.out) or ".", exist_ok=True)
    for suffix, form in ((".txt", as_text), (".json", as_json)):
        with open(args.out + suffix, "w", encoding="utf-8") as f:
            f.write(form(requirements, args.spec))
    for line in errors:
        print(line)
    counts = Counter(r.state for r in requirements.values())
    print(f"{len(requirements)} requirements: " + ", ".join(f"{counts[s]} {s}" for s in STATES) + f"; see {args.out}.txt")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
