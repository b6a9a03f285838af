# SPDX-License-Identifier: BSD-2-Clause
"""The tracked vectors are what make_vectors.py makes, and each says the same when it is read back."""
import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import frames  # noqa: E402
import keys  # noqa: E402
import make_vectors  # noqa: E402
import messages  # noqa: E402
import packets  # noqa: E402


def unhex(value):
    """Hex becomes bytes, where it is hex."""
    if isinstance(value, dict):
        return {key: unhex(one) for key, one in value.items()}
    if isinstance(value, list):
        return [unhex(one) for one in value]
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError):
        return value


def vectors(name, wanted=lambda vector: True):
    found = json.loads((HERE / name).read_text(encoding="ascii"))["vectors"]
    return [pytest.param(one, id=one["name"]) for one in found if wanted(one)]


def test_files_are_those_that_are_made():
    done = subprocess.run([sys.executable, HERE / "make_vectors.py", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rfc_9001_header_protection():
    """Appendix A.5 of RFC 9001: the mask function is QUIC's for ChaCha20."""
    k = keys.PacketKeys(keys.CHACHA20_POLY1305, bytes(32),
                        hp=bytes.fromhex("25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4"))
    assert k.mask(bytes.fromhex("5e5cd55c41f69080575d7999c25a5bfb")).hex() == "aefefe7d03"


def test_rfc_8448_key():
    """Section 3 of RFC 8448: with TLS's prefix, Expand-Label is TLS's."""
    secret = bytes.fromhex("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21")
    assert keys.expand_label(secret, b"key", b"", 16, b"tls13 ").hex() == "dbfaa693d1762c5b666af5d950258d01"
    assert keys.expand_label(secret, b"iv", b"", 12, b"tls13 ").hex() == "5bd3c71b836e0b76bb73265f"


@pytest.mark.parametrize("one", vectors("key_schedule.json", lambda v: v["kind"] == "connection"))
def test_both_ends_have_the_same_keys(one):
    given, out = unhex(one["in"]), unhex(one["out"])
    private, other = given["opener_private"], given["acceptor_private"]
    ends = [keys.NO_SHARE] if not private else [keys.x25519(private, keys.x25519_public(other)),
                                                keys.x25519(other, keys.x25519_public(private))]
    for dhe in ends:
        slot = keys.slot(given["context_secret"], given["ticket"])
        s = keys.Schedule(slot, given["client_random"], given["open_header"], given["accept_header"], dhe)
        assert (s.early_c, s.c_data, s.s_data, s.exporter) == tuple(
            out[name] for name in ("early_c", "c_data", "s_data", "exporter"))


def test_no_two_secrets_are_equal():
    seen = []
    for (one,) in (param.values for param in vectors("key_schedule.json", lambda v: v["kind"] == "connection")):
        out = one["out"]
        seen += [out["early_c"], out["exporter"]] + [g["secret"] for g in out["c_generations"] + out["s_generations"]]
    assert len(seen) == len(set(seen))


PROTECTED = ("open", "accept", "early", "data")


@pytest.mark.parametrize("one", vectors("packets_udp.json", lambda v: v["packet"] in PROTECTED))
def test_udp_packet_opens(one):
    given, datagram = unhex(one["in"]), unhex(one["out"]["datagram"])
    k = keys.PacketKeys(one["aead"], given["secret"], given["hp"])

    def opened(data):
        if one["packet"] in ("open", "accept"):
            assert data.startswith(given["header"][:1])
            return packets.open_long(k, data, given["header"], one["packet"] == "open")
        number, phase, payload = packets.open_short(k, data, len(given["destination"]), given["largest_received"])
        assert payload is None or phase == given["key_phase"]
        return number, payload

    assert opened(datagram) == (given["number"], given["payload"])
    end = len(unhex(one["steps"]["unmasked"]))
    assert len(datagram) >= (1200 if one["packet"] == "open" else 1) and not any(datagram[end:])
    for bit in (0, 8 * end - 1):  # the first bit decides how a packet is read, so skip it in long ones
        if bit or one["packet"] not in ("open", "accept"):
            assert opened(flipped(datagram, bit))[1] is None
    check_frames(one, "udp", given["payload"])


@pytest.mark.parametrize("one", vectors("packets_tcp.json", lambda v: v["packet"] in PROTECTED))
def test_tcp_unit_opens(one):
    given, unit = unhex(one["in"]), unhex(one["out"]["unit"])
    k, header = keys.PacketKeys(one["aead"], given["secret"]), given.get("header", b"")
    assert int.from_bytes(unit[:2], "big") == len(unit) - 2
    assert packets.open_unit(k, unit, header, given["number"]) == given["payload"]
    assert packets.open_unit(k, unit, header, given["number"] + 1) is None
    for bit in (0, 8 * len(unit) - 1):
        assert packets.open_unit(k, flipped(unit, bit), header, given["number"]) is None
    check_frames(one, "tcp", given["payload"])


def flipped(data, bit):
    out = bytearray(data)
    out[bit // 8] ^= 0x80 >> bit % 8
    return bytes(out)


def check_frames(one, transport, payload):
    where = frames.Where(transport, one["service"], one["sender"], one["packet"])
    assert frames.encode(*frames.decode(payload, where)) == payload


def refusal(function, *args):
    try:
        function(*args)
    except frames.Refused as refused:
        return str(refused)
    return "nothing"


@pytest.mark.parametrize("one", vectors("frames.json"))
def test_frame(one):
    payload, where = unhex(one["payload"]), frames.Where(**one["where"])
    if "error" in one:
        assert refusal(frames.decode, payload, where) == one["error"]
        return
    assert make_vectors.plain(frames.decode(payload, where)) == [one["frame"]]
    for end in range(len(payload)):
        assert refusal(frames.decode, payload[:end], where) == "DECODE"


@pytest.mark.parametrize("one", vectors("grants.json"))
def test_message(one):
    encoded = unhex(one["encoded"])
    if "error" in one:
        assert refusal(messages.decode, encoded, one["from"]) == one["error"]
        return
    wanted = one["message"] and {name: value for name, value in one["message"].items() if not name.startswith("0x")}
    assert make_vectors.plain(messages.decode(encoded, one["from"])) == wanted
