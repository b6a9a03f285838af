# SPDX-License-Identifier: BSD-2-Clause
"""Keys of a data connection over UDP and their updates, sections 5.4 and 6.7 of docs/spec.md.

Generations are counted for both directions together; the key phase bit is the lowest bit of the sender's.
"""
import keys
import packets

from .common import refuse


class Chain:
    """The keys of one direction, generation by generation; header protection stays that of the first."""

    def __init__(self, aead, secret):
        self.aead, self.made = aead, [keys.PacketKeys(aead, secret)]

    def __getitem__(self, generation):
        while len(self.made) <= generation:
            self.made.append(keys.PacketKeys(self.aead, keys.update(self.made[-1].secret), self.made[0].hp))
        return self.made[generation]


class Generations:
    def __init__(self, aead, send_secret, receive_secret):
        self.send, self.receive = Chain(aead, send_secret), Chain(aead, receive_secret)
        self.sending = self.receiving = 0
        self.acknowledged = -1  # the newest generation of which a sent packet was acknowledged
        self.lowest, self.highest = 0, -1  # numbers received in the current phase
        self.highest_before = -1  # ... and in the phase before

    def seal(self, destination, number, payload, number_length):
        return packets.seal_short(self.send[self.sending], destination, number, payload, number_length,
                                  self.sending & 1)[2]

    def open(self, datagram, id_length, largest):
        """(number, payload); payload is None when it does not open. Follows the peer into the next phase."""
        probe = packets.mask_short(self.receive[0], datagram, id_length)
        phase, length = probe[0] >> 2 & 1, (probe[0] & 3) + 1
        at = 1 + id_length
        number = packets.full_number(int.from_bytes(probe[at:at + length], "big"), length, largest)
        generation = self.of_phase(phase, number)
        if generation < 0:
            return number, None
        payload = self.receive[generation].unseal(number, probe[at + length:], probe[:at + length])
        if payload is not None:
            self.verified(generation, number)
        return number, payload

    def of_phase(self, phase, number):
        """Below the lowest number of the current phase it is the one before, else the next (6.7)."""
        if phase == self.receiving & 1:
            return self.receiving
        return self.receiving - 1 if number < self.lowest else self.receiving + 1

    def verified(self, generation, number):
        if generation > self.receiving:
            self.receiving, self.highest_before = generation, self.highest
            self.lowest = self.highest = number
            self.sending = max(self.sending, generation)  # (DATA-54)
        elif generation < self.receiving:
            self.highest_before = max(self.highest_before, number)
        else:
            self.lowest, self.highest = min(self.lowest, number), max(self.highest, number)
        refuse(self.receiving and self.highest_before > self.lowest, "KEY_UPDATE")  # (DATA-56)

    def may_update(self):
        """A packet of the current phase was acknowledged, and the peer is not behind (DATA-53)."""
        return self.acknowledged == self.sending == self.receiving

    def update(self):
        self.sending += 1
