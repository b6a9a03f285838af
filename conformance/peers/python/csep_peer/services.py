# SPDX-License-Identifier: BSD-2-Clause
"""Messages, sections 6.9 and 7.2 of docs/spec.md: cut into frames, put together again, skipped, counted."""
from .common import Event, refuse

FIN, ORDERED = 1, 2
PIECE = 600  # bytes of a message in one frame; any number that fits would do
WINDOW = 4096  # sequence numbers of a channel and order under way
INCOMPLETE = 64  # messages


def cut(channel, ordered, sequence, data):
    """The MESSAGE frames of one message; the one that reaches its end has FIN."""
    for at in range(0, max(1, len(data)), PIECE):
        piece = data[at:at + PIECE]
        flags = (FIN if at + len(piece) == len(data) else 0) | (ORDERED if ordered else 0)
        yield {"frame": "MESSAGE", "flags": flags, "channel": channel, "sequence": sequence, "offset": at, "data": piece}


def name(frame):
    """What tells one message of a connection from another."""
    return frame["channel"], bool(frame["flags"] & ORDERED), frame["sequence"]


class Outbox:
    """Messages of this end: sequence numbers, credit (DATA-69), who is given up (DATA-64)."""

    def __init__(self):
        self.next_sequence, self.highest = {}, {}
        self.transmissions = {}  # message name: how many are left
        self.skipped = set()

    def message(self, data, channel, ordered, transmissions):
        sequence = self.next_sequence.get((channel, ordered), 0)
        self.next_sequence[channel, ordered] = sequence + 1
        if transmissions:
            self.transmissions[channel, ordered, sequence] = transmissions
        return list(cut(channel, ordered, sequence, data))

    def credit_after(self, frame):
        """The sum over all messages of the highest offset sent, were this frame sent too."""
        end = frame["offset"] + len(frame["data"])
        return sum(self.highest.values()) + max(0, end - self.highest.get(name(frame), 0))

    def sent(self, frame):
        self.highest[name(frame)] = max(self.highest.get(name(frame), 0), frame["offset"] + len(frame["data"]))

    def forget(self, frames):
        """As if never sent, so that their credit is free again."""
        for frame in frames:
            self.highest.pop(name(frame), None)

    def lost(self, frame):
        """What is sent in place of a lost frame of a message: itself, or SKIP, or nothing more."""
        message = name(frame)
        if message in self.skipped:
            return []
        if message not in self.transmissions or self.transmissions[message] > 1:
            if message in self.transmissions:
                self.transmissions[message] -= 1
            return [frame]
        self.skipped.add(message)
        return [{"frame": "SKIP", "flags": frame["flags"] & ORDERED, "channel": frame["channel"],
                 "sequence": frame["sequence"], "size": self.highest[message]}]


class Partial:
    def __init__(self):
        self.pieces, self.highest, self.end, self.early = {}, 0, None, False

    def whole(self):
        """The message, or None as long as a byte of it is missing."""
        if self.end is None:
            return None
        data = bytearray()
        for at, piece in sorted(self.pieces.items()):
            if at > len(data):
                return None
            data[at:at + len(piece)] = piece
        return bytes(data) if len(data) == self.end else None


class Inbox:
    """Messages of the peer, delivered whole and once (DATA-68), in order where that was asked for (DATA-67)."""

    def __init__(self, settings, counts_credit):
        self.max_data, self.max_message, self.counts_credit = settings.max_data, settings.max_message, counts_credit
        self.allowed, self.received = settings.max_data, 0
        self.partial, self.waiting = {}, {}
        self.done, self.floor = {}, {}  # by channel and order: sequences above floor, the lowest not over yet

    def message(self, frame, early):
        """Events of what can be delivered now."""
        message, end = name(frame), frame["offset"] + len(frame["data"])
        if self.is_over(message):
            return []
        refuse(end > self.max_message, "OVERSIZE")  # (DATA-71)
        p = self.partial.setdefault(message, Partial())
        if frame["flags"] & FIN:
            refuse(p.end not in (None, end) or p.highest > end, "DECODE")  # (DATA-72)
            p.end = end
        refuse(p.end is not None and end > p.end, "DECODE")
        self.count(max(0, end - p.highest))
        p.highest, p.early = max(p.highest, end), p.early or early
        p.pieces[frame["offset"]] = max(frame["data"], p.pieces.get(frame["offset"], b""), key=len)
        data = p.whole()
        refuse(data is None and len(self.partial) > INCOMPLETE, "FLOW_CONTROL")  # (DATA-88)
        return [] if data is None else self.over(message, data, p.early)

    def skip(self, frame):
        message = name(frame)
        if self.is_over(message):
            return []
        p = self.partial.get(message, Partial())
        self.count(max(0, frame["size"] - p.highest))
        return self.over(message, None, False)

    def count(self, more):
        self.received += more
        refuse(self.counts_credit and self.received > self.allowed, "FLOW_CONTROL")  # (DATA-70)

    def is_over(self, message):
        *channel, sequence = message
        floor = self.floor.setdefault(tuple(channel), 0)
        refuse(sequence >= floor + WINDOW, "FLOW_CONTROL")  # (DATA-117)
        return sequence < floor or sequence in self.done.setdefault(tuple(channel), set())

    def over(self, message, data, early):
        """Received whole, or skipped (data is None)."""
        self.partial.pop(message, None)
        *channel, sequence = message
        channel = tuple(channel)
        done, first = self.done[channel], self.floor[channel]
        done.add(sequence)
        while self.floor[channel] in done:
            done.remove(self.floor[channel])
            self.floor[channel] += 1
        self.waiting[message] = data if data is None else Event(
            "message", channel=channel[0], ordered=channel[1], sequence=sequence, bytes=data, early=early)
        ready = range(first, self.floor[channel]) if channel[1] else [sequence]
        events = [self.waiting.pop((*channel, n)) for n in ready]
        return [e for e in events if e is not None]

    def more_credit(self):
        """A MAX_DATA frame when half of what was allowed is used up, else None."""
        if self.allowed - self.received > self.max_data // 2:
            return None
        self.allowed = self.received + self.max_data
        return {"frame": "MAX_DATA", "bytes": self.allowed}
