#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# setup.sh SET...: install what is missing of the named sets of tools/packages.txt.
# Asks dpkg each time (a few milliseconds) instead of keeping a stamp, which could go stale; silent when all is there.
set -euo pipefail
list="$(dirname "$0")/packages.txt"

die() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

wanted=()
for set in "${@:-test}"; do
    mapfile -t of_set < <(sed -n "s/^$set //p" "$list")
    [ ${#of_set[@]} -gt 0 ] || die "no package set named '$set' in $list"
    wanted+=("${of_set[@]}")
done

missing_of() {
    local have p
    have=" $(dpkg-query -W -f '${Package}/${db:Status-Status} ' "$@" 2>/dev/null || true)"
    for p in "$@"; do
        case "$have" in *" $p/installed "*) ;; *) echo "$p" ;; esac
    done
}

if ! command -v dpkg-query >/dev/null; then
    [ -n "${CSEP_NO_SETUP:-}" ] && exit 0
    die "this is not a Debian system; install the counterparts of these yourself, then set CSEP_NO_SETUP=1:" "  ${wanted[*]}"
fi

mapfile -t missing < <(missing_of "${wanted[@]}")
[ ${#missing[@]} -gt 0 ] || exit 0
[ -z "${CSEP_NO_SETUP:-}" ] || { echo "setup: missing, left so because of CSEP_NO_SETUP: ${missing[*]}" >&2; exit 0; }

as_root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "these Debian packages are missing, and there is no sudo to install them with:" "  ${missing[*]}"
    as_root=(sudo)
fi
as_root+=(env DEBIAN_FRONTEND=noninteractive LC_ALL=C)
apt=(apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

run() {
    "${as_root[@]}" "${apt[@]}" "$@" </dev/null >"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        return 1
    }
}

echo "setup: installing from Debian: ${missing[*]}"
run update || die "apt-get update failed (above); is there a network, and a Debian mirror in /etc/apt?"
unknown=()
for p in "${missing[@]}"; do
    [ -n "$(apt-cache show --no-all-versions "$p" 2>/dev/null)" ] || unknown+=("$p")
done
[ ${#unknown[@]} -eq 0 ] || die "no such package in this system's Debian sources (csep is made for Debian 12): ${unknown[*]}"
status=0
run install --no-install-recommends "${missing[@]}" || status=$?
mapfile -t missing < <(missing_of "${missing[@]}")
[ "$status" = 0 ] && [ ${#missing[@]} = 0 ] || die "apt-get could not install (its words, if any, are above): ${missing[*]}"
echo "setup: done"
