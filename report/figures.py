# SPDX-License-Identifier: BSD-2-Clause
"""The figures of the latency report, each as SVG and PNG.

Every figure is drawn from result files alone; none holds a number of its own.
"""

from pathlib import Path
from typing import Any, Dict, List, Sequence

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

# One colour for each family of rows, in all figures (safe for colour-blind readers).
COLOURS = {"B": "#555555", "S": "#0072b2", "W": "#009e73", "X": "#d55e00"}
MARKS = {"B": "s", "S": "o", "W": "^", "X": "D"}

plt.rcParams.update(
    {
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "figure.dpi": 110,
        "svg.hashsalt": "csep",  # the same figure gives the same bytes
        "svg.fonttype": "none",
    }
)


def save(fig: Any, out: Path, name: str) -> List[Path]:
    paths = [out / f"{name}.svg", out / f"{name}.png"]
    fig.savefig(paths[0], metadata={"Date": None})
    fig.savefig(paths[1])
    plt.close(fig)
    return paths


def label_of(row: Dict[str, Any]) -> str:
    title = row.get("title") or ""
    return f"{row['row']}  {title}".strip() + ("  (modelled)" if row["modelled"] else "")


def delay_by_rtt(rows: Sequence[Dict[str, Any]], out: Path) -> List[Path]:
    """D over the round-trip time for IPv4: a bundle of lines through the origin, one for each number of round trips."""
    v4 = [r for r in rows if r["ip"] == 4 and r["delay_ns"] is not None]
    fig, (lines, bars) = plt.subplots(1, 2, figsize=(12, 7.5), width_ratios=(1, 1.35), layout="constrained")

    names = list(dict.fromkeys(r["row"] for r in v4))
    for name in names:
        mine = sorted((r["rtt_ms"], r["delay_ns"] / 1e6) for r in v4 if r["row"] == name)
        lines.plot(*zip(*mine), color=COLOURS.get(name[0], "k"), marker=MARKS.get(name[0], "."), ms=3.5, lw=0.8, alpha=0.75)
    rtts = sorted({r["rtt_ms"] for r in v4})
    for k in range(0, 6):
        lines.annotate(f"{k}R", (rtts[-1], k * rtts[-1]), xytext=(6, 0), textcoords="offset points", va="center")
    lines.set_xlabel("round-trip time R [ms]")
    lines.set_ylabel("D: from send() to the first protected byte on the wire [ms]")
    lines.set_title("Delay grows with R, in whole round trips", loc="left")
    lines.set_ylim(bottom=-0.03 * max(r["delay_ns"] for r in v4) / 1e6)
    for family, text in (("B", "today's stacks"), ("S", "csep, no context"), ("W", "csep, context at hand"), ("X", "csep, context lost")):
        lines.plot([], [], color=COLOURS[family], marker=MARKS[family], ms=4, lw=1, label=text)
    lines.legend(frameon=False, loc="upper left")

    reference = 100 if 100 in rtts else rtts[len(rtts) // 2]
    at = [r for r in v4 if r["rtt_ms"] == reference]
    at.sort(key=lambda r: ("BSWX".find(r["row"][0]), names.index(r["row"])))
    for i, r in enumerate(at):
        colour = COLOURS.get(r["row"][0], "k")
        value = r["delay_ns"] / 1e6
        bars.barh(i, value, color="white" if r["modelled"] else colour, edgecolor=colour, hatch="////" if r["modelled"] else None, height=0.7)
        bars.annotate(f"{value:.1f}", (value, i), xytext=(4, 0), textcoords="offset points", va="center", fontsize=7)
    bars.set_yticks(range(len(at)), [label_of(r).replace("  (modelled)", "") for r in at], fontsize=7.5)
    bars.invert_yaxis()
    bars.set_xlabel(f"D at R = {reference:g} ms [ms]; hatched: modelled")
    bars.set_title("The same at one round-trip time", loc="left")
    return save(fig, out, "delay-by-rtt")


def ladders(stacks: Sequence[Dict[str, Any]], out: Path) -> List[Path]:
    """Time-sequence ladders: client left, server right, time downwards, an arrow for each packet."""
    per_line = 4
    height = -(-len(stacks) // per_line)
    fig, axes = plt.subplots(height, per_line, figsize=(3.4 * per_line, 4.4 * height), layout="constrained", squeeze=False)
    last = max((p["t_recv"] or p["t_send"]) for s in stacks for p in s["packets"]) / 1e6
    last = min(last, 1.15 * max((s.get("ttfb_ns") or 0) for s in stacks) / 1e6 or last)
    for ax, stack in zip(axes.flat, stacks):
        family = COLOURS.get(stack["row"][0], "k")
        for p in stack["packets"]:
            t0 = p["t_send"] / 1e6
            if t0 > last:
                continue
            lost = p["t_recv"] is None
            right = p["from"] == "client"
            x0, x1 = (0, 1) if right else (1, 0)
            t1 = t0 + (last * 0.02 if lost else p["t_recv"] / 1e6 - t0)
            if lost:
                x1 = x0 + (0.5 if right else -0.5)
            app = "request" in p["label"] or "reply" in p["label"]
            ax.annotate(
                "",
                (x1, t1),
                (x0, t0),
                arrowprops={"arrowstyle": "->", "color": family if app else "#999999", "lw": 1.8 if app else 0.8, "ls": ":" if lost else "-"},
            )
            if p.get("label"):
                ax.annotate(p["label"], ((x0 + x1) / 2, (t0 + t1) / 2), ha="center", va="bottom", fontsize=6, color=family if app else "#444444")
        for key, text in (("delay_ns", "D"), ("ttfb_ns", "reply")):
            if stack.get(key) is not None:
                ax.axhline(stack[key] / 1e6, color=family, lw=0.6, ls="--", alpha=0.6)
                ax.annotate(text, (-0.04, stack[key] / 1e6), ha="right", va="center", fontsize=7, color=family)
        ax.axvline(0, color="k", lw=1)
        ax.axvline(1, color="k", lw=1)
        ax.set_xlim(-0.16, 1.05)
        ax.set_ylim(last, -0.02 * last)
        ax.set_xticks([0, 1], ["client", "server"])
        ax.spines[["left", "bottom"]].set_visible(False)
        ax.tick_params(axis="x", length=0)
        ax.set_ylabel("ms after send()", fontsize=7)
        ax.tick_params(axis="y", labelsize=7)
        ax.set_title(f"{stack['row']}: {stack.get('title', '')}" + (" (modelled)" if stack.get("modelled") else ""), fontsize=8.5, loc="left")
    for ax in list(axes.flat)[len(stacks):]:
        ax.set_visible(False)
    return save(fig, out, "ladders")


def break_even(pairs: Sequence[Dict[str, Any]], out: Path) -> List[Path]:
    """Measured mean D: csep over its hit ratio, QUIC over its 0-RTT ratio, and where the two meet."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(12, 5.2), layout="constrained")
    for refresh, mark, text in (("never", "o", "kept until it expires"), ("use", "^", "renewed at every use")):
        mine = sorted({(p["hit_ratio"], p["csep_mean_delay_ns"] / (p["rtt_ms"] * 1e6)) for p in pairs if p["refresh"] == refresh})
        if mine:
            left.plot(*zip(*mine), mark, color=COLOURS["S"], ms=5, ls="none", label=f"csep, context {text}")
    quic = sorted({(p["quic_zero_rtt_ratio"], p["quic_mean_delay_ns"] / (p["rtt_ms"] * 1e6)) for p in pairs})
    left.plot(*zip(*quic), "s", color=COLOURS["B"], ms=5, ls="none", label="QUIC (modelled)")
    left.plot([0, 1], [2, 0], color=COLOURS["S"], lw=0.8, label="analysis: 2 - 2h")
    left.plot([0, 1], [1, 0], color=COLOURS["B"], lw=0.8, label="analysis: 1 - g")
    left.set_xlabel("share of visits with a context (h), or a 0-RTT session (g), at hand")
    left.set_ylabel("mean D [R]")
    left.set_title("Mean delay of a visit", loc="left")
    left.legend(frameon=False)

    for wins, colour, text in ((True, COLOURS["W"], "csep not slower"), (False, COLOURS["X"], "csep slower")):
        mine = [(p["quic_zero_rtt_ratio"], p["hit_ratio"]) for p in pairs if p["csep_not_slower"] is wins]
        if mine:
            right.plot(*zip(*mine), "o", color=colour, ms=5, ls="none", label=text + ", measured")
    right.plot([0, 1], [0.5, 1], color="k", lw=0.8, label="analysis: h = (1 + g) / 2")
    right.set_xlabel("QUIC's 0-RTT ratio g")
    right.set_ylabel("csep's hit ratio h")
    right.set_title("Who wins: every measured pair", loc="left")
    right.legend(frameon=False, loc="lower right")
    return save(fig, out, "break-even")
