# SPDX-License-Identifier: BSD-2-Clause
"""The acceptor over UDP: who may open (the table of section 6.2), RETRY, REFUSE and resets; sections 6.2 to 6.5, 6.11."""
import hmac

import keys
import packets

from . import wire
from .common import SECOND
from .udp import UNIT
from .udp_accepted import Accepted

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
        c.guarded(c.take_opening, number, payload, proved)
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
