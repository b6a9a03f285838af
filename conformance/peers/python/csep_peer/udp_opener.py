# SPDX-License-Identifier: BSD-2-Clause
"""The opener over UDP: OPEN with early data, ACCEPT, REFUSE, RETRY; sections 6.2 to 6.5 of docs/spec.md."""
from collections import deque

import frames
import keys
import packets

from . import wire
from .common import ERRORS, MS, SECOND, Event, Parameters, refuse
from .recovery import Space
from .udp import UNIT, Connection

GIVE_UP = 10 * SECOND  # (DATA-14)
HELD = 16


class Opener(Connection):
    role, peer_role = "opener", "acceptor"

    def __init__(self, slot, service, settings, now, address=None):
        super().__init__(service, settings, now)
        refuse(not slot.services >> service & 1 or settings.aead not in slot.aeads, "REFUSED")  # (NEG-70)
        self.slot, self.address, self.state = slot, address, "OPENING"
        self.client_random, self.destination = settings.random(32), settings.random(8)
        self.private = settings.random(32) if slot.upgrade == 2 or (slot.upgrade == 1 and settings.share) else b""
        self.header = packets.Open(packets.UDP, service, settings.aead, slot.ticket, self.client_random,
                                   keys.x25519_public(self.private) if self.private else b"",
                                   self.destination, self.ids[0]).header()
        self.early_keys = keys.PacketKeys(settings.aead, keys.Schedule(slot.secret, self.client_random,
                                                                        self.header).early_c)
        self.early, self.accept_header, self.held = Space(self.path), b"", []
        self.token, self.retried = slot.token, False
        self.opened_at, self.open_due, self.interval = now, now, self.path.pto()
        self.open_frames = None  # early frames of OPEN
        self.early_left = slot.first_flight if settings.early else 0

    # ---- out: OPEN and early packets ----

    def next_datagram(self):
        if self.state != "OPENING":
            return super().next_datagram()
        if self.now >= self.open_due:
            return self.open_datagram()
        room = UNIT - 1 - 20 - 4 - packets.TAG if self.early.in_flight() < self.path.window else 0
        found = self.take_early(room)
        if not found:
            return None
        number = self.early.number()
        datagram = self.seal_early(frames.encode(*found), number)
        self.early.record(number, found, len(datagram), self.now)
        return datagram

    def open_datagram(self):
        """The same header with the next number, PARAMS with the age of now, and the frames of the first (DATA-13)."""
        if self.open_frames is None:
            room = UNIT - len(self.header) - 1 - 255 - 2 - 4 - packets.TAG - len(frames.encode(self.params()))
            self.open_frames = self.take_early(room)
        number = self.early.number()
        datagram = self.seal_open(frames.encode(self.params(), *self.open_frames), number)
        self.early.record(number, list(self.open_frames), len(datagram), self.now)
        # A datagram is not sent again, so it is not in the repetition (DATA-63).
        self.open_frames = [f for f in self.open_frames if f["frame"] != "DATAGRAM"]
        self.open_due = self.now + self.interval
        self.interval *= 2
        return datagram

    def params(self):
        age = [8, (self.now - self.slot.received) // MS]
        return self.settings.parameters(age, *[[7, self.settings.protocol]] * bool(self.slot.protocols))  # (DATA-12)

    def take_early(self, room):
        """Application frames within first_flight (DATA-30), in order."""
        found = []
        while self.fresh and self.may_send(self.fresh[0]) and len(frames.encode(*found, self.fresh[0])) <= room and \
                len(self.fresh[0]["data"]) <= self.early_left:
            frame = self.fresh.popleft()
            self.early_left -= len(frame["data"])
            if frame["frame"] == "MESSAGE":
                self.outbox.sent(frame)
            found.append(frame)
        return found

    def seal_open(self, payload, number):
        return packets.seal_long(self.early_keys, self.header, number, payload, self.token, UNIT)[2]

    def seal_early(self, payload, number):
        return packets.seal_short(self.early_keys, self.destination, number, payload, 4)[2]

    # ---- in ----

    def receive(self, datagram, now, address=None):
        self.now = now
        kind = datagram[0] if datagram else 0
        if self.state == "CLOSED":
            return
        try:
            if kind == packets.ACCEPT:
                self.guarded(self.take_accept, datagram)
            elif self.state == "OPENING" and kind == packets.REFUSE:
                self.take_refuse(datagram)
            elif self.state == "OPENING" and kind == packets.RETRY:
                self.take_retry(datagram)
            elif kind & 0xf8 == packets.SHORT:
                self.take_short(datagram, address)
        except wire.Malformed:
            pass  # dropped (DATA-3)

    def take_short(self, datagram, address):
        if self.state == "OPENING":  # (DATA-109)
            self.held = (self.held + [datagram])[:HELD]
        elif len(datagram) >= 1 + 8 + 4 + packets.TAG and datagram[1:9] in self.ids.values() and \
                self.guarded(self.receive_short, datagram, self.address) is not False:
            return
        elif self.state not in ("OPENING", "CLOSED") and datagram[-16:] == self.peer_gave[self.peer_sequence][1]:
            self.state, self.ends_at = "CLOSED", None  # a stateless reset (DATA-81)
            self.events.append(Event("closed", by_peer=True, code=ERRORS["NONE"]))

    def take_accept(self, datagram):
        s = wire.read_accept(datagram, packets.UDP)
        if self.accept_header:
            if s.header == self.accept_header:  # a repeated one: its frames count, its header does not
                self.open_accept(datagram)
            return
        # (DATA-108); KEY-19: no other group than that of OPEN
        if s.destination != self.ids[0] or (s.group and (s.group != packets.X25519 or not self.private)):
            return
        dhe = keys.x25519(self.private, s.share) if s.share else keys.NO_SHARE
        schedule = keys.Schedule(self.slot.secret, self.client_random, self.header, s.header, dhe)
        self.establish(self.settings.aead, schedule, schedule.c_data, schedule.s_data)
        self.accept_header, self.peer_ids = s.header, {0: s.source}
        if not self.open_accept(datagram):
            self.accept_header, self.generations = b"", None
            return
        for held in self.held:
            self.take_short(held, self.address)

    def open_accept(self, datagram):
        number, payload = packets.open_long(self.generations.receive[0], datagram, self.accept_header, False)
        if payload is None or not self.received.is_new(number):
            return False
        if self.state == "OPENING":
            self.state = "OPEN"
            self.opened(frames.decode(payload, self.where("accept"))[0], bool(wire.read_accept(
                datagram, packets.UDP).share))
        self.generations.verified(0, number)
        self.take_payload(number, payload, "accept")
        return True

    def opened(self, params, upgraded):
        """ACCEPT verified, which proves the acceptor (DATA-25)."""
        self.path.sample(max(1, self.now - self.opened_at))
        self.theirs = Parameters(params)
        self.peer_gave = {0: (self.peer_ids[0], self.theirs.reset_token)}
        early = bool(self.theirs.early)
        self.events.append(Event("opened", early=early))
        refuse(self.slot.upgrade == 2 and not upgraded, "REFUSED")  # (KEY-16)
        if not early:  # all of it again, in order, datagrams included (DATA-33)
            self.take_back_early()
        self.control.append({"frame": "PING"})  # so that there is something to acknowledge: DATA-27

    def take_refuse(self, datagram):
        destination, echo, code, _ = wire.read_refuse(datagram, packets.UDP)
        if destination == self.ids[0] and echo == self.client_random[:16]:  # (DATA-40)
            self.state = "CLOSED"
            self.events += [Event("refused", code=code), Event("closed", by_peer=True, code=ERRORS["REFUSED"])]

    def take_retry(self, datagram):
        """One per connection (DATA-44): OPEN again with the token; the early packets behind it were never sent."""
        destination, echo, token = wire.read_retry(datagram)
        if self.retried or destination != self.ids[0] or echo != self.client_random[:16]:
            return
        self.retried, self.token, self.open_due, self.open_frames = True, token, self.now, None
        self.early_left += sum(len(f["data"]) for f in self.take_back_early())
        self.events.append(Event("retry"))

    def take_back_early(self):
        """What early packets held is to be sent once more, as if it had never been sent (DATA-76)."""
        held = [f for _, sent in sorted(self.early.sent.items()) for f in sent.frames]
        held = [f for n, f in enumerate(held) if f not in held[:n]]  # the repetitions of OPEN hold the same
        self.outbox.forget([f for f in held if f["frame"] == "MESSAGE"])
        self.fresh = deque(held + list(self.fresh))
        self.early.sent.clear()
        return held

    def acknowledged(self):
        if not self.confirmed:  # (DATA-27)
            self.confirmed, self.state = True, "CONFIRMED"
            self.events.append(Event("confirmed"))

    def on_ack_early(self, frame, _early):
        self.early.acked(frame, self.now)
        for sent in self.early.lost(self.now):
            self.lost(sent)

    def migrate(self):
        """From a new address: another id of the acceptor, where it gave one (DATA-47)."""
        unused = [s for s in self.peer_ids if s > self.peer_sequence]
        if unused:
            self.retire(self.peer_sequence)
            self.peer_sequence = unused[0]
        self.control.append({"frame": "PATH_CHALLENGE", "path": self.settings.random(8)})

    # ---- time ----

    def deadline(self):
        if self.state == "OPENING":
            return min(self.open_due, self.opened_at + GIVE_UP)
        return super().deadline()

    def loss_deadline(self):
        both = [super().loss_deadline(), self.early.deadline(self.theirs.max_ack_delay)]
        return min((t for t in both if t is not None), default=None)

    def expire(self, now):
        if self.state != "OPENING":
            super().expire(now)
        elif now >= self.opened_at + GIVE_UP:
            self.state = "CLOSED"
            self.events.append(Event("closed", by_peer=False, code=ERRORS["TIMEOUT"]))

    def probe_or_lose(self):
        """Early packets that are still not acknowledged are lost, too (6.3)."""
        if self.early.sent:
            for sent in self.early.sent.values():
                self.lost(sent)
            self.early.sent.clear()
            self.probe = True
        else:
            super().probe_or_lose()
