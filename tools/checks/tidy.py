# SPDX-License-Identifier: BSD-2-Clause
"""clang-tidy, by .clang-tidy, on the C of core/src, sim and bench. A file that was clean and did not change is skipped."""
import concurrent.futures
import hashlib
import os
import re

from . import Report, run

FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-Icore/include", "-Icore/src", "-Isim"]


def fingerprint(tree, name):
    """Of the file, all project headers that it includes, and the rules."""
    code, text = run(["gcc", "-MM", *FLAGS, name], tree.root)
    read = re.split(r"[\s\\]+", text.split(":", 1)[1].strip()) if code == 0 else [name]
    digest = hashlib.sha256()
    for path in [".clang-tidy", *sorted(read)]:
        with open(tree.path(path), "rb") as f:
            digest.update(path.encode() + b"\0" + f.read())
    return digest.hexdigest()


def tidy(tree, name):
    stamp = os.path.join(tree.build, "tidy", name + ".clean")
    print_ = fingerprint(tree, name)
    if os.path.exists(stamp):
        with open(stamp, encoding="ascii") as f:
            if f.read() == print_:
                return []
    code, text = run(["clang-tidy", "--quiet", name, "--", *FLAGS], tree.root)
    wrong = [line.replace(os.path.abspath(tree.root) + "/", "") for line in text.splitlines()
             if re.search(r": (warning|error): ", line)]
    if not wrong and code == 0:
        os.makedirs(os.path.dirname(stamp), exist_ok=True)
        with open(stamp, "w", encoding="ascii") as f:
            f.write(print_)
    return wrong or ([f"{name}: clang-tidy ended with status {code}: {text.strip()[-300:]}"] if code else [])


def check(tree):
    names = [n for n in tree.files(".c") if n.startswith(("core/src/", "sim/", "bench/")) and "/tests/" not in n]
    with concurrent.futures.ThreadPoolExecutor(tree.jobs) as pool:
        found = list(pool.map(lambda n: tidy(tree, n), names))
    return Report(f"{len(names)} files", sorted({line for lines in found for line in lines}))
