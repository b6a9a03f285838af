/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ends of libcsep that a test of any language drives: one JSON object per line comes in, one goes out for
 * each (conformance/README.md lists them). The harness is the plainest host there can be: it holds ends by
 * name, takes time and bytes from the lines, and tells what each end said. No socket, no clock, no threads.
 */
#ifndef CSEP_CONFORMANCE_HARNESS_H
#define CSEP_CONFORMANCE_HARNESS_H

#include <jansson.h>

#include "csep/csep.h"

#define HARNESS_UNIT  65536
#define HARNESS_SLOTS 64

/* ---- What a host gives to the library ---- */

struct host {
    uint64_t seed, draws; /* random bytes: the same for the same seed and calls */
    size_t blocks, live;  /* memory not given back yet */
};
struct csep_random host_random(struct host *h);
struct csep_alloc host_alloc(struct host *h);

/* Tickets that the test made up, with the secret and the grant that each stands for. */
struct slot_book {
    struct csep_slot slots[HARNESS_SLOTS];
    bool used[HARNESS_SLOTS];
    unsigned num;
    struct csep_usage reported;
};
struct csep_slot_source slot_book_source(struct slot_book *b);
void slot_book_add(struct slot_book *b, const json_t *slots, csep_time now);
struct csep_slot slot_read(const json_t *slot, csep_time now);

/* ---- Ends ---- */

struct end;
struct end_kind {
    const char *name;
    csep_status (*start)(struct end *e, const json_t *line);
    /* Every line but the first one that names the end; CSEP_ERR_UNSUPPORTED: no such verb. */
    csep_status (*act)(struct end *e, const char *verb, const json_t *line);
    void (*drain)(struct end *e);
    csep_time (*deadline)(const struct end *e);
    const char *(*state)(const struct end *e);
    void (*wipe)(struct end *e);
};

struct end {
    const struct end_kind *kind;
    const char *name;
    struct host *host;
    csep_time now;
    void *self;
    json_t *first;        /* the line that started it: what it says is kept */
    json_t *out, *events; /* of the line at hand */
    struct end *next;
};
extern const struct end_kind udp_opener_kind, udp_acceptor_kind, tcp_opener_kind, tcp_acceptor_kind,
    negotiation_client_kind, negotiation_server_kind;

/* The end with that name, or NULL. */
struct end *end_find(const char *name);
/* What the grantor of a negotiation server hands out, and the store into which a client puts what it got. */
struct csep_slot_source negotiation_slots(struct end *e);
csep_status negotiation_take(struct end *e, uint8_t transport, uint8_t service, struct csep_slot *out);

/* ---- Reading lines, telling what happened ---- */

uint64_t line_number(const json_t *line, const char *name, uint64_t otherwise);
bool line_flag(const json_t *line, const char *name, bool otherwise);
/* Hexadecimal text into fresh memory (for the caller to free); none is no bytes. */
uint8_t *line_bytes(const json_t *line, const char *name, size_t *out_len);
/* The same, of at most cap bytes, into out. */
size_t line_copy(const json_t *line, const char *name, uint8_t *out, size_t cap);

json_t *hex(const uint8_t *b, size_t n);
void tell_out(struct end *e, const uint8_t *b, size_t n);
void tell_event(struct end *e, json_t *event);
/* Configuration and events that UDP and TCP share. */
struct csep_data_config data_config(struct end *e, const json_t *line);
struct csep_message_options data_options(const json_t *line);
csep_status data_slot(const json_t *line, uint8_t transport, uint8_t service, csep_time now,
                      struct csep_slot *out);
csep_status data_slots(struct slot_book *book, const json_t *line, csep_time now,
                       struct csep_slot_source *out);
void data_tell(struct end *e, const struct csep_data_event *ev);

#endif
