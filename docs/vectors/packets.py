# SPDX-License-Identifier: BSD-2-Clause
"""Packets over UDP and units over TCP, sections 6.1 and 8.1 of docs/spec.md."""
from dataclasses import dataclass

OPEN, ACCEPT, REFUSE, RETRY, SHORT = 4, 5, 6, 7, 8
UDP, TCP = 1, 2
VERSION = 0x63730001
X25519 = 29
TAG = 16


def u8(n):
    return n.to_bytes(1, "big")


def u16(n):
    return n.to_bytes(2, "big")


def u32(n):
    return n.to_bytes(4, "big")


def v8(data):
    return u8(len(data)) + data


def v16(data):
    return u16(len(data)) + data


@dataclass
class Open:
    """What an OPEN header says. Connection ids and token exist over UDP only."""
    transport: int
    service: int
    aead: int
    ticket: bytes
    client_random: bytes
    share: bytes = b""
    destination: bytes = b""
    source: bytes = b""
    version: int = VERSION

    def header(self):
        ids = v8(self.destination) + v8(self.source) if self.transport == UDP else b""
        return (u8(OPEN) + u32(self.version) + ids + u8(self.transport) + u8(self.service) + u16(self.aead)
                + v8(self.ticket) + self.client_random + u16(X25519 if self.share else 0) + v16(self.share))


@dataclass
class Accept:
    server_random: bytes
    share: bytes = b""
    destination: bytes = None  # None: over TCP
    source: bytes = None
    version: int = VERSION

    def header(self):
        ids = b"" if self.destination is None else v8(self.destination) + v8(self.source)
        return (u8(ACCEPT) + u32(self.version) + ids + self.server_random
                + u16(X25519 if self.share else 0) + v16(self.share))


# ---- UDP ----

def seal_long(keys, header, number, payload, token=None, pad_to=0):
    """OPEN (with token) or ACCEPT (without): additional data, unmasked packet, datagram."""
    between = b"" if token is None else v8(token)
    length = 4 + len(payload) + TAG
    before = header + between + u16(length)
    additional = before + u32(number)
    plain = additional + keys.seal(number, payload, additional)
    return additional, plain, mask_long(keys, plain, len(before)).ljust(pad_to, b"\0")


def mask_long(keys, packet, at):
    """Put on or take off header protection; `at` is where the packet number starts."""
    mask = keys.mask(packet[at + 4:at + 20])
    number = bytes(a ^ b for a, b in zip(packet[at:at + 4], mask[1:]))
    return packet[:at] + number + packet[at + 4:]


def open_long(keys, datagram, header, with_token):
    """(number, payload) of a datagram with this header; payload is None when it is not authentic."""
    at = len(header)
    if with_token:
        at += 1 + datagram[at]
    length = int.from_bytes(datagram[at:at + 2], "big")
    at += 2
    packet = mask_long(keys, datagram[:at + length], at)
    number = int.from_bytes(packet[at:at + 4], "big")
    return number, keys.unseal(number, packet[at + 4:], packet[:at + 4])


def seal_short(keys, destination, number, payload, number_length, key_phase=0):
    first = SHORT | key_phase << 2 | number_length - 1
    low = (number & (1 << 8 * number_length) - 1).to_bytes(number_length, "big")
    additional = u8(first) + destination + low
    plain = additional + keys.seal(number, payload, additional)
    return additional, plain, mask_short(keys, plain, len(destination), number_length)


def mask_short(keys, packet, id_length, number_length=None):
    """Put on header protection, or take it off when the length of the number is not known yet."""
    at = 1 + id_length
    mask = keys.mask(packet[at + 4:at + 20])
    first = packet[0] ^ mask[0] & 7
    if number_length is None:
        number_length = (first & 3) + 1
    number = bytes(a ^ b for a, b in zip(packet[at:at + number_length], mask[1:]))
    return u8(first) + packet[1:at] + number + packet[at + number_length:]


def open_short(keys, datagram, id_length, largest):
    """(number, key phase, payload); largest: the largest number received so far, -1 for none."""
    packet = mask_short(keys, datagram, id_length)
    number_length, key_phase = (packet[0] & 3) + 1, packet[0] >> 2 & 1
    end = 1 + id_length + number_length
    number = full_number(int.from_bytes(packet[1 + id_length:end], "big"), number_length, largest)
    return number, key_phase, keys.unseal(number, packet[end:], packet[:end])


def full_number(truncated, number_length, largest):
    """RFC 9000 appendix A.3."""
    window = 1 << 8 * number_length
    expected = largest + 1
    candidate = expected & ~(window - 1) | truncated
    if candidate <= expected - window // 2 and candidate < (1 << 62) - window:
        return candidate + window
    if candidate > expected + window // 2 and candidate >= window:
        return candidate - window
    return candidate


def refuse(destination, client_random, code, versions=(), version=VERSION):
    return u8(REFUSE) + u32(version) + v8(destination) + client_random[:16] + u8(code) + b"".join(map(u32, versions))


def retry(destination, client_random, token, version=VERSION):
    return u8(RETRY) + u32(version) + v8(destination) + client_random[:16] + v8(token)


# ---- TCP ----

def seal_unit(keys, header, payload, number=0):
    """OPEN or ACCEPT with its length: additional data, unit."""
    additional = u16(len(header) + len(payload) + TAG) + header
    return additional, additional + keys.seal(number, payload, additional)


def open_unit(keys, unit, header, number=0):
    end = 2 + len(header)
    return keys.unseal(number, unit[end:], unit[:end])


def seal_record(keys, number, payload):
    return seal_unit(keys, b"", payload, number)


def open_record(keys, number, record):
    return open_unit(keys, record, b"", number)


def refuse_unit(client_random, code, versions=(), version=VERSION):
    return v16(u8(REFUSE) + u32(version) + client_random[:16] + u8(code) + b"".join(map(u32, versions)))
