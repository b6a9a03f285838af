# SPDX-License-Identifier: BSD-2-Clause
"""From a grant to application data, each part by either implementation: the context is the only thing they share."""
import pytest

import frames
import messages
from csep_peer import tcp_acceptor, tcp_opener, udp_acceptor, udp_opener
from csep_peer.context import Context
from ends import (DATAGRAM, ERRORS, MESSAGE, MS, STREAM, TCP, UDP, Lib, Negotiation, Python, Wire, exporter, kinds,
                  lib_client, lib_server, made, python_client, python_server, received, settings)

SERVICES = [(UDP, DATAGRAM), (UDP, MESSAGE), (TCP, MESSAGE), (TCP, STREAM)]


def open_and_talk(opener, acceptor, service, now=MS):
    """Early data up, an answer down."""
    verb = {DATAGRAM: "datagram", MESSAGE: "message", STREAM: "write"}[service]
    getattr(opener, verb)(b"early")
    wire = Wire(opener, acceptor)
    wire.set_time(now)
    wire.run()
    getattr(acceptor, verb)(b"answer")
    wire.run()
    assert received(acceptor) == [(b"early", True)] and received(opener) == [(b"answer", False)]


@pytest.mark.parametrize("sealed", [False, True], ids=["kept", "sealed"])
def test_python_client(harness, sealed):
    """libcsep grants and accepts; Python derives the same context from the bytes of GRANT and opens with its tickets.

    #= KEY-1, NEG-41, NEG-55, NEG-56
    """
    client, server = python_client(), lib_server(harness, sealed=sealed)
    Wire(client, server).run()
    context = kinds(client, "granted")[0].context
    assert client.state == "DONE" and kinds(server, "closed") and len(context.tickets) == 8
    late = 30000 * MS  # a server that seals takes no early data in its first 20 seconds (CTX-6)
    for transport, service in SERVICES:
        maker = udp_opener.Opener if transport == UDP else tcp_opener.Opener
        opener = Python(maker(context.take(transport), service, settings(f"opener {service}"), late))
        acceptor = Lib(harness, "udp-acceptor" if transport == UDP else "tcp-acceptor", late, server=server.name)
        open_and_talk(opener, acceptor, service, late)


def test_python_server(harness):
    """Python grants and accepts; libcsep takes slots out of its store.

    #= KEY-1, NEG-43, CTX-1
    """
    server, client = python_server(), lib_client(harness)
    Wire(client, server).run()
    granted = kinds(client, "granted")[0]
    context = next(iter(server.contexts.values()))
    assert bytes.fromhex(granted.secret) == context.secret and granted.tickets == [t.hex() for t in context.tickets]
    assert server.state == "DONE" and kinds(client, "closed")
    for transport, service in SERVICES:
        opener = Lib(harness, "udp-opener" if transport == UDP else "tcp-opener", client=client.name, service=service)
        maker = udp_acceptor.Acceptor if transport == UDP else tcp_acceptor.Acceptor
        acceptor = Python(maker(server.end.book(transport), settings(f"acceptor {service}"), MS))
        open_and_talk(opener, acceptor, service)
    assert len(server.end.used) == len(SERVICES)


def test_requests_of_python(harness):
    """More tickets for the context, a shorter one in its place, one of its own; answers in order.

    #= NEG-45, NEG-46, NEG-47, NEG-48, NEG-49
    """
    client, server = python_client(), lib_server(harness)
    wire = Wire(client, server)
    client.request(7, TICKET_COUNT=3)
    client.request(8, LIFETIME=60)
    wire.run()
    grants = [e.context for e in kinds(client, "granted")]
    assert [g.message.get("REQUEST_ID") for g in grants] == [None, 7, 8]
    assert len(grants[1].tickets) == 3 and grants[2].message["LIFETIME"] == 60
    assert len({g.secret for g in grants}) == 3 and client.state == "DONE"


def test_requests_of_libcsep(harness):
    """#= NEG-45, NEG-46, NEG-47, NEG-49"""
    server, client = python_server(), lib_client(harness)
    handle = next(iter(server.contexts))
    for request_id, asked in enumerate(({"handle": handle.hex(), "tickets": 5}, {"lifetime": 60}), 1):
        assert client.tell("request", id=request_id, **asked) == "OK"
    Wire(client, server).run()
    tickets = kinds(client, "tickets")[0]
    assert tickets.request_id == 1 and len(tickets.tickets) == 5
    assert [e.request_id for e in kinds(client, "granted")] == [0, 2]
    assert [c.message["LIFETIME"] for c in server.contexts.values()] == [3600, 60]


# ---- what a message may not be ----

def grant(**fields):
    return {"message": "GRANT", "HANDLE": made("handle", 16), "LIFETIME": 60, "AEADS": [29],
            "TRANSPORTS": [{"transport": UDP, "services": 1, "flags": 0, "port": 0, "max_unit": 1200, "first_flight": 0,
                            "host": ""}], **fields}


def without(message, *names):
    return {name: value for name, value in message.items() if name not in names}


TO_CLIENT = {
    "oversize": (b"\x01\x01\x00\x00", "OVERSIZE"),  #= NEG-22
    "unknown critical message": (b"\xf0\x00\x00\x00", "CRITICAL"),  #= NEG-24
    "unknown critical field": (grant(**{"0x8123": b"x"}), "CRITICAL"),  #= NEG-26
    "field twice": (grant(**{"0x0123": b"x", "0x123": b"y"}), "DUPLICATE"),  #= NEG-28
    "empty field": (grant(**{"0x0123": b""}), "VALUE"),  #= NEG-29
    "too many fields": (grant(**{hex(0x100 + n): b"x" for n in range(61)}), "OVERSIZE"),  #= NEG-30
    "not filled": (messages.message(1, messages.encode(grant())[4:] + b"\0"), "DECODE"),  #= NEG-31
    "no tickets field": ({"message": "TICKETS", "HANDLE": made("handle", 16)}, "MISSING"),  #= NEG-32
    "no handle": (without(grant(), "HANDLE"), "MISSING"),  #= NEG-32
    "a client's message": ({"message": "CONTINUE"}, "UNEXPECTED"),  #= NEG-36
    "no life": (grant(LIFETIME=0), "VALUE"),  #= NEG-37
    "short ticket": ({"message": "TICKETS", "HANDLE": made("handle", 16), "TICKET_LIST": [bytes(15)]}, "DECODE"),  #= NEG-37
    "no AEAD in common": (grant(AEADS=[31, 77]), "REFUSED"),  #= NEG-39
    "transport twice": (grant(TRANSPORTS=grant()["TRANSPORTS"] * 2), "DUPLICATE"),  #= NEG-69
    "low port": (grant(TRANSPORTS=[{**grant()["TRANSPORTS"][0], "port": 53}]), "VALUE"),  #= NEG-72
}
TO_SERVER = {
    "a server's message": (grant(), "UNEXPECTED"),  #= NEG-36
    "no request id": ({"message": "REQUEST"}, "MISSING"),  #= NEG-32
    "unknown handle": ({"message": "REQUEST", "REQUEST_ID": 1, "HANDLE": bytes(16)}, "REFUSED"),  #= NEG-73
    "no such count": ({"message": "REQUEST", "REQUEST_ID": 1, "TICKET_COUNT": 33}, "VALUE"),  #= NEG-37
    "nine requests": (b"".join(messages.encode({"message": "REQUEST", "REQUEST_ID": n}) for n in range(1, 10)),
                      "REFUSED"),  #= NEG-51
    "continue": ({"message": "CONTINUE"}, "UNEXPECTED"),  #= NEG-59
}


class Raw:
    """A peer that says what it is told to, and keeps the messages it hears."""

    def __init__(self, sender, said):
        self.peer_role, self.out = sender, said if isinstance(said, bytes) else messages.encode(said)
        self.heard, self.notices = b"", 0

    def receive(self, data, _now):
        self.heard += data

    def notified(self):
        self.notices += 1

    def output(self):
        out, self.out = self.out, b""
        return out, False

    def deadline(self):
        return None

    def messages(self):
        found, data = [], self.heard
        while data:
            found.append(messages.decode(data, self.peer_role))
            data = data[4 + int.from_bytes(data[1:4], "big"):]
        return found


def refused_with(libcsep, sender, said):
    raw = Raw(sender, said)
    peer = Negotiation(raw)
    Wire(peer, libcsep).run()
    heard = raw.messages()
    assert heard and heard[-1]["message"] == "ERROR" and raw.notices == 1  #= NEG-53
    assert kinds(libcsep, "failed") and not kinds(libcsep, "granted")
    return heard[-1]["CODE"]


@pytest.mark.parametrize("said, code", TO_CLIENT.values(), ids=TO_CLIENT)
def test_client_refuses(harness, said, code):
    assert refused_with(lib_client(harness), "client", said) == ERRORS[code]


@pytest.mark.parametrize("said, code", TO_SERVER.values(), ids=TO_SERVER)
def test_server_refuses(harness, said, code):
    assert refused_with(lib_server(harness), "server", said) == ERRORS[code]


def test_client_takes_what_it_does_not_know(harness):
    """Unknown messages, fields, transports, services and flags, in any order of fields.

    #= NEG-23, NEG-25, NEG-33, NEG-68
    """
    g = grant(**{"0x0a0a": b"grease"})
    entry = {**g["TRANSPORTS"][0], "services": 0x8001, "flags": 0xf0, "extension": b"more"}
    turned = {"message": "GRANT", **dict(reversed(list(without(g, "message").items()))), "TRANSPORTS": [entry]}
    strange = b"\xf5" + b"\x04abcd"  # a transport of the experimental range, skipped by its length
    encoded = messages.encode(turned)
    at = encoded.index(b"\x80\x05") + 2
    length = int.from_bytes(encoded[at:at + 2], "big") + len(strange)
    encoded = messages.message(1, encoded[4:at] + length.to_bytes(2, "big") + strange + encoded[at + 2:])
    tickets = {"message": "TICKETS", "HANDLE": g["HANDLE"], "TICKET_LIST": [made("a", 16), made("b", 16)]}
    client = lib_client(harness)
    peer = Negotiation(Raw("client", b"\x70\x00\x00\x02hi" + encoded + messages.encode(tickets)))
    Wire(peer, client).run()
    assert bytes.fromhex(kinds(client, "granted")[0].secret) == Context.exported(encoded, {}, exporter, 0).secret


def test_grease(harness):
    """GRANT and REQUEST have a field that nobody knows, of one to sixteen bytes.

    #= NEG-35
    """
    client = lib_client(harness)
    client.tell("request", id=1)
    for libcsep, sender in ((lib_server(harness), "server"), (client, "client")):
        raw = Raw(sender, b"")
        Wire(Negotiation(raw), libcsep).run()
        body, fields = frames.Cursor(raw.heard[4:4 + int.from_bytes(raw.heard[1:4], "big")]), {}
        while body:
            identifier = body.number(2)
            fields[identifier] = body.take(body.number(2))
        strange = [len(value) for identifier, value in fields.items() if identifier & 0x8f8f == 0x0a0a & 0x8f8f]
        assert len(strange) == 1 and 1 <= strange[0] <= 16
