# SPDX-License-Identifier: BSD-2-Clause
"""What a peer must not say, said to libcsep with the right keys: it answers with the code that the specification names.

Each row is sent by a Python opener to an acceptor of libcsep, or by a Python acceptor to an opener, or both.
"""
from dataclasses import dataclass

import pytest

import frames
import keys
import packets
from csep_peer import wire as headers
from ends import (DATAGRAM, ERRORS, MESSAGE, MS, STREAM, TCP, UDP, Wire, closed, kinds, lib_acceptor, lib_opener, made,
                  python_acceptor, python_opener, received, slot)

OPENER, ACCEPTOR, BOTH = ("opener",), ("acceptor",), ("opener", "acceptor")
SMALL = {"max_data": 5000, "max_message": 4000}  # what libcsep allows


def f(name, **fields):
    return frames.encode({"frame": name, **fields})


def message(data=b"x", sequence=0, offset=0, fin=True, channel=0, flags=0):
    return f("MESSAGE", flags=flags | fin, channel=channel, sequence=sequence, offset=offset, data=data)


def ack(largest, first=0):
    return b"\x02" + frames.varint(largest) + b"\0\0" + frames.varint(first)


def new_cid(sequence, retire=0, name=None, length=8):
    return f("NEW_CID", sequence=sequence, retire=retire, id=made(name or f"id {sequence}", length), token=bytes(16))


TICKET = [made("more", 32)]

IN_PACKETS = {  # over UDP, with service 1 unless a row names another: payload, code, by whom
    #= DATA-11
    "no frames": (None, "DECODE", BOTH),
    #= DATA-84
    "unknown frame": (b"\x14", "DECODE", BOTH),
    "unknown frame behind a known one": (b"\x01\xff", "DECODE", BOTH),
    #= DATA-102
    "ACK cut off": (b"\x02\x01", "DECODE", BOTH),
    "MESSAGE cut off": (message()[:-1], "DECODE", BOTH),
    "varint cut off": (b"\x08\xc0\0\0", "DECODE", BOTH),
    "ACK below 0": (ack(0, 1), "DECODE", BOTH),
    "short id": (new_cid(1, length=7), "DECODE", BOTH),
    "long id": (new_cid(1, length=21), "DECODE", BOTH),
    "retire above sequence": (new_cid(1, retire=2), "DECODE", BOTH),
    "short ticket": (f("TICKETS", tickets=[bytes(15)]), "DECODE", ACCEPTOR),
    "long text": (f("CLOSE", code=0, text=bytes(256)), "DECODE", BOTH),
    #= DATA-60
    "ACK of what was not sent": (ack(1000000), "DECODE", BOTH),
    "ACK of all numbers": (ack((1 << 62) - 1, (1 << 62) - 1), "DECODE", BOTH),
    #= DATA-86
    "channel too high": (message(channel=65536), "DECODE", BOTH),
    "unknown flag of MESSAGE": (message(flags=4), "DECODE", BOTH),
    "FIN of SKIP": (f("SKIP", flags=1, channel=0, sequence=0, size=0), "DECODE", BOTH),
    #= DATA-85
    "PARAMS": (f("PARAMS", params=[[8, 0]]), "UNEXPECTED", BOTH),
    "TICKETS of an opener": (f("TICKETS", tickets=TICKET), "UNEXPECTED", OPENER),
    "HINT of an opener": (f("HINT", code=1, seconds=1), "UNEXPECTED", OPENER),
    "ACK_EARLY of an opener": (b"\x03" + ack(0)[1:], "UNEXPECTED", OPENER),
    "END_EARLY": (b"\x12", "UNEXPECTED", BOTH),
    "KEY_UPDATE": (b"\x13", "UNEXPECTED", BOTH),
    #= DATA-62
    "DATAGRAM": (f("DATAGRAM", data=b"x"), "SERVICE", BOTH),
    #= DATA-70
    "more than MAX_DATA": (message(b"x", 0, 3000) + message(b"x" * 500, 1, 1500, fin=False), "FLOW_CONTROL", BOTH),
    "more than MAX_DATA by SKIP": (message(b"x", 0, 3000) + f("SKIP", flags=0, channel=0, sequence=1, size=2000), "FLOW_CONTROL",
                                  BOTH),
    #= DATA-71
    "longer than MAX_MESSAGE": (message(offset=4000), "OVERSIZE", BOTH),
    #= DATA-72
    "two ends": (message(offset=10) + message(offset=12), "DECODE", BOTH),
    "behind the end": (message(offset=10) + message(offset=11, fin=False), "DECODE", BOTH),
    "end before what was there": (message(offset=11, fin=False) + message(offset=5), "DECODE", BOTH),
    #= DATA-88
    "65 incomplete": (b"".join(message(b"", n, 1, fin=False) for n in range(65)), "FLOW_CONTROL", BOTH),
    #= DATA-117
    "sequence too high": (message(sequence=4096), "FLOW_CONTROL", BOTH),
    #= DATA-112
    "too many ids": (new_cid(5) + new_cid(6), "CONNECTION_ID", BOTH),
    "another id for a sequence": (new_cid(7) + new_cid(7, name="other"), "CONNECTION_ID", BOTH),
    "an id that was never given": (f("RETIRE_CID", sequence=77), "CONNECTION_ID", BOTH),
}
OTHER_SERVICES = {  # transport, service, payload, code
    #= DATA-62
    "MESSAGE, UDP 0": (UDP, DATAGRAM, message(), "SERVICE"),
    "SKIP, UDP 0": (UDP, DATAGRAM, f("SKIP", flags=0, channel=0, sequence=0, size=0), "SERVICE"),
    "MAX_DATA, UDP 0": (UDP, DATAGRAM, f("MAX_DATA", bytes=9), "SERVICE"),
    "STREAM, TCP 1": (TCP, MESSAGE, f("STREAM", data=b"x"), "SERVICE"),
    "MESSAGE, TCP 2": (TCP, STREAM, message(), "SERVICE"),
    #= DATA-84
    "unknown frame, TCP": (TCP, STREAM, b"\x20", "DECODE"),
    #= DATA-85
    "ACK, TCP": (TCP, STREAM, ack(0), "UNEXPECTED"),
    "NEW_CID, TCP": (TCP, STREAM, new_cid(1), "UNEXPECTED"),
    "PATH_CHALLENGE, TCP": (TCP, STREAM, f("PATH_CHALLENGE", path=bytes(8)), "UNEXPECTED"),
    "SKIP, TCP": (TCP, MESSAGE, f("SKIP", flags=0, channel=0, sequence=0, size=0), "UNEXPECTED"),
    "MAX_DATA, TCP": (TCP, MESSAGE, f("MAX_DATA", bytes=9), "UNEXPECTED"),
    "END_EARLY again, TCP": (TCP, STREAM, b"\x12", "UNEXPECTED"),
    "PARAMS, TCP": (TCP, STREAM, f("PARAMS", params=[[8, 0]]), "UNEXPECTED"),
    #= DATA-71
    "longer than MAX_MESSAGE, TCP": (TCP, MESSAGE, message(offset=4000), "OVERSIZE"),
    #= DATA-88
    "65 incomplete, TCP": (TCP, MESSAGE, b"".join(message(b"y", n, 0, fin=False) for n in range(65)), "FLOW_CONTROL"),
    #= DATA-121
    "KEY_UPDATE not last, TCP": (TCP, STREAM, b"\x13\x01", "KEY_UPDATE"),
}


@dataclass
class Pair:
    """A confirmed connection, one end of which is Python's."""
    wire: Wire
    python: object
    lib: object

    def inject(self, payload, **more):
        """This payload under the current key."""
        c = self.python.connection
        if hasattr(c, "out"):
            c.out += c.send.seal(payload)
        else:
            self.wire.under_way.append((self.wire.now, self.lib, c.seal(payload, **more), self.wire.port))
        self.wire.run(500)

    def expect(self, code):
        """libcsep ended the connection with that code, and Python was told."""
        assert closed(self.python) == (ERRORS[code], True)
        self.wire.run(3000)
        assert kinds(self.lib, "closed")[0].code == ERRORS[code]


def connected(harness, role, transport, service, **line):
    one = slot()
    if role == "opener":
        python, lib = python_opener(one, transport, service), lib_acceptor(harness, [one], transport, **line)
        wire = Wire(python, lib)
    else:
        python, lib = python_acceptor([one], transport), lib_opener(harness, one, transport, service, **line)
        wire = Wire(lib, python)
    wire.run(300)
    assert kinds(lib, "confirmed") and kinds(python, "confirmed")
    return Pair(wire, python, lib)


@pytest.mark.parametrize("row, role", [(row, role) for row, (*_, senders) in IN_PACKETS.items() for role in senders])
def test_packet(harness, row, role):
    payload, code, _ = IN_PACKETS[row]
    pair = connected(harness, role, UDP, MESSAGE, **SMALL)
    if payload is None:
        pair.inject(b"", length=4)
    else:
        pair.inject(payload)
    pair.expect(code)


@pytest.mark.parametrize("role", BOTH)
@pytest.mark.parametrize("row", OTHER_SERVICES)
def test_other_services(harness, row, role):
    transport, service, payload, code = OTHER_SERVICES[row]
    pair = connected(harness, role, transport, service, **SMALL)
    pair.inject(payload)
    pair.expect(code)


# ---- records ----

RECORDS = {  # bytes as they are, code
    #= DATA-94
    "too long": (b"\x41\x01", "OVERSIZE"),
    "too short": (b"\x00\x10" + bytes(16), "DECODE"),
    #= DATA-95
    "does not open": (b"\x00\x20" + bytes(32), "PROTECTION"),
}


@pytest.mark.parametrize("role", BOTH)
@pytest.mark.parametrize("row", RECORDS)
def test_record(harness, row, role):
    data, code = RECORDS[row]
    pair = connected(harness, role, TCP, STREAM)
    pair.python.connection.out += data
    pair.wire.run(100)
    pair.expect(code)


@pytest.mark.parametrize("role", BOTH)
def test_two_updates_at_once(harness, role):
    """#= DATA-121"""
    pair = connected(harness, role, TCP, STREAM)
    c = pair.python.connection
    c.send_update()
    c.send_update()
    pair.wire.run(100)
    assert kinds(pair.lib, "closed")[0].code == ERRORS["KEY_UPDATE"]


# ---- openings ----

def params(*given, age=True):
    return f("PARAMS", params=[[8, 0]] * age + list(given))


def raw_params(body):
    return b"\x04" + frames.v(body)


OPENINGS = {  # payload of OPEN over both transports (or one): code in the answer
    #= DATA-90
    "no PARAMS": (b"\x01", "MISSING"),
    "no TICKET_AGE": (params([1, 5], age=False), "MISSING"),
    "MAX_ACK_DELAY too high": (params([4, 1001]), "VALUE"),
    "MAX_CIDS too low": (params([5, 1]), "VALUE"),
    "MAX_CIDS too high": (params([5, 9]), "VALUE"),
    "MAX_UNIT too low": (params([6, 1199]), "VALUE"),
    "empty PROTOCOL": (params([7, b""]), "VALUE"),
    "varint that does not fill its value": (raw_params(b"\x08\x02\x00\x00"), "VALUE"),
    "varint longer than its value": (raw_params(b"\x08\x01\x40"), "VALUE"),
    #= DATA-89
    "a parameter twice": (params([1, 5], [1, 5]), "DUPLICATE"),
    "an unknown parameter twice": (params([0x3f00, b"a"], [0x3f00, b"a"]), "DUPLICATE"),
    #= DATA-122
    "65 parameters": (params(*[[0x3f00 + n, b""] for n in range(64)]), "OVERSIZE"),
    #= DATA-102
    "PARAMS cut off": (b"\x04\x05\x08", "DECODE"),
    #= DATA-84
    "unknown frame": (params() + b"\x7f", "DECODE"),
    #= DATA-85
    "PARAMS again": (params() + params(), "UNEXPECTED"),
    "CLOSE": (params() + f("CLOSE", code=0, text=b""), "UNEXPECTED"),
    "TICKETS": (params() + f("TICKETS", tickets=TICKET), "UNEXPECTED"),
    "SKIP": (params() + f("SKIP", flags=0, channel=0, sequence=0, size=0), "UNEXPECTED"),
    #= DATA-37
    "more than first_flight": (params() + message(bytes(401)), "FLOW_CONTROL"),
}


def open_with(opener, payload):
    """OPEN with this payload, once."""
    c = opener.connection
    if hasattr(c, "out"):
        c.state = "OPENING"
        c.out += c.early.seal(payload, c.header)
    else:
        c.open_due += 60000 * MS
        return [c.seal_open(payload, c.early.number())]
    return []


@pytest.mark.parametrize("transport", [UDP, TCP], ids=["udp", "tcp"])
@pytest.mark.parametrize("row", OPENINGS)
def test_opening(harness, transport, row):
    """The error of a first flight: REFUSE 1, or ACCEPT with CLOSE and the code behind PARAMS, as step 10 of 6.2 allows.

    #= DATA-106
    """
    payload, code = OPENINGS[row]
    one = slot(first_flight=400)
    opener, acceptor = python_opener(one, transport, MESSAGE), lib_acceptor(harness, [one], transport)
    wire = Wire(opener, acceptor)
    for datagram in open_with(opener, payload):
        acceptor.receive(datagram)
    wire.run(500)
    if kinds(opener, "refused"):
        assert kinds(opener, "refused")[0].code == 1 and not kinds(acceptor, "opened")
    else:
        assert kinds(opener, "opened") and closed(opener) == (ERRORS[code], True)


ACCEPTS = {  # parameters in ACCEPT, code, transports
    #= DATA-90
    "no EARLY": ([[10, bytes(16)]], "MISSING", (UDP, TCP)),
    "EARLY 2": ([[9, 2], [10, bytes(16)]], "VALUE", (UDP, TCP)),
    "no RESET_TOKEN": ([[9, 1]], "MISSING", (UDP,)),
    "short RESET_TOKEN": ([[9, 1], [10, bytes(15)]], "VALUE", (UDP,)),
    #= DATA-89
    "EARLY twice": ([[9, 1], [9, 1], [10, bytes(16)]], "DUPLICATE", (UDP, TCP)),
}


@pytest.mark.parametrize("row", ACCEPTS)
def test_accept(harness, row):
    given, code, transports = ACCEPTS[row]
    for transport in transports:
        one = slot()
        acceptor, opener = python_acceptor([one], transport), lib_opener(harness, one, transport, MESSAGE)
        acceptor.end.settings.parameters = lambda *_others: {"frame": "PARAMS", "params": given}
        Wire(opener, acceptor).run(500)
        assert closed(acceptor) == (ERRORS[code], True), transport


def test_parameters_of_the_other_role(harness):
    """They count as unknown, whatever their values are.

    #= DATA-89
    """
    for transport in (UDP, TCP):
        one = slot()
        opener, acceptor = python_opener(one, transport, MESSAGE), lib_acceptor(harness, [one], transport)
        wire = Wire(opener, acceptor)
        for datagram in open_with(opener, params([9, 77], [10, b"x"], [0x3f01, b"experiment"]) + message(b"hello")):
            acceptor.receive(datagram)
        wire.run(500)
        assert received(acceptor) == [(b"hello", True)] and kinds(acceptor, "confirmed") and not closed(opener)


# ---- dropped in silence ----

def test_forged_and_repeated_packets(harness):
    """A flipped bit, a number twice, a number behind the window: nothing happens, the connection lives.

    #= DATA-3, DATA-7, DATA-8
    """
    pair = connected(harness, "opener", UDP, DATAGRAM)
    c = pair.python.connection
    good = [c.seal(f("DATAGRAM", data=b"%d" % n)) for n in range(2)]
    twice = c.seal(f("DATAGRAM", data=b"again"), number=c.space.next_number - 1)
    for datagram in (good[0], good[0], good[1][:-1] + bytes([good[1][-1] ^ 1]), good[1], twice, good[1][:20], b"\x08"):
        pair.lib.receive(datagram)
    pair.inject(f("DATAGRAM", data=b"new"), number=70000)
    pair.inject(f("DATAGRAM", data=b"behind"), number=60000)
    assert [data for data, _ in received(pair.lib)] == [b"0", b"1", b"new"] and not closed(pair.lib)


def udp_opening(harness, **fields):
    one = slot(**fields)
    opener, acceptor = python_opener(one, UDP, MESSAGE), lib_acceptor(harness, [one], UDP)
    return opener, acceptor, opener.connection


def test_small_and_bent_open(harness):
    """Neither answered nor counted as use of the ticket.

    #= DATA-2, DATA-3, DATA-21, DATA-107
    """
    opener, acceptor, c = udp_opening(harness)
    good = c.seal_open(params() + message(b"hello"), c.early.number())
    bent = [good[:1199], good[:60], good[:160] + bytes([good[160] ^ 1]) + good[161:], b"\x04" + bytes(1199)]
    for datagram in bent:
        acceptor.receive(datagram)
    assert acceptor.sent() == [] and not acceptor.events
    acceptor.receive(good)
    assert [d[0] for d in acceptor.sent()] == [packets.ACCEPT] and received(acceptor) == [(b"hello", True)]
    acceptor.receive(good)
    assert acceptor.sent() == []


def test_unknown_version(harness):
    """REFUSE 2 with the versions there are, smaller than its cause, from what every version can read.

    #= DATA-18, DATA-38
    """
    opener, acceptor, c = udp_opening(harness)
    other = packets.Open(UDP, 9, 77, c.slot.ticket, c.client_random, b"", c.destination, c.ids[0], 0x63730002)
    acceptor.receive(other.header().ljust(1200, b"?"))
    refused = acceptor.sent()
    assert len(refused) == 1 and len(refused[0]) < 1200
    assert headers.read_refuse(refused[0], UDP) == (c.ids[0], c.client_random[:16], 2, [packets.VERSION])
    assert refused[0][1:5] == bytes.fromhex("63730002")


def test_what_is_not_granted(harness):
    """Service, AEAD, transport: REFUSE 1, the same bytes as for an unknown ticket.

    #= DATA-20, DATA-22
    """
    opener, acceptor, c = udp_opening(harness, services=2, aeads=[29])
    for service, aead, ticket in ((0, 29, c.slot.ticket), (1, 2, c.slot.ticket), (2, 29, c.slot.ticket), (1, 29, made("x", 44))):
        header = packets.Open(UDP, service, aead, ticket, c.client_random, b"", c.destination, c.ids[0]).header()
        acceptor.receive(packets.seal_long(c.early_keys, header, 0, params(), b"", 1200)[2])
        assert acceptor.sent() == [packets.refuse(c.ids[0], c.client_random, 1)]


def test_refusals_that_are_not_for_us(harness):
    """REFUSE and RETRY with another id or echo, REFUSE after ACCEPT, a second RETRY.

    #= DATA-40, DATA-44
    """
    one = slot()
    opener, acceptor = lib_opener(harness, one, UDP, MESSAGE), python_acceptor([one], UDP)
    first = opener.sent()
    seen = headers.read_open(first[0], UDP)
    for datagram in (packets.refuse(made("id", 8), seen.random, 1), packets.refuse(seen.source, made("random"), 1),
                     packets.retry(made("id", 8), seen.random, b"token"), packets.retry(seen.source, made("random"), b"token")):
        opener.receive(datagram)
    assert opener.sent() == [] and not opener.events
    opener.receive(packets.retry(seen.source, seen.random, b"token one"))
    again = opener.sent()
    assert headers.read_open(again[0], UDP).header == seen.header and headers.read_token(headers.read_open(
        again[0], UDP).rest)[0] == b"token one"
    opener.receive(packets.retry(seen.source, seen.random, b"token two"))
    assert opener.sent() == []
    wire = Wire(opener, acceptor)
    wire.under_way.append((wire.now, acceptor, again[0], wire.port))
    wire.run()
    assert kinds(opener, "confirmed")
    opener.receive(packets.refuse(seen.source, seen.random, 1))
    wire.run()
    assert not kinds(opener, "refused") and not closed(opener)


def test_share_that_was_not_asked_for(harness):
    """An ACCEPT with a share where OPEN had none is dropped, one of another group too.

    #= DATA-108, KEY-19
    """
    one = slot(upgrade=1)
    opener, acceptor = lib_opener(harness, one, UDP, MESSAGE, share=False), python_acceptor([one], UDP)
    for datagram in opener.sent():
        acceptor.receive(datagram)
    accept = acceptor.sent()[0]
    seen = headers.read_accept(accept, UDP)
    with_share = packets.Accept(seen.random, made("share"), seen.destination, seen.source).header()
    opener.receive(with_share + accept[len(seen.header):])
    assert not opener.events and opener.state == "OPENING"
    opener.receive(accept)
    assert kinds(opener, "opened")


def test_share_of_low_order(harness):
    """A shared secret of zeros: REFUSE 1.

    #= KEY-12, KEY-20
    """
    opener, acceptor, c = udp_opening(harness)
    c.header = packets.Open(UDP, 1, 29, c.slot.ticket, c.client_random, bytes(32), c.destination, c.ids[0]).header()
    c.early_keys = keys.PacketKeys(29, keys.Schedule(c.slot.secret, c.client_random, c.header).early_c)
    acceptor.receive(c.seal_open(params(), 0))
    assert acceptor.sent() == [packets.refuse(c.ids[0], c.client_random, 1)]


def test_open_over_tcp_that_does_not_open(harness):
    """#= DATA-99"""
    one = slot()
    opener, acceptor = python_opener(one, TCP, STREAM), lib_acceptor(harness, [one], TCP)
    unit = opener.sent()[0]
    acceptor.receive(unit[:-1] + bytes([unit[-1] ^ 1]))
    answer = b"".join(acceptor.sent())
    assert answer == packets.refuse_unit(opener.client_random, 1) and kinds(acceptor, "closed")
    acceptor = lib_acceptor(harness, [one], TCP)
    acceptor.receive(b"\0\x20\x09" + bytes(31))  # not an OPEN at all
    assert kinds(acceptor, "closed")
