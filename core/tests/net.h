/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A world of datagrams in virtual time: one acceptor, any number of openers, a wire between them
 * that delays, drops, doubles, holds back or changes the n-th datagram, or a share of all. Same
 * seed, same bytes. Contexts are pretended: the slot secret is a hash of the ticket.
 */
#ifndef CSEP_TESTS_NET_H
#define CSEP_TESTS_NET_H

#include "csep/data.h"
#include "nonces.h"
#include "support.h"

#define NET_TICKETS  4096
#define NET_OPENERS  8
#define NET_RECEIVED 8192
#define NET_DATAGRAM 2048

/* ---- Pretended contexts ---- */

struct net_slots {
    struct csep_slot menu; /* what every ticket gives; secret, ticket and handle are filled in */
    bool spent[NET_TICKETS];
    bool pending;                      /* every ticket waits */
    bool unknown;                      /* no ticket is known */
    bool busy;                         /* none can be remembered as used */
    uint16_t hide_services;            /* the acceptor's copy lacks these */
    uint32_t lower_flight;             /* the acceptor's copy takes less early */
    bool raise_upgrade, lower_upgrade; /* the acceptor's copy says required, or off */
    struct csep_usage reported;
    unsigned spends, opens;
};
void net_slots_init(struct net_slots *f);
struct csep_slot_source net_slots_source(struct net_slots *f);
/* The opener's slot with ticket number n. */
struct csep_slot net_slot(const struct net_slots *f, unsigned n);

/* ---- The wire ---- */

enum net_way { NET_UP, NET_DOWN }; /* opener to acceptor, and back */

enum net_fault { NET_PASS, NET_DROP, NET_DOUBLE, NET_LATE, NET_FLIP, NET_CUT };

struct net;
/* Says what happens to the n-th datagram (from 0, both ways counted together) and may change it. */
typedef enum net_fault (*net_judge)(struct net *w, unsigned n, enum net_way way, uint8_t *p, size_t *len);

struct net_packet {
    struct net_packet *next;
    csep_time at;
    enum net_way way;
    struct csep_addr from, to;
    size_t len;
    uint8_t bytes[NET_DATAGRAM];
};

struct net_message {
    bool early, datagram, ordered;
    bool up; /* received by the acceptor */
    uint64_t channel, sequence;
    csep_time at;
    size_t len;
    uint8_t *bytes;
};

struct net_end {
    struct csep_data *c;
    struct csep_addr addr;
    bool open;
    unsigned opened, confirmed, refused, retried, closed, sent, abandoned, updates, tickets, hints, paths;
    bool early;
    csep_status status;
    uint64_t code;
    bool by_peer;
    csep_time closed_at;
};

struct net {
    csep_time now, delay; /* one way; default 50 ms */
    uint64_t loss;        /* per 10000 */
    uint64_t jitter;      /* ns, at most, drawn for each datagram */
    struct test_random random, wire_random;
    struct test_alloc mem;
    struct test_trace trace_up, trace_down; /* of openers, of the acceptor */
    struct nonces nonces;                   /* sees every datagram that leaves an end */
    struct net_slots slots;
    struct csep_data_config cfg; /* of openers */
    struct csep_acceptor_config acceptor_cfg;
    struct csep_acceptor *a;
    struct csep_addr acceptor_addr;
    struct net_end openers[NET_OPENERS];
    unsigned num_openers;
    struct net_end served; /* what the acceptor's connections told, all together */
    struct csep_data *last_served;
    struct net_packet *wire;
    unsigned counter;
    uint8_t dcid[2][8]; /* last destination id of a short packet, each way */
    uint8_t early_dcid[8];
    uint64_t forged[2];  /* number of the next forged packet */
    struct csep_addr to; /* where the datagram at hand goes, for the judge */
    net_judge judge;
    void *judge_self;
    struct net_message *received;
    unsigned num_received;
    bool echo;        /* the acceptor's application answers each message with itself */
    size_t reply_len; /* or with so many bytes, when not 0 */
    uint64_t bytes_up, bytes_down;
    /* Called with the frames of each protected datagram as it leaves; may be NULL. */
    void (*watch)(struct net *w, enum net_way way, const struct nonce_seen *seen, size_t datagram);
    bool keep_conns; /* do not release closed connections of the acceptor */
};

/* Configure w->cfg, w->acceptor_cfg and w->slots.menu between the two. */
void net_init(struct net *w, uint64_t seed);
void net_start(struct net *w);
/* Frees everything and fails the test when memory is still held. */
void net_done(struct net *w);

/* A new opener with ticket number n. */
struct net_end *net_open(struct net *w, unsigned ticket, enum csep_service service);
void net_send(struct net *w, struct csep_data *c, const void *p, size_t n, bool ordered);
void net_send_opt(struct net *w, struct csep_data *c, const struct csep_message_options *opt, const void *p,
                  size_t n);
/* What an end has to send goes on the wire. */
void net_flush(struct net *w);
/* Run until `until` or until nothing is left to happen. */
void net_run(struct net *w, csep_time until);
/* Put a datagram on the wire by hand; arrives after the delay. */
void net_inject(struct net *w, enum net_way way, const struct csep_addr *from, const struct csep_addr *to,
                const uint8_t *p, size_t n, csep_time after);
/* A short packet with these frames under the sender's true keys, numbered above all that it sent; it arrives
 * after the delay. generation: of the keys, or NET_EARLY. number_up: added to the next number. */
#define NET_EARLY (-1)
void net_forge(struct net *w, enum net_way way, int generation, const uint8_t *frames, size_t n,
               uint64_t number_up);
/* How many messages or datagrams with these bytes the acceptor (up) or the openers received. */
unsigned net_count(const struct net *w, bool up, const void *p, size_t n);
struct csep_addr net_addr(unsigned host, uint16_t port);
/* Options of a plain reliable message. */
struct csep_message_options net_reliable(bool ordered);

#endif
