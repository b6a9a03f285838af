# SPDX-License-Identifier: BSD-2-Clause
"""Vectors of sections 4 and 7: frames and negotiation messages, well formed and not, with the error for the latter."""
import frames as fr
import messages
from fixed import FULL_GRANT, HANDLE, SMALL_GRANT, TICKETS, fixed
from packets import u16, u8

# ---- frames ----

UDP_DATA = {"transport": "udp", "service": 1, "sender": "acceptor", "packet": "data"}
TOKEN = fixed("cid reset token", 16)


def place(**changes):
    return {**UDP_DATA, **changes}


OPENER, OPEN, ACCEPT = place(sender="opener"), place(sender="opener", packet="open"), place(packet="accept")
EARLY = place(sender="opener", packet="early")
TCP = place(transport="tcp", service=2)
TCP_EARLY = place(transport="tcp", service=2, sender="opener", packet="early")

VALID_FRAMES = (
    ("PADDING", UDP_DATA, {"frame": "PADDING"}), ("PING", UDP_DATA, {"frame": "PING"}),
    ("ACK, one range", UDP_DATA, {"frame": "ACK", "largest": 0, "delay": 0, "ranges": [[0, 0]]}),
    ("ACK, three ranges", UDP_DATA, {"frame": "ACK", "largest": 1000, "delay": 25000,
                                     "ranges": [[1000, 990], [988, 988], [100, 0]]}),
    ("ACK_EARLY", UDP_DATA, {"frame": "ACK_EARLY", "largest": 2, "delay": 70, "ranges": [[2, 2], [0, 0]]}),
    ("PARAMS of an opener", OPEN, {"frame": "PARAMS", "params": [
        [1, 1 << 20], [2, 65536], [3, 0], [4, 25], [5, 8], [6, 1200], [7, b"echo"], [8, 3600000], [77, b"unknown"]]}),
    ("PARAMS of an acceptor", ACCEPT, {"frame": "PARAMS", "params": [[9, 1], [10, fixed("reset", 16)], [4, 1000]]}),
    ("DATAGRAM", place(service=0), {"frame": "DATAGRAM", "data": b"unreliable"}),
    ("DATAGRAM, empty", place(service=0), {"frame": "DATAGRAM", "data": b""}),
    ("MESSAGE, whole", UDP_DATA, {"frame": "MESSAGE", "flags": 1, "channel": 3, "sequence": 0, "offset": 0, "data": b"whole"}),
    ("MESSAGE, a middle part, ordered", UDP_DATA, {"frame": "MESSAGE", "flags": 2, "channel": 65535, "sequence": 70000,
                                                   "offset": 1 << 20, "data": b"part"}),
    ("MESSAGE, empty", UDP_DATA, {"frame": "MESSAGE", "flags": 1, "channel": 0, "sequence": 1, "offset": 0, "data": b""}),
    ("SKIP", UDP_DATA, {"frame": "SKIP", "flags": 2, "channel": 3, "sequence": 9, "size": 3000}),
    ("MAX_DATA", UDP_DATA, {"frame": "MAX_DATA", "bytes": 1 << 30}),
    ("BLOCKED", UDP_DATA, {"frame": "BLOCKED", "bytes": 16384}),
    ("TICKETS", UDP_DATA, {"frame": "TICKETS", "tickets": list(TICKETS)}),
    ("HINT to refresh", UDP_DATA, {"frame": "HINT", "code": 1, "seconds": 60}),
    ("HINT of an unknown kind", UDP_DATA, {"frame": "HINT", "code": 9, "seconds": 0}),
    ("NEW_CID", UDP_DATA, {"frame": "NEW_CID", "sequence": 2, "retire": 1, "id": fixed("id", 8), "token": TOKEN}),
    ("NEW_CID, longest id", OPENER, {"frame": "NEW_CID", "sequence": 1, "retire": 0, "id": fixed("id", 20), "token": TOKEN}),
    ("RETIRE_CID", UDP_DATA, {"frame": "RETIRE_CID", "sequence": 0}),
    ("PATH_CHALLENGE", UDP_DATA, {"frame": "PATH_CHALLENGE", "path": fixed("path", 8)}),
    ("PATH_RESPONSE", UDP_DATA, {"frame": "PATH_RESPONSE", "path": fixed("path", 8)}),
    ("CLOSE", UDP_DATA, {"frame": "CLOSE", "code": 0x0100, "text": "wegen Umbau".encode()}),
    ("CLOSE, longest text", UDP_DATA, {"frame": "CLOSE", "code": 2, "text": b"x" * 255}),
    ("STREAM", TCP, {"frame": "STREAM", "data": b"bytes in order"}),
    ("END_EARLY", TCP_EARLY, {"frame": "END_EARLY"}), ("KEY_UPDATE", TCP, {"frame": "KEY_UPDATE"}),
)

PING = u8(1)
GOOD_PARAMS = fr.encode({"frame": "PARAMS", "params": [[8, 5]]})


def params(*pairs):
    """PARAMS with raw values."""
    return u8(4) + fr.v(b"".join(fr.varint(n) + fr.v(value) for n, value in pairs))


AGE, EARLY_1, RESET = (8, fr.varint(5)), (9, u8(1)), (10, fixed("reset", 16))
INVALID_FRAMES = (
    ("no frames", UDP_DATA, b"", "DECODE"),
    ("unknown type", UDP_DATA, u8(0x14), "DECODE"),
    ("unknown type behind a good frame", UDP_DATA, PING + u8(0xff), "DECODE"),
    ("ACK cut off", UDP_DATA, u8(2) + fr.varint(9) + fr.varint(0), "DECODE"),
    ("ACK first range below 0", UDP_DATA, bytes([2, 5, 0, 0, 6]), "DECODE"),
    ("ACK gap below 0", UDP_DATA, bytes([2, 5, 0, 1, 3, 1, 0]), "DECODE"),
    ("ACK in an early packet", EARLY, bytes([2, 0, 0, 0, 0]), "UNEXPECTED"),
    ("ACK_EARLY from an opener", OPENER, bytes([3, 0, 0, 0, 0]), "UNEXPECTED"),
    ("PARAMS in a short packet", UDP_DATA, params(EARLY_1, RESET), "UNEXPECTED"),
    ("PARAMS twice", OPEN, GOOD_PARAMS + GOOD_PARAMS, "UNEXPECTED"),
    ("OPEN without PARAMS", OPEN, PING, "MISSING"),
    ("OPEN with another frame before PARAMS", OPEN, PING + GOOD_PARAMS, "MISSING"),
    ("OPEN without TICKET_AGE", OPEN, params((1, fr.varint(5000))), "MISSING"),
    ("ACCEPT without EARLY", ACCEPT, params(RESET), "MISSING"),
    ("ACCEPT without RESET_TOKEN", ACCEPT, params(EARLY_1), "MISSING"),
    ("parameter twice", OPEN, params(AGE, AGE), "DUPLICATE"),
    ("unknown parameter twice", OPEN, params(AGE, (99, b"a"), (99, b"b")), "DUPLICATE"),
    ("65 parameters", OPEN, params(AGE, *((100 + n, b"x") for n in range(64))), "OVERSIZE"),
    ("parameter cut off", OPEN, u8(4) + fr.v(b"\x08\x04\x05"), "DECODE"),
    ("MAX_ACK_DELAY 1001", OPEN, params(AGE, (4, fr.varint(1001))), "VALUE"),
    ("MAX_CIDS 1", OPEN, params(AGE, (5, fr.varint(1))), "VALUE"),
    ("MAX_CIDS 9", OPEN, params(AGE, (5, fr.varint(9))), "VALUE"),
    ("MAX_UNIT 1199", OPEN, params(AGE, (6, fr.varint(1199))), "VALUE"),
    ("PROTOCOL empty", OPEN, params(AGE, (7, b"")), "VALUE"),
    ("TICKET_AGE with a byte too many", OPEN, params((8, fr.varint(5) + b"\0")), "VALUE"),
    ("EARLY 2", ACCEPT, params((9, u8(2)), RESET), "VALUE"),
    ("RESET_TOKEN of 15 bytes", ACCEPT, params(EARLY_1, (10, bytes(15))), "VALUE"),
    ("DATAGRAM longer than its payload", place(service=0), u8(5) + fr.varint(9) + b"12345678", "DECODE"),
    ("DATAGRAM on a message service", UDP_DATA, u8(5) + fr.v(b"x"), "SERVICE"),
    ("DATAGRAM over TCP", TCP, u8(5) + fr.v(b"x"), "UNEXPECTED"),
    ("MESSAGE on a datagram service", place(service=0), bytes([6, 1, 0, 0, 0, 0]), "SERVICE"),
    ("MESSAGE on a stream service", TCP, bytes([6, 1, 0, 0, 0, 0]), "SERVICE"),
    ("MESSAGE with an unknown flag", UDP_DATA, bytes([6, 5, 0, 0, 0, 0]), "DECODE"),
    ("MESSAGE on channel 65536", UDP_DATA, bytes([6, 1]) + fr.varint(65536) + bytes(3), "DECODE"),
    ("SKIP with FIN", UDP_DATA, bytes([7, 1, 0, 0, 0]), "DECODE"),
    ("SKIP over TCP", place(transport="tcp"), bytes([7, 0, 0, 0, 0]), "UNEXPECTED"),
    ("MAX_DATA in an early packet", EARLY, bytes([8, 0]), "UNEXPECTED"),
    ("MAX_DATA on a datagram service", place(service=0), bytes([8, 0]), "SERVICE"),
    ("TICKETS from an opener", OPENER, u8(10) + fr.v(u8(16) + bytes(16)), "UNEXPECTED"),
    ("TICKETS with one of 15 bytes", UDP_DATA, u8(10) + fr.v(u8(15) + bytes(15)), "DECODE"),
    ("TICKETS cut off inside", UDP_DATA, u8(10) + fr.v(u8(16) + bytes(15)), "DECODE"),
    ("HINT from an opener", OPENER, bytes([11, 1, 9]), "UNEXPECTED"),
    ("NEW_CID with an id of 7 bytes", UDP_DATA, bytes([12, 1, 0, 7]) + bytes(7) + TOKEN, "DECODE"),
    ("NEW_CID with an id of 21 bytes", UDP_DATA, bytes([12, 1, 0, 21]) + bytes(21) + TOKEN, "DECODE"),
    ("NEW_CID that retires itself", UDP_DATA, bytes([12, 1, 2, 8]) + bytes(8) + TOKEN, "DECODE"),
    ("NEW_CID over TCP", TCP, bytes([12, 1, 0, 8]) + bytes(8) + TOKEN, "UNEXPECTED"),
    ("PATH_CHALLENGE cut off", UDP_DATA, u8(14) + bytes(7), "DECODE"),
    ("PATH_RESPONSE in OPEN", OPEN, GOOD_PARAMS + u8(15) + bytes(8), "UNEXPECTED"),
    ("CLOSE with 256 bytes of text", UDP_DATA, u8(16) + fr.varint(0) + fr.v(b"x" * 256), "DECODE"),
    ("CLOSE in OPEN", OPEN, GOOD_PARAMS + bytes([16, 0, 0]), "UNEXPECTED"),
    ("STREAM over UDP", UDP_DATA, u8(17) + fr.v(b"x"), "UNEXPECTED"),
    ("STREAM on a message service", place(transport="tcp"), u8(17) + fr.v(b"x"), "SERVICE"),
    ("END_EARLY under c_data", {**TCP_EARLY, "packet": "data"}, u8(18), "UNEXPECTED"),
    ("END_EARLY in front of another frame", TCP_EARLY, u8(18) + PING, "UNEXPECTED"),
    ("END_EARLY over UDP", EARLY, u8(18), "UNEXPECTED"),
    ("KEY_UPDATE over UDP", UDP_DATA, u8(19), "UNEXPECTED"),
    ("KEY_UPDATE under early_c", TCP_EARLY, u8(19), "UNEXPECTED"),
    ("KEY_UPDATE in front of another frame", TCP, u8(19) + PING, "KEY_UPDATE"),
)


def frames():
    long_forms = fr.encode({"frame": "MAX_DATA", "bytes": 5})[:1]
    out = [{"name": name, "section": "7.1", "where": where, "payload": fr.encode(frame), "frame": frame}
           for name, where, frame in VALID_FRAMES]
    out += [{"name": f"MAX_DATA, varint of {n} bytes", "section": "7.1", "where": UDP_DATA,
             "payload": long_forms + fr.varint(5, n), "frame": {"frame": "MAX_DATA", "bytes": 5}} for n in (2, 4, 8)]
    out += [{"name": name, "section": "7.3" if "MISSING VALUE DUPLICATE OVERSIZE".count(error) else "7.1", "where": where,
             "payload": payload, "error": error} for name, where, payload, error in INVALID_FRAMES]
    return out


# ---- negotiation messages ----

TICKET_LIST = [fixed(f"granted ticket {n}", 44) for n in range(8)]
VALID_MESSAGES = (
    ("GRANT, required fields only", "server", SMALL_GRANT),
    ("GRANT, every field", "server", {**FULL_GRANT, "REQUEST_ID": 7}),
    ("GRANT, every field in reverse order", "server",
     {"message": "GRANT", **dict(reversed([f for f in FULL_GRANT.items() if f[0] != "message"]))}),
    ("GRANT, unknown transport and bytes behind a host", "server", {**SMALL_GRANT, "TRANSPORTS": [
        {"transport": 1, "services": 0x8001, "flags": 0x80, "port": 443, "max_unit": 9000, "first_flight": 0,
         "host": "2001:db8::1", "extension": b"later"}]}),
    ("GRANT, largest numbers", "server", {**SMALL_GRANT, "LIFETIME": 604800, "REFRESH": 604800, "UPGRADE": 2, "IDENTITY": 1,
                                          "AEADS": [33, 32, 29, 2, 1, 3, 4, 5], "ADDRESS_TOKEN": fixed("token", 255)}),
    ("TICKETS, eight", "server", {"message": "TICKETS", "HANDLE": HANDLE, "TICKET_LIST": TICKET_LIST}),
    ("TICKETS, smallest and largest, answering a REQUEST", "server",
     {"message": "TICKETS", "HANDLE": HANDLE, "REQUEST_ID": 1, "TICKET_LIST": [TICKETS[0], TICKETS[2]]}),
    ("REQUEST, required field only", "client", {"message": "REQUEST", "REQUEST_ID": 0}),
    ("REQUEST, every field", "client", {"message": "REQUEST", "REQUEST_ID": 0xffffffff, "HANDLE": HANDLE, "LIFETIME": 3600,
                                        "TICKET_COUNT": 32, "0x0a0a": b"\1"}),
    ("REVOKE", "client", {"message": "REVOKE", "HANDLE": HANDLE}),
    ("REVOKE from a server, with code", "server", {"message": "REVOKE", "HANDLE": HANDLE, "CODE": 0x11}),
    ("ERROR", "server", {"message": "ERROR", "CODE": 0x0a, "TEXT": "nicht für Sie"}),
    ("ERROR from a client, with an unknown field", "client", {"message": "ERROR", "CODE": 2, "0x7a7a": b"grease"}),
    ("CONTINUE", "client", {"message": "CONTINUE"}),
)


def raw(kind, *fields):
    return messages.message(kind, b"".join(messages.field(number, value) for number, value in fields))


def changed(grant=SMALL_GRANT, **changes):
    return messages.encode({**grant, **changes})


def swapped(name, value):
    """The small grant with raw bytes in the place of one field, or without it."""
    body = b""
    for field_name, given in SMALL_GRANT.items():
        if field_name == name and value is None or field_name == "message":
            continue
        encoded = value if field_name == name else messages.FORMS[field_name][0](given)
        body += messages.field(messages.IDS[field_name] | 0x8000, encoded)
    return messages.message(1, body)


def plus(*fields):
    """The small grant and further raw fields."""
    body = messages.encode(SMALL_GRANT)[4:] + b"".join(messages.field(n, value) for n, value in fields)
    return messages.message(1, body)


ENTRY = messages.write_transports(SMALL_GRANT["TRANSPORTS"])
HANDLE_FIELD, LIST_FIELD = (0x8001, HANDLE), 0x800d
FILLER = [(0x1000 + n, b"x") for n in range(61)]
INVALID_MESSAGES = (
    ("length above 65535", "server", u8(1) + (65536).to_bytes(3, "big"), "OVERSIZE"),
    ("unknown critical message", "server", u8(0x80) + bytes(3), "CRITICAL"),
    ("GRANT from a client", "client", messages.encode(SMALL_GRANT), "UNEXPECTED"),
    ("TICKETS from a client", "client", raw(2, HANDLE_FIELD, (LIST_FIELD, u8(16) + bytes(16))), "UNEXPECTED"),
    ("REQUEST from a server", "server", raw(3, (12, bytes(4))), "UNEXPECTED"),
    ("CONTINUE from a server", "server", raw(6), "UNEXPECTED"),
    ("unknown critical field", "server", plus((0x8000 | 0x1a1a, b"x")), "CRITICAL"),
    ("critical field of another message", "client", raw(6, HANDLE_FIELD), "CRITICAL"),
    ("known field twice", "server", plus((0x8002, bytes([0, 0, 0, 9]))), "DUPLICATE"),
    ("known field twice, once not critical", "server", plus((0x0002, bytes([0, 0, 0, 9]))), "DUPLICATE"),
    ("unknown field twice", "server", plus((0x2a2a, b"a"), (0x2a2a, b"b")), "DUPLICATE"),
    ("unknown field, empty", "server", plus((0x2a2a, b"")), "VALUE"),
    ("known field, empty", "server", swapped("AEADS", b""), "VALUE"),
    ("65 fields", "server", plus(*FILLER), "OVERSIZE"),
    ("field cut off", "server", messages.message(1, messages.encode(SMALL_GRANT)[4:-1]), "DECODE"),
    ("a stray byte behind the fields", "server", messages.message(1, messages.encode(SMALL_GRANT)[4:] + b"\0"), "DECODE"),
    *((f"GRANT without {name}", "server", swapped(name, None), "MISSING")
      for name in ("HANDLE", "LIFETIME", "AEADS", "TRANSPORTS")),
    ("TICKETS without HANDLE", "server", raw(2, (LIST_FIELD, u8(16) + bytes(16))), "MISSING"),
    ("TICKETS without TICKET_LIST", "server", raw(2, HANDLE_FIELD), "MISSING"),
    ("REQUEST without REQUEST_ID", "client", raw(3, HANDLE_FIELD), "MISSING"),
    ("REVOKE without HANDLE", "client", raw(4, (15, u16(0x11))), "MISSING"),
    ("ERROR without CODE", "client", raw(5, (16, b"text")), "MISSING"),
    ("HANDLE of 15 bytes", "server", swapped("HANDLE", bytes(15)), "DECODE"),
    ("LIFETIME of 3 bytes", "server", swapped("LIFETIME", bytes([1, 2, 3])), "DECODE"),
    ("LIFETIME 0", "server", changed(LIFETIME=0), "VALUE"),
    ("LIFETIME 604801", "server", changed(LIFETIME=604801), "VALUE"),
    ("REFRESH 0", "server", changed(REFRESH=0), "VALUE"),
    ("REFRESH above LIFETIME", "server", changed(REFRESH=601), "VALUE"),
    ("AEADS of 3 bytes", "server", swapped("AEADS", bytes([0, 29, 0])), "DECODE"),
    ("nine AEADS", "server", changed(AEADS=[29, 2, 3, 4, 5, 6, 7, 8, 9]), "DECODE"),
    ("TRANSPORTS cut off", "server", swapped("TRANSPORTS", ENTRY[:-1]), "DECODE"),
    ("TRANSPORTS entry too short", "server", swapped("TRANSPORTS", bytes([1, 3, 0, 1, 0])), "DECODE"),
    ("TRANSPORTS host longer than its entry", "server", swapped("TRANSPORTS", ENTRY[:-1] + u8(1)), "DECODE"),
    ("TRANSPORTS with UDP twice", "server", swapped("TRANSPORTS", ENTRY + ENTRY), "DUPLICATE"),
    ("TRANSPORTS with an unknown transport twice", "server", swapped("TRANSPORTS", ENTRY + 2 * bytes([9, 1, 0])), "DUPLICATE"),
    ("TRANSPORTS with nine entries", "server",
     swapped("TRANSPORTS", ENTRY + b"".join(bytes([n, 1, 0]) for n in range(10, 18))), "OVERSIZE"),
    ("max_unit 1199", "server", changed(TRANSPORTS=[{**SMALL_GRANT["TRANSPORTS"][0], "max_unit": 1199}]), "VALUE"),
    ("max_unit of a TCP entry", "server",
     changed(TRANSPORTS=[{**SMALL_GRANT["TRANSPORTS"][0], "transport": 2, "services": 4}]), "VALUE"),
    ("a host with a blank", "server", changed(TRANSPORTS=[{**SMALL_GRANT["TRANSPORTS"][0], "host": "data example"}]), "DECODE"),
    ("an empty protocol name", "server", changed(PROTOCOLS=[b"echo", b""]), "DECODE"),
    ("seventeen protocols", "server", changed(PROTOCOLS=[b"p"] * 17), "DECODE"),
    ("PROTOCOLS cut off", "server", plus((6, u8(5) + b"echo")), "DECODE"),
    ("seventeen EXPORTS", "server", changed(EXPORTS=list(range(17))), "DECODE"),
    ("EXPORTS of 1 byte", "server", plus((7, b"\1")), "DECODE"),
    ("UPGRADE 3", "server", changed(UPGRADE=3), "VALUE"),
    ("UPGRADE of 2 bytes", "server", plus((0x8008, u16(1))), "DECODE"),
    ("ADDRESS_TOKEN of 256 bytes", "server", plus((9, bytes(256))), "DECODE"),
    ("LIMITS of 23 bytes", "server", plus((0x800a, bytes(23))), "DECODE"),
    ("IDENTITY 2", "server", changed(IDENTITY=2), "VALUE"),
    ("REQUEST_ID of 3 bytes", "client", raw(3, (12, bytes(3))), "DECODE"),
    ("a ticket of 15 bytes", "server", raw(2, HANDLE_FIELD, (LIST_FIELD, u8(15) + bytes(15))), "DECODE"),
    ("33 tickets", "server", raw(2, HANDLE_FIELD, (LIST_FIELD, 33 * (u8(16) + bytes(16)))), "DECODE"),
    ("a ticket cut off", "server", raw(2, HANDLE_FIELD, (LIST_FIELD, u8(17) + bytes(16))), "DECODE"),
    ("TICKET_COUNT 0", "client", raw(3, (12, bytes(4)), (14, u8(0))), "VALUE"),
    ("TICKET_COUNT 33", "client", raw(3, (12, bytes(4)), (14, u8(33))), "VALUE"),
    ("CODE of 1 byte", "client", raw(5, (15, u8(2))), "DECODE"),
    ("TEXT of 256 bytes", "client", raw(5, (15, u16(2)), (16, b"x" * 256)), "DECODE"),
    ("TEXT that is not UTF-8", "client", raw(5, (15, u16(2)), (16, b"\xff\xfe")), "DECODE"),
)
SKIPPED_MESSAGES = (
    ("unknown message that may be skipped", u8(0x7f) + (5).to_bytes(3, "big") + b"later"),
    ("unknown message, empty", u8(0) + bytes(3)),
)


def grants():
    out = [{"name": name, "section": "4.2", "from": sender, "encoded": messages.encode(m), "message": m}
           for name, sender, m in VALID_MESSAGES]
    out += [{"name": name, "section": "4.1", "from": "server", "encoded": encoded, "message": None}
            for name, encoded in SKIPPED_MESSAGES]
    out += [{"name": name, "section": "4.1" if error in ("OVERSIZE", "CRITICAL", "MISSING") else "4.2", "from": sender,
             "encoded": encoded, "error": error} for name, sender, encoded, error in INVALID_MESSAGES]
    return out
