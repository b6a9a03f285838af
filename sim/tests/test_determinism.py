# SPDX-License-Identifier: GPL-2.0-or-later
"""Same seed, same bytes: captures, qlogs, tables and every number. tools/same-trace asks the same of several builds."""
import pytest

from simtool import play

ROWS = ["scenarios/latency/baselines.yaml", "scenarios/latency/cold.yaml", "scenarios/latency/warm.yaml",
        "scenarios/latency/stale.yaml", "--rows", "B1,S1,W1,X2", "--set", "network.rtt=20ms"]
LOSSY = ["scenarios/cost/loss.yaml", "--rows", "S1,S3,S8,W1,W3", "--set", "network.loss=10%", "--set",
         "network.jitter=3ms", "--set", "workload.reply=4000"]
VISITS = ["scenarios/latency/breakeven-csep.yaml", "--set", "workload.visits=60", "--set", "workload.load=3"]


def written(out):
    """{name: content} of all that a run wrote, but for the points, which say when their files were written."""
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*"))
            if p.is_file() and p.relative_to(out).parts[0] != "points"}


def hashes(rows):
    return {(r["row"], r["ip"]): r["trace_hash"] for r in rows}


@pytest.mark.parametrize("what", [ROWS, LOSSY, VISITS], ids=["rows", "lossy", "visits"])
def test_one_seed_writes_the_same_bytes(tmp_path, what):
    play(tmp_path / "one", *what, "--seed", "7", "--jobs", "1", "--pcap", "--qlog")
    play(tmp_path / "two", *what, "--seed", "7", "--jobs", "2", "--pcap", "--qlog")
    one, two = written(tmp_path / "one"), written(tmp_path / "two")
    assert sorted(one) == sorted(two)
    assert [name for name in one if one[name] != two[name]] == []
    if what is not VISITS:  # those are neither captured nor rows
        assert sum(name.endswith(".pcap") for name in one) >= 4
        assert {"rows.json", "rows.csv", "runs.json", "ladders.json", "table.txt", "captures/keys.log"} <= set(one)


def test_another_seed_is_another_trace(tmp_path):
    one = hashes(play(tmp_path / "one", *ROWS, "--seed", "7"))
    two = hashes(play(tmp_path / "two", *ROWS, "--seed", "8"))
    assert len(one) == 8 and one.keys() == two.keys()
    assert not set(one.values()) & set(two.values())


def test_what_is_measured_does_not_depend_on_the_seed_of_a_clean_network(tmp_path):
    """Random bytes change and so do the sizes of messages that hold GREASE, but no round trip."""
    def trips(rows):
        return [(r["row"], r["ip"], round(r["delay_ns"] / 20e6), r["agrees"], r["verdict"]) for r in rows]
    assert trips(play(tmp_path / "one", *ROWS, "--seed", "7")) == trips(play(tmp_path / "two", *ROWS, "--seed", "8"))


def test_a_row_does_not_depend_on_its_company(tmp_path):
    """S1 alone is what S1 is beside others."""
    alone = hashes(play(tmp_path / "one", "scenarios/latency/cold.yaml", "--rows", "S1", "--set", "network.rtt=20ms"))
    beside = hashes(play(tmp_path / "two", "scenarios/latency/cold.yaml", "--set", "network.rtt=20ms"))
    assert alone and alone.items() <= beside.items()


def test_no_two_points_share_their_random_bytes(tmp_path):
    """Else one key log would hold two secrets under one name."""
    play(tmp_path, *ROWS, "scenarios/latency/window.yaml", "scenarios/latency/unproved.yaml", "--pcap")
    secrets = {}
    for line in (tmp_path / "captures" / "keys.log").read_text().splitlines():
        label, name, secret = line.split()
        assert secrets.setdefault((label, name), secret) == secret
    assert len(secrets) > 40


def test_a_failure_is_the_same_too(tmp_path):
    """A network that loses everything."""
    args = ["scenarios/cost/loss.yaml", "--rows", "W1", "--set", "network.loss=100%"]
    first = play(tmp_path / "one", *args, status=1)
    assert first[0]["delay_ns"] is None or first[0]["ttfb_ns"] is None
    assert first == play(tmp_path / "two", *args, status=1)
