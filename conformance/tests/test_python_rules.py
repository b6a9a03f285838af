# SPDX-License-Identifier: BSD-2-Clause
"""What libcsep does in answer to a peer that is slow, insistent, or knows better: counted from outside, by the Python peer."""
import frames
import keys
import packets
from csep_peer import wire as headers
from csep_peer.tcp import Direction
from ends import (DATAGRAM, ERRORS, MESSAGE, MS, STREAM, TCP, UDP, Wire, closed, kinds, lib_acceptor, lib_opener, made,
                  python_acceptor, python_opener, received, slot)


def f(name, **fields):
    return frames.encode({"frame": name, **fields})


def meeting(harness, transport, service, **line):
    """A confirmed connection from a Python opener to libcsep."""
    one = slot()
    opener, acceptor = python_opener(one, transport, service), lib_acceptor(harness, [one], transport, **line)
    wire = Wire(opener, acceptor)
    wire.run(1000)
    assert kinds(opener, "confirmed") and kinds(acceptor, "confirmed")
    return wire, opener, acceptor


def opened(datagrams, connection):
    """The frames of short packets from libcsep, by the keys of the connection."""
    out = []
    for datagram in datagrams:
        number, payload = connection.generations.open(datagram, 8, connection.received.largest)
        assert payload is not None, number
        out.append([x["frame"] for x in frames.decode(payload, connection.where("data"))])
    return out


def ended(acceptor):
    """The code with which it ended, told when nothing more is answered."""
    acceptor.now += 3000 * MS
    acceptor.expire()
    return kinds(acceptor, "closed")[0].code


# ---- opening ----

def test_randoms_ids_and_keys_are_fresh(harness):
    """Two openings with the same grant have nothing in common but the menu.

    #= KEY-10, KEY-11, KEY-12, DATA-5
    """
    seen = []
    for n in range(2):
        opener = lib_opener(harness, slot(f"slot {n}"), UDP, MESSAGE)
        acceptor = lib_acceptor(harness, [slot(f"slot {n}")], UDP)
        first = opener.sent()[0]
        o = headers.read_open(first, UDP)
        acceptor.receive(first)
        a = headers.read_accept(acceptor.sent()[0], UDP)
        assert a.destination == o.source
        seen += [o.random, o.share, o.source, o.destination, a.random, a.share, a.source]
    assert len(set(seen)) == len(seen)


def test_repeated_open(harness):
    """The same header with a new number, older by the time that passed, at growing intervals until the time-out.

    #= DATA-1, DATA-12, DATA-13, DATA-14, DATA-74
    """
    opener, now, sent = lib_opener(harness, slot(), UDP, MESSAGE), MS, []
    while not closed(opener):
        sent += [(now, datagram) for datagram in opener.sent()]
        now = opener.now = opener.deadline()
        opener.expire()
    assert kinds(opener, "closed")[0].status == "ERR_TIMEOUT" and now == MS + 10000 * MS
    seen = [headers.read_open(datagram, UDP) for _, datagram in sent]
    assert len({s.header for s in seen}) == 1 and all(len(datagram) >= 1200 for _, datagram in sent)
    times = [at - sent[0][0] for at, _ in sent]
    assert times[1] == 999 * MS and times[2] - times[1] == 2 * 999 * MS
    early = keys.PacketKeys(seen[0].aead, keys.Schedule(slot().secret, seen[0].random, seen[0].header).early_c)
    for n, (at, datagram) in enumerate(sent):
        number, payload = packets.open_long(early, datagram, seen[0].header, True)
        params = frames.decode(payload, frames.Where("udp", MESSAGE, "opener", "open"))[0]["params"]
        assert number == n and dict(params)[8] == (at - MS) // MS


def test_held_early_packets(harness):
    """16 of them wait for their OPEN, for a second.

    #= DATA-36
    """
    for wait, wanted in ((900, 16), (1100, 0)):
        one = slot(f"slot {wait}")
        opener, acceptor = python_opener(one, UDP, DATAGRAM), lib_acceptor(harness, [one], UDP)
        c = opener.connection
        for n in range(20):
            acceptor.receive(c.seal_early(f("DATAGRAM", data=b"%d" % n), n + 1))
        acceptor.now += wait * MS
        acceptor.expire()
        acceptor.receive(c.seal_open(frames.encode(c.params()), 0))
        assert len(received(acceptor)) == wanted


def test_rate_of_refuse(harness):
    """10 in a second to one address.

    #= DATA-39
    """
    acceptor = lib_acceptor(harness, [], UDP)
    for n in range(30):
        opener = python_opener(slot(f"slot {n}"), UDP, MESSAGE, seed=n)
        for datagram in opener.sent():
            acceptor.receive(datagram)
    assert len(acceptor.sent()) == 10


def test_id_that_is_in_use(harness):
    """An OPEN to the destination id of another connection is dropped, its ticket still good.

    #= DATA-105
    """
    slots = [slot("one"), slot("two")]
    acceptor = lib_acceptor(harness, slots, UDP)
    first, second = (python_opener(s, UDP, MESSAGE, seed=n) for n, s in enumerate(slots))
    c, taken = second.connection, first.connection.destination
    acceptor.receive(first.sent()[0])
    assert acceptor.sent()
    header = packets.Open(UDP, MESSAGE, 29, c.slot.ticket, c.client_random, b"", taken, c.ids[0]).header()
    early = keys.PacketKeys(29, keys.Schedule(c.slot.secret, c.client_random, header).early_c)
    acceptor.receive(packets.seal_long(early, header, 0, frames.encode(c.params()), b"", 1200)[2])
    assert acceptor.sent() == []
    acceptor.receive(second.sent()[0])
    assert acceptor.sent()[0][0] == packets.ACCEPT


# ---- the connection over UDP ----

def test_acknowledgements(harness):
    """At once for the second packet and out of order, within MAX_ACK_DELAY for a single one, 32 ranges at most.

    #= DATA-58, DATA-59
    """
    _, opener, acceptor = meeting(harness, UDP, MESSAGE)
    c = opener.connection
    ping, start = f("PING"), c.space.next_number
    acceptor.receive(c.seal(ping))
    assert acceptor.sent() == [] and acceptor.deadline() <= acceptor.now + 25 * MS
    acceptor.receive(c.seal(ping))
    assert opened(acceptor.sent(), c) == [["ACK"]]
    for n in range(40):  # every second number
        acceptor.receive(c.seal(ping, number=start + 10 + 2 * n))
    last = acceptor.sent()[-1]
    c.space.next_number = start + 100
    _, payload = c.generations.open(last, 8, c.received.largest)
    ack = frames.decode(payload, c.where("data"))[0]
    assert ack["largest"] == start + 88 and len(ack["ranges"]) == 32


def test_close_is_answered_with_close_only(harness):
    """One CLOSE, then one for every second packet for three PTO, then nothing.

    #= DATA-77
    """
    _, opener, acceptor = meeting(harness, UDP, MESSAGE)
    c = opener.connection
    acceptor.close(0x123)
    assert opened(acceptor.sent(), c) == [["CLOSE"]]
    answers = []
    for n in range(8):
        acceptor.receive(c.seal(frames.encode({"frame": "PING"})))
        answers += acceptor.sent()
    assert opened(answers, c) == [["CLOSE"]] * 4
    assert ended(acceptor) == 0x123
    acceptor.receive(c.seal(f("PING")))
    assert acceptor.sent() == []


def test_silence_behind_close(harness):
    """#= DATA-78"""
    _, opener, acceptor = meeting(harness, UDP, MESSAGE)
    c = opener.connection
    acceptor.receive(c.seal(f("CLOSE", code=0x100, text=b"enough")))
    acceptor.message(b"one more thing")
    for _ in range(4):
        acceptor.receive(c.seal(f("PING")))
        acceptor.receive(c.seal(f("CLOSE", code=0, text=b"")))
    assert acceptor.sent() == [] and closed(acceptor) == (0x100, True)


def test_ids_are_retired_on_request(harness):
    """RETIRE_CID for each lower sequence, and the new id from then on.

    #= DATA-113
    """
    _, opener, acceptor = meeting(harness, UDP, MESSAGE)
    c, one = opener.connection, made("new id", 8)
    acceptor.receive(c.seal(f("NEW_CID", sequence=1, retire=1, id=one, token=bytes(16))))
    acceptor.message(b"to the new id")
    sent = acceptor.sent()
    assert sent and all(datagram[1:9] == one for datagram in sent)
    assert "RETIRE_CID" in sum(opened(sent, c), [])


def test_old_phase_with_a_higher_number(harness):
    """#= DATA-56"""
    _, opener, acceptor = meeting(harness, UDP, MESSAGE)
    c = opener.connection
    acceptor.now += 3000 * MS
    number = c.space.next_number
    old = c.seal(f("PING"), number=number + 5)
    c.generations.update()
    acceptor.receive(c.seal(f("PING"), number=number))
    acceptor.receive(old)
    assert ended(acceptor) == ERRORS["KEY_UPDATE"]


def test_forgeries_end_the_context(harness):
    """They are counted, over everything that does not open, and the context has a limit.

    #= DATA-4, KEY-7, DATA-83
    """
    one = slot(forgeries=20)
    opener, acceptor = python_opener(one, UDP, MESSAGE), lib_acceptor(harness, [one], UDP)
    Wire(opener, acceptor).run(300)
    bad = opener.connection.seal(f("PING"))
    for n in range(25):
        acceptor.receive(bad[:-1] + bytes([bad[-1] ^ (n + 1)]))
    assert ended(acceptor) == ERRORS["AEAD_LIMIT"]


# ---- over TCP ----

def test_order_of_the_opener(harness):
    """OPEN, early records, END_EARLY as the last under early_c, and a record under c_data right behind it.

    #= DATA-91, DATA-118
    """
    one = slot()
    acceptor, opener = python_acceptor([one], TCP), lib_opener(harness, one, TCP, STREAM)
    opener.write(b"early")
    acceptor.receive(b"".join(opener.sent()))
    opener.receive(b"".join(acceptor.sent()))
    a, data, found = acceptor.connection, b"".join(opener.sent()), []
    early, late = a.receiving, a.after_early
    while data:
        unit, data = data[:2 + int.from_bytes(data[:2], "big")], data[2 + int.from_bytes(data[:2], "big"):]
        payload = (late if "END_EARLY" in found else early).open(unit)
        found += [x["frame"] for x in frames.decode(payload, a.where("data" if "END_EARLY" in found else "early"))]
    assert found == ["END_EARLY", "PING"]


def discarding(harness):
    """An acceptor that takes no early data, with an OPEN behind it."""
    one = slot(first_flight=100000)
    opener, acceptor = python_opener(one, TCP, STREAM), lib_acceptor(harness, [one], TCP, early=False)
    acceptor.receive(b"".join(opener.sent()))
    assert acceptor.sent()
    return opener.connection, acceptor


def test_discarded_early_records(harness):
    """Opened and thrown away: what does not open ends it, and so does more than 65536 bytes.

    #= DATA-92
    """
    c, acceptor = discarding(harness)
    acceptor.receive(c.early.seal(f("STREAM", data=bytes(4000))))
    assert not received(acceptor) and not closed(acceptor)
    acceptor.receive(b"\0\x20" + bytes(32))
    assert kinds(acceptor, "closed")[0].code == ERRORS["PROTECTION"]
    c, acceptor = discarding(harness)
    for _ in range(17):
        acceptor.receive(c.early.seal(f("STREAM", data=bytes(4000))))
    assert closed(acceptor) and not received(acceptor)


def test_first_flight_of_a_stream(harness):
    """#= DATA-37"""
    one = slot(first_flight=1000)
    opener, acceptor = python_opener(one, TCP, STREAM), lib_acceptor(harness, [one], TCP)
    opener.write(bytes(900))
    acceptor.receive(b"".join(opener.sent()))
    acceptor.receive(opener.connection.early.seal(f("STREAM", data=bytes(101))))
    assert kinds(acceptor, "closed")[0].code == ERRORS["FLOW_CONTROL"]


def test_slow_open(harness):
    """Ten seconds from the first byte on; a connection without a byte may wait for longer.

    #= DATA-101, NEG-2
    """
    acceptor = lib_acceptor(harness, [slot()], TCP)
    acceptor.now += 9900 * MS
    acceptor.expire()
    assert not closed(acceptor)
    unit = python_opener(slot(), TCP, STREAM).sent()[0]
    acceptor.receive(unit[:20])
    acceptor.now += 9900 * MS
    acceptor.expire()
    assert not closed(acceptor)
    acceptor.now += 200 * MS
    acceptor.expire()
    assert kinds(acceptor, "closed")[0].code == ERRORS["TIMEOUT"]


def test_units_that_are_too_large(harness):
    """#= DATA-119"""
    acceptor, opener = lib_acceptor(harness, [slot()], TCP), lib_opener(harness, slot(), TCP, STREAM)
    for end in (acceptor, opener):
        end.sent()
        end.receive((18433).to_bytes(2, "big") + b"\x04")
        assert kinds(end, "closed")[0].code == ERRORS["OVERSIZE"]


def test_update_is_answered_before_data(harness):
    """KEY_UPDATE of the peer: one of its own, then data under the next key.

    #= DATA-98
    """
    wire, opener, acceptor = meeting(harness, TCP, STREAM)
    c = opener.connection
    c.send_update()
    acceptor.receive(opener.sent()[0])
    acceptor.write(b"data")
    data, found, receiving = b"".join(acceptor.sent()), [], Direction(29, c.receiving.keys.secret, c.receiving.number)
    while data:
        unit, data = data[:2 + int.from_bytes(data[:2], "big")], data[2 + int.from_bytes(data[:2], "big"):]
        found += [x["frame"] for x in frames.decode(receiving.open(unit), c.where("data"))]
        if found[-1] == "KEY_UPDATE":
            receiving.update()
    assert found == ["KEY_UPDATE", "STREAM"]
