# SPDX-License-Identifier: BSD-2-Clause
"""Long conversations at random, on a wire that loses, doubles and turns round; the seed tells which."""
import random

import pytest

from ends import MESSAGE, STREAM, TCP, UDP, Wire, closed, kinds, made, slot

SEEDS = range(12)


def by_channel(messages):
    """{(channel, ordered): [bytes, ...]}, sorted where no order was asked for."""
    out = {}
    for channel, ordered, data in messages:
        out.setdefault((channel, ordered), []).append(data)
    return {key: found if key[1] else sorted(found) for key, found in out.items()}


def delivered(end):
    return by_channel((e.channel, bool(e.ordered), e.bytes) for e in kinds(end, "message"))


@pytest.mark.parametrize("seed", SEEDS)
def test_messages(pair, seed):
    """Every message arrives once and whole, in the order of its channel, whatever happens between.

    #= DATA-48, DATA-53, DATA-67, DATA-68, DATA-70, DATA-73
    """
    dice = random.Random(seed)
    opener, acceptor = pair(slot(first_flight=dice.choice([0, 500, 3600])), UDP, MESSAGE, max_data=30000,
                            acceptor={"early": dice.random() < 0.7, "retry": dice.random() < 0.3})
    wire = Wire(opener, acceptor, {n for n in range(3000) if dice.random() < 0.08}, dice.random() < 0.5, dice.choice([1, 1, 2]))
    said = {opener: [], acceptor: []}
    for n in range(40):
        end = dice.choice([opener, acceptor]) if kinds(acceptor, "opened") else opener
        what = dice.random()
        if what < 0.75:
            data = made(f"message {seed} {n}", dice.choice([0, 1, 30, 599, 600, 601, 1200, 4000]))
            channel, ordered = dice.choice([0, 1, 65535]), dice.random() < 0.7
            end.message(data, channel, ordered)
            said[end].append((channel, ordered, data))
        elif what < 0.85 and kinds(end, "confirmed"):
            end.update()  # or not, where it is not allowed yet
        elif what < 0.9 and kinds(opener, "confirmed"):
            wire.port += 1
            opener.migrate()
        wire.run(dice.choice([0, 1, 7, 30, 120]))
    wire.lose = set()
    wire.run(25000)
    assert not closed(opener) and not closed(acceptor)
    assert delivered(acceptor) == by_channel(said[opener]) and delivered(opener) == by_channel(said[acceptor])


@pytest.mark.parametrize("service", [MESSAGE, STREAM], ids=["message", "stream"])
@pytest.mark.parametrize("seed", SEEDS)
def test_tcp(pair, seed, service):
    """The same over TCP, whose pieces are cut anywhere.

    #= DATA-68, DATA-97, DATA-98
    """
    dice = random.Random(seed)
    opener, acceptor = pair(slot(first_flight=dice.choice([0, 500, 14336])), TCP, service,
                            acceptor={"early": dice.random() < 0.7})
    wire = Wire(opener, acceptor, cut=lambda n: dice.randrange(1, 1 + min(n, 3000)))
    said = {opener: [], acceptor: []}
    for n in range(40):
        end = dice.choice([opener, acceptor]) if kinds(acceptor, "opened") else opener
        if dice.random() < 0.8:
            data = made(f"piece {seed} {n}", dice.choice([1, 30, 599, 1200, 9000]))
            end.write(data) if service == STREAM else end.message(data, 0, True)
            said[end].append(data)
        elif kinds(end, "confirmed"):
            end.update()
        wire.run(dice.choice([0, 1, 7, 30, 120]))
    wire.run(5000)
    assert not closed(opener) and not closed(acceptor)
    for end, other in ((opener, acceptor), (acceptor, opener)):
        assert b"".join(e.bytes for e in kinds(other, "read", "message")) == b"".join(said[end])
