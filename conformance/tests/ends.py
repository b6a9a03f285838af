# SPDX-License-Identifier: BSD-2-Clause
"""Ends of both implementations behind one interface, and a wire in virtual time between any two of them.

An end has `now`, `events`, `state`, deadline(), expire(), receive(bytes, address), sent() for what it has to send, and the
verbs of an application. Lib() is libcsep in the harness, which build/bin/csep-harness runs; Python() is the peer.
"""
import hashlib
import json
import os
import random
import subprocess
from pathlib import Path

import keys
from csep_peer import common, context, negotiation, tcp_acceptor, tcp_opener, udp_acceptor, udp_opener

from csep_peer.common import DATAGRAM, ERRORS, MESSAGE, MS, STREAM  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
UDP, TCP = 1, 2
HERE = 5000  # the port of either end, until the opener moves


def made(name, length=32):
    """The same bytes for the same name."""
    return hashlib.shake_256(name.encode()).digest(length)


def slot(name="slot", **fields):
    """A ticket that both ends know without a negotiation."""
    forgeries = fields.pop("forgeries", None)  # that the context leaves, as libcsep is told
    one = context.Slot(made(name + " secret"), made(name + " ticket", 44), **fields)
    one.forgeries = forgeries
    return one


def settings(seed="peer", **fields):
    """Settings of a Python end, with the same random bytes for the same seed."""
    return common.Settings(random=random.Random(seed).randbytes, **fields)


# ---- libcsep ----

class Harness:
    """One process with any number of ends of libcsep."""

    def __init__(self):
        program = ROOT / os.environ.get("CSEP_BUILD", "build") / "bin" / "csep-harness"
        assert program.exists(), f"{program} is not there: make test-build"
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **line):
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"the harness ended at {line}"
        return json.loads(answer)

    def done(self):
        """Everything is wiped; it fails when memory was not given back."""
        self.process.stdin.close()
        code = self.process.wait(20)
        self.process.stdout.close()
        assert code == 0


def slot_line(one, received_now):
    """A slot as the harness reads it."""
    more = {} if one.forgeries is None else {"forgeries": one.forgeries}
    return {**more, "secret": one.secret.hex(), "ticket": one.ticket.hex(), "handle": made("handle", 16).hex(),
            "services": one.services, "aeads": one.aeads, "upgrade": one.upgrade, "max_unit": one.max_unit,
            "first_flight": one.first_flight, "received": received_now}


class Lib:
    """An end of libcsep."""

    def __init__(self, harness, kind, now=MS, **line):
        self.harness, self.name, self.now = harness, f"{kind} {id(self)}", now
        self.events, self.waiting = [], []
        self.state, self.due, self.status = "", None, ""
        self.tell("start", kind=kind, **line)
        assert self.status == "OK", self.status

    def tell(self, verb, **line):
        answer = self.harness.ask(do=verb, end=self.name, now=self.now, **line)
        self.status = answer["status"]
        self.waiting += [bytes.fromhex(one) for one in answer.get("out", [])]
        self.state, self.due = answer.get("state", self.state), answer.get("deadline")
        for event in answer.get("events", []):
            if "bytes" in event:
                event["bytes"] = bytes.fromhex(event["bytes"])
            self.events.append(common.Event(event.pop("event"), **event))
        return self.status

    def receive(self, data, address=HERE):
        self.tell("input", bytes=data.hex(), port=address)

    def sent(self):
        out, self.waiting = self.waiting, []
        return out

    def deadline(self):
        return self.due

    def expire(self):
        self.tell("expire")

    def datagram(self, data):
        return self.tell("datagram", bytes=data.hex())

    def message(self, data, channel=0, ordered=True, transmissions=0):
        return self.tell("message", bytes=data.hex(), channel=channel, ordered=ordered, transmissions=transmissions)

    def write(self, data):
        return self.tell("write", bytes=data.hex())

    def update(self):
        return self.tell("update") == "OK"

    def close(self, code=0):
        self.tell("close", code=code)

    def eof(self):
        self.tell("eof")

    def migrate(self):
        self.tell("migrate")

    def exported(self, label, export_context, length):
        self.tell("export", label=label.decode(), context=export_context.hex(), length=length)
        return self.events.pop().bytes


# ---- the Python peer ----

class Python:
    """An end of csep_peer; what it is not asked here itself, it passes on to the connection."""

    def __init__(self, end, now=MS):
        self.end, self.now, self.told = end, now, []

    def __getattr__(self, name):
        return getattr(self.connection, name)

    @property
    def connection(self):
        """Of an acceptor over UDP the last one that it took."""
        return self.end.connections[-1] if isinstance(self.end, udp_acceptor.Acceptor) else self.end

    @property
    def events(self):
        return [] if isinstance(self.end, udp_acceptor.Acceptor) and not self.end.connections else self.connection.events

    def receive(self, data, address=HERE):
        if hasattr(self.end, "output"):
            self.end.receive(data, self.now)
        else:
            self.end.receive(data, self.now, address)

    def sent(self):
        if hasattr(self.end, "output"):
            out = self.end.output(self.now)
            return [out] if out else []
        return [datagram for datagram, _ in self.end.datagrams(self.now)]

    def deadline(self):
        return self.end.deadline()

    def expire(self):
        self.end.expire(self.now)

    def eof(self):
        self.end.eof(self.now)


class Negotiation(Python):
    """A negotiation of csep_peer behind the plain stream of the harness: u8 1 or 0 (close_notify), u16 length, bytes."""

    def __init__(self, end, now=MS):
        super().__init__(end, now)
        self.raw = b""

    def receive(self, data, address=HERE):
        self.raw += data
        while len(self.raw) >= 3 and len(self.raw) >= 3 + int.from_bytes(self.raw[1:3], "big"):
            length = int.from_bytes(self.raw[1:3], "big")
            kind, inner, self.raw = self.raw[0], self.raw[3:3 + length], self.raw[3 + length:]
            if kind:
                self.end.receive(inner, self.now)
            else:
                self.end.notified()

    def sent(self):
        out, closing = self.end.output()
        plain = b"".join(b"\x01" + len(out[i:i + 16384]).to_bytes(2, "big") + out[i:i + 16384]
                         for i in range(0, len(out), 16384))
        plain += bytes(3) if closing else b""
        return [plain] if plain else []

    def eof(self):
        self.end.eof()

    def expire(self):
        self.end.expire(self.now)


EXPORTER_MASTER_SECRET = made("exporter master secret")


def exporter(label, export_context, length):
    """That of TLS, over a master secret that both ends know."""
    return keys.tls_exporter(EXPORTER_MASTER_SECRET, label, export_context, length)[1]


MENU = {"LIFETIME": 3600, "AEADS": [29, 2], "UPGRADE": 1, "TRANSPORTS": [
    {"transport": UDP, "services": 3, "flags": 0, "port": 0, "max_unit": 1472, "first_flight": 3600, "host": ""},
    {"transport": TCP, "services": 6, "flags": 0, "port": 0, "max_unit": 0, "first_flight": 14336, "host": ""}]}


def python_client(now=MS):
    return Negotiation(negotiation.Client(exporter, random.Random("client").randbytes, now), now)


def python_server(now=MS, **menu):
    return Negotiation(negotiation.Server({**MENU, **menu}, exporter, random.Random("server").randbytes, now), now)


def lib_client(harness, now=MS, **line):
    return Lib(harness, "negotiation-client", now, exporter_master_secret=EXPORTER_MASTER_SECRET.hex(), **line)


def lib_server(harness, now=MS, **line):
    return Lib(harness, "negotiation-server", now, exporter_master_secret=EXPORTER_MASTER_SECRET.hex(), **line)


# ---- pairs ----

def lib_opener(harness, one, transport, service, now=MS, **line):
    kind = "udp-opener" if transport == UDP else "tcp-opener"
    return Lib(harness, kind, now, service=service, slot=slot_line(one, now), **line)


def lib_acceptor(harness, slots, transport, now=MS, **line):
    kind = "udp-acceptor" if transport == UDP else "tcp-acceptor"
    return Lib(harness, kind, now, slots=[slot_line(s, now) for s in slots], **line)


def python_opener(one, transport, service, now=MS, seed=0, protocol="", **fields):
    fields["protocol"] = protocol.encode()
    maker = udp_opener.Opener if transport == UDP else tcp_opener.Opener
    return Python(maker(one, service, settings(f"opener {seed}", **fields), now), now)


def python_acceptor(slots, transport, now=MS, seed=0, reset_key="", protocol="", **fields):
    """The protocols that it takes are those of its slots."""
    book, wanted = context.TicketBook(slots), settings(f"acceptor {seed}", **fields)
    if transport == TCP:
        return Python(tcp_acceptor.Acceptor(book, wanted, now), now)
    return Python(udp_acceptor.Acceptor(book, wanted, now, bytes.fromhex(reset_key)), now)


class Wire:
    """Two ends, 10 ms apart. `lose` are the numbers of the packets that get lost, both ways counted together; `turned`:
    what arrives at the same time does so in reverse order; `copies` of each packet arrive. For a TCP stream `cut` says how long the next piece of n bytes is."""
    DELAY = 10 * MS

    def __init__(self, opener, acceptor, lose=(), turned=False, copies=1, cut=lambda n: n):
        self.opener, self.acceptor, self.cut = opener, acceptor, cut
        self.lose, self.turned, self.copies = set(lose), turned, copies
        self.now, self.under_way, self.count, self.log = MS, [], 0, []
        self.port = HERE

    def run(self, milliseconds=100):
        """Let time pass, with everything that happens in it."""
        end = self.now + milliseconds * MS
        while True:
            self.flush()
            times = [at for at, *_ in self.under_way]
            times += [e.deadline() for e in (self.opener, self.acceptor) if e.deadline() is not None]
            at = max(self.now, min(times, default=end + 1))
            if at > end:
                break
            self.step(at)
        self.set_time(end)

    def set_time(self, now):
        self.now = self.opener.now = self.acceptor.now = now

    def step(self, now):
        self.set_time(now)
        arrived = [one for one in self.under_way if one[0] <= now]
        self.under_way = [one for one in self.under_way if one[0] > now]
        for _, to, data, port in reversed(arrived) if self.turned else arrived:
            to.receive(data, port)
        for end in (self.opener, self.acceptor):
            if end.deadline() is not None and end.deadline() <= now:
                end.expire()

    def pieces(self, sent):
        for data in sent:
            while data:
                n = self.cut(len(data))
                yield data[:n]
                data = data[n:]

    def flush(self):
        for end, to in ((self.opener, self.acceptor), (self.acceptor, self.opener)):
            for data in self.pieces(end.sent()):
                if self.count not in self.lose:
                    port = self.port if end is self.opener else HERE  # the acceptor stays where it is
                    self.under_way += [(self.now + self.DELAY, to, data, port)] * self.copies
                self.log.append((end, data))
                self.count += 1


def kinds(end, *wanted):
    """The events of these kinds."""
    return [e for e in end.events if e.kind in wanted]


def received(end):
    """What the application got: (bytes, early) each; a byte stream is put together."""
    out = []
    for e in kinds(end, "datagram", "message", "read"):
        if e.kind == "read" and out and out[-1][1] == e.early:
            out[-1] = (out[-1][0] + e.bytes, e.early)
        else:
            out.append((e.bytes, e.early))
    return out


def closed(end):
    """(code, by the peer) of its end, or None."""
    ends = kinds(end, "closed")
    return (ends[-1].code, bool(ends[-1].by_peer)) if ends else None
