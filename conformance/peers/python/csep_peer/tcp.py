# SPDX-License-Identifier: BSD-2-Clause
"""What both ends of a data connection over TCP do: section 8 of docs/spec.md.

A host calls receive() with what TCP delivered and eof() at its end, the verbs of the application, and writes what
output() returns; TCP may be closed when the state is CLOSED and output() is empty.
"""
from collections import deque

import frames
import keys
import packets

from .common import ERRORS, MS, Event, Parameters, refuse
from .services import Inbox, Outbox

PIECE = 4096  # bytes of a STREAM frame
RECORD, UNIT = 16640, 18432  # most bytes behind the length (DATA-94, DATA-119)


class Direction:
    """Keys of one direction with the number of the next record; numbers begin at 0 with each key."""

    def __init__(self, aead, secret, number=0):
        self.keys, self.number, self.generation = keys.PacketKeys(aead, secret), number, 0

    def seal(self, payload, header=b""):
        self.number += 1
        return packets.seal_unit(self.keys, header, payload, self.number - 1)[1]

    def open(self, unit, header=b""):
        payload = packets.open_unit(self.keys, unit, header, self.number)
        self.number += 1
        return payload

    def update(self):
        self.keys = keys.PacketKeys(self.keys.aead, keys.update(self.keys.secret))
        self.number, self.generation = 0, self.generation + 1


class Stream:
    role = peer_role = None

    def __init__(self, service, settings, now):
        self.service, self.settings, self.now, self.state = service, settings, now, "IDLE"
        self.events, self.theirs, self.schedule = [], Parameters(), None
        self.inbox, self.outbox = Inbox(settings, False), Outbox()
        self.fresh, self.buffer, self.out = deque(), b"", bytearray()
        self.send = self.receiving = None
        self.finished = False  # the application closed: CLOSE goes behind what waits
        self.last_heard, self.confirmed = now, False

    # ---- verbs of the application ----

    def write(self, data):
        self.fresh.extend({"frame": "STREAM", "data": data[i:i + PIECE]} for i in range(0, len(data), PIECE))

    def message(self, data, channel=0, ordered=True):
        self.fresh.extend(self.outbox.message(data, channel, ordered, 0))

    def update(self):
        """KEY_UPDATE; not while the peer has not answered the last one (DATA-120)."""
        if not self.confirmed or self.receiving.generation < self.send.generation:
            return False
        self.send_update()
        return True

    def tickets(self, tickets):
        """Acceptor: more tickets for the opener's context (CTX-10)."""
        self.record({"frame": "TICKETS", "tickets": tickets})

    def hint(self, code, seconds):
        self.record({"frame": "HINT", "code": code, "seconds": seconds})

    def close(self, code=0):
        """What was written goes out first."""
        self.finished = True if code == 0 else self.finished
        if code:
            self.end(code)

    def exported(self, label, context=b"", length=32):
        return keys.export(self.schedule.exporter, label, context, length)

    # ---- out ----

    def record(self, *found):
        """One record under the current key."""
        self.out += self.send.seal(frames.encode(*found))

    def send_update(self):
        """The key changes right behind the record whose last frame is KEY_UPDATE (DATA-97)."""
        self.record({"frame": "KEY_UPDATE"})
        self.send.update()

    def output(self, now):
        self.now = now
        if self.state in ("OPEN", "ACCEPTED", "CONFIRMED"):
            self.send_fresh()
            if self.finished and self.state != "CLOSED":
                self.end(0)
        out, self.out = bytes(self.out), bytearray()
        return out

    def send_fresh(self):
        if self.fresh and self.send.generation < self.receiving.generation:
            self.send_update()  # before the next data (DATA-98)
        while self.fresh:
            self.record(self.fresh.popleft())

    def end(self, code):
        """CLOSE under the current key, and nothing behind it (DATA-77)."""
        if self.state in ("CLOSING", "CLOSED"):
            return
        if self.send is not None:
            self.record({"frame": "CLOSE", "code": code, "text": b""})
        self.state = "CLOSED"
        self.events.append(Event("closed", by_peer=False, code=code))

    # ---- in ----

    def where(self, packet):
        return frames.Where("tcp", self.service, self.peer_role, packet)

    def receive(self, data, now):
        """Whole units and records are taken from what has arrived; an error ends the connection."""
        self.now = self.last_heard = now
        self.buffer += data
        try:
            while self.state != "CLOSED" and (unit := self.next_unit()):
                self.take_unit(unit)
        except frames.Refused as error:
            self.end(ERRORS[str(error)])

    def is_opening(self):
        return self.state in ("IDLE", "OPENING")

    def next_unit(self):
        if len(self.buffer) < 2:
            return None
        length = int.from_bytes(self.buffer[:2], "big")
        refuse(length > (UNIT if self.is_opening() else RECORD), "OVERSIZE")
        refuse(length < 17 and not self.is_opening(), "DECODE")
        if len(self.buffer) < 2 + length:
            return None
        unit, self.buffer = self.buffer[:2 + length], self.buffer[2 + length:]
        return unit

    def take_record(self, unit, packet="data"):
        payload = self.receiving.open(unit)
        refuse(payload is None, "PROTECTION")  # (DATA-95)
        self.take_payload(payload, packet)

    def take_payload(self, payload, packet):
        for frame in frames.decode(payload, self.where(packet)):
            if self.state == "CLOSED":
                return
            self.take_frame(frame, packet in ("open", "early"))

    def take_frame(self, frame, early):
        getattr(self, "on_" + frame["frame"].lower())(frame, early)

    def on_padding(self, frame, early):
        """Nothing to do; PARAMS were read with the opening."""

    on_ping = on_params = on_end_early = on_padding

    def on_stream(self, frame, early):
        self.events.append(Event("read", bytes=frame["data"], early=early))

    def on_message(self, frame, early):
        self.events += self.inbox.message(frame, early)

    def on_tickets(self, frame, _early):
        self.events.append(Event("tickets", tickets=frame["tickets"]))

    def on_hint(self, frame, _early):
        self.events.append(Event("hint", code=frame["code"], value=frame["seconds"]))

    def on_key_update(self, _frame, _early):
        refuse(self.send.generation < self.receiving.generation, "KEY_UPDATE")  # (DATA-121)
        self.receiving.update()
        self.events.append(Event("key_update"))

    def on_close(self, frame, _early):
        self.state = "CLOSED"
        self.events.append(Event("closed", by_peer=True, code=frame["code"]))

    def eof(self, now):
        """Without CLOSE something may be missing (DATA-96)."""
        self.now = now
        if self.state != "CLOSED":
            self.state = "CLOSED"
            self.events.append(Event("closed", by_peer=False, code=ERRORS["TRUNCATED"]))

    # ---- time ----

    def deadline(self):
        both = [t for t in (self.settings.idle_timeout, self.theirs.idle_timeout) if t]
        return self.last_heard + min(both) * MS if both and self.state != "CLOSED" else None

    def expire(self, now):
        self.now = now
        if self.deadline() is not None and now >= self.deadline():
            self.end(ERRORS["TIMEOUT"])  # (DATA-79)
