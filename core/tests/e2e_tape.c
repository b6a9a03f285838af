/* SPDX-License-Identifier: BSD-2-Clause */
#include "e2e_tape.h"

static enum net_fault listen(struct e2e *w, unsigned n, enum net_way way, uint8_t *p, size_t *len)
{
    struct tape *t = w->judge_self;
    (void)n;
    t->refusals += way == NET_DOWN && packet_type(p, *len) == CSEP_PKT_REFUSE;
    if (t->num < TAPE_MOST) {
        t->at[t->num].way = way;
        t->at[t->num].len = *len;
        memcpy(t->at[t->num++].b, p, *len);
    }
    return NET_PASS;
}

void tape_begin(struct e2e *w, struct tape *t)
{
    *t = (struct tape){.at = calloc(TAPE_MOST, sizeof *t->at)};
    assert_non_null(t->at);
    tape_resume(w, t);
}

void tape_pause(struct e2e *w)
{
    w->judge = NULL;
}

void tape_resume(struct e2e *w, struct tape *t)
{
    w->judge = listen;
    w->judge_self = t;
}

void tape_end(struct e2e *w, struct tape *t)
{
    tape_pause(w);
    free(t->at);
}

int tape_find(const struct tape *t, enum net_way way, int type)
{
    for (unsigned i = 0; i < t->num; i++)
        if (t->at[i].way == way && packet_type(t->at[i].b, t->at[i].len) == type)
            return (int)i;
    return -1;
}

void tape_play(struct e2e *w, const struct tape *t, unsigned to, const struct csep_addr *from)
{
    for (unsigned i = 0; i < t->num; i++)
        if (t->at[i].way == NET_UP)
            e2e_inject(w, NET_UP, from, &w->server[to].addr, t->at[i].b, t->at[i].len, w->delay);
}

void e2e_begin_mature(struct e2e *w, enum csep_grantor_mode mode)
{
    e2e_init(w, 11);
    for (unsigned i = 0; i < E2E_SERVERS; i++)
        w->server[i].grantor_cfg.mode = mode;
    e2e_start(w);
    w->now += CSEP_SEC(20);
}
