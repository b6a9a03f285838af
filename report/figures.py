# SPDX-License-Identifier: BSD-2-Clause
"""The figures of the latency report, each as SVG and PNG.

Every figure is drawn from result files alone; none holds a number of its own.
"""

import re
import textwrap
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


def row_order(name: str) -> Any:
    """B1, B2 ... B4-retry, B5 ... S1 ... S12, W1 ... X4."""
    family, number, variant = re.fullmatch(r"([A-Z]+)([0-9]*)(.*)", name).groups()
    return "BSWX".find(family), int(number or 0), variant


def label_of(row: Dict[str, Any]) -> str:
    title = row.get("title") or ""
    return f"{row['row']}  {title}".strip() + ("  (modelled)" if row["modelled"] else "")


def delay_by_rtt(rows: Sequence[Dict[str, Any]], out: Path) -> List[Path]:
    """D over the round-trip time for IPv4: a bundle of lines through the origin, one for each number of round trips."""
    v4 = [r for r in rows if r["ip"] == 4 and r["delay_ns"] is not None]
    fig, (lines, bars) = plt.subplots(1, 2, figsize=(12, 7.5), width_ratios=(1, 1.35), layout="constrained")

    names = sorted({r["row"] for r in v4}, key=row_order)
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
    at.sort(key=lambda r: row_order(r["row"]))
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


def flights(packets: Sequence[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Packets of one end that leave together, as one arrow each: what they hold, and whether the application's bytes are among it."""
    groups: List[Dict[str, Any]] = []
    for p in packets:
        last = next((g for g in reversed(groups) if g["from"] == p["from"]), None)
        if last is None or p["t_send"] - last["t_last"] > 100000 or (p["t_recv"] is None) != (last["t_recv"] is None):
            last = dict(p, labels=[])
            groups.append(last)
        last["t_last"] = p["t_send"]
        last["labels"].append(p["label"])
        if p["t_recv"] is not None:
            last["t_recv"] = p["t_recv"]
    for g in groups:
        said = [text for text in dict.fromkeys(g["labels"]) if text != "ACK"] or ["ACK"]
        g["text"] = " + ".join(said)
        g["app"] = any(word in g["text"] for word in ("request", "reply"))
    return groups


def ladders(stacks: Sequence[Dict[str, Any]], out: Path) -> List[Path]:
    """Time-sequence ladders: client left, server right, time downwards, an arrow for each flight, what it holds beside its sender."""
    per_line = 4
    height = -(-len(stacks) // per_line)
    fig, axes = plt.subplots(height, per_line, figsize=(4.1 * per_line, 4.3 * height), squeeze=False)
    fig.subplots_adjust(left=0.02, right=0.99, top=0.96, bottom=0.03, wspace=0.04, hspace=0.16)
    last = 1.12 * max(s.get("ttfb_ns") or 0 for s in stacks) / 1e6
    for ax, stack in zip(axes.flat, stacks):
        colour = COLOURS.get(stack["row"][0], "k")
        for g in flights(stack["packets"]):
            t0 = g["t_send"] / 1e6
            lost = g["t_recv"] is None
            right = g["from"] == "client"
            t1 = t0 + (stack["rtt_ms"] / 4 if lost else g["t_recv"] / 1e6 - t0)
            if t0 > last * 0.93:
                continue
            x0, x1 = (0, 0.5 if lost else 1) if right else (1, 0.5 if lost else 0)
            style = {"arrowstyle": "-|>", "color": colour if g["app"] else "#888888", "lw": 2 if g["app"] else 0.9, "ls": ":" if lost else "-", "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", (x1, t1), (x0, t0), arrowprops=style)
            ax.annotate(
                textwrap.fill(g["text"] + (" (lost)" if lost else ""), 30),
                (x0, t0),
                xytext=(-4 if right else 4, 0),
                textcoords="offset points",
                ha="right" if right else "left",
                va="center",
                fontsize=6.3,
                color=colour if g["app"] else "#444444",
                weight="bold" if g["app"] else "normal",
            )
        for key, text in (("delay_ns", "D"), ("ttfb_ns", "first reply byte")):
            if stack.get(key) is not None:
                t = stack[key] / 1e6
                ax.plot([0, 1], [t, t], color=colour, lw=0.7, ls="--", alpha=0.7)
                ax.annotate(f"{text} = {t / stack['rtt_ms']:.2g}R", (0.5, t), xytext=(0, -2), textcoords="offset points", ha="center", va="top", fontsize=6.3, color=colour)
        ax.axvline(0, color="k", lw=1)
        ax.axvline(1, color="k", lw=1)
        ax.set_xlim(-1.25, 2.25)
        ax.set_ylim(last, -0.03 * last)
        ax.set_xticks([0, 1], ["client", "server"])
        ax.set_yticks([])
        ax.spines[["left", "bottom"]].set_visible(False)
        ax.tick_params(axis="x", length=0)
        ax.set_title(f"{stack['row']}: {stack.get('title', '')}" + (" (modelled)" if stack.get("modelled") else ""), fontsize=8.5, loc="center")
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
