# SPDX-License-Identifier: BSD-2-Clause
"""Two implementations that share nothing but the specification understand each other: whole connections."""
import pytest

from ends import (DATAGRAM, ERRORS, MESSAGE, MS, STREAM, TCP, UDP, Harness, Wire, closed, kinds, lib_acceptor, lib_opener,
                  made, python_acceptor, python_opener, received, slot)

PAIRS = ("python-lib", "lib-python", "python-python")
SERVICES = {(UDP, DATAGRAM): "udp-datagram", (UDP, MESSAGE): "udp-message", (TCP, MESSAGE): "tcp-message",
            (TCP, STREAM): "tcp-stream"}
services = pytest.mark.parametrize("transport, service", SERVICES, ids=SERVICES.values())


@pytest.fixture(name="harness")
def fixture_harness():
    harness = Harness()
    yield harness
    harness.done()


@pytest.fixture(name="pair", params=PAIRS)
def fixture_pair(request, harness):
    """Makes the opener and the acceptor of one connection: pair(slot, transport, service, **of both, or of one)."""
    opener_is, acceptor_is = request.param.split("-")

    def make(one, transport, service, opener=None, acceptor=None, known=None, **both):
        opener, acceptor = {**both, **(opener or {})}, {**both, **(acceptor or {})}
        known = [one] if known is None else known
        o = python_opener(one, transport, service, **opener) if opener_is == "python" else \
            lib_opener(harness, one, transport, service, **opener)
        a = python_acceptor(known, transport, **acceptor) if acceptor_is == "python" else \
            lib_acceptor(harness, known, transport, **acceptor)
        return o, a
    return make


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
