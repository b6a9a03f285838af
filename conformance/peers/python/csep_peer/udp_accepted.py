# SPDX-License-Identifier: BSD-2-Clause
"""A connection that an acceptor over UDP took: early data, ACCEPT, and an opener that moves; sections 6.2, 6.3 and 6.6."""
import frames
import keys
import packets

from .common import Event, Parameters, refuse
from .recovery import Received
from .udp import ENDED, UNIT, Connection


class Accepted(Connection):
    role, peer_role = "acceptor", "opener"

    def __init__(self, acceptor, seen, slot, early_keys, private, dhe, address):
        super().__init__(seen.service, acceptor.settings, acceptor.now)
        self.acceptor, self.seen, self.slot, self.early_keys, self.address = acceptor, seen, slot, early_keys, address
        self.early_received, self.early_bytes, self.takes_early = Received(), 0, acceptor.settings.early
        self.early_from = 0  # early packets of lower numbers are of a time before RETRY (DATA-127)
        self.header = packets.Accept(self.settings.random(32), keys.x25519_public(private) if private else b"",
                                     seen.source, self.ids[0]).header()
        schedule = keys.Schedule(slot.secret, seen.random, seen.header, self.header, dhe)
        self.establish(seen.aead, schedule, schedule.s_data, schedule.c_data)
        self.peer_ids, self.state, self.accept_due = {0: seen.source}, "ACCEPTED", True
        self.received_bytes = self.sent_bytes = 0
        self.given_up = set()  # sequences of ids that the peer retired
        self.proved, self.challenge, self.proved_address, self.challenge_ends = False, None, address, None

    def ids_in(self):
        """Every id under which packets may come, that of OPEN for early ones included."""
        return [self.seen.destination, *self.ids.values()]

    # ---- in ----

    def take_opening(self, number, payload, retried):
        """The payload of the first OPEN; its errors are told in ACCEPT (DATA-106)."""
        self.early_from = number if retried else 0
        self.early_received.add(number, True)
        found = frames.decode(payload, self.where("open"))
        self.theirs = Parameters(found[0])
        refuse(self.slot.protocols and self.theirs.protocol not in self.slot.protocols, "REFUSED")
        self.events.append(Event("opened", early=self.takes_early))
        self.take_early(found)

    def receive_open(self, datagram, s, address):
        """A repeated OPEN: ACCEPT again (DATA-23), unless it is a copy (DATA-107)."""
        number, payload = packets.open_long(self.early_keys, datagram, s.header, True)
        if payload is None or not self.early_received.is_new(number) or s.header != self.seen.header:
            return
        self.received_bytes += len(datagram)
        self.early_received.add(number, True)
        self.accept_due = True
        self.guarded(lambda: self.take_early(frames.decode(payload, self.where("open"))))

    def receive(self, datagram, one, address):
        if address == self.address:
            self.received_bytes += len(datagram)
        if one != self.seen.destination:
            self.guarded(self.receive_short, datagram, address)
            return
        number, phase, payload = packets.open_short(self.early_keys, datagram, len(one), self.early_received.largest)
        if payload is not None and phase == 0 and number >= self.early_from and self.early_received.is_new(number):
            self.early_received.add(number, True)
            self.guarded(lambda: self.take_early(frames.decode(payload, self.where("early"))))

    def take_early(self, found):
        """Early frames, within first_flight (DATA-37); none but PARAMS where early data is not taken (DATA-32)."""
        if not self.takes_early or self.state in ENDED:
            return
        for frame in found:
            before = self.inbox.received
            self.take_frame(frame, True)
            # What comes again, as in a repeated OPEN, counts once.
            self.early_bytes += self.inbox.received - before
            self.early_bytes += len(frame["data"]) if frame["frame"] == "DATAGRAM" else 0
            refuse(self.early_bytes > self.slot.first_flight, "FLOW_CONTROL")

    def take_payload(self, number, payload, packet):
        self.accept_due = False
        if not self.confirmed:  # c_data verified (DATA-26), which proves the address too (DATA-28)
            self.confirmed = self.proved = True
            self.state = "CONFIRMED" if self.state == "ACCEPTED" else self.state
            self.events.append(Event("confirmed"))
            self.give_id()
        super().take_payload(number, payload, packet)

    # ---- ids and paths, section 6.6 ----

    def give_id(self):
        """As many ids as the peer keeps (DATA-46): one more than that of ACCEPT is enough to move once."""
        sequence, one = len(self.ids), self.settings.random(8)
        self.ids[sequence] = one
        self.control.append({"frame": "NEW_CID", "sequence": sequence, "retire": 0, "id": one,
                             "token": self.acceptor.reset_token(one)})

    def on_retire_cid(self, frame, early):
        """Another one for it, once: the frame may come again. Packets to the old one are still taken (DATA-114)."""
        super().on_retire_cid(frame, early)
        if frame["sequence"] not in self.given_up:
            self.given_up.add(frame["sequence"])
            self.give_id()

    def moved(self, address):
        """The peer comes from elsewhere: follow, and ask whether it is really there (DATA-48)."""
        self.address, self.received_bytes, self.sent_bytes, self.proved = address, UNIT, 0, False
        self.challenge, self.challenge_ends = self.settings.random(8), self.now + 3 * self.path.pto()
        self.control.append({"frame": "PATH_CHALLENGE", "path": self.challenge})
        self.events.append(Event("path"))

    def on_path_response(self, frame, _early):
        if frame["path"] == self.challenge:
            self.proved, self.challenge, self.proved_address, self.challenge_ends = True, None, self.address, None

    # ---- out ----

    def next_datagram(self):
        if not self.proved and self.sent_bytes + UNIT > 3 * self.received_bytes:  # (DATA-28)
            return None
        if self.accept_due and self.state == "ACCEPTED":
            self.accept_due = False
            datagram = self.accept_datagram([])
        else:
            datagram = super().next_datagram()
        self.sent_bytes += len(datagram or b"")
        return datagram

    def params(self):
        return self.settings.parameters([9, int(self.takes_early)], [10, self.acceptor.reset_token(self.ids[0])])

    def accept_datagram(self, more):
        found = [self.params(), self.early_received.ack("ACK_EARLY"), *more]
        number = self.space.number()
        datagram = packets.seal_long(self.generations.send[0], self.header, number, frames.encode(*found))[2]
        self.space.record(number, found, len(datagram), self.now)
        return datagram

    def closing_datagram(self):
        if self.confirmed or self.heard < 2:
            return super().closing_datagram()
        self.heard = 0
        return self.accept_datagram([self.close_frame])

    def acks(self):
        early = [self.early_received.ack("ACK_EARLY")] if self.early_received.ack_due and self.takes_early else []
        return early + super().acks()

    # ---- time ----

    def deadline(self):
        times = (super().deadline(), self.challenge_ends)
        return min((t for t in times if t is not None), default=None)

    def expire(self, now):
        super().expire(now)
        if self.challenge_ends is not None and now >= self.challenge_ends:  # (DATA-50)
            self.challenge = self.challenge_ends = None
            self.address, self.proved = self.proved_address, True

    def probe_or_lose(self):
        super().probe_or_lose()
        self.accept_due = not self.confirmed
