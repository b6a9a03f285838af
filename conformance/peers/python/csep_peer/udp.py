# SPDX-License-Identifier: BSD-2-Clause
"""What both ends of a data connection over UDP do, from ACCEPT on: sections 6.6 to 6.11 and 7 of docs/spec.md.

A host calls receive() with each datagram, expire() when deadline() has come, the verbs of the application, and sends
what datagrams() returns; `events` is what the application is told.
"""
from collections import deque

import frames
import keys
from packets import TAG

from .common import ERRORS, MS, NOT_ELICITING, Event, Parameters, refuse
from .generations import Generations
from .recovery import Path, Received, Space
from .services import Inbox, Outbox

UNIT = 1200  # what every path carries (DATA-9)
AGAIN = ("SKIP", "TICKETS", "HINT", "NEW_CID", "RETIRE_CID")  # sent again as they are when lost
ENDED = ("CLOSING", "DRAINING", "CLOSED")


class Connection:
    role = peer_role = None

    def __init__(self, service, settings, now):
        self.service, self.settings, self.now, self.state = service, settings, now, "IDLE"
        self.events, self.theirs = [], Parameters()
        self.schedule = self.generations = None  # keys, from ACCEPT on
        # What was sent and received in the data space, and messages both ways.
        self.path = Path()
        self.space, self.received = Space(self.path), Received()
        self.outbox, self.inbox = Outbox(), Inbox(settings, True)
        # Frames to send: of the application, lost ones, those of the connection itself.
        self.fresh, self.again, self.control = deque(), [], []
        # Connection ids by sequence: own ones, the peer's that can be used, all that the peer gave with their tokens.
        self.ids, self.peer_ids, self.peer_gave, self.retired = {0: settings.random(8)}, {}, {}, set()
        self.peer_sequence, self.address = 0, None  # where packets go
        self.confirmed = self.probe = False
        # The end: what is said, how many packets came since it was said, when it is over.
        self.close_frame, self.heard, self.ends_at = None, 0, None
        self.last_heard = now

    # ---- verbs of the application ----

    def datagram(self, data):
        self.fresh.append({"frame": "DATAGRAM", "data": data})

    def message(self, data, channel=0, ordered=True, transmissions=0):
        self.fresh.extend(self.outbox.message(data, channel, ordered, transmissions))

    def update(self):
        """Start a key update; False when it is not allowed yet (DATA-53)."""
        if not (self.confirmed and self.generations.may_update()):
            return False
        self.generations.update()
        self.control.append({"frame": "PING"})
        return True

    def tickets(self, tickets):
        """Acceptor: more tickets for the opener's context (CTX-10)."""
        self.control.append({"frame": "TICKETS", "tickets": tickets})

    def hint(self, code, seconds):
        self.control.append({"frame": "HINT", "code": code, "seconds": seconds})

    def close(self, code=0):
        self.end(code)

    def end(self, code):
        """This end ends the connection: CLOSE, and for three PTO nothing but CLOSE (DATA-77)."""
        if self.state not in ENDED:
            self.state, self.close_frame = "CLOSING", {"frame": "CLOSE", "code": code, "text": b""}
            self.ends_at, self.heard = self.now + 3 * self.path.pto(), 2
            self.events.append(Event("closed", by_peer=False, code=code))

    def exported(self, label, context=b"", length=32):
        return keys.export(self.schedule.exporter, label, context, length)

    def establish(self, aead, schedule, send, receive):
        """Both headers are known: there are keys of both directions."""
        self.schedule, self.generations = schedule, Generations(aead, send, receive)

    # ---- in ----

    def where(self, packet):
        return frames.Where("udp", self.service, self.peer_role, packet)

    def guarded(self, action, *args):
        """An error of the peer in a packet that passed authentication ends the connection with its code."""
        try:
            return action(*args)
        except frames.Refused as error:
            self.end(ERRORS[str(error)])

    def receive_short(self, datagram, address):
        """A packet of the data space. One that does not open is dropped (DATA-3)."""
        number, payload = self.generations.open(datagram, len(self.ids[0]), self.received.largest)
        if payload is None or not self.received.is_new(number):
            return False
        newest = number > self.received.largest
        self.take_payload(number, payload, "data")
        if newest and address != self.address:
            self.moved(address)
        return True

    def take_payload(self, number, payload, packet):
        found = frames.decode(payload, self.where(packet))
        self.received.add(number, any(f["frame"] not in NOT_ELICITING for f in found))
        self.last_heard = self.now
        self.heard += 1
        if self.state in ENDED:
            found = [f for f in found if f["frame"] == "CLOSE"]
        for frame in found:
            self.take_frame(frame, early=packet in ("open", "early"))

    def take_frame(self, frame, early):
        getattr(self, "on_" + frame["frame"].lower())(frame, early)

    def moved(self, address):
        """The opener does not follow (DATA-51); the acceptor does."""

    def ignored(self, frame, early):
        """Nothing to do: PARAMS were read with the opening, BLOCKED only explains a silence."""

    on_padding = on_ping = on_params = on_blocked = on_path_response = ignored

    def on_ack(self, frame, _early):
        for sent in self.space.acked(frame, self.now).values():
            if sent.generation == self.generations.sending:
                self.generations.acknowledged = sent.generation
            self.acknowledged()
        for sent in self.space.lost(self.now):
            self.lost(sent)

    def acknowledged(self):
        """A packet of the data space of this end was."""

    def on_datagram(self, frame, early):
        self.events.append(Event("datagram", bytes=frame["data"], early=early))

    def on_message(self, frame, early):
        self.events += self.inbox.message(frame, early)

    def on_skip(self, frame, _early):
        self.events += self.inbox.skip(frame)

    def on_max_data(self, frame, _early):
        self.theirs.max_data = max(self.theirs.max_data, frame["bytes"])  # (DATA-103)

    def on_tickets(self, frame, _early):
        self.events.append(Event("tickets", tickets=frame["tickets"]))

    def on_hint(self, frame, _early):
        self.events.append(Event("hint", code=frame["code"], value=frame["seconds"]))

    def on_new_cid(self, frame, _early):
        """Ids of lower sequence than `retire` go, and are named in RETIRE_CID (DATA-113)."""
        sequence = frame["sequence"]
        given = (frame["id"], frame["token"])
        refuse(self.peer_gave.setdefault(sequence, given) != given, "CONNECTION_ID")
        if sequence not in self.retired:  # a copy may come late
            self.peer_ids[sequence] = frame["id"]
        for old in [s for s in self.peer_ids if s < frame["retire"]]:
            self.retire(old)
        refuse(len(self.peer_ids) > self.settings.max_cids, "CONNECTION_ID")  # (DATA-112)
        self.peer_sequence = max(self.peer_sequence, min(self.peer_ids))

    def retire(self, sequence):
        del self.peer_ids[sequence]
        self.retired.add(sequence)
        self.control.append({"frame": "RETIRE_CID", "sequence": sequence})

    def on_retire_cid(self, frame, _early):
        refuse(frame["sequence"] not in self.ids, "CONNECTION_ID")

    def on_path_challenge(self, frame, _early):
        self.control.append({"frame": "PATH_RESPONSE", "path": frame["path"]})  # (DATA-49)

    def on_close(self, frame, _early):
        """The peer ended it: silence from here on (DATA-78)."""
        if self.state in ("DRAINING", "CLOSED"):
            return
        if self.state != "CLOSING":
            self.events.append(Event("closed", by_peer=True, code=frame["code"]))
        self.state, self.ends_at = "DRAINING", self.now + 3 * self.path.pto()

    def lost(self, sent):
        """What a lost packet held goes out again, where it still matters; a DATAGRAM never does (DATA-63)."""
        for frame in sent.frames:
            if frame["frame"] == "MESSAGE":
                self.again += self.outbox.lost(frame)
            elif frame["frame"] == "MAX_DATA":
                self.again.append({"frame": "MAX_DATA", "bytes": self.inbox.allowed})
            elif frame["frame"] in AGAIN:
                self.again.append(frame)

    # ---- out ----

    def datagrams(self, now):
        """All that can be sent now, as (datagram, address)."""
        self.now = now
        return [(d, self.address) for d in iter(self.next_datagram, None)]

    def next_datagram(self):
        if self.state == "CLOSING":
            return self.closing_datagram()
        if self.generations is None or self.state in ("DRAINING", "CLOSED"):
            return None
        found = self.acks()
        room = UNIT - 1 - 20 - 4 - TAG - len(frames.encode(*found))
        if self.probe or self.space.in_flight() < self.path.window:
            found += self.take(room)
            if self.probe and not any(f["frame"] not in ("ACK", "ACK_EARLY") for f in found):
                found.append({"frame": "PING"})
            self.probe = False
        return self.protect(found) if found else None

    def closing_datagram(self):
        """CLOSE at once, and then for every second packet (DATA-77)."""
        if self.heard < 2 or self.generations is None:
            return None
        self.heard = 0
        return self.protect([self.close_frame])

    def acks(self):
        return [self.received.ack("ACK")] if self.received.ack_due else []

    def take(self, room):
        """Frames for one packet: what is lost first, then of the connection itself, then of the application."""
        credit = self.inbox.more_credit() if self.service == 1 else None
        if credit:
            self.control.append(credit)
        found = []
        for queue in (self.again, self.control, self.fresh):
            while queue and self.may_send(queue[0]) and len(frames.encode(*found, queue[0])) <= room:
                frame = queue.popleft() if queue is self.fresh else queue.pop(0)
                if frame["frame"] == "MESSAGE":
                    self.outbox.sent(frame)
                found.append(frame)
        return found

    def may_send(self, frame):
        return frame["frame"] != "MESSAGE" or self.outbox.credit_after(frame) <= self.theirs.max_data  # (DATA-69)

    def seal(self, payload, number=None, length=None):
        """One short packet with this payload, whatever it is; `length` of the packet number as it is sent."""
        number = self.space.number() if number is None else number
        length = length or self.space.number_length(number)
        payload = payload.ljust(4 - length, b"\0")  # the sample must exist (6.1)
        return self.generations.seal(self.peer_ids[self.peer_sequence], number, payload, length)

    def protect(self, found):
        number = self.space.number()
        datagram = self.seal(frames.encode(*found), number)
        self.space.record(number, found, len(datagram), self.now, self.generations.sending)
        return datagram

    # ---- time ----

    def idle_timeout(self):
        both = [t for t in (self.settings.idle_timeout, self.theirs.idle_timeout) if t]
        return min(both) * MS if both else None

    def deadline(self):
        if self.state == "CLOSED":
            return None
        if self.ends_at is not None:
            return self.ends_at
        idle = self.idle_timeout()
        times = [self.last_heard + idle] if idle else []
        return min(times + [t for t in (self.loss_deadline(),) if t is not None], default=None)

    def loss_deadline(self):
        return self.space.deadline(self.theirs.max_ack_delay) if self.generations else None

    def expire(self, now):
        self.now = now
        if self.ends_at is not None:
            if now >= self.ends_at:
                self.state, self.ends_at = "CLOSED", None
        elif self.idle_timeout() and now >= self.last_heard + self.idle_timeout():
            self.state = "CLOSED"  # in silence (DATA-79)
            self.events.append(Event("closed", by_peer=False, code=ERRORS["TIMEOUT"]))
        elif self.loss_deadline() is not None and now >= self.loss_deadline():
            self.probe_or_lose()

    def probe_or_lose(self):
        gone = self.space.lost(self.now)
        for sent in gone:
            self.lost(sent)
        if not gone:  # probe time-out: what the oldest packet held goes once more
            self.path.probes += 1
            oldest = min(n for n, s in self.space.sent.items() if s.eliciting)
            self.lost(self.space.sent[oldest])
            self.space.sent[oldest].frames = [{"frame": "PING"}]
            self.probe = True
