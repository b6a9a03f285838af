# SPDX-License-Identifier: GPL-2.0-or-later
"""csep-sim as a script or a person without a terminal meets it: exit status, guesses, what it writes, and that a run
can be stopped at any moment. test_run.c and test_scenario.c ask the same of single functions."""
import csv
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from simtool import ROOT, SIM, play, rows, scenario, sim

WARM = "scenarios/latency/warm.yaml"
SHORT = [WARM, "--rows", "W1", "--set", "network.rtt=20ms", "--set", "network.ip=4"]
# Long enough to be stopped in: 2400 points, each with a capture.
LONG = "rows: [W1, S1]\nsweep:\n  network.rtt: [20ms, 40ms]\n  workload.request: [%s]\n  workload.reply: [%s]\n" % (
    ", ".join(map(str, range(100, 120))), ", ".join(map(str, range(500, 530))))


# ---- exit status: 0 met, 1 not met, 2 usage, 3 bad scenario, 4 simulator fault ----

def test_met(tmp_path):
    got = sim("run", *SHORT, "--out", tmp_path)
    assert got.returncode == 0
    assert "W1" in got.stdout and "holds, saves 2R" in got.stdout
    assert str(tmp_path) in got.stderr and "2 played now, 0 failed" in got.stderr


@pytest.mark.parametrize("expectation", ["delay: 1R, ttfb: 1R", "delay: 0R, ttfb: 2R", "delay: 0R, ttfb: 1R, last: 2R",
                                         "delay: 1ms, ttfb: 1R", "verdict: fails by +1R"])
def test_not_met(tmp_path, expectation):
    file = scenario(tmp_path, f"rows: [W1]\nexpect:\n  - {{row: W1, {expectation}}}\n")
    assert sim("run", file, "--out", tmp_path / "out").returncode == 1
    assert rows(tmp_path / "out")[0]["ttfb_ns"] > 0, "a result that was not expected is a result"


def test_what_cannot_be_played_is_not_met(tmp_path):
    file = scenario(tmp_path, "rows: [W1]\nfaults:\n  - {what: down}\n")
    got = sim("run", file, "--out", tmp_path / "out")
    assert got.returncode == 1
    assert "W1-50ms-v4: the request never arrived" in got.stderr
    assert rows(tmp_path / "out")[0]["delay_ns"] is None


WRONG_USE = [
    ([], "usage: csep-sim"),
    (["rum"], "did you mean run?"),
    (["chek", "x.yaml"], "did you mean check?"),
    (["lst"], "did you mean list?"),
    (["list", "x.yaml"], "list takes nothing more, not x.yaml"),
    (["check"], "no scenario file is given"),
    (["check", "x.yaml", "--seed", "1"], "check takes scenario files only, not --seed"),
    (["run"], "no scenario file is given"),
    (["run", WARM, "--pcpa"], "did you mean --pcap?"),
    (["run", WARM, "--ouput", "x"], "did you mean --out?"),
    (["run", WARM, "--out"], "a value is missing behind --out"),
    (["run", WARM, "--out", ""], "--out expects a folder"),
    (["run", WARM, "--force=yes"], "no value belongs to --force"),
    (["run", WARM, "--seed", "-1"], "--seed expects a whole number, not -1"),
    (["run", WARM, "--seed=1e3"], "--seed expects a whole number, not 1e3"),
    (["run", WARM, "--jobs", "0"], "between 1 and 64"),
    (["run", WARM, "--set", "network.rtt"], "--set expects KEY=VALUE"),
    (["run", WARM, "--set", "network.rt=20ms"], 'did you mean "network.rtt"?'),
    (["run", WARM, "--set", "rtt=20ms"], 'no key "rtt"'),
    (["run", WARM, "--set", "network.rtt=20"], 'network.rtt: expected a time such as 20ms, not "20"'),
    (["run", WARM, "--set", "network.rtt=0ms"], "network.rtt: expected a time between"),
    (["run", WARM, "--set", "network.ip=5"], "network.ip: expected 4 or 6"),
    (["run", WARM, "--set", "policy.refresh=nevr"], 'did you mean "never"?'),
    (["run", WARM, "--set", "faults=drop"], "faults: cannot be set as one value"),
    (["run", WARM, "--rows", "w1"], 'did you mean "W1"?'),
    (["run", WARM, "--rows", "S1"], "no scenario given has any of the rows S1"),
    (["help", "scenaro"], "did you mean scenario?"),
]


@pytest.mark.parametrize("words, told", WRONG_USE, ids=lambda v: " ".join(v) or "nothing" if isinstance(v, list) else "")
def test_wrong_use(words, told, tmp_path):
    got = sim(*words)
    assert got.returncode == 2
    assert told in got.stderr
    assert got.stdout == ""


BAD = [
    ("rows: [S1]\nnetwrk: {rtt: 5ms}\n", ':4: scenario has no key "netwrk", did you mean "network"?'),
    ("rows: [S1]\nrows: [S2]\n", ':4: "rows" is given twice'),
    ("rows: [S1, S1]\n", ': rows: "S1" is named twice'),
    ("rows: [S77]\n", ":3: rows: "),
    ("rows: [S1]\nnetwork: 5\n", ":4: network: expected keys, not a single value"),
    ("rows: [S1]\n---\nrows: [S2]\n", ":5: expected one scenario, not a second document"),
    ("rows: [S1]\nworkload: {kind: visits}\nnetwork: {ip: 5}\n", ": network.ip: expected 4 or 6"),
    ("rows: [B1]\nworkload: {kind: visits}\n", ': workload.kind: row "B1" cannot play visits'),
    ("rows: [W1]\nfaults:\n  - {what: drop, csep: OPNE}\n", ':5: faults: csep has no packet "OPNE", did you mean "OPEN"?'),
    ("rows: [W1]\nfaults:\n  - {what: delay, extra: 5ms}\n", ':5: faults: duplicate and delay need "packet"'),
    ("rows: [W1]\nfaults:\n  - {what: drop, packet: 3}\n  - {what: drop, from: 2s, until: 1s}\n", ':6: faults: "until"'),
    ("rows: [W1]\nfaults:\n  - {what: drop, rows: [S1]}\n", ':5: faults: row "S1" is not among'),
    ("rows: [W1]\nexpect:\n  - {row: W1, delay: 0R}\n", ':5: expect: "delay" and "ttfb" are only judged together'),
    ("rows: [W1]\nexpect:\n  - {row: W2, verdict: holds}\n", ':5: expect: row "W2" is not among'),
    ("rows: [W1]\nsweep:\n  network.rtt: []\n", ":5: network.rtt: expected at least 1"),
    ("rows: [W1]\nnetwork:\n\trtt: 5ms\n", ":5: not YAML: "),
]


@pytest.mark.parametrize("text, told", BAD, ids=[told for _, told in BAD])
def test_bad_scenario(text, told, tmp_path):
    file = scenario(tmp_path, text)
    for command in (["check", file], ["run", file, "--out", tmp_path / "out"]):
        got = sim(*command)
        assert got.returncode == 3
        assert f"{file}{told}" in got.stderr
    assert not (tmp_path / "out").exists(), "nothing is written for a scenario that is not played"


@pytest.mark.parametrize("what, told", [("missing.yaml", "cannot be read: No such file"), (".", "is a folder"),
                                        ("empty.yaml", "the file is empty"), ("noise.yaml", "not YAML")])
def test_bad_file(what, told, tmp_path):
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "noise.yaml").write_bytes(bytes(range(256)))
    got = sim("check", tmp_path / what)
    assert got.returncode == 3 and told in got.stderr


def test_one_bad_file_among_good_ones_plays_none(tmp_path):
    got = sim("run", WARM, scenario(tmp_path, "rows: []\n"), "--out", tmp_path / "out")
    assert got.returncode == 3 and not (tmp_path / "out").exists()


def test_all_errors_come_at_once(tmp_path):
    file = scenario(tmp_path, "rows: [S1, T1]\nnetwork: {rtt: soon, loss: 2, mtu: 99}\nworkload: {kind: vists}\n")
    told = sim("check", file).stderr.splitlines()
    assert [int(re.search(r":(\d+): ", line)[1]) for line in told] == [3, 4, 4, 4, 5]


def test_results_that_cannot_be_written_are_a_fault():
    got = sim("run", *SHORT, "--out", "/proc/csep")
    assert got.returncode == 4 and "/proc/csep" in got.stderr


def test_a_crash_of_a_point_is_a_fault(tmp_path):
    """Points are processes, so the program outlives what ns-3 might do to one of them."""
    file = scenario(tmp_path, "rows: [W1]\nworkload: {kind: visits, visits: 100000, load: 1000}\n")
    job = subprocess.Popen([SIM, "run", file, "--quiet", "--jobs", "1", "--out", tmp_path / "out"], cwd=ROOT,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    children = []
    while not children and job.poll() is None:
        children = Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    err = job.communicate(timeout=60)[1]
    assert job.returncode == 4
    assert "killed by SIGKILL" in err


# ---- asking ----

def test_help_on_every_topic():
    topics = re.search(r"help \[(.*?)\]", sim("help").stdout)[1].split("|")
    assert topics == ["scenario", "rows", "results", "exit"]
    for topic in topics:
        got = sim("help", topic)
        assert got.returncode == 0 and got.stderr == "" and len(got.stdout) > 60


@pytest.mark.parametrize("words", [["help"], ["--help"], ["-h"], ["run", "--help"], ["check", "-h"], ["list", "--help"]])
def test_help_in_every_spelling(words):
    got = sim(*words)
    assert got.returncode == 0 and got.stdout.startswith("usage: csep-sim list") and got.stderr == ""


def test_help_names_every_option():
    text = sim("help").stdout
    for option in ("--set", "--rows", "--seed", "--out", "--pcap", "--qlog", "--jobs", "--force", "--quiet"):
        assert option in text


def test_help_says_what_each_exit_status_means():
    text = sim("help", "exit").stdout
    assert all(f"{n} " in text for n in range(5))


def test_list_finds_rows_and_scenarios(tmp_path):
    text = sim("list").stdout
    assert re.search(r"^  S1 .*csep, grant in the handshake", text, re.M)
    assert re.search(r"^  B4 .*modelled$", text, re.M)
    for path in ROOT.glob("scenarios/*/*.yaml"):
        assert str(path.relative_to(ROOT)) in text
    elsewhere = sim("list", cwd=tmp_path)
    assert elsewhere.returncode == 0 and "scenarios:" not in elsewhere.stdout


def test_every_tracked_scenario_is_sound():
    got = sim("check", *sorted(ROOT.glob("scenarios/*/*.yaml")))
    assert got.returncode == 0 and "without errors" in got.stdout


def test_no_control_characters_without_a_terminal(tmp_path):
    got = sim("run", *SHORT, "--out", tmp_path)
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", got.stdout + got.stderr)
    assert all(len(line) < 140 for line in got.stdout.splitlines())
    quiet = sim("run", *SHORT, "--out", tmp_path, "--quiet")
    assert quiet.stdout == got.stdout and quiet.stderr == ""


def test_visits_have_a_table_without_anybody_beside_them(tmp_path):
    got = sim("run", "scenarios/latency/breakeven-csep.yaml", "--set", "workload.visits=40", "--set", "workload.load=3",
              "--out", tmp_path)
    assert got.returncode == 0
    assert len(re.findall(r"^S1 +3 +(?:never|use) ", got.stdout, re.M)) == 2
    assert "visits at random, R = 50 ms, IPv4" in got.stdout and "QUIC" not in got.stdout


def test_times_of_several_points_are_said_to_be_of_the_first(tmp_path):
    file = scenario(tmp_path, "rows: [B1]\nsweep: {network.rtt: [30ms, 60ms]}\n")
    got = sim("run", file, "--out", tmp_path / "out")
    assert "at R = 30 ms, the first of 2 points" in got.stdout
    assert "first of" not in sim("run", file, "--out", tmp_path / "out", "--set", "network.rtt=30ms").stdout


def test_a_verdict_alone_is_no_analysis(tmp_path):
    file = scenario(tmp_path, "rows: [W1]\nexpect:\n  - {row: W1, verdict: 'holds, saves 2R'}\n")
    got = sim("run", file, "--out", tmp_path / "out")
    assert got.returncode == 0 and " of 1" not in got.stdout


def test_a_reader_that_goes_away_is_no_disaster(tmp_path):
    """csep-sim run | head -1"""
    got = subprocess.run(f"'{SIM}' list | head -1", shell=True, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert got.stdout == "rows:\n" and got.stderr == ""


# ---- rows.json and rows.csv: names and types that scripts rely on ----

TYPES = {"row": str, "rtt_ms": (int, float), "ip": int, "modelled": bool, "delay_ns": int, "ttfb_ns": int,
         "expected_delay_ns": int, "expected_ttfb_ns": int, "agrees": bool, "verdict": str, "trace_hash": str}


@pytest.fixture(scope="module")
def latency(tmp_path_factory):
    out = tmp_path_factory.mktemp("latency")
    play(out, "scenarios/latency/cold.yaml", "scenarios/latency/baselines.yaml", WARM, "--set", "network.rtt=50ms")
    return out


def test_rows_json(latency):
    found = rows(latency)
    assert len(found) == 2 * (11 + 15 + 4)
    for row in found:
        assert list(row) == list(TYPES)
        for member, kind in TYPES.items():
            assert isinstance(row[member], kind), f"{member} of {row['row']}"
        assert row["ip"] in (4, 6) and row["rtt_ms"] == 50 and row["agrees"]
        assert re.fullmatch(r"[0-9a-f]{16}", row["trace_hash"])
        assert row["delay_ns"] == row["expected_delay_ns"] <= row["ttfb_ns"] == row["expected_ttfb_ns"]
        assert row["modelled"] or row["row"] not in ("B4", "B5", "B6", "B8", "B9", "S7", "S9", "S10", "S11")


def test_what_is_not_known_is_null(tmp_path):
    file = scenario(tmp_path, "rows: [W1, W3]\nfaults:\n  - {what: down, rows: [W3]}\n")
    measured, lost = play(tmp_path / "out", file, status=1)
    assert measured["expected_delay_ns"] is None and measured["delay_ns"] >= 0 and not measured["agrees"]
    assert lost["delay_ns"] is None and lost["ttfb_ns"] is None and lost["verdict"] == ""


def test_the_csv_says_the_same(latency):
    with open(latency / "rows.csv", newline="", encoding="utf-8") as f:
        table = list(csv.DictReader(f))
    found = rows(latency)
    assert list(table[0]) == list(TYPES) and len(table) == len(found)
    for line, row in zip(table, found):
        text = {k: "" if v is None else str(v).lower() if isinstance(v, bool) else str(v) for k, v in row.items()}
        assert line == text


def test_runs_json_holds_the_rows(latency):
    runs = json.loads((latency / "runs.json").read_text())
    asked_for = [{k: r[k] for k in TYPES} for r in runs if r["asked_for"]]
    assert asked_for == rows(latency)
    for run in runs:
        for what in ("delay", "ttfb", "last"):
            chain = run[what]
            assert chain["at_ns"] == chain["trips"] * 25_000_000 + chain["airtime_ns"] + chain["wait_ns"]


def test_a_round_trip_that_is_no_whole_millisecond(tmp_path):
    found = play(tmp_path, WARM, "--rows", "W1", "--set", "network.rtt=12.5ms")
    assert {row["rtt_ms"] for row in found} == {12.5}


# ---- going on ----

def played(got):
    return int(re.search(r"(\d+) played now", got.stderr)[1])


def test_finished_points_are_kept(tmp_path):
    first = sim("run", *SHORT, "--out", tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}
    again = sim("run", *SHORT, "--out", tmp_path)
    assert (played(first), played(again)) == (2, 0)
    assert again.stdout == first.stdout
    assert before == {p: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}
    assert played(sim("run", *SHORT, "--out", tmp_path, "--force")) == 2


@pytest.mark.parametrize("change", [["--seed", "2"], ["--set", "workload.reply=501"], ["--set", "network.loss=0.1%"],
                                    ["--set", "hosts.server.upgrade=false"], ["--set", "policy.age=6s"]])
def test_another_configuration_is_played(tmp_path, change):
    sim("run", *SHORT, "--out", tmp_path)
    assert played(sim("run", *SHORT, *change, "--out", tmp_path)) == 2
    assert played(sim("run", *SHORT, "--out", tmp_path)) == 0, "the first one's points are still there"


def test_a_capture_is_its_own_points(tmp_path):
    """Points of one name share a file; whoever asks for it gets that of the configuration asked for."""
    sim("run", *SHORT, "--out", tmp_path, "--pcap")
    capture = tmp_path / "captures" / "W1-20ms-v4.pcap"
    first, keys = capture.read_bytes(), (tmp_path / "captures" / "keys.log").read_bytes()
    sim("run", *SHORT, "--set", "workload.reply=900", "--out", tmp_path, "--pcap")
    assert capture.read_bytes() != first
    sim("run", *SHORT, "--out", tmp_path, "--pcap")
    assert capture.read_bytes() == first and (tmp_path / "captures" / "keys.log").read_bytes() == keys
    capture.unlink()
    assert played(sim("run", *SHORT, "--out", tmp_path, "--pcap")) == 1
    assert capture.read_bytes() == first


def test_a_spoiled_point_is_played_again(tmp_path):
    sim("run", *SHORT, "--out", tmp_path)
    points = [p for p in (tmp_path / "points").rglob("*.json")]
    assert len(points) == 2
    points[0].write_bytes(points[0].read_bytes()[:50])
    points[1].write_bytes(b"")
    got = sim("run", *SHORT, "--out", tmp_path)
    assert got.returncode == 0 and played(got) == 2


def test_other_peoples_files_stay(tmp_path):
    for name in ("points/mine", "points/0123", "captures/mine.pcap", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    sim("run", *SHORT, "--out", tmp_path, "--pcap", "--force")
    assert (tmp_path / "points/mine").read_text() == (tmp_path / "points/0123").read_text() == "mine"
    assert (tmp_path / "captures/mine.pcap").read_text() == (tmp_path / "notes.txt").read_text() == "mine"


def whole(path):
    """A file that nobody was interrupted in writing."""
    content = path.read_bytes()
    if path.suffix == ".json":
        json.loads(content)
    elif path.suffix == ".pcap":
        at = 24
        while at < len(content):
            at += 16 + int.from_bytes(content[at + 8:at + 12], "little")
        assert at == len(content), f"{path.name} ends inside a packet"
    return True


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda s: s.name)
def test_a_stopped_run_goes_on(tmp_path, how):
    file, out = scenario(tmp_path, LONG), tmp_path / "out"
    command = ["run", file, "--jobs", "2", "--pcap", "--out", out]
    job = subprocess.Popen([SIM, *command], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while len(list(out.glob("points/*/*.json"))) < 20 and time.monotonic() < deadline:
        time.sleep(0.01)
    job.send_signal(how)
    said = job.communicate(timeout=60)[1]
    assert job.returncode == -how
    if how != signal.SIGKILL:
        assert "stopped; the same command goes on where it was" in said
    left = {p for p in out.rglob("*") if p.is_file() and p.suffix != ".part"}
    assert len(left) > 20 and all(whole(p) for p in left)
    assert not (out / "rows.json").exists()
    # All of it would take too long for a test. Of these six points W1 and S1 at 20 ms were the first to be played.
    got = sim(*command, "--set", "workload.request=100", "--set", "workload.reply=500")
    assert got.returncode == 0 and played(got) == 4
