# SPDX-License-Identifier: BSD-2-Clause
"""The latency claims of the 2017 draft, and how measured rows decide them.

A claim is a sentence of draft-kuehlewind-crypto-sep-00 in our own words, with the rows that
test it. Two questions are kept apart: does the claim hold (a verdict computed here from the
measured delays alone), and does measurement agree with analysis (the `agrees` of each row).
"""

from dataclasses import dataclass, field
from typing import Callable, Dict, List, Sequence, Tuple

# What is compared, in whole round trips: (row, baseline row, largest difference allowed).
Test = Tuple[str, str, int]
# (rtt_ms, ip) -> ns
Delays = Dict[Tuple[float, int], int]


@dataclass
class Claim:
    id: str
    text: str
    tests: Sequence[Test]
    # Words for the condition under which the tests that pass do so.
    condition: str = ""
    note: str = ""


@dataclass
class Outcome:
    claim: Claim
    verdict: str
    passed: List[str] = field(default_factory=list)
    failed: List[Tuple[str, str]] = field(default_factory=list)  # (row, how much later: "+1R", "+999 ms")
    missing: List[str] = field(default_factory=list)
    agrees: bool = True


CLAIMS: List[Claim] = [
    Claim(
        "C1",
        "With a context at hand, application data travels in the very first packet.",
        [("W1", "ZERO", 0), ("W3", "ZERO", 0), ("W3-tfo", "ZERO", 0)],
        "the transport has no handshake of its own (UDP, or TCP with Fast Open)",
        "TCP must first shake hands; no cryptography can remove that round trip.",
    ),
    Claim(
        "C2",
        "A resumed context removes the delay of connection set-up and of negotiation.",
        [("W1", "ZERO", 0), ("W3", "ZERO", 0), ("W2", "ZERO", 0)],
        "the transport is UDP and the server knows the client's address",
        "Two different delays: warm TCP removes only that of cryptography, a Retry brings one round trip back.",
    ),
    Claim(
        "C20",
        "The negotiation may run immediately before the payload connection.",
        [("S1", "B1", 0), ("S3", "B1", 0)],
        "the payload connection needs no handshake of its own",
    ),
    Claim(
        "C21",
        "Data waits for the context as long as it does where handshake and payload share a connection.",
        [("S1", "B1", 0), ("S5", "B1", 0), ("S8", "B1", 0), ("S1", "B4", 0), ("S1", "B6", 0)],
        "the comparison is TCP with TLS 1.3; QUIC and DTLS 1.3 are a round trip faster",
    ),
    Claim(
        "C22",
        "Using a separate connection for the negotiation does not generally add delay.",
        [(s, "B1", 0) for s in ("S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "S10", "S11", "S12")],
        "the grant rides in the handshake and the data transport needs no handshake, opens in parallel or shares the connection",
        "The claim that the draft's author withdrew in later drafts; here measured case by case.",
    ),
    Claim(
        "C24",
        "Negotiation and use need not happen at the same time: done ahead, it costs the application nothing.",
        [("W1", "ZERO", 0), ("X1", "B1", 0), ("X2", "B1", 0), ("X3", "B1", 0)],
        "the context is still known to the server, or the first flight is hedged by a negotiation",
        "A context that the server has lost costs more than none: a round trip, or a probe time-out when the refusal is lost.",
    ),
]


def excess(mine: Delays, theirs: Delays, allowed: int) -> str:
    """How much later, in words: "" when not, "+2R" when it is the same number of round trips at every R, else in time."""
    keys = sorted(set(mine) & set(theirs))
    late = {k: mine[k] - theirs[k] - allowed * round(k[0] * 1e6) for k in keys}
    trips = {round(late[k] / (k[0] * 1e6)) for k in keys}
    if max(trips) <= 0:
        return ""
    if len(trips) == 1:
        return f"+{trips.pop()}R"
    return f"+{max(late.values()) / 1e6:.0f} ms"


def judge(claim: Claim, delay: Callable[[str, str], Delays], agrees: Callable[[str], bool]) -> Outcome:
    """Decide one claim. delay(row, beside) gives the row's delays, measured under the configuration that the row `beside`
    was measured under; "ZERO" is no delay at all."""
    passed: List[str] = []
    failed: Dict[str, str] = {}
    missing: List[str] = []
    ok = True
    for row, base, allowed in claim.tests:
        mine = delay(row, row)
        theirs = {key: 0 for key in mine} if base == "ZERO" else delay(base, row)
        if not set(mine) & set(theirs):
            missing.append(base if mine else row)
            continue
        ok &= agrees(row)
        name = row if base in ("ZERO", "B1") else f"{row} against {base}"
        late = excess(mine, theirs, allowed)
        if late:
            failed[name] = late
        else:
            passed.append(name)
    if not passed and not failed:
        verdict = "not measured"
    elif not failed:
        verdict = "holds"
    elif not passed:
        verdict = "fails by " + max(failed.values(), key=lambda text: (text.endswith("ms"), text))
    else:
        verdict = "holds only if " + claim.condition
    return Outcome(claim, verdict, passed, list(failed.items()), missing, ok)
