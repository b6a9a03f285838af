# SPDX-License-Identifier: BSD-2-Clause
"""Negotiation, section 4 of docs/spec.md, over a stream that TLS 1.3 already secured.

`exporter(label, context, length)` is that of the TLS connection. A host calls receive() with application data, notified()
on close_notify, eof() at the end of the TCP connection, and takes output(): bytes, and whether close_notify follows them.
"""
import frames
import messages

from .common import ERRORS, SECOND, Event, refuse
from .context import Context, TicketBook

TIME_LIMIT = 30 * SECOND  # (NEG-60, NEG-61)
REQUESTS = 8  # on one connection (NEG-45, NEG-51)
FINAL = ("DONE", "FAILED")


class Conversation:
    """What both roles do: messages out of a stream of bytes, ERROR for what is wrong with them."""
    peer_role = None

    def __init__(self, exporter, random, now):
        self.exporter, self.random, self.now, self.started = exporter, random, now, now
        self.buffer, self.out, self.closing = b"", b"", False
        self.events, self.contexts, self.state = [], {}, "HANDSHAKE"

    def send(self, name, **fields):
        message = {"message": name, **fields}
        if name in ("GRANT", "REQUEST"):
            message["0x1a1a"] = self.random(3)  # GREASE (NEG-35)
        encoded = messages.encode(message)
        self.out += encoded
        return encoded, messages.decode(encoded, "server" if self.peer_role == "client" else "client")

    def refuse(self, code):
        """ERROR is the last message, and the negotiation has failed (NEG-53)."""
        self.send("ERROR", CODE=code)
        self.closing = True
        self.fail(code)

    def fail(self, code):
        if self.state not in FINAL:
            self.state = "FAILED"
            self.events.append(Event("failed", code=code))

    def receive(self, data, now):
        """Records mean nothing: messages are found by their own lengths (NEG-21)."""
        self.now = now
        self.buffer += data
        try:
            while self.state not in FINAL and (message := self.next_message()) is not None:
                decoded = messages.decode(message, self.peer_role)
                if decoded:  # those to be skipped are None (NEG-23)
                    getattr(self, "on_" + decoded["message"].lower())(decoded, message)
        except frames.Refused as error:
            self.refuse(ERRORS[str(error)])

    def next_message(self):
        if len(self.buffer) < 4:
            return None
        length = int.from_bytes(self.buffer[1:4], "big")
        refuse(length > 65535, "OVERSIZE")  # as soon as the header is known (NEG-22)
        if len(self.buffer) < 4 + length:
            return None
        message, self.buffer = self.buffer[:4 + length], self.buffer[4 + length:]
        return message

    def on_error(self, message, _encoded):
        self.closing = True
        self.fail(message["CODE"])

    def on_revoke(self, message, _encoded):
        """Of a context that is not known here it says nothing (NEG-52, NEG-75)."""
        if self.contexts.pop(message["HANDLE"], None):
            self.events.append(Event("revoked", handle=message["HANDLE"]))

    def output(self):
        """Bytes to send, and whether close_notify follows; close_notify is told once."""
        out, closing, self.out, self.closing = self.out, self.closing, b"", False
        return out, closing

    def eof(self):
        """Without close_notify something may be missing (NEG-44)."""
        self.fail(ERRORS["TRUNCATED"])

    def deadline(self):
        return None if self.state in FINAL else self.started + TIME_LIMIT

    def expire(self, now):
        if self.deadline() is not None and now >= self.deadline():
            self.fail(ERRORS["TIMEOUT"])


class Client(Conversation):
    """Closes as soon as it has a whole grant and every answer (NEG-55). Events: granted, with the context."""
    peer_role = "server"

    def __init__(self, exporter, random, now, aeads=(29, 2)):
        super().__init__(exporter, random, now)
        self.aeads, self.waiting = aeads, []  # ids of REQUESTs without an answer

    def request(self, request_id, **fields):
        self.waiting.append(request_id)
        self.send("REQUEST", REQUEST_ID=request_id, **fields)

    def on_grant(self, message, encoded):
        refuse(not set(self.aeads) & set(message["AEADS"]), "REFUSED")  # (NEG-39)
        for entry in message["TRANSPORTS"]:  # (NEG-72); where 4433 is the port of the negotiation
            refuse("port" in entry and 0 < entry["port"] < 1024 and entry["port"] != 443, "VALUE")
        self.contexts[message["HANDLE"]] = Context.exported(encoded, message, self.exporter, self.now)

    def on_tickets(self, message, _encoded):
        """With two tickets and its GRANT a grant is whole (NEG-43); tickets of nobody are ignored (NEG-76)."""
        context = self.contexts.get(message["HANDLE"])
        if context is None:
            return
        was_whole = len(context.tickets) >= 2
        context.add(message["TICKET_LIST"])
        if not was_whole and len(context.tickets) >= 2:
            self.state = "GRANTED"
            self.events.append(Event("granted", context=context))
        if message.get("REQUEST_ID") in self.waiting:
            self.waiting.remove(message["REQUEST_ID"])
        if self.state == "GRANTED" and not self.waiting:
            self.state, self.closing = "CLOSING", True

    def notified(self):
        if self.state in ("CLOSING", "GRANTED"):
            self.state = "DONE"
            self.events.append(Event("closed"))
        else:
            self.fail(ERRORS["TRUNCATED"])


class Server(Conversation):
    """Speaks first (NEG-41): a GRANT of what `menu` says, then TICKETS. All of its contexts are in `contexts`."""
    peer_role = "client"

    def __init__(self, menu, exporter, random, now):
        super().__init__(exporter, random, now)
        self.menu, self.requests, self.used, self.state = menu, 0, set(), "CONFIRMED"
        self.grant(menu["LIFETIME"], 8)  # (CTX-9)

    def grant(self, lifetime, tickets, **answer):
        encoded, message = self.send("GRANT", **{**self.menu, "HANDLE": self.random(16), "LIFETIME": lifetime}, **answer)
        context = Context.exported(encoded, message, self.exporter, self.now)
        self.contexts[message["HANDLE"]] = context
        self.more_tickets(context, tickets, **answer)

    def more_tickets(self, context, count, **answer):
        new = [self.random(32) for _ in range(max(2, count))]
        context.tickets += new
        self.send("TICKETS", HANDLE=context.message["HANDLE"], TICKET_LIST=new, **answer)

    def on_request(self, message, _encoded):
        """With HANDLE alone more tickets, else a new grant (NEG-46 to NEG-49, NEG-73)."""
        self.requests += 1
        refuse(self.requests > REQUESTS, "REFUSED")
        answer, count = {"REQUEST_ID": message["REQUEST_ID"]}, message.get("TICKET_COUNT", 8)
        handle, lifetime = message.get("HANDLE"), message.get("LIFETIME")
        refuse(handle is not None and handle not in self.contexts, "REFUSED")
        if handle is not None and lifetime is None:
            self.more_tickets(self.contexts[handle], count, **answer)
        else:
            self.grant(min(lifetime or self.menu["LIFETIME"], self.menu["LIFETIME"]), count, **answer)

    def on_continue(self, _message, _encoded):
        """This server offers no SHARED (NEG-59)."""
        refuse(True, "UNEXPECTED")

    def notified(self):
        """close_notify is answered, then TCP is closed (NEG-56)."""
        if self.state not in FINAL:
            self.state, self.closing = "DONE", True
            self.events.append(Event("closed"))

    def book(self, transport):
        """The tickets for one transport; a ticket used on one is used on all (CTX-3)."""
        return TicketBook([c.slot(t, transport) for c in self.contexts.values() for t in c.tickets], self.used)
