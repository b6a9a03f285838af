# SPDX-License-Identifier: BSD-2-Clause
"""Negotiation messages, section 4 of docs/spec.md, from dictionaries to bytes and back.

A message is {"message": NAME, FIELD: value, ...}; fields are written in the order given.
"""
from frames import Cursor, Refused
from packets import TCP, UDP, u8, u16, u32, v8, v16

MESSAGES = {1: ("GRANT", "server"), 2: ("TICKETS", "server"), 3: ("REQUEST", "client"), 4: ("REVOKE", "both"),
            5: ("ERROR", "both"), 6: ("CONTINUE", "client")}
TYPES = {name: number for number, (name, _) in MESSAGES.items()}
FIELDS = {  # id: name, critical, messages that may have it; ! = required
    1: ("HANDLE", True, "GRANT! TICKETS! REQUEST REVOKE!"), 2: ("LIFETIME", True, "GRANT! REQUEST"),
    3: ("REFRESH", False, "GRANT"), 4: ("AEADS", True, "GRANT!"), 5: ("TRANSPORTS", True, "GRANT!"),
    6: ("PROTOCOLS", False, "GRANT"), 7: ("EXPORTS", False, "GRANT"), 8: ("UPGRADE", True, "GRANT"),
    9: ("ADDRESS_TOKEN", False, "GRANT"), 10: ("LIMITS", True, "GRANT"), 11: ("IDENTITY", True, "GRANT"),
    12: ("REQUEST_ID", False, "REQUEST! GRANT TICKETS"), 13: ("TICKET_LIST", True, "TICKETS!"),
    14: ("TICKET_COUNT", False, "REQUEST"), 15: ("CODE", False, "ERROR! REVOKE"), 16: ("TEXT", False, "ERROR"),
}
IDS = {name: number for number, (name, *_) in FIELDS.items()}
CRITICAL = 0x8000


# ---- the value of each field: write, read ----

def number(length, least=0, most=None):
    def read(value):
        n = int.from_bytes(exactly(value, length), "big")
        return bounded(n, least, most)
    return (lambda n: n.to_bytes(length, "big")), read


def exactly(value, length):
    if len(value) != length:
        raise Refused("DECODE")
    return value


def bounded(n, least, most):
    if n < least or (most is not None and n > most):
        raise Refused("VALUE")
    return n


def sized(n, least, most):
    """Lengths and counts; integers are bounded()."""
    if not least <= n <= most:
        raise Refused("DECODE")


def octets(least, most):
    def read(value):
        sized(len(value), least, most)
        return value
    return bytes, read


def numbers(most):
    def read(value):
        exactly(value, len(value) & ~1)
        sized(len(value) // 2, 1, most)
        return [int.from_bytes(value[i:i + 2], "big") for i in range(0, len(value), 2)]
    return (lambda many: b"".join(map(u16, many))), read


def strings(most, least_length):
    """most: how many at most, each of least_length..255 bytes."""
    def read(value):
        cursor, out = Cursor(value), []
        while cursor:
            out.append(cursor.take(cursor.number(1)))
            sized(len(out[-1]), least_length, 255)
        sized(len(out), 1, most)
        return out
    return (lambda many: b"".join(map(v8, many))), read


def write_limits(limits):
    return b"".join(n.to_bytes(8, "big") for n in limits)


def read_limits(value):
    exactly(value, 24)
    return [int.from_bytes(value[i:i + 8], "big") for i in (0, 8, 16)]


def write_text(text):
    return text.encode()


def read_text(value):
    sized(len(value), 1, 255)
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Refused("DECODE") from None


def write_transports(entries):
    out = b""
    for e in entries:
        inner = (u16(e["services"]) + u8(e["flags"]) + u16(e["port"]) + u16(e["max_unit"]) + u32(e["first_flight"])
                 + v8(e["host"].encode()) + e.get("extension", b""))
        out += u8(e["transport"]) + v8(inner)
    return out


def read_transports(value):
    cursor, entries = Cursor(value), []
    while cursor:
        if len(entries) == 8:
            raise Refused("OVERSIZE")
        transport, inner = cursor.number(1), Cursor(cursor.take(cursor.number(1)))
        if transport in [e["transport"] for e in entries]:
            raise Refused("DUPLICATE")
        entries.append({"transport": transport})
        if transport in (UDP, TCP):
            entries[-1].update(read_entry(transport, inner))
    return entries


def read_host(value):
    if any(not 0x21 <= byte <= 0x7e for byte in value):
        raise Refused("DECODE")
    return value.decode("ascii")


def read_entry(transport, inner):
    entry = {name: inner.number(length) for name, length in
             (("services", 2), ("flags", 1), ("port", 2), ("max_unit", 2), ("first_flight", 4))}
    entry["host"] = read_host(inner.take(inner.number(1)))
    bounded(entry["max_unit"], *((1200, None) if transport == UDP else (0, 0)))
    if inner:
        entry["extension"] = inner.take(len(inner.data) - inner.at)
    return entry


FORMS = {
    "HANDLE": (bytes, lambda value: exactly(value, 16)), "LIFETIME": number(4, 1, 604800), "REFRESH": number(4, 1),
    "AEADS": numbers(8), "TRANSPORTS": (write_transports, read_transports), "PROTOCOLS": strings(16, 1),
    "EXPORTS": numbers(16), "UPGRADE": number(1, 0, 2), "ADDRESS_TOKEN": octets(1, 255),
    "LIMITS": (write_limits, read_limits), "IDENTITY": number(1, 0, 1), "REQUEST_ID": number(4),
    "TICKET_LIST": strings(32, 16), "TICKET_COUNT": number(1, 1, 32), "CODE": number(2),
    "TEXT": (write_text, read_text),
}


# ---- messages ----

def field(identifier, value):
    return u16(identifier) + v16(value)


def message(kind, body):
    return u8(kind) + len(body).to_bytes(3, "big") + body


def encode(m):
    """Fields that the specification does not have are named by their number and given as bytes."""
    body = b""
    for name, value in m.items():
        if name == "message":
            continue
        if name in IDS:
            body += field(IDS[name] | CRITICAL * FIELDS[IDS[name]][1], FORMS[name][0](value))
        else:
            body += field(int(name, 0), value)
    return message(TYPES[m["message"]], body)


def decode(data, sender):
    """The message at the start of data, None when it is one to be skipped; Refused with the code of the first error."""
    cursor = Cursor(data)
    kind, length = cursor.number(1), cursor.number(3)
    if length > 65535:
        raise Refused("OVERSIZE")
    if kind not in MESSAGES:
        if kind & 0x80:
            raise Refused("CRITICAL")
        return None
    name, role = MESSAGES[kind]
    if role not in ("both", sender):
        raise Refused("UNEXPECTED")
    return decode_fields(name, Cursor(cursor.take(length)))


def decode_fields(name, body):
    out, seen = {"message": name}, set()
    while body:
        identifier, value = body.number(2), body.take(body.number(2))
        critical, identifier = identifier & CRITICAL, identifier & ~CRITICAL
        if len(seen) == 64:
            raise Refused("OVERSIZE")
        if identifier in seen:
            raise Refused("DUPLICATE")
        seen.add(identifier)
        if not value:
            raise Refused("VALUE")
        field_name, _, where = FIELDS.get(identifier, (None, None, ""))
        if name not in where.replace("!", "").split():
            if critical:
                raise Refused("CRITICAL")
            continue
        out[field_name] = FORMS[field_name][1](value)
    check_whole(name, out)
    return out


def check_whole(name, out):
    if any(f"{name}!" in where.split() and field_name not in out for field_name, _, where in FIELDS.values()):
        raise Refused("MISSING")
    if "REFRESH" in out and out["REFRESH"] > out["LIFETIME"]:
        raise Refused("VALUE")
