# SPDX-License-Identifier: BSD-2-Clause
"""What every part uses: time units, error codes (section 10), events, settings and parameters (section 7.3)."""
import os
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Callable

import frames

MS = 1_000_000  # nanoseconds
SECOND = 1000 * MS

ERRORS = {name: code for code, name in enumerate(
    ("NONE INTERNAL DECODE UNEXPECTED CRITICAL DUPLICATE MISSING VALUE OVERSIZE TIMEOUT REFUSED IDENTITY FLOW_CONTROL "
     "SERVICE AEAD_LIMIT KEY_UPDATE EXPIRED REVOKED TRUNCATED ALPN VERSION PROTECTION CONNECTION_ID").split())}

DATAGRAM, MESSAGE, STREAM = 0, 1, 2  # services, section 4.4
NOT_ELICITING = ("PADDING", "ACK", "ACK_EARLY", "CLOSE")  # section 6.8


class Event(SimpleNamespace):
    """Something the application is told: `kind` and whatever belongs to it. API-10, DATA-31."""

    def __init__(self, kind, **fields):
        super().__init__(kind=kind, **fields)


@dataclass
class Settings:
    """What one end wants. Times in milliseconds, as on the wire."""
    max_data: int = 1 << 20
    max_message: int = 1 << 20
    idle_timeout: int = 30000
    max_ack_delay: int = 25
    max_cids: int = 2
    max_unit: int = 1472
    aead: int = 29
    share: bool = True  # opener: offer a key exchange where the grant allows it
    early: bool = True  # opener: send early data; acceptor: take it
    retry: bool = False  # acceptor: ask for a token always, as if under load
    protocol: bytes = b""
    grease: bool = True  # put an unknown parameter in, which the peer ignores (DATA-89)
    random: Callable[[int], bytes] = os.urandom

    def parameters(self, *others):
        """PARAMS with the parameters of both roles and those given, [id, value] each."""
        mine = [[1, self.max_data], [2, self.max_message], [3, self.idle_timeout], [4, self.max_ack_delay],
                [5, self.max_cids], [6, self.max_unit]]
        grease = [[0x3f0a, self.random(3)]] if self.grease else []
        return {"frame": "PARAMS", "params": mine + list(others) + grease}


class Parameters:
    """What the peer said in PARAMS, defaults filled in."""
    DEFAULTS = {1: 1 << 20, 2: 1 << 20, 3: 30000, 4: 25, 5: 2, 6: 1472, 7: b"", 8: 0, 9: 1, 10: b""}

    def __init__(self, frame=None):
        given = {**self.DEFAULTS, **dict(frame["params"] if frame else [])}
        for number, (name, *_) in frames.PARAMETERS.items():
            setattr(self, name.lower(), given[number])


def refuse(condition, error):
    """The connection (or packet, or message) is in error: `error` is a name of section 10."""
    if condition:
        raise frames.Refused(error)
