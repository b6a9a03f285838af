/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * csep/slot.h - the one value that crosses from a context to a data connection.
 *
 * A slot is one ticket, taken out of a context for good, with the secret derived from
 * it and everything a data connection must know of the grant. The opener takes one
 * from its store (csep/context.h); the acceptor gets one by opening a ticket through a
 * csep_slot_source. Neither side's data connection ever sees the context secret.
 *
 * A slot is secret and plain memory: copy it into the connection, then wipe it.
 */
#ifndef CSEP_SLOT_H
#define CSEP_SLOT_H

#include <stdbool.h>

#include "csep/host.h"
#include "csep/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Usage of a context, counted by data connections and summed by the context (KEY-7, KEY-8). */
struct csep_usage {
    uint64_t bytes, packets, forgeries;
};

struct csep_slot {
    uint8_t secret[32];              /* slot (spec 5.3) */
    uint8_t handle[CSEP_HANDLE_LEN]; /* which context, to report usage to */
    uint8_t ticket[CSEP_TICKET_MAX];
    uint8_t ticket_len;
    bool peer_known; /* peer_spki_sha256 is what the context is bound to */
    uint8_t peer_spki_sha256[32];
    csep_time received; /* opener: when the ticket arrived; acceptor: when it was made */
    csep_time expires;  /* no use from here on */
    uint8_t transport;  /* enum csep_transport this slot was taken for */
    uint16_t services;  /* bit (1 << enum csep_service) */
    uint16_t aeads[8];  /* granted, in the server's order of preference */
    uint8_t num_aeads;
    uint8_t upgrade;               /* enum csep_upgrade */
    uint8_t exports;               /* bit (1 << enum csep_export_protocol) */
    uint16_t max_unit;             /* UDP payload the acceptor takes */
    uint32_t first_flight;         /* early application bytes the acceptor takes */
    uint8_t token[CSEP_TOKEN_MAX]; /* opener: address token; empty when none */
    uint8_t token_len;
    /* Opener: the grant names a host, which until ACCEPT gets three datagrams at most (NEG-71). A caller that
     * finds the name to be the address of the negotiation may clear it. */
    bool elsewhere;
    struct csep_usage left; /* what the context's hard limits leave */
    /* Acceptor only. */
    bool fresh;     /* early data may be taken as far as the ticket itself tells (mode, run time) */
    bool check_age; /* compare TICKET_AGE with now - received (CTX-5) */
    bool pending;   /* client identity not verified yet: hold (NEG-65) */
};

enum csep_slot_result {
    CSEP_SLOT_OK,
    CSEP_SLOT_REFUSED, /* unknown, expired, revoked, forged or used: all the same outside (DATA-20) */
    CSEP_SLOT_PENDING, /* hold and ask again (NEG-65) */
    CSEP_SLOT_BUSY,    /* spend(): no room to remember it as used (CTX-5); say nothing, it may go later */
};

/*
 * Acceptor's view of its contexts. open() looks, without a trace left; spend() marks the
 * ticket used, called once the packet authenticated, and says REFUSED if another was faster.
 * report() adds usage to the context, and says whether that still is: an error ends the connection with the
 * error's code (DATA-83). It is called at least once a second while a connection has something to do.
 */
struct csep_slot_source {
    enum csep_slot_result (*open)(void *self, const uint8_t *ticket, size_t len, uint8_t transport,
                                  csep_time now, struct csep_slot *out);
    enum csep_slot_result (*spend)(void *self, const struct csep_slot *slot, csep_time now);
    csep_status (*report)(void *self, const uint8_t handle[CSEP_HANDLE_LEN], const struct csep_usage *used,
                          csep_time now);
    /* Ask for up to `want` more tickets for the slot's context, to be sent in-band; returns how many.
     * out: len u8 and bytes each, as a TICKETS frame holds them. May be NULL. */
    unsigned (*more)(void *self, const struct csep_slot *slot, unsigned want, uint8_t *out, size_t cap,
                     size_t *out_len, csep_time now);
    void *self;
};

#ifdef __cplusplus
}
#endif
#endif
