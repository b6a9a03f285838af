# SPDX-License-Identifier: BSD-2-Clause
"""Each public header compiles alone, as C11 and as C++17, without warnings."""
from . import Report, run

STRICT = ["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Icore/include", "-Isim"]
LANGUAGES = (("gcc", "c", "-std=c11"), ("g++", "c++", "-std=c++17"))


def check(tree):
    headers = list(tree.files(".h", under="core/include/")) + list(tree.files("ns3.h", under="sim/"))
    findings = []
    for name in headers:
        short = name.removeprefix("core/include/").removeprefix("sim/")
        for compiler, language, standard in LANGUAGES:
            code, text = run([compiler, "-x", language, standard, *STRICT, "-"], tree.root,
                             f'#include "{short}"\n#include "{short}"\nextern int csep_header_alone;\n')
            if code:
                findings.append(f"{name}: not alone as {standard[5:]}:\n{text.rstrip()}")
    return Report(f"{len(headers)} headers as C11 and C++17", findings)
