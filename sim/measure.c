/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dissect.h"

void sim_measure_init(struct sim_measure *m, csim_link *link)
{
    *m = (struct sim_measure){.link = link, .send_at = CSEP_NEVER};
}

void sim_measure_free(struct sim_measure *m)
{
    free(m->packets);
    m->packets = NULL;
    m->num = m->cap = 0;
}

void sim_measure_begin(struct sim_measure *m, uint64_t now)
{
    m->send_at = now;
    m->num = 0;
    memset(m->hint, 0, sizeof m->hint);
    m->delay = m->first = m->last = (struct sim_moment){0};
}

void sim_measure_hint(struct sim_measure *m, enum sim_direction d, enum sim_hint_kind kind, uint64_t now,
                      const char *text)
{
    struct sim_hint *h = &m->hint[d][kind];
    if (h->at != now)
        *h->text = 0;
    size_t n = strlen(h->text);
    if (!strstr(h->text, text))
        snprintf(h->text + n, sizeof h->text - n, "%s%s", n ? ", " : "", text);
    h->at = now;
}

/* A bare TCP segment says all by its flags; what its sender named comes with the next one that has bytes. */
static void label(struct sim_measure *m, struct sim_packet *k, const struct csim_packet *p)
{
    struct sim_wire w;
    struct sim_hint *h = m->hint[k->direction];
    char *before = h[SIM_HINT_NEGOTIATION].text, *other = h[SIM_HINT_OTHER].text;
    if (!sim_dissect(p->ip, p->len, &w)) {
        snprintf(k->label, sizeof k->label, "?");
        return;
    }
    sim_describe(&w, k->label, sizeof k->label);
    const char *csep = sim_csep_type(&w);
    if (!w.len || !(*other || (*before && !csep)))
        return;
    if (csep || (w.protocol == 17 && *other)) {
        snprintf(k->label, sizeof k->label, "%s%s%s", csep ? csep : "", csep ? ": " : "", other);
    } else {
        snprintf(k->label, sizeof k->label, "%s%s%s", before, *before && *other ? ", " : "", other);
        *before = 0;
    }
    *other = 0;
}

static struct sim_packet *find_number(struct sim_measure *m, enum sim_direction d, uint64_t number)
{
    for (size_t i = m->num; i-- > 0;)
        if (m->packets[i].direction == d && m->packets[i].number == number)
            return &m->packets[i];
    return NULL;
}

static void packet_sent(struct sim_measure *m, const struct csim_packet *p)
{
    if (m->num == m->cap) {
        m->cap = m->cap ? 2 * m->cap : 64;
        m->packets = realloc(m->packets, m->cap * sizeof *m->packets);
        if (!m->packets)
            abort();
    }
    struct sim_packet *k = &m->packets[m->num++];
    *k = (struct sim_packet){.sent = p->time,
                             .airtime = csim_link_airtime(p->link, (uint32_t)p->len),
                             .number = p->number,
                             .len = (uint32_t)p->len,
                             .direction = p->dir == CSIM_A_TO_B ? SIM_UP : SIM_DOWN};
    label(m, k, p);
}

void sim_measure_packet(struct sim_measure *m, const struct csim_packet *p)
{
    struct sim_packet *k;
    if (m->send_at == CSEP_NEVER || p->link != m->link)
        return;
    if (p->what == CSIM_SENT) {
        packet_sent(m, p);
        return;
    }
    k = find_number(m, p->dir == CSIM_A_TO_B ? SIM_UP : SIM_DOWN, p->number);
    if (k && p->what == CSIM_RECEIVED && !k->received)
        k->received = p->time;
    else if (k && p->what == CSIM_LOST)
        k->lost = true;
}

static const struct sim_packet *arrival(const struct sim_measure *m, enum sim_direction d, uint64_t t)
{
    for (size_t i = m->num; i-- > 0;)
        if (m->packets[i].direction == d && m->packets[i].received == t)
            return &m->packets[i];
    return NULL;
}

static const struct sim_packet *ahead_in_queue(const struct sim_measure *m, enum sim_direction d, uint64_t t)
{
    for (size_t i = m->num; i-- > 0;)
        if (m->packets[i].direction == d && m->packets[i].sent + m->packets[i].airtime == t)
            return &m->packets[i];
    return NULL;
}

/* Walks back from time t at the end that sends in direction d. */
static struct sim_path causes(const struct sim_measure *m, enum sim_direction d, uint64_t t)
{
    struct sim_path path = {0};
    const struct sim_packet *k;
    while (t > m->send_at) {
        if ((k = arrival(m, d == SIM_UP ? SIM_DOWN : SIM_UP, t))) {
            path.trips++;
            d = d == SIM_UP ? SIM_DOWN : SIM_UP;
        } else if (!(k = ahead_in_queue(m, d, t))) {
            path.wait_ns = t - m->send_at;
            return path;
        }
        path.airtime_ns += k->airtime;
        t = k->sent;
    }
    return path;
}

void sim_measure_request_arrived(struct sim_measure *m, uint64_t now)
{
    const struct sim_packet *k = arrival(m, SIM_UP, now);
    if (m->delay.happened || !k)
        return;
    m->delay = (struct sim_moment){true, k->sent - m->send_at, causes(m, SIM_UP, k->sent)};
}

void sim_measure_reply_arrived(struct sim_measure *m, uint64_t now, bool last)
{
    struct sim_moment here = {true, now - m->send_at, causes(m, SIM_UP, now)};
    if (!m->first.happened)
        m->first = here;
    if (last)
        m->last = here;
}
