/* SPDX-License-Identifier: BSD-2-Clause */
/* How many negotiations at a time, in all and for each network prefix: a table of counters that never grows.
 */
#include <assert.h>
#include <string.h>

#include "base/prefix.h"
#include "crypto/siphash.h"
#include "csep/negotiate.h"

/* At most half full, so that every search ends soon. */
struct counter {
    struct prefix prefix;
    uint32_t num; /* 0: empty */
};

struct csep_gate {
    struct csep_gate_config cfg;
    struct siphash_key key; /* nobody can aim at one place of the table */
    struct counter *table;
    size_t slots, num;
};

struct csep_gate_config csep_gate_config_default(void)
{
    return (struct csep_gate_config){
        .max_connections = 1000, .max_per_prefix = 50, .prefix_v4 = 24, .prefix_v6 = 56};
}

size_t csep_gate_size(void)
{
    return sizeof(struct csep_gate);
}

csep_status csep_gate_init(struct csep_gate *g, const struct csep_gate_config *cfg)
{
    if (!cfg->max_connections || cfg->max_connections > UINT32_MAX / 4 || !cfg->max_per_prefix ||
        cfg->prefix_v4 > 32 || cfg->prefix_v6 > 128)
        return CSEP_ERR_VALUE;
    *g = (struct csep_gate){.cfg = *cfg, .slots = 16};
    while (g->slots < 2 * cfg->max_connections)
        g->slots *= 2;
    g->table = cfg->alloc.get(cfg->alloc.self, g->slots * sizeof *g->table);
    if (!g->table)
        return CSEP_ERR_MEMORY;
    memset(g->table, 0, g->slots * sizeof *g->table);
    cfg->random.fill(cfg->random.self, (uint8_t *)&g->key, sizeof g->key);
    return CSEP_OK;
}

void csep_gate_wipe(struct csep_gate *g)
{
    if (g->table)
        g->cfg.alloc.put(g->cfg.alloc.self, g->table, g->slots * sizeof *g->table);
    *g = (struct csep_gate){.slots = 0};
}

size_t csep_gate_count(const struct csep_gate *g)
{
    return g->num;
}

/* ---- The table ---- */

static size_t home(const struct csep_gate *g, const struct prefix *p)
{
    return siphash(&g->key, p->b, sizeof p->b) & (g->slots - 1);
}

/* The counter of the prefix, or the empty place where it would be. */
static struct counter *find(const struct csep_gate *g, const struct prefix *p)
{
    size_t i = home(g, p);
    while (g->table[i].num && memcmp(g->table[i].prefix.b, p->b, sizeof p->b) != 0)
        i = (i + 1) & (g->slots - 1);
    return &g->table[i];
}

/* Close the gap that an emptied counter leaves, so that no search stops too early. */
static void close_gap(struct csep_gate *g, size_t gap)
{
    size_t mask = g->slots - 1;
    for (size_t i = (gap + 1) & mask; g->table[i].num; i = (i + 1) & mask) {
        size_t wants = home(g, &g->table[i].prefix);
        if (((i - wants) & mask) >= ((i - gap) & mask)) {
            g->table[gap] = g->table[i];
            g->table[i].num = 0;
            gap = i;
        }
    }
}

bool csep_gate_enter(struct csep_gate *g, const struct csep_addr *client)
{
    struct prefix p = prefix_of(client, g->cfg.prefix_v4, g->cfg.prefix_v6);
    struct counter *c = find(g, &p);
    if (g->num >= g->cfg.max_connections || c->num >= g->cfg.max_per_prefix)
        return false; //= NEG-62
    c->prefix = p;
    c->num++;
    g->num++;
    return true;
}

void csep_gate_leave(struct csep_gate *g, const struct csep_addr *client)
{
    struct prefix p = prefix_of(client, g->cfg.prefix_v4, g->cfg.prefix_v6);
    struct counter *c = find(g, &p);
    assert(c->num && g->num);
    g->num--;
    if (--c->num == 0)
        close_gap(g, (size_t)(c - g->table));
}
