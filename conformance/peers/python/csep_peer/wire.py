# SPDX-License-Identifier: BSD-2-Clause
"""Headers read from the wire, sections 6.1 and 8.1 of docs/spec.md; docs/vectors/packets.py writes them."""
from dataclasses import dataclass

from frames import Cursor, Refused
from packets import ACCEPT, OPEN, REFUSE, RETRY, UDP, VERSION, X25519

SHARE_LENGTH = {0: (0, 0), X25519: (32, 32), 0x11ec: (1216, 1120)}  # group: from the opener, from the acceptor


class Malformed(Exception):
    """It cannot be parsed: dropped over UDP (DATA-3), refused over TCP (DATA-99)."""


class UnknownVersion(Exception):
    """An OPEN of another version, of which every version can read this much (section 6.1)."""

    def __init__(self, version, source, client_random):
        super().__init__(hex(version))
        self.version, self.source, self.client_random = version, source, client_random


@dataclass
class Seen:
    """A header as it was read: `header` are its bytes, which go into keys and additional data; `rest` is behind it."""
    header: bytes
    rest: bytes
    group: int = 0
    share: bytes = b""
    destination: bytes = b""
    source: bytes = b""
    service: int = 0
    aead: int = 0
    ticket: bytes = b""
    random: bytes = b""


def must(condition):
    if not condition:
        raise Malformed


def parsing(read):
    """What runs over the end is malformed, too."""
    def wrapped(*args):
        try:
            return read(*args)
        except Refused:
            raise Malformed from None
    return wrapped


def read_id(c):
    found = c.take(c.number(1))
    must(8 <= len(found) <= 20)
    return found


def read_share(c, sender):
    group, share = c.number(2), c.take(c.number(2))
    must(group not in SHARE_LENGTH or len(share) == SHARE_LENGTH[group][sender])
    return group, share


@parsing
def read_open(data, transport):
    """An OPEN from its type on. The version is looked at before what only version 1 promises (6.2, steps 1 to 3)."""
    c = Cursor(data)
    must(c.number(1) == OPEN)
    version, s = c.number(4), Seen(b"", b"")
    if transport == UDP:
        s.destination, s.source = read_id(c), read_id(c)
    named = c.number(1)
    s.service, s.aead, s.ticket, s.random = c.number(1), c.number(2), c.take(c.number(1)), c.take(32)
    if version != VERSION:
        raise UnknownVersion(version, s.source, s.random)
    must(named == transport and len(s.ticket) >= 16)
    s.group, s.share = read_share(c, 0)
    s.header, s.rest = data[:c.at], data[c.at:]
    return s


@parsing
def read_accept(data, transport):
    c, s = Cursor(data), Seen(b"", b"")
    must(c.number(1) == ACCEPT and c.number(4) == VERSION)
    if transport == UDP:
        s.destination, s.source = read_id(c), read_id(c)
    s.random = c.take(32)
    s.group, s.share = read_share(c, 1)
    s.header, s.rest = data[:c.at], data[c.at:]
    return s


@parsing
def read_token(data):
    """(token, length of what follows it, where that starts) behind the header of a UDP OPEN."""
    c = Cursor(data)
    token, length = c.take(c.number(1)), c.number(2)
    must(20 <= length <= len(data) - c.at)
    return token, length, c.at


@parsing
def read_refuse(data, transport):
    """(destination, echo, code, versions)"""
    c = Cursor(data)
    must(c.number(1) == REFUSE)
    c.number(4)
    destination = read_id(c) if transport == UDP else b""
    echo, code, versions = c.take(16), c.number(1), []
    while code == 2 and c:
        versions.append(c.number(4))
    return destination, echo, code, versions


@parsing
def read_retry(data):
    """(destination, echo, token)"""
    c = Cursor(data)
    must(c.number(1) == RETRY and c.number(4) == VERSION)
    destination, echo, token = read_id(c), c.take(16), c.take(c.number(1))
    must(token)
    return destination, echo, token
