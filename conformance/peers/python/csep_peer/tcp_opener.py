# SPDX-License-Identifier: BSD-2-Clause
"""The opener over TCP: OPEN and early records, ACCEPT or REFUSE, END_EARLY; section 8.1 of docs/spec.md."""
from collections import deque

import frames
import keys
import packets

from . import wire
from .common import ERRORS, MS, SECOND, Event, Parameters, refuse
from .tcp import Direction, Stream

GIVE_UP = 10 * SECOND  # (DATA-14)


class Opener(Stream):
    role, peer_role = "opener", "acceptor"

    def __init__(self, slot, service, settings, now):
        super().__init__(service, settings, now)
        refuse(not slot.services >> service & 1 or settings.aead not in slot.aeads, "REFUSED")  # (NEG-70)
        self.slot, self.client_random, self.opened_at = slot, settings.random(32), now
        self.private = settings.random(32) if slot.upgrade == 2 or (slot.upgrade == 1 and settings.share) else b""
        self.header = packets.Open(packets.TCP, service, settings.aead, slot.ticket, self.client_random,
                                   keys.x25519_public(self.private) if self.private else b"").header()
        self.early = Direction(settings.aead, keys.Schedule(slot.secret, self.client_random, self.header).early_c)
        self.early_left = slot.first_flight if settings.early else 0
        self.early_sent = []

    # ---- out ----

    def output(self, now):
        self.now = now
        if self.state == "IDLE":
            self.state = "OPENING"
            self.out += self.early.seal(frames.encode(self.params(), *self.take_early(1)), self.header)
        while self.state == "OPENING" and (found := self.take_early(1)):
            self.out += self.early.seal(frames.encode(*found))
        return super().output(now)

    def params(self):
        age = [8, (self.now - self.slot.received) // MS]
        return self.settings.parameters(age, *[[7, self.settings.protocol]] * bool(self.slot.protocols))  # (DATA-12)

    def take_early(self, most):
        """Application frames within first_flight (DATA-30)."""
        found = []
        while self.fresh and len(found) < most and len(self.fresh[0]["data"]) <= self.early_left:
            found.append(self.fresh.popleft())
            self.early_left -= len(found[-1]["data"])
        self.early_sent += found
        return found

    # ---- in ----

    def take_unit(self, unit):
        if self.state != "OPENING":
            self.take_record(unit)
            return
        try:
            if unit[2:3] == bytes([packets.REFUSE]):
                self.take_refuse(unit)
            else:
                self.take_accept(unit)
        except wire.Malformed:
            refuse(True, "DECODE")

    def take_refuse(self, unit):
        _, echo, code, _ = wire.read_refuse(unit[2:], packets.TCP)
        refuse(echo != self.client_random[:16], "DECODE")
        self.state = "CLOSED"
        self.events += [Event("refused", code=code), Event("closed", by_peer=True, code=ERRORS["REFUSED"])]

    def take_accept(self, unit):
        s = wire.read_accept(unit[2:], packets.TCP)
        refuse(s.group and (s.group != packets.X25519 or not self.private), "PROTECTION")  # (DATA-108, KEY-19)
        dhe = keys.x25519(self.private, s.share) if s.share else keys.NO_SHARE
        self.schedule = keys.Schedule(self.slot.secret, self.client_random, self.header, s.header, dhe)
        self.receiving = Direction(self.settings.aead, self.schedule.s_data)
        payload = self.receiving.open(unit, s.header)
        refuse(payload is None, "PROTECTION")
        self.accepted()
        self.state = "OPEN"
        self.theirs = Parameters(frames.decode(payload, self.where("accept"))[0])
        self.events.append(Event("opened", early=bool(self.theirs.early)))
        refuse(self.slot.upgrade == 2 and not s.share, "REFUSED")  # (KEY-16)
        if not self.theirs.early:
            self.fresh = deque(self.early_sent + list(self.fresh))  # (DATA-93)
        self.take_payload(payload, "accept")
        if self.state == "OPEN":
            self.record({"frame": "PING"})  # (DATA-118)
            self.confirmed, self.state = True, "CONFIRMED"
            self.events.append(Event("confirmed"))

    def accepted(self):
        """END_EARLY is the last under early_c; everything behind it is under c_data (DATA-91)."""
        self.out += self.early.seal(frames.encode({"frame": "END_EARLY"}))
        self.send = Direction(self.settings.aead, self.schedule.c_data)

    # ---- time ----

    def deadline(self):
        return self.opened_at + GIVE_UP if self.is_opening() else super().deadline()
