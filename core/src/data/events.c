/* SPDX-License-Identifier: BSD-2-Clause */
#include "data/events.h"

#include <string.h>

#include "crypto/wipe.h"

void events_init(struct events *e)
{
    memset(e, 0, sizeof *e);
    e->last = &e->first;
}

void events_wipe(struct events *e, struct mem *m)
{
    events_release(e, m);
    while (e->first) {
        struct event_node *n = e->first;
        e->first = n->next;
        event_node_free(m, n);
    }
    events_init(e);
}

struct event_node *event_node_new(struct mem *m, size_t cap)
{
    struct event_node *n = mem_get(m, sizeof *n + cap);
    if (n) {
        memset(n, 0, sizeof *n);
        n->cap = cap;
    }
    return n;
}

void event_node_free(struct mem *m, struct event_node *n)
{
    size_t size = sizeof *n + n->cap;
    csep_wipe(n->bytes, n->len);
    mem_put(m, n, size);
}

void events_push(struct events *e, struct event_node *n)
{
    n->next = NULL;
    *e->last = n;
    e->last = &n->next;
    e->held += sizeof *n + n->cap;
}

void events_release(struct events *e, struct mem *m)
{
    if (e->given)
        event_node_free(m, e->given);
    e->given = NULL;
}

static bool take_condition(struct events *e, enum csep_data_event_type t, struct csep_data_event *out)
{
    if (!(e->pending >> t & 1))
        return false;
    e->pending &= ~(UINT32_C(1) << t);
    out->type = t;
    return true;
}

static bool take_node(struct events *e, struct csep_data_event *out)
{
    struct event_node *n = e->first;
    if (!n)
        return false;
    e->first = n->next;
    if (!e->first)
        e->last = &e->first;
    e->given = n;
    e->held -= sizeof *n + n->cap;
    *out = (struct csep_data_event){.type = n->type,
                                    .early = n->early,
                                    .ordered = n->ordered,
                                    .id = n->value,
                                    .code = n->code,
                                    .value = n->value,
                                    .channel = n->channel,
                                    .sequence = n->sequence,
                                    .bytes = n->bytes,
                                    .len = n->len};
    return true;
}

bool events_next(struct events *e, struct mem *m, struct csep_data_event *out)
{
    events_release(e, m);
    memset(out, 0, sizeof *out);
#define TELL(t)                                                                                              \
    if (CSEP_DATA_EV_##t == CSEP_DATA_EV_WRITABLE && take_node(e, out))                                      \
        return true;                                                                                         \
    if (take_condition(e, CSEP_DATA_EV_##t, out))                                                            \
        return true;
    EVENT_CONDITION_LIST(TELL)
#undef TELL
    return false;
}
