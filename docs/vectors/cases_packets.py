# SPDX-License-Identifier: BSD-2-Clause
"""Vectors of sections 6.1 and 8.1: every packet over UDP, every unit and record over TCP, under both AEADs."""
import frames
import keys
import packets
from fixed import ADDRESS_TOKEN, connections, fixed

RESET_TOKEN = fixed("reset token", 16)


def datagram_frame(data):
    return {"frame": "DATAGRAM", "data": data}


def message_frame(data, sequence=0, offset=0, flags=1):
    return {"frame": "MESSAGE", "flags": flags, "channel": 0, "sequence": sequence, "offset": offset, "data": data}


def stream_frame(data):
    return {"frame": "STREAM", "data": data}


def some_data(c, text, sequence=0):
    return {0: lambda: datagram_frame(text), 1: lambda: message_frame(text, sequence),
            2: lambda: stream_frame(text)}[c.service]()


def params(*pairs):
    return {"frame": "PARAMS", "params": [list(pair) for pair in pairs]}


def ack(kind, *ranges):
    return {"frame": kind, "largest": ranges[0][0], "delay": 0, "ranges": [list(r) for r in ranges]}


def vector(c, name, section, packet, sender, k, number, content, **more):
    """What every protected packet has."""
    return {"name": f"{c.name}: {name}", "section": section, "packet": packet, "sender": sender, "aead": c.aead,
            "service": c.service,
            "in": {"secret": k.secret, "number": number, "payload": content, **more},
            "steps": {"key": k.key, "iv": k.iv, "nonce": k.nonce(number)}}


# ---- UDP ----

def udp_open(c, name, number, *content, token=b"", fill_inside=False):
    payload = frames.encode(*content)
    if fill_inside:  # PADDING frames up to 1200 bytes
        payload += bytes(1200 - len(c.open_header) - 1 - len(token) - 2 - 4 - packets.TAG - len(payload))
    k = c.early_keys
    additional, plain, datagram = packets.seal_long(k, c.open_header, number, payload, token, 1200)
    out = vector(c, name, "6.1", "open", "opener", k, number, payload, hp=k.hp, header=c.open_header, token=token)
    return finish_long(out, k, additional, plain, datagram)


def udp_accept(c, name, number, *content):
    payload, k = frames.encode(*content), c.acceptor_keys
    additional, plain, datagram = packets.seal_long(k, c.accept_header, number, payload)
    out = vector(c, name, "6.1", "accept", "acceptor", k, number, payload, hp=k.hp, header=c.accept_header)
    return finish_long(out, k, additional, plain, datagram)


def finish_long(out, k, additional, plain, datagram):
    sample = plain[len(additional):][:16]
    out["steps"].update(additional_data=additional, sample=sample, mask=k.mask(sample), unmasked=plain)
    out["out"] = {"datagram": datagram}
    return out


def udp_short(c, name, packet, sender, k, destination, number, *content, length=1, phase=0, largest=None):
    payload = frames.encode(*content)
    additional, plain, datagram = packets.seal_short(k, destination, number, payload, length, phase)
    sample = datagram[1 + len(destination) + 4:][:16]
    out = vector(c, name, "6.1", packet, sender, k, number, payload, hp=k.hp, destination=destination,
                 number_length=length, key_phase=phase, largest_received=number - 1 if largest is None else largest)
    out["steps"].update(additional_data=additional, sample=sample, mask=k.mask(sample), unmasked=plain)
    out["out"] = {"datagram": datagram}
    return out


def udp_openings(c):
    hello = params((8, 1500), (7, b"echo"))
    yield udp_open(c, "OPEN with early data, zeros behind the packet", 0, hello, some_data(c, b"early data"))
    yield udp_open(c, "OPEN with token, padded inside, repeated", 2, params((8, 2500), (7, b"echo"), (6, 1452), (1, 100000)),
                   some_data(c, b"early data"), token=ADDRESS_TOKEN, fill_inside=True)
    yield udp_short(c, "early short packet", "early", "opener", c.early_keys, c.first_id, 1,
                    some_data(c, b"more early data", 1), length=1, largest=0)
    answer = params((9, c.early), (10, RESET_TOKEN), (3, 60000))
    yield udp_accept(c, "ACCEPT", 0, answer, ack("ACK_EARLY", (1, 0)))
    yield udp_accept(c, "ACCEPT, repeated, with data", 1, answer, ack("ACK_EARLY", (2, 0)), some_data(c, b"first reply"))


def udp_data(c):
    for length, number in ((1, 0), (2, 0x1234), (3, 0x123456), (4, 0x12345678)):
        yield udp_short(c, f"opener's short packet, {length} bytes of number", "data", "opener", c.opener_keys,
                        c.acceptor_id, number, some_data(c, b"request", 2), length=length)
    yield udp_short(c, "opener's short packet, number above 2^32", "data", "opener", c.opener_keys, c.acceptor_id,
                    0x1_0000_0102, {"frame": "PING"}, {"frame": "PADDING"}, length=2, largest=0xffff_fff0)
    yield udp_short(c, "acceptor's short packet", "data", "acceptor", c.acceptor_keys, c.opener_id, 2,
                    ack("ACK", (7, 5), (2, 0)), some_data(c, b"reply", 1), length=2)
    yield udp_short(c, "smallest packet: PING and PADDING to the sample", "data", "acceptor", c.acceptor_keys, c.opener_id, 3,
                    {"frame": "PING"}, {"frame": "PADDING"}, {"frame": "PADDING"})
    for sender, first, destination in (("opener", c.opener_keys, c.acceptor_id), ("acceptor", c.acceptor_keys, c.opener_id)):
        k = first
        for generation in (1, 2, 3):
            k = keys.PacketKeys(c.aead, keys.update(k.secret), first.hp)
            yield udp_short(c, f"{sender}'s short packet, generation {generation}", "data", sender, k, destination,
                            100 + generation, {"frame": "PING"}, ack("ACK", (9, 9)), length=2, phase=generation & 1)


def udp_bare(c):
    """REFUSE, RETRY and reset: not protected, so the same for both AEADs but for what they echo."""
    token = fixed("retry token", 48)
    common = {"section": "6.1", "sender": "acceptor", "in": {"destination": c.opener_id, "client_random": c.client_random}}
    cases = (("REFUSE of a ticket", "refuse", {"code": 1}, packets.refuse(c.opener_id, c.client_random, 1)),
             ("REFUSE of a version", "refuse", {"code": 2, "version": 0x63730002, "versions": [packets.VERSION, 0x6373ffff]},
              packets.refuse(c.opener_id, c.client_random, 2, (packets.VERSION, 0x6373ffff), 0x63730002)),
             ("RETRY", "retry", {"token": token}, packets.retry(c.opener_id, c.client_random, token)))
    for name, packet, more, datagram in cases:
        yield {"name": f"{c.name}: {name}", "packet": packet, **common, "in": {**common["in"], **more},
               "out": {"datagram": datagram}}
    yield {"name": f"{c.name}: stateless reset", "packet": "reset", "section": "6.11", "sender": "acceptor",
           "in": {"reset_token": RESET_TOKEN}, "out": {"datagram": b"\x0b" + fixed("reset filler", 20) + RESET_TOKEN}}


def udp():
    return [one for c in connections(packets.UDP) for part in (udp_openings, udp_data, udp_bare) for one in part(c)]


# ---- TCP ----

def tcp_unit(c, name, packet, sender, k, header, *content):
    payload = frames.encode(*content)
    additional, unit = packets.seal_unit(k, header, payload)
    out = vector(c, name, "8.1", packet, sender, k, 0, payload, header=header)
    out["steps"]["additional_data"] = additional
    out["out"] = {"unit": unit}
    return out


def tcp_record(c, name, packet, sender, k, number, *content):
    payload = frames.encode(*content)
    additional, record = packets.seal_record(k, number, payload)
    out = vector(c, name, "8.1", packet, sender, k, number, payload)
    out["steps"]["additional_data"] = additional
    out["out"] = {"unit": record}
    return out


def tcp_connection(c):
    more = some_data(c, b"early data in a record", 1)
    yield tcp_unit(c, "OPEN", "open", "opener", c.early_keys, c.open_header, params((8, 12), (7, b"echo")),
                   some_data(c, b"early data"))
    yield tcp_record(c, "early record", "early", "opener", c.early_keys, 1, more)
    yield tcp_unit(c, "ACCEPT", "accept", "acceptor", c.acceptor_keys, c.accept_header, params((9, c.early)),
                   some_data(c, b"first reply"))
    yield tcp_record(c, "END_EARLY", "early", "opener", c.early_keys, 2, {"frame": "END_EARLY"})
    yield tcp_record(c, "opener's first record", "data", "opener", c.opener_keys, 0, {"frame": "PING"})
    yield tcp_record(c, "acceptor's record 1", "data", "acceptor", c.acceptor_keys, 1, some_data(c, b"reply", 1),
                     {"frame": "TICKETS", "tickets": [fixed("new ticket", 44)]})
    for sender, k in (("opener", c.opener_keys), ("acceptor", c.acceptor_keys)):
        yield tcp_record(c, f"{sender}'s KEY_UPDATE", "data", sender, k, 2, {"frame": "PING"}, {"frame": "KEY_UPDATE"})
        after = keys.PacketKeys(c.aead, keys.update(k.secret))
        yield tcp_record(c, f"{sender}'s record 0 of generation 1", "data", sender, after, 0,
                         {"frame": "CLOSE", "code": 0, "text": b"done"})


def tcp_refusals(c):
    for code, versions, version in ((1, (), packets.VERSION), (2, (packets.VERSION,), 0x63730002)):
        yield {"name": f"{c.name}: REFUSE {code}", "section": "8.1", "packet": "refuse", "sender": "acceptor",
               "in": {"client_random": c.client_random, "code": code, "version": version, "versions": list(versions)},
               "out": {"unit": packets.refuse_unit(c.client_random, code, versions, version)}}


def tcp():
    return [one for c in connections(packets.TCP) for part in (tcp_connection, tcp_refusals) for one in part(c)]
