/* SPDX-License-Identifier: BSD-2-Clause */
#include "context/book.h"

#include <assert.h>
#include <string.h>

#include "crypto/wipe.h"

void book_init(struct book *b, size_t most, struct csep_alloc alloc)
{
    *b = (struct book){.most = most, .mem = {alloc, 0}};
}

static struct book_context *place(const struct book *b, uint32_t index)
{
    return &b->chunks[index / BOOK_CHUNK][index % BOOK_CHUNK];
}

void book_wipe(struct book *b)
{
    for (size_t i = 0; i < b->num_chunks; i++) {
        csep_wipe(b->chunks[i], BOOK_CHUNK * sizeof(struct book_context));
        mem_put(&b->mem, b->chunks[i], BOOK_CHUNK * sizeof(struct book_context));
    }
    mem_put(&b->mem, b->chunks, b->cap_chunks * sizeof(struct book_context *));
    mem_put(&b->mem, b->free, b->cap_chunks * BOOK_CHUNK * sizeof *b->free);
    mem_put(&b->mem, b->by_handle, b->slots * sizeof *b->by_handle);
    timers_wipe(&b->expiry, &b->mem);
    *b = (struct book){0};
}

/* ---- Index by handle ---- */

/* Handles are drawn at random by this server, so any part of one is a hash. */
static size_t home(const struct book *b, const uint8_t handle[CSEP_HANDLE_LEN])
{
    uint64_t h;
    memcpy(&h, handle, sizeof h);
    return h & (b->slots - 1);
}

static void index_put(struct book *b, const struct book_context *c)
{
    size_t i = home(b, c->handle);
    while (b->by_handle[i])
        i = (i + 1) & (b->slots - 1);
    b->by_handle[i] = c->index + 1;
}

/* Close the gap, so that no search stops too early. */
static void index_remove(struct book *b, const struct book_context *c)
{
    size_t mask = b->slots - 1, gap = home(b, c->handle);
    while (b->by_handle[gap] != c->index + 1)
        gap = (gap + 1) & mask;
    for (size_t i = (gap + 1) & mask; b->by_handle[i]; i = (i + 1) & mask) {
        size_t wants = home(b, place(b, b->by_handle[i] - 1)->handle);
        if (((i - wants) & mask) >= ((i - gap) & mask)) {
            b->by_handle[gap] = b->by_handle[i];
            gap = i;
        }
    }
    b->by_handle[gap] = 0;
}

struct book_context *book_find(const struct book *b, const uint8_t handle[CSEP_HANDLE_LEN])
{
    if (!b->slots)
        return NULL;
    for (size_t i = home(b, handle); b->by_handle[i]; i = (i + 1) & (b->slots - 1)) {
        struct book_context *c = place(b, b->by_handle[i] - 1);
        if (!memcmp(c->handle, handle, CSEP_HANDLE_LEN))
            return c;
    }
    return NULL;
}

struct book_context *book_at(const struct book *b, uint32_t index, uint32_t generation)
{
    if (index / BOOK_CHUNK >= b->num_chunks)
        return NULL;
    struct book_context *c = place(b, index);
    return c->live && c->generation == generation ? c : NULL;
}

/* ---- By last use ---- */

static void unlink_use(struct book *b, const struct book_context *c)
{
    *(c->newer ? &place(b, c->newer - 1)->older : &b->newest) = c->older;
    *(c->older ? &place(b, c->older - 1)->newer : &b->oldest) = c->newer;
}

static void link_use(struct book *b, struct book_context *c)
{
    c->newer = 0;
    c->older = b->newest;
    *(b->newest ? &place(b, b->newest - 1)->newer : &b->oldest) = c->index + 1;
    b->newest = c->index + 1;
}

void book_touch(struct book *b, struct book_context *c)
{
    if (b->newest == c->index + 1)
        return;
    unlink_use(b, c);
    link_use(b, c);
}

/* ---- Growth: each step leaves everything consistent when memory runs out ---- */

static csep_status grow_index(struct book *b)
{
    size_t old = b->slots, slots = old ? 2 * old : 64;
    uint32_t *before = b->by_handle, *table;
    if (2 * (b->num + 1) <= old)
        return CSEP_OK;
    table = mem_get(&b->mem, slots * sizeof *table);
    if (!table)
        return CSEP_ERR_MEMORY;
    memset(table, 0, slots * sizeof *table);
    b->by_handle = table;
    b->slots = slots;
    for (size_t i = 0; i < old; i++)
        if (before[i])
            index_put(b, place(b, before[i] - 1));
    mem_put(&b->mem, before, old * sizeof *before);
    return CSEP_OK;
}

static csep_status grow_lists(struct book *b)
{
    size_t cap = b->cap_chunks ? 2 * b->cap_chunks : 4;
    if (b->num_chunks < b->cap_chunks)
        return CSEP_OK;
    struct book_context **chunks = mem_get(&b->mem, cap * sizeof(struct book_context *));
    uint32_t *unused = mem_get(&b->mem, cap * BOOK_CHUNK * sizeof *unused);
    if (!chunks || !unused) {
        mem_put(&b->mem, chunks, cap * sizeof(struct book_context *));
        mem_put(&b->mem, unused, cap * BOOK_CHUNK * sizeof *unused);
        return CSEP_ERR_MEMORY;
    }
    if (b->num_chunks)
        memcpy(chunks, b->chunks, b->num_chunks * sizeof(struct book_context *));
    if (b->num_free)
        memcpy(unused, b->free, b->num_free * sizeof *unused);
    mem_put(&b->mem, b->chunks, b->cap_chunks * sizeof(struct book_context *));
    mem_put(&b->mem, b->free, b->cap_chunks * BOOK_CHUNK * sizeof *b->free);
    b->chunks = chunks;
    b->free = unused;
    b->cap_chunks = cap;
    return CSEP_OK;
}

static csep_status grow_places(struct book *b)
{
    if (b->num_free)
        return CSEP_OK;
    csep_status st = grow_lists(b);
    if (st)
        return st;
    struct book_context *chunk = mem_get(&b->mem, BOOK_CHUNK * sizeof *chunk);
    if (!chunk)
        return CSEP_ERR_MEMORY;
    memset(chunk, 0, BOOK_CHUNK * sizeof *chunk);
    for (uint32_t i = BOOK_CHUNK; i-- > 0;)
        b->free[b->num_free++] = (uint32_t)(b->num_chunks * BOOK_CHUNK + i);
    b->chunks[b->num_chunks++] = chunk;
    return CSEP_OK;
}

static csep_status make_room(struct book *b)
{
    if (b->num >= b->most)
        book_remove(b, place(b, b->oldest - 1)); //= CTX-22
    csep_status st = grow_places(b);
    if (!st)
        st = grow_index(b);
    return st;
}

/* ---- Contexts ---- */

csep_status book_add(struct book *b, const uint8_t handle[CSEP_HANDLE_LEN], csep_time expires,
                     struct book_context **out)
{
    csep_status st = make_room(b);
    if (st)
        return st;
    uint32_t index = b->free[--b->num_free];
    struct book_context *c = place(b, index);
    uint32_t generation = c->generation + 1;
    memset(c, 0, sizeof *c);
    c->index = index;
    c->generation = generation ? generation : 1;
    c->live = true;
    memcpy(c->handle, handle, sizeof c->handle);
    if (!timers_set(&b->expiry, &b->mem, &c->expiry, expires)) {
        c->live = false;
        b->free[b->num_free++] = index;
        return CSEP_ERR_MEMORY;
    }
    index_put(b, c);
    link_use(b, c);
    b->num++;
    *out = c;
    return CSEP_OK;
}

void book_set_expiry(struct book *b, struct book_context *c, csep_time expires)
{
    bool done = timers_set(&b->expiry, &b->mem, &c->expiry, expires);
    assert(done); /* it is in the heap, and moving needs no memory */
    (void)done;
}

void book_remove(struct book *b, struct book_context *c)
{
    uint32_t index = c->index, generation = c->generation;
    index_remove(b, c);
    unlink_use(b, c);
    timers_remove(&b->expiry, &b->mem, &c->expiry);
    CSEP_WIPE(*c);
    c->generation = generation; /* outlives the context: old tickets never fit the next one */
    b->free[b->num_free++] = index;
    b->num--;
}

void book_expire(struct book *b, csep_time now)
{
    for (struct timer_node *n; (n = timers_first(&b->expiry)) != NULL && n->at <= now;)
        book_remove(b, (struct book_context *)(void *)n);
}

/* ---- Slots ---- */

static bool in_window(const struct book_context *c, uint32_t slot)
{
    return slot < c->issued && c->issued - slot <= BOOK_SLOTS;
}

uint32_t book_issue(struct book_context *c)
{
    assert(c->issued < UINT32_MAX);
    uint32_t slot = c->issued++;
    c->spent[slot % BOOK_SLOTS / 8] &= (uint8_t) ~(1u << (slot % 8));
    return slot;
}

bool book_spent(const struct book_context *c, uint32_t slot)
{
    return !in_window(c, slot) || c->spent[slot % BOOK_SLOTS / 8] >> (slot % 8) & 1;
}

void book_spend(struct book_context *c, uint32_t slot)
{
    c->spent[slot % BOOK_SLOTS / 8] |= (uint8_t)(1u << (slot % 8));
}

unsigned book_open_slots(const struct book_context *c)
{
    unsigned num = c->issued < BOOK_SLOTS ? c->issued : BOOK_SLOTS;
    for (unsigned i = 0; i < sizeof c->spent; i++)
        for (unsigned b = c->spent[i]; b; b &= b - 1)
            num--;
    return num;
}
