# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/tutorial-scenario.md, played as a reader would: files are saved where it says, commands are run in order with the
exit status that is promised (0 unless ```sh status=N), and what it shows is compared with what comes out."""
import os
import re
import shutil
import subprocess

import pytest

from simtool import ROOT, SIM

TUTORIAL = ROOT / "docs" / "tutorial-scenario.md"
BLOCK = re.compile(r"^```(\w+)(?: status=(\w+))?\n(.*?)^```$", re.M | re.S)


def blocks():
    """(kind, promised status or file name, content) in the order of the text."""
    text, end = TUTORIAL.read_text(encoding="utf-8"), 0
    for block in BLOCK.finditer(text):
        before, end = text[end:block.start()], block.end()
        if block[1] == "yaml":
            yield "save", re.findall(r"[Ss]ave this as `([^`]+)`:", before)[-1], block[3]
        else:
            yield block[1], block[2] or "0", block[3]


def plain(line):
    return re.sub(r"\s+", " ", line).strip()


def shown(line, output):
    """A line of the text is one of the output; `...` stands for anything."""
    pattern = ".*".join(re.escape(plain(part)) for part in line.split("..."))
    return any(re.fullmatch(r"\s*" + pattern + r"\s*", plain(out)) for out in output.splitlines())


@pytest.fixture
def folder(tmp_path):
    """Looks like the repository to the commands, and keeps what they write."""
    (tmp_path / "my").mkdir()
    (tmp_path / "build" / "bin").mkdir(parents=True)
    (tmp_path / "build" / "bin" / "csep-sim").symlink_to(SIM)
    for name in ("report", "scenarios"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "python3").symlink_to("/usr/bin/python3")  # Debian's, as the README's commands have it
    return tmp_path


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")
def test_the_tutorial_says_what_happens(folder):
    output, steps = "", 0
    env = dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}", LC_ALL="C.UTF-8", TZ="UTC", MPLBACKEND="Agg")
    for kind, what, content in blocks():
        if kind == "save":
            (folder / what).write_text(content, encoding="utf-8")
        elif kind == "sh" and content.strip() != "make sim":  # which has made what is under test
            got = subprocess.run(["bash", "-euc", content], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                                 text=True, timeout=120, env=env)
            output, steps = got.stdout + got.stderr, steps + 1
            assert what == "any" or got.returncode == int(what), f"{content}{output}"
        elif kind == "text":
            for line in content.splitlines():
                assert shown(line, output), f"not seen: {line}\nin\n{output}"
    assert steps > 10


def test_it_shows_each_command_of_the_program():
    text = TUTORIAL.read_text(encoding="utf-8")
    for word in (" check ", " run ", " help ", "--set", "--rows", "--seed", "--pcap", "--qlog", "--out"):
        assert word in text


def test_inner_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)", TUTORIAL.read_text(encoding="utf-8")):
        assert (TUTORIAL.parent / target).exists(), target
