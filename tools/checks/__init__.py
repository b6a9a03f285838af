# SPDX-License-Identifier: BSD-2-Clause
"""The house rules, one module each. A check is a function that takes a Tree and returns a Report."""
import os
import re
import subprocess
from dataclasses import dataclass, field


@dataclass
class Report:
    note: str = ""  # what was looked at, for the `ok` line
    findings: list = field(default_factory=list)  # `file:line: what is wrong`


@dataclass
class Tree:
    """The project's own files, and where it was built."""
    root: str = "."
    build: str = "build"
    jobs: int = 2

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def files(self, *suffixes, under=""):
        """Paths relative to the root, in order; all files if no suffix is given."""
        for name in self._listing():
            if name.startswith(under) and (not suffixes or name.endswith(suffixes)):
                yield name

    def text(self, name):
        with open(self.path(name), encoding="utf-8", errors="replace") as f:
            return f.read()

    def _listing(self):
        git = subprocess.run(["git", "-C", self.root, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
        if git.returncode == 0:
            return sorted(n for n in set(git.stdout.splitlines()) if os.path.isfile(self.path(n)))
        found = []  # an unpacked archive, or a checkout of another user
        for folder, below, names in os.walk(self.root):
            below[:] = [d for d in below if not re.match(r"\.git$|build|results$|__pycache__", d)]
            found += [os.path.relpath(os.path.join(folder, n), self.root) for n in names]
        return sorted(found)


def run(command, cwd=".", text_in=None):
    """(exit status, what it said)"""
    done = subprocess.run(command, cwd=cwd, input=text_in, stdin=None if text_in is not None else subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    return done.returncode, done.stdout
