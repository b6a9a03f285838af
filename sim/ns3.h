/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ns3.h - ns-3 behind a small C interface: nodes, links, addresses, UDP, TCP,
 * timers, captures, and a way to run a whole simulation where it can do no harm.
 *
 * The life of a simulation:
 *
 *     csim_create()                         one at a time in a process
 *     csim_node_new(), csim_link_new()      the network
 *     csim_address(), csim_routes()         who is where, and how to get there
 *     csim_udp_open(), csim_tcp_listen(), csim_tcp_connect(), csim_at() ...
 *     csim_run()  or  csim_run_until()      callbacks of the caller happen in here
 *     csim_destroy()                        frees everything that was ever handed out
 *
 * Time is virtual, uint64 nanoseconds, and starts at 0. Everything is single
 * threaded: callbacks run inside csim_run*(), may call every function here except
 * csim_run*() and csim_destroy(), and return before time moves on. Handles belong
 * to the simulation. Byte pointers given to a callback are valid until it returns;
 * bytes passed in are copied.
 *
 * Errors. Every function that can fail returns a csim_status and checks all of its
 * arguments, because ns-3 does not: left alone it aborts the process on a bad
 * string or an unknown attribute, crashes on a null pointer, takes "300.1.2.3" for
 * 44.1.2.3 and lets time run backwards after a negative delay. csim_error() then
 * says in words what was wrong. No C++ exception crosses this interface. What can
 * still go wrong inside ns-3 itself (abort, crash, endless loop) is contained by
 * csim_isolated().
 *
 * Determinism. Same seed, run and calls: the same packets at the same nanosecond,
 * byte for byte, and so the same csim_trace_hash(), in every process, with every
 * compiler. Each random variable draws from its own stream, named, and derived from
 * (seed, run, name) by integer arithmetic alone; ns-3's own variables (ICMPv6
 * jitter, IPv6 fragment ids) get fixed stream numbers, as automatic ones are not
 * reset between two simulations of one process. Packet uids are not reset either
 * and are used nowhere.
 *
 * What was found in ns-3 3.37 and is dealt with in here (all of it is tested):
 *
 *   TCP   the MSS is 536 and not negotiated        set on both ends, see csim_tcp_options
 *         a RST in SYN_SENT is ignored for 189 s   CSIM_TCP_REFUSED after one round trip
 *         any ACK ends LAST_ACK and CLOSING, so    only an ACK of the FIN does; and the FIN is not sent
 *         data or FIN may be lost                  before all data is acknowledged (below)
 *         a FIN is repeated without end            given up after data_retries
 *         TIME_WAIT and CLOSE_WAIT do not repeat   they do
 *         the ACK of a repeated FIN
 *         a listener ignores segments of           it answers with a RST
 *         connections that are no more
 *         a RST looks like a normal close          CSIM_TCP_RESET
 *         Recv() cannot tell EOF from "nothing"    `finished` callback
 *         Close() with unread bytes sends a RST    everything is read first
 *         sends wait one nanosecond                they do not: data leave in the same instant
 *         TIME_WAIT lasts 240 s                    2 * msl_ns, 2 s by default
 *         a connection attempt fails after 189 s   63 s: 1 s, doubling, 6 tries, as RFC 6298
 *         the ACK on a FIN is not looked at        it is, so the peer sends nothing a second time
 *   IPv6  routers drop 2001:db8::/32 unasked       refused as an address: take fd00::/8
 *         duplicate address detection and router   off: an address works at once, no node
 *         solicitations                            speaks unasked
 *   IPv4  a queue discipline is installed          none: the link's queue is the only one
 *         silently, checksums are zero             checksums are right (csim_options)
 *   time  events for Simulator::Remove() are O(n)  timers are lazy: moving one costs nothing
 *         in the fastest scheduler
 *
 * What is left as ns-3 has it: initial sequence number 0, no PSH flag, no TCP Fast
 * Open (it does not exist there and is not imitated), ephemeral ports from 49153, no
 * multicast; an IPv6 socket bound to :: swallows IPv4 datagrams and SYNs for its port on
 * a node that has both; a sender that faces a window smaller than a segment waits for
 * the reader, without a probe; costs grow linearly with sockets per node and links per
 * node (no hub of thousands of links, no server with thousands of connections).
 *
 * Sizes on the wire, for those who compute what a run must take. A link carries
 * IP packets with CSIM_PPP_BYTES in front; a UDP datagram of n bytes is an IP packet
 * of n + 28 (IPv4) or n + 48 (IPv6); TCP segments have headers of 20 + 32 or 40 + 32
 * (timestamps on), a SYN of 20 + 36 or 40 + 36. csim_link_airtime() gives the
 * serialisation time that a packet takes.
 */
#ifndef CSIM_NS3_H
#define CSIM_NS3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "csep/host.h" /* struct csep_addr: family, ip, port */

#ifdef __cplusplus
extern "C" {
#endif

#define CSIM_MUST_CHECK CSEP_MUST_CHECK
#define CSIM_PPP_BYTES  2

/* X(name, text) */
#define CSIM_STATUS_LIST(X)                                                                                  \
    X(OK, "success")                                                                                         \
    X(ERR_ARGUMENT, "argument malformed or out of range")                                                    \
    X(ERR_BUSY, "another simulation exists in this process")                                                 \
    X(ERR_STATE, "not possible in this state")                                                               \
    X(ERR_ADDRESS, "address not usable here")                                                                \
    X(ERR_IN_USE, "address and port already in use")                                                         \
    X(ERR_ROUTE, "no route to that address")                                                                 \
    X(ERR_CLOSED, "socket or connection has ended")                                                          \
    X(ERR_FILE, "file cannot be written")                                                                    \
    X(ERR_MEMORY, "out of memory")                                                                           \
    X(ERR_SYSTEM, "operating system call failed")                                                            \
    X(ERR_FAULT, "fault inside the simulator")                                                               \
    X(ERR_TIMEOUT, "ran longer than allowed")

typedef enum csim_status {
#define CSIM_STATUS_ENUM(name, text) CSIM_##name,
    CSIM_STATUS_LIST(CSIM_STATUS_ENUM)
#undef CSIM_STATUS_ENUM
        CSIM_STATUS_COUNT
} csim_status;

const char *csim_status_name(csim_status s); /* "ERR_ROUTE" */
const char *csim_status_text(csim_status s);
/* One sentence about the latest failure in this process, such as: no route to 10.9.0.1:53. */
const char *csim_error(void);

typedef struct csim csim;           /* a simulation */
typedef struct csim_node csim_node; /* a host or a router */
typedef struct csim_link csim_link; /* a wire between two nodes */
typedef struct csim_udp csim_udp;
typedef struct csim_tcp csim_tcp;
typedef struct csim_timer csim_timer;
typedef struct csim_rng csim_rng;

/* ---- addresses ---------------------------------------------------------- */

/* "192.0.2.1" or "fd00:1::1" by inet_pton: nothing else passes. */
csim_status csim_addr_parse(const char *text, uint16_t port, struct csep_addr *out) CSIM_MUST_CHECK;
/* "192.0.2.1:443" or "[fd00:1::1]:443", without the port when it is 0. Returns buf; 64 bytes are enough. */
const char *csim_addr_text(const struct csep_addr *a, char *buf, size_t cap);

/* ---- one simulation ----------------------------------------------------- */

enum csim_congestion { CSIM_CUBIC, CSIM_NEWRENO };

/* All of them can be set for the whole simulation and again for a single socket. */
struct csim_tcp_options {
    uint32_t mss_v4, mss_v6;  /* 1448, 1428: what fits 1500 with timestamps. Nothing negotiates it: smaller
                                 MTUs need smaller values on both ends, else IP fragments */
    uint32_t initial_cwnd;    /* 10 segments */
    uint64_t conn_timeout_ns; /* 1 s; doubles with every SYN */
    uint32_t syn_retries;     /* 6 SYNs in all */
    uint32_t data_retries;    /* 6 */
    uint64_t min_rto_ns;      /* 1 s, as RFC 6298 says; Linux has 200 ms */
    uint64_t delayed_ack_ns;  /* 200 ms; 0 acknowledges at once */
    uint32_t delayed_ack_segments;        /* 2 */
    uint32_t send_buffer, receive_buffer; /* 1 MiB each, bytes */
    uint64_t msl_ns;                      /* 1 s: TIME_WAIT is twice that */
    bool timestamps, sack;                /* true, true */
    bool nagle;                           /* false */
    enum csim_congestion congestion;
};
void csim_tcp_options_default(struct csim_tcp_options *o);
/* One line, all values by name: for the head of a report. Returns buf; 400 bytes are enough. */
const char *csim_tcp_options_text(const struct csim_tcp_options *o, char *buf, size_t cap);

struct csim_options {
    bool checksums;  /* true: right IP, UDP, TCP, ICMP checksums; costs about a quarter of the speed */
    bool trace_hash; /* true */
    struct csim_tcp_options tcp;
};
void csim_options_default(struct csim_options *o);

/* options NULL: defaults. seed and run may have any value; runs of one seed are independent of each other. */
csim_status csim_create(uint64_t seed, uint64_t run, const struct csim_options *options,
                        csim **out) CSIM_MUST_CHECK;
/* Frees all, closes captures; says so if one of those could not be written completely. */
csim_status csim_destroy(csim *s);

uint64_t csim_now(const csim *s);
/* Until nothing is left to happen, or csim_stop(). Stopped timers, the caller's and TCP's, are still in the
   queue and do nothing when they come: now may end later than the last thing that happened. */
csim_status csim_run(csim *s) CSIM_MUST_CHECK;
/* Everything that happens at or before `time`; then now is `time`, unless csim_stop() came first. */
csim_status csim_run_until(csim *s, uint64_t time) CSIM_MUST_CHECK;
/* From a callback: csim_run*() returns when the callback has. The rest stays queued, the next run goes on. */
void csim_stop(csim *s);
/* Events processed so far. */
uint64_t csim_events(const csim *s);

/* fn(arg) once, at `time`, which is not before now. Cannot be taken back: use a timer for that. */
csim_status csim_at(csim *s, uint64_t time, void (*fn)(void *arg), void *arg) CSIM_MUST_CHECK;

/* A timer can be moved any number of times; that costs one comparison. It fires once per set. */
csim_status csim_timer_new(csim *s, void (*fn)(void *arg), void *arg, csim_timer **out) CSIM_MUST_CHECK;
/* A deadline in the past fires now (after the running callback). CSEP_NEVER stops the timer. */
csim_status csim_timer_set(csim_timer *t, uint64_t deadline);
/* CSEP_NEVER where none is set. */
uint64_t csim_timer_deadline(const csim_timer *t);

/* The stream called `name`; the same name gives the same stream, further on. NULL only when memory is out. */
csim_rng *csim_rng_open(csim *s, const char *name);
uint64_t csim_rng_u64(csim_rng *r);
uint64_t csim_rng_below(csim_rng *r, uint64_t n); /* uniform in [0, n); 0 for n = 0 */
double csim_rng_unit(csim_rng *r);                /* uniform in [0, 1), 53 bits */
/* Fits struct csep_random: { csim_rng_fill, rng }. */
void csim_rng_fill(void *rng, uint8_t *out, size_t n);

/* ---- nodes and links ---------------------------------------------------- */

enum { CSIM_NODE_V4 = 1, CSIM_NODE_V6 = 2, CSIM_NODE_DUAL = 3, CSIM_NODE_ROUTER = 4 /* forwards */ };

/* A node with the protocol stacks named in flags and nothing more. The name is for messages. */
csim_status csim_node_new(csim *s, const char *name, unsigned flags, csim_node **out) CSIM_MUST_CHECK;
unsigned csim_node_id(const csim_node *n); /* 0, 1, 2 ... in order of creation */
const char *csim_node_name(const csim_node *n);

/* A link has an end A and an end B; each direction has its own queue, losses and counters. */
enum csim_dir { CSIM_A_TO_B, CSIM_B_TO_A };

struct csim_link_options {
    uint64_t rate_bps;      /* 1 Gbit/s */
    uint64_t delay_ns;      /* 10 ms one way */
    uint32_t mtu;           /* 1500; 1280 at least with IPv6 */
    uint32_t queue_packets; /* 1000, waiting for the wire; then tail drop */
    uint32_t queue_bytes;   /* 0; else the limit is in bytes and queue_packets is ignored */
};
void csim_link_options_default(struct csim_link_options *o);

csim_status csim_link_new(csim *s, csim_node *a, csim_node *b, const struct csim_link_options *o,
                          csim_link **out) CSIM_MUST_CHECK;
unsigned csim_link_id(const csim_link *l);
/* The node that sends in this direction. */
csim_node *csim_link_end(const csim_link *l, enum csim_dir sender);
/* ns that an IP packet of so many bytes occupies the wire: what ns-3 itself computes, truncated to ns. */
uint64_t csim_link_airtime(const csim_link *l, uint32_t ip_bytes);
/* From now on; packets already on the wire keep the delay that they left with, and may be overtaken. */
csim_status csim_link_set_delay(csim_link *l, enum csim_dir d, uint64_t delay_ns) CSIM_MUST_CHECK;

/* Gives node an address on the link, "10.0.0.1/24" or "fd00:1::1/64"; the prefix is reachable at once.
   2001:db8::/32 is refused. */
csim_status csim_address(csim_node *n, csim_link *l, const char *address_and_prefix) CSIM_MUST_CHECK;
/* Takes it away, also in mid-run: what arrives for it is dropped. UDP sockets that are not bound to an
   address go on with what is left; TCP connections keep the old one and starve, as real ones do. */
csim_status csim_address_remove(csim_node *n, csim_link *l, const char *address) CSIM_MUST_CHECK;
/* "0.0.0.0/0", "::/0", "10.2.0.0/16": packets of node n to there leave through link l. */
csim_status csim_route(csim_node *n, const char *prefix, csim_link *l) CSIM_MUST_CHECK;
/* Routes from every node to every prefix that has been given, by fewest hops (ties: the link made first).
   Call it after the addresses, and again after changes: it replaces what it made before and leaves
   csim_route()'s alone. The work grows with the square of the nodes: for thousands of hosts give each a
   csim_route() of its own. */
csim_status csim_routes(csim *s) CSIM_MUST_CHECK;

/* ---- what happens to packets on a link ---------------------------------- */

enum csim_loss {
    CSIM_LOSS_NONE,
    CSIM_LOSS_RANDOM, /* each packet with probability `rate` */
    CSIM_LOSS_BURST,  /* with probability `rate` a burst begins: this and the next packets,
                         burst_min..burst_max in all */
    CSIM_LOSS_GILBERT /* Gilbert-Elliott: two states, moved before each packet */
};

struct csim_impairment {
    enum csim_loss loss;
    double rate;
    uint32_t burst_min, burst_max;
    double good_to_bad, bad_to_good; /* per packet */
    double loss_good, loss_bad;      /* per packet in that state */
    uint64_t jitter_ns;              /* extra delay, uniform in [0, jitter_ns] */
    bool reorder; /* jitter may change the order; otherwise a packet waits for those before it */
};

/* Replaces what was set for that direction; NULL: none. Zero-initialised is "none" too. */
csim_status csim_link_impair(csim_link *l, enum csim_dir d, const struct csim_impairment *i) CSIM_MUST_CHECK;

enum csim_fault { CSIM_FAULT_DROP, CSIM_FAULT_DUPLICATE, CSIM_FAULT_DELAY };
/* Does that to the n-th packet (from 1) that this direction carries, counted from the link's creation as in
   csim_counters.sent. DUPLICATE: a copy arrives extra_ns later. DELAY: the packet itself does, and others may
   overtake it. One fault per packet, the latest set. */
csim_status csim_link_fault(csim_link *l, enum csim_dir d, uint64_t n, enum csim_fault f,
                            uint64_t extra_ns) CSIM_MUST_CHECK;
/* An IP protocol (17 UDP, 6 TCP, 1, 58) that a middlebox on this direction drops, or no longer. */
csim_status csim_link_block(csim_link *l, enum csim_dir d, uint8_t ip_protocol, bool blocked) CSIM_MUST_CHECK;
/* Asked for each packet; false drops it. NULL: none. */
csim_status csim_link_filter(csim_link *l, enum csim_dir d,
                             bool (*pass)(void *arg, const uint8_t *ip, size_t len),
                             void *arg) CSIM_MUST_CHECK;
/* At `time`, both directions. Down: what is put on the wire vanishes and the stacks are not told, what is on
   its way arrives. */
csim_status csim_link_set_up(csim_link *l, uint64_t time, bool up) CSIM_MUST_CHECK;

/* ---- watching ----------------------------------------------------------- */

struct csim_counters {
    uint64_t sent, sent_bytes;           /* put on the wire, lost ones included; IP bytes */
    uint64_t delivered, delivered_bytes; /* arrived at the other end, duplicates included */
    uint64_t lost;                       /* on the wire: impairment, fault, block, filter, link down */
    uint64_t queue_drops;                /* never put on the wire */
    uint64_t duplicated, delayed;
};
csim_status csim_link_counters(const csim_link *l, enum csim_dir d,
                               struct csim_counters *out) CSIM_MUST_CHECK;

enum csim_what { CSIM_SENT, CSIM_RECEIVED, CSIM_LOST, CSIM_QUEUE_DROP };
struct csim_packet {
    enum csim_what what;
    uint64_t time;   /* SENT, LOST: when the first bit leaves; RECEIVED: when the last bit is there */
    csim_node *node; /* the sender, or the receiver for RECEIVED */
    csim_link *link;
    enum csim_dir dir;
    uint64_t number;   /* as in csim_link_fault(); 0 for QUEUE_DROP */
    const uint8_t *ip; /* the whole IP packet */
    size_t len;
};
/* Sees every packet of the simulation. A lost packet gives SENT, then LOST. It may look and must not touch:
   no calls that send or change the network. */
csim_status csim_tap(csim *s, void (*fn)(void *arg, const struct csim_packet *p), void *arg) CSIM_MUST_CHECK;

/* What the sender of direction `sender` would capture at its end of the link: sent (also if lost later) and
   received packets. pcap with nanoseconds, DLT_PPP, time 0 = 1970. The file is opened here, so a bad path is
   told here. */
csim_status csim_capture(csim_link *l, enum csim_dir sender, const char *path) CSIM_MUST_CHECK;

/* FNV-1a, 64 bits, over (what, time, node, packet bytes) of all packet events so far. 0 when switched off. */
uint64_t csim_trace_hash(const csim *s);

/* ---- UDP ---------------------------------------------------------------- */

struct csim_udp_events {
    void (*received)(void *arg, csim_udp *u, const struct csep_addr *from, const uint8_t *data, size_t len);
    /* An ICMP "port unreachable" came back for something this socket sent. ICMP tells no port, and it is a
       hint that anybody on the path can forge; without a socket, a port answers every datagram with one. May
       be NULL. */
    void (*unreachable)(void *arg, csim_udp *u, const struct csep_addr *reporter);
};

/* local: ip all zero for any address of the family, port 0 for an ephemeral one. events is copied. */
csim_status csim_udp_open(csim_node *n, const struct csep_addr *local, const struct csim_udp_events *events,
                          void *arg, csim_udp **out) CSIM_MUST_CHECK;
/* One datagram, at most 65507 bytes; beyond the MTU it travels as IP fragments. OK means sent, no more. */
csim_status csim_udp_send(csim_udp *u, const struct csep_addr *to, const uint8_t *data,
                          size_t len) CSIM_MUST_CHECK;
csim_status csim_udp_local(const csim_udp *u, struct csep_addr *out) CSIM_MUST_CHECK;
csim_node *csim_udp_node(const csim_udp *u);
/* No more callbacks; the handle is gone. */
void csim_udp_close(csim_udp *u);

/* ---- TCP ----------------------------------------------------------------
 * Callbacks are made from an event of their own at the time of what they report, never
 * from inside a call here.
 *
 * A connection ends exactly once, with `ended`; nothing is called after it. The handle
 * stays valid until csim_tcp_free(), which may be called in `ended` too.
 * Order: connected (not on accepted ones), received and writable as they come,
 * finished, ended. A peer that never finishes keeps a connection for ever.
 *
 * csim_tcp_shutdown() promises that the peer gets every byte and then the end: the FIN
 * leaves when all data has been acknowledged, so up to one round trip later than from
 * a stack that puts it on the last segment.
 */
enum csim_tcp_end {
    CSIM_TCP_CLOSED,  /* both directions finished, all data delivered */
    CSIM_TCP_REFUSED, /* RST in answer to the SYN */
    CSIM_TCP_RESET,   /* RST later */
    CSIM_TCP_TIMEOUT, /* no answer to SYNs, to data, or to the FIN */
    CSIM_TCP_ABORTED  /* csim_tcp_abort() here */
};
const char *csim_tcp_end_name(enum csim_tcp_end e); /* "closed" ... */

struct csim_tcp_events {
    void (*connected)(void *arg, csim_tcp *c);
    void (*received)(void *arg, csim_tcp *c, const uint8_t *data, size_t len);
    /* After a csim_tcp_send() that took less than it was given. */
    void (*writable)(void *arg, csim_tcp *c, size_t room);
    void (*finished)(void *arg, csim_tcp *c); /* the peer's FIN: no more data will come */
    void (*ended)(void *arg, csim_tcp *c, enum csim_tcp_end why);
}; /* each may be NULL */

/* options NULL: those of the simulation. local NULL: any address, ephemeral port. */
csim_status csim_tcp_connect(csim_node *n, const struct csep_addr *local, const struct csep_addr *to,
                             const struct csim_tcp_options *options, const struct csim_tcp_events *events,
                             void *arg, csim_tcp **out) CSIM_MUST_CHECK;

/* A new connection: the callback calls csim_tcp_events_set() on it, or it is reset. */
typedef void (*csim_tcp_accepted)(void *arg, csim_tcp *listener, csim_tcp *c, const struct csep_addr *peer);
csim_status csim_tcp_listen(csim_node *n, const struct csep_addr *local,
                            const struct csim_tcp_options *options, csim_tcp_accepted accepted, void *arg,
                            csim_tcp **out) CSIM_MUST_CHECK;
csim_status csim_tcp_events_set(csim_tcp *c, const struct csim_tcp_events *events, void *arg) CSIM_MUST_CHECK;

/* Takes as much as there is room for, and says how much; `writable` is called when there is room again.
   Allowed as soon as csim_tcp_connect() has returned. */
csim_status csim_tcp_send(csim_tcp *c, const uint8_t *data, size_t len, size_t *out_taken) CSIM_MUST_CHECK;
/* Stop taking bytes from the stack: its buffer fills and the window closes, as with a slow reader. */
csim_status csim_tcp_pause(csim_tcp *c, bool paused) CSIM_MUST_CHECK;
/* No more data from here; receiving goes on. This, close and abort do no harm when repeated or too late. */
csim_status csim_tcp_shutdown(csim_tcp *c) CSIM_MUST_CHECK;
/* Shutdown, and what still arrives is thrown away. For a listener: stop listening. */
csim_status csim_tcp_close(csim_tcp *c) CSIM_MUST_CHECK;
/* RST now; `ended` follows. */
csim_status csim_tcp_abort(csim_tcp *c) CSIM_MUST_CHECK;
/* The handle is gone, no more callbacks; a connection that has not ended is aborted. */
void csim_tcp_free(csim_tcp *c);

csim_status csim_tcp_local(const csim_tcp *c, struct csep_addr *out) CSIM_MUST_CHECK;
csim_status csim_tcp_peer(const csim_tcp *c, struct csep_addr *out) CSIM_MUST_CHECK;
csim_node *csim_tcp_node(const csim_tcp *c);

struct csim_tcp_info {
    const char *state; /* "ESTABLISHED" */
    uint32_t cwnd;     /* bytes */
    uint64_t rto_ns, srtt_ns;
    uint64_t unacked;     /* bytes accepted by csim_tcp_send() and not yet acknowledged */
    uint64_t retransmits; /* data segments, SYNs and FINs sent again */
};
csim_status csim_tcp_query(const csim_tcp *c, struct csim_tcp_info *out) CSIM_MUST_CHECK;

/* ---- isolation ----------------------------------------------------------
 * Runs fn in a child process. What fn hands to csim_emit() comes back as the result's
 * bytes. Whatever happens in the child - exit, abort, crash, endless loop - the caller
 * only gets a status and a sentence. fn works on a copy of the caller's memory and
 * creates its own simulation; the caller must have none open when it starts a child.
 * stdout is shared, stderr is collected.
 */
typedef struct csim_child csim_child;
typedef struct csim_sink csim_sink;
/* 0 is success. Any other value up to 99 is reported as ERR_FAULT with that number. */
typedef int (*csim_isolated_fn)(void *arg, csim_sink *out);
/* False when the parent is gone or its limit is reached: then the child should end. */
bool csim_emit(csim_sink *out, const void *data, size_t len);

struct csim_isolated_options {
    uint64_t timeout_ms; /* of real time; 0: none */
    size_t max_bytes;    /* of output; 0: 1 GiB */
};

struct csim_result {
    csim_status status; /* OK, ERR_FAULT, ERR_TIMEOUT, ERR_SYSTEM, ERR_MEMORY */
    int exit_code;      /* what fn returned, else -1 */
    int signal;         /* that ended the child, else 0 */
    uint8_t *bytes;     /* what was emitted, also before a fault */
    size_t len;
    char text[2048]; /* what happened, with the last words on stderr */
};

/* Start, wait, collect. options NULL: no limits. The result is to be freed with csim_result_free(). */
csim_status csim_isolated(csim_isolated_fn fn, void *arg, const struct csim_isolated_options *options,
                          struct csim_result *out) CSIM_MUST_CHECK;
/* The same in parts, for several at once: start some, wait for whichever ends first, collect it. */
csim_status csim_isolated_start(csim_isolated_fn fn, void *arg, const struct csim_isolated_options *options,
                                csim_child **out) CSIM_MUST_CHECK;
/* Index of a child that has ended (blocks until there is one). NULL entries are skipped; -1 if all are NULL.
 */
int csim_isolated_wait(csim_child *const *children, size_t n);
/* Waits for that child if need be, frees it, fills the result. Returns its status. */
csim_status csim_isolated_collect(csim_child *child, struct csim_result *out) CSIM_MUST_CHECK;
void csim_result_free(struct csim_result *r);

#ifdef __cplusplus
}
#endif
#endif
