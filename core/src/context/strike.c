/* SPDX-License-Identifier: BSD-2-Clause */
#include "context/strike.h"

#include <string.h>

csep_status strike_init(struct strike *s, size_t entries, struct csep_alloc alloc, csep_time now)
{
    *s = (struct strike){.most = entries, .slots = 16, .turned = now};
    while (s->slots < 2 * entries)
        s->slots *= 2;
    for (unsigned i = 0; i < 2; i++) {
        s->mark[i] = alloc.get(alloc.self, s->slots * sizeof(uint64_t));
        if (!s->mark[i]) {
            strike_free(s, alloc);
            return CSEP_ERR_MEMORY;
        }
        memset(s->mark[i], 0, s->slots * sizeof(uint64_t));
    }
    return CSEP_OK;
}

void strike_free(struct strike *s, struct csep_alloc alloc)
{
    for (unsigned i = 0; i < 2; i++)
        if (s->mark[i])
            alloc.put(alloc.self, s->mark[i], s->slots * sizeof(uint64_t));
    *s = (struct strike){0};
}

static void clear(struct strike *s, unsigned table)
{
    if (s->num[table])
        memset(s->mark[table], 0, s->slots * sizeof(uint64_t));
    s->num[table] = 0;
}

static void turn(struct strike *s, csep_time now)
{
    if (now < s->turned || now - s->turned < STRIKE_WINDOW)
        return;
    if (now - s->turned >= 2 * STRIKE_WINDOW)
        clear(s, s->current); /* everything is old */
    s->current ^= 1;
    clear(s, s->current);
    s->turned = now;
}

/* The place of the mark in a table, or the empty one where it would go. Half of the places are empty at
 * least. */
static uint64_t *place(const struct strike *s, unsigned table, uint64_t mark)
{
    size_t i = mark & (s->slots - 1);
    while (s->mark[table][i] && s->mark[table][i] != mark)
        i = (i + 1) & (s->slots - 1);
    return &s->mark[table][i];
}

bool strike_seen(struct strike *s, uint64_t mark, csep_time now)
{
    turn(s, now);
    return *place(s, 0, mark) || *place(s, 1, mark);
}

bool strike_full(struct strike *s, csep_time now)
{
    turn(s, now);
    return s->num[s->current] >= s->most;
}

bool strike_add(struct strike *s, uint64_t mark, csep_time now)
{
    if (strike_seen(s, mark, now) || strike_full(s, now))
        return false;
    *place(s, s->current, mark) = mark;
    s->num[s->current]++;
    return true;
}

size_t strike_memory(const struct strike *s)
{
    return 2 * s->slots * sizeof(uint64_t);
}
