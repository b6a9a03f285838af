# SPDX-License-Identifier: BSD-2-Clause
"""The report over small made-up runs: verdicts follow the delays, and bad files are refused by name."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import latency  # noqa: E402
from claims import CLAIMS, judge  # noqa: E402

# Delay in round trips of each row.
DELAYS = {
    "B1": 2, "B4": 1, "B6": 1, "S1": 2, "S2": 3, "S3": 3, "S4": 4, "S5": 2, "S6": 3, "S7": 2, "S8": 2, "S9": 3,
    "S10": 1, "S11": 2, "S12": 2, "W1": 0, "W2": 1, "W3": 1, "W3-tfo": 0, "X1": 3, "X2": 12, "X3": 2,
}  # fmt: skip


def rows(delays=None, agrees=True):
    return [
        {
            "row": name,
            "rtt_ms": rtt,
            "ip": ip,
            "modelled": name == "B4",
            "delay_ns": k * rtt * 1000000 + 9 * k,
            "ttfb_ns": (k + 1) * rtt * 1000000,
            "agrees": agrees,
            "verdict": "",
            "title": "<" + name + ">",
            "scenario": "all.yaml",
            "asked_for": True,
            "modelled_what": None,
            "condition": None,
        }
        for name, k in (delays or DELAYS).items()
        for rtt in (20, 100)
        for ip in (4, 6)
    ]


def outcome(claim_id, **kw):
    return {o.claim.id: o for o in latency.outcomes(rows(**kw))}[claim_id]


def test_c22_holds_only_under_a_condition():
    o = outcome("C22")
    assert o.verdict.startswith("holds only if ")
    assert dict(o.failed) == {"S2": "+1R", "S3": "+1R", "S4": "+2R", "S6": "+1R", "S9": "+1R"}
    assert o.passed == ["S1", "S5", "S7", "S8", "S10", "S11", "S12"]


def test_c22_would_hold_if_nothing_were_slower():
    assert outcome("C22", delays={k: min(v, 2) for k, v in DELAYS.items()}).verdict == "holds"


def test_c22_would_fail_if_everything_were_slower():
    assert outcome("C22", delays=dict(DELAYS, B1=0)).verdict == "fails by +4R"


def test_agreement_is_a_question_of_its_own():
    o = outcome("C22", agrees=False)
    assert o.agrees is False and o.verdict == outcome("C22").verdict


def test_rows_that_are_not_there_are_named():
    o = outcome("C1", delays={"W1": 0})
    assert o.missing == ["W3", "W3-tfo"] and o.verdict == "holds"


def test_a_baseline_of_the_same_scenario_counts():
    slow = [dict(r, scenario="slow.yaml") for r in rows(delays={"S12": 3})]
    beside = [dict(r, scenario="slow.yaml", asked_for=False) for r in rows(delays={"B1": 3})]
    o = {o.claim.id: o for o in latency.outcomes(rows(delays={"B1": 2}) + slow + beside)}["C22"]
    assert o.passed == ["S12"] and not o.failed


def test_a_constant_wait_is_told_in_time():
    waited = [dict(r, delay_ns=r["delay_ns"] + 999000000) for r in rows(delays={"X2": 2})]
    o = {o.claim.id: o for o in latency.outcomes(rows(delays={"B1": 2}) + waited)}["C24"]
    assert o.failed == [("X2", "+999 ms")]


def test_nothing_measured():
    assert judge(CLAIMS[0], lambda row, beside: {}, lambda row: True).verdict == "not measured"


def fill(out):
    measured = rows()
    packets = [
        {"t_send": 0, "t_recv": 10000000, "from": "client", "to": "server", "label": "request", "bytes": 100},
        {"t_send": 10000000, "t_recv": None, "from": "server", "to": "client", "label": "reply", "bytes": 100},
    ]
    ladder = {"row": "W1", "title": "warm", "rtt_ms": 20, "modelled": False, "delay_ns": 0, "ttfb_ns": 20000000, "packets": packets}
    pair = {
        "rtt_ms": 50,
        "refresh": "never",
        "hit_ratio": 0.5,
        "csep_mean_delay_ns": 50000000,
        "quic_zero_rtt_ratio": 0.4,
        "quic_mean_delay_ns": 30000000,
        "csep_not_slower": False,
        "agrees": True,
    }
    (out / "rows.json").write_text(json.dumps(measured))
    (out / "runs.json").write_text(json.dumps(measured))
    (out / "ladders.json").write_text(json.dumps([ladder]))
    (out / "breakeven.json").write_text(json.dumps([pair, dict(pair, refresh="use", hit_ratio=0.9, csep_not_slower=True)]))


def test_writes_everything_and_the_same_twice(tmp_path):
    fill(tmp_path)
    assert latency.main([str(tmp_path), "--reference", str(tmp_path / "ref")]) == 0
    page = (tmp_path / "claims.html").read_text()
    assert "csep not slower in 1; 2 of 2 as the rule says" in page
    assert "&lt;S1&gt;" in page and "<S1>" not in page
    names = ["claims.json", "claims.txt", "claims.html", "delay-by-rtt.svg", "ladders.svg", "break-even.svg"]
    first = {n: (tmp_path / n).read_bytes() for n in names}
    assert latency.main([str(tmp_path)]) == 0
    assert {n: (tmp_path / n).read_bytes() for n in names} == first
    assert (tmp_path / "delay-by-rtt.png").stat().st_size > 10000
    assert (tmp_path / "ref" / "rows.json").exists() and (tmp_path / "ref" / "ladders.svg").exists()


def test_readme_table_is_made_anew_between_its_marks(tmp_path):
    fill(tmp_path)
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{latency.MARKS[0]}\nold\n{latency.MARKS[1]}\nafter\n")
    assert latency.main([str(tmp_path), "--readme", str(readme)]) == 0
    text = readme.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    assert "| S1 | <S1> | 200.000 ms | 300.000 ms |" in text
    readme.write_text("no marks")
    assert latency.main([str(tmp_path), "--readme", str(readme)]) == 3


@pytest.mark.parametrize(
    "name, text, complaint",
    [
        ("rows.json", None, "rows.json: not there"),
        ("rows.json", "[{", "rows.json:1: "),
        ("ladders.json", "{}", "ladders.json: expected an array"),
        ("breakeven.json", '[{"hit_ratio": 1}]', "entry 0 lacks 'quic_zero_rtt_ratio'"),
    ],
)
def test_bad_files_are_refused(tmp_path, capsys, name, text, complaint):
    fill(tmp_path)
    if text is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(text)
    assert latency.main([str(tmp_path)]) == 3
    assert complaint in capsys.readouterr().err
