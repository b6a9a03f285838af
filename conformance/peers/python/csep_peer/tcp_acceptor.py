# SPDX-License-Identifier: BSD-2-Clause
"""The acceptor over TCP: OPEN, early records until END_EARLY, then the rest; section 8.1 of docs/spec.md."""
import frames
import keys
import packets

from . import wire
from .common import ERRORS, SECOND, Event, Parameters, refuse
from .tcp import Direction, Stream

OPEN_WITHIN = 10 * SECOND  # (DATA-101)
DISCARDED = 65536  # bytes of early records that are not taken (DATA-92)


class Acceptor(Stream):
    role, peer_role = "acceptor", "opener"

    def __init__(self, book, settings, now):
        super().__init__(None, settings, now)
        self.book, self.slot, self.first_byte_at = book, None, None
        self.after_early, self.early_bytes, self.early_size = None, 0, 0
        self.takes_early = settings.early

    # ---- OPEN ----

    def receive(self, data, now):
        self.first_byte_at = now if self.first_byte_at is None else self.first_byte_at
        super().receive(data, now)

    def take_unit(self, unit):
        if self.state == "IDLE":
            self.take_open(unit)
        elif self.after_early is not None:
            self.take_early(unit)
        else:
            self.take_record(unit)
            self.confirm()

    def take_open(self, unit):
        """Taken, or refused in one of two ways (DATA-99); the order is that of the table in section 6.2."""
        try:
            s = wire.read_open(unit[2:], packets.TCP)
        except wire.UnknownVersion as other:
            self.refuse_unit(other.client_random, 2, [packets.VERSION], other.version)
            return
        except wire.Malformed:
            self.refuse_unit(bytes(16), 1)  # there is nothing to echo
            return
        slot = self.book.look(s.ticket, self.now)
        if slot is None or not self.granted(slot, s):
            self.refuse_unit(s.random, 1)
            return
        schedule = keys.Schedule(slot.secret, s.random, s.header)
        self.receiving = Direction(s.aead, schedule.early_c)
        payload = self.receiving.open(unit, s.header)
        if payload is None:
            self.refuse_unit(s.random, 1)
            return
        self.accept(s, slot, payload)

    @staticmethod
    def granted(slot, s):
        """(DATA-22, KEY-15)"""
        return slot.services >> s.service & 1 and s.service in (1, 2) and s.aead in slot.aeads and s.aead in keys.AEADS \
            and (slot.upgrade != 2 or s.group == packets.X25519)

    def refuse_unit(self, client_random, code, versions=(), version=packets.VERSION):
        self.out += packets.refuse_unit(client_random, code, versions, version)
        self.state = "CLOSED"
        self.events.append(Event("closed", by_peer=False, code=0))

    def accept(self, s, slot, payload):
        private = self.settings.random(32) if s.group == packets.X25519 and slot.upgrade else b""
        try:
            dhe = keys.x25519(private, s.share) if private else keys.NO_SHARE
        except ValueError:  # a shared secret of zeros (KEY-20)
            self.refuse_unit(s.random, 1)
            return
        self.book.spend(slot.ticket)
        header = packets.Accept(self.settings.random(32), keys.x25519_public(private) if private else b"").header()
        self.schedule = keys.Schedule(slot.secret, s.random, s.header, header, dhe)
        self.send, self.after_early = Direction(s.aead, self.schedule.s_data), Direction(s.aead, self.schedule.c_data)
        self.service, self.slot, self.state = s.service, slot, "ACCEPTED"
        error = self.read_opening(payload)
        found = [self.settings.parameters([9, int(self.takes_early)])]
        if error is not None:  # behind PARAMS (DATA-106)
            found.append({"frame": "CLOSE", "code": error, "text": b""})
        # ACCEPT goes first, before what the application answers to what it just read.
        self.out += self.send.seal(frames.encode(*found), header)

    def read_opening(self, payload):
        """None, or the code of an error in the payload of OPEN."""
        try:
            found = frames.decode(payload, self.where("open"))
            self.theirs = Parameters(found[0])
            refuse(self.slot.protocols and self.theirs.protocol not in self.slot.protocols, "REFUSED")
            self.events.append(Event("opened", early=self.takes_early))
            self.early_frames(found)
        except frames.Refused as error:
            self.state = "CLOSED"
            self.events.append(Event("closed", by_peer=False, code=ERRORS[str(error)]))
            return ERRORS[str(error)]
        return None

    # ---- early records, then those under c_data ----

    def take_early(self, unit):
        payload = self.receiving.open(unit)
        refuse(payload is None, "PROTECTION")
        found = frames.decode(payload, self.where("early"))
        self.early_size += len(unit)
        refuse(not self.takes_early and self.early_size > DISCARDED, "FLOW_CONTROL")
        self.early_frames(found)
        if found[-1]["frame"] == "END_EARLY":
            self.receiving, self.after_early = self.after_early, None

    def early_frames(self, found):
        """At most first_flight bytes of data, taken (DATA-37) or not (DATA-92)."""
        self.early_bytes += sum(len(f["data"]) for f in found if f["frame"] in ("STREAM", "MESSAGE"))
        refuse(self.early_bytes > self.slot.first_flight, "FLOW_CONTROL")
        for frame in found if self.takes_early else []:
            self.take_frame(frame, True)

    def confirm(self):
        if not self.confirmed and self.state == "ACCEPTED":  # (DATA-26)
            self.confirmed, self.state = True, "CONFIRMED"
            self.events.append(Event("confirmed"))

    # ---- time ----

    def deadline(self):
        """Who has not sent a byte yet may wait (NEG-2); how long is for the host to say."""
        if self.state != "IDLE":
            return super().deadline()
        return None if self.first_byte_at is None else self.first_byte_at + OPEN_WITHIN
