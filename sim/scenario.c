/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scenario.h"

#include <stdio.h>
#include <string.h>

#define MS        UINT64_C(1000000)
#define SEC       UINT64_C(1000000000)
#define FAULT(m)  offsetof(struct sim_fault, m)
#define EXPECT(m) offsetof(struct sim_expect, m)
#define IN(m)     offsetof(struct sim_scenario, m)

static const struct sim_key fault_keys[] = {
    {"what", SIM_CHOICE, FAULT(what), 0, 0, "drop|duplicate|delay|block|down", NULL, "what happens", NULL},
    {"direction", SIM_CHOICE, FAULT(direction), 0, 0, "to-server|to-client|both", "both",
     "to packets that go there", NULL},
    {"packet", SIM_UINT, FAULT(packet), 0, 1000000, NULL, "0",
     "to the n-th packet since the start; 0: to all that match", NULL},
    {"csep", SIM_TEXT, FAULT(csep), 0, 0, NULL, "",
     "to csep packets of this type: OPEN, ACCEPT, REFUSE, RETRY or short", NULL},
    {"protocol", SIM_CHOICE, FAULT(protocol), 0, 0, "udp|tcp", "udp", "block: which protocol", NULL},
    {"from", SIM_TIME, FAULT(from), 0, 86400 * SEC, NULL, "0",
     "begins so long after the application's send call", NULL},
    {"until", SIM_TIME, FAULT(until), 0, 86400 * SEC, NULL, "24h", "ends so long after it", NULL},
    {"extra", SIM_TIME, FAULT(extra), 0, 60 * SEC, NULL, "0", "delay, duplicate: by how much", NULL},
    {"rows", SIM_NAMES, FAULT(rows), 0, SIM_NAMES_MAX, SIM_ROW_IDS, "", "only in these rows", NULL},
    {0},
};
static const struct sim_table fault_table = {"fault", sizeof(struct sim_fault), fault_keys};

static const struct sim_key expect_keys[] = {
    {"row", SIM_TEXT, EXPECT(row), 0, 0, NULL, NULL, "which row", NULL},
    {"delay", SIM_TERM, EXPECT(delay), 0, 0, NULL, "", "from the send call to the first byte that is of use",
     NULL},
    {"ttfb", SIM_TERM, EXPECT(ttfb), 0, 0, NULL, "", "from the send call to the first byte of the reply",
     NULL},
    {"last", SIM_TERM, EXPECT(last), 0, 0, NULL, "", "from the send call to the last byte of the reply",
     NULL},
    {"verdict", SIM_TEXT, EXPECT(verdict), 0, 0, NULL, "", "the verdict on the claim, word by word", NULL},
    {0},
};
static const struct sim_table expect_table = {"expectation", sizeof(struct sim_expect), expect_keys};

static const struct sim_key keys[] = {
    {"question", SIM_TEXT, IN(question), 0, 0, NULL, NULL, "what the scenario asks", NULL},
    {"claims", SIM_NAMES, IN(claims), 1, 16, NULL, NULL, "claims of the draft that it tests: C22", NULL},
    {"note", SIM_TEXT, IN(note), 0, 0, NULL, "", "what a reader of the results should know", NULL},
    {"rows", SIM_NAMES, IN(rows), 1, SIM_NAMES_MAX, SIM_ROW_IDS, NULL,
     "what is compared; `csep-sim help rows`", NULL},
    {"baseline", SIM_TEXT, IN(baseline), 0, 0, NULL, "B1", "row that csep without a context is judged by",
     NULL},

    {"network.rtt", SIM_TIME, IN(config.network.rtt), 1000, 60 * SEC, NULL, "50ms",
     "round trip without serialisation, an even number of ns", NULL},
    {"network.rate", SIM_RATE, IN(config.network.rate), 1000, 1000 * SEC, NULL, "1Gbps",
     "of the link, each way", NULL},
    {"network.loss", SIM_REAL, IN(config.network.loss), 0, 1, NULL, "0", "probability for each packet", NULL},
    {"network.jitter", SIM_TIME, IN(config.network.jitter), 0, 10 * SEC, NULL, "0",
     "most extra delay of a packet, uniform, order kept", NULL},
    {"network.queue", SIM_UINT, IN(config.network.queue), 1, 1000000, NULL, "1000",
     "packets that wait for the wire", NULL},
    {"network.mtu", SIM_BYTES, IN(config.network.mtu), 1280, 9000, NULL, "1500", "bytes of an IP packet",
     NULL},
    {"network.ip", SIM_UINT, IN(config.network.ip), 4, 6, NULL, "4", "version: 4 or 6", NULL},
    {"tcp.initial_cwnd", SIM_UINT, IN(config.tcp.initial_cwnd), 1, 100, NULL, "10", "segments", NULL},
    {"tcp.delayed_ack", SIM_TIME, IN(config.tcp.delayed_ack), 0, SEC, NULL, "200ms",
     "longest wait of an acknowledgement", NULL},
    {"tcp.connect_timeout", SIM_TIME, IN(config.tcp.connect_timeout), 10 * MS, 60 * SEC, NULL, "1s",
     "of the first SYN", NULL},

    {"hosts.server.certificate", SIM_BYTES, IN(config.server.certificate), 0, 12288, NULL, "0",
     "X.509 certificate of at least so many bytes; 0: csep uses a raw public key, others the smallest "
     "certificate",
     NULL},
    {"hosts.server.tickets", SIM_UINT, IN(config.server.tickets), 2, 32, NULL, "8", "in each grant", NULL},
    {"hosts.server.lifetime", SIM_TIME, IN(config.server.lifetime), SEC, 604800 * SEC, NULL, "24h",
     "of a context, whole seconds", NULL},
    {"hosts.server.upgrade", SIM_BOOL, IN(config.server.upgrade), 0, 0, NULL, "true",
     "offer the X25519 upgrade", NULL},

    {"workload.kind", SIM_CHOICE, IN(config.workload.kind), 0, 0, "request|visits", "request",
     "one request and its reply, or visits that come at random", NULL},
    {"workload.request", SIM_BYTES, IN(config.workload.request), 1, 1000, NULL, "100", "of the application",
     NULL},
    {"workload.reply", SIM_BYTES, IN(config.workload.reply), 1, 1000000, NULL, "500", "of the application",
     NULL},
    {"workload.visits", SIM_UINT, IN(config.workload.visits), 1, 100000, NULL, "400", "how many", NULL},
    {"workload.load", SIM_REAL, IN(config.workload.load), 0, 1000, NULL, "1",
     "visits: how many, on average, in one lifetime of a context", NULL},
    {"workload.zero_rtt", SIM_UINT, IN(config.workload.zero_rtt), 0, 100, NULL, "0",
     "visits over QUIC: per cent of them that can use 0-RTT", NULL},

    {"policy.fallback", SIM_TIME, IN(config.policy.fallback), MS, 60 * SEC, NULL, "250ms",
     "UDP without an answer: go on with TCP after this", NULL},
    {"policy.refresh", SIM_CHOICE, IN(config.policy.refresh), 0, 0, "never|use", "never",
     "renew a context: never before it expires, or at every use", NULL},
    {"policy.age", SIM_TIME, IN(config.policy.age), SEC, 604800 * SEC, NULL, "5s",
     "of the context when the application sends", NULL},
    {"policy.carry_rtt", SIM_BOOL, IN(config.policy.carry_rtt), 0, 0, NULL, "true",
     "data connections start with the negotiation's RTT sample", NULL},

    {"faults", SIM_ITEMS, IN(faults), 0, 32, NULL, "", "what goes wrong, a list of", &fault_table},
    {"sweep", SIM_SWEEP, IN(sweep), 0, 0, NULL, "", "keys of this table that take several values", NULL},
    {"measures", SIM_NAMES, IN(measures), 0, 8, "delay|ttfb|last|bytes|packets|hit_ratio", "",
     "what to show in the table", NULL},
    {"expect", SIM_ITEMS, IN(expect), 0, SIM_NAMES_MAX, NULL, "", "what should come out, a list of",
     &expect_table},
    {0},
};
const struct sim_table sim_scenario_table = {"scenario", sizeof(struct sim_scenario), keys};

bool sim_scenario_load(const char *file, struct sim_scenario *out, struct sim_problems *p)
{
    p->file = file;
    if (sim_schema_load(&sim_scenario_table, file, out, p))
        sim_scenario_check(out, p);
    snprintf(out->file, sizeof out->file, "%s", file);
    return p->num == 0;
}

void sim_scenario_free(struct sim_scenario *s)
{
    sim_schema_free(&sim_scenario_table, s);
}

bool sim_scenario_set(struct sim_scenario *s, const char *path, const char *value, char *err, size_t cap)
{
    if (!sim_schema_set(&sim_scenario_table, s, path, value, err, cap))
        return false;
    for (size_t i = 0; i < s->sweep.num; i++)
        if (!strcmp(s->sweep.v[i].key, path)) {
            memmove(&s->sweep.v[i], &s->sweep.v[i + 1], (s->sweep.num - i - 1) * sizeof s->sweep.v[0]);
            s->sweep.num--;
            break;
        }
    return true;
}

size_t sim_scenario_combinations(const struct sim_scenario *s)
{
    size_t n = 1;
    for (size_t i = 0; i < s->sweep.num; i++)
        n *= s->sweep.v[i].values.num;
    return n;
}

/* The last key changes fastest. */
const char *sim_scenario_swept(const struct sim_scenario *s, size_t i, size_t axis)
{
    for (size_t a = s->sweep.num - 1; a > axis; a--)
        i /= s->sweep.v[a].values.num;
    return s->sweep.v[axis].values.v[i % s->sweep.v[axis].values.num];
}

void sim_scenario_combination(const struct sim_scenario *s, size_t i, struct sim_config *out)
{
    static struct sim_scenario scratch; /* large */
    char err[256];
    scratch = *s;
    for (size_t a = 0; a < s->sweep.num; a++)
        (void)sim_schema_set(&sim_scenario_table, &scratch, s->sweep.v[a].key, sim_scenario_swept(s, i, a),
                             err, sizeof err); /* was checked when it was loaded */
    *out = scratch.config;
}

const struct sim_expect *sim_scenario_expect(const struct sim_scenario *s, const char *row)
{
    const struct sim_expect *e = s->expect.v;
    for (size_t i = 0; i < s->expect.num; i++)
        if (!strcmp(e[i].row, row))
            return &e[i];
    return NULL;
}
