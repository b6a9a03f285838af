# SPDX-License-Identifier: BSD-2-Clause
"""libcsep.a asks the system for nothing: no I/O, no clock, no randomness, no memory, no state of its own.

What it leaves undefined must be libsodium, or one of a few C functions without effects. Functions of
libsodium that draw random bytes or memory by themselves are refused; seeded forms are fine.
"""
import os
from fnmatch import fnmatchcase

from . import Report, run

ALLOWED = """
    memcpy memmove memset memcmp strlen strcmp
    __memcpy_chk __memmove_chk __memset_chk __stack_chk_fail __assert_fail _GLOBAL_OFFSET_TABLE_
    crypto_* sodium_init sodium_memcmp sodium_memzero sodium_is_zero sodium_compare sodium_increment sodium_add
    crypto_sign_seed_keypair crypto_box_seed_keypair
""".split()
# Stronger than ALLOWED.
REFUSED = """
    randombytes* sodium_malloc sodium_allocarray sodium_free sodium_mlock
    crypto_*_keypair crypto_*_keygen crypto_*_random crypto_box_seal* crypto_secretstream_*_init_push crypto_pwhash*
""".split()
# Stronger than REFUSED.
EXCEPT = "crypto_*_seed_keypair"
# Which instructions the processor has: found once by csep_init(), the same for everybody.
GLOBALS = {("sha256.o", "available"), ("sha256.o", "in_use")}


def allowed(symbol):
    if fnmatchcase(symbol, EXCEPT):
        return True
    return not any(fnmatchcase(symbol, p) for p in REFUSED) and any(fnmatchcase(symbol, p) for p in ALLOWED)


def read_nm(text):
    """From `nm -f sysv`: ({undefined: member}, {defined}, [(member, variable, section)])."""
    member, wanted, defined, variables = "", {}, set(), []
    for line in text.splitlines():
        cells = [c.strip() for c in line.split("|")]
        if len(cells) == 1 and "[" in line:
            member = line[line.rindex("[") + 1:line.rindex("]")]
        elif len(cells) == 7 and cells[0] != "Name":
            name, kind, section = cells[0], cells[2], cells[6]
            if kind in ("U", "w"):
                wanted.setdefault(name, member)
            else:
                defined.add(name)
            if section in (".data", ".bss", "*COM*"):
                variables.append((member, name, section))
    return wanted, defined, variables


def check(tree):
    lib = os.path.join(tree.build, "lib", "libcsep.a")
    code, text = run(["nm", "-f", "sysv", lib])
    if code:
        return Report(findings=[f"{lib}: {text.strip()}"])
    wanted, defined, variables = read_nm(text)
    outside = {name: member for name, member in wanted.items() if name not in defined}
    bad = [f"{lib}({member}): calls {name}, which is not on the list in tools/checks/symbols.py"
           for name, member in sorted(outside.items()) if not allowed(name)]
    bad += [f"{lib}({member}): {name} is a writable global ({section}); the library has no state of its own"
            for member, name, section in variables if (member, name) not in GLOBALS]
    return Report(f"{len(outside)} symbols from outside, all allowed", bad)
