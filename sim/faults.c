/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "faults.h"

#include <stdlib.h>
#include <string.h>

#include "dissect.h"

#define FAULTS_MAX 32 /* as many as the scenario's table allows */

struct armed {
    struct sim_world *w;
    const struct sim_fault *fault;
    uint64_t send_at;
};

/* One filter for a direction: a packet passes when every fault lets it. */
struct filter {
    const struct armed *a[FAULTS_MAX];
    size_t num;
};

/* What the simulation's callbacks point to. */
struct sim_faults {
    struct armed armed[FAULTS_MAX];
    size_t num;
    struct filter filter[2];
};

static bool applies(const struct sim_fault *f, const char *row)
{
    for (size_t i = 0; i < f->rows.num; i++)
        if (!strcmp(f->rows.v[i], row))
            return true;
    return f->rows.num == 0;
}

static bool concerns(const struct sim_fault *f, int d)
{
    return f->direction == SIM_BOTH || (int)f->direction == d;
}

/* Drops csep packets of one type while the fault lasts. */
static bool pass(const struct armed *a, const uint8_t *ip, size_t len)
{
    struct sim_wire wire;
    uint64_t now = sim_now(a->w);
    if (now < a->send_at + a->fault->from || now >= a->send_at + a->fault->until ||
        !sim_dissect(ip, len, &wire))
        return true;
    const char *type = sim_csep_type(&wire);
    return *a->fault->csep && (!type || strcmp(type, a->fault->csep) != 0);
}

static bool pass_all(void *arg, const uint8_t *ip, size_t len)
{
    const struct filter *f = arg;
    for (size_t i = 0; i < f->num; i++)
        if (!pass(f->a[i], ip, len))
            return false;
    return true;
}

static void block_now(void *arg)
{
    const struct armed *a = arg;
    for (int d = 0; d < 2; d++)
        if (concerns(a->fault, d))
            (void)sim_check(a->w, csim_link_block(a->w->link, d ? CSIM_B_TO_A : CSIM_A_TO_B,
                                                  a->fault->protocol ? 6 : 17, true));
}

static void unblock_now(void *arg)
{
    const struct armed *a = arg;
    for (int d = 0; d < 2; d++)
        if (concerns(a->fault, d))
            (void)sim_check(a->w, csim_link_block(a->w->link, d ? CSIM_B_TO_A : CSIM_A_TO_B,
                                                  a->fault->protocol ? 6 : 17, false));
}

static void at_packet(struct sim_world *w, const struct sim_fault *f)
{
    static const enum csim_fault kinds[] = {CSIM_FAULT_DROP, CSIM_FAULT_DUPLICATE, CSIM_FAULT_DELAY};
    for (int d = 0; d < 2; d++)
        if (concerns(f, d))
            (void)sim_check(w, csim_link_fault(w->link, d ? CSIM_B_TO_A : CSIM_A_TO_B, f->packet,
                                               kinds[f->what], f->extra));
}

static void arm(struct sim_faults *all, struct armed *a)
{
    const struct sim_fault *f = a->fault;
    struct sim_world *w = a->w;
    if (f->what == SIM_FAULT_DOWN) {
        (void)sim_check(w, csim_link_set_up(w->link, a->send_at + f->from, false));
        (void)sim_check(w, csim_link_set_up(w->link, a->send_at + f->until, true));
    } else if (f->what == SIM_FAULT_BLOCK) {
        (void)sim_check(w, csim_at(w->sim, a->send_at + f->from, block_now, a));
        (void)sim_check(w, csim_at(w->sim, a->send_at + f->until, unblock_now, a));
    } else if (f->packet) {
        at_packet(w, f);
    } else {
        for (int d = 0; d < 2; d++)
            if (concerns(f, d))
                all->filter[d].a[all->filter[d].num++] = a;
    }
}

void sim_faults_begin(struct sim_world *w, uint64_t send_at)
{
    const struct sim_fault *f = w->scenario_faults->v;
    w->faults = calloc(1, sizeof *w->faults);
    if (!w->faults)
        abort();
    for (size_t i = 0; i < w->scenario_faults->num; i++)
        if (applies(&f[i], w->row->id)) {
            struct armed *a = &w->faults->armed[w->faults->num++];
            *a = (struct armed){w, &f[i], send_at};
            arm(w->faults, a);
        }
    for (int d = 0; d < 2; d++)
        if (w->faults->filter[d].num)
            (void)sim_check(
                w, csim_link_filter(w->link, d ? CSIM_B_TO_A : CSIM_A_TO_B, pass_all, &w->faults->filter[d]));
}

void sim_faults_free(struct sim_world *w)
{
    free(w->faults);
    w->faults = NULL;
}
