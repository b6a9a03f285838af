# SPDX-License-Identifier: BSD-2-Clause
"""Keys of csep, section 5 of docs/spec.md: from a grant to the key of one packet."""
import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

AES_256_GCM, CHACHA20_POLY1305 = 2, 29
AEADS = {AES_256_GCM: AESGCM, CHACHA20_POLY1305: ChaCha20Poly1305}  # both: 32 bytes of key, 12 of nonce
EXPORTER_LABEL = b"EXPERIMENTAL-csep-context"
NO_SHARE = bytes(32)  # what stands in for the shared secret where there was no exchange


def H(data):
    return hashlib.sha256(data).digest()


def hkdf_extract(salt, ikm):
    return hmac.new(salt, ikm, hashlib.sha256).digest()


def hkdf_expand(secret, info, length):
    out = block = b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.new(secret, block + info + bytes([counter]), hashlib.sha256).digest()
        out += block
    return out[:length]


def expand_label(secret, label, context, length, prefix=b"csep1 "):
    label = prefix + label
    info = length.to_bytes(2, "big") + bytes([len(label)]) + label + bytes([len(context)]) + context
    return hkdf_expand(secret, info, length)


def tls_exporter(exporter_master_secret, label, context, length):
    """RFC 8446 section 7.5, for a cipher suite with SHA-256. Returns the inner secret too."""
    derived = expand_label(exporter_master_secret, label, H(b""), 32, prefix=b"tls13 ")
    return derived, expand_label(derived, b"exporter", H(context), length, prefix=b"tls13 ")


def context_secret(exporter_master_secret, grant):
    """grant: the whole GRANT message, type and length included."""
    return tls_exporter(exporter_master_secret, EXPORTER_LABEL, H(grant), 32)[1]


def slot(secret, ticket):
    return expand_label(secret, b"slot", H(ticket), 32)


def x25519(private, public):
    return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))


def x25519_public(private):
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


class Schedule:
    """Section 5.4: every secret of one data connection."""

    def __init__(self, slot_secret, client_random, open_header, accept_header=None, dhe=NO_SHARE):
        self.open = hkdf_extract(client_random, slot_secret)
        self.early_c = expand_label(self.open, b"c early", H(open_header), 32)
        if accept_header is None:
            return
        self.derived = expand_label(self.open, b"derived", b"", 32)
        self.main = hkdf_extract(self.derived, dhe)
        transcript = H(open_header + accept_header)
        self.c_data = expand_label(self.main, b"c data", transcript, 32)
        self.s_data = expand_label(self.main, b"s data", transcript, 32)
        self.exporter = expand_label(self.main, b"exporter", transcript, 32)


def export(exporter, label, context, length):
    return expand_label(exporter, b"exp " + label, H(context), length)


def update(secret):
    return expand_label(secret, b"upd", b"", 32)


class PacketKeys:
    """key, iv and hp of one secret. After a key update give the hp of the first generation (TCP has none)."""

    def __init__(self, aead, secret, hp=None):
        self.aead, self.secret = aead, secret
        self.key = expand_label(secret, b"key", b"", 32)
        self.iv = expand_label(secret, b"iv", b"", 12)
        self.hp = hp or expand_label(secret, b"hp", b"", 32)

    def nonce(self, number):
        return bytes(a ^ b for a, b in zip(self.iv, number.to_bytes(12, "big")))

    def seal(self, number, payload, additional):
        return AEADS[self.aead](self.key).encrypt(self.nonce(number), payload, additional)

    def unseal(self, number, sealed, additional):
        """The payload, or None when the tag is wrong."""
        try:
            return AEADS[self.aead](self.key).decrypt(self.nonce(number), sealed, additional)
        except InvalidTag:
            return None

    def mask(self, sample):
        """RFC 9001 section 5.4.4: the sample is a little-endian block counter and a nonce."""
        return Cipher(algorithms.ChaCha20(self.hp, sample), mode=None).encryptor().update(bytes(5))
