# SPDX-License-Identifier: BSD-2-Clause
"""The state tables of the specification are those of the code, as tools/states.c prints them."""
import os
import re
from collections import defaultdict

from . import Report, run

SPEC = "docs/spec.md"
# Per table: section, first cell of its head, machine, and for each of its columns the inputs of the code that it stands for.
TABLES = (
    ("4.3", "client state", "negotiation-client",
     ("BYTES", "TLS_UP", "GRANT", "WHOLE", "ERROR", "REVOKE", "LOCAL_CLOSE", "CLOSE_NOTIFY", "END", "TIMEOUT")),
    ("4.3", "server state", "negotiation-server",
     ("BYTES", "TLS_UP", "FINISHED", "REQUEST", "REVOKE", "CONTINUE", "ERROR", "CLOSE_NOTIFY", "END", "TIMEOUT")),
    ("6.11", "state", "data",
     ("OPEN", "ACCEPT", "REFUSE", "RETRY", "EARLY", "DATA ACKED", "CLOSE", "RESET", "TIMEOUT", "LOCAL_CLOSE")),
    ("8.2", "state", "stream",
     ("OPEN", "ACCEPT", "REFUSE", "EARLY", "DATA", "CLOSE", "END", "TIMEOUT", "LOCAL_CLOSE")),
    ("9.1", "state", "context",
     ("NEGOTIATE", "GRANTED", "FAILED", "SOFT_LIMIT", "HARD_LIMIT", "REFUSED", "USED", "REVOKE", "FORGET")),
)
# Inputs of the code without a column: what an end does by itself.
NO_COLUMN = {"stream": {"FAIL", "SENT"}}


def cells(line):
    return [c.strip() for c in line.strip().strip("|").split("|")]


def table(spec, section, first):
    """[(line number, cells)] of the rows of the table in that section whose head has so many cells and begins so; else None."""
    found = re.search(rf"^##+ {re.escape(section)}\.? .*?$(.*?)(?=^##|\Z)", spec, re.M | re.S)
    if not found:
        return None
    start = spec.count("\n", 0, found.start(1))
    lines = found[1].split("\n")
    for i, line in enumerate(lines):
        if line.startswith("|") and cells(line)[0] == first and len(cells(line)) > 4:
            rows = []
            for k, row in enumerate(lines[i + 2:], i + 2):
                if not row.startswith("|"):
                    break
                rows.append((start + k + 1, cells(row)))
            return rows
    return None


def meant(cell):
    """The set of what a cell of the specification names: states, `drop`, or nothing."""
    return set(re.findall(r"\b(?:[A-Z]{4,}|drop)\b", cell))


def followers(code, machine, state, inputs):
    """What the code does for a column; an input that is one of several says nothing by staying where it is."""
    says = [set(code[machine].get(state, {}).get(each, "-").split()) - {"-"} for each in inputs.split()]
    moves = [s for s in says if s != {state}]
    return set().union(*(moves if any(moves) else says))


def printed(tree):
    """{machine: {state: {input: what follows}}}, or what went wrong."""
    program = os.path.join(tree.build, "bin", "states")
    if not os.path.exists(program):
        return None, f"{program} is not built: make {program}"
    status, said = run([program, "--tsv"])
    code = defaultdict(lambda: defaultdict(dict))
    for line in said.splitlines():
        machine, state, event, follows = line.split("\t")
        code[machine][state][event] = follows
    return (code, None) if status == 0 else (None, said)


def compare(spec, code):
    """(number of places, findings)"""
    findings, places = [], 0
    for section, first, machine, columns in TABLES:
        rows = table(spec, section, first)
        if rows is None:
            findings.append(f"{SPEC}: no state table of {machine} in section {section}")
            continue
        known = set(" ".join(columns).split()) | NO_COLUMN.get(machine, set())
        inputs = {i for row in code[machine].values() for i in row}
        findings += [f"{machine}: input {i} of the code has no column" for i in sorted(inputs - known)]
        findings += [f"{machine}: the code has no input {i}" for i in sorted(known - inputs)]
        seen = set()
        for number, row in rows:
            for state in re.findall(r"[A-Z]+", row[0]):
                seen.add(state)
                if len(row) != len(columns) + 1:
                    findings.append(f"{SPEC}:{number}: {len(row) - 1} places for {len(columns)} inputs")
                    continue
                for cell, column in zip(row[1:], columns):
                    places += 1
                    want, have = meant(cell), followers(code, machine, state, column)
                    if want != have:
                        findings.append(f"{SPEC}:{number}: {machine}, {state}, {column}: {cell!r} here, "
                                        f"{' '.join(sorted(have)) or '-'} in the code")
        findings += [f"{SPEC}: section {section} has no row {s}" for s in code[machine] if s not in seen]
        findings += [f"{SPEC}: section {section}: the code has no state {s}" for s in sorted(seen - set(code[machine]))]
    return places, findings


def check(tree):
    code, wrong = printed(tree)
    if wrong:
        return Report(findings=[wrong])
    places, findings = compare(tree.text(SPEC), code)
    return Report(f"{places} places of the specification are those of the code", findings)
