# SPDX-License-Identifier: GPL-2.0-or-later
"""What stock Wireshark makes of the captures: negotiations are TLS that the key log opens, data is nobody else's
protocol, and nothing that the application says is ever in clear."""
import re
import shutil
import struct

import pytest

from simtool import PAYLOAD, lines, play, tshark

pytestmark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")

GRANT, TICKETS = 1, 2  # spec.md 4.2


@pytest.fixture(scope="module")
def captures(tmp_path_factory):
    """Captures of every csep row at one RTT, over IPv4 and IPv6, of several scenarios in one run."""
    out = tmp_path_factory.mktemp("captures")
    play(out, *(f"scenarios/latency/{name}.yaml" for name in ("cold", "warm", "window", "unproved", "stale")),
         "--set", "network.rtt=20ms", "--pcap")
    return out / "captures"


def csep_captures(folder):
    found = sorted(p for p in folder.glob("*.pcap") if not p.name.startswith("B"))
    assert len(found) > 30
    return found


def merged(captures, path):
    """All packets in one file, as starting tshark takes longer than reading a capture. For single packets only:
    connections of different captures have the same addresses and ports."""
    with open(path, "wb") as f:
        for i, capture in enumerate(captures):
            f.write(capture.read_bytes()[24 if i else 0:])  # one global header
    return path


def application_data(capture, keys=True):
    """The decrypted TLS application data of the server, of one negotiation after the other."""
    data = []
    streams = {row[0] for row in lines(tshark(capture, "-Y", "tls", "-T", "fields", "-e", "tcp.stream"))}
    for stream in sorted(streams, key=int):
        text = tshark(capture, "-q", "-z", f"follow,tls,raw,{stream}", keys=keys)
        node = re.search(r"^Node 0: .*?:(\d+)$", text, re.M)
        mine = "" if node and node[1] == "4433" else "\t"  # what the second node says is indented
        data.append(b"".join(bytes.fromhex(line.strip()) for line in text.splitlines()
                             if re.fullmatch(mine + "[0-9a-f]+", line)))
    return data


def messages(data):
    """(type, body) of each csep message."""
    found = []
    while data:
        kind, length = data[0], int.from_bytes(data[1:4], "big")
        assert len(data) >= 4 + length, "a message is cut off"
        found.append((kind, data[4:4 + length]))
        data = data[4 + length:]
    return found


@pytest.mark.parametrize("name", ["S1-20ms-v4", "S1-20ms-v6", "S8-20ms-v4", "S2-20ms-v4"])
def test_the_key_log_opens_the_negotiation(captures, name):
    got = messages(application_data(captures / f"{name}.pcap")[0])
    known = [kind for kind, _ in got if kind < 0x80]
    assert known[:2] == [GRANT, TICKETS]
    handle = dict(got)[GRANT][0:]
    assert handle[:4] == bytes.fromhex("80010010"), "the first field of a GRANT is its HANDLE"
    assert dict(got)[TICKETS][:20] == handle[:20], "the tickets are that grant's"


def test_the_key_log_opens_every_negotiation_of_a_run(captures):
    for i, capture in enumerate(csep_captures(captures)):
        if f"-v{6 if i & 2 else 4}" not in capture.name:  # half of them will do
            continue
        types = [t for row in lines(tshark(capture, "-Y", "tls.handshake", "-T", "fields", "-e", "tls.handshake.type"))
                 for t in row[0].split(",")]
        assert types.count("8") == types.count("2"), f"{capture.name}: encrypted extensions stay encrypted"


@pytest.mark.parametrize("name", ["S1-20ms-v4", "S1-20ms-v6"])
def test_the_handshake_is_that_of_the_profile(captures, name):
    capture = captures / f"{name}.pcap"
    hello = lines(tshark(capture, "-Y", "tls.handshake.type == 1", "-T", "fields", "-e",
                         "tls.handshake.extensions_alpn_str"))
    assert hello == [["csep/1"]]
    answer = lines(tshark(capture, "-Y", "tls.handshake.type == 8", "-T", "fields", "-e",
                          "tls.handshake.extensions_alpn_str", "-e", "tls.handshake.extensions.supported_version"))
    assert answer == [["csep/1", "0x0304"]]
    assert not lines(tshark(capture, "-Y", "tls.record.version < 0x0301 or tls.alert_message.level == 2"))


def test_without_the_key_log_nothing_is_visible(captures):
    capture = captures / "S1-20ms-v4.pcap"
    kinds = lines(tshark(capture, "-Y", "tls.handshake.type", "-T", "fields", "-e", "tls.handshake.type", keys=False))
    assert kinds == [["1"], ["2"]]
    assert application_data(capture, keys=False) == [b""]
    grant = messages(application_data(capture)[0])[0][1]
    assert grant[4:20] not in capture.read_bytes(), "the handle crossed the wire in clear"


def test_every_checksum_is_right(captures, tmp_path):
    everything = merged(sorted(captures.glob("*.pcap")), tmp_path / "all.pcap")
    check = [word for layer in ("ip", "tcp", "udp") for word in ("-o", f"{layer}.check_checksum:TRUE")]
    packets = lines(tshark(everything, *check, "-T", "fields", "-e", "ip.checksum.status", "-e", "tcp.checksum.status",
                           "-e", "udp.checksum.status", "-e", "ip.version", "-e", "frame.number", keys=False))
    assert len(packets) > 500
    for *status, version, number in packets:
        assert [s for s in status if s] == ["1"] * (2 if version == "4" else 1), f"packet {number}: {status}"


def test_times_have_nanoseconds(captures):
    capture = captures / "S1-20ms-v4.pcap"
    assert struct.unpack("<I", capture.read_bytes()[:4])[0] == 0xA1B23C4D
    times = [row[0] for row in lines(tshark(capture, "-T", "fields", "-e", "frame.time_relative", keys=False))]
    assert times[0] == "0.000000000" and times == sorted(times)
    assert any(int(t.split(".")[1]) % 1000 for t in times)


def test_data_packets_are_nobody_elses(captures, tmp_path):
    """No heuristic of Wireshark that is on by default claims OPEN, ACCEPT, REFUSE or RETRY, nor takes the short packets,
    which are random to it from the first byte on (one in some hundred looks like GOOSE), for what shares ports with csep."""
    others = {"quic", "dtls", "stun", "turnchannel", "rtp", "rtcp", "zrtp", "wg", "dns"}
    models = ("S10", "S11", "S7", "S9", "W3-tfo")  # what is no csep there may look like anything
    ours = [c for c in csep_captures(captures) if not c.name.startswith(models)]
    packets = lines(tshark(merged(ours, tmp_path / "all.pcap"), "-Y", "udp and not icmp and not icmpv6", "-T", "fields",
                           "-e", "frame.number", "-e", "frame.protocols", "-e", "udp.payload", keys=False))
    for number, protocols, payload in packets:
        long = payload[:2] in ("04", "05", "06", "07")
        allowed = protocols.endswith(":udp:data") or not (long or others & set(protocols.split(":")))
        assert allowed, f"packet {number} is {protocols}: {payload[:40]}"
    assert {payload[:2] for *_, payload in packets} >= {"04", "05", "06", "07"}, "OPEN, ACCEPT, REFUSE and RETRY"


def test_no_byte_of_the_application_is_in_clear(captures):
    """Not even eight of them in a row, over any transport, in any row, lost and repeated packets included."""
    pieces = {PAYLOAD[i:i + 8] for i in range(len(PAYLOAD) - 7)}
    for capture in captures.glob("*.pcap"):
        content = capture.read_bytes()
        assert not any(piece in content for piece in pieces), capture.name


def test_the_application_does_say_it(captures):
    """The search above would find something: with OpenSSL, where the key log shows what the application said."""
    text = tshark(captures / "B1-20ms-v4.pcap", "-q", "-z", "follow,tls,raw,0")
    assert PAYLOAD.hex() in text


def test_a_large_reply_over_a_bad_network_is_not_in_clear(tmp_path):
    play(tmp_path, "scenarios/cost/loss.yaml", "--rows", "S1,S3,S8,W1,W3", "--set", "network.loss=5%", "--set",
         "workload.reply=20000", "--pcap", "--qlog")
    found = list((tmp_path / "captures").glob("*.pcap"))
    assert len(found) >= 5
    for path in [*found, *(tmp_path / "qlog").iterdir(), tmp_path / "captures" / "keys.log"]:
        assert PAYLOAD[:8] not in path.read_bytes(), path.name

