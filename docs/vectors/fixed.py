# SPDX-License-Identifier: BSD-2-Clause
"""What the vectors have in common: bytes that look random and are not, one grant, and connections made of them."""
import hashlib

import keys
import messages
import packets

AEAD_NAMES = {keys.CHACHA20_POLY1305: "chacha20-poly1305", keys.AES_256_GCM: "aes-256-gcm"}


def fixed(name, length=32):
    """The same bytes for the same name, always."""
    return hashlib.shake_256(b"csep test vectors: " + name.encode()).digest(length)


EXPORTER_MASTER_SECRET = fixed("exporter master secret")
HANDLE = fixed("handle", 16)
ADDRESS_TOKEN = fixed("address token", 40)
TICKETS = [fixed(f"ticket {n}", length) for n, length in enumerate((16, 44, 255))]

SMALL_GRANT = {
    "message": "GRANT", "HANDLE": fixed("small handle", 16), "LIFETIME": 600, "AEADS": [29],
    "TRANSPORTS": [{"transport": 1, "services": 1, "flags": 0, "port": 0, "max_unit": 1200, "first_flight": 0, "host": ""}],
}
FULL_GRANT = {
    "message": "GRANT", "HANDLE": HANDLE, "LIFETIME": 86400, "REFRESH": 64800, "AEADS": [29, 2],
    "TRANSPORTS": [
        {"transport": 1, "services": 3, "flags": 0, "port": 0, "max_unit": 1472, "first_flight": 3600, "host": ""},
        {"transport": 2, "services": 6, "flags": 3, "port": 4460, "max_unit": 0, "first_flight": 14336,
         "host": "data.example"}],
    "PROTOCOLS": [b"echo", b"example/2"], "EXPORTS": [1, 3], "UPGRADE": 1, "ADDRESS_TOKEN": ADDRESS_TOKEN,
    "LIMITS": [1 << 40, 0, 1 << 20], "IDENTITY": 0, "0x1a1a": fixed("grease", 5),
}


class Connection:
    """One data connection: both headers, all secrets, the keys of each direction."""

    def __init__(self, transport, aead, with_share, service, early=1):
        self.name = "-".join((("udp", "tcp")[transport - 1], AEAD_NAMES[aead], "share" if with_share else "no-share"))
        self.aead, self.transport, self.service, self.early = aead, transport, service, early
        secret = keys.context_secret(EXPORTER_MASTER_SECRET, messages.encode(FULL_GRANT))
        self.context_secret, self.ticket = secret, TICKETS[1]
        self.slot = keys.slot(secret, self.ticket)
        self.client_random, self.server_random = (fixed(f"{self.name} {who} random") for who in ("client", "server"))
        self.opener_private, self.acceptor_private, self.dhe = b"", b"", keys.NO_SHARE
        if with_share:
            self.opener_private, self.acceptor_private = (fixed(f"{self.name} {who} key") for who in ("opener", "acceptor"))
            self.dhe = keys.x25519(self.opener_private, keys.x25519_public(self.acceptor_private))
        self.set_headers()
        self.schedule = keys.Schedule(self.slot, self.client_random, self.open_header, self.accept_header, self.dhe)
        self.early_keys, self.opener_keys, self.acceptor_keys = (
            keys.PacketKeys(aead, s) for s in (self.schedule.early_c, self.schedule.c_data, self.schedule.s_data))

    def set_headers(self):
        share_c, share_s = (keys.x25519_public(p) if p else b"" for p in (self.opener_private, self.acceptor_private))
        udp = self.transport == packets.UDP
        self.first_id = fixed(f"{self.name} first id", 8)  # of OPEN, drawn by the opener for the acceptor
        self.opener_id, self.acceptor_id = fixed(f"{self.name} opener id", 8), fixed(f"{self.name} acceptor id", 12)
        self.open_header = packets.Open(self.transport, self.service, self.aead, self.ticket, self.client_random, share_c,
                                        self.first_id, self.opener_id).header()
        self.accept_header = packets.Accept(self.server_random, share_s, self.opener_id if udp else None,
                                            self.acceptor_id if udp else None).header()


def connections(transport):
    """Per AEAD one without share, early data not taken, datagrams or byte stream; one with share, messages."""
    for aead in AEAD_NAMES:
        yield Connection(transport, aead, False, 0 if transport == packets.UDP else 2, early=0)
        yield Connection(transport, aead, True, 1)
