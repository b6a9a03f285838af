# SPDX-License-Identifier: BSD-2-Clause
"""Contexts, tickets and slots, sections 5.1 and 5.3 of docs/spec.md."""
from dataclasses import dataclass, field

import keys

from .common import SECOND


@dataclass
class Slot:
    """What one ticket is worth: its secret, and what the grant says for its transport."""
    secret: bytes
    ticket: bytes
    received: int = 0  # when the ticket came, or was made
    expires: int = 3600 * SECOND
    services: int = 7  # bit 1 << service
    aeads: list = field(default_factory=lambda: [29, 2])
    upgrade: int = 1  # 0 off, 1 offered, 2 required
    max_unit: int = 1472
    first_flight: int = 3600
    protocols: list = field(default_factory=list)
    token: bytes = b""


class Context:
    """A grant with its secret and tickets, on either side; `message` is the decoded GRANT."""

    def __init__(self, message, secret, now):
        self.message, self.secret, self.since = message, secret, now
        self.tickets = []

    @classmethod
    def exported(cls, encoded, message, exporter, now):
        """From the exporter of the connection that carried the GRANT, over its bytes exactly as sent (KEY-1)."""
        return cls(message, exporter(keys.EXPORTER_LABEL, keys.H(encoded), 32), now)

    def add(self, tickets):
        """32 at most, each of them once (CTX-11, CTX-12)."""
        for ticket in tickets:
            if ticket not in self.tickets and len(self.tickets) < 32:
                self.tickets.append(ticket)

    def slot(self, ticket, transport):
        m = self.message
        entry = next(e for e in m["TRANSPORTS"] if e["transport"] == transport)
        return Slot(keys.slot(self.secret, ticket), ticket, self.since, self.since + m["LIFETIME"] * SECOND,
                    entry["services"], m["AEADS"], m.get("UPGRADE", 0), entry["max_unit"], entry["first_flight"],
                    m.get("PROTOCOLS", []), m.get("ADDRESS_TOKEN", b""))

    def take(self, transport):
        """Opener: a slot for one data connection. The ticket is gone, whatever becomes of that (CTX-1)."""
        return self.slot(self.tickets.pop(0), transport)


class TicketBook:
    """Acceptor: which tickets it knows, and which were used (CTX-3)."""

    def __init__(self, slots=(), used=None):
        self.slots, self.used = {s.ticket: s for s in slots}, set() if used is None else used

    def add(self, slot):
        self.slots[slot.ticket] = slot

    def look(self, ticket, now):
        """The slot, or None for every reason there is not to take the ticket (DATA-20)."""
        slot = self.slots.get(ticket)
        return slot if slot and ticket not in self.used and now < slot.expires else None

    def spend(self, ticket):
        self.used.add(ticket)
