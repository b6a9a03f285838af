#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The report of a latency run: claims page, claims.json and figures, from the files that csep-sim wrote.

usage: latency.py DIR [--reference DIR] [--readme FILE]

DIR holds rows.json, runs.json, ladders.json and breakeven.json (docs/results-format.md). With --reference the small,
stable files are copied there too, for keeping under version control; with --readme the table between the two marks
`<!-- verdicts -->` and `<!-- end of verdicts -->` of that file is made anew.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import jinja2

sys.path.insert(0, str(Path(__file__).resolve().parent))
import figures  # noqa: E402
from claims import CLAIMS, Outcome, judge  # noqa: E402

LADDER_ROWS = ["B1", "B4", "B6", "B9", "S1", "S2", "S3", "S5", "W1", "W3", "X1", "X3"]
REFERENCE_FILES = ["rows.json", "rows.csv", "table.txt", "claims.json", "claims.txt", "breakeven.json"]
REFERENCE_FIGURES = ["delay-by-rtt.svg", "ladders.svg", "break-even.svg"]


class BadInput(Exception):
    """A file is missing or has another form; the text says which and what was expected."""


def load(path: Path, needed: Tuple[str, ...]) -> List[Dict[str, Any]]:
    try:
        data = json.loads(path.read_text())
    except FileNotFoundError:
        raise BadInput(f"{path}: not there; expected what `csep-sim run ... --out {path.parent}` writes") from None
    except json.JSONDecodeError as e:
        raise BadInput(f"{path}:{e.lineno}: {e.msg}; expected JSON") from None
    if not isinstance(data, list):
        raise BadInput(f"{path}: expected an array of objects")
    for i, item in enumerate(data):
        lacking = [key for key in needed if not isinstance(item, dict) or key not in item]
        if lacking:
            raise BadInput(f"{path}: entry {i} lacks '{lacking[0]}'")
    return data


def outcomes(runs: List[Dict[str, Any]]) -> List[Outcome]:
    def delay(name: str, beside: str) -> Dict[Tuple[float, int], int]:
        """A row that was also played in the scenario of `beside` is taken from there: its configuration is the same."""
        mine = [r for r in runs if r["row"] == name and r["delay_ns"] is not None]
        scenarios = {r["scenario"] for r in runs if r["row"] == beside and r["asked_for"]}
        near = [r for r in mine if r["scenario"] in scenarios]
        return {(r["rtt_ms"], r["ip"]): r["delay_ns"] for r in near or mine}

    def agrees(name: str) -> bool:
        """Where the scenario says nothing about the row, nothing disagrees."""
        return all(r["agrees"] for r in runs if r["row"] == name and r["asked_for"] and r.get("expected_delay_ns", 0) is not None)

    return [judge(c, delay, agrees) for c in CLAIMS]


def break_even(pairs: List[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    """Against QUIC, whose first flight needs no TCP: what the measured pairs of visit workloads say."""
    if not pairs:
        return None
    agree = sum(bool(p["agrees"]) for p in pairs)
    return {
        "claim": "break-even",
        "text": "Contexts kept ready make csep over UDP as fast as QUIC.",
        "verdict": "holds only if a context is at hand in at least (1 + g) / 2 of all visits, g being QUIC's 0-RTT ratio (modelled)",
        "pairs": len(pairs),
        "csep_not_slower_in": sum(bool(p["csep_not_slower"]) for p in pairs),
        "as_the_rule_says": agree,
        "measurement_agrees_with_analysis": agree == len(pairs),
    }


def as_json(results: List[Outcome]) -> List[Dict[str, Any]]:
    return [
        {
            "claim": o.claim.id,
            "text": o.claim.text,
            "verdict": o.verdict,
            "holds_in": o.passed,
            "fails_in": [{"row": row, "by": late} for row, late in o.failed],
            "not_measured": o.missing,
            "measurement_agrees_with_analysis": o.agrees,
        }
        for o in results
    ]


def break_even_text(b: Dict[str, Any]) -> str:
    return (
        f"{b['pairs']} measured pairs of hit ratio and 0-RTT ratio: csep not slower in {b['csep_not_slower_in']}; "
        f"{b['as_the_rule_says']} of {b['pairs']} as the rule says"
    )


def as_text(results: List[Outcome], quic: Optional[Dict[str, Any]]) -> str:
    lines = ["Claims of draft-kuehlewind-crypto-sep-00 about latency, judged by measurement", ""]
    for o in results:
        lines.append(f"{o.claim.id:4} {o.claim.text}")
        lines.append(f"     verdict: {o.verdict}")
        if o.passed:
            lines.append(f"     holds in {', '.join(o.passed)}")
        if o.failed:
            lines.append("     fails in " + ", ".join(f"{row} ({late})" for row, late in o.failed))
        if o.missing:
            lines.append(f"     not measured: {', '.join(o.missing)}")
        lines.append(f"     measurement and analysis {'agree' if o.agrees else 'DISAGREE'}")
        if o.claim.note:
            lines.append(f"     {o.claim.note}")
        lines.append("")
    if quic:
        lines += [f"Against QUIC: {quic['text']}", f"     verdict: {quic['verdict']}", f"     {break_even_text(quic)}", ""]
    return "\n".join(lines)


def page(results: List[Outcome], rows: List[Dict[str, Any]], runs: List[Dict[str, Any]], pictures: List[str], quic: Optional[Dict[str, Any]]) -> str:
    titles = {r["row"]: (r["title"], r.get("modelled_what"), r.get("condition")) for r in runs}
    rtts = sorted({r["rtt_ms"] for r in rows})
    cell = {(r["row"], r["rtt_ms"], r["ip"]): r for r in rows}
    env = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    env.filters["ms"] = lambda ns: "-" if ns is None else f"{ns / 1e6:.3f}"
    template = env.from_string((Path(__file__).resolve().parent / "claims.html.j2").read_text())
    return template.render(
        outcomes=results,
        names=sorted({r["row"] for r in rows}, key=figures.row_order),
        titles=titles,
        rtts=rtts,
        cell=cell,
        agreeing=sum(bool(r["agrees"]) for r in rows),
        total=len(rows),
        pictures=pictures,
        quic=quic,
        quic_text=break_even_text(quic) if quic else "",
    )


MARKS = ("<!-- verdicts -->", "<!-- end of verdicts -->")


def verdict_table(rows: List[Dict[str, Any]], runs: List[Dict[str, Any]], rtt: float) -> str:
    """Markdown: what each arrangement costs at one round-trip time, IPv4."""
    titles = {r["row"]: r for r in runs}
    lines = [f"| row | arrangement | D at R = {rtt:g} ms | first reply byte | against its baseline | analysis |", "|---|---|---|---|---|---|"]
    for r in sorted(rows, key=lambda r: figures.row_order(r["row"])):
        if r["ip"] != 4 or r["rtt_ms"] != rtt:
            continue
        title = titles[r["row"]]["title"] + (" *(modelled)*" if r["modelled"] else "")
        figures_ms = [f"{r[k] / 1e6:.3f} ms" if r[k] is not None else "-" for k in ("delay_ns", "ttfb_ns")]
        lines.append(f"| {r['row']} | {title} | {figures_ms[0]} | {figures_ms[1]} | {r['verdict']} | {'agrees' if r['agrees'] else 'DISAGREES'} |")
    return "\n".join(lines)


def update_readme(readme: Path, table: str) -> None:
    text = readme.read_text()
    begin, end = text.find(MARKS[0]), text.find(MARKS[1])
    if begin < 0 or end < begin:
        raise BadInput(f"{readme}: expected the marks {MARKS[0]} and {MARKS[1]}, in this order")
    readme.write_text(text[: begin + len(MARKS[0])] + "\n" + table + "\n" + text[end:])


def write(out: Path, reference: Optional[Path] = None, readme: Optional[Path] = None) -> List[Path]:
    rows = load(out / "rows.json", ("row", "rtt_ms", "ip", "modelled", "delay_ns", "ttfb_ns", "agrees", "verdict"))
    runs = load(out / "runs.json", ("row", "title", "scenario", "asked_for", "rtt_ms", "ip", "delay_ns", "agrees"))
    ladders = load(out / "ladders.json", ("row", "rtt_ms", "packets"))
    visits = out / "breakeven.json"  # only of runs with visits over csep and QUIC
    pairs = load(visits, ("hit_ratio", "quic_zero_rtt_ratio", "csep_not_slower", "agrees")) if visits.exists() else []
    titles = {r["row"]: r["title"] for r in runs}
    results = outcomes([r for r in runs if not r.get("visits")])

    written = []
    if rows:
        written += figures.delay_by_rtt([dict(r, title=titles.get(r["row"], "")) for r in rows], out)
    chosen = [s for name in LADDER_ROWS for s in ladders if s["row"] == name and s["packets"]]
    if chosen:
        written += figures.ladders(chosen, out)
    if pairs:
        written += figures.break_even(pairs, out)
    quic = break_even(pairs)
    texts = {
        "claims.json": json.dumps(as_json(results) + ([quic] if quic else []), indent=2) + "\n",
        "claims.txt": as_text(results, quic),
        "claims.html": page(results, rows, runs, [p.name for p in written if p.suffix == ".svg"], quic),
    }
    for name, text in texts.items():
        (out / name).write_text(text)
        written.append(out / name)
    if reference:
        reference.mkdir(parents=True, exist_ok=True)
        for name in REFERENCE_FILES + REFERENCE_FIGURES:
            if (out / name).exists():
                shutil.copyfile(out / name, reference / name)
    if readme:
        rtts = sorted({r["rtt_ms"] for r in rows})
        update_readme(readme, verdict_table(rows, runs, 100 if 100 in rtts else rtts[0]))
    return written


def main(argv: List[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path, help="where csep-sim wrote its results")
    parser.add_argument("--reference", type=Path, help="keep small copies here")
    parser.add_argument("--readme", type=Path, help="make the table in this file anew")
    args = parser.parse_args(argv)
    try:
        written = write(args.dir, args.reference, args.readme)
    except BadInput as e:
        print(f"latency.py: {e}", file=sys.stderr)
        return 3
    print((args.dir / "claims.txt").read_text())
    print("written: " + ", ".join(str(p) for p in written))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
