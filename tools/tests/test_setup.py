# SPDX-License-Identifier: BSD-2-Clause
"""tools/setup.sh against a pretended Debian: a few programs of the same names, in front of the real ones."""
import os
import shutil
import subprocess

TOOLS = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
# `installed` is a file with a name per line; `known` are the packages of the mirror.
PRETENDED = {
    "dpkg-query": 'shift 3; for p in "$@"; do grep -qx "$p" $D/installed && printf "%s/installed " "$p"; done; true',
    "apt-cache": 'shift 2; grep -x "$1" $D/known',
    "apt-get": 'echo "apt-get $*" >>$D/calls; case " $* " in *" install "*) '
               '[ -e $D/broken ] && { echo "E: mirror on fire"; exit 100; }; '
               'for p in "$@"; do echo "$p" >>$D/installed; done;; esac',
    "id": "echo ${PRETEND_UID:-0}",
}


def debian(tmp_path, installed="", known="gcc lcov"):
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    for name, script in PRETENDED.items():
        (bin_dir / name).write_text(f"#!/bin/bash\nD={tmp_path}\n{script}\n")
        (bin_dir / name).chmod(0o755)
    for real in ("bash", "env", "sed", "dirname", "mktemp", "rm", "tail", "grep", "cat"):
        (bin_dir / real).symlink_to(shutil.which(real))
    (tmp_path / "installed").write_text("".join(p + "\n" for p in installed.split()))
    (tmp_path / "known").write_text("".join(p + "\n" for p in known.split()))
    (tmp_path / "calls").write_text("")
    (tmp_path / "packages.txt").write_text("# a list\ntest gcc\ndev lcov\n")
    shutil.copy(os.path.join(TOOLS, "setup.sh"), tmp_path)
    return bin_dir


def call(tmp_path, bin_dir, *sets, **more):
    env = {"PATH": str(bin_dir), "TMPDIR": str(tmp_path), **more}
    got = subprocess.run([tmp_path / "setup.sh", *sets], capture_output=True, text=True, env=env, timeout=30,
                         stdin=subprocess.DEVNULL)
    return got, (tmp_path / "calls").read_text()


def test_says_what_it_installs_and_then_nothing(tmp_path):
    bin_dir = debian(tmp_path, installed="gcc")
    got, calls = call(tmp_path, bin_dir, "test", "dev")
    assert got.returncode == 0
    assert got.stdout == "setup: installing from Debian: lcov\nsetup: done\n"
    assert calls.splitlines()[0].endswith(" update") and calls.splitlines()[1].endswith(" install --no-install-recommends lcov")
    got, again = call(tmp_path, bin_dir, "test", "dev")
    assert (got.returncode, got.stdout, got.stderr, again) == (0, "", "", calls)


def test_names_a_package_that_the_mirror_has_not(tmp_path):
    got, calls = call(tmp_path, debian(tmp_path, known="gcc"), "test", "dev")
    assert got.returncode == 1 and got.stderr.strip().endswith(": lcov") and " install " not in calls


def test_names_the_package_and_gives_the_reason_when_apt_fails(tmp_path):
    bin_dir = debian(tmp_path, installed="gcc")
    (tmp_path / "broken").touch()
    got, _ = call(tmp_path, bin_dir, "dev")
    assert got.returncode == 1 and "mirror on fire" in got.stderr and got.stderr.strip().endswith(": lcov")


def test_without_root_or_sudo(tmp_path):
    got, calls = call(tmp_path, debian(tmp_path), "test", PRETEND_UID="1000")
    assert got.returncode == 1 and "no sudo" in got.stderr and "gcc" in got.stderr and calls == ""


def test_uses_sudo(tmp_path):
    bin_dir = debian(tmp_path)
    (bin_dir / "sudo").write_text(f'#!/bin/bash\necho sudo >>{tmp_path}/calls\nexec "$@"\n')
    (bin_dir / "sudo").chmod(0o755)
    got, calls = call(tmp_path, bin_dir, "test", PRETEND_UID="1000")
    assert got.returncode == 0 and calls.splitlines()[0] == "sudo" and "install" in calls


def test_can_be_told_to_install_nothing(tmp_path):
    got, calls = call(tmp_path, debian(tmp_path), "test", CSEP_NO_SETUP="1")
    assert got.returncode == 0 and "gcc" in got.stderr and calls == ""
    bin_dir = tmp_path / "bin"
    (bin_dir / "dpkg-query").unlink()
    got, _ = call(tmp_path, bin_dir, "test")
    assert got.returncode == 1 and "not a Debian system" in got.stderr and "CSEP_NO_SETUP=1" in got.stderr
