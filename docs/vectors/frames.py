# SPDX-License-Identifier: BSD-2-Clause
"""Frames, section 7 of docs/spec.md, from dictionaries to bytes and back.

A frame is {"frame": NAME, field: value, ...} in the order of the specification's table; bytes are bytes.
"""
from dataclasses import dataclass

from packets import v8


class Refused(Exception):
    """What a receiver must close the connection or refuse the message with: a name of section 10."""


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def __bool__(self):
        return self.at < len(self.data)

    def take(self, n):
        if n > len(self.data) - self.at:
            raise Refused("DECODE")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, n):
        return int.from_bytes(self.take(n), "big")

    def varint(self):
        first = self.number(1)
        length = 1 << (first >> 6)
        return (first & 0x3f) << 8 * (length - 1) | self.number(length - 1)


def varint(n, length=None):
    """RFC 9000 section 16; the shortest form unless a length of 1, 2, 4 or 8 is given."""
    power = next(p for p in range(4) if n < 1 << (8 << p) - 2 and length in (None, 1 << p))
    return (n | power << (8 << power) - 2).to_bytes(1 << power, "big")


def v(data):
    return varint(len(data)) + data


# ---- how each field is written and read ----

def enc_ranges(ranges):
    """[[high, low], ...], highest first: count, first, then gap and length of each further one."""
    out = varint(len(ranges) - 1) + varint(ranges[0][0] - ranges[0][1])
    for (_, above), (high, low) in zip(ranges, ranges[1:]):
        out += varint(above - high - 2) + varint(high - low)
    return out


def dec_ranges(cursor, largest):
    count, ranges = cursor.varint(), [[largest, largest - cursor.varint()]]
    for _ in range(count):
        high = ranges[-1][1] - cursor.varint() - 2
        ranges.append([high, high - cursor.varint()])
        if ranges[-1][1] < 0:
            break
    if ranges[-1][1] < 0:
        raise Refused("DECODE")
    return ranges


def dec_tickets(cursor):
    inner, tickets = Cursor(cursor.take(cursor.varint())), []
    while inner:
        tickets.append(inner.take(inner.number(1)))
        if len(tickets[-1]) < 16:
            raise Refused("DECODE")
    return tickets


PARAMETERS = {  # id: name, form, least, most, from
    1: ("MAX_DATA", "varint", 0, None, "both"),
    2: ("MAX_MESSAGE", "varint", 0, None, "both"),
    3: ("IDLE_TIMEOUT", "varint", 0, None, "both"),
    4: ("MAX_ACK_DELAY", "varint", 0, 1000, "both"),
    5: ("MAX_CIDS", "varint", 2, 8, "both"),
    6: ("MAX_UNIT", "varint", 1200, None, "both"),
    7: ("PROTOCOL", "bytes", 1, 255, "opener"),
    8: ("TICKET_AGE", "varint", 0, None, "opener"),
    9: ("EARLY", "u8", 0, 1, "acceptor"),
    10: ("RESET_TOKEN", "bytes", 16, 16, "acceptor"),
}


def enc_params(params):
    """[[id, value], ...]; ids that the specification does not have take bytes."""
    out = b""
    for number, value in params:
        form = PARAMETERS[number][1] if number in PARAMETERS else "bytes"
        out += varint(number) + v({"varint": varint, "u8": lambda n: bytes([n]), "bytes": bytes}[form](value))
    return v(out)


def dec_params(cursor, where):
    inner, params = Cursor(cursor.take(cursor.varint())), []
    while inner:
        if len(params) == 64:
            raise Refused("OVERSIZE")
        number, value = inner.varint(), Cursor(inner.take(inner.varint()))
        if number in [n for n, _ in params]:
            raise Refused("DUPLICATE")
        params.append([number, value.data])
        if number not in PARAMETERS or PARAMETERS[number][4] not in ("both", where.sender):
            continue
        params[-1][1] = dec_parameter(value, *PARAMETERS[number][1:4])
    names = {PARAMETERS[n][0] for n, _ in params if n in PARAMETERS}
    if where.required_parameters() - names:
        raise Refused("MISSING")
    return params


def dec_parameter(value, form, least, most):
    try:
        read = value.data if form == "bytes" else value.varint() if form == "varint" else value.number(1)
    except Refused:
        raise Refused("VALUE") from None
    size = len(read) if form == "bytes" else read
    if (form != "bytes" and value) or size < least or (most is not None and size > most):
        raise Refused("VALUE")
    return read


FRAMES = {  # type: name, fields
    0x00: ("PADDING", ""), 0x01: ("PING", ""),
    0x02: ("ACK", "largest delay ranges"), 0x03: ("ACK_EARLY", "largest delay ranges"),
    0x04: ("PARAMS", "params"), 0x05: ("DATAGRAM", "data"),
    0x06: ("MESSAGE", "flags channel sequence offset data"), 0x07: ("SKIP", "flags channel sequence size"),
    0x08: ("MAX_DATA", "bytes"), 0x09: ("BLOCKED", "bytes"),
    0x0a: ("TICKETS", "tickets"), 0x0b: ("HINT", "code seconds"),
    0x0c: ("NEW_CID", "sequence retire id token"), 0x0d: ("RETIRE_CID", "sequence"),
    0x0e: ("PATH_CHALLENGE", "path"), 0x0f: ("PATH_RESPONSE", "path"),
    0x10: ("CLOSE", "code text"), 0x11: ("STREAM", "data"), 0x12: ("END_EARLY", ""), 0x13: ("KEY_UPDATE", ""),
}
TYPES = {name: (number, fields.split()) for number, (name, fields) in FRAMES.items()}
ENCODERS = {
    "ranges": enc_ranges, "params": enc_params, "data": v, "text": v, "flags": lambda n: bytes([n]), "id": v8,
    "token": bytes, "path": bytes, "tickets": lambda tickets: v(b"".join(map(v8, tickets))),
}  # everything else is a varint


def encode(*frames):
    out = b""
    for frame in frames:
        number, fields = TYPES[frame["frame"]]
        out += bytes([number]) + b"".join(ENCODERS.get(name, varint)(frame[name]) for name in fields)
    return out


# ---- decoding ----

@dataclass
class Where:
    """Where a payload was found; decides which frames it may hold."""
    transport: str  # "udp", "tcp"
    service: int
    sender: str  # "opener", "acceptor"
    packet: str  # "open", "accept", "data"; early packets and records behind OPEN: "early"

    def required_parameters(self):
        if self.sender == "opener":
            return {"TICKET_AGE"}
        return {"EARLY", "RESET_TOKEN"} if self.transport == "udp" else {"EARLY"}

    def check(self, name):
        """The table of section 7.1."""
        udp, early = self.transport == "udp", self.packet in ("open", "early")
        allowed = {
            "PADDING": True, "PING": True, "MESSAGE": True,
            "PARAMS": self.packet in ("open", "accept"), "DATAGRAM": udp, "STREAM": not udp,
            "TICKETS": self.sender == "acceptor", "HINT": self.sender == "acceptor",
            "ACK_EARLY": udp and self.sender == "acceptor", "CLOSE": not early,
            "END_EARLY": not udp and self.packet == "early",
            "KEY_UPDATE": not udp and self.packet == "data",
        }.get(name, udp and not early)
        if not allowed:
            raise Refused("UNEXPECTED")
        wanted = {"DATAGRAM": 0, "MESSAGE": 1, "SKIP": 1, "MAX_DATA": 1, "BLOCKED": 1, "STREAM": 2}.get(name)
        if wanted not in (None, self.service):
            raise Refused("SERVICE")


def dec_field(cursor, name, frame, where):
    if name == "ranges":
        return dec_ranges(cursor, frame["largest"])
    if name == "params":
        return dec_params(cursor, where)
    if name == "tickets":
        return dec_tickets(cursor)
    if name in ("data", "text"):
        return cursor.take(cursor.varint())
    if name in ("token", "path"):
        return cursor.take(16 if name == "token" else 8)
    if name == "id":
        return cursor.take(cursor.number(1))
    return cursor.number(1) if name == "flags" else cursor.varint()


def check_fields(f):
    kind = f["frame"]
    if (kind in ("MESSAGE", "SKIP") and (f["channel"] > 0xffff or f["flags"] & ~(3 if kind == "MESSAGE" else 2))
            or kind == "NEW_CID" and not (8 <= len(f["id"]) <= 20 and f["retire"] <= f["sequence"])
            or kind == "CLOSE" and len(f["text"]) > 255):
        raise Refused("DECODE")


def decode(payload, where):
    """The frames of a payload; Refused with the code of the first error."""
    cursor, frames = Cursor(payload), []
    if not payload:
        raise Refused("DECODE")
    while cursor:
        number = cursor.number(1)
        if number not in FRAMES:
            raise Refused("DECODE")
        name, fields = FRAMES[number]
        where.check(name)
        if where.packet in ("open", "accept") and not frames and name != "PARAMS":
            raise Refused("MISSING")
        if name == "PARAMS" and frames:
            raise Refused("UNEXPECTED")
        frame = {"frame": name}
        for field in fields.split():
            frame[field] = dec_field(cursor, field, frame, where)
        check_fields(frame)
        frames.append(frame)
    if any(f["frame"] == "KEY_UPDATE" for f in frames[:-1]):
        raise Refused("KEY_UPDATE")
    if any(f["frame"] == "END_EARLY" for f in frames[:-1]):
        raise Refused("UNEXPECTED")
    return frames
