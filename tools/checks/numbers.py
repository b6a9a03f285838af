# SPDX-License-Identifier: BSD-2-Clause
"""The tables of the specification and the enums of the headers name the same numbers."""
import re

from . import Report

SPEC, WIRE, STATUS = "docs/spec.md", "core/include/csep/wire.h", "core/include/csep/status.h"
# Section of the specification, prefix in wire.h; the section's table has number and name in its first two columns.
TABLES = (("4.1", "CSEP_MSG_"), ("4.2", "CSEP_FIELD_"), ("7.1", "CSEP_FRAME_"), ("7.3", "CSEP_PARAM_"))


def table(spec, section):
    """{name: number} of the rows `| 0x0a | NAME | ...` in a section."""
    body = re.search(rf"^##+ {re.escape(section)}\.? .*?$(.*?)(?=^##|\Z)", spec, re.M | re.S)
    rows = re.findall(r"^\| *(0x[0-9a-f]+|\d+) *\| *([A-Z][A-Z0-9_]*) *\|", body[1] if body else "", re.M)
    return {name: int(number, 0) for number, name in rows}


def enumerators(header, prefix):
    return {name: int(number, 0) for name, number in re.findall(rf"\b{prefix}([A-Z0-9_]+) = (0x[0-9a-f]+|\d+)\b", header)}


def codes(header):
    """{name: wire code} of the status list, as far as the code can go to a peer by its own name."""
    return {name: int(number, 0) for name, number in re.findall(r"\bX\(ERR_([A-Z0-9_]+), (0x[0-9a-f]+),", header)}


def compare(where, spec, code, both_ways=True):
    for name in sorted(set(spec) | (set(code) if both_ways else set())):
        if name not in code:
            yield f"{where}: {name} = {spec[name]} is in the specification only"
        elif name not in spec:
            yield f"{where}: {name} = {code[name]} is in the header only"
        elif spec[name] != code[name]:
            yield f"{where}: {name} is {spec[name]} in the specification, {code[name]} in the header"


def check(tree):
    spec, wire = tree.text(SPEC), tree.text(WIRE)
    findings, count = [], 0
    for section, prefix in TABLES:
        rows = table(spec, section)
        count += len(rows)
        findings += compare(f"section {section} and {prefix}*", rows, enumerators(wire, prefix))
        if not rows:
            findings.append(f"{SPEC}: no table of numbers in section {section}")
    rows = {name: number for name, number in table(spec, "10").items() if name != "NONE"}
    findings += compare(f"section 10 and {STATUS}", rows, codes(tree.text(STATUS)), both_ways=False)
    return Report(f"{count + len(rows)} of the specification are those of the headers", findings)
