#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the test vectors of csep, docs/vectors/*.json, or with --check see that they are what this makes.

Written from docs/spec.md alone, on Python's hashlib and hmac and the `cryptography` package, as an example of the
specification in another language: keys.py (section 5), packets.py (6.1, 8.1), frames.py (7), messages.py (4).
"""
import argparse
import json
import sys
from pathlib import Path

import cases_keys
import cases_packets
import cases_texts

HERE = Path(__file__).resolve().parent
FILES = {
    "key_schedule.json": cases_keys.key_schedule, "context.json": cases_keys.contexts,
    "tickets.json": cases_keys.tickets, "header_protection.json": cases_keys.header_protection,
    "packets_udp.json": cases_packets.udp, "packets_tcp.json": cases_packets.tcp,
    "frames.json": cases_texts.frames, "grants.json": cases_texts.grants,
}


def plain(value):
    """bytes become hex."""
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value


def text_of(make):
    vectors = plain(make())
    names = [vector["name"] for vector in vectors]
    assert len(names) == len(set(names)), "two vectors of one name"
    return json.dumps({"specification": "csep version 1", "vectors": vectors}, indent=1) + "\n"


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--check", action="store_true", help="write nothing; exit status 1 if a file differs")
    args = ap.parse_args()
    differs = []
    for name, make in FILES.items():
        path, text = HERE / name, text_of(make)
        if args.check and (not path.exists() or path.read_text(encoding="ascii") != text):
            differs.append(name)
        if not args.check:
            path.write_text(text, encoding="ascii")
    for name in differs:
        print(f"{name} is not what make_vectors.py makes")
    return 1 if differs else 0


if __name__ == "__main__":
    sys.exit(main())
