# SPDX-License-Identifier: BSD-2-Clause
"""Vectors of section 5: context secret, slots, key schedule, header protection."""
import keys
import messages
import packets
from fixed import (AEAD_NAMES, EXPORTER_MASTER_SECRET, FULL_GRANT, SMALL_GRANT, TICKETS, connections, fixed)


def contexts():
    out = []
    for name, grant in (("small grant", SMALL_GRANT), ("full grant", FULL_GRANT)):
        encoded = messages.encode(grant)
        derived, secret = keys.tls_exporter(EXPORTER_MASTER_SECRET, keys.EXPORTER_LABEL, keys.H(encoded), 32)
        assert secret == keys.context_secret(EXPORTER_MASTER_SECRET, encoded)
        out.append({
            "name": name, "section": "5.1",
            "in": {"exporter_master_secret": EXPORTER_MASTER_SECRET, "label": keys.EXPORTER_LABEL.decode(),
                   "grant": encoded},
            "steps": {"grant_hash": keys.H(encoded), "derived_secret": derived, "context_hash": keys.H(keys.H(encoded))},
            "out": {"context_secret": secret}})
    return out


def tickets():
    secret = keys.context_secret(EXPORTER_MASTER_SECRET, messages.encode(FULL_GRANT))
    return [{"name": f"ticket of {len(ticket)} bytes", "section": "5.3",
             "in": {"context_secret": secret, "ticket": ticket},
             "steps": {"ticket_hash": keys.H(ticket)}, "out": {"slot": keys.slot(secret, ticket)}}
            for ticket in TICKETS]


def expand_labels():
    cases = ((b"key", b"", 32), (b"iv", b"", 12), (b"slot", keys.H(b"ticket"), 32), (b"exp " + b"x" * 200, keys.H(b""), 77),
             (b"upd", b"", 8160))
    for label, context, length in cases:
        secret = fixed("expand-label secret")
        yield {"name": f"Expand-Label {label[:8].decode().strip()}, {length} bytes", "section": "5.1", "kind": "expand_label",
               "in": {"secret": secret, "label": label.decode(), "context": context, "length": length},
               "out": {"value": keys.expand_label(secret, label, context, length)}}


def generations(aead, secret):
    """The first generation and three updates; hp is that of the first, and not for TCP."""
    first, out = keys.PacketKeys(aead, secret), []
    for _ in range(4):
        one = keys.PacketKeys(aead, secret, first.hp)
        out.append({"secret": secret, "key": one.key, "iv": one.iv, "hp": one.hp})
        secret = keys.update(secret)
    return out


def schedule(c):
    s = c.schedule
    return {
        "name": c.name, "section": "5.4", "kind": "connection", "aead": c.aead,
        "in": {"context_secret": c.context_secret, "ticket": c.ticket, "client_random": c.client_random,
               "opener_private": c.opener_private, "acceptor_private": c.acceptor_private,
               "open_header": c.open_header, "accept_header": c.accept_header},
        "steps": {"slot": c.slot, "open": s.open, "open_hash": keys.H(c.open_header), "derived": s.derived, "dhe": c.dhe,
                  "main": s.main, "transcript_hash": keys.H(c.open_header + c.accept_header)},
        "out": {"early_c": s.early_c, "c_data": s.c_data, "s_data": s.s_data, "exporter": s.exporter,
                "early_keys": generations(c.aead, s.early_c)[0], "c_generations": generations(c.aead, s.c_data),
                "s_generations": generations(c.aead, s.s_data)}}


def exports():
    exporter = fixed("exporter")
    for label, context, length in ((b"media", b"", 32), (b"srtp", b"\0\1", 60), (b"media", fixed("context", 100), 255)):
        yield {"name": f"Export {label.decode()}, {len(context)} bytes of context", "section": "5.4", "kind": "export",
               "in": {"exporter": exporter, "label": label.decode(), "context": context, "length": length},
               "steps": {"context_hash": keys.H(context)},
               "out": {"value": keys.export(exporter, label, context, length)}}


def key_schedule():
    both = [*connections(packets.UDP), *connections(packets.TCP)]
    return [*expand_labels(), *map(schedule, both), *exports()]


def header_protection():
    out = []
    for aead, aead_name in AEAD_NAMES.items():
        k = keys.PacketKeys(aead, fixed(f"header protection {aead_name}"))
        for number_length in (1, 2, 3, 4):
            destination, number = fixed("destination", 8), 0x01020304
            _, plain, masked = packets.seal_short(k, destination, number, fixed("payload", 20), number_length, 1)
            sample = masked[1 + len(destination) + 4:][:16]
            out.append({
                "name": f"{aead_name}, short, {number_length} bytes of number", "section": "6.1", "aead": aead,
                "in": {"hp": k.hp, "packet": plain, "number_at": 1 + len(destination), "number_length": number_length},
                "steps": {"sample": sample, "counter": int.from_bytes(sample[:4], "little"), "nonce": sample[4:],
                          "mask": k.mask(sample)},
                "out": {"packet": masked}})
    return out
