# SPDX-License-Identifier: BSD-2-Clause
"""What was received and what was sent, sections 6.8 and 6.10 of docs/spec.md (RFC 9002 sections 5 to 7)."""
from dataclasses import dataclass

from .common import MS, NOT_ELICITING, refuse

REPLAY_WINDOW = 2048
WINDOW, LEAST_WINDOW = 12000, 2400


class Received:
    """The numbers of one space: each is taken once, and each that asks for it is acknowledged."""

    def __init__(self):
        self.numbers, self.largest, self.ack_due = set(), -1, False

    def is_new(self, number):
        """Not received yet, and inside the replay window (DATA-7, DATA-8)."""
        return number not in self.numbers and number > self.largest - REPLAY_WINDOW

    def add(self, number, eliciting):
        self.numbers.add(number)
        self.largest = max(self.largest, number)
        self.numbers = {n for n in self.numbers if n > self.largest - REPLAY_WINDOW}
        self.ack_due = self.ack_due or eliciting  # at once: earlier than any MAX_ACK_DELAY (DATA-58)

    def ack(self, kind):
        """ACK or ACK_EARLY with the highest 32 ranges (DATA-59)."""
        ranges = []
        for n in sorted(self.numbers, reverse=True):
            if ranges and ranges[-1][1] == n + 1:
                ranges[-1][1] = n
            else:
                ranges.append([n, n])
        self.ack_due = False
        return {"frame": kind, "largest": self.largest, "delay": 0, "ranges": ranges[:32]}


@dataclass
class Sent:
    frames: list
    size: int
    at: int
    generation: int = 0
    eliciting: bool = True


class Path:
    """RTT and what may be in flight. The window halves when something is lost and never grows, which is more
    careful than NewReno (DATA-75)."""

    def __init__(self, sample=None):
        self.srtt, self.rttvar, self.probes = sample or 333 * MS, (sample or 333 * MS) // 2, 0  # (DATA-74)
        self.sampled, self.window = sample is not None, WINDOW

    def sample(self, rtt):
        if not self.sampled:
            self.srtt, self.rttvar, self.sampled = rtt, rtt // 2, True
        self.rttvar = (3 * self.rttvar + abs(self.srtt - rtt)) // 4
        self.srtt = (7 * self.srtt + rtt) // 8

    def pto(self, max_ack_delay=0):
        return self.srtt + max(4 * self.rttvar, MS) + max_ack_delay * MS


class Space:
    """One number space as its sender sees it: early or data."""

    def __init__(self, path):
        self.path, self.next_number, self.largest_acked, self.sent = path, 0, -1, {}

    def number(self):
        self.next_number += 1
        return self.next_number - 1

    def number_length(self, number):
        """RFC 9000 section 17.1: twice the distance to what the peer surely has must fit."""
        return next(n for n in (1, 2, 3, 4) if n == 4 or 2 * (number - self.largest_acked) < 1 << 8 * n)

    def record(self, number, frames, size, now, generation=0):
        eliciting = any(f["frame"] not in NOT_ELICITING for f in frames)
        self.sent[number] = Sent(frames, size, now, generation, eliciting)

    def in_flight(self):
        return sum(s.size for s in self.sent.values() if s.eliciting)

    def acked(self, frame, now):
        """The packets that are acknowledged with this frame for the first time."""
        refuse(frame["largest"] >= self.next_number, "DECODE")  # (DATA-60)
        found = {n: self.sent.pop(n) for high, low in frame["ranges"] for n in sorted(self.sent) if low <= n <= high}
        if frame["largest"] in found and found[frame["largest"]].eliciting:
            self.path.sample(now - found[frame["largest"]].at)
        if found:
            self.path.probes = 0
        self.largest_acked = max(self.largest_acked, frame["largest"])
        return found

    def lost(self, now):
        """The packets that are lost by now: three later ones, or 9/8 of an RTT (DATA-73). They are forgotten."""
        late = now - 9 * self.path.srtt // 8
        gone = [n for n, s in self.sent.items() if n <= self.largest_acked - 3 or (n < self.largest_acked and s.at <= late)]
        if gone:
            self.path.window = max(LEAST_WINDOW, self.path.window // 2)
        return [self.sent.pop(n) for n in sorted(gone)]

    def deadline(self, max_ack_delay):
        """When a packet counts as lost or a probe is due; None when nothing waits for an acknowledgement."""
        times = [s.at + 9 * self.path.srtt // 8 for n, s in self.sent.items() if n < self.largest_acked]
        waiting = [s.at for s in self.sent.values() if s.eliciting]
        if waiting:
            times.append(max(waiting) + (self.path.pto(max_ack_delay) << self.path.probes))
        return min(times, default=None)
