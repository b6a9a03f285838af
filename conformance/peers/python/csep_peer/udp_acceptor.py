# SPDX-License-Identifier: BSD-2-Clause
"""The acceptor over UDP: who may open (the table of section 6.2), RETRY, REFUSE, and the connections it has."""
import hmac

import frames
import keys
import packets

from . import wire
from .common import SECOND, Event, Parameters, refuse
from .recovery import Received
from .udp import ENDED, UNIT, Connection

HELD, HELD_FOR = 16, SECOND  # (DATA-36)
RETRY_FOR = 30 * SECOND


class Acceptor:
    """All connections behind one address. `book`: the tickets it takes (context.TicketBook)."""

    def __init__(self, book, settings, now, key=None):
        self.book, self.settings, self.now = book, settings, now
        self.key = key or settings.random(32)  # of tokens for RETRY and for resets; the same after a restart
        self.connections, self.held, self.answers = [], [], []
        self.forgeries = 0

    # ---- in ----

    def receive(self, datagram, now, address=None):
        self.now = now
        for connection in self.connections:
            connection.now = now
        kind = datagram[0] if datagram else 0
        try:
            if kind == packets.OPEN:
                self.take_open(datagram, address)
            elif kind & 0xf8 == packets.SHORT and len(datagram) >= 1 + 8 + 4 + packets.TAG:
                self.take_short(datagram, address)
        except wire.Malformed:
            pass  # dropped (DATA-3)

    def take_short(self, datagram, address):
        for connection in self.connections:
            for one in connection.ids_in():
                if datagram[1:1 + len(one)] == one:
                    connection.receive(datagram, one, address)
                    return
        if len(self.held) < HELD:  # perhaps its OPEN is on the way
            self.held.append((datagram, address, self.now))

    def give_up_held(self):
        """No OPEN came for them in time: they are of a connection that this acceptor forgot (DATA-80). The reset is
        shorter than its cause (DATA-82), and its first byte and 20 more say nothing."""
        late = [h for h in self.held if self.now >= h[2] + HELD_FOR]
        self.held = [h for h in self.held if h not in late]
        for datagram, address, _ in late:
            if len(datagram) > 37:
                noise = bytearray(self.settings.random(21))
                noise[0] = 8 | noise[0] & 7
                self.answers.append((bytes(noise) + self.reset_token(datagram[1:9]), address))

    def take_open(self, datagram, address):
        if len(datagram) < UNIT:  # step 1 (DATA-2)
            return
        try:
            s = wire.read_open(datagram, packets.UDP)
        except wire.UnknownVersion as other:  # step 2 (DATA-18)
            self.answers.append((packets.refuse(other.source, other.client_random, 2, [packets.VERSION], other.version),
                                 address))
            return
        token, _, _ = wire.read_token(s.rest)  # step 3
        for connection in self.connections:
            if (connection.seen.ticket, connection.seen.random) == (s.ticket, s.random):  # step 4 (DATA-23)
                connection.receive_open(datagram, s, address)
                return
        if self.settings.retry and not self.is_token(token, address):  # step 5
            self.answers.append((packets.retry(s.source, s.random, self.make_token(address)), address))
            return
        slot = self.book.look(s.ticket, self.now)
        if slot is None or not self.granted(slot, s):  # steps 6 and 7
            self.answers.append((packets.refuse(s.source, s.random, 1), address))
        elif not any(s.destination in c.ids_in() for c in self.connections):  # step 8 (DATA-105)
            self.accept(datagram, s, slot, address, self.is_token(token, address))

    @staticmethod
    def granted(slot, s):
        """(DATA-22, KEY-15)"""
        return slot.services >> s.service & 1 and s.service in (0, 1) and s.aead in slot.aeads and s.aead in keys.AEADS \
            and (slot.upgrade != 2 or s.group == packets.X25519)

    def accept(self, datagram, s, slot, address, proved):
        """Steps 9 to 11."""
        early = keys.PacketKeys(s.aead, keys.Schedule(slot.secret, s.random, s.header).early_c)
        number, payload = packets.open_long(early, datagram, s.header, True)
        if payload is None:  # (DATA-21)
            self.forgeries += 1
            return
        private = self.settings.random(32) if s.group == packets.X25519 and slot.upgrade else b""
        try:
            dhe = keys.x25519(private, s.share) if private else keys.NO_SHARE
        except ValueError:  # a shared secret of zeros (KEY-20)
            self.answers.append((packets.refuse(s.source, s.random, 1), address))
            return
        self.book.spend(slot.ticket)  # (CTX-3)
        c = Accepted(self, s, slot, early, private, dhe, address)
        c.proved = proved
        self.connections.append(c)
        c.received_bytes += len(datagram)
        c.guarded(c.take_opening, number, payload)
        held, self.held = self.held, []
        for datagram, where, _ in held:
            self.take_short(datagram, where)

    # ---- tokens ----

    def make_token(self, address, when=None):
        """Bound to address and port, good for 30 seconds (DATA-43)."""
        when = (self.now if when is None else when).to_bytes(8, "big")
        return when + hmac.digest(self.key, b"retry" + when + repr(address).encode(), "sha256")[:16]

    def is_token(self, token, address):
        when = int.from_bytes(token[:8], "big")
        return len(token) == 24 and self.now < when + RETRY_FOR and \
            hmac.compare_digest(token, self.make_token(address, when))

    def reset_token(self, one):
        return hmac.digest(self.key, b"reset" + one, "sha256")[:16]  # (DATA-82)

    # ---- out, time ----

    def datagrams(self, now):
        self.now = now
        out, self.answers = self.answers, []
        return out + [d for c in self.connections for d in c.datagrams(now)]

    def deadline(self):
        times = [c.deadline() for c in self.connections] + [h[2] + HELD_FOR for h in self.held]
        return min((t for t in times if t is not None), default=None)

    def expire(self, now):
        self.now = now
        self.give_up_held()
        for connection in self.connections:
            if connection.deadline() is not None and now >= connection.deadline():
                connection.expire(now)
        self.connections = [c for c in self.connections if c.state != "CLOSED" or c.events]


class Accepted(Connection):
    role, peer_role = "acceptor", "opener"

    def __init__(self, acceptor, seen, slot, early_keys, private, dhe, address):
        super().__init__(seen.service, acceptor.settings, acceptor.now)
        self.acceptor, self.seen, self.slot, self.early_keys, self.address = acceptor, seen, slot, early_keys, address
        self.early_received, self.early_bytes, self.takes_early = Received(), 0, acceptor.settings.early
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

    def take_opening(self, number, payload):
        """The payload of the first OPEN; its errors are told in ACCEPT (DATA-106)."""
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
        if payload is not None and phase == 0 and self.early_received.is_new(number):
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
