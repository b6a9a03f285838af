# SPDX-License-Identifier: BSD-2-Clause
"""Two implementations that share nothing but the specification understand each other: whole connections."""
import pytest

from ends import (DATAGRAM, ERRORS, MESSAGE, STREAM, TCP, UDP, Wire, closed, kinds, lib_acceptor, made, python_opener,
                  received, slot)

SERVICES = {(UDP, DATAGRAM): "udp-datagram", (UDP, MESSAGE): "udp-message", (TCP, MESSAGE): "tcp-message",
            (TCP, STREAM): "tcp-stream"}
services = pytest.mark.parametrize("transport, service", SERVICES, ids=SERVICES.values())


def say(end, service, data):
    """Application data by whatever service there is."""
    getattr(end, {DATAGRAM: "datagram", MESSAGE: "message", STREAM: "write"}[service])(data)


def all_bytes(end):
    return b"".join(data for data, _ in received(end))


# ---- opening ----

@services
@pytest.mark.parametrize("early", [True, False], ids=["early", "not-taken"])
@pytest.mark.parametrize("share", [True, False], ids=["share", "no-share"])
@pytest.mark.parametrize("aead", [29, 2], ids=["chacha20", "aes"])
def test_connection(pair, transport, service, aead, share, early):
    """Early data arrives once, marked as such where it was taken; then both ways; then CLOSE.

    #= DATA-24, DATA-31, DATA-32, DATA-33, DATA-77, DATA-78, DATA-91, DATA-93, KEY-14
    """
    one = slot(upgrade=1 if share else 0)
    opener, acceptor = pair(one, transport, service, acceptor={"early": early}, opener={"aead": aead, "share": share})
    say(opener, service, b"early")
    wire = Wire(opener, acceptor)
    wire.run()
    assert received(acceptor) == [(b"early", early)]
    assert [bool(e.early) for e in kinds(opener, "opened")] == [early]
    say(acceptor, service, b"answer")
    wire.run()
    assert received(opener) == [(b"answer", False)]
    assert kinds(opener, "confirmed") and kinds(acceptor, "confirmed")
    assert opener.exported(b"label", b"context", 48) == acceptor.exported(b"label", b"context", 48)
    opener.close(0)
    wire.run(1000)
    assert closed(acceptor) == (0, True) and closed(opener) == (0, False)


@services
def test_much_data(pair, transport, service):
    """More than one window, one record and one credit, both ways; early data ends within first_flight.

    #= DATA-30, DATA-68, DATA-69
    """
    opener, acceptor = pair(slot(first_flight=2000), transport, service, max_data=20000)
    wire = Wire(opener, acceptor)
    pieces = [made(f"piece {n}", 700 if service == DATAGRAM else 9000) for n in range(10)]
    for piece in pieces:
        say(opener, service, piece)
    wire.run(3000)
    for piece in pieces:
        say(acceptor, service, piece)
    wire.run(3000)
    assert all_bytes(acceptor) == all_bytes(opener) == b"".join(pieces)
    early = sum(len(data) for data, early in received(acceptor) if early)
    assert early <= (len(pieces[0]) if service == MESSAGE else 2000)  # a message that began early counts as early
    assert closed(opener) is None and closed(acceptor) is None


# ---- key updates ----

@services
def test_key_updates(pair, transport, service):
    """Each end starts some, with data before, between and behind.

    #= DATA-53, DATA-54, DATA-97, DATA-98, DATA-120
    """
    opener, acceptor = pair(slot(), transport, service)
    wire = Wire(opener, acceptor)
    wire.run()
    for n, starter in enumerate((opener, acceptor, opener, opener, acceptor)):
        say(opener, service, b"up%d " % n)
        say(acceptor, service, b"down%d " % n)
        wire.run()
        assert starter.update()
        say(opener, service, b"behind ")
        wire.run(500)  # libcsep waits with the next until the old keys are gone
    assert all_bytes(acceptor) == b"".join(b"up%d behind " % n for n in range(5))
    assert all_bytes(opener) == b"".join(b"down%d " % n for n in range(5))


@services
def test_crossed_key_updates(pair, transport, service):
    """Both start one at the same time: it is one and the same over UDP, two over TCP; nothing is lost.

    #= DATA-55, DATA-120
    """
    opener, acceptor = pair(slot(), transport, service)
    wire = Wire(opener, acceptor)
    wire.run()
    for _ in range(3):
        say(opener, service, b"up")
        say(acceptor, service, b"down")
        wire.run(500)
        assert opener.update() and acceptor.update()
    say(opener, service, b"up")
    wire.run()
    assert all_bytes(acceptor) == b"up" * 4 and all_bytes(opener) == b"down" * 3


# ---- what else an acceptor may say ----

@services
def test_tickets_and_hint(pair, transport, service):
    """More tickets and a hint, in-band; each ticket is told to the opener as it was sent.

    #= CTX-10
    """
    opener, acceptor = pair(slot(), transport, service)
    wire = Wire(opener, acceptor)
    wire.run()
    if hasattr(acceptor, "end"):
        acceptor.tickets([made("more 1"), made("more 2")])
        acceptor.hint(1, 60)
        acceptor.hint(77, 1)
    else:
        assert acceptor.tell("tickets", num=2) == "OK"
        if transport == UDP:
            assert acceptor.tell("hint", seconds=60) == "OK"
    wire.run(300)
    told = kinds(opener, "tickets")[0]
    tickets = told.tickets if hasattr(told, "tickets") else [told.bytes[1:33], told.bytes[34:66]]
    assert tickets == ([made("more 1"), made("more 2")] if hasattr(acceptor, "end") else [b"\x80" * 32, b"\x81" * 32])
    if transport == UDP:
        assert (kinds(opener, "hint")[0].code, kinds(opener, "hint")[0].value) == (1, 60)
    assert not closed(opener)


@services
def test_protocol(pair, transport, service):
    """The application protocol of the opener is one that the grant holds, or there is no connection.

    #= DATA-22
    """
    for known, taken in ((b"echo", True), (b"chat", False)):
        opener, acceptor = pair(slot(protocols=[b"echo"]), transport, service, known=[slot(protocols=[known])],
                                opener={"protocol": "echo"}, acceptor={"protocol": known.decode()})
        say(opener, service, b"early")
        Wire(opener, acceptor).run(300)
        assert bool(received(acceptor)) == taken == (not closed(opener))


# ---- refused, or asked for a token ----

@services
def test_refused(pair, transport, service):
    """A ticket that nobody knows: no connection, no code beyond 1, nothing in clear.

    #= DATA-20, DATA-41, DATA-99
    """
    opener, acceptor = pair(slot(), transport, service, known=[slot("another")])
    say(opener, service, b"secret words")
    wire = Wire(opener, acceptor)
    wire.run(500)
    assert len(kinds(opener, "refused")) == 1 and kinds(opener, "refused")[0].code == 1 and closed(opener)
    assert not any(b"secret words" in data for _, data in wire.log)
    assert not received(acceptor)


@pytest.mark.parametrize("service", [DATAGRAM, MESSAGE])
def test_used_ticket(pair, service):
    """The second connection with one ticket is refused, though its randoms are fresh.

    #= CTX-3, CTX-4
    """
    one = slot()
    opener, acceptor = pair(one, UDP, service)
    Wire(opener, acceptor).run()
    assert kinds(opener, "opened")
    again, _ = pair(one, UDP, service)
    Wire(again, acceptor).run()
    assert kinds(again, "refused") and not kinds(again, "opened")


def test_share_is_required(harness):
    """An OPEN without a share, when the acceptor's grant requires one.

    #= KEY-15
    """
    for transport, service in SERVICES:
        opener = python_opener(slot(upgrade=0), transport, service)
        acceptor = lib_acceptor(harness, [slot(upgrade=2)], transport)
        Wire(opener, acceptor).run()
        assert kinds(opener, "refused")


def test_share_is_missing(pair):
    """The acceptor's grant says off and the opener's says required: nobody may strip it.

    #= KEY-16, KEY-19
    """
    for transport, service in SERVICES:
        opener, acceptor = pair(slot(upgrade=2), transport, service, known=[slot(upgrade=0)])
        Wire(opener, acceptor).run(500)
        assert closed(opener) == (ERRORS["REFUSED"], False) and closed(acceptor) == (ERRORS["REFUSED"], True)


@pytest.mark.parametrize("service", [DATAGRAM, MESSAGE])
def test_retry(pair, service):
    """The token goes into a second OPEN; early data arrives, each piece once.

    #= DATA-43, DATA-44
    """
    opener, acceptor = pair(slot(), UDP, service, acceptor={"retry": True})
    pieces = [made(f"early {n}", 400) for n in range(4)]
    for piece in pieces:
        say(opener, service, piece)
    Wire(opener, acceptor).run(2000)
    assert len(kinds(opener, "retry")) == 1
    got = received(acceptor)
    assert sorted(got) == sorted((piece, True) for piece in pieces)


# ---- loss ----

@pytest.mark.parametrize("early", [True, False], ids=["early", "not-taken"])
def test_loss_of_each_packet(pair, early):
    """Whichever packet is lost, every message arrives once, in order; then the same with the two from it on.

    #= DATA-13, DATA-23, DATA-67, DATA-73
    """
    pieces = [made(f"message {n}", size) for n, size in enumerate((10, 1500, 300, 2000))]
    for lost in [[n] for n in range(16)] + [[n, n + 1] for n in range(0, 16, 3)]:
        one = slot(f"slot {lost}")
        opener, acceptor = pair(one, UDP, MESSAGE, acceptor={"early": early})
        wire = Wire(opener, acceptor, lost)
        for piece in pieces[:2]:
            opener.message(piece)
        wire.run(200)
        for piece in pieces[2:]:
            opener.message(piece)
        wire.run(6000)
        acceptor.message(b"answer")
        wire.run(3000)
        assert [data for data, _ in received(acceptor)] == pieces, lost
        assert received(opener) == [(b"answer", False)], lost


def test_datagrams_are_not_sent_again(pair):
    """Unreliable is unreliable: what was lost is lost, and nothing comes twice.

    #= DATA-63
    """
    for lost in range(12):
        opener, acceptor = pair(slot(f"slot {lost}"), UDP, DATAGRAM)
        wire = Wire(opener, acceptor, [lost])
        wire.run(1500)
        for n in range(8):
            opener.datagram(b"%d" % n)
            wire.run(50)
        got = [data for data, _ in received(acceptor)]
        assert got == sorted(set(got)) and len(got) >= 7, lost


@pytest.mark.parametrize("service", [DATAGRAM, MESSAGE])
@pytest.mark.parametrize("turned, copies", [(True, 1), (False, 2), (True, 3)], ids=["turned", "doubled", "both"])
def test_reordered_and_doubled(pair, service, turned, copies):
    """Early packets overtake their OPEN and data packets ACCEPT; a copy of a packet is no packet.

    #= DATA-7, DATA-10, DATA-36, DATA-107, DATA-109
    """
    opener, acceptor = pair(slot(), UDP, service)
    wire = Wire(opener, acceptor, turned=turned, copies=copies)
    up, down = [made(f"up {n}", 600) for n in range(5)], [made(f"down {n}", 600) for n in range(5)]
    for piece in up:
        say(opener, service, piece)
    wire.run(11)  # OPEN and what came with it has arrived
    for piece in down:
        say(acceptor, service, piece)
    wire.run(2000)
    for end, pieces in ((acceptor, up), (opener, down)):
        got = [data for data, _ in received(end)]
        assert (got if service == MESSAGE else sorted(got)) == (pieces if service == MESSAGE else sorted(pieces))


def test_partial_reliability(pair):
    """A message with one transmission is given up when it is lost; those behind it do not wait for it.

    #= DATA-64, DATA-65, DATA-66, DATA-67
    """
    for behind in (0, 1):  # SKIP is lost, too
        opener, acceptor = pair(slot(f"slot {behind}"), UDP, MESSAGE)
        wire = Wire(opener, acceptor)
        wire.run()
        opener.message(b"first", channel=7)
        wire.run(200)
        wire.lose = {wire.count}
        opener.message(b"given up", channel=7, transmissions=1)
        wire.run(5)
        opener.message(b"behind", channel=7)
        wire.lose |= {wire.count + 1} if behind else set()
        wire.run(3000)
        assert [data for data, _ in received(acceptor)] == [b"first", b"behind"]
        assert [e.sequence for e in kinds(acceptor, "message")] == [0, 2]


# ---- ends ----

@services
def test_close_with_a_code(pair, transport, service):
    """The acceptor ends it; whatever code it gives is told.

    #= DATA-77, DATA-78
    """
    for code in (0, 0x100, 0x3fff):
        opener, acceptor = pair(slot(f"slot {code}"), transport, service)
        wire = Wire(opener, acceptor)
        say(opener, service, b"hello")
        wire.run()
        acceptor.close(code)
        wire.run(1000)
        assert closed(opener) == (code, True) and closed(acceptor) == (code, False)
        assert opener.state in ("DRAINING", "CLOSED")


@pytest.mark.parametrize("service", [MESSAGE, STREAM])
def test_end_of_file_without_close(pair, service):
    """#= DATA-96"""
    opener, acceptor = pair(slot(), TCP, service)
    wire = Wire(opener, acceptor)
    say(opener, service, b"hello")
    wire.run()
    for end in (opener, acceptor):
        end.eof()
        assert closed(end)[1] in (False, True) and kinds(end, "closed")
        assert closed(end)[0] == ERRORS["TRUNCATED"] or kinds(end, "closed")[0].status == "ERR_TRUNCATED"


def test_idle(pair):
    """Silence ends it: over UDP in silence, over TCP with CLOSE TIMEOUT.

    #= DATA-79
    """
    for transport, service in SERVICES:
        opener, acceptor = pair(slot(), transport, service)
        wire = Wire(opener, acceptor)
        wire.run(1000)
        before = wire.count
        wire.run(40000)
        assert closed(opener) and closed(acceptor)
        assert wire.count == before if transport == UDP else wire.count > before


def test_amplification(pair):
    """As long as the opener's address is not proved the acceptor sends at most three times what it got.

    #= DATA-28
    """
    opener, acceptor = pair(slot(), UDP, MESSAGE)
    acceptor.receive(opener.sent()[0])
    for n in range(30):
        acceptor.message(made(f"message {n}", 600))
    sent = acceptor.sent()
    for _ in range(5):
        acceptor.now = acceptor.deadline()
        acceptor.expire()
        sent += acceptor.sent()
    assert 1200 < sum(map(len, sent)) <= 3600


def test_forgotten_connection(pair):
    """The acceptor starts again with the same key and nothing else: a reset ends the opener's connection.

    #= DATA-80, DATA-81, DATA-82
    """
    opener, acceptor = pair(slot(), UDP, MESSAGE, acceptor={"reset_key": made("key").hex()})
    wire = Wire(opener, acceptor)
    wire.run(300)
    _, wire.acceptor = pair(slot(), UDP, MESSAGE, acceptor={"reset_key": made("key").hex()})
    wire.set_time(wire.now)
    opener.message(b"is anybody there, who remembers me?")
    wire.run(2500)
    causes, resets = ([data for end, data in wire.log if end is who] for who in (opener, wire.acceptor))
    assert resets and all(37 <= len(reset) < max(map(len, causes)) for reset in resets)
    assert closed(opener) and opener.state == "CLOSED" and not received(wire.acceptor)


def test_new_address(pair):
    """The opener moves: other id, other port; the acceptor follows and asks whether it is really there.

    #= DATA-46, DATA-47, DATA-48, DATA-49
    """
    opener, acceptor = pair(slot(), UDP, MESSAGE)
    wire = Wire(opener, acceptor)
    opener.message(b"before")
    wire.run(300)
    old = [data for end, data in wire.log if end is opener][-1][1:9]
    wire.port = 6000
    opener.migrate()
    opener.message(b"behind")
    wire.run(1000)
    new = [data for end, data in wire.log if end is opener][-1][1:9]
    assert old != new
    assert [data for data, _ in received(acceptor)] == [b"before", b"behind"]
    assert kinds(acceptor, "path") and closed(acceptor) is None
