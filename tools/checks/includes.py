# SPDX-License-Identifier: BSD-2-Clause
"""Include lines keep to the arrows of tools/include-rules.txt."""
import os
import re
from fnmatch import fnmatchcase

from . import Report

RULES = "tools/include-rules.txt"
ROOTS = ("core/include", "core/src", "core/tests", "sim", "sim/tests", "live", "bench")
FOREIGN = ("ns3/",)  # written in quotes by custom, yet not ours
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


def read_rules(text):
    """{(kind, place): [names]}"""
    rules = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        match = re.match(r"(look|system)\s+(\S+?):\s*(.*)$", line)
        if not match:
            raise ValueError(f"{RULES}:{number}: not a rule: {line}")
        rules[match[1], match[2]] = match[3].split()
    return rules


def inside(name, place):
    return fnmatchcase(name, place) if "*" in place else name == place or name.startswith(place.rstrip("/") + "/")


def rule_for(rules, kind, name):
    places = [place for k, place in rules if k == kind and inside(name, place)]
    return rules[kind, max(places, key=len)] if places else None


def resolve(tree, name, wanted):
    """The file that `#include "wanted"` in `name` means, relative to the root; None if there is none."""
    for folder in (os.path.dirname(name), *ROOTS):
        path = os.path.normpath(os.path.join(folder, wanted))
        if os.path.isfile(tree.path(path)):
            return path
    return None


def permitted(target, names):
    return any(inside(target, n) for n in names if n[0] != "!") and \
        not any(inside(target, n[1:]) for n in names if n[0] == "!")


def judge(tree, rules, name, quote, wanted):
    """What is wrong with one include line, or None."""
    if quote == "<":
        names = rule_for(rules, "system", name)
        return None if names is None or wanted in names else f"<{wanted}> is not for this place"
    names = rule_for(rules, "look", name)
    target = resolve(tree, name, wanted)
    if names is None:
        return f"no rule in {RULES} says what this place may look into"
    if target is None and wanted.startswith(FOREIGN):
        target = wanted
    if target is None:
        return f'"{wanted}" is not a file of this project'
    return None if permitted(target, names) else f"may not look into {target}"


def check(tree):
    rules = read_rules(tree.text(RULES))
    findings, count = [], 0
    for name in tree.files(".c", ".h", ".cc"):
        if name.startswith("tools/"):
            continue
        text = tree.text(name)
        for match in INCLUDE.finditer(text):
            count += 1
            wrong = judge(tree, rules, name, match[1], match[2])
            if wrong:
                findings.append(f"{name}:{text.count(chr(10), 0, match.start(2)) + 1}: {wrong}")
    return Report(f"{count} include lines", findings)
