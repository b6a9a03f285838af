# SPDX-License-Identifier: BSD-2-Clause
"""csep version 1 in Python, written from docs/spec.md alone: a second opinion, and an example of the text in code.

    negotiation.py    section 4     GRANT, TICKETS and the other messages over a given exporter
    context.py        5.1, 5.3      what a grant is worth: contexts, tickets, slots
    wire.py           6.1, 8.1      headers of OPEN, ACCEPT, REFUSE and RETRY, read
    generations.py    5.4, 6.7      keys of both directions and their updates over UDP
    services.py       6.9, 7.2      messages: cut, put together, skipped, counted
    recovery.py       6.8, 6.10     what was received, what was sent, what was lost
    udp*.py           6             data connections over UDP: what both ends share, opener, acceptor, what it accepted
    tcp*.py           8             the same over TCP: what both ends share, opener, acceptor
    common.py         7.3, 10       parameters, error codes, events

Numbers, frames, messages and key derivations are those of docs/vectors, which know the specification only, too.

No part of it does any input or output or looks at a clock: bytes, addresses and the time (integer nanoseconds) are
arguments, as in libcsep. It is written to be read, not to be fast, and it holds secrets as Python does: carelessly.
"""
import sys
from pathlib import Path

VECTORS = Path(__file__).resolve().parents[4] / "docs" / "vectors"
if str(VECTORS) not in sys.path:
    sys.path.insert(0, str(VECTORS))
